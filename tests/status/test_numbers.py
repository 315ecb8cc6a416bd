"""Numbers as people read them: each in the unit that it is rounded to."""

from __future__ import annotations

import pytest

from ispctl.status import pools, slices
from ispctl.status.values import Speed, rate, volume
from tests.status.world import World


@pytest.mark.parametrize(
    "octets, said",
    [
        (0, "0 B"),
        (999, "999 B"),
        (999_949, "999.9 kB"),
        (999_951, "1.0 MB"),
        (999_949_999, "999.9 MB"),
        (999_999_999, "1.0 GB"),
        (1_000_000_000, "1.0 GB"),
        (2_500_000_000_000, "2500.0 GB"),
    ],
)
def test_a_volume_is_told_in_the_unit_that_it_is_rounded_to(octets: int, said: str) -> None:
    assert volume(octets) == said


@pytest.mark.parametrize(
    "down, up, figures, said",
    [
        (50_000_000, 25_000_000, 7, "50M/25M"),
        (999_999_999, 999_499_999, 3, "1G/999M"),
        (999_600, 999_499, 3, "1M/999k"),
        (1_234_567_890_000, 0, 3, "1230G/0"),
        (1_234_567, 999, 7, "1.234567M/999"),
        (1_500_000_000, 100_000_000_000, 7, "1.5G/100G"),
        (20_345_678, 1_016_000, 3, "20.3M/1.02M"),
    ],
)
def test_a_rate_is_told_in_digits(down: int, up: int, figures: int, said: str) -> None:
    assert rate(Speed(down, up), figures) == said


def test_a_share_is_rounded_alike_wherever_it_is_told(world: World) -> None:
    with world.view() as view:
        said = pools.check(view).text
        found = {one.name: one.parts for one in slices.pools(view, resting=False)}
    name, share = said.replace(" is the fullest,", "").split()
    assert f"{max(part.percent or 0 for part in found[name])}%" == share
