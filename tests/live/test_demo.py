"""The main job as a newcomer runs it, and a lab that is started, crashed and ended by its commands."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from ispctl.lab.process import start, wait_for
from tests.gates import example
from tests.gates.tracked import ROOT
from tests.live.commands import command, lab_processes

pytestmark = pytest.mark.live


@pytest.mark.timeout(300)
def test_the_demonstration_runs_to_its_end(tmp_path: Path) -> None:
    installed = example.path_with_commands()
    done = command(sys.executable, ROOT / "scripts" / "demo", tmp_path, folder=tmp_path, PATH=installed)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "Done in" in done.stdout


def status(folder: Path, **env: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        command("ispctl", "lab", "status", "--format", "json", folder=folder, **env).stdout
    )
    return found


def test_a_lab_started_twice_is_one_lab_and_down_ends_it(isp: Path) -> None:
    bystander = start(["/bin/sleep", "60"], isp.parent / "sleep.log")
    try:
        first = command("ispctl", "lab", "up", folder=isp)
        assert first.returncode == 0, first.stderr
        before = {process.pid for process in lab_processes(isp)}
        assert len(before) == 3
        again = command("ispctl", "lab", "up", folder=isp)
        assert again.returncode == 0
        assert {process.pid for process in lab_processes(isp)} == before
        said = status(isp)
        assert said["running"] is True
        assert set(said["radius"]) == {"auth", "acct", "coa", "secret"}
        assert command("ispctl", "plan", folder=isp).returncode == 0
        sessions = json.loads(command("ispstat", "sessions", "--format", "json", folder=isp).stdout)
        assert len(sessions["items"]) >= 3
        assert command("ispctl", "lab", "down", folder=isp).returncode == 0
        assert lab_processes(isp) == []
        assert bystander.running
        assert status(isp)["running"] is False
    finally:
        bystander.stop()


def test_a_lab_that_was_killed_is_started_again(isp: Path) -> None:
    assert command("ispctl", "lab", "up", "--empty", folder=isp).returncode == 0
    for process in lab_processes(isp):
        os.kill(process.pid, signal.SIGKILL)
    assert wait_for(lambda: lab_processes(isp) == [], 5)
    assert status(isp)["running"] is False
    assert command("ispctl", "lab", "up", folder=isp).returncode == 0
    assert status(isp)["running"] is True
    dialled = command("ispctl", "lab", "dial", "sub-000201/cctv", "--format", "json", folder=isp)
    assert json.loads(dialled.stdout)["session"]["address"] == "203.0.113.9"


def test_a_bare_repository_has_a_lab_too(isp: Path, tmp_path: Path) -> None:
    bare = tmp_path / "isp.git"
    example.git(tmp_path, "clone", "-q", "--bare", str(isp), str(bare))
    try:
        up = command("ispctl", "lab", "up", "--empty", folder=bare)
        assert up.returncode == 0, up.stderr
        assert command("ispctl", "apply", folder=bare).returncode == 0
        assert command("ispctl", "plan", folder=bare).returncode == 0
        dialled = command("ispctl", "lab", "dial", "sub-000123", folder=bare)
        assert dialled.returncode == 0, dialled.stdout + dialled.stderr
    finally:
        down = command("ispctl", "lab", "down", folder=bare)
    assert down.returncode == 0
    assert lab_processes(bare) == []


def test_a_tariff_edit_is_proved_behind_every_vendors_router(isp: Path) -> None:
    """One login behind each router of the example; the tariff changes, and the accounting of each session shows it."""

    def edit(path: str, old: str, new: str) -> None:
        text = (isp / path).read_text("utf-8")
        assert old in text
        (isp / path).write_text(text.replace(old, new), "utf-8")
        example.commit(isp, new)

    edit("tariffs/home-50.yaml", "sessions: 1", "sessions: 20")
    edit("inventory/hosts.yaml", "interim: 300s", "interim: 2s")
    assert command("ispctl", "lab", "up", folder=isp).returncode == 0
    routers = [nas["name"] for nas in status(isp)["nas"]]
    for router in routers:
        dialled = command("ispctl", "lab", "dial", "sub-000123", "--nas", router, "--format", "json", folder=isp)
        assert dialled.returncode == 0, dialled.stdout + dialled.stderr
        session = json.loads(dialled.stdout)["session"]
        assert (session["nas"], session["rate_down"], session["rate_up"]) == (router, 50_000_000, 25_000_000)
        assert (session["ignored"], session["complaints"]) == ([], [])
    edit("tariffs/home-50.yaml", "{down: 50M, up: 25M}", "{down: 40M, up: 20M}")
    done = command("ispctl", "apply", "--wait", "30", "--allow-slower", "100", "--format", "json", folder=isp)
    assert done.returncode == 0, done.stdout + done.stderr
    told = {(one["nas"], one["kind"], one["answer"]) for one in json.loads(done.stdout)["sessions"]}
    assert told == {(router, "coa", "proved") for router in routers}
