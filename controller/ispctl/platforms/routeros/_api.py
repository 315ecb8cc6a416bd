"""The binary API of RouterOS, by librouteros: words as they are sent, and no word in a log."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any, Final

from ispctl.backend import Unreachable
from ispctl.digests import sha256
from ispctl.platforms.device import Denied, Login

_TLS: Final = 8729
_PLAIN: Final = 8728
Row = Mapping[str, str]


class Refused(Exception):
    """The words of the device where it does not do what it is told."""


class Api:
    """One connection. Raises Unreachable where there is no answer, Refused with the words of the device."""

    def __init__(self, host: str, protocol: Any) -> None:
        self._host = host
        self._protocol = protocol

    def rows(self, command: str, *words: str) -> list[Row]:
        return self._asked(command, *words)[0]

    def count(self, command: str, *words: str) -> int:
        return int(self._asked(command, "=count-only=", *words)[1]["ret"])

    def add(self, menu: str, fields: Row) -> str:
        """The id of the new row."""
        return self._asked(f"{menu}/add", *map(_word, fields.items()))[1].get("ret", "")

    def set(self, menu: str, fields: Row) -> None:
        self._asked(f"{menu}/set", *map(_word, fields.items()))

    def remove(self, menu: str, row: str) -> None:
        self._asked(f"{menu}/remove", f"=.id={row}")

    def move(self, menu: str, row: str, before: str) -> None:
        self._asked(f"{menu}/move", f"=numbers={row}", f"=destination={before}")

    def log_in(self, username: str, password: str) -> None:
        try:
            self._asked("/login", f"=name={username}", f"=password={password}")
        except Refused as refused:
            raise Denied(f"nas:{self._host}", f"the login is refused: {refused}") from None

    def _asked(self, *words: str) -> tuple[list[Row], Row]:
        """The rows of an answer, and what its last sentence holds."""
        from librouteros.exceptions import LibRouterosError

        found: list[Row] = []
        traps: list[str] = []
        try:
            self._protocol.writeSentence(*words)
            while True:
                reply, said = self._protocol.readSentence()
                row = dict(_pair(word) for word in said)
                if reply == "!trap":
                    traps.append(row.get("message", "").strip())
                elif reply == "!re":
                    found.append(row)
                elif reply == "!done":
                    break
        except (OSError, LibRouterosError) as error:
            self._protocol.close()
            text = str(error) or type(error).__name__
            raise Unreachable(f"nas:{self._host}", f"the connection broke: {text}") from None
        if traps:
            raise Refused("; ".join(traps))
        return found, row


def _word(field: tuple[str, str]) -> str:
    return f"={field[0]}={field[1]}"


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word.removeprefix("=").partition("=")
    return name, value


@contextmanager
def connected(login: Login) -> Iterator[Api]:
    """Connect by TLS with the pinned certificate, and log in. Without TLS only on loopback, and only where the options
    of the login say `api: plain`. Raises Unreachable."""
    from librouteros.connections import SocketTransport
    from librouteros.protocol import ApiProtocol, encode_sentence

    class Quiet(ApiProtocol):  # type: ignore[misc]  # the library has no types for mypy
        """What librouteros logs would hold passwords."""

        def writeSentence(self, cmd: str, *words: str) -> None:  # noqa: N802  the library's name
            self.transport.write(encode_sentence(cmd, *words, encoding=self.encoding))

        def readSentence(self) -> tuple[str, tuple[str, ...]]:  # noqa: N802  the library's name
            reply, *words = iter(self.readWord, "")
            if reply == "!fatal":
                raise OSError(" ".join(words))
            return reply, tuple(words)

    with _socket(login) as connection:
        api = Api(login.host, Quiet(SocketTransport(connection), "utf-8"))
        api.log_in(login.username, login.password)
        yield api


def _socket(login: Login) -> Any:
    import socket

    plain = login.options.get("api") == "plain"
    where = f"nas:{login.host}"
    if plain and not _is_loopback(login.address):
        raise Denied(where, "api: plain is for an address of loopback alone; use api-ssl with a certificate")
    if not plain and not login.host_key.startswith("sha256:"):
        raise Denied(where, "no certificate to know it by: give its SHA-256 as host_key sha256:…")
    port = login.port or (_PLAIN if plain else _TLS)
    try:
        found = socket.create_connection((login.address, port), timeout=login.timeout)
    except OSError as error:
        raise Unreachable(where, f"no connection to port {port}: {error.strerror or error}") from None
    return found if plain else _secured(found, login)


def _secured(connection: Any, login: Login) -> Any:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the certificate itself is known, whoever signed it
    context.verify_mode = ssl.CERT_NONE
    try:
        secured = context.wrap_socket(connection)
    except OSError as error:
        connection.close()
        why = "it did not answer" if isinstance(error, TimeoutError) else f"{error}; api-ssl needs a certificate"
        raise Unreachable(f"nas:{login.host}", f"no TLS: {why}") from None
    shown = "sha256:" + sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
    if not hmac.compare_digest(shown, login.host_key.replace(":", "").lower().replace("sha256", "sha256:", 1)):
        secured.close()
        raise Denied(f"nas:{login.host}", f"it shows another certificate than host_key says: {shown}")
    return secured


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
