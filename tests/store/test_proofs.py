"""Which sessions the accounting has news of: the database tells it as a look at each of them would."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import Final, Literal, NamedTuple

from ispctl.radius.live import former
from ispctl.store import Proof, Session, proofs
from ispctl.store.proofs import Answers
from ispctl.store.records import moment
from ispctl.structs import replace
from tests.databases import Place

NOON: Final = 1_800_000_000


class Row(NamedTuple):
    """A row of radacct: when the session began, reported and ended, in seconds after noon."""

    started: int
    updated: int | None
    stopped: int | None = None


ROWS: Final = (
    None,
    Row(40, 200, 200),
    *(Row(started, updated) for started, updated in product((40, 120), (None, 100, 101, 150, 151))),
)


def at(seconds: int | None) -> datetime | None:
    return None if seconds is None else moment(NOON + seconds)


KINDS: Final[tuple[tuple[Literal["coa", "disconnect"], str], ...]] = (
    ("coa", "ack"),
    ("coa", "silent"),
    ("disconnect", "ack"),
)
ASKED: Final = tuple(
    Proof("", "a@home.example", "bng", kind, "c", answer, acked=at(acked), proved=at(proved), counted=at(counted))
    for kind, answer in KINDS
    for acked, proved, counted in product((None, 100), (None, 200), (None, 50, 100, 150))
)


def filled(place: Place) -> dict[str, Proof]:
    """Every kind of what was asked, beside every kind of session."""
    place.create().close()
    every = {f"u{n:03}": pair for n, pair in enumerate(product(ASKED, ROWS))}
    asked = {id: replace(proof, uniqueid=id) for id, (proof, _) in every.items()}
    rows = [(id, row) for id, (_, row) in every.items() if row is not None]
    instants = ", ".join([place.instant()] * 3)
    with place.open() as store:
        with store.transaction():
            proofs.put(store, asked.values())
        store.database.write_many(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
            f" acctstoptime) VALUES (?, ?, 'a@home.example', '192.0.2.1', {instants})",
            [(id, id, *(None if one is None else NOON + one for one in row)) for id, row in rows],
        )
    return asked


def is_over(proof: Proof, session: Session | None) -> bool:
    return session is None or former(proof, session.started)


def has_reported(proof: Proof, session: Session | None) -> bool:
    """Since its change, and since what was counted of it."""
    if session is None or session.updated is None or proof.acked is None or not proof.awaited:
        return False
    return session.updated > max(proof.acked, proof.counted or proof.acked)


def test_the_database_tells_of_whom_the_accounting_has_news(place: Place) -> None:
    asked = filled(place)
    with place.open() as store:
        there = {session.uniqueid: session for session in store.sessions()}
        pairs = {id: (proof, there.get(id)) for id, proof in asked.items()}
        over = {id for id, pair in pairs.items() if is_over(*pair)}
        reported = {id for id, pair in pairs.items() if has_reported(*pair)}
        awaited = {id for id, proof in asked.items() if proof.awaited}
        assert {proof.uniqueid: (proof, one) for proof, one in proofs.news(store)} == {
            id: pairs[id] for id in over | reported
        }
        assert {proof.uniqueid for proof, _ in proofs.news(store, awaited=True)} == over & awaited | reported
        assert min(map(len, (over - awaited, over & awaited, reported - over, asked.keys() - over - reported))) > 0
        assert proofs.awaited(store) == awaited
        assert proofs.waiting(store) == len(awaited)
        assert proofs.awaited_logins(store) == {"a@home.example"}


def test_some_of_many_are_read_alone(place: Place) -> None:
    place.create().close()
    one, other = (Proof(id, f"{id}@home.example", "bng", "coa", "c") for id in "ab")
    with place.open() as store:
        proofs.put(store, [one, other])
        assert list(proofs.read(store)) == [one, other]
        assert list(proofs.read(store, logins=["b@home.example", "c@home.example"])) == [other]
        assert list(proofs.read(store, ids=["a", "c"])) == [one]
        assert list(proofs.read(store, ids=[])) == []


def test_answers_are_counted_by_nas_with_the_newest_of_each(place: Place) -> None:
    place.create().close()
    early, late = datetime.fromtimestamp(NOON, UTC), datetime.fromtimestamp(NOON + 9, UTC)
    said = Proof("a", "a@home.example", "bng-1", "coa", "c", "ack", sent=late, acked=late)
    with place.open() as store:
        proofs.put(store, [said, replace(said, uniqueid="b", sent=early, acked=early)])
        proofs.put(store, [replace(said, uniqueid="c", answer="silent", sent=None, acked=None)])
        proofs.put(store, [replace(said, uniqueid="d", nas="bng-2", sent=early, acked=None)])
        assert proofs.answers(store) == (
            Answers("bng-1", "ack", 2, 2, late, late),
            Answers("bng-1", "silent", 1, 0, None, None),
            Answers("bng-2", "ack", 1, 1, early, None),
        )
