"""Configurations in lines that are indented: what of one is ours, and which lines make one state of another.

Nothing here opens a connection. The lines are reckoned by hier_config, section by section, so that it sees nothing
that is not ours.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from ispctl.plan import Change, Fields, Key, Resources
from ispctl.platforms.device import SECRET, NasPlatform, Seen
from ispctl.structs import Struct, field

if TYPE_CHECKING:
    from hier_config.platforms.driver_base import HConfigDriverBase

LINES: Final = "lines"
"""The field of a resource with its section: the first line, then what is below it, a space for each level."""


@dataclasses.dataclass
class Node:
    """A line of a configuration and what is below it."""

    text: str
    below: list[Node] = dataclasses.field(default_factory=list)

    def lines(self, depth: int = 0) -> Iterator[str]:
        yield f"{' ' * depth}{self.text}"
        for node in self.below:
            yield from node.lines(depth + 1)


def tree(text: str) -> list[Node]:
    """The lines by their indentation; what begins with ! or # says nothing."""
    top: list[Node] = []
    open_: list[tuple[int, list[Node]]] = [(-1, top)]
    for line in text.splitlines():
        words = " ".join(line.split())
        if not words or words[0] in "!#":
            continue
        depth = len(line) - len(line.lstrip())
        while open_[-1][0] >= depth:
            open_.pop()
        node = Node(words)
        open_[-1][1].append(node)
        open_.append((depth, node.below))
    return top


class Kind(Struct):
    """One sort of object. `line` matches its first line, wholly; the group `name` is its name, in it or in `within`."""

    name: str
    line: str
    within: str = ""
    """What the line above has to be, with `{name}` in it or without; empty for a line that has none above."""
    head: str = ""
    """Matches what stands before a secret in its line; empty where there is none."""
    tail: str = ""
    """Matches what stands behind it."""
    mark: str = ""
    """For objects that cannot be named by us: what their mark says of them, with `{name}` in it."""
    instead: str = ""
    """Matches a line of others, perhaps with `{name}` in it, in whose place this would come; it is never replaced."""

    first: tuple[str, ...] = ()
    """What lines below it begin with, in the order in which they have to be typed; any others come before."""
    sequence: str = ""
    """Matches the lines below it whose order means something."""

    def sorted(self, lines: Sequence[str]) -> tuple[str, ...]:
        """The lines in one order, whichever the device shows; what has lines below lines stays as it is."""
        below = [line for line in lines if line.startswith(" ")]
        if any(line.startswith("  ") for line in below):
            return tuple(lines)

        def rank(line: str) -> tuple[int, str]:
            if self.sequence and re.fullmatch(self.sequence, line.strip()):
                return len(self.first), ""
            word = line.split(maxsplit=1)[0]
            return (self.first.index(word) if word in self.first else -1), line

        return (*sorted(line for line in lines if not line.startswith(" ")), *sorted(below, key=rank))

    def matches(self, above: str, line: str) -> str | None:
        """The name of the object that begins with this line, None if it is none of this kind."""
        found = re.fullmatch(self.line, line)
        place = re.fullmatch(re.escape(self.within).replace(r"\{name\}", r"(?P<name>\S+)"), above)
        if not found or not place:
            return None
        return str({**place.groupdict(), **found.groupdict()}["name"])


class Language(Struct):
    """How a vendor's configuration is written. `kinds`: what is referred to stands before what refers to it."""

    kinds: tuple[Kind, ...]
    driver: Callable[[], HConfigDriverBase]
    normal: Callable[[str], str] = lambda line: line
    """A line without what the device adds to it or leaves out at will."""
    marks: tuple[str, str] = ("", "")
    """The section that holds the marks, and how a mark begins there."""
    written: Callable[[str], str] = lambda clear: clear
    """A clear secret as it is typed. Raises ValueError where it cannot be."""
    owns: Callable[[Key, Mapping[Key, tuple[str, ...]]], bool] = lambda *_: True
    """Whether an object is ours beside all others that are there, where neither name nor mark says so."""

    def kind(self, key: Key) -> Kind:
        return next(kind for kind in self.kinds if kind.name == key[0])

    def rank(self, key: Key) -> int:
        return next(number for number, kind in enumerate(self.kinds) if kind.name == key[0])


class SectionsNas(NasPlatform):
    """A NAS that is written so, and spoken to over its command line."""

    libraries = ("paramiko", "netmiko", "hier_config")
    language: ClassVar[Language]

    def parse(self, text: str) -> Resources:
        return parse(self.language, text)


def parse(language: Language, text: str) -> Resources:
    """A rendered text in normal form: all of it is ours. Raises ValueError with the line that is of no kind."""
    sections, rest = _collect(language, tree(text))
    if rest:
        raise ValueError(f"nothing of ours begins with {rest[0]!r}")
    found: dict[Key, Fields] = {}
    for key, lines in sections.items():
        bare, secret = _without_secret(language.kind(key), lines)
        found[key] = {LINES: bare} | ({} if secret is None else {SECRET: secret})
    return found


class Running(Struct):
    """What a device said of its configuration: `ours` by key with secrets as shown, all lines that are not ours, and
    which marks there are."""

    ours: Mapping[Key, tuple[str, ...]] = field(repr=False)
    foreign: tuple[tuple[str, str], ...] = field(repr=False)
    """(the line above, the line)"""
    marks: frozenset[str] = frozenset()

    def seen(self, language: Language) -> Seen:
        resources: dict[Key, Fields] = {}
        secrets: dict[Key, str] = {}
        for key, lines in self.ours.items():
            bare, secret = _without_secret(language.kind(key), lines)
            resources[key] = {LINES: bare} | ({} if secret is None else {SECRET: ""})
            if secret is not None:
                secrets[key] = secret
        return Seen(resources, secrets)


def running(language: Language, text: str) -> Running:
    """What is ours in the configuration of a device, and what is not."""
    nodes = tree(text)
    section, word = language.marks
    marks = {
        line.text.removeprefix(word) for node in nodes if node.text == section for line in _unnumbered(node, language)
    }
    found, _ = _collect(language, nodes)
    ours = {}
    for key, lines in found.items():
        kind = language.kind(key)
        if language.owns(key, found) and (not kind.mark or kind.mark.format(name=key[1]) in marks):
            ours[key] = lines
    for kind in filter(lambda kind: kind.mark, language.kinds):
        place = re.escape(kind.mark).replace(r"\{name\}", "(.+)")
        for match in filter(None, (re.fullmatch(place, mark) for mark in marks)):
            ours.setdefault((kind.name, match[1]), ())
    taken = {(language.kind(key).within.format(name=key[1]), line) for key, lines in ours.items() for line in lines[:1]}
    taken |= {("", line) for key, lines in ours.items() if not language.kind(key).within for line in lines}
    return Running(ours, tuple(pair for pair in _pairs(nodes, language) if pair not in taken), frozenset(marks))


def _unnumbered(node: Node, language: Language) -> list[Node]:
    return [Node(language.normal(line.text)) for line in node.below]


def _pairs(nodes: Iterable[Node], language: Language, above: str = "") -> Iterator[tuple[str, str]]:
    for node in nodes:
        yield above, language.normal(node.text)
        yield from ((node.text, language.normal(line.text)) for line in node.below)


def _collect(language: Language, nodes: Iterable[Node]) -> tuple[dict[Key, tuple[str, ...]], list[str]]:
    """The objects in a configuration, whosoever they are, and the lines that belong to none."""
    found: dict[Key, tuple[str, ...]] = {}
    rest: list[str] = []
    for node in nodes:
        key = _key(language, "", node)
        if key:
            found[key] = (*found.get(key, ()), *_normal(language, node))
            continue
        parts = [(_key(language, node.text, line), line) for line in node.below]
        for part, line in parts:
            if part:
                found[part] = (*found.get(part, ()), *_normal(language, line))
        rest += [line.text for part, line in parts if not part] if any(part for part, _ in parts) else [node.text]
    return {key: language.kind(key).sorted(lines) for key, lines in found.items()}, rest


def _normal(language: Language, node: Node) -> Iterator[str]:
    for line in node.lines():
        words = line.lstrip()
        yield " " * (len(line) - len(words)) + language.normal(words)


def _key(language: Language, above: str, node: Node) -> Key | None:
    for kind in language.kinds:
        name = kind.matches(above, language.normal(node.text))
        if name is not None:
            return kind.name, name
    return None


def _without_secret(kind: Kind, lines: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
    """The lines without their secret, and that."""
    bare, secret = [], None
    for line in lines:
        found = re.fullmatch(rf"( *{kind.head}) (\S.*?)({kind.tail})", line) if kind.head else None
        if found:
            secret = found[2]
            bare.append(found[1] + found[3])
        else:
            bare.append(line)
    return tuple(bare), secret


def ordered(language: Language, changes: Iterable[Change]) -> list[Change]:
    """What is referred to is made first and deleted last."""

    def rank(change: Change) -> tuple[bool, int, Key]:
        place = language.rank(change.key)
        return change.after is None, -place if change.after is None else place, change.key

    return sorted(changes, key=rank)


def objection(language: Language, change: Change, now: Running) -> str:
    """Why a change may not be made, whatever the device would say of it: it would come in the place of what others
    configured."""
    kind, name = language.kind(change.key), change.key[1]
    if change.before is not None:
        return ""
    above = kind.within.format(name=name)
    for place, line in now.foreign:
        same = place == above and (
            (kind.mark and kind.matches(place, line) == name)
            or (kind.instead and re.fullmatch(kind.instead.replace("{name}", re.escape(name)), line))
        )
        if same:
            return f"{f'{place}: ' if place else ''}{line} stands there already and is not ours: remove it first"
    return ""


class Wanted(Struct):
    """The lines of an object and how its secret is to be typed; None where it has none or keeps it."""

    lines: tuple[str, ...]
    secret: str | None = field(default=None, repr=False)


def typed(language: Language, change: Change, clear: str) -> Wanted:
    """What is to be typed of a change: its secret only where it is another. Raises ValueError where it cannot be."""
    old, new = change.before or {}, change.after or {}
    changed = new.get(SECRET) and new[SECRET] != old.get(SECRET)
    return Wanted(lines_of(new), language.written(clear) if changed else None)


def lines_of(fields: Fields | None) -> tuple[str, ...]:
    """Those of a resource; none of one that is not there."""
    found = (fields or {}).get(LINES, ())
    return tuple(map(str, found)) if isinstance(found, tuple) else ()


def commands(language: Language, key: Key, before: Sequence[str], after: Wanted, marked: bool) -> list[str]:
    """The lines to type, each with as many spaces before it as it is deep, to make one state of another. `before`: as
    in a resource; `marked`: whether its mark stands there. Lines hold the secret: show none of them."""
    kind = language.kind(key)
    old, new = list(before), list(after.lines)
    if after.secret is not None:
        new = [_with_secret(kind, line, after.secret) for line in new]
    typed = _remediation(language, _below(kind, key, old), _below(kind, key, new))
    typed += _in_sequence(kind, language.driver().negation_prefix, before, after.lines)
    if kind.mark:
        section, word = language.marks
        mark = f"{word}{kind.mark.format(name=key[1])}"
        if new and not marked:
            return [section, f" {mark}", *typed]
        if not new and marked:
            return [*typed, section, f" {language.driver().negation_prefix}{mark}"]
    return typed


def _in_sequence(kind: Kind, negation: str, before: Sequence[str], after: Sequence[str]) -> list[str]:
    """What is out of place goes to the end, line by line, so that never all are away."""
    old, new = (
        [line for line in lines[1:] if kind.sequence and re.fullmatch(kind.sequence, line.strip())]
        for lines in (before, after)
    )
    there = [*(line for line in old if line in new), *(line for line in new if line not in old)]
    right = next((place for place, line in enumerate(new) if there[place] != line), len(new))
    moved = [typed for line in new[right:] for typed in (f" {negation}{line.strip()}", line)]
    return [after[0], *moved] if moved else []


def _below(kind: Kind, key: Key, lines: Sequence[str]) -> list[str]:
    return [kind.within.format(name=key[1]), *(f" {line}" for line in lines)] if kind.within else list(lines)


def _with_secret(kind: Kind, line: str, secret: str) -> str:
    found = re.fullmatch(rf"( *{kind.head})({kind.tail})", line) if kind.head else None
    return f"{found[1]} {secret}{found[2]}" if found else line


def _remediation(language: Language, before: Sequence[str], after: Sequence[str]) -> list[str]:
    from hier_config import WorkflowRemediation, get_hconfig

    driver = language.driver()
    old, new = (get_hconfig(driver, "\n".join(lines)) for lines in (before, after))
    found = WorkflowRemediation(old, new).remediation_config
    return [f"{' ' * (child.depth() - 1)}{child.text}" for child in found.all_children_sorted()]
