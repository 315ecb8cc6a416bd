"""Many meanings -> the files of a repository, as plain values. Pure: sealing is somebody else's.

Whatever is chosen here (ids, names, which tariff a login has) follows from the rows alone, so that the same database
gives the same files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from itertools import count
from typing import NamedTuple

from ispctl.adopt.meaning import Grant, Meaning
from ispctl.adopt.names import distinct, short, slug
from ispctl.adopt.old import Finding
from ispctl.adopt.places import Host
from ispctl.adopt.rates import Speed
from ispctl.adopt.yaml_text import Value
from ispctl.digests import sha256
from ispctl.repo.layout import home_of
from ispctl.structs import Struct

UNKNOWN_SPEED = Speed(10**9, 10**9)
"""What a tariff says whose rate nobody told; it is listed, and `ispctl adopt` asks for it."""
NO_GROUP = "no-group"
UNNAMED = "not known"


class Offer(NamedTuple):
    """What makes one tariff: all its logins have this in common."""

    group: str
    speed: Speed | None
    sessions: int
    sold: Grant
    own: bool
    prepaid: bool
    known: str = ""
    """The tariff of git that it is; all else is empty then."""


class Sub(Struct):
    """One subscriber to be written."""

    id: str
    group: str
    tariff: str
    meaning: Meaning
    nas: tuple[str, ...]

    @property
    def path(self) -> str:
        return home_of(self.group, self.id)


class Draft(Struct):
    """What there will be; `tariffs` are the new ones."""

    tariffs: Mapping[str, Offer]
    subscribers: tuple[Sub, ...]
    realms: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(sorted({one.group for one in self.subscribers}))


def draft(
    meanings: Sequence[Meaning],
    hosts: Sequence[Host],
    group: str | None,
    after: int,
    taken: Callable[[str, Offer], bool],
) -> Draft:
    """The subscribers in the order of their source, each with its id, or numbered from `after` + 1, each with a tariff;
    all in `group`, if there is one. Logins without an end are in a tariff that is postpaid: nobody is cut off by a date
    that nobody set. `taken` knows the names that are others'."""
    findings: list[Finding] = []
    offers = [_offer(one) for one in meanings]
    names = _names(offers, taken)
    subscribers = []
    numbers = count(max([after, *(number_of(one.id) for one in meanings)]) + 1)
    for one, offer in zip(meanings, offers, strict=True):
        nas, missing = _nas(one, hosts)
        if missing:
            text = "names a NAS that is not known: the login may then come from anywhere"
            findings.append(Finding("lost", "unknown-nas", text, *one.anchor, attribute="nas", login=one.login))
        folder = slug(group or one.folder or one.login.partition("@")[2], "imported")
        subscribers.append(Sub(one.id or f"sub-{next(numbers):06}", folder, names[offer], one, nas))
    realms = tuple(sorted({one.login.partition("@")[2] for one in meanings} - {""}))
    tariffs = {name: offer for offer, name in sorted(names.items(), key=lambda item: item[1]) if not offer.known}
    return Draft(tariffs, tuple(subscribers), realms, tuple(findings))


def number_of(id: str) -> int:
    """sub-000007 -> 7; 0 where an id is of another form."""
    digits = id.removeprefix("sub-")
    return int(digits) if digits != id and digits.isascii() and digits.isdigit() else 0


def _offer(one: Meaning) -> Offer:
    if one.tariff:
        return Offer("", None, 0, Grant(), own=False, prepaid=False, known=one.tariff)
    return Offer(one.group, one.speed, one.sessions, one.sold, one.own, one.end is not None)


def _names(offers: Sequence[Offer], taken: Callable[[str, Offer], bool]) -> Mapping[Offer, str]:
    """A name for each tariff: its group's; `custom-…` with the rate for what a login has by itself."""
    counted = Counter(offer for offer in offers if not offer.known)
    mixed = {offer._replace(prepaid=True) for offer in counted if offer._replace(prepaid=not offer.prepaid) in counted}

    def wanted(offer: Offer) -> str:
        name = slug(offer.group, NO_GROUP)
        if offer.speed is None:
            name = f"{name[:40]}-no-rate"
        elif offer.own:
            name = f"custom-{short(offer.speed.down)}-{short(offer.speed.up)}"
        if not offer.prepaid and offer._replace(prepaid=True) in mixed:
            name = f"{name[:39]}-postpaid"
        mark = sha256(repr(offer).encode()).hexdigest()[:6]
        return f"{name[:41]}-{mark}" if taken(name, offer) else name

    found = distinct((repr(offer), wanted(offer)) for offer in counted)
    return {offer: offer.known or found[repr(offer)] for offer in dict.fromkeys(offers)}


def _nas(one: Meaning, hosts: Sequence[Host]) -> tuple[tuple[str, ...], bool]:
    """The hosts that a login may come from, and whether one of them is unknown: then nothing is restricted."""
    by_name = {key: host.name for host in hosts for key in (str(host.address), host.shortname, host.name)}
    found = sorted({by_name[name] for name in one.nas if name in by_name})
    missing = any(name not in by_name for name in one.nas)
    return (() if missing else tuple(found)), missing


def tariff_file(name: str, offer: Offer) -> dict[str, Value]:
    """A tariff without a price: what a period costs stands in no row."""
    said: dict[str, Value] = {"name": name, "billing": "prepaid" if offer.prepaid else "postpaid"}
    speed = offer.speed or UNKNOWN_SPEED
    rate: dict[str, Value] = {"down": _rate(speed.down), "up": _rate(speed.up)}
    if speed.burst:
        down, up, threshold_down, threshold_up, seconds = speed.burst
        threshold = {"down": _rate(threshold_down), "up": _rate(threshold_up)}
        rate["burst"] = {"down": _rate(down), "up": _rate(up), "threshold": threshold, "seconds": seconds}
    said["rate"] = rate
    if offer.sold.ipv4:
        said["ipv4"] = {"pool": offer.sold.ipv4}
    ipv6 = {
        part: {"pool": name} for part, name in (("wan", offer.sold.ipv6), ("delegated", offer.sold.delegated)) if name
    }
    if ipv6:
        said["ipv6"] = ipv6
    return said | {"sessions": offer.sessions}


def subscriber_file(sub: Sub, sealed: str, today: date) -> dict[str, Value]:
    """A subscriber with one service."""
    one = sub.meaning
    service: dict[str, Value] = {"key": "main", "login": one.login, "password": sealed, "tariff": sub.tariff}
    if sub.nas:
        service["nas"] = list(sub.nas)
    if one.end is not None:
        paid = one.end.paid_until
        service["paid_until"] = paid.isoformat() if isinstance(paid, datetime) else str(paid)
    if one.suspended:
        service["suspended"] = {"since": str(today), "reason": one.reason}
    service |= _addresses(one)
    if one.macs:
        devices = [{"mac": mac} for mac in one.macs]
        service["mac"] = {"mode": "fixed", "max": len(devices), "on_mismatch": "reject", "addresses": devices}
    profile: dict[str, Value] = {"name": UNNAMED, **one.profile}
    return {"id": sub.id, "profile": profile, "services": [service]}


def _addresses(one: Meaning) -> dict[str, Value]:
    said: dict[str, Value] = {}
    if (own := _own(one.ipv4, one.sold.ipv4)) is not None:
        said["ipv4"] = own
    ipv6 = {
        part: own
        for part, value, sold in (("wan", one.ipv6, one.sold.ipv6), ("delegated", one.delegated, one.sold.delegated))
        if (own := _own(value, sold)) is not None
    }
    if ipv6:
        said["ipv6"] = ipv6
    if one.routes:
        said["routes"] = list(one.routes)
    return said


def _own(value: str, sold: str) -> dict[str, Value] | None:
    """What a service says by itself, because its tariff says something else."""
    if not value or value == f"pool:{sold}":
        return None
    return {"pool": value.removeprefix("pool:")} if value.startswith("pool:") else {"static": value}


def _rate(bits: int) -> str:
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if bits % size == 0:
            return f"{bits // size}{unit}"
    return str(bits)
