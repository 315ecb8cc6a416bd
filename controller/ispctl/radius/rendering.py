"""Intent -> rows of the RADIUS database, in the normal form that `rows.read` has too. Pure.

A tariff becomes one group for each platform in use, so that a tariff edit is a few rows; its throttled services have
one of their own. The Class of a session is
`<place><grade>` of the login, a dash, and `<place><grade>` of the group that was applied: eight hexadecimal digits
each. What stands in `place` needs a new session, what stands in `grade` a CoA can change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from ipaddress import IPv4Address, ip_network

from ispctl.desired import Entitlement, Terms, sealed_digest
from ispctl.digests import sha256
from ispctl.model.network import FALLBACK, Nas, Pool
from ispctl.model.policy import Policy, Wall
from ispctl.plan import Fields, Key, Resources, Value
from ispctl.platforms import STANDARD_POOLS, Attribute, platform
from ispctl.states import STRICTNESS, State
from ispctl.structs import Struct, field, replace

TARGET = "radius"
"""How the database is named in a plan."""
NO_GRADE = "0" * 8
WALLED = "isp:walled"
SERVED_POOLS = ("ISP-Pool", "ISP-IPv6-Pool", "ISP-Delegated-Pool")
"""The server's own attributes, in the order of STANDARD_POOLS: the pool from which it gives an address, a prefix of the
link or a delegated prefix itself; they never leave the server."""
INTERIM = "Acct-Interim-Interval"
REPLIES = frozenset(
    {
        *STANDARD_POOLS,
        *("Framed-IP-Address", "Framed-IPv6-Address", "Delegated-IPv6-Prefix", "Framed-Route", "Framed-IPv6-Route"),
        *(INTERIM, "Class"),
    }
)
"""What a reply may hold beside what the platform renders."""
Row = tuple[str, str, str]


class Intent(Struct):
    """What is to be made real: every entitlement, what the tariffs grant, and the NAS that will ask."""

    policy: Policy
    terms: Mapping[str, Terms]
    nas: Mapping[str, Nas]
    entitlements: Iterable[Entitlement]
    pools: Mapping[str, Pool] = field(default_factory=dict)
    pops: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Every set of NAS on which services are planned, by its name."""

    @cached_property
    def served(self) -> frozenset[str]:
        """The pools from which the server itself gives addresses."""
        return served_by_server(self.pools)

    @cached_property
    def classes(self) -> dict[tuple[Terms | None, str], str]:
        """Halves of Class that were worked out already; few for thousands of people."""
        return {}

    @property
    def platforms(self) -> tuple[str, ...]:
        return platforms_of(self.nas)

    @property
    def interim(self) -> int:
        """Seconds between interim updates: the shortest that a NAS asks for, so that no session looks stale."""
        return min((nas.accounting.interim for nas in self.nas.values()), default=300)


def served_by_server(pools: Mapping[str, Pool]) -> frozenset[str]:
    """The pools from which the server itself gives addresses and prefixes."""
    return frozenset(name for name, pool in pools.items() if pool.served_by == "radius")


def platforms_of(nas: Mapping[str, Nas]) -> tuple[str, ...]:
    """The platforms that RADIUS clients have, sorted; the fallback where there is none yet."""
    return tuple(sorted({n.platform for n in nas.values() if n.radius})) or (FALLBACK,)


def render(intent: Intent) -> Resources:
    """Every row that the RADIUS database should hold for this intent."""
    return {**shared(intent), **logins(intent.entitlements, intent.served)}


def shared(intent: Intent) -> Resources:
    """What no service has for itself: groups, NAS, ranges, places and realms."""
    found: dict[Key, Fields] = dict(groups(intent))
    for nas in intent.nas.values():
        found |= dict(_client(nas))
    for name in intent.served:
        found |= dict(_ranges(name, intent.pools[name]))
    for name, hosts in intent.pops.items():
        found["pop", name] = {"nas": hosts}
    for realm, served in intent.policy.realms.items():
        found["realm", realm.lower()] = {"served": served}
    return found


def logins(entitlements: Iterable[Entitlement], served: frozenset[str]) -> Resources:
    """The logins of services, of which those that share one are given together. `served`: see `login`."""
    found: dict[Key, Fields] = {}
    holder: dict[str, State] = {}
    for entitlement in entitlements:
        held = holder.get(entitlement.login)
        if held is None or STRICTNESS[entitlement.state] > STRICTNESS[held]:  # an ended service frees its login
            holder[entitlement.login] = entitlement.state
            found["login", entitlement.login] = login(entitlement, served)
    return found


def login(entitlement: Entitlement, served: frozenset[str] = frozenset()) -> Fields:
    """One login with all its rows. `served`: the pools of the server itself."""
    owner, walled = entitlement.owner, entitlement.access == "walled"
    reply = () if walled or _as_sold(entitlement) else tuple(sorted(_reply(entitlement, served)))
    # a login in other hands is another service: whoever is online on it has to go
    place = _hash((owner, walled, reply))
    return {
        "owner": owner,
        "password": entitlement.password,
        "group": group_name(entitlement),
        "class": place + NO_GRADE,
        "refuse": str(entitlement.state) if entitlement.access == "none" else "",
        "expires": int(entitlement.backstop.timestamp()) if entitlement.backstop else None,
        "on_expiry": entitlement.on_expiry,
        "pop": entitlement.pop or None,
        "on_roam": entitlement.roaming,
        "mac_mode": entitlement.mac_mode,
        "mac_max": entitlement.mac_max,
        "on_mismatch": entitlement.on_mismatch,
        "sessions": entitlement.terms.sessions,
        "macs": entitlement.macs,
        "method": "line" if entitlement.identities else "password",
        "identities": () if entitlement.state in (State.TERMINATED, State.PENDING) else entitlement.identities,
        "reply": reply,
    }


def group_name(entitlement: Entitlement) -> str:
    """The logical group; the server adds "@platform" of the asking NAS."""
    return WALLED if entitlement.access == "walled" else f"isp:{entitlement.terms.name}"


def groups(intent: Intent) -> Iterator[tuple[Key, Fields]]:
    """The groups of all tariffs and of the wall, for every platform in use."""
    for name in intent.platforms:
        for terms in intent.terms.values():
            yield _group(f"isp:{terms.name}", name, granted(terms, name, intent.served), intent.interim)
        if walled := behind_wall(intent.policy.wall, name, intent.served):
            yield _group(WALLED, name, walled, intent.interim)


def needed(intent: Intent) -> frozenset[tuple[str, str]]:
    """(platform, what its routers have to know by name) for everything that the groups refer to."""
    found = set()
    for (_, name), fields in groups(intent):
        vendor = name.partition("@")[2]
        found |= {(vendor, thing) for pair in given(fields) if (thing := platform(vendor).refers(pair))}
    return frozenset(found)


def rendering(fields: Fields) -> str:
    """The hash that a group's check rows carry: the second half of Class; empty if somebody took it away."""
    check = fields["check"]
    assert isinstance(check, tuple)
    return next((str(row[2]) for row in check if isinstance(row, tuple) and row[0] == "ISP-Rendering"), "")


def rendering_of(text: str) -> str:
    """The same hash, from the Class of a session; empty if there is none in it."""
    return text.partition("/")[0].partition("-")[2]


def session_class(entitlement: Entitlement, intent: Intent, platform_name: str) -> str:
    """The Class that a session of this entitlement gets on a platform."""
    terms = None if entitlement.access == "walled" else entitlement.terms
    return f"{login(entitlement, intent.served)['class']}-{_group_class(intent, terms, platform_name)}"


def _group_class(intent: Intent, terms: Terms | None, platform_name: str) -> str:
    """The half of Class that the group of a tariff, or of the wall (None), gives on a platform."""
    known = intent.classes
    if (terms, platform_name) not in known:
        served = intent.served
        given = (
            granted(terms, platform_name, served) if terms else behind_wall(intent.policy.wall, platform_name, served)
        )
        _, fields = _group("", platform_name, given, intent.interim)
        known[terms, platform_name] = rendering(fields)
    return known[terms, platform_name]


def needs_new_session(before: str, after: str) -> bool:
    """Whether two Class values differ in what only a new session can change."""
    return _places(before) != _places(after)


def same_class(one: str, other: str) -> bool:
    """Class without what the server added ("/wall:mac")."""
    return one.partition("/")[0] == other.partition("/")[0]


def _places(text: str) -> tuple[str, str]:
    own, _, group = text.partition("-")
    return own[:8], group[:8]


def given(fields: Fields) -> tuple[Attribute, ...]:
    """What a group grants, as its platform rendered it."""
    reply = fields["reply"]
    assert isinstance(reply, tuple)
    return tuple((str(row[0]), str(row[2])) for row in reply if isinstance(row, tuple) and row[0] != INTERIM)


def granted(terms: Terms, name: str, served: frozenset[str]) -> tuple[Attribute, ...]:
    """What a NAS of a platform is told of a tariff, the speed first. Of the pools in `served`, which are the server's
    own, it is not told: they come last, by SERVED_POOLS."""
    named = (terms.ipv4, terms.ipv6, terms.delegated)
    pools = [text.removeprefix("pool:") for text in named]
    ipv4, ipv6, delegated = ("" if pool in served else text for pool, text in zip(pools, named, strict=True))
    own = [(one, pool) for one, pool in zip(SERVED_POOLS, pools, strict=True) if pool in served]
    return (*platform(name).tariff(replace(terms, ipv4=ipv4, ipv6=ipv6, delegated=delegated)), *own)


def behind_wall(wall: Wall, name: str, served: frozenset[str]) -> tuple[Attribute, ...]:
    """The same of the wall: what marks it, then its pools. Nothing where a walled session could not be told from any
    other: the server then refuses the login (no-profile), and E136 says so where the policy walls people."""
    own = wall.pool if wall.pool in served else None
    try:
        vendor = platform(name)
        told = vendor.wall(wall.but(pool=None) if own else wall)
        own6 = wall.pool6 if wall.pool6 in served else None
        if own6:  # the filter of IPv6 is still told, the pool is not
            told = tuple(one for one in told if one != (vendor.pools[1], own6))
        return (*told, *((one, pool) for one, pool in zip(SERVED_POOLS, (own, own6), strict=False) if pool))
    except ValueError:
        return ()


def _group(logical: str, name: str, attributes: Sequence[Attribute], interim: int) -> tuple[Key, Fields]:
    full = f"{logical}@{name}"
    changes = platform(name).changes
    place = _hash(sorted(a for a in attributes if not changes(a)))
    grade = _hash(sorted(a for a in attributes if changes(a)))
    check: tuple[Row, ...] = (("ISP-Profile", ":=", full), ("ISP-Rendering", ":=", place + grade))
    # how often a NAS reports is nobody's service: it is sent, but no session changes because of it
    sent = [*attributes, (INTERIM, str(interim))]
    # the login's own row wins over "="; where a vendor puts several values into one attribute, each is added
    times = Counter(attribute for attribute, _ in sent)
    reply: tuple[Row, ...] = tuple(sorted((a, "=" if times[a] == 1 else "+=", value) for a, value in sent))
    return ("group", full), {"check": check, "reply": reply}


def _ranges(name: str, pool: Pool) -> Iterator[tuple[Key, Fields]]:
    """The ranges of a pool that the server serves; those of a slice are for the logins of one NAS."""
    parts = {f"{name}@{nas}": nets for nas, nets in pool.slices.items()} or {name: pool.ranges}
    kept = [address for address in (pool.gateway, *pool.exclude) if address is not None]
    for whose, nets in parts.items():
        for net in nets:
            inside = [ip_network(address) for address in kept if address in net]
            fields: dict[str, Value] = {"pool": whose, "rest": pool.quarantine}
            if pool.cut:
                fields["length"] = pool.cut
                inside = [one.supernet(new_prefix=pool.cut) for one in inside]
            without = {str(one) if pool.cut else str(one.network_address) for one in inside}
            yield ("range", str(net)), {**fields, "without": tuple(sorted(without))}


def _as_sold(entitlement: Entitlement) -> bool:
    """Whether a login has nothing but what its tariff says, as most."""
    e, terms = entitlement, entitlement.terms
    same = e.ipv4 == terms.ipv4 and e.ipv6 == terms.ipv6 and e.delegated == terms.delegated
    return same and not e.routes


def _reply(entitlement: Entitlement, served: frozenset[str]) -> Iterator[Row]:
    """What this login has and its tariff does not say."""
    terms = entitlement.terms
    granted = (
        ("Framed-IP-Address", "Framed-Pool", entitlement.ipv4, terms.ipv4),
        ("Framed-IPv6-Address", "Framed-IPv6-Pool", entitlement.ipv6, terms.ipv6),
        ("Delegated-IPv6-Prefix", "Delegated-IPv6-Prefix-Pool", entitlement.delegated, terms.delegated),
    )
    for by_server, (static, pool, own, default) in zip(SERVED_POOLS, granted, strict=True):
        if own != default and _server_gives(own, default, served):
            yield by_server, ":=", own.removeprefix("pool:") if own.removeprefix("pool:") in served else "-"
        if own.startswith("pool:") and own.removeprefix("pool:") in served:
            continue
        if own.startswith("pool:") and own != default:
            yield pool, ":=", own.removeprefix("pool:")
        elif own and own != default:
            yield static, ":=", own
    for route in entitlement.routes:
        yield ("Framed-IPv6-Route" if ":" in route else "Framed-Route"), "+=", f"{route} {_via(route)} 1"


def _server_gives(own: str, default: str, served: frozenset[str]) -> bool:
    """Whether the server's pool has to be named at the login: another one, or none where the tariff has one."""
    pools = [text.removeprefix("pool:") for text in (own, default) if text.startswith("pool:")]
    return own.startswith("pool:") and not served.isdisjoint(pools)


def _via(route: str) -> str:
    """The gateway of a route: the session itself (RFC 2865, 5.22: zero means the user's address)."""
    return "::" if ":" in route else str(IPv4Address(0))


def _client(nas: Nas) -> Iterator[tuple[Key, Fields]]:
    if nas.radius:
        for source in nas.radius.sources:
            fields: dict[str, Value] = {
                "host": nas.name,
                "type": nas.platform,
                "secret": sealed_digest(nas.radius.secret),
                "require_ma": int(nas.radius.require_message_authenticator),
            }
            yield ("nas", str(source)), fields


def _hash(value: object) -> str:
    return sha256(repr(value).encode()).hexdigest()[:8]
