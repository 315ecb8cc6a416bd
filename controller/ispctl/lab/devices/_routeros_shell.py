"""The command line of a RouterOS by SSH: a prompt, lines, and what they print. Nothing is edited or completed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

_KEYS = "\r\n"


class Shell:
    """Answers on 127.0.0.1 from `start` to `stop`, in a thread of its own. `runs` gets a line and gives what it prints,
    or the words of a refusal; `logs_in` says whether a name and a password are right."""

    def __init__(
        self, runs: Callable[[str], str], logs_in: Callable[[str, str], bool], name: Callable[[], str]
    ) -> None:
        self._runs, self._logs_in, self._name = runs, logs_in, name
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._acceptor: Any = None
        self._open: set[Any] = set()
        self.port = 0
        self.host_key = ""
        """As a known_hosts file says it, without the name."""

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def stop(self) -> None:
        from ispctl.lab.devices.shell import hang_up

        asyncio.run_coroutine_threadsafe(hang_up(self._acceptor, self._open), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        import asyncssh

        logs_in, there = self._logs_in, self._open

        class Door(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                self._connection = conn
                there.add(conn)

            def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
                there.discard(self._connection)

            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                return logs_in(username.partition("+")[0], password)  # clients ask for no colours by name+ct

        key = asyncssh.generate_private_key("ssh-ed25519")
        self.host_key = " ".join(key.export_public_key().decode().split()[:2])
        self._acceptor = await asyncssh.create_server(
            Door, "127.0.0.1", 0, server_host_keys=[key], process_factory=self._serve, line_editor=False
        )
        self.port = self._acceptor.get_port()

    async def _serve(self, process: Any) -> None:
        if process.command:
            process.stdout.write(self._runs(process.command))
        else:
            await self._converse(process)
        process.exit(0)

    async def _converse(self, process: Any) -> None:
        prompt = f"[{process.get_extra_info('username').partition('+')[0]}@{self._name()}] > "
        process.stdout.write(f"\r\n{prompt}")
        line = ""
        while typed := await process.stdin.read(1):
            if typed not in _KEYS:
                line += typed
                process.stdout.write(typed)
                continue
            if line.strip() in {"quit", "/quit"}:
                return
            printed = self._runs(line) if line.strip() else ""
            process.stdout.write("\r\n" + printed.replace("\n", "\r\n") + prompt)
            line = ""
