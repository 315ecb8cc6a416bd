"""What was read of a FreeRADIUS database that is not ours: rows as they stand, by login, by group, by NAS. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from ispctl.structs import Struct, field

Severity = Literal["refused", "lost", "note"]
"""refused: the login is not imported. lost: it is, and this row's meaning is not. note: a guess, or nothing to miss."""
SEVERITIES: Final[tuple[Severity, ...]] = ("refused", "lost", "note")


class Row(Struct):
    """One row of radcheck, radreply, radgroupcheck or radgroupreply. `id` is 0 where the table has none."""

    table: str
    id: int
    attribute: str
    op: str
    value: str = field(repr=False)


class Person(Struct):
    """Everything that stands under one User-Name; groups in the order in which the server tries them."""

    login: str = field(repr=False)
    check: tuple[Row, ...] = ()
    reply: tuple[Row, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def anchor(self) -> tuple[str, int]:
        """A row by which somebody finds the login: (table, id)."""
        first = next(iter((*self.check, *self.reply)), None)
        return (first.table, first.id) if first else ("radusergroup", 0)


class OldGroup(Struct):
    """Everything that stands under one group name."""

    name: str
    check: tuple[Row, ...] = ()
    reply: tuple[Row, ...] = ()


class OldNas(Struct):
    """A row of `nas`."""

    id: int
    address: str
    shortname: str
    type: str
    secret: str = field(repr=False)


class Finding(Struct, order=True):
    """Something that was not understood, or was guessed. Names rows by table and id; holds no value of a row."""

    severity: Severity
    kind: str
    text: str
    table: str = ""
    row: int = 0
    attribute: str = ""
    login: str = field(default="", repr=False)

    @property
    def rank(self) -> tuple[int, str, str, str, int, str]:
        """Worst first, then alike things together."""
        return SEVERITIES.index(self.severity), self.kind, self.attribute, self.table, self.row, self.login


def about(severity: Severity, kind: str, text: str, row: Row, login: str = "") -> Finding:
    """A finding about a row. What belongs to a group is found once, however many stand in it."""
    owner = "" if row.table.startswith("radgroup") else login
    return Finding(severity, kind, text, row.table, row.id, row.attribute, owner)


def in_order(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each finding once, the worst first."""
    return tuple(sorted(set(found), key=lambda one: one.rank))
