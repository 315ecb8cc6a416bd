"""The database is gone: it is made again from git and from a backup of facts, and a real server serves from it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ispctl.lab import freeradius
from ispctl.lab.fleet import Clock
from ispctl.lab.nas import Nas
from ispctl.model.problem import Refusal
from ispctl.radius.server import ServerSettings
from ispctl.reconcile import Permission
from ispctl.store import backup
from tests.databases import KINDS
from tests.live.rig import MAC, SECRET, online, refused
from tests.postgres import new_database
from tests.reconcile.world import World, built

pytestmark = pytest.mark.live
LEASED = "leased: {family: 4, served_by: radius, ranges: [198.51.100.0/28]}\n"
LOGIN, PASSWORD = "l700@home.example", "canary-pw-700"


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """The example, applied, with a subscriber whose device is learned and whose address the server leases."""
    dsn = "sqlite:///var/radius.db"
    if request.param == "postgresql":
        dsn = new_database(request.getfixturevalue("cluster"))
    with World(built(tmp_path / "isp", dsn), dsn=dsn) as world:
        world.write("inventory/pools.yaml", world.read("inventory/pools.yaml") + LEASED)
        world.subscriber(700, mac="{mode: learn, max: 1, on_mismatch: reject}", ipv4="{pool: leased}")
        world.commit()
        assert world.apply().exit_code == 0
        yield world


@contextmanager
def serving(world: World) -> Iterator[Nas]:
    """A server on the database, and a router that it knows."""
    row = "INSERT INTO nas (nasname, shortname, type, secret, require_ma) VALUES ('127.0.2.1', ?, 'routeros', ?, 0)"
    if not world.sql("SELECT 1 FROM nas WHERE nasname = '127.0.2.1'"):
        world.place.hand(f"{row} RETURNING 1", values=("lalitpur-1", SECRET))
    with world.store() as store:
        address = store.database.address
    run_dir = Path(tempfile.mkdtemp(prefix="ispctl-run-", dir="/tmp"))
    server = freeradius.launch_anywhere(
        lambda auth, acct: ServerSettings(
            database=address.for_server,
            dialect=address.dialect,
            database_password=address.password,
            run_dir=str(run_dir),
            auth_port=auth,
            acct_port=acct,
            nas_lifetime=1,
            reject_delay=0,
        ),
        world.folder / "var" / "conf",
    )
    try:
        yield Nas(
            "lalitpur-1",
            address="192.0.2.1",
            platform="routeros",
            secret=SECRET,
            auth=("127.0.0.1", server.settings.auth_port),
            acct=("127.0.0.1", server.settings.acct_port),
            source="127.0.2.1",
            clock=Clock(),
        )
    finally:
        server.stop()
        shutil.rmtree(run_dir)


def lose(world: World) -> None:
    """Nothing is left, and `ispctl radius init` makes its tables again."""
    if world.place.kind == "sqlite":
        for file in world.database.parent.glob("radius.db*"):
            file.unlink()
    else:
        world.place.hand("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    world.place.create(lab=True).close()


def test_a_lost_database_is_made_again_and_serves_within_seconds_and_no_gate_is_in_the_way(world: World) -> None:
    before = world.rows()
    began = time.monotonic()
    lose(world)
    result = world.apply(Permission())
    assert (result.exit_code, result.closed, result.held) == (0, (), ())
    assert world.rows() == before
    with serving(world) as nas:
        online(nas.dial(LOGIN, PASSWORD, mac=MAC))
    assert time.monotonic() - began < 60


def test_from_a_backup_sessions_go_on_devices_stay_bound_and_leases_are_kept(world: World, tmp_path: Path) -> None:
    with serving(world) as nas:
        session = online(nas.dial(LOGIN, PASSWORD, mac=MAC))
        assert nas.update(session)
        other = refused(nas.dial(LOGIN, PASSWORD, mac="02:00:5e:10:00:99"))
        assert session.address.startswith("198.51.100.")
        file = tmp_path / "facts.gz"
        with world.store(readonly=True) as store:
            backup.write(store, file, world.now, lambda *_: None)
            facts = sorted(map(repr, store.sessions(open_only=False)))
        lose(world)
        with world.store() as store:
            backup.restore(store, file, world.now, actor="noc", progress=lambda *_: None)
    result = world.apply(Permission())
    assert [(one.change.key, one.error) for one in result.outcomes if one.error] == []
    assert (result.exit_code, result.closed, result.sessions) == (0, (), ())
    assert world.plan().empty
    with world.store(readonly=True) as store:
        assert sorted(map(repr, store.sessions(open_only=False))) == facts
        (lease,) = store.database.query(
            "SELECT pool_name, framedipaddress FROM radippool WHERE expiry_time > CURRENT_TIMESTAMP"
        )
    assert lease == ("leased", session.address)
    with serving(world) as nas:
        assert refused(nas.dial(LOGIN, PASSWORD, mac="02:00:5e:10:00:99")).message == other.message
        assert online(nas.dial(LOGIN, PASSWORD, mac=MAC)).address == session.address


def test_a_repository_that_is_older_than_the_backup_is_not_applied(world: World, tmp_path: Path) -> None:
    file = tmp_path / "facts.gz"
    with world.store(readonly=True) as store:
        backup.write(store, file, world.now, lambda *_: None)
    lose(world)
    with world.store() as store:
        backup.restore(store, file, world.now, actor="noc", progress=lambda *_: None)
    with pytest.raises(Refusal, match="E602 backwards: .* which was applied when the backup was made"):
        world.apply(commit="HEAD~1")
    assert world.apply(Permission(rollback=True), commit="HEAD~1").exit_code == 0
