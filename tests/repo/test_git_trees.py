"""A few files that are found folder by folder are those that git lists, with their modes and sizes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ispctl.repo import git as git_module
from ispctl.repo.git import Difference, Entry, Git
from ispctl.repo.git_child import Child
from tests.repo.repositories import ENV, FILES, commit, git, opened, refusal, repo, write

__all__ = ["opened", "repo"]  # fixtures

WANTED = ("inventory", "tariffs", "templates")
PATHS = [*FILES, "subscribers", "subscribers/a", "tariffs", "tariffs/none.yaml", "none/at/all", "tariffs/home.yaml/x"]


@pytest.fixture(params=["sha1", "sha256"])
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """With everything that a tree may hold: links, submodules, programs, names that are no text."""
    folder = tmp_path / "odd"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main", f"--object-format={request.param}")
    write(folder, {**FILES, "templates/nas/deep/er/y.j2": "", "tariffs.yaml": "beside\n", "tariffs/a b\tc.yaml": "x\n"})
    os.symlink("home.yaml", folder / "tariffs/linked.yaml")
    os.symlink("tariffs", folder / "templates/folder")
    (folder / "inventory/run.sh").write_text("exit 0\n")
    (folder / "inventory/run.sh").chmod(0o755)
    (folder / os.fsdecode(b"tariffs/\xff.yaml")).write_text("no text\n")
    git(folder, "add", "-A")
    head = "1" * (40 if request.param == "sha1" else 64)
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{head},inventory/module")
    git(folder, "commit", "-q", "-m", "Begin")
    return folder


def listed(repository: Git, monkeypatch: pytest.MonkeyPatch, *paths: str) -> list[Entry]:
    """By git itself."""
    with monkeypatch.context() as patched:
        patched.setattr(git_module, "_FEW", -1)
        return list(repository.entries(repository.resolve("HEAD"), paths))


def test_what_is_found_folder_by_folder_is_what_git_lists(odd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Git.open(odd, ENV) as repository:
        head = repository.resolve("HEAD")
        by_git = list(repository.tree(head, WANTED))
        assert list(repository.below(head, WANTED)) == by_git
        assert {0o120000, 0o160000, 0o100755} <= {entry.mode for entry in by_git}
        assert not all(entry.plain for entry in by_git)
        assert list(repository.entries(head, FILES)) == listed(repository, monkeypatch, *FILES)
        for path in PATHS:
            assert list(repository.entries(head, [path])) == listed(repository, monkeypatch, path)
        for folder in ("subscribers", "tariffs", "templates", "tariffs.yaml", "none"):
            inside = list(repository.names(head, folder))
            assert inside == list(repository._listed(head, f"{folder}/"))


def test_a_folder_is_no_file_whatever_its_name(repo: Path, opened: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    head = commit(repo, {"subscribers/a/s-1.yaml/s-2.yaml": "x\n"})
    assert list(opened.entries(head, ["subscribers/a/s-1.yaml"])) == []
    assert listed(opened, monkeypatch, "subscribers/a/s-1.yaml") == []


def test_a_name_that_is_written_with_escapes_is_found(odd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Git.open(odd, ENV) as repository:
        by_git = [entry for entry in repository.tree(repository.resolve("HEAD"), sizes=False) if not entry.plain]
        names = [entry.path for entry in by_git]
        assert names == ["tariffs/a b\\tc.yaml", "tariffs/\\xff.yaml"]
        assert list(repository.entries("HEAD", names)) == by_git == listed(repository, monkeypatch, *names)


def test_a_tree_that_is_no_commit_s_is_read_the_same(odd: Path) -> None:
    (odd / "inventory/new.yaml").write_text("new\n")
    with Git.open(odd, ENV) as repository:
        tree = repository.worktree()
        assert tree is not None
        assert list(repository.below(tree, WANTED)) == list(repository.tree(tree, WANTED))
        assert [entry.path for entry in repository.entries(tree, ["inventory/new.yaml"])] == ["inventory/new.yaml"]


def test_a_large_folder_is_left_to_git(repo: Path, opened: Git, started: list[str]) -> None:
    names = [f"tariffs/a-tariff-with-a-name-of-some-length-{number:05}.yaml" for number in range(4000)]
    head, some = commit(repo, dict.fromkeys(names, "x\n")), [names[7], names[3999], "tariffs/none.yaml"]
    opened.resolve(head)
    started.clear()
    assert [entry.path for entry in opened.entries(head, some)] == [names[7], names[3999]]
    below, inside = list(opened.below(head, WANTED)), list(opened.names(head, "tariffs"))
    assert started == ["ls-tree"] * 3
    assert below == list(opened.tree(head, WANTED))
    assert len(inside) == len(names) + 1


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What git is asked for in children that are started from now on."""
    words: list[str] = []
    command = Child.command

    def noted(child: Child, arguments: Sequence[str]) -> list[str]:
        words.append(arguments[0])
        return command(child, arguments)

    monkeypatch.setattr(Child, "command", noted)
    return words


def compared(repository: Git, base: str, head: str, *folders: str) -> list[Difference]:
    """By git itself."""
    return list(repository._compared(repository.resolve(base), repository.resolve(head), folders))


def test_what_differs_folder_by_folder_is_what_git_says(odd: Path) -> None:
    folders = (*WANTED, "subscribers", "archive", "tariffs.yaml", "none")
    (odd / "inventory/run.sh").chmod(0o644)
    (odd / "tariffs/linked.yaml").unlink()
    write(odd, {"tariffs/linked.yaml/now/a/folder.yaml": "x\n", "archive/a/s-1.yaml": "x\n", "tariffs.yaml": "more\n"})
    git(odd, "rm", "-q", "--cached", "inventory/module")
    write(odd, {"inventory/module": "a file\n"})
    shutil.rmtree(odd / "templates/nas")
    (odd / "templates/nas").write_text("a file\n")
    commit(odd, {os.fsdecode(b"tariffs/\xff.yaml"): "another\n"})
    with Git.open(odd, ENV) as repository:
        for base, head in (("HEAD~1", "HEAD"), ("HEAD", "HEAD~1"), ("HEAD", "HEAD")):
            for some in (folders, folders[:1], ("none", "templates/nas")):
                assert list(repository.diff(base, head, some)) == compared(repository, base, head, *some)
        assert {one.status for one in repository.diff("HEAD~1", "HEAD", folders)} == {"A", "M", "D"}


def test_what_a_few_folders_have_otherwise_is_told_by_the_child_that_reads(
    repo: Path, opened: Git, started: list[str]
) -> None:
    base = opened.resolve("HEAD")
    head = commit(repo, {"subscribers/a/sub-2.yaml": "id: two\n"})
    started.clear()
    assert [one.path for one in opened.diff(base, head)] == ["subscribers/a/sub-2.yaml"]
    assert list(opened.diff(base, head, ("archive",))) == []
    assert opened.is_ancestor(base, head)
    assert not opened.is_ancestor(head, base)
    assert set(started) <= {"cat-file"}


def test_what_many_folders_have_otherwise_git_compares(repo: Path, opened: Git, started: list[str]) -> None:
    base = opened.resolve("HEAD")
    head = commit(repo, {f"subscribers/a/{shard:02x}/s-{shard}.yaml": "x\n" for shard in range(40)})
    started.clear()
    assert len(list(opened.diff(base, head))) == 40
    assert started[-1] == "diff-tree"


def test_a_long_history_git_walks(repo: Path, opened: Git, started: list[str]) -> None:
    base = opened.resolve("HEAD")
    for number in range(20):
        commit(repo, {"README.md": f"{number}\n"})
    started.clear()
    assert opened.is_ancestor(base, "HEAD")
    assert started[-1] == "merge-base"


def test_a_missing_folder_is_refused_and_never_taken_for_an_empty_one(repo: Path, opened: Git) -> None:
    head, tree = opened.resolve("HEAD"), git(repo, "rev-parse", "HEAD:tariffs")
    (repo / ".git/objects" / tree[:2] / tree[2:]).unlink()
    text = f"E020 git-failed: the object {tree[:12]} is missing"
    assert text in refusal(lambda: list(opened.below(head, WANTED)))
    assert text in refusal(lambda: list(opened.entries(head, ["tariffs/home.yaml"])))


def test_a_missing_file_has_no_size(repo: Path, opened: Git) -> None:
    head, blob = opened.resolve("HEAD"), git(repo, "rev-parse", "HEAD:tariffs/home.yaml")
    (repo / ".git/objects" / blob[:2] / blob[2:]).unlink()
    text = f"E020 git-failed: the object {blob[:12]} is missing"
    assert text in refusal(lambda: list(opened.entries(head, ["tariffs/home.yaml"])))
    assert list(opened.entries(head, ["inventory/policy.yaml"]))  # the next answer is that of the next question


@pytest.mark.parametrize("text", [b"junk", b"100644 a.yaml\0short", b"100644 a.yaml\0" + b"x" * 20 + b"and more"])
def test_a_folder_that_makes_no_sense_is_refused(repo: Path, opened: Git, text: bytes) -> None:
    tree = git(repo, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", given=text)
    head = opened.resolve(git(repo, "commit-tree", tree, "-m", "Broken"))
    said = f"E020 git-failed: the folder {head[:12]} makes no sense"
    assert said in refusal(lambda: list(opened.below(head, WANTED)))
    assert said in refusal(lambda: list(opened.entries(head, ["tariffs/home.yaml"])))


NAMES = st.sampled_from(["a", "a.b", "a-b", "ab", "a0", "b", "é", "B"])
TREES = st.sets(st.lists(NAMES, min_size=1, max_size=4).map("/".join), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trees") / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


@settings(max_examples=40)
@given(paths=TREES, asked=TREES)
def test_names_come_in_git_s_order_whatever_they_are(empty: Path, paths: set[str], asked: set[str]) -> None:
    _committed(empty, paths, ())
    with Git.open(empty, ENV) as repository:
        head = repository.resolve("HEAD")
        assert list(repository.below(head, ["tariffs"])) == list(repository.tree(head, ["tariffs"]))
        named = [f"tariffs/{path}" for path in asked | paths]
        found = [entry.path for entry in repository.entries(head, named) if entry.mode == 0o100644]
        assert found == [f"tariffs/{path}" for path in _files(paths)]


@settings(max_examples=40)
@given(before=TREES, after=TREES, others=st.sets(NAMES))
def test_differences_are_git_s_whatever_differs(
    empty: Path, before: set[str], after: set[str], others: set[str]
) -> None:
    """`others`: names whose files hold something else."""
    base, head = _committed(empty, before, ()), _committed(empty, after, others)
    with Git.open(empty, ENV) as repository:
        assert list(repository.diff(base, head, ("tariffs",))) == compared(repository, base, head, "tariffs")


def _files(paths: Collection[str]) -> list[str]:
    return sorted(path for path in paths if not any(other.startswith(f"{path}/") for other in paths))


def _committed(folder: Path, paths: Collection[str], others: Collection[str]) -> str:
    blobs = {True: git(folder, "hash-object", "-w", "--stdin", given=b"y\n"), False: BLOB}
    given_ = "".join(f"100644 {blobs[path.rpartition('/')[2] in others]}\ttariffs/{path}\n" for path in _files(paths))
    git(folder, "read-tree", "--empty")
    git(folder, "hash-object", "-w", "--stdin", given=b"x\n")
    git(folder, "update-index", "--index-info", given=given_.encode())
    git(folder, "commit", "-q", "--allow-empty", "-m", "Next")
    return git(folder, "rev-parse", "HEAD")


BLOB = "587be6b4c3f93f93c489c0111bba5596147a26cb"
"""Of x and a line end."""
