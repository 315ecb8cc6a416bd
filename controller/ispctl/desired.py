"""What one service is entitled to now, until when, and why. Pure: record + context + now -> Entitlement.

A service is a set of spans of time, each with a state and the line that brought it; the strictest span that holds
`now` is the state, and the next edge of any span is the moment at which the answer may change.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from ispctl.model.days import ending, moment
from ispctl.model.document import Document
from ispctl.model.policy import Policy
from ispctl.model.problem import Where
from ispctl.model.record import Loc
from ispctl.model.subscriber import Binding, Group, Hold, Ipv4, Ipv6, Service, Subscriber, group_of
from ispctl.model.tariff import Tariff
from ispctl.states import STRICTNESS, Access, State, access

BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
NEVER = datetime(9999, 12, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Because:
    """Why a value is what it is: a stable code, a sentence, the line somebody wrote, and the commit that brought it."""

    code: str
    text: str
    where: Where | None = None
    commit: str = ""


class Context(Protocol):
    """What a service's own entitlement may depend on. Nothing here knows other subscribers."""

    @property
    def policy(self) -> Document[Policy]: ...

    def group(self, name: str) -> Document[Group] | None: ...

    def tariff(self, name: str) -> Document[Tariff] | None: ...

    def reach(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The hosts that names of hosts and Nornir groups stand for, sorted."""
        ...


@dataclass(frozen=True)
class Terms:
    """What a tariff grants: everything that all its services share. Rates in bit/s; burst as (down, up, threshold
    down, threshold up, seconds)."""

    tariff: str
    down: int
    up: int
    burst: tuple[int, int, int, int, int] | None
    sessions: int
    ipv4: str
    ipv6: str
    delegated: str


@dataclass(frozen=True)
class Entitlement:
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
    because: Mapping[str, Because] = field(default_factory=dict, compare=False, repr=False)
    sealed: str | None = field(default=None, compare=False, repr=False)
    """The sealed text itself, for whoever writes the row."""

    @property
    def owner(self) -> str:
        return f"{self.id}/{self.key}"


class Span(NamedTuple):
    """A state that holds from `start` (inclusive) to `end` (exclusive)."""

    state: State
    start: datetime
    end: datetime
    because: Because


def entitle(document: Document[Subscriber], number: int, context: Context, now: datetime) -> Entitlement:
    """The entitlement of service `number` of a subscriber at `now` (aware). Raises KeyError for a tariff that does
    not exist: validation comes first."""
    return _Service(document, number, context, now).entitlement()


def services(document: Document[Subscriber], context: Context, now: datetime) -> Iterator[Entitlement]:
    """The entitlements of all services of one subscriber."""
    for number in range(len(document.value.services)):
        yield entitle(document, number, context, now)


class _Service:
    """One derivation; lives as long as one call of `entitle`."""

    def __init__(self, document: Document[Subscriber], number: int, context: Context, now: datetime) -> None:
        self.document, self.context, self.now = document, context, now
        self.at: Loc = ("services", number)
        self.policy = context.policy.value
        self.zone = ZoneInfo(self.policy.timezone)
        self.group = context.group(group_of(document.path))
        self.written = document.value.services[number]
        self.owner = f"{document.value.id}/{self.written.key}"
        self.because: dict[str, Because] = {}
        self.service, self.changed = self._scheduled()

    def entitlement(self) -> Entitlement:
        terms = self._terms()
        spans = list(self._spans())
        span = min((s for s in spans if s.start <= self.now < s.end), key=lambda s: STRICTNESS[s.state])
        self.because["state"] = span.because
        edges = {edge for s in spans for edge in (s.start, s.end)} | set(self._schedule())
        ends = next((s.start for s in spans if s.state is State.EXPIRED), None)
        names = self._value("nas") or ()
        binding: Binding = self._value("mac") or Binding()
        ipv4, ipv6 = self._addresses(terms)
        opened = access(span.state, self.policy)
        self._explain_rate(opened)
        self._explain_access(span.state)
        for name in ("login", "password", "routes"):
            self._value(name)
        return Entitlement(
            id=self.document.value.id,
            key=self.service.key,
            login=self.service.login,
            state=span.state,
            access=opened,
            terms=terms,
            ipv4=ipv4,
            ipv6=ipv6[0],
            delegated=ipv6[1],
            routes=tuple(sorted(map(str, self.service.routes))),
            nas=self.context.reach(names),
            pop=_pop(names),
            roaming=self.policy.roaming,
            mac_mode=binding.mode,
            mac_max=binding.max,
            on_mismatch=binding.on_mismatch,
            macs=tuple(sorted(device.mac for device in binding.addresses)) if binding.mode != "off" else (),
            password=sealed_digest(self.service.password) if self.service.password else None,
            sealed_with=_sealing_key(self.service.password or ""),
            identities=tuple(sorted(identities(self.service, binding))),
            sealed=self.service.password,
            ends=ends if ends != BEGINNING else None,
            backstop=self._backstop(ends),
            on_expiry=self.policy.expired.method,
            until=min((edge for edge in edges if self.now < edge < NEVER), default=None),
            because=self.because,
        )

    def _backstop(self, ends: datetime | None) -> datetime | None:
        if ends is None or ends == BEGINNING:
            return None
        return _later(ends, timedelta(seconds=self.policy.expiry.backstop))

    # what holds when

    def _spans(self) -> Iterator[Span]:
        service = self.service
        yield Span(State.ACTIVE, BEGINNING, NEVER, self._in_service())
        if service.terminated is not None:
            at = moment(service.terminated, self.zone)
            yield Span(State.TERMINATED, at, NEVER, self._why("terminated", "the contract is over", "terminated"))
        if service.activated is not None:
            at = moment(service.activated, self.zone)
            why = self._why("activated", f"begins {service.activated}", "activated")
            yield Span(State.PENDING, BEGINNING, at, why)
        if service.suspended is not None:
            at = moment(service.suspended.since, self.zone)
            why = self._why("suspended", f"suspended: {service.suspended.reason}", "suspended", "since")
            yield Span(State.SUSPENDED, at, NEVER, why)
        if service.hold is not None:
            why = self._why("hold", f"on hold until {service.hold.until}", "hold")
            start, end = self._held(service.hold)
            yield Span(State.HOLD, start, end, why)
        tariff = self._tariff()
        if tariff.value.billing == "prepaid":
            yield from self._prepaid()

    def _in_service(self) -> Because:
        paid = self.service.paid_until
        if paid is None:
            return self._why("in-service", "in service")
        return self._why("paid-until", f"paid until {paid}", "paid_until")

    def _prepaid(self) -> Iterator[Span]:
        service = self.service
        paid, why = BEGINNING, self._why("never-paid", "prepaid, and nothing is paid yet")
        if service.paid_until is not None:
            paid, why = _later(self._ends(service.paid_until), self._added(service.hold)), self._in_service()
        graces = [(self._ends(grace.until), i) for i, grace in enumerate(service.grace)]
        last, number = max(graces, default=(paid, 0))
        if last > paid:
            grace = service.grace[number]
            given = self._why("grace", f"grace until {grace.until}: {grace.reason}", "grace", number, "until")
            yield Span(State.GRACE, paid, last, given)
        yield Span(State.EXPIRED, max(paid, last), NEVER, why)

    def _ends(self, value: datetime | date) -> datetime:
        return ending(value, self.zone, self.owner, self.policy.expiry.spread)

    def _held(self, hold: Hold) -> tuple[datetime, datetime]:
        return moment(hold.since, self.zone), ending(hold.until, self.zone, self.owner, 0)

    def _added(self, hold: Hold | None) -> timedelta:
        """The days a hold adds to what is paid: those that begin while it is paid (features.md, hold)."""
        paid = self.service.paid_until
        if hold is None or not hold.extends_paid_until or paid is None:
            return timedelta()
        start, end = self._held(hold)
        return max(end - start, timedelta()) if start < self._ends(paid) else timedelta()

    def _schedule(self) -> Iterator[datetime]:
        return (moment(change.at, self.zone) for change in self.written.scheduled)

    # which value applies, and where it stands

    def _scheduled(self) -> tuple[Service, dict[str, Loc]]:
        """The service with every scheduled change that is due, the latest last."""
        service, changed = self.written, dict[str, Loc]()
        due = sorted((moment(c.at, self.zone), i) for i, c in enumerate(self.written.scheduled))
        for at, number in due:
            if at <= self.now:
                setting = self.written.scheduled[number].set
                values = {name: getattr(setting, name) for name in setting.model_fields_set}
                service = service.model_copy(update=values)
                changed |= {name: (*self.at, "scheduled", number, "set", name) for name in values}
        return service, changed

    def _value(self, name: str) -> Any:
        """A field of the service, or the group's default; remembers why."""
        own = getattr(self.service, name)
        if own is not None and (name in self.changed or name in self.service.model_fields_set):
            loc = self.changed.get(name, (*self.at, name))
            code = "scheduled" if name in self.changed else "service"
            self.because[name] = Because(code, f"{name} of the service", self.document.where(*loc))
            return own
        default = getattr(self.group.value.defaults, name, None) if self.group else None
        if self.group and default is not None:
            where = self.group.where("defaults", name)
            self.because[name] = Because("group", f"{name} of group {self.group.value.name}", where)
            return default
        return own

    def _tariff(self) -> Document[Tariff]:
        name = self._value("tariff")
        tariff = self.context.tariff(name) if name else None
        if tariff is None:
            raise KeyError(name)
        return tariff

    def _terms(self) -> Terms:
        return terms_of(self._tariff().value)

    def _explain_access(self, state: State) -> None:
        policy = self.context.policy
        self.because["roaming"] = Because("policy", "roaming in policy", policy.where_key("roaming"))
        self.because["expiry"] = Because("policy", "what expired means in policy", policy.where_key("expired"))
        if state in (State.EXPIRED, State.SUSPENDED, State.HOLD):
            own = policy.where_key(str(state))
            where = own if own != policy.where_key() else policy.where_key("expired")
            self.because["access"] = Because("policy", f"what {state} means in policy", where)

    def _explain_rate(self, opened: Access) -> None:
        if opened == "open":
            tariff = self._tariff()
            self.because["rate"] = Because("tariff", f"rate of tariff {tariff.value.name}", tariff.where_key("rate"))
        elif opened == "walled":
            where = self.context.policy.where_key("wall")
            self.because["rate"] = Because("wall", "rate of the wall in policy", where)

    def _addresses(self, terms: Terms) -> tuple[str, tuple[str, str]]:
        own4: Ipv4 | None = self._value("ipv4")
        own6: Ipv6 | None = self._value("ipv6")
        for name, own in (("ipv4", own4), ("ipv6", own6)):
            if own is None:
                tariff = self._tariff()
                self.because[name] = Because("tariff", f"{name} of tariff {terms.tariff}", tariff.where_key(name))
        ipv4 = terms.ipv4 if own4 is None else _granted(own4)
        wan = terms.ipv6 if own6 is None or own6.wan is None else _granted(own6.wan)
        delegated = terms.delegated if own6 is None or own6.delegated is None else _granted(own6.delegated)
        return ipv4, (wan, delegated)

    def _why(self, code: str, text: str, *field: str | int) -> Because:
        return Because(code, text, self.document.where(*self.at, *field))


def _later(at: datetime, by: timedelta) -> datetime:
    """So much later; NEVER, where the calendar ends before."""
    return at + min(by, NEVER - at)


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
        ipv6=_granted(wan) if wan else "",
        delegated=_granted(delegated) if delegated else "",
    )


def identities(service: Service, binding: Binding) -> Iterator[str]:
    """How the network names an ipoe service: its devices, and its login where that is a MAC address; or its line, in
    hexadecimal, since a line may be called by any octets."""
    access = service.access
    if access.identify == "mac":
        own = [service.login] if re.fullmatch("[0-9a-f]{2}(:[0-9a-f]{2}){5}", service.login) else []
        yield from {f"mac:{mac}" for mac in (*own, *(device.mac for device in binding.addresses))}
    elif access.circuit_id is not None:
        parts = filter(None, (access.circuit_id, access.remote_id))
        yield "circuit:" + "/".join(part[2:] if part.startswith("0x") else part.encode().hex() for part in parts)


def sealed_digest(sealed: str) -> str:
    """How a secret stands in a change: the SHA-256 of its sealed text."""
    return "sha256:" + hashlib.sha256(sealed.encode()).hexdigest()


def _sealing_key(sealed: str) -> str:
    """ "k1" of "enc:k1:…", "age" of "age:…"."""
    scheme, _, rest = sealed.partition(":")
    return rest.partition(":")[0] if scheme == "enc" else scheme


def _granted(use: Any) -> str:
    """ "203.0.113.7", or "pool:home"."""
    return str(use.static) if use.static is not None else f"pool:{use.pool}"


def _pop(names: tuple[str, ...]) -> str:
    """The name of a set of places: the names as written, since that is what a person would look for."""
    text = "+".join(sorted(names))
    return text if len(text) <= 64 else "nas-" + hashlib.sha256(text.encode()).hexdigest()[:16]
