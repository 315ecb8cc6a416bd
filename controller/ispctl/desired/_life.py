"""When a service is in which state, and which line brought it there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import cached_property
from typing import Final

from ispctl.desired._fair_use import Held, Reading, readings, volume
from ispctl.desired._frame import Frame
from ispctl.desired._values import Because, FirstLogin
from ispctl.model.days import BEGINNING, NEVER, later, local_day
from ispctl.model.document import Document
from ispctl.model.ledger import Ledger
from ispctl.model.record import Loc
from ispctl.model.subscriber import Activation, Hold, Service, Subscriber
from ispctl.model.tariff import Tariff
from ispctl.money import Stage, begun, dunning, paid_end
from ispctl.states import BRINGS, State
from ispctl.structs import Struct, replace


class Span(Struct):
    """A state that holds from `start` (inclusive) to `end` (exclusive). `stage` of the account, or `held` of fair use,
    brought it."""

    state: State
    start: datetime
    end: datetime
    stage: Stage | None = None
    held: Held | None = None


_ALWAYS: Final = Span(State.ACTIVE, BEGINNING, NEVER)


class Life:
    """A service of a subscriber, with every scheduled change that is due, on its tariff of that moment."""

    def __init__(
        self, document: Document[Subscriber], number: int, service: Service, sold: Document[Tariff], frame: Frame
    ) -> None:
        self.document, self.number, self.service, self.sold, self.frame = document, number, service, sold, frame
        self.tariff = tariff = sold.value
        self.policy = frame.policy
        self.owner = f"{document.value.id}/{service.key}"
        self.activation = service.activation if tariff.billing == "prepaid" else None
        self.first_login = self._first_login(self.activation) if self.activation else None
        if self.activation and self.first_login and self.first_login.at:
            until = begun(self.activation, self.first_login.at, frame.zone)
            self.service = service.but(paid_until=until)

    def spans(self) -> list[Span]:
        """Together they hold at any time; where several do, the strictest counts."""
        service, found = self.service, [_ALWAYS]
        if service.terminated is not None:
            found.append(Span(State.TERMINATED, self.frame.moment(service.terminated), NEVER))
        if service.activated is not None:
            found.append(Span(State.PENDING, BEGINNING, self.frame.moment(service.activated)))
        if service.suspended is not None:
            found.append(Span(State.SUSPENDED, self.frame.moment(service.suspended.since), NEVER))
        if service.hold is not None:
            found.append(Span(State.HOLD, *self._held(service.hold)))
        if self.tariff.billing == "prepaid":
            found += self._prepaid() if self.activation is not None else self._after(self._paid())
        elif self.policy.money.dunning is not None:
            found += self._postpaid()
        return found

    def because(self, span: Span) -> Because:
        """The reason of a span."""
        if span.stage is not None:
            return self._because_of_account(span.stage)
        return self.because_of_usage(span.held) if span.held else self._because_of_file(span)

    def _because_of_file(self, span: Span) -> Because:
        """A line of the service, or that there is none."""
        service = self.service
        code, text = "in-service", "in service"
        field: Loc = ()
        match span.state:
            case State.TERMINATED:
                code, text, field = "terminated", "the contract is over", ("terminated",)
            case State.PENDING:
                code, text, field = "activated", f"begins {service.activated}", ("activated",)
            case State.SUSPENDED if service.suspended is not None:
                code, text, field = "suspended", f"suspended: {service.suspended.reason}", ("suspended", "since")
            case State.HOLD if service.hold is not None:
                code, text, field = "hold", f"on hold until {service.hold.until}", ("hold",)
            case State.GRACE:
                _, number = self._last_grace()
                grace = service.grace[number]
                code, text = "grace", f"grace until {grace.until}: {grace.reason}"
                field = "grace", number, "until"
            case _ if self.activation is not None:
                code, text, field = self._because_of_first_login(span, self.activation)
            case State.EXPIRED if service.paid_until is None:
                code, text = "never-paid", "prepaid, and nothing is paid yet"
            case _ if service.paid_until is not None:
                code, text, field = "paid-until", f"paid until {service.paid_until}", ("paid_until",)
        return Because(code, text, self.document.spot("services", self.number, *field))

    def _because_of_first_login(self, span: Span, activation: Activation) -> tuple[str, str, Loc]:
        if self.first_login and self.first_login.at:
            began = self.first_login.at.astimezone(self.frame.zone)
            text = f"first login {began:%Y-%m-%d %H:%M}, paid until {self.service.paid_until}"
            return "first-login", text, ("activation",)
        if span.state is State.WAITING:
            return "waiting", "paid, and begins with the first login", ("activation",)
        return "not-begun", f"nobody logged in until {activation.until}", ("activation", "until")

    def because_of_usage(self, held: Held) -> Because:
        """The tier that holds."""
        one = held.reading
        limit, until = volume(held.tier.after + one.more), one.meter.until
        text = f"fair use: {volume(one.used)} in this {one.window}, {limit} at full speed; anew on {until}"
        return Because("fair-use", text, self.sold.spot("fup", one.part, "tiers", one.tier or 0))

    def fair_use(self, now: datetime) -> tuple[Reading, ...]:
        """How each policy of the tariff stands at a moment, by what is known of the usage."""
        if not self.tariff.fup:
            return ()
        used = self.frame.context.usage.get(self.owner, {})
        today = local_day(now, self.frame.zone)
        return tuple(readings(self.service, self.account, self.tariff, self.policy, today, self.frame.zone, used))

    def tiers(self, found: Iterable[Reading]) -> Iterator[Span]:
        """What usage brings, until each window ends."""
        for one in found:
            if one.tier is not None:
                held = Held(one, self.tariff.fup[one.part].tiers[one.tier])
                state = State.BLOCKED if held.tier.block else State.THROTTLED
                yield Span(state, self.frame.moment(one.meter.since), one.resets, held=held)

    def _because_of_account(self, stage: Stage) -> Because:
        """The entry of the ledger that is not paid."""
        entry = () if stage.entry is None else ("entries", stage.entry)
        at = self.ledger.spot(*entry) if self.ledger is not None else None
        return Because("unpaid", f"{stage.standing}: {stage.why}", at)

    def _prepaid(self) -> Iterator[Span]:
        """Of a service that begins with a first login."""
        assert self.activation is not None
        began = self.first_login is not None and self.first_login.at is not None
        if began:
            yield from self._after(self._paid())
        # whoever does not know of a first login looks at these moments: nothing happens there any more
        waits = self._waits(self.activation)
        yield from (replace(span, state=State.ACTIVE) for span in waits) if began else waits

    def _paid(self) -> datetime:
        return paid_end(self.service, self.frame.zone, self.owner, self.policy.expiry.spread) or BEGINNING

    def _waits(self, activation: Activation) -> Iterator[Span]:
        """Until its last day to begin, if there is one; grace helps after that as after any other end."""
        until = NEVER if activation.until is None else self._ends(activation.until)
        yield Span(State.WAITING, BEGINNING, until)
        if activation.until is not None:
            yield from self._after(until)

    def _after(self, paid: datetime) -> list[Span]:
        """What follows on what is paid."""
        last, _ = self._last_grace() if self.service.grace else (paid, 0)
        grace = [Span(State.GRACE, paid, last)] if last > paid else []
        return [*grace, Span(State.EXPIRED, max(paid, last), NEVER)]

    def _first_login(self, activation: Activation) -> FirstLogin:
        """A first login that is yet to come at the moment of the frame did not happen; one before the activation was
        another's."""
        since, at = self.frame.moment(activation.since), self.frame.context.first_logins.get(self.owner)
        since = since.replace(microsecond=0)  # facts are whole seconds
        return FirstLogin(since, at if at is not None and since <= at <= self.frame.now else None)

    def _postpaid(self) -> Iterator[Span]:
        """What the account brings. The days of a service end when its own do, see `later`."""
        if self.ledger is not None:
            for stage in dunning(self.ledger.value, self.policy, later(self.owner, self.policy.expiry.spread)):
                if BRINGS[stage.standing] is not State.ACTIVE:
                    yield Span(BRINGS[stage.standing], stage.start, stage.end, stage)

    @property
    def account(self) -> Ledger | None:
        """What is entered, if anything is."""
        return self.ledger.value if self.ledger is not None else None

    @cached_property
    def ledger(self) -> Document[Ledger] | None:
        return self.frame.ledger(self.document.path)

    def _last_grace(self) -> tuple[datetime, int]:
        """When the latest grace ends, and its number."""
        return max((self._ends(grace.until), i) for i, grace in enumerate(self.service.grace))

    def _ends(self, value: datetime | date) -> datetime:
        return self.frame.ending(value, self.owner, self.policy.expiry.spread)

    def _held(self, hold: Hold) -> tuple[datetime, datetime]:
        return self.frame.moment(hold.since), self.frame.ending(hold.until, self.owner, 0)
