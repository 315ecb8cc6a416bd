"""The whole database away, not a table: at the start and while people dial. Nobody is refused, nothing is lost."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ispctl.lab import freeradius
from ispctl.lab.cluster import Cluster, launch
from ispctl.lab.nas import Silent
from ispctl.lab.process import wait_for
from ispctl.lab.session import Session
from ispctl.model.problem import Refusal
from tests.canary import PASSWORD, PASSWORD_MARK
from tests.live.rig import CLASS, MAC, OTHER_MAC, RENDERING, Rig, online
from tests.postgres import new_database, own_cluster

pytestmark = pytest.mark.live


@contextmanager
def locked(rig: Rig) -> Iterator[None]:
    """While inside, somebody else holds the SQLite file for himself."""
    with closing(sqlite3.connect(rig.place.file, isolation_level=None)) as file:
        file.execute("PRAGMA busy_timeout = 5000")
        file.execute("BEGIN EXCLUSIVE")
        yield
        file.execute("ROLLBACK")


@contextmanager
def started(cluster: Cluster, **settings: str) -> Iterator[None]:
    """A stopped cluster, running again."""
    again = launch(cluster.folder, port=cluster.port, settings=settings)
    try:
        yield
    finally:
        again.stop()


def dials(rig: Rig, login: str) -> bool:
    return isinstance(rig.routeros.dial(login, PASSWORD), Session)


def kept(rig: Rig, session: Session) -> bool:
    return rig.account(session).get("acctterminatecause") == "User-Request"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Rig, Cluster]]:
    """A server on a cluster that may be stopped."""
    with own_cluster() as cluster:
        rig = Rig(tmp_path, new_database(cluster))
        try:
            yield rig, cluster
        finally:
            rig.close()


def test_while_postgresql_is_stopped_nobody_is_refused_and_accounting_waits(own: tuple[Rig, Cluster]) -> None:
    rig, cluster = own
    login = rig.login()
    session = online(rig.routeros.dial(login, PASSWORD, mac=MAC))
    rig.store.close()
    cluster.stop()
    rig.routeros._timeout, rig.routeros._tries = 1.0, 1
    assert isinstance(rig.routeros.dial(login, PASSWORD), Silent)
    assert isinstance(rig.routeros.dial(login, PASSWORD + "x"), Silent)
    assert rig.routeros.hangup(session)
    buffers = [path for path in rig.run_dir.iterdir() if path.name.startswith("buffer")]
    assert [oct(path.stat().st_mode & 0o777) for path in buffers] == ["0o600"]
    assert PASSWORD_MARK not in "".join(path.read_text("utf-8") for path in rig.run_dir.iterdir())
    with started(cluster):
        rig.store = rig.place.open()
        assert wait_for(lambda: kept(rig, session), 30)
        row = rig.account(session)
        assert (row["class"], row["callingstationid"]) == (f"{CLASS}-{RENDERING}", MAC)
        assert wait_for(lambda: dials(rig, login), 10)


def test_a_locked_file_lets_people_in_and_accounting_wait(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    try:
        login, learner = rig.login(), rig.login(mac_mode="learn")
        session = online(rig.routeros.dial(login, PASSWORD, mac=MAC))
        rig.routeros._timeout, rig.routeros._tries = 8.0, 1
        with locked(rig):
            online(rig.routeros.dial(login, PASSWORD, mac=MAC))
            assert isinstance(rig.routeros.dial(learner, PASSWORD, mac=OTHER_MAC), Silent)
            assert rig.routeros.hangup(session)
        assert wait_for(lambda: kept(rig, session), 30)
        assert rig.rows("SELECT mac FROM ispctl_mac WHERE login = ?", learner) == []
    finally:
        rig.close()


def test_a_server_starts_without_its_postgresql_and_works_when_it_comes(tmp_path: Path) -> None:
    with own_cluster() as cluster:
        first = Rig(tmp_path / "first", new_database(cluster))
        login = first.login()
        settings = first.server.settings
        first.server.stop()
        first.store.close()
        cluster.stop()
        again = freeradius.launch(settings, tmp_path / "conf")
        try:
            first.routeros._timeout, first.routeros._tries = 1.0, 1
            assert isinstance(first.routeros.dial(login, PASSWORD), Silent)
            with started(cluster):
                assert wait_for(lambda: dials(first, login), 15)
        finally:
            again.stop()
            shutil.rmtree(first.run_dir)


def test_a_server_that_found_a_table_missing_refuses_nobody_once_it_is_back(cluster: Cluster, tmp_path: Path) -> None:
    rig = Rig(tmp_path, new_database(cluster))
    answers: list[object] = []

    def answered() -> bool:
        answers.append(rig.routeros.authenticate(login, PASSWORD))
        return not isinstance(answers[-1], Silent)

    try:
        login, settings = rig.login(), rig.server.settings
        rig.server.stop()
        rig.run("ALTER TABLE radreply RENAME TO elsewhere")
        rig.server = freeradius.launch(settings, tmp_path / "conf")
        rig.routeros._timeout, rig.routeros._tries = 1.0, 1
        assert not answered()
        rig.run("ALTER TABLE elsewhere RENAME TO radreply")
        assert wait_for(answered, 10)
        assert isinstance(answers[-1], dict)
    finally:
        rig.close()


def test_nobody_waits_until_the_disk_has_the_row_of_his_accept(own: tuple[Rig, Cluster]) -> None:
    rig, cluster = own
    login, learner = rig.login(), rig.login(mac_mode="learn")
    rig.store.close()
    cluster.stop()
    rig.routeros._timeout, rig.routeros._tries = 1.0, 1
    # A commit that waits, waits for ever: for a standby that does not exist.
    with started(cluster, synchronous_commit="on", synchronous_standby_names="nobody"):
        assert wait_for(lambda: isinstance(rig.routeros.authenticate(login, PASSWORD), dict), 10)
        rig.store = rig.place.open(readonly=True)
        assert rig.log(login) == ("Access-Accept", "ok")
        assert isinstance(rig.routeros.authenticate(learner, PASSWORD, mac=MAC), Silent)


def test_an_interim_update_does_not_wait_for_the_disk_and_a_stop_does(own: tuple[Rig, Cluster]) -> None:
    rig, cluster = own
    session = online(rig.routeros.dial(rig.login(), PASSWORD))
    rig.store.close()
    cluster.stop()
    rig.routeros._timeout, rig.routeros._tries = 1.0, 1
    session.up.octets = 5e6
    with started(cluster, synchronous_commit="on", synchronous_standby_names="nobody"):
        assert wait_for(lambda: rig.routeros.update(session), 10)
        rig.store = rig.place.open(readonly=True)
        assert rig.account(session)["acctinputoctets"] >= 5e6
        session.ended = "User-Request"
        assert not rig.routeros._account(session, "Stop")


def test_without_its_file_a_server_on_sqlite_does_not_start_and_makes_none(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.server.stop()
    rig.place.file.rename(tmp_path / "elsewhere.db")
    try:
        with pytest.raises(Refusal, match="E405"):
            freeradius.launch(rig.server.settings, tmp_path / "conf")
        assert not rig.place.file.exists()
    finally:
        rig.store.close()
        shutil.rmtree(rig.run_dir)
