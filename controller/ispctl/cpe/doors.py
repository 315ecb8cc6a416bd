"""Who may speak to the ACS: HTTP Digest (RFC 7616, with MD5, which is what devices know), and Basic under TLS.

A device's own login is its serial number, with a password that is reckoned from it and a secret of the ISP: nothing is
stored, and each device has another. The login of the factory is shared by all; it lets a device in that was reset.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

REALM: Final = "ispctl"
_LASTS: Final = 300.0
"""Seconds for which a nonce is good."""
_MOST: Final = 20_000
_FIELD: Final = re.compile(r"""(\w+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))""")
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"


def password_of(secret: str, serial: str) -> str:
    """The password with which a device is to call: 24 letters and digits, some 118 bits."""
    octets = hmac.digest(secret.encode(), b"cpe\0" + serial.encode(), "sha256")
    number, found = int.from_bytes(octets, "big"), ""
    for _ in range(24):
        number, rest = divmod(number, len(_ALPHABET))
        found += _ALPHABET[rest]
    return found


@dataclass
class Doors:
    """`secret`: of which devices' passwords are reckoned; `factory`: login and password of the factory, if there is
    one; `basic`: whether Basic is taken, which wants TLS."""

    secret: str = field(repr=False)
    factory: tuple[str, str] | None = field(default=None, repr=False)
    basic: bool = False
    _nonces: OrderedDict[str, tuple[float, int]] = field(default_factory=OrderedDict, repr=False)

    def challenges(self) -> list[str]:
        """The values of WWW-Authenticate."""
        nonce = secrets.token_hex(16)
        self._nonces[nonce] = (monotonic() + _LASTS, 0)
        while len(self._nonces) > _MOST:
            self._nonces.popitem(last=False)
        digest = f'Digest realm="{REALM}", qop="auth", algorithm=MD5, nonce="{nonce}"'
        return [digest, *([f'Basic realm="{REALM}"'] if self.basic else [])]

    def who(self, header: str, method: str) -> tuple[bool, str | None]:
        """(whether somebody may come in, the serial number of a device's own login; None: that of the factory)."""
        try:
            header.encode()
        except UnicodeEncodeError:  # octets that are no text
            return False, None
        scheme, _, rest = header.partition(" ")
        match scheme.lower():
            case "digest":
                name, fits = self._digest({name: a or b for name, a, b in _FIELD.findall(rest[:4000])}, method)
            case "basic" if self.basic:
                name, fits = self._basic(rest)
            case _:
                return False, None
        return fits, None if self.factory and name == self.factory[0] else name

    def _known(self, name: str) -> str:
        return self.factory[1] if self.factory and name == self.factory[0] else password_of(self.secret, name)

    def _basic(self, rest: str) -> tuple[str, bool]:
        try:
            name, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return "", False
        return name, bool(name) and _same(password, self._known(name))

    def _digest(self, said: Mapping[str, str], method: str) -> tuple[str, bool]:
        name, nonce, uri = said.get("username", ""), said.get("nonce", ""), said.get("uri", "")
        counts, number = bool(said.get("qop")), said.get("nc", "")
        if not name or said.get("algorithm", "MD5").upper() != "MD5" or not self._fresh(nonce, number):
            return name, False
        if counts and not number:
            return name, False
        secret = _md5(f"{name}:{said.get('realm', '')}:{self._known(name)}")
        parts = [secret, nonce]
        if counts:
            parts += [number, said.get("cnonce", ""), said["qop"]]
        answer = _md5(":".join([*parts, _md5(f"{method}:{uri}")]))
        fits = said.get("realm") == REALM and _same(said.get("response", ""), answer)
        if fits and counts:
            self._nonces[nonce] = (self._nonces[nonce][0], int(number, 16))
        return name, fits

    def _fresh(self, nonce: str, count: str) -> bool:
        """A nonce of ours that is not too old, and was not used so before."""
        if nonce not in self._nonces:
            return False
        until, last = self._nonces[nonce]
        number = int(count, 16) if re.fullmatch("[0-9a-fA-F]{1,8}", count) else 0
        return monotonic() < until and (number > last or not count)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
