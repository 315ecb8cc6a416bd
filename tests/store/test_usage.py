"""What services used is counted from radacct: each octet once, on the day of the ISP on which it was moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ispctl.store import Store, backup, usage
from ispctl.store.usage import Counted, Way
from tests.databases import Place

ZONE = ZoneInfo("Asia/Kathmandu")
NOON = datetime(2026, 11, 26, 12, tzinfo=ZONE)
TODAY, YESTERDAY = date(2026, 11, 26), date(2026, 11, 25)
ANITA, OWNER = "anita.rai@home.example", "sub-000123/main"
GB = 10**9


@dataclass
class Isp:
    """A database with one login of ours. Moments are hours from noon."""

    store: Store
    place: Place

    def login(self, login: str, owner: str) -> None:
        self.store.database.write("INSERT INTO ispctl_login (login, owner) VALUES (?, ?)", (login, owner))

    def report(
        self,
        octets_in: int,
        octets_out: int,
        *,
        began: float = -2,
        heard: float = -1,
        ended: float | None = None,
        id: str = "s1",
        login: str = ANITA,
        nas: str = "192.0.2.1",
    ) -> None:
        """What FreeRADIUS makes of a report."""
        at = self.place.instant()
        moments = [
            None if one is None else int((NOON + timedelta(hours=one)).timestamp()) for one in (began, heard, ended)
        ]
        self.place.hand(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
            f" acctstoptime, acctinputoctets, acctoutputoctets) VALUES (?, ?, ?, ?, {at}, {at}, {at}, ?, ?)"
            " ON CONFLICT (acctuniqueid) DO UPDATE SET acctupdatetime = excluded.acctupdatetime,"
            " acctstoptime = excluded.acctstoptime, acctinputoctets = excluded.acctinputoctets,"
            " acctoutputoctets = excluded.acctoutputoctets",
            values=(id, id, login, nas, *moments, octets_in, octets_out),
        )

    def count(self, hours: float = 0, way: Way = Way()) -> Counted:  # noqa: B008  # a value
        return usage.count(self.store, {"192.0.2.1": way}, ZONE, NOON + timedelta(hours=hours))

    def used(self, owner: str = OWNER) -> dict[date, tuple[int, int]]:
        found = usage.by_day(self.store, [owner], date(2026, 1, 1))
        return {one.day: (one.down, one.up) for one in found.get(owner, ())}


@pytest.fixture
def isp(place: Place) -> Iterator[Isp]:
    with place.create() as store:
        made = Isp(store, place)
        made.login(ANITA, OWNER)
        yield made


def test_what_a_session_moves_is_counted_once(isp: Isp) -> None:
    isp.report(1 * GB, 5 * GB)
    assert isp.count() == Counted(1, 5 * GB, 1 * GB)
    assert isp.used() == {TODAY: (5 * GB, 1 * GB)}
    assert isp.count() == Counted()
    isp.report(2 * GB, 9 * GB, heard=-0.5)
    assert isp.count() == Counted(1, 4 * GB, 1 * GB)
    assert isp.used() == {TODAY: (9 * GB, 2 * GB)}


def test_the_direction_of_the_inventory_is_obeyed(isp: Isp) -> None:
    isp.report(1 * GB, 5 * GB)
    isp.count(way=Way(subscriber=True))
    assert isp.used() == {TODAY: (1 * GB, 5 * GB)}


def test_a_nas_without_gigawords_may_count_past_4_gb(isp: Isp) -> None:
    isp.report(0, 4 * GB)
    isp.count(way=Way(gigawords=False))
    isp.report(0, 5 * GB - (1 << 32), heard=-0.5)
    isp.count(way=Way(gigawords=False))
    assert isp.used() == {TODAY: (5 * GB, 0)}


def test_counters_that_went_backwards_take_nothing_away(isp: Isp) -> None:
    isp.report(0, 5 * GB)
    isp.count()
    isp.report(0, 2 * GB, heard=-0.5)
    isp.count()
    isp.report(0, 6 * GB, heard=-0.25)
    isp.count()
    assert isp.used() == {TODAY: (6 * GB, 0)}


def test_a_session_across_midnight_is_split(isp: Isp) -> None:
    isp.report(0, 2 * GB, began=-14, heard=-13)
    isp.count(-12.9)
    isp.report(0, 4 * GB, began=-14, heard=-11)
    isp.count()
    assert isp.used() == {YESTERDAY: (3 * GB, 0), TODAY: (1 * GB, 0)}


def test_a_stop_that_comes_days_late_is_counted(isp: Isp) -> None:
    """Accounting that was kept on a NAS while nobody heard it."""
    isp.report(0, 1 * GB, began=-60, heard=-59)
    isp.count()
    isp.report(0, 3 * GB, began=-60, heard=-58, ended=-58)
    isp.count()
    assert sum(down for down, _ in isp.used().values()) == 3 * GB
    isp.report(0, 4 * GB, began=-60, heard=-57, ended=-58)  # reports overtake each other
    isp.count()
    assert sum(down for down, _ in isp.used().values()) == 4 * GB


def test_a_session_of_which_only_the_stop_came_is_counted(isp: Isp) -> None:
    isp.count(-3)
    isp.report(0, 3 * GB, began=-30, heard=-28, ended=-28)
    isp.count()
    assert isp.used() == {YESTERDAY: (3 * GB, 0)}


def test_a_stop_that_was_lost_loses_only_what_nobody_reported(isp: Isp) -> None:
    isp.report(0, 3 * GB)
    isp.count()
    isp.report(0, 1 * GB, began=-0.5, heard=-0.25, id="s2")
    isp.count()
    assert isp.used() == {TODAY: (4 * GB, 0)}


def test_a_nas_that_booted_may_give_an_id_again(isp: Isp) -> None:
    """The server keeps the former session under another id, and the new one begins at nought."""
    isp.report(0, 3 * GB)
    isp.count()
    isp.place.hand(f"UPDATE radacct SET acctuniqueid = 'former', acctstoptime = {isp.place.instant('1')}")
    isp.report(0, 1 * GB, began=-0.5, heard=-0.25)
    isp.count()
    isp.count()
    assert isp.used() == {TODAY: (4 * GB, 0)}


def test_what_was_closed_as_silent_and_goes_on_is_not_counted_anew(isp: Isp) -> None:
    isp.report(0, 3 * GB)
    isp.count()
    isp.report(0, 3 * GB, ended=-1)
    isp.count()
    isp.report(0, 4 * GB, heard=5)
    isp.count(6)
    assert isp.used() == {TODAY: (4 * GB, 0)}


def test_a_renamed_login_keeps_its_usage(isp: Isp) -> None:
    isp.report(0, 1 * GB)
    isp.count()
    isp.place.hand("DELETE FROM ispctl_login")
    isp.login("anita@home.example", OWNER)
    isp.report(0, 3 * GB, heard=-0.5, ended=-0.5)  # the Stop still names the old one
    isp.report(0, 2 * GB, began=-0.4, heard=-0.1, id="s2", login="anita@home.example")
    isp.count()
    assert isp.used() == {TODAY: (5 * GB, 0)}


def test_a_session_that_began_between_the_last_count_and_the_new_login_counts_too(isp: Isp) -> None:
    isp.place.hand("DELETE FROM ispctl_login")
    isp.login("anita@home.example", OWNER)
    isp.store.put_object("left", ANITA, {"owner": OWNER})
    isp.report(0, 3 * GB)
    isp.count()
    assert isp.used() == {TODAY: (3 * GB, 0)}


def test_whoever_becomes_ours_brings_what_is_kept_of_his_sessions(isp: Isp) -> None:
    isp.place.hand("DELETE FROM ispctl_login")
    isp.report(0, 3 * GB, ended=-1)
    isp.count()
    isp.login(ANITA, OWNER)
    isp.count()
    assert isp.used() == {TODAY: (3 * GB, 0)}


def test_each_service_has_its_own_usage_and_strangers_have_none(isp: Isp) -> None:
    isp.login("office@home.example", "sub-000123/office")
    isp.report(0, 1 * GB)
    isp.report(0, 2 * GB, id="s2", login="office@home.example")
    isp.report(0, 4 * GB, id="s3", login="somebody@else.example")
    isp.count()
    assert isp.used() == {TODAY: (1 * GB, 0)}
    assert isp.used("sub-000123/office") == {TODAY: (2 * GB, 0)}
    assert usage.most(isp.store, TODAY, 5) == [("sub-000123/office", 2 * GB, 0), (OWNER, 1 * GB, 0)]


def test_a_login_that_becomes_ours_brings_its_open_session(isp: Isp) -> None:
    isp.report(0, 4 * GB, id="s3", login="somebody@else.example")
    isp.count()
    isp.login("somebody@else.example", "sub-000200/main")
    isp.count()
    assert isp.used("sub-000200/main") == {TODAY: (4 * GB, 0)}


def test_the_clock_of_a_nas_that_is_ahead_brings_no_usage_of_tomorrow(isp: Isp) -> None:
    isp.report(0, 4 * GB, heard=30)
    isp.count()
    assert isp.used() == {TODAY: (4 * GB, 0)}


def test_whoever_is_killed_between_two_parts_counts_the_rest(isp: Isp, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        isp.report(0, GB, id=f"s{number}")
    part, done = usage._batch, []

    def killed(*arguments: object) -> Counted:
        found = part(*arguments)  # type: ignore[arg-type]
        done.append(found)
        if len(done) == 1:
            raise KeyboardInterrupt  # after it was written, before it stood
        return found

    monkeypatch.setattr(usage, "_batch", killed)
    with pytest.raises(KeyboardInterrupt):
        isp.count()
    assert isp.used() == {}
    isp.count()
    assert isp.used() == {TODAY: (7 * GB, 0)}


def test_what_takes_long_is_counted_in_parts(isp: Isp) -> None:
    many = isp.store.database.dialect.chunk + 1
    at = isp.place.instant(str(int(NOON.timestamp()) - 60))
    isp.place.hand(
        *(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
            f" acctoutputoctets) VALUES ('p{n}', 'p{n}', '{ANITA}', '192.0.2.1', {at}, {at}, 1)"
            for n in range(many)
        )
    )
    part = usage.count(isp.store, {}, ZONE, NOON, lambda: True)
    assert (part.sessions, part.done) == (many - 1, False)
    assert isp.count() == Counted(1, 1, 0)
    assert isp.used() == {TODAY: (many, 0)}


def test_a_restored_database_counts_nothing_twice(isp: Isp, tmp_path: Path) -> None:
    isp.report(0, 1 * GB, id="gone", ended=-1)
    isp.report(0, 3 * GB)
    isp.count()
    isp.place.hand("DELETE FROM radacct WHERE acctuniqueid = 'gone'")  # so that numbers differ
    restored(isp, tmp_path / "kept.gz")
    isp.report(0, 4 * GB, heard=-0.5)
    isp.count()
    assert isp.used() == {TODAY: (5 * GB, 0)}


def test_a_restored_database_knows_the_sessions_of_an_id_that_was_given_again_apart(isp: Isp, tmp_path: Path) -> None:
    isp.report(0, 3 * GB, ended=-1)
    isp.count()
    isp.place.hand("UPDATE radacct SET acctuniqueid = 'former'")
    isp.report(0, 1 * GB, began=-0.5, heard=-0.25)
    isp.report(0, 5 * GB, id="deleted", ended=-1)
    isp.count()
    isp.place.hand("DELETE FROM radacct WHERE acctuniqueid = 'deleted'")
    isp.report(0, 0, began=-0.5, heard=-0.25, id="deleted")
    restored(isp, tmp_path / "kept.gz")
    isp.report(0, 2 * GB, began=-0.5, heard=-0.1)
    isp.report(0, 1 * GB, began=-0.5, heard=-0.1, id="deleted")
    isp.count()
    isp.count()
    assert isp.used() == {TODAY: (11 * GB, 0)}


def restored(isp: Isp, file: Path) -> None:
    """The same database, lost and put back."""
    backup.write(isp.store, file, NOON, lambda *_: None)
    for table in ("radacct", "ispctl_counted", "ispctl_usage"):
        isp.store.database.write(f"DELETE FROM {table}")
    if isp.place.kind == "sqlite":
        isp.store.database.write("DELETE FROM sqlite_sequence WHERE name = 'radacct'")
    backup.restore(isp.store, file, NOON, actor="test", progress=lambda *_: None)


def test_a_count_reads_what_is_news_and_not_what_there_is(isp: Isp) -> None:
    for number in range(200):
        isp.report(0, GB, id=f"s{number}", ended=-1)
    isp.count()
    isp.report(0, GB, id="one", heard=-0.5)
    before = isp.store.rows_read
    assert isp.count() == Counted(1, GB, 0)
    assert isp.store.rows_read - before < 10


def test_it_is_known_when_usage_was_last_counted(isp: Isp) -> None:
    assert usage.last_count(isp.store) is None
    isp.count()
    assert usage.last_count(isp.store) == NOON.astimezone(UTC)
