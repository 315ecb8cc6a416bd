"""This machine: Python, time zones, the clock."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ispctl.repo import Snapshot
from ispctl.status.check import Check


def python() -> Check:
    """The interpreter, and whether every package that ispctl needs is there."""
    missing = [name for name in _needed() if not _version(name)]
    said = f"{sys.version.split()[0]}, ispctl {_version('ispctl') or 'not installed as a package'}"
    if missing:
        return Check("python", "bad", f"{said}; missing: {', '.join(missing)}", "make venv")
    return Check("python", "ok", f"{said}, {len(_needed())} packages there")


def time_zone(snapshot: Snapshot) -> Check:
    """The ISP's days need the data of its zone."""
    name = snapshot.policy.value.timezone
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return Check("time zone", "bad", f"there are no data of {name}", "apt install tzdata")
    return Check("time zone", "ok", name)


def synchronised() -> Check:
    """Whether the clock is kept by somebody; what cannot be seen is said to be unknown."""
    program = shutil.which("timedatectl")
    said = ""
    if program:
        try:
            command = [program, "show", "--property=NTPSynchronized", "--value"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=3, check=False)
            said = done.stdout.strip()
        except (OSError, subprocess.TimeoutExpired):
            said = ""
    if said == "yes":
        return Check("clock", "ok", "synchronised")
    if said == "no":
        text = "nobody keeps this clock right; paid days end by it"
        return Check("clock", "warning", text, "apt install chrony; timedatectl")
    return Check("clock", "ok", "whether it is synchronised cannot be seen here")


def _needed() -> list[str]:
    """Names of the packages that ispctl itself requires."""
    try:
        lines = requires("ispctl") or []
    except PackageNotFoundError:
        return []
    plain = [line.partition(";") for line in lines]
    return [_name(line) for line, _, condition in plain if "extra" not in condition]


def _name(line: str) -> str:
    for mark in "<>=!~[ ":
        line = line.partition(mark)[0]
    return line.strip()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
