"""`ispctl test-auth` against the lab's FreeRADIUS: the same answer as computed, and where not, the difference."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ispctl.cli.common import run
from ispctl.cli.main import app
from tests.gates import example

pytestmark = pytest.mark.live
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = example.copy(tmp_path_factory.mktemp("authenticate") / "isp")
    (folder / ".gitignore").write_text("var/\n", "utf-8")
    pools = folder / "inventory" / "pools.yaml"
    hotspot = "served_by: nas\n  purpose: hotspot customers"
    pools.write_text(pools.read_text("utf-8").replace(hotspot, hotspot.replace("nas", "radius")), "utf-8")
    with pools.open("a", encoding="utf-8") as file:
        file.write('\nguests6: {family: 6, served_by: radius, length: 56, ranges: ["2001:db8:7000::/48"]}\n')
    with (folder / "tariffs" / "hotspot.yaml").open("a", encoding="utf-8") as file:
        file.write("\nipv6: {delegated: {pool: guests6}}\n")
    example.commit(folder, "Leave the database out; let the server give the addresses of hotspots")
    assert run(app, "ispctl", ["--repo", str(folder), "lab", "up", "--empty"]) == 0
    try:
        assert run(app, "ispctl", ["--repo", str(folder), "apply"]) == 0
        yield folder
    finally:
        run(app, "ispctl", ["--repo", str(folder), "lab", "down"])


@pytest.fixture
def ask(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    for name in [name for name in os.environ if name.startswith(("ISPCTL_", "ISPSTAT_")) and "TEST_RUN" not in name]:
        monkeypatch.delenv(name)

    def call(*words: str) -> dict[str, Any]:
        capsys.readouterr()
        code = run(app, "ispctl", ["--repo", str(folder), "test-auth", *words, "--format", "json"])
        said: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert code == (0 if said["answer"]["accepted"] else 1)
        return said

    return call


@pytest.mark.parametrize("method", ["pap", "chap", "mschapv2"])
def test_the_server_answers_what_was_computed(ask: Ask, method: str) -> None:
    said = ask("sub-000123", "--method", method)
    assert said["answer"]["accepted"]
    assert said["differences"] == []
    assert said["asked"] == "the lab's FreeRADIUS"
    assert all(one["ours"] for one in said["answer"]["attributes"])


def test_an_address_of_the_servers_own_pool_is_explained_by_the_line_that_names_the_pool(ask: Ask) -> None:
    said = ask("lakeside-guests", "--nas", "pokhara-1")
    assert (said["answer"]["accepted"], said["differences"]) == (True, [])
    (address,) = [one for one in said["answer"]["attributes"] if one["name"] == "Framed-IP-Address"]
    assert address["value"].startswith("100.64.1")
    assert address["meaning"] == "an address of pool hotspot, given by the server"
    assert address["because"]["file"] == "tariffs/hotspot.yaml"
    (computed,) = [one for one in said["computed"]["attributes"] if one["name"] == "Framed-IP-Address"]
    assert computed["value"] == "pool:hotspot"


def test_a_prefix_of_the_servers_own_pool_is_explained_too(ask: Ask) -> None:
    said = ask("lakeside-guests", "--nas", "pokhara-1")
    (prefix,) = [one for one in said["answer"]["attributes"] if one["name"] == "Delegated-IPv6-Prefix"]
    assert (prefix["value"][:13], prefix["value"][-3:]) == ("2001:db8:7000", "/56")
    assert prefix["meaning"] == "a prefix of pool guests6, given by the server"
    assert prefix["because"]["file"] == "tariffs/hotspot.yaml"
    (computed,) = [one for one in said["computed"]["attributes"] if one["name"] == "Delegated-IPv6-Prefix"]
    assert computed["value"] == "pool:guests6"


@pytest.mark.slow
def test_everybody_is_answered_on_every_nas_as_was_computed(ask: Ask, folder: Path) -> None:
    from ispctl.repo import Repository

    with Repository.open(folder, dict(os.environ)) as repository:
        head = repository.at("HEAD")
        able = [nas.name for nas in head.nas.values() if nas.radius]
        people = [one.owner for one in head.services() if one.service.password and one.service.mac.mode != "learn"]
    odd = {}
    for number, owner in enumerate(people):
        nas = able[number % len(able)]
        said = ask(owner, "--nas", nas)
        foreign = [one["name"] for one in said["answer"]["attributes"] if not one["ours"]]
        if said["differences"] or foreign:
            odd[owner, nas] = (said["differences"], foreign)
    assert odd == {}


def test_a_refusal_is_told_with_the_reason_that_the_server_wrote_down(ask: Ask) -> None:
    said = ask("janak.thapa@home.example")
    assert not said["answer"]["accepted"]
    assert said["answer"]["word"] == said["computed"]["word"]
    assert said["answer"]["because"]["file"].startswith("subscribers/")
    assert "radpostauth" in said["trace"]


def test_a_wrong_password_is_no_difference(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("canary-pw-wrong\n"))
    said = ask("sub-000123", "--password-stdin")
    assert (said["answer"]["word"], said["differences"]) == ("bad-password", [])


def test_no_session_begins(ask: Ask, folder: Path) -> None:
    ask("sub-000123")
    with closing(sqlite3.connect(folder / "var" / "radius.db")) as database:
        assert database.execute("SELECT count(*) FROM radacct").fetchone() == (0,)


def test_a_row_by_hand_is_not_ours_though_the_server_sends_it(ask: Ask, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "var" / "radius.db")) as database:
        add = "INSERT INTO radreply (username, attribute, op, value) VALUES ('anita.rai@home.example', ?, ':=', '77')"
        database.execute(add, ("Idle-Timeout",))
        database.commit()
        try:
            said = ask("sub-000123")
        finally:
            database.execute("DELETE FROM radreply WHERE attribute = 'Idle-Timeout'")
            database.commit()
    assert [(one["name"], one["ours"]) for one in said["answer"]["attributes"] if not one["ours"]] == [
        ("Idle-Timeout", False)
    ]
