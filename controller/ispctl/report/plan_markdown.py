"""A plan as a note on a merge request, made from its JSON alone. Ids only: neither logins nor names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ispctl.gates import Closed
from ispctl.report import _closing as closing
from ispctl.report._markdown import code, inline, table
from ispctl.report._people import CAUSES, Line, explained, lines, logins, verdict
from ispctl.report._rows import Row, counted, rows
from ispctl.report._stops import announcement, stops, switches
from ispctl.report._words import masked, short, with_offset
from ispctl.report.shapes import PlanJson

MOST_LINES = 200
MOST_ROWS = 200
"""GitLab takes a note of a million characters; the rest is in the JSON."""


def render(
    plan: PlanJson,
    *,
    closed: Sequence[Closed] = (),
    held: Collection[str] = (),
    until: str | None = None,
    next_command: str = "",
) -> str:
    """The plan as GitLab markdown; the arguments are those of the text."""
    parts = [*_heading(plan, until), [inline(text) for text in explained(plan)]]
    if plan["services"]:
        parts += _people(plan)
    parts += [_gates(plan, closed, held), _unread(plan)]
    parts += [[f"- {inline(text)}" for text in (*switches(plan), *stops(plan["stops"], logins(plan)))]]
    parts += [[inline(text) for text in announcement(plan)], _rows(plan)]
    if plan["assumes"]:
        hidden = logins(plan)
        parts.append(["Assumed:", "", *(f"- {inline(masked(text, hidden))}" for text in plan["assumes"])])
    parts.append([f"**Next:** {code(next_command or closing.next_command(plan, closed))}"])
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _heading(plan: PlanJson, until: str | None) -> Iterator[list[str]]:
    empty = closing.is_empty(plan)
    unread = not plan["services"] and not plan["changes"]
    yield [
        f"### ispctl plan: {'no changes' if empty else 'not everything was read' if unread else inline(verdict(plan))}"
    ]
    against = f" against {code(short(plan['base']))}" if plan["base"] else ""
    kind = "Proposed" if plan["kind"] == "proposed" else "Live"
    yield [f"{kind}: commit {code(short(plan['commit']))}{against}, at {inline(with_offset(plan['now']))}"]
    if empty:
        yield [inline(closing.nothing(plan, until))]


def _people(plan: PlanJson) -> Iterator[list[str]]:
    for cause, found in lines(plan).items():
        said = CAUSES.get(cause, cause)
        if said:
            yield [f"**{inline(said)}:**"]
        yield table(["service", "effect", "was → will be", "session", "why"], map(_line, found[:MOST_LINES]))
        if len(found) > MOST_LINES:
            yield [f"… and {len(found) - MOST_LINES:,} more, in the JSON"]


def _line(line: Line) -> list[str]:
    who = code(line.who)
    if line.sample:
        who = (
            f"**{inline(line.who)}**<br>{', '.join(map(code, line.sample))} and {line.count - len(line.sample):,} more"
        )
    why = "<br>".join(" ".join(filter(None, [inline(text), _place(where)])) for text, where in line.because)
    return [who, inline(line.effect), inline(line.what), inline(line.session), why]


def _place(where: str) -> str:
    file, _, commit = where.partition("commit ")
    return (
        code(file.removesuffix(", ")) + (", " if file and commit else "") + (f"commit {code(commit)}" if commit else "")
    )


def _rows(plan: PlanJson) -> list[str]:
    if not plan["changes"]:
        return []
    found = rows(plan)
    more = ["", f"… and {len(found) - MOST_ROWS:,} more, in the JSON"] if len(found) > MOST_ROWS else []
    return [
        "<details>",
        f"<summary>{counted(plan)}</summary>",
        "",
        *table(["target", "change", "row", "fields"], map(_row, found[:MOST_ROWS])),
        *more,
        "",
        "</details>",
    ]


def _row(row: Row) -> list[str]:
    return [code(row.target), inline(row.verb), code(row.what), "<br>".join(map(inline, row.fields))]


def _gates(plan: PlanJson, closed: Sequence[Closed], held: Collection[str]) -> list[str]:
    if not closed:
        return []
    said = [f"{inline(closing.gate(one))}. To allow: {code(one.flag)}" for one in closed]
    said += [inline(text) for text in closing.waiting(plan, held)]
    return [f"**{closing.refusal(plan).capitalize()}**", "", *(f"- {text}" for text in said)]


def _unread(plan: PlanJson) -> list[str]:
    if not plan["unread"]:
        return []
    hidden = logins(plan)
    found = (f"- {code(u['target'])} {code(u['code'])} {inline(masked(u['text'], hidden))}" for u in plan["unread"])
    said = "**Not read:** nothing is planned there, which does not mean that nothing is to be done"
    return [said, "", *found]
