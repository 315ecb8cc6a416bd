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
from ispctl.repo.yaml_nodes import Shape
from ispctl.repo.yaml_places import shape
from ispctl.repo.yaml_quick import quick

Value: TypeAlias = "str | int | Mapping[str, Value] | Sequence[Value] | None"
_PLAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@/+-]*[A-Za-z0-9])?")


def put(data: bytes, file: str, loc: Loc, value: Value) -> bytes:
    """The file with `value` at `loc`: replaced where there is one, added where only its parent is there. A list grows
    by the index after its last. Raises Refusal (E657) where the file cannot be changed so."""
    before, text, whole = _read(data, file)
    node, rest = _nearest(whole, loc)
    if not rest:
        changed = text[: node.start] + flow(value) + text[node.end :]
    else:
        if not (node.kind == "mapping" and isinstance(rest[0], str)) and rest[0] != len(node.below):
            raise _refusal(file, loc, "the file is written in a way that has no such place")
        below: Value = value
        for part in reversed(rest[1:]):
            below = [below] if isinstance(part, int) else {part: below}
        changed = _added(text, node, rest[0], below)
    return _checked(changed, file, loc, _with(before, loc, _plain(value)))


def append(data: bytes, file: str, name: str, value: Value) -> bytes:
    """The file with one more line at its very end: an item of its last list, which is the value of `name`. What was
    there before stays octet for octet. Raises Refusal (E657) where the list is not the last thing in the file."""
    before, text, whole = _read(data, file)
    node, rest = _nearest(whole, (name,))
    if rest or node.kind != "sequence" or node.flow:
        raise _refusal(file, (name,), "it is not a list with a line for each of its items")
    line = " " * node.column + "- " + flow(value) + "\n"
    changed = text + ("" if text.endswith("\n") else "\n") + line
    return _checked(changed, file, (name,), before | {name: [*before[name], _plain(value)]})


def drop(data: bytes, file: str, loc: Loc) -> bytes:
    """The file without the key, or the item of a list, at `loc`. Raises Refusal (E657)."""
    before, text, whole = _read(data, file)
    wanted = _without(before, loc)
    parent, rest = _nearest(whole, loc[:-1])
    number = None if rest else _child(parent, loc[-1])
    if number is None:
        raise _refusal(file, loc, "there is nothing to take away")
    key, value = parent.below[number]
    if parent.flow:
        start = key.start if number == 0 else parent.below[number - 1][1].end
        end = parent.below[1][0].start if number == 0 and len(parent.below) > 1 else value.end
    else:
        start = text.rfind("\n", 0, key.start) + 1
        end = _line_end(text, value.end)
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


def _read(data: bytes, file: str) -> tuple[Any, str, Shape]:
    """What a file means, its text, and what stands where in it: at once in a record of every day, by ruamel in any
    other."""
    before = quick(data)
    if before is not None and (found := shape(text := data.decode("utf-8"), before)) is not None:
        return before, text, found
    before = _nodes(data, file)
    return before, (text := data.decode("utf-8")), _composed(_yaml().compose(text))


@cache
def _yaml() -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="rt", pure=True)


def _composed(node: Any, text: str = "") -> Shape:
    start, end = node.start_mark, int(node.end_mark.index)
    if node.id == "scalar":
        return Shape("scalar", int(start.index), int(start.column), end, text=text)
    if node.id == "mapping":
        below = tuple((_composed(key, key.value), _composed(value)) for key, value in node.value)
    else:
        below = tuple((one, one) for one in map(_composed, node.value))
    if below and not node.flow_style:
        end = below[-1][1].end
    return Shape(node.id, int(start.index), int(start.column), end, bool(node.flow_style), "", below)


def _nearest(node: Shape, loc: Loc) -> tuple[Shape, Loc]:
    """The deepest value on the way to `loc` that is there, and what is left of the way."""
    for depth, part in enumerate(loc):
        found = _child(node, part)
        if found is None:
            return node, loc[depth:]
        node = node.below[found][1]
    return node, ()


def _child(node: Shape, part: str | int) -> int | None:
    """The number of what is below a key, or of an item of a list."""
    if node.kind == "mapping":
        return next((number for number, (key, _) in enumerate(node.below) if key.text == part), None)
    return part if isinstance(part, int) and part < len(node.below) else None


def _line_end(text: str, at: int) -> int:
    """The beginning of the next line."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _added(text: str, node: Shape, part: str | int, value: Value) -> str:
    item = flow(value) if isinstance(part, int) else f"{scalar(part)}: {flow(value)}"
    if node.flow or not node.below:
        at = node.end - 1
        return f"{text[:at].rstrip()}{', ' if node.below else ''}{item}{text[at:]}"
    at = _line_end(text, node.end)
    line = " " * node.column + ("- " if isinstance(part, int) else "") + item + "\n"
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
