"""What a plan says around its people: that nothing changes, closed gates, what waits, and what to type next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ispctl.gates import Closed
from ispctl.report._words import local, short

if TYPE_CHECKING:
    from ispctl.report.shapes import HeadJson

GATES: Final = {"cut_off": "cut-off", "dropped": "dropped sessions", "slower": "slower", "delete": "deleted rows"}


def nothing(plan: HeadJson, until: str | None, about: str) -> str:
    """Why nothing is to be done: three different things to know. `until`: when the clock changes something next;
    `about`: what was looked at."""
    commit = short(plan["commit"])
    if plan["kind"] == "live":
        said = f"No changes: {about} is already what commit {commit} says."
    elif plan["commit"] != plan["base"]:
        said = f"No changes: nothing in commit {commit} changes anything for anybody."
    else:
        return f"No changes: nothing changes by the clock until {local(until or plan['now'])}."
    return f"{said} Nothing changes by the clock until {local(until)}." if until else said


def gate(one: Closed) -> str:
    """A closed gate: the two numbers and the limit. What to type is its `flag`."""
    before = f" + {one.recent:,} in the last 24 h" if one.recent else ""
    name = GATES.get(one.gate, one.gate)
    return f"{name}: {one.wanted:,} here{before}; at most {one.limit:,}"


def refusal(plan: HeadJson) -> str:
    """The heading of closed gates; a proposed plan meets them only later."""
    will = "would be refused" if plan["kind"] == "proposed" else "refused"
    return f"{will}, E601: more than a day may take"


def next_command(plan: HeadJson, closed: Sequence[Closed] = (), *, empty: bool) -> str:
    """What a person would type after reading this plan. `empty`: nothing would be done."""
    commit = short(plan["commit"])
    if plan["unread"]:
        return "ispstat health"
    if plan["kind"] == "proposed":
        return f"ispctl plan --live --commit {commit}"
    if closed:
        return f"ispctl apply --commit {commit} " + " ".join(one.flag for one in closed)
    return "ispctl drift" if empty else f"ispctl apply --commit {commit}"
