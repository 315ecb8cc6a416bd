"""The stand-ins as a process of their own: `python -m ispctl.lab STATE_DIR`, told what to do over a local socket.

STATE_DIR/fleet.json says whom to play (see Plan); STATE_DIR/control.sock takes one JSON object a line and answers one.
Both, and STATE_DIR, are for their owner only: passwords to dial with pass here, and never on a command line.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ispctl.lab.nas import Nas, Rejected, Silent
from ispctl.lab.relay import Fleet
from ispctl.lab.session import Session
from ispctl.radius.client import told
from ispctl.structs import Struct

PLAN: Final = "fleet.json"
CONTROL: Final = "control.sock"


class Member(Struct):
    """One NAS to play. `source`: its loopback address; `pools`: IPv4 pools it serves, None for any name."""

    name: str
    address: str
    platform: str
    interim: int
    source: str
    secret: str
    pools: Mapping[str, list[str]] | None = None


class Clock:
    """Seconds that pass as they do, and faster when asked: an hour of traffic need not take an hour."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds


class Refused(Exception):
    """A request that cannot be followed; its text goes back to whoever asked."""


class Desk:
    """Follows requests: {"do": verb, ...}. Answers {"ok": true, ...} or {"ok": false, "error": text}."""

    def __init__(self, fleet: Fleet, clock: Clock) -> None:
        self.fleet = fleet
        self.clock = clock
        self._verbs: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "ping": lambda _: {"nas": sorted(fleet.members), "coa": list(fleet.coa)},
            "dial": self._dial,
            "authenticate": self._authenticate,
            "hangup": self._hangup,
            "sessions": lambda _: {"sessions": [session.as_json() for _, session in self._all()]},
            "traffic": self._traffic,
            "update": self._update,
            "advance": self._advance,
            "power_loss": lambda asked: {"lost": self._nas(asked).power_loss()},
            "boot": lambda asked: {"answered": self._nas(asked).boot()},
            "fault": self._fault,
        }

    def follow(self, line: bytes) -> dict[str, Any]:
        """One request; never raises for what was asked wrongly."""
        try:
            asked = json.loads(line)
            verb = self._verbs.get(asked.get("do", ""))
            if verb is None:
                raise Refused(f"no such verb; there are {', '.join(sorted(self._verbs))}")
            return {"ok": True, **verb(asked)}
        except Refused as error:
            return {"ok": False, "error": str(error)}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return {"ok": False, "error": f"the request lacks or garbles {error}"}

    def _dial(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        nas = self._nas(asked)
        rest = {"method": asked.get("method", "pap"), "mac": asked.get("mac", "")}
        got = nas.dial(asked["login"], asked["password"], utilisation=float(asked.get("utilisation", 1.0)), **rest)
        if isinstance(got, Session):
            return {"outcome": "accepted", "session": got.as_json()}
        if isinstance(got, Silent):
            return {"outcome": "silent"}
        return {"outcome": "rejected", "message": got.message, "by_nas": got.by_nas}

    def _authenticate(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Ask as a NAS, and bring nothing up."""
        rest = {"method": asked.get("method", "pap"), "mac": asked.get("mac", "")}
        got = self._nas(asked).authenticate(asked["login"], asked["password"], **rest)
        if isinstance(got, Silent):
            return {"outcome": "silent"}
        if isinstance(got, Rejected):
            return {"outcome": "rejected", "by_nas": got.by_nas}
        return {"outcome": "accepted", "attributes": told(got)}

    def _hangup(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        chosen = self._chosen(asked)
        return {"ended": sum(nas.hangup(session, asked.get("cause", "User-Request")) for nas, session in chosen)}

    def _traffic(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        chosen = self._chosen(asked)
        for nas, session in chosen:
            with nas.lock:
                session.count(nas.clock())
                session.utilisation = max(0.0, min(1.0, float(asked["utilisation"])))
        return {"changed": len(chosen)}

    def _update(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {"answered": sum(nas.update(session) for nas, session in self._chosen(asked))}

    def _advance(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.clock.advance(max(0.0, float(asked["seconds"])))
        return self._update(asked)

    def _fault(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        faults = self._nas(asked).faults
        if asked["name"] not in dataclasses.asdict(faults):
            raise Refused(f"no such fault; there are {', '.join(sorted(dataclasses.asdict(faults)))}")
        setattr(faults, asked["name"], bool(asked.get("on", True)))
        return dataclasses.asdict(faults)

    def _nas(self, asked: Mapping[str, Any]) -> Nas:
        nas = self.fleet.members.get(asked.get("nas", ""))
        if nas is None:
            raise Refused(f"no such NAS; there are {', '.join(sorted(self.fleet.members))}")
        return nas

    def _all(self) -> list[tuple[Nas, Session]]:
        return [(nas, session) for nas in self.fleet.members.values() for session in nas.sessions]

    def _chosen(self, asked: Mapping[str, Any]) -> list[tuple[Nas, Session]]:
        """By session id, login or NAS; all without any of them."""
        found = [
            (nas, session)
            for nas, session in self._all()
            if asked.get("session") in (None, session.id)
            and asked.get("login") in (None, session.login)
            and asked.get("nas") in (None, nas.name)
        ]
        if not found and asked.keys() & {"session", "login"}:
            raise Refused("no such session")
        return found


def members(plan: Mapping[str, Any], clock: Clock) -> list[Nas]:
    """The stand-ins of a plan: {"auth": [host, port], "acct": [host, port], "members": [Member as JSON]}."""
    auth, acct = tuple(plan["auth"]), tuple(plan["acct"])
    return [
        Nas(
            member.name,
            address=member.address,
            secret=member.secret,
            auth=auth,
            acct=acct,
            source=member.source,
            platform=member.platform,
            pools=member.pools,
            interim=member.interim,
            clock=clock,
        )
        for member in (Member(**data) for data in plan["members"])
    ]


def serve(state: Path) -> None:
    """Play the NASes of STATE_DIR until told to end by SIGTERM or SIGINT."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    os.chdir(state)  # a socket's path may be 107 octets at most; from here it is short
    plan = json.loads(Path(PLAN).read_text("utf-8"))
    clock = Clock()
    with Fleet(members(plan, clock), plan["coa_secret"], tuple(plan["coa"])) as fleet:
        desk = Desk(fleet, clock)

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                for line in self.rfile:
                    self.wfile.write(json.dumps(desk.follow(line)).encode() + b"\n")

        Path(CONTROL).unlink(missing_ok=True)
        old = os.umask(0o177)
        with socketserver.ThreadingUnixStreamServer(CONTROL, Handler) as control:
            os.umask(old)
            control.daemon_threads = True
            listener = threading.Thread(target=control.serve_forever, name="control", daemon=True)
            listener.start()
            over.wait()
            control.shutdown()
        Path(CONTROL).unlink(missing_ok=True)
