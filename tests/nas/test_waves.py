"""In which order NAS are configured, and when they are left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.model.device import NasPolicy
from ispctl.model.reading import read
from ispctl.nas import closed_until, waves

KATHMANDU = ZoneInfo("Asia/Kathmandu")
HOSTS = {f"nas-{number:02}": frozenset({"pop-a" if number % 3 else "pop-b"}) for number in range(20)}


def policy(**said: Any) -> NasPolicy:
    return read(NasPolicy, said)


def sizes(found: list[list[str]]) -> list[int]:
    return [len(wave) for wave in found]


def test_usually_one_goes_first_then_a_quarter_then_the_rest() -> None:
    assert sizes(waves(HOSTS, policy())) == [1, 5, 14]


def test_a_wave_of_hosts_and_groups_comes_when_the_policy_says() -> None:
    found = waves(HOSTS, policy(waves=[{"hosts": ["nas-05"]}, {"hosts": ["pop-b"]}, {"share": "50%"}]))
    assert found[0] == ["nas-05"]
    assert all("pop-b" in HOSTS[name] for name in found[1])
    assert sizes(found) == [1, 7, 10, 2]


def test_a_wave_whose_hosts_are_not_among_them_is_none() -> None:
    assert sizes(waves({"nas-01": frozenset()}, policy(waves=[{"hosts": ["nas-05"]}]))) == [1]


names = st.sampled_from(sorted(HOSTS))
some = st.lists(
    st.fixed_dictionaries({"hosts": st.lists(names | st.sampled_from(["pop-a", "pop-b"]), min_size=1, max_size=4)})
    | st.fixed_dictionaries({"share": st.integers(1, 100).map(lambda share: f"{share}%")}),
    max_size=4,
)


@given(st.sets(names), some)
def test_everybody_is_in_one_wave(mine: set[str], said: list[dict[str, Any]]) -> None:
    hosts = {name: HOSTS[name] for name in mine}
    found = waves(hosts, policy(waves=said))
    assert sorted(name for wave in found for name in wave) == sorted(mine)
    assert all(found)
    assert found == waves(dict(reversed(hosts.items())), policy(waves=said)), "the order in git means nothing"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


WINDOW = {"from": "02:00", "until": "05:00"}
NIGHT = {"from": "23:00", "until": "05:00"}


@pytest.mark.parametrize(
    ("window", "now", "opens"),
    [
        (WINDOW, "2026-11-26T01:59+05:45", "2026-11-26T02:00+05:45"),
        (WINDOW, "2026-11-26T02:00+05:45", ""),
        (WINDOW, "2026-11-26T04:59+05:45", ""),
        (WINDOW, "2026-11-26T05:00+05:45", "2026-11-27T02:00+05:45"),
        (NIGHT, "2026-11-26T23:30+05:45", ""),
        (NIGHT, "2026-11-26T00:30+05:45", ""),
        (NIGHT, "2026-11-26T12:00+05:45", "2026-11-26T23:00+05:45"),
    ],
)
def test_what_ends_sessions_waits_for_the_window(window: dict[str, str], now: str, opens: str) -> None:
    rules = policy(window=window)
    found = closed_until(rules, KATHMANDU, at(now), disruptive=True)
    assert (found[0] if found else None) == (at(opens) if opens else None)
    assert closed_until(rules, KATHMANDU, at(now), disruptive=False) is None


def test_a_window_that_never_opens_is_refused() -> None:
    """What ends sessions would wait in it for ever, told each day that it is done today."""
    with pytest.raises(ValueError, match="ends when it begins"):
        policy(window={"from": "00:00", "until": "00:00"})


def test_in_a_freeze_nothing_is_done_until_the_end_of_its_last_day() -> None:
    rules = policy(freezes=[{"from": "2026-11-08", "until": "2026-11-09", "reason": "Tihar"}])
    until = at("2026-11-10T00:00+05:45")
    for now in ("2026-11-08T00:00+05:45", "2026-11-09T23:59+05:45"):
        assert closed_until(rules, KATHMANDU, at(now), disruptive=False) == (until, "frozen: Tihar")
    for now in ("2026-11-07T23:59+05:45", "2026-11-10T00:00+05:45"):
        assert closed_until(rules, KATHMANDU, at(now), disruptive=True) is None
