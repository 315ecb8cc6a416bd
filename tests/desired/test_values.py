"""Where the values of a service come from: a scheduled change, the service, the group, the tariff, the policy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ispctl.desired import Entitlement, entitle
from tests.builders import World, subscriber

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TARIFFS: dict[str, dict[str, Any]] = {
    "home-50": {"ipv6": {"wan": {"pool": "home6"}, "delegated": {"pool": "home6-pd", "length": "56"}}},
    "home-100": {"rate": {"down": "100M", "up": "50M"}},
}


def entitled(now: datetime = NOW, defaults: dict[str, Any] | None = None, **service: Any) -> Entitlement:
    world = World(tariffs=TARIFFS, defaults=defaults or {})
    return entitle(subscriber({"paid_until": "2031-12-31"} | service), 0, world, now)


def test_the_tariff_gives_what_nobody_else_says() -> None:
    found = entitled()
    assert (found.ipv4, found.ipv6, found.delegated) == ("pool:home", "pool:home6", "pool:home6-pd")
    assert (found.terms.down, found.terms.up) == (50_000_000, 25_000_000)


def test_the_group_goes_before_the_tariff_and_the_service_before_the_group() -> None:
    defaults = {"ipv4": {"pool": "lalitpur"}, "nas": ["pop-lalitpur"]}
    assert entitled(defaults=defaults).ipv4 == "pool:lalitpur"
    own = entitled(defaults=defaults, ipv4={"static": "203.0.113.7"}, nas=["east"])
    assert (own.ipv4, own.nas) == ("203.0.113.7", ("east",))


def test_half_of_the_ipv6_may_be_the_services_own() -> None:
    found = entitled(ipv6={"delegated": {"static": "2001:db8:100::/56"}})
    assert (found.ipv6, found.delegated) == ("pool:home6", "2001:db8:100::/56")


def test_a_group_may_name_the_tariff() -> None:
    document = subscriber({"tariff": None, "paid_until": "2031-12-31"})
    world = World(tariffs=TARIFFS, defaults={"tariff": "home-100"})
    assert entitle(document, 0, world, NOW).terms.tariff == "home-100"


def test_a_binding_that_is_off_binds_nobody() -> None:
    found = entitled(mac={"mode": "off", "addresses": [{"mac": "00:00:5e:00:53:01"}]})
    assert (found.mac_mode, found.macs) == ("off", ())


SCHEDULED = [
    {"at": "2027-02-01", "set": {"ipv4": {"static": "203.0.113.9"}}},
    {"at": "2027-01-01", "set": {"tariff": "home-100", "routes": ["203.0.113.64/29"]}},
    {"at": "2027-03-01T12:00:00+05:45", "set": {"tariff": "home-50"}},
]


@pytest.mark.parametrize(
    "day, tariff, ipv4, routes",
    [
        ("2026-12-31T18:14:59", "home-50", "pool:home", ()),
        ("2026-12-31T18:15:00", "home-100", "pool:home", ("203.0.113.64/29",)),
        ("2027-02-10T00:00:00", "home-100", "203.0.113.9", ("203.0.113.64/29",)),
        ("2027-03-01T06:14:59", "home-100", "203.0.113.9", ("203.0.113.64/29",)),
        ("2027-03-01T06:15:00", "home-50", "203.0.113.9", ("203.0.113.64/29",)),
    ],
)
def test_scheduled_changes_add_up_by_the_clock(day: str, tariff: str, ipv4: str, routes: tuple[str, ...]) -> None:
    found = entitled(datetime.fromisoformat(day).replace(tzinfo=UTC), scheduled=SCHEDULED)
    assert (found.terms.tariff, found.ipv4, found.routes) == (tariff, ipv4, routes)


def test_the_reason_of_a_scheduled_value_is_the_change() -> None:
    found = entitled(datetime(2027, 2, 10, tzinfo=UTC), scheduled=SCHEDULED)
    assert {name: found.because[name].code for name in ("tariff", "ipv4", "nas") if name in found.because} == {
        "tariff": "scheduled",
        "ipv4": "scheduled",
    }


def test_no_repr_shows_a_secret_or_a_person() -> None:
    document = subscriber({"paid_until": "2031-12-31"})
    shown = repr(entitle(document, 0, World(tariffs=TARIFFS), NOW)) + repr(document)
    assert "enc:" not in shown
    assert "Canary" not in shown


def test_an_unknown_tariff_is_not_guessed() -> None:
    with pytest.raises(KeyError):
        entitled(tariff="fibre")


def test_what_somebody_is_entitled_to_cannot_be_changed() -> None:
    found = entitled()
    with pytest.raises(AttributeError):
        found.login = "other"  # type: ignore[misc]  # it cannot
