"""The outbox: what was to be told to people, and what became of it. A fact of operation, so it is not in git."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, Final

from ispctl.store._database import Database
from ispctl.store.records import EPOCH, Message, Unsent, moment, stamp, stamp_or_none

_COLUMNS: Final = (
    "message, kind, subscriber, about, state, attempts, unsure, error, actor, host, pid, made, tried"  # as in Message
)
_REPLACED: Final = "another one went instead"
_SELECT: Final = f"SELECT {_COLUMNS} FROM ispctl_outbox"


def find(database: Database, key: str) -> Message | None:
    return next(_read(database.query(f"{_SELECT} WHERE message = ?", (key,))), None)


def listed(database: Database, states: Collection[str], limit: int) -> list[Message]:
    """The newest in one of these states, newest first."""
    marks = ", ".join("?" * len(states))
    sql = f"{_SELECT} WHERE state IN ({marks}) ORDER BY made DESC, message LIMIT ?"
    return list(_read(database.query(sql, (*sorted(states), limit))))


def add(database: Database, message: Message) -> bool:
    """Whether it is new."""
    marks = ", ".join("?" * len(_COLUMNS.split(", ")))
    sql = f"INSERT INTO ispctl_outbox ({_COLUMNS}) VALUES ({marks}) ON CONFLICT (message) DO NOTHING"
    return database.write(sql, _values(message)) == 1


def change(database: Database, was: Message, now: Message) -> bool:
    """Whether it was still as `was` says: of two who change it, one does."""
    names = _COLUMNS.split(", ")[1:]
    sql = f"UPDATE ispctl_outbox SET {', '.join(f'{name} = ?' for name in names)}"
    sql += " WHERE message = ? AND state = ? AND attempts = ?"
    return database.write(sql, (*_values(now)[1:], was.key, was.state, was.attempts)) == 1


def take_back(database: Database, key: str) -> None:
    """Forget one that nobody has begun to send."""
    database.write("DELETE FROM ispctl_outbox WHERE message = ? AND state = 'queued' AND attempts = 0", (key,))


def replaced(database: Database, sent: Message) -> None:
    """A new password is about the same service in whatever language: `sub-1/main in np`."""
    about = sent.about.partition(" in ")[0] if sent.kind == "password" else sent.about
    database.write(
        f"UPDATE ispctl_outbox SET state = 'failed', error = '{_REPLACED}'"
        " WHERE kind = ? AND subscriber = ? AND (about = ? OR substr(about, 1, ?) = ?)"
        " AND state IN ('queued', 'sending') AND message <> ?",
        (sent.kind, sent.subscriber, about, len(about) + 4, f"{about} in ", sent.key),
    )


def unsent(database: Database, interrupted: datetime, since: datetime) -> Unsent:
    """`interrupted`: an attempt that began before was; `since`: what was refused before is old news."""
    rows = database.query(
        "SELECT state, count(*), min(made) FROM ispctl_outbox WHERE state = 'queued'"
        " OR (state = 'sending' AND tried < ?) OR (state = 'failed' AND tried >= ? AND error <> ?) GROUP BY state",
        (stamp(interrupted), stamp(since), _REPLACED),
    )
    found = {str(state): (int(count), moment(made)) for state, count, made in rows}
    oldest = min((made for state, (_, made) in found.items() if state != "failed" and made), default=None)
    counts = {state: count for state, (count, _) in found.items()}
    return Unsent(counts.get("queued", 0) + counts.get("sending", 0), oldest, counts.get("failed", 0))


def _values(message: Message) -> tuple[Any, ...]:
    return (
        message.key,
        message.kind,
        message.subscriber,
        message.about,
        message.state,
        message.attempts,
        message.unsure,
        message.error,
        message.by,
        message.host,
        message.pid,
        stamp(message.made),
        stamp_or_none(message.tried),
    )


def _read(rows: list[tuple[Any, ...]]) -> Iterator[Message]:
    for *fields, made, tried in rows:
        yield Message(*[*fields, moment(made) or EPOCH, moment(tried)])
