"""Many NASes that say yes to everything, or nothing at all, as fast as they can: for counting and for measuring.

They believe what they are told without looking: who looks is `dae`.
"""

from __future__ import annotations

import hashlib
import selectors
import socket
import threading
from typing import Any, Self

from ispctl.radius.session import Door
from tests.radius.dae import SECRET


class Responder:
    """So many NASes, a port each. `deaf`: they hear and do not answer."""

    def __init__(self, count: int, *, deaf: bool = False) -> None:
        self.heard = 0
        self._deaf = deaf
        self._count = count

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._sockets = [_bound() for _ in range(self._count)]
        self._selector = selectors.DefaultSelector()
        for link in self._sockets:
            self._selector.register(link, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, name="responder")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._selector.close()
        for link in self._sockets:
            link.close()

    def door(self, number: int, **other: Any) -> Door:
        port = self._sockets[number].getsockname()[1]
        said = {"nas": f"nas-{number}", "address": "127.0.0.1", "port": port, "secret": SECRET, "per_second": 10_000}
        return Door(**{**said, **other})

    def _serve(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(0.05):
                self._drain(key.fileobj)

    def _drain(self, link: Any) -> None:
        while True:
            try:
                data, source = link.recvfrom(4096)
            except BlockingIOError:
                return
            self.heard += 1
            if not self._deaf:
                link.sendto(_ack(data), source)


def _bound() -> socket.socket:
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    link.bind(("127.0.0.1", 0))
    link.setblocking(False)
    return link


def _ack(request: bytes) -> bytes:
    """RFC 5176, section 2.3: the code after the request's, its identifier, and an authenticator over both."""
    head = bytes([request[0] + 1, request[1], 0, 20])
    return head + hashlib.md5(head + request[4:20] + SECRET.encode()).digest()  # noqa: S324  (RFC 2865)
