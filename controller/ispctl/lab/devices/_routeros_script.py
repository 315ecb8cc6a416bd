"""As much of RouterOS's scripting language as a script that writes rows needs: blocks, errors that are caught, and what
is found by its fields. Variables and arithmetic are not there: a script that has them is refused."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Final

from ispctl.lab.devices._routeros_menus import MENUS
from ispctl.lab.devices._routeros_store import Row, Store, Trap
from ispctl.structs import Struct

_VERBS: Final = {"add", "set", "remove", "move", "print", "find", "run", "export", "info", "warning"}
_SIMPLE: Final = {"n": b"\n", "r": b"\r", "t": b"\t", "_": b" ", '"': b'"', "\\": b"\\", "$": b"$", "?": b"?"}
_CLOSING: Final = {"{": "}", "[": "]", "(": ")"}


class Word(Struct):
    """`kind`: "text", "block" or "command", which is still to be run."""

    name: str
    kind: str
    value: str


class Script:
    """Runs lines upon a store; `log` gathers what they write into the log."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.log: list[str] = []

    def run(self, source: str) -> str:
        """What it prints; raises Trap, which ends the script there."""
        return "".join(self._statement(line) for line in _statements(source))

    def _statement(self, line: str) -> str:
        words = list(_words(line))
        first = words[0].value
        if first == ":do":
            return self._do(words)
        if first == ":put":
            return f"{self._value(words[1])}\n"
        answer = self._command(words)
        return answer if isinstance(answer, str) else ""

    def _do(self, words: list[Word]) -> str:
        caught = next((word.value for word in words if word.name == "on-error"), None)
        try:
            return self.run(words[1].value)
        except Trap:
            if caught is None:
                raise
            return self.run(caught)

    def _value(self, word: Word, around: str = "") -> str:
        if word.kind != "command":
            return word.value
        inner = list(_words(word.value))
        if inner[0].value == ":pick":
            return self._value(inner[1], around).split(";")[int(inner[2].value)]
        return str(self._command(inner, around))

    def _command(self, words: list[Word], around: str = "") -> object:
        path: list[str] = []
        while words and not words[0].name and words[0].value.removeprefix("/") not in _VERBS:
            path.append(words.pop(0).value)
        if not words:
            raise Trap("expected command name")
        menu, verb = "/" + " ".join(path).lstrip("/"), words.pop(0).value.removeprefix("/")
        if menu == "/":
            menu = around  # [find …] looks where the command around it writes
        given = {word.name: self._value(word, menu) for word in words if word.name}
        alone = [self._value(word, menu) for word in words if not word.name]
        if verb == "run":
            return self._run(alone[0])
        if verb in {"info", "warning"}:
            self.log.append(alone[0])
            return ""
        return self._on_rows(menu, verb, given, alone)

    def _on_rows(self, menu: str, verb: str, given: Row, alone: list[str]) -> object:
        if verb == "export":
            return self._export(menu)
        if verb in {"find", "print"}:
            rows = [row for row in self._store.rows(menu) if _fits(row, given)]
            return ";".join(row.get(".id", "") for row in rows) if verb == "find" else _shown(rows)
        if verb == "add":
            return self._store.add(menu, given)
        gone = {name: "" for name in alone if name.startswith("!")}
        ids, *rest = [one for one in alone if not one.startswith("!")] or [""]
        chosen = [one for one in ids.split(";") if one]
        if verb == "set":
            self._store.set(menu, chosen, given | gone)
        elif verb == "remove":
            self._store.remove(menu, chosen)
        else:
            self._store.move(menu, chosen, given.get("destination") or rest[0])
        return ""

    def _run(self, name: str) -> str:
        for row in self._store.rows("/system script"):
            if row["name"] == name:
                return self.run(row["source"])
        raise Trap("no such item")

    def _export(self, under: str) -> str:
        lines = []
        for path in MENUS:
            if path.startswith(under):
                verb = "set" if MENUS[path].single else "add"
                rows = [row for row in self._store.rows(path) if row.get("dynamic") != "true"]
                lines += [f"{path} {verb} {_fields(row)}" for row in rows]
        return "\n".join(lines) + "\n"


def _fits(row: Mapping[str, str], given: Mapping[str, str]) -> bool:
    shown = {"yes": "true", "no": "false"}
    return all(row.get(name) in {value, shown.get(value, value)} for name, value in given.items())


def _fields(row: Mapping[str, str]) -> str:
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in row.items() if name not in {".id", "dynamic"})


def _shown(rows: list[Row]) -> str:
    lines = ["Flags: X - disabled, D - dynamic"]
    for number, row in enumerate(rows):
        flags = "X" * (row.get("disabled") == "true") + "D" * (row.get("dynamic") == "true")
        lines.append(f"{number:2} {flags:2} {_fields(row)}")
    return "\n".join(lines) + "\n"


def _statements(source: str) -> Iterator[str]:
    """Lines, and what semicolons part; not within quotation marks and brackets."""
    line, place = "", 0
    while place < len(source):
        letter = source[place]
        if letter in "\n;":
            if line.strip() and not line.strip().startswith("#"):
                yield line.strip()
            line, place = "", place + 1
            continue
        end = _end(source, place)
        line += source[place:end]
        place = end
    if line.strip() and not line.strip().startswith("#"):
        yield line.strip()


def _end(source: str, place: int) -> int:
    """Where what begins here ends: a text, a bracket with all that is in it, or one letter."""
    letter = source[place]
    if letter == '"':
        place += 1
        while place < len(source) and source[place] != '"':
            place += 2 if source[place] == "\\" else 1
        if place >= len(source):
            raise Trap('expected end of string ")')
        return place + 1
    if letter in _CLOSING:
        place += 1
        while place < len(source) and source[place] != _CLOSING[letter]:
            place = _end(source, place)
        if place >= len(source):
            raise Trap(f"expected closing {_CLOSING[letter]}")
        return place + 1
    return place + 1


def _words(line: str) -> Iterator[Word]:
    place = 0
    while place < len(line):
        if line[place].isspace():
            place += 1
            continue
        start, name = place, ""
        while place < len(line) and not line[place].isspace():
            if line[place] == "=" and not name and line[start].isalpha():
                name, start, place = line[start:place], place + 1, place + 1
                continue
            place = _end(line, place)
        yield _word(name, line[start:place])


def _word(name: str, raw: str) -> Word:
    if raw.startswith("{"):
        return Word(name, "block", raw[1:-1])
    if raw.startswith("["):
        return Word(name, "command", raw[1:-1])
    if raw.startswith('"'):
        return Word(name, "text", _unescaped(raw[1:-1]))
    if raw.startswith(("$", "(")):
        raise Trap("no variables in this stand-in")
    return Word(name, "text", raw)


def _unescaped(raw: str) -> str:
    octets, place = b"", 0
    while place < len(raw):
        letter = raw[place]
        if letter == "$":
            raise Trap("no variables in this stand-in")
        if letter != "\\":
            octets, place = octets + letter.encode(), place + 1
        elif (after := raw[place + 1 : place + 2]) in _SIMPLE:
            octets, place = octets + _SIMPLE[after], place + 2
        else:
            octets, place = octets + bytes.fromhex(raw[place + 1 : place + 3]), place + 3
    return octets.decode()
