"""A plain Linux router: nftables, tc and Kea over SSH. See docs/nas.md for what has to stand there before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ispctl.plan import Resources
from ispctl.platforms.device import Login, NasPlatform, Session
from ispctl.platforms.linux.text import parse

_PLAIN: Final = re.compile(r"[A-Za-z0-9@_.:/][A-Za-z0-9@_.,:/+-]{0,127}")


class LinuxNas(NasPlatform):
    """All of an apply is done, or the router goes back; it does so by itself if nobody confirms."""

    name = "linux"
    templates = ("isp.nft.j2", "subscribers.j2", "kea.json.j2")

    def quote(self, value: object) -> str:
        """Names, addresses and numbers mean the same in nftables, JSON and lines: whatever else is refused."""
        text = str(value)
        if not _PLAIN.fullmatch(text):
            raise ValueError(f"{text[:40]!r} holds a sign that has a meaning in nftables, tc or JSON")
        return text

    def parse(self, text: str) -> Resources:
        return parse(text)

    @contextmanager
    def open(self, login: Login) -> Iterator[Session]:
        from ispctl.platforms.linux.router import Router
        from ispctl.platforms.linux.ssh import Ssh

        with Ssh(login) as ssh:
            router = Router(ssh, login)
            try:
                yield router
            finally:
                router.close()


NAS = LinuxNas()
