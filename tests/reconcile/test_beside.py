"""NAS configured beside rows and sessions: what goes on meanwhile, what waits, and what is stopped. The devices live in
memory; what would take long there ends when a test says so."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from threading import Event

import pytest

from ispctl import reconcile
from ispctl.lab.process import wait_for
from ispctl.model.problem import Refusal
from ispctl.nas import Answer, Job
from ispctl.nas.job import work
from ispctl.reconcile import Beside, News, Permission, Result, guards
from ispctl.reconcile.promised import PROMISED
from ispctl.store import Holder, Pause
from ispctl.structs import field, replace
from tests.reconcile.routers import HOST, POOLS, Mortal, Routers
from tests.reconcile.test_devices import ending
from tests.reconcile.test_named import FRESH, reply
from tests.reconcile.world import A_FILE, ANY, BOTH

__all__ = ["ending"]
OTHER = "bhaktapur-1"
NARROW, WIDE = "100.64.0.1-100.64.1.254", "100.64.0.1-100.64.3.254"
PAYS = ("paid_until: 2031-12-31", "paid_until: 2026-12-31")
"""Anita's time is over; turned round she pays."""


class Slow(Mortal):
    """Devices that take as long as a test wants: `reads` and `writes` are let through while they are set."""

    reads: Event = field(default_factory=Event)
    writes: Event = field(default_factory=Event)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    """Who was written to, wave by wave."""

    def run(
        self,
        jobs: Sequence[Job],
        progress: Callable[[str, int, int], None] = lambda *_: None,
        what: str = "NAS",
        do: Callable[[Job], Answer] = work,
    ) -> dict[str, Answer]:
        if changes := any(job.changes for job in jobs):
            self.asked.append(tuple(sorted(job.login.host for job in jobs)))
        assert (self.writes if changes else self.reads).wait(30)
        return super().run(jobs, progress, what, do)


@dataclasses.dataclass
class Site:
    """A loop's part of it, turn by turn."""

    routers: Routers
    slow: Slow
    strict: bool = False
    """Whether no gate may be passed."""
    stopping: list[bool] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.beside = Beside(lambda: None, lambda: bool(self.stopping))

    def apply(self) -> Result:
        with self.routers.world.opened() as world:
            return reconcile.apply(replace(world, beside=self.beside), "HEAD", Permission({} if self.strict else ANY))

    def later(self, what: Callable[[News], object] = lambda news: news.changed) -> News:
        """The next time that this is said."""
        found: list[News] = []

        def said() -> bool:
            found.append(self.beside.news())
            return bool(what(found[-1]))

        assert wait_for(said, 20)
        return found[-1]

    def settle(self) -> Result:
        """Turn after turn, until nothing is under way."""
        for _ in range(10):
            if not (result := self.apply()).under_way:
                return result
            self.later()
        raise AssertionError("it does not end")

    def ended(self) -> tuple[int, int]:
        one = self.later(lambda news: bool(news.ended)).ended[0]
        return one.done, one.failed


@pytest.fixture
def site(routers: Routers) -> Iterator[Site]:
    slow = Slow(workers=2, attempts=1)
    routers.world.nas = slow
    slow.reads.set()
    found = Site(routers, slow)
    yield found
    found.stopping.append(True)
    slow.reads.set()
    slow.writes.set()
    found.beside.close(20)


def paid(site: Site, *, until: bool) -> None:
    site.routers.world.changed(A_FILE, *(reversed(PAYS) if until else PAYS))


def waiting(site: Site) -> None:
    """The pools change, the routers were looked at, and the first of them is written to, which takes its time."""
    site.routers.narrowed()
    assert site.apply().under_way
    site.later()
    assert site.apply().under_way
    site.later(lambda news: bool(news.hosts))
    assert wait_for(lambda: bool(site.slow.asked), 20)


@BOTH
def test_rows_are_written_while_routers_are_looked_at_and_configured(site: Site) -> None:
    site.slow.reads.clear()
    site.routers.narrowed()
    paid(site, until=False)
    assert site.apply().rows > 0
    paid(site, until=True)
    assert site.apply().rows > 0, "nobody has answered yet"
    site.slow.reads.set()
    site.later()
    site.apply()
    hosts = site.later(lambda news: bool(news.hosts)).hosts
    assert hosts == {OTHER: site.routers.world.now}
    paid(site, until=False)
    assert site.apply().rows > 0
    site.slow.writes.set()
    assert site.ended() == (2, 0)
    assert (site.settle().exit_code, site.routers.pool()) == (0, NARROW)
    assert site.routers.apply() == {}, "each stands as git says, and is asked no more"


@pytest.fixture
def named(site: Site) -> Site:
    """Anita's own rows name a new pool of her router."""
    world = site.routers.world
    world.write(POOLS, world.read(POOLS) + FRESH)
    world.edit(A_FILE, "    tariff: home-50", "    ipv4: {pool: fresh}\n    tariff: home-50")
    world.edit("inventory/policy.yaml", "waves: [{hosts: [pop-dhulikhel]}", "waves: [{hosts: [lalitpur-1]}")
    world.commit("A pool of her own")
    return site


def test_rows_wait_for_what_they_name_on_a_router_that_is_configured_meanwhile(named: Site) -> None:
    world = named.routers.world
    named.apply()
    assert "fresh" not in str(reply(world)), "nobody is told of it while it is not known to be there"
    named.later()
    named.apply()
    assert "fresh" not in str(reply(world))
    named.slow.writes.set()
    assert named.settle().exit_code == 0
    assert "fresh" in str(reply(world))
    assert ("/ip pool", "fresh") in named.routers.box().held


def test_what_rows_name_goes_from_a_router_once_they_do_not_any_more(named: Site) -> None:
    world = named.routers.world
    named.slow.writes.set()
    named.settle()
    world.edit(POOLS, FRESH, "")
    world.changed(A_FILE, "    ipv4: {pool: fresh}\n", "")
    named.apply()
    assert "fresh" not in str(reply(world))
    assert ("/ip pool", "fresh") in named.routers.box().held
    assert named.settle().exit_code == 0
    assert ("/ip pool", "fresh") not in named.routers.box().held


def test_whoever_names_again_what_is_about_to_go_waits_until_it_is_there_again(named: Site) -> None:
    world = named.routers.world
    named.slow.writes.set()
    named.settle()
    named.slow.writes.clear()
    world.edit(POOLS, FRESH, "")
    world.changed(A_FILE, "    ipv4: {pool: fresh}\n", "")
    named.apply()
    named.later()
    named.apply()
    named.later(lambda news: bool(news.hosts))
    world.write(POOLS, world.read(POOLS) + FRESH)
    world.edit(A_FILE, "    tariff: home-50", "    ipv4: {pool: fresh}\n    tariff: home-50")
    world.commit("A pool of her own after all")
    named.apply()
    assert "fresh" not in str(reply(world))
    named.slow.writes.set()
    assert named.settle().exit_code == 0
    assert "fresh" in str(reply(world))
    assert ("/ip pool", "fresh") in named.routers.box().held


def test_a_newer_commit_ends_the_waves_that_are_not_wanted_any_more(site: Site) -> None:
    waiting(site)
    first = site.slow.asked[0]
    site.routers.world.edit(POOLS, "lalitpur-1: [100.64.0.0/23]", "lalitpur-1: [100.64.0.0/22]")
    site.routers.world.changed(POOLS, "bhaktapur-1: [100.64.12.0/23]", "bhaktapur-1: [100.64.12.0/22]")
    site.apply()
    site.slow.writes.set()
    assert site.ended() == (1, 0)
    assert site.settle().exit_code == 0
    assert site.routers.pool() == WIDE
    assert site.slow.asked == [first, first], "forth and back; the other one was never touched"


def test_a_newer_commit_that_is_about_rows_alone_ends_no_wave(site: Site) -> None:
    waiting(site)
    paid(site, until=False)
    assert site.apply().rows > 0
    site.slow.writes.set()
    assert site.ended() == (2, 0)


def test_a_pause_that_comes_meanwhile_holds_the_routers_that_were_not_begun(site: Site) -> None:
    waiting(site)
    world = site.routers.world
    world.tick(seconds=1)
    with world.store() as store, store.transaction():
        until = world.now + timedelta(hours=2)
        store.put_pause(Pause("p1", "everything", "", world.now, until, "something is wrong", "ops"))
    site.slow.writes.set()
    assert site.ended() == (1, 0)
    assert len(site.slow.asked) == 1


@BOTH
def test_told_to_end_it_does_so_after_the_router_that_it_is_at(site: Site) -> None:
    waiting(site)
    site.stopping.append(True)
    site.slow.writes.set()
    site.beside.close(20)
    assert len(site.slow.asked) == 1
    world = site.routers.world
    assert world.sql("SELECT kind, outcome FROM ispctl_journal ORDER BY started DESC, run DESC")[0] == (
        "devices",
        "stopped",
    )
    world.nas = site.routers.fleet
    assert OTHER in site.routers.apply(), "the next run goes on"


def test_killed_in_the_middle_the_next_run_looks_again(site: Site) -> None:
    site.slow.dies.append(True)
    site.slow.writes.set()
    site.routers.narrowed()
    site.apply()
    site.later()
    site.apply()
    with pytest.raises(BaseException) as died:  # noqa: PT011
        site.later(lambda news: bool(news.ended))
    assert type(died.value).__name__ == "Killed"
    site.slow.dies.clear()
    site.beside = Beside(lambda: None, lambda: bool(site.stopping))
    assert site.settle().exit_code == 0
    assert site.routers.pool() == NARROW
    assert len(site.routers.kept()) == 2


def test_a_router_that_is_away_holds_up_nobody_and_is_not_asked_again_at_once(site: Site) -> None:
    site.slow.writes.set()
    site.routers.box().denies = True
    site.routers.narrowed()
    result = site.settle()
    assert {one.target: one.code for one in result.unread} == {f"nas:{HOST}": "E810"}
    opened = site.routers.box().opened
    paid(site, until=False)
    result = site.apply()
    assert (result.rows > 0, result.exit_code, result.under_way) == (True, 3, False)
    assert site.routers.box().opened == opened


def test_a_router_that_refuses_stays_said_and_another_commit_is_tried_at_once(site: Site) -> None:
    site.slow.writes.set()
    site.routers.box().refuses = "/ip pool"
    site.routers.narrowed()
    for _ in range(2):
        result = site.settle()
        assert ([(one.host, one.code) for one in result.devices], result.exit_code) == ([(HOST, "E812")], 1)
    assert len(site.slow.asked) == 2, "each once"
    site.routers.box().refuses = ""
    site.routers.world.changed(POOLS, "lalitpur-1: [100.64.0.0/23]", "lalitpur-1: [100.64.2.0/23]")
    assert site.settle().exit_code == 0
    assert site.routers.pool() == "100.64.2.1-100.64.3.254"


def test_while_another_one_configures_routers_they_are_told_as_unread(site: Site) -> None:
    site.slow.writes.set()
    site.routers.narrowed()
    with site.routers.world.store() as other, other.lock(Holder("", site.routers.world.now, "somebody"), "nas"):
        result = site.settle()
    assert {one.code for one in result.unread} == {"E312"}
    assert site.routers.pool() == WIDE


def test_while_they_are_configured_nobody_else_does_it(site: Site) -> None:
    waiting(site)
    with pytest.raises(Refusal, match="E312 .*configure NAS"), site.routers.world.opened() as world:
        reconcile.apply_devices(world, "HEAD", Permission(), None)


def test_sessions_that_are_about_to_end_count_at_the_gate_before_they_do(
    site: Site, ending: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = site.routers.world
    monkeypatch.setattr(site.beside, "_let_pass", ending.append)
    site.apply()
    site.later()
    assert site.apply().under_way
    with world.opened() as opened:
        assert len(guards.taken(opened)["dropped"]) == 3
    site.slow.writes.set()
    assert site.ended() == (2, 0)
    with world.store() as store, world.opened() as opened:
        assert store.objects(PROMISED) == {}
        assert len(guards.taken(opened)["dropped"]) == 3, "they have, by now"


def test_a_gate_that_holds_routers_stays_closed_while_they_are_looked_at_again(site: Site, ending: list[float]) -> None:
    site.strict = True
    assert [one.gate for one in site.settle().closed] == ["dropped"]
    assert [one.gate for one in site.apply().closed] == ["dropped"]
    assert (site.slow.asked, ending) == ([], [])
