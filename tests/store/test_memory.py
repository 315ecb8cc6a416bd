"""What the store remembers: applied entitlements, runs, sessions, proofs, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from ispctl.plan import Change
from ispctl.store import Applied, AppliedService, Proof, Store, proofs
from tests.databases import Place

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KATHMANDU = timezone(timedelta(hours=5, minutes=45))


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.create() as made:
        yield made


def service(number: int, key: str = "main") -> AppliedService:
    return AppliedService(f"sub-{number:06}", key, f"u{number}@home.example", '{"rate": 1}', "d" * 64, "c" * 40, NOON)


def test_the_applied_commit_is_remembered_with_its_moment(store: Store) -> None:
    store.put_applied(Applied("c" * 40, NOON.astimezone(KATHMANDU), "d" * 64))
    assert store.applied == Applied("c" * 40, NOON, "d" * 64)


def test_entitlements_come_back_by_service_and_read_no_other_rows(store: Store) -> None:
    for number in range(700):
        store.put_entitlement(service(number))
    store.put_entitlement(service(3, "second"))
    before = store.rows_read
    assert list(store.entitlements([("sub-000003", "main"), ("sub-999999", "main")])) == [service(3)]
    assert store.rows_read - before == 2
    assert len(list(store.entitlements())) == 701
    store.forget_entitlement(("sub-000003", "main"))
    assert [s.key for s in store.entitlements([("sub-000003", "main"), ("sub-000003", "second")])] == ["second"]


def test_an_entitlement_is_not_shown_by_its_repr(store: Store) -> None:
    assert "rate" not in repr(service(1))


def test_a_naive_moment_is_a_bug(store: Store) -> None:
    with pytest.raises(ValueError, match="time zone"):
        store.put_applied(Applied("c", NOON.replace(tzinfo=None), "d"))


def test_losses_are_counted_by_service_and_only_those_since(store: Store) -> None:
    run = store.begin_run("apply", NOON, commit="c" * 40)
    yesterday = NOON - timedelta(hours=25)
    run.service(("sub-000001", "main"), "cut-off", "commit", NOON)
    run.service(("sub-000001", "main"), "cut-off", "commit", NOON)
    run.service(("sub-000001", "main"), "dropped", "commit", NOON)
    run.service(("sub-000002", "main"), "cut-off", "clock", NOON)
    run.service(("sub-000003", "main"), "cut-off", "commit", yesterday)
    again = store.begin_run("apply", NOON, commit="c" * 40)
    again.service(("sub-000001", "main"), "cut-off", "commit", NOON)
    assert store.lost_since(NOON - timedelta(hours=24), ["cut-off", "dropped"]) == {
        ("cut-off", "commit"): {"sub-000001/main"},
        ("dropped", "commit"): {"sub-000001/main"},
        ("cut-off", "clock"): {"sub-000002/main"},
    }
    assert set(store.lost_since(NOON - timedelta(hours=24), ["dropped"])) == {("dropped", "commit")}


def test_deleted_keys_count_when_they_were_deleted(store: Store) -> None:
    run = store.begin_run("apply", NOON, commit="c" * 40)
    gone = [Change("radius", ("group", f"isp:{n}@x"), {"check": (), "reply": ()}, None) for n in range(3)]
    run.change(gone[0], NOON)
    run.change(gone[1], NOON, "held back")
    run.change(gone[2], NOON - timedelta(hours=25))
    assert store.deleted_since(NOON - timedelta(hours=24)) == {"group/isp:0@x"}
    run.change(gone[1], NOON)
    assert store.deleted_since(NOON - timedelta(hours=24)) == {"group/isp:0@x", "group/isp:1@x"}


def test_a_killed_run_stays_visible_as_unfinished(store: Store) -> None:
    killed = store.begin_run("apply", NOON, commit="c" * 40, base="b" * 40, digest="d", actor="ci")
    done = store.begin_run("repair", NOON + timedelta(seconds=1), commit="c" * 40)
    done.finish("done", NOON + timedelta(seconds=3), {"update": 2})
    assert [run.run for run in store.runs()] == [done.id, killed.id]
    assert next(store.runs()).counts == {"update": 2}
    (unfinished,) = store.runs(unfinished=True)
    assert (unfinished.run, unfinished.commit, unfinished.base, unfinished.actor, unfinished.finished) == (
        killed.id,
        "c" * 40,
        "b" * 40,
        "ci",
        None,
    )


def test_of_runs_that_began_in_one_second_the_later_comes_first(store: Store) -> None:
    ids = [store.begin_run("apply", NOON, commit="c" * 40).id for _ in range(12)]
    assert [run.run for run in store.runs()] == ids[::-1]


def test_sessions_are_the_open_ones_of_the_logins_asked_for(store: Store) -> None:
    moment = store.database.dialect.instant
    sql = (
        "INSERT INTO radacct (acctuniqueid, acctsessionid, username, nasipaddress, acctstarttime, acctupdatetime,"
        " acctstoptime, acctinputoctets, acctoutputoctets, framedipaddress, class, callingstationid)"
        f" VALUES (?, ?, ?, '192.0.2.1', {moment}, {moment}, {moment}, ?, ?, '100.64.0.9', 'ab-cd',"
        " '02:00:5e:10:00:01')"
    )
    start = int(NOON.timestamp())
    store.database.write_many(
        sql,
        [
            ("u1", "s1", "a@home.example", start, start + 300, None, 5, 2**40),
            ("u2", "s2", "a@home.example", start - 900, start, start, 1, 1),
            ("u3", "s3", "b@home.example", start, start, None, None, None),
        ],
    )
    assert [s.uniqueid for s in store.sessions()] == ["u1", "u3"]
    assert [s.uniqueid for s in store.sessions(open_only=False, logins=["a@home.example"])] == ["u2", "u1"]
    (session,) = store.sessions(logins=["a@home.example", "nobody"])
    assert (session.started, session.updated, session.stopped) == (NOON, NOON + timedelta(seconds=300), None)
    assert (session.octets_in, session.octets_out, session.klass) == (5, 2**40, "ab-cd")
    (empty,) = store.sessions(logins=["b@home.example"])
    assert (empty.octets_in, empty.octets_out) == (0, 0)


def test_a_proof_is_kept_until_it_is_forgotten(store: Store) -> None:
    asked = Proof("u1", "a@home.example", "192.0.2.1", "coa", "ab-cd", tries=1, sent=NOON)
    proofs.put(store, [asked])
    proved = Proof("u1", "a@home.example", "192.0.2.1", "coa", "ab-cd", "CoA-ACK", 2, NOON, NOON, NOON, "rate", 1, 2)
    proofs.put(store, [proved])
    assert list(proofs.read(store)) == [proved]
    assert list(proofs.read(store, logins=["b@home.example"])) == []
    proofs.forget(store, ["u1"])
    assert list(proofs.read(store, logins=["a@home.example"])) == []


def test_rejects_come_newest_first_with_strangers_among_them(store: Store) -> None:
    second = int(NOON.timestamp())
    store.database.write_many(
        "INSERT INTO radpostauth (username, reply, authdate, nas, callingstationid, reason)"
        f" VALUES (?, ?, {store.database.dialect.instant}, 'lalitpur-1', '02:00:5e:10:00:01', 'mac')",
        [("a@home.example", "Access-Reject", second), ("a@home.example", "Access-Accept", second + 1)],
    )
    store.database.write("INSERT INTO ispctl_stranger VALUES ('198.51.100.9', 1, ?, 7)", (second + 5,))
    assert [(r.reason, r.nas, r.at) for r in store.rejects()] == [
        ("unknown-client", "198.51.100.9", NOON + timedelta(seconds=5)),
        ("mac", "lalitpur-1", NOON),
    ]
    assert [r.mac for r in store.rejects(login="a@home.example")] == ["02:00:5e:10:00:01"]


def test_objects_are_noted_by_kind(store: Store) -> None:
    store.put_object("tariff", "home-50", {"rate": 50})
    store.put_object("tariff", "home-50", {"rate": 60})
    assert store.objects("tariff") == {"home-50": {"rate": 60}}
    store.forget_object("tariff", "home-50")
    assert store.objects("tariff") == {}
