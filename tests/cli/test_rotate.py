"""Values are sealed again in place, and nobody notices."""

from __future__ import annotations

import io

import pytest

from tests.cli.conftest import Cli
from tests.gates import example

FILE = "subscribers/lalitpur/3f/sub-000123.yaml"


@pytest.mark.shows("password")
def test_a_rotation_keeps_every_value_every_comment_and_every_service(applied: Cli) -> None:
    before = (applied.repo / FILE).read_text("utf-8")
    clear = applied("secrets", "show", "sub-000123").out
    said = applied("secrets", "rotate", "--new-key")
    assert (said.code, said.out) == (0, "Sealed 72 values in 61 files with key k2. Next: git diff, then commit\n")
    after = (applied.repo / FILE).read_text("utf-8")
    assert [line for line in after.splitlines() if "password:" not in line] == [
        line for line in before.splitlines() if "password:" not in line
    ]
    assert "enc:k2:" in after
    assert "enc:k1:" not in after
    assert applied("secrets", "show", "sub-000123").out == clear
    example.commit(applied.repo, "Rotate the key")
    plan = applied("plan", "--format", "json").json
    assert [one["id"] for one in plan["services"] if not one["left"]] == []
    left = {id for stop in plan["stops"] for id in stop["changes"]}
    assert {change["action"] for change in plan["changes"] if change["id"] not in left} == {"update"}
    assert applied("apply").code == 0
    assert applied("plan").code == 0


@pytest.mark.shows("password")
def test_a_write_only_value_is_folded_under_the_current_key(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("canary-pw-folded\n"))
    sealed = cli("secrets", "encrypt", "sub-000123", "--write-only").out.strip()
    assert sealed.startswith("age:")
    line = next(text for text in (cli.repo / FILE).read_text("utf-8").splitlines() if "password:" in text)
    cli.changed(FILE, line, f'    password: "{sealed}"')
    assert cli("secrets", "rotate").out.startswith("Sealed 4 values in 4 files with key k1")
    assert cli("secrets", "show", "sub-000123").out == "canary-pw-folded\n"
    assert cli("secrets", "rotate").out.startswith("Sealed 0 values in 0 files")


@pytest.mark.shows("password")
def test_passwords_for_management_are_sealed_again_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {
        "nas/lalitpur-1/password": ("hosts", "lalitpur-1:\n", "lalitpur-1:\n  password: {}\n"),
        "nas-group/pop-lalitpur/password": ("groups", "pop-lalitpur: {}\n", "pop-lalitpur:\n  password: {}\n"),
    }
    for place, (file, old, new) in places.items():
        monkeypatch.setattr("sys.stdin", io.StringIO("canary-pw-management\n"))
        sealed = cli("secrets", "encrypt", place).out.strip()
        path = cli.repo / "inventory" / f"{file}.yaml"
        text = path.read_text("utf-8")
        path.write_text(text.replace(old, new.format(sealed), 1), "utf-8")
    clear = cli("secrets", "show", "nas-defaults/all/password").out
    assert cli("secrets", "rotate", "--new-key").code == 0
    assert "age:" not in (cli.repo / "inventory" / "defaults.yaml").read_text("utf-8")
    assert cli("secrets", "show", "nas-defaults/all/password").out == clear
    for place, (file, *_) in places.items():
        text = (cli.repo / "inventory" / f"{file}.yaml").read_text("utf-8")
        assert "enc:k2:" in text
        assert "enc:k1:" not in text
        assert cli("secrets", "show", place).out == "canary-pw-management\n"


def test_a_bare_repository_has_no_files_to_write(cli: Cli) -> None:
    example.git(cli.repo, "clone", "-q", "--bare", ".", "../bare.git")
    said = cli("secrets", "rotate", repo=cli.repo.parent / "bare.git")
    assert said.code == 1
    assert "E210 cannot-write-secrets: a bare repository has no files to write" in said.err
