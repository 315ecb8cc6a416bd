"""Values in GitLab's markdown: nothing in them becomes markup, HTML, a mention, a reference or a quick action.

A mention is found in the rendered text, so that an entity alone does not stop it; inside code nothing is looked for
(GitLab: "GitLab Flavored Markdown", references). A quick action stands at the start of a line; no value ever does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ispctl.report._words import clean

_HARMLESS: Final = re.compile(r"(?!.*www\.)(?:[^\W_]|[ ,.;()/+=→…'-]|:(?= |$)|(?<=[0-9]):(?=[0-9]))*", re.IGNORECASE)
_WORD: Final = re.compile(r"[A-Za-z0-9 ]")


def code(text: str) -> str:
    """A value as code, also inside a table."""
    text = clean(text)
    if not text:
        return ""
    if not re.search(r"[`|\\]", text):
        return f"`{text}`"
    return "<code>" + "".join(c if _WORD.match(c) else f"&#{ord(c)};" for c in text) + "</code>"


def inline(text: str) -> str:
    """A free text: as it is where that is harmless, else as code."""
    text = clean(text)
    return text if _HARMLESS.fullmatch(text) else code(text)


def row(cells: Iterable[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"


def table(head: Iterable[str], body: Iterable[Iterable[str]]) -> list[str]:
    """The lines of a table."""
    names = list(head)
    return [row(names), row("---" for _ in names), *map(row, body)]
