"""Rows that look alike, and what FreeRADIUS 3.2 was seen to do with them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from ispctl.adopt.meaning import Meaning, Understood, spelt, understand
from tests.adopt.world import group, person, row

ZONE = ZoneInfo("Asia/Kathmandu")
RATE = row("Mikrotik-Rate-Limit", "25M/50M", "=", "radgroupreply")


def meant(found: Understood) -> Meaning:
    assert found.meaning is not None
    return found.meaning


def said(found: Understood) -> set[tuple[str, str]]:
    return {(one.severity, one.kind) for one in found.findings}


@pytest.mark.parametrize(
    ("attribute", "op", "odd"),
    [
        ("Cleartext-Password", ":=", False),
        ("Cleartext-Password", "=", True),
        ("Cleartext-Password", "==", True),
        ("Cleartext-Password", "", True),
        ("User-Password", ":=", True),
        ("User-Password", "==", True),
    ],
)
def test_a_password_that_opens_nothing_is_told(attribute: str, op: str, odd: bool) -> None:
    found = understand(person(row(attribute, "canary-pw-1", op)), {}, ZONE)
    assert meant(found).password == "canary-pw-1"
    assert (("lost", "never-matches") in said(found)) is odd


def test_an_end_that_is_compared_is_an_end() -> None:
    found = understand(person(row("Expiration", "31 Dec 2031", "==")), {}, ZONE)
    assert str(meant(found).end.paid_until) == "2031-12-31"  # type: ignore[union-attr]  # there is one
    assert ("lost", "never-matches") not in said(found)


@pytest.mark.parametrize("written", ["31-Dec-2031", "2031-12-31", "31/12/2031", "31 Dec 31", "never", ""])
def test_an_end_in_a_form_that_the_server_cannot_read_is_refused(written: str) -> None:
    found = understand(person(row("Expiration", written)), {}, ZONE)
    assert found.meaning is None
    assert ("refused", "unreadable-date") in said(found)


@pytest.mark.parametrize("table", ["radcheck", "radgroupcheck"])
def test_no_session_at_all_is_a_suspension(table: str) -> None:
    none = row("Simultaneous-Use", "0", table=table)
    own, shared = ([none], []) if table == "radcheck" else ([], [none])
    found = understand(person(*own, groups=["a"]), {"a": group("a", RATE, *shared)}, ZONE)
    assert (meant(found).suspended, meant(found).sessions) == (True, 0)
    assert ("note", "no-session") in said(found)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("MikroTik-Rate-Limit", "Mikrotik-Rate-Limit"),
        ("cleartext-password", "Cleartext-Password"),
        ("AUTH-TYPE", "Auth-Type"),
        ("fall-through", "Fall-Through"),
        ("No-Such-Attribute", "No-Such-Attribute"),
    ],
)
def test_capitals_in_the_name_of_an_attribute_mean_nothing(written: str, read: str) -> None:
    assert spelt(written) == read
