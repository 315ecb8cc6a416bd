"""Who pays in the measurement of payments."""

from __future__ import annotations

from tests.bench import isp
from tests.bench.payments import owing


def test_whoever_owes_is_prepaid_and_expired_and_there_are_as_many_as_asked() -> None:
    found = list(owing(200, 50))
    assert len(set(found)) == 50
    files = [isp.subscriber(number, paid_until="2026-01-31") for number in found]
    assert all("paid_until: 2026-01-31" in text for text in files)
