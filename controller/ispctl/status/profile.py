"""One service in full: what is declared, what holds now and why, what was applied, who is online, what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from ispctl.desired import Entitlement, entitle
from ispctl.model.days import later
from ispctl.model.document import Document
from ispctl.model.problem import Refusal
from ispctl.model.subscriber import group_of
from ispctl.model.tariff import Tariff
from ispctl.plan import Fields
from ispctl.repo import Holding
from ispctl.status.account import Account, account_of, postpaid
from ispctl.status.listing import Standing, own, standing
from ispctl.status.names import is_his, services, whose
from ispctl.status.online import Asked, Online, sessions
from ispctl.status.pending import Pending, pending
from ispctl.status.rows import differences
from ispctl.status.usage import Window, windows
from ispctl.status.values import Reason, Speed, addresses_of, rate, reason, speed_of, written
from ispctl.status.view import Then, View, entitled
from ispctl.store import Reject
from ispctl.structs import Struct, replace

_ENTRIES: Final = 3
"""So many entries of the account are shown, the newest."""
_STEPS: Final = 20
"""How many edges of time are followed until one changes something that a person would notice."""


class Declared(Struct):
    """Where it is written, and who touched that file last. `commit` is empty where history was cut off."""

    file: str
    line: int
    commit: str
    author: str
    date: datetime | None
    subject: str


class Effective(Struct):
    """One value that holds now, as text, and why."""

    name: str
    value: str
    because: Reason


class Next(Struct):
    """What the clock will change next, if nobody commits anything."""

    at: datetime
    state: str
    access: str
    rate: Speed | None
    because: Reason


class Given(Struct):
    """What the database was given. `group`: the reply group it has there; `refuse`: why a login is refused; both None
    where the database does not know the service. `differences`: sentences, without secrets, empty if it is as the head
    says. `login`: the one it has there, another than git says while a renaming waits; empty where it has none."""

    standing: Standing
    commit: str
    at: datetime | None
    group: str | None
    refuse: str | None
    differences: tuple[str, ...]
    login: str = ""


class Shown(Struct):
    """All of it. `sessions`, `rejects` and `applied` are None where the database gave no answer. `account` has the
    newest entries alone; it is None where it cannot be read, and `account_fault` tells why."""

    id: str
    key: str
    login: str
    group: str
    state: str | None
    access: str | None
    rate: Speed | None
    until: datetime | None
    declared: Declared
    effective: tuple[Effective, ...]
    next: Next | None
    applied: Given | None
    sessions: tuple[Online, ...] | None
    rejects: tuple[Reject, ...] | None
    pending: tuple[Pending, ...]
    then: Then | None
    account: Account | None
    account_fault: str
    fair_use: tuple[Window, ...]


def show(view: View, named: str) -> tuple[Shown, ...]:
    """Every service that a login, an id or id/key names. Raises Refusal E321 with what may have been meant."""
    return tuple(_shown(view, holding) for holding in services(view, named))


def _shown(view: View, holding: Holding) -> Shown:
    account, fault = _account(view, holding)
    e = entitled(holding, view.head, view.now)
    if e and account is None and postpaid(e, view.head):
        e = None  # its account decides, and nobody knows what that says
    login = holding.service.login
    given, online = _given(view, holding, e) if e else None, _sessions(view, holding, e)
    return Shown(
        id=holding.document.value.id,
        key=holding.service.key,
        login=login,
        group=group_of(holding.document.path),
        state=str(e.state) if e else None,
        access=e.access if e else None,
        rate=speed_of(e, view.head.policy.value) if e else None,
        until=e.until if e else None,
        declared=_declared(view, holding),
        effective=tuple(_effective(view, holding, e)) if e else (),
        next=_next(view, holding, e) if e else None,
        applied=given,
        sessions=online,
        rejects=_rejects(view, holding),
        pending=pending(view, holding, e, account, given.standing if given else "unknown", online or ()),
        then=view.then,
        account=replace(account, entries=account.entries[:_ENTRIES]) if account else None,
        account_fault=fault,
        fair_use=windows(view, e) if e else (),
    )


def _account(view: View, holding: Holding) -> tuple[Account | None, str]:
    """The account, with its stages at the moments at which they reach this service; or why it cannot be read."""
    spread = later(holding.owner, view.head.policy.value.expiry.spread)
    try:
        return account_of(view, holding.document, None, spread), ""
    except Refusal as refusal:
        return None, "; ".join(map(str, refusal.problems))


def _sessions(view: View, holding: Holding, e: Entitlement | None) -> tuple[Online, ...] | None:
    """Also on the login it has until a renaming is applied, and on the one of before as long as a session of that goes
    on; not of whoever had its login before, or has it now. Of another moment nobody knows the rows: what git gave is
    what was expected."""
    was = view.served.find(holding.owner) if view.then is None else ()
    own, before = holding.service.login, view.logins_of((holding, *was))
    found = sessions(view, Asked(logins=frozenset({own, *before})))
    if found is None:
        return None
    began = ((one, one.started or view.now) for one in found)
    mine = [one for one, at in began if (whose(view.head, one.login, at) or holding).owner == holding.owner]
    if view.then is None or e is None:
        return tuple(mine)
    return tuple(replace(one, expected=speed_of(e, view.head.policy.value)) for one in mine)


def _rejects(view: View, holding: Holding) -> tuple[Reject, ...] | None:
    found = view.refused(holding.service.login)
    return None if found is None else tuple(one for one in found if is_his(view.head, holding, one.at or view.now))


def _declared(view: View, holding: Holding) -> Declared:
    path = holding.document.path
    commit = view.repository.git.last_change(view.head.commit, path)
    line = holding.document.where("services", holding.number).line
    if commit is None:
        return Declared(path, line, "", "", None, "")
    return Declared(path, line, commit.id, commit.author, commit.when, commit.subject)


# what holds now, and why


def _effective(view: View, holding: Holding, e: Entitlement) -> Iterator[Effective]:
    head, because = view.head, e.because
    tariff = head.tariff(e.terms.tariff)
    policy = head.policy
    yield Effective("state", str(e.state), reason(because.get("state")))
    yield Effective("access", e.access, _access_reason(view, e))
    yield Effective("tariff", e.terms.tariff, reason(because.get("tariff")))
    speed = speed_of(e, policy.value)
    yield Effective("rate", rate(speed), reason(because.get("rate")) if speed else _access_reason(view, e))
    if tariff is not None:
        yield from _of_tariff(e, tariff)
    for name, value in zip(("ipv4", "ipv6", "delegated"), addresses_of(e, policy.value), strict=True):
        yield Effective(name, value or "none", _address_reason(view, e, "ipv4" if name == "ipv4" else "ipv6"))
    yield _routes(view, e)
    yield Effective("nas", ", ".join(e.nas) or "anywhere", reason(because.get("nas"), "not planned anywhere"))
    yield Effective("roaming", e.roaming, _rule(policy, "roaming"))
    yield Effective("mac", _mac(e), reason(because.get("mac")))
    own = reason(because["password"]) if e.new_password else _written(holding, "password")
    yield Effective("password", "sealed" if e.password else "none", own)
    if e.ends is not None:
        yield Effective(
            "ends", e.ends.astimezone(view.zone).isoformat(timespec="seconds"), _ends_reason(view, holding, e)
        )


def _of_tariff(e: Entitlement, tariff: Document[Tariff]) -> Iterator[Effective]:
    at_once = str(e.terms.sessions) if e.terms.sessions else "unlimited"
    yield Effective("sessions", at_once, _rule(tariff, "sessions"))
    if e.terms.burst and e.access == "open":
        down, up, threshold_down, threshold_up, seconds = e.terms.burst
        text = f"{rate(Speed(down, up))} over {seconds} s below {rate(Speed(threshold_down, threshold_up))}"
        yield Effective("burst", text, _rule(tariff, "rate", "burst"))


def _access_reason(view: View, e: Entitlement) -> Reason:
    """Open and refused follow from the state; what a blocked state meets stands in policy."""
    blocked = str(e.state) if str(e.state) in ("expired", "suspended", "hold", "blocked") else ""
    if not blocked:
        return Reason("state", f"state {e.state}")
    policy = view.head.policy
    key = blocked if policy.where_key(blocked) != policy.where_key() else "expired"  # the others follow it
    return replace(_rule(policy, key, "method"), text=f"policy for {blocked}")


def _address_reason(view: View, e: Entitlement, family: str) -> Reason:
    if e.access == "open":
        return reason(e.because.get(family))
    return _rule(view.head.policy, "wall") if e.access == "walled" else _access_reason(view, e)


def _routes(view: View, e: Entitlement) -> Effective:
    """Whoever is behind the wall or refused is given none."""
    if e.access != "open" and e.routes:
        return Effective("routes", "none", _address_reason(view, e, "routes"))
    return Effective("routes", ", ".join(e.routes) or "none", reason(e.because.get("routes"), "not written down"))


def _rule(document: Document[Any], *loc: str) -> Reason:
    """The line of a key, or of what stands above it where it is not written down."""
    return written(document.where_key(*loc), f"{'.'.join(loc)} in {document.path.rpartition('/')[2]}")


def _written(holding: Holding, name: str) -> Reason:
    if name not in holding.service.given:
        return Reason("default", "not written down")
    return written(holding.document.where("services", holding.number, name), f"{name} of the service")


def _ends_reason(view: View, holding: Holding, e: Entitlement) -> Reason:
    """Whatever it was that held until the end."""
    assert e.ends is not None
    last = entitle(holding.document, holding.number, view.head, e.ends - timedelta(seconds=1)).because.get("state")
    if last is not None and last.code in ("paid-until", "grace", "first-login"):
        return reason(last)
    return _written(holding, "paid_until")


def _mac(e: Entitlement) -> str:
    if e.mac_mode == "off":
        return "any"
    return f"{e.mac_mode}, at most {e.mac_max}, else {e.on_mismatch}: {', '.join(e.macs) or 'none written down'}"


def _next(view: View, holding: Holding, e: Entitlement) -> Next | None:
    """The next moment that changes what a person would notice; edges of spans that do not are passed over."""
    at = e.until
    for _ in range(_STEPS):
        later = entitled(holding, view.head, at) if at else None
        if at is None or later is None:
            return None
        if _noticed(later) != _noticed(e):
            policy = view.head.policy.value
            because = reason(later.because.get("state"))
            return Next(at, str(later.state), later.access, speed_of(later, policy), because)
        at = later.until
    return None


def _noticed(e: Entitlement) -> tuple[object, ...]:
    return e.state, e.access, e.terms, e.ipv4, e.ipv6, e.delegated, e.routes, e.nas, e.mac_mode, e.macs


# what was applied


def _given(view: View, holding: Holding, e: Entitlement) -> Given | None:
    rows = view.rows
    if rows is None:
        return None
    have = own(rows, e)
    want = own(view.wanted, e) if view.wanted is not None else None
    noted = view.ask(lambda store: next(store.entitlements([(e.id, e.key)]), None))
    stands = standing(view, holding, e)
    mine = ((name, fields) for (kind, name), fields in rows.items() if kind == "login" and fields["owner"] == e.owner)
    login, there = (e.login, have) if have else next(mine, ("", None))
    return Given(
        standing=stands,
        commit=noted.commit if noted else "",
        at=noted.at if noted else None,
        group=_text(there, "group"),
        refuse=_text(there, "refuse"),
        differences=tuple(differences(want, have)) if stands != "unadopted" else (),
        login=login,
    )


def _text(fields: Fields | None, name: str) -> str | None:
    return None if fields is None else str(fields[name])
