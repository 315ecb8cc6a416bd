"""What a commit would change against another: the plan of a merge request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial

from ispctl.desired import Entitlement
from ispctl.index import ANNOUNCED, Look, errors
from ispctl.intent import entitlements, intent_of, shared_of
from ispctl.model.problem import Refusal, in_order
from ispctl.plan import Coming, Pair, Plan, build, diff
from ispctl.radius.rendering import TARGET, logins, needed
from ispctl.radius.rendering import shared as shared_rows
from ispctl.reconcile.disturbs import disturbs
from ispctl.reconcile.far import Gist, gathered, gist
from ispctl.reconcile.managed import enforced, with_observed
from ispctl.reconcile.many import with_many
from ispctl.reconcile.named import Names
from ispctl.reconcile.people import ending, makes, with_needs
from ispctl.reconcile.rest import renamed
from ispctl.repo import Repository, Snapshot
from ispctl.structs import replace


def propose(repository: Repository, look: Look, base: str, head: str) -> Plan:
    """What a commit would change against another, at one moment; knows no database and no device. Both stand in `look`,
    as far as they can differ, without errors near. Raises Refusal for errors of those in slices, and EachItself where
    those whom the look only counts have to be read."""
    before, after, now = look.parts[base], look.parts[head], look.now
    changed = frozenset(repository.changes(base, head).paths)
    judging = look.slices is not None and head not in look.slices.judged
    others = gathered(look, partial(_proposed, base, head, changed, judging=judging))
    if others.wrong:
        raise Refusal(*in_order([*look.errors(head, near=True), *dict.fromkeys(others.wrong)]))
    plan, until, ends, facts = _proposal(look, base, head, changed, shared=True)
    observed = with_observed(plan, (after, before), entitlements(after, now), others.enforced, others.kept)
    plan = with_many(observed, look)
    for one in plan.many:
        facts.update(dict.fromkeys(_facts(one.example.now), len(one.owners)))
    plan = replace(
        plan,
        assumes=(
            *_assumptions(repository, before, after, facts + others.counts),
            *_named(before, after),
            *renamed(plan.services, after),
        ),
        until=min(filter(None, (until, others.until, look.until)), default=None),
        coming=Coming(now + ANNOUNCED, ends + others.ending + look.ending),
    )
    plan = others.joined(plan)
    if not after.reaches_devices:
        return plan
    from ispctl.reconcile import fleet  # takes longer to read than such a plan to make

    devices, intent = fleet.proposed(repository, before, after, now), shared_of(after)
    return devices.joined(plan, Names.of(intent, shared_rows(intent), plan.changes) if devices.changes else None)


def _proposed(base: str, head: str, changed: frozenset[str], look: Look, *, judging: bool) -> Gist:
    """A slice of a proposed plan; or why there is none."""
    wrong = tuple(errors(look.problems(head))) if judging else ()
    if wrong:
        empty = Plan("proposed", head, base, look.now, (), ())
        return gist(empty, None, 0, {}, frozenset(), wrong=wrong)
    plan, until, ends, facts = _proposal(look, base, head, changed, shared=False)
    parts = (look.parts[head], look.parts[base])
    found = tuple(entitlements(parts[0], look.now))
    return gist(with_observed(plan, parts, found), until, ends, facts, enforced(parts, found))


def _proposal(
    look: Look, base: str, head: str, changed: frozenset[str], *, shared: bool
) -> tuple[Plan, datetime | None, int, Counter[str]]:
    """The plan of those who are at hand, with what all share or without; when the clock changes something of theirs
    next, how many it ends within a day, and how many of the touched depend on a fact, by `_facts`."""
    before, after, now = look.parts[base], look.parts[head], look.now
    old, new = intent_of(before, now), intent_of(after, now)
    was, will = {e.owner: e for e in old.entitlements}, {e.owner: e for e in new.entitlements}
    pairs = [Pair(was.get(o), will.get(o), "commit", None) for o in sorted(was.keys() | will.keys())]
    made = diff(TARGET, shared_rows(new), shared_rows(old)) if shared else ()
    rows = diff(TARGET, logins(new.entitlements, new.served), logins(old.entitlements, old.served))
    plan = build(
        "proposed",
        pairs,
        (*made, *with_needs(rows, makes(made))),
        commit=after.commit,
        base=before.commit,
        now=now,
        disturbs=disturbs(new),
        changed_files=changed,
    )
    found = tuple(new.entitlements)
    touched = (pair.will_be for pair in pairs if pair.was != pair.will_be)
    facts = Counter(fact for e in touched if e is not None for fact in _facts(e))
    until = min((e.until for e in found if e.until), default=None)
    return plan, until, ending(after, found, now), facts


def _facts(e: Entitlement) -> Iterator[str]:
    """Which facts decide more of a service than its files say."""
    if e.mac_mode == "learn":
        yield "learn"
    if e.first_login is not None:
        yield "first login"
    if e.new_password is not None and e.new_password.holds == "old":
        yield "password"
    if e.fair_use:
        yield "usage"


def _named(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """What routers have to know by name that they did not have to know before."""
    more: dict[str, list[str]] = {}
    for vendor, thing in sorted(needed(shared_of(after)) - needed(shared_of(before))):
        more.setdefault(vendor, []).append(thing)
    for vendor, things in more.items():
        yield f"Routers of platform {vendor} have to know before this is applied: {', '.join(things)}"


def _assumptions(repository: Repository, before: Snapshot, after: Snapshot, facts: Mapping[str, int]) -> Iterator[str]:
    yield "Who is online is not asked here: what is said of sessions holds for those who are"
    if learning := facts.get("learn"):
        yield f"MAC addresses that were learned stay as they are (services that learn: {learning})"
    if waiting := facts.get("first login"):
        yield f"Who begins with a first login is taken to wait for it still (such services: {waiting})"
    if changing := facts.get("password"):
        yield f"Devices are taken not to have their new password as yet: the old one holds (such services: {changing})"
    if counted := facts.get("usage"):
        yield f"Usage is not asked here: nobody is over a tier of fair use (services that have some: {counted})"
    if not repository.contains(after.commit, before.commit):
        yield "The base is not in the history of this commit: what only the base has appears as removed; rebase first"
