"""What may stand in a row, and how: names, attributes, operators, values. Pure.

FreeRADIUS reads a value column as a small language (measured on 3.2.1): backslashes are C escapes, a value wholly in
quotes loses them, one wholly in back-ticks is expanded. Doubling every backslash and refusing the rest makes each value
literal; `clear` undoes it, so that what is read and what is rendered meet in one form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from ipaddress import ip_address, ip_network
from operator import itemgetter
from typing import Final

from ispctl.plan import Fields, Key, Value
from ispctl.platforms import untagged
from ispctl.radius.dictionary import definitions

Row = tuple[str, str, str]
"""(attribute, operator, value)"""
LONGEST: Final = 253
"""Octets in an attribute (RFC 2865, 5) and characters in FreeRADIUS's columns."""
CHECK: Final = frozenset({"ISP-Profile", "ISP-Rendering", "Pool-Name"})
"""Attributes of the server's own that a group may carry."""
POOLS: Final = frozenset({"ISP-Pool", "ISP-IPv6-Pool", "ISP-Delegated-Pool"})
"""The server's own as well: the pool from which it gives an address or a prefix itself, "-" for none."""
LARGEST: Final = 65536
"""Addresses or prefixes in a range: each is a row."""
_OPERATORS: Final = frozenset({"=", ":=", "+="})
_NOT_WRITTEN: Final = (
    r"(?!Acct-Interim-Interval$)(NAS-|ADSL-|Acct-|MS-|CHAP-|EAP-|Event-)"
    r"|(User-Name|User-Password|Class|State|Proxy-State|Message-Authenticator|Tunnel-Password|Error-Cause)$"
)
_NAME: Final = r"[A-Za-z0-9@.\-_:/+#,;()\[\]|~*!&\x80-\U0010ffff]+"
"""What the server looks up literally; any other character reaches the query as =XX and can never match."""
_GROUP: Final = r"isp:[A-Za-z0-9@._:/+-]+"
_WORD: Final = r"[A-Za-z0-9._-]+"
_POOL_NAME: Final = r"[a-z0-9][A-Za-z0-9._-]*(@[A-Za-z0-9._-]+)?"
_ADDRESS: Final = r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-f:]{2,39}/[0-9]{1,3}"
_DIGEST: Final = r"sha256:[0-9a-f]{64}"
_MAC: Final = r"[0-9a-f]{2}(:[0-9a-f]{2}){5}"
_IDENTITY: Final = rf"mac:{_MAC}|circuit:([0-9a-f]{{2}})+(/([0-9a-f]{{2}})+)?"
_CONTROL: Final = r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]"


@cache
def _fullmatch(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """Compiled when the first row is judged."""
    return re.compile(pattern).fullmatch


class Unfit(Exception):
    """A change that must not be written as it is; says why, never with a secret in it."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def stored(value: str, what: str) -> str:
    """The text of the value column that the server reads as `value`. Raises Unfit (E315) if there is none."""
    if not value:
        raise Unfit("E315", f"{what} is empty")
    if re.search(_CONTROL, value):
        raise Unfit("E315", f"{what} holds a control character")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'`":
        raise Unfit("E315", f"{what} begins and ends with the same quote, which the server would not take literally")
    text = value.replace("\\", "\\\\")
    if len(text.encode()) > LONGEST:
        raise Unfit("E315", f"{what} is longer than {LONGEST} octets")
    return text


def clear(text: str) -> str:
    """Undo `stored`. What `stored` never writes stays as it stands, marked, so that it meets no wanted value."""
    if "\\" not in text:
        return text
    value = text.replace("\\\\", "\\")
    return value if value.replace("\\", "\\\\") == text else f"raw:{text}"


def nas_secret(value: str) -> str:
    """A shared secret as it stands in `nas`: taken literally there, but a backslash breaks it (measured)."""
    if "\\" in value:
        raise Unfit("E315", "the shared secret holds a backslash, which the server cannot read back")
    if not value or re.search(_CONTROL, value):
        raise Unfit("E315", "the shared secret is empty or holds a control character")
    return value


def shown(attribute: str) -> bool:
    """Whether the value of a row with this attribute may be shown to people."""
    known = untagged(attribute) in definitions() or attribute in CHECK or attribute in _SHOWN or attribute in POOLS
    return known and not re.search("Password|Secret|Key|CHAP|Challenge", attribute)


_SHOWN: Final = frozenset({"Auth-Type", "Expiration", "Simultaneous-Use"})


def fit(key: Key, after: Fields | None) -> None:
    """Raises Unfit (E315, E316, E317) unless a key may be made so."""
    kind, name = key
    if kind not in _NAMES:
        raise Unfit("E317", f"the RADIUS database holds nothing of the kind {kind!r}")
    if after is None:
        return
    _NAMES[kind](name)
    fields = _RANGE6 if kind == "range" and ":" in name else _FIELDS[kind]
    if after.keys() != fields.keys():
        odd = ", ".join(sorted(after.keys() ^ fields.keys()))
        raise Unfit("E315", f"the {kind} has fields missing or too many: {odd}")
    few = _FEW_OF(after) if kind == "login" else None
    for field, (what, check) in (_MANY if few in _fitting else fields).items():
        check(after[field], what)
    if few is not None and len(_fitting) < _MOST:
        _fitting.add(few)
    if fields is _RANGE6:
        _cut(name, after["length"])


def frozen(fields: Fields | None) -> dict[str, Value] | None:
    """As `read` has it: tuples for the lists of a plan read from a file, and sorted, since all of ours are bags."""
    if fields is None:
        return None
    return {n: v if v is None or v == () or type(v) in _SIMPLE else _tuple(v) for n, v in fields.items()}


def _tuple(value: object) -> Value:
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(sorted(map(_row, value), key=lambda row: row if isinstance(row, tuple) else (row,)))
    raise Unfit("E315", "a field holds neither text nor a number nor a list")


def _row(value: object) -> str | tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def rows(value: Value) -> tuple[Row, ...]:
    """A field of rows, sorted; anything else raises Unfit."""
    found: list[Row] = []
    for row in value if isinstance(value, tuple) else (None,):
        match row:
            case (str(attribute), str(operator), str(text)):
                found.append((attribute, operator, text))
            case _:
                raise Unfit("E315", "a row is not (attribute, operator, value)")
    return tuple(sorted(found))


def _login_name(name: str) -> None:
    if not _fullmatch(_NAME)(name) or len(name.encode()) > 64:
        raise Unfit("E317", "the login holds a character that the server can never match, or more than 64 octets")


def _group_name(name: str) -> None:
    if not _fullmatch(_GROUP)(name) or len(name) > 64:
        raise Unfit("E317", "the group is not named isp:<name>@<platform>, or its name is longer than 64 characters")


def _nas_name(name: str) -> None:
    try:
        written = str(ip_address(name))
    except ValueError:
        written = ""
    if written != name:
        raise Unfit("E317", "a NAS is named by its address in the usual notation")


def _pop_name(name: str) -> None:
    if not _fullmatch(_NAME)(name):
        raise Unfit("E317", "the name of a set of NAS holds an unusual character")


def _range_name(name: str) -> None:
    try:
        written = str(ip_network(name))
    except ValueError:
        written = ""
    if written != name:
        raise Unfit("E317", "a range is named by its prefix in the usual notation")


def _cut(name: str, length: Value) -> None:
    """A range of IPv6 is cut into prefixes of a length that it has, and not into too many."""
    net = ip_network(name)
    if not isinstance(length, int) or not net.prefixlen <= length <= 64 or 1 << (length - net.prefixlen) > LARGEST:
        raise Unfit("E315", f"the range {name} has no prefixes of /{length}, or more than {LARGEST:,}")


def _realm_name(name: str) -> None:
    if not _fullmatch(_WORD)(name) or name != name.lower():
        raise Unfit("E317", "a realm is named in small letters, digits, '.', '_' and '-'")


def _reply(value: Value, what: str) -> None:
    for attribute, operator, text in rows(value):
        if attribute in POOLS and operator in _OPERATORS and _fullmatch(_WORD)(text):
            continue
        known = definitions().get(untagged(attribute))
        if known is None or re.match(_NOT_WRITTEN, attribute) or known.encrypted:
            raise Unfit("E316", f"{what}: the attribute {attribute!r} is not on the list of what is written")
        if operator not in _OPERATORS:
            raise Unfit("E316", f"{what}: the operator {operator!r} is not one of {' '.join(sorted(_OPERATORS))}")
        stored(text, attribute)
        if wrong := known.misfit(attribute, text):
            raise Unfit("E315", f"{what}: {wrong}; the server would refuse every login")


def _check(value: Value, what: str) -> None:
    for attribute, operator, text in rows(value):
        if attribute not in CHECK or operator != ":=":
            raise Unfit("E316", f"{what}: {attribute} {operator} is not on the list of what is written")
        stored(text, attribute)


def _one_of(*words: str) -> Callable[[Value, str], None]:
    def check(value: Value, what: str) -> None:
        if value not in words:
            raise Unfit("E315", f"{what} is not one of {', '.join(words)}")

    return check


def _like(pattern: str, *, absent: bool = False) -> Callable[[Value, str], None]:
    def check(value: Value, what: str) -> None:
        if not (isinstance(value, str) and _fullmatch(pattern)(value)) and not (absent and value is None):
            raise Unfit("E315", f"{what} has not the form it needs")

    return check


def _number(least: int, *, absent: bool = False) -> Callable[[Value, str], None]:
    def check(value: Value, what: str) -> None:
        right = isinstance(value, int) and least <= value < 2**62
        if not right and not (absent and value is None):
            raise Unfit("E315", f"{what} is no number from {least} up")

    return check


def _all_like(pattern: str) -> Callable[[Value, str], None]:
    def check(value: Value, what: str) -> None:
        if value == ():
            return
        fits = _fullmatch(pattern)
        right = isinstance(value, tuple) and all(isinstance(item, str) and fits(item) for item in value)
        if not right or not isinstance(value, tuple) or len(set(value)) != len(value):
            raise Unfit("E315", f"{what} is no list of different, well-formed values")

    return check


_NAMES: Final[Mapping[str, Callable[[str], None]]] = {
    "login": _login_name,
    "group": _group_name,
    "nas": _nas_name,
    "pop": _pop_name,
    "range": _range_name,
    "realm": _realm_name,
}
_CHECKS: Final[Mapping[str, Mapping[str, Callable[[Value, str], None]]]] = {
    "login": {
        "owner": _like(r"[A-Za-z0-9._/-]+"),
        "password": _like(_DIGEST, absent=True),
        "group": _like(_GROUP),
        "class": _like(r"[0-9a-f]{0,64}"),
        "refuse": _like(r"[a-z-]*"),
        "expires": _number(0, absent=True),
        "on_expiry": _one_of("wall", "reject"),
        "pop": _like(_NAME, absent=True),
        "on_roam": _one_of("allow", "alert", "reject"),
        "mac_mode": _one_of("off", "learn", "fixed"),
        "mac_max": _number(0),
        "on_mismatch": _one_of("reject", "wall", "alert"),
        "sessions": _number(0),
        "macs": _all_like(_MAC),
        "method": _one_of("password", "line"),
        "identities": _all_like(_IDENTITY),
        "reply": _reply,
    },
    "group": {"check": _check, "reply": _reply},
    "nas": {
        "host": _like(_WORD),
        "type": _like(_WORD),
        "secret": _like(_DIGEST),
        "require_ma": _number(0),
    },
    "pop": {"nas": _all_like(_WORD)},
    "range": {"pool": _like(_POOL_NAME), "without": _all_like(_ADDRESS), "rest": _number(0)},
    "realm": {"served": _one_of("local")},
}
_FIELDS: Final = {
    kind: {field: (f"{kind} {field}", check) for field, check in checks.items()} for kind, checks in _CHECKS.items()
}
"""By kind and field: what messages call it, and what looks at it."""
_FEW: Final = (
    *("group", "refuse", "on_expiry", "pop", "on_roam", "mac_mode", "mac_max", "on_mismatch", "sessions", "method"),
)
"""Fields of a login of which thousands have the same."""
_FEW_OF: Final = itemgetter(*_FEW)
_MANY: Final = {field: check for field, check in _FIELDS["login"].items() if field not in _FEW}
_fitting: Final = set[tuple[Value, ...]]()
"""Values of those that have been looked at, and may be written."""
_MOST: Final = 10_000
_RANGE6: Final = {**_FIELDS["range"], "length": ("range length", _number(32))}
_SIMPLE: Final = frozenset({str, int, bool})
