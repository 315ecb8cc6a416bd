"""MS-CHAPv2 as a NAS passes it on (RFC 2759), with the MD4 (RFC 1320) and DES below it. For tests, not for safety."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence
from typing import Final

_WORD: Final = 0xFFFFFFFF
_MAGIC_1: Final = b"Magic server to client signing constant"
_MAGIC_2: Final = b"Pad to make it do more than one iteration"


def md4(data: bytes) -> bytes:
    """The MD4 hash of `data`, 16 octets. OpenSSL 3 no longer offers it."""
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + struct.pack("<Q", len(data) * 8)
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    for start in range(0, len(padded), 64):
        mixed = _mix(state, struct.unpack("<16I", padded[start : start + 64]))
        state = [(old + new) & _WORD for old, new in zip(state, mixed, strict=True)]
    return struct.pack("<4I", *state)


def _mix(state: list[int], words: tuple[int, ...]) -> list[int]:
    a, b, c, d = state
    for order, shifts, constant, choose in _ROUNDS:
        for step, index in enumerate(order):
            total = (a + choose(b, c, d) + words[index] + constant) & _WORD
            shift = shifts[step % 4]
            a, b, c, d = d, (total << shift | total >> (32 - shift)) & _WORD, b, c
    return [a, b, c, d]


def _either(x: int, y: int, z: int) -> int:
    return (x & y) | (~x & z)


def _majority(x: int, y: int, z: int) -> int:
    return (x & y) | (x & z) | (y & z)


def _parity(x: int, y: int, z: int) -> int:
    return x ^ y ^ z


# Order of the words, shifts, constant and function of the three rounds.
_ROUNDS: Final[tuple[tuple[Sequence[int], tuple[int, ...], int, Callable[[int, int, int], int]], ...]] = (
    (range(16), (3, 7, 11, 19), 0, _either),
    ([4 * (i % 4) + i // 4 for i in range(16)], (3, 5, 9, 13), 0x5A827999, _majority),
    ((0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15), 0x6ED9EBA1, _parity),
)


def des(key: bytes, block: bytes) -> bytes:
    """One DES block with a key of 7 octets; a parity bit is put after every 7 bits."""
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

    bits = int.from_bytes(key, "big")
    spread = bytes((bits >> (49 - 7 * i) & 0x7F) << 1 for i in range(8))
    encryptor = Cipher(TripleDES(spread * 3), modes.ECB()).encryptor()  # noqa: S305 (the RFC's own choice)
    return encryptor.update(block) + encryptor.finalize()


def nt_response(authenticator: bytes, peer: bytes, name: str, password: str) -> bytes:
    """GenerateNTResponse: the 24 octets that prove the password; both challenges are 16 octets."""
    challenge = _challenge(peer, authenticator, name)
    key = md4(password.encode("utf-16-le")) + bytes(5)
    return b"".join(des(key[i : i + 7], challenge) for i in (0, 7, 14))


def success_text(authenticator: bytes, peer: bytes, name: str, password: str) -> str:
    """GenerateAuthenticatorResponse: "S=<40 hex>", by which the server proves that it knows the password too."""
    twice = md4(md4(password.encode("utf-16-le")))
    digest = _sha1(twice, nt_response(authenticator, peer, name, password), _MAGIC_1)
    return f"S={_sha1(digest, _challenge(peer, authenticator, name), _MAGIC_2).hex().upper()}"


def response(identifier: int, authenticator: bytes, peer: bytes, name: str, password: str) -> bytes:
    """The 50 octets of an MS-CHAP2-Response attribute (RFC 2548, 2.3.2)."""
    return bytes([identifier, 0]) + peer + bytes(8) + nt_response(authenticator, peer, name, password)


def _challenge(peer: bytes, authenticator: bytes, name: str) -> bytes:
    return _sha1(peer, authenticator, name.encode())[:8]


def _sha1(*parts: bytes) -> bytes:
    return hashlib.sha1(b"".join(parts)).digest()  # noqa: S324 (the RFC's own choice)
