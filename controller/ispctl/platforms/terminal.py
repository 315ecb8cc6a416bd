"""A command line over SSH, by netmiko: only to who has the host key that stands in git."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from ispctl.backend import Unreachable
from ispctl.platforms.device import Denied, Login, hush

if TYPE_CHECKING:
    from netmiko import BaseConnection

_TAIL: Final = 400
"""Octets of an answer in which its end is looked for."""
_PACKET: Final = 65_536
_UNITS: Final = {"year": 31_536_000, "week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60}
_LONGEST: Final = 200
"""Characters of an error that are told."""


class Terminal:
    """One command line. `prompt`: what it last ended an answer with, which tells its mode."""

    def __init__(self, host: str, connection: BaseConnection, prompt: str, patience: float) -> None:
        self._host, self._connection, self._end, self._patience = host, connection, prompt, patience
        self._channel: Any = connection.remote_conn
        self.prompt = ""

    def ask(self, line: str, *, until: str = "", patience: float = 0) -> str:
        """What it answers, without the line and the prompt. `until`: another end, a question. Raises Unreachable."""
        end = re.compile(f"(?:{until}|{self._end})" if until else self._end)
        with told(self._host):
            self._channel.settimeout(self._patience)
            self._connection.write_channel(f"{line}\n")
            said = self._read(end, patience or self._patience)
        _, *lines, self.prompt = said.replace("\r", "").split("\n")
        return "\n".join([*lines, self.prompt] if until and re.search(until, self.prompt) else lines)

    def _read(self, end: re.Pattern[str], patience: float) -> str:
        """netmiko's own reading sleeps between two looks, loses a letter whose octets come in two packets, and does not
        see that the other side is gone."""
        octets, deadline = b"", monotonic() + patience
        while not end.search(self._text(octets[-_TAIL:])):
            self._channel.settimeout(max(deadline - monotonic(), 0.001))
            try:
                more = self._channel.recv(_PACKET)
            except TimeoutError:
                raise TimeoutError(f"no answer for {patience:.0f} s") from None
            if not more:
                raise EOFError("the connection broke")
            octets += more
        return self._text(octets)

    def _text(self, octets: bytes) -> str:
        text = octets.decode(self._connection.encoding, "ignore")
        return self._connection.strip_ansi_escape_codes(text) if self._connection.ansi_escape_codes else text


@contextmanager
def connected(
    login: Login, kind: str, prompt: str, port: int, make: Callable[..., BaseConnection] | None = None
) -> Iterator[Terminal]:
    """A command line that is ready. `kind`: netmiko's name of the device; `prompt`: matches what ends an answer, with
    `{name}` for what the device calls itself; `make`: instead of netmiko's own connection. Raises Unreachable."""
    if not login.host_key.startswith(("ssh-", "ecdsa-")):
        raise Denied(f"nas:{login.host}", "its SSH host key is not in git: nothing is sent to it")
    from netmiko import ConnectHandler

    hush("netmiko", "paramiko")
    place = login.address if (login.port or port) == 22 else f"[{login.address}]:{login.port or port}"
    with TemporaryDirectory(prefix="ispctl-") as folder:
        known = Path(folder) / "known_hosts"
        known.write_text(f"{place} {login.host_key}\n", "ascii")
        with told(login.host):
            connection = (make or ConnectHandler)(
                device_type=kind,
                host=login.address,
                port=login.port or port,
                username=login.username,
                password=login.password or None,
                pkey=_private(login) if login.private_key else None,
                secret=str(login.options.get("secret", "")),
                ssh_strict=True,
                alt_host_keys=True,
                alt_key_file=str(known),
                allow_agent=False,
                conn_timeout=login.timeout,
                auth_timeout=login.timeout,
                banner_timeout=login.timeout,
                blocking_timeout=login.timeout,
                read_timeout_override=None,
            )
    try:
        with told(login.host):
            if login.options.get("secret"):
                connection.enable()
            connection.clear_buffer()
        name = re.escape(connection.base_prompt)
        yield Terminal(login.host, connection, prompt.replace("{name}", name), login.timeout)
    finally:
        connection.paramiko_cleanup()


@contextmanager
def told(host: str) -> Iterator[None]:
    """Whatever the library raises where there is no answer to trust."""
    from netmiko.exceptions import NetmikoAuthenticationException, NetmikoBaseException
    from paramiko import SSHException
    from paramiko.hostkeys import InvalidHostKey

    try:
        yield
    except InvalidHostKey:
        raise Denied(f"nas:{host}", "the host key in git is none") from None
    except NetmikoAuthenticationException:
        raise Denied(f"nas:{host}", "the login was refused") from None
    except (SSHException, NetmikoBaseException, OSError, EOFError, ValueError, AttributeError) as error:
        if re.search("host key|not found in known_hosts|Unknown server", str(error), re.IGNORECASE):
            raise Denied(f"nas:{host}", "it has another host key than the one in git") from None
        raise Unreachable(f"nas:{host}", _sentence(str(error) or type(error).__name__)) from None


def refusal(pattern: re.Pattern[str], text: str) -> str:
    """The line of an answer in which a device says no, as `pattern` knows it; empty where it does not."""
    return next((line.strip() for line in text.splitlines() if pattern.match(line)), "")


def seconds(text: str) -> float:
    """How long "3 weeks, 2 days, 1 hour" is."""
    found = re.findall(r"(\d+) (year|week|day|hour|minute)", text)
    return float(sum(int(number) * _UNITS[unit] for number, unit in found))


def _sentence(text: str) -> str:
    """The line of a library's advice that says what happened."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("A paramiko SSHException", "Common causes"))]
    return (told or lines or ["no answer"])[0][:_LONGEST]


def _private(login: Login) -> Any:
    """The key as paramiko has it, whose own reader stumbles over half of all ECDSA keys."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as form
    from paramiko import ECDSAKey, Ed25519Key, RSAKey, SSHException

    text, load = login.private_key, form.load_pem_private_key
    if "BEGIN OPENSSH" in text:
        load = form.load_ssh_private_key
    with suppress(SSHException, ValueError):
        return Ed25519Key.from_private_key(StringIO(text))
    with suppress(SSHException, ValueError, TypeError, UnsupportedAlgorithm):
        key = load(text.encode(), None)
        plain = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption())
        kind = RSAKey if b"BEGIN RSA" in plain else ECDSAKey
        return kind.from_private_key(StringIO(plain.decode()))
    raise Denied(f"nas:{login.host}", "its private key cannot be read: Ed25519, ECDSA or RSA without a passphrase")
