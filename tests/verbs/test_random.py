"""Verbs in any order on a real repository while days pass, others push and commands are killed: nothing is lost or half
done, every account balances, and the database holds what an apply from nothing would write."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
import yaml_rs

from ispctl.repo.remote import Remote
from ispctl.repo.scratch import Scratch
from ispctl.store import Database, Store
from tests.depth import times
from tests.gates import example
from tests.money.accounts import reckoned
from tests.verbs.conftest import FILE, SUB, Isp

COMMITS, STEPS = 6, 200
"""How much has to happen in a life, and how often it is tried."""
BEGINS = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)
TARIFF = "tariffs/home-50.yaml"
PEOPLE = (SUB, SUB, "sub-000126", "sub-000127", "sub-000077", "sub-000402", "sub-000203")
VERBS = (
    "renew {sub} --payment P{n}",
    "renew {sub} --periods 2",
    "renew {sub} --anchor now",
    "activate {sub} --payment P{n}",
    "pay {sub} {amount} --reference R{n}",
    "invoice {sub} {amount} --reference I{n}",
    "credit {sub} 20 --reason outage",
    "adjust {sub} -- -5",
    "refund {sub} 10 --reason moved --reference F{n}",
    "grace {sub} --days 2 --reason outage",
    "change-tariff {sub} home-100",
    "change-tariff {sub} home-20",
    "change-tariff {sub} home-200 --when period-end",
    "change-tariff {sub} home-20 --when now --convert",
    "suspend {sub} --reason abuse",
    "resume {sub}",
    "hold {sub} --from {day} --until {later} --extend",
    "hold {sub} --end",
    "schedule {sub} tariff=home-200 --at {later}",
    "revert {sub} {key} --reason slip --cascade",
    "revert {sub} {key} --reason slip",
    "mac bind {sub} 00:00:5e:00:53:{n:02x}",
    "mac mode {sub} fixed",
    "mac clear {sub}",
    "ip set {sub} --static auto",
    "ip set {sub} --dynamic",
    "move {sub} --group kathmandu",
    "rename-login {sub} l{n}@home.example",
    "edit {sub} profile.mobile=+97798410{n:05}",
    "reset-password {sub}",
    "terminate {sub} --on {later} --reason moves",
    "terminate {sub} --cancel",
)
GATES = ("cut-off", "drop", "slower", "delete", "clock")
ALLOWED = [word for gate in GATES for word in (f"--allow-{gate}", "999")]
TABLES = ("radcheck", "radreply", "radusergroup", "radgroupcheck", "radgroupreply", "nas", "ispctl_login")


class Killed(SystemExit):
    """Where a command was ended."""


class Life:
    """What one seed does to an ISP."""

    def __init__(self, isp: Isp, patch: pytest.MonkeyPatch, clock: time_machine.Traveller, seed: int) -> None:
        self.isp, self.patch, self.clock, self.chance = isp, patch, clock, random.Random(seed)
        self.trace: list[object] = [seed]
        self.committed = 0
        ends = (BEGINS + timedelta(days=self.chance.randrange(1, 40))).date()
        isp.push(FILE, isp.text().replace("paid_until: 2031-12-31", f"paid_until: {ends}"))
        self.database("applied")

    def database(self, name: str) -> Path:
        """The one that is applied to from now on, with a cache of its own."""
        path = self.isp.origin.parent / f"{name}.db"
        self.patch.setenv("ISPCTL_RADIUS__DSN", f"sqlite:///{path}")
        self.patch.setenv("ISPCTL_CACHE", str(path.with_suffix(".cache")))
        Store.create(f"sqlite:///{path}", lab=True).close()
        return path

    def step(self, number: int) -> None:
        self.clock.shift(self.chance.choice((0, 60, 86400, 9 * 86400, 40 * 86400)))
        now = datetime.now(UTC)
        for role in ("AUTHOR", "COMMITTER"):
            self.patch.setenv(f"GIT_{role}_DATE", now.isoformat(timespec="seconds"))
        self.verb(number, now)
        if self.chance.random() < 0.4:
            self.apply(killed_at=self.chance.choice((0, 0, 1, 2, 3, 5, 8)))

    def verb(self, number: int, now: datetime) -> None:
        before, count = self.ledgers(), len(self.isp.log())
        fate = self.chance.choice(("well", "well", "race", *KILLS))
        words = self.words(number, now)
        self.trace.append((now.isoformat(), fate, *words))
        with self.patch.context() as patch:
            disturbed = disturb(self.isp, patch, fate, number)
            with contextlib.suppress(Killed):
                self.isp(*words[:2], "--direct", "--yes", "--key", f"k{number}", *words[2:])
        after, grown = self.ledgers(), len(self.isp.log()) - count - disturbed.count("pushed")
        for path, text in before.items():
            moved = next((one for one in after if Path(one).name == Path(path).name), None)
            assert after.get(moved or "", "").startswith(text), (self.trace, "an account is only added to")
        assert grown in (0, 1), (self.trace, "one verb is one commit")
        assert grown or after == before, (self.trace, "an entry without its commit")
        self.committed += grown
        assert not list(Path(tempfile.gettempdir()).glob("ispctl-*")), self.trace
        if fate in ("kill-commit", "kill-push"):
            assert not grown, (self.trace, "what was not published is not there")

    def words(self, number: int, now: datetime) -> list[str]:
        sub = self.chance.choice(PEOPLE)
        keys = [str(entry["key"]) for path, text in self.ledgers().items() if sub in path for entry in entries(text)]
        template, options = (
            self.chance.choice(VERBS),
            {
                "sub": sub,
                "n": number,
                "key": self.chance.choice(keys or ["none"]),
                "amount": self.chance.choice((150, 1356, 99.5)),
                "day": now.date(),
                "later": (now + timedelta(days=self.chance.randrange(1, 30))).date(),
            },
        )
        return template.format(**options).split()

    def apply(self, *, killed_at: int = 0) -> None:
        self.trace.append(("apply", killed_at))
        with self.patch.context() as patch:
            if killed_at:
                kill_writes(patch, killed_at)
            with contextlib.suppress(Killed):
                said = self.isp.cli("apply", *ALLOWED, repo=self.isp.origin)
                assert said.code == 0, (self.trace, said.both)

    def ledgers(self) -> dict[str, str]:
        """The accounts as everybody has them, by path."""
        tree = example.git(self.isp.origin, "ls-tree", "-r", "--name-only", "main").splitlines()
        return {path: self.isp.text(path) for path in tree if path.endswith(".ledger.yaml")}

    def is_sound(self) -> None:
        checked = self.isp.cli("validate", "--commit", "main", repo=self.isp.origin)
        assert checked.code == 0, (self.trace, checked.both)
        for path, text in self.ledgers().items():
            id = Path(path).name.removesuffix(".ledger.yaml")
            told = self.isp.cli("account", id, "--format", "json", program="ispstat", repo=self.isp.origin)
            assert Decimal(told.json["items"][0]["balance"]) == reckoned(entries(text)), (self.trace, id)

    def equals_from_nothing(self) -> None:
        self.apply()
        assert self.isp.cli("drift", repo=self.isp.origin).code == 0, self.trace
        found = rows(self.isp.origin.parent / "applied.db")
        fresh = self.database("fresh")
        self.apply()
        assert found == rows(fresh), self.trace


@pytest.mark.parametrize("seed", range(times(2)))
def test_any_verbs_with_races_and_kills_leave_a_sound_isp(
    isp: Isp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    with time_machine.travel(BEGINS, tick=True) as clock:
        life = Life(isp, monkeypatch, clock, seed)
        number = 0
        while life.committed < COMMITS:
            assert number < STEPS, "a life in which nothing happens says nothing"
            life.step(number)
            number += 1
        life.is_sound()
        life.equals_from_nothing()


def entries(text: str) -> list[dict[str, Any]]:
    loaded: Any = yaml_rs.loads(text)
    return list(loaded["entries"])


def rows(path: Path) -> dict[str, list[str]]:
    """What the server reads, in any order."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        found = {}
        for table in TABLES:
            names = [one[1] for one in database.execute(f"PRAGMA table_info({table})")]
            kept = ", ".join(name for name in names if name not in ("id", "password_mac"))
            found[table] = sorted(map(repr, database.execute(f"SELECT {kept} FROM {table}")))
        return found


KILLS = ("kill-fetch", "kill-commit", "kill-push", "kill-after")


def disturb(isp: Isp, patch: pytest.MonkeyPatch, fate: str, number: int) -> list[str]:
    """Let somebody push in between, or end the command somewhere; what was done of that."""
    publish, done = Scratch.publish, list[str]()

    def killed(*_: object, **__: object) -> Any:
        raise Killed(143)

    def published(self: Scratch, commit: str, to: Remote, push: Any) -> str:
        if not done:
            isp.push(TARIFF, isp.text(TARIFF) + f"# {number}\n")
            done.append("pushed")
        return publish(self, commit, to, push)

    if fate == "race":
        patch.setattr(Scratch, "publish", published)
    place: dict[str, tuple[type, str]] = {
        "kill-fetch": (Remote, "fetch"),
        "kill-commit": (Scratch, "commit"),
        "kill-push": (Scratch, "publish"),
        "kill-after": (Remote, "follow"),
    }
    if fate in place:
        patch.setattr(*place[fate], killed)
    return done


def kill_writes(patch: pytest.MonkeyPatch, number: int) -> None:
    """End the command before so many writes into the database; what was begun is rolled back, as by a killed one."""
    left = [number]

    def counted(real: Callable[..., int]) -> Callable[..., int]:
        def write(*arguments: Any) -> int:
            left[0] -= 1
            if left[0] <= 0:
                raise Killed(143)
            return real(*arguments)

        return write

    for name in ("write", "write_many"):
        patch.setattr(Database, name, counted(getattr(Database, name)))
