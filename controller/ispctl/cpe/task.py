"""What is done with a device in a session: its objects are found, and set where they are another than they should be.

Only leaves are read, and only those that the device has named; every value has its type. What is refused is told by the
parameter, and holds up nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final, TypeVar

from ispctl.cpe.session import Task
from ispctl.cpe.soap import Done, Fault, Names, Parameter, Request, Values
from ispctl.model.cpe import TYPES, CpeObject, CpeTree, Word

T = TypeVar("T")
AT_ONCE: Final = 32
"""Parameters of one request."""
_FALSE: Final = {"false": "0", "true": "1"}
_INSTANCES: Final = 64
"""So many instances of one object are looked at."""
NO_OBJECT: Final = 1
AMBIGUOUS: Final = 2
OTHER_ROOT: Final = 3
UNWRITABLE: Final = 4
"""Faults of ours, beside those of devices (9000 to 9899): the device has no such object; several, and the profile does
not say which; another data model than the profile; a value that cannot be sent."""
TRANSIENT: Final = frozenset({9001, 9002, 9004, *range(9009, 9012), *range(9014, 9018)})
"""Faults that may be gone another time."""


@dataclass
class Outcome:
    """What became of the values of a device: those that it took, by word, with the status that it gave; and faults."""

    taken: dict[Word, int] = field(default_factory=dict)
    faults: dict[Word, int] = field(default_factory=dict)


Taken = Callable[[Outcome], None]
"""Told as soon as a device has answered, since a session may break at any time."""


def provision(tree: CpeTree | None, values: Mapping[Word, str], words: Collection[Word], told: Taken) -> Task[None]:
    """Set these words of all `values`, those that cut the connection last."""
    if tree is None:
        told(Outcome(faults=dict.fromkeys(words, OTHER_ROOT)))
        return
    known = {word for one in tree.objects for word in one.values}
    if missing := set(words) - known:
        told(Outcome(faults=dict.fromkeys(sorted(missing), NO_OBJECT)))
    for one in tree.objects:
        if mine := [word for word in one.values if word in words]:
            told((yield from _object(one, values, mine)))


def _object(one: CpeObject, values: Mapping[Word, str], words: Sequence[Word]) -> Task[Outcome]:
    found = yield from instance(one, values)
    if isinstance(found, int):
        return Outcome(faults=dict.fromkeys(words, found))
    faults: dict[Word, int] = {word: UNWRITABLE for word in words if not values[word].isprintable()}
    names = {f"{found}.{one.values[word]}": word for word in words if word not in faults}
    units: dict[str, list[Parameter]] = {}
    for name, word in names.items():
        unit = word.replace("password", "username")  # a login is two values, and half of one is none
        units.setdefault(unit, []).append(Parameter(name, TYPES[word], values[word]))
    taken, refused = yield from set_values(list(units.values()))
    faults |= {names[name]: code for name, code in refused.items()}
    return Outcome({names[name]: status for name, status in taken.items()}, faults)


def instance(one: CpeObject, values: Mapping[Word, str]) -> Task[str | int]:
    """The path of the one object that is meant; or why there is none."""
    found = yield from _paths(one.path)
    if not found:
        return NO_OBJECT
    if len(found) == 1:
        return found[0]
    username = one.values.get("pppoe.username")
    asked = {name for condition in one.prefer for name in condition} | ({username} if username else set())
    said = yield from _said(found, asked)
    for condition in one.prefer:
        if meeting := [path for path in found if _meets(said, path, condition)]:
            found = meeting
            break
    if len(found) > 1 and username:
        found = [path for path in found if said.get(f"{path}.{username}") == values.get("pppoe.username")] or found
    return found[0] if len(found) == 1 else AMBIGUOUS


def _paths(pattern: str) -> Task[list[str]]:
    """The objects that a path with `*` stands for, level by level: a partial path asked at once kills some devices."""
    found = [""]
    parts = pattern.split("*")
    for number, part in enumerate(parts):
        if number == len(parts) - 1:
            return [f"{path}{part}".rstrip(".") for path in found]
        deeper = list[str]()
        for path in found:
            names = yield from names_below(f"{path}{part}")
            numbers = [name.removeprefix(f"{path}{part}").rstrip(".") for name in names if name.endswith(".")]
            deeper += [f"{path}{part}{number}" for number in numbers if number.isascii() and number.isdigit()]
        found = deeper[:_INSTANCES]
    return found


def names_below(path: str) -> Task[Sequence[str]]:
    """What lies directly below an object; nothing where the device does not know it."""
    reply = yield Request("GetParameterNames", (path,))
    return [name for name in reply.names if name.startswith(path) and name != path] if isinstance(reply, Names) else []


def _said(paths: Iterable[str], leaves: Iterable[str]) -> Task[Mapping[str, str]]:
    """The values of those leaves that the objects have."""
    wanted, have = sorted(leaves), list[str]()
    for path in paths:
        there = yield from names_below(f"{path}.")
        have += [f"{path}.{leaf}" for leaf in wanted if f"{path}.{leaf}" in there]
    return (yield from get_values(have))


def _meets(said: Mapping[str, str], path: str, condition: Mapping[str, str]) -> bool:
    found = {name: said.get(f"{path}.{name}") for name in condition}
    return all(text is not None and fnmatchcase(_FALSE.get(text, text), condition[n]) for n, text in found.items())


def get_values(names: Sequence[str]) -> Task[dict[str, str]]:
    """Values by name; those that are refused are left out."""
    found = dict[str, str]()
    waiting = list(_parts(names, AT_ONCE))
    while waiting:
        part = waiting.pop(0)
        reply = yield Request("GetParameterValues", tuple(part))
        if isinstance(reply, Values):
            found |= {name: text for name, text in reply.values.items() if name in part}
        elif len(part) > 1:
            waiting[:0] = _halves(part)
    return found


def set_values(units: Sequence[Sequence[Parameter]]) -> Task[tuple[dict[str, int], dict[str, int]]]:
    """(name -> status, name -> fault). Each unit is set whole or not at all; what is refused as too much, or for one of
    many, is asked in parts."""
    taken, faults = dict[str, int](), dict[str, int]()
    waiting = list(_parts(units, AT_ONCE // 2))
    while waiting:
        part = waiting.pop(0)
        asked = tuple(one for unit in part for one in unit)
        reply = yield Request("SetParameterValues", parameters=asked, key="ispctl")
        if isinstance(reply, Done):
            taken |= {one.name: reply.status for one in asked}
            continue
        fault = reply if isinstance(reply, Fault) else Fault(9002)
        wrong = [unit for unit in part if any(one.name in fault.parameters for one in unit)]
        rest = [unit for unit in part if unit not in wrong]
        if rest and wrong:
            waiting.insert(0, rest)
        elif not wrong and len(part) > 1 and fault.code in (9003, 9004):
            waiting[:0] = _halves(part)
            continue
        else:
            wrong = part
        for unit in wrong:
            code = next((fault.parameters[one.name] for one in unit if one.name in fault.parameters), fault.code)
            faults |= dict.fromkeys((one.name for one in unit), code)
    return taken, faults


def _parts(items: Sequence[T], most: int) -> Iterator[list[T]]:
    return (list(items[start : start + most]) for start in range(0, len(items), most))


def _halves(items: Sequence[T]) -> list[list[T]]:
    half = len(items) // 2
    return [list(items[:half]), list(items[half:])]
