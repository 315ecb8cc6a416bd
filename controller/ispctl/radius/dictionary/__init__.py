"""What RADIUS attributes are called, how they are numbered and typed. Imports nothing of ours."""

from __future__ import annotations

from functools import cache
from importlib import resources
from io import StringIO
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyrad.dictionary import Dictionary

FILES: Final = (
    "rfc2865",
    "rfc2866",
    "rfc2868",
    "rfc2869",
    "rfc3162",
    "rfc4818",
    "rfc6911",
    "rfc3576",
    "rfc5176",
    "mikrotik",
    "wispr",
    "microsoft",
)
"""In this order: a file may add values to an attribute of an earlier one."""


@cache
def load() -> Dictionary:
    """All of FILES as one pyrad dictionary, read once per process. Treat it as read-only: everybody shares it."""
    from pyrad.dictionary import Dictionary

    folder = resources.files(__name__)
    return Dictionary(*(StringIO((folder / f"{name}.dict").read_text("utf-8")) for name in FILES))
