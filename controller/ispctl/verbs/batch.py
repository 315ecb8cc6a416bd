"""Many requests, one commit: each row is done whole or not at all, and says what became of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import Final, Literal

from ispctl.model.problem import Problem, Refusal
from ispctl.structs import Struct, field, replace
from ispctl.verbs import (
    account,
    change,
    coming,
    cpe,
    first_login,
    grace,
    ip,
    later,
    mac,
    password,
    renew,
    revert,
    state,
    tariff,
    topup,
)
from ispctl.verbs.draft import Already, Asked, Draft
from ispctl.verbs.password import Letter, Written
from ispctl.verbs.rows import Request, Row, unread

REQUESTS: Final[Mapping[str, Request]] = {
    **state.REQUESTS,
    **change.REQUESTS,
    **coming.REQUESTS,
    **later.REQUESTS,
    **mac.REQUESTS,
    **ip.REQUESTS,
    **account.REQUESTS,
    **first_login.REQUESTS,
    **renew.REQUESTS,
    **grace.REQUESTS,
    **tariff.REQUESTS,
    **topup.REQUESTS,
    **revert.REQUESTS,
}
"""Every verb that may be asked for in a row, by its name, but those that need the world beside git."""


class World(Struct):
    """What some verbs need beside git. `password`: makes one. `direct`: what they change is not
    only proposed."""

    seal: coming.Seal
    learned: mac.Learned
    password: Callable[[], str]
    letter: Written
    direct: bool


_LONGEST: Final = 200
Outcome = Literal["done", "already", "unchanged", "refused"]


class Result(Struct):
    """What became of a row. `owner`: whom it concerned, where that is known."""

    row: Row = field(repr=False)
    outcome: Outcome
    owner: str = ""
    text: str = ""
    problems: tuple[Problem, ...] = ()
    paths: Collection[str] = ()
    """The files that it changed."""
    sealed: str = ""
    """The place of the password that it made; the password itself is told to nobody."""


@dataclasses.dataclass
class Batch:
    """Rows, and what became of each; to be carried out as one verb."""

    rows: Sequence[Row]
    verb: str
    """Of all rows; where it is empty, each names its own."""
    world: World = dataclasses.field(repr=False)
    forgotten: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """By login: devices that the server has learned and has to forget, since they stand in no file."""
    letters: dict[int, Letter] = dataclasses.field(default_factory=dict, repr=False)
    """By the number of the row: what is to be sent once there is a commit to tell of."""
    results: dict[int, Result] = dataclasses.field(default_factory=dict)
    _barred: dict[int, tuple[Problem, ...]] = dataclasses.field(default_factory=dict)
    _forgetting: set[int] = dataclasses.field(default_factory=set)
    _untold: dict[int, tuple[Problem, ...]] = dataclasses.field(default_factory=dict)

    @property
    def words(self) -> frozenset[str]:
        """Whom it concerns."""
        names = ("sub", "login", "id")  # a newcomer must not be there already
        return frozenset(filter(None, (row.values.get(name, "").strip() for row in self.rows for name in names)))

    @property
    def newcomers(self) -> frozenset[str]:
        """The idempotency keys with which somebody is added."""
        adding = (row for row in self.rows if (self.verb or row.text("verb", "")) == "add")
        return frozenset(filter(None, (row.values.get("key", "").strip() for row in adding)))

    @cached_property
    def requests(self) -> Mapping[str, Request]:
        """Every verb that may be asked for in a row, by its name."""
        world = self.world
        return {
            **REQUESTS,
            **coming.joining(world.seal, world.password),
            **password.requests(world.seal, world.password, world.letter, self.letters, direct=world.direct),
            **cpe.requests(world.seal, world.password),
            **mac.of_learned(world.learned, self.forgotten, direct=world.direct),
        }

    def judge(self, names: Iterable[str]) -> None:
        """The verb, and the names in the first line of a table, where no row follows. Raises Refusal E790."""
        requests = [self._of(self.verb)] if self.verb else self.requests.values()
        fields = {name for request in requests for name in request.fields}
        if said := [Problem("E790", f"line 1: {text}") for text in unread(names, fields)]:
            raise Refusal(*said)

    def __call__(self, draft: Draft) -> None:
        """Edit the draft, row by row. Called anew when the head is another."""
        self.forgotten.clear()
        self.letters.clear()
        self._forgetting.clear()
        self.results = {row.number: self._one(draft, row) for row in self.rows}
        gone = [number for number, letter in self.letters.items() if not letter.holds(draft)]
        for number in gone:
            del self.letters[number]  # a later row made another password
        told = {self.results[number].owner for number in self.letters}
        for number in gone:
            result = self.results[number]
            if result.owner not in told:
                text = "a later row made another password, of which nobody is told: let that row notify"
                self.results[number] = replace(result, problems=result.row.wrong(text).problems)

    def promise(self, commit: str) -> None:
        """Write down what is to be told, before others have the commit. Where that cannot be, the rows of which
        something is to be told are those that `bar` leaves out. Raises Refusal."""
        try:
            for letter in self.letters.values():
                letter.promise(commit)
        except Refusal as refusal:
            self._untold = dict.fromkeys(self.letters, refusal.problems)
            self.take_back(commit)
            raise

    def take_back(self, commit: str) -> None:
        """The commit was not taken."""
        for letter in self.letters.values():
            letter.take_back(commit)

    def send(self, commit: str) -> None:
        """What is to be told of that commit; of what did not go, the result of its row says so."""
        for number, letter in self.letters.items():
            try:
                letter.send(commit)
            except Refusal as refusal:
                self.results[number] = replace(self.results[number], problems=refusal.problems)

    def not_forgotten(self, problems: tuple[Problem, ...]) -> None:
        """The server remembers the devices that it was to forget: the results of their rows say so. What else was
        committed is done."""
        for number in self._forgetting:
            result = self.results[number]
            self.results[number] = replace(
                result, outcome=result.outcome if result.paths else "refused", problems=problems
            )

    def bar(self, problems: Iterable[Problem]) -> bool:
        """Leave out the rows that changed files of which something wrong is said now; whether there are any. What two
        files share is said of one of them, and names the other."""
        said = [(problem, str(problem)) for problem in problems]
        found = {
            number: tuple(problem for problem, text in said if any(path in text for path in result.paths))
            for number, result in self.results.items()
        }
        fresh = self._untold or {number: wrong for number, wrong in found.items() if wrong}
        self._barred |= fresh
        self._untold = {}
        return bool(fresh)

    def _one(self, draft: Draft, row: Row) -> Result:
        if row.number in self._barred:
            return Result(row, "refused", problems=self._barred[row.number])
        changes, count, forgotten = draft.changes, len(draft.events), dict(self.forgotten)
        try:
            with draft.attempt(self._asked(draft.asked, row)):
                self._request(row)(draft, row)
        except Already as already:
            return Result(row, "already", text=str(already.where))
        except Refusal as refusal:
            return Result(row, "refused", problems=refusal.problems)
        if self.forgotten != forgotten:
            self._forgetting.add(row.number)
        if len(draft.events) == count:
            if self.forgotten == forgotten:
                return Result(row, "unchanged")
            return Result(row, "done", draft.service(row.text("sub")).owner, "the server forgets what it learned")
        event = draft.events[-1]
        made = event.verb in ("add", "reset-password") and not row.text("ipoe", "")
        sealed = f"service/{event.id}/{event.key or 'main'}/password" if made else ""
        return Result(row, "done", event.owner, event.text, paths=draft.touched(changes), sealed=sealed)

    def _request(self, row: Row) -> Request:
        if row.fault:
            raise Refusal(row.fault)
        return self._of(self.verb or row.text("verb"))

    def _of(self, verb: str) -> Request:
        if verb not in self.requests:
            near = get_close_matches(verb, self.requests, n=1)
            advice = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(sorted(self.requests))}"
            raise Refusal(Problem("E790", f"there is no verb {verb!r}{advice}"))
        return self.requests[verb]

    @staticmethod
    def _asked(asked: Asked, row: Row) -> Asked:
        """What is said of all of them, but where the row says it itself."""
        reason, ticket, key = (row.text(name, "") for name in ("reason", "ticket", "key"))
        for name, text in (("reason", reason), ("ticket", ticket), ("key", key)):  # each is a line of the commit
            if len(text) > _LONGEST or not text.isprintable():
                raise row.wrong(f"{name} is longer than {_LONGEST} characters, or cannot be printed")
        return replace(asked, reason=reason or asked.reason, ticket=ticket or asked.ticket, key=key or asked.key)
