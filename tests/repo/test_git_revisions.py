"""Names of revisions, and what is told of the commits they name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ispctl.repo.git import Commit, Git
from tests.repo.repositories import ENV, commit, git, opened, refusal, repo

__all__ = ["opened", "repo"]  # fixtures


def test_branches_tags_and_short_ids_name_commits(repo: Path, opened: Git) -> None:
    head = opened.resolve("HEAD")
    git(repo, "tag", "-a", "-m", "v", "v1")
    assert {opened.resolve(rev) for rev in ("main", "v1", head[:8], head, "HEAD~0", "main@{0}")} == {head}


def test_a_branch_that_moves_meanwhile_is_followed(repo: Path, opened: Git) -> None:
    before = opened.resolve("main")
    (repo / "tariffs" / "home.yaml").write_text("name: home\n# more\n", "utf-8")
    git(repo, "commit", "-q", "-a", "-m", "more")
    after = opened.resolve("main")
    assert (before, git(repo, "rev-parse", "main").strip()) == (opened.resolve("main~1"), after)
    git(repo, "gc", "-q", "--prune=now")
    git(repo, "update-ref", "refs/heads/main", before)
    git(repo, "pack-refs", "--all")
    assert opened.resolve("main") == before
    assert opened.blob(next(opened.tree(after)).blob)


@pytest.mark.parametrize(
    "rev", ["gone", "HEAD~9", "0" * 40, "f" * 40, "HEAD:README.md", "HEAD^{tree}x", "^HEAD", "a..b"]
)
def test_an_unknown_revision_is_refused(opened: Git, rev: str) -> None:
    assert refusal(lambda: opened.resolve(rev)).startswith(f"E003 unknown-revision: there is no commit {rev!r} here. ")


@pytest.mark.parametrize("rev", ["", "-h", "--all", "a\0b", "a\nHEAD", "\x1b[2J", "x" * 501, "HEAD\u202e"])
def test_a_revision_that_is_an_option_or_hides_something_never_reaches_git(opened: Git, rev: str) -> None:
    said = refusal(lambda: opened.resolve(rev))
    assert said.startswith("E003 unknown-revision: that is not the name of a revision")


def test_ancestry_is_told_through_merges(repo: Path, opened: Git) -> None:
    first = opened.resolve("HEAD")
    git(repo, "checkout", "-q", "-b", "side")
    side = commit(repo, {"tariffs/side.yaml": "name: side\n"})
    git(repo, "checkout", "-q", "main")
    main = commit(repo, {"tariffs/main.yaml": "name: main\n"})
    git(repo, "merge", "-q", "--no-edit", "side")
    assert opened.is_ancestor(first, main)
    assert opened.is_ancestor(side, "HEAD")
    assert opened.is_ancestor(main, main)
    assert not opened.is_ancestor(side, main)
    assert not opened.is_ancestor("HEAD", first)


def test_a_shallow_copy_does_not_pretend_to_know_its_past(repo: Path, tmp_path: Path) -> None:
    first = git(repo, "rev-parse", "HEAD")
    git(repo, "branch", "other")
    commit(repo, {"tariffs/two.yaml": "name: two\n"})
    git(tmp_path, "clone", "-q", "--depth=1", "--no-single-branch", f"file://{repo}", "shallow")
    with Git.open(tmp_path / "shallow", ENV) as found:
        said = refusal(lambda: found.resolve("main~1"))
        assert said.startswith("E003 unknown-revision: there is no commit 'main~1' here: this copy is shallow")
        assert said.endswith("git fetch --unshallow (in GitLab CI: GIT_DEPTH: 0)")
        assert found.resolve("origin/other") == first
        assert "cannot be told" in refusal(lambda: found.is_ancestor(first, "main"))
        assert found.is_ancestor("main", "main")


def test_a_commit_tells_who_when_and_what(repo: Path, opened: Git) -> None:
    git(repo, "commit", "-q", "--allow-empty", "-m", "Raise a rate\n\nMore words.\n")
    found = opened.commit("HEAD")
    assert found == Commit(opened.resolve("HEAD"), "Canary Committer", found.when, "Raise a rate")
    assert found.when.isoformat() == "2026-10-20T06:00:00+05:45"
    assert found.when.utcoffset() == timedelta(hours=5, minutes=45)


def test_a_strange_commit_is_still_told(repo: Path, opened: Git) -> None:
    tree = opened.resolve("HEAD") and git(repo, "rev-parse", "HEAD^{tree}")
    strange = (
        f"tree {tree}\nauthor \x1b[31m <> 99999999999 +9999\ncommitter x <> 0 +0000\n\n\n\x1b[31mred\u202e\n".encode()
    )
    id = git(repo, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", given=strange + b"\xff")
    found = opened.commit(id)
    assert found.subject == "\\x1b[31mred\\u202e"
    assert found.author == "\\x1b[31m"
    assert found.when.year > 5000
