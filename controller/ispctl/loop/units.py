"""Units of systemd for a loop on this machine, and for an ACS beside it, with its own paths in them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.structs import Struct

NAMES: Final = ("ispctl.service", "ispctl-drift.service", "ispctl-drift.timer")
ACS: Final = "ispctl-cpe.service"


class Place(Struct):
    """Where everything is on the machine that runs the loop. `programs`: the folder of ispctl and ispstat; `cpe`: where
    devices of subscribers call, if they are served here; `tls`: the certificate with its key, for that."""

    repo: Path
    programs: Path
    branch: str
    every: str
    metrics: str
    user: str
    group: str
    key: Path
    cpe: str = ""
    tls: tuple[Path, Path] | None = None


def render(place: Place) -> Mapping[str, str]:
    """File name -> text."""
    words = {
        "repo": quoted(str(place.repo)),
        "program": quoted(str(place.programs / "ispctl")),
        "stat": quoted(str(place.programs / "ispstat")),
        "key": plain(str(place.key)),  # the source of a credential is the rest of its line, quotes and all
        **{name: quoted(getattr(place, name)) for name in ("branch", "every", "metrics", "user", "group")},
    }
    if place.cpe:
        words |= {"cpe": quoted(place.cpe), "credentials": "", "tls": ""}
    if place.cpe and place.tls:
        chain, key = (plain(str(path)) for path in place.tls)
        words["credentials"] = f"LoadCredential=acs.pem:{chain}\nLoadCredential=acs.key:{key}\n"
        words["tls"] = " --certificate %d/acs.pem --private-key %d/acs.key"
    folder = files(__package__) / "systemd"
    names = (*NAMES, ACS) if place.cpe else NAMES
    return {name: Template((folder / name).read_text("utf-8")).substitute(words) for name in names}


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
    """A word among others, in quotes where it needs them (systemd.service(5)). Raises Refusal E633."""
    found = plain(text)
    return f'"{found}"' if " " in found else found


def plain(text: str) -> str:
    """A word as systemd reads it: no specifier, no variable. Raises Refusal E633 for what no unit file can hold."""
    if not text or not text.isprintable() or set(text) & set("\"'\\$"):
        shown = text if text.isprintable() else "a text with control characters"
        problem = Problem("E633", f"{shown!r} cannot stand in a unit", advice="Take a plain path or name")
        raise Refusal(problem)
    return text.replace("%", "%%")
