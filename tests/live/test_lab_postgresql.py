"""`ispctl lab up --database postgresql`: the same lab on a server of its own."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ispctl.cli.common import run
from ispctl.cli.lab import FOLDER
from ispctl.cli.main import app as ispctl
from ispctl.cli.stat import app as ispstat
from ispctl.lab.cluster import home
from ispctl.store import Store
from tests.gates import example

pytestmark = [pytest.mark.live, pytest.mark.slow]
Call = Callable[..., tuple[int, str]]


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[Path]:
    folder = example.copy(tmp_path / "isp")
    (folder / ".gitignore").write_text("var/\n", "utf-8")
    example.commit(folder, "Leave the lab out")
    yield folder
    run(ispctl, "ispctl", ["--repo", str(folder), "lab", "down"])
    shutil.rmtree(home(folder / FOLDER), ignore_errors=True)


@pytest.fixture
def call(repo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    for name in [name for name in os.environ if name.startswith(("ISPCTL_RADIUS", "ISPSTAT_"))]:
        monkeypatch.delenv(name)

    def call(*words: str, program: str = "ispctl") -> tuple[int, str]:
        code = run(ispctl if program == "ispctl" else ispstat, program, ["--repo", str(repo), *words])
        return code, capsys.readouterr().out

    return call


def test_a_lab_on_postgresql_applies_dials_changes_and_ends(
    repo: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = call("lab", "up", "--database", "postgresql", "--format", "json")
    assert code == 0
    status = json.loads(said)
    assert status["running"]
    assert status["dsn"].startswith("postgresql://")
    assert sorted(status["processes"]) == ["devices", "freeradius", "postgresql", "stand-ins"]
    monkeypatch.setenv("ISPCTL_RADIUS__DSN", status["dsn"])

    assert call("plan")[0] == 0
    _, sessions = call("sessions", "--format", "json", program="ispstat")
    assert json.loads(sessions)["items"]

    tariff = repo / "tariffs" / "home-50.yaml"
    tariff.write_text(tariff.read_text("utf-8").replace("down: 50M", "down: 60M"), "utf-8")
    example.commit(repo, "Faster")
    assert call("plan")[0] == 2
    assert call("apply")[0] == 0
    assert call("plan")[0] == 0
    assert call("drift", program="ispstat")[0] == 0
    assert call("health", program="ispstat")[0] == 0

    pids = [data["pid"] for data in json.loads((repo / FOLDER / "state.json").read_text("utf-8"))["processes"].values()]
    assert "postgresql" in call("lab", "down")[1]
    assert not any(psutil.pid_exists(pid) for pid in pids)

    code, said = call("lab", "up", "--database", "postgresql", "--empty", "--format", "json")
    assert code == 0
    with Store.open(json.loads(said)["dsn"]) as store:  # the database stays
        assert store.applied is not None
        assert list(store.sessions())
