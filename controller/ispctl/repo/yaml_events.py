"""From ruamel's events to plain mappings, lists and strings. The only module that knows ruamel's insides."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from sys import intern
from typing import Any, Final

from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
)
from ruamel.yaml.parser import Parser
from ruamel.yaml.reader import Reader
from ruamel.yaml.scanner import Scanner

from ispctl.model.problem import Problem, Where
from ispctl.repo.hidden import hidden, hidden_in
from ispctl.repo.yaml_nodes import DEEPEST, MOST_PROBLEMS, MOST_VALUES, NULLS, Node, Scalar
from ispctl.repo.yaml_syntax import explain
from ispctl.structs import replace

_KEEPS: Final = frozenset({"E011", "E014", "E019"})
"""After these the values that were read are still what was written."""

_QUOTE = "If the value itself begins with this sign, put it in quotes"


class _Mark:
    """A place as ruamel counts: from 0. ruamel's own marks keep more than is needed here, for every token."""

    __slots__ = ("column", "index", "line")

    def __init__(self, index: int, line: int, column: int) -> None:
        self.index = index
        self.line = line
        self.column = column


class _Events(Reader, Scanner, Parser):
    """ruamel's pure reader, scanner and parser in one, as its own loaders are; refuses what is not for records.

    What is refused is noted where the scanner meets it, so that it is reported even if the parser stumbles later.
    The parts find each other through properties; attributes instead of them halve the time.
    """

    processing_version = scanner_processing_version = (1, 2)  # whatever the file says
    comment_handling = None
    reader: Any = None
    scanner: Any = None
    resolver: Any = None

    def __init__(self, text: str, builder: Builder) -> None:
        self.reader = self.scanner = self.resolver = self
        self._builder = builder
        Reader.__init__(self, text, loader=self)
        Scanner.__init__(self, loader=self)
        Parser.__init__(self, loader=self)

    def get_mark(self) -> _Mark:
        return _Mark(self.index, self.line, self.column)

    def forward(self, length: int = 1) -> None:
        """Step over `length` characters. At once if no line ends in them."""
        passed = self.buffer[self.pointer : self.pointer + length]
        if len(passed) < length or "\n" in passed or "\r" in passed:
            super().forward(length)
        else:
            self.pointer += length
            self.index += length
            self.column += length

    def fetch_directive(self) -> None:
        """A line that begins with "%". Only `%YAML 1.2` before everything else says nothing new."""
        end = self.buffer.find("\n", self.pointer)
        line = self.buffer[self.pointer : end if end >= 0 else len(self.buffer) - 1].rstrip()
        first = self.tokens_taken + len(self.tokens) == 1
        if not (first and re.fullmatch(r"%YAML +1\.2(?: +#.*)?", line)):
            tag = line.startswith("%TAG")
            text = "a %TAG line" if tag else "a line that begins with '%'"
            self._refuse("E014" if tag else "E010", text, "Remove it: every file is read as YAML 1.2")
        self.forward(len(line))

    def fetch_anchor(self) -> None:
        self._refuse("E013", "an anchor (&)", f"Write each value where it is used. {_QUOTE}")
        super().fetch_anchor()

    def fetch_alias(self) -> None:
        self._refuse("E013", "an alias (*)", f"Write each value where it is used. {_QUOTE}")
        super().fetch_alias()

    def fetch_tag(self) -> None:
        self._refuse("E014", "a tag (!)", f"The type of a value follows from its place. {_QUOTE}")
        super().fetch_tag()

    def scan_tag_uri(self, name: Any, start_mark: Any) -> str:
        """A refused tag needs no long name; ruamel takes one apart in quadratic time."""
        return str(super().scan_tag_uri(name, start_mark))[:99]

    def check_key(self) -> bool:
        """A '?' begins a key only before a space: ruamel would read {?a: 1} as {a: 1}."""
        return self.peek(1) in "\0 \t\r\n"

    def _refuse(self, code: str, text: str, advice: str) -> None:
        self._builder.report(code, self, f"{text} is not used here", advice)


class _Open:
    """A mapping or list that is being read. `key` is the key whose value comes next; "" stands for one left out."""

    __slots__ = ("dropped", "firsts", "key", "key_mark", "node", "row")

    def __init__(self, node: dict[str, Node] | list[Node], row: int) -> None:
        self.node = node
        self.row = row
        self.key: str | None = None
        self.key_mark: Any = None
        self.dropped = False
        self.firsts: dict[str, Any] = {}

    @property
    def wants_key(self) -> bool:
        return isinstance(self.node, dict) and self.key is None


class _Enough(Exception):
    """Nothing after this is worth reading."""


class Builder:
    """Reads one text. `rows`: five numbers a value in document order: its line and column, its key's, the row after it
    and its children. `nulls`: row -> text of a value that was read as None."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.rows = array("I")
        self.nulls: dict[int, str] = {}
        self._file = file
        self._problems = problems
        self._open: list[_Open] = []
        self._root: Node = None
        self._documents = 0

    def read(self, text: str) -> dict[str, Node] | None:
        """The mapping, or None if something was found after which it cannot be trusted."""
        events = _Events(text, self)
        try:
            for event in _stream(events):
                self._take(event)
            self._judge_root(text)
        except _Enough:
            pass
        except MarkedYAMLError as error:
            self._syntax(text, error)
        except Exception:  # noqa: BLE001  ruamel answers some texts with an IndexError or OverflowError of its own
            text = "this cannot be read as YAML"
            self._problems.append(Problem("E010", text, self._where(events), "Put the value in quotes"))
        trusted = isinstance(self._root, dict) and all(problem.code in _KEEPS for problem in self._problems)
        return self._root if trusted and isinstance(self._root, dict) else None

    def report(self, code: str, mark: Any, text: str, advice: str) -> None:
        """Note a problem at ruamel's `mark` (anything with a line and a column that count from 0)."""
        self._note(Problem(code, text, self._where(mark), advice))

    def _note(self, problem: Problem) -> None:
        if len(self._problems) + 1 >= MOST_PROBLEMS:
            self._problems.append(replace(problem, advice=f"{problem.advice}. The rest of the file was not read"))
            raise _Enough
        self._problems.append(problem)

    def _take(self, event: Any) -> None:
        if isinstance(event, (ScalarEvent, AliasEvent)):
            self._leaf(event)
        elif isinstance(event, CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, CollectionEndEvent):
            self._end()
        elif isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                advice = "Keep one document a file: remove the line '---' or move what follows to its own file"
                self.report("E012", event.start_mark, "a second document begins", advice)
                raise _Enough

    def _leaf(self, event: Any) -> None:
        text = getattr(event, "value", "")
        plain = getattr(event, "style", None) is None
        if (sign := hidden_in(text)) is not None:  # written as an escape
            self._note(hidden(sign, self._where(event.start_mark)))
        if self._open and self._open[-1].wants_key:
            self._key(event, text, plain)
            return
        row = self._start_row(event.start_mark)
        null = plain and text in NULLS
        if null:
            self.nulls[row] = text
        self._attach(None if null else Scalar(text, plain), row)

    def _key(self, event: Any, text: str, plain: bool) -> None:
        """The scalar or alias is a key: keep it, or note why its value is left out."""
        frame = self._open[-1]
        frame.key, frame.key_mark, frame.dropped = intern(text), event.start_mark, True
        if isinstance(event, AliasEvent):
            return
        if plain and text in NULLS:
            self.report("E018", event.start_mark, "a key is missing", "Write a name before the ':'")
        elif plain and text == "<<":
            advice = "Write each value where it is used"
            self.report("E013", event.start_mark, "a merge key (<<) is not used here", advice)
        elif text in frame.firsts:
            first = self._where(frame.firsts[text])
            self.report(
                "E011", event.start_mark, f"the key {_shown(text)} stands already at {first}", "Keep one of them"
            )
        else:
            frame.firsts[text] = event.start_mark
            frame.dropped = False

    def _begin(self, event: Any) -> None:
        if len(self._open) == DEEPEST:
            self.report(
                "E015",
                event.start_mark,
                f"more than {DEEPEST} levels deep",
                "Records are flat: look for a bracket too many",
            )
            raise _Enough
        if self._open and self._open[-1].wants_key:
            frame = self._open[-1]
            frame.key_mark, frame.dropped = event.start_mark, True
            advice = "A key is a plain text. If the value begins with '{' or '[', put it in quotes"
            self.report("E018", event.start_mark, "a mapping or a list stands where a key belongs", advice)
        row = self._start_row(event.start_mark)
        self._open.append(_Open({} if isinstance(event, MappingStartEvent) else [], row))

    def _end(self) -> None:
        frame = self._open.pop()
        if self._open and self._open[-1].wants_key:  # it was a key itself, refused when it began
            self._forget(frame.row)
            self._open[-1].key = ""
        else:
            self._attach(frame.node, frame.row)

    def _start_row(self, mark: Any) -> int:
        row = len(self.rows) // 5
        if row == MOST_VALUES:
            advice = "Split it: one record a file is the rule"
            self.report("E008", mark, f"the file holds more than {MOST_VALUES:,} values", advice)
            raise _Enough
        key = self._open[-1].key_mark if self._open and isinstance(self._open[-1].node, dict) else mark
        key = key or mark
        self.rows.extend((mark.line + 1, mark.column + 1, key.line + 1, key.column + 1, 0))
        return row

    def _attach(self, node: Node, row: int) -> None:
        """The value that began at `row` is whole: hang it where it belongs."""
        self.rows[row * 5 + 4] = len(self.rows) // 5
        if not self._open:
            self._root = node
            return
        frame = self._open[-1]
        if isinstance(frame.node, list):
            frame.node.append(node)
            return
        if frame.dropped or frame.key is None:
            self._forget(row)
        else:
            frame.node[frame.key] = node
        frame.key, frame.dropped = None, False

    def _forget(self, row: int) -> None:
        del self.rows[row * 5 :]
        for later in [other for other in self.nulls if other >= row]:
            del self.nulls[later]

    def _judge_root(self, text: str) -> None:
        if isinstance(self._root, dict):
            return
        if isinstance(self._root, list):
            what = "a list"
        elif self._root is not None:
            what = "a single value"
        else:
            lines = (line.strip() for line in text.split("\n"))
            what = "only comments" if any(line.startswith("#") for line in lines) else "nothing"
        where = Where(self._file, *(self.rows[:2] if self._root is not None else (1, 1)))
        advice = "A file is a mapping: lines of the form 'key: value'"
        self._problems.append(Problem("E016", f"the file holds {what}", where, advice))

    def _syntax(self, text: str, error: MarkedYAMLError) -> None:
        line, column, what, advice = explain(error, text)
        where = Where(self._file, line, column)
        if any(known.where and known.where.line == line and known.code in ("E013", "E014") for known in self._problems):
            return  # the sign that was refused is also what the parser stumbled over
        self._problems.append(Problem("E010", what, where, advice))

    def _where(self, mark: Any) -> Where:
        return Where(self._file, mark.line + 1, mark.column + 1)


def _stream(events: _Events) -> Iterator[Any]:
    while events.check_event():
        yield events.get_event()


def _shown(key: str) -> str:
    """A key for a message: short, and never half a line of somebody's secret."""
    return repr(key) if re.fullmatch(r"[\w.:@/+-]{1,40}", key) else "here"
