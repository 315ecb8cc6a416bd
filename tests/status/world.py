"""The example ISP, applied to a real database at a fixed moment, and what the world may do to it since."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import run

from ispctl import reconcile
from ispctl.cli.common import Session
from ispctl.index import Index
from ispctl.radius.rendering import rendering
from ispctl.radius.rows import RadiusRows
from ispctl.repo import Repository, Snapshot
from ispctl.status.view import View, look
from ispctl.store import Proof, Store, proofs
from tests.gates import example
from tests.gates.tracked import ROOT

NOW = datetime(2027, 1, 15, 6, 15, tzinfo=UTC)
"""Noon in Kathmandu."""
DSN = "sqlite:///var/radius.db"
ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
ANITA, ANITA_ID = "anita.rai@home.example", "sub-000123"
EKRAJ = "ekraj.dangol@home.example"
LALITPUR, KATHMANDU = "192.0.2.1", "192.0.2.2"


def committed(folder: Path, message: str, at: datetime) -> str:
    """Commit the work tree, by Reader at a given moment; the commit's id."""
    env = {**os.environ, "GIT_AUTHOR_DATE": at.isoformat(), "GIT_COMMITTER_DATE": at.isoformat()}
    example.git(folder, "add", "inventory", "subscribers", "tariffs")
    who = ("-c", "user.name=Reader", "-c", "user.email=reader@example.net")
    run(["git", "-C", str(folder), *who, "commit", "-q", "--allow-empty", "-m", message], env=env, check=True)
    return example.git(folder, "rev-parse", "HEAD").strip()


@dataclass(frozen=True)
class World:
    """A copy of the example with its database; every test has its own."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "var" / "radius.db"

    @contextmanager
    def view(self, now: datetime = NOW) -> Iterator[View]:
        def opener(_: Snapshot) -> Store:
            return Store.open(DSN, base=self.folder, readonly=True)

        with Repository.open(self.folder, env=ENV) as repository, look(Index(repository, None), opener, now) as view:
            yield view

    def apply(self, now: datetime = NOW, commit: str = "HEAD") -> reconcile.Result:
        session = Session(self.folder, "ISPCTL", ENV, now)
        most = dict.fromkeys(("cut_off", "dropped", "slower", "delete"), 100)
        with session.repository() as repository, Store.open(DSN, base=self.folder) as store:
            store.database.query("PRAGMA synchronous = OFF")
            keyring = lambda: session.keyring(repository.at(commit), lab=True)  # noqa: E731
            world = reconcile.World(repository, store, keyring, now, lambda: now)
            result = reconcile.apply(world, commit, reconcile.Permission(most))
        assert [outcome.error for outcome in result.outcomes if outcome.error] == []
        return result

    def edit(self, path: str, change: Callable[[str], str], at: datetime = NOW) -> str:
        """Change one file and commit it."""
        file = self.folder / path
        before = file.read_text("utf-8")
        after = change(before)
        assert after != before
        file.write_text(after, "utf-8")
        return committed(self.folder, f"Edit {path.rpartition('/')[2]}", at)

    def sql(self, statement: str, *values: object) -> None:
        """What somebody does to the database by hand, or FreeRADIUS by itself."""
        with closing(sqlite3.connect(self.database)) as database:
            assert database.execute(statement, values).rowcount
            database.commit()

    def class_of(self, login: str, platform: str = "routeros") -> str:
        """The Class that a login gets from the rows as they are."""
        with Store.open(DSN, base=self.folder, readonly=True) as store:
            rows = RadiusRows(store).read(None)
        fields = rows["login", login]
        group = rows["group", f"{fields['group']}@{platform}"]
        return f"{fields['class']}-{rendering(group)}"

    def dial(
        self, login: str, klass: str = "", *, nas: str = LALITPUR, heard: int = 60, session: str = "s1", old: int = 3600
    ) -> None:
        """An open session, `old` seconds old, whose last report came `heard` seconds ago."""
        at = int(NOW.timestamp())
        self.sql(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, nasportid, callingstationid,"
            " acctstarttime, acctupdatetime, acctsessiontime, acctinputoctets, acctoutputoctets, framedipaddress,"
            " class)"
            " VALUES (?, ?, ?, ?, 'ge-1', '02:00:5e:10:00:01', ?, ?, 3600, 450000000, 9000000000, '100.64.0.7', ?)",
            *(session, f"{login}-{session}", login, nas, at - old, at - heard, klass),
        )

    def refused(
        self,
        login: str,
        reason: str,
        *,
        ago: int = 3,
        mac: str = "02:00:5e:10:00:01",
        nas: str = "lalitpur-1",
        detail: str = "",
    ) -> None:
        """The server has refused a login `ago` minutes ago."""
        self.sql(
            "INSERT INTO radpostauth (username, pass, reply, authdate, reason, detail, nas, callingstationid)"
            " VALUES (?, '', 'Access-Reject', ?, ?, ?, ?, ?)",
            *(login, int((NOW - timedelta(minutes=ago)).timestamp()), reason, detail, nas, mac),
        )

    def stranger(self, address: str = "198.51.100.77") -> None:
        """An address that is no NAS of ours asked a minute and a half ago."""
        self.sql("INSERT INTO ispctl_stranger VALUES (?, 1, ?, 12)", address, int(NOW.timestamp()) - 90)

    def refused_a_change(self, login: str, class_to: str, text: str, *, answer: str = "nak") -> None:
        """The NAS of the session `s1` of a login did not do what it was asked a minute ago."""
        at = NOW - timedelta(minutes=1)
        asked = Proof(f"{login}-s1", login, "lalitpur-1", "coa", class_to, answer, 1, at, None, None, text)
        with Store.open(DSN, base=self.folder) as store, store.transaction():
            proofs.put(store, [asked])

    def answered(self, login: str, class_to: str, *, proved: bool = False, ago: int = 30) -> None:
        """The session `s1` of a login has acknowledged a CoA `ago` seconds ago, or kept to it, as a run has seen."""
        at = NOW - (timedelta(minutes=5) if proved else timedelta(seconds=ago))
        done = at + timedelta(minutes=4) if proved else None
        said = "measured over 240 s: down 19.8 of 20 Mbit/s, up 1 of 10 Mbit/s" if proved else ""
        with Store.open(DSN, base=self.folder) as store, store.transaction():
            proofs.put(
                store, [Proof(f"{login}-s1", login, "lalitpur-1", "coa", class_to, "ack", 1, at, at, done, said)]
            )


def build(folder: Path) -> World:
    """The example, committed a day before NOW, and applied then."""
    folder.mkdir(parents=True)
    example.git(folder, "init", "-q", "-b", "main")
    for part in ("inventory", "subscribers", "tariffs"):
        shutil.copytree(ROOT / part, folder / part)
    committed(folder, "The example", NOW - timedelta(days=1))
    Store.create(DSN, base=folder, lab=True).close()
    world = World(folder)
    world.apply(NOW - timedelta(hours=1))
    example.packed(folder)
    return world


def steady(text: str) -> str:
    """A text without what differs from run to run, ids of commits and runs; and from version to version."""
    text = re.sub(r"\bschema \d+\b", "schema N", text)
    text = re.sub(r"\b[0-9a-f]{40}\b|\b[0-9a-f]{12}\b", "COMMIT", text)
    text = re.sub(r"\b[0-9a-f]{16}-[0-9a-f]{16}\b", "CLASS", text)
    return re.sub(r"\b\d{8}-\d{6}-[0-9a-z]{6}\b", "RUN", text)
