"""What is not over: what waits to be applied, what the clock brings, what a person stopped. Each has its moment and the
line that says it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, Literal

from ispctl.desired import Entitlement
from ispctl.model.days import ending, moment
from ispctl.model.problem import Where
from ispctl.model.record import Record, plain
from ispctl.model.subscriber import Hold, group_of
from ispctl.money import begun, paid_end
from ispctl.plan import Resources
from ispctl.radius.rendering import WALLED, rendering, rendering_of
from ispctl.repo import Holding
from ispctl.states import State
from ispctl.status.account import Account, postpaid
from ispctl.status.listing import Standing
from ispctl.status.online import Online
from ispctl.status.stops import in_words, observed, pauses_of
from ispctl.status.values import Reason, short, written
from ispctl.status.view import View, entitled
from ispctl.structs import Struct

Kind = Literal[
    "apply",
    "session",
    "observed",
    "paused",
    "activation",
    "change",
    "hold",
    "suspended",
    "terminated",
    "paid",
    "grace",
    "account",
]
PAID: Final = "paid"
"""Code of the reason of what waits although it is paid."""
_UNPAID: Final = ("paid-until", "never-paid", "grace", "unpaid")
"""Codes of the reasons of states that money ends."""
_FIRST: Final = datetime.min.replace(tzinfo=UTC)


class Pending(Struct):
    """Something that is not over. `at`: when it begins or ends, None for now."""

    at: datetime | None
    text: str
    because: Reason
    kind: Kind


def pending(
    view: View,
    holding: Holding,
    entitlement: Entitlement | None,
    account: Account | None,
    standing: Standing,
    sessions: Iterable[Online],
) -> tuple[Pending, ...]:
    """All of it for one service: what waits for somebody first, then by time."""
    found = [*_stops(view, holding), *_written(view, holding)]
    if entitlement is not None:
        found += [*_paid(view, holding), *_grace(view, holding)]
        if view.then is None:
            found += [*_unapplied(view, holding, entitlement, standing)]
            found += [*_unheard(view, entitlement, account, sessions)]
        if account is not None and postpaid(entitlement, view.head):
            found += _dunning(account)
    return tuple(sorted(found, key=lambda one: one.at or _FIRST))


# what waits for a run


def _unapplied(view: View, holding: Holding, e: Entitlement, standing: Standing) -> Iterator[Pending]:
    """Git says it, and the database does not have it."""
    if not view.readable:
        text = "whether it is applied is unknown: the RADIUS database gives no answer"
        yield Pending(None, text, Reason("unknown", "the RADIUS database gives no answer"), "apply")
    elif standing == "due":
        text = "apply pending: time has changed it, and no run has come since"
        yield Pending(None, text, Reason("clock", "no run has come since"), "apply")
    elif standing == "waiting":
        text = f"apply pending: commit {short(view.head.commit)} waits to be applied"
        if _is_paid(view, holding, e):
            line = _at(holding, *(("paid_until",) if holding.service.paid_until else ()))
            because = Reason(PAID, "paid", line.file, line.line, line.column)
            yield Pending(None, f"paid, {text}", because, "apply")
        else:
            yield Pending(None, text, _at(holding), "apply")


def _is_paid(view: View, holding: Holding, e: Entitlement) -> bool:
    """Whether money brought what waits: more paid time than the applied commit knows, or an end of what is unpaid."""
    if e.access != "open":
        return False
    before = next(iter(view.applied.find(holding.owner)), None) if view.applied else None
    was = entitled(before, view.applied, view.now) if before and view.applied else None
    now_paid = _paid_end(view, holding)
    if before is None or was is None:
        return now_paid is not None or holding.service.activation is not None
    paid_before = _paid_end(view, before)
    if now_paid is not None and (paid_before is None or now_paid > paid_before):
        return True
    return was.access != "open" and was.because["state"].code in _UNPAID and e.state is State.ACTIVE


def _unheard(view: View, e: Entitlement, account: Account | None, sessions: Iterable[Online]) -> Iterator[Pending]:
    """The database has it, and a session does not: its NAS was not told, or did not do it."""
    for session in sessions:
        if session.config != "behind":
            continue
        nas = session.nas or session.nas_address
        text = f"apply pending: the session on {nas} still runs what it was given before"
        paid = e.access == "open" and _behind_the_wall(view, session) and _paid_since(account, session.started)
        code, word = (PAID, "paid, ") if paid else ("session", "")
        yield Pending(None, f"{word}{text}", Reason(code, f"session on {nas}"), "session")


def _behind_the_wall(view: View, session: Online) -> bool:
    """Whether it runs what the wall gives."""
    rows: Resources = view.rows or {}
    platform = view.nas[session.nas_address].platform if session.nas_address in view.nas else ""
    group = rows.get(("group", f"{WALLED}@{platform}"))
    return group is not None and rendering_of(session.class_) == rendering(group) != ""


def _paid_since(account: Account | None, at: datetime | None) -> bool:
    """Whether anything was paid, or sold, since then."""
    sold = ("renew", "activate")
    entries = account.entries if account else ()
    return any((one.type == "payment" or one.verb in sold) and (at is None or one.at > at) for one in entries)


def _stops(view: View, holding: Holding) -> Iterator[Pending]:
    if where := observed(view, holding):
        text = f"group {group_of(holding.document.path)} is only observed: planned, and never written"
        yield Pending(None, text, written(where, "managed"), "observed")
    for pause in pauses_of(view, holding):
        yield Pending(pause.until, in_words(pause, view), Reason("paused", f"ispctl resume {pause.id}"), "paused")


# what the clock brings


def _written(view: View, holding: Holding) -> Iterator[Pending]:
    service, zone = holding.service, view.zone
    for i, change in enumerate(service.scheduled):
        at = moment(change.at, zone)
        if at > view.now:
            said = ", ".join(f"{name} {_said(getattr(change.set, name))}" for name in sorted(change.set.given))
            yield Pending(at, f"changes: {said}", _at(holding, "scheduled", i), "change")
    if service.hold is not None:
        yield from _hold(view, holding, service.hold)
    if service.suspended is not None:
        ticket = f" ({service.suspended.ticket})" if service.suspended.ticket else ""
        text = f"suspended: {service.suspended.reason}{ticket}"
        yield Pending(moment(service.suspended.since, zone), text, _at(holding, "suspended"), "suspended")
    if service.terminated is not None:
        at = moment(service.terminated, zone)
        yield Pending(at, f"terminated {service.terminated}", _at(holding, "terminated"), "terminated")
    if service.activated is not None and (at := moment(service.activated, zone)) > view.now:
        yield Pending(at, f"begins {service.activated}", _at(holding, "activated"), "activation")


def _hold(view: View, holding: Holding, hold: Hold) -> Iterator[Pending]:
    begins, ends = moment(hold.since, view.zone), ending(hold.until, view.zone, holding.owner, 0)
    if begins > view.now:
        yield Pending(begins, f"hold begins, until {hold.until}", _at(holding, "hold"), "hold")
    if ends > view.now:
        yield Pending(ends, f"hold ends{_after(view, holding, ends)}", _at(holding, "hold"), "hold")


def _paid(view: View, holding: Holding) -> Iterator[Pending]:
    activation = holding.service.activation
    at = _paid_end(view, holding)
    if activation is not None and at is None:
        last = f", on {activation.until} at the latest" if activation.until else ""
        yield Pending(None, f"begins with the first login{last}", _at(holding, "activation"), "activation")
    elif at is not None and at > view.now:
        line = _at(holding, "activation" if activation else "paid_until")
        yield Pending(at, f"what is paid ends{_after(view, holding, at)}", line, "paid")


def _paid_end(view: View, holding: Holding) -> datetime | None:
    """When what is paid ends; None where nothing is, or where it waits for a first login."""
    service, began = holding.service, view.head.first_logins.get(holding.owner)
    if service.activation is not None:
        if began is None or not moment(service.activation.since, view.zone) <= began <= view.now:
            return None
        service = service.but(paid_until=begun(service.activation, began, view.zone))
    return paid_end(service, view.zone, holding.owner, view.head.policy.value.expiry.spread)


def _grace(view: View, holding: Holding) -> Iterator[Pending]:
    """The last of them decides; one that ends before the paid time does means nothing."""
    spread, paid = view.head.policy.value.expiry.spread, _paid_end(view, holding)
    ends = [(ending(one.until, view.zone, holding.owner, spread), i) for i, one in enumerate(holding.service.grace)]
    if not ends:
        return
    at, number = max(ends)
    if at > view.now and (paid is None or at > paid):
        text = f"grace ends ({holding.service.grace[number].reason}){_after(view, holding, at)}"
        yield Pending(at, text, _at(holding, "grace", number), "grace")


def _dunning(account: Account) -> Iterator[Pending]:
    """The next stage; the account tells those that follow."""
    for stage in account.coming[:1]:
        text = f"unless it is paid, the account is {stage.state}: {stage.why}"
        yield Pending(stage.at, text, Reason("unpaid", stage.why, stage.file, stage.line), "account")


def _after(view: View, holding: Holding, at: datetime) -> str:
    """The state from a moment on, if nobody commits anything."""
    then = entitled(holding, view.head, at)
    return f", then {then.state}" if then else ""


def _at(holding: Holding, *loc: str | int) -> Reason:
    where: Where = holding.document.where_key("services", holding.number, *loc)
    return written(where, "written down")


def _said(value: Any) -> str:
    """A value of a scheduled change in a few words."""
    if isinstance(value, (tuple, list)):
        return " ".join(map(str, value)) or "none"
    if isinstance(value, Record):
        return " ".join(f"{name} {one}" for name, one in plain(value, whole=True).items() if one is not None)
    return str(value)
