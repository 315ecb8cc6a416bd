"""A session that moves more than its tariff gives is slowed down while it runs, and a top-up gives its speed back: real
packets, the real server, and a stand-in of a router that shapes what it counts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ispctl.lab.process import wait_for
from tests.gates import example
from tests.live.commands import command

pytestmark = pytest.mark.live
LOGIN = "binod.chaudhary@home.example"
MB = 10**6


@pytest.fixture
def isp(tmp_path: Path) -> Iterator[Path]:
    """The example, in whose home-100 full speed ends after 20 MB."""
    folder = example.copy(tmp_path / "isp")
    (folder / ".gitignore").write_text("var/\n", "utf-8")
    tariff = folder / "tariffs" / "home-100.yaml"
    tariff.write_text(tariff.read_text("utf-8").replace("800GB", "20MB"), "utf-8")
    example.commit(folder, "Leave the database out, and let little be much")
    for name, value in (("user.name", "Asha Gurung"), ("user.email", "asha@example.net")):
        example.git(folder, "config", name, value)
    done = command("ispctl", "lab", "up", folder=folder)
    assert done.returncode == 0, done.stderr
    try:
        yield folder
    finally:
        command("ispctl", "lab", "down", folder=folder)


def ok(folder: Path, *words: str) -> str:
    done = command(*words, folder=folder)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def items(folder: Path, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(ok(folder, "ispstat", *words, "--format", "json"))["items"]
    return found


def passed(folder: Path) -> None:
    """A pass of the loop, on what the routers report now."""
    ok(folder, "ispctl", "lab", "report")
    command("ispctl", "run", "--once", folder=folder)


def test_a_session_crosses_its_limit_and_a_topup_restores_it(isp: Path) -> None:
    if not items(isp, "sessions", "--login", LOGIN):
        ok(isp, "ispctl", "lab", "dial", LOGIN)

    def used() -> int:
        passed(isp)
        (one,) = items(isp, "usage", LOGIN)
        return int(one["down"] + one["up"])

    def speed() -> tuple[int, str]:
        (session,) = items(isp, "sessions", "--login", LOGIN)
        assert session["config"] in ("acked", "proved", "current"), session
        return session["expected"]["down"] // MB, session["unique"]

    before = speed()
    assert before[0] == 100
    assert wait_for(lambda: used() > 20 * MB, 60)
    passed(isp)
    slow = speed()
    assert slow == (20, before[1]), "the same session, told by CoA"
    (window,) = items(isp, "usage", LOGIN)[0]["windows"]
    assert (window["window"], window["tier"]["rate"]["down"]) == ("cycle", 20 * MB)
    assert "fair use: " in ok(isp, "ispstat", "why", LOGIN)
    assert LOGIN in ok(isp, "ispstat", "list", "--over-quota")
    at = time.monotonic()  # before the report that is compared with
    began = used()
    assert wait_for(lambda: time.monotonic() - at > 3, 10)
    moved, lasted = used() - began, time.monotonic() - at
    assert moved * 8 < 33 * MB * lasted, "the router does what it was told: 20M and 10M, and no more"
    ok(isp, "ispctl", "topup", LOGIN, "1GB", "--reason", "a present", "--direct", "--yes")
    command("ispctl", "run", "--once", folder=isp)
    assert speed() == (100, before[1])
    assert LOGIN not in ok(isp, "ispstat", "list", "--over-quota")
