"""Where two databases differ: everything else in this package is one SQL text for both."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """The handful of texts that SQLite and PostgreSQL do not share. Queries are written with `?` for parameters."""

    name: str
    placeholder: str
    begin: str
    tables: str
    freeradius: str
    """Name of the file with FreeRADIUS's own tables."""
    rejects: str
    """Definition of the view `ispctl_rejects`; `at` is in seconds since 1970."""

    def sql(self, text: str) -> str:
        """The one place where parameters are translated. Our queries hold no literal question mark."""
        return text if self.placeholder == "?" else text.replace("?", self.placeholder)


SQLITE = Dialect(
    name="sqlite",
    placeholder="?",
    begin="BEGIN IMMEDIATE",
    tables="SELECT name FROM sqlite_master WHERE type IN ('table', 'view')",
    freeradius="freeradius.sqlite.sql",
    rejects=(
        "CREATE VIEW ispctl_rejects AS SELECT authdate AS at, username AS login, nas, callingstationid AS mac,"
        " reason, detail FROM radpostauth WHERE reply = 'Access-Reject' UNION ALL"
        " SELECT last_seen, '', address, '', 'unknown-client', packets || ' packets' FROM ispctl_stranger"
    ),
)
