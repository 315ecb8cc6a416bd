"""Many requests, one commit: each row is done whole or not at all, and says what became of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Final, Literal

from ispctl.model.problem import Problem, Refusal
from ispctl.verbs import account, change, coming, first_login, grace, ip, later, mac, renew, revert, state, tariff
from ispctl.verbs.draft import Already, Asked, Draft
from ispctl.verbs.rows import Request, Row

REQUESTS: Final[Mapping[str, Request]] = {
    **state.REQUESTS,
    **change.REQUESTS,
    **coming.REQUESTS,
    **later.REQUESTS,
    **mac.REQUESTS,
    **ip.REQUESTS,
    **account.REQUESTS,
    **renew.REQUESTS,
    **first_login.REQUESTS,
    **grace.REQUESTS,
    **tariff.REQUESTS,
    **revert.REQUESTS,
}
"""Every verb that may be asked for in a row, by its name."""
Outcome = Literal["done", "already", "unchanged", "refused"]


@dataclass(frozen=True)
class Result:
    """What became of a row. `owner`: whom it concerned, where that is known."""

    row: Row = field(repr=False)
    outcome: Outcome
    owner: str = ""
    text: str = ""
    problems: tuple[Problem, ...] = ()
    paths: Collection[str] = ()
    """The files that it changed."""


@dataclass
class Batch:
    """Rows, and what became of each; to be carried out as one verb."""

    rows: Sequence[Row]
    verb: str = ""
    """Of all rows; where it is empty, each names its own."""
    results: dict[int, Result] = field(default_factory=dict)
    _barred: dict[int, tuple[Problem, ...]] = field(default_factory=dict)

    @property
    def words(self) -> frozenset[str]:
        """Whom it concerns."""
        return frozenset(filter(None, (row.values.get("sub", "").strip() for row in self.rows)))

    def __call__(self, draft: Draft) -> None:
        """Edit the draft, row by row. Called anew when the head is another."""
        self.results = {row.number: self._one(draft, row) for row in self.rows}

    def bar(self, problems: Iterable[Problem]) -> bool:
        """Leave out the rows that changed files of which something wrong is said now; whether there are any. What two
        files share is said of one of them, and names the other."""
        said = [(problem, str(problem)) for problem in problems]
        found = {
            number: tuple(problem for problem, text in said if any(path in text for path in result.paths))
            for number, result in self.results.items()
        }
        fresh = {number: wrong for number, wrong in found.items() if wrong}
        self._barred |= fresh
        return bool(fresh)

    def _one(self, draft: Draft, row: Row) -> Result:
        if row.number in self._barred:
            return Result(row, "refused", problems=self._barred[row.number])
        changes, count = draft.changes, len(draft.events)
        try:
            with draft.attempt(self._asked(draft.asked, row)):
                self._request(row)(draft, row)
        except Already as already:
            return Result(row, "already", text=str(already.where))
        except Refusal as refusal:
            return Result(row, "refused", problems=refusal.problems)
        if len(draft.events) == count:
            return Result(row, "unchanged")
        event = draft.events[-1]
        return Result(row, "done", event.owner, event.text, paths=draft.touched(changes))

    def _request(self, row: Row) -> Request:
        if row.fault:
            raise Refusal(row.fault)
        name = self.verb or row.text("verb")
        if name not in REQUESTS:
            near = get_close_matches(name, REQUESTS, n=1)
            advice = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(sorted(REQUESTS))}"
            raise row.wrong(f"there is no verb {name!r}{advice}")
        return REQUESTS[name]

    @staticmethod
    def _asked(asked: Asked, row: Row) -> Asked:
        """What is said of all of them, but where the row says it itself."""
        reason, ticket, key = (row.text(name, "") for name in ("reason", "ticket", "key"))
        return replace(asked, reason=reason or asked.reason, ticket=ticket or asked.ticket, key=key or asked.key)
