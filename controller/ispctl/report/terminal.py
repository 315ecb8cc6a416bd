"""Colours for a terminal. The words carry the meaning; without colours nothing is missing."""

from __future__ import annotations

import re
from typing import Final, TextIO

_STYLES: Final = (
    (re.compile(r"^(WHO LOSES|(WOULD BE )?REFUSED.*|NOT READ.*)$", re.MULTILINE), "bold red"),
    (re.compile(r"^(WHO CHANGES|ROWS.*)$", re.MULTILINE), "bold"),
    (re.compile(r"^WHO GAINS$", re.MULTILINE), "bold green"),
    (re.compile(r"\b(cut off|walled|ended|drops|E\d{3})\b"), "red"),
    (re.compile(r"\b(slower|readdressed|W\d{3})\b"), "yellow"),
    (re.compile(r"\b(faster|restored|new|begins)\b(?=$|,)", re.MULTILINE), "green"),
    (re.compile(r"^(Next): .*$", re.MULTILINE), "bold cyan"),
    (re.compile(r"^ +because: .*$", re.MULTILINE), "dim"),
)


def show(text: str, stream: TextIO, *, color: bool) -> None:
    """Write a rendered text; `color` where the stream is a terminal and nobody asked for none."""
    if not color:
        stream.write(text)
        return
    from rich.console import Console
    from rich.text import Text

    styled = Text(text, end="")
    for pattern, style in _STYLES:
        styled.highlight_regex(pattern, style)
    console = Console(file=stream, force_terminal=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
    console.print(styled, end="")
