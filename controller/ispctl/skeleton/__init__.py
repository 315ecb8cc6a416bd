"""The first repository that `ispctl init` lays out. What an ISP changes first stands in it with a word of advice."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def write(directory: Path) -> list[Path]:
    """Copy the files; existing ones are left alone. Returns what was written."""
    written: list[Path] = []
    _copy(files(__package__).joinpath("files"), directory, written)
    return sorted(written)


def _copy(source: Traversable, target: Path, written: list[Path]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        name = target / (".gitignore" if entry.name == "gitignore" else entry.name)
        if entry.is_dir():
            _copy(entry, name, written)
        elif not name.exists():
            name.write_bytes(entry.read_bytes())
            written.append(name)
