"""NAS configured by the commands as they are typed: seen before, proven, held, found by drift, put back. The devices
are three RouterOS that stand in, full of what others configured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from ispctl.lab.devices.routeros import RouterOs
from ispctl.lab.freeradius import free_ports
from tests.live.small_isp import FILE, SmallIsp
from tests.platforms.routeros.device import OTHERS, PASSWORD, RouterOsDevice

pytestmark = pytest.mark.live
SECRET = "a shared secret"
HOSTS = "inventory/hosts.yaml"
POOLS = "inventory/pools.yaml"


@dataclass
class Fleet:
    """The ISP with its routers."""

    isp: SmallIsp
    routers: dict[str, RouterOs]

    def run(self, *words: object, said: str = "") -> CompletedProcess[str]:
        done = self.isp.run(*words, said=said)
        both = done.stdout + done.stderr
        assert "Traceback" not in both
        assert SECRET not in both
        assert PASSWORD not in both
        return done

    def json(self, *words: object, code: int = 0) -> Any:
        done = self.run(*words, "--format", "json")
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def pools(self, host: str) -> dict[str, str]:
        rows = self.routers[host].rows("/ip pool")
        return {row["name"]: row["ranges"] for row in rows if row.get("comment", "").startswith("ispctl:")}

    def foreign(self, host: str) -> str:
        router = self.routers[host]
        return RouterOsDevice(router, None).foreign()  # type: ignore[arg-type]

    def widen(self) -> None:
        """Each router gets another part of the pool."""
        self.isp.changed(POOLS, "/22]", "/21]")


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    isp = SmallIsp(tmp_path)
    isp.write(address="127.0.0.1", coa="127.0.0.1", port=free_ports(1)[0], secret=SECRET, platform="routeros")
    with ExitStack() as stack:
        routers = {
            f"router-{number}": stack.enter_context(RouterOs(username="ispctl", password=PASSWORD))
            for number in (1, 2, 3)
        }
        for router in routers.values():
            router.type(OTHERS)
        isp.put(HOSTS, "".join(_host(isp, name, router) for name, router in routers.items()))
        parts = ", ".join(f"router-{number}: [100.64.{number * 8}.0/22]" for number in (1, 2, 3))
        isp.put(POOLS, f"home: {{family: 4, served_by: nas, slices: {{{parts}}}}}\n{BUSINESS}")
        isp.edit("inventory/targets.yaml", "radius:", "nas: {workers: 3, attempts: 1}\nradius:")
        isp.commit("Three routers that are configured")
        yield Fleet(isp, routers)


BUSINESS = "business: {family: 4, served_by: static, ranges: [203.0.113.0/26]}\n"


def _host(isp: SmallIsp, name: str, router: RouterOs) -> str:
    source, secret = f"192.0.2.{name[-1]}", isp.seal(f"nas/{name}/radius.secret", SECRET)
    return f"""\
{name}:
  hostname: 127.0.0.1
  port: {router.port}
  username: ispctl
  password: "{isp.seal(f"nas/{name}/password", PASSWORD)}"
  platform: routeros
  data:
    radius: {{sources: [{source}], identifier: {name}, secret: "{secret}"}}
    device:
      host_key: "{router.certificate}"
      servers: [{{address: 198.51.100.10}}]
      serves: [{{type: pppoe, interface: acc0}}]
      deadline: 20s
"""


def test_an_apply_configures_every_router_and_a_second_finds_nothing(fleet: Fleet) -> None:
    before = {host: fleet.foreign(host) for host in fleet.routers}
    plan = fleet.json("plan", code=2)
    targets = {one["target"] for one in plan["changes"]}
    assert {"radius", "nas:router-1", "nas:router-2", "nas:router-3"} <= targets
    assert fleet.pools("router-1") == {}, "a plan changes nothing"
    done = fleet.json("apply")
    assert [(one["host"], one["status"]) for one in done["devices"]] == [(host, "applied") for host in sorted(before)]
    assert fleet.pools("router-2") == {"home": "100.64.16.1-100.64.19.254"}
    assert {host: fleet.foreign(host) for host in fleet.routers} == before
    assert fleet.json("plan")["changes"] == []
    assert fleet.json("drift")["items"] == []


def test_the_loop_configures_routers_too_and_one_that_is_away_later(fleet: Fleet) -> None:
    port, closed = fleet.routers["router-3"].port, free_ports(1)[0]
    fleet.isp.changed(HOSTS, f"port: {port}", f"port: {closed}")
    turn = fleet.run("run", "--once")
    assert turn.returncode == 1, turn.stdout + turn.stderr
    assert "E810" in turn.stderr
    assert (fleet.pools("router-1"), fleet.pools("router-3")) == ({"home": "100.64.8.1-100.64.11.254"}, {})
    fleet.isp.changed(HOSTS, f"port: {closed}", f"port: {port}")
    turn = fleet.run("run", "--once")
    assert turn.returncode == 0, turn.stdout + turn.stderr
    assert fleet.pools("router-3") == {"home": "100.64.24.1-100.64.27.254"}


def test_a_merge_request_shows_what_it_does_to_routers_without_asking_them(fleet: Fleet) -> None:
    fleet.widen()
    for router in fleet.routers.values():
        router.dies_after(0)
    plan = fleet.json("plan", "--base", "HEAD~1", code=2)
    changed = [one for one in plan["changes"] if one["target"].startswith("nas:")]
    assert {one["target"] for one in changed} == {f"nas:{host}" for host in fleet.routers}
    assert all("100.64" in json.dumps(one["fields"]) for one in changed)


def test_the_next_wave_waits_until_the_last_is_well(fleet: Fleet) -> None:
    fleet.isp.edit("inventory/policy.yaml", "format: 1", "nas: {waves: [{hosts: [router-2]}]}\nformat: 1")
    fleet.isp.commit("Router 2 goes first")
    fleet.run("apply")
    fleet.widen()
    fleet.routers["router-2"].dies_after(0)
    done = fleet.json("apply", "--target", "nas", code=1)
    said = {one["host"]: (one["status"], one["code"]) for one in done["devices"]}
    held = ("held", "E816")
    assert said == {"router-1": held, "router-2": ("unreachable", "E810"), "router-3": held}
    fleet.routers["router-2"].revives()
    assert {one["status"] for one in fleet.json("apply")["devices"]} == {"applied"}
    assert fleet.json("plan")["changes"] == []


def test_a_router_that_is_away_holds_up_nobody_else_and_is_made_later(fleet: Fleet) -> None:
    port, closed = fleet.routers["router-3"].port, free_ports(1)[0]
    fleet.isp.changed(HOSTS, f"port: {port}", f"port: {closed}")
    done = fleet.json("apply", code=3)
    assert {one["target"]: one["code"] for one in done["unread"]} == {"nas:router-3": "E810"}
    assert fleet.pools("router-1")
    assert done["written"]["create"] > 0
    fleet.isp.changed(HOSTS, f"port: {closed}", f"port: {port}")
    assert [one["host"] for one in fleet.json("apply")["devices"]] == ["router-3"]


def test_drift_finds_what_a_hand_changed_and_puts_it_back(fleet: Fleet) -> None:
    fleet.run("apply")
    fleet.routers["router-1"].type('/ip pool set [find name="home"] ranges=192.0.2.1-192.0.2.9')
    assert fleet.json("plan")["changes"] == [], "a plan asks no router of which git says nothing else"
    items = fleet.json("drift", code=2)["items"]
    assert {one["target"] for one in items} == {"nas:router-1"}
    assert fleet.run("drift", "--repair").returncode == 0
    assert fleet.pools("router-1") == {"home": "100.64.8.1-100.64.11.254"}
    assert fleet.json("drift")["items"] == []


def test_a_paused_or_observed_router_is_planned_and_not_touched(fleet: Fleet) -> None:
    assert fleet.run("pause", "--target", "nas:router-1", "--reason", "engineers are there").returncode == 0
    fleet.isp.changed(HOSTS, "router-2:\n", "router-2:\n")
    text = (fleet.isp.folder / HOSTS).read_text()
    second = text.index("router-2:")
    fleet.isp.put(HOSTS, text[:second] + text[second:].replace("  data:\n", "  data:\n    managed: observe\n", 1))
    fleet.isp.commit("Only look at router 2")
    fleet.run("apply")
    assert (fleet.pools("router-1"), fleet.pools("router-2")) == ({}, {})
    assert fleet.pools("router-3")
    assert fleet.run("resume", "--target", "nas:router-1").returncode == 0
    fleet.run("apply")
    assert fleet.pools("router-1")


def test_one_router_is_put_back_and_left_alone_until_somebody_resumes_it(fleet: Fleet) -> None:
    fleet.run("apply")
    fleet.widen()
    fleet.run("apply")
    assert fleet.pools("router-1") == {"home": "100.64.8.1-100.64.15.254"}
    shown = fleet.run("nas", "rollback", "router-1", "--dry-run")
    assert shown.returncode == 2
    assert "100.64.11.254" in shown.stdout
    done = fleet.run("nas", "rollback", "router-1", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert fleet.pools("router-1") == {"home": "100.64.8.1-100.64.11.254"}
    fleet.run("apply")
    assert fleet.pools("router-1") == {"home": "100.64.8.1-100.64.11.254"}, "paused"
    assert fleet.run("resume", "--target", "nas:router-1").returncode == 0
    fleet.run("apply")
    assert fleet.pools("router-1") == {"home": "100.64.8.1-100.64.15.254"}
    first = next(line.split()[0] for line in reversed(fleet.run("runs").stdout.splitlines()) if "apply" in line)
    back = ("nas", "rollback", "router-1", "--to", first, "--yes")
    refused = fleet.run(*back)
    assert refused.returncode == 1
    assert f"Next: ispctl nas rollback router-1 --to {first} --allow-delete 11" in refused.stdout
    assert fleet.run(*back, "--allow-delete", 11).returncode == 0
    assert fleet.pools("router-1") == {}, "before the first run nothing of ours was there"


def test_a_router_is_put_back_in_no_freeze(fleet: Fleet) -> None:
    fleet.run("apply")
    always = "nas: {freezes: [{from: 2020-01-01, until: 2099-01-01, reason: a feast}]}"
    fleet.isp.edit("inventory/policy.yaml", "format: 1", f"{always}\nformat: 1")
    fleet.isp.commit("Nothing is touched")
    shown = fleet.run("nas", "rollback", "router-1", "--dry-run")
    assert shown.returncode == 2
    assert "PAUSED: target nas:router-1 until 2099-01-0" in shown.stdout
    done = fleet.run("nas", "rollback", "router-1", "--yes")
    assert done.returncode == 1
    assert done.stdout.startswith("router-1 was not put back to what it was before ")
    assert "paused for a day" not in done.stderr
    assert fleet.pools("router-1") == {"home": "100.64.8.1-100.64.11.254"}


def test_another_secret_reaches_the_router_and_its_row_alike(fleet: Fleet) -> None:
    fleet.run("apply")
    text = (fleet.isp.folder / HOSTS).read_text()
    first = text.index('secret: "') + len('secret: "')
    old = text[first : text.index('"', first)]
    fleet.isp.changed(HOSTS, old, fleet.isp.seal("nas/router-1/radius.secret", "another shared secret"))
    plan = fleet.json("plan", code=2)
    assert {one["target"] for one in plan["changes"]} == {"radius", "nas:router-1"}
    assert fleet.run("apply").returncode == 0
    rows = fleet.routers["router-1"].rows("/radius")
    secrets = {row["secret"] for row in rows if "ispctl:" in row.get("comment", "")}
    assert secrets == {"another shared secret"}
    assert fleet.json("drift")["items"] == []


def test_a_target_that_there_is_not_is_named(fleet: Fleet) -> None:
    for words in (("plan", "--target", "nas:router-9"), ("apply", "--target", "cpe"), ("nas", "render", "router-9")):
        done = fleet.run(*words)
        assert done.returncode == 1
        assert "E607" in done.stderr
    assert "/ip pool add name=home" in fleet.run("nas", "render", "router-1").stdout


def test_what_is_not_kept_cannot_be_put_back(fleet: Fleet) -> None:
    done = fleet.run("nas", "rollback", "router-1", "--dry-run")
    assert done.returncode == 1
    assert "E817" in done.stderr


def bound(fleet: Fleet) -> None:
    """Router 1 holds the address and the device of the subscriber itself, and nobody may be cut off unsaid."""
    isp = fleet.isp
    isp.edit(HOSTS, "    device:\n", "    device:\n      bindings: true\n")
    device = '    mac: {mode: fixed, addresses: [{mac: "00:00:5e:00:53:01"}]}\n'
    isp.put(FILE, (isp.folder / FILE).read_text("utf-8") + device)
    isp.edit("inventory/policy.yaml", "format: 1", "limits: {cut_off: {share: 0%, floor: 0}}\nformat: 1")
    isp.commit("Router 1 knows its subscriber")


def walled(fleet: Fleet) -> list[str]:
    rows = fleet.routers["router-1"].rows("/ip firewall address-list")
    return [row["address"] for row in rows if row["list"] == "isp-walled" and "ispctl:" in row.get("comment", "")]


def test_a_gate_that_holds_a_persons_rows_holds_what_a_router_knows_of_them(fleet: Fleet) -> None:
    bound(fleet)
    assert fleet.run("apply").returncode == 0
    assert walled(fleet) == []
    fleet.isp.changed(FILE, "    mac:", "    suspended: {since: 2026-01-01, reason: abuse}\n    mac:")
    done = fleet.json("apply", code=1)
    assert [one["gate"] for one in done["closed"]] == ["cut_off"]
    assert walled(fleet) == [], "held with the rows"
    fleet.run("apply", "--target", "nas")
    assert walled(fleet) == [], "nor is it done without them"
    assert fleet.run("apply", "--allow-cut-off", "1").returncode == 0
    assert walled(fleet) == ["203.0.113.7"]


def test_a_pause_of_a_person_holds_what_a_router_knows_of_them(fleet: Fleet) -> None:
    bound(fleet)
    fleet.run("apply")
    assert fleet.run("pause", "--login", "sub-000001", "--reason", "a visit").returncode == 0
    fleet.isp.changed(FILE, "    mac:", "    suspended: {since: 2026-01-01, reason: abuse}\n    mac:")
    for words in (("apply",), ("apply", "--target", "nas"), ("apply",)):
        fleet.run(*words)
        assert walled(fleet) == []
    assert fleet.run("resume", "--login", "sub-000001").returncode == 0
    assert fleet.run("apply", "--allow-cut-off", "1").returncode == 0
    assert walled(fleet) == ["203.0.113.7"]
