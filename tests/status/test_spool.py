"""Many values in order, of which few are in memory."""

from __future__ import annotations

import random

import pytest

from ispctl.status import spool
from ispctl.status.spool import Spool


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 1234])
def test_they_come_in_order_as_often_as_they_are_asked_for(count: int) -> None:
    values = [f"{number:05}" for number in range(count)]
    mixed = random.Random(count).sample(values, count)
    found = Spool(iter(mixed), str, run=10)
    assert (len(found), [*found], [*found]) == (count, values, values)


def test_two_may_go_through_them_at_once() -> None:
    found = Spool(map(str, range(1000, 2000)), str, run=250)
    assert [one for pair in zip(found, found, strict=True) for one in pair] == [
        text for number in range(1000, 2000) for text in (str(number), str(number))
    ]


def test_where_nothing_can_be_written_they_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool, "TemporaryFile", full)
    assert [*Spool(map(str, range(99, 9, -1)), str, run=10)] == [*map(str, range(10, 100))]
