"""The example with two routers that are configured, and live in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from ispctl.nas import Answer, Fleet, Job, Memory
from ispctl.nas.job import work
from ispctl.plan import Resources
from ispctl.reconcile import Drift, Result, restorable, restore
from ispctl.structs import field
from tests.nas.conftest import Box, Boxes
from tests.reconcile.world import Killed, World

HOST = "lalitpur-1"
POOLS = "inventory/pools.yaml"


class Mortal(Fleet):
    """The process ends, where it is told so, when everything was written and nothing was heard of it yet."""

    dies: list[bool] = field(default_factory=list)
    afterwards: list[Callable[[], object]] = field(default_factory=list)
    """What happens in the network once something was written."""

    def run(
        self,
        jobs: Sequence[Job],
        progress: Callable[[str, int, int], None] = lambda *_: None,
        what: str = "NAS",
        do: Callable[[Job], Answer] = work,
    ) -> dict[str, Answer]:
        answers = super().run(jobs, progress, what, do)
        if self.dies and any(job.changes for job in jobs):
            raise Killed
        for happens in self.afterwards if any(job.changes for job in jobs) else ():
            happens()
        return answers


@dataclass
class Routers:
    """The example with two routers that are configured."""

    world: World
    boxes: Boxes
    fleet: Mortal

    def box(self, host: str = HOST) -> Box:
        return self.boxes.devices[{HOST: "192.0.2.11", "bhaktapur-1": "192.0.2.14"}[host]]

    def pool(self, host: str = HOST) -> object:
        return self.box(host).held.get(("/ip pool", "home"), {}).get("ranges")

    def apply(self) -> dict[str, tuple[str, str]]:
        return said(self.world.apply())

    def back(self) -> dict[str, tuple[str, str]]:
        """Put a router back to what stood there before the last run that changed it."""
        with self.world.opened() as world:
            run, before = restorable(world, HOST, None)
            return said(restore(world, self.world.repository.part("HEAD", ()), HOST, run, before))

    def narrowed(self) -> None:
        """The pool of each of them becomes a smaller one, which takes one change there."""
        self.world.edit(POOLS, "lalitpur-1: [100.64.0.0/22]", "lalitpur-1: [100.64.0.0/23]")
        self.world.changed(POOLS, "bhaktapur-1: [100.64.12.0/22]", "bhaktapur-1: [100.64.12.0/23]")

    def kept(self) -> list[Resources]:
        with self.world.store() as store:
            return [resources for _, _, resources in Memory(store).kept(HOST)]


def said(result: Result | Drift) -> dict[str, tuple[str, str]]:
    return {one.host: (one.status, one.code) for one in result.devices}


@pytest.fixture
def routers(world: World, monkeypatch: pytest.MonkeyPatch) -> Routers:
    boxes = Boxes()
    monkeypatch.setattr("ispctl.nas.job.nas_platform", lambda _: boxes)
    world.edit("inventory/targets.yaml", "radius:", "nas: {attempts: 1}\nradius:")
    hosts = world.read("inventory/hosts.yaml")
    world.write("inventory/hosts.yaml", re.sub(r"(?s)(\ndhulikhel-1:.*?)\n    device:.*?\n\n", r"\1\n\n", hosts))
    world.commit("Two NAS are configured")
    fleet = Mortal(workers=2, attempts=1)
    world.nas = fleet
    boxes.devices |= {"192.0.2.11": Box(), "192.0.2.14": Box()}
    found = Routers(world, boxes, fleet)
    assert set(found.apply().values()) == {("applied", "")}
    world.tick(hours=1)
    return found
