"""Whether RADIUS still hears a NAS after it was configured: its accounting and refused log-ins, as the server wrote
them down. Who was hardly heard before is blamed for nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import Final

from ispctl.model.device import Hearing
from ispctl.model.network import Nas
from ispctl.store import Store, facts

PAUSE: Final = 1.0


class Ears:
    """Of one run."""

    def __init__(
        self, store: Store, policy: Hearing, clock: Callable[[], datetime], addresses: Mapping[str, Collection[str]]
    ) -> None:
        """`addresses`: by which each host names itself."""
        self._store, self._policy, self._clock, self._addresses = store, policy, clock, addresses

    def before(self, nas: Collection[Nas]) -> frozenset[str]:
        """The hosts of whom something has to be heard again: enough was heard of them lately."""
        if not self._policy.wait:
            return frozenset()
        found = self.since(nas, self._clock() - timedelta(seconds=self._policy.wait))
        return frozenset(host for host, count in found.items() if count >= self._policy.floor)

    def silent(self, nas: Iterable[Nas], since: datetime, ending: Callable[[], bool]) -> frozenset[str]:
        """Of whom nothing is heard; waits for them as long as the policy has patience, and no longer than it has to or
        all has to end."""
        left, ends = {one.name: one for one in nas}, monotonic() + self._policy.wait
        while left:
            for host in self.since(left.values(), since):
                left.pop(host)
            if not left or monotonic() >= ends or ending():
                break
            sleep(PAUSE)
        return frozenset(left)

    def since(self, nas: Collection[Nas], moment: datetime) -> dict[str, int]:
        """How much was heard of each since; of whom nothing was, is left out."""
        hosts = {address: one.name for one in nas for address in self._addresses[one.name]}
        refused = {one.name for one in nas if one.radius}
        found: dict[str, int] = {}
        for address, count in facts.spoke(self._store, hosts, moment).items() if hosts else ():
            found[hosts[address]] = found.get(hosts[address], 0) + count
        for one in facts.refusals(self._store, moment) if refused else ():
            if one.nas in refused:
                found[one.nas] = found.get(one.nas, 0) + one.times
        return found
