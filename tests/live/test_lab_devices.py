"""The routers of a lab: started, configured, spoilt by hand, repaired and ended by the commands."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.gates import example
from tests.live.commands import command, lab_processes

pytestmark = pytest.mark.live


def done(*words: str, folder: Path, code: int = 0) -> str:
    said: subprocess.CompletedProcess[str] = command(*words, folder=folder)
    assert said.returncode == code, said.stdout + said.stderr
    return said.stdout


def asked(folder: Path, host: str) -> dict[str, Any]:
    found = json.loads(done("ispstat", "nas", host, "--ask", "--format", "json", folder=folder))
    (item,) = found["items"]
    device: dict[str, Any] = item["device"]
    return device


def test_a_pool_of_git_reaches_a_router_of_the_lab_and_a_hand_on_it_is_put_back(isp: Path) -> None:
    done("ispctl", "lab", "up", "--empty", folder=isp)
    status = json.loads(done("ispctl", "lab", "status", "--format", "json", folder=isp))
    assert {one["name"]: one["platform"] for one in status["devices"]} == {
        "bhaktapur-1": "ios-xe",
        "dhulikhel-1": "accel-ppp",
        "lalitpur-1": "routeros",
    }
    assert "dhulikhel-1 127.0.0.1:" in done("ispctl", "lab", "status", folder=isp)

    done("ispctl", "apply", folder=isp)
    done("ispctl", "plan", "--live", "--target", "nas", folder=isp)
    pools = isp / "inventory" / "pools.yaml"
    old, new = "dhulikhel-1: [100.64.20.0/22]", "dhulikhel-1: [100.64.20.0/22, 100.64.40.0/24]"
    pools.write_text(pools.read_text("utf-8").replace(old, new), "utf-8")
    example.commit(isp, "More addresses")
    plan = done("ispctl", "plan", "--live", "--target", "nas:dhulikhel-1", folder=isp, code=2)
    assert "nas:dhulikhel-1: update pool home" in plan
    done("ispctl", "apply", folder=isp)
    file = isp / "var" / "lab" / "devices" / "dhulikhel-1" / "etc" / "accel-ppp.conf"
    made = file.read_text("utf-8")
    assert "100.64.40.1-254,name=home" in made

    file.write_text(made.replace("100.64.40.1-254,name=home", "100.64.40.1-9,name=home"), "utf-8")
    assert asked(isp, "dhulikhel-1")["asked"]["drift"] == 1
    assert "pool/home was changed" in done("ispctl", "drift", folder=isp, code=2)
    done("ispctl", "drift", "--repair", folder=isp)
    assert file.read_text("utf-8") == made

    done("ispctl", "lab", "down", folder=isp)
    assert lab_processes(isp) == []
    assert "ispctl lab up" in command("ispctl", "plan", "--live", "--target", "nas", folder=isp).stderr
