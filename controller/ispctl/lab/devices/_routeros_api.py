"""The binary API of RouterOS on the side of the router: sentences of words, with lengths before them."""

from __future__ import annotations

import socketserver
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Final

from ispctl.lab.devices._routeros_menus import MENUS
from ispctl.lab.devices._routeros_store import Row, Store, Trap

_VERBS: Final = {"print", "add", "set", "remove", "move", "getall"}


def sentences(stream: BinaryIO) -> Iterator[list[str]]:
    """What a client says, until it goes."""
    found: list[str] = []
    while (length := _length(stream)) is not None:
        if length == 0:
            yield found
            found = []
            continue
        word = stream.read(length)
        if len(word) < length:
            return
        found.append(word.decode("utf-8", "replace"))


def _length(stream: BinaryIO) -> int | None:
    first = stream.read(1)
    if not first:
        return None
    for limit, more, kept in ((0x80, 0, 0x7F), (0xC0, 1, 0x3F), (0xE0, 2, 0x1F), (0xF0, 3, 0x0F)):
        if first[0] < limit:
            return int.from_bytes(bytes([first[0] & kept]) + stream.read(more))
    return None


def sentence(*words: str) -> bytes:
    return b"".join(_prefixed(word.encode()) for word in words) + b"\0"


def _prefixed(word: bytes) -> bytes:
    size = len(word)
    for octets, limit, mark in ((1, 0x80, 0), (2, 0x4000, 0x8000), (3, 0x200000, 0xC00000)):
        if size < limit:
            return (size | mark).to_bytes(octets) + word
    return (size | 0xE0000000).to_bytes(4) + word


class Conversation:
    """What one client asks and is told. `logs_in`: whether a name and a password are right; `turn`: is held while the
    store is asked."""

    def __init__(
        self, store: Store, logs_in: Callable[[str, str], bool], turn: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._store = store
        self._turn = turn
        self._logs_in = logs_in
        self._known = False

    def answers(self, words: list[str]) -> Iterator[bytes]:
        """The sentences of an answer; the last one of a client that did not log in is !fatal."""
        command, said = words[0], dict(_pair(word) for word in words[1:] if word.startswith("="))
        tag = [word for word in words if word.startswith(".tag=")]
        if command != "/login" and not self._known:
            yield sentence("!fatal", "not logged in")
            return
        try:
            with self._turn():
                rows, last = self._login(said) if command == "/login" else self._does(command, said, words)
        except Trap as trap:
            yield sentence("!trap", *tag, f"=message={trap}")
            yield sentence("!done", *tag)
            return
        for row in rows:
            yield sentence("!re", *tag, *(f"={name}={value}" for name, value in row.items()))
        yield sentence("!done", *tag, *(f"={name}={value}" for name, value in last.items()))

    def _login(self, said: Row) -> tuple[list[Row], Row]:
        self._known = self._logs_in(said.get("name", ""), said.get("password", ""))
        if not self._known:
            raise Trap("invalid user name or password (6)")
        return [], {}

    def _does(self, command: str, said: Row, words: list[str]) -> tuple[list[Row], Row]:
        path, _, verb = command.rpartition("/")
        menu = "/" + path.strip("/").replace("/", " ")
        if menu not in MENUS or verb not in _VERBS:
            raise Trap("no such command prefix" if menu not in MENUS else "no such command")
        fields = {name: value for name, value in said.items() if name not in {".id", "numbers", "destination"}}
        ids = (said.get(".id") or said.get("numbers") or "").split(",")
        if verb in {"print", "getall"}:
            return self._print(menu, said, words)
        if verb == "add":
            return [], {"ret": self._store.add(menu, fields)}
        if verb == "set":
            self._store.set(menu, ids, fields)
        elif verb == "remove":
            self._store.remove(menu, ids)
        else:
            self._store.move(menu, ids, said.get("destination", ""))
        return [], {}

    def _print(self, menu: str, said: Row, words: list[str]) -> tuple[list[Row], Row]:
        asked = [word for word in words if word.startswith("?")]
        rows = [row for row in self._store.rows(menu) if _matches(row, asked)]
        if "count-only" in said:
            return [], {"ret": str(len(rows))}
        if ".proplist" in said:
            wanted = said[".proplist"].split(",")
            rows = [{name: row[name] for name in wanted if name in row} for row in rows]
        return rows, {}


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word[1:].partition("=")
    return name, value


def _matches(row: Mapping[str, str], asked: list[str]) -> bool:
    """Words of a query in reverse Polish order, as RouterOS reads them."""
    stack: list[bool] = []
    for word in asked:
        said = word[1:].removeprefix("=")
        if said.startswith("#"):
            for sign in said[1:]:
                if sign == "!":
                    stack.append(not stack.pop())
                else:
                    last, first = stack.pop(), stack.pop()
                    stack.append((first and last) if sign == "&" else (first or last))
        elif said.startswith("-"):
            stack.append(said[1:] not in row)
        else:
            name, equals, value = said.partition("=")
            stack.append(row.get(name) == value if equals else name in row)
    return all(stack)


class Cut(Exception):
    """The connection breaks here."""


class Server(socketserver.ThreadingTCPServer):
    """`wrap` makes TLS of a socket or leaves it; `conversation` makes one for each client, `pause` waits before an
    answer."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, wrap: Callable[[Any], Any], conversation: Callable[[], Conversation], pause: Callable[[], None]):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.wrap, self.conversation, self.pause = wrap, conversation, pause


class _Handler(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        try:
            with self.server.wrap(self.request) as connection, connection.makefile("rb") as stream:
                talk = self.server.conversation()
                for words in sentences(stream):
                    if not words:
                        continue
                    self.server.pause()
                    answer = b"".join(talk.answers(words))  # in one packet: else each waits for an acknowledgement
                    connection.sendall(answer)
                    if b"!fatal" in answer[:8]:
                        return
        except (OSError, Cut):
            return  # the client went, or it is to believe that we did
