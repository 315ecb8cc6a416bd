"""Where the database is: `sqlite:///relative/path`, `sqlite:////absolute/path`. Nothing of a password is ever said."""

from __future__ import annotations

from pathlib import Path

from ispctl.model.problem import Problem, Refusal

_ADVICE = "Write dsn: sqlite:///var/radius.db (relative to the repository) or sqlite:////var/lib/ispctl/radius.db"


def database_file(dsn: str, base: Path) -> Path:
    """The file a DSN names; a relative one is taken from `base`. Refuses E300 (not a DSN) and E310 (another kind)."""
    scheme, mark, rest = dsn.partition("://")
    if not mark:
        raise Refusal(Problem("E300", "the DSN of the RADIUS database has no scheme", advice=_ADVICE))
    if scheme in ("postgresql", "postgres", "mysql", "mariadb"):
        text = f"a database of the kind {scheme} is not served in this version"
        raise Refusal(Problem("E310", text, advice=_ADVICE))
    if scheme != "sqlite":
        raise Refusal(Problem("E300", "the DSN of the RADIUS database has an unknown scheme", advice=_ADVICE))
    path = rest[1:]
    if not rest.startswith("/") or path.strip("/.") in ("", ":memory:") or any(c in path for c in "\0\n\r?#"):
        raise Refusal(Problem("E300", "the DSN of the RADIUS database names no file", advice=_ADVICE))
    return base / path
