"""Every service in a line: what the head says of it now, and whether it is online."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Final, Literal, TypedDict

from ispctl import money
from ispctl.desired import Entitlement
from ispctl.index import Narrow
from ispctl.model.days import NEVER, local_day
from ispctl.model.ledger import companion
from ispctl.model.problem import Problem, Refusal
from ispctl.model.subscriber import group_of
from ispctl.plan import Fields, Resources
from ispctl.repo import Holding
from ispctl.states import State
from ispctl.status.names import whose
from ispctl.status.online import is_stale
from ispctl.status.spool import Spool
from ispctl.status.stops import observed, stop_of, unadopted
from ispctl.status.values import Speed, addresses_of, speed_of
from ispctl.status.view import View
from ispctl.store import facts, given_up
from ispctl.structs import Struct

Presence = Literal["yes", "no", "stale", "unknown"]
"""stale: a session is open, but its NAS has said nothing for longer than it should."""
Standing = Literal["yes", "waiting", "due", "drifted", "paused", "observed", "unadopted", "unknown"]
"""Whether the database holds what the head says: yes; not yet, a commit waits; not yet, time has changed it and no run
has come since; somebody altered it; a pause kept it as it was; no, and ispctl only observes."""


class Listed(Struct):
    """One service. Rates in bit/s; addresses as now: "203.0.113.7", "pool:home" or "" (none). What is None is unknown:
    `last_seen` where the database was not read (or nobody was ever online, or another has its login since), `stop` (why
    it is left as it is) where the database does not say what is paused, the rest where there is no such tariff.
    `balance` (positive: owed by the subscriber), `overdue` and `due`, the last day to pay what is open longest, are of
    the account that all services of a subscriber share, and None where nobody asked or it cannot be read; `due` also
    where nothing is open."""

    id: str
    key: str
    login: str
    group: str
    state: str | None
    access: str | None
    tariff: str | None
    rate: Speed | None
    ipv4: str | None
    ipv6: str | None
    delegated: str | None
    nas: tuple[str, ...]
    mac_mode: str
    ends: datetime | None
    until: datetime | None
    online: Presence
    last_seen: datetime | None
    applied: Standing
    stop: Literal["", "paused", "observed"] | None
    file: str
    name: str | None = None
    balance: Decimal | None = None
    overdue: Decimal | None = None
    due: date | None = None
    over_quota: bool | None = None
    """Whether a tier of fair use holds; None where its tariff does not exist."""

    @property
    def owner(self) -> str:
        return f"{self.id}/{self.key}"


_BY_USAGE: Final = frozenset({State.THROTTLED, State.BLOCKED})
_BY_FILES: Final = frozenset({State.ACTIVE, State.GRACE, State.WAITING})
"""The states from which usage may bring somebody into one of those."""


class Wanted(Struct):
    """The filters of `list`; what is empty filters nothing. `expiring`, `no_session`: days."""

    states: frozenset[str] = frozenset()
    group: str = ""
    tariff: str = ""
    nas: str = ""
    pool: str = ""
    mac_mode: str = ""
    expiring: int | None = None
    no_session: int | None = None
    in_grace: bool = False
    overdue: int | None = None
    """For so many days at least."""
    drifted: bool = False
    over_quota: bool = False
    names: bool = False
    """Whether the names of people are wanted; nobody sees them without asking."""
    accounts: bool = False
    """Whether balances are wanted."""

    def narrow(self, now: datetime) -> Narrow:
        """What of it an index may answer."""
        states = (self.states or {"grace"}) & {"grace"} if self.in_grace else self.states
        if not states.isdisjoint(_BY_USAGE):  # of usage it knows nothing
            states |= _BY_FILES
        until = None if self.expiring is None else later(now, self.expiring)
        return Narrow(now, self.group, self.tariff, frozenset(states), until, self.overdue is not None)


def listing(view: View, wanted: Wanted) -> Spool[Listed]:
    """The services that pass every filter, by id. Raises Refusal for a filter that names nothing there is, and for one
    that only the database can answer when it does not."""
    _check_names(view, wanted)
    silent = view.rows is None and view.then is None
    if (wanted.no_session is not None and (silent or view.then)) or (wanted.drifted and view.rows is None):
        text = "only the database tells who was online and what was altered, and it gives no answer"
        raise Refusal(Problem("E623", text, advice="Without --no-session and --drifted the rest is still listed"))
    return Spool(_listed(view, wanted), key=lambda one: (one.id, one.key))


def _listed(view: View, wanted: Wanted) -> Iterator[Listed]:
    filter, before = _Filter(view, wanted), (None if view.then else view.ask(given_up.last_heard)) or {}
    for part, services in view.slices(wanted.narrow(view.now)):
        world = _World(part, before)
        yield from (one for one in (world.listed(holding, wanted) for holding in services) if filter.passes(one))


class _Owed(TypedDict, total=False):
    balance: Decimal
    overdue: Decimal
    due: date | None


class _World:
    """What lines of one part share, read once. `before`: when services were last seen by logins that they gave up."""

    def __init__(self, view: View, before: Mapping[str, datetime]) -> None:
        self.view, self.before = view, before
        logins = None if view.logins is None else sorted(view.logins)
        self.seen: Mapping[str, datetime] | None = (
            None if view.then else view.ask(lambda store: facts.last_seen(store, logins))
        )
        self.online = presence(view)
        self._former: dict[str, set[str]] = defaultdict(set)
        for login, owner in view.former.items():
            self._former[owner].add(login)
        self.unadopted = unadopted(view, (one.login for one in view.derived.values()))

    def listed(self, holding: Holding, wanted: Wanted) -> Listed:
        view, service, subscriber = self.view, holding.service, holding.document.value
        entitlement = view.derived.get((holding.document.path, holding.number))
        e, policy = entitlement, view.head.policy.value
        ipv4, ipv6, delegated = addresses_of(e, policy) if e else (None, None, None)
        return Listed(
            id=subscriber.id,
            key=service.key,
            login=service.login,
            group=group_of(holding.document.path),
            state=str(e.state) if e else None,
            access=e.access if e else None,
            tariff=e.terms.tariff if e else None,
            rate=speed_of(e, policy) if e else None,
            ipv4=ipv4,
            ipv6=ipv6,
            delegated=delegated,
            nas=e.nas if e else (),
            mac_mode=e.mac_mode if e else service.mac.mode,
            ends=e.ends if e else None,
            until=e.until if e else None,
            online="unknown" if self.online is None else self.online.get(holding.owner, "no"),
            last_seen=self._last_seen(holding),
            applied=standing(view, holding, e, self.unadopted),
            stop=stop_of(view, holding),
            file=holding.document.path,
            over_quota=any(one.tier is not None for one in e.fair_use) if e else None,
            name=subscriber.profile.name if wanted.names else None,
            **(self._account(holding) if wanted.accounts or wanted.overdue is not None else {}),
        )

    def _last_seen(self, holding: Holding) -> datetime | None:
        """Of its login, of the one it has until a renaming is applied, and of those that it had; nothing where that was
        another's by then."""
        if self.seen is None:
            return None
        was = {one.service.login for one in self.view.served.find(holding.owner)} | self._former[holding.owner]
        known = ((login, self.seen.get(login)) for login in {holding.service.login} | was)
        found = [at for login, at in known if at and self._is_his(holding, login, at)]
        earlier = self.before.get(holding.owner)
        return max([*found, *([earlier] if earlier else [])], default=None)

    def _is_his(self, holding: Holding, login: str, at: datetime) -> bool:
        found = whose(self.view.head, login, at)
        return found.owner == holding.owner if found else login != holding.service.login

    def _account(self, holding: Holding) -> _Owed:
        path, policy = companion(holding.document.path), self.view.head.policy.value
        if path in self.view.head.broken:
            return {}
        found = self.view.head.ledger_at(path)
        settled = money.settle(found.value, policy, self.view.now) if found else money.Settlement((), Decimal(0))
        today = local_day(self.view.now, self.view.zone)
        overdue = sum((debt.left for debt in settled.open if debt.due < today), Decimal(0))
        return {
            "balance": money.rounded(settled.balance, policy),
            "overdue": money.rounded(overdue, policy),
            "due": min((debt.due for debt in settled.open), default=None),
        }


def presence(view: View) -> dict[str, Presence] | None:
    """service -> whether it is online, for everybody with an open session."""
    if view.open_sessions is None:
        return None
    found: dict[str, Presence] = {}
    given = view.served if view.then is None else view.head  # where a login stands that is to be renamed
    for one in view.open_sessions:
        at = one.started or view.now
        holding = whose(view.head, one.login, at) or whose(given, one.login, at)
        owner = holding.owner if holding else view.former.get(one.login, "")
        if owner and found.get(owner) != "yes":
            found[owner] = "stale" if is_stale(view, one) else "yes"
    return found


def standing(
    view: View, holding: Holding, entitlement: Entitlement | None, others: frozenset[str] | None = None
) -> Standing:
    """How the rows of a service stand to the head. `others`: logins that are somebody else's, where that is known."""
    if entitlement is None or view.rows is None or view.wanted is None:
        return "unknown"
    have = own(view.rows, entitlement)
    if have == own(view.wanted, entitlement):
        return _shared(view, entitlement) if have else "yes"
    others = unadopted(view, [entitlement.login]) if others is None else others
    if observed(view, holding) or entitlement.login in others:
        return "observed" if observed(view, holding) else "unadopted"
    if view.wanted_applied is None or view.wanted_then is None:
        return "unknown" if view.commit_applied else "waiting"
    if have == own(view.wanted_applied, entitlement):
        return "waiting"
    left: Standing = "paused" if holding.owner in view.held_back else "drifted"
    return "due" if have == own(view.wanted_then, entitlement) else left


def _shared(view: View, entitlement: Entitlement) -> Standing:
    """How the rows of its group stand to the head, on the platforms where it is planned; what others did to them by
    hand is told once, by drift."""
    planned = (nas for nas in view.head.nas.values() if not entitlement.nas or nas.name in entitlement.nas)
    platforms = sorted({nas.platform for nas in planned})

    def given(rows: Resources | None) -> list[Fields | None]:
        group = (own(rows or {}, entitlement) or {}).get("group")
        return [(rows or {}).get(("group", f"{group}@{platform}")) for platform in platforms]

    have = given(view.rows)
    if have == given(view.wanted) or view.wanted_applied is None:
        return "yes"
    if have == given(view.wanted_applied):
        return "waiting"
    return "due" if have == given(view.wanted_then) else "yes"


def own(rows: Resources, entitlement: Entitlement) -> Fields | None:
    """The rows of a service's login, unless the login is now another service's."""
    fields = rows.get(("login", entitlement.login))
    return fields if fields and fields["owner"] == entitlement.owner else None


class _Filter:
    """Whether a line passes."""

    def __init__(self, view: View, wanted: Wanted) -> None:
        self.now, self.wanted = view.now, wanted
        self.today = local_day(view.now, view.zone)
        self.hosts = set(view.head.reach((wanted.nas,))) if wanted.nas else set()

    def passes(self, one: Listed) -> bool:
        return self._by_word(one) and self._by_time(one)

    def _by_word(self, one: Listed) -> bool:
        w = self.wanted
        return (
            (not w.states or one.state in w.states)
            and (not w.group or one.group == w.group)
            and (not w.tariff or one.tariff == w.tariff)
            and (not w.nas or bool(self.hosts & set(one.nas)))
            and (not w.pool or f"pool:{w.pool}" in (one.ipv4, one.ipv6, one.delegated))
            and (not w.mac_mode or one.mac_mode == w.mac_mode)
        )

    def _by_time(self, one: Listed) -> bool:
        w = self.wanted
        return (
            (w.expiring is None or self._expires_in(one, w.expiring))
            and (w.no_session is None or (one.online != "yes" and self._silent_for(one, w.no_session)))
            and (not w.in_grace or one.state == "grace")
            and (w.overdue is None or self._owes_for(one, w.overdue))
            and (not w.over_quota or bool(one.over_quota))
            and (not w.drifted or one.applied == "drifted")
        )

    def _expires_in(self, one: Listed, days: int) -> bool:
        return one.access == "open" and one.ends is not None and one.ends <= later(self.now, days)

    def _owes_for(self, one: Listed, days: int) -> bool:
        return one.due is not None and (self.today - one.due).days >= max(days, 1)

    def _silent_for(self, one: Listed, days: int) -> bool:
        return one.last_seen is None or one.last_seen < self.now - timedelta(days=days)


def later(now: datetime, days: int) -> datetime:
    """So many days later, or the end of the calendar."""
    return now + min(timedelta(days=days), NEVER - now)


def _check_names(view: View, wanted: Wanted) -> None:
    head = view.head
    known = {
        "group": (wanted.group, sorted(head.group_folders)),
        "tariff": (wanted.tariff, sorted(tariff.value.name for tariff in head.tariffs())),
        "nas": (wanted.nas, head.inventory.names),
        "pool": (wanted.pool, sorted(head.pools)),
    }
    problems = [_unknown(kind, name, names) for kind, (name, names) in known.items() if name and name not in names]
    if problems:
        raise Refusal(*problems)


def _unknown(kind: str, name: str, names: list[str]) -> Problem:
    close = get_close_matches(name, names, n=1)
    advice = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(names) or 'none'}"
    return Problem("E621", f"--{kind} {name}: there is none of that name at the head", advice=advice)
