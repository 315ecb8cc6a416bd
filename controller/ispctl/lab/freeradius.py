"""FreeRADIUS as an ordinary process of any user: rendered, started, ready, stopped."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ispctl.lab.process import Process, start, wait_for
from ispctl.model.problem import Problem, Refusal
from ispctl.radius.server import NAME, ServerSettings, write
from ispctl.structs import Struct

_PLACES: Final = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
_READY: Final = "Ready to process requests"
_TAKEN: Final = "Address already in use"
_TRIES: Final = 5


class Server(Struct):
    """A running server. `log` is what it says about itself; requests are in the database."""

    process: Process
    settings: ServerSettings
    confdir: Path

    @property
    def log(self) -> Path:
        return log_of(self.settings)

    def stop(self) -> bool:
        """End it and wait until it is gone. False when it was gone already."""
        return self.process.stop()


def log_of(settings: ServerSettings) -> Path:
    return Path(settings.run_dir) / "radius.log"


def program(places: str = _PLACES) -> str:
    """Path of the server's program, looked for in `places`. Raises Refusal E403 with what to install."""
    for name in ("freeradius", "radiusd"):
        if found := shutil.which(name, path=places):
            return found
    advice = "Install it: apt-get install --no-install-recommends freeradius freeradius-utils"
    raise Refusal(Problem("E403", "FreeRADIUS is not installed", advice=advice))


def launch(settings: ServerSettings, confdir: Path, *, timeout: float = 10.0) -> Server:
    """Render into `confdir`, start, and return when the server answers requests.

    Raises Refusal: E402 folder, E403 not installed, E404 port taken, E405 configuration refused, E406 too slow.
    """
    path = program()
    write(settings, confdir)
    log = log_of(settings)
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        process = start([path, "-d", str(confdir.absolute()), "-n", NAME, "-f"], log)
    except OSError as error:
        problem = Problem("E402", f"{log.parent}: {error.strerror}", advice="Name a folder that you may write to")
        raise Refusal(problem) from error
    if wait_for(lambda: _READY in _said(log) or not process.running, timeout) and process.running:
        return Server(process, settings, confdir)
    slow = process.stop()
    raise Refusal(_why(settings, log, slow=slow))


def launch_anywhere(settings: Callable[[int, int], ServerSettings], confdir: Path, *, timeout: float = 10.0) -> Server:
    """`launch` on two free ports, which `settings` is given; tries others when somebody was quicker."""
    for tries_left in reversed(range(_TRIES)):
        try:
            return launch(settings(*free_ports(2)), confdir, timeout=timeout)
        except Refusal as refusal:
            if refusal.problems[0].code != "E404" or not tries_left:
                raise
    raise AssertionError("unreachable")


def free_ports(count: int, address: str = "127.0.0.1") -> list[int]:
    """UDP ports of `address` that nobody holds at this moment, all different."""
    links = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    try:
        for link in links:
            link.bind((address, 0))
        return [link.getsockname()[1] for link in links]
    finally:
        for link in links:
            link.close()


def _said(log: Path) -> str:
    try:
        return log.read_text("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _why(settings: ServerSettings, log: Path, *, slow: bool) -> Problem:
    said = _said(log)
    if _TAKEN in said:
        text = f"{settings.listen} port {settings.auth_port} or {settings.acct_port} is in use"
        return Problem("E404", text, advice="Choose another port, or end what holds it: ss -lunp")
    if slow:
        return Problem("E406", "FreeRADIUS was not ready in time", advice=f"See its log: {log}")
    first = next((line for line in said.splitlines() if re.search(r"\bError\b|rror:|^/", line)), "it gave no reason")
    reason = re.sub(r"^.*?: Error: ", "", first)[:200]
    return Problem("E405", f"FreeRADIUS does not start: {reason}", advice=f"See its log: {log}")
