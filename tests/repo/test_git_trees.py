"""A few files that are found folder by folder are those that git lists, with their modes and sizes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ispctl.repo import git as git_module
from ispctl.repo.git import Entry, Git
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


def test_a_large_folder_is_left_to_git(repo: Path, opened: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"tariffs/a-tariff-with-a-name-of-some-length-{number:05}.yaml" for number in range(4000)]
    head, some = commit(repo, dict.fromkeys(names, "x\n")), [names[7], names[3999], "tariffs/none.yaml"]
    started: list[str] = []
    command = Child.command

    def counted(child: Child, arguments: Sequence[str]) -> list[str]:
        started.append(arguments[0])
        return command(child, arguments)

    monkeypatch.setattr(Child, "command", counted)
    assert [entry.path for entry in opened.entries(head, some)] == [names[7], names[3999]]
    below, inside = list(opened.below(head, WANTED)), list(opened.names(head, "tariffs"))
    assert started == ["ls-tree"] * 3
    assert below == list(opened.tree(head, WANTED))
    assert len(inside) == len(names) + 1


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
    files = sorted(path for path in paths if not any(other.startswith(f"{path}/") for other in paths))
    given_ = "".join(f"100644 {BLOB}\ttariffs/{path}\n" for path in files)
    git(empty, "read-tree", "--empty")
    git(empty, "hash-object", "-w", "--stdin", given=b"x\n")
    git(empty, "update-index", "--index-info", given=given_.encode())
    git(empty, "commit", "-q", "--allow-empty", "-m", "Next")
    with Git.open(empty, ENV) as repository:
        head = repository.resolve("HEAD")
        assert list(repository.below(head, ["tariffs"])) == list(repository.tree(head, ["tariffs"]))
        named = [f"tariffs/{path}" for path in asked | paths]
        found = [entry.path for entry in repository.entries(head, named) if entry.mode == 0o100644]
        assert found == [f"tariffs/{path}" for path in files]


BLOB = "587be6b4c3f93f93c489c0111bba5596147a26cb"
"""Of x and a line end."""
