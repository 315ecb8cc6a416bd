"""What a plan says around its people: that nothing changes, closed gates, what waits, and what to type next."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from ispctl.gates import Closed
from ispctl.report._rows import owners_of
from ispctl.report._words import listed, local, plural, short
from ispctl.report.shapes import PlanJson

GATES: Final = {"cut_off": "cut-off", "dropped": "dropped sessions", "slower": "slower", "delete": "deleted rows"}


def is_empty(plan: PlanJson) -> bool:
    """Whether nothing would be done and everything was read."""
    return not any(plan[name] for name in ("services", "changes", "unread", "switches"))


def nothing(plan: PlanJson, until: str | None) -> str:
    """Why nothing is to be done: three different things to know. `until`: when the clock changes something next."""
    commit = short(plan["commit"])
    if plan["kind"] == "live":
        said = f"No changes: RADIUS is already what commit {commit} says."
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


def refusal(plan: PlanJson) -> str:
    """The heading of closed gates; a proposed plan meets them only later."""
    will = "would be refused" if plan["kind"] == "proposed" else "refused"
    return f"{will}, E601: more than a day may take"


def waiting(plan: PlanJson, held: Collection[str]) -> Iterator[str]:
    """Two sentences: what is held back, and what goes ahead all the same; none where nobody has reckoned it yet."""
    if not held:
        return
    here = {change["id"] for change in plan["changes"]}
    owners = owners_of(plan, held)
    rest = here - set(held)
    ahead = [owner for owner in owners_of(plan, rest) if owner not in owners]
    yield f"Held back: {_amount(len(here & set(held)), owners)}"
    yield f"Goes ahead: {_amount(len(rest), ahead)}" if rest else "Nothing else is to be done"


def _amount(changes: int, owners: Sequence[str]) -> str:
    named = f" of {plural(len(owners), 'service')}: {listed(owners)}" if owners else ""
    return plural(changes, "change") + named


def next_command(plan: PlanJson, closed: Sequence[Closed] = ()) -> str:
    """What a person would type after reading this plan."""
    commit = short(plan["commit"])
    if plan["unread"]:
        return "ispstat health"
    if plan["kind"] == "proposed":
        return f"ispctl plan --live --commit {commit}"
    if closed:
        return f"ispctl apply --commit {commit} " + " ".join(one.flag for one in closed)
    return "ispctl drift" if is_empty(plan) else f"ispctl apply --commit {commit}"
