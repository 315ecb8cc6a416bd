"""The text of a RouterOS export -> statements: a path, a command, names with values. Pure; nothing is ever executed.

As RouterOS 6 and 7 write it: a line that ends with a backslash goes on in the next, whose indent does not count; text
with signs of its own stands in quotes, where a backslash comes before a quote, a backslash, `$` and `?`, before letters
for what has no sign, and before two upper-case hex digits for any other byte. Whatever a script could hold beside that
(`[`, `(`, `{`, `;`, a bare `$`) is not understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ispctl.adopt.table import LONGEST, whole
from ispctl.model.problem import Problem, Refusal, Where
from ispctl.structs import Struct, field

COMMANDS: Final = frozenset({"add", "set", "remove", "print", "enable", "disable", "unset", "move", "reset", "export"})
_ESCAPES: Final = {
    '"': '"', "\\": "\\", "$": "$", "?": "?", "_": " ", "n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b",
    "f": "\f", "v": "\v",
}  # fmt: skip
_STRING: Final = r'"(?:[^"\\$]|\\[0-9A-F]{2}|\\["\\$?_nrtabfv])*"'
_ARGUMENT: Final = re.compile(rf'([A-Za-z][A-Za-z0-9.-]*)=({_STRING}|[^\s"\\$\[\](){{}};]*)(?=\s|$)')
_ESCAPED: Final = re.compile(r'\\([0-9A-F]{2}|["\\$?_nrtabfv])')
_WORD: Final = re.compile(r"/?[a-z0-9-]+(?:/[a-z0-9-]+)*")


class Statement(Struct):
    """One command. `arguments` is None where something in it is not understood; a value is None where its bytes are no
    UTF-8."""

    line: int
    path: str
    command: str
    arguments: Mapping[str, str | None] | None = field(repr=False)


def statements(data: bytes, file: str) -> Iterator[Statement]:
    """The commands of an export, in order. Raises Refusal E780 where it is no text, or was cut off."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # as a terminal of Windows saves it
        data = data.decode("utf-16", "replace").encode()
    data = data.removeprefix(b"\xef\xbb\xbf")
    whole(data, file)
    path = ""
    for number, line in _lines(data.decode("latin-1"), file):  # a sign is a byte, until a value is whole
        words, rest = _words(line)
        if line.startswith("/"):
            path = ""
        command = words.pop() if words and words[-1] in COMMANDS else ""
        path = " ".join(filter(None, [path, *words]))
        if command or rest:
            yield Statement(number, path, command, _arguments(rest))


def _lines(text: str, file: str) -> Iterator[tuple[int, str]]:
    """(number of its first, line), each put together of those that belong together, without comments."""
    begins, held, open_ = 0, "", False
    number = 0
    for number, raw in enumerate(text.removesuffix("\n").split("\n"), start=1):
        line = raw.removesuffix("\r")
        if not open_:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            begins, held = number, ""
        held += line.lstrip(" \t") if open_ else line.strip(" \t")
        open_ = (len(held) - len(held.rstrip("\\"))) % 2 == 1
        if open_:
            held = held[:-1]
        if len(held) > LONGEST:
            raise Refusal(Problem("E780", f"a command of more than {LONGEST:,} bytes", Where(file, begins)))
        if not open_:
            _closed(held, file, begins)
            yield begins, held
    if open_:
        raise _cut_off(file, begins)


def _closed(line: str, file: str, number: int) -> None:
    """Raises Refusal E780 where a quote stays open: what follows would be read as something else."""
    if re.sub(r"\\.", "", line).count('"') % 2:
        raise _cut_off(file, number)


def _cut_off(file: str, number: int) -> Refusal:
    text = "the command that begins here has no end: the file was cut off, or changed by hand"
    return Refusal(Problem("E780", text, Where(file, number), "Export it anew, and fetch the whole file"))


def _words(line: str) -> tuple[list[str], str]:
    """The words of the path and the command at the beginning, and the rest."""
    words: list[str] = []
    at = 0
    while found := _WORD.match(line, at):
        if found.end() < len(line) and not line[found.end()].isspace():
            break  # a name with a value
        words += filter(None, found[0].split("/"))
        at = found.end()
        while at < len(line) and line[at].isspace():
            at += 1
        if words[-1] in COMMANDS:
            break
    return words, line[at:]


def _arguments(rest: str) -> Mapping[str, str | None] | None:
    found: dict[str, str | None] = {}
    at = 0
    while at < len(rest):
        one = _ARGUMENT.match(rest, at)
        if one is None or one[1] in found:
            return None
        found[one[1]] = _value(one[2])
        at = one.end()
        while at < len(rest) and rest[at].isspace():
            at += 1
    return found


def _value(text: str) -> str | None:
    if text.startswith('"'):
        text = _ESCAPED.sub(lambda one: _ESCAPES.get(one[1]) or chr(int(one[1], 16)), text[1:-1])
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return None
