"""Values are sealed again in place, and nobody notices."""

from __future__ import annotations

import io
import re

import pytest

from tests.cli.conftest import Cli
from tests.gates import example

FILE = "subscribers/lalitpur/3f/sub-000123.yaml"


@pytest.mark.shows("password")
def test_a_rotation_keeps_every_value_every_comment_and_every_service(applied: Cli) -> None:
    before = (applied.repo / FILE).read_text("utf-8")
    clear = applied("secrets", "show", "sub-000123").out
    said = applied("secrets", "rotate", "--new-key")
    assert (said.code, said.out) == (0, "Sealed 73 values in 61 files with key k2. Next: git diff, then commit\n")
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


HOSTS = "inventory/hosts.yaml"


def moved(cli: Cli, groups: str) -> str:
    """Lalitpur-1 says nothing of its secret any more, and groups.yaml does; the sealed text."""
    text = (cli.repo / HOSTS).read_text("utf-8")
    start = text.index("    radius:\n")
    whole = text[start : text.index("    coa:", start)]
    sealed = whole.partition('secret: "')[2].partition('"')[0]
    (cli.repo / HOSTS).write_text(text.replace(whole, ""), "utf-8")
    cli.edit("inventory/groups.yaml", "pop-lalitpur: {}\n", f"pop-lalitpur:\n  data:\n{whole}{groups}")
    return sealed


@pytest.mark.shows("password")
def test_a_secret_that_stands_in_a_group_is_sealed_again_for_its_host(cli: Cli) -> None:
    place = "nas/lalitpur-1/radius.secret"
    clear = cli("secrets", "show", place).out
    sealed = moved(cli, "")
    said = cli("secrets", "rotate", "--new-key")
    assert (said.code, said.out) == (0, "Sealed 73 values in 62 files with key k2. Next: git diff, then commit\n")
    text = (cli.repo / "inventory/groups.yaml").read_text("utf-8")
    assert sealed not in text
    assert 'secret: "enc:k2:' in text
    assert cli("secrets", "show", place).out == clear


def test_a_secret_that_several_hosts_inherit_is_refused_at_its_line_and_nothing_is_written(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("canary-pw-shared\n"))
    folded = cli("secrets", "encrypt", "nas/lalitpur-1/radius.secret", "--write-only").out.strip()
    sealed = moved(cli, "")
    cli.edit("inventory/groups.yaml", sealed, folded)
    text = (cli.repo / HOSTS).read_text("utf-8")
    start = text.index("    radius:\n")
    (cli.repo / HOSTS).write_text(text.replace(text[start : text.index("    coa:", start)], "", 1), "utf-8")
    cli.edit(HOSTS, "groups: [pop-kathmandu]", "groups: [pop-lalitpur]")
    before = {path: (cli.repo / path).read_bytes() for path in (FILE, "inventory/keyring.age")}
    said = cli("secrets", "rotate", "--new-key")
    assert said.code == 1
    assert "inventory/groups.yaml:8:7 E210 cannot-write-secrets: 2 hosts inherit this secret" in said.err
    assert {path: (cli.repo / path).read_bytes() for path in before} == before


@pytest.mark.shows("password")
def test_a_write_only_value_that_stands_in_two_places_is_sealed_for_each(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has no key seals a secret that two NAS share once, and writes it down twice."""
    monkeypatch.setattr("sys.stdin", io.StringIO("canary-pw-shared\n"))
    folded = cli("secrets", "encrypt", "nas/lalitpur-1/radius.secret", "--write-only").out.strip()
    text = (cli.repo / HOSTS).read_text("utf-8")
    (cli.repo / HOSTS).write_text(re.sub(r'secret: "[^"]+"', f'secret: "{folded}"', text), "utf-8")
    hosts = re.findall(r"(?m)^([a-z0-9-]+):$", text)
    assert (len(hosts) > 1, cli("secrets", "rotate").code) == (True, 0)
    shown = [cli("secrets", "show", f"nas/{host}/radius.secret").out for host in hosts]
    assert shown == ["canary-pw-shared\n"] * len(hosts)


@pytest.mark.shows("password")
@pytest.mark.parametrize("style", ["block", "flow"])
def test_two_services_with_one_write_only_password_keep_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("canary-pw-both\n"))
    folded = cli("secrets", "encrypt", "sub-000123", "--write-only").out.strip()
    login = '{{key: {0}, login: {0}@home.example, password: "{1}", tariff: home-50, activated: 2025-10-20}}'
    services = [login.format(key, folded) for key in ("one", "two")]
    listed = f" [{', '.join(services)}]" if style == "flow" else "".join(f"\n  - {one}" for one in services)
    text = f"id: sub-000123\nprofile: {{name: अनिता}}  # केही\nservices:{listed}\n"
    (cli.repo / FILE).write_text(text, "utf-8")
    assert cli("secrets", "rotate").code == 0
    shown = [cli("secrets", "show", f"service/sub-000123/{key}/password").out for key in ("one", "two")]
    assert shown == ["canary-pw-both\n"] * 2
    assert "age:" not in (cli.repo / FILE).read_text("utf-8")


def test_a_value_that_does_not_open_is_named_by_its_line(cli: Cli) -> None:
    text = (cli.repo / FILE).read_text("utf-8")
    line = next(one for one in text.splitlines() if "password:" in one)
    cli.edit(FILE, line, line.replace("enc:k1:", "enc:k9:"))
    number = text.splitlines().index(line) + 1
    said = cli("secrets", "rotate")
    assert said.code == 1
    assert f"{FILE}:{number}:" in said.err
    assert "E207" in said.err


def test_a_bare_repository_has_no_files_to_write(cli: Cli) -> None:
    example.git(cli.repo, "clone", "-q", "--bare", ".", "../bare.git")
    said = cli("secrets", "rotate", repo=cli.repo.parent / "bare.git")
    assert said.code == 1
    assert "E210 cannot-write-secrets: a bare repository has no files to write" in said.err
