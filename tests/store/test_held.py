"""Who had an address, asked of the accounting of either database."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from ispctl.store import facts
from tests.databases import Place


def had(place: Place, login: str, began: int, ended: int | None, **held: str) -> None:
    columns = {"username": login, "acctuniqueid": f"{login}-{began}", "nasipaddress": "192.0.2.1", **held}
    moments = ["NULL" if one is None else place.instant(str(one)) for one in (began, ended or began, ended)]
    values = ", ".join(f"'{value}'" for value in columns.values())
    place.hand(
        f"INSERT INTO radacct (acctsessionid, acctstarttime, acctupdatetime, acctstoptime, {', '.join(columns)})"
        f" VALUES ('s', {', '.join(moments)}, {values})"
    )


@pytest.fixture
def history(place: Place) -> Place:
    place.create().close()
    had(place, "anita", 1000, 2000, framedipaddress="100.64.0.7")
    had(place, "bob", 2000, 3000, framedipaddress="100.64.0.7")
    had(place, "carol", 4000, None, framedipaddress="100.64.0.7", delegatedipv6prefix="2001:db8:9:400::/56")
    had(place, "dinesh", 1000, None, framedipv6prefix="2001:db8:a:1::/64", framedipv6address="2001:db8:b::1")
    return place


@pytest.mark.parametrize(
    ("address", "at", "logins"),
    [
        ("100.64.0.7", 1500, ["anita"]),
        ("100.64.0.7", 2000, ["bob"]),
        ("100.64.0.7", 5000, ["carol"]),
        ("100.64.0.7", 3500, ["bob", "carol"]),
        ("100.64.0.7", 500, ["anita"]),
        ("100.64.0.8", 1500, []),
        ("2001:db8:9:4ff::1", 4500, ["carol"]),
        ("2001:db8:9:500::1", 4500, []),
        ("2001:db8:a:1::77", 1500, ["dinesh"]),
        ("2001:db8:b::1", 1500, ["dinesh"]),
    ],
)
def test_the_holder_of_that_moment_or_those_around_it(history: Place, address: str, at: int, logins: list[str]) -> None:
    with history.open() as store:
        found = facts.held(store, ip_address(address), datetime.fromtimestamp(at, UTC))
        assert [one.login for one in found] == logins
