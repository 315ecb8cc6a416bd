"""/metrics and /healthz of a running loop: numbers that its own thread has counted, read by whoever asks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Final

from ispctl.loop.loop import Loop
from ispctl.model.problem import Problem, Refusal
from ispctl.status.metrics import Sample, build, samples, text
from ispctl.status.view import View
from ispctl.store import Store

if TYPE_CHECKING:
    from ispctl.loop.hands import Site

OFTEN: Final = 60.0
"""Seconds between two counts of rows and sessions; longer where a count takes more than a twentieth of it."""
SILENT: Final = 300.0
"""A loop whose last turn is so long ago hangs."""


class Board:
    """What is known to the loop's thread, for other threads. `counted` is replaced whole, never changed."""

    def __init__(self, loop: Loop, site: Site) -> None:
        self._loop, self._site = loop, site
        self._counted: tuple[Sample, ...] = ()
        self._next = self._turned = monotonic()

    def turned(self) -> None:
        """A turn is over; now and then rows and sessions are counted, in the thread that may read them."""
        self._turned = began = monotonic()
        if began < self._next or not self._loop.seen.head:
            return
        try:
            self._counted = self._count()
        except Refusal:  # git gives no answer, which says nothing of the database
            self._counted = tuple(build())
        self._turned = monotonic()
        self._next = self._turned + max(OFTEN, 20 * (self._turned - began))

    def _count(self) -> tuple[Sample, ...]:
        """What there is to tell, as `ispstat health` does: without a database, that it is silent."""
        store: Store | None = None
        problems: tuple[Problem, ...] = ()
        with ExitStack() as stack:
            try:
                store = stack.enter_context(self._site.store(readonly=True))
            except Refusal as refusal:
                problems = refusal.problems
            return samples(View(self._site.index, store, self._loop.clock(), problems, head=self._loop.seen.head))

    @property
    def alive(self) -> bool:
        return monotonic() - self._turned < SILENT

    def metrics(self) -> str:
        counted = self._counted or tuple(build())
        return text((*counted, *self._own()))

    def _own(self) -> Iterator[Sample]:
        seen = self._loop.seen
        yield Sample("ispctl_loop_turns_total", seen.turns)
        yield Sample("ispctl_loop_leads", float(self._loop.leads))
        yield Sample("ispctl_loop_apply_duration_seconds", seen.seconds)
        for ending, count in sorted(seen.applies.copy().items()):
            yield Sample("ispctl_loop_applies_total", count, (ending,))


class Server:
    """Serves a board until it is closed. `address` is host and port; port 0 takes a free one. Raises Refusal E632."""

    def __init__(self, board: Board, address: tuple[str, int]) -> None:
        try:
            kind = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            self._http = type("Http", (ThreadingHTTPServer,), {"address_family": kind})(address, _handler(board))
        except OSError as error:
            host, port = address
            text = f"nobody can be served at {host}:{port} ({error.strerror})"
            raise Refusal(Problem("E632", text, advice="Name another address with --metrics HOST:PORT")) from None
        self._http.daemon_threads = True
        self.port = int(self._http.server_address[1])
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _handler(board: Board) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10.0

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._say(200, "text/plain; version=0.0.4; charset=utf-8", board.metrics())
            elif self.path == "/healthz":
                self._say(
                    200 if board.alive else 503, "text/plain", "ok\n" if board.alive else "no turn for too long\n"
                )
            else:
                self._say(404, "text/plain", "/metrics, /healthz\n")

        def _say(self, status: int, kind: str, body: str) -> None:
            data = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Who scrapes is no event."""

    return Handler
