"""The leak canary: searches everything that the suite has left for passwords and for people.

Excepted, since they are where such values belong: the sealed source (`subscribers/**.yaml`, the git objects), radcheck
and the NAS secrets of a RADIUS database, files named `*.clear`, and what a test shows on purpose.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml_rs

from tests import canary

ROOT = Path(__file__).resolve().parents[2]
SHOWS = ".shows-"
SECRET_COLUMNS = {("radcheck", "value"), ("nas", "secret"), ("ispctl_print", "total")}  # a sum may look like a phone
PROFILE_KEYS = {"name": "name", "phone": "mobile", "email": "email", "address": "address"}
SKIPPED_FOLDERS = {".git", "objects", "__pycache__"}

_DIGEST = re.compile(rb"\b(?:[0-9a-f]{40}|[0-9a-f]{64})\b")
"""Seven digits in a row stand in one digest of so many: it is nobody's phone."""


@dataclass(frozen=True)
class Sighting:
    """One marked value found. Says where and of which kind, never the value."""

    place: str
    kind: str

    def __str__(self) -> str:
        return f"{self.place}: a {self.kind} in clear"


class Marks:
    """What to look for, by kind: the canary's values and the people of the shipped example."""

    def __init__(self, example: Path = ROOT) -> None:
        texts = {kind: {getattr(canary, kind.upper())} for kind in canary.KINDS}
        texts["password"] = {canary.PASSWORD_MARK}
        for source in sorted(example.glob("subscribers/**/*.yaml")):
            record: Any = yaml_rs.loads(source.read_text("utf-8"), parse_datetime=False)
            profile = (record or {}).get("profile") or {}
            for kind, key in PROFILE_KEYS.items():
                if text := str(profile.get(key, "")).strip():
                    texts[kind].add(text)
        self._patterns = {
            kind: re.compile(b"|".join(_spelled(kind, text) for text in sorted(texts[kind]))) for kind in texts
        }

    def kinds(self, data: bytes) -> list[str]:
        data = _DIGEST.sub(b"", data)
        return [kind for kind, pattern in self._patterns.items() if pattern.search(data)]


def _spelled(kind: str, text: str) -> bytes:
    """A phone is found by its last seven digits, however they are grouped; the rest as it is written."""
    if kind == "phone":
        return rb"[ -]?".join(re.escape(digit).encode() for digit in re.sub(r"\D", "", text)[-7:])
    return re.escape(text.encode())


def search_tree(root: Path, marks: Marks) -> list[Sighting]:
    """Every sighting in the files below `root`."""
    return [sighting for path in _files(root) for sighting in search_file(path, marks, str(path.relative_to(root)))]


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            continue
        if path.is_dir():
            if path.name not in SKIPPED_FOLDERS:
                yield from _files(path)
        elif path.is_file() and not _excepted(path):
            yield path


def _excepted(path: Path) -> bool:
    if path.suffix == ".clear" or path.name.endswith(("-wal", "-shm")):
        return True
    return path.suffix == ".yaml" and "subscribers" in path.parts


def search_file(path: Path, marks: Marks, place: str) -> list[Sighting]:
    """The sightings in one file; a SQLite database is searched table by table."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, PermissionError):
        return []
    shown = path.name.partition(SHOWS)[2].partition(".")[0].split("+")
    if data.startswith(b"SQLite format 3\0"):
        found = _search_database(path, marks, place)
    else:
        found = [Sighting(place, kind) for kind in marks.kinds(data)]
    return [sighting for sighting in found if sighting.kind not in shown]


def _search_database(path: Path, marks: Marks, place: str) -> list[Sighting]:
    """Works on a copy, with its write-ahead log, so that a search changes nothing. Deleted rows are not looked for."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copy(path, scratch))
        for ending in ("-wal", "-journal"):
            if (beside := path.with_name(path.name + ending)).exists():
                shutil.copy(beside, copy.with_name(copy.name + ending))
        try:
            with closing(sqlite3.connect(copy)) as db:
                return list(_search_tables(db, marks, place))
        except sqlite3.DatabaseError:  # broken on purpose by a test: its bytes are searched instead
            return [Sighting(place, kind) for kind in marks.kinds(path.read_bytes())]


def _search_tables(db: sqlite3.Connection, marks: Marks, place: str) -> Iterator[Sighting]:
    db.text_factory = bytes
    tables = [name.decode() for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        cursor = db.execute(f'SELECT * FROM "{table}"')
        columns = [column[0] for column in cursor.description]
        seen: set[Sighting] = set()
        for row in cursor:
            for column, value in zip(columns, row, strict=True):
                if (table, column) not in SECRET_COLUMNS and value is not None:
                    data = value if isinstance(value, bytes) else str(value).encode()
                    seen |= {Sighting(f"{place} {table}.{column}", kind) for kind in marks.kinds(data)}
        yield from sorted(seen, key=str)
