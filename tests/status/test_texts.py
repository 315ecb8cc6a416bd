"""What people read, word by word; the same whatever the clock, the zone and the locale of the machine."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ispctl.status import (
    drift,
    fleet,
    health,
    listing,
    online,
    present,
    present_fleet,
    present_pools,
    present_profile,
    present_refusals,
    present_why,
    profile,
    refusals,
    slices,
    why,
)
from ispctl.status.elsewhen import elsewhen
from tests.status.conftest import Golden
from tests.status.world import ANITA, EKRAJ, NOW, World

GITA = "gita.karki@home.example"


def _screen(width: int | None = None) -> present.Screen:
    return present.Screen(ZoneInfo("Asia/Kathmandu"), NOW, width)


def _list(world: World) -> str:
    with world.view() as view:
        found = listing.listing(view, listing.Wanted())
        return "\n".join(present.listed(found, present.DEFAULT_COLUMNS, _screen()))


def _show(world: World, named: str) -> str:
    with world.view() as view:
        return "\n\n".join(present_profile.shown(one, _screen()) for one in profile.show(view, named))


def _sessions(world: World) -> str:
    with world.view() as view:
        found = online.sessions(view)
        assert found is not None
        return "\n".join(present.online(found, _screen()))


def test_the_list_of_the_example(world: World, golden: Golden) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    golden("list", _list(world))


def test_somebody_who_is_well_and_online(world: World, golden: Golden) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    golden("show-online", _show(world, ANITA))


def test_somebody_who_is_suspended_and_was_refused(world: World, golden: Golden) -> None:
    world.refused(EKRAJ, "bad-password", mac="", detail="pap: Password does not match")
    golden("show-suspended", _show(world, EKRAJ))


def test_somebody_whose_change_is_not_applied_yet(world: World, golden: Golden) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    world.edit("subscribers/lalitpur/3f/sub-000123.yaml", lambda text: text.replace("home-50", "home-100"))
    golden("show-waiting", _show(world, "sub-000123"))


def test_the_sessions(world: World, golden: Golden) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    world.dial(EKRAJ, "0" * 16 + "-" + "0" * 16, heard=800)
    world.dial("stranger@home.example", "", nas="198.51.100.9")
    golden("sessions", _sessions(world))


def test_the_drift(world: World, golden: Golden) -> None:
    world.sql("UPDATE radusergroup SET groupname = 'isp:home-100' WHERE username = ?", ANITA)
    world.sql("UPDATE radcheck SET value = 'canary-pw-by-hand' WHERE username = ?", ANITA)
    world.sql("DELETE FROM ispctl_login WHERE login = ?", EKRAJ)
    gift = "INSERT INTO radgroupreply (groupname, attribute, value) VALUES ('isp:gift@routeros', 'Filter-Id', ?)"
    world.sql(gift, "x")
    with world.view() as view:
        golden("drift", present.drifted(drift.drift(view) or ()))


def test_the_health(world: World, golden: Golden) -> None:
    world.dial(ANITA, "0" * 16 + "-" + "0" * 16)
    world.stranger()
    with world.view() as view:
        golden("health", "\n".join(present.checked(health.health(view))))


def _busy(world: World) -> None:
    """Two are online, some were refused, and somebody speaks who is no NAS of ours."""
    world.dial(ANITA, world.class_of(ANITA))
    world.dial(EKRAJ, "0" * 16 + "-" + "0" * 16, heard=3000)
    world.dial("stranger@home.example", "", nas="198.51.100.9")
    world.answered(ANITA, world.class_of(ANITA))
    world.refused(EKRAJ, "bad-password", mac="", detail="pap: Password does not match")
    world.refused("anita.ray@home.example", "unknown-login", ago=4)
    world.refused(ANITA, "mac", ago=5, mac="02:00:5e:10:00:99")
    world.refused(ANITA, "sessions", ago=50)
    world.refused(ANITA, "expired", ago=3000)
    world.stranger()


def test_the_nas(world: World, golden: Golden) -> None:
    _busy(world)
    with world.view() as view:
        found = fleet.fleet(view)
        golden("nas", present_fleet.listed(found, _screen()))
        golden("nas-one", present_fleet.shown(fleet.fleet(view, "lalitpur-1")[0], _screen()))
        golden("nas-stranger", present_fleet.shown(fleet.fleet(view, "198.51.100.77")[0], _screen()))


@pytest.mark.parametrize(
    "name, at",
    [
        ("show-then", NOW - timedelta(minutes=30)),
        ("show-before", NOW - timedelta(hours=2)),
        ("show-ahead", NOW + timedelta(days=2000)),
    ],
)
def test_somebody_at_another_moment(world: World, golden: Golden, name: str, at: datetime) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    world.edit("tariffs/home-50.yaml", lambda text: text.replace("down: 50M", "down: 60M"))
    with world.view() as view:
        then = elsewhen(view, at)
        screen = present.Screen(then.zone, then.now)
        golden(name, "\n\n".join(present_profile.shown(one, screen) for one in profile.show(then, ANITA)))


def test_the_pools(world: World, golden: Golden) -> None:
    _busy(world)
    with world.view() as view:
        golden("pools", present_pools.listed(slices.pools(view), _screen()))
        golden("pools-one", present_pools.listed(slices.pools(view, "business", 3), _screen()))


@pytest.mark.parametrize(
    "name, named, field",
    [("why", ANITA, ""), ("why-rate", ANITA, "slow"), ("why-suspended", "sub-000127", ""), ("why-offline", GITA, "")],
)
def test_why(world: World, golden: Golden, name: str, named: str, field: str) -> None:
    _busy(world)
    with world.view() as view:
        found = why.why(view, named, field)
        golden(name, "\n\n".join(present_why.told(one, shown, _screen()) for one, shown in found))


@pytest.mark.parametrize(
    "name, login",
    [
        ("rejects", ""),
        ("rejects-anita", ANITA),
        ("rejects-misspelt", "anita.ray@home.example"),
        ("rejects-none", GITA),
        ("rejects-suspended", EKRAJ),
    ],
)
def test_the_refusals(world: World, golden: Golden, name: str, login: str) -> None:
    _busy(world)
    golden(name, _rejects(world, login))


def test_that_nothing_is_recorded_is_said(world: World, golden: Golden) -> None:
    golden("rejects-unrecorded", _rejects(world, ""))
    world.dial(ANITA)
    golden("rejects-nobody", _rejects(world, ""))


def _rejects(world: World, login: str) -> str:
    with world.view() as view:
        found = refusals.refusals(view, refusals.Wanted(login))
        assert found is not None
        return present_refusals.told(found, _screen())


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_on_a_narrow_terminal_a_row_goes_on_below_and_no_cell_is_torn(world: World, width: int) -> None:
    """A login that is cut in three can neither be read aloud nor copied."""
    with world.view() as view:
        found = listing.listing(view, listing.Wanted())
        text = "\n".join(present.listed(found, present.DEFAULT_COLUMNS, _screen(width)))
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert all(f" {one.login} " in f" {text} ".replace("\n", " ") for one in found)
    assert "  RATE" in text


@pytest.mark.parametrize("width", [60, 100])
def test_a_terminal_is_never_overrun(world: World, width: int) -> None:
    with world.view() as view:
        found = listing.listing(view, listing.Wanted())
        text = "\n".join(present.listed(found, present.DEFAULT_COLUMNS, _screen(width)))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert max(map(len, plain.splitlines())) <= width
    assert "\x1b[" in text


def test_sessions_that_are_written_one_after_the_other_are_the_envelope_to_the_byte(world: World) -> None:
    _busy(world)
    for asked in (online.Asked(), online.Asked(nas="198.51.100.250")):
        with world.view() as view:
            found = online.sessions(view, asked)
            assert found is not None
            whole = json.dumps(present.envelope(view, [*found]), indent=2, ensure_ascii=False)
            assert "".join(present.enveloped(view, found)) == whole
            assert len(found) == (0 if asked.nas else whole.count('"unique"'))


def test_what_radius_brought_in_does_not_move_the_cursor(world: World) -> None:
    world.dial("evil\x1b[2J\u202elogin")
    assert "evil\\x1b[2J\\u202elogin" in _sessions(world)
