"""What this project is asked in a measurement, as whole commands."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from tests.bench.process import Run

PROGRAM = Path(sys.executable).with_name("ispctl")
Job = str
"""What is to be done, so that its cost can be put beside a peer's for the same: everything, nothing, one."""


@dataclass(frozen=True)
class Operation:
    """One line of the table. `prepare` is not measured; `before` names an operation that must have gone well."""

    who: str
    name: str
    job: Job
    run: Run
    prepare: Callable[[], object] | None = None
    after: Callable[[], object] = lambda: None
    before: str = ""
    asks_database: bool = False
    patience: float = 1.0
    """So many times the usual limit may it take, since others need it."""


@dataclass(frozen=True)
class Place:
    """An ISP made by tests.bench.isp in a folder, and what is measured on it."""

    folder: Path
    count: int

    @property
    def repository(self) -> Path:
        return self.folder / "isp.git"

    @property
    def key_file(self) -> Path:
        return self.folder / "age.key"

    def run(self, *words: str, code: int | None = 0, cache: str = "cache", dsn: str = "") -> Run:
        own = {"ISPCTL_CACHE": str(self.folder / cache), "ISPCTL_AGE_KEY_FILE": str(self.key_file)}
        # an installed package has its byte code beside it: to compile it each time is not what anybody waits for
        hidden = ("ISPCTL_", "ISPSTAT_", "PYTHONDONTWRITEBYTECODE")
        outer = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        env = {**outer, **own, **({"ISPCTL_RADIUS__DSN": dsn} if dsn else {})}
        return Run([str(PROGRAM), "--repo", str(self.repository), *words], env, code)


def reading(place: Place) -> Iterator[Operation]:
    """What asks no database."""

    def forget() -> None:
        shutil.rmtree(place.folder / "none", ignore_errors=True)

    def forget_last() -> None:
        shutil.rmtree(place.folder / "cache", ignore_errors=True)

    clean = place.run("validate", "--commit", "main", cache="none")
    yield Operation("ispctl", "validate, nothing remembered", "everything", clean, prepare=forget, after=forget)
    last = "first plan, nothing remembered"
    yield Operation("ispctl", last, "everything", place.run(*_plan("main")), forget_last, patience=6.0)
    yield Operation("ispctl", "plan, nothing to do", "nothing", place.run(*_plan("main")), before=last)
    yield Operation("ispctl", "plan, one renewal", "one", place.run(*_plan("one"), code=2), before=last)
    yield Operation("ispctl", "plan, 100 other tariffs", "one", place.run(*_plan("hundred"), code=2), before=last)
    yield Operation("ispctl", "plan, a rate of a tariff", "one", place.run(*_plan("tariff"), code=2), before=last)


def _plan(commit: str) -> tuple[str, ...]:
    return "plan", "--base", "main", "--commit", commit


@dataclass(frozen=True)
class Databases:
    """Databases of one kind, made and copied. `dsn`: of a name; `copy`: a new database like another."""

    kind: str
    dsn: Callable[[str], str]
    make: Callable[[str], object]
    copy: Callable[[str, str], object]


def writing(place: Place, databases: Databases) -> Iterator[Operation]:
    """What makes rows. The database with everything in it is kept as `full`, and copied for whoever changes it."""
    kind, full, work = databases.kind, databases.dsn("full"), databases.dsn("work")

    def empty() -> None:
        databases.make("full")
        done = place.run("radius", "init", dsn=full)
        subprocess.run(done.command, env=done.env, check=True, capture_output=True)

    def check() -> None:
        if (found := logins(full)) != place.count:
            raise RuntimeError(f"{found:,} logins of {place.count:,} were written")

    def like_full() -> None:
        databases.copy("full", "work")

    first = f"apply to {kind}, everything"
    main, one = place.run("apply", "--commit", "main", dsn=full), place.run("apply", "--commit", "one", dsn=work)
    yield Operation("ispctl", first, "everything", main, empty, check, asks_database=True)
    yield Operation("ispctl", f"apply to {kind}, nothing to do", "nothing", main, before=first, asks_database=True)
    yield Operation("ispctl", f"apply to {kind}, one renewal", "one", one, like_full, before=first, asks_database=True)
    drift = place.run("drift", dsn=full)
    yield Operation("ispctl", f"drift of {kind}, none", "nothing", drift, before=first, asks_database=True)


def sqlite(folder: Path) -> Databases:
    def file(name: str) -> Path:
        return folder / f"{name}.db"

    def make(name: str) -> None:
        for left in folder.glob(f"{name}.db*"):
            left.unlink()

    def copy(name: str, to: str) -> None:
        make(to)
        with closing(sqlite3.connect(file(name))) as one, closing(sqlite3.connect(file(to))) as other:
            one.backup(other)

    return Databases("SQLite", lambda name: f"sqlite:///{file(name)}", make, copy)


def logins(dsn: str) -> int:
    """How many may log in by a password."""
    text = "SELECT count(DISTINCT username) FROM radcheck WHERE attribute = 'Cleartext-Password'"
    if dsn.startswith("sqlite:"):
        with closing(sqlite3.connect(dsn.removeprefix("sqlite:///"))) as file:
            return int(file.execute(text).fetchone()[0])
    with closing(psycopg2.connect(dsn)) as link, link.cursor() as cursor:
        cursor.execute(text)
        (found,) = cursor.fetchone() or (0,)
        return int(found)
