"""PPP secrets and profiles of a RouterOS export as a source of an import: what they mean in our words. Pure.

https://help.mikrotik.com/docs/spaces/ROS/pages/132350044/PPP+AAA
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from ispctl.adopt import rates, values
from ispctl.adopt.meaning import Grant, Meaning
from ispctl.adopt.old import Finding, Severity
from ispctl.adopt.rates import Speed
from ispctl.adopt.routeros_text import Statement, statements
from ispctl.adopt.source import Asked, Told
from ispctl.model.problem import Problem, Refusal, Where
from ispctl.structs import Struct, field

SECRETS, PROFILES = "ppp secret", "ppp profile"
CommentAs = Literal["nothing", "name"]
Arguments = Mapping[str, str]
_TAKEN: Final = frozenset({"any", "pppoe"})
_READ: Final = frozenset(
    "name password profile service remote-address caller-id disabled comment routes limit-bytes-in limit-bytes-out"
    " last-logged-out last-caller-id last-disconnect-reason".split()
)
_READ_OF_PROFILE: Final = frozenset(
    "name rate-limit only-one remote-address remote-ipv6-prefix-pool dhcpv6-pd-pool comment".split()
)
_STAYS: Final = frozenset(
    "local-address dns-server wins-server change-tcp-mss use-compression use-encryption use-mpls use-ipv6 use-upnp"
    " use-vj-compression bridge-learning".split()
)
"""What a router goes on saying to its sessions by its own profile, whoever lets them in."""
_NOTHING: Final = frozenset({"", "default", "0", "0s", "::/0", "unlimited"})


class _Sold(Struct):
    """What a profile gives."""

    speed: Speed | None = None
    sessions: int = 0
    grant: Grant = field(default_factory=Grant)


def routeros(export: tuple[bytes, str], profiles: tuple[bytes, str] | None, comment_as: CommentAs) -> RouterOs:
    """The source of (text, name of the file). Raises Refusal: E780 for what is no text or was cut off, E783 where there
    is no secret, E784 where no secret has a password."""
    found = [*statements(*export)]
    secrets = [one for one in found if one.path == SECRETS]
    if not any(one.command == "add" for one in secrets):
        text = "there is no secret in it: /ppp secret, and lines that begin with add"
        raise Refusal(Problem("E783", text, Where(export[1]), "On the router: /ppp secret export file=secrets"))
    if not any((one.arguments or {}).get("password") for one in secrets):
        advice = "On the router: /ppp secret export show-sensitive file=secrets; on RouterOS 6 without hide-sensitive"
        raise Refusal(Problem("E784", "it was exported without passwords", Where(export[1]), advice))
    others = [("profiles line", one) for one in (statements(*profiles) if profiles else ())]
    return RouterOs([("line", one) for one in found] + others, comment_as)


class RouterOs:
    """Statements, each with the kind of file that it stands in."""

    def __init__(self, found: Sequence[tuple[str, Statement]], comment_as: CommentAs) -> None:
        self._found, self._comment_as = found, comment_as

    def told(self, asked: Asked) -> Told:
        reading = _Reading(self._comment_as)
        for table, one in self._found:
            if one.path == PROFILES and reading.is_whole(table, one, "lost"):
                reading.profile(table, one)
        secrets = [(table, one) for table, one in self._found if one.path == SECRETS and table == "line"]
        meanings: list[Meaning] = []
        logins = 0
        for number, (table, one) in enumerate(secrets, start=1):
            name = (one.arguments or {}).get("name") or ""
            if asked.is_new(name):
                logins += one.command == "add"
                if reading.is_whole(table, one, "refused"):
                    meanings += reading.secret(one)
            asked.progress("secrets", number, len(secrets))
        others = sum(one.path not in {SECRETS, PROFILES} for _, one in self._found)
        if others:
            text = "commands of other sections: only /ppp secret and /ppp profile are read"
            first = next(one for one in self._found if one[1].path not in {SECRETS, PROFILES})
            reading.say(first[0], first[1], "note", "other-section", text)
        return Told(logins, meanings, reading.findings)


class _Reading:
    """One reading; collects what is odd on its way."""

    def __init__(self, comment_as: CommentAs) -> None:
        self.findings: list[Finding] = []
        self._comment_as = comment_as
        self._sold: dict[str, _Sold] = {}
        self._logins: dict[str, int] = {}

    def say(self, table: str, one: Statement, severity: Severity, kind: str, text: str, name: str = "") -> None:
        login = (one.arguments or {}).get("name") or ""
        self.findings.append(Finding(severity, kind, text, table, one.line, name, login if table == "line" else ""))

    def is_whole(self, table: str, one: Statement, severity: Severity) -> bool:
        """Whether it is a line that adds something, understood to its end."""
        if one.command != "add":
            text = "a command about what only the router knows (set, find, a script): do by hand what it says"
            self.say(table, one, "lost", "not-understood", text, one.command)
            return False
        if one.arguments is None or not one.arguments.get("name"):
            self.say(table, one, severity, "not-understood", "a line that no export writes so, or one without a name")
            return False
        return True

    # profiles

    def profile(self, table: str, one: Statement) -> None:
        said = self._said(table, one, _READ_OF_PROFILE)
        grant = Grant(
            self._pool(table, one, said, "remote-address"),
            self._pool(table, one, said, "remote-ipv6-prefix-pool"),
            self._pool(table, one, said, "dhcpv6-pd-pool"),
        )
        text = said.get("rate-limit", "")
        speed = rates.mikrotik(text) if text else None
        if speed is not None and not rates.is_sellable(speed):
            speed = None
        if text and speed is None:
            self.say(table, one, "lost", "unreadable-rate", "a rate that could not be read whole", "rate-limit")
        if speed is None:
            text = "no rate is told: there is none, or a queue knows it; give the tariff its real rate"
            self.say(table, one, "lost", "no-rate", text, "rate-limit")
        sold = _Sold(speed, 1 if said.get("only-one") == "yes" else 0, grant)
        if self._sold.setdefault(said["name"], sold) != sold:
            self.say(table, one, "lost", "two-profiles", "a profile of this name a second time: the first is taken")

    def _pool(self, table: str, one: Statement, said: Arguments, name: str) -> str:
        text = said.get(name, "")
        pool = values.pool(text) if text and not _is_address(text) else None
        if text and pool is None:
            self.say(table, one, "lost", "unreadable-address", "no name of a pool that ours can have", name)
        return (pool or "").removeprefix("pool:")

    # secrets

    def secret(self, one: Statement) -> Iterator[Meaning]:
        said = self._said("line", one, _READ)
        service = said.get("service", "any")
        if service not in _TAKEN:
            text = "a secret of another service than pppoe: it stays on the router"
            self.say("line", one, "refused", "other-service", text, "service")
            return
        before = len(self.findings)
        self._judge(one, said)
        name = said.get("profile", "default")
        if name not in self._sold:
            text = "its profile is not told: export it too (--profiles FILE), or give the tariff its real rate"
            self.say("line", one, "lost", "unknown-profile", text, "profile")
        sold = self._sold.get(name, _Sold())
        meaning = Meaning(
            said["name"],
            said.get("password", ""),
            name,
            sold.speed,
            sessions=sold.sessions,
            sold=sold.grant,
            ipv4=self._address(one, said),
            routes=tuple(self._routes(one, said)),
            macs=tuple(self._devices(one, said)),
            suspended=said.get("disabled") == "yes",
            reason="disabled in the router that was imported",
            anchor=("line", one.line),
            profile={"name": self._name(one, said)},
        )
        if not any(finding.severity == "refused" for finding in self.findings[before:]):
            yield meaning

    def _judge(self, one: Statement, said: Arguments) -> None:
        if values.login(said["name"]) is None:
            text = "the login has a capital, a blank or another sign that a login of ours cannot have"
            self.say("line", one, "refused", "unfit-login", text, "name")
        first = self._logins.setdefault(said["name"], one.line)
        if first != one.line:
            text = "a login that stands there before, for another service: one of them can be imported"
            self.say("line", one, "refused", "duplicate-login", text, "name")
        if not said.get("password"):
            text = "no password: with RADIUS, nobody logs in so"
            self.say("line", one, "refused", "no-password", text, "password")
        elif not values.is_password(said["password"]):
            text = "a password that no server takes: 1 to 128 bytes, printable, in UTF-8"
            self.say("line", one, "refused", "unfit-password", text, "password")
        for name in ("limit-bytes-in", "limit-bytes-out"):
            if said.get(name, "") not in _NOTHING:
                self.say("line", one, "lost", "limit", "a limit on volume: it belongs to a tariff", name)

    def _address(self, one: Statement, said: Arguments) -> str:
        text = said.get("remote-address", "")
        address = (values.ipv4(text) if _is_address(text) else values.pool(text)) if text else ""
        if address is None:
            self.say("line", one, "lost", "unreadable-address", "neither an address nor a pool", "remote-address")
        return address or ""

    def _routes(self, one: Statement, said: Arguments) -> Iterator[str]:
        for text in filter(None, map(str.strip, said.get("routes", "").split(","))):
            if route := values.route(text):
                yield route
            else:
                wrong = "a route that is not simply to the subscriber, like 203.0.113.64/29"
                self.say("line", one, "lost", "unreadable-address", wrong, "routes")

    def _devices(self, one: Statement, said: Arguments) -> Iterator[str]:
        text = said.get("caller-id", "")
        mac = values.mac(text) if text else None
        if mac:
            yield mac
        elif text:
            self.say("line", one, "lost", "unreadable-mac", "a caller-id that is no MAC address", "caller-id")

    def _name(self, one: Statement, said: Arguments) -> str:
        """A comment may be anything, a name too: it goes nowhere unless somebody says that it is one."""
        comment = said.get("comment", "")
        if self._comment_as != "name" or not comment:
            return said["name"]
        if values.is_name(comment):
            return comment
        text = "a comment that cannot be a name: the login stands in its place"
        self.say("line", one, "note", "unfit-comment", text, "comment")
        return said["name"]

    def _said(self, table: str, one: Statement, read: frozenset[str]) -> Arguments:
        """What is read, as text; and what is not, told."""
        found: dict[str, str] = {}
        for name, value in (one.arguments or {}).items():
            if name in read:
                if value is None:
                    self.say(table, one, "lost", "not-utf-8", "a value that is not UTF-8: it is left out", name)
                else:
                    found[name] = value.strip() if name != "password" else value
            elif name in _STAYS:
                self.say(table, one, "note", "left-out", "stays what the router says by its own profile", name)
            elif (value or "").strip() not in _NOTHING:
                self.say(table, one, "lost", "unknown-argument", "something that our files cannot say", name)
        return found


def _is_address(text: str) -> bool:
    return re.fullmatch(r"[0-9.]+", text) is not None
