"""Words and numbers for people: rates, times, counts, and values that cannot harm a terminal or name a person."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ispctl.report.shapes import ReasonJson


_UNITS: Final = ((10**9, "Gbit/s"), (10**6, "Mbit/s"), (10**3, "kbit/s"), (1, "bit/s"))
_JOINERS: Final = "\u200c\u200d"
"""Zero-width (non-)joiner: many Indic and Persian words cannot be written without them."""
_E_MAIL: Final = re.compile(r"[^\s@<>(),;:|'\"]+@[^\s@<>(),;:|'\"]+\.[^\s@<>(),;:|'\"]+")
_PHONE: Final = re.compile(r"\+[0-9][0-9 ()-]{5,}[0-9]|(?<![\w.:/+-])[0-9]{9,15}(?![\w:/-])")
_WORD: Final = re.compile(r"[^\s,;()'\"]+")


def rate(down: int, up: int) -> str:
    """50000000, 25000000 (bit/s) -> "50/25 Mbit/s": both in the largest unit that fits the smaller."""
    size, unit = next(((size, unit) for size, unit in _UNITS if min(down, up) >= size), _UNITS[-1])
    return f"{_number(down, size)}/{_number(up, size)} {unit}"


def _number(value: int, size: int) -> str:
    text = f"{Decimal(value) / size:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def plural(count: int, word: str) -> str:
    """1 service, 2 services."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def local(stamp: str | None) -> str:
    """The local time of an RFC 3339 text, to the minute."""
    return f"{stamp[:10]} {stamp[11:16]}" if stamp else "never"


def with_offset(stamp: str) -> str:
    """The local time with its offset, for where it stands alone."""
    offset = stamp[19:].lstrip("Z")
    return f"{local(stamp)} {'UTC' if offset in ('', '+00:00') else offset}"


def short(commit: str) -> str:
    """A commit as people name it."""
    return clean(commit)[:12]


def clean(text: str) -> str:
    """One line, and nothing that moves a cursor, hides or reorders what stands beside it."""
    shown = " ".join(str(text).split())
    return "".join(
        char if unicodedata.category(char)[0] != "C" or char in _JOINERS else f"\\u{ord(char):04x}" for char in shown
    )


def masked(text: str, logins: Collection[str]) -> str:
    """A free text without the logins, e-mail addresses and phone numbers that somebody may have typed into it."""
    without = _WORD.sub(lambda found: "(login)" if found[0].rstrip(".:") in logins else found[0], clean(text))
    return _PHONE.sub("(phone)", _E_MAIL.sub("(e-mail)", without))


def words(text: str) -> Iterator[str]:
    """Whatever of a free text may be a login, as `masked` sees it."""
    return (found[0].rstrip(".:") for found in _WORD.finditer(clean(text)))


def place(reason: ReasonJson) -> str:
    """file:line, as far as it is known."""
    file = clean(reason["file"])
    return f"{file}:{reason['line']}" if file and reason["line"] else file


def listed(items: Sequence[str], most: int = 5) -> str:
    """a, b, c and 5 more"""
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more:,} more" if more > 0 else "")


def sentence(parts: Iterable[str]) -> str:
    """The parts that say something, joined."""
    return "; ".join(part for part in parts if part)


def page(lines: Iterable[str], width: int) -> str:
    """Lines of which some are empty, at most `width` wide, ending with a line feed."""
    return "\n".join(one for line in lines for one in (wrapped([line], width) if line else [""])) + "\n"


def wrapped(part: Iterable[str], width: int) -> Iterator[str]:
    """The lines of a part at most `width` wide, the rest of each under its own margin; no word is broken."""
    for line in part:
        margin = " " * (len(line) - len(line.lstrip()))
        yield from textwrap.wrap(
            clean(line),
            width,
            initial_indent=margin,
            subsequent_indent=margin + "  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
