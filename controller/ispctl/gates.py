"""How much one day may take from people before somebody must say the number. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from math import floor
from typing import Final

from ispctl.model.policy import Limit, Limits
from ispctl.plan import LOSSES, Change, Many, Plan, ServiceChange, Sums, dropped, mark_of
from ispctl.structs import Struct

GATES: Final = {"cut_off": "cut-off", "dropped": "drop", "slower": "slower", "delete": "delete"}
"""What is counted, and the word after --allow- that permits more of it."""

COUNTED: Final = LOSSES | {"dropped", "slower"}
"""The effects of which the journal is asked."""


class Closed(Struct):
    """A gate that refuses: how many this plan and the last 24 hours make together, and how many may be."""

    gate: str
    wanted: int
    recent: int
    limit: int

    @property
    def flag(self) -> str:
        return f"--allow-{GATES[self.gate]} {self.wanted}"


def counted(plan: Plan) -> Mapping[str, frozenset[str]]:
    """Who meets each gate in a plan, and which rows go. Ends by the clock are announced by the plan before and do not
    count; what is stopped does not happen."""
    if plan.sums is not None:
        return plan.sums.met
    met: dict[str, set[str]] = {gate: set() for gate in GATES}
    for service in plan.going.services:
        for gate in gates_of(service):
            met[gate].add(service.owner)
    met["dropped"] |= ended_apart(plan.going).union(*(ending.names for ending in plan.going.endings))
    met["delete"] = {"/".join(change.key) for change in plan.going.changes if _deletes(change)}
    return {gate: frozenset(names) for gate, names in met.items()}


def sums(plan: Plan) -> Sums:
    """What is known of a plan without its services and changes."""
    if plan.sums is not None:
        return plan.sums
    apart = _apart(plan.going, told=False)
    return Sums(plan.summary, mark_of(plan.changes), counted(plan), apart, _writes(plan.going))


def sums_of(many: Collection[Many]) -> Sums:
    """The same of services that are known by their names alone."""
    met: dict[str, set[str]] = {gate: set() for gate in GATES}
    ids: set[str] = set()
    found = dict.fromkeys(("services", "cut_off", "dropped", "slower"), 0)
    for one in many:
        count, effects = len(one.owners), one.example.effects
        ids.update(owner.partition("/")[0] for owner in one.owners)
        found["services"] += count
        found["cut_off"] += count * bool(LOSSES & set(effects))
        found["dropped"] += count * dropped(one.example)
        found["slower"] += count * ("slower" in effects)
        for gate in gates_of(one.example):
            met[gate].update(one.owners)
    summary = {"subscribers": len(ids), **found, "create": 0, "update": 0, "delete": 0}
    return Sums(summary, 0, {gate: frozenset(names) for gate, names in met.items()})


def counts(plan: Plan) -> Mapping[str, int]:
    """How many each gate counts in a plan."""
    return {gate: len(names) for gate, names in counted(plan).items()}


def gates_of(service: ServiceChange) -> frozenset[str]:
    """The gates at which a service counts, and therefore waits while they are closed."""
    return _gates_of(marks_of(service), service.cause)


@lru_cache(1000)
def _gates_of(marks: tuple[str, ...], cause: str) -> frozenset[str]:
    """Kept: there are few of each."""
    return frozenset(gate for effect in marks if (gate := gate_of(effect, cause)))


def marks_of(service: ServiceChange) -> tuple[str, ...]:
    """The effects as the gates and the journal count them, `dropped` among them where a session ends. That of whoever
    is let out from behind the wall ends for his own sake: after a pay day that is everybody."""
    ends = dropped(service) and "restored" not in service.effects
    return (*service.effects, *(["dropped"] if ends else []))


def gate_of(effect: str, cause: str) -> str:
    """The gate that counts an effect (or "dropped"); empty for none. Only a commit can make a person slower here."""
    if cause == "clock":
        return ""
    if effect in LOSSES:
        return "" if cause == "facts" else "cut_off"
    return effect if effect == "dropped" or (effect == "slower" and cause == "commit") else ""


def ended_apart(plan: Plan) -> frozenset[str]:
    """Services whose session would end although nothing changes for them: their rows are written in another way, as by
    a newer version, or their NAS could not make a change. Where no row changes, a session is otherwise only told again
    what was counted before."""
    return _apart(plan, told=not _writes(plan))


def ended_by_rows(plan: Plan) -> frozenset[str]:
    """Those of them to whom rows do it that change, so that it is lost to somebody from then on."""
    if plan.sums is not None:
        return plan.sums.apart if plan.sums.writes else frozenset()
    return ended_apart(plan.going) if _writes(plan.going) else frozenset()


def _apart(plan: Plan, *, told: bool) -> frozenset[str]:
    """`told`: whether they are only told again."""
    ends = {change.owner for change in plan.changes if _ends(change) and (not told or _instead(change))}
    return frozenset(ends - {service.owner for service in plan.services})


def _writes(plan: Plan) -> bool:
    """Whether any row changes."""
    return any(change.key[0] != "session" for change in plan.changes)


def _ends(change: Change) -> bool:
    return change.key[0] == "session" and change.action == "delete"


def _instead(change: Change) -> bool:
    """Whether a session ends because it could not be changed."""
    return bool((change.before or {}).get("instead"))


def _deletes(change: Change) -> bool:
    """Whether a row of ours goes; the end of a session is counted with the people."""
    return change.action == "delete" and change.key[0] != "session"


def closed(
    plan: Plan,
    total: int,
    recent: Mapping[str, Collection[str]],
    limits: Limits,
    allowed: Mapping[str, int | None],
) -> tuple[Closed, ...]:
    """The gates that refuse this plan. `total`: services (for the share); `recent`: who met each gate in the last 24
    hours; whoever meets it again counts once. `allowed`: at most so many in this plan, said on the command line; it
    does not stick."""
    found = []
    for gate, names in counted(plan).items():
        wanted, limit = len(names), most_of(getattr(limits, gate), total)
        before = len(frozenset(recent.get(gate, ())) - names)
        permitted = allowed.get(gate)
        over = wanted > permitted if permitted is not None else wanted and wanted + before > limit
        if over:
            found.append(Closed(gate, wanted, before, limit))
    return tuple(found)


def most_of(limit: Limit, total: int) -> int:
    """How many may pass in a day: a share of nothing is nothing, the floor always passes."""
    return max(limit.floor, floor(limit.share * total))


def held(plan: Plan, refused: frozenset[str], users: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The ids of the changes that wait. `users`: per shared key (a group, a pop) the owners of the services on it:
    what they share waits with the first of them. Who waits with one login waits with all: nobody is left with two
    logins, or with none."""
    if not refused:
        return frozenset()
    begun = {c.id for c in plan.going.changes if "delete" in refused and _deletes(c)}
    if "dropped" in refused:
        begun = begun.union(*(ending.changes for ending in plan.going.endings))
    return spread(plan.going.changes, losers(plan, refused), begun, users)


def spread(
    changes: Collection[Change],
    owners: Iterable[str],
    begun: Collection[str],
    users: Mapping[str, frozenset[str]] | None = None,
) -> frozenset[str]:
    """The ids of all changes that wait if these owners do and the changes `begun` do: theirs, what needs one of them,
    and whatever else belongs to whoever shares a login with them."""
    staying, waiting = set(owners), set[str]()

    def waits(change: Change) -> bool:
        shared = users.get(change.key[1], ()) if users else ()
        return change.id in begun or bool(change.needs & waiting) or bool(staying & {*owners_of(change), *shared})

    while more := {change.id for change in changes if change.id not in waiting and waits(change)}:
        waiting |= more
        staying |= {owner for c in changes if c.id in more and c.key[0] == "login" for owner in owners_of(c)}
    return frozenset(waiting)


def losers(plan: Plan, refused: frozenset[str]) -> frozenset[str]:
    """The services that lose something at a closed gate, whether or not a row of theirs changes."""
    if not refused:
        return frozenset()
    apart = ended_apart(plan.going) if "dropped" in refused else frozenset()
    return apart | {service.owner for service in plan.going.services if refused & gates_of(service)}


def owners_of(change: Change) -> set[str]:
    """Whose a key is, before and after: a login may change hands."""
    return {str(side["owner"]) for side in (change.before, change.after) if side and "owner" in side}
