"""Hand-built entitlements, changes and plans for the tests of plans and of what is written about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, overload
from weakref import WeakSet

from ispctl.desired import Because, Entitlement, Terms
from ispctl.model.problem import Where
from ispctl.plan import Cause, Change, Pair, Plan, ServiceChange, Stop, Switch, Unread, build
from ispctl.states import State
from ispctl.structs import names, replace

NOW = datetime(2026, 11, 22, 12, 15, tzinfo=UTC)
ENDS = datetime(2026, 12, 20, 18, 15, tzinfo=UTC)
COMMIT = "3f2a91c0de" * 4
BASE = "77e01b2fab" * 4
HOME_50 = Terms("home-50", 50_000_000, 25_000_000, None, 1, "pool:home", "pool:home6", "pool:home6-pd")
HOME_40 = replace(HOME_50, down=40_000_000, up=20_000_000)
HOME_100 = Terms(
    "home-100",
    100_000_000,
    50_000_000,
    (150_000_000, 80_000_000, 90_000_000, 45_000_000, 10),
    1,
    "pool:home",
    "pool:home6",
    "pool:home6-pd",
)
LOST = {State.SUSPENDED: "walled", State.EXPIRED: "walled", State.TERMINATED: "none", State.PENDING: "none"}


def entitlement(id: str = "sub-000001", terms: Terms = HOME_50, **changed: Any) -> Entitlement:
    """An active service of `id`; anything may be said otherwise."""
    path = f"subscribers/lalitpur/{id}.yaml"
    whole: dict[str, Any] = {
        "id": id,
        "key": "main",
        "login": f"login-of-{id}@home.example",
        "state": State.ACTIVE,
        "access": "open",
        "terms": terms,
        "ipv4": terms.ipv4,
        "ipv6": terms.ipv6,
        "delegated": terms.delegated,
        "routes": (),
        "nas": ("lalitpur-1",),
        "pop": "pop-lalitpur",
        "roaming": "allow",
        "mac_mode": "off",
        "mac_max": 1,
        "on_mismatch": "reject",
        "macs": (),
        "password": "sha256:" + "0" * 64,
        "ends": ENDS,
        "backstop": None,
        "on_expiry": "wall",
        "until": ENDS,
        "because": {
            "state": Because("paid-until", "paid until 2026-12-20", Where(path, 11, 5)),
            "tariff": Because("service", "tariff of the service", Where(path, 9, 5)),
            "rate": Because("tariff", f"rate of tariff {terms.tariff}", Where(f"tariffs/{terms.tariff}.yaml", 6, 1)),
            "ipv4": Because("service", "ipv4 of the service", Where(path, 14, 5)),
            "mac": Because("service", "mac of the service", Where(path, 16, 5)),
        },
    }
    return Entitlement(**whole | changed)


def in_state(state: State, id: str = "sub-000001", why: str = "", line: int = 12, **changed: Any) -> Entitlement:
    """A service in a state, and the line that brought it."""
    found = entitlement(id, state=state, access=LOST.get(state, "open"), **changed)
    place = Where(f"subscribers/lalitpur/{id}.yaml", line, 5)
    reason = Because(str(state), why or str(state), place)
    return replace(found, because={**found.because, "state": reason})


def never(_was: Entitlement, _will_be: Entitlement) -> bool:
    return False


def readdressed(was: Entitlement, will_be: Entitlement) -> bool:
    """Another address, or the way to the wall, needs a new session."""
    return (was.ipv4, was.access) != (will_be.ipv4, will_be.access)


def pair(
    was: Entitlement | None, will_be: Entitlement | None, cause: Cause = "commit", online: int | None = None
) -> Pair:
    return Pair(was, will_be, cause, online)


def row(was: Entitlement | None, will_be: Entitlement | None) -> Change:
    """A row of a login as a change: enough of its fields to read about."""

    def fields(e: Entitlement | None) -> Mapping[str, Any] | None:
        if e is None:
            return None
        refuse = str(e.state) if e.access == "none" else ""
        group = "isp:walled" if e.access == "walled" else f"isp:{e.terms.tariff}"
        reply = (("Framed-IP-Address", ":=", e.ipv4),) if e.ipv4[:1].isdigit() else ()
        return {"owner": e.owner, "group": group, "refuse": refuse, "password": e.password, "reply": reply}

    known = will_be or was
    assert known is not None
    return Change("radius", ("login", known.login), fields(was), fields(will_be))


def plan(
    pairs: Iterable[Pair] = (),
    changes: Iterable[Change] = (),
    kind: Literal["proposed", "live"] = "proposed",
    **others: Any,
) -> Plan:
    """A plan of pairs, at NOW, from BASE to COMMIT."""
    said: dict[str, Any] = {"commit": COMMIT, "base": BASE, "now": NOW, "disturbs": readdressed}
    return build(kind, pairs, tuple(changes), **said | others)


def slower_cohort(count: int) -> list[Pair]:
    """So many people whose tariff becomes slower."""
    ids = [f"sub-{number:06}" for number in range(1000, 1000 + count)]
    return [pair(entitlement(id), entitlement(id, HOME_40)) for id in ids]


def merge_request() -> Plan:
    """What a busy merge request does: losses, gains, a cohort, a clock, rows and an assumption."""
    cut = entitlement("sub-000001"), in_state(State.SUSPENDED, "sub-000001", "suspended: abuse")
    gone = entitlement("sub-000002"), None
    moved = (
        entitlement("sub-000003", ipv4="203.0.113.7"),
        entitlement("sub-000003", ipv4="203.0.113.8", routes=("203.0.113.64/29",)),
    )
    better = entitlement("sub-000004"), entitlement("sub-000004", HOME_100)
    bound = (
        entitlement("sub-000005"),
        entitlement("sub-000005", mac_mode="fixed", mac_max=2, macs=("02:00:5e:10:00:01",)),
    )
    fresh = None, entitlement("sub-000006")
    expired = entitlement("sub-000007"), in_state(State.EXPIRED, "sub-000007", "paid until 2026-11-21", 11)
    by_hand = [cut, gone, moved, better, bound, fresh]
    pairs = [pair(was, will_be) for was, will_be in by_hand]
    shared = Change(
        "radius",
        ("group", "isp:home-50@routeros"),
        {"reply": (("Mikrotik-Rate-Limit", "=", "25M/50M"),)},
        {"reply": (("Mikrotik-Rate-Limit", "=", "20M/40M"),)},
    )
    session = Change(
        "radius",
        ("session", "0f" * 16),
        {"owner": "sub-000003/main", "nas": "lalitpur-1", "class": "aa-bb"},
        None,
    )
    return plan(
        [*pairs, pair(*expired, "clock"), *slower_cohort(12)],
        [*(row(was, will_be) for was, will_be in [*by_hand, expired]), shared, session],
        changed_files=frozenset(
            {f"subscribers/lalitpur/sub-00000{n}.yaml" for n in range(1, 7)} | {"tariffs/home-50.yaml"}
        ),
        assumes=("Who is online is not asked here",),
    )


def stopped() -> Plan:
    """A live plan of which one person is paused and a group only observed, while another group and a NAS change
    hands; what goes on is a gain."""
    paused = entitlement("sub-000001"), in_state(State.SUSPENDED, "sub-000001", "suspended: abuse")
    seen = entitlement("sub-000002"), entitlement("sub-000002", HOME_40)
    better = entitlement("sub-000004"), entitlement("sub-000004", HOME_100)
    known = [paused, seen, better]
    rows = [row(was, will_be) for was, will_be in known]
    of_nas = Change("radius", ("nas", "192.0.2.9"), None, {"host": "tansen-1", "type": "routeros"})
    found = plan([pair(was, will_be, online=1) for was, will_be in known], [*rows, of_nas], kind="live")
    what = "a fibre is being spliced"
    ends = datetime(2026, 11, 22, 14, 15, tzinfo=UTC)
    over = Because("managed", "managed: enforce", Where("subscribers/timal/group.yaml", 4, 1))
    back = Because("managed", "managed: observe", Where("inventory/hosts.yaml", 61, 1))
    return replace(
        found,
        stops=(
            Stop("paused", "service sub-000001/main", ("sub-000001/main",), (rows[0].id,), "p1", "Reader", what, ends),
            Stop("paused", "target nas:lalitpur-1", (), (), "p2", "Reader", what, ends),
            Stop("observed", "group tansen", ("sub-000002/main",), (rows[1].id,)),
            Stop("observed", "nas tansen-1", (), (of_nas.id,)),
        ),
        switches=(
            Switch("group timal", "observe", "enforce", 41, over),
            Switch("nas tansen-1", "enforce", "observe", 0, back),
        ),
    )


def unread() -> Unread:
    return Unread("radius", "E319", "the database gave no answer")


class Watched(ServiceChange, weakref=True):
    """Of which it can be told whether anybody still has it."""


class Passing(Sequence[ServiceChange]):
    """So many new people, each made when it is asked for. `most`: of so many anything was held at once."""

    def __init__(self, people: int) -> None:
        self.people, self.most = people, 0
        self._alive: WeakSet[Watched] = WeakSet()

    def __len__(self) -> int:
        return self.people

    @overload
    def __getitem__(self, at: int) -> ServiceChange: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[ServiceChange]: ...

    def __getitem__(self, at: int | slice) -> ServiceChange | Sequence[ServiceChange]:
        if isinstance(at, slice) or not 0 <= at < self.people:
            raise IndexError(at)
        one = self.made(at)
        made = Watched(**{name: getattr(one, name) for name in names(one)})
        self._alive.add(made)
        self.most = max(self.most, len(self._alive))
        return made

    def made(self, at: int) -> ServiceChange:
        now = entitlement(f"sub-{at:06}", (HOME_50, HOME_100)[at % 3 == 0])
        return ServiceChange(None, now, ("new",), "none", "kept", "commit", (now.because["state"],))


class PassingLosers(Passing):
    """So many people who are walled, each for a reason of his own."""

    def made(self, at: int) -> ServiceChange:
        was, now = entitlement(f"sub-{at:06}"), in_state(State.EXPIRED, f"sub-{at:06}", "paid until 2026-11-21")
        return ServiceChange(was, now, ("walled",), "kept", "kept", "clock", (now.because["state"],))
