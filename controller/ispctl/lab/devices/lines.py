"""A configuration in lines, as a device keeps it: what it takes in which mode, what replaces what, what is removed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from ispctl.structs import Struct

Tree = dict[str, "Tree"]
"""Each line with what stands below it, in the order in which it was typed."""


class Invalid(Exception):
    """The device does not take this, in its words."""


class Rule(Struct):
    """A line that is taken. `words`: how many of its first words make it the one it is, so that another with the same
    takes its place; 0: all of them, so that there may be many. `mode`: what the prompt says of the mode it opens."""

    line: str
    words: int = 0
    mode: str = ""
    inside: tuple[Rule, ...] = ()
    keep: Callable[[str], str] = lambda line: line
    """How it is kept: secrets encrypted, for one."""
    check: Callable[[Tree, str], None] = lambda *_: None
    """Raises Invalid where the rest of the configuration does not allow it."""
    leave: Callable[[Tree, str], None] = lambda *_: None
    """The same, where it is removed."""

    def identity(self, line: str) -> str:
        return " ".join(line.split()[: self.words or None])


class Open(Struct):
    """A mode: the line that opened it, what its prompt says, what it takes."""

    text: str
    mode: str
    rules: tuple[Rule, ...]


class Lines:
    """A configuration and how it may be changed. `negation`: how a line begins that removes one; `climbs`: whether a
    line that a mode does not know is taken in the one above it."""

    def __init__(
        self, rules: tuple[Rule, ...], negation: str, tree: Tree | None = None, *, climbs: bool = True
    ) -> None:
        self._top: Final = Open("", "", rules)
        self._negation, self._climbs = negation, climbs
        self.tree: Tree = tree if tree is not None else {}

    def type(self, path: list[Open], line: str) -> list[Open]:
        """Take a line in a mode, or in one above it; where it leads. Raises Invalid."""
        words = " ".join(line.split())
        bare = words.removeprefix(self._negation)
        for depth in range(len(path), -1 if self._climbs else len(path) - 1, -1):
            above = path[:depth]
            for rule in (above[-1] if above else self._top).rules:
                fits = re.fullmatch(rule.line, bare)
                if bare != words:
                    if self._remove(above, rule, bare):
                        return above
                elif fits:
                    return self._add(above, rule, words)
        raise Invalid("")

    def level(self, path: list[Open]) -> Tree:
        """What stands in a mode."""
        tree = self.tree
        for one in path:
            tree = tree.setdefault(one.text, {})
        return tree

    def _add(self, above: list[Open], rule: Rule, words: str) -> list[Open]:
        rule.check(self.tree, words)
        text, level = rule.keep(words), self.level(above)
        if text not in level and rule.words:
            same = [
                line for line in level if re.fullmatch(rule.line, line) and rule.identity(line) == rule.identity(text)
            ]
            if same:
                below = level[same[0]]
                kept = [(text if line in same else line, below if line in same else level[line]) for line in level]
                level.clear()
                level.update(kept)
        level.setdefault(text, {})
        return [*above, Open(text, rule.mode, rule.inside)] if rule.mode else above

    def _remove(self, above: list[Open], rule: Rule, words: str) -> bool:
        """Whether this kind of line can be called so; what is not there is removed as well."""
        level = self.level(above)
        mine = [line for line in level if re.fullmatch(rule.line, line)]
        said = [line for line in mine if line == words or line.startswith(f"{words} ")]
        said = said or [line for line in mine if rule.words and rule.identity(line) == rule.identity(words)]
        for line in said:
            rule.leave(self.tree, line)
            del level[line]
        return bool(said) or bool(re.fullmatch(rule.line, words))


def shown(tree: Tree, depth: int = 0) -> Iterator[str]:
    """A configuration as text, one space a level."""
    for line, below in tree.items():
        yield f"{' ' * depth}{line}"
        yield from shown(below, depth + 1)
