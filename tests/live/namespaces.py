"""Two network namespaces with a cable between them: a router's and a subscriber's. Nothing outside is touched."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self, TypeVar

from ispctl.lab.process import wait_for

T = TypeVar("T")
ROUTER: Final = "192.0.2.1"
BEYOND: Final = "198.51.100.1"
"""What the subscriber reaches through the router."""
SUBSCRIBER: Final = "192.0.2.2"
PLACES: Final = f"{os.environ['PATH']}:/usr/sbin:/sbin"
_NETWORK: Final = 0x40000000  # CLONE_NEWNET


def missing(*programs: str) -> str:
    """Why a test with namespaces cannot run here; empty if it can."""
    if os.geteuid():
        return "namespaces need root"
    if subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True, check=False).returncode:
        return "no namespaces here: CAP_SYS_ADMIN and CAP_NET_ADMIN are missing"
    absent = [name for name in ("ip", "nsenter", *programs) if not shutil.which(name, path=PLACES)]
    return f"not installed: {', '.join(absent)}" if absent else ""


def spawn(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """A daemon by whatever words lead to it; what it prints is added to `log`."""
    with log.open("ab") as said:
        env = {"PATH": PLACES, "LANG": "C.UTF-8"}
        return subprocess.Popen(list(command), stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=env)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kindly first."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


class Cable:
    """192.0.2.1 at the router, 192.0.2.2 at the subscriber. A context manager: with it everything in it ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._holders = {name: subprocess.Popen(["unshare", "-n", "cat"], stdin=-1) for name in ("router", "home")}
        for name in self._holders:
            assert wait_for(lambda name=name: self._apart(name), 10)  # type: ignore[misc]  # a default binds it
            self.run(name, "ip", "link", "set", "lo", "up")
        self.run("router", "ip", "link", "add", "r0", "type", "veth", "peer", "name", "h0")
        self.run("router", "ip", "link", "set", "h0", "netns", str(self._holders["home"].pid))
        for name, link, address in (("router", "r0", ROUTER), ("home", "h0", SUBSCRIBER)):
            self.run(name, "ip", "address", "add", f"{address}/24", "dev", link)
            self.run(name, "ip", "link", "set", link, "up")
        self.run("router", "ip", "address", "add", f"{BEYOND}/32", "dev", "lo")
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            end(process)
        for holder in self._holders.values():
            holder.communicate(timeout=10)

    def inside(self, name: str) -> list[str]:
        """The words before a command that put it there."""
        return ["nsenter", "-t", str(self._holders[name].pid), "-n", "--"]

    def run(self, name: str, *words: str) -> str:
        done = subprocess.run([*self.inside(name), *words], capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, name: str, *words: str, log: str) -> Path:
        """A daemon, with a /run of its own; what it prints is in the file that is returned."""
        script = 'mount -t tmpfs tmpfs /run && exec "$@"'
        said = self._folder / log
        self.own(spawn([*self.inside(name), "unshare", "-m", "sh", "-c", script, "sh", *words], said))
        return said

    def own(self, process: subprocess.Popen[bytes]) -> None:
        """A process that ends with the cable."""
        self._running.append(process)

    def within(self, name: str, work: Callable[[], T]) -> T:
        """Do something in this process, but there: a namespace belongs to a thread, and to those that it starts."""

        def enter() -> T:
            with open(f"/proc/{self._holders[name].pid}/ns/net", "rb") as net:
                assert ctypes.CDLL(None, use_errno=True).setns(net.fileno(), _NETWORK) == 0
            return work()

        with ThreadPoolExecutor(1) as one:
            return one.submit(enter).result()

    def _apart(self, name: str) -> bool:
        """Whether the holder has left our namespace."""
        mine, its = (os.stat(f"/proc/{pid}/ns/net").st_ino for pid in ("self", self._holders[name].pid))
        return mine != its
