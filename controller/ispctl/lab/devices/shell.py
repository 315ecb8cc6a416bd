"""A command line over SSH on 127.0.0.1, served by a thread of its own: what all stand-ins with one share."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

import asyncssh


async def turns() -> None:
    """So many turns of the loop as a connection takes that is accepted, or closed, and speaks to nobody else."""
    for _ in range(5):
        await asyncio.sleep(0)


async def hang_up(server: asyncssh.SSHAcceptor, connections: set[asyncssh.SSHServerConnection]) -> None:
    """Close a door and everybody's connection, before the loop ends."""
    server.close()
    await turns()  # who was accepted just now is there from then on
    while connections:
        connection = connections.pop()
        connection.abort()
        await connection.wait_closed()
    await server.wait_closed()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)
    await turns()  # in which each transport is closed


class Cut(Exception):
    """The connection breaks here."""


class Line(ABC):
    """One terminal of a device: somebody who logged in."""

    @property
    @abstractmethod
    def prompt(self) -> str:
        """What it shows when it waits for a command."""

    @abstractmethod
    def answer(self, command: str) -> str | None:
        """What it says to a command; None: it hangs up. Raises Cut."""

    @abstractmethod
    def gone(self) -> None:
        """Whoever was there is there no more."""


class Shell(ABC):
    """A device that is reached at `port` with `username` and `password`, and has `host_key`. Used as a context."""

    greeting = ""

    def __init__(self, username: str = "ispctl", password: str = "lab") -> None:  # noqa: S107  listens on 127.0.0.1
        self.username, self.password = username, password
        self.port = 0
        self.named = 0
        """How many said who they are, which is before they say a password."""
        self.files: Callable[[asyncssh.SSHServerChannel], asyncssh.SFTPServer] | None = None  # type: ignore[type-arg]
        """Serves its files, where it has any."""
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self.host_key = " ".join(self._key.export_public_key().decode().split()[:2])
        self.lock = Lock()
        self.authorized = ""
        """The public key of whoever may log in without a password, as in authorized_keys."""
        self.writes_left: int | None = None
        """After so many writes the device is gone, until it is None again."""
        self._ready, self._loop = Event(), asyncio.new_event_loop()
        self._thread = Thread(target=self._run, daemon=True)
        self._open: set[asyncssh.SSHServerConnection] = set()

    @abstractmethod
    def line(self) -> Line:
        """A terminal for somebody who logged in."""

    def wrote(self) -> None:
        """One thing more is about to be written. Raises Cut where the device dies before that."""
        if self.writes_left is not None:
            self.writes_left -= 1
            if self.writes_left < 0:
                raise Cut

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._listen())
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(hang_up(server, self._open))
        self._loop.close()

    async def _listen(self) -> asyncssh.SSHAcceptor:
        shell = self

        class Door(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                self._connection = conn
                shell._open.add(conn)
                if shell.writes_left is not None and shell.writes_left < 0:
                    conn.abort()

            def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
                shell._open.discard(self._connection)

            def begin_auth(self, username: str) -> bool:  # noqa: ARG002
                shell.named += 1
                return True

            def public_key_auth_supported(self) -> bool:
                return True

            def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
                known = shell.authorized.split()[:2]
                return username == shell.username and key.export_public_key().decode().split()[:2] == known

            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                return (username, password) == (shell.username, shell.password)

        return await asyncssh.create_server(
            Door,
            "127.0.0.1",
            0,
            server_host_keys=[self._key],
            process_factory=self._serve,
            sftp_factory=self.files,
            line_editor=False,
        )

    async def _serve(self, process: asyncssh.SSHServerProcess[str]) -> None:
        line = self.line()
        process.stdout.write(f"{self.greeting}\r\n{line.prompt}")
        try:
            await self._talk(process, line)
        except (asyncssh.Error, OSError):
            process.close()
        finally:
            with self.lock:
                line.gone()

    async def _talk(self, process: asyncssh.SSHServerProcess[str], line: Line) -> None:
        typed = ""
        while data := await process.stdin.read(4096):
            *commands, typed = (typed + data.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
            for command in commands:
                try:
                    with self.lock:
                        said = line.answer(command)
                except Cut:
                    process.channel.get_connection().abort()
                    return
                if said is None:
                    process.exit(0)
                    return
                asks = said.endswith((":", "[confirm]"))
                text = f"{command}\n{said}{'' if asks or not said or said.endswith(chr(10)) else chr(10)}"
                process.stdout.write(f"{text}{'' if asks else line.prompt}".replace("\n", "\r\n"))
