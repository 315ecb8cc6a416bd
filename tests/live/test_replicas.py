"""Standbys next to other servers: sessions are told when each that answers has the rows. On real streaming standbys."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psycopg2
import pytest

from ispctl import reconcile
from ispctl.cli.common import Session
from ispctl.lab.cluster import Cluster
from ispctl.model.problem import Refusal
from ispctl.reconcile import Permission, Result
from ispctl.report import outcome
from ispctl.store import Store
from tests.gates import example
from tests.postgres import own_cluster, standby

pytestmark = pytest.mark.live
NOW = datetime(2027, 1, 15, 6, 15, tzinfo=UTC)
ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
GONE = "postgresql://ispctl@127.0.0.1:1/radius"
MOST = dict.fromkeys(("cut_off", "dropped", "slower", "delete"), 1000)


class World(NamedTuple):
    """The example, applied to a server with a standby."""

    folder: Path
    dsn: str
    second: Cluster

    @property
    def replica(self) -> str:
        return self.second.dsn("radius")

    def faster(self) -> None:
        """A commit that is told to a session."""
        tariff = self.folder / "tariffs" / "home-50.yaml"
        text = tariff.read_text("utf-8")
        rate = next(line for line in text.splitlines() if line.startswith("rate:"))
        down = int(rate.partition("down: ")[2].partition("M")[0])
        tariff.write_text(text.replace(f"down: {down}M", f"down: {down + 1}M", 1), "utf-8")
        example.commit(self.folder, "Faster")

    def apply(self, *replicas: str, catching_up: float = 20.0) -> Result:
        session = Session(self.folder, "ISPCTL", ENV, NOW)
        with session.repository() as repository, Store.open(self.dsn) as store:
            keyring = lambda: session.keyring(repository.at("HEAD"), lab=True)  # noqa: E731
            world = reconcile.World(
                repository, store, keyring, NOW, lambda: NOW, replicas=replicas, catching_up=catching_up
            )
            return reconcile.apply(world, "HEAD", Permission(MOST))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = example.copy(tmp_path_factory.mktemp("replicas") / "isp")
    with own_cluster() as primary:
        dsn = primary.make("radius")
        Store.create(dsn, lab=True).close()
        with standby(primary) as second:
            world = World(folder, dsn, second)
            assert world.apply().exit_code == 0
            yield world


@pytest.fixture(autouse=True)
def online(world: World) -> None:
    """A session of somebody on home-50 that runs what nobody gives any more. A lab without stand-ins has no door."""
    with Store.open(world.dsn) as store:
        store.database.write("DELETE FROM radacct")
        store.database.write(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
            " class) VALUES ('s1', 'u1', 'anita.rai@home.example', '192.0.2.1', to_timestamp(?), to_timestamp(?),"
            " '0000000000000000-0000000000000000')",
            (int(NOW.timestamp()) - 600, int(NOW.timestamp()) - 60),
        )


@contextmanager
def lagging(second: Cluster) -> Iterator[None]:
    """While inside, the standby receives what happens and does not show it."""
    for word in ("pause", "resume"):
        with closing(psycopg2.connect(second.dsn("postgres"))) as link, link, link.cursor() as cursor:
            cursor.execute(f"SELECT pg_wal_replay_{word}()")
        if word == "pause":
            yield


def test_sessions_are_told_when_the_standby_has_the_rows(world: World) -> None:
    world.faster()
    result = world.apply(world.replica)
    assert result.unread == ()
    assert [one.code for one in result.sessions] == ["E506"]  # it was to be told, and this lab has nobody who would
    with Store.open(world.replica, readonly=True) as replica:
        assert replica.applied is not None
        assert replica.applied.commit == result.commit


def test_a_standby_that_lags_keeps_sessions_as_they_are(world: World) -> None:
    world.faster()
    with lagging(world.second):
        result = world.apply(world.replica, catching_up=0.3)
    assert [outcome.error for outcome in result.outcomes if outcome.error] == []
    assert result.sessions == ()
    assert [(one.code, one.target) for one in result.unread] == [
        ("E331", f"postgresql://127.0.0.1:{world.second.port}/radius")
    ]
    assert result.exit_code == 3
    later = world.apply(world.replica)
    assert (later.unread, len(later.sessions)) == ((), 1)


def test_a_standby_that_is_gone_is_named_and_waited_for_by_nobody(world: World) -> None:
    world.faster()
    result = world.apply(world.replica, GONE, catching_up=20.0)
    assert [one.code for one in result.unread] == ["E326"]
    assert len(result.sessions) == 1  # those that answer have the rows


def test_what_is_missing_is_said_as_a_target_that_was_not_read(world: World) -> None:
    with Store.open(world.dsn) as store:  # nobody is online, so that nothing else is wrong
        store.database.write("DELETE FROM radacct")
    result = world.apply(GONE)
    assert result.exit_code == 3
    said = outcome.text(result)
    assert "E326" in said
    assert "was not applied" not in said
    assert "Next: ispstat health" in said
    assert json.loads(json.dumps(outcome.document(result)))["unread"][0]["code"] == "E326"


def test_a_standby_takes_no_changes_itself(world: World) -> None:
    with Store.open(world.replica) as store, pytest.raises(Refusal, match="E328 read-only-database: .*standby"):
        store.meta.set("note", "x")
