"""Purity by force: while a test of the pure modules runs, our code can open no file, no connection and no process.

The core is f(commit, facts, now). An audit hook of the interpreter sees what a linter cannot: I/O three calls deep in a
library. What counts is the innermost frame that belongs to the project: a test may read its own golden file, the code
under test may not.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
import sysconfig
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = str(ROOT / "controller" / "ispctl") + os.sep
PURE = ("model", "desired", "states", "plan", "gates", "money")
FORBIDDEN = {
    "open", "socket.connect", "socket.bind", "socket.getaddrinfo", "sqlite3.connect",
    "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn",
    "os.remove", "os.rename", "os.mkdir", "os.listdir", "os.scandir", "shutil.rmtree", "tempfile.mkstemp",
}  # fmt: skip
PATHS = sysconfig.get_paths()
READABLE = tuple(
    str(Path(place)) + os.sep
    for place in (PATHS["stdlib"], PATHS["purelib"], PATHS["platlib"], sys.base_prefix, *zoneinfo.TZPATH)
)
"""What libraries bring along, and the time zone database: both are the same for everybody, and no input."""
IMPORTS = importlib.machinery.PathFinder.find_spec.__code__.co_filename
"""Where the interpreter loads modules. When it does is of no account: a library may load one late."""


class Impure(RuntimeError):
    """The code under test reached for the outside world."""


class _Guard:
    def __init__(self) -> None:
        self.on = False
        self.installed = False
        self.seen: list[str] = []

    def hook(self, event: str, args: tuple[object, ...]) -> None:
        if self.on and event in FORBIDDEN:
            self.on = False  # what follows may itself open a file
            try:
                self._judge(event, args)
            finally:
                self.on = True

    def _judge(self, event: str, args: tuple[object, ...]) -> None:
        caller = sys._getframe(2)
        if caller.f_code.co_filename == IMPORTS:
            return  # looks through sys.path, reads a module, keeps its byte code
        if event in ("open", "os.listdir", "os.scandir") and _harmless(event, args):
            return
        if place := _ours(caller):
            self.seen.append(f"{event} in {place}")
            raise Impure(f"{event} in {place}: a pure module does no I/O")


_guard = _Guard()


@contextmanager
def enforced() -> Iterator[None]:
    """Raises Impure at the forbidden call, and again at the end in case somebody caught the first."""
    if not _guard.installed:
        sys.addaudithook(_guard.hook)  # there is no way to remove one: it sleeps between the tests
        _guard.installed = True
    _guard.seen.clear()
    _guard.on = True
    try:
        yield
    finally:
        _guard.on = False
    if _guard.seen:
        raise Impure("; ".join(_guard.seen))


def _harmless(event: str, args: tuple[object, ...]) -> bool:
    """Reading a library's own files or a time zone; `args` of open: path, mode, flags."""
    if event == "open" and isinstance(args[0], int) and args[0] > 2:
        return True  # whoever opened what this descriptor is was judged
    if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        return False
    path = os.fsdecode(args[0]) if isinstance(args[0], str | bytes) else ""
    return f"{path}{os.sep}".startswith(READABLE) or (path.startswith(str(ROOT)) and path.endswith((".py", ".pyc")))


def _ours(frame: FrameType | None) -> str:
    """file:line of the innermost frame of the project, if it is the package's and not a test's."""
    tests = str(ROOT / "tests") + os.sep
    while frame:
        name = frame.f_code.co_filename
        if name.startswith(PACKAGE):
            return f"{name[len(PACKAGE) :]}:{frame.f_lineno}"
        if name.startswith(tests) or f"{os.sep}hypothesis{os.sep}" in name:
            return ""
        frame = frame.f_back
    return ""


def applies(path: Path) -> bool:
    """Whether a test file is one of the pure modules': tests/plan/test_x.py, or tests/test_plan.py."""
    inside = path.relative_to(ROOT / "tests") if path.is_relative_to(ROOT / "tests") else Path()
    if inside.parts[:1] == ("gates",):  # these gates, not the module of that name
        return False
    return bool(inside.parts) and (inside.parts[0] in PURE or inside.stem.removeprefix("test_") in PURE)
