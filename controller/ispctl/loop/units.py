"""Units of systemd for a loop on this machine, with its own paths in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from ispctl.model.problem import Problem, Refusal

NAMES: Final = ("ispctl.service", "ispctl-drift.service", "ispctl-drift.timer")


@dataclass(frozen=True)
class Place:
    """Where everything is on the machine that runs the loop. `programs`: the folder of ispctl and ispstat."""

    repo: Path
    programs: Path
    branch: str
    every: str
    metrics: str
    user: str
    group: str
    key: Path


def render(place: Place) -> Mapping[str, str]:
    """File name -> text."""
    words = {
        "repo": quoted(str(place.repo)),
        "program": quoted(str(place.programs / "ispctl")),
        "stat": quoted(str(place.programs / "ispstat")),
        "key": quoted(str(place.key)),
        **{name: quoted(getattr(place, name)) for name in ("branch", "every", "metrics", "user", "group")},
    }
    folder = files(__package__) / "systemd"
    return {name: Template((folder / name).read_text("utf-8")).substitute(words) for name in NAMES}


def write(place: Place, out: Path) -> tuple[Path, ...]:
    """The units as files, mode 0644. Raises Refusal E633."""
    made = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in render(place).items():
            (out / name).write_text(text, encoding="utf-8")
            (out / name).chmod(0o644)
            made.append(out / name)
    except OSError as error:
        text = f"{out} cannot be written ({error.strerror})"
        raise Refusal(Problem("E633", text, advice="Name another folder with --out")) from None
    return tuple(made)


def quoted(text: str) -> str:
    """A word as systemd reads it: no specifier, no variable, and in quotes where it needs them (systemd.service(5)).
    Raises Refusal E633 for what no unit file can hold."""
    if not text or not text.isprintable() or set(text) & set("\"'\\$"):
        shown = text if text.isprintable() else "a text with control characters"
        problem = Problem("E633", f"{shown!r} cannot stand in a unit", advice="Take a plain path or name")
        raise Refusal(problem)
    plain = text.replace("%", "%%")
    return f'"{plain}"' if " " in plain else plain
