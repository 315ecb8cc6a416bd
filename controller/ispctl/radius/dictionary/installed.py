"""The dictionaries of the installed server against ours: what we write, it has to know by the same name and type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ispctl.model.problem import Problem
from ispctl.platforms import platform, platforms
from ispctl.radius.dictionary import definitions
from ispctl.radius.dictionary.definition import read
from ispctl.radius.rendering import REPLIES

FOLDER: Final = Path("/usr/share/freeradius")
"""Where Debian's package has them."""
_DEPTH: Final = 8


def written() -> frozenset[str]:
    """Every attribute, without tags, that a reply or a CoA may hold on any platform."""
    vendors = [platform(name) for name in platforms()]
    return REPLIES.union(*(vendor.attributes.union(vendor.pools) for vendor in vendors))


def problems(folder: Path = FOLDER, names: Iterable[str] | None = None) -> list[Problem]:
    """E507 for each of these attributes (all that are written) that the server of that folder does not know, or knows
    otherwise: it would refuse every login whose reply holds it. Nothing is said where no server is installed."""
    root = folder / "dictionary"
    if not root.is_file():
        return []
    theirs = read(_lines(root))
    found = []
    for name in sorted(written() if names is None else names):
        ours = definitions().get(name)
        known = theirs.get(name)
        if ours is None or known is None:
            where = "our own dictionary" if ours is None else str(root)
            text = f"{name} is not in {where}"
        elif differs := ours.differs(known):
            text = f"{root} has {name} with {differs}"
        else:
            continue
        found.append(Problem("E507", text, advice="Install the dictionaries that belong to the server, unaltered"))
    return found


def _lines(file: Path, depth: int = 0) -> Iterator[str]:
    """The lines of a dictionary and of all that it includes; what cannot be read is left out, as an attribute then
    is."""
    try:
        text = file.read_text("utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        match line.partition("#")[0].split():
            case ["$INCLUDE" | "$INCLUDE-", name] if depth < _DEPTH:
                yield from _lines(file.parent / name, depth + 1)
            case _:
                yield line
