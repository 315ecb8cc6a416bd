"""Moments as people type them, in the ISP's own zone whatever the machine's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ispctl.cli.times import at_time, since
from ispctl.model.problem import Refusal

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
"""A quarter to two in the morning of the 23rd in Kathmandu."""
ZONE = ZoneInfo("Asia/Kathmandu")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("2026-12-01", "2026-12-01T00:00:00+05:45"),
        ("2026-12-01 09:00", "2026-12-01T09:00:00+05:45"),
        ("2026-12-01T09:00:30", "2026-12-01T09:00:30+05:45"),
        ("2026-12-01T09:00:00+00:00", "2026-12-01T14:45:00+05:45"),
        ("2026-12-01T09:00:00Z", "2026-12-01T14:45:00+05:45"),
        ("now", "2026-11-23T01:45:00+05:45"),
        ("-2h", "2026-11-22T23:45:00+05:45"),
        ("+1d12h", "2026-11-24T13:45:00+05:45"),
        ("today", "2026-11-23T00:00:00+05:45"),
        ("yesterday 21:03", "2026-11-22T21:03:00+05:45"),
        ("tomorrow 09:00", "2026-11-24T09:00:00+05:45"),
    ],
)
def test_a_moment_is_of_the_isps_zone(text: str, expected: str) -> None:
    assert at_time(text, NOW, ZONE) == datetime.fromisoformat(expected)


def test_without_a_moment_it_is_now() -> None:
    assert at_time(None, NOW, ZONE) == NOW
    assert since(None, NOW, ZONE) is None


@pytest.mark.parametrize("text", ["2h", "soon", "-2", "2026-02-30", "tomorrow 9", "1969-12-31"])
def test_what_cannot_be_read_is_refused_and_names_its_flag(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        at_time(text, NOW, ZONE, "--until")
    assert caught.value.problems[0].text == "--until is no moment that can be read"


@pytest.mark.parametrize("text", ["2h", "-2h"])
def test_since_looks_back_also_without_a_sign(text: str) -> None:
    assert since(text, NOW, ZONE) == NOW - timedelta(hours=2)
