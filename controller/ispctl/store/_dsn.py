"""Where the database is. Nothing of a password is ever said, not even by the repr of a value.

`sqlite:///relative/path`, `sqlite:////absolute/path`, or `postgresql://user@host:port/database?options`, as libpq reads
it.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final, Literal

from ispctl.model.problem import Problem, Refusal
from ispctl.structs import Struct, field

_ADVICE: Final = (
    "Write dsn: sqlite:///var/radius.db (relative to the repository), sqlite:////var/lib/ispctl/radius.db,"
    " or postgresql://ispctl@db.example.net/radius"
)


class File(Struct):
    """A SQLite file. `for_server` and `password`: what FreeRADIUS is told."""

    path: Path
    dialect: ClassVar[Literal["sqlite"]] = "sqlite"

    @property
    def place(self) -> str:
        return str(self.path)

    @property
    def for_server(self) -> str:
        return str(self.path.absolute())

    @property
    def password(self) -> str:
        return ""


class Server(Struct):
    """A database of a PostgreSQL server. `place` names it without the user; `for_server` is libpq's own notation, and
    without the password, since FreeRADIUS writes it into its log."""

    place: str
    dsn: str = field(repr=False)
    for_server: str
    password: str = field(repr=False)
    dialect: ClassVar[Literal["postgresql"]] = "postgresql"


Address = File | Server


def address(dsn: str, base: Path) -> Address:
    """What a DSN names; a relative file is taken from `base`. Refuses E300 (not a DSN) and E310 (another kind)."""
    scheme, mark, rest = dsn.partition("://")
    if not mark:
        raise _bad("has no scheme")
    if scheme in ("postgresql", "postgres"):
        return _server(dsn)
    if scheme in ("mysql", "mariadb"):
        raise Refusal(Problem("E310", f"a database of the kind {scheme} is not served", advice=_ADVICE))
    if scheme != "sqlite":
        raise _bad("has an unknown scheme")
    path = rest[1:]
    if not rest.startswith("/") or path.strip("/.") in ("", ":memory:") or any(c in path for c in "\0\n\r?#"):
        raise _bad("names no file")
    return File(base / path)


def _server(dsn: str) -> Server:
    from psycopg2 import Error
    from psycopg2.extensions import make_dsn, parse_dsn

    try:
        said = {str(name): str(value) for name, value in parse_dsn(dsn).items()}
    except (Error, ValueError):  # its words would quote the DSN
        raise _bad("is none that PostgreSQL's library understands") from None
    host, port, name = said.get("hostaddr") or said.get("host") or "", said.get("port", ""), said.get("dbname", "")
    if not name:
        raise _bad("names no database")
    # A sign that is not written as %40 or %2F cuts a password in two, and what is left would be shown as a name.
    if "@" in host + name or not all(part.isdigit() for part in port.split(",") if part):
        raise _bad("holds a sign that has to be written as %40 (@) or %2F (/)")
    if any(c in value for value in said.values() for c in "\0\n\r"):
        raise _bad("holds a control character")
    if "sslpassword" in said:
        raise _bad("opens a key with a password, which would stand in files and messages: name a key without one")
    password = said.pop("password", "")
    return Server(f"postgresql://{host}{':' * bool(port)}{port}/{name}", dsn, str(make_dsn(**said)), password)


def _bad(what: str) -> Refusal:
    return Refusal(Problem("E300", f"the DSN of the RADIUS database {what}", advice=_ADVICE))
