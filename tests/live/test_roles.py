"""Roles of a PostgreSQL database: ispstat sees everything but secrets, FreeRADIUS does its work and no more."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, NamedTuple, Self

import psycopg2
import pytest
import typer

from ispctl.cli.common import run
from ispctl.cli.main import app as ispctl
from ispctl.cli.stat import app as ispstat
from ispctl.lab.cluster import Cluster
from ispctl.lab.session import Session
from ispctl.model.problem import Refusal
from ispctl.nas import Memory
from ispctl.nas.memory import Heard
from ispctl.plan import Change
from ispctl.platforms.device import SECRET
from ispctl.store import Store, address, facts, nas_backups
from ispctl.store.roles import grant
from tests.canary import PASSWORD
from tests.databases import Place
from tests.gates import example
from tests.live.rig import MAC, Rig, online, serve, stop
from tests.postgres import drop, new_database

pytestmark = pytest.mark.live
ANITA = "anita.rai@home.example"


def _verbs() -> dict[str, list[str]]:
    """Each verb of ispstat with what it has to be given."""
    group: Any = typer.main.get_command(ispstat)
    given = {
        name: [name, *(ANITA for parameter in verb.params if parameter.required)]
        for name, verb in sorted(group.commands.items())
    }
    return given | {"then": ["show", ANITA, "--at", "-1s"], "since": ["rejects", "--since", "2d"]}


VERBS = _verbs()


class World(NamedTuple):
    """The example, applied to a database of PostgreSQL, and a role of ispstat there."""

    folder: Path
    place: Place
    reader: str


@pytest.fixture(scope="module")
def role(cluster: Cluster) -> Iterator[str]:
    yield "stat_reader"
    link = psycopg2.connect(cluster.dsn("postgres"))
    link.autocommit = True
    link.cursor().execute("DROP ROLE IF EXISTS stat_reader")
    link.close()


@pytest.fixture(scope="module")
def world(cluster: Cluster, role: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = example.copy(tmp_path_factory.mktemp("roles") / "isp")
    dsn = new_database(cluster)
    Store.create(dsn, lab=True).close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISPCTL_RADIUS__DSN", dsn)
        assert run(ispctl, "ispctl", ["--repo", str(folder), "apply"]) == 0
        assert run(ispctl, "ispctl", ["--repo", str(folder), "radius", "roles", "--stat", role]) == 0
        assert run(ispctl, "ispctl", ["--repo", str(folder), "radius", "init"]) == 0  # grants again
    place = Place(dsn, folder)
    place.hand(f"ALTER ROLE {role} PASSWORD 'canary-pw-role'")
    name = dsn.rpartition("/")[2]
    yield World(folder, place, cluster.dsn(name, role, "canary-pw-role"))
    drop(cluster, name)


Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def asked(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """`asked(dsn, *words)`: what ispstat answers."""
    for name in [name for name in os.environ if name.startswith(("ISPCTL_R", "ISPCTL_A", "ISPSTAT_"))]:
        monkeypatch.delenv(name)

    def ask(dsn: str, *words: str) -> tuple[int, str, str]:
        monkeypatch.setenv("ISPSTAT_RADIUS__DSN", dsn)
        code = run(ispstat, "ispstat", ["--repo", str(world.folder), *words])
        return (code, *capsys.readouterr())

    return ask


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command begins at one moment, so that "a second ago" is the same for all."""
    moment = datetime.now(UTC)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(moment.timestamp(), tz)

    monkeypatch.setattr("ispctl.cli.common.datetime", Clock)


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize("verb", VERBS)
def test_a_role_without_secrets_gets_the_same_answer_as_the_owner(world: World, asked: Said, verb: str) -> None:
    owner, reader = (asked(dsn, *VERBS[verb], "--format", "json") for dsn in (world.place.dsn, world.reader))
    assert "no-permission" not in reader[2]
    assert reader == owner


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ("UPDATE radcheck SET value = 'canary-pw-hand' WHERE username = '{}'", "password was altered by hand"),
        ("INSERT INTO radcheck (username, attribute, op, value) VALUES ('{}', 'NT-Password', ':=', 'canary-pw-nt')",
         "check has NT-Password := hidden:"),
        ("INSERT INTO radcheck (username, attribute, op, value) VALUES ('{}', 'Auth-Type', ':=', 'Accept')",
         "check has Auth-Type := Accept"),
        ("INSERT INTO radreply (username, attribute, op, value) VALUES ('{}', 'Odd-Secret', ':=', 'canary-pw-odd')",
         "reply has Odd-Secret := hidden:"),
        ("UPDATE nas SET secret = 'canary-pw-nas' WHERE nasname = (SELECT min(nasname) FROM nas)",
         "secret was altered by hand"),
    ],
)  # fmt: skip
def test_a_role_without_secrets_finds_a_hand_edit_of_one(world: World, asked: Said, edit: str, told: str) -> None:
    keep = "CREATE TABLE kept_{0} AS TABLE {0}"
    tables = ("radcheck", "radreply", "nas")
    world.place.hand(*(keep.format(table) for table in tables), edit.format(ANITA))
    try:
        code, out, _ = asked(world.reader, "drift")
        assert (code, told in out) == (2, True), out
        assert asked(world.place.dsn, "drift")[1] == out
    finally:
        for table in tables:
            world.place.hand(f"DELETE FROM {table}", f"INSERT INTO {table} TABLE kept_{table}")
            world.place.hand(f"DROP TABLE kept_{table}")


@pytest.mark.parametrize(
    "question",
    [
        "SELECT value FROM radcheck",
        "SELECT * FROM radcheck",
        "SELECT value FROM radreply",
        "SELECT value FROM radgroupcheck",
        "SELECT secret FROM nas",
        "SELECT value FROM ispctl_secret",
        "UPDATE ispctl_meta SET value = 'x'",
        "DELETE FROM radacct",
        "CREATE TABLE mine (x integer)",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
def test_a_role_of_ispstat_is_denied_what_it_does_not_need(world: World, question: str) -> None:
    link = psycopg2.connect(world.reader)
    try:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            link.cursor().execute(question)
    finally:
        link.close()


def test_a_role_of_ispstat_sees_what_runs_did_on_nas_and_no_key_to_their_secrets(world: World) -> None:
    at, digest = datetime(2027, 1, 15, 12, tzinfo=UTC), "sha256:" + "5e" * 32
    held = {("/radius", "198.51.100.10 1812"): {"address": "198.51.100.10", SECRET: digest}}
    with world.place.open() as store, store.transaction():
        run = store.begin_run("devices", at, commit="c" * 40)
        run.change(Change("nas:lalitpur-1", ("/ip pool", "home"), None, {"ranges": "100.64.0.0/22"}), at)
        memory = Memory(store)
        memory.keep(run.id, "lalitpur-1", at, held, "b" * 40)
        memory.put_heard("lalitpur-1", Heard("applied", run.id, "c" * 40, at.isoformat()))
        run.finish("done", at)
    found = []
    for dsn in (world.place.dsn, world.reader):
        with Store.open(dsn, readonly=True) as store:
            seen, runs = Memory(store), list(facts.device_runs(store, "nas:lalitpur-1", 20))
            kept = [resources for _, _, resources in seen.kept("lalitpur-1")]
            found.append((seen.heard(), kept, nas_backups.counts(store), runs, seen.made()))
            assert store.sees_secrets == (dsn == world.place.dsn)
    assert found[0] == found[1]
    assert (found[1][1], found[1][2], len(found[1][3])) == ([held], {"lalitpur-1": 1}, 1)


def test_freeradius_works_as_a_role_that_may_do_nothing_else(cluster: Cluster, tmp_path: Path) -> None:
    dsn = new_database(cluster)
    name = dsn.rpartition("/")[2]
    rig = Rig(tmp_path, dsn)
    try:
        assert grant(rig.store, "serving", "server")
        assert not grant(rig.store, "serving", "server")
        rig.place.hand("ALTER ROLE serving PASSWORD 'canary-pw-role'")
        own = address(cluster.dsn(name, "serving", "canary-pw-role"), Path())
        stop(rig.server)
        rig.server = serve(own, tmp_path / "conf", nas_lifetime=1, log_accepts=True)
        rig.insert("radippool", pool_name="main", framedipaddress="100.70.0.1")
        login = rig.login(mac_mode="learn", check=(("Pool-Name", "main"),), group=None, ours=False)
        learning = rig.login(mac_mode="learn")
        nas = rig.nas("butwal-9", "192.0.2.99", "routeros")
        assert online(nas.dial(login, PASSWORD)).address == "100.70.0.1"
        session = online(nas.dial(learning, PASSWORD, mac=MAC))
        assert isinstance(session, Session)
        assert rig.rows("SELECT mac FROM ispctl_mac WHERE login = ?", learning) == [(MAC,)]
        assert nas.update(session)
        assert nas.hangup(session)
        assert rig.account(session)["acctterminatecause"] == "User-Request"
        assert rig.rows("SELECT has_table_privilege('serving', 'ispctl_clock', 'INSERT, UPDATE')") == [(True,)]
        stranger = rig.nas("nobody", "192.0.2.98", "routeros", listed=False, timeout=0.2)
        stranger.dial(login, PASSWORD)
        assert rig.rows("SELECT packets FROM ispctl_stranger")
        assert "ERROR" not in rig.server.log.read_text("utf-8")
        link = psycopg2.connect(cluster.dsn(name, "serving", "canary-pw-role"))
        for question in ("UPDATE radcheck SET value = ''", "DELETE FROM radacct", "SELECT * FROM ispctl_secret"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege), link, link.cursor() as cursor:
                cursor.execute(question)
        link.close()
    finally:
        rig.close()
        drop(cluster, name)
        link = psycopg2.connect(cluster.dsn("postgres"))
        link.autocommit = True
        link.cursor().execute("DROP ROLE IF EXISTS serving")
        link.close()


def test_a_file_has_no_roles_and_a_name_may_not_be_a_statement(tmp_path: Path, cluster: Cluster) -> None:
    with (
        Store.create("sqlite:///radius.db", base=tmp_path) as store,
        pytest.raises(Refusal, match="E332 no-roles: .*whoever may read the file"),
    ):
        grant(store, "ispstat", "stat")
    dsn = new_database(cluster)
    with Store.create(dsn) as store, pytest.raises(Refusal, match="E332"):
        grant(store, 'x"; DROP TABLE nas; --', "stat")
    drop(cluster, dsn.rpartition("/")[2])
