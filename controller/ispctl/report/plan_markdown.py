"""A plan as a note on a merge request. Ids only: neither logins nor names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ispctl.gates import Closed
from ispctl.report import _closing as closing
from ispctl.report._folding import CAUSES, Line
from ispctl.report._markdown import code, inline, table
from ispctl.report._rows import Row
from ispctl.report._stops import announcement, endings, stops, switches
from ispctl.report._words import masked, short, with_offset
from ispctl.report.gist import Gist, explained

MOST_SIGNS: Final = 600_000
"""GitLab takes a note of a million characters: so many may be about people, the rest is in the JSON."""


def render(
    plan: Gist,
    *,
    closed: Sequence[Closed] = (),
    until: str | None = None,
    next_command: str = "",
    about: str = "RADIUS",
    refused: Sequence[str] = (),
) -> str:
    """The plan as GitLab markdown; the arguments are those of the text. `refused`: why an apply would be, which is what
    to look at next then."""
    head = plan.head
    parts = [*_heading(plan, until, about), [inline(text) for text in explained(head)], *_people(plan)]
    parts += [_gates(plan, closed), _unread(plan)]
    parts += [[f"- {inline(text)}" for text in (*endings(head), *switches(head), *stops(head["stops"], plan.hidden))]]
    parts += [[inline(text) for text in announcement(head)], _rows(plan)]
    if head["assumes"]:
        parts.append(["Assumed:", "", *(f"- {inline(masked(text, plan.hidden))}" for text in head["assumes"])])
    if refused:
        parts.append([f"An apply would be refused: {inline(text)}" for text in refused])
    else:
        parts.append([f"**Next:** {code(next_command or closing.next_command(head, closed, empty=plan.settled))}"])
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _heading(plan: Gist, until: str | None, about: str) -> Iterator[list[str]]:
    head, unread = plan.head, not plan.services and not plan.changes
    verdict = "no changes" if plan.empty else "not everything was read" if unread else inline(plan.verdict)
    yield [f"### ispctl plan: {verdict}"]
    against = f" against {code(short(head['base']))}" if head["base"] else ""
    kind = "Proposed" if head["kind"] == "proposed" else "Live"
    yield [f"{kind}: commit {code(short(head['commit']))}{against}, at {inline(with_offset(head['now']))}"]
    if plan.empty:
        yield [inline(closing.nothing(head, until, about))]


def _people(plan: Gist) -> Iterator[list[str]]:
    room = MOST_SIGNS
    for cause, turns in plan.people.items():
        said = CAUSES.get(cause, cause)
        if said:
            yield [f"**{inline(said)}:**"]
        more = sum(part.more for part in turns.values())
        found = []
        for line in (line for part in turns.values() for line in part.lines):
            cells = _line(line)
            room -= sum(map(len, cells))
            if room < 0:
                more += line.count
            else:
                found.append(cells)
        yield table(["service", "effect", "was → will be", "session", "why"], found)
        if more:
            yield [f"… and {more:,} more, in the JSON"]


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


def _rows(plan: Gist) -> list[str]:
    if not plan.changes:
        return []
    rest = plan.changes - len(plan.rows)
    return [
        "<details>",
        f"<summary>{plan.counted}</summary>",
        "",
        *table(["target", "change", "row", "fields"], map(_row, plan.rows)),
        *(["", f"… and {rest:,} more, in the JSON"] if rest else []),
        "",
        "</details>",
    ]


def _row(row: Row) -> list[str]:
    return [code(row.target), inline(row.verb), code(row.what), "<br>".join(map(inline, row.fields))]


def _gates(plan: Gist, closed: Sequence[Closed]) -> list[str]:
    if not closed:
        return []
    said = [f"{inline(closing.gate(one))}. To allow: {code(one.flag)}" for one in closed]
    said += [inline(text) for text in plan.waiting]
    return [f"**{closing.refusal(plan.head).capitalize()}**", "", *(f"- {text}" for text in said)]


def _unread(plan: Gist) -> list[str]:
    unread = plan.head["unread"]
    if not unread:
        return []
    found = (f"- {code(u['target'])} {code(u['code'])} {inline(masked(u['text'], plan.hidden))}" for u in unread)
    said = "**Not read:** nothing is planned there, which does not mean that nothing is to be done"
    return [said, "", *found]
