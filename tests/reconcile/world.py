"""The example ISP in a git repository of its own, a real database, and everything that may happen to both."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ispctl import reconcile
from ispctl.cli.common import Session, demo_key
from ispctl.cli.plans import verified
from ispctl.index import whole
from ispctl.intent import intent_of
from ispctl.nas import Fleet
from ispctl.plan import Change, Plan, Resources
from ispctl.radius.rendering import render, rendering
from ispctl.radius.rows import RadiusRows
from ispctl.reconcile import Drift, Permission, Result, propose
from ispctl.repo import Repository
from ispctl.secrets import KEYRING, Keyring
from ispctl.store import Store
from tests import copies
from tests.databases import KINDS, Place
from tests.gates import example
from tests.gates.tracked import ROOT

NOW = datetime(2027, 1, 15, 6, 15, tzinfo=UTC)
"""Noon in Kathmandu."""
DSN = "sqlite:///var/radius.db"
ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
ANY = dict.fromkeys(("cut_off", "dropped", "slower", "delete", "clock"), 1000)
"""What a test permits that is not about gates."""
ANITA, BIKASH, EKRAJ = "anita.rai@home.example", "bikash.maharjan@home.example", "ekraj.dangol@home.example"
A_FILE = "subscribers/lalitpur/3f/sub-000123.yaml"
B_FILE = "subscribers/lalitpur/3f/sub-000124.yaml"
OURS = (
    *("radcheck", "radreply", "radusergroup", "radgroupcheck", "radgroupreply", "nas", "ispctl_login", "ispctl_pop"),
    *("ispctl_mac", "ispctl_object", "ispctl_service", "ispctl_meta", "ispctl_session", "ispctl_journal"),
    *("ispctl_journal_service", "ispctl_journal_change", "radacct"),
)


BOTH = pytest.mark.parametrize("world", KINDS, indirect=True)
"""A test whose world is on SQLite and on PostgreSQL; without it, on SQLite alone, which takes a tenth of the time."""


class Killed(BaseException):
    """The process ends here, as far as the database can tell."""


@dataclass
class World:
    """A repository with its database. A context manager: it keeps one git child."""

    folder: Path
    now: datetime = NOW
    env: dict[str, str] = field(default_factory=lambda: dict(ENV))
    dsn: str = field(default=DSN, repr=False)
    nas: Fleet | None = None
    """Who speaks to NAS; nobody."""

    def __enter__(self) -> World:
        self.repository = Repository.open(self.folder, env=ENV)
        return self

    def __exit__(self, *_: object) -> None:
        self.repository.git.close()

    # the repository

    @property
    def head(self) -> str:
        return self.repository.resolve("HEAD")

    def read(self, path: str) -> str:
        return (self.folder / path).read_text("utf-8")

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        text = self.read(path)
        assert old in text, f"{path} does not hold {old!r}"
        self.write(path, text.replace(old, new))

    def remove(self, path: str) -> None:
        (self.folder / path).unlink()

    def commit(self, message: str = "A change") -> str:
        example.commit(self.folder, message)
        return self.head

    def changed(self, path: str, old: str, new: str) -> str:
        """One edit in a commit of its own."""
        self.edit(path, old, new)
        return self.commit()

    def sealed(self, place: str, clear: str) -> str:
        """A value sealed for a place by the example's keyring."""
        kind, _, rest = place.partition("/")
        owner, _, name = rest.rpartition("/")
        assert kind in ("service", "nas")
        return keyring().seal(kind, owner, name, clear).text  # type: ignore[arg-type]  # asserted above

    def subscriber(self, number: int, **service: Any) -> str:
        """A new subscriber of group lalitpur; returns the path of the file."""
        id = f"sub-{number:06}"
        said = {
            "login": f"l{number}@home.example",
            "password": f'"{self.sealed(f"service/{id}/main/password", f"canary-pw-{number}")}"',
            "tariff": "home-50",
            "activated": "2026-01-01",
            "paid_until": "2031-12-31",
        } | service
        lines = "".join(f"    {name}: {value}\n" for name, value in said.items() if value is not None)
        path = f"subscribers/lalitpur/aa/{id}.yaml"
        self.write(path, f"id: {id}\nprofile: {{name: Canary Birdsong}}\nservices:\n  - key: main\n{lines}")
        return path

    # the database

    @property
    def place(self) -> Place:
        return Place(self.dsn, self.folder)

    @property
    def database(self) -> Path:
        """Of a world on SQLite."""
        return self.folder / "var" / "radius.db"

    @contextmanager
    def store(self, *, readonly: bool = False) -> Iterator[Store]:
        with self.place.open(readonly=readonly) as store:
            if not readonly and self.place.kind == "sqlite":
                store.database.query("PRAGMA synchronous = OFF")
            yield store

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What somebody does to the database by hand, or FreeRADIUS by itself."""
        if self.place.kind != "sqlite":
            return self.place.hand(statement, values=values)
        with closing(sqlite3.connect(self.database)) as database, database:
            return database.execute(statement, values).fetchall()

    def rows(self) -> Resources:
        """Everything of ours, in normal form."""
        with self.store(readonly=True) as store:
            return RadiusRows(store).read(None)

    def desired(self, commit: str = "HEAD") -> Resources:
        return render(intent_of(self.repository.at(commit), self.now))

    def content(self, *but: str) -> str:
        """A hash of every row of every table that an apply may write."""
        said = [(name, sorted(map(repr, self.sql(f"SELECT * FROM {name}")))) for name in OURS if name not in but]
        return hashlib.sha256(repr(said).encode()).hexdigest()

    # the commands

    def session(self) -> Session:
        return Session(self.folder, "ISPCTL", self.env, self.now)

    @contextmanager
    def opened(self, commit: str = "HEAD", *, readonly: bool = False) -> Iterator[reconcile.World]:
        session = self.session()
        snapshot = verified(whole({commit: self.repository.at(commit)}, self.now), commit)
        with self.store(readonly=readonly) as store:
            unlock = lambda: session.keyring(snapshot, lab=store.is_lab)  # noqa: E731
            yield reconcile.World(self.repository, store, unlock, self.now, lambda: self.now, nas=self.nas)

    def apply(self, permission: Permission | None = None, commit: str = "HEAD", kill_at: int = 0) -> Result:
        """Apply as the command does. `kill_at`: the process ends before that write of the run."""
        with self.opened(commit) as world:
            if kill_at:
                _killed_at(world.store, kill_at)
            return reconcile.apply(world, commit, permission or Permission(ANY))

    def plan(self, commit: str = "HEAD") -> Plan:
        with self.opened(commit, readonly=True) as world:
            return reconcile.live(world, commit).plan

    def drifted(self) -> tuple[Change, ...]:
        with self.opened(readonly=True) as world:
            return reconcile.drifted(world).changes

    def repair(self, permission: Permission | None = None) -> Drift:
        with self.opened() as world:
            return reconcile.repair(world, permission or Permission(ANY))

    def tick(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    # live sessions

    def class_of(self, login: str, platform: str = "routeros") -> str:
        """The Class that a login gets from the rows as they are."""
        rows = self.rows()
        fields = rows["login", login]
        group = rows["group", f"{fields['group']}@{platform}"]
        return f"{fields['class']}-{rendering(group)}"

    def dial(
        self, login: str, klass: str | None = None, *, nas: str = "192.0.2.1", id: str = "", ipv4: str = "100.64.0.7"
    ) -> str:
        """An open session, an hour old; returns its unique id."""
        at = int(self.now.timestamp())
        unique = hashlib.sha256(f"{login} {nas} {id} {at}".encode()).hexdigest()[:32]
        given = self.class_of(login) if klass is None else klass
        moment = self.place.instant()
        self.sql(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
            " acctsessiontime, acctinputoctets, acctoutputoctets, framedipaddress, class)"
            f" VALUES (?, ?, ?, ?, {moment}, {moment}, 3600, 1000, 1000, ?, ?)",
            *(id or unique[:8], unique, login, nas, at - 3600, at - 60, ipv4, given),
        )
        return unique

    def report(self, unique: str, *, down: int = 0, up: int = 0) -> None:
        """An interim update at this moment; octets moved since the one before."""
        self.sql(
            f"UPDATE radacct SET acctupdatetime = {self.place.instant()}, acctinputoctets = acctinputoctets + ?,"
            " acctoutputoctets = acctoutputoctets + ? WHERE acctuniqueid = ?",
            *(int(self.now.timestamp()), up, down, unique),
        )

    def stop(self, unique: str) -> None:
        moment = self.place.instant()
        self.sql(
            f"UPDATE radacct SET acctstoptime = {moment} WHERE acctuniqueid = ?", int(self.now.timestamp()), unique
        )


def _killed_at(store: Store, number: int) -> None:
    """Nothing more is written from that write on; what was begun is rolled back, as by a killed process."""
    database, left = store.database, [number]

    def counted(real: Callable[..., int]) -> Callable[..., int]:
        def write(*arguments: Any) -> int:
            left[0] -= 1
            if left[0] <= 0:
                raise Killed
            return real(*arguments)

        return write

    setattr(database, "write", counted(database.write))  # noqa: B010  # a method of one instance, on purpose
    setattr(database, "write_many", counted(database.write_many))  # noqa: B010


@cache
def keyring() -> Keyring:
    """The example's keyring, opened by the demonstration's key."""
    from ispctl.secrets import identity_from

    return Keyring.unlock((ROOT / KEYRING).read_bytes(), identity_from(demo_key()))


def built(folder: Path, dsn: str = DSN) -> Path:
    """What the example enforces in one commit, with an empty lab database."""
    example.copy(folder)
    shutil.rmtree(folder / "subscribers" / "timal")  # how anything is managed, tests say themselves
    hosts = folder / "inventory" / "hosts.yaml"
    hosts.write_text(hosts.read_text("utf-8").partition("\ndhulikhel-old:")[0], "utf-8")
    for file in (hosts, hosts.with_name("policy.yaml"), folder / "subscribers" / "kathmandu" / "group.yaml"):
        file.write_text(re.sub(r"(?m)^ *managed: .*\n", "", file.read_text("utf-8")), "utf-8")
    (folder / ".gitignore").write_text("var/\n", "utf-8")
    example.commit(folder, "Leave the database out")
    Store.create(dsn, base=folder, lab=True).close()
    return example.packed(folder)


def copied(template: Path, folder: Path) -> Path:
    return copies.tree(template, folder)


def codes(problems: Sequence[Any]) -> list[str]:
    return [problem.code for problem in problems]


def proposal(repository: Repository, base: str, head: str, now: datetime) -> Plan:
    """What a commit would change against another, everything of both being read."""
    look = whole({rev: repository.at(rev) for rev in (base, head)}, now)
    return propose(repository, look, base, head)
