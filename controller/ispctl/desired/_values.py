"""What a service is entitled to, as values; and what its derivation may look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal, Protocol

from ispctl.desired._fair_use import Reading, slowed
from ispctl.digests import sha256
from ispctl.model.document import Document, Spot
from ispctl.model.ledger import Ledger
from ispctl.model.policy import Policy
from ispctl.model.problem import Where
from ispctl.model.subscriber import Group
from ispctl.model.tariff import Speed, Tariff
from ispctl.model.usage import Meter
from ispctl.states import Access, State
from ispctl.structs import Struct, field, replace


class Because(Struct):
    """Why a value is what it is: a stable code, a sentence, the line somebody wrote, and the commit that brought it."""

    code: str
    text: str
    at: Where | Spot | None = None
    commit: str = ""

    @property
    def where(self) -> Where | None:
        return self.at.where if isinstance(self.at, Spot) else self.at

    @property
    def file(self) -> str:
        """Where `where` is, which costs nothing to know; empty for nowhere."""
        return self.at.file if self.at else ""


class Context(Protocol):
    """What a service's own entitlement may depend on. Nothing here knows other subscribers."""

    @property
    def policy(self) -> Document[Policy]: ...

    def group(self, name: str) -> Document[Group] | None: ...

    def tariff(self, name: str) -> Document[Tariff] | None: ...

    def ledger_at(self, path: str) -> Document[Ledger] | None:
        """The account in a file."""
        ...

    def reach(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The hosts that names of hosts and Nornir groups stand for, sorted."""
        ...

    @property
    def taken(self) -> Mapping[str, tuple[datetime, datetime]]:
        """Service (id/key) -> which new password its device took last (when that came into the file), and when. A fact;
        who is not in it has taken none."""
        ...

    @property
    def first_logins(self) -> Mapping[str, datetime]:
        """Service (id/key) -> when it was first online since its activation. A fact, which no commit says: who is not
        in it waits."""
        ...

    @property
    def usage(self) -> Mapping[str, Mapping[Meter, int]]:
        """Service (id/key) -> what it used, in octets. A fact like the other: of whom nothing is known, nothing was
        used."""
        ...


_SLOW: Final = ":throttled"


class Terms(Struct):
    """What a tariff grants: everything that all its services share, or those of them share that are `throttled` since
    nobody pays. Rates in bit/s; burst as (down, up, threshold down, threshold up, seconds)."""

    tariff: str
    down: int
    up: int
    burst: tuple[int, int, int, int, int] | None
    sessions: int
    ipv4: str
    ipv6: str
    delegated: str
    throttled: bool = False
    tier: str = ""
    """The tier of fair use that they are in, as `tier_name` has it."""

    @property
    def name(self) -> str:
        """Under which it is known among all terms; that of the tariff, if nothing slows it down."""
        tier = f":{self.tier}" if self.tier else ""
        return f"{self.tariff}{tier}{_SLOW if self.throttled else ''}"


class FirstLogin(Struct):
    """Of a service that begins with its first session: from when on one counts, and when it began (None: it waits)."""

    since: datetime
    at: datetime | None


class NewPassword(Struct):
    """A password that is on its way to a device. `holds`: which one the network takes: the "old" one; the new one,
    since it was "accepted", or since the device is "overdue". `changed`: when the new one came into the file; `until`:
    when it holds in any case; `taken`: which one the device took, as far as is known; `sealed`: the new one."""

    holds: Literal["old", "accepted", "overdue"]
    changed: datetime
    until: datetime
    taken: datetime | None
    sealed: str = field(repr=False)


class Entitlement(Struct):
    """One service at one moment. Addresses are texts: "203.0.113.7", "pool:home" or "" (none)."""

    id: str
    key: str
    login: str
    state: State
    access: Access
    terms: Terms
    ipv4: str
    ipv6: str
    delegated: str
    routes: tuple[str, ...]
    nas: tuple[str, ...]
    pop: str
    roaming: str
    mac_mode: str
    mac_max: int
    on_mismatch: str
    macs: tuple[str, ...]
    password: str | None
    """The SHA-256 of the sealed text, as plans show it: "sha256:…"."""
    ends: datetime | None
    backstop: datetime | None
    on_expiry: str
    until: datetime | None
    sealed_with: str = ""
    """Id of the key that the password is sealed with; "age" for a write-only value."""
    identities: tuple[str, ...] = ()
    """What the network says instead of a login and a password (ipoe): "mac:02:00:5e:10:00:01", "circuit:<hex>" or
    "circuit:<hex>/<hex of the remote id>"."""
    first_login: FirstLogin | None = field(default=None, compare=False)
    """None where the file says itself when it begins."""
    new_password: NewPassword | None = field(default=None, compare=False)
    cpe: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """Devices of the subscriber: serial number and profile. The first is told the login."""
    fair_use: tuple[Reading, ...] = field(default=(), compare=False)
    """How each fair-use policy of its tariff stands, with what is known of its usage."""
    because: Mapping[str, Because] = field(default_factory=dict, compare=False, repr=False)
    sealed: str | None = field(default=None, compare=False, repr=False)
    """The sealed text itself, for whoever writes the row."""

    @property
    def owner(self) -> str:
        return f"{self.id}/{self.key}"


class Likeness(Struct):
    """All of a service on which it depends what another rate of its tariff means for it: who are alike in this are
    alike in what they get, notice and are told, and differ in their names and addresses."""

    tariff: str
    state: State
    access: Access
    nas: tuple[str, ...]
    """As written."""
    mac_mode: str
    mac_max: int
    on_mismatch: str
    devices: int


def terms_of(tariff: Tariff) -> Terms:
    """A tariff as its services see it."""
    burst = tariff.rate.burst
    wan, delegated = (tariff.ipv6.wan, tariff.ipv6.delegated) if tariff.ipv6 else (None, None)
    return Terms(
        tariff=tariff.name,
        down=tariff.rate.down,
        up=tariff.rate.up,
        burst=(burst.down, burst.up, burst.threshold.down, burst.threshold.up, burst.seconds) if burst else None,
        sessions=tariff.sessions,
        ipv4=f"pool:{tariff.ipv4.pool}" if tariff.ipv4 else "",
        ipv6=granted(wan) if wan else "",
        delegated=granted(delegated) if delegated else "",
    )


def throttled(terms: Terms, rate: Speed) -> Terms:
    """The same at a low speed, if it is not slower already."""
    return replace(terms, down=min(terms.down, rate.down), up=min(terms.up, rate.up), burst=None, throttled=True)


def tiered(terms: Terms, name: str, rate: Speed) -> Terms:
    """The same in a tier of fair use, which makes nobody faster."""
    return replace(terms, down=min(terms.down, rate.down), up=min(terms.up, rate.up), burst=None, tier=name)


def all_terms(tariffs: Iterable[Tariff], policy: Policy) -> dict[str, Terms]:
    """The terms of tariffs by name, those of each tier of fair use, and those of throttled services where the policy
    throttles any."""
    rules, found = policy.money.dunning, dict[str, Terms]()
    for tariff in tariffs:
        terms = terms_of(tariff)
        each = [terms, *(tiered(terms, name, rate) for name, rate in slowed(tariff))]
        if tariff.billing == "postpaid" and rules is not None and rules.throttled is not None:
            each += [throttled(one, rules.throttled.rate) for one in each]
        found |= {one.name: one for one in each}
    return found


def granted(use: Any) -> str:
    """ "203.0.113.7", or "pool:home"."""
    return str(use.static) if use.static is not None else f"pool:{use.pool}"


def pop_of(names: tuple[str, ...]) -> str:
    """The name of a set of places: the names as written, since that is what a person would look for."""
    text = "+".join(sorted(names))
    return text if len(text) <= 64 else "nas-" + sha256(text.encode()).hexdigest()[:16]
