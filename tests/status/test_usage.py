"""Who used how much: by the days that were counted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ispctl.model.problem import Refusal
from ispctl.reconcile import count_usage
from ispctl.status import present_usage, usage
from ispctl.status.present import Screen
from ispctl.store import Store
from tests.status.conftest import Golden
from tests.status.world import ANITA, DSN, EKRAJ, KATHMANDU, NOW, World


@pytest.fixture
def used(world: World) -> World:
    """Anita was online for 40 hours until a minute ago, Ekraj for one."""
    world.dial(ANITA, old=40 * 3600)
    world.dial(EKRAJ, session="s2", nas=KATHMANDU)
    count(world)
    return world


def count(world: World) -> None:
    with world.view() as view, Store.open(DSN, base=world.folder) as store:
        count_usage(store, view.head, NOW)


def test_a_service_day_by_day(used: World, golden: Golden) -> None:
    with used.view() as view:
        found = usage.used(view, ANITA, NOW - timedelta(days=6))
        assert found is not None
        golden("usage", present_usage.told(found, Screen(view.zone, NOW)))
        (one,) = found
        assert (one.down, one.up, len(one.days)) == (9_000_000_000, 450_000_000, 7)
        assert [day.down for day in one.days[:4]] == [0] * 4
        assert one.counted == NOW
        assert present_usage.csv(found, Screen(view.zone, NOW)).splitlines()[:2] == [
            "id,key,login,day,down,up",
            f"sub-000123,main,{ANITA},2027-01-09,0,0",
        ]


def test_who_used_most(used: World) -> None:
    used.sql("UPDATE ispctl_usage SET down = 1, up = 1 WHERE owner = 'sub-000123/main'")
    with used.view() as view:
        found = usage.heaviest(view, 5, "month")
        assert found is not None
        assert [(one.login, one.tariff) for one in found] == [(EKRAJ, "home-20"), (ANITA, "home-50")]
        lines = present_usage.ranked(found, Screen(view.zone, NOW)).splitlines()
        assert lines[1].split()[0] == f"{found[0].id}/{found[0].key}"
        assert lines[-1] == "since 2027-01-01"
        assert len(usage.heaviest(view, 1, "day") or ()) == 1


def test_of_a_service_that_is_gone_the_id_is_known(used: World) -> None:
    used.sql("UPDATE ispctl_usage SET owner = 'sub-999999/main' WHERE owner = 'sub-000123/main'")
    with used.view() as view:
        found = usage.heaviest(view, 5, "month")
        assert found is not None
        (gone,) = [one for one in found if one.id == "sub-999999"]
        assert (gone.login, gone.tariff) == ("", "")
        assert "gone" in present_usage.ranked(found, Screen(view.zone, NOW))


def test_before_the_first_count_nothing_is_claimed(world: World) -> None:
    with Store.open(DSN, base=world.folder) as store:
        store.database.write("DELETE FROM ispctl_count")
    with world.view() as view:
        found = usage.used(view, ANITA)
        assert found is not None
        assert present_usage.told(found, Screen(view.zone, NOW)).endswith("never counted yet: ispctl run, ispctl apply")
        assert present_usage.ranked(usage.heaviest(view, 3, "day") or (), Screen(view.zone, NOW)).startswith("Nobody")


def test_a_name_that_is_none_is_refused(world: World) -> None:
    with world.view() as view, pytest.raises(Refusal, match="E321"):
        usage.used(view, "nobody@home.example")


@pytest.mark.parametrize(("value", "shown"), [(0, ""), (1, "▏"), (50, "█████"), (53, "█████▎"), (100, "██████████")])
def test_a_bar_is_as_long_as_its_part_of_the_longest(value: int, shown: str) -> None:
    assert present_usage.bar(value, 100, 10) == shown


def test_the_line_of_days_shows_what_is_more_than_nothing() -> None:
    assert present_usage.sparkline([0, 1, 50, 100]) == " ▁▄█"
    assert present_usage.sparkline([0, 0]) == "  "
