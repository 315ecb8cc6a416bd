"""One commit at one moment as an intent: who is entitled to what, under which policy, asked by which NAS. Pure.

The only place where what git says becomes what a backend renders; apply, plan, drift and ispstat all begin here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from ispctl.desired import Entitlement, all_terms, entitle_all, pop_of
from ispctl.radius.rendering import Intent
from ispctl.repo.snapshot import Snapshot


def intent_of(snapshot: Snapshot, now: datetime) -> Intent:
    """Every service of a commit, entitled at `now` (aware). Raises KeyError for a tariff that does not exist:
    validation comes first."""
    return replace(shared_of(snapshot), entitlements=tuple(entitlements(snapshot, now)))


def shared_of(snapshot: Snapshot) -> Intent:
    """The same without anybody in it."""
    terms = all_terms((tariff.value for tariff in snapshot.tariffs()), snapshot.policy.value)
    pops = {pop_of(names): snapshot.reach(names) for names in snapshot.facts.places}
    return Intent(snapshot.policy.value, terms, snapshot.nas, (), snapshot.pools, pops)


def entitlements(snapshot: Snapshot, now: datetime) -> Iterator[Entitlement]:
    """The entitlements of all services, in the order of the files. Raises KeyError as `intent_of` does."""
    return entitle_all(snapshot.subscribers(), snapshot, now)
