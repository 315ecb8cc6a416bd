"""The work tree as it is now, saved or not, is read like a commit; the repository does not notice."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ispctl.repo.git import Entry, Git, refused
from tests.repo.repositories import ENV, FILES, commit, contents, git, opened, paths, refusal, repo, write

__all__ = ["opened", "repo"]  # fixtures


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    """Each file below `folder` with its size and time."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def test_a_clean_work_tree_is_head(repo: Path, opened: Git) -> None:
    assert opened.worktree() == git(repo, "rev-parse", "HEAD^{tree}")
    assert opened.dirty() == []


def test_changed_new_and_deleted_files_are_seen_and_ignored_ones_are_not(repo: Path, opened: Git) -> None:
    (repo / "tariffs/home.yaml").unlink()
    write(repo, {".gitignore": "*.bak\n", "tariffs/new.yaml": "name: new\n", "tariffs/x.bak": "x", "README.md": "y"})
    write(repo, {"subscribers/a/sub-1.yaml": "id: one\n"})
    git(repo, "add", "tariffs/new.yaml")
    write(repo, {"tariffs/new.yaml": "name: newer\n"})
    assert opened.dirty() == ["subscribers/a/sub-1.yaml", "tariffs/home.yaml", "tariffs/new.yaml"]
    tree = opened.worktree()
    assert tree is not None
    found = contents(opened, tree)
    assert found["tariffs/new.yaml"] == b"name: newer\n"
    assert found["subscribers/a/sub-1.yaml"] == b"id: one\n"
    assert "tariffs/home.yaml" not in found
    assert [d.status for d in opened.diff("HEAD", tree)] == ["M", "D", "A"]
    assert opened.resolve(tree) == tree


def test_each_call_sees_the_files_anew(repo: Path, opened: Git) -> None:
    for text in ("name: b\n", "name: c\n", "name: home\n"):
        write(repo, {"tariffs/home.yaml": text})
        tree = opened.worktree()
        assert tree is not None
        assert contents(opened, tree)["tariffs/home.yaml"] == text.encode()
    assert opened.dirty() == []


def test_an_edit_of_equal_size_in_the_same_instant_is_seen(repo: Path, opened: Git) -> None:
    git(repo, "config", "core.trustctime", "false")
    path, stamp = repo / "tariffs/home.yaml", 1_700_000_000
    os.utime(path, (stamp, stamp))
    git(repo, "update-index", "--refresh")
    path.write_text("name: hoMe\n")
    os.utime(path, (stamp, stamp))
    os.utime(repo / ".git/index", (stamp, stamp))
    assert opened.dirty() == ["tariffs/home.yaml"]


def test_the_repository_is_not_touched_and_nothing_is_left_behind(repo: Path, tmp_path: Path) -> None:
    write(repo, {"tariffs/new.yaml": "name: new\n"})
    git(repo, "config", "core.splitIndex", "true")
    before = everything(repo)
    with Git.open(repo, ENV) as found:
        tree = found.worktree()
        (folder,) = [Path(value).parent for value in made(found)]
        assert folder.stat().st_mode & 0o777 == 0o700
        assert tree is not None
        assert "tariffs/new.yaml" in paths_of(found, tree)
    assert not folder.exists()
    assert everything(repo) == before


def made(found: Git) -> list[str]:
    """The folder of objects that the reading children are told of."""
    return [found._child.env["GIT_ALTERNATE_OBJECT_DIRECTORIES"].strip('"')]


def paths_of(found: Git, tree: str) -> list[str]:
    return [entry.path for entry in found.tree(tree)]


def test_a_staged_split_index_a_missing_index_and_a_conflict_are_read(repo: Path, opened: Git) -> None:
    git(repo, "update-index", "--split-index")
    assert opened.dirty() == []
    git(repo, "checkout", "-q", "-b", "side")
    commit(repo, {"tariffs/home.yaml": "name: side\n"})
    git(repo, "checkout", "-q", "main")
    commit(repo, {"tariffs/home.yaml": "name: main\n"})
    with pytest.raises(subprocess.CalledProcessError):
        git(repo, "merge", "side")
    assert opened.dirty() == ["tariffs/home.yaml"]
    tree = opened.worktree()
    assert tree is not None
    assert contents(opened, tree)["tariffs/home.yaml"].startswith(b"<<<<<<<")
    (repo / ".git/index").unlink()
    assert opened.dirty() == ["tariffs/home.yaml"]


def test_strange_names_links_and_repositories_inside_are_listed_so_that_they_are_refused(
    repo: Path, opened: Git
) -> None:
    write(repo, {"tariffs/new\nline.yaml": "a", 'tariffs/"quoted".yaml': "b", "inventory/x/y.yaml": "c"})
    Path(os.fsdecode(os.fsencode(repo) + b"/tariffs/\xff.yaml")).write_text("d")
    (repo / "tariffs/link.yaml").symlink_to("/etc/passwd")
    (repo / "subscribers/inner").mkdir()
    git(repo / "subscribers/inner", "init", "-q")
    commit(repo / "subscribers/inner", {"x.yaml": "x"})
    os.mkfifo(repo / "tariffs/pipe.yaml")
    tree = opened.worktree()
    assert tree is not None
    found = {entry.path: entry for entry in opened.tree(tree)}
    assert opened.blob(found["tariffs/link.yaml"].blob) == b"/etc/passwd"
    assert "tariffs/pipe.yaml" not in found
    assert opened.blob(found['tariffs/"quoted".yaml'].blob) == b"b"
    assert opened.blob(found["tariffs/new\\nline.yaml"].blob) == b"a"
    problems = {entry.path: problem.slug for entry in found.values() if (problem := refused(entry))}
    assert problems == {
        "tariffs/link.yaml": "symlink",
        "subscribers/inner": "submodule",
        "tariffs/new\\nline.yaml": "bad-file-name",
        "tariffs/\\xff.yaml": "bad-file-name",
    }


def test_a_folder_that_is_a_link_is_never_followed(repo: Path, opened: Git, tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere/home.yaml": "name: evil\n"})
    (repo / "tariffs/home.yaml").unlink()
    (repo / "tariffs").rmdir()
    (repo / "tariffs").symlink_to(tmp_path / "elsewhere")
    tree = opened.worktree()
    assert tree is not None
    (entry,) = [entry for entry in opened.tree(tree) if entry.path.startswith("tariffs")]
    assert (entry.path, entry.mode) == ("tariffs", 0o120000)
    problem = refused(entry)
    assert problem is not None
    assert problem.code == "E006"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(repo: Path, opened: Git) -> None:
    write(repo, {"tariffs/secret.yaml": "x"})
    (repo / "tariffs/secret.yaml").chmod(0)
    assert "tariffs/secret.yaml E020 git-failed: the file cannot be read" in refusal(opened.worktree)


def test_submodules_and_links_that_were_committed_are_refused(repo: Path, opened: Git, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    commit(inner, {"x.yaml": "x"})
    git(repo, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "subscribers/b")
    (repo / "inventory/link.yaml").symlink_to("../../outside.yaml")
    commit(repo, {"tariffs/old.yml": "x", "tariffs/Old.YAML": "x", "templates/nas/a.yml": "x"})
    problems = [str(problem) for entry in opened.tree(opened.resolve("HEAD")) if (problem := refused(entry))]
    assert problems == [
        "inventory/link.yaml E006 symlink: this is a symbolic link. "
        "Put the file itself here: a link may lead out of the repository",
        "subscribers/b E007 submodule: this is another repository inside this one. "
        "Put the files themselves here: a commit must say everything",
        "tariffs/Old.YAML E004 wrong-suffix: a file .YAML is not read. Rename it to tariffs/Old.yaml",
        "tariffs/old.yml E004 wrong-suffix: a file .yml is not read. Rename it to tariffs/old.yaml",
    ]
    assert opened.dirty() == []


def test_a_record_whose_end_an_editor_hid_is_not_overlooked() -> None:
    problem = refused(Entry("subscribers/north/sub-000001.yaml.txt", 0o100644, "", 0))
    assert str(problem) == (
        "subscribers/north/sub-000001.yaml.txt E004 wrong-suffix: a file .yaml.txt is not read."
        " Rename it to subscribers/north/sub-000001.yaml"
    )
    for other in ("inventory/recipients.txt", "templates/notices/a.yaml.txt", "subscribers/north/notes.txt"):
        assert refused(Entry(other, 0o100644, "", 0)) is None


@pytest.mark.parametrize("name", ["a b.yaml", "अनिता.yaml", "a\u200db.yaml", "ü.yaml"])
def test_names_that_can_be_seen_are_fine(name: str) -> None:
    assert refused(Entry(f"tariffs/{name}", 0o100644, "", 0)) is None


def test_every_file_of_the_fixture_is_fine(opened: Git) -> None:
    assert [refused(entry) for entry in opened.tree(opened.resolve("HEAD"))] == [None] * (len(FILES) - 1)
    assert paths(opened) == sorted(set(FILES) - {"README.md"})
