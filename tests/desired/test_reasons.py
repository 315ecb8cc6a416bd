"""Every part of an entitlement that may change names the file that says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ispctl.desired import Entitlement, entitle
from tests.builders import World, subscriber

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OWN = "subscribers/lalitpur/sub-000001.yaml"
POLICY = "inventory/policy.yaml"


def entitled(rules: dict[str, Any] | None = None, **service: Any) -> Entitlement:
    return entitle(subscriber({"paid_until": "2031-12-31"} | service), 0, World(rules or {}), NOW)


@pytest.mark.parametrize(
    ("part", "file"),
    [
        ("state", OWN),
        ("tariff", OWN),
        ("login", OWN),
        ("password", OWN),
        ("routes", OWN),
        ("mac", OWN),
        ("nas", OWN),
        ("rate", "tariffs/home-50.yaml"),
        ("ipv4", "tariffs/home-50.yaml"),
        ("roaming", POLICY),
        ("expiry", POLICY),
    ],
)
def test_a_part_names_the_file_that_says_so(part: str, file: str) -> None:
    found = entitled(routes=["203.0.113.64/29"], mac={"mode": "off"}, nas=["east"])
    where = found.because[part].where
    assert where is not None
    assert where.file == file


@pytest.mark.parametrize("method", ["wall", "reject"])
def test_what_a_suspended_service_meets_is_the_policys_doing(method: str) -> None:
    found = entitled({"expired": {"method": method}}, suspended={"since": "2026-01-01", "reason": "abuse"})
    assert found.because["access"].text == "what suspended means in policy"
    assert "access" not in entitled().because
