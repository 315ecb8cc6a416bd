"""What RADIUS attributes are called, how they are numbered and typed: the fixed list of what may be written or sent.

The standard ones lie here, those of a vendor in its folder of `platforms`; `installed` compares them with the server's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ispctl.radius.dictionary.definition import Definition, read

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
    "rfc4679",
    "microsoft",
)
"""In this order: a file may add values to an attribute of an earlier one. Those of the vendors follow."""


@cache
def load() -> Dictionary:
    """All of it as one pyrad dictionary, read once per process. Treat it as read-only: everybody shares it."""
    from pyrad.dictionary import Dictionary

    return Dictionary(*map(StringIO, _texts()))


@cache
def definitions() -> Mapping[str, Definition]:
    """Attribute -> what we know of it."""
    return read(line for text in _texts() for line in text.splitlines())


def _texts() -> Iterator[str]:
    folder = resources.files(__name__)
    yield from ((folder / f"{name}.dict").read_text("utf-8") for name in FILES)
    vendors = Path(__file__).parents[2] / "platforms"
    yield from (file.read_text("utf-8") for file in sorted(vendors.glob("*/*.dict")))
