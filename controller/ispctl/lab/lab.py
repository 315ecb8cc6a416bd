"""`ispctl lab up|down|status` without the command line: FreeRADIUS and the stand-ins on loopback, in the background."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import ispctl
from ispctl.backend import Unreachable
from ispctl.lab import fleet, freeradius
from ispctl.lab.cluster import home, launch
from ispctl.lab.devices.play import DOORS, PLAN, PLAYED
from ispctl.lab.fleet import Member
from ispctl.lab.process import Process, start, wait_for
from ispctl.lab.state import Folder
from ispctl.model.problem import Problem, Refusal
from ispctl.nas import Memory
from ispctl.radius.server import ServerSettings, stale_after
from ispctl.store import LAB_CLIENT, LAB_DEVICES, LAB_DOOR, Address, Store
from ispctl.structs import as_dict

_HOST: Final = "127.0.0.1"
ANYBODY: Final = "lab"
"""Short name of the client at 127.0.0.1: it plays the NAS that its NAS-Identifier names."""
_ANSWER_SECONDS: Final = 60.0
_PLANS: Final = (fleet.PLAN, PLAN, DOORS)
"""Files with secrets."""


class Lab:
    """A lab whose state lives in one folder. Every method may be called from a new process."""

    def __init__(self, folder: Path) -> None:
        self._folder = Folder(folder)

    def up(
        self,
        dsn: str | None,
        nas: Sequence[Mapping[str, Any]],
        *,
        devices: Sequence[Mapping[str, Any]] = (),
        base: Path = Path(),
    ) -> dict[str, Any]:
        """Start what is not running, and return `status()` with "already": whether all of it was.

        `dsn`: the RADIUS database (relative to `base`), made as a lab database if it is not there; None: one on a
        PostgreSQL server of the lab's own, which starts and ends with it.
        `nas`: whom to play: {"name", "address", "platform", "interim"} and perhaps "pools" {name: [network]}.
        `devices`: who can be configured: {"name", "platform", "ports": [interface]}; others of a platform that has no
        stand-in are left out.
        Raises Refusal: E3xx database, E40x. What was started by an `up` that fails is ended again.
        """
        self._folder.make()
        with self._folder.held():
            if (now := self.status())["running"]:
                return {**now, "already": True}
            self._end(self._folder.read())
            try:
                self._start(dsn, nas, devices, base)
            except BaseException:
                self._end(self._folder.read())
                self._folder.forget(*_PLANS)
                raise
            return {**self.status(), "already": False}

    def down(self) -> list[str]:
        """End what `up` started and nothing else; returns the names of what was still running. Safe to repeat."""
        if not self._folder.path.is_dir():
            return []
        with self._folder.held():
            state = self._folder.read()
            if state.get("devices") and state.get("ready"):
                with suppress(Refusal, Unreachable), Store.open(state["dsn"]) as store:
                    store.meta.set(LAB_DEVICES, "{}")
            ended = self._end(state)
            self._folder.forget(*_PLANS)
        return ended

    def status(self) -> dict[str, Any]:
        """{"running", "dsn", "radius": {"auth", "acct", "coa": "host:port", "secret"}, "nas", "devices", "processes",
        "log"}.

        `secret` is for anybody on 127.0.0.1, for authentication and accounting; "running" is true when all of it runs.
        Of "devices": {"name", "platform", "address": "host:port", "username", "password", "folder"}.
        """
        state = self._folder.read()
        alive = {name: process.running for name, process in _processes(state).items()}
        return {
            "running": bool(state.get("ready")) and all(alive.values()),
            "dsn": state.get("dsn"),
            "radius": state.get("radius"),
            "nas": state.get("nas", []),
            "devices": state.get("devices", []),
            "processes": alive,
            "log": state.get("log"),
        }

    def ask(self, do: str, **what: Any) -> dict[str, Any]:
        """Have a stand-in do something and return its answer (see fleet.Desk): dial, hangup, sessions, advance …

        Raises Refusal: E408 when the lab is not running, E410 when the stand-ins refuse.
        """
        advice = "Start it: ispctl lab up"
        if not self._folder.path.is_dir():
            raise Refusal(Problem("E408", "the lab is not running", advice=advice))
        try:
            answer = self._speak({"do": do, **what})
        except (OSError, ValueError) as error:
            raise Refusal(Problem("E408", "the stand-ins do not answer", advice=advice)) from error
        if not answer.pop("ok"):
            raise Refusal(Problem("E410", f"the stand-ins refuse {do}: {answer['error']}"))
        return answer

    # Inside

    def _start(
        self, dsn: str | None, nas: Sequence[Mapping[str, Any]], devices: Sequence[Mapping[str, Any]], base: Path
    ) -> None:
        members = [_member(number, host) for number, host in enumerate(nas, 1)]
        lab_secret, coa_secret = secrets.token_hex(16), secrets.token_hex(16)
        state: dict[str, Any] = {"nas": [_shown(member) for member in members], "processes": {}}
        if dsn is None:
            cluster = launch(home(self._folder.path))
            state["processes"]["postgresql"] = cluster.process.as_json()
            self._folder.write(state)
            dsn = cluster.make("radius")
        state["dsn"] = dsn
        with Store.create(dsn, base=base, lab=True) as store:
            _introduce(store, members, lab_secret)
            database = store.database.address
        server = freeradius.launch_anywhere(
            lambda auth, acct: self._settings(database, auth, acct, members), self._folder.path / "conf"
        )
        auth, acct = server.settings.auth_port, server.settings.acct_port
        state["processes"]["freeradius"] = server.process.as_json()
        state["log"] = str(server.log)
        self._folder.write(state)
        plan = {
            "auth": [_HOST, auth],
            "acct": [_HOST, acct],
            "coa": [_HOST, 0],
            "coa_secret": coa_secret,
            "members": [as_dict(member) for member in members],
        }
        self._folder.put(fleet.PLAN, plan)
        state["processes"]["stand-ins"] = self._start_fleet().as_json()
        self._folder.write(state)
        if played := [{**one, "password": secrets.token_hex(16)} for one in devices if one["platform"] in PLAYED]:
            state["processes"]["devices"] = self._start_devices(played).as_json()
            self._folder.write(state)
        coa = self._await_fleet(Process.from_json(state["processes"]["stand-ins"]))
        doors = self._await_devices(Process.from_json(state["processes"]["devices"])) if played else {}
        state["devices"] = [self._door(one, doors[one["name"]]) for one in played if one["name"] in doors]
        with Store.open(dsn, base=base) as store:
            store.meta.set(LAB_DOOR, json.dumps({"coa": {"host": _HOST, "port": coa}, "secret": coa_secret}))
            store.meta.set(LAB_DEVICES, json.dumps(doors))
            for name in doors:
                Memory(store).doubt(name)  # they hold nothing of ours now, whatever they held once
        places = {name: f"{_HOST}:{port}" for name, port in (("auth", auth), ("acct", acct), ("coa", coa))}
        self._folder.write({**state, "radius": {**places, "secret": lab_secret}, "ready": True})

    def _settings(self, database: Address, auth: int, acct: int, members: Sequence[Member]) -> ServerSettings:
        return ServerSettings(
            database=database.for_server,
            dialect=database.dialect,
            database_password=database.password,
            run_dir=str(self._folder.path / "run"),
            listen=_HOST,
            auth_port=auth,
            acct_port=acct,
            nas_lifetime=5,
            reject_delay=0,
            player=ANYBODY,
            stale_after=stale_after(member.interim for member in members),
        )

    def _start_fleet(self) -> Process:
        return self._python("ispctl.lab", "fleet.log")

    def _start_devices(self, played: Sequence[Mapping[str, Any]]) -> Process:
        shutil.rmtree(self._folder.path / "devices", ignore_errors=True)
        (self._folder.path / DOORS).unlink(missing_ok=True)
        self._folder.put(PLAN, {"devices": played})
        return self._python("ispctl.lab.devices", "devices.log")

    def _python(self, module: str, log: str) -> Process:
        package = Path(str(ispctl.__file__)).parents[1]
        command = [sys.executable, "-m", module, str(self._folder.path)]
        return start(command, self._folder.path / log, {"PYTHONPATH": str(package)})

    def _await_devices(self, process: Process) -> dict[str, Any]:
        """How each is reached, as soon as all are."""
        place = self._folder.path / DOORS
        if not wait_for(lambda: place.exists() or not process.running, 30.0) or not place.exists():
            advice = f"See {self._folder.path / 'devices.log'}"
            raise Refusal(Problem("E409", "the routers that can be configured did not come up", advice=advice))
        found: dict[str, Any] = json.loads(place.read_text("utf-8"))
        return found

    def _door(self, one: Mapping[str, Any], door: Mapping[str, Any]) -> dict[str, Any]:
        said = {name: one[name] for name in ("name", "platform", "password")}
        folder = str(self._folder.path / "devices" / one["name"])
        return {**said, "address": f"{_HOST}:{door['port']}", "username": door["username"], "folder": folder}

    def _await_fleet(self, process: Process) -> int:
        """The port for changes, as soon as the stand-ins answer."""
        if not wait_for(lambda: self._hears() or not process.running, 15.0) or not process.running:
            advice = f"See {self._folder.path / 'fleet.log'}"
            raise Refusal(Problem("E409", "the stand-ins did not come up", advice=advice))
        return int(self.ask("ping")["coa"][1])

    def _hears(self) -> bool:
        try:
            return bool(self._speak({"do": "ping"}).get("ok"))
        except (OSError, ValueError):
            return False

    def _speak(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One request over the control socket, by way of a handle on its folder: a path may be 107 octets at most."""
        folder = os.open(self._folder.path, os.O_PATH | os.O_CLOEXEC)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                link.settimeout(_ANSWER_SECONDS)
                link.connect(f"/proc/self/fd/{folder}/{fleet.CONTROL}")
                link.sendall(json.dumps(request).encode() + b"\n")
                with link.makefile("rb") as lines:
                    answer: dict[str, Any] = json.loads(lines.readline())
        finally:
            os.close(folder)
        return answer

    def _end(self, state: Mapping[str, Any]) -> list[str]:
        return [name for name, process in reversed(_processes(state).items()) if process.stop()]


def _processes(state: Mapping[str, Any]) -> dict[str, Process]:
    try:
        return {name: Process.from_json(data) for name, data in state.get("processes", {}).items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        text = "the lab's state.json is not one that this version wrote"
        advice = "End its processes by hand (pgrep -af 'freeradius|ispctl.lab'), then remove the folder var/lab"
        raise Refusal(Problem("E407", text, advice=advice)) from None


def _member(number: int, host: Mapping[str, Any]) -> Member:
    return Member(
        name=str(host["name"]),
        address=str(host["address"]),
        platform=str(host["platform"]),
        interim=int(host.get("interim", 300)),
        source=f"127.77.{number // 250}.{1 + number % 250}",
        secret=secrets.token_hex(16),
        pools=host.get("pools"),
    )


def _shown(member: Member) -> dict[str, Any]:
    return {"name": member.name, "address": member.address, "platform": member.platform, "source": member.source}


def _introduce(store: Store, members: Sequence[Member], secret: str) -> None:
    """Rows of `nas` for the stand-ins and for whoever tests from 127.0.0.1. Not ours in the sense of the inventory."""
    rows = [(_HOST, ANYBODY, "routeros", secret), *((m.source, m.name, m.platform, m.secret) for m in members)]
    with store.transaction():
        store.database.write("DELETE FROM nas WHERE description = ?", (LAB_CLIENT,))
        for row in rows:
            store.database.write(
                "INSERT INTO nas (nasname, shortname, type, secret, require_ma, description) VALUES (?, ?, ?, ?, 0, ?)"
                " ON CONFLICT (nasname) DO NOTHING",
                (*row, LAB_CLIENT),
            )
