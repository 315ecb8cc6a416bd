"""What the rows of one login mean, in the words of our files; and what of them has no such words. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

from ispctl.adopt import rates, values
from ispctl.adopt.dates import End, expiration
from ispctl.adopt.effective import COMPARES, Effective, conditional, effective, first
from ispctl.adopt.old import Finding, OldGroup, Person, Row, Severity, about, in_order
from ispctl.adopt.rates import Speed
from ispctl.structs import Struct, field, replace


class Grant(Struct):
    """Pools by name, "" for none."""

    ipv4: str = ""
    ipv6: str = ""
    delegated: str = ""


class Meaning(Struct):
    """One login. Addresses are texts as in an entitlement: "203.0.113.7", "pool:home" or "" (none)."""

    login: str = field(repr=False)
    password: str = field(repr=False)
    group: str = ""
    """The old group that gives the most, or the product by its old name; what it gives is what is sold."""
    speed: Speed | None = None
    told: str = ""
    """The attribute that told the speed."""
    own: bool = False
    """Whether the speed or the sessions are the login's own, and not its group's."""
    sessions: int = 0
    sold: Grant = Grant()
    """The pools that the groups give."""
    ipv4: str = ""
    ipv6: str = ""
    delegated: str = ""
    routes: tuple[str, ...] = ()
    nas: tuple[str, ...] = ()
    """Addresses and identifiers of the NAS that it may come from; empty: any."""
    macs: tuple[str, ...] = ()
    suspended: bool = False
    reason: str = "turned away by the database that was imported"
    """Why, if it is suspended."""
    end: End | None = None
    interim: int | None = None
    handed_out: bool = False
    """Whether the server chooses the address from the pool (Pool-Name), and not the NAS."""
    anchor: tuple[str, int] = ("", 0)
    """A row by which somebody finds it: (table, id)."""
    profile: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Who it is, as far as the source says: name, mobile, email, address."""
    tariff: str = ""
    """A tariff that git has, where the source names it; all else about what is sold says nothing then."""
    folder: str = ""
    """The group of subscribers, where the source names it."""
    id: str = ""
    """The subscriber's, where the source names it."""


class Understood(Struct):
    """The meaning, or None where there is no service to make of it; and everything there is to say."""

    meaning: Meaning | None
    findings: tuple[Finding, ...]


def understand(person: Person, groups: Mapping[str, OldGroup], zone: ZoneInfo) -> Understood:
    """One login with its groups. Dates are read in `zone`."""
    rows = effective(person, groups)
    reading = _Reading(person, rows, zone)
    meaning = reading.meaning()
    return Understood(meaning, in_order([*rows.findings, *reading.findings]))


class _Reading:
    """One understanding; collects what is odd on its way."""

    def __init__(self, person: Person, rows: Effective, zone: ZoneInfo) -> None:
        self.login, self.anchor, self.rows, self.zone = person.login, person.anchor, rows, zone
        self.findings: list[Finding] = []
        self._passed: dict[str, set[str]] = {}
        """By attribute: what all its rows let pass so far."""

    def meaning(self) -> Meaning | None:
        password = self._password()
        if values.login(self.login) is None:
            text = "the login has a capital, a blank or another sign that a login of ours cannot have"
            self._say_of_all("refused", "unfit-login", text)
        suspended = self.rows.rejected is not None
        found = Meaning(self.login, password or "", self.rows.group, suspended=suspended, anchor=self.anchor)
        for step in (self._addresses, self._check, self._speed, self._rest):
            found = step(found)
        refused = any(one.severity == "refused" for one in self.findings)
        return None if refused or password is None else found

    def _say(self, severity: Severity, kind: str, text: str, row: Row) -> None:
        self.findings.append(about(severity, kind, text, row, self.login))

    def _say_of_all(self, severity: Severity, kind: str, text: str, attribute: str = "") -> None:
        """Of no row but of what is missing, or of the login itself."""
        self.findings.append(Finding(severity, kind, text, *self.anchor, attribute, self.login))

    # check rows

    def _password(self) -> str | None:
        row = first(self.rows.check, "Cleartext-Password", "User-Password")
        hashed = [one for one in self.rows.check if _HASHED.fullmatch(one.attribute)]
        if row is None:
            for one in hashed:
                text = "the password is stored as a hash: it cannot be sealed, and CHAP cannot use it; set a new one"
                self._say("refused", "hashed-password", text, one)
            if not hashed:
                text = "no password: nobody logs in with these rows"
                self._say_of_all("refused", "no-password", text)
            return None
        for one in hashed:
            self._say("note", "second-password", "a hash beside the clear password: the clear one is taken", one)
        if row.attribute == "User-Password":
            self._say("lost", "never-matches", "FreeRADIUS 3 compares nothing with it: it turns the login away", row)
        elif row.op in {"", "=", "=="}:
            self._say("lost", "never-matches", f"{row.op or 'no operator'} {_NO_REQUEST}", row)
        value = values.literal(row.value)
        if value is None or not values.is_password(value):
            self._say("refused", "unfit-password", "a password that the server does not take as it stands", row)
            return None
        return value

    def _check(self, found: Meaning) -> Meaning:
        for row in self.rows.check:
            if row.attribute in _PASSED or _HASHED.fullmatch(row.attribute):
                continue
            if row.table == "radgroupcheck" and conditional(row):  # said already: it chooses the group
                continue
            if row.attribute in _COMPARED and row.op in {":=", "="}:
                self._say("note", "no-restriction", f"{row.op} compares nothing: the server lets anything pass", row)
                continue
            if row.attribute in _ONCE and row.op in COMPARES and (row.attribute, row.op) != ("Expiration", "=="):
                self._say("lost", "never-matches", f"{row.op} {_NO_REQUEST}", row)
                continue
            if row.attribute in _ONCE and row is not first(self.rows.check, row.attribute):
                self._say("note", "second-value", "the server takes the first of several", row)
                continue
            read = _CHECKS.get(row.attribute)
            changed = read(self, found, row) if read else None
            if changed is None:
                self._say("lost", "unknown-check", "a rule that our files cannot say", row)
            found = changed or found
        return found

    def _expiration(self, found: Meaning, row: Row) -> Meaning:
        end = expiration(row.value, self.zone)
        if end is None:
            self._say("refused", "unreadable-date", "a date that the server cannot read: it turns the login away", row)
        return replace(found, end=end)

    def _sessions(self, found: Meaning, row: Row) -> Meaning | None:
        sessions = values.number(row.value, 10_000)
        own = found.own or row.table == "radcheck"
        if sessions == 0:
            self._say("note", "no-session", "0 lets nobody in: the login is suspended", row)
            return replace(found, suspended=True)
        return None if sessions is None else replace(found, sessions=sessions, own=own)

    def _macs(self, found: Meaning, row: Row) -> Meaning | None:
        macs = {values.mac(part) for part in values.alternatives(row)}
        known = self._both(row, {one for one in macs if one}) if macs and None not in macs else set()
        return replace(found, macs=tuple(sorted(known))) if known and len(known) <= 16 else None

    def _nas(self, found: Meaning, row: Row) -> Meaning | None:
        parts = set(values.alternatives(row))
        before = self._passed.get(row.attribute, set())
        both = self._both(row, parts) if parts else set()
        return replace(found, nas=tuple(sorted({*found.nas} - before | both))) if both else None

    def _both(self, row: Row, lets_pass: set[str]) -> set[str]:
        """What this row and those of the same attribute before it let pass: the server asks all of them."""
        before = self._passed.get(row.attribute, lets_pass)
        if not before & lets_pass:
            self._say("lost", "never-matches", "it and a row before it let nothing pass at once: nobody gets in", row)
            return before
        self._passed[row.attribute] = before & lets_pass
        return before & lets_pass

    def _pool_name(self, found: Meaning, row: Row) -> Meaning | None:
        pool = values.pool(row.value)
        if pool is None:
            return None
        sold = found.sold
        if row.table == "radgroupcheck":
            sold = replace(sold, ipv4=pool.removeprefix("pool:"))
        if _static(found.ipv4):
            return replace(found, sold=sold)
        return replace(found, ipv4=pool, sold=sold, handed_out=True)

    def _auth_type(self, found: Meaning, row: Row) -> Meaning | None:
        if row.op == "==":  # it compares, and sets nothing
            return None
        if row.value.casefold() == "accept":
            self._say("refused", "no-password-asked", "Auth-Type Accept lets everybody in without a password", row)
        elif row.value.casefold() not in _WAYS:
            self._say("lost", "unknown-way", "a way to check passwords that FreeRADIUS 3 turns everybody away by", row)
        return found

    # reply rows

    def _addresses(self, found: Meaning) -> Meaning:
        sold = Grant(**dict(self._pools(self.rows.sold)))
        found = replace(found, sold=sold)
        for row in self.rows.reply:
            said = values.address(row)
            if said is None:
                continue
            part, value = said
            if value is None:
                self._say("lost", "unreadable-address", "an address or a pool that could not be read", row)
            elif part == "routes":
                found = replace(found, routes=tuple(sorted({*found.routes, value})))
            elif value and not (_static(getattr(found, part)) and value.startswith("pool:")):
                found = _with(found, part, value)  # where there are both, a NAS takes the address
        return found

    def _pools(self, rows: Iterable[Row]) -> Iterable[tuple[str, str]]:
        for row in rows:
            part, value = values.address(row) or ("", None)
            if value and value.startswith("pool:"):
                yield part, value.removeprefix("pool:")

    def _speed(self, found: Meaning) -> Meaning:
        self._several()
        told, odd = rates.told(self.rows.reply)
        for row in odd:
            self._say("lost", "unreadable-rate", "a rate that could not be read whole", row)
        by_name = {row.attribute: row for row in self.rows.reply}
        for other in told[1:]:
            if other.speed[:2] != told[0].speed[:2]:
                row = by_name[other.attribute]
                self._say("lost", "two-rates", f"another rate than that of {told[0].attribute}, which is taken", row)
        if not told:
            text = "no rate is told: the NAS knows it, or there is none; give the tariff its real rate"
            self._say_of_all("lost", "no-rate", text, "rate")
            return found
        own = found.own or by_name[told[0].attribute].table == "radreply"
        return replace(found, speed=told[0].speed, told=told[0].attribute, own=own)

    def _several(self) -> None:
        """What is sent several times, and a NAS has use for one."""
        values_of: dict[str, set[str]] = {}
        for row in self.rows.reply:
            if row.attribute in _SENT_ONCE:
                told = values_of.setdefault(row.attribute, {row.value})
                if row.value not in told:
                    self._say("lost", "two-values", "another value than before it: which one a NAS takes it knows", row)
                told.add(row.value)

    def _rest(self, found: Meaning) -> Meaning:
        for row in self.rows.reply:
            if row.attribute == "Acct-Interim-Interval" and (seconds := values.number(row.value, 86400)):
                found = replace(found, interim=seconds)
            elif row.attribute in _LEFT_OUT:
                self._say("note", "left-out", "is not sent any more: it says nothing that a NAS needs", row)
            elif not self._is_read(row, found):
                self._say("lost", "unknown-reply", "an attribute that our files cannot say", row)
        return found

    def _is_read(self, row: Row, found: Meaning) -> bool:
        if row.attribute == "Filter-Id":
            return found.told == "Filter-Id" or rates.is_filter_rate(row.value)
        if row.attribute == "Cisco-AVPair":
            return rates.is_interface_rate(row.value) or row.value.startswith(values.CISCO_POOL)
        return row.attribute in values.READERS or row.attribute in rates.ATTRIBUTES or row.attribute in _PASSED


def _with(found: Meaning, part: str, value: str) -> Meaning:
    if part == "ipv4":
        return replace(found, ipv4=value)
    return replace(found, ipv6=value) if part == "ipv6" else replace(found, delegated=value)


def _static(address: str) -> bool:
    return bool(address) and not address.startswith("pool:")


_HASHED: Final = re.compile(
    r"(NT|LM|Crypt|MD5|SMD5|SHA1?|SSHA1?|SSHA|SHA2|SSHA2?-?(224|256|384|512)?|PBKDF2)-?Password|Password-With-Header",
    re.IGNORECASE,
)
_PASSED: Final = frozenset({"Cleartext-Password", "User-Password", "Fall-Through"})
"""Read where they stand, or about how rows are read."""
_ONCE: Final = frozenset({"Expiration", "Simultaneous-Use", "Pool-Name"})
"""Of which one counts."""
_NO_REQUEST: Final = "compares with what no request has: the server turns the login away"
_WAYS: Final = frozenset({"reject", "pap", "chap", "mschap", "ms-chap"})
"""By which the password of a row is compared."""
_COMPARED: Final = frozenset({"Calling-Station-Id", "NAS-IP-Address", "NAS-Identifier"})
_CHECKS: Final[Mapping[str, Callable[[_Reading, Meaning, Row], Meaning | None]]] = {
    "Expiration": _Reading._expiration,
    "Simultaneous-Use": _Reading._sessions,
    "Calling-Station-Id": _Reading._macs,
    "NAS-IP-Address": _Reading._nas,
    "NAS-Identifier": _Reading._nas,
    "Pool-Name": _Reading._pool_name,
    "Auth-Type": _Reading._auth_type,
}
_SENT_ONCE: Final = (rates.ATTRIBUTES | values.READERS.keys()) - {"Framed-Route", "Framed-IPv6-Route"}
_LEFT_OUT: Final = frozenset(
    "Service-Type Framed-Protocol Framed-Compression Framed-Routing Framed-IP-Netmask Port-Limit Reply-Message".split()
)
_SPELT: Final = {
    name.casefold(): name
    for name in (
        *_PASSED, *_ONCE, *_CHECKS, *_SENT_ONCE, *_LEFT_OUT, *values.READERS,
        "Acct-Interim-Interval", "Cisco-AVPair", "Filter-Id",
    )
}  # fmt: skip


def spelt(attribute: str) -> str:
    """The name of an attribute as everybody writes it: to the server, capitals in it mean nothing."""
    return _SPELT.get(attribute.casefold(), attribute)
