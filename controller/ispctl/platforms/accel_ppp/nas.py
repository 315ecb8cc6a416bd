"""accel-ppp on a Linux machine: a part of its file, and the walled garden in nftables, over SSH."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ispctl.backend import Unreachable
from ispctl.plan import Change, Key, Resources
from ispctl.platforms.accel_ppp import conf
from ispctl.platforms.device import SECRET, Login, NasPlatform, Seen, Session, Slice
from ispctl.platforms.linux.text import parse as parse_linux
from ispctl.structs import replace

FILE: Final = "/etc/accel-ppp.conf"
UNIT: Final = "accel-ppp"
_PLAIN: Final = re.compile(r"[A-Za-z0-9@_.:/][A-Za-z0-9@_.:/+-]{0,127}")
_PATH: Final = re.compile(r"/[A-Za-z0-9._/-]+")
_UNIT: Final = re.compile(r"[A-Za-z0-9@_.][A-Za-z0-9@_.-]*")
_POOLS: Final = frozenset({"pool", "pool6", "delegated"})


class AccelPppNas(NasPlatform):
    """One file of accel-ppp, all or nothing, with the timer and the table of a plain Linux router. What of the file is
    read when accel-ppp starts and not at `reload` takes a restart, which ends all sessions: seen in its source (1.13)
    and not on a router."""

    name = "accel-ppp"
    templates = ("accel-ppp.conf.j2", "isp.nft.j2")
    borrowed = {"isp.nft.j2": "linux"}  # noqa: RUF012  the face says so

    def taken(self, want: Slice) -> Slice:
        """Without bindings (validation says so): whoever it serves comes with RADIUS."""
        return replace(want, bindings=())

    def quote(self, value: object) -> str:
        """Names, addresses and numbers mean the same in accel-ppp.conf and in nftables; the rest is refused."""
        text = str(value)
        if not _PLAIN.fullmatch(text):
            raise ValueError(f"{text[:40]!r} holds a sign that has a meaning in accel-ppp.conf or nftables")
        return text

    def parse(self, text: str) -> Resources:
        return parse_linux(text) if text.lstrip().startswith("table") else conf.parse(text)

    @contextmanager
    def open(self, login: Login) -> Iterator[Session]:
        from ispctl.platforms.linux.router import Router
        from ispctl.platforms.linux.ssh import Ssh

        beside = _Daemon(_option(login, "file", FILE, _PATH), _option(login, "unit", UNIT, _UNIT))
        with Ssh(login) as ssh:
            router = Router(ssh, login, beside)
            try:
                yield router
            finally:
                router.close()

    def called(self, key: Key) -> str:
        return f"pool {key[1]}" if key[0] == "delegated" else super().called(key)

    def disrupts(self, change: Change) -> bool:
        return _restarts(change) or (change.key[0] == "port" and change.before is not None)


class _Daemon:
    """A `linux.router.Beside`."""

    kinds = conf.KINDS

    def __init__(self, file: str, unit: str) -> None:
        self._path = file
        self.script = f"file={file} unit={unit}\n{Path(__file__).with_name('beside.sh').read_text('utf-8')}"

    def seen(self, said: Mapping[str, str]) -> Seen:
        return conf.seen(self._text(said))

    def files(
        self, said: Mapping[str, str], changes: Sequence[Change], secrets: Mapping[Key, str]
    ) -> Mapping[str, str | bytes]:
        before, now = self._text(said), self.seen(said)
        if not before:
            raise ValueError(f"there is no {self._path}: accel-ppp has to run before it is configured")
        gone = {change.key for change in changes}
        then = {key: fields for key, fields in now.resources.items() if key not in gone and key[0] != "stray"}
        then |= {change.key: change.after for change in changes if change.after is not None}
        fresh = frozenset(change.key for change in changes if change.before is None)
        after = conf.rewritten(before, then, {**now.secrets, **secrets}, fresh)
        return {
            "accel-ppp.conf": _octets(after),
            "accel-ppp.todo": _todo(changes),
            "back/accel-ppp.conf": _octets(before),
            "back/accel-ppp.todo": _todo([replace(one, before=one.after, after=one.before) for one in changes]),
        }

    def sessions(self, said: Mapping[str, str]) -> int | None:
        found = re.search(r"^sessions:\n(?:  \w+: \d+\n)*?  active: (\d+)", said.get("stat", ""), re.MULTILINE)
        return int(found[1]) if found else None

    def version(self, said: Mapping[str, str]) -> str:
        version = said.get("version", "").strip()
        return f"accel-ppp {version}" if version else "accel-ppp, which does not answer"

    @staticmethod
    def _text(said: Mapping[str, str]) -> str:
        return b64decode(said.get("file", "")).decode("utf-8", "surrogateescape")


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _restarts(change: Change) -> bool:
    """What `reload` does not read. A server keeps its secret unless its address or its ports are others (serv.c); CoA
    is listened for from the start or never (dm_coa.c); pools are filled once (ippool.c, ipv6pool.c)."""
    kind, name = change.key
    if kind in _POOLS or (kind == "setting" and name.startswith(("ip-pool ", "ipv6-pool "))):
        return True
    before, after = change.before or {}, change.after or {}
    if kind == "dae-server":
        return before.get("port") != after.get("port")
    both = change.before is not None and change.after is not None
    return kind == "server" and both and before.get(SECRET) != after.get(SECRET)


def _todo(changes: Sequence[Change]) -> str:
    """What accel-ppp is told when the file is in place: words for `tell` of beside.sh."""
    if any(map(_restarts, changes)):
        return "restart\n"
    ports = [(one, one.key[1].removeprefix("pppoe ")) for one in changes if one.key[1].startswith("pppoe ")]
    ports = [(one, name) for one, name in ports if one.key[0] == "port"]
    gone = [f"del {name}\n" for one, name in ports if one.before is not None]
    new = [f"add {name}{_options(one)}\n" for one, name in ports if one.after is not None]
    return "".join([*gone, "reload\n", *new])


def _options(change: Change) -> str:
    options = str((change.after or {}).get("options", ""))
    return f",{options}" if options else ""


def _option(login: Login, name: str, usual: str, pattern: re.Pattern[str]) -> str:
    text = str(login.options.get(name, usual))
    if not pattern.fullmatch(text) or ".." in text:
        raise Unreachable(f"nas:{login.host}", f"its option {name} is no plain name of it")
    return text


NAS = AccelPppNas()
