"""A commit, `ispctl apply`, and a real Linux router holds the address, the device and the speed of a subscriber."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.namespaces import missing
from tests.live.small_isp import FILE, TARIFF, SmallIsp
from tests.platforms.linux.device import PROGRAMS, LinuxRouter

WHY = missing(*PROGRAMS)
pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.skipif(bool(WHY), reason=WHY or "it can run")]
POOLS = """\
offices: {family: 4, served_by: dhcp, slices: {router-1: [100.64.32.0/24]}, gateway: 100.64.32.1}
home: {family: 4, served_by: nas, ranges: [100.64.0.0/22]}
"""
SUBSCRIBER = """\
id: sub-000001
profile: {name: Canary Birdsong}
services:
  - login: anita@home.example
    access: {type: ipoe, identify: mac}
    tariff: home-50
    nas: [router-1]
    activated: 2026-01-01
    paid_until: 2090-12-31
    ipv4: {static: 100.64.32.10}
    mac: {mode: fixed, addresses: [{mac: "02:00:00:00:00:10"}]}
"""
HOST = """\
router-1:
  hostname: 127.0.0.1
  port: {port}
  username: root
  platform: linux
  data:
    device:
      host_key: "{host_key}"
      private_key: "{private_key}"
      serves: [{{type: ipoe, interface: acc1}}]
      core: up0
      bindings: true
      deadline: 30s
      options: {{folder: {folder}}}
"""


@pytest.fixture
def router(tmp_path: Path) -> Iterator[LinuxRouter]:
    with LinuxRouter(tmp_path) as one:
        yield one


@pytest.fixture
def isp(tmp_path: Path, router: LinuxRouter) -> SmallIsp:
    """One router that asks no RADIUS, and one subscriber who is bound on it."""
    isp, login = SmallIsp(tmp_path), router.login
    isp.put("inventory/pools.yaml", POOLS)
    sealed = isp.seal("nas/router-1/device.private_key", login.private_key)
    folder = login.options["folder"]
    isp.put(
        "inventory/hosts.yaml",
        HOST.format(port=login.port, host_key=login.host_key, private_key=sealed, folder=folder),
    )
    isp.edit("inventory/policy.yaml", "realms: {} ", "realms: {home.example: local} ")
    isp.edit("inventory/targets.yaml", "radius:", "nas: {attempts: 1}\nradius:")
    isp.put(FILE, SUBSCRIBER)
    isp.commit("One router, one subscriber")
    isp.ok("radius", "init")
    return isp


def _applied(isp: SmallIsp) -> list[str]:
    """The keys that were written to the router; a second apply finds nothing."""
    seen = isp.run("plan", "--format", "json")
    assert seen.returncode == 2, seen.stdout + seen.stderr
    plan = json.loads(seen.stdout)
    isp.ok("apply", "--allow-slower", 1, "--allow-cut-off", 1)
    assert json.loads(isp.ok("plan", "--format", "json"))["changes"] == []
    assert isp.ok("drift", "--format", "json").count('"target"') == 0
    return [one["key"] for one in plan["changes"] if one["target"] == "nas:router-1"]


def test_a_subscriber_in_git_is_bound_on_the_router_and_changes_alone(isp: SmallIsp, router: LinuxRouter) -> None:
    assert "subnet/100.64.32.0/24" in _applied(isp)
    assert "100.64.32.10 . 02:00:00:00:00:10" in router.run("nft", "list", "set", "inet", "isp", "bindings")
    assert "a150:200a root prio 0 rate 50Mbit" in router.run("tc", "class", "show", "dev", "acc1")
    assert "02:00:00:00:00:10" in json.dumps(router.ask_kea("config-get"))
    isp.changed(TARIFF, "down: 50M", "down: 40M")
    assert _applied(isp) == ["binding/sub-000001-main"]
    assert "a150:200a root prio 0 rate 40Mbit" in router.run("tc", "class", "show", "dev", "acc1")


def test_who_is_suspended_in_git_stands_behind_the_wall_of_the_router(isp: SmallIsp, router: LinuxRouter) -> None:
    _applied(isp)
    isp.changed(FILE, "    ipv4:", "    suspended: {since: 2026-10-01, reason: abuse}\n    ipv4:")
    assert _applied(isp) == ["binding/sub-000001-main"]
    assert "100.64.32.10" in router.run("nft", "list", "set", "inet", "isp", "walled")
