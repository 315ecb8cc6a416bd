"""Devices behind a socket, for workers in processes of their own: one server plays them all.

`dask worker --preload tests.nas.far_boxes` knows the platform "far-boxes", and so does whoever imports this.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ispctl.backend import Outcome, Unreachable
from ispctl.lab.devices.shell import turns
from ispctl.nas import Job, job
from ispctl.plan import Change, Fields, Key, Resources, Value, diff
from ispctl.platforms.device import SECRET, Facts, Login, NasPlatform, Seen, nas_platform

NAME = "far-boxes"
PASSWORD = "correct horse"
Said = dict[str, Any]


class Session:
    """Speaks to one of them: a line of JSON each way."""

    def __init__(self, login: Login) -> None:
        self._host = login.host
        try:
            self._socket = socket.create_connection((login.address, login.port or 0), login.timeout)
        except OSError as error:
            raise Unreachable(f"nas:{login.host}", "no answer") from error
        self._stream = self._socket.makefile("rw", encoding="utf-8")

    def ask(self, **said: Any) -> Said:
        try:
            self._stream.write(json.dumps({"host": self._host, "pid": os.getpid(), **said}) + "\n")
            self._stream.flush()
            found: Said = json.loads(self._stream.readline() or "{}")
        except OSError as error:
            raise Unreachable(f"nas:{self._host}", "the connection broke") from error
        return found

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def read(self) -> Seen:
        said = self.ask(op="read")
        found = {(kind, name): _fields(fields) for kind, name, fields in said["rows"]}
        return Seen(found, {(kind, name): text for kind, name, text in said["clear"]})

    def apply(self, changes: Sequence[Change], secrets: Mapping[Key, str], confirm: int) -> Iterator[Outcome]:
        for change in changes:
            after = (
                None if change.after is None else {**change.after, **({SECRET: ""} if change.key in secrets else {})}
            )
            self.ask(op="write", key=change.key, after=after, clear=secrets.get(change.key, ""))
            yield Outcome(change)

    def confirm(self) -> None:
        self.ask(op="confirm")

    def revert(self) -> None:
        self.ask(op="revert")

    def sessions(self) -> int | None:
        return int(self.ask(op="sessions")["count"])

    def facts(self) -> Facts:
        return Facts("Example", "box", "1.0")


def _fields(said: Mapping[str, Any]) -> Fields:
    def value(one: Any) -> Value:
        return tuple(map(value, one)) if isinstance(one, list) else one

    return {name: value(one) for name, one in said.items()}


class FarBoxes(NasPlatform):
    """As their vendor would have it."""

    name = NAME
    templates = ()

    def quote(self, value: object) -> str:
        return str(value)

    def parse(self, text: str) -> Resources:
        return {}

    @contextmanager
    def open(self, login: Login) -> Iterator[Session]:
        if login.username == "raises":
            raise RuntimeError(f"could not send {login.password}")
        session = Session(login)
        try:
            yield session
        finally:
            session.close()


@dataclass
class Box:
    """One device. `pending`: what was applied goes back, unless somebody says that all is well."""

    held: dict[tuple[str, str], Said] = field(default_factory=dict)
    clear: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)
    pending: bool = False


class Boxes:
    """All of them. `delay`: seconds before each answer. `stuck`: whose second write is never done, and sets `middle`
    to the pid that asks for it; the first who asks, that is."""

    def __init__(self, delay: float = 0.0, stuck: str = "") -> None:
        self.delay, self.stuck = delay, stuck
        self.devices: dict[str, Box] = defaultdict(Box)
        self.writes: Counter[tuple[str, str, str]] = Counter()
        self.pids: dict[str, set[int]] = defaultdict(set)
        """Who spoke to a device, ever."""
        self.together: set[str] = set()
        """Devices to which two processes spoke at one moment."""
        self.middle, self.stuck_pid, self.port = threading.Event(), 0, 0
        self._now: dict[str, Counter[int]] = defaultdict(Counter)
        self._open: set[asyncio.Task[None]] = set()

    async def end(self) -> None:
        """Close every connection, and wait until that is so."""
        await turns()  # who was accepted just now is there from then on
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await turns()  # in which each transport is closed

    def speaks(self, host: str) -> bool:
        """Whether anybody is connected to it."""
        return bool(+self._now[host])

    async def serve(self) -> asyncio.Server:
        server = await asyncio.start_server(self._client, "127.0.0.1", 0, backlog=2048)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here: Counter[int] | None = None
        pid = 0
        mine = asyncio.current_task()
        assert mine is not None
        self._open.add(mine)
        try:
            while line := await reader.readline():
                said = json.loads(line)
                if here is None:
                    here, pid = self._now[said["host"]], said["pid"]
                    here[pid] += 1
                    self.pids[said["host"]].add(pid)
                    if len(+here) > 1:
                        self.together.add(said["host"])
                if self.delay:
                    await asyncio.sleep(self.delay)
                if self._sticks(said):
                    await reader.read()
                    return
                writer.write(json.dumps(self._answer(self.devices[said["host"]], said)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            if here is not None:
                here[pid] -= 1
            self._open.discard(mine)
            writer.close()

    def _sticks(self, said: Said) -> bool:
        if said["host"] != self.stuck or said["op"] != "write" or not self.devices[self.stuck].pending:
            return False
        self.stuck, self.stuck_pid = "", said["pid"]
        self.middle.set()
        return True

    def _answer(self, box: Box, said: Said) -> Said:
        if said["op"] == "read":
            return {
                "rows": [[*key, fields] for key, fields in box.held.items()],
                "clear": [[*key, text] for key, text in box.clear.items()],
            }
        if said["op"] == "write":
            key = (said["key"][0], said["key"][1])
            self.writes[said["host"], *key] += 1
            box.pending = True
            box.held.pop(key, None)
            box.clear.pop(key, None)
            if said["after"] is not None:
                box.held[key] = said["after"]
                if said["clear"]:
                    box.clear[key] = said["clear"]
        elif said["op"] == "confirm":
            box.pending = False
        return {"count": 100}


@contextmanager
def playing(boxes: Boxes) -> Iterator[Boxes]:
    """They answer, from a thread of this process."""
    ready, loop = threading.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        server = await boxes.serve()
        ready.set()
        async with server:
            await over.wait()
            await boxes.end()

    over = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield boxes
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


def wanted(size: int = 2, down: int = 50) -> Resources:
    """What a device is to hold: a server with a secret, and so many tariffs less one."""
    tariffs = {("tariff", f"home-{number}"): {"down": down + number} for number in range(1, size)}
    return {("server", "one"): {"address": "198.51.100.10", SECRET: "sha256:new"}, **tariffs}


def jobs(count: int, port: int, want: Resources | None, have: Resources | None = None, **more: Any) -> list[Job]:
    """One for each of so many devices; `want`: what it is to hold, None to look alone."""
    found = []
    for number in range(count):
        host = f"nas-{number:04}"
        login = Login(host, NAME, "127.0.0.1", port, "netops", PASSWORD)
        changes = tuple(diff(f"nas:{host}", want, have or {})) if want is not None else ()
        secrets = {change.key: PASSWORD for change in changes if SECRET in (change.after or {})}
        found.append(Job(login, changes, secrets, **{"key": b"key", "attempts": 1, "deadline": 30.0, **more}))
    return found


def main() -> None:
    """All of them in a process of their own, for a measurement: `far_boxes.py SECONDS`; says its port."""

    async def serve() -> None:
        boxes = Boxes(delay=float(sys.argv[1]))
        server = await boxes.serve()
        print(boxes.port, flush=True)
        async with server:
            await server.serve_forever()

    asyncio.run(serve())


def known(name: str) -> NasPlatform | None:
    return FarBoxes() if name == NAME else nas_platform(name)


vars(job)["nas_platform"] = known

if __name__ == "__main__":
    main()
