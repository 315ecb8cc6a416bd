"""What the server answers, from rows in normal form: the decision of `server/templates`, once more, in Python. Pure.

A test holds the two together: what is decided here is what FreeRADIUS does with the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from ispctl.plan import Fields, Resources, Value
from ispctl.platforms import Attribute, pool_names
from ispctl.radius.rendering import SERVED_POOLS, WALLED, rendering
from ispctl.store import Session
from ispctl.structs import Struct, field

_MAC: Final = re.compile("[^0-9a-f]?".join(["([0-9a-f]{2})"] * 6))
_IPV4, _IPV6, _DELEGATED = ((*names, served) for names, served in zip(pool_names(), SERVED_POOLS, strict=True))
POOLS: Final[Mapping[str, tuple[str, ...]]] = {
    "Framed-IP-Address": _IPV4,
    "Framed-IPv6-Prefix": _IPV6,
    "Framed-IPv6-Address": _IPV6,
    "Delegated-IPv6-Prefix": _DELEGATED,
}
"""What is given by number makes the pool of the same kind pointless."""
GIVEN: Final[Mapping[str, str]] = dict(
    zip(SERVED_POOLS, ("Framed-IP-Address", "Framed-IPv6-Prefix", "Delegated-IPv6-Prefix"), strict=True)
)
"""What the server gives from a pool of its own, by the attribute that names the pool."""
HANDED_OUT: Final = "pool:"
"""How an address stands in a reply that the server takes from a pool of its own: Framed-IP-Address = pool:hostel."""


class Asking(Struct):
    """One login through one NAS with the right password. `mac`: any notation, empty where the NAS sends none."""

    login: str
    nas: str
    platform: str
    mac: str
    at: datetime


class Known(Struct):
    """What the server knows beside the rows: devices bound to the login, written or learned; its open sessions; after
    how many seconds of silence one of those counts no more; free addresses by pool, of those that the server serves."""

    bound: frozenset[str] = frozenset()
    sessions: tuple[Session, ...] = ()
    stale_after: int = 750
    free: Mapping[str, int] = field(default_factory=dict)


class Verdict(Struct):
    """`word` is the reason that the server writes down: of an accept "ok", "learned", "roam", "alert:mac" or "wall:…";
    of a refusal "expired", "mac", "sessions" … `reply` is empty where it refuses."""

    accepted: bool
    word: str
    reply: tuple[Attribute, ...] = ()

    @property
    def walled(self) -> str:
        """Why the server itself put the login behind the wall, or ""."""
        return self.word.removeprefix("wall:") if self.word.startswith("wall:") else ""


def mac_of(text: str) -> str:
    """Normal form of what a NAS sent as Calling-Station-Id; empty where it is no MAC address."""
    found = _MAC.fullmatch(text.lower())
    return ":".join(found.groups()) if found else ""


def decide(rows: Resources, asking: Asking, known: Known) -> Verdict:
    """The answer to a login with the right password. A login that is not ours is unknown here, whatever rows of others
    it may have."""
    fields = rows.get(("login", mac_of(asking.login) or asking.login))
    if fields is None:
        return Verdict(False, "unknown-login")
    word = _word(rows, fields, asking, known)
    if word.startswith("no:"):
        return Verdict(False, word.removeprefix("no:"))
    walled = word.startswith("wall:")
    group = rows.get(("group", f"{WALLED if walled else fields['group']}@{asking.platform}"))
    if group is None or not rendering(group):
        return Verdict(False, "no-profile")
    if word == "learn":
        word = "learned"
    reply = list(_reply(() if walled else _rows(fields, "reply"), _rows(group, "reply")))
    for named, given in GIVEN.items():
        pool = dict(reply).get(named, "-")
        if pool != "-":
            if _full(pool, asking.nas, known):
                return Verdict(False, "pool-full")
            reply = [one for one in reply if one[0] not in POOLS[given]]
            reply.append((given, HANDED_OUT + pool))
        reply = [one for one in reply if one[0] != named]
    klass = f"{fields['class']}-{rendering(group)}{'/' + word if walled else ''}"
    return Verdict(True, word, (*reply, ("Class", klass)))


def _full(pool: str, nas: str, known: Known) -> bool:
    """Whether a pool of the server has nothing for this NAS; slices are apart."""
    parts = {name: free for name, free in known.free.items() if name.partition("@")[0] == pool}
    return bool(parts) and not any(parts.get(name) for name in (pool, f"{pool}@{nas}"))


def _word(rows: Resources, fields: Fields, asking: Asking, known: Known) -> str:
    """The policy query: the first that applies."""
    return next(_words(rows, fields, asking, known))


def _words(rows: Resources, fields: Fields, asking: Asking, known: Known) -> Iterator[str]:
    mac = mac_of(asking.mac)
    unbound = fields["mac_mode"] != "off" and mac not in known.bound
    mismatch = unbound and _no_room(fields, mac, known)
    away = _away(rows, fields, asking.nas)
    if fields["refuse"]:
        yield f"no:{fields['refuse']}"
    if _over(fields, asking.at):
        yield "wall:expired" if fields["on_expiry"] == "wall" else "no:expired"
    if away and fields["on_roam"] == "reject":
        yield "no:roaming"
    if mismatch and fields["on_mismatch"] != "alert":
        yield "wall:mac" if fields["on_mismatch"] == "wall" else "no:mac"
    if _too_many(fields, mac, asking.at, known):
        yield "no:sessions"
    if mismatch:
        yield "alert:mac"
    if unbound and fields["mac_mode"] == "learn":
        yield "learn"
    yield "roam" if away and fields["on_roam"] == "alert" else "ok"


def _over(fields: Fields, at: datetime) -> bool:
    """The backstop for a dead controller."""
    expires = fields["expires"]
    return isinstance(expires, int) and expires <= int(at.timestamp())


def _no_room(fields: Fields, mac: str, known: Known) -> bool:
    most = fields["mac_max"]
    return fields["mac_mode"] == "fixed" or not mac or (isinstance(most, int) and most <= len(known.bound))


def _away(rows: Resources, fields: Fields, nas: str) -> bool:
    pop = fields["pop"]
    if pop is None:
        return False
    places = rows.get(("pop", str(pop)), {}).get("nas", ())
    return not isinstance(places, tuple) or nas not in places


def _too_many(fields: Fields, mac: str, at: datetime, known: Known) -> bool:
    """Sessions that nothing is heard of do not count, nor does the same device's own: it replaces itself."""
    most = fields["sessions"]
    since = at - timedelta(seconds=known.stale_after)
    heard = [one for one in known.sessions if one.updated is not None and one.updated > since]
    others = sum(not mac or one.mac != mac for one in heard)
    return isinstance(most, int) and 0 < most <= others


def _reply(own: tuple[Value, ...], group: tuple[Value, ...]) -> Iterator[Attribute]:
    """The login's rows, then those of its group, by their operators; what is given by number drops its pool."""
    found: list[Attribute] = []
    for row in (*own, *group):
        if isinstance(row, tuple):
            name, op, value = map(str, row)
            if op == ":=":
                found = [one for one in found if one[0] != name]
            if op != "=" or all(one[0] != name for one in found):
                found.append((name, value))
    dropped = {pool for name, _ in found for pool in POOLS.get(name, ())}
    return (one for one in found if one[0] not in dropped)


def _rows(fields: Fields, name: str) -> tuple[Value, ...]:
    value = fields.get(name, ())
    return value if isinstance(value, tuple) else ()
