"""Configurations in statements, one a line, each whole: `set` and the words that lead to a value."""

from __future__ import annotations

import shlex
from collections.abc import Callable

Line = tuple[str, ...]
"""The words behind `set`, without quotes."""


def set_lines(text: str, fits: Callable[[Line], bool], what: str) -> list[Line]:
    """The statements of a text. Raises ValueError for a line that is none, or does not fit: it is no `what` line."""
    found = []
    for number, written in enumerate(text.splitlines(), 1):
        if not written.strip():
            continue
        try:
            first, *words = shlex.split(written)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        if first != "set" or not fits(tuple(words)):
            raise ValueError(f"line {number} is no `{what}` line: {written.strip()[:60]}")
        found.append(tuple(words))
    return found
