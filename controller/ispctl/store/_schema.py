"""Tables and their versions: FreeRADIUS's where there are none, ours by numbered migrations."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.store._database import Database

MARK: Final = "ispctl"
FREERADIUS: Final = frozenset(
    ["radcheck", "radreply", "radgroupcheck", "radgroupreply", "radusergroup", "radacct", "radpostauth", "nas"]
)
_EXTRA: Final = {
    "nas": {"require_ma": "integer NOT NULL DEFAULT 0"},
    "radpostauth": dict.fromkeys(("reason", "detail", "profile", "nas", "callingstationid"), "text"),
}
_HERE: Final = Path(__file__).parent
_STEPS: Final = _HERE / "migrations"
_INIT: Final = "Make its tables with: ispctl radius init"


def newest() -> int:
    """The schema version this program writes."""
    return max(_number_of(file) for file in _files())


def create(database: Database, *, lab: bool) -> None:
    """Make what is missing, in one transaction. An existing FreeRADIUS database keeps every row it has."""
    with database.transaction():
        database.alone()
        there = database.tables()
        fresh = not there & FREERADIUS
        if fresh and there and "ispctl_meta" not in there:
            advice = "Give RADIUS a database of its own in inventory/targets.yaml"
            raise Refusal(Problem("E304", f"{database.place} holds tables of another program", advice=advice))
        _run(database, _text(database.dialect.freeradius))
        for table, columns in _EXTRA.items():
            _widen(database, table, columns)
        _run(database, _text("indexes.sql"))
        _run(database, "CREATE TABLE IF NOT EXISTS ispctl_meta (key text PRIMARY KEY, value text NOT NULL)")
        _migrate(database)
        _run(database, database.dialect.rejects)
        for statement in database.dialect.watch:
            database.write(statement)
        # It may be that nobody saw what became of sessions until now: the next apply looks at all of them.
        database.write("DELETE FROM ispctl_meta WHERE key = 'looked'")
        _mark(database, lab=lab, fresh=fresh)


def verify(database: Database) -> None:
    """Refuse what is not ours or not of our version: E303, E304, E305, E306."""
    there, place = database.tables(), database.place
    if "ispctl_meta" not in there:
        if there & FREERADIUS:
            text = f"{place} is a FreeRADIUS database that ispctl does not own"
            advice = "To let ispctl own the logins it makes there, beside all others: ispctl radius init"
            raise Refusal(Problem("E304", text, advice=advice))
        raise Refusal(Problem("E303", f"{place} has no tables", advice=_INIT))
    if missing := sorted(FREERADIUS - there):
        raise Refusal(Problem("E303", f"{place} lacks the tables {', '.join(missing)}", advice=_INIT))
    meta: dict[str, str] = dict(database.query("SELECT key, value FROM ispctl_meta WHERE key IN ('owner', 'schema')"))
    if meta.get("owner") != MARK:
        advice = "Look at inventory/targets.yaml: it may name the wrong database"
        raise Refusal(Problem("E304", f"{place} is not marked as a database of ispctl", advice=advice))
    have = _number(meta.get("schema"))
    _not_newer(place, have)
    if have < newest():
        text = f"{place} has schema {have}, this program needs {newest()}"
        raise Refusal(Problem("E306", text, advice="Bring it up to date with: ispctl radius init"))


def _migrate(database: Database) -> None:
    rows = database.query("SELECT value FROM ispctl_meta WHERE key = 'schema'")
    have = _number(rows[0][0]) if rows else 0
    _not_newer(database.place, have)
    for number, text in _migrations(database.dialect.name):
        if number > have:
            _run(database, text)
            database.write(
                "INSERT INTO ispctl_meta (key, value) VALUES ('schema', ?)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (str(number),),
            )


def _mark(database: Database, *, lab: bool, fresh: bool) -> None:
    meta: dict[str, str] = dict(database.query("SELECT key, value FROM ispctl_meta WHERE key IN ('owner', 'lab')"))
    if lab and not fresh and meta.get("lab") != "1":
        text = f"{database.place} is in use and not a lab database: it cannot become one"
        raise Refusal(Problem("E304", text, advice="Give the lab a database of its own"))
    put = "INSERT INTO ispctl_meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING"
    database.write(put, ("owner", MARK))
    database.write(put, ("lab", "1" if lab else "0"))
    database.write(
        "INSERT INTO ispctl_secret (name, value) VALUES ('rows', ?) ON CONFLICT (name) DO NOTHING",
        (secrets.token_hex(32),),
    )


def _not_newer(place: str, have: int) -> None:
    if have > newest():
        text = f"{place} has schema {have}; this program knows schemas up to {newest()}"
        raise Refusal(Problem("E305", text, advice="Install the newer ispctl that wrote it; nothing was changed"))


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else 0


def _widen(database: Database, table: str, columns: dict[str, str]) -> None:
    have = database.columns(table)
    for column, kind in columns.items():
        if column not in have:
            database.write(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")


def _run(database: Database, script: str) -> None:
    bare = "\n".join(line.partition("--")[0] for line in script.splitlines())
    for statement in filter(None, map(str.strip, bare.split(";"))):
        database.write(statement)


def _files() -> Iterator[Path]:
    return _STEPS.glob("*.sql")


def _number_of(file: Path) -> int:
    return int(file.name[:4])


def _migrations(dialect: str) -> Iterator[tuple[int, str]]:
    """Their numbers and texts. What is for one dialect alone, as the second part of the name of its file says, is empty
    for the others."""
    for file in sorted(_files()):
        mine = file.name.split(".")[1] in {"sql", dialect}
        yield _number_of(file), file.read_text("utf-8") if mine else ""


def _text(name: str) -> str:
    return _HERE.joinpath(name).read_text("utf-8")
