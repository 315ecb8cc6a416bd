"""Whoever comes in slices: on several processes, killed between two of them, with a secret that nobody can open."""

from __future__ import annotations

import errno
import io
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ispctl import reconcile
from ispctl.index import Index, Size, whole
from ispctl.model.problem import Problem, Refusal
from ispctl.reconcile.settled import SETTLED
from ispctl.repo import Repository
from ispctl.structs import replace
from tests.index.isp import NOON, Isp
from tests.index.test_apply import ALL, Opener, Site, in_slices

SLICES = Size(worth=1, together=2, chunk=4, alone=99)


@pytest.fixture
def isp(tmp_path: Path) -> Isp:
    made = Isp(tmp_path / "isp.git", random.Random(3))
    for number in range(100, 110):
        made.add(f"s-{number}")
    made.commit()
    return made


def applied(site: Site, isp: Isp, **others: Any) -> Any:
    """What an apply of the head gives, by an index that is there."""
    with site.world(isp, NOON) as world:
        if world.index:
            world.index.look((isp.commits[-1],), NOON, slicing=True)
            assert in_slices(world, isp.commits[-1])
        return reconcile.apply(replace(world, **others), isp.commits[-1], ALL)


@pytest.fixture
def truth(tmp_path: Path, isp: Isp) -> Site:
    site = Site(tmp_path, "truth", None)
    applied(site, isp)
    return site


APPLY = """
import sys
from pathlib import Path
from ispctl.structs import replace
from tests.index.isp import Isp
from tests.index.test_slices import SLICES, applied
from tests.index.test_apply import Site

folder, head = map(str, sys.argv[1:])
isp = Isp.__new__(Isp)
isp.folder, isp.commits = Path(folder) / "isp.git", [head]
if __name__ == "__main__":
    result = applied(Site(Path(folder), "several", replace(SLICES, alone=1)), isp)
    assert result.written["create"] == result.plan.summary["create"] == len([*result.plan.changes]) > 24
"""


def test_other_processes_survey_what_one_would(tmp_path: Path, isp: Isp, truth: Site) -> None:
    script = tmp_path / "apply.py"
    script.write_text(APPLY)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, script, tmp_path, isp.commits[-1]], check=True, env=env)
    assert Site(tmp_path, "several", None).rows() == truth.rows()


def test_a_run_that_is_killed_between_two_slices_is_gone_on_with(tmp_path: Path, isp: Isp, truth: Site) -> None:
    site = Site(tmp_path, "killed", SLICES)
    for last in (20, 6):

        def dies(what: str, done: int, _all: int, last: int = last) -> None:
            if what == "rows" and done == last:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            applied(site, isp, progress=dies)
        with site.world(isp, NOON) as world:
            assert world.store.applied is None
            assert not world.store.objects(SETTLED)
    applied(site, isp)
    assert site.rows() == truth.rows()


def test_whoever_left_git_between_a_killed_run_and_the_next_loses_it(tmp_path: Path, isp: Isp) -> None:
    """Nothing was applied, so that no commit tells of those whom the killed run gave something."""
    site = Site(tmp_path, "left", SLICES)

    def dies(what: str, done: int, _all: int) -> None:
        if what == "rows" and done == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        applied(site, isp, progress=dies)
    with site.world(isp, NOON) as world:
        given = [row.id for row in world.store.entitlements()]
    gone, renamed = given[0], given[1]
    login = isp.people[gone].login or f"{gone}@home.example"
    del isp.people[gone]
    isp.people[renamed].login = login  # and somebody else has the login of who left
    isp.commit()
    applied(site, isp)
    other = Site(tmp_path, "other", None)
    applied(other, isp)
    assert site.rows() == other.rows()


class Missing(Opener):
    """Cannot open what was sealed for one of them."""

    def __init__(self, owner: str) -> None:
        self.owner = owner

    def open(self, sealed: Any, where: object = None) -> str:
        if sealed.owner == self.owner:
            raise Refusal(Problem("E203", "cannot be opened"))
        return super().open(sealed, where)


def test_a_secret_that_cannot_be_opened_stops_before_its_slice(tmp_path: Path, isp: Isp, truth: Site) -> None:
    site = Site(tmp_path, "sealed", SLICES)
    with pytest.raises(Refusal, match="E203"):
        applied(site, isp, keyring=lambda: Missing("s-108/main"))
    with site.world(isp, NOON) as world:
        written = {row.id for row in world.store.entitlements()}
        assert "s-108" not in written
        assert world.store.applied is None
        (run,) = world.store.runs(1)
        assert run.outcome == "failed"
    applied(site, isp)
    assert site.rows() == truth.rows()


def test_who_shares_a_login_is_looked_at_together(tmp_path: Path, isp: Isp) -> None:
    isp.people["s-100"].terminated = "2026-01-01"
    isp.people["s-109"].login = "s-100@home.example"
    isp.commit()
    sites = [Site(tmp_path, "one", SLICES), Site(tmp_path, "two", None)]
    for site in sites:
        applied(site, isp)
    assert sites[0].rows() == sites[1].rows()


def test_an_index_is_moved_over_whom_a_tariff_concerns(tmp_path: Path, isp: Isp) -> None:
    site = Site(tmp_path, "moved", SLICES)
    applied(site, isp)
    before = site.place.stat().st_ino if site.place else 0
    isp.tariffs["home-50"] = (60, "prepaid", "home")
    isp.commit()
    applied(site, isp)
    assert site.place is not None
    assert site.place.stat().st_ino == before, "it was made anew"

    with Repository.open(isp.folder) as repository:
        moved = Index(repository, site.place, size=SLICES)
        fresh = Index(repository, tmp_path / "fresh.index", size=SLICES)
        head = isp.commits[-1]
        assert moved.look((head,), NOON, warnings=True).problems(head) == fresh.look(
            (head,), NOON, warnings=True
        ).problems(head)


def test_what_a_shared_file_breaks_in_the_slices_is_said_instead_of_a_plan(tmp_path: Path, isp: Isp) -> None:
    base = isp.commits[-1]
    for number in range(14):
        isp.people[f"s-{number:03}"].tariff = "home-100"
    base = isp.commit()
    del isp.tariffs["home-100"]
    head = isp.commit()
    with Repository.open(isp.folder) as scratch, Repository.open(isp.folder) as repository:
        truth = whole({rev: scratch.at(rev) for rev in (base, head)}, NOON).errors(head)
        Index(repository, tmp_path / "one.index", size=SLICES).look((base,), NOON, slicing=True)
        look = Index(repository, tmp_path / "one.index", size=SLICES).look((base, head), NOON, slicing=True)
        assert look.slices is not None
        assert not look.errors(head, near=True)
        with pytest.raises(Refusal) as refused:
            reconcile.propose(repository, look, base, head)
        assert [*refused.value.problems] == truth
        assert len(truth) >= 14


class Full(io.BytesIO):
    """A file on a disk with room for one slice."""

    def write(self, data: Any) -> int:
        if self.seek(0, 2):
            super().write(bytes(data)[:7])
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_disk_without_room_for_the_slices_takes_memory_and_nothing_else(
    tmp_path: Path, isp: Isp, truth: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.SpooledTemporaryFile", lambda _: Full())
    site = Site(tmp_path, "full", SLICES)
    applied(site, isp)
    assert site.rows() == truth.rows()
