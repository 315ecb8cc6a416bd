"""Slices that several processes write to a server at once, under the lock of one of them; any of them may be killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ispctl.lab.process import wait_for
from ispctl.radius.rows import RadiusRows
from ispctl.store import Store
from tests.index.isp import Isp
from tests.index.test_apply import Opener
from tests.index.test_workers import lives
from tests.postgres import FreshDatabase

pytestmark = pytest.mark.live
APPLY = """
import sys
from ispctl.structs import replace
from pathlib import Path
from ispctl import reconcile
from ispctl.index import Index
from ispctl.radius.rows import RadiusRows
from ispctl.reconcile import World, far
from ispctl.repo import Repository
from ispctl.store import Store
from tests.index.isp import NOON
from tests.index.test_apply import ALL, in_slices
from tests.index.test_slices import SLICES
from tests.index.test_writers import Keys

if __name__ == "__main__":
    folder, head, kills, alone = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    with Repository.open(folder / "isp.git") as repository, Store.open(sys.stdin.read()) as store:
        index = Index(repository, folder / "index", size=replace(SLICES, alone=alone))
        world = World(repository, store, lambda: Keys(folder / "working", kills), NOON, lambda: NOON, index=index)
        index.look((head,), NOON, slicing=True)
        assert in_slices(world, head)
        known = bool(RadiusRows(store).read(None))  # of a run that was killed, perhaps when it had written them all
        far.Far.slices = lambda _: sys.exit("a process that has others to write went through what they write itself")
        result = reconcile.apply(world, head, ALL)
        assert result.exit_code == 0
        assert result.written["create"] == result.plan.summary["create"]
        assert result.written["create"] > 0 or known
"""


@dataclass
class Keys(Opener):
    """Opens what was never sealed, and leaves the number of the process that asked. At one of them, once, `kills` tells
    who is killed: "it", or the process that "began" it."""

    folder: Path
    kills: str = ""

    def open(self, sealed: Any, where: object = None) -> str:
        (self.folder / str(os.getpid())).touch()
        if sealed.owner == "s-105/main" and self.kills and not (self.folder / "killed").exists():
            (self.folder / "killed").touch()
            os.kill(os.getpid() if self.kills == "it" else os.getppid(), signal.SIGKILL)
        return super().open(sealed, where)


class Site:
    """A repository, and a database that is made equal to its head by a process of its own."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self.folder, self.dsn = folder, dsn
        self.isp = Isp(folder / "isp.git", random.Random(3))
        for number in range(100, 110):
            self.isp.add(f"s-{number}")
        self.isp.commit()
        (folder / "working").mkdir()
        self.make(dsn)

    def make(self, dsn: str) -> None:
        self.dsn = dsn
        Store.create(dsn, lab=True).close()

    def apply(self, kills: str = "", alone: int = 1) -> int:
        """The exit code."""
        script = self.folder / "apply.py"
        script.write_text(APPLY)
        command: list[str | Path] = [sys.executable, script, self.folder, self.isp.commits[-1], kills, str(alone)]
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        return subprocess.run(command, input=self.dsn.encode(), check=False, env=env).returncode

    @property
    def workers(self) -> set[int]:
        """The processes that opened a secret."""
        return {int(file.name) for file in (self.folder / "working").iterdir() if file.name.isdigit()}

    def content(self) -> tuple[Any, ...]:
        """Everything but who did what when."""
        with Store.open(self.dsn, readonly=True) as store:
            given = [(s.id, s.key, s.login, s.entitlement, s.digest, s.commit) for s in store.entitlements()]
            effects = store.database.query("SELECT id, key, effect, cause FROM ispctl_journal_service ORDER BY 1, 2, 3")
            changes = store.database.query("SELECT kind, key, action, outcome FROM ispctl_journal_change ORDER BY 1, 2")
            assert RadiusRows(store).suspect() == frozenset()
            found = RadiusRows(store).read(None), given, sorted(set(effects)), sorted(set(changes))
            return *found, store.applied and store.applied.commit

    def quiet(self) -> bool:
        """Whether the server has done with all who were connected: it commits what it was told to, whoever is gone."""
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with Store.open(self.dsn, readonly=True) as store:
            return store.database.query(others) == [(0,)]

    @property
    def commit(self) -> str | None:
        """What counts as applied. Whoever has anything has all of it."""
        with Store.open(self.dsn, readonly=True) as store:
            assert RadiusRows(store).suspect() == frozenset()
            return store.applied.commit if store.applied else None


@pytest.fixture
def site(tmp_path: Path, fresh_database: FreshDatabase) -> Site:
    return Site(tmp_path, fresh_database())


@pytest.fixture
def truth(site: Site, fresh_database: FreshDatabase) -> tuple[Any, ...]:
    """What one process alone writes."""
    dsn = site.dsn
    site.make(fresh_database())
    assert site.apply(alone=99) == 0
    found = site.content()
    site.dsn = dsn
    for file in (site.folder / "working").iterdir():
        file.unlink()
    (site.folder / "index").unlink()
    return found


def test_several_write_what_one_would(site: Site, truth: tuple[Any, ...]) -> None:
    assert site.apply() == 0
    assert len(site.workers) > 1
    assert site.content() == truth


@pytest.mark.slow
def test_they_end_with_whoever_was_killed_that_had_them_and_the_next_run_goes_on(
    site: Site, truth: tuple[Any, ...]
) -> None:
    assert site.apply("began") == -signal.SIGKILL
    assert wait_for(lambda: not any(map(lives, site.workers)), 30)
    assert wait_for(site.quiet, 30)
    assert site.commit is None
    assert site.apply() == 0
    assert site.content() == truth


@pytest.mark.slow
def test_what_a_process_that_is_killed_would_have_written_is_written_all_the_same(
    site: Site, truth: tuple[Any, ...]
) -> None:
    assert site.apply("it") == 0
    assert (site.folder / "working" / "killed").exists()
    assert site.content() == truth
