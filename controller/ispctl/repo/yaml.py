"""One YAML file as text and places: nothing is typed here, nothing is built but mappings, lists and strings.

Read from ruamel's event stream, so that no constructor ever sees a file. What the format offers beyond plain records
(anchors, tags, merge keys, several documents) is refused: each value stands where it is used, and a review shows it.
"""

from __future__ import annotations

import re
from functools import cached_property
from itertools import islice

from ispctl.model.problem import Problem, Where, in_order
from ispctl.repo.hidden import HIDDEN, hidden_lines
from ispctl.repo.yaml_nodes import MOST_PROBLEMS, Loc, Marks, Node, Scalar

__all__ = ["Later", "Marks", "Node", "Scalar", "read", "too_large"]


def read(data: bytes, file: str, *, limit: int) -> tuple[Node | None, Marks, list[Problem]]:
    """The one mapping in `data`, its places, and everything that is wrong with it, in order.

    `limit` is in bytes and is checked first. The mapping is None where its content cannot be trusted (unreadable, or
    something had to be left out); with E011, E014 and E019 alone it is there, so that its values can be judged too.
    """
    if len(data) > limit:
        return None, Marks(), [too_large(len(data), limit, Where(file))]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return None, Marks(), [_not_utf8(data, file, error)]
    problems = list(islice(hidden_lines(text, file), MOST_PROBLEMS))
    if len(text) < 4 * text.count("\0"):
        return None, Marks(), [Problem("E009", "the file looks like UTF-16", Where(file, 1, 1), _SAVE_AS_UTF8)]
    if _LONE_CR.search(text):  # lines would not be counted as git and editors count them
        return None, Marks(), problems
    from ispctl.repo.yaml_events import Builder  # ruamel costs 60 ms: only a command that reads files pays

    builder = Builder(file, problems)
    root = builder.read(re.sub(HIDDEN, "\ufffd", text))
    return root, Marks(root, builder.rows, builder.nulls) if root is not None else Marks(), in_order(problems)


class Later:
    """The places of a file that was read without them: they are found when somebody asks for the first."""

    def __init__(self, data: bytes, file: str, limit: int) -> None:
        self._from = data, file, limit

    def value(self, loc: Loc) -> tuple[int, int]:
        return self._marks.value(loc)

    def key(self, loc: Loc) -> tuple[int, int]:
        return self._marks.key(loc)

    @cached_property
    def _marks(self) -> Marks:
        from ispctl.repo.yaml_places import places

        data, file, limit = self._from
        return places(data) or read(data, file, limit=limit)[1]


def too_large(size: int, limit: int, where: Where) -> Problem:
    """E008, for a file that is not read at all. Sizes in bytes."""
    advice = "Split it: one record a file is the rule"
    return Problem("E008", f"the file has {size:,} bytes; at most {limit:,} are read", where, advice)


_SAVE_AS_UTF8 = "Save the file as UTF-8"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LONE_CR = re.compile(r"\r(?!\n)")


def _not_utf8(data: bytes, file: str, error: UnicodeDecodeError) -> Problem:
    if data.startswith(_UTF16):
        return Problem("E009", "the file is UTF-16", Where(file, 1, 1), _SAVE_AS_UTF8)
    before = data[: error.start].decode("utf-8-sig")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    text = f"the byte 0x{data[error.start]:02x} is not UTF-8"
    return Problem("E009", text, Where(file, line, column), _SAVE_AS_UTF8)
