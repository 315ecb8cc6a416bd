"""What differs between two servers that decide alike: addresses, ports, paths, numbers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final, Literal

from ispctl.model.problem import Problem, Refusal
from ispctl.structs import Struct, field, shown

_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f\"'`$\\{}%]")
_SECRETS: Final = (
    "Leave the password out of the DSN of the server: libpq reads ~/.pgpass of the user that FreeRADIUS runs as, or the"
    " file that the option passfile names"
)
_NUMBERS: Final = {
    "auth_port": (1, 65535),
    "acct_port": (1, 65535),
    "nas_lifetime": (1, 86400),
    "connections": (1, 1000),
    "threads": (1, 1000),
    "stale_after": (1, 30 * 86400),
    "lease": (1, 30 * 86400),
    "reject_delay": (0, 5),
}


class ServerSettings(Struct):
    """Everything a rendered configuration depends on.

    `database`: absolute path of the SQLite file; with `dialect` "postgresql" what libpq reads, `name=value …`,
    without the password, since the server logs it. `database_password`: empty where libpq finds it by itself.
    `run_dir`: absolute; log and accounting buffer, must be writable.
    `listen`: an address; "*" is all of IPv4, "::" all of IPv6.
    `nas_lifetime`: seconds until a NAS is looked up again (a new secret, a removed NAS).
    `stale_after`: seconds without an update after which a session no longer counts as open; see stale_after().
    `threads`: requests at work at once; SQLite takes one writer at a time, so that more than a few only wait.
    `connections`: to the database, more than `threads`.
    `player`: short name of a client that stands for whichever NAS its NAS-Identifier names; for a lab, else empty.
    `lease`: seconds an address of a server-side pool stays with its subscriber after a report; no less than
    `stale_after`, or somebody else would get it under a session that goes on. `reject_delay`: seconds; 0 for tests.
    `log_accepts`: also keep a row of radpostauth for an accept about which there is nothing to say.
    """

    database: str
    run_dir: str
    listen: str = "127.0.0.1"
    auth_port: int = 1812
    acct_port: int = 1813
    nas_lifetime: int = 60
    connections: int = 8
    threads: int = 4
    stale_after: int = 750
    lease: int = 3600
    reject_delay: int = 1
    log_accepts: bool = False
    player: str = ""
    libdir: str = "/usr/lib/freeradius"
    prefix: str = "/usr"
    dialect: Literal["sqlite", "postgresql"] = "sqlite"
    database_password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuses with E401 what FreeRADIUS would read as something else than it says."""
        problems = [*self._texts(), *self._ranges()]
        if problems:
            raise Refusal(*problems)

    def _texts(self) -> Iterable[Problem]:
        for name in ("run_dir", "libdir", "prefix"):
            yield from _path_problems(name, getattr(self, name))
        if self.dialect == "sqlite":
            yield from _path_problems("database", self.database)
        for name in ("database", "database_password") if self.dialect == "postgresql" else ():
            if _UNSAFE.search(getattr(self, name)):
                text = "it holds a quote, a brace, a backslash, $, % or a control character"
                yield Problem("E401", f"server setting {name}: {text}", advice=_SECRETS)
        if not re.fullmatch(r"[a-z0-9-]*", self.player):
            yield _unusable("player", f"{self.player!r} is no short name")
        if self.listen != "*":
            try:
                ipaddress.ip_address(self.listen)
            except ValueError:
                yield _unusable("listen", f"{self.listen!r} is no address")

    def _ranges(self) -> Iterable[Problem]:
        for name, (low, high) in _NUMBERS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                yield _unusable(name, f"{value} is not between {low} and {high}")
        if self.connections <= self.threads:
            yield _unusable("connections", f"{self.connections} is not more than the {self.threads} threads")
        if self.auth_port == self.acct_port:
            yield _unusable("acct_port", f"{self.acct_port} is the authentication port as well")

    def items(self) -> list[tuple[str, str | int]]:
        """Name and value of every setting but the secret, in order of declaration."""
        return [(name, getattr(self, name)) for name in shown(self)]


def stale_after(interims: Iterable[int], factor: float = 2.5) -> int:
    """Seconds of silence after which a session is taken for lost: two missed updates of the slowest NAS and a half.

    `interims`: accounting intervals in seconds; empty means the usual 300.
    """
    return int(max(interims, default=300) * factor)


def safe_path(name: str, value: str) -> None:
    """Refuses with E401 a path that is not absolute or that FreeRADIUS's parser would read as something else."""
    if problems := list(_path_problems(name, value)):
        raise Refusal(*problems)


def _path_problems(name: str, value: str) -> Iterable[Problem]:
    if not value.startswith("/"):
        yield _unusable(name, f"{value!r} is no absolute path")
    elif _UNSAFE.search(value):
        yield _unusable(name, "the path holds a quote, a brace, a backslash, $, % or a control character")


def _unusable(name: str, text: str) -> Problem:
    return Problem("E401", f"server setting {name}: {text}", advice="Choose another value and render again")
