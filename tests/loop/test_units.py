"""Units that systemd takes, with the paths of this machine in them."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ispctl.loop.units import ACS, NAMES, Place, quoted, render, write
from ispctl.model.problem import Refusal
from ispctl.structs import replace

PROGRAMS = Path(sys.executable).parent
PLACE = Place(
    repo=Path("/srv/isp.git"),
    programs=PROGRAMS,
    branch="main",
    every="10s",
    metrics="127.0.0.1:9464",
    user="ispctl",
    group="freerad",
    key=Path("/etc/ispctl/age.key"),
)


WITH_ACS = replace(PLACE, cpe="192.0.2.10:7547", tls=(Path("/etc/ispctl/acs 1.pem"), Path("/etc/ispctl/acs.key")))


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the way its documentation has it
    parser.read_string(text)
    return parser


def test_the_service_starts_the_loop_and_lets_it_write_nowhere_else() -> None:
    service = parsed(render(PLACE)["ispctl.service"])["Service"]
    assert service["Type"] == "notify"
    assert service["ExecStart"] == (
        f"{PROGRAMS}/ispctl --repo /srv/isp.git run --branch main --every 10s --metrics 127.0.0.1:9464"
    )
    assert service["LoadCredential"] == "age.key:/etc/ispctl/age.key"
    assert service["Environment"] == "ISPCTL_AGE_KEY_FILE=%d/age.key"
    assert (service["ProtectSystem"], service["NoNewPrivileges"]) == ("strict", "yes")
    assert service["ReadWritePaths"] == "/srv/isp.git -/var/lib/ispctl"
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"


def test_the_command_of_each_unit_is_one_that_the_program_takes() -> None:
    from tests.gates.console import complaint

    for name in ("ispctl.service", "ispctl-drift.service", ACS):
        program, *words = parsed(render(WITH_ACS)[name])["Service"]["ExecStart"].split()
        assert complaint([Path(program).name, *words]) in (None, ""), name


def test_the_acs_has_a_unit_of_its_own_where_devices_are_served() -> None:
    assert set(render(PLACE)) == set(NAMES)
    assert set(render(WITH_ACS)) == {*NAMES, ACS}
    service = parsed(render(replace(WITH_ACS, tls=None))[ACS])["Service"]
    assert service["ExecStart"] == f"{PROGRAMS}/ispctl --repo /srv/isp.git cpe serve --listen 192.0.2.10:7547"
    text = render(WITH_ACS)[ACS]
    assert "LoadCredential=acs.pem:/etc/ispctl/acs 1.pem\nLoadCredential=acs.key:/etc/ispctl/acs.key\n" in text
    tls = " --certificate %d/acs.pem --private-key %d/acs.key"
    assert parsed(text)["Service"]["ExecStart"] == service["ExecStart"] + tls


def test_the_loop_is_not_handed_the_secrets_of_the_acs() -> None:
    assert "EnvironmentFile=/etc/ispctl/cpe.environment\n" in render(WITH_ACS)[ACS]
    assert not any("cpe.environment" in text for name, text in render(WITH_ACS).items() if name != ACS)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    (tmp_path / "isp repo").mkdir()
    place = replace(WITH_ACS, repo=tmp_path / "isp repo", key=tmp_path / "age 1.key", user="root", group="root")
    made = write(place, tmp_path / "units")
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *map(str, made)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    about_ours = [line for line in done.stderr.splitlines() if any(name in line for name in (*NAMES, ACS))]
    assert about_ours == []
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "text, said", [("/srv/isp.git", "/srv/isp.git"), ("/srv/50%/a b", '"/srv/50%%/a b"'), ("main", "main")]
)
def test_a_word_is_written_as_systemd_reads_it(text: str, said: str) -> None:
    assert quoted(text) == said


@pytest.mark.parametrize("text", ["", 'a"b', "a$b", "a\\b", "a\nExecStart=/bin/sh", "a'b"])
def test_a_word_that_would_mean_something_else_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="E633"):
        quoted(text)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="E633.*file"):
        write(PLACE, tmp_path / "file" / "units")
