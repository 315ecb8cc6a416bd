"""Stand-ins for the NAS of a repository, each with what its owner would have written on it by hand, until it is told to
end: `python -m ispctl.lab.devices FOLDER`."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

PLAN: Final = "devices.json"
"""Whom to play: [{"name", "platform", "ports", "password"}]."""
DOORS: Final = "doors.json"
"""How each is reached that could be made: by name, {"address", "port", "username", "password", "host_key",
"options"}."""
USERNAME: Final = "ispctl"


def _accel(folder: Path, _: Sequence[str], password: str) -> Any:
    from ispctl.lab.devices.accel_ppp import AccelLike

    return AccelLike(folder, username=USERNAME, password=password)


def _huawei(folder: Path, ports: Sequence[str], password: str) -> Any:
    from ispctl.lab.devices.huawei_like import HuaweiLike

    one = HuaweiLike("".join(f"interface {port}\n description subscribers\n" for port in ports), hostname=folder.name)
    one.username, one.password = USERNAME, password
    return one


def _ios(folder: Path, ports: Sequence[str], password: str) -> Any:
    from ispctl.lab.devices.ios_like import IosLike

    lines = ["aaa new-model", "interface Virtual-Template1", " description PPP"]
    lines += (f"interface {port}\n description subscribers" for port in ports)
    one = IosLike("\n".join(lines), hostname=folder.name)
    one.username, one.password = USERNAME, password
    return one


def _junos(folder: Path, _: Sequence[str], password: str) -> Any:
    from ispctl.lab.devices.junos_like import JunosLike

    config = ["set interfaces lo0 unit 0 family inet address 192.0.2.1/32", f"set system host-name {folder.name}"]
    return JunosLike(config, USERNAME, password)


def _routeros(folder: Path, ports: Sequence[str], password: str) -> Any:
    from ispctl.lab.devices.routeros import RouterOs

    one = RouterOs(username=USERNAME, password=password)
    one.type(f'/system identity set name="{folder.name}"\n')
    one.type("".join(f'/interface add name="{port}"\n' for port in ports))
    return one


def _vyos(folder: Path, _: Sequence[str], password: str) -> Any:
    from ispctl.lab.devices.vyos_like import VyosLike

    return VyosLike(folder, [f"set system host-name '{folder.name}'", "set service ssh port '22'"], USERNAME, password)


PLAYED: Final[Mapping[str, Callable[[Path, Sequence[str], str], Any]]] = {
    "accel-ppp": _accel,
    "huawei-vrp": _huawei,
    "ios-xe": _ios,
    "junos": _junos,
    "routeros": _routeros,
    "vyos": _vyos,
}
"""By platform; of plain Linux there is none: its programs are real ones, or nothing."""


def play(folder: Path) -> None:
    """Until SIGTERM or SIGINT."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with ExitStack() as all_of_them:
        doors = {}
        for said in json.loads((folder / PLAN).read_text("utf-8"))["devices"]:
            own = folder / "devices" / str(said["name"])
            own.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                one = all_of_them.enter_context(PLAYED[said["platform"]](own, said["ports"], said["password"]))
            except Exception as error:  # noqa: BLE001  one that takes no such port leaves the others alone
                print(f"{said['name']}: left out: {type(error).__name__}: {error}", flush=True)
                continue
            doors[said["name"]] = {
                "address": "127.0.0.1",
                "port": one.port,
                "username": USERNAME,
                "password": said["password"],
                "host_key": getattr(one, "host_key", "") or one.certificate,
                "options": getattr(one, "options", {}),
            }
        fresh = folder / f".{DOORS}.new"
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(doors), "utf-8")
        os.replace(fresh, folder / DOORS)
        over.wait()
