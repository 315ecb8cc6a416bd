"""Change one value of a YAML file and leave every other byte as it is: comments, order, quotes, blank lines.

A value is named by its place (`("services", 0, "ipv4", "static")`), as everywhere. Each edit is read back: if the file
would mean anything but what was asked for, it is refused (E657) instead of written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from ispctl.model.problem import Problem, Refusal, Where
from ispctl.model.record import Loc, dotted
from ispctl.model.scalars import meaning
from ispctl.repo.layout import LARGE
from ispctl.repo.yaml import read
from ispctl.repo.yaml_quick import quick

Value: TypeAlias = "str | int | Mapping[str, Value] | Sequence[Value] | None"
_PLAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@/+-]*[A-Za-z0-9])?")


def put(data: bytes, file: str, loc: Loc, value: Value) -> bytes:
    """The file with `value` at `loc`: replaced where there is one, added where only its parent is there. A list grows
    by the index after its last. Raises Refusal (E657) where the file cannot be changed so."""
    before = _nodes(data, file)
    text = data.decode("utf-8")
    node, rest = _nearest(_root(text), loc)
    if not rest:
        start, end = node.start_mark.index, _end(node)
        changed = text[:start] + flow(value) + text[end:]
    else:
        if not (node.id == "mapping" and isinstance(rest[0], str)) and rest[0] != len(node.value):
            raise _refusal(file, loc, "the file is written in a way that has no such place")
        below: Value = value
        for part in reversed(rest[1:]):
            below = [below] if isinstance(part, int) else {part: below}
        changed = _added(text, node, rest[0], below)
    return _checked(changed, file, loc, _with(before, loc, _plain(value)))


def append(data: bytes, file: str, name: str, value: Value) -> bytes:
    """The file with one more line at its very end: an item of its last list, which is the value of `name`. What was
    there before stays octet for octet. Raises Refusal (E657) where the list is not the last thing in the file."""
    before = _nodes(data, file)
    text = data.decode("utf-8")
    node, rest = _nearest(_root(text), (name,))
    if rest or node.id != "sequence" or node.flow_style:
        raise _refusal(file, (name,), "it is not a list with a line for each of its items")
    line = " " * int(node.start_mark.column) + "- " + flow(value) + "\n"
    changed = text + ("" if text.endswith("\n") else "\n") + line
    return _checked(changed, file, (name,), before | {name: [*before[name], _plain(value)]})


def drop(data: bytes, file: str, loc: Loc) -> bytes:
    """The file without the key, or the item of a list, at `loc`. Raises Refusal (E657)."""
    wanted = _without(_nodes(data, file), loc)
    text = data.decode("utf-8")
    parent, rest = _nearest(_root(text), loc[:-1])
    pairs = _pairs(parent) if not rest else []
    found = [number for number, (key, _) in enumerate(pairs) if loc[-1] in (number, key.value)]
    if not found:
        raise _refusal(file, loc, "there is nothing to take away")
    number = found[0]
    key, value = pairs[number]
    if parent.flow_style:
        start = key.start_mark.index if number == 0 else _end(pairs[number - 1][1])
        end = pairs[1][0].start_mark.index if number == 0 and len(pairs) > 1 else _end(value)
    else:
        start = text.rfind("\n", 0, key.start_mark.index) + 1
        end = _line_end(text, _end(value))
    return _checked(text[:start] + text[end:], file, loc, wanted)


def scalar(value: str | int) -> str:
    """A number as it stands; text in quotes wherever YAML 1.2 could take it for something else."""
    if isinstance(value, int):
        return str(value).lower()  # true and false are numbers too
    plain = _PLAIN.fullmatch(value) and meaning(value) is None
    return value if plain else json.dumps(value, ensure_ascii=False)


def flow(value: Value) -> str:
    """A value on one line: `{a: 1, b: [c, d]}`."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(one)}" for key, one in value.items()) + "}"
    if value is None:
        return "null"
    if isinstance(value, (str, int)):
        return scalar(value)
    return "[" + ", ".join(map(flow, value)) + "]"


# where things stand in the text


@cache
def _yaml() -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="rt", pure=True)


def _root(text: str) -> Any:
    return _yaml().compose(text)


def _pairs(node: Any) -> list[tuple[Any, Any]]:
    """(key, value) of a mapping; of a list each item twice."""
    if node.id == "sequence":
        return [(one, one) for one in node.value]
    return list(node.value) if node.id == "mapping" else []


def _nearest(node: Any, loc: Loc) -> tuple[Any, Loc]:
    """The deepest node on the way to `loc` that is there, and what is left of the way."""
    for depth, part in enumerate(loc):
        below = None
        if node.id == "mapping":
            below = next((value for key, value in node.value if key.value == part), None)
        elif node.id == "sequence" and isinstance(part, int) and part < len(node.value):
            below = node.value[part]
        if below is None:
            return node, loc[depth:]
        node = below
    return node, ()


def _end(node: Any) -> int:
    """Where the text of a node ends; a block ends with its last leaf, not with the comments after it."""
    if node.id == "scalar" or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if node.id == "mapping" else last)


def _line_end(text: str, at: int) -> int:
    """The beginning of the next line."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _added(text: str, node: Any, part: str | int, value: Value) -> str:
    item = flow(value) if isinstance(part, int) else f"{scalar(part)}: {flow(value)}"
    if node.flow_style or not node.value:
        at = int(node.end_mark.index) - 1
        return f"{text[:at].rstrip()}{', ' if node.value else ''}{item}{text[at:]}"
    at = _line_end(text, _end(node))
    line = " " * int(node.start_mark.column) + ("- " if isinstance(part, int) else "") + item + "\n"
    return text[:at] + ("" if text[:at].endswith("\n") else "\n") + line + text[at:]


# what the file means before and after


def _nodes(data: bytes, file: str) -> Any:
    if (found := quick(data)) is not None:
        return found
    node, _, problems = read(data, file, limit=LARGE)
    if node is None or any(problem.severity == "error" for problem in problems):
        raise Refusal(*problems)
    return node


def _plain(value: Value) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, int) else [*map(_plain, value)]


def _with(node: Any, loc: Loc, value: Any) -> Any:
    if not loc:
        return value
    part, rest = loc[0], loc[1:]
    if isinstance(part, int):
        items = list(node or [])
        return [*items[:part], _with(items[part] if part < len(items) else None, rest, value), *items[part + 1 :]]
    known = dict(node or {})
    return known | {part: _with(known.get(part), rest, value)}


def _without(node: Any, loc: Loc) -> Any:
    part, rest = loc[0], loc[1:]
    if isinstance(node, list):
        return [
            _without(one, rest) if number == part else one for number, one in enumerate(node) if rest or number != part
        ]
    known = node if isinstance(node, dict) else {}
    return {key: _without(one, rest) if key == part else one for key, one in known.items() if rest or key != part}


def _checked(changed: str, file: str, loc: Loc, wanted: Any) -> bytes:
    encoded = changed.encode("utf-8")
    try:
        sound = _nodes(encoded, file) == wanted
    except Refusal:
        sound = False
    if not sound:
        raise _refusal(file, loc, "the file is written in a way that cannot be changed there alone")
    return encoded


def _refusal(file: str, loc: Loc, text: str) -> Refusal:
    return Refusal(Problem("E657", f"{dotted(loc)}: {text}", Where(file), "Change it with an editor"))
