"""The ACS on the network: HTTP around sessions. Speaks to many devices at a time; the database is one thread's.

A session belongs to its TCP connection first and to its cookie second, since some devices return no cookie.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from ispctl.cpe.doors import Doors
from ispctl.cpe.office import Logger
from ispctl.cpe.session import Answer, Caller, Desk, Session
from ispctl.cpe.soap import LARGEST
from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    from aiohttp import web

SILENT: Final = 30.0
"""Seconds after which a session that says nothing is over."""
BUSY: Final = 60
"""Seconds after which a device may come again that finds us busy, or without our database."""
_COOKIE: Final = "ispctl"


@dataclass
class Live:
    """A session, as the network sees it."""

    session: Session
    cookie: str
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    heard: float = field(default_factory=monotonic)


class _Kinds(logging.Handler):
    """What went wrong in HTTP is told by its kind: a traceback would show what a device sent."""

    def __init__(self, log: Logger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0] if record.exc_info else None
        self._log.warning("acs-failed", kind=kind.__name__ if kind else record.levelname)


class Acs:
    """`desk` is called in one thread: it makes the desk, or another one after the database went away. Raises Refusal
    E850 where nobody can be served there. Ends by `close`."""

    def __init__(
        self,
        desk: Callable[[], Desk],
        doors: Doors,
        address: tuple[str, int],
        log: Logger,
        *,
        tls: ssl.SSLContext | None = None,
        most: int = 500,
    ) -> None:
        self._make, self._doors, self._log, self._most = desk, doors, log, most
        self._desk: Desk | None = None
        self._by_connection: dict[Any, Live] = {}
        self._by_cookie: dict[str, Live] = {}
        self._worker = ThreadPoolExecutor(1, "acs")
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="acs", daemon=True)
        self._thread.start()
        try:
            self.port, self._runner = self._run(self._open(address, tls))
        except OSError as error:
            self._end()
            text = f"no device can be served at {address[0]}:{address[1]} ({error.strerror})"
            raise Refusal(Problem("E850", text, advice="Name another address with --listen HOST:PORT")) from None

    def close(self) -> None:
        """Every connection is closed; what a device took is written down already."""
        self._run(self._runner.cleanup())
        self._end()

    def _end(self) -> None:
        self._worker.submit(self._forget_desk).result()
        self._worker.shutdown()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _forget_desk(self) -> None:
        if self._desk is not None:
            self._desk.close()
        self._desk = None

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self, address: tuple[str, int], tls: ssl.SSLContext | None) -> tuple[int, web.AppRunner]:
        from aiohttp import web

        quiet = logging.Logger("acs")  # noqa: LOG001 - of nobody else, so that nothing gets from it to other logs
        quiet.addHandler(_Kinds(self._log))
        app = web.Application(client_max_size=LARGEST)
        app.router.add_post("/{path:.*}", self._post)
        runner = web.AppRunner(app, access_log=None, logger=quiet, keepalive_timeout=SILENT)
        await runner.setup()
        try:
            site = web.TCPSite(runner, *address, ssl_context=tls)
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        assert runner.addresses
        return int(runner.addresses[0][1]), runner

    async def _post(self, request: web.Request) -> web.Response:
        from aiohttp import web

        self._sweep()
        try:
            data = await request.read()
        except web.RequestPayloadError:
            return web.Response(status=400)
        live = await self._found(request)
        if not isinstance(live, Live):
            return live
        async with live.turn:
            live.heard = monotonic()
            try:
                answer: Answer = await self._loop.run_in_executor(self._worker, live.session.receive, data)
            except Refusal:
                self._over(live)
                self._worker.submit(self._forget_desk)
                return self._busy()
        if answer.over:
            self._over(live)
        response = web.Response(status=answer.status, body=answer.body or None)
        if answer.body:
            response.headers["Content-Type"] = 'text/xml; charset="utf-8"'
            response.headers["SOAPAction"] = ""
        if not answer.over:
            response.set_cookie(_COOKIE, live.cookie, httponly=True)
        return response

    async def _found(self, request: web.Request) -> Live | web.Response:
        """The session that a message belongs to, a new one for whoever may come in; or why there is none."""
        from aiohttp import web

        live = self._by_connection.get(request.transport) or self._by_cookie.get(request.cookies.get(_COOKIE, ""))
        if live is not None:
            return live
        known, serial = self._doors.who(request.headers.get("Authorization", ""), request.method)
        if not known:
            response = web.Response(status=401)
            for challenge in self._doors.challenges():
                response.headers.add("WWW-Authenticate", challenge)
            return response
        if len(self._by_cookie) >= self._most:
            return self._busy()
        return await self._begin(request, serial) or self._busy()

    async def _begin(self, request: web.Request, serial: str | None) -> Live | None:
        """None where there is no database."""
        try:
            desk = await self._loop.run_in_executor(self._worker, self._at_desk)
        except Refusal:
            return None
        live = Live(Session(desk, Caller(serial, request.remote or "")), secrets.token_hex(16))
        self._by_connection[request.transport] = self._by_cookie[live.cookie] = live
        return live

    def _at_desk(self) -> Desk:
        self._desk = self._desk or self._make()
        return self._desk

    def _busy(self) -> web.Response:
        from aiohttp import web

        return web.Response(status=503, headers={"Retry-After": str(BUSY)})

    def _over(self, live: Live) -> None:
        self._by_cookie.pop(live.cookie, None)
        for connection in [one for one, other in self._by_connection.items() if other is live]:
            del self._by_connection[connection]

    def _sweep(self) -> None:
        """End what has been silent for too long, and where a device began another session, the older one."""
        newest: dict[str, Live] = {}
        for live in list(self._by_cookie.values()):
            before = newest.get(live.session.serial) if live.session.serial else None
            older = before if before and before.heard <= live.heard else live if before else None
            gone = [older] if older else []
            if monotonic() - live.heard > SILENT:
                gone.append(live)
            for one in gone:
                if not one.turn.locked():
                    self._over(one)
                    with suppress(RuntimeError):
                        self._worker.submit(one.session.close)
            newest[live.session.serial] = live if older is not live else before or live
