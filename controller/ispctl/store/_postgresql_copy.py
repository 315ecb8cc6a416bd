"""Rows that are known to be new as one text, for COPY: neither side makes a statement of them, or takes one apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import Final, NamedTuple

from ispctl.store._link import Parameters
from ispctl.store._postgresql_watch import Cursor

_INSERT: Final = re.compile(
    r"INSERT INTO (?P<table>\w+) \((?P<columns>[^)]*)\) VALUES \((?P<row>[^()]*)\)( ON CONFLICT \([^)]*\) DO [^?]*)?",
    re.DOTALL,
)
_LITERAL: Final = re.compile(r"'([^'\\\t\r\n]*)'|([0-9]+)")
_AT_ONCE: Final = 1 << 18
"""Octets that are handed over at once."""
_ESCAPED: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


class Text(NamedTuple):
    """Rows, and the statement that takes them."""

    statement: str
    rows: bytes


class _Form(NamedTuple):
    statement: str
    line: str
    """With %s for each parameter."""
    breaks: int
    """Tabs in a line."""


def text_of(sql: str, rows: Sequence[Parameters]) -> Text | None:
    """What an INSERT run for each of `rows` does, where the table has none of them and none is given twice. None for a
    statement of which no text can be made."""
    form = _form(sql)
    if form is None:
        return None
    none = sum([row.count(None) for row in rows])
    line = form.line
    if none:
        text = "".join([line % tuple(["\\N" if value is None else value for value in row]) for row in rows])
    else:
        text = "".join([line % tuple(row) for row in rows])
    signs = text.count("\t"), text.count("\n"), text.count("\\"), text.count("\r")
    if signs != (form.breaks * len(rows), len(rows), none, 0):  # some value holds one: look at each
        text = "".join([line % tuple(map(_field, row)) for row in rows])
    return Text(form.statement, text.encode())


def add_text(cursor: Cursor, text: Text) -> int:
    """How many rows there were. Fails where one is not new, also where the INSERT says what to do on a conflict."""
    cursor.copy_expert(text.statement, BytesIO(text.rows), _AT_ONCE)
    return max(cursor.rowcount, 0)


@cache
def _form(sql: str) -> _Form | None:
    found = _INSERT.fullmatch(sql)
    if found is None:
        return None
    fields = found["row"].split(", ")
    literals = [_LITERAL.fullmatch(field) for field in fields]
    if not all(literal or field == "?" for literal, field in zip(literals, fields, strict=True)):
        return None
    said = ((literal[1] or literal[2] or "").replace("%", "%%") if literal else "%s" for literal in literals)
    statement = f"COPY {found['table']} ({found['columns']}) FROM STDIN"
    return _Form(statement, "\t".join(said) + "\n", len(fields) - 1)


def _field(value: str | int | None) -> str:
    if isinstance(value, str):
        return value.translate(_ESCAPED)
    return "\\N" if value is None else str(value)
