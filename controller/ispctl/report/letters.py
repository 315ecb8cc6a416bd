"""What a letter to a subscriber says: its subject and its words, in the language that was asked for."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

from ispctl.report.filling import filled

_LETTER: Final = """\
A new password for your connection {{ id }}

Your connection has a new password.

Login: {{ login }}
Password: {{ password }}
"""
_LONGEST: Final = 200
"""Characters of a subject."""
_TITLE: Final = re.compile(r"<title[^>]*>(.*?)</title", re.DOTALL | re.IGNORECASE)


def password_path(language: str) -> str:
    """Where an ISP keeps a letter of its own."""
    return f"templates/notices/password.{language}.txt.j2"


def password(id: str, login: str, clear: str, language: str, own: bytes | None) -> tuple[str, str]:
    """The subject, which is the first line, and what follows on it. `own`: the ISP's template, if there is one. Raises
    Refusal E750."""
    source = own.decode("utf-8", "replace") if own is not None else _LETTER
    advice = "Its variables are id, login and password; its first line is the subject"
    values = {"id": id, "login": login, "password": clear}
    subject, _, text = filled(source, values, password_path(language), advice).lstrip().partition("\n")
    return _line(subject), text.lstrip("\r\n")


def title_of(page: str) -> str:
    """The title of a page of HTML, as one line; empty where it has none."""
    found = _TITLE.search(page)
    return _line(unescape(found[1])) if found else ""


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
