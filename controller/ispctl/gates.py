"""How much one day may take from people before somebody must say the number. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import floor
from typing import Final

from ispctl.model.policy import Limits
from ispctl.plan import LOSSES, Change, Plan, ServiceChange, dropped

GATES: Final = {"cut_off": "cut-off", "dropped": "drop", "slower": "slower", "delete": "delete"}
"""What is counted, and the word after --allow- that permits more of it."""


@dataclass(frozen=True)
class Closed:
    """A gate that refuses: how many this plan and the last 24 hours make together, and how many may be."""

    gate: str
    wanted: int
    recent: int
    limit: int

    @property
    def flag(self) -> str:
        return f"--allow-{GATES[self.gate]} {self.wanted}"


def counts(plan: Plan) -> Mapping[str, int]:
    """What the gates count in a plan. Ends by the clock are announced by the plan before and do not count."""
    counted = Counter(gate for service in plan.services for gate in gates_of(service))
    counted["dropped"] += len(ended_apart(plan))
    return {gate: counted[gate] for gate in GATES} | {"delete": sum(map(_deletes, plan.changes))}


def gates_of(service: ServiceChange) -> frozenset[str]:
    """The gates at which a service counts, and therefore waits while they are closed."""
    met = (*service.effects, *(["dropped"] if dropped(service) else []))
    return frozenset(gate for effect in met if (gate := gate_of(effect, service.cause)))


def gate_of(effect: str, cause: str) -> str:
    """The gate that counts an effect (or "dropped"); empty for none. Only a commit can make a person slower here."""
    if cause == "clock":
        return ""
    if effect in LOSSES:
        return "cut_off"
    return effect if effect == "dropped" or (effect == "slower" and cause == "commit") else ""


def ended_apart(plan: Plan) -> frozenset[str]:
    """Services whose session would end although nothing changes for them: their rows are written in another way, as by
    a newer version. Where no row changes, a session is only told again what was counted before."""
    if all(change.key[0] == "session" for change in plan.changes):
        return frozenset()
    ends = {change.owner for change in plan.changes if change.key[0] == "session" and change.action == "delete"}
    return frozenset(ends - {service.owner for service in plan.services})


def _deletes(change: Change) -> bool:
    """Whether a row of ours goes; the end of a session is counted with the people."""
    return change.action == "delete" and change.key[0] != "session"


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


def held(plan: Plan, refused: frozenset[str], users: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The ids of the changes that wait. `users`: per shared key (a group, a pop) the owners of the services on it:
    what they share waits with the first of them. Who waits with one login waits with all: nobody is left with two
    logins, or with none."""
    owners = set(losers(plan, refused))

    def waits(change: Change) -> bool:
        if "delete" in refused and _deletes(change):
            return True
        return bool(owners & {*_owners(change), *users.get(change.key[1], ())})

    waiting: set[str] = set()
    while more := {c.id for c in plan.changes if c.id not in waiting and (c.needs & waiting or waits(c))}:
        waiting |= more
        owners |= {owner for c in plan.changes if c.id in more and c.key[0] == "login" for owner in _owners(c)}
    return frozenset(waiting)


def losers(plan: Plan, refused: frozenset[str]) -> frozenset[str]:
    """The services that lose something at a closed gate, whether or not a row of theirs changes."""
    apart = ended_apart(plan) if "dropped" in refused else frozenset()
    return apart | {service.owner for service in plan.services if refused & gates_of(service)}


def _owners(change: Change) -> set[str]:
    """Whose a key is, before and after: a login may change hands."""
    return {str(side["owner"]) for side in (change.before, change.after) if side and "owner" in side}
