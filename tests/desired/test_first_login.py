"""A service that begins with its first login: a fact that no file says, and from which its end follows."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.desired import Entitlement, Frame, entitle, turns
from ispctl.money import begun
from ispctl.states import State
from ispctl.structs import replace
from tests.builders import World, subscriber
from tests.desired.test_properties import DAYS, INSTANTS, SERVICES, STAMPS, WORLDS

SINCE = datetime(2026, 11, 20, 9, tzinfo=UTC)
ACTIVATION = {"at": "first-login", "since": SINCE.isoformat(), "months": 1}
OWNER = "sub-000001/s0"


def at(text: str) -> datetime:
    """A local time of the ISP."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Kathmandu"))


def entitled(now: datetime, first: datetime | None = None, **service: Any) -> Entitlement:
    world = World(first_logins={OWNER: first.astimezone(UTC)} if first else {})
    return entitle(subscriber({"activation": ACTIVATION} | service), 0, world, now)


def test_it_waits_open_and_without_an_end() -> None:
    found = entitled(at("2027-06-01T12:00"))
    assert (found.state, found.access, found.ends, found.backstop, found.until) == (
        State.WAITING,
        "open",
        None,
        None,
        None,
    )
    reason = found.because["state"]
    assert (reason.code, str(reason.where)) == ("waiting", "subscribers/lalitpur/sub-000001.yaml")


def test_the_local_day_of_the_first_login_is_its_first_day() -> None:
    """23:50 in Kathmandu is 18:05 in UTC: the day is the ISP's."""
    found = entitled(at("2026-12-10T12:00"), at("2026-11-30T23:50"))
    assert (found.state, found.ends) == (State.ACTIVE, at("2026-12-30T00:00"))
    assert found.because["state"].text == "first login 2026-11-30 23:50, paid until 2026-12-29"


@pytest.mark.parametrize(
    ("lasts", "last"),
    [({"months": 1}, "2027-02-28"), ({"months": 2}, "2027-03-31"), ({"days": 30}, "2027-03-02")],
)
def test_what_is_paid_counts_from_the_first_login_as_from_any_activation(lasts: dict[str, int], last: str) -> None:
    activation = {"at": "first-login", "since": SINCE.isoformat()} | lasts
    found = entitled(at("2027-02-02T12:00"), at("2027-02-01T12:00"), activation=activation)
    assert found.because["state"].text.endswith(f"paid until {last}")


def test_it_expires_like_any_other() -> None:
    found = entitled(at("2026-12-30T00:00"), at("2026-11-30T12:00"))
    assert (found.state, found.because["state"].code) == (State.EXPIRED, "first-login")


def test_what_was_before_the_activation_is_no_first_login() -> None:
    assert entitled(at("2026-12-01T12:00"), SINCE - timedelta(seconds=1)).state == State.WAITING


def test_a_look_back_before_the_first_login_finds_it_waiting() -> None:
    assert entitled(at("2026-11-25T12:00"), at("2026-11-30T12:00")).state == State.WAITING


def test_whoever_never_logs_in_loses_it_after_the_last_day_to_begin() -> None:
    activation = ACTIVATION | {"until": "2026-12-31"}
    before, after = (entitled(at(day), activation=activation) for day in ("2026-12-31T23:59", "2027-01-01T00:00"))
    assert (before.state, before.ends, before.until) == (State.WAITING, None, at("2027-01-01T00:00"))
    assert (after.state, after.because["state"].text) == (State.EXPIRED, "nobody logged in until 2026-12-31")


def test_the_last_day_to_begin_is_nothing_to_whoever_has_begun() -> None:
    activation = ACTIVATION | {"until": "2026-12-31"}
    found = entitled(at("2027-01-02T12:00"), at("2026-12-31T12:00"), activation=activation)
    assert (found.state, found.ends) == (State.ACTIVE, at("2027-01-31T00:00"))


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ({"suspended": {"since": "2026-11-01", "reason": "abuse"}}, State.SUSPENDED),
        ({"hold": {"from": "2026-11-01", "until": "2026-12-31"}}, State.HOLD),
        ({"terminated": "2026-11-01"}, State.TERMINATED),
    ],
)
def test_what_is_stricter_than_waiting_wins(line: dict[str, Any], state: State) -> None:
    assert entitled(at("2026-12-01T12:00"), **line).state == state


@st.composite
def activations(draw: st.DrawFn) -> dict[str, Any]:
    """Any service with an activation instead of the dates."""
    service = draw(SERVICES)
    lasts = draw(st.sampled_from([{"months": 1}, {"months": 13}, {"days": 1}, {"days": 30}]))
    since, until = draw(STAMPS), draw(st.none() | DAYS)
    activation = {"at": "first-login", "since": since.isoformat()} | lasts
    activation |= {"until": str(until)} if until else {}
    rest = {name: value for name, value in service.items() if name not in ("activated", "paid_until")}
    return rest | {"activation": activation, "tariff": "home-50", "scheduled": []}


def begin(service: dict[str, Any], world: World, now: datetime) -> tuple[World, date]:
    """It began now, if a session counts already."""
    document = subscriber(service)
    activation = document.value.services[0].activation
    assert activation
    return dataclasses.replace(world, first_logins={OWNER: now}), begun(
        activation, now, ZoneInfo(world.policy.value.timezone)
    )


@given(activations(), WORLDS, INSTANTS, st.integers(0, 10**8))
def test_begun_it_is_what_a_file_with_the_date_would_make_it(
    service: dict[str, Any], world: World, first: datetime, later: int
) -> None:
    knowing, paid = begin(service, world, first)
    now = first + timedelta(seconds=later)
    found = entitle(subscriber(service), 0, knowing, now)
    if found.first_login and found.first_login.at:
        written = {name: value for name, value in service.items() if name != "activation"} | {"paid_until": str(paid)}
        assert replace(found, until=None) == replace(entitle(subscriber(written), 0, world, now), until=None)


@given(activations(), WORLDS, INSTANTS)
def test_whoever_knows_nothing_of_a_first_login_looks_at_no_other_moments_too(
    service: dict[str, Any], world: World, now: datetime
) -> None:
    knowing, _ = begin(service, world, now)
    document = subscriber(service)
    unknowing, all_ = ({turn.at for turn in turns(document, 0, Frame(one, now))} for one in (world, knowing))
    assert unknowing <= all_


@given(activations(), WORLDS, INSTANTS, st.booleans())
def test_it_is_constant_until_the_moment_it_names(
    service: dict[str, Any], world: World, now: datetime, known: bool
) -> None:
    knowing = begin(service, world, now)[0] if known else world
    document = subscriber(service)
    found = entitle(document, 0, knowing, now)
    if found.until is not None:
        last = entitle(document, 0, knowing, found.until - timedelta(microseconds=1))
        assert replace(last, until=None) == replace(found, until=None)
