"""Old facts: what falls silent is closed, what is past its time is deleted, little by little, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from ispctl.store import Message, Store, facts, nas_backups, retention
from ispctl.store.nas_backups import Backup
from ispctl.store.records import Unsent, stamp
from ispctl.store.retention import Keep, Pruned, foresee, last_pruned, prune
from ispctl.structs import replace
from tests.databases import KINDS, Place

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
KEEP = Keep(timedelta(seconds=750), 400 * DAY, 30 * DAY)
ALL = Keep(timedelta(seconds=750))


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.create() as made:
        yield made


def session(store: Store, name: str, *, began: timedelta, heard: timedelta, ended: timedelta | None = None) -> None:
    """Moments are ages at noon."""
    at = store.database.dialect.instant
    store.database.write(
        "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
        f" acctstoptime, acctterminatecause, framedipaddress) VALUES (?, ?, ?, '192.0.2.1', {at}, {at}, {at}, ?,"
        " '100.64.0.7')",
        (
            *(name, name, f"{name}@home.example", stamp(NOON - began), stamp(NOON - heard)),
            *(None if ended is None else stamp(NOON - ended), "" if ended is None else "User-Request"),
        ),
    )


def refusal(store: Store, login: str, ago: timedelta, reply: str = "Access-Reject") -> None:
    store.database.write(
        "INSERT INTO radpostauth (username, pass, reply, authdate)"
        f" VALUES (?, '', ?, {store.database.dialect.instant})",
        (login, reply, stamp(NOON - ago)),
    )


def left(store: Store) -> list[str]:
    return [row[0] for row in store.database.query("SELECT acctuniqueid FROM radacct ORDER BY 1")]


def live(store: Store) -> None:
    session(store, "live", began=500 * DAY, heard=timedelta(seconds=60))


def work(store: Store, keep: Keep = KEEP, **more: object) -> Pruned:
    return prune(store, keep, NOON, actor="noc", rest=lambda _: None, **more)  # type: ignore[arg-type]


def test_a_silent_session_is_closed_when_it_was_last_heard_of_and_says_why(store: Store) -> None:
    live(store)
    session(store, "silent", began=DAY, heard=timedelta(seconds=800))
    assert work(store) == Pruned(closed=1)
    rows = {one.uniqueid: one for one in store.sessions(open_only=False)}
    assert (rows["silent"].stopped, rows["silent"].cause) == (NOON - timedelta(seconds=800), "isp:stale")
    assert (rows["live"].stopped, rows["live"].cause) == (None, "")


def test_nobody_is_closed_where_nobody_at_all_was_heard(store: Store) -> None:
    session(store, "one", began=DAY, heard=timedelta(seconds=800))
    session(store, "other", began=DAY, heard=timedelta(seconds=900))
    assert foresee(store, KEEP, NOON) == Pruned(deaf=True)
    assert work(store) == Pruned(deaf=True)
    assert len(list(store.sessions())) == 2


def test_what_stood_on_a_nas_goes_when_it_is_old_but_the_last_three_of_each_stay(store: Store) -> None:
    for host, ages in (("busy", (900, 500, 450, 20, 10, 1)), ("quiet", (900, 800, 700, 600))):
        for days in ages:
            nas_backups.put(store, host, Backup(f"run-{days}", NOON - days * DAY, "[]"))
    keep = Keep(timedelta(seconds=750), nas_backups=400 * DAY)
    assert foresee(store, ALL, NOON).nas_backups == 0
    assert foresee(store, keep, NOON) == Pruned(nas_backups=4, deaf=True, done=False)
    assert work(store, keep) == Pruned(nas_backups=4, deaf=True)
    kept = {host: [one.run for one in nas_backups.of(store, host)] for host in nas_backups.counts(store)}
    assert kept == {"busy": ["run-1", "run-10", "run-20"], "quiet": ["run-600", "run-700", "run-800"]}


def test_what_ended_longer_ago_than_is_kept_goes_and_an_open_session_never_does(store: Store) -> None:
    live(store)
    for name, days in (("old", 401), ("young", 399)):
        session(store, name, began=(days + 50) * DAY, heard=days * DAY, ended=days * DAY)
    for days in (31, 29):
        refusal(store, f"u{days}", days * DAY)
        refusal(store, f"a{days}", days * DAY, "Access-Accept")
    assert foresee(store, KEEP, NOON) == Pruned(sessions=1, rejects=2, done=False)
    assert len(left(store)) == 3
    assert work(store) == Pruned(sessions=1, rejects=2)
    assert left(store) == ["live", "young"]
    assert store.database.query("SELECT username FROM radpostauth ORDER BY 1") == [("a29",), ("u29",)]


def test_a_letter_that_went_or_was_refused_long_ago_goes_and_one_that_waits_stays(store: Store) -> None:
    states: tuple[Literal["queued", "sending", "sent", "failed"], ...] = ("queued", "sending", "sent", "failed")
    for state in states:
        for days in (401, 399):
            made, key = NOON - 450 * DAY, f"{state}-{days}"
            tried = NOON - days * DAY
            store.add_message(Message(key, "statement", "sub-1", "x", state, 1, 0, "", "asha", "", 0, made, tried))
    keep = replace(ALL, letters=400 * DAY)
    assert foresee(store, keep, NOON) == Pruned(letters=2, deaf=True, done=False)
    assert work(store, keep) == Pruned(letters=2, deaf=True)
    left = {one.key for one in store.messages(states)}
    assert left == {"queued-401", "queued-399", "sending-401", "sending-399", "sent-399", "failed-399"}
    assert store.unsent(NOON - DAY, NOON - 500 * DAY) == Unsent(4, NOON - 450 * DAY, 1)
    assert store.unsent(NOON - 400 * DAY, NOON) == Unsent(3, NOON - 450 * DAY, 0)


def test_without_a_policy_nothing_is_deleted(store: Store) -> None:
    live(store)
    session(store, "old", began=5000 * DAY, heard=4999 * DAY, ended=4999 * DAY)
    refusal(store, "u", 4999 * DAY)
    assert work(store, ALL) == Pruned()
    assert (left(store), len(list(store.rejects()))) == (["live", "old"], 1)


def test_the_journal_counts_what_was_done_and_is_silent_where_nothing_was(store: Store) -> None:
    live(store)
    assert work(store).nothing
    assert (list(store.runs()), last_pruned(store)) == ([], NOON)
    refusal(store, "u", 31 * DAY)
    work(store)
    (run,) = store.runs()
    assert (run.kind, run.outcome, run.actor) == ("prune", "done", "noc")
    assert run.counts == {"closed": 0, "sessions": 0, "rejects": 1, "letters": 0, "nas_backups": 0, "usage": 0}


class Killed(BaseException):
    pass


def test_a_prune_that_is_killed_keeps_what_it_did_and_the_next_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    for number in range(10):
        refusal(store, f"u{number}", 31 * DAY)

    def kill(what: str, done: int, _all: int) -> None:
        if (what, done) == ("rejects", 6):
            raise Killed

    with pytest.raises(Killed):
        work(store, progress=kill)
    (run,) = store.runs()
    assert (run.finished, run.counts["rejects"], last_pruned(store)) == (None, 6, None)
    assert work(store) == Pruned(rejects=4, deaf=True)
    assert store.database.query("SELECT count(*) FROM radpostauth") == [(0,)]


def test_who_has_enough_comes_back_later_and_the_day_is_not_over_before(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    for number in range(7):
        refusal(store, f"u{number}", 31 * DAY)
    assert work(store, enough=lambda: True) == Pruned(rejects=3, deaf=True, done=False)
    assert (last_pruned(store), next(iter(store.runs())).outcome) == (None, "not all")
    assert work(store) == Pruned(rejects=4, deaf=True)
    assert last_pruned(store) == NOON


@pytest.mark.parametrize("place", KINDS[1:], indirect=True)
def test_a_row_that_somebody_else_works_on_is_left_for_the_next_time(store: Store, place: Place) -> None:
    live(store)
    for name in ("held", "free"):
        session(store, name, began=402 * DAY, heard=401 * DAY, ended=401 * DAY)
    with place.stranger() as run:
        run("UPDATE radacct SET acctoutputoctets = 7 WHERE acctuniqueid = 'held'")
        assert work(store) == Pruned(sessions=1)
        assert left(store) == ["held", "live"]
    assert work(store) == Pruned(sessions=1)


def test_last_reports_are_found_whether_a_session_is_open_or_over(store: Store) -> None:
    assert (facts.last_report(store), facts.last_reports(store), facts.last_seen(store)) == (None, {}, {})
    session(store, "over", began=3 * DAY, heard=2 * DAY, ended=2 * DAY)
    assert facts.last_report(store) == NOON - 2 * DAY
    live(store)
    session(store, "former", began=501 * DAY, heard=500 * DAY, ended=500 * DAY)
    assert facts.last_report(store) == NOON - timedelta(seconds=60)
    assert facts.last_reports(store) == {"192.0.2.1": NOON - timedelta(seconds=60)}
    assert facts.last_seen(store) == {
        "former@home.example": NOON - 500 * DAY,
        "live@home.example": NOON - timedelta(seconds=60),
        "over@home.example": NOON - 2 * DAY,
    }
    assert facts.began(store, NOON - 4 * DAY) == (facts.Began("192.0.2.1", 1, NOON - 3 * DAY),)


def test_usage_is_kept_as_long_as_the_policy_says_and_what_was_counted_as_long_as_its_session(store: Store) -> None:
    store.database.write("INSERT INTO ispctl_login (login, owner) VALUES ('old@home.example', 'sub-1/main')")
    session(store, "old", began=500 * DAY, heard=499 * DAY, ended=499 * DAY)
    for day in (20250101, 20261201):
        store.database.write(
            "INSERT INTO ispctl_usage (owner, day, hour, down, up) VALUES ('sub-1/main', ?, 24, 1, 1)", (day,)
        )
    for id in ("(SELECT radacctid FROM radacct)", "99"):
        store.database.write(
            "INSERT INTO ispctl_counted (acctid, session, owner, octets_in, octets_out, at, ended)"
            f" VALUES ({id}, 's', 'sub-1/main', 1, 1, 1, 1)"
        )
    keep = Keep(timedelta(seconds=750), 600 * DAY, usage=62 * DAY)
    assert foresee(store, keep, NOON).usage == 1
    assert work(store, keep).usage == 1
    assert store.database.query("SELECT day FROM ispctl_usage") == [(20261201,)]
    assert store.database.query("SELECT count(*) FROM ispctl_counted") == [(1,)]
    work(store, KEEP)
    assert store.database.query("SELECT count(*) FROM ispctl_counted") == [(0,)]
