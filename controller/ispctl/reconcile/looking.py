"""Looking at NAS devices: which are asked, what each should hold, and what is to be done where it holds something else.

To ask takes as long as devices take to answer, so that it may be done beside everything else (`beside`): what goes
before it and what comes after it are functions of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Final

from ispctl.model.problem import Refusal
from ispctl.nas import Answer, Job, Known, Memory
from ispctl.nas.memory import Made
from ispctl.plan import Change, Key, Resources, Unread, diff
from ispctl.platforms.device import UNCONFIRMED
from ispctl.reconcile import holds, moves
from ispctl.reconcile.fleet import Fleet, Instead, Wanted, due, explained, wanted
from ispctl.reconcile.holds import PREFIX
from ispctl.reconcile.logins import Logins, job
from ispctl.reconcile.named import Lack, things
from ispctl.reconcile.stand_ins import stand_ins
from ispctl.reconcile.world import World
from ispctl.repo import Snapshot
from ispctl.store import Holder
from ispctl.structs import Struct, replace

TAKEN: Final = "E312"
"""Another one configures NAS."""


class Look(Struct):
    """Devices that are looked at, what each should hold, and how it is asked. `known`: how it shows secrets of ours."""

    asked: Mapping[str, Wanted]
    want: Mapping[str, Resources]
    known: Mapping[str, Mapping[Key, Known]]
    jobs: tuple[Job, ...]

    def of(self, hosts: Collection[str]) -> Look:
        """The same of these hosts alone."""
        return replace(self, asked={host: one for host, one in self.asked.items() if host in hosts})


def asked(
    world: World, snapshot: Snapshot, hosts: Collection[str] | None = None, *, every: bool = False
) -> dict[str, Wanted]:
    """The devices of which a commit says something else than they were last made equal to. `hosts`: only these;
    `every`: also those that were made equal to it."""
    if world.nas is None:
        return {}
    made = Memory(world.store).made()
    return {
        host: one
        for host, one in due(world, snapshot).items()
        if (hosts is None or host in hosts) and (every or host not in made or made[host].mark != one.mark)
    }


def ready(world: World, these: Mapping[str, Wanted], want: Mapping[str, Resources]) -> Look:
    """What is needed to ask these devices. Raises Refusal where a key is missing."""
    known = Memory(world.store).known()
    logins = Logins(world.keyring, stand_ins(world.store))
    jobs = (job(world, one.nas, logins(one.nas), known.get(host, {})) for host, one in these.items())
    return Look(these, want, known, tuple(jobs))


def look(
    world: World,
    snapshot: Snapshot,
    hosts: Collection[str] | None = None,
    *,
    every: bool = False,
    instead: Instead | None = None,
) -> Fleet:
    """What is to be done on devices for a commit. `hosts` and `every` as of `asked`; `instead`: what one of them
    should hold, whatever it says. Raises Refusal."""
    return looked(world, snapshot, asked(world, snapshot, hosts, every=every), instead)


def looked(world: World, snapshot: Snapshot, these: Mapping[str, Wanted], instead: Instead | None = None) -> Fleet:
    """What is to be done on these devices. `snapshot`: whose policy holds. Raises Refusal."""
    if world.nas is None or not these:
        return Fleet()
    want = {host: one.resources() for host, one in these.items() if instead is None or host != instead.host}
    want |= {instead.host: instead.resources} if instead else {}
    one = ready(world, these, want)
    return judged(world, snapshot, one, world.nas.run(one.jobs, world.progress, "NAS read"), instead)


def alone(world: World, snapshot: Snapshot, stack: ExitStack) -> Fleet:
    """What is to be done on devices by an apply, which is the only one who configures any until the stack ends. While
    another one does, they count as unread. Raises Refusal."""
    if world.beside is not None:
        return world.beside.look(world, snapshot)
    these = asked(world, snapshot)
    if not these:
        return Fleet()
    try:
        stack.enter_context(world.store.lock(Holder("", world.now), "nas"))
    except Refusal as refusal:
        problem = refusal.problems[0]
        if problem.code != TAKEN:
            raise
        away = tuple(Unread(PREFIX + host, problem.code, problem.text) for host in sorted(these))
        made = Memory(world.store).made()
        lack = _lacking(world, these, {host: made[host].commit if host in made else "" for host in these})
        return Fleet(unread=away, lacking=lack, policy=snapshot.policy.value)
    return looked(world, snapshot, these)


def judged(
    world: World, snapshot: Snapshot, one: Look, said: Mapping[str, Answer], instead: Instead | None = None
) -> Fleet:
    """What is to be done on devices, by what they answered. Raises Refusal."""
    memory, these = Memory(world.store), one.asked
    made, begun = memory.made(), memory.begun()
    answers = {host: said[host] for host in these}
    changes, unread, equal = list[Change](), list[Unread](), list[str]()
    seen = {host: answer.resources for host, answer in answers.items() if answer.fine}
    for host, answer in sorted(answers.items()):
        if not answer.fine:
            unread.append(Unread(PREFIX + host, answer.code, answer.text))
        elif found := diff(PREFIX + host, one.want[host], seen[host]):
            changes += explained(found, these[host].nas)
        elif host in begun:
            changes += explained([_unconfirmed(host, begun[host])], these[host].nas)
        else:
            equal.append(host)
    nas = {host: each.nas for host, each in these.items()}
    named = {host: each.addresses for host, each in these.items()}
    ending = holds.disruptive(nas, changes)
    slices = {host: each.slice for host, each in these.items()}
    pauses = [pause for pause in world.store.pauses(world.now) if instead is None or pause.id not in instead.pauses]
    held = (
        *holds.stops(world, snapshot, nas, changes, ending, pauses),
        *holds.observed(world, snapshot, slices, changes),
    )
    online = {host: answer.online[0] for host, answer in answers.items()}
    ends = tuple(holds.endings(world.store, named, ending, online))
    moved = list(_moves(world, these, changes, made, instead))
    held = (*held, *filter(None, (moves.stop(world.store, host, named[host], them) for host, them in moved)))
    early = moves.together(move for _, them in moved for move in them)
    away = [each.target.removeprefix(PREFIX) for each in unread]
    lack = _lacking(world, these, {host: made[host].commit if host in made else "" for host in away})
    return Fleet(
        *(these, tuple(changes), tuple(unread), held, ends, tuple(equal), early, lack, seen, one.known),
        policy=snapshot.policy.value,
    )


def _unconfirmed(host: str, run: str) -> Change:
    """A device that shows all that it should, and goes back by itself unless it is told that all is well."""
    return Change(PREFIX + host, (UNCONFIRMED, run), {"by": "an apply that did not end"}, None)


def older(world: World, commits: Iterable[str]) -> dict[str, Mapping[str, Wanted]]:
    """What other commits say; nothing where one is not here any more, or cannot be understood."""
    found: dict[str, Mapping[str, Wanted]] = {}
    for commit in set(commits):
        try:
            part = world.repository.part(commit, ()) if commit else None
            found[commit] = wanted(world.repository, part, world.now) if part else {}
        except (Refusal, KeyError):
            found[commit] = {}
    return found


def _moves(
    world: World,
    asked: Mapping[str, Wanted],
    changes: Sequence[Change],
    made: Mapping[str, Made],
    instead: Instead | None,
) -> Iterator[tuple[str, list[moves.Move]]]:
    """By host. Two pools at least have to change: one that grows, and one that shrinks or goes."""
    mine: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        host = change.target.removeprefix(PREFIX)
        if host in made and things(asked[host].nas, [change.key]):
            mine[host].append(change)
    hosts = {host: made[host].commit for host, them in mine.items() if len(them) > 1}
    then = older(world, [*hosts.values(), *([instead.commit] if instead else [])])
    for host, commit in hosts.items():
        before, after = then[commit].get(host), then[instead.commit].get(host) if instead else asked[host]
        both = before and after and (before.slice, after.slice)
        found = list(moves.moves(asked[host].nas, *both, mine[host])) if both else []
        if found:
            yield host, found


def _lacking(world: World, asked: Mapping[str, Wanted], away: Mapping[str, str]) -> Lack:
    """What these hosts should hold and did not by the commit that they were last made equal to; empty: not known."""
    then = older(world, away.values())
    found = {}
    for host, commit in away.items():
        now, before = asked[host], then[commit].get(host)
        had = things(before.nas, before.resources()) if before else {}
        found[host] = frozenset(things(now.nas, now.resources()).keys() - had.keys())
    return found
