"""`ispctl cpe` and `ispstat cpe`, as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ispctl.cli.common import run
from ispctl.cli.main import app
from ispctl.cli.stat import app as stat
from ispctl.cpe import password_of
from tests.cpe.conftest import SERIAL, Place
from tests.cpe.talk import SECRET

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(place: Place, capsys: pytest.CaptureFixture[str]) -> Typed:
    def ask(*words: str) -> tuple[int, str, str]:
        program = stat if words[0] == "ispstat" else app
        code = run(program, words[0], ["--repo", str(place.world.folder), *words[1:]])
        return (code, *capsys.readouterr())

    return ask


def test_the_answer_for_programs_and_for_a_table(place: Place, typed: Typed) -> None:
    place.call()
    code, out, _ = typed("ispstat", "cpe", "sub-000205", "--format", "json")
    (item,) = json.loads(out)["items"]
    assert (code, item["serial"], item["state"], item["root"]) == (0, SERIAL, "well", "InternetGatewayDevice")
    assert typed("ispstat", "cpe", "--format", "csv")[1].splitlines()[1].startswith(f"{SERIAL},sub-000205,main,")
    assert typed("ispstat", "cpe")[1].splitlines()[1].startswith(SERIAL)


def test_a_name_that_is_nobodys_is_refused(typed: Typed) -> None:
    code, _, told = typed("ispstat", "cpe", "nobody")
    assert (code, "E321" in told) == (1, True)


@pytest.mark.parametrize("secret, factory, code", [("", "x", "E851"), ("short", "x", "E851"), (SECRET, "", "E851")])
def test_an_acs_without_its_secrets_does_not_begin(
    typed: Typed, monkeypatch: pytest.MonkeyPatch, secret: str, factory: str, code: str
) -> None:
    monkeypatch.setenv("ISPCTL_ACS_SECRET", secret)
    monkeypatch.setenv("ISPCTL_ACS_FACTORY", factory)
    ended, _, told = typed("ispctl", "cpe", "serve", "--listen", "127.0.0.1:0")
    assert (ended, code in told) == (1, True)


def test_an_isp_that_manages_no_devices_is_told_how_to_begin(
    place: Place, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISPCTL_ACS_SECRET", SECRET)
    place.world.edit("inventory/targets.yaml", lambda text: text.replace("\ncpe: {", "\n# cpe: {"))
    ended, _, told = typed("ispctl", "cpe", "serve")
    assert (ended, "E852" in told) == (1, True)


def test_files_that_are_no_certificate_are_refused(typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing", "utf-8")
    pem = str(tmp_path / "x.pem")
    ended, _, told = typed("ispctl", "cpe", "serve", "--certificate", pem, "--private-key", pem)
    assert (ended, "E853" in told) == (1, True)


@pytest.mark.shows("password")
def test_the_password_of_a_device_is_told_to_whoever_prepares_it(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISPCTL_ACS_SECRET", SECRET)
    assert typed("ispctl", "cpe", "password", SERIAL)[1] == password_of(SECRET, SERIAL) + "\n"
