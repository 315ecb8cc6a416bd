"""Sealing and opening: `Sealed`, `Keyring`, and the check that needs no key.

Errors are raised outside `except`, since a decoding error keeps the octets it failed on and would ride along as
`__context__`.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, Self

from ispctl import structs
from ispctl.digests import sha256
from ispctl.model.problem import Problem, Refusal, Where
from ispctl.secrets._age import HEADER, KEYRING, RECIPIENTS, identity_from, open_file, seal_file, why_closed
from ispctl.structs import Struct

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

Kind = Literal["service", "nas", "nas-group", "nas-defaults"]

_NONCE: Final = 12
_TAG: Final = 16
_KEY_ID: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}"
_OWNERS: Final[Mapping[Kind, str]] = {
    "service": r"[^/\s]+/[^/\s]+",
    "nas": r"[^/\s]+",
    "nas-group": r"[^/\s]+",
    "nas-defaults": "all",
}
_LONGEST_SEALED: Final = 8192  # characters; an age file for twenty recipients has about 3,000
_LONGEST_CLEAR: Final = 128  # octets; RFC 2865 section 5.2: User-Password hides no more
_LONGEST_KEY: Final = 16_384
PRIVATE_KEY: Final = "device.private_key"
_READABLE: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is mistaken for another on the telephone


class Sealed(Struct):
    """A sealed value and the place it was written for.

    kind: "service" or "nas". owner: "sub-000123/main" or "lalitpur-1". field: "password" or "radius.secret".
    """

    kind: Kind
    owner: str
    field: str
    text: str = structs.field(repr=False)

    @property
    def aad(self) -> str:
        """The place as the cipher is bound to it: `service/sub-000123/main/password`. Safe to show."""
        return f"{self.kind}/{self.owner}/{self.field}"

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of the sealed text: what stands in a plan instead of the value."""
        return "sha256:" + sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


def check(text: str) -> str | None:
    """What is wrong with a sealed value as far as that shows without a key; None if nothing. Never repeats it."""
    found = finding(text)
    return found.text if found else None


def finding(text: str, where: Where | None = None) -> Problem | None:
    """As `check`, as a Problem: E205 for clear text, E206 for a value that is sealed and damaged."""
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in ("enc", "age"):
        said = "clear text stands where a sealed value is expected" if text else "the sealed value is empty"
        advice = "Change it now if it was real, and seal it: ispctl secrets encrypt"
        return Problem("E205", said, where, advice)
    wrong = _damage(scheme, rest)
    return Problem("E206", wrong, where, "Seal the value again: ispctl secrets encrypt") if wrong else None


def _damage(scheme: str, rest: str) -> str | None:
    if len(rest) > _LONGEST_SEALED:
        return f"the sealed value is longer than {_LONGEST_SEALED} characters"
    if scheme == "age":
        file = _decoded(rest)
        if file is None:
            return "what follows `age:` is not base64"
        return None if file.startswith(HEADER) else "what follows `age:` is not a binary age file in base64"
    return _enc_damage(rest)


def _enc_damage(rest: str) -> str | None:
    key, colon, body = rest.partition(":")
    if not colon or not re.fullmatch(_KEY_ID, key):
        return "a sealed value reads enc:<key>:<base64>, and this one names no key"
    sealed = _decoded(body)
    if sealed is None:
        return "what follows `enc:<key>:` is not base64"
    if len(sealed) == _NONCE + _TAG:
        return "what was sealed is empty"
    return "the sealed value is too short: a part of it is missing" if len(sealed) < _NONCE + _TAG else None


def _decoded(text: str) -> bytes | None:
    """Strict base64: no blanks, padded, and in the one spelling that encoding would give."""
    try:
        raw = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    return raw if binascii.b2a_base64(raw, newline=False).decode("ascii") == text else None


class Keyring:
    """The keys that open sealed values: in memory, as long as rows have to be written. Its repr names ids alone."""

    def __init__(self, current: str, keys: Mapping[str, bytes], identity: str = "") -> None:
        self._current = current
        self._keys = dict(keys)
        self._identity = identity

    def __repr__(self) -> str:
        return f"Keyring(current={self._current!r}, keys={sorted(self._keys)!r})"

    def __reduce__(self) -> tuple[type[Self], tuple[str, dict[str, bytes], str]]:
        """For another process that writes rows, through a pipe."""
        return type(self), (self._current, self._keys, self._identity)

    @property
    def current(self) -> str:
        """Id of the key that new values are sealed with."""
        return self._current

    @classmethod
    def create(cls) -> Self:
        """A keyring with one fresh key, k1."""
        return cls("k1", {"k1": os.urandom(32)})

    @classmethod
    def unlock(cls, keyring_age: bytes, identity: str, recipients: Sequence[str] = ()) -> Self:
        """Opens the content of keyring.age. `identity` comes from `identity_from`; `recipients` only serve the message.

        Raises E201 and E203 (no identity), E202 (encrypted for other keys), E204 (damaged file).
        """
        identity = identity_from(identity)
        clear = open_file(keyring_age, identity)
        if clear is None:
            raise Refusal(why_closed(keyring_age, identity, recipients))
        try:
            said = json.loads(clear)
        except ValueError:
            said = None
        keys = _keys_of(said)
        if not isinstance(said, dict) or not keys or said.get("current") not in keys:
            text = "the keyring opens, and what is in it is not a keyring"
            raise Refusal(Problem("E204", text, Where(KEYRING), "Take the file from the last commit where it worked"))
        return cls(said["current"], keys, identity)

    def encrypt_for(self, recipients: Sequence[str]) -> bytes:
        """The content of keyring.age, readable for each of `recipients` ("age1…"). Raises E200."""
        keys = {key: base64.b64encode(raw).decode("ascii") for key, raw in sorted(self._keys.items())}
        return seal_file(json.dumps({"current": self._current, "keys": keys}).encode("ascii"), recipients)

    def seal(self, kind: Kind, owner: str, field: str, clear: str) -> Sealed:
        """Seals `clear` with the current key for one place. Raises E209 if the value could never work, E211."""
        place = _place(kind, owner, field)
        secret = _fit(place, clear)
        nonce = os.urandom(_NONCE)
        body = nonce + self._ciphers[self._current].encrypt(nonce, secret, place.aad.encode("utf-8"))
        text = f"enc:{self._current}:{base64.b64encode(body).decode('ascii')}"
        return Sealed(place.kind, owner, field, text)

    def open(self, sealed: Sealed, where: Where | None = None) -> str:
        """The clear value, for the moment of writing a row. Raises E201, E202, E205 to E209; none shows the value."""
        wrong = finding(sealed.text, where)
        if wrong:
            raise Refusal(Problem(wrong.code, f"{sealed.aad}: {wrong.text}", where, wrong.advice))
        scheme, _, rest = sealed.text.partition(":")
        raw = self._from_age(sealed, rest, where) if scheme == "age" else self._from_enc(sealed, rest, where)
        try:
            clear: str | None = raw.decode("utf-8")
        except UnicodeDecodeError:
            clear = None
        if clear is None:
            raise Refusal(_unfit(sealed, "is not UTF-8 text", where))
        _fit(sealed, clear, where)
        return clear

    def rotated(self) -> Self:
        """A keyring with one more key, which new values are sealed with; the old ones still open."""
        numbers = [int(key[1:]) for key in self._keys if re.fullmatch(r"k[0-9]{1,9}", key)]
        new = f"k{max(numbers, default=0) + 1}"
        return type(self)(new, {**self._keys, new: os.urandom(32)}, self._identity)

    def resealed(self, sealed: Sealed) -> Sealed:
        """The same value under the current key; itself if it is. Folds `age:` into `enc:`. Raises what `open` does."""
        clear = self.open(sealed)
        if sealed.text.startswith(f"enc:{self._current}:"):
            return sealed
        return self.seal(sealed.kind, sealed.owner, sealed.field, clear)

    @cached_property
    def _ciphers(self) -> Mapping[str, AESGCMSIV]:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

        return {key: AESGCMSIV(raw) for key, raw in self._keys.items()}

    @cached_property
    def _misses(self) -> type[Exception]:
        """What a cipher raises for what it has not sealed."""
        from cryptography.exceptions import InvalidTag

        return InvalidTag

    def _from_enc(self, sealed: Sealed, rest: str, where: Where | None) -> bytes:
        key, _, body = rest.partition(":")
        if key not in self._keys:
            known = ", ".join(sorted(self._keys))
            text = f"{sealed.aad} is sealed with key {key}, and the keyring holds {known}"
            raise Refusal(Problem("E207", text, where, f"Bring {KEYRING} and the value from the same commit"))
        raw = binascii.a2b_base64(body)
        try:
            return self._ciphers[key].decrypt(raw[:_NONCE], raw[_NONCE:], sealed.aad.encode("utf-8"))
        except self._misses:
            text = f"{sealed.aad} does not open: sealed for another owner or altered"
        advice = f"A sealed value cannot be copied or moved; seal it here: ispctl secrets encrypt {sealed.aad}"
        raise Refusal(Problem("E208", text, where, advice))

    def _from_age(self, sealed: Sealed, rest: str, where: Where | None) -> bytes:
        if not self._identity:
            raise Refusal(Problem("E201", f"{sealed.aad} was sealed with age and opens with an age key only", where))
        clear = open_file(base64.b64decode(rest), self._identity)
        if clear is None:
            text = f"{sealed.aad} does not open: sealed for other recipients or altered"
            raise Refusal(Problem("E202", text, where, f"Seal it again for {RECIPIENTS}"))
        return clear


def seal_for(recipients: Sequence[str], kind: Kind, owner: str, field: str, clear: str) -> Sealed:
    """A write-only value: needs the recipients alone, opens with an identity. Raises E200, E209, E211."""
    place = _place(kind, owner, field)
    body = seal_file(_fit(place, clear), recipients)
    return Sealed(place.kind, owner, field, f"age:{base64.b64encode(body).decode('ascii')}")


def encrypt(place: str, clear: str, *, keyring: Keyring | None, recipients: Sequence[str] = ()) -> str:
    """The text to paste into YAML for a place such as `service/sub-000123/main/password` or `nas/<host>/radius.secret`.

    Without a keyring the value becomes write-only (`age:`). Raises E200, E209, E211.
    """
    kind, owner, field = parts_of(place)
    if keyring is None:
        return seal_for(recipients, kind, owner, field, clear).text
    return keyring.seal(kind, owner, field, clear).text


def show(place: str, text: str, keyring: Keyring) -> str:
    """The clear text of a sealed value that stands at `place`. Raises what `Keyring.open` does, and E211."""
    kind, owner, field = parts_of(place)
    return keyring.open(Sealed(kind, owner, field, text))


def parts_of(place: str) -> tuple[Kind, str, str]:
    """`service/sub-000123/main/password` -> ("service", "sub-000123/main", "password"). Raises E211."""
    kind, _, rest = place.partition("/")
    owner, _, field = rest.rpartition("/")
    sealed = _place(kind, owner, field)
    return sealed.kind, owner, field


def new_password(groups: int = 4) -> str:
    """A strong password that survives the telephone, `kt7m-w3xr-…`: four characters, near 20 bits, in each group."""
    import secrets as chance

    return "-".join("".join(chance.choice(_READABLE) for _ in range(4)) for _ in range(groups))


def _place(kind: str, owner: str, field: str) -> Sealed:
    """Two places must never share one associated data, so the shape of each part is fixed."""
    known = next((one for one in _OWNERS if one == kind), None)
    if known is None or not re.fullmatch(_OWNERS[known], owner) or not re.fullmatch(r"[a-z0-9_.-]+", field):
        advice = "Write service/<subscriber>/<service key>/password or nas/<host>/radius.secret"
        raise Refusal(Problem("E211", "this names no place of a sealed value", None, advice))
    return Sealed(known, owner, field, "")


def _fit(place: Sealed, clear: str, where: Where | None = None) -> bytes:
    """The octets of a value that a RADIUS server can hold; Refusal E209 for others."""
    try:
        raw = clear.encode("utf-8")
    except UnicodeEncodeError:
        raw = b""
        said: str | None = "is not UTF-8 text"
    else:
        said = _misfit_key(clear, len(raw)) if place.field == PRIVATE_KEY else _misfit(place.kind, clear, len(raw))
    if said:
        raise Refusal(_unfit(place, said, where))
    return raw


def _misfit_key(clear: str, octets: int) -> str | None:
    """An SSH key is lines of text, which no RADIUS server has to hold."""
    if "PRIVATE KEY-----" not in clear.partition("\n")[0]:
        return "is no private key: it begins with -----BEGIN … PRIVATE KEY-----"
    return f"is longer than {_LONGEST_KEY} octets" if octets > _LONGEST_KEY else None


def _misfit(kind: Kind, clear: str, octets: int) -> str | None:
    if not clear:
        return "is empty"
    if clear.endswith(("\n", "\r")):
        return "ends in a line break (printf '%s' writes none)"
    if not clear.isprintable() and any(unicodedata.category(char) == "Cc" for char in clear):
        return "holds a control character"
    if octets > _LONGEST_CLEAR:
        return f"is longer than {_LONGEST_CLEAR} octets"
    if kind == "nas" and "\\" in clear:  # FreeRADIUS 3.2 loses a trailing one in a secret read from SQL
        return "holds a backslash, which the server does not take in a NAS secret"
    return None


def _unfit(place: Sealed, said: str, where: Where | None) -> Problem:
    return Problem("E209", f"the value of {place.aad} {said}", where, "Choose another value and seal that")


def _keys_of(said: object) -> dict[str, bytes]:
    """The keys of {"current": …, "keys": {id: base64 of 32 bytes}}; empty if anything about it is strange."""
    if not isinstance(said, dict) or set(said) != {"current", "keys"} or not isinstance(said["keys"], dict):
        return {}
    keys = {
        key: _decoded(text)
        for key, text in said["keys"].items()
        if isinstance(text, str) and re.fullmatch(_KEY_ID, key)
    }
    whole = {key: raw for key, raw in keys.items() if raw is not None and len(raw) == 32}
    return whole if len(whole) == len(said["keys"]) and isinstance(said["current"], str) else {}
