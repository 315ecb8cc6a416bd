"""What was asked of live sessions, what came of it, and of which of them the accounting has news.

Of those that were told long ago there may be as many as there are sessions: only `read` gives them all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from ispctl.store import _sessions, doubts
from ispctl.store._link import Row
from ispctl.store._store import Store
from ispctl.store.doubts import BESIDE, OVER
from ispctl.store.records import Proof, Session, moment, stamp_or_none

_COLUMNS: Final = (
    *("acctuniqueid", "login", "nas", "kind", "class_to", "answer", "tries", "sent", "acked", "proved", "proof"),
    *("octets_in", "octets_out", "counted", "down", "up", "attempts", "error_cause", "retry"),
    *("burst_down", "burst_up"),
)
_OF: Final = ", ".join(f"p.{name}" for name in _COLUMNS)
_ALL: Final = f"SELECT {_OF} FROM ispctl_session p"
_ORDER: Final = "ORDER BY p.login, p.acctuniqueid"
_PUT: Final = (
    f"INSERT INTO ispctl_session ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
    f" ON CONFLICT (acctuniqueid) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[1:])}"
)
_AWAITED: Final = "p.kind = 'coa' AND p.answer = 'ack' AND p.acked IS NOT NULL AND p.proved IS NULL"
"""As in `Proof.awaited`."""
_REPORTED: Final = "(a.acctupdatetime > {acked} AND (p.counted IS NULL OR a.acctupdatetime > {counted}))"
_NEWS: Final = f"SELECT p.acctuniqueid FROM ispctl_session p {BESIDE} WHERE {_AWAITED} AND ({OVER} OR {_REPORTED})"
_ENDED: Final = f"SELECT p.acctuniqueid FROM ispctl_session p {BESIDE} WHERE {OVER}"
_BOTH: Final = (
    f"SELECT {_OF}, {_sessions.columns('a')} FROM ispctl_session p {BESIDE} WHERE p.acctuniqueid IN ({{}}) {_ORDER}"
)
"""Names alone first: of many there is no news, and whole rows of all of them are more than a server joins in memory."""


class Answers(NamedTuple):
    """What a NAS has answered: of how many sessions it is the last answer (of `asked` of them it is known when they
    were asked), when the newest of these was asked, and when one was acknowledged."""

    nas: str
    answer: str
    sessions: int
    asked: int
    sent: datetime | None
    acked: datetime | None


def read(store: Store, *, logins: Collection[str] | None = None, ids: Collection[str] | None = None) -> Iterator[Proof]:
    """What is not forgotten: of these logins, of these sessions (Acct-Unique-Session-Id), or all of it."""
    if logins is None and ids is None:
        yield from map(_proof, store.database.stream(f"{_ALL} {_ORDER}"))
        return
    column, keys = ("acctuniqueid", ids) if ids is not None else ("login", logins or ())
    sql = f"{_ALL} WHERE p.{column} IN ({{}}) {_ORDER}"
    yield from map(_proof, store.database.among(sql, sorted(set(keys))))


def news(store: Store, *, awaited: bool = False) -> Iterator[tuple[Proof, Session | None]]:
    """Those of which the accounting may say what was not counted yet: their session has ended (None), another one has
    its id, or it has reported since a change that is still to be proved. `awaited`: of such changes alone."""
    instant = store.database.dialect.instant
    moments = {name: instant.replace("?", f"p.{name}") for name in ("acked", "counted")}
    found = {str(id) for (id,) in store.database.query(_NEWS.format(**moments))}
    if not awaited:
        found.update(str(id) for (id,) in _ended(store, _ENDED.format(**moments)))
    for row in store.database.among(_BOTH, sorted(found)):
        session = row[len(_COLUMNS) :]
        yield _proof(row[: len(_COLUMNS)]), None if session[0] is None else _sessions.session(session)


def _ended(store: Store, sql: str) -> Iterable[Row]:
    """Whose end, or new beginning, was not seen yet."""
    doubtful = doubts.written(store)
    if doubtful is None:
        return store.database.query(sql)
    return store.database.among(f"{sql} AND p.acctuniqueid IN ({{}})", sorted(doubtful))


def awaited(store: Store) -> frozenset[str]:
    """The sessions (Acct-Unique-Session-Id) whose change was acknowledged and is still to be proved."""
    rows = store.database.stream(f"SELECT p.acctuniqueid FROM ispctl_session p WHERE {_AWAITED}")
    return frozenset(str(id) for (id,) in rows)


def waiting(store: Store) -> int:
    """How many they are."""
    ((count,),) = store.database.query(f"SELECT count(*) FROM ispctl_session p WHERE {_AWAITED}")
    return int(count)


def awaited_logins(store: Store) -> frozenset[str]:
    """The logins of these sessions."""
    rows = store.database.stream(f"SELECT DISTINCT p.login FROM ispctl_session p WHERE {_AWAITED}")
    return frozenset(str(login) for (login,) in rows)


def answers(store: Store) -> tuple[Answers, ...]:
    """By NAS and answer, in their order."""
    rows = store.database.query(
        "SELECT nas, answer, count(*), count(sent), max(sent), max(acked) FROM ispctl_session"
        " GROUP BY nas, answer ORDER BY nas, answer"
    )
    return tuple(
        Answers(nas, said, many, asked, moment(sent), moment(acked)) for nas, said, many, asked, sent, acked in rows
    )


def _answers(nas: str, answer: str, sessions: int, asked: int, sent: int | None, acked: int | None) -> Answers:
    return Answers(nas, answer, sessions, asked, moment(sent), moment(acked))


def put(store: Store, proofs: Iterable[Proof]) -> None:
    """Many at once; of none twice."""
    store.database.write_many(_PUT, map(_row, proofs))


def forget(store: Store, ids: Iterable[str]) -> None:
    """Those of sessions that have ended, many at once."""
    store.database.write_many("DELETE FROM ispctl_session WHERE acctuniqueid = ?", [(id,) for id in ids])


def _proof(row: Row) -> Proof:
    sent, acked, proved, proof, received, given, counted, *promised = row[7:]
    down, up, attempts, cause, retry, *burst = promised
    times = (moment(sent), moment(acked), moment(proved))
    kept = (proof, received, given, moment(counted), down, up)
    return Proof(*[*row[:7], *times, *kept, attempts, cause, moment(retry), *burst])


def _row(proof: Proof) -> tuple[str | int | None, ...]:
    """In the order of _COLUMNS."""
    return (
        proof.uniqueid,
        proof.login,
        proof.nas,
        proof.kind,
        proof.class_to,
        proof.answer,
        proof.tries,
        stamp_or_none(proof.sent),
        stamp_or_none(proof.acked),
        stamp_or_none(proof.proved),
        proof.proof,
        proof.octets_in,
        proof.octets_out,
        stamp_or_none(proof.counted),
        proof.down,
        proof.up,
        proof.attempts,
        proof.error_cause,
        stamp_or_none(proof.retry),
        proof.burst_down,
        proof.burst_up,
    )
