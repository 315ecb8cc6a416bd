"""The routers that `ispctl lab up` starts: each can be configured as it comes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from netmiko import ConnectHandler

from ispctl.lab.devices.play import DOORS, PLAN, PLAYED, USERNAME
from ispctl.lab.process import start, wait_for
from ispctl.platforms import nas_platforms
from ispctl.platforms.device import Login
from tests.gates.tracked import ROOT
from tests.platforms.nas_contract import Hands, subject
from tests.platforms.slices import usual

PATHS = {"PYTHONPATH": str(ROOT / "controller")}


def test_every_platform_has_one_but_plain_linux_whose_programs_are_real() -> None:
    assert sorted(PLAYED) == [name for name in nas_platforms() if name != "linux"]


def test_one_that_takes_no_such_port_leaves_the_others_alone(tmp_path: Path) -> None:
    said = {"accel-ppp": "eth1", "ios-xe": "no port at all", "routeros": 'sfp "1"', "huawei-vrp": "Eth-Trunk3.100"}
    plan = [{"name": name, "platform": name, "ports": [port], "password": "x"} for name, port in said.items()]
    (tmp_path / PLAN).write_text(json.dumps({"devices": plan}), "utf-8")
    player = start([sys.executable, "-m", "ispctl.lab.devices", str(tmp_path)], tmp_path / "log", PATHS)
    try:
        assert wait_for((tmp_path / DOORS).exists, 60)
        doors = json.loads((tmp_path / DOORS).read_text("utf-8"))
        assert sorted({*doors, "routeros"}) == ["accel-ppp", "huawei-vrp", "routeros"]
        assert "ios-xe: left out: Invalid" in (tmp_path / "log").read_text("utf-8")
    finally:
        assert player.stop()


@pytest.mark.parametrize("port", ["TenGigabitEthernet0/1/0", "Port-channel1.100", "Bundle-Ether7", "eth0.100"])
def test_a_port_may_have_any_name_that_its_vendor_gives_it(port: str, tmp_path: Path) -> None:
    for name in ("ios-xe", "huawei-vrp", "routeros"):
        with PLAYED[name](tmp_path, [port], "x") as one:
            assert one.port


@pytest.mark.parametrize("name", ["huawei-vrp", "ios-xe"])
def test_a_prompt_says_on_which_router_somebody_is(name: str, tmp_path: Path) -> None:
    kind = {"huawei-vrp": "huawei", "ios-xe": "cisco_xe"}[name]
    with PLAYED[name](tmp_path / "pokhara-1", [], "x") as one:
        router = ConnectHandler(device_type=kind, host="127.0.0.1", port=one.port, username=USERNAME, password="x")
        said = router.find_prompt()
        router.disconnect()
    assert "pokhara-1" in said


@pytest.mark.live
@pytest.mark.parametrize("name", PLAYED)
def test_one_is_configured_as_it_comes(name: str, tmp_path: Path) -> None:
    one, want = subject(name), usual(name)
    with PLAYED[name](tmp_path, [port.interface for port in want.ports], "a lab password") as device:
        key, options = getattr(device, "host_key", "") or device.certificate, getattr(device, "options", {})
        login = Login(
            "lalitpur-1", name, "127.0.0.1", device.port, USERNAME, "a lab password", host_key=key, options=options
        )
        with one.platform.open(login) as session:
            assert session.read().resources == {}
            Hands(one).make(session, want)
