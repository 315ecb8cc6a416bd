"""`ispstat find` as text: who had it then, else who had it before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from ispctl.status.find import Found
from ispctl.status.present import Screen, table
from ispctl.status.values import when
from ispctl.status.view import View

_HEADINGS = ("SERVICE", "LOGIN", "HAD", "FROM", "UNTIL", "NAS", "MAC", "BY")


Moment = Literal["now", "then", "ahead", "unwritten"]
"""Of a time to come git alone tells, and of one before git began the accounting alone."""
_NOBODY: Final[dict[Moment, str]] = {
    "now": "Nobody has it.",
    "then": "Nobody had it then.",
    "ahead": "Git gives it to nobody then; who will be online is not known yet.",
    "unwritten": "By the accounting nobody had it then; what git said is not known.",
}


def told(found: Sequence[Found], screen: Screen, *, of: Moment = "now") -> str:
    """A table of those who had it, and a sentence where nobody had."""
    then = [one for one in found if one.match == "then"]
    if then:
        return table(_HEADINGS, [_row(one, screen) for one in then], screen)
    said = [_NOBODY[of]]
    if found:
        rows = [_row(one, screen) for one in found]
        said += ["", "The last before, the first after:", table(_HEADINGS, rows, screen)]
    return "\n".join(said)


def moment(view: View) -> Moment:
    """Of which moment a view tells."""
    if view.then is None:
        return "now"
    return "ahead" if view.now > view.today else "then" if view.written else "unwritten"


def _row(one: Found, screen: Screen) -> tuple[str, ...]:
    until = when(one.until, screen.zone) if one.until else "" if one.basis != "accounting" else "still on"
    if not one.certain:
        until = f"unknown, last heard {when(one.heard, screen.zone) if one.heard else 'never'}"
    by = {"git": f"{one.file}:{one.line}", "accounting": "accounting", "learned": "learned by the server"}[one.basis]
    since = when(one.since, screen.zone) if one.since else ""
    owner = f"{one.id}/{one.key}" if one.id else "nobody of ours"
    return owner, one.login, one.held, since, until, one.nas, one.mac, by
