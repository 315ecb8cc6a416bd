"""What git cannot make again, as one file and back: sessions, refusals, learned devices, leases, journal, pauses.

Rows of logins, tariffs and NAS are not in it, and no password or key: an apply makes those. The file is gzip of lines
of JSON: a header, then for each table its name with its columns and the rows, then "end" with what was written. Moments
are as the database keeps them, from PostgreSQL as whole seconds since 1970.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ispctl.model.problem import Problem, Refusal
from ispctl.store import _schema, facts
from ispctl.store._store import Store
from ispctl.store.given_up import SEEN
from ispctl.store.records import moment, stamp
from ispctl.store.usage import LEFT
from ispctl.structs import Struct, field

Progress = Callable[[str, int, int], None]
FORMAT: Final = "ispctl-backup"
VERSION: Final = 1
RESTORED: Final = "restored"
"""Key in ispctl_meta: JSON {made, commit, applied}: which backup this database began with."""
_MOMENTS: Final = frozenset({"acctstarttime", "acctupdatetime", "acctstoptime", "authdate", "expiry_time"})
"""Columns that are moments of the database's own kind."""
_DRAINING: Final = "-"
"""The pool of addresses from which nothing is handed out (radius/_rows_pool)."""
_PARAMETERS: Final = 900
_OFTEN: Final = 1000
_LEASED: Final = "expiry_time > '2000-01-02'"


class Kept(NamedTuple):
    """A table that is backed up: what it holds in words, columns that stay out, which of its rows are facts, and what
    is written in place of a column."""

    words: str
    but: frozenset[str] = frozenset()
    where: str = "1 = 1"
    said: Mapping[str, str] = MappingProxyType({})


_ITS_SESSION: Final = "FROM radacct WHERE radacctid = acctid"
KEPT: Final[dict[str, Kept]] = {
    "radacct": Kept("sessions, with what they used", frozenset({"radacctid"})),
    "radpostauth": Kept("refusals, and accepts with something to say", frozenset({"id", "pass"})),
    "ispctl_mac": Kept("devices that were learned", where="learned IS NOT NULL"),
    "ispctl_cpe": Kept("devices of subscribers that called"),
    "ispctl_cpe_accepted": Kept("which new password the device of a service took"),
    "ispctl_first_login": Kept("first logins, and who waits for one"),
    "ispctl_usage": Kept("what services used, by days"),
    "ispctl_counted": Kept(
        "what of each session was counted",
        frozenset({"acctid"}),
        f"acctid IS NULL OR EXISTS (SELECT 1 {_ITS_SESSION})",
        # Numbers are others in a restored database, and a name may by now be that of a later session.
        MappingProxyType({"session": f"COALESCE((SELECT acctuniqueid {_ITS_SESSION}), session)"}),
    ),
    "radippool": Kept(
        "addresses leased by the server", frozenset({"id", "pool_name", "rest"}), "expiry_time > '2000-01-02'"
    ),
    "ispctl_object": Kept("logins that services gave up", where=f"kind IN ('{LEFT}', '{SEEN}')"),
    "ispctl_session": Kept("what was asked of live sessions"),
    "ispctl_nas_limit": Kept("what routers turned out to be unable to do"),
    "ispctl_stranger": Kept("who spoke RADIUS without being a NAS"),
    "ispctl_journal": Kept("runs"),
    "ispctl_journal_service": Kept("what runs did to people"),
    "ispctl_journal_change": Kept("what runs did to rows"),
    "ispctl_nas_backup": Kept("what stood on NAS before runs changed it"),
    "ispctl_pause": Kept("pauses"),
    "ispctl_undone": Kept("runs that were taken back"),
    "ispctl_outbox": Kept("what was told to people, and what waits"),
}


class Header(Struct):
    """The first line of a backup. `commit` and `applied`: what was applied last, and when; empty and None: nothing."""

    database: str
    schema: int
    made: datetime
    commit: str
    applied: datetime | None
    rows: dict[str, int] = field(default_factory=dict)

    def as_text(self) -> str:
        applied = stamp(self.applied) if self.applied else None
        said = {"format": FORMAT, "version": VERSION, "database": self.database, "schema": self.schema}
        said |= {"made": stamp(self.made), "commit": self.commit, "applied": applied, "rows": self.rows}
        return json.dumps(said)


def contents(store: Store, now: datetime) -> Header:
    """What a backup would hold now."""
    applied, database = store.applied, store.database
    count = "SELECT count(*) FROM {} WHERE {}"
    rows = {name: int(database.query(count.format(name, kept.where))[0][0]) for name, kept in KEPT.items()}
    schema = int(store.meta.get("schema") or 0)
    commit, at = (applied.commit, applied.at) if applied else ("", None)
    return Header(database.dialect.name, schema, now, commit, at, rows)


def write(store: Store, file: Path, now: datetime, progress: Progress) -> Header:
    """Write a backup, mode 0600, of one moment of the database while others work in it. Either all of it gets that
    name or nothing does. Raises Refusal E642 where it cannot be written, E643 where a backup of that name holds facts
    that this database never had."""
    _may_replace(store, file)
    part = file.with_name(f".{file.name}.part")
    try:
        with suppress(FileNotFoundError):
            part.unlink()
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as raw, gzip.GzipFile("", "wb", 6, raw) as out, store.database.snapshot():
                header = contents(store, now)
                for line in _lines(store, header, progress):
                    out.write(line.encode() + b"\n")
            os.replace(part, file)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
    except OSError as error:
        text = f"{file} cannot be written ({error.strerror})"
        raise Refusal(Problem("E642", text, advice="Name another file with --out, or make room")) from None
    return header


def _may_replace(store: Store, file: Path) -> None:
    """A database that was made anew knows of no run from the time of an older backup: who writes one each night would
    lose the last that holds anything."""
    try:
        kept = read_header(file)
    except Refusal:
        return
    began = moment(store.database.query("SELECT min(started) FROM ispctl_journal")[0][0])
    if kept.applied is None or (began is not None and began <= kept.applied):
        return
    text = (
        f"{file} holds what was known {kept.made:%Y-%m-%d %H:%M}Z, and this database began"
        f" {f'{began:%Y-%m-%d %H:%M}Z' if began else 'after that'} without it"
    )
    advice = f"If those facts are wanted: ispctl restore {file}, into a new database. If not, move the file away"
    raise Refusal(Problem("E643", text, advice=advice))


def _lines(store: Store, header: Header, progress: Progress) -> Iterator[str]:
    yield header.as_text()
    for name, kept in KEPT.items():
        columns = sorted(store.database.columns(name) - kept.but)
        yield json.dumps({"table": name, "columns": columns})
        texts = ", ".join(kept.said.get(column, column) for column in columns)
        rows = store.database.stream(f"SELECT {texts} FROM {name} WHERE {kept.where}")
        for number, row in enumerate(rows, 1):
            yield json.dumps(row, ensure_ascii=False, separators=(",", ":"))
            if number % _OFTEN == 0:
                progress(name, number, header.rows[name])
    yield json.dumps({"end": header.rows})


def read_header(file: Path) -> Header:
    """What a file says it holds. Raises Refusal E640 for one that is no backup."""
    with _opened(file) as lines:
        return _header(file, next(lines, ""))


def restore(store: Store, file: Path, now: datetime, *, actor: str, progress: Progress) -> Header:
    """Put everything of a file into a database without sessions and refusals, in one transaction; what stands there
    already (runs, devices) stays. Raises Refusal E640, E641; then nothing is changed."""
    with _opened(file) as lines, store.transaction():
        header = _header(file, next(lines, ""))
        _may_restore(store, file, header)
        done = dict.fromkeys(KEPT, 0)
        for (table, columns), rows in groupby(_rows(store, file, lines, header), key=itemgetter(0, 1)):
            wanted = max(_PARAMETERS // len(columns), 1)
            while batch := [values for *_, values in islice(rows, wanted)]:
                _put(store, table, columns, batch)
                before, done[table] = done[table], done[table] + len(batch)
                if before // _OFTEN < done[table] // _OFTEN:
                    progress(table, done[table], header.rows[table])
        if done != header.rows:
            raise _damaged(file, "rows are missing")
        _note(store, header, now, actor)
    return header


def _put(store: Store, table: str, columns: tuple[str, ...], rows: list[list[Any]]) -> None:
    names, marks = list(columns), [_mark(store, column) for column in columns]
    update = "DO NOTHING"
    if table == "radippool":  # an address of no pool yet, which its lease holds until an apply names its pool
        names, marks = [*names, "pool_name"], [*marks, f"'{_DRAINING}'"]
        kept = ", ".join(f"{name} = excluded.{name}" for name in columns if name != "framedipaddress")
        update = f"(framedipaddress) DO UPDATE SET {kept} WHERE radippool.username = ''"
    values = ", ".join([f"({', '.join(marks)})"] * len(rows))
    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES {values} ON CONFLICT {update}"
    store.database.write(sql, [value for row in rows for value in row])


def _mark(store: Store, column: str) -> str:
    return store.database.dialect.instant if column in _MOMENTS else "?"


def _may_restore(store: Store, file: Path, header: Header) -> None:
    kind, schema = store.database.dialect.name, _schema.newest()
    if header.database != kind:
        raise _not_one(f"{file} was made of a {header.database} database, {store.place} is one of {kind}")
    if header.schema > schema:
        raise _not_one(f"{file} was made with schema {header.schema}, this program knows schemas up to {schema}")
    counts = [int(store.database.query(f"SELECT count(*) FROM {name}")[0][0]) for name in ("radacct", "radpostauth")]
    if any(counts):
        heard = max(filter(None, (facts.last_report(store), facts.last_answer(store))), default=header.made)
        text = (
            f"{store.place} holds {counts[0]:,} sessions and {counts[1]:,} refusals, the newest of"
            f" {heard:%Y-%m-%d %H:%M}Z; {file} was made {header.made:%Y-%m-%d %H:%M}Z"
        )
        advice = "Stop the RADIUS server, restore into a new database (ispctl radius init), apply, start the server"
        raise Refusal(Problem("E641", text, advice=advice))


def _note(store: Store, header: Header, now: datetime, actor: str) -> None:
    """Which backup the database began with, and that it did."""
    run = store.begin_run("restore", now, commit="", actor=actor)
    run.finish("done", now, header.rows)
    applied = stamp(header.applied) if header.applied else None
    said = {"made": stamp(header.made), "commit": header.commit, "applied": applied}
    store.meta.set(RESTORED, json.dumps(said, sort_keys=True))


def began_with(store: Store) -> str:
    """The commit that was applied when the backup was made that this database began with; empty: there was none."""
    said = store.meta.get(RESTORED)
    return str(json.loads(said)["commit"]) if said else ""


@contextmanager
def _opened(file: Path) -> Iterator[Iterator[str]]:
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            yield lines
    except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError):
        raise _damaged(file, "it is not whole, or no gzip") from None
    except OSError as error:
        raise _not_one(f"{file} cannot be read ({error.strerror})") from None


def _header(file: Path, line: str) -> Header:
    said = _json(file, line)
    try:
        if said["format"] != FORMAT or said["version"] != VERSION:
            raise _not_one(f"{file} is a backup of another version")
        rows = {name: int(said["rows"].get(name, 0)) for name in KEPT}
        made = moment(said["made"])
        if made is None:
            raise ValueError
        return Header(said["database"], said["schema"], made, said["commit"], moment(said["applied"]), rows)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _damaged(file, "its first line is none of a backup") from None


def _rows(
    store: Store, file: Path, lines: Iterator[str], header: Header
) -> Iterator[tuple[str, tuple[str, ...], list[Any]]]:
    """(table, columns, values) of every row. Names come from a file: only those that are here get into a statement."""
    table, columns = "", tuple[str, ...]()
    for line in lines:
        said = _json(file, line)
        if isinstance(said, list) and table and len(said) == len(columns):
            yield table, columns, said
        elif isinstance(said, dict) and said.get("table") in KEPT and isinstance(said.get("columns"), list):
            table, columns = said["table"], tuple(map(str, said["columns"]))
            if not columns or not set(columns) <= store.database.columns(table) - KEPT[table].but:
                raise _damaged(file, f"{table} has columns that are not known here")
        elif isinstance(said, dict) and isinstance(said.get("end"), dict):
            if dict.fromkeys(KEPT, 0) | said["end"] != header.rows:
                raise _damaged(file, "rows are missing")
            return
        else:
            raise _damaged(file, "a line is none of a backup")
    raise _damaged(file, "it ends in the middle")


def _json(file: Path, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        raise _damaged(file, "a line is none of a backup") from None


def _damaged(file: Path, what: str) -> Refusal:
    return _not_one(f"{file} is no backup of ispctl, or a damaged one: {what}")


def _not_one(text: str) -> Refusal:
    return Refusal(
        Problem("E640", text, advice="Name a file that `ispctl backup --out FILE` wrote; nothing was changed")
    )
