"""Real repositories of every kind are read, or refused in words."""

from __future__ import annotations

import os
import signal
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from ispctl.model.problem import Refusal
from ispctl.repo.git import Entry, Git
from tests.repo.repositories import ENV, FILES, commit, contents, git, opened, paths, refusal, repo, write

__all__ = ["opened", "repo"]  # fixtures

# what can be opened


def test_a_work_tree_is_read_below_the_four_folders(repo: Path, opened: Git) -> None:
    entries = list(opened.tree(opened.resolve("HEAD")))
    assert [entry.path for entry in entries] == sorted(set(FILES) - {"README.md"})
    assert entries[0] == Entry("inventory/policy.yaml", 0o100644, entries[0].blob, 10)
    assert opened.blob(entries[0].blob) == b"format: 1\n"
    assert opened.blobs_read == 1
    assert not opened.bare


def test_many_contents_come_in_the_order_asked_for(repo: Path, opened: Git) -> None:
    write(repo, {f"tariffs/t{number}.yaml": f"name: t{number}\n" for number in range(700)})
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "many")
    entries = [entry for entry in opened.tree(opened.resolve("HEAD")) if "/t" in entry.path][::-1]
    found = list(opened.blobs(entry.blob for entry in entries))
    assert len(found) == 700
    assert [data.decode() for data in found] == [f"name: {entry.path[8:-5]}\n" for entry in entries]


def test_who_takes_only_some_of_many_contents_gets_the_right_ones_next(opened: Git) -> None:
    blobs = [entry.blob for entry in opened.tree(opened.resolve("HEAD"))]
    several = opened.blobs(blobs)
    first = next(several)
    del several
    assert opened.blob(blobs[0]) == first
    assert list(opened.blobs(blobs[1:])) == [opened.blob(blob) for blob in blobs[1:]]


def test_one_that_is_missing_or_too_large_among_many_is_refused(opened: Git) -> None:
    blobs = [entry.blob for entry in opened.tree(opened.resolve("HEAD"))]
    with pytest.raises(Refusal, match="is missing"):
        list(opened.blobs([blobs[0], "0" * 40, blobs[1]]))
    with pytest.raises(Refusal, match="E008"):
        list(opened.blobs(blobs, limit=3))
    assert opened.blob(blobs[1]) == next(opened.blobs(blobs[1:2]))


def test_of_one_that_is_too_large_the_size_is_told_and_the_others_are_read(opened: Git) -> None:
    blobs = [entry.blob for entry in opened.tree(opened.resolve("HEAD"))]
    contents = list(opened.blobs(blobs))
    limit = sorted(map(len, contents))[len(contents) // 2]
    assert list(opened.sized(blobs, limit)) == [one if len(one) <= limit else len(one) for one in contents]
    assert list(opened.blobs(blobs)) == contents


def test_a_tree_may_be_listed_without_the_sizes_of_its_files(opened: Git) -> None:
    commit = opened.resolve("HEAD")
    without = list(opened.tree(commit, sizes=False))
    assert {entry.size for entry in without} == {-1}
    assert [entry._replace(size=-1) for entry in opened.tree(commit)] == without


def test_a_bare_repository_is_read_the_same(repo: Path, opened: Git, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repo), "bare.git")
    with Git.open(tmp_path / "bare.git", ENV) as bare:
        assert bare.bare
        assert bare.resolve("main") == opened.resolve("HEAD")
        assert paths(bare) == paths(opened)
        assert contents(bare, bare.resolve("HEAD")) == contents(opened, opened.resolve("HEAD"))
        assert (bare.worktree(), bare.dirty()) == (None, [])


def test_a_detached_head_a_linked_work_tree_and_a_path_through_a_link_are_fine(repo: Path, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    (tmp_path / "way").symlink_to(tmp_path / "linked")
    for folder in (tmp_path / "linked", tmp_path / "way"):
        with Git.open(folder, ENV) as found:
            assert len(paths(found)) == 5
            assert found.dirty() == []


def test_a_packed_repository_with_alternates_is_read(repo: Path, tmp_path: Path) -> None:
    git(repo, "gc", "-q")
    git(tmp_path, "clone", "-q", "--shared", str(repo), "clone")
    with Git.open(tmp_path / "clone", ENV) as found:
        assert len(contents(found, found.resolve("HEAD"))) == 5
        write(tmp_path / "clone", {"tariffs/home.yaml": "name: other\n"})
        assert found.dirty() == ["tariffs/home.yaml"]


def test_a_sha256_repository_is_read_with_its_longer_ids(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256")
    head = commit(tmp_path, FILES)
    with Git.open(tmp_path, ENV) as found:
        assert found.resolve(head[:12]) == head
        assert len(head) == 64
        write(tmp_path, {"tariffs/new.yaml": "name: new\n"})
        assert found.dirty() == ["tariffs/new.yaml"]


def test_a_folder_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    expected = f"E001 not-a-repository: {tmp_path} is not a git repository. Look at --repo; "
    assert refusal(lambda: Git.open(tmp_path, ENV)).startswith(expected)
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "policy.yaml").write_text("format: 1\n", "utf-8")
    laid_out = f"{tmp_path} is not a git repository yet. Begin one: git -C {tmp_path} init -b main"
    assert refusal(lambda: Git.open(tmp_path, ENV)) == f"E001 not-a-repository: {laid_out}"
    assert "E001 not-a-repository: there is no folder" in refusal(lambda: Git.open(tmp_path / "gone", ENV))
    (tmp_path / "file").write_text("x")
    assert "E001 not-a-repository: there is no folder" in refusal(lambda: Git.open(tmp_path / "file", ENV))


@pytest.mark.parametrize("inside", ["subscribers", "subscribers/a", ".git", ".git/objects"])
def test_a_folder_inside_a_repository_is_refused_and_the_root_is_named(repo: Path, inside: str) -> None:
    said = refusal(lambda: Git.open(repo / inside, ENV))
    assert (
        said
        == f"E001 not-a-repository: {repo / inside} lies inside the repository {repo}. Give its root: --repo {repo}"
    )


def test_a_folder_inside_a_bare_repository_is_refused(repo: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repo), "bare.git")
    assert "E001" in refusal(lambda: Git.open(tmp_path / "bare.git" / "refs", ENV))


def test_a_repository_without_a_commit_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    said = refusal(lambda: Git.open(tmp_path, ENV))
    assert said.startswith(f"E002 empty-repository: the repository {tmp_path} has no commit yet. Commit what is there")


def test_a_head_that_names_no_branch_is_no_empty_repository(repo: Path) -> None:
    git(repo, "symbolic-ref", "HEAD", "refs/heads/none")
    with Git.open(repo, ENV) as found:
        assert found.resolve("main")
        assert "E003" in refusal(lambda: found.resolve("HEAD"))


def test_a_broken_repository_is_refused(repo: Path) -> None:
    (repo / ".git" / "config").write_text("[core\n")
    assert "E005 git-unusable: git cannot read" in refusal(lambda: Git.open(repo, ENV))


def test_without_git_the_refusal_says_how_to_get_it(repo: Path, tmp_path: Path) -> None:
    said = refusal(lambda: Git.open(repo, {"PATH": str(tmp_path)}))
    assert said == "E005 git-unusable: there is no program 'git' on this machine. Install it: apt install git"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_another_user_is_refused_with_the_command_that_trusts_it(repo: Path) -> None:
    os.chown(repo, 12345, 12345)
    os.chown(repo / ".git", 12345, 12345)
    said = refusal(lambda: Git.open(repo, ENV))
    assert said.startswith("E005 git-unusable: ")
    assert said.endswith(f"git config --global --add safe.directory {repo}")


# differences and contents


def test_a_difference_is_what_changed_and_nothing_else(repo: Path, opened: Git) -> None:
    base = opened.resolve("HEAD")
    git(repo, "mv", "subscribers/a/sub-1.yaml", "subscribers/a/sub-9.yaml")
    (repo / "tariffs/home.yaml").unlink()
    (repo / "tariffs/home.yaml").symlink_to("/etc/passwd")
    head = commit(repo, {"README.md": "new\n", "subscribers/a/sub-2.yaml": "id: two\n"})
    found = {d.path: d for d in opened.diff(base, head)}
    assert {path: d.status for path, d in found.items()} == {
        "subscribers/a/sub-1.yaml": "D",
        "subscribers/a/sub-2.yaml": "M",
        "subscribers/a/sub-9.yaml": "A",
        "tariffs/home.yaml": "M",
    }
    assert opened.blob(found["subscribers/a/sub-2.yaml"].old) == b"id: sub-2\n"
    assert opened.blob(found["subscribers/a/sub-2.yaml"].new) == b"id: two\n"
    assert (found["subscribers/a/sub-1.yaml"].new, found["subscribers/a/sub-9.yaml"].old) == ("", "")
    assert (found["subscribers/a/sub-1.yaml"].mode, found["tariffs/home.yaml"].mode) == (0o100644, 0o120000)
    assert list(opened.diff(head, head)) == []


def test_a_content_above_the_limit_is_not_read_and_the_next_one_is(repo: Path, opened: Git) -> None:
    commit(repo, {"tariffs/huge.yaml": b"x" * 5_000_000})
    by_path = {entry.path: entry for entry in opened.tree(opened.resolve("HEAD"))}
    huge = by_path["tariffs/huge.yaml"]
    assert huge.size == 5_000_000
    assert "E008 too-large: the file has 5,000,000 bytes; at most 1,000 are read" in refusal(
        lambda: opened.blob(huge.blob, 1000)
    )
    assert opened.blob(by_path["tariffs/home.yaml"].blob, 1000) == b"name: home\n"
    assert opened.blobs_read == 1
    assert len(opened.blob(huge.blob, 5_000_000)) == 5_000_000


@pytest.mark.parametrize("id", ["", "HEAD", "-1", "a" * 39, "0" * 39 + "\n", "../../etc/passwd"])
def test_only_whole_ids_are_asked_for(opened: Git, id: str) -> None:
    assert "E020 git-failed: that is not the id of an object" in refusal(lambda: opened.blob(id))


def test_a_missing_or_different_object_is_refused(repo: Path, opened: Git) -> None:
    assert "E020 git-failed: the object aaaaaaaaaaaa is missing" in refusal(lambda: opened.blob("a" * 40))
    head = opened.resolve("HEAD")
    assert f"E020 git-failed: the object {head[:12]} is a commit, not a blob" in refusal(lambda: opened.blob(head))
    assert opened.blobs_read == 0


def test_a_damaged_object_is_refused_without_a_hang(repo: Path, opened: Git) -> None:
    blob = git(repo, "rev-parse", "HEAD:tariffs/home.yaml")
    stored = repo / ".git/objects" / blob[:2] / blob[2:]
    stored.chmod(0o600)
    stored.write_bytes(b"junk")
    assert "E020 git-failed" in refusal(lambda: opened.blob(blob))
    assert opened.blob(git(repo, "rev-parse", "HEAD:inventory/policy.yaml")) == b"format: 1\n"


def test_a_missing_tree_is_refused_and_never_taken_for_an_empty_one(repo: Path, opened: Git) -> None:
    head = opened.resolve("HEAD")
    tree = git(repo, "rev-parse", "HEAD:tariffs")
    (repo / ".git/objects" / tree[:2] / tree[2:]).unlink()
    assert "E020 git-failed: git ls-tree failed" in refusal(lambda: list(opened.tree(head)))


# children


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "git" in child.name()]


def test_one_child_reads_everything_and_ends_with_the_repository(repo: Path) -> None:
    before = psutil.Process().num_fds()
    with Git.open(repo, ENV) as found:
        (child,) = children()
        entries = list(found.tree(found.resolve("HEAD")))
        for entry in entries * 3:
            found.blob(entry.blob)
        assert children() == [child]
        assert "cat-file" in child.cmdline()
        next(found.tree(found.resolve("HEAD")))
    assert children() == []
    assert not child.is_running()
    found.close()
    assert psutil.Process().num_fds() == before


def test_a_killed_child_is_a_refusal_and_the_next_question_is_answered(opened: Git) -> None:
    entry = next(opened.tree(opened.resolve("HEAD")))
    opened.blob(entry.blob)
    (child,) = [c for c in children() if "cat-file" in c.cmdline()]
    child.send_signal(signal.SIGKILL)
    psutil.wait_procs([child], timeout=5)
    assert "E020 git-failed: git ended while" in refusal(lambda: opened.blob(entry.blob))
    assert opened.blob(entry.blob) == b"format: 1\n"


def test_an_unfinished_listing_leaves_nothing_behind(opened: Git) -> None:
    before = children()
    listing = opened.tree(opened.resolve("HEAD"))
    next(listing)
    del listing
    assert children() == before


def test_surroundings_do_not_change_what_is_read(repo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    hostile = {**ENV, "GIT_DIR": str(other / ".git"), "GIT_INDEX_FILE": "/gone", "GIT_OBJECT_DIRECTORY": "/gone"}
    with Git.open(repo, hostile) as found:
        assert len(paths(found)) == 5
        assert found.dirty() == []


def test_nothing_that_a_repository_names_is_run(repo: Path, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    script = tmp_path / "evil"
    script.write_text(f"#!/bin/sh\ntouch {witness}\ncat\n")
    script.chmod(0o755)
    for hook in ("post-index-change", "reference-transaction", "pre-commit", "post-checkout"):
        (repo / ".git/hooks").mkdir(exist_ok=True)
        (repo / ".git/hooks" / hook).symlink_to(script)
    for name in (
        "core.fsmonitor", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.evil.textconv",
        "diff.evil.command", "diff.external", "core.pager", "core.sshCommand", "core.alternateRefsCommand",
        "core.editor", "credential.helper", "core.askPass", "uploadpack.packObjectsHook",
    ):  # fmt: skip
        git(repo, "config", name, str(script))
    git(repo, "config", "filter.evil.required", "true")
    write(repo, {".gitattributes": "* filter=evil diff=evil\n", "tariffs/new.yaml": "name: new\n"})
    os.utime(repo / "tariffs/home.yaml", (1, 1))  # looks changed, so that its content must be compared
    index = repo / ".git/index"
    os.utime(index, (0, 0))  # everything is as new as the index
    with Git.open(repo, ENV) as found:
        assert found.dirty() == ["tariffs/new.yaml"]
        head = found.resolve("HEAD")
        assert len(contents(found, head)) == 5
        assert list(found.diff(head, head)) == []
        assert found.commit("HEAD").subject == "Begin"
    assert not witness.exists()


# which commit brought a line


def test_a_line_is_blamed_on_the_commit_that_brought_it(repo: Path) -> None:
    first = git(repo, "rev-parse", "HEAD")
    second = commit(repo, {"tariffs/home.yaml": "name: home\nrate: 1M\n"})
    commit(repo, {"tariffs/home.yaml": "name: home\nrate: 1M\nsessions: 2\n"})
    with Git.open(repo, ENV) as opened:
        found = opened.blame("HEAD", "tariffs/home.yaml", [1, 2])
        assert {line: one.id for line, one in found.items()} == {1: first, 2: second}


def test_a_line_whose_history_is_cut_off_is_blamed_on_nobody(repo: Path, tmp_path: Path) -> None:
    last = commit(repo, {"tariffs/home.yaml": "name: home\nrate: 1M\n"})
    last = commit(repo, {"tariffs/home.yaml": "name: home\nrate: 1M\nsessions: 2\n"})
    git(tmp_path, "clone", "-q", "--depth", "2", f"file://{repo}", str(tmp_path / "shallow"))
    with Git.open(tmp_path / "shallow", ENV) as opened:
        assert {line: one.id for line, one in opened.blame("HEAD", "tariffs/home.yaml", [1, 3]).items()} == {3: last}


def test_blaming_runs_nothing_that_the_repository_names(repo: Path, tmp_path: Path) -> None:
    commit(repo, {".gitattributes": "*.yaml diff=evil\n"})
    git(repo, "config", "diff.evil.textconv", f"touch {tmp_path}/ran; cat")
    with Git.open(repo, ENV) as opened:
        opened.blame("HEAD", "tariffs/home.yaml", [1])
    assert not (tmp_path / "ran").exists()


def test_what_stood_there_before_a_moment_is_the_last_commit_before_it_or_the_first(repo: Path) -> None:

    first = git(repo, "rev-parse", "HEAD")
    with Git.open(repo, ENV) as opened:
        for moment in ("2026-10-19T00:00:00+05:45", "2026-10-21T00:00:00+05:45"):
            assert opened.before("HEAD", datetime.fromisoformat(moment)) == first


def test_nobody_gets_the_answers_of_somebody_else_s_question(opened: Git) -> None:
    head = opened.resolve("HEAD")
    contents = opened.blobs([entry.blob for entry in opened.tree(head)])
    first = next(contents)
    with pytest.raises(RuntimeError, match="not taken yet"):
        opened.commit(head)
    assert next(contents) != first
    del contents
    assert opened.commit(head).id == head
