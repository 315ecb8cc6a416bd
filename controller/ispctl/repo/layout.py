"""Which file of the tree holds what (the tree contract), and how one file becomes a document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

from ispctl.digests import sha256
from ispctl.model.cpe import CpeProfile
from ispctl.model.document import Document
from ispctl.model.ledger import Ledger
from ispctl.model.network import Defaults, HostGroups, Hosts, Pools, Targets
from ispctl.model.policy import FORMAT, Policy
from ispctl.model.problem import Problem, Where
from ispctl.model.reading import read as read_record
from ispctl.model.record import Loc, Record, dotted
from ispctl.model.roles import Roles
from ispctl.model.subscriber import Group, Subscriber
from ispctl.model.tariff import Tariff
from ispctl.repo.patterns import Patterns
from ispctl.repo.yaml import Later, Marks, Node, read
from ispctl.repo.yaml_quick import quick
from ispctl.structs import Struct

SMALL: Final = 256 * 1024
LARGE: Final = 4 * 1024 * 1024
FOLDERS: Final = ("inventory", "subscribers", "tariffs", "templates")
ARCHIVE: Final = "archive"
"""Whose contract is over long ago: read by nobody but whoever keeps the books, asks for the account of an id, or looks
for an id that was never used."""


class Kind(Struct):
    """What a path holds: its model and the largest size in bytes that is read."""

    name: str
    model: type[Record]
    limit: int = SMALL


_INVENTORY: Final = {
    "hosts": Kind("hosts", Hosts, LARGE),
    "groups": Kind("host-groups", HostGroups, LARGE),
    "defaults": Kind("defaults", Defaults),
    "pools": Kind("pools", Pools, LARGE),
    "policy": Kind("policy", Policy),
    "targets": Kind("targets", Targets),
    "roles": Kind("roles", Roles),
}
ACCOUNT: Final = Kind("ledger", Ledger, LARGE)
PERSON: Final = Kind("subscriber", Subscriber)
DEVICE: Final = Kind("cpe-profile", CpeProfile)
PROFILES: Final = "templates/cpe/"
"""Where an ISP keeps profiles of its own; what else lies in templates/ is text."""
KINDS: Final = (
    *_INVENTORY.values(),
    Kind("tariff", Tariff),
    Kind("group", Group),
    PERSON,
    ACCOUNT,
    DEVICE,
)
_FOREIGN: Final = {"custom", "connection_options"}
"""What stands below these keys is somebody else's format."""
_BEFORE_AND_AFTER: Final = {("event", "was"), ("event", "set")}
_PEOPLE: Final = Patterns(Subscriber)
"""How the records of people are written."""
_BY_NAME: Final = {kind.name: kind for kind in KINDS}
_GROUP = re.compile(r"subscribers/[^/]+/group\.yaml")
_LEDGER = re.compile(r"[^/]\.ledger\.yaml$")
_SUBSCRIBER = re.compile(r"subscribers/[^/]+/(?:.+/)?[^/]+\.yaml")
_TARIFF = re.compile(r"tariffs/[^/]+\.yaml")
_PROFILE = re.compile(r"templates/cpe/[^/]+\.yaml")
_NOWHERE: Final = "this file stands where nothing reads it"


@lru_cache(8192)
def kind_of(path: str) -> Kind | Problem | None:
    """The kind of a file; None for one that is nobody's business here; a Problem for one that looks like ours."""
    if not path.endswith(".yaml") or (path.startswith("templates/") and not path.startswith(PROFILES)):
        return None
    if path.startswith(PROFILES):
        return DEVICE if _PROFILE.fullmatch(path) else Problem("E021", _NOWHERE, Where(path), f"Move it up: {PROFILES}")
    if path.startswith("inventory/"):
        name = path.removeprefix("inventory/").removesuffix(".yaml")
        return _INVENTORY.get(name) or _stray(path, name)
    if _SUBSCRIBER.fullmatch(path):
        return _BY_NAME["group" if _GROUP.fullmatch(path) else "ledger" if _LEDGER.search(path) else "subscriber"]
    if _TARIFF.fullmatch(path):
        return _BY_NAME["tariff"]
    advice = "Put it into the folder of a group: subscribers/<group>/" if path.startswith("subscribers/") else ""
    return Problem("E021", _NOWHERE, Where(path), advice or "Move it up: tariffs/")


def is_shared(path: str) -> bool:
    """Whether a file is read with every part: it says something about many."""
    return not path.startswith("subscribers/") or (_GROUP.fullmatch(path) is not None)


def home_of(group: str, id: str) -> str:
    """Where a new subscriber's file goes: the shard keeps the listing of the group short, and means nothing."""
    return f"subscribers/{group}/{sha256(id.encode()).hexdigest()[:2]}/{id}.yaml"


def _stray(path: str, name: str) -> Problem:
    close = get_close_matches(name, _INVENTORY, n=1)
    known = ", ".join(f"{name}.yaml" for name in sorted(_INVENTORY))
    advice = f"Did you mean inventory/{close[0]}.yaml?" if close else f"Read from here: {known}"
    return Problem("E021", _NOWHERE, Where(path), advice)


def decode(path: str, data: bytes, kind: Kind) -> tuple[Document[Any] | None, Sequence[Problem]]:
    """One file as a document, or what is wrong with it; all of it, not the first."""
    if (value := _at_once(data, path, kind)) is not None:
        return Document(path, value, Later(data, path, kind.limit)), []
    node, marks, problems = read(data, path, limit=kind.limit)
    if node is None:
        return None, problems
    if kind.model is Policy and (newer := _newer(path, node)):
        return None, [*problems, newer]
    try:
        value = read_record(kind.model, node)
    except ValueError:
        from ispctl.model.judge import judged  # pydantic, which nobody needs who wrote everything well

        value, found = judged(kind.model, node)
        for code, loc, text, advice in found:
            place = marks.key(loc) if code == "E030" else marks.value(loc)
            problems.append(Problem(code, text, Where(path, *place), advice))
    problems += [found for found in _empty(path, node, marks) if found not in problems]
    if any(problem.severity == "error" for problem in problems):
        return None, problems
    return Document(path, value, marks), problems


def _at_once(data: bytes, path: str, kind: Kind) -> Record | None:
    """A file in which nothing is wrong, by the fast parser; None where that is not certain."""
    if kind is PERSON and (known := _PEOPLE.read(data)) is not None:
        return known
    node = quick(data)
    if node is None or (kind.model is Policy and _newer(path, node)):
        return None
    try:
        value = read_record(kind.model, node)
    except ValueError:
        return None
    if isinstance(value, Subscriber):
        _PEOPLE.learn(data, node, value)
    return value


def _empty(path: str, node: Node, marks: Marks, loc: Loc = ()) -> Iterator[Problem]:
    """E034 for every key without a value, also where it may be left out: `paid_until:` is a slip, not an answer."""
    if node is None and not _means_absence(marks, loc):
        text = f"{dotted(loc)} has no value"
        yield Problem("E034", text, Where(path, *marks.value(loc)), "Give it a value or remove the key")
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for part, below in parts:
        if part not in _FOREIGN:
            yield from _empty(path, below, marks, (*loc, part))


def _means_absence(marks: Marks, loc: Loc) -> bool:
    """Whether `null` is an answer: of a field that was not there before an event, or is not since."""
    return loc[-3:-1] in _BEFORE_AND_AFTER and marks.text(loc) == "null"


def _newer(path: str, node: Node) -> Problem | None:
    number = node.get("format") if isinstance(node, dict) else None
    if not isinstance(number, str) or not number.isdecimal() or int(number) <= FORMAT:
        return None
    text = f"the inventory has format {int(number)}, this version reads up to {FORMAT}"
    return Problem("E023", text, Where(path), f"It needs ispctl >= {int(number)}.0; install it, or use an older commit")
