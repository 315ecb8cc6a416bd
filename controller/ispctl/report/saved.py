"""A saved plan, as far as an apply needs it: to see that what is done is what somebody read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from json import JSONDecodeError, JSONDecoder
from typing import Any, Final, TextIO

from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Change, Plan
from ispctl.report.plan_json import VERSION
from ispctl.structs import Struct

_ADVICE: Final = "Make one: ispctl plan --live --out FILE"
_READ: Final = 1 << 16
"""Characters read at once; twice as many each time, while a value has not ended."""
_HEAD: Final = ("version", "kind", "digest", "commit")


class Saved(Struct):
    """A live plan that somebody saved and read: enough to see whether it is still what would be done. `rows`: the id
    of what is done at each target and key, without sessions, since who is online changes by the minute."""

    digest: str
    commit: str
    rows: Mapping[str, str]

    def differences(self, plan: Plan) -> Iterator[str]:
        """What a plan of now would do otherwise, a sentence each, without logins; none if it is the same, or what is
        left of it: an apply that was killed may be run again."""
        for one in plan.changes if self.digest != plan.digest else ():
            known = self.rows.get(_at(one.target, "/".join(one.key)))
            if one.key[0] == "session" or known == one.id:
                continue
            yield f"{_named(one)} {'was not in it' if known is None else 'is no longer what it saw'}"

    def is_done(self, plan: Plan) -> bool:
        """Whether nothing is left of what it was to do, going by a plan of now; what is left as it is was not to be."""
        wanted = set(self.rows.values()) - plan.stopped if self.digest != plan.digest else set()
        return bool(wanted) and not any(one.id in wanted for one in plan.changes)


def read_saved(file: TextIO) -> Saved:
    """The plan that `ispctl plan --live --out FILE` wrote. Raises Refusal (E610 to E612) for anything else. Holds a row
    of it at once, and about 300 bytes for each that it remembers. UnicodeDecodeError is the caller's."""
    try:
        said = dict(_said(_Json(file)))
    except UnicodeDecodeError:
        raise
    except (ValueError, RecursionError):
        said = {}
    version = said.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise Refusal(Problem("E610", "this file is not a plan", advice=_ADVICE))
    if version != VERSION:
        found = f"the plan has version {version}, this program reads version {VERSION}"
        raise Refusal(Problem("E611", found, advice=_ADVICE))
    if said.get("kind") == "proposed":
        found = "this is a proposed plan, made without looking at the targets; only live plans can be applied"
        raise Refusal(Problem("E612", found, advice=_ADVICE))
    digest, commit, rows = said.get("digest"), said.get("commit"), said.get("changes")
    if said.get("kind") != "live" or not _text(digest) or not _text(commit) or rows is None:
        raise Refusal(Problem("E610", "this file is not a whole plan", advice=_ADVICE))
    return Saved(str(digest), str(commit), rows)


def _said(source: _Json) -> Iterator[tuple[str, Any]]:
    """The members that matter; "changes" as the ids of rows by their place, None where one of them is no change, or two
    of them are of one key."""
    for name in source.members():
        if name in _HEAD or not source.at_list:
            value = source.value()
            yield name, value if name in _HEAD else None
            continue
        parts = source.parts()
        if name == "changes":
            yield name, _rows(parts)
        for _ in parts:
            """Skipped, a part at once."""


def _rows(parts: Iterator[Any]) -> dict[str, str] | None:
    rows: dict[str, str] = {}
    for one in parts:
        said: list[Any] = [one.get(name) for name in ("id", "target", "action", "key")] if isinstance(one, dict) else []
        if not said or not all(map(_text, said)):
            return None
        id, target, _, key = said
        at = _at(target, key)
        if at in rows:
            return None
        rows[at] = id
    return {at: id for at, id in rows.items() if not at.partition(" ")[2].startswith("session/")}


def _at(target: str, key: str) -> str:
    return f"{target} {key}"


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _named(one: Change) -> str:
    kind, name = one.key
    if one.owner or kind in ("login", "session"):
        return f"the {kind} of {one.owner or 'change ' + one.id}"
    return f"{kind} {name}"


class _Json:
    """A JSON text, value by value. Raises ValueError where it is none, RecursionError where it is too deep."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._text, self._at = file, "", 0
        self._decode = JSONDecoder().raw_decode

    def members(self) -> Iterator[str]:
        """The names of the object that the whole text is; the value of each has to be taken before the next."""
        self._expect("{")
        while self._next() == '"':
            name = str(self.value())
            self._expect(":")
            yield name
            if not self._goes_on("}"):
                break
        else:
            self._expect("}")
        if self._next():
            raise ValueError("more than one value")

    @property
    def at_list(self) -> bool:
        return self._next() == "["

    def parts(self) -> Iterator[Any]:
        """What a list holds."""
        self._expect("[")
        if self._next() == "]":
            self._at += 1
            return
        while True:
            yield self.value()
            if not self._goes_on("]"):
                return

    def value(self) -> Any:
        self._next()
        size = _READ
        while True:
            try:
                value, at = self._decode(self._text, self._at)
                if at < len(self._text):  # a number may go on where the text does not yet
                    self._at = at
                    return value
            except JSONDecodeError:
                pass
            if not self._more(size):
                value, self._at = self._decode(self._text, self._at)
                return value
            size *= 2

    def _next(self) -> str:
        """The next sign that says something; empty at the end."""
        while True:
            while self._at < len(self._text):
                if (sign := self._text[self._at]) not in " \t\r\n":
                    return sign
                self._at += 1
            if not self._more(_READ):
                return ""

    def _more(self, size: int) -> bool:
        read = self._file.read(size)
        self._text, self._at = self._text[self._at :] + read, 0
        return bool(read)

    def _expect(self, sign: str) -> None:
        if self._next() != sign:
            raise ValueError(f"expected {sign}")
        self._at += 1

    def _goes_on(self, end: str) -> bool:
        """Whether another part follows, and past the comma; else past the end."""
        if self._next() == ",":
            self._at += 1
            return bool(self._next() not in ("", end)) or self._refuse()
        self._expect(end)
        return False

    def _refuse(self) -> bool:
        raise ValueError("a comma before the end")
