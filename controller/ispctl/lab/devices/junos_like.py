"""A router's NETCONF over SSH as Junos has it: a locked candidate, set lines, `commit confirmed`, rollback.

It holds whatever `set` lines it is given, knows what a value below some statements has to be, and refuses a commit with
the words of Junos where something is applied or referred to that is not there. Faults: `writes_left`, `ignored`,
`warning`.
"""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any, Final

import asyncssh
from lxml import etree

from ispctl.lab.devices.shell import Cut, Line, Shell

Path = tuple[str, ...]
_END: Final = "]]>]]>"
_HELLO: Final = """<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities>
<capability>urn:ietf:params:netconf:base:1.0</capability>
<capability>urn:ietf:params:netconf:capability:candidate:1.0</capability>
<capability>urn:ietf:params:netconf:capability:confirmed-commit:1.0</capability>
<capability>http://xml.juniper.net/netconf/junos/1.0</capability>
</capabilities><session-id>4711</session-id></hello>"""
_SYSTEM: Final = """<system-information><hardware-model>mx204</hardware-model><os-name>junos</os-name>
<os-version>22.4R3.25</os-version><host-name>edge</host-name></system-information>"""
_UPTIME: Final = """<system-uptime-information xmlns="http://xml.juniper.net/junos/22.4R3/junos">
<system-booted-time><time-length xmlns:junos="http://xml.juniper.net/junos/22.4R3/junos" junos:seconds="{seconds}">
33d 00:00</time-length></system-booted-time></system-uptime-information>"""
_SUBSCRIBERS: Final = """<subscribers-summary-information><counters>
<session-state-active>{active}</session-state-active></counters></subscribers-summary-information>"""
_ONE: Final = re.compile(
    r"system host-name|.* radius-server \S+ source-address|.* ("
    "port|accounting-port|dynamic-request-port|secret|low|high|network|link|prefix-length|hardware-address|ip-address"
    "|router|bandwidth-limit|burst-size-limit|encapsulation|dynamic-profile|access-profile|update-interval"
    "|nas-identifier|unnumbered-address|underlying-interface)"
)
"""Statements with one value: another takes its place."""


class _Refusal(Exception):
    """An <rpc-error>, in words."""


class JunosLike(Shell):
    """One router. `config`: `set` lines. `running` is what is committed, `history` what was before, newest first."""

    def __init__(self, config: Sequence[str], username: str = "ispctl", password: str = "lab") -> None:  # noqa: S107
        super().__init__(username, password)
        self.running: list[Path] = []
        for line in config:
            _set(self.running, tuple(shlex.split(line)[1:]))
        self.history: list[list[Path]] = []
        self.candidate = list(self.running)
        self.sessions = 0
        self.back_at: float | None = None
        self.clock = 0.0
        """Seconds since it began, as far as tests have moved it on."""
        self.warning = ""
        """What it has to say of each commit, beside that it is done."""
        self.ignored: frozenset[str] = frozenset()
        """RPCs that it does not answer."""

    def line(self) -> Line:
        raise Cut  # it has no command line

    def lines(self) -> list[str]:
        """What is committed, as `show configuration | display set` has it."""
        return [_shown(path) for path in sorted(self.running)]

    def types(self, path: Path) -> None:
        """Somebody sets a statement and does not commit it: nobody gets the lock."""
        self.candidate = [*self.candidate, path]

    def commits(self, path: Path) -> None:
        """Somebody sets a statement and commits, which confirms what waits to be."""
        self.history.insert(0, self.running)
        self.running = [*self.running, path]
        self.candidate, self.back_at = list(self.running), None

    def passes(self, seconds: float) -> None:
        """So much time; a commit that nobody confirmed is taken back."""
        self.clock += seconds
        if self.back_at is not None and self.clock >= self.back_at:
            self.back_at = None
            self.running, self.candidate = list(self.history[0]), list(self.history[0])

    def execute(self, rpc: Any) -> str:
        """The inside of an <rpc-reply>. Raises _Refusal, Cut."""
        name = etree.QName(rpc).localname
        if name == "get-configuration":
            return self._get(rpc)
        if name == "load-configuration":
            return self._load(rpc)
        if name == "commit-configuration":
            return self._commit(rpc)
        if name in {"lock-configuration", "unlock-configuration", "close-session"}:
            if name == "lock-configuration" and self.candidate != self.running:
                raise _Refusal("configuration database modified")
            if name == "unlock-configuration":
                self.candidate = list(self.running)
            return "<ok/>"
        told = {
            "get-system-information": _SYSTEM,
            "get-system-uptime-information": _UPTIME.format(seconds=33 * 86_400 + int(self.clock)),
            "get-subscribers-summary": _SUBSCRIBERS.format(active=self.sessions),
        }
        if name in told:
            return told[name]
        raise _Refusal(f"syntax error, expecting <command>: {name}")

    def _get(self, rpc: Any) -> str:
        source = self.running if rpc.get("database") == "committed" else self.candidate
        if rpc.get("compare") == "rollback":
            gone = [f"- {_shown(path)}" for path in self.running if path not in self.candidate]
            new = [f"+ {_shown(path)}" for path in self.candidate if path not in self.running]
            text = _escaped("\n".join(gone + new))
            output = f"<configuration-output>{text}\n</configuration-output>"
            return f"<configuration-information>{output}</configuration-information>"
        names = rpc.xpath("*[local-name()='configuration']/*[local-name()='groups']/*[local-name()='name']/text()")
        kept = [path for path in source if not names or path[0] == "apply-groups" or path[1:2] == (names[0],)]
        text = "\n".join(_shown(path) for path in sorted(kept))
        return f"<configuration-set>\n{_escaped(text)}\n</configuration-set>"

    def _load(self, rpc: Any) -> str:
        self.wrote()
        rollback = rpc.get("rollback")
        if rollback is not None:
            self.candidate = list(([self.running, *self.history])[int(rollback)])
            return "<load-configuration-results><ok/></load-configuration-results>"
        for line in "".join(rpc.itertext()).splitlines():
            verb, *words = shlex.split(line) or [""]
            path = tuple(words)
            if verb == "set":
                _valid(path)
                _set(self.candidate, path)
            elif verb == "delete":
                if not any(have[: len(path)] == path for have in self.candidate):
                    raise _Refusal("statement not found: " + " ".join(path))
                self.candidate = [have for have in self.candidate if have[: len(path)] != path]
            elif verb:
                raise _Refusal("syntax error: " + verb)
        return "<load-configuration-results><ok/></load-configuration-results>"

    def _commit(self, rpc: Any) -> str:
        self.wrote()
        _check(self.candidate)
        if self.candidate != self.running:
            self.history.insert(0, self.running)
            self.running = list(self.candidate)
        minutes = rpc.findtext("{*}confirm-timeout")
        self.back_at = self.clock + 60 * int(minutes) if minutes else None
        return f"<commit-results>{_complaint('warning', self.warning)}</commit-results>" if self.warning else "<ok/>"

    async def _serve(self, process: asyncssh.SSHServerProcess[str]) -> None:
        process.stdout.write(_HELLO + _END)
        text = ""
        try:
            while data := await process.stdin.read(4096):
                *documents, text = (text + data).split(_END)
                for document in documents:
                    process.stdout.write(self._answered(etree.fromstring(document.strip().encode())))
        except Cut:
            process.channel.get_connection().abort()
        except (asyncssh.Error, OSError):
            process.close()
        finally:
            with self.lock:
                self.candidate = list(self.running)

    def _answered(self, document: Any) -> str:
        if etree.QName(document).localname != "rpc" or etree.QName(document[0]).localname in self.ignored:
            return ""
        try:
            with self.lock:
                said = self.execute(document[0])
        except _Refusal as refusal:
            said = _complaint("error", str(refusal))
        reply = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"'
        return f'<rpc-reply {reply} message-id="{document.get("message-id")}">{said}</rpc-reply>{_END}'


def _set(lines: list[Path], path: Path) -> None:
    if path[-2:-1] == ("secret",) and not path[-1].startswith("$9$"):
        path = (*path[:-1], "$9$" + base64.b32encode(path[-1].encode()[::-1]).decode().strip("="))
    if _ONE.fullmatch(" ".join(path[:-1])):
        lines[:] = [have for have in lines if have[:-1] != path[:-1]]
    lines[:] = [have for have in lines if have != path[: len(have)]]
    if not any(have[: len(path)] == path for have in lines):
        lines.append(path)


def _shown(path: Path) -> str:
    return "set " + " ".join(word if re.fullmatch(r"[\w.:/@+*-]+", word) else f'"{word}"' for word in path)


def _complaint(severity: str, text: str) -> str:
    return (
        "<rpc-error><error-type>protocol</error-type><error-tag>operation-failed</error-tag>"
        f"<error-severity>{severity}</error-severity><error-message>{_escaped(text)}</error-message></rpc-error>"
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _valid(path: Path) -> None:
    """Raises _Refusal for a value that a statement cannot have."""
    for statement, check in (("network", ip_network), ("prefix", ip_network), ("ip-address", ip_address)):
        if path[-2:-1] == (statement,):
            try:
                check(path[-1])
            except ValueError:
                raise _Refusal(f"invalid value '{path[-1]}' in ip address: '{path[-1]}'") from None
    if path[-2:-1] == ("update-interval",) and not 10 <= int(path[-1]) <= 1440:
        raise _Refusal(f"Value {path[-1]} is not within range (10..1440)")
    if any(len(word) > 255 for word in path):
        raise _Refusal("identifier is too long")


def _check(lines: list[Path]) -> None:
    """Raises _Refusal for what a commit is refused for."""
    groups = {path[1] for path in lines if path[0] == "groups"}
    for path in lines:
        if path[0] == "apply-groups" and path[1] not in groups:
            raise _Refusal(f"Group '{path[1]}' is not defined; configuration check-out failed")
    whole = {path[2:] if path[0] == "groups" else path for path in lines}
    servers = {path[2] for path in whole if path[:2] == ("access", "radius-server")}
    profiles = {path[1] for path in whole if path[0] == "dynamic-profiles"}
    pools = {path[3] for path in whole if path[:3] == ("access", "address-assignment", "pool")}
    for path in whole:
        if path[-2] in {"authentication-server", "accounting-server"} and path[-1] not in servers:
            raise _Refusal(f"radius-server {path[-1]} is not configured; configuration check-out failed")
        if path[-2] == "dynamic-profile" and path[-1] not in profiles:
            raise _Refusal(f"dynamic profile {path[-1]} is not defined; configuration check-out failed")
        if path[-2] == "link" and path[-1] not in pools:
            raise _Refusal(f"linked pool {path[-1]} is not defined; configuration check-out failed")
