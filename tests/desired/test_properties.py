"""Whatever is written in a file: an entitlement holds until the moment it names, and the strictest state wins."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ispctl.desired import Entitlement, entitle
from ispctl.model.days import NEVER, ending, moment
from ispctl.states import STRICTNESS, State
from ispctl.structs import replace
from tests.builders import World, subscriber

ZONES = ("Asia/Kathmandu", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "UTC")
DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))
STAMPS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
MOMENTS = st.one_of(DAYS.map(str), STAMPS.map(datetime.isoformat))
INSTANTS = st.datetimes(datetime(2025, 12, 1), datetime(2028, 2, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def holds(draw: st.DrawFn) -> dict[str, Any]:
    first, last = sorted([draw(DAYS), draw(DAYS)])
    return {"from": str(first), "until": str(last), "extends_paid_until": draw(st.sampled_from(["true", "false"]))}


SETTINGS = st.fixed_dictionaries({"tariff": st.sampled_from(["home-50", "home-100", "business"])})
SERVICES = st.fixed_dictionaries(
    {},
    optional={
        "activated": MOMENTS,
        "paid_until": MOMENTS,
        "terminated": MOMENTS,
        "grace": st.lists(st.fixed_dictionaries({"until": MOMENTS, "reason": st.just("r")}), max_size=3),
        "hold": holds(),
        "suspended": st.fixed_dictionaries({"since": MOMENTS, "reason": st.just("r")}),
        "scheduled": st.lists(st.fixed_dictionaries({"at": MOMENTS, "set": SETTINGS}), max_size=3),
        "tariff": st.sampled_from(["home-50", "business"]),
    },
)
WORLDS = st.builds(
    lambda zone, spread: World(
        {"timezone": zone, "expiry": {"spread": f"{spread}s"}}, {"home-100": {"rate": {"down": "100M", "up": "50M"}}}
    ),
    st.sampled_from(ZONES),
    st.sampled_from([0, 1, 7200, 86400]),
)


def held(found: Entitlement) -> Entitlement:
    """What must not change until the moment it names; that moment itself is another one afterwards."""
    return replace(found, until=None)


@given(SERVICES, WORLDS, INSTANTS, st.floats(0, 1))
def test_an_entitlement_is_constant_until_the_moment_it_names(
    service: dict[str, Any], world: World, now: datetime, part: float
) -> None:
    document = subscriber(service)
    found = entitle(document, 0, world, now)
    last = (found.until or NEVER) - timedelta(microseconds=1)
    assert last >= now
    later = now + (last - now) * part
    for moment_ in (last, min(later, last)):
        assert held(entitle(document, 0, world, moment_)) == held(found)


@given(SERVICES, WORLDS, INSTANTS)
def test_the_moments_lead_to_the_end_of_time(service: dict[str, Any], world: World, now: datetime) -> None:
    document, steps = subscriber(service), 0
    found = entitle(document, 0, world, now)
    while found.until is not None:
        assert found.until > now
        now, steps = found.until, steps + 1
        found = entitle(document, 0, world, now)
        assert steps < 40


@given(SERVICES, WORLDS, INSTANTS)
def test_the_strictest_state_that_holds_wins(service: dict[str, Any], world: World, now: datetime) -> None:
    document = subscriber(service)
    found, written = entitle(document, 0, world, now), document.value.services[0]
    zone = ZoneInfo(world.policy.value.timezone)
    holding = {State.ACTIVE}
    if written.terminated and moment(written.terminated, zone) <= now:
        holding.add(State.TERMINATED)
    if written.activated and now < moment(written.activated, zone):
        holding.add(State.PENDING)
    if written.suspended and moment(written.suspended.since, zone) <= now:
        holding.add(State.SUSPENDED)
    if written.hold and moment(written.hold.since, zone) <= now < ending(written.hold.until, zone, "", 0):
        holding.add(State.HOLD)
    strictest = min(holding, key=lambda state: STRICTNESS[state])
    assert STRICTNESS[found.state] <= STRICTNESS[strictest]
    if STRICTNESS[strictest] < STRICTNESS[State.EXPIRED]:
        assert found.state == strictest
    else:
        assert found.state in {State.EXPIRED, State.GRACE, State.ACTIVE}


@given(SERVICES, WORLDS, INSTANTS)
def test_nothing_paid_ends_early(service: dict[str, Any], world: World, now: datetime) -> None:
    written = subscriber(service).value.services[0]
    found = entitle(subscriber(service), 0, world, now)
    if isinstance(written.paid_until, date) and not isinstance(written.paid_until, datetime):
        zone = ZoneInfo(world.policy.value.timezone)
        if now < moment(written.paid_until + timedelta(days=1), zone):
            assert found.state != State.EXPIRED


@given(SERVICES, WORLDS, INSTANTS)
def test_the_same_file_gives_the_same_entitlement(service: dict[str, Any], world: World, now: datetime) -> None:
    one, other = (entitle(subscriber(service), 0, world, now) for _ in range(2))
    assert (one, dict(one.because)) == (other, dict(other.because))
