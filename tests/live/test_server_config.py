"""The rendered configuration as a text: equal for equal settings, marked, and refusing what it would misread."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ispctl.lab.cluster import Cluster
from ispctl.lab.freeradius import program
from ispctl.model.problem import Refusal
from ispctl.radius.dictionary import load
from ispctl.radius.server import NAME, ServerSettings, marker, render, stale_after, write
from ispctl.structs import replace
from tests.canary import PASSWORD
from tests.live.rig import Rig
from tests.postgres import new_database

SETTINGS = ServerSettings(database="/srv/radius/radius.db", run_dir="/srv/radius/run")


def test_equal_settings_give_equal_files() -> None:
    assert render(SETTINGS) == render(ServerSettings(database="/srv/radius/radius.db", run_dir="/srv/radius/run"))


def test_the_marker_names_rules_and_settings_apart() -> None:
    rules, values = marker(SETTINGS).split("-")
    other = replace(SETTINGS, stale_after=900)
    assert marker(other).split("-")[0] == rules
    assert marker(other).split("-")[1] != values
    assert render(SETTINGS)[f"{NAME}.conf"].startswith(f"# ispctl-config {marker(SETTINGS)}\n")


def test_only_one_file_holds_settings() -> None:
    one, other = render(SETTINGS, "/a"), render(replace(SETTINGS, database="/x", lease=7, threads=2), "/b")
    assert [name for name in one if one[name] != other[name]] == [f"{NAME}.conf"]


def test_a_session_is_stale_after_two_missed_updates_and_a_half() -> None:
    assert stale_after([60, 300]) == 750
    assert stale_after([]) == 750


@pytest.mark.parametrize("interim, lease", [(300, 3600), (7200, 18000)])
def test_an_address_stays_with_a_session_for_as_long_as_that_may_say_nothing(interim: int, lease: int) -> None:
    settings = replace(SETTINGS, stale_after=stale_after([interim]))
    assert f"\nlease = {lease}\n" in render(settings)[f"{NAME}.conf"]


@pytest.mark.parametrize(
    "change",
    [
        {"database": "radius.db"},
        {"database": '/a"b'},
        {"run_dir": "/a/${x}"},
        {"run_dir": "/a\nuser = root"},
        {"listen": "somewhere"},
        {"auth_port": 0},
        {"auth_port": 1813},
        {"stale_after": 0},
        {"connections": 100_000},
        {"connections": 4},
    ],
    ids=str,
)
def test_a_setting_that_would_mean_something_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refusal:
        replace(SETTINGS, **change)
    assert {problem.code for problem in refusal.value.problems} == {"E401"}


def test_a_folder_that_the_parser_would_misread_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        write(SETTINGS, tmp_path / "a$b")
    assert refusal.value.problems[0].code == "E401"


def test_writing_twice_changes_nothing_and_is_not_for_everybody(tmp_path: Path) -> None:
    first = {path.name: path.read_text("utf-8") for path in write(SETTINGS, tmp_path / "out")}
    assert {path.name: path.read_text("utf-8") for path in write(SETTINGS, tmp_path / "out")} == first
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()} == {0o640}


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(Refusal) as refusal:
        write(SETTINGS, tmp_path / "file" / "out")
    assert refusal.value.problems[0].code == "E402"


@pytest.mark.live
def test_the_real_server_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    settings = ServerSettings(database=f"{tmp_path}/radius.db", run_dir=str(tmp_path))
    (tmp_path / "radius.db").touch()
    write(settings, tmp_path / "conf")
    command = [program(), "-d", str(tmp_path / "conf"), "-n", NAME, "-C", "-l", "stdout"]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert checked.returncode == 0, checked.stdout
    assert "Warn" not in checked.stdout
    assert "Error" not in checked.stdout


@pytest.mark.live
def test_postgresql_is_not_made_to_plan_each_authentication_anew(cluster: Cluster, tmp_path: Path) -> None:
    rig = Rig(tmp_path, new_database(cluster), log_accepts=False)
    try:
        assert isinstance(rig.routeros.authenticate(rig.login(), PASSWORD), dict)
        last = rig.rows(
            "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'freeradius'"
            " ORDER BY state_change DESC LIMIT 1"
        )
        assert [query.partition("(")[0].strip() for (query,) in last] == ["EXECUTE isp_reply"]
    finally:
        rig.close()


@pytest.mark.live
def test_our_dictionary_agrees_with_the_servers() -> None:
    theirs: dict[str, str] = {}
    for path in Path("/usr/share/freeradius").glob("dictionary.*"):
        for line in path.read_text("utf-8", "replace").splitlines():
            words = line.split()
            if words[:1] == ["ATTRIBUTE"]:
                theirs.setdefault(words[1], words[2])
    ours = {name: str(attribute.code) for name, attribute in load().attributes.items()}
    assert {name: theirs.get(name) for name in ours} == ours
