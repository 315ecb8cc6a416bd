"""Accounts are append-only: between two commits, and between a commit and the files as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from ispctl.repo import Repository
from ispctl.repo.rules.appended import edited, rewritten
from tests.repo.repositories import ENV, commit, git, repo

__all__ = ["repo"]  # a fixture

PATH = "subscribers/a/sub-1.ledger.yaml"
BEGUN = """\
subscriber: sub-1
entries:
  - {key: a, at: 2026-11-01, type: payment, amount: "5.00"}
  - {key: b, at: 2026-11-02, type: payment, amount: "6.00"}
"""
MORE = '  - {key: c, at: 2026-11-03, type: payment, amount: "7.00"}\n'


@pytest.fixture
def begun(repo: Path) -> Path:
    commit(repo, {PATH: BEGUN})
    return repo


def found(folder: Path, base: str = "HEAD~1", head: str = "HEAD") -> list[str]:
    with Repository.open(folder, ENV) as repository:
        said = rewritten(repository, base, repository.git.worktree() or "" if head == "work" else head)
    return [f"{problem.where} {problem.code}" for problem in said]


def test_lines_at_the_end_are_fine(begun: Path) -> None:
    commit(begun, {PATH: BEGUN + MORE})
    assert found(begun) == []


def test_a_changed_line_is_named(begun: Path) -> None:
    commit(begun, {PATH: BEGUN.replace("6.00", "60.00") + MORE})
    assert found(begun) == [f"{PATH}:4 E740"]


def test_a_line_before_the_others_is_named(begun: Path) -> None:
    commit(begun, {PATH: BEGUN.replace("entries:\n", f"entries:\n{MORE}")})
    assert found(begun) == [f"{PATH}:3 E740"]


def test_the_files_as_they_are_count_before_they_are_committed(begun: Path) -> None:
    (begun / PATH).write_text(BEGUN.replace("key: b", "key: x"), "utf-8")
    assert found(begun, "HEAD", "work") == [f"{PATH}:4 E740"]


def test_an_account_that_is_gone_is_named(begun: Path) -> None:
    git(begun, "rm", "-q", PATH)
    git(begun, "commit", "-q", "-m", "gone")
    assert found(begun) == [f"{PATH} E741"]


def test_an_account_moves_with_its_subscriber(begun: Path) -> None:
    (begun / "subscribers" / "b").mkdir()
    git(begun, "mv", PATH, "subscribers/b/sub-1.ledger.yaml")
    git(begun, "commit", "-q", "-m", "moved")
    assert found(begun) == []
    assert found(begun, "HEAD", "HEAD~1") == []


def test_an_account_may_go_to_the_archive_as_it_is(begun: Path) -> None:
    old, new = begun / PATH, begun / "archive" / "a" / "sub-1.ledger.yaml"
    new.parent.mkdir(parents=True)
    old.rename(new)
    with Repository.open(begun, ENV) as repository:
        assert edited(repository, repository.git.worktree() or "") == []
    git(begun, "add", "-A")
    git(begun, "commit", "-q", "-m", "archived")
    assert found(begun) == []


def test_an_account_may_move_before_it_goes_to_the_archive(begun: Path) -> None:
    git(begun, "rm", "-q", PATH)
    commit(begun, {"subscribers/b/7f/sub-1.ledger.yaml": BEGUN})
    git(begun, "rm", "-q", "subscribers/b/7f/sub-1.ledger.yaml")
    commit(begun, {"archive/b/7f/sub-1.ledger.yaml": BEGUN + MORE})
    assert found(begun, "HEAD~2") == []
    git(begun, "rm", "-q", "archive/b/7f/sub-1.ledger.yaml")
    commit(begun, {"archive/b/7f/sub-1.ledger.yaml": BEGUN.replace("6.00", "60.00")})
    assert found(begun, "HEAD~3") == ["archive/b/7f/sub-1.ledger.yaml:4 E740"]


def test_an_account_that_was_put_into_the_archive_may_go_a_commit_later(begun: Path) -> None:
    commit(begun, {"archive/a/sub-1.ledger.yaml": BEGUN})
    git(begun, "rm", "-q", PATH)
    git(begun, "commit", "-q", "-m", "archived")
    assert found(begun) == []


def test_an_account_that_was_changed_on_its_way_to_the_archive_is_named(begun: Path) -> None:
    git(begun, "rm", "-q", PATH)
    commit(begun, {"archive/a/sub-1.ledger.yaml": "x"})
    assert found(begun) == ["archive/a/sub-1.ledger.yaml:1 E740"]


def test_an_account_in_the_archive_is_as_it_was_and_stays_there(repo: Path) -> None:
    path = "archive/a/sub-1.ledger.yaml"
    commit(repo, {path: BEGUN})
    commit(repo, {path: BEGUN + MORE})
    assert found(repo) == []
    commit(repo, {path: BEGUN.replace("6.00", "60.00")})
    assert found(repo) == [f"{path}:4 E740"]
    git(repo, "rm", "-q", path)
    git(repo, "commit", "-q", "-m", "gone")
    assert found(repo, "HEAD~2") == [f"{path} E741"]


def test_an_account_comes_back_from_the_archive_as_it_was(repo: Path) -> None:
    commit(repo, {"archive/a/sub-1.ledger.yaml": BEGUN})
    git(repo, "rm", "-q", "archive/a/sub-1.ledger.yaml")
    commit(repo, {"subscribers/b/sub-1.ledger.yaml": BEGUN})
    assert found(repo) == []
    commit(repo, {"subscribers/b/sub-1.ledger.yaml": BEGUN.replace("6.00", "60.00")})
    assert found(repo, "HEAD~2") == ["subscribers/b/sub-1.ledger.yaml:4 E740"]


def test_a_copy_in_the_archive_may_go_again(begun: Path) -> None:
    commit(begun, {"archive/a/sub-1.ledger.yaml": BEGUN})
    git(begun, "rm", "-q", "archive/a/sub-1.ledger.yaml")
    git(begun, "commit", "-q", "-m", "back")
    assert found(begun) == []


def test_an_account_that_was_changed_on_the_way_is_named_where_it_is(begun: Path) -> None:
    git(begun, "rm", "-q", PATH)
    commit(begun, {"subscribers/b/sub-1.ledger.yaml": BEGUN.replace("6.00", "60.00")})
    assert found(begun) == ["subscribers/b/sub-1.ledger.yaml:4 E740"]


@pytest.mark.parametrize("before", ["subscriber: sub-1\nentries: []\n", "subscriber: sub-1\n", "entries: [\n"])
def test_what_says_nothing_yet_or_cannot_be_read_may_be_written_anew(repo: Path, before: str) -> None:
    commit(repo, {PATH: before})
    commit(repo, {PATH: BEGUN})
    assert found(repo) == []


def test_only_accounts_that_differ_are_read(begun: Path) -> None:
    commit(begun, {f"subscribers/a/sub-{n}.ledger.yaml": BEGUN.replace("sub-1", f"sub-{n}") for n in range(2, 30)})
    commit(begun, {PATH: BEGUN + MORE})
    with Repository.open(begun, ENV) as repository:
        assert rewritten(repository, "HEAD~1", "HEAD") == []
        assert repository.git.blobs_read == 2


@pytest.mark.parametrize("staged", [False, True])
def test_an_account_in_the_archive_that_is_rewritten_in_the_work_tree_is_named(repo: Path, staged: bool) -> None:
    path = "archive/a/sub-1.ledger.yaml"
    commit(repo, {path: BEGUN, PATH.replace("sub-1", "sub-2"): BEGUN})

    def named() -> list[str]:
        with Repository.open(repo, ENV) as repository:
            said = edited(repository, repository.git.worktree() or "")
        return [f"{one.where} {one.code}" for one in said]

    def written(text: str) -> list[str]:
        (repo / path).write_text(text, "utf-8")
        if staged:
            git(repo, "add", "-A")
        return named()

    assert named() == []
    assert written(BEGUN + MORE) == []
    assert written(BEGUN.replace("6.00", "60.00")) == [f"{path}:4 E740"]
    (repo / path).unlink()
    assert named() == [f"{path} E741"]
