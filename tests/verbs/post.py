"""A mail server on loopback, to which the ISP of these tests sends."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

if TYPE_CHECKING:
    from tests.verbs.conftest import Isp

SENDER = "accounts@example.net"


@dataclass
class Post:
    """A mail server. `answers`: what it says to each recipient, and to each letter, instead of taking it."""

    got: list[Envelope] = field(default_factory=list)
    to: str = ""
    of: str = ""
    """Only to recipients whose address contains that."""
    letter: str = ""
    dies: int = 0
    """A process that is killed when the letter is there, before the answer."""
    port: int = 0

    async def handle_RCPT(self, _s: Any, _c: Any, envelope: Envelope, address: str, _o: Any) -> str:  # noqa: N802
        if self.to and self.of in address:
            return self.to.format(address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.letter == "silence":
            server.transport.close()
            return "250 OK"
        if self.letter:
            return self.letter
        self.got.append(envelope)
        if self.dies:
            os.kill(self.dies, signal.SIGKILL)
        return "250 OK"

    @property
    def letters(self) -> list[EmailMessage]:
        return [message_from_bytes(one.original_content or b"", policy=default) for one in self.got]


def free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def post(isp: Isp, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    """At work; the ISP has an account there, and a database."""
    monkeypatch.setattr(logging.getLogger("mail.log"), "disabled", True)  # it logs who gets what
    post = Post(port=free())
    controller = Controller(post, hostname="127.0.0.1", port=post.port)
    controller.start()
    monkeypatch.setenv("ISPCTL_MAIL__URL", f"smtp://127.0.0.1:{post.port}")
    monkeypatch.setenv("ISPCTL_MAIL__SENDER", SENDER)
    (isp.clone / "var").mkdir()
    assert isp("radius", "init").code == 0
    try:
        yield post
    finally:
        controller.stop()
