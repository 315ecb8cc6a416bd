"""Characters that a review does not show, and that may make it show something else than is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ispctl.model.problem import Problem, Where

HIDDEN = (
    # controls but tab and line ends, a CR that ends no line, Unicode's own line ends, characters that turn the
    # reading direction, tags, byte order marks inside the text, code points that are no characters
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]|\r(?!\n)"
)


def hidden_in(text: str) -> int | None:
    """The code point of the first character of `text` that a review would not show; None where there is none."""
    if text.isprintable():  # the usual, told at once
        return None
    found = re.search(HIDDEN, text)
    return ord(found[0]) if found else None


def hidden_lines(text: str, file: str) -> Iterator[Problem]:
    """E019 for each line that holds such a character, at its first."""
    line, begin, last = 1, 0, 0
    for found in re.finditer(HIDDEN, text):
        line += text.count("\n", begin, found.start())
        begin = found.start()
        if line > last:
            last = line
            yield hidden(ord(found[0]), Where(file, line, begin - text.rfind("\n", 0, begin)))


def hidden(code_point: int, where: Where) -> Problem:
    """E019: a character that cannot be seen in a review."""
    text = f"the character U+{code_point:04X} is invisible and may make a review show something else than is there"
    return Problem("E019", text, where, "Remove it")
