"""What another version of this program wrote: rows it rendered otherwise, entitlements it kept in other words.

After an upgrade neither is a change of somebody. The measure is what this version would have done when the commit was
applied that is applied: a row it would have written then as it writes it now differs by the version alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from ispctl.desired import Entitlement
from ispctl.plan import Change, Plan
from ispctl.radius.rendering import Intent, render
from ispctl.structs import replace

if TYPE_CHECKING:
    from ispctl.store import AppliedService

Then = Callable[[], Intent | None]
"""What the applied commit said when it was applied; None where it is not here. Asked only where it is needed."""


def with_rerendered(plan: Plan, then: Then, elsewhere: frozenset[str] = frozenset()) -> Plan:
    """The plan, in which the changes are named that are nobody's: no service notices them, no commit and no clock
    asks for them. `elsewhere`: what those share who notice and are in no part of this plan. Costs nothing where every
    changed row belongs to somebody who notices."""
    theirs = {service.owner for service in plan.services} | noticed(plan) | elsewhere
    shared = {one.id: one.key[1].partition("@")[0] for one in plan.changes}
    rows = [one for one in plan.changes if one.key[0] != "session" and not {one.owner, shared[one.id]} & theirs]
    rows = [one for one in rows if not _sealed(one)]
    intent = then() if rows else None
    if intent is None:
        return plan
    before = render(intent)
    return replace(plan, rerendered=tuple(one.id for one in rows if before.get(one.key) == one.after))


def in_other_words(
    stored: Mapping[str, AppliedService],
    known: Mapping[str, Entitlement],
    stopped: Collection[str],
    then: Then,
) -> Mapping[str, Entitlement]:
    """What services were given of whom another version wrote it in words that this one does not read: what the applied
    commit said when it was applied. Not of those who were held back then (`stopped`): of them it is unknown."""
    unread = {owner: row for owner, row in stored.items() if owner not in known}
    intent = then() if unread else None
    if intent is None:
        return {}
    for owner in unread.keys() & set(stopped):
        del unread[owner]
    return {e.owner: e for e in intent.entitlements if e.owner in unread and unread[e.owner].login == e.login}


def noticed(plan: Plan) -> frozenset[str]:
    """The names of the groups and places that the services of a plan share."""
    sides = (side for service in plan.services for side in (service.was, service.will_be) if side)
    return frozenset(name for e in sides for name in (f"isp:{e.terms.name}", e.pop) if name)


def _sealed(change: Change) -> bool:
    """A password that was sealed anew: the commit asks for it."""
    old, new = change.before or {}, change.after or {}
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)} <= {"password"}
