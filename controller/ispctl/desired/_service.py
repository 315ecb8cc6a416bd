"""What one service is entitled to now, until when, and why. Pure: record + context + now -> Entitlement.

A service is a set of spans of time, each with a state and the line that brought it; the strictest span that holds
`now` is the state, and the next edge of any span is the moment at which the answer may change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from ispctl.desired._fair_use import Held, meters, strictest
from ispctl.desired._frame import Frame
from ispctl.desired._known import identities, sealed_digest, sealing_key
from ispctl.desired._life import Life, Span
from ispctl.desired._password import Password, end_of, password
from ispctl.desired._values import Because, Context, Entitlement, Likeness, Terms, granted
from ispctl.model.days import BEGINNING, NEVER, local_day
from ispctl.model.document import Document
from ispctl.model.record import Loc
from ispctl.model.subscriber import Binding, Ipv4, Ipv6, Service, Subscriber, group_of
from ispctl.model.tariff import Tariff
from ispctl.model.usage import Meter
from ispctl.states import STRICTNESS, Access, State, access
from ispctl.structs import Struct


def entitle(document: Document[Subscriber], number: int, context: Context, now: datetime) -> Entitlement:
    """The entitlement of service `number` of a subscriber at `now` (aware). Raises KeyError for a tariff that does
    not exist: validation comes first."""
    return _Service(document, number, Frame(context, now)).entitlement()


def entitle_all(documents: Iterable[Document[Subscriber]], context: Context, now: datetime) -> Iterator[Entitlement]:
    """The entitlements of all services of these subscribers, in their order. Raises KeyError as `entitle` does."""
    frame = Frame(context, now)
    for document in documents:
        for number in range(len(document.value.services)):
            yield _Service(document, number, frame).entitlement()


def meters_of(document: Document[Subscriber], number: int, frame: Frame) -> tuple[Meter, ...]:
    """What is to be known of the usage of a service at the frame's moment. Raises KeyError as `entitle` does."""
    written = document.value.services[number]
    group = frame.group(group_of(document.path))
    usual = written.tariff or (group.value.defaults.tariff if group else None)
    sold = (frame.tariff(name) for name in {usual, *(one.set.tariff for one in written.scheduled)} if name)
    if not any(tariff.value.fup for tariff in sold if tariff):
        return ()  # most, at no cost
    service = _Service(document, number, frame)
    today, life = local_day(frame.now, frame.zone), service.life
    return tuple(meters(life.service, life.account, service.tariff.value, frame.policy, today, frame.zone))


class Turn(Struct):
    """A moment at which time changes what a service is entitled to, and whether less is open from then on."""

    at: datetime
    loses: bool


_OPEN: Final[Mapping[Access, int]] = {"none": 0, "walled": 1, "open": 2}


def turns(document: Document[Subscriber], number: int, frame: Frame) -> Iterator[Turn]:
    """Every moment after the frame's at which the entitlement of a service changes by itself, in order. Raises KeyError
    as `entitle` does."""
    return Course(document, number, frame).turns()


class Course:
    """A service as time goes by, from the frame's moment on. Raises KeyError as `entitle` does."""

    def __init__(self, document: Document[Subscriber], number: int, frame: Frame) -> None:
        self._service = _Service(document, number, frame)
        self._frame = frame

    def turns(self) -> Iterator[Turn]:
        """See `turns`."""
        service = self._service
        service.look(self._frame.now)
        while (at := service.next_edge()) is not None:
            before = service.opened
            service.look(at)
            yield Turn(at, _OPEN[service.opened] < _OPEN[before])

    def at(self, now: datetime) -> tuple[str, str, Likeness]:
        """(owner, login, likeness) at a moment."""
        service = self._service
        service.look(now)
        return f"{service.document.value.id}/{service.service.key}", service.service.login, service.likeness()


class Reasons(Mapping[str, Because]):
    """Why each value of an entitlement is what it is. Found when somebody asks: of a million that are derived, hardly
    one is explained."""

    def __init__(self, service: _Service) -> None:
        self._of = service

    def __reduce__(self) -> tuple[type[dict[str, Because]], tuple[()]]:
        return dict, ()  # elsewhere there is no file to find them in

    @cached_property
    def _found(self) -> Mapping[str, Because]:
        of = self._of
        return _Service(of.document, of.number, of.frame, explain=True).reasons()

    @cached_property
    def _state(self) -> Because:
        """The reason for whoever is new, and the only one that is asked for of most."""
        return self._of.because_of_state()

    def __getitem__(self, name: str) -> Because:
        return self._state if name == "state" else self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


_NOTHING: Final[dict[str, Loc]] = {}


class _Service:
    """One derivation; lives as long as one call of `entitle`."""

    def __init__(
        self,
        document: Document[Subscriber],
        number: int,
        frame: Frame,
        *,
        explain: bool = False,
    ) -> None:
        self.document, self.number, self.frame, self.explain = document, number, frame, explain
        self.now, self.policy = frame.now, frame.policy
        self.at: Loc = ("services", number)
        self.group = frame.group(group_of(document.path))
        self.written = document.value.services[number]
        self.owner = f"{document.value.id}/{self.written.key}"
        self.because: dict[str, Because] = {}
        self._derive()

    def _derive(self) -> None:
        self.service, self.changed = self._scheduled() if self.written.scheduled else (self.written, _NOTHING)
        self.given = self.service.given
        self.tariff = self._sold()
        self.life = Life(self.document, self.number, self.service, self.tariff, self.frame)
        self.fair_use = self.life.fair_use(self.now)
        self.spans = self.life.spans()
        if self.fair_use:
            self.spans += self.life.tiers(self.fair_use)
        self._stand()

    def look(self, now: datetime) -> None:
        """Look at it at another moment: where nothing is scheduled, the spans stay what they are."""
        self.now = now
        if self.written.scheduled:
            self._derive()
        else:
            self._stand()

    def entitlement(self) -> Entitlement:
        terms, secret = self._terms(), self._password()
        ends = None if self.span.state is State.WAITING else self._end()
        names = self._value("nas") or ()
        binding: Binding = self._value("mac") or Binding()
        ipv4, ipv6 = self._addresses(terms)
        return Entitlement(
            id=self.document.value.id,
            key=self.service.key,
            login=self.service.login,
            state=self.span.state,
            access=self.opened,
            terms=terms,
            ipv4=ipv4,
            ipv6=ipv6[0],
            delegated=ipv6[1],
            routes=tuple(sorted(map(str, self.service.routes))) if self.service.routes else (),
            nas=self.frame.reach(names),
            pop=self.frame.pop(names),
            roaming=self.policy.roaming,
            mac_mode=binding.mode,
            mac_max=binding.max,
            on_mismatch=binding.on_mismatch,
            macs=tuple(sorted(device.mac for device in binding.addresses)) if binding.mode != "off" else (),
            password=sealed_digest(secret.sealed) if secret.sealed else None,
            sealed_with=sealing_key(secret.sealed or ""),
            identities=tuple(sorted(identities(self.service, binding))) if self.service.access.identify else (),
            sealed=secret.sealed,
            new_password=secret.new,
            ends=ends if ends != BEGINNING else None,
            backstop=self._backstop(ends),
            on_expiry=self.policy.expired.method,
            until=self.next_edge(),
            first_login=self.life.first_login,
            fair_use=self.fair_use,
            cpe=self._routers(),
            because=Reasons(self),
        )

    def _routers(self) -> tuple[tuple[str, str], ...]:
        """Its devices, serial number and profile. One of a contract that is over is its next owner's."""
        if self.span.state is State.TERMINATED or not self._is_managed():
            return ()
        return tuple((one.serial, one.profile) for one in self.service.cpe)

    def because_of_state(self) -> Because:
        """The reason of the span that holds now."""
        return self.life.because(self.span)

    def _end(self) -> datetime | None:
        for span in self.spans:
            if span.state is State.EXPIRED and self._counts(span):
                return span.start
        return None

    def likeness(self) -> Likeness:
        names, binding = self._value("nas") or (), self._value("mac") or Binding()
        devices = len(binding.addresses) if binding.mode != "off" else 0
        told = binding.mode, binding.max, binding.on_mismatch, devices
        return Likeness(self.tariff.value.name, self.span.state, self.opened, tuple(names), *told)

    def reasons(self) -> Mapping[str, Because]:
        """The reason of each value that `entitlement` would give."""
        self.because["state"] = self.because_of_state()
        self._addresses(self._terms())
        self._explain_rate(self.opened)
        self._explain_access(self.span.state)
        for name in ("nas", "mac", "login", "password", "routes"):
            self._value(name)
        self._explain_password()
        return self.because

    def _stand(self) -> None:
        """Find the strictest span that holds now, since one always does, and what it opens."""
        now, found, rank = self.now, self.spans[0], len(STRICTNESS)
        for span in self.spans:
            if span.start <= now < span.end and STRICTNESS[span.state] < rank:
                found, rank = span, STRICTNESS[span.state]
        self.span = found
        self.opened: Access = access(found.state, self.policy)

    def _counts(self, span: Span) -> bool:
        """Whether an end is known beforehand: what an account brings may be paid until then, and counts when it has
        come."""
        return span.stage is None or span.start <= self.now < span.end

    def next_edge(self) -> datetime | None:
        """The next moment at which the answer may be another."""
        now, found = self.now, NEVER
        for span in self.spans:
            if now < span.start < found:
                found = span.start
            if now < span.end < found:
                found = span.end
        if self.written.scheduled:
            found = min([found, *(edge for edge in self._schedule() if edge > now)])
        if self.written.old_passwords and (end := end_of(self.service, self.frame)) is not None and now < end < found:
            found = end
        return found if found < NEVER else None

    def _backstop(self, ends: datetime | None) -> datetime | None:
        if ends is None or ends == BEGINNING:
            return None
        return _later(ends, timedelta(seconds=self.policy.expiry.backstop))

    def _schedule(self) -> Iterator[datetime]:
        return (self.frame.moment(change.at) for change in self.written.scheduled)

    # which value applies, and where it stands

    def _scheduled(self) -> tuple[Service, dict[str, Loc]]:
        """The service with every scheduled change that is due, the latest last."""
        service, changed = self.written, dict[str, Loc]()
        due = sorted((self.frame.moment(c.at), i) for i, c in enumerate(self.written.scheduled))
        for at, number in due:
            if at <= self.now:
                setting = self.written.scheduled[number].set
                values = {name: getattr(setting, name) for name in setting.given}
                service = service.but(**values)
                changed |= {name: (*self.at, "scheduled", number, "set", name) for name in values}
        return service, changed

    def _value(self, name: str) -> Any:
        """A field of the service, or the group's default; remembers why."""
        own = getattr(self.service, name)
        if own is not None and name in self.given:  # a change that is due adds to these
            if self.explain:
                loc = self.changed.get(name, (*self.at, name))
                code = "scheduled" if name in self.changed else "service"
                self.because[name] = Because(code, f"{name} of the service", self.document.spot(*loc))
            return own
        default = getattr(self.group.value.defaults, name, None) if self.group else None
        if self.group and default is not None:
            if self.explain:
                where = self.group.where("defaults", name)
                self.because[name] = Because("group", f"{name} of group {self.group.value.name}", where)
            return default
        return own

    def _sold(self) -> Document[Tariff]:
        name = self._value("tariff")
        tariff = self.frame.tariff(name) if name else None
        if tariff is None:
            raise KeyError(name)
        return tariff

    def _explain_access(self, state: State) -> None:
        policy = self.frame.context.policy
        self.because["roaming"] = Because("policy", "roaming in policy", policy.where_key("roaming"))
        self.because["expiry"] = Because("policy", "what expired means in policy", policy.where_key("expired"))
        if state in (State.EXPIRED, State.SUSPENDED, State.HOLD, State.BLOCKED):
            own = policy.where_key(str(state))
            where = own if own != policy.where_key() else policy.where_key("expired")
            self.because["access"] = Because("policy", f"what {state} means in policy", where)

    def _terms(self) -> Terms:
        name = self._value("tariff")
        unpaid = self.span.state is State.THROTTLED and self.span.stage is not None
        terms = self.frame.slow(name) if unpaid else self.frame.terms(name)
        held = self._held()
        return self.frame.tier(terms, held.name, held.tier.rate) if held and held.tier.rate else terms

    def _held(self) -> Held | None:
        """The tier of fair use that holds now: also in days of grace, which make nobody faster."""
        if not self.fair_use or self.opened != "open":
            return None
        now = (s.held.reading for s in self.spans if s.held and s.start <= self.now < s.end)
        return strictest(self.tariff.value, tuple(now))

    def _is_managed(self) -> bool:
        """Whether anything of it is written; what is only observed has no device of ours."""
        own = self.group.value.managed if self.group else None
        return (own or self.policy.managed) == "enforce"

    def _password(self) -> Password:
        return password(self.service, self.owner, self.frame, self.now)

    def _explain_password(self) -> None:
        """Which one holds while another is on its way, and why."""
        _, new, at = self._password()
        if new is None:
            return
        until = new.until.astimezone(self.frame.zone)
        texts = {
            "old": f"the old password, until the device has taken the new one, at most until {until:%Y-%m-%d %H:%M}",
            "accepted": "the new password: the device has taken it",
            "overdue": f"the new password, since {until:%Y-%m-%d %H:%M}: the device has not taken it",
        }
        self.because["password"] = Because(f"password-{new.holds}", texts[new.holds], self.document.spot(*self.at, *at))

    def _explain_rate(self, opened: Access) -> None:
        if self.span.state is State.THROTTLED and self.span.stage is not None:
            where = self.frame.context.policy.where_key("money", "dunning", "throttled")
            self.because["rate"] = Because("throttled", f"throttled: {self.span.stage.why}", where)
        elif (held := self._held()) is not None:
            self.because["rate"] = self.life.because_of_usage(held)
        elif opened == "open":
            tariff = self.tariff
            self.because["rate"] = Because("tariff", f"rate of tariff {tariff.value.name}", tariff.where_key("rate"))
        elif opened == "walled":
            where = self.frame.context.policy.where_key("wall")
            self.because["rate"] = Because("wall", "rate of the wall in policy", where)

    def _addresses(self, terms: Terms) -> tuple[str, tuple[str, str]]:
        own4: Ipv4 | None = self._value("ipv4")
        own6: Ipv6 | None = self._value("ipv6")
        for name, own in (("ipv4", own4), ("ipv6", own6)):
            if own is None and self.explain:
                tariff = self.tariff
                self.because[name] = Because("tariff", f"{name} of tariff {terms.tariff}", tariff.where_key(name))
        ipv4 = terms.ipv4 if own4 is None else granted(own4)
        wan = terms.ipv6 if own6 is None or own6.wan is None else granted(own6.wan)
        delegated = terms.delegated if own6 is None or own6.delegated is None else granted(own6.delegated)
        return ipv4, (wan, delegated)


def _later(at: datetime, by: timedelta) -> datetime:
    """So much later; NEVER, where the calendar ends before."""
    return at + min(by, NEVER - at)
