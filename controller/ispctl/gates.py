"""How much one day may take from people before somebody must say the number. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor
from typing import Final

from ispctl.model.policy import Limits
from ispctl.plan import LOSSES, Change, Plan, ServiceChange, dropped

GATES: Final = ("cut_off", "dropped", "slower", "delete")


@dataclass(frozen=True)
class Closed:
    """A gate that refuses: how many this plan and the last 24 hours make together, and how many may be."""

    gate: str
    wanted: int
    recent: int
    limit: int

    @property
    def flag(self) -> str:
        return f"--allow-{self.gate.replace('_', '-')} {self.wanted}"


def counts(plan: Plan) -> Mapping[str, int]:
    """What the gates count in a plan. Ends by the clock are announced by the plan before and do not count."""
    by_people = [service for service in plan.services if service.cause != "clock"]
    return {
        "cut_off": sum(bool(LOSSES & set(s.effects)) for s in by_people),
        "dropped": sum(dropped(s) for s in by_people),
        "slower": sum("slower" in s.effects for s in by_people if s.cause == "commit"),
        "delete": sum(change.action == "delete" and change.key[0] != "session" for change in plan.changes),
    }


def closed(
    plan: Plan, total: int, recent: Mapping[str, int], limits: Limits, allowed: Mapping[str, int | None]
) -> tuple[Closed, ...]:
    """The gates that refuse this plan. `total`: services (for the share); `recent`: counts of the last 24 hours;
    `allowed`: at most so many in this plan, said on the command line; it does not stick."""
    found = []
    for gate, wanted in counts(plan).items():
        limit = getattr(limits, gate)
        most = max(limit.floor, floor(limit.share * total))
        before = recent.get(gate, 0)
        permitted = allowed.get(gate)
        over = wanted > permitted if permitted is not None else wanted and wanted + before > most
        if over:
            found.append(Closed(gate, wanted, before, most))
    return tuple(found)


def is_loss(service: ServiceChange, refused: frozenset[str]) -> bool:
    """Whether a service is held back while these gates are closed: gains go ahead."""
    if service.cause == "clock":
        return False
    return (
        ("cut_off" in refused and bool(LOSSES & set(service.effects)))
        or ("dropped" in refused and dropped(service))
        or ("slower" in refused and "slower" in service.effects)
    )


def held(plan: Plan, refused: frozenset[str], users: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The ids of the changes that wait. `users`: per shared key (a group, a pop) the owners of the services on it:
    what they share waits with the first of them."""
    losers = {service.owner for service in plan.services if is_loss(service, refused)}

    def waits(change: Change) -> bool:
        if "delete" in refused and change.action == "delete" and change.key[0] != "session":
            return True
        return change.owner in losers or bool(losers & users.get(change.key[1], frozenset()))

    waiting = {change.id for change in plan.changes if waits(change)}
    while more := {c.id for c in plan.changes if c.id not in waiting and c.needs & waiting}:
        waiting |= more
    return frozenset(waiting)
