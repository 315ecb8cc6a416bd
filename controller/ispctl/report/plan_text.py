"""A plan for a terminal. Ids only: neither logins nor names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ispctl.gates import Closed
from ispctl.report import _closing as closing
from ispctl.report._folding import CAUSES, Line
from ispctl.report._rows import Row
from ispctl.report._stops import announcement, endings, stops, switches
from ispctl.report._words import clean, masked, sentence, short, with_offset, wrapped
from ispctl.report.gist import Gist, explained

if TYPE_CHECKING:
    from ispctl.report.shapes import HeadJson

MOST_ROWS = 20


def render(
    plan: Gist,
    *,
    closed: Sequence[Closed] = (),
    until: str | None = None,
    width: int = 100,
    next_command: str | None = "",
    about: str = "RADIUS",
) -> str:
    """The plan as plain text, wrapped at `width`, ending with what to type next.

    closed: gates that refuse it. until: when the clock changes something next, as RFC 3339. next_command: instead of
    the usual one. about: what is equal to the commit where there is nothing to do.
    """
    head = plan.head
    parts = [_heading(head)]
    if plan.empty:
        parts.append([closing.nothing(head, until, about)])
    else:
        parts += [
            [f"{_upper(plan.verdict)}."] if plan.services or plan.changes else [],
            explained(head),
            *_people(plan),
        ]
        parts += [_rows(plan), _gates(plan, closed), _unread(plan)]
    parts += [[*endings(head)], [*switches(head)], [*stops(head["stops"], plan.hidden)], announcement(head)]
    if head["assumes"]:
        parts.append(["Assumed:", *(f"  - {masked(text, plan.hidden)}" for text in head["assumes"])])
    if next_command is not None:
        parts.append([f"Next: {next_command or closing.next_command(head, closed, empty=plan.settled)}"])
    return "\n\n".join("\n".join(wrapped(part, width)) for part in parts if part) + "\n"


def _heading(plan: HeadJson) -> list[str]:
    kind = "Proposed plan" if plan["kind"] == "proposed" else "Live plan"
    against = f" against {short(plan['base'])}" if plan["base"] else ""
    return [f"{kind}: commit {short(plan['commit'])}{against}, at {with_offset(plan['now'])}"]


def _people(plan: Gist) -> Iterator[list[str]]:
    for cause, turns in plan.people.items():
        if CAUSES.get(cause, cause):
            yield [f"{CAUSES.get(cause, clean(cause))}:"]
        for turn, part in turns.items():
            yield [f"WHO {turn.upper()}", *(text for line in part.lines for text in _line(line))]
            if part.more:
                yield [f"  … and {part.more:,} more, in the JSON"]


def _line(line: Line) -> Iterator[str]:
    yield f"  {line.who}: {line.effect}"
    yield "      " + sentence([line.what, line.session])
    for text, where in line.because:
        yield f"      because: {text}" + (f" ({where})" if where else "")
    if line.sample:
        yield f"      e.g. {', '.join(line.sample)} and {line.count - len(line.sample):,} more"


def _rows(plan: Gist) -> list[str]:
    if not plan.changes:
        return []
    more = [f"  … and {plan.changes - MOST_ROWS:,} more, in the JSON"] if plan.changes > MOST_ROWS else []
    return [f"ROWS: {plan.counted}", *map(_row, plan.rows[:MOST_ROWS]), *more]


def _row(row: Row) -> str:
    fields = f" ({'; '.join(row.fields)})" if row.fields else ""
    return f"  {row.target}: {row.verb} {row.what}{fields}"


def _gates(plan: Gist, closed: Sequence[Closed]) -> list[str]:
    if not closed:
        return []
    said = [*(f"{closing.gate(one)}. To allow: {one.flag}" for one in closed), *plan.waiting]
    kind, _, rest = closing.refusal(plan.head).partition(":")
    return [f"{kind.upper()}:{rest}", *(f"  {text}" for text in said)]


def _unread(plan: Gist) -> list[str]:
    unread = plan.head["unread"]
    if not unread:
        return []
    found = (f"  {clean(u['target'])}: {clean(u['code'])} {masked(u['text'], plan.hidden)}" for u in unread)
    return ["NOT READ: nothing is planned there, which does not mean that nothing is to be done", *found]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
