"""A change for many who are online: stopped or killed half way, gone on with, and told in a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import pytest

from ispctl import reconcile
from ispctl.lab.granted import granted
from ispctl.lab.nas import Nas
from ispctl.lab.relay import Fleet
from ispctl.lab.session import Session
from ispctl.model.problem import Stopped
from ispctl.radius.live import Behind
from ispctl.radius.session import Answer
from ispctl.reconcile import Permission, Result, awaited_reports, far, touch
from ispctl.reconcile.people import People
from ispctl.reconcile.proof import Settled
from ispctl.reconcile.touch import TOGETHER, Touch
from ispctl.report import outcome
from ispctl.store import Database, proofs
from ispctl.store.records import stamp
from ispctl.structs import replace
from tests.reconcile.test_sessions import SECRET, point, slower
from tests.reconcile.world import ANITA, ANY, BOTH, Killed, World

MANY = 450
HOSTS = {"192.0.2.1": "lalitpur-1", "192.0.2.2": "kathmandu-1"}


@contextmanager
def online(world: World) -> Iterator[list[Session]]:
    """Many sessions of one login, at two stand-ins of the lab."""
    place = ("127.0.0.1", 1)
    members = {
        address: Nas(name, address=address, secret="unused", auth=place, acct=place) for address, name in HOSTS.items()
    }
    klass, sessions = world.class_of(ANITA), []
    for number in range(MANY):
        address, ipv4 = list(HOSTS)[number % 2], f"100.64.{number // 250}.{number % 250 + 1}"
        id = f"s{number}"
        world.dial(ANITA, klass, nas=address, id=id, ipv4=ipv4)
        nas = members[address]
        sessions.append(Session(id, nas.name, ANITA, "", ipv4, granted(nas.platform, {}), nas.clock(), interim=10**6))
        nas.online(sessions[-1])
    with Fleet(list(members.values()), SECRET) as fleet:
        point(world, fleet.coa[1])
        yield sessions


def told(result: Result) -> int:
    return sum((one.kind, one.answer) == ("coa", "ack") for one in result.sessions)


def acknowledged(world: World) -> int:
    with world.store(readonly=True) as store:
        return sum((one.kind, one.answer) == ("coa", "ack") for one in proofs.read(store))


def reported(world: World, counters: str, of: str = "1 = 1") -> None:
    """A report of five minutes later."""
    later = world.place.instant()
    world.sql(f"UPDATE radacct SET acctupdatetime = {later}, {counters} WHERE {of}", stamp(world.now) + 300)


@BOTH
@pytest.mark.slow
def test_who_was_told_before_a_kill_is_not_told_again_but_for_the_last_answers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with online(world) as sessions:
        slower(world)
        real, heard = Touch._keep, 0

        def keep(self: Touch, one: Behind, answer: Answer) -> None:
            nonlocal heard
            heard += 1
            if heard > MANY // 2:
                raise Killed
            real(self, one, answer)

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(Touch, "_keep", keep)
            world.apply()
        known = acknowledged(world)
        assert MANY // 2 - TOGETHER <= known <= MANY // 2
        assert told(world.apply()) == MANY - known
        assert {session.rate_text for session in sessions} == {"20M/40M"}
        assert acknowledged(world) == MANY
        assert world.plan().empty


@BOTH
@pytest.mark.slow
def test_whoever_stops_it_has_told_some_and_the_next_apply_tells_the_rest_and_only_the_rest(world: World) -> None:
    with online(world) as sessions:
        slower(world)
        shown: list[tuple[int, int]] = []

        def progress(what: str, done: int, total: int) -> None:
            if what == "sessions":
                shown.append((done, total))
                if done == 130:
                    raise KeyboardInterrupt

        with world.opened() as opened, pytest.raises(Stopped, match=f"Stopped after 1.. of {MANY} sessions"):
            reconcile.apply(replace(opened, progress=progress), "HEAD", Permission(ANY))
        assert shown[-1] == (130, MANY)
        assert acknowledged(world) == 129
        assert told(world.apply()) == MANY - 129
        assert {session.rate_text for session in sessions} == {"20M/40M"}


def test_what_many_are_to_be_told_of_is_looked_up_once_and_not_for_each(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with online(world):
        slower(world)
        asked: list[People] = []

        def groups_of(people: People) -> Mapping[str, str]:
            asked.append(people)
            return far.groups_of(people)

        monkeypatch.setattr("ispctl.reconcile.run.groups_of", groups_of)
        assert told(world.apply()) == MANY
    assert len(asked) == 1


@pytest.mark.slow
def test_what_became_of_many_is_told_in_a_few_lines_and_all_of_it_in_json(world: World) -> None:
    with online(world):
        slower(world)
        result = world.apply()
    said, text = outcome.document(result), outcome.text(result)
    assert f"SESSIONS: {MANY} told ({MANY} waiting for proof)" in text
    assert f"  lalitpur-1: {MANY // 2} told" in text
    assert len(text.splitlines()) < 12
    assert (len(said["sessions"]), said["told"]["nas"]["kathmandu-1"]["told"]) == (MANY, MANY // 2)


def test_no_answer_waits_long_for_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they come slowly, each is written down at once: whoever is killed then asks nobody again."""
    monkeypatch.setattr(touch, "WAIT", 0.0)
    with online(world):
        slower(world)
        real, heard = Touch._keep, 0

        def keep(self: Touch, one: Behind, answer: Answer) -> None:
            nonlocal heard
            heard += 1
            if heard > 3:
                raise Killed
            real(self, one, answer)

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(Touch, "_keep", keep)
            world.apply()
        assert acknowledged(world) == 3


@BOTH
def test_what_the_accounting_shows_of_many_is_written_down_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with online(world):
        slower(world)
        world.apply()
    reported(world, "acctoutputoctets = 10000000000")
    began: list[str] = []
    real = Database.transaction

    def transaction(database: Database) -> AbstractContextManager[None]:
        began.append("one")
        return real(database)

    alone: list[str] = []
    monkeypatch.setattr(Database, "transaction", transaction)
    monkeypatch.setattr(Database, "write", lambda _, sql, *__: alone.append(sql))
    with world.opened() as opened:
        assert reconcile.settle(opened) == Settled(waiting=MANY)
        first = len(began)
    world.sql("UPDATE radacct SET acctstoptime = acctstarttime")
    with world.opened() as opened:
        assert reconcile.settle(opened) == Settled(ended=MANY)
    assert first <= 3
    assert len(began) - first <= 3
    assert alone == []
    assert acknowledged(world) == 0


@BOTH
def test_who_has_not_reported_since_costs_an_apply_nothing(world: World) -> None:
    with online(world):
        slower(world)
        world.apply()
    with world.opened() as opened:
        before = opened.store.database.rows_read
        assert reconcile.settle(opened) == Settled(waiting=MANY)
        few = opened.store.database.rows_read - before
        assert awaited_reports(opened.store) == frozenset()
    assert few < MANY / 10
    reported(world, "acctoutputoctets = 2000", "acctsessionid = 's7'")
    with world.opened() as opened:
        assert len(awaited_reports(opened.store)) == 1
        before = opened.store.database.rows_read
        assert reconcile.settle(opened) == Settled(proved=1, waiting=MANY - 1)
        assert opened.store.database.rows_read - before == few + 2
