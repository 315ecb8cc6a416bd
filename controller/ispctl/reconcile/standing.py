"""As what each NAS stands: as that commit says which was last applied to it, be it by itself (`apply --target`)."""

from __future__ import annotations

from collections.abc import Mapping

from ispctl.nas.memory import Made, Memory
from ispctl.reconcile import fleet, looking
from ispctl.reconcile.fleet import Fleet, Wanted
from ispctl.reconcile.guards import contains
from ispctl.reconcile.stand_ins import stand_ins
from ispctl.reconcile.world import World
from ispctl.repo import Snapshot
from ispctl.structs import replace


def standing(world: World, wanted: Mapping[str, Wanted], made: Mapping[str, Made]) -> dict[str, Wanted]:
    """What those that were `made` equal to something should hold now: what a commit says (`wanted`), or another one
    said. Nobody is in it of whom that is not known any more: its commit is not here, or means something else now."""
    found = {host: one for host, one in wanted.items() if host in made and made[host].mark == one.mark}
    then = looking.older(world, [was.commit for host, was in made.items() if host not in found])
    for host, was in made.items():
        one = then[was.commit].get(host) if host not in found else None
        if one is not None and one.mark == was.mark:
            found[host] = one
    return found


def drifted(world: World, snapshot: Snapshot) -> Fleet:
    """Which devices stand otherwise than they were made; what git or time asks of them since is an apply's to do.
    `snapshot`: of the commit that is applied. Raises Refusal."""
    if world.nas is None:
        return Fleet()
    now, made, doors = fleet.due(world, snapshot), Memory(world.store).made(), stand_ins(world.store)
    stand = standing(world, now, made)
    for host, one in list(stand.items()):
        newer = one.commit != snapshot.commit and contains(world.repository, one.commit, snapshot.commit)
        if (not newer and host not in now) or (doors is not None and host not in doors):
            del stand[host]  # not ours any more, or not here
        elif not newer and now[host].nas.platform == one.nas.platform:
            stand[host] = replace(one, nas=replace(now[host].nas, radius=one.nas.radius))  # how it is reached now
    return looking.looked(world, snapshot, stand)
