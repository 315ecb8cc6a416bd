"""A CSV that somebody's own program wrote -> cells by field, each with its line. Pure.

Columns are known by their names in the first line, in any order; the delimiter is the sign that stands there most.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Final

from ispctl.model.problem import Problem, Refusal, Where
from ispctl.structs import Struct, field

FIELDS: Final = (
    "login", "password", "tariff", "rate", "name", "mobile", "email", "address", "group", "paid_until", "ipv4", "mac",
    "nas", "id",
)  # fmt: skip
ALIASES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("username", "user", "user_name", "pppoe_user"), "login"),
    **dict.fromkeys(("pass", "passwd", "secret", "pppoe_password"), "password"),
    **dict.fromkeys(("plan", "package", "profile", "product"), "tariff"),
    **dict.fromkeys(("speed", "bandwidth"), "rate"),
    **dict.fromkeys(("full_name", "fullname", "customer", "customer_name"), "name"),
    **dict.fromkeys(("phone", "telephone", "tel", "cell", "mobile_number"), "mobile"),
    **dict.fromkeys(("mail", "e_mail", "email_address"), "email"),
    **dict.fromkeys(("expiry", "expires", "expiration", "expiry_date", "valid_until", "paid_till"), "paid_until"),
    **dict.fromkeys(("ip", "ip_address", "static_ip", "framed_ip_address"), "ipv4"),
    **dict.fromkeys(("mac_address", "caller_id", "calling_station_id"), "mac"),
    **dict.fromkeys(("router", "nas_name"), "nas"),
    **dict.fromkeys(("customer_id", "subscriber", "subscriber_id"), "id"),
}
LONGEST: Final = 65536
"""Bytes or signs of a line, whatever it is of."""
_DELIMITERS: Final = ",;\t|"
_SAVE: Final = "Save it as CSV in UTF-8"


class Line(Struct):
    """One row: the cells that are not empty, by field. None: it has not as many cells as the first line."""

    number: int
    cells: Mapping[str, str] | None = field(repr=False)


class Table(Struct):
    """The rows, and the columns that nobody knows."""

    lines: tuple[Line, ...]
    unknown: tuple[str, ...]


def read(data: bytes, file: str, named: Mapping[str, str], needed: tuple[str, ...]) -> Table:
    """The rows of a file. `named`: column -> field, for columns with names of their own. Raises Refusal E780 where it
    is no CSV, E781 where a column of `needed` is missing; no message repeats what stands in a row."""
    text = _text(data, file)
    records = _records(text, file)
    _, header = next(records, (1, []))
    if not header:
        raise Refusal(Problem("E780", "it is empty", Where(file), "The first line names the columns"))
    fields, unknown = _columns(header, file, named, needed)
    lines = []
    for number, cells in records:
        if len(cells) != len(header):
            lines.append(Line(number, None))
        elif any(map(str.strip, cells)):
            said = {name: _trimmed(name, cell) for name, cell in zip(fields, cells, strict=True) if name}
            lines.append(Line(number, {name: cell for name, cell in said.items() if cell}))
    return Table(tuple(lines), unknown)


def whole(data: bytes, file: str) -> None:
    """Raises Refusal E780 for a file that is nothing that a person reads: a NUL, or a line without end."""
    for number, line in enumerate(data.split(b"\n"), start=1):
        if b"\0" in line:
            raise Refusal(Problem("E780", "it holds a NUL: this is no text", Where(file, number), _SAVE))
        if len(line) > LONGEST:
            text = f"the line has more than {LONGEST:,} bytes: this is no such file"
            raise Refusal(Problem("E780", text, Where(file, number), _SAVE))


def _text(data: bytes, file: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # a spreadsheet's "Unicode text"
        data = data.decode("utf-16", "replace").encode()
    whole(data, file)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Where(file, data.count(b"\n", 0, error.start) + 1)
        advice = "Write it in UTF-8: iconv -f WINDOWS-1252 -t UTF-8, if that is what it is"
        raise Refusal(Problem("E780", "it is not UTF-8", place, advice)) from None


def _records(text: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """(line on which it begins, cells)."""
    first = re.sub(r'"[^"]*"', "", text.partition("\n")[0])
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            if cells:
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error:
        text = "the row that begins here is broken, or the file ends within it: look at its quotes"
        raise Refusal(Problem("E780", text, Where(file, begins), 'A quote within quotes is doubled: ""')) from None


def _columns(
    header: list[str], file: str, named: Mapping[str, str], needed: tuple[str, ...]
) -> tuple[list[str], tuple[str, ...]]:
    """The field of each column, "" where nobody knows it, and the names of those."""
    own = {_plain(column): name for column, name in named.items()}
    plain = [_plain(column) for column in header]
    fields = [own.get(column) or ALIASES.get(column) or (column if column in FIELDS else "") for column in plain]
    problems = [
        Problem("E781", f"no column is called {name}", Where(file, 1), f"Name one: --map COLUMN={name}")
        for name in needed
        if name not in fields
    ]
    problems += [
        Problem("E781", f"two columns are for {name}", Where(file, 1), "Leave one of them out of the file")
        for name in FIELDS
        if fields.count(name) > 1
    ]
    if any(column not in plain for column in own):
        problems.append(Problem("E781", "--map names a column that is not there", Where(file, 1), "See the first line"))
    if problems:
        raise Refusal(*problems)
    return fields, tuple(column for column, name in zip(header, fields, strict=True) if not name)


def _plain(column: str) -> str:
    return re.sub(r"[\s_.-]+", "_", column.strip().casefold()).strip("_")


def _trimmed(name: str, cell: str) -> str:
    """Blanks around a cell say nothing, but in a password."""
    return cell if name == "password" else cell.strip()
