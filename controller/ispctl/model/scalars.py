"""Leaf types: how a piece of text in a file becomes a rate, a volume, a date, a MAC. Typed by schema, never by YAML.

Every type here takes text. A plain (unquoted) scalar carries `plain = True`; only a *text* field minds what
YAML 1.2 would have made of it, and then says "quote it".
"""

import re
import unicodedata
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Any, Literal

from ispctl.model.rules import Between, Length, Reads, Written, Wrong

YAML_12_CORE = (
    r"(?P<null>|~|null|Null|NULL)|(?P<boolean>true|True|TRUE|false|False|FALSE)"
    r"|(?P<number>[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))"
)
"""What an unquoted scalar means under the core schema of YAML 1.2 (section 10.3.2), if not text."""


def meaning(text: str) -> str | None:
    """ "null", "boolean" or "number" for an unquoted scalar that YAML 1.2 would not read as text; else None."""
    found = re.fullmatch(YAML_12_CORE, text)
    return next((name for name, part in found.groupdict().items() if part is not None), None) if found else None


_JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiner: many Indic and Persian names cannot be written without them."""


def _text(value: Any) -> Any:
    if type(value) is str and value.isprintable() and value and value == value.strip():
        return value  # the usual
    if not isinstance(value, str):
        return value
    kind = meaning(value) if getattr(value, "plain", False) else None
    if kind:
        raise Wrong("quote_it", f"YAML reads this as a {kind}: put quotes around it")
    if not value.isprintable() and any(map(_unseen, value)):
        raise Wrong("text", "holds a control character or an invisible mark")
    if value != value.strip():
        raise Wrong("text", "begins or ends with a blank")
    if not value:
        raise Wrong("text", "is empty")
    return str(value)


def _unseen(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cf", "Cs"} and char not in _JOINERS


def _pattern(name: str, pattern: str, expected: str, longest: int) -> Reads:
    def check(value: Any) -> Any:
        text = _text(value)
        if isinstance(text, str) and (len(text.encode()) > longest or not re.fullmatch(pattern, text)):
            raise Wrong(name, f"expected {expected}, at most {longest} characters")
        return text

    return Reads(check)


Text = Annotated[str, Reads(_text), Length(most=253)]
SubscriberId = Annotated[str, _pattern("id", r"[a-z0-9][a-z0-9-]*", "an id of lower-case letters, digits and '-'", 48)]
Name = Annotated[
    str, _pattern("name", r"[a-z0-9][a-z0-9._-]*", "a name of lower-case letters, digits and '.', '_', '-'", 48)
]
Login = Annotated[
    str,
    _pattern(
        "login",
        r"[a-z0-9._:/+-]+(@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)?",
        "a login of a-z 0-9 . _ : / + - with an optional @realm",
        64,
    ),
]
Realm = Annotated[
    str,
    _pattern("realm", r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", "a realm of letters, digits, '.' and '-'", 64),
]
Email = Annotated[str, _pattern("email", r"[^@\s]+@[^@\s]+\.[^@\s.]+", "an e-mail address", 254)]
Phone = Annotated[
    str, _pattern("phone", r"\+[1-9][0-9 -]{5,20}", "a phone number that begins with + and the country code", 24)
]
Page = Annotated[
    str,
    _pattern(
        "page", r"https?://[A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]+", "an address that begins with https:// or http://", 200
    ),
]

_SEALED = r"enc:[A-Za-z0-9_-]{1,32}:[A-Za-z0-9+/]{39,}={0,2}|age:[A-Za-z0-9+/]{40,}={0,2}"


def _sealed(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(_SEALED, value):
        raise Wrong("sealed", "expected a sealed value (enc:… or age:…), never clear text")
    return value if value is None else str(value)


SealedText = Annotated[str, Reads(_sealed)]


_WHOLE = r"-?[0-9]{1,18}"


def _whole(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(_WHOLE, value):
        raise Wrong("whole", "expected a whole number")
    return int(value) if isinstance(value, str) else value


Whole = Annotated[int, Reads(_whole)]
Count = Annotated[int, Reads(_whole), Between(0)]
Port = Annotated[int, Reads(_whole), Between(1, 65535)]


def _flag(value: Any) -> Any:
    if isinstance(value, str):
        if value not in {"true", "false"}:
            raise Wrong("flag", "expected true or false")
        return value == "true"
    return value


Managed = Literal["observe", "enforce"]
"""observe: planned, and never written."""
Flag = Annotated[bool, Reads(_flag)]


def _scaled(name: str, pattern: str, units: dict[str, int], expected: str) -> Reads:
    def parse(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = re.fullmatch(pattern, value)
        if not found or found["unit"] not in units:
            raise Wrong(name, f"expected {expected}")
        amount = Decimal(found["amount"]) * units[found["unit"]]
        if amount != int(amount):
            raise Wrong(name, "is not a whole number of the smallest unit")
        return int(amount)

    return Reads(parse)


_AMOUNT = r"(?P<amount>[0-9]{1,12}(\.[0-9]{1,9})?)(?P<unit>[A-Za-z]*)"
_RATE_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
_VOLUME_UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_DURATION_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

BitRate = Annotated[
    int,
    _scaled("rate", _AMOUNT, _RATE_UNITS, "a rate in bit/s like 50M (k = 10^3, M = 10^6, G = 10^9)"),
    Between(1000, 10**12),
    Written({"type": ["string", "integer"], "pattern": r"^[0-9]+(\.[0-9]+)?[kMG]?$"}),
]
"""Bits per second, decimal prefixes."""
Octets = Annotated[
    int,
    _scaled("volume", _AMOUNT, _VOLUME_UNITS, "a volume in bytes like 500GB (kB, MB, GB, TB; GB = 10^9 bytes)"),
    Between(1),
    Written({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?[kMGT]B$"}),
]
"""Bytes, decimal prefixes; the B is mandatory, since 500G could be bits."""
Seconds = Annotated[
    int,
    _scaled("duration", _AMOUNT, _DURATION_UNITS, "a duration like 300s, 5m, 2h or 7d"),
    Between(0),
    Written({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?[smhd]$"}),
]


def _percent(value: Any) -> Any:
    if isinstance(value, str):
        found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)%", value)
        if not found or Decimal(found[1]) > 100:
            raise Wrong("share", "expected a share between 0% and 100%, like 5%")
        return Decimal(found[1]) / 100
    return value


Share = Annotated[Decimal, Reads(_percent), Written({"type": "string", "pattern": "%$"})]
"""A fraction between 0 and 1, written as a percentage."""


def _money(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,4})?", value):
        raise Wrong("money", 'expected an amount like "1200.00"')
    return Decimal(value) if isinstance(value, str) else value


Money = Annotated[
    Decimal,
    Reads(_money),
    Written({"type": ["string", "number"]}),
]


Currency = Annotated[
    str,
    _pattern("currency", "[A-Z]{3}", "a currency of three capitals like NPR", 3),
    Written({"type": "string", "pattern": "^[A-Z]{3}$"}),
]
"""ISO 4217, like NPR."""


FIRST_YEAR, LAST_YEAR = 1970, 9998
"""Within them every day has a beginning, an end and a time after it, in every zone."""


def _in_calendar(found: date) -> date:
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise Wrong("year", f"lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return found


_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"


def _day(value: Any) -> Any:
    if isinstance(value, str):
        found = None
        if re.fullmatch(_DAY, value):
            with suppress(ValueError):
                found = date.fromisoformat(value)
        if found is None:
            raise Wrong("day", "expected a date like 2026-11-22")
        return _in_calendar(found)
    return value


Day = Annotated[date, Reads(_day)]


def _moment(value: Any) -> Any:
    if isinstance(value, str):
        if re.fullmatch(_DAY, value):
            return _day(value)
        found = None
        with suppress(ValueError):
            found = datetime.fromisoformat(value)
        if found is None or found.tzinfo is None:
            stamp = "a time stamp with offset like 2026-11-22T18:00:00+05:45"
            raise Wrong("moment", f"expected a date like 2026-11-22 or {stamp}")
        return _in_calendar(found)
    return value


Moment = Annotated[datetime | date, Reads(_moment), Written({"type": "string"})]
"""A local day of the ISP, or an exact instant (aware)."""

_MAC = r"[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}|[0-9a-f]{4}([.-])[0-9a-f]{4}\2[0-9a-f]{4}|[0-9a-f]{12}"


def _mac(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.lower()
    if not re.fullmatch(_MAC, text):
        raise Wrong("mac", "expected a MAC address like 02:00:5e:10:00:01")
    octets = re.sub("[^0-9a-f]", "", text)
    if int(octets[:2], 16) & 1:
        raise Wrong("mac", "is a multicast address, which no device sends from")
    if octets == "0" * 12:
        raise Wrong("mac", "is the address of no device")
    return ":".join(octets[i : i + 2] for i in range(0, 12, 2))


Mac = Annotated[str, Reads(_mac)]
"""Lower case with colons, whatever notation the file has."""


def _parsed(make: Any, expected: str) -> Reads:
    def parse(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            if "%" in value:
                raise ValueError
            return make(value)
        except ValueError as error:
            hint = ": bits are set right of the prefix" if "host bits set" in str(error) else ""
            raise Wrong("address", f"expected {expected}{hint}") from None

    return Reads(parse)


_STRING_SCHEMA = Written({"type": "string"})
V4 = Annotated[IPv4Address, _parsed(IPv4Address, "an IPv4 address like 203.0.113.7"), _STRING_SCHEMA]
V6 = Annotated[IPv6Address, _parsed(IPv6Address, "an IPv6 address like 2001:db8::7"), _STRING_SCHEMA]
Net4 = Annotated[IPv4Network, _parsed(IPv4Network, "an IPv4 prefix like 203.0.113.64/29"), _STRING_SCHEMA]
Net6 = Annotated[IPv6Network, _parsed(IPv6Network, "an IPv6 prefix like 2001:db8:100::/56"), _STRING_SCHEMA]


def _net(text: str) -> IPv4Network | IPv6Network:
    return IPv6Network(text) if ":" in text else IPv4Network(text)


def _address(text: str) -> IPv4Address | IPv6Address:
    return IPv6Address(text) if ":" in text else IPv4Address(text)


Net = Annotated[IPv4Network | IPv6Network, _parsed(_net, "a prefix like 203.0.113.64/29"), _STRING_SCHEMA]


def _line(value: Any) -> Any:
    text = _text(value)
    if isinstance(text, str) and text.startswith("0x"):
        if not re.fullmatch(r"0x([0-9a-fA-F]{2}){1,247}", text):
            raise Wrong("line", "expected 0x and whole octets, at most 247 of them")
        return text.lower()
    if isinstance(text, str) and len(text.encode()) > 247:
        raise Wrong("line", "is longer than the 247 octets that fit into the attribute")
    return text


LineId = Annotated[str, Reads(_line)]
"""A circuit id or remote id: text, or octets written as 0x… (a vendor's attribute holds 247, RFC 2865 section 5.26)."""


def _key(value: Any) -> Any:
    """`ssh-ed25519 AAAA… comment`, or an OpenPGP fingerprint in any notation."""
    text = str(value) if isinstance(value, str) else value
    if not isinstance(text, str):
        return text
    if (found := re.fullmatch(_SSH_KEY, text)) and len(found[2]) % 4 == 0:
        return f"{found[1]} {found[2]}"
    plain = text.replace(" ", "").upper()
    if not re.fullmatch(r"[0-9A-F]{40}|[0-9A-F]{64}", plain):
        expected = "expected a public SSH key, like ssh-ed25519 AAAA…, or the whole fingerprint of an OpenPGP key"
        raise Wrong("key", expected)
    return plain


_SSH_KEY = (
    r"(ssh-rsa|(?:sk-)?(?:ssh-ed25519|ecdsa-sha2-nistp\d{3})(?:@openssh\.com)?) ([A-Za-z0-9+/]{40,}={0,2})( [ -~]*)?"
)
SigningKey = Annotated[str, Reads(_key)]
"""A key that signs commits: an SSH one without its comment, or a fingerprint in capitals."""

Address = Annotated[IPv4Address | IPv6Address, _parsed(_address, "an IP address"), _STRING_SCHEMA]


def _hostname(value: Any) -> Any:
    text = _text(value)
    if isinstance(text, str) and not re.fullmatch(r"[A-Za-z0-9:][A-Za-z0-9.:-]{0,252}", text):
        raise Wrong("hostname", "expected a host name or an IP address")
    return text


Hostname = Annotated[str, Reads(_hostname)]
