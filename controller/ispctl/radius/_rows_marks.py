"""How secrets in rows are looked at: by whoever may read them, or by the marks that the database itself reckons.

A mark is equal for equal secrets and tells nothing without the key of the database. A role of ispstat reads neither
secrets nor the key; for it there are views that give marks instead (see store/roles.py).
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any, Protocol

from ispctl.radius import _rows_text as text
from ispctl.store import Store


class Sight(Protocol):
    """`columns` stand in what `table` names for each of FreeRADIUS's tables. `rest` is what a row has after attribute
    and op."""

    columns: str

    def table(self, name: str) -> str: ...
    def value(self, attribute: str, rest: Sequence[Any]) -> str:
        """What is told of a value. Somebody may have put a password into a row that is not ours to know: then only its
        mark is."""

    def login_mark(self, login: str, rest: Sequence[Any], /) -> str:
        """The mark of the password of a login."""

    def nas_mark(self, address: str, secret: str, /) -> str: ...


def sight(store: Store) -> Sight:
    return Sighted(store.row_key) if store.sees_secrets else Blind()


class Sighted:
    """Reads the rows themselves, and reckons marks by the key."""

    columns = "attribute, op, value"

    def __init__(self, key: bytes) -> None:
        self._key = key

    def table(self, name: str) -> str:
        return name

    def value(self, attribute: str, rest: Sequence[Any]) -> str:
        value = str(rest[0])
        return text.clear(value) if text.shown(attribute) else _hidden(self.mark("row", attribute, value))

    def login_mark(self, login: str, rest: Sequence[Any]) -> str:
        return self.mark("login", login, str(rest[0]))

    def nas_mark(self, address: str, secret: str) -> str:
        return self.mark("nas", address, secret)

    def mark(self, *parts: str) -> str:
        """What a secret leaves behind: equal for equal parts, useless without the key."""
        return hmac.digest(self._key, "\0".join(parts).encode("utf-8", "backslashreplace"), "sha256").hex()


class Blind:
    """Reads what a role of ispstat may see."""

    columns = "attribute, op, value, row_mark, login_mark"

    def table(self, name: str) -> str:
        return f"ispctl_seen_{name}"

    def value(self, attribute: str, rest: Sequence[Any]) -> str:
        value, mark, _ = rest
        return text.clear(str(value)) if value is not None and text.shown(attribute) else _hidden(str(mark))

    def login_mark(self, _login: str, rest: Sequence[Any]) -> str:
        return str(rest[2])

    def nas_mark(self, _address: str, secret: str) -> str:
        return secret


def _hidden(mark: str) -> str:
    return f"hidden:{mark[:16]}"
