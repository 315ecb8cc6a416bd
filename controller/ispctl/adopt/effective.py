"""Which rows count for a login: its own and those of its groups, put together as FreeRADIUS 3 does. Pure.

rlm_sql reads the login's own rows, then its groups by priority. A group whose check rows do not match is passed over;
after the first that matches it stops, unless a reply row says `Fall-Through = Yes`. `:=` replaces what came before,
`=` yields to it, `+=` adds; rows that come together leave each other alone. Of several check rows that set the same
the server takes the first. A reply row that compares or takes away is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ispctl.adopt.old import Finding, OldGroup, Person, Row, about
from ispctl.structs import Struct

COMPARES: Final = frozenset({"==", "!=", "=~", "!~", "<", ">", "<=", ">=", "=*", "!*"})
_NOT_SENT: Final = frozenset({"==", "!=", "-="})
"""Operators of reply rows that are none."""


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
            conditions = [*_conditions(group)]
            findings += conditions
            rejected = rejected or (None if conditions else refusing)
            continue
        if going:
            findings += [*_conditions(group), *_unsent(group.reply, person.login)]
            taken.append(group)
            going = _falls(group.reply) is True
        else:
            text = "the server stops before a group of this login: no Fall-Through"
            findings.append(Finding("note", "group-unused", text, *person.anchor, login=person.login))
    check = _merged([person.check, *(group.check for group in taken)])
    findings += _unsent(person.reply, person.login)
    sent = [tuple(row for row in group.reply if row.op not in _NOT_SENT) for group in taken]
    reply = _merged([tuple(row for row in person.reply if row.op not in _NOT_SENT), *sent])
    sold = _merged(sent)
    named = next((group.name for group in taken if group.reply), taken[0].name if taken else "")
    return Effective(check, reply, sold, named, rejected, tuple(findings))


def conditional(row: Row) -> bool:
    """Whether a check row asks something about the request, instead of setting something."""
    return row.op in COMPARES - {"=="} or (row.op == "==" and row.attribute not in _NO_CONDITION)


def first(rows: Iterable[Row], *attributes: str) -> Row | None:
    """The row that decides an attribute that a login has once."""
    return next((row for row in rows if row.attribute in attributes), None)


def _merged(parts: Iterable[tuple[Row, ...]]) -> tuple[Row, ...]:
    found: list[Row] = []
    for rows in parts:
        before = tuple(found)
        for row in rows:
            earlier = [one for one in before if one.attribute == row.attribute]
            if row.op == ":=":
                found = [one for one in found if one not in earlier]
            elif row.op not in COMPARES and row.op != "+=" and earlier:
                continue
            found.append(row)
    return tuple(found)


def _rejecting(rows: Iterable[Row]) -> Row | None:
    said = (row for row in rows if row.attribute == "Auth-Type" and row.value.casefold() == "reject")
    return next((row for row in said if row.op not in COMPARES), None)


def _falls(rows: Iterable[Row]) -> bool | None:
    row = first(rows, "Fall-Through")
    return None if row is None else row.value.casefold() in {"yes", "1"}


def _unsent(rows: Iterable[Row], login: str) -> Iterator[Finding]:
    for row in rows:
        if row.op in _NOT_SENT and row.attribute != "Fall-Through":
            yield about("note", "unsent-reply", f"{row.op} sends nothing: the server leaves this row out", row, login)


def _conditions(group: OldGroup) -> Iterator[Finding]:
    """A group that holds only for some requests: what it gives is taken as if it held for all, and whom it turns away
    is not."""
    for row in group.check:
        if conditional(row):
            yield about("lost", "conditional-group", "the group counts only for requests that match this row", row)


_NO_CONDITION: Final = frozenset({"Simultaneous-Use", "Expiration", "Auth-Type", "Cleartext-Password", "User-Password"})
