"""A plan for a terminal, made from its JSON alone. Ids only: neither logins nor names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ispctl.gates import Closed
from ispctl.report import _closing as closing
from ispctl.report._people import CAUSES, Line, explained, lines, logins, verdict
from ispctl.report._rows import Row, counted, rows
from ispctl.report._stops import announcement, stops, switches
from ispctl.report._words import clean, masked, sentence, short, with_offset, wrapped
from ispctl.report.shapes import PlanJson

MOST_LINES = 200
MOST_ROWS = 20


def render(
    plan: PlanJson,
    *,
    closed: Sequence[Closed] = (),
    held: Collection[str] = (),
    until: str | None = None,
    width: int = 100,
    next_command: str = "",
) -> str:
    """The plan as plain text, wrapped at `width`, ending with what to type next.

    closed, held: gates that refuse it, and the ids of the changes that wait. until: when the clock changes something
    next, as RFC 3339. next_command: instead of the usual one.
    """
    parts = [_heading(plan)]
    if closing.is_empty(plan):
        parts.append([closing.nothing(plan, until)])
    else:
        parts += [
            [f"{_upper(verdict(plan))}."] if plan["services"] or plan["changes"] else [],
            explained(plan),
            *_people(plan),
        ]
        parts += [_rows(plan), _gates(plan, closed, held), _unread(plan)]
    parts += [[*switches(plan)], [*stops(plan["stops"], logins(plan))], announcement(plan)]
    if plan["assumes"]:
        parts.append(["Assumed:", *(f"  - {masked(text, logins(plan))}" for text in plan["assumes"])])
    parts.append([f"Next: {next_command or closing.next_command(plan, closed)}"])
    return "\n\n".join("\n".join(wrapped(part, width)) for part in parts if part) + "\n"


def _heading(plan: PlanJson) -> list[str]:
    kind = "Proposed plan" if plan["kind"] == "proposed" else "Live plan"
    against = f" against {short(plan['base'])}" if plan["base"] else ""
    return [f"{kind}: commit {short(plan['commit'])}{against}, at {with_offset(plan['now'])}"]


def _people(plan: PlanJson) -> Iterator[list[str]]:
    for cause, found in lines(plan).items():
        if CAUSES.get(cause, cause):
            yield [f"{CAUSES.get(cause, clean(cause))}:"]
        for turn in ("loses", "changes", "gains"):
            some = [line for line in found if line.turn == turn]
            if some:
                yield [f"WHO {turn.upper()}", *(text for line in some[:MOST_LINES] for text in _line(line))]
            if len(some) > MOST_LINES:
                yield [f"  … and {len(some) - MOST_LINES:,} more, in the JSON"]


def _line(line: Line) -> Iterator[str]:
    yield f"  {line.who}: {line.effect}"
    yield "      " + sentence([line.what, line.session])
    for text, where in line.because:
        yield f"      because: {text}" + (f" ({where})" if where else "")
    if line.sample:
        yield f"      e.g. {', '.join(line.sample)} and {line.count - len(line.sample):,} more"


def _rows(plan: PlanJson) -> list[str]:
    if not plan["changes"]:
        return []
    found = rows(plan)
    more = [f"  … and {len(found) - MOST_ROWS:,} more, in the JSON"] if len(found) > MOST_ROWS else []
    return [f"ROWS: {counted(plan)}", *map(_row, found[:MOST_ROWS]), *more]


def _row(row: Row) -> str:
    fields = f" ({'; '.join(row.fields)})" if row.fields else ""
    return f"  {row.target}: {row.verb} {row.what}{fields}"


def _gates(plan: PlanJson, closed: Sequence[Closed], held: Collection[str]) -> list[str]:
    if not closed:
        return []
    said = [*(f"{closing.gate(one)}. To allow: {one.flag}" for one in closed), *closing.waiting(plan, held)]
    kind, _, rest = closing.refusal(plan).partition(":")
    return [f"{kind.upper()}:{rest}", *(f"  {text}" for text in said)]


def _unread(plan: PlanJson) -> list[str]:
    if not plan["unread"]:
        return []
    hidden = logins(plan)
    found = (f"  {clean(u['target'])}: {clean(u['code'])} {masked(u['text'], hidden)}" for u in plan["unread"])
    return ["NOT READ: nothing is planned there, which does not mean that nothing is to be done", *found]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
