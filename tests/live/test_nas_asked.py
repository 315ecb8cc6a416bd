"""NAS as `ispstat nas` tells of them: from what runs remember, and asked themselves. RouterOS stand in for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ispctl.lab.freeradius import free_ports
from tests.live.test_nas_fleet import HOSTS, Fleet, fleet
from tests.platforms.routeros.device import PASSWORD

__all__ = ["fleet"]
pytestmark = pytest.mark.live


def told(fleet: Fleet, *words: object) -> dict[str, Any]:
    """What is said of each NAS as a device."""
    done = fleet.isp.run("nas", *words, "--format", "json", program="ispstat")
    assert PASSWORD not in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
    return {item["name"]: item["device"] for item in json.loads(done.stdout)["items"] if item["device"]}


def away(fleet: Fleet) -> None:
    """Nobody answers where router-3 is said to be."""
    fleet.isp.changed(HOSTS, f"port: {fleet.routers['router-3'].port}", f"port: {free_ports(1)[0]}")


def test_who_was_applied_stands_as_git_says_until_git_says_something_else(fleet: Fleet) -> None:
    assert {one["heard"] for one in told(fleet).values()} == {"never"}
    run = fleet.json("apply")["run"]
    found = told(fleet)["router-1"]
    assert (found["heard"], found["waiting"], found["equal"]["run"], found["backups"]) == ("applied", False, run, 1)
    fleet.widen()
    assert {one["waiting"] for one in told(fleet).values()} == {True}


def test_who_was_away_held_or_refused_is_told_with_the_reason(fleet: Fleet) -> None:
    fleet.isp.edit("inventory/policy.yaml", "format: 1", "nas: {waves: [{hosts: [router-2]}]}\nformat: 1")
    fleet.isp.commit("Router 2 goes first")
    fleet.run("apply")
    fleet.widen()
    fleet.routers["router-2"].dies_after(0)
    fleet.run("apply", "--target", "nas")
    found = told(fleet)
    assert {host: (one["heard"], one["reachable"]) for host, one in found.items()} == {
        "router-1": ("held", None),
        "router-2": ("unreachable", False),
        "router-3": ("held", None),
    }
    assert found["router-2"]["code"] == "E810"
    assert found["router-2"]["equal"] is None, "nobody knows what stands there"
    assert found["router-1"]["equal"] is not None


def test_a_router_that_was_away_when_it_was_looked_at_is_unreachable(fleet: Fleet) -> None:
    away(fleet)
    assert fleet.run("apply").returncode == 3
    found = told(fleet)
    assert (found["router-3"]["heard"], found["router-3"]["reachable"]) == ("unreachable", False)
    assert found["router-1"]["heard"] == "applied"


def test_what_a_nas_says_itself_stands_beside_what_is_known_of_it(fleet: Fleet) -> None:
    fleet.run("apply")
    fleet.routers["router-1"].type('/ip pool set [find name="home"] ranges=192.0.2.1-192.0.2.9')
    away(fleet)
    found = {host: one["asked"] for host, one in told(fleet, "--ask").items()}
    assert {host: (one["reachable"], one["drift"]) for host, one in found.items()} == {
        "router-1": (True, 1),
        "router-2": (True, 0),
        "router-3": (False, None),
    }
    assert found["router-2"]["version"]
    assert found["router-2"]["online"] is not None
    assert found["router-3"]["code"] == "E810"
    assert told(fleet)["router-3"]["heard"] == "applied", "asking is not remembered"


def test_drift_is_against_what_it_was_made_not_against_what_waits(fleet: Fleet) -> None:
    fleet.run("apply")
    fleet.widen()
    found = told(fleet, "--ask")["router-1"]
    assert (found["waiting"], found["asked"]["drift"]) == (True, 0)


def test_without_a_key_nobody_is_asked_and_it_says_what_is_missing(fleet: Fleet) -> None:
    done = fleet.isp.run("nas", "--ask", program="ispstat", key=False)
    assert done.returncode == 1
    assert "ISPCTL_AGE_KEY" in done.stderr
    assert fleet.isp.run("nas", program="ispstat", key=False).returncode == 0


def test_one_whose_password_does_not_open_keeps_nobody_else_from_being_asked(fleet: Fleet) -> None:
    fleet.run("apply")
    text = (fleet.isp.folder / HOSTS).read_text()
    sealed = text.split('password: "')[1].split('"')[0]
    other = text.split('password: "')[2].split('"')[0]
    fleet.isp.put(HOSTS, text.replace(sealed, other))
    fleet.isp.commit("A password of another")
    found = {host: one["asked"] for host, one in told(fleet, "--ask").items()}
    assert (found["router-1"]["reachable"], found["router-1"]["code"]) == (False, "E208")
    assert found["router-2"]["reachable"] is True


def test_one_in_full_tells_what_it_should_hold_and_what_runs_did(fleet: Fleet) -> None:
    run = fleet.json("apply")["run"]
    found = told(fleet, "router-1")["router-1"]
    render = fleet.json("nas", "render", "router-1")["items"]
    assert found["slice"] == render
    (did,) = found["changes"]
    assert (did["run"], {one["outcome"] for one in did["changes"]}) == (run, {""})
    assert {one["key"] for one in did["changes"]} >= {"/ip pool/home"}
    fleet.widen()
    fleet.run("apply")
    again = told(fleet, "router-1")["router-1"]
    assert (len(again["changes"]), again["backups"]) == (2, 2)
    assert [(one["key"], one["action"]) for one in again["changes"][0]["changes"]] == [("/ip pool/home", "update")]
