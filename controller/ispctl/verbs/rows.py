"""One request among many: a line of a file or of a stream, each value a text, each field named by what it means."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo

from ispctl.model.problem import Problem, Refusal
from ispctl.model.scalars import FIRST_YEAR, LAST_YEAR
from ispctl.structs import Struct, field
from ispctl.verbs.draft import Draft

OF_ALL: Final = ("verb", "sub", "reason", "ticket", "key")
"""Fields that every request may have."""


class Row(Struct):
    """A request. `number`: of its line, from 1."""

    number: int
    values: Mapping[str, str] = field(repr=False)
    fault: Problem | None = None
    """Why nothing can be done with it."""

    def text(self, name: str, default: str | None = None) -> str:
        """A field. Raises Refusal E790 where it is missing and there is no default."""
        found = " ".join(self.values.get(name, "").split())
        if found or default is not None:
            return found or default or ""
        raise self.wrong(f"{name} is missing")

    def day(self, name: str) -> date | None:
        """A field that holds a day, 2026-12-01. Raises Refusal E790."""
        text = self.text(name, "")
        try:
            found = date.fromisoformat(text) if text else None
        except ValueError:
            raise self.wrong(f"{name} is not a day, like 2026-12-01") from None
        if found and not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise self.wrong(f"{name} lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
        return found

    def moment(self, name: str, zone: ZoneInfo) -> datetime | None:
        """A field that holds a moment, 2026-12-01T21:00; of that zone where it says no other. Raises Refusal E790."""
        text = self.text(name, "")
        try:
            found = datetime.fromisoformat(text) if text else None
        except ValueError:
            raise self.wrong(f"{name} is not a moment, like 2026-12-01T21:00") from None
        return found.replace(tzinfo=zone) if found and found.tzinfo is None else found

    def needed_day(self, name: str) -> date:
        """The same where there is no default. Raises Refusal E790."""
        self.text(name)
        found = self.day(name)
        assert found is not None
        return found

    def number_of(self, name: str, default: int | None = None) -> int:
        """A field that holds a whole number from 1 on. Raises Refusal E790."""
        text = self.text(name, None if default is None else str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 10 and 0 < int(text) < 10_000):
            raise self.wrong(f"{name} is not a whole number from 1 on")
        return int(text)

    def flag(self, name: str) -> bool:
        """A field that holds yes or no; no where it is missing. Raises Refusal E790."""
        text = self.text(name, "no")
        if text not in ("yes", "true", "no", "false"):
            raise self.wrong(f"{name} is neither yes nor no")
        return text in ("yes", "true")

    def several(self, name: str) -> tuple[str, ...]:
        """A field that holds a list with commas."""
        return tuple(filter(None, (one.strip() for one in self.text(name, "").split(","))))

    def wrong(self, text: str) -> Refusal:
        return Refusal(Problem("E790", text))


class Request(Struct):
    """A verb as a request: what it does with a row, and the fields that it knows beside OF_ALL."""

    act: Callable[[Draft, Row], None]
    fields: tuple[str, ...] = ()

    def __call__(self, draft: Draft, row: Row) -> None:
        """Raises Refusal E790 for a field that nobody reads: a slip of the keyboard shall not be a silent no."""
        for text in unread(row.values, self.fields):
            raise row.wrong(text)
        self.act(draft, row)


def unread(names: Iterable[str], fields: Collection[str]) -> Iterator[str]:
    """Of each name that is neither among these fields nor one of all: what to say."""
    known = (*OF_ALL, *fields)
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            yield f"{name} is no field of it" + (f"; did you mean {near[0]}?" if near else "")
