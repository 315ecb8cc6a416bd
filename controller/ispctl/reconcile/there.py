"""What stands on NAS as far as it is known without asking them, for rows that call it by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from ispctl.model.problem import Refusal
from ispctl.nas import Memory
from ispctl.plan import Key, Resources
from ispctl.reconcile import looking
from ispctl.reconcile.fleet import Wanted
from ispctl.reconcile.named import things
from ispctl.reconcile.world import World


class There:
    """What each host should hold and what it held when it last answered; each is made out once."""

    def __init__(self) -> None:
        self._want: dict[str, tuple[str, Resources]] = {}
        self._seen: dict[str, frozenset[str]] = {}
        self._before: dict[tuple[str, str], frozenset[str]] = {}

    def want(self, host: str, one: Wanted) -> Resources:
        """What a host should hold. Raises Refusal E800, E801."""
        if host not in self._want or self._want[host][0] != one.mark:
            self._want[host] = one.mark, one.resources()
        return self._want[host][1]

    def seen(self, one: Wanted, resources: Collection[Key]) -> None:
        """This stands there now."""
        self._seen[one.nas.name] = frozenset(things(one.nas, resources))

    def doubt(self, host: str) -> None:
        """It is not known any more what stands there."""
        self._seen.pop(host, None)

    def forget(self, but: Collection[str]) -> None:
        """All hosts except these."""
        for kept in (self._want, self._seen):
            for host in [host for host in kept if host not in but]:
                del kept[host]
        self._before = {key: stood for key, stood in self._before.items() if key[0] in but}

    def lacks(self, world: World, one: Wanted) -> frozenset[str]:
        """What a host should hold and does not, or may not: nothing is known of one that a run was at when it was
        killed."""
        host = one.nas.name
        stands = self._seen.get(host)
        should = frozenset(things(one.nas, self.want(host, one)))
        return should - (self._stood(world, host) if stands is None else stands)

    def _stood(self, world: World, host: str) -> frozenset[str]:
        """By the commit that it was last made equal to."""
        made = Memory(world.store).made().get(host)
        if made is None:
            return frozenset()
        key = host, made.mark
        if key not in self._before:
            before = looking.older(world, [made.commit])[made.commit].get(host)
            try:
                self._before[key] = frozenset(things(before.nas, before.resources())) if before else frozenset()
            except Refusal:  # that commit cannot be understood any more
                self._before[key] = frozenset()
        return self._before[key]


class Lacking(Mapping[str, frozenset[str]]):
    """What hosts lack, made out when it is asked for: most rows name nothing."""

    def __init__(self, hosts: Mapping[str, Wanted], lacks: Callable[[Wanted], frozenset[str]]) -> None:
        self._hosts, self._lacks = hosts, lacks
        self._known: dict[str, frozenset[str]] = {}

    def __getitem__(self, host: str) -> frozenset[str]:
        if host not in self._known:
            self._known[host] = self._lacks(self._hosts[host])
        return self._known[host]

    def __iter__(self) -> Iterator[str]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)
