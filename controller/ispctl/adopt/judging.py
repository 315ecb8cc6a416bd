"""Do somebody's rows mean what git says? The differences of one login or NAS, in words. Pure.

Each difference has an aspect (`rate`, `paid-until`, or the attribute of a row that git cannot say); whoever adopts may
accept an aspect on purpose. No text holds a password, a login or the value of a row that was not understood.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from ispctl.adopt.dates import ends_alike
from ispctl.adopt.meaning import Meaning, Understood
from ispctl.adopt.rates import PLATFORM_OF, Speed
from ispctl.desired import Entitlement
from ispctl.model.network import Nas
from ispctl.model.policy import Policy
from ispctl.platforms import platform
from ispctl.structs import Struct


class Difference(Struct):
    """One thing that the rows say otherwise than git."""

    aspect: str
    text: str


class Ground(Struct):
    """What a login is judged against, beside its own entitlement."""

    policy: Policy
    nas: Mapping[str, Nas]
    strangers: int
    """Rows of `nas` that git does not know: who dials in there would get no profile."""
    handed_out: frozenset[str]
    """Pools of which our server hands out the addresses."""
    now: datetime


def differences(found: Understood, wanted: Entitlement, password: str, ground: Ground) -> Iterator[Difference]:
    """What would change for a login if git took it over; `password` is what git has sealed."""
    for one in found.findings:
        if one.severity != "note":
            place = f" ({one.table} {one.row})" if one.row else ""
            yield Difference(one.attribute or one.kind, f"{one.text}{place}")
    meaning = found.meaning
    if meaning is None:
        return
    if meaning.password != password:
        yield Difference("password", "the password is another one")
    yield from _access(meaning, wanted, ground)
    yield from _rate(meaning, wanted)
    yield from _addresses(meaning, wanted, ground)
    yield from _devices(meaning, wanted)
    yield from _places(meaning, wanted, ground)


def _access(meaning: Meaning, wanted: Entitlement, ground: Ground) -> Iterator[Difference]:
    over = meaning.end is not None and meaning.end.at <= ground.now
    if (meaning.suspended or over) != (wanted.access == "none") or wanted.access == "walled":
        before = "turned away" if meaning.suspended or over else "served"
        if not (over and wanted.state in ("active", "grace")):  # the day that our dates give more
            yield Difference("access", f"{before} until now, and {_ACCESS[wanted.access]} by git")
    spread = timedelta(seconds=ground.policy.expiry.spread)
    if meaning.end is None and wanted.ends is not None:
        yield Difference("paid-until", f"no end until now, and {wanted.ends:%Y-%m-%d} by git")
    elif meaning.end is not None and wanted.ends is None:
        yield Difference("paid-until", f"ends on {meaning.end.at:%Y-%m-%d} until now, and never by git")
    elif meaning.end and wanted.ends and not ends_alike(meaning.end, wanted.ends, spread):
        text = f"ends on {meaning.end.at:%Y-%m-%d %H:%M} UTC until now, and {wanted.ends:%Y-%m-%d %H:%M} by git"
        yield Difference("paid-until", text)


_ACCESS = {"open": "served", "walled": "walled", "none": "turned away"}


def _rate(meaning: Meaning, wanted: Entitlement) -> Iterator[Difference]:
    terms = wanted.terms
    if meaning.speed is not None and meaning.speed != Speed(terms.down, terms.up, terms.burst):
        down, up, burst = meaning.speed
        more = " with another burst" if (down, up) == (terms.down, terms.up) and burst != terms.burst else ""
        text = f"{down}/{up} bit/s until now, and {terms.down}/{terms.up} by tariff {terms.tariff}{more}"
        yield Difference("rate", text)
    if meaning.sessions != terms.sessions:
        text = f"{meaning.sessions or 'any number of'} sessions until now, and {terms.sessions or 'any number'} by git"
        yield Difference("sessions", text)


def _addresses(meaning: Meaning, wanted: Entitlement, ground: Ground) -> Iterator[Difference]:
    pairs = (
        ("ipv4", meaning.ipv4, wanted.ipv4),
        ("ipv6", meaning.ipv6, wanted.ipv6),
        ("delegated", meaning.delegated, wanted.delegated),
        ("routes", ", ".join(meaning.routes), ", ".join(wanted.routes)),
    )
    for aspect, before, after in pairs:
        if before != after:
            yield Difference(aspect, f"{before or 'none'} until now, and {after or 'none'} by git")
    ours = wanted.ipv4.removeprefix("pool:") in ground.handed_out
    if meaning.ipv4 != wanted.ipv4:
        return
    if meaning.handed_out != ours:
        yield Difference("ipv4", f"{_HANDS[meaning.handed_out]} until now, and {_HANDS[ours]} by git")
    elif ours:
        yield Difference("ipv4", f"{_HANDS[True]}, from rows that are not taken over yet")


_HANDS = {True: "the server hands out the address", False: "the NAS hands out the address"}


def _devices(meaning: Meaning, wanted: Entitlement) -> Iterator[Difference]:
    bound = "fixed" if meaning.macs else "off"
    if (bound, meaning.macs) != (wanted.mac_mode, wanted.macs):
        yield Difference("mac", f"{_bound(bound, len(meaning.macs))} until now, and {_bound_now(wanted)} by git")


def _bound(mode: str, count: int) -> str:
    return f"bound to {count} devices" if mode == "fixed" else "any device"


def _bound_now(wanted: Entitlement) -> str:
    return "learned devices" if wanted.mac_mode == "learn" else _bound(wanted.mac_mode, len(wanted.macs))


def _places(meaning: Meaning, wanted: Entitlement, ground: Ground) -> Iterator[Difference]:
    """Where it may dial in, and whether the NAS there are told what they were told."""
    by_name = {str(source): nas.name for nas in ground.nas.values() if nas.radius for source in nas.radius.sources}
    by_name |= {nas.radius.identifier: nas.name for nas in ground.nas.values() if nas.radius and nas.radius.identifier}
    by_name |= {name: name for name in ground.nas}
    before = tuple(sorted({by_name.get(name, name) for name in meaning.nas}))
    after = wanted.nas if wanted.roaming == "reject" else ()
    if before != after:
        yield Difference("nas", f"{', '.join(before) or 'any NAS'} until now, and {', '.join(after) or 'any'} by git")
    hosts = [ground.nas[name] for name in after or ground.nas if ground.nas[name].radius]
    platforms = sorted({nas.platform for nas in hosts})
    if meaning.told in PLATFORM_OF and not any(meaning.told in platform(name).attributes for name in platforms):
        text = f"{meaning.told} tells the rate until now, and {', '.join(platforms) or 'no NAS'} is not told it so"
        yield Difference("platform", text)
    if ground.strangers and not after:
        text = f"{ground.strangers} rows of nas are not in git: from there it would be refused for want of a profile"
        yield Difference("strangers", text)
