"""The first repository that `ispctl init` lays out. What an ISP changes first stands in it with a word of advice."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

_HIDDEN: Final = frozenset({"gitignore", "gitlab-ci.yml"})
"""Files that get a dot before their name; under their own they would act on this repository."""


def write(directory: Path) -> list[Path]:
    """Copy the files; existing ones are left alone. Returns what was written."""
    written: list[Path] = []
    _copy(files(__package__).joinpath("files"), directory, written)
    return sorted(written)


def content(name: str) -> bytes:
    """One of the files as it is packaged."""
    return files(__package__).joinpath("files", name).read_bytes()


def _copy(source: Traversable, target: Path, written: list[Path]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        name = target / (f".{entry.name}" if entry.name in _HIDDEN else entry.name)
        if entry.is_dir():
            _copy(entry, name, written)
        elif not name.exists():
            name.write_bytes(entry.read_bytes())
            written.append(name)
