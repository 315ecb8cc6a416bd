"""A NAS stand-in with the state of a real one: it dials in, accounts, and obeys changes as its vendor does.

It reads what it is told as its vendor does (`lab.vendors`). It shares no code with what renders replies or sends
changes: tests hold the two together.
"""

from __future__ import annotations

import dataclasses
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ispctl.lab.addresses import Pools
from ispctl.lab.granted import Granted, granted
from ispctl.lab.session import Session
from ispctl.radius import client
from ispctl.radius.client import Place
from ispctl.structs import Struct, field

_GIGAWORD = 1 << 32


class Rejected(Struct):
    """An Access-Reject, or an accept that the NAS cannot serve (`by_nas`). `attributes`: what the reply held."""

    message: str = ""
    attributes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    by_nas: bool = False


class Silent(Struct):
    """No valid answer: no server, a wrong secret, an unknown NAS, or a database that is down."""


@dataclasses.dataclass
class Faults:
    """What goes wrong here, until it is set back."""

    ignore_coa: bool = False  # changes and disconnects are not even answered
    ack_without_doing: bool = False  # acknowledged, and nothing is done
    drop_accounting: bool = False  # accounting is lost on the way


class Nas:
    """One NAS. Safe to use from several threads; `dial` and friends wait for the server.

    `address` is sent as NAS-IP-Address, or NAS-IPv6-Address; packets come from `source`, by which the server knows it.
    `secret`: of RADIUS. `interim`: seconds between updates where the server names none. `clock`: seconds, of any
    beginning; for tests.
    `address_list_by_coa`: whether this release can change Mikrotik-Address-List in a live session.
    """

    def __init__(  # noqa: PLR0913 (a NAS has that many properties)
        self,
        name: str,
        *,
        address: str,
        secret: str,
        auth: Place,
        acct: Place,
        source: str = "127.0.0.1",
        platform: str = "routeros",
        pools: Mapping[str, Sequence[str]] | None = None,
        interim: int = 300,
        timeout: float = 3.0,
        tries: int = 1,
        gigawords: bool = True,
        address_list_by_coa: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.address = address
        self.platform = platform
        self.interim = interim
        self.gigawords = gigawords
        self.address_list_by_coa = address_list_by_coa
        self.faults = Faults()
        self.clock = clock
        self.lock = threading.RLock()
        self._auth, self._acct, self._source, self._secret = auth, acct, source, secret
        self._timeout, self._tries = timeout, tries
        self._pools = Pools(name, pools)
        self._sessions: dict[str, Session] = {}
        self._next_id = secrets.randbits(31)

    def __repr__(self) -> str:
        return f"Nas({self.name!r}, {self.address}, {self.platform})"

    @property
    def sessions(self) -> list[Session]:
        """Open sessions, oldest first, counted up to this moment."""
        now = self.clock()
        with self.lock:
            for session in self._sessions.values():
                session.count(now)
            return list(self._sessions.values())

    def session(self, id: str) -> Session | None:
        """The open session of this Acct-Session-Id, counted up to this moment."""
        with self.lock:
            found = self._sessions.get(id)
            if found is not None:
                found.count(self.clock())
            return found

    def online(self, session: Session) -> None:
        """Bring a session up as it is, without asking anybody or telling of it."""
        with self.lock:
            self._sessions[session.id] = session

    # Dialling in and out

    def dial(
        self,
        login: str,
        password: str = "",
        *,
        method: str = "pap",
        mac: str = "",
        port: Mapping[str, Any] | None = None,
        utilisation: float = 1.0,
    ) -> Session | Rejected | Silent:
        """Authenticate by pap, chap or mschapv2; on accept bring the session up and send Accounting Start.

        Method none is IPoE: the NAS itself says who it is, by `login` (a MAC address, a line) and by what `port` adds,
        like ADSL-Agent-Circuit-Id. `port` also takes the place of what the NAS says of its port; None leaves it out.
        """
        said = self._port(login, mac, ppp=method != "none") | dict(port or {})
        reply = self._ask(said, password, method)
        if isinstance(reply, (Rejected, Silent)):
            return reply
        session = self._bring_up(login, mac, granted(self.platform, reply), utilisation)
        if isinstance(session, Session):
            session.said = said
            self._account(session, "Start")
        return session

    def authenticate(
        self, login: str, password: str = "", *, method: str = "pap", mac: str = ""
    ) -> Mapping[str, Sequence[Any]] | Rejected | Silent:
        """Ask, and do nothing with the answer: what an accept holds, by name."""
        return self._ask(self._port(login, mac, ppp=method != "none"), password, method)

    def hangup(self, session: Session, cause: str = "User-Request") -> bool:
        """End a session and send Accounting Stop. False when it was not open."""
        with self.lock:
            if self._sessions.pop(session.id, None) is None:
                return False
            session.count(self.clock())
            session.ended = cause
        self._account(session, "Stop")
        return True

    def update(self, session: Session) -> bool:
        """Send an Interim-Update now, with the counters of this moment. False when the server did not answer."""
        with self.lock:
            session.count(self.clock())
            session.due = self.clock() + session.interim
        return self._account(session, "Interim-Update")

    def tick(self) -> float:
        """Do what is due: updates, sessions that reached their Session-Timeout. Returns when something is due next."""
        now = self.clock()
        for session in self.sessions:
            if session.timeout is not None and now >= session.started + session.timeout:
                self.hangup(session, "Session-Timeout")
            elif now >= session.due:
                self.update(session)
        with self.lock:
            ends = [s.started + s.timeout for s in self._sessions.values() if s.timeout is not None]
            return min([s.due for s in self._sessions.values()] + ends, default=now + 3600)

    # The power

    def power_loss(self) -> int:
        """Forget every session without a word. Returns how many."""
        with self.lock:
            lost = list(self._sessions.values())
            self._sessions.clear()
            for session in lost:
                session.ended = "power-loss"
        return len(lost)

    def boot(self) -> bool:
        """Say that the NAS begins anew (Accounting-On). False when the server did not answer."""
        self.power_loss()
        return self._send({**self._identity(), "Acct-Status-Type": "Accounting-On", "Acct-Session-Id": "00000000"})

    # Inside

    def _ask(
        self, said: Mapping[str, Any], password: str, method: str
    ) -> Mapping[str, Sequence[Any]] | Rejected | Silent:
        attributes = self._identity() | {name: value for name, value in said.items() if value is not None}
        packet, expected = client.access_request(self._secret, attributes, password, method)
        answer = client.ask(packet, self._auth, self._source, timeout=self._timeout, tries=self._tries)
        if answer is None:
            return Silent()
        reply = client.plain(answer)
        if answer.code != 2:
            return Rejected(" ".join(map(str, reply.get("Reply-Message", []))), reply)
        if expected and not client.proves(reply, expected):
            return Rejected("the server did not prove that it knows the password", reply, by_nas=True)
        return reply

    def _identity(self) -> dict[str, Any]:
        family = "NAS-IPv6-Address" if ":" in self.address else "NAS-IP-Address"
        return {family: self.address, "NAS-Identifier": self.name}

    def _port(self, login: str, mac: str, *, ppp: bool) -> dict[str, Any]:
        return {
            "User-Name": login,
            "Service-Type": "Framed-User",
            "Framed-Protocol": "PPP" if ppp else None,
            "NAS-Port-Type": "Ethernet",
            "Calling-Station-Id": mac or None,
        }

    def _bring_up(self, login: str, mac: str, given: Granted, utilisation: float) -> Session | Rejected:
        with self.lock:
            address = given.address or self._pools.address(
                given.pool or "", {s.address for s in self._sessions.values()}
            )
            if address is None:
                return Rejected(f"no address in pool {given.pool or '(none named)'}", by_nas=True)
            self._next_id += 1
            session = Session(
                id=f"{self._next_id & 0xFFFFFFFF:08x}",
                nas=self.name,
                login=login,
                mac=mac,
                address=address,
                granted=given,
                started=self.clock(),
                utilisation=utilisation,
                prefix=self._prefix(given.prefix, given.prefix_pool, 64, "prefix"),
                delegated=self._prefix(given.delegated, given.delegated_pool, 56, "delegated"),
                interim=given.interim or self.interim,
                port=self._next_id & 0xFFFF,
            )
            self.online(session)
            return session

    def _prefix(self, fixed: str | None, pool: str | None, length: int, field_name: str) -> str | None:
        if fixed or not pool:
            return fixed
        return self._pools.prefix(pool, length, {getattr(s, field_name) for s in self._sessions.values()})

    def _account(self, session: Session, kind: str) -> bool:
        with self.lock:
            attributes = {
                **self._identity(),
                **session.said,
                "Acct-Status-Type": kind,
                "Acct-Session-Id": session.id,
                "Acct-Authentic": "RADIUS",
                "NAS-Port": session.port,
                "Framed-IP-Address": session.address,
                "Framed-IPv6-Prefix": session.prefix,
                "Delegated-IPv6-Prefix": session.delegated,
                "Class": list(session.granted.classes) or None,
            }
            if kind != "Start":
                attributes |= {"Acct-Session-Time": session.seconds(), **self._octets(session)}
            if kind == "Stop":
                attributes["Acct-Terminate-Cause"] = session.ended
        return self._send(attributes)

    def _octets(self, session: Session) -> dict[str, int]:
        """Input is what the NAS gets from the subscriber (RFC 2866, 5.3)."""
        found = {}
        for name, counter in (("Input", session.up), ("Output", session.down)):
            octets = int(counter.octets)
            found[f"Acct-{name}-Octets"] = octets % _GIGAWORD
            if self.gigawords:
                found[f"Acct-{name}-Gigawords"] = octets // _GIGAWORD
        return found

    def _send(self, attributes: dict[str, Any]) -> bool:
        if self.faults.drop_accounting:
            return False
        packet = client.accounting_request(self._secret, attributes)
        return client.ask(packet, self._acct, self._source, timeout=self._timeout, tries=self._tries) is not None
