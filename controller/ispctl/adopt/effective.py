"""Which rows count for a login: its own and those of its groups, put together as FreeRADIUS 3 does. Pure.

rlm_sql reads the login's own rows, then its groups by priority. A group whose check rows do not match is passed over;
after the first that matches it stops, unless a reply row says `Fall-Through = Yes`. `:=` replaces what came before,
`=` yields to it, `+=` adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ispctl.adopt.old import Finding, OldGroup, Person, Row, about
from ispctl.structs import Struct

_COMPARES: Final = frozenset({"==", "!=", "=~", "!~", "<", ">", "<=", ">=", "=*", "!*"})


class Effective(Struct):
    """The rows that count, in the order in which they came; `sold` are those reply rows that groups alone gave."""

    check: tuple[Row, ...]
    reply: tuple[Row, ...]
    sold: tuple[Row, ...]
    group: str
    """The group that gave the most: the name of a tariff; empty where there is none."""
    rejected: Row | None
    """The row that turns the login away, if one does."""
    findings: tuple[Finding, ...]


def effective(person: Person, groups: Mapping[str, OldGroup]) -> Effective:
    """The rows that count for a person."""
    findings: list[Finding] = []
    taken: list[OldGroup] = []
    rejected = _rejecting(person.check)
    going = _falls(person.reply) is not False
    for name in person.groups:
        group = groups.get(name)
        if group is None:
            text = "a group without rows: it gives nothing"
            findings.append(Finding("note", "orphan-group", text, *person.anchor, login=person.login))
            continue
        refusing = _rejecting(group.check)
        if going and refusing is not None:  # a group for those who are turned away; what they had before comes after it
            rejected = rejected or refusing
            continue
        if going:
            findings += _conditions(group)
            taken.append(group)
            going = _falls(group.reply) is True
        else:
            text = "the server stops before a group of this login: no Fall-Through"
            findings.append(Finding("note", "group-unused", text, *person.anchor, login=person.login))
    check = _merged([person.check, *(group.check for group in taken)])
    reply = _merged([person.reply, *(group.reply for group in taken)])
    sold = _merged([group.reply for group in taken])
    named = next((group.name for group in taken if group.reply), taken[0].name if taken else "")
    return Effective(check, reply, sold, named, rejected, tuple(findings))


def conditional(row: Row) -> bool:
    """Whether a check row asks something about the request, instead of setting something."""
    return row.op in _COMPARES - {"=="} or (row.op == "==" and row.attribute not in _NO_CONDITION)


def last(rows: Iterable[Row], *attributes: str) -> Row | None:
    """The row that decides an attribute that a login has once."""
    return next((row for row in reversed(list(rows)) if row.attribute in attributes), None)


def _merged(parts: Iterable[tuple[Row, ...]]) -> tuple[Row, ...]:
    found: list[Row] = []
    for rows in parts:
        for row in rows:
            if row.op == ":=":
                found = [one for one in found if one.attribute != row.attribute]
            elif row.op not in _COMPARES and row.op != "+=" and any(one.attribute == row.attribute for one in found):
                continue
            found.append(row)
    return tuple(found)


def _rejecting(rows: Iterable[Row]) -> Row | None:
    return next((row for row in rows if row.attribute == "Auth-Type" and row.value.casefold() == "reject"), None)


def _falls(rows: Iterable[Row]) -> bool | None:
    row = last(rows, "Fall-Through")
    return None if row is None else row.value.casefold() in {"yes", "1"}


def _conditions(group: OldGroup) -> Iterator[Finding]:
    """A group that holds only for some requests: what it gives is taken as if it held for all."""
    for row in group.check:
        if conditional(row):
            yield about("lost", "conditional-group", "the group counts only for requests that match this row", row)


_NO_CONDITION: Final = frozenset({"Simultaneous-Use", "Expiration", "Auth-Type", "Cleartext-Password", "User-Password"})
