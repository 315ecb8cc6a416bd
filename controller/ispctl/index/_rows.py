"""From the files of a part of a commit to what is remembered of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from ispctl.desired import Course, Frame, Likeness
from ispctl.index._file import Row, Sold, Turning
from ispctl.model.document import Document
from ispctl.model.ledger import LEDGER, Ledger, companion
from ispctl.model.problem import Problem
from ispctl.model.subscriber import Subscriber, group_of
from ispctl.money import owed_since
from ispctl.repo import Snapshot
from ispctl.repo.checks import check
from ispctl.repo.facts import tallies
from ispctl.repo.traits import claims, hashed, held, longest, moments, newcomers, shared, span, uses
from ispctl.states import State
from ispctl.structs import replace

REMEMBERED: Final = timedelta(days=7)
"""So long before an index is made begins what it knows of turns: it serves an apply that was missed for a while."""

UNTOLD: Final = hashed("activation", "first-login")
"""Services that begin with a first login, which no file tells."""
OWING: Final = hashed("account", "owes")
"""Accounts of which something is to be paid, at a moment from REMEMBERED before an index is made on."""


def rows(part: Snapshot, paths: Collection[str], now: datetime, *, alone: bool = False) -> Iterator[Row]:
    """One for each of the files of this part, in their order. What else than these files the rules find something wrong
    with is left out: it is judged whenever somebody asks. `alone`: they are all that is known to be there."""
    found = [traits(part, path) for path in sorted(paths)]
    if alone:
        part = part.counting(tally for row in found for tally in row.tallies)
    wrong: dict[str, list[Problem]] = defaultdict(list)
    for problem in check(part, now):
        wrong[problem.where.file if problem.where else ""].append(problem)
    frame = Frame(part, now - REMEMBERED)
    for row in found:
        document = document_at(part, row.path)
        turns: Sequence[Turning] = ()
        sold: Sequence[Sold] = ()
        if document is not None and isinstance(document.value, Subscriber):
            turns, sold = _through_time(document, frame, now)
        elif document is not None and owed_since(document.value, part.policy.value, frame.now):
            sold = (Sold(OWING, 0, 0, "", 0),)
        yield replace(row, problems=wrong.get(row.path, ()), turns=turns, sold=sold)


def traits(part: Snapshot, path: str) -> Row:
    """What a file says to others, whatever time it is."""
    document = document_at(part, path)
    if document is None:
        return Row(path)
    group, zone = part.group(group_of(path)), ZoneInfo(part.policy.value.timezone)
    return Row(
        path,
        claims=tuple(claims_of(part, document)),
        uses=tuple(uses(document, group)),
        spans=tuple((*span(one), until) for one, until in longest(held(document, zone)).items()),
        due=tuple(moments(document, zone)),
        tallies=tuple(tallies(document, group, zone)),
    )


def document_at(part: Snapshot, path: str) -> Document[Subscriber] | Document[Ledger] | None:
    """The subscriber or the account in a file that could be read."""
    return part.ledger_at(path) if path.endswith(LEDGER) else part.at_path(path)


def claims_of(part: Snapshot, document: Document[Subscriber] | Document[Ledger]) -> Iterator[int]:
    """What a file claims. An account lies beside its subscriber, and claims the id only where it does not."""
    if isinstance(document.value, Ledger):
        beside = part.at_path(companion(document.path))
        if beside is not None and beside.value.id == document.value.subscriber:
            return newcomers(document.value)
    return claims(document)


def _through_time(document: Document[Subscriber], frame: Frame, now: datetime) -> tuple[list[Turning], list[Sold]]:
    """When time changes its services, and what they are now. Nothing of a service whose tariff does not exist: it has
    no entitlement, and an error instead."""
    turns, sold = list[Turning](), list[Sold]()
    for number in range(len(document.value.services)):
        try:
            course = Course(document, number, frame)
            turns += [Turning(int(turn.at.timestamp()), number, turn.loses) for turn in course.turns()]
            owner, login, like = course.at(now)
        except KeyError:
            continue
        named = hashed("named", login)
        sold.append(Sold(shared("tariff", like.tariff), number, _kind(like), owner, named))
        others = [] if like.state is State.ACTIVE else [shared("state", like.state)]
        others += [UNTOLD] if document.value.services[number].activation else []
        sold += [Sold(one, number, 0, owner, named) for one in others]
    return turns, sold


@lru_cache(10_000)
def _kind(like: Likeness) -> int:
    """Zero where the reason of a change would be the service's own: whoever cannot log in anyway is told why."""
    return 0 if like.access == "none" else hashed("kind", repr(like)) | 1
