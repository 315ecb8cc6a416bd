"""Grace for all who had no service while a NAS was down: who was on it, as the accounting has it, and nobody twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ispctl.store import Store
from tests.cli.conftest import DSN
from tests.verbs.conftest import SUB, Isp

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
BEGAN, ENDED = NOW - 5 * HOUR, NOW - 3 * HOUR
OTHER, POSTPAID, ABUSER = "sub-000124", "sub-000077", "sub-000127"
LOGINS = {
    SUB: "anita.rai@home.example",
    OTHER: "bikash.maharjan@home.example",
    ABUSER: "ekraj.dangol@home.example",
    POSTPAID: "himal-trading",
}
LALITPUR, POKHARA = "192.0.2.1", "192.0.2.3"


@pytest.fixture
def met(isp: Isp) -> Isp:
    """With a database in which nobody was on yet."""
    Store.create(DSN, base=isp.clone, lab=True).close()
    return isp


@contextmanager
def database(isp: Isp) -> Iterator[Store]:
    with Store.open(DSN, base=isp.clone) as store, store.transaction():
        yield store


def was_on(
    isp: Isp,
    login: str,
    began: datetime,
    heard: datetime,
    *,
    ended: bool = False,
    nas: str = LALITPUR,
    cause: str = "User-Request",
) -> None:
    with database(isp) as store:
        store.database.write(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
            " acctstoptime, acctterminatecause) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                login,
                f"{login} {began} {nas}",
                login,
                nas,
                int(began.timestamp()),
                int(heard.timestamp()),
                int(heard.timestamp()) if ended else None,
                cause if ended else "",
            ),
        )


def words(nas: str = "lalitpur-1", began: datetime = BEGAN, ended: datetime = ENDED, *more: str) -> list[str]:
    window = ["--from", began.isoformat(), "--to", ended.isoformat()]
    return ["grace", "--nas", nas, *window, "--reason", "power cut", "--direct", *more]


def rows(isp: Isp, *typed: str) -> dict[str, Any]:
    said = isp(*typed, "--format", "json")
    assert said.out, said.err
    return {row["key"].rpartition(":")[2]: row for row in said.json["rows"]}


def test_whoever_was_on_it_is_given_the_days_that_it_lasted(met: Isp) -> None:
    was_on(met, LOGINS[SUB], BEGAN - HOUR, NOW)
    was_on(met, LOGINS[OTHER], BEGAN - HOUR, NOW, nas=POKHARA)
    found = rows(met, *words())
    assert {owner: row["outcome"] for owner, row in found.items()} == {f"{SUB}/main": "done"}
    assert found[f"{SUB}/main"]["text"].endswith("(1 days)")
    assert met("validate").code == 0
    account = met.text("subscribers/lalitpur/3f/sub-000123.ledger.yaml")
    assert 'quote: {outage: "' in account
    assert 'key: "outage:lalitpur-1:' in account


def test_a_day_that_began_counts_and_days_may_be_said(met: Isp) -> None:
    was_on(met, LOGINS[SUB], BEGAN - 48 * HOUR, NOW)
    long = words("lalitpur-1", NOW - 30 * HOUR, ENDED, "--dry-run")
    assert rows(met, *long)[f"{SUB}/main"]["text"].endswith("(2 days)")
    assert rows(met, *long, "--days", "5")[f"{SUB}/main"]["text"].endswith("(5 days)")


def test_twice_gives_nobody_two_also_where_the_times_were_mended(met: Isp) -> None:
    was_on(met, LOGINS[SUB], BEGAN - HOUR, NOW)
    met.done(*words())
    was_on(met, LOGINS[OTHER], BEGAN - HOUR, NOW)
    for typed in (words(), words("pop-lalitpur", BEGAN - HOUR / 2)):
        found = {owner: row["outcome"] for owner, row in rows(met, *typed).items()}
        assert found == {f"{SUB}/main": "already", f"{OTHER}/main": "done"} | (
            {f"{OTHER}/main": "already"} if typed != words() else {}
        )
    assert met.text().count("power cut") == 1


def test_another_outage_is_another_grace_until_the_policy_ends_it(met: Isp) -> None:
    was_on(met, LOGINS[SUB], BEGAN - 100 * HOUR, NOW)
    found = [
        rows(met, *words("lalitpur-1", BEGAN - hours * HOUR, ENDED - hours * HOUR))[f"{SUB}/main"]
        for hours in (90, 60, 30)
    ]
    assert [row["outcome"] for row in found] == ["done", "done", "refused"]
    assert "E723 too-much-grace" in found[-1]["problems"][0]


def test_who_cannot_be_given_it_is_listed_and_the_others_go_on(met: Isp) -> None:
    for login in LOGINS.values():
        was_on(met, login, BEGAN - HOUR, NOW)
    was_on(met, "corner-shop", BEGAN - HOUR, NOW)
    said = met(*words(), "--format", "json")
    found = {row["key"].rpartition(":")[2]: row for row in said.json["rows"]}
    assert said.code == 1
    assert {owner: row["outcome"] for owner, row in found.items()} == {
        f"{SUB}/main": "done",
        f"{OTHER}/main": "done",
        "sub-000141/main": "done",
        f"{ABUSER}/main": "refused",
        f"{POSTPAID}/main": "refused",
    }, "corner-shop was sub-000140's once, whose contract is over"
    assert "E727 nothing-lost: sub-000127/main was suspended then" in found[f"{ABUSER}/main"]["problems"][0]
    assert "ispctl credit sub-000077/main AMOUNT" in found[f"{POSTPAID}/main"]["problems"][0]


def test_both_services_of_one_person_are_given_it(met: Isp) -> None:
    for login in ("rapti-desk", "rapti-guests"):
        was_on(met, login, BEGAN - HOUR, NOW, nas=nas_of(met, "chitwan-2"))
    found = rows(met, *words("chitwan-2"))
    assert {owner: row["outcome"] for owner, row in found.items()} == {
        "sub-000411/desk": "done",
        "sub-000411/guests": "done",
    }


def nas_of(isp: Isp, name: str) -> str:
    from ispctl.repo import Repository

    with Repository.open(isp.clone, {}) as repository:
        radius = repository.at("HEAD").nas[name].radius
    assert radius is not None
    return str(radius.sources[0])


@pytest.mark.parametrize(
    "began, heard, ended, cause, outcome",
    [
        (BEGAN - HOUR, BEGAN - timedelta(minutes=5), False, "", "done"),
        (BEGAN - HOUR, BEGAN - timedelta(minutes=5), True, "isp:stale", "done"),
        (BEGAN - 9 * HOUR, BEGAN - 8 * HOUR, False, "", "refused"),
        (BEGAN - 9 * HOUR, BEGAN - 8 * HOUR, True, "isp:stale", None),
        (BEGAN - HOUR, BEGAN - timedelta(minutes=5), True, "User-Request", None),
        (ENDED + HOUR, NOW, False, "", None),
        (BEGAN + HOUR, NOW, False, "", "done"),
    ],
    ids="silenced-by-it closed-by-a-prune silent-before closed-before gone-before came-after came-back".split(),
)
def test_who_was_on_is_what_the_accounting_says(
    met: Isp, began: datetime, heard: datetime, ended: bool, cause: str, outcome: str | None
) -> None:
    was_on(met, LOGINS[OTHER], BEGAN - HOUR, NOW)
    was_on(met, LOGINS[SUB], began, heard, ended=ended, cause=cause)
    found = rows(met, *words())
    assert (found.get(f"{SUB}/main") or {"outcome": None})["outcome"] == outcome
    if outcome == "refused":
        assert "E726 session-unknown" in found[f"{SUB}/main"]["problems"][0]


def test_logins_that_are_nobodys_now_are_counted_and_not_named(met: Isp) -> None:
    was_on(met, LOGINS[SUB], BEGAN - HOUR, NOW)
    was_on(met, "gone-since@home.example", BEGAN - HOUR, NOW)
    said = met(*words())
    assert "1 logins that were on then are nobody's now" in said.err
    assert "gone-since" not in said.both


def test_a_group_and_a_table_and_one_alone_may_have_been_without_it(met: Isp, tmp_path: Any) -> None:
    window = ["--from", BEGAN.isoformat(), "--to", ENDED.isoformat(), "--reason", "fibre cut", "--direct"]
    assert met("grace", SUB, *window).code == 0
    again = met("grace", SUB, *window)
    assert (again.code, again.out.startswith("Already done by")) == (0, True)
    group = rows(met, "grace", "--group", "lalitpur", *window)
    assert (group[f"{SUB}/main"]["outcome"], group[f"{OTHER}/main"]["outcome"]) == ("already", "done")
    table = tmp_path / "out.csv"
    table.write_text(f"sub,from\n{OTHER},{(BEGAN + HOUR).isoformat()}\nsub-000129,\n")
    said = met("grace", "--csv", table, *window, "--format", "json")
    assert [row["outcome"] for row in said.json["rows"]] == ["already", "already"]


def test_it_is_only_shown_where_nothing_shall_be_written(met: Isp) -> None:
    was_on(met, LOGINS[SUB], BEGAN - HOUR, NOW)
    said = met(*words("lalitpur-1", BEGAN, ENDED, "--dry-run"))
    assert "1 rows: 1 done\nNothing was written (--dry-run)." in said.out
    assert len(met.log()) == 1


@pytest.mark.parametrize(
    "typed, told",
    [
        (words("lalitpur-9"), "E621 no-such-name: --nas lalitpur-9: there is none of that name at the head. Did you"),
        (words("pokhara-1"), "E321 no-such-service: nobody is meant by that"),
        (words("lalitpur-1", ENDED, BEGAN), "E687 bad-day: the outage ends before it begins"),
        (words("lalitpur-1", BEGAN, NOW + HOUR), "E687 bad-day: the outage is not over yet"),
        (["grace", "--nas", "lalitpur-1", "--reason", "x"], "Say both: --from and --to"),
        (["grace", SUB, "--from", "2026-01-01", "--reason", "x"], "Say both: --from and --to"),
        ([*words(), "--group", "lalitpur"], "one of them"),
    ],
)  # fmt: skip
def test_a_slip_is_refused(met: Isp, typed: list[str], told: str) -> None:
    said = met(*typed)
    assert (said.code, told in said.err) == (1, True), said.both
    assert met.branches() == {"main"}
    assert len(met.log()) == 1


def test_without_the_database_nobody_is_taken_for_nobody(isp: Isp) -> None:
    said = isp(*words())
    assert (said.code, "E301 no-database" in said.err or "E324" in said.err) == (1, True), said.both
