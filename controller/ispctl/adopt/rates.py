"""Rate attributes of several vendors -> bit/s as the subscriber sees them. Pure.

Each vendor has its own direction and unit: MikroTik says rx/tx as the router sees it (rx is the subscriber's upload),
WISPr says bit/s, accel-ppp says down/up in kbit/s in Filter-Id, Huawei's input is what comes from the subscriber.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from ispctl.adopt.old import Row

Burst = tuple[int, int, int, int, int]
"""Down, up, threshold down, threshold up in bit/s; seconds."""
LEAST, MOST = 1000, 10**12
"""What a tariff can say."""


class Speed(NamedTuple):
    """Bit/s to and from the subscriber."""

    down: int
    up: int
    burst: Burst | None = None


class Told(NamedTuple):
    """A speed, and the attribute that told it."""

    speed: Speed
    attribute: str


_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_NUMBER: Final = re.compile(r"([0-9]{1,13})([kKmMgG]?)")
_PAIR: Final = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
_INTERFACE: Final = re.compile(r"lcp:interface-config(?:#[0-9]+)?=rate-limit (input|output) ([0-9]{1,12})(?: .*)?")


def told(reply: Sequence[Row]) -> tuple[list[Told], list[Row]]:
    """Every speed that the reply rows tell, by vendor, and the rows that ought to and cannot be read."""
    found: list[Told] = []
    odd: list[Row] = []
    by_name: dict[str, Row] = {row.attribute: row for row in reply}
    for attributes, reader in _READERS.items():
        rows = [by_name[name] for name in attributes if name in by_name]
        if not rows:
            continue
        speed = reader(*(row.value for row in rows)) if len(rows) == len(attributes) else None
        if speed is not None and is_sellable(speed):
            found.append(Told(speed, attributes[0]))
        elif attributes != ("Filter-Id",):  # a name of a filter is no failed rate
            odd += rows
    cisco = _cisco([row.value for row in reply if row.attribute == "Cisco-AVPair"])
    return found + ([Told(cisco, "Cisco-AVPair")] if cisco else []), odd


def is_sellable(speed: Speed) -> bool:
    """Whether a tariff can say it."""
    return min(speed.down, speed.up) >= LEAST and max(speed.down, speed.up) <= MOST


def down_up(text: str) -> Speed | None:
    """`50M/25M` as people say it: to and from the subscriber; once for both. None: no such rate."""
    pair = _rates(text.replace(" ", ""))
    speed = Speed(*pair) if pair else None
    return speed if speed and is_sellable(speed) else None


def is_interface_rate(value: str) -> bool:
    """Whether a Cisco-AVPair is a rate that `told` reads."""
    return _INTERFACE.fullmatch(value) is not None


def is_filter_rate(value: str) -> bool:
    """Whether a Filter-Id is accel-ppp's down/up."""
    return _PAIR.fullmatch(value) is not None


def mikrotik(text: str) -> Speed | None:
    """Mikrotik-Rate-Limit: `rx[/tx] [rx-burst/tx-burst [rx-thr/tx-thr [rx-time/tx-time [priority [rx-min/tx-min]]]]]`;
    what stands once counts for both directions. A burst that nothing can say in our terms is None."""
    parts = text.split()
    if not 1 <= len(parts) <= 6:
        return None
    pairs = [_rates(part) for part in parts[:3]]
    rate = pairs[0]
    if rate is None or None in pairs:
        return None
    speed = Speed(down=rate[1], up=rate[0])
    if len(parts) == 1 or pairs[1] in ((0, 0), rate):
        return speed
    return _burst(speed, [pair for pair in pairs if pair], parts[3] if len(parts) > 3 else "1")


def _burst(speed: Speed, pairs: Sequence[tuple[int, int]], seconds: str) -> Speed | None:
    """MikroTik's defaults: the threshold is the rate itself, the time one second."""
    times = [int(part) for part in seconds.split("/")] if re.fullmatch(r"[0-9]{1,4}(/[0-9]{1,4})?", seconds) else []
    if not times or times[0] != times[-1] or not 1 <= times[0] <= 3600:
        return None
    up, down = pairs[1]
    threshold_up, threshold_down = pairs[2] if len(pairs) > 2 else (speed.up, speed.down)
    if down < speed.down or up < speed.up or min(threshold_down, threshold_up) < LEAST:
        return None
    return speed._replace(burst=(down, up, threshold_down, threshold_up, times[0]))


def _rates(text: str) -> tuple[int, int] | None:
    numbers = [_amount(part) for part in text.split("/")]
    if not 1 <= len(numbers) <= 2 or None in numbers:
        return None
    return numbers[0] or 0, numbers[-1] or 0


def _amount(text: str) -> int | None:
    found = _NUMBER.fullmatch(text)
    return int(found[1]) * _UNITS[found[2].lower()] if found else None


def _down_up(factor: int) -> Callable[..., Speed | None]:
    def read(down: str, up: str) -> Speed | None:
        fit = all(text.isascii() and text.isdigit() and len(text) < 14 for text in (down, up))
        return Speed(int(down) * factor, int(up) * factor) if fit else None

    return read


def _filter(text: str) -> Speed | None:
    found = _PAIR.fullmatch(text)
    return Speed(int(found[1]) * 1000, int(found[2]) * 1000) if found else None


def _cisco(values: Sequence[str]) -> Speed | None:
    """`rate-limit output BPS …` is towards the subscriber."""
    found = {match[1]: int(match[2]) for value in values if (match := _INTERFACE.fullmatch(value))}
    if found.keys() != {"input", "output"} or min(found.values()) < LEAST:
        return None
    return Speed(found["output"], found["input"])


_READERS: Final[Mapping[tuple[str, ...], Callable[..., Speed | None]]] = {
    ("Mikrotik-Rate-Limit",): mikrotik,
    ("WISPr-Bandwidth-Max-Down", "WISPr-Bandwidth-Max-Up"): _down_up(1),
    ("Huawei-Output-Average-Rate", "Huawei-Input-Average-Rate"): _down_up(1),
    ("Ascend-Xmit-Rate", "Ascend-Data-Rate"): _down_up(1),
    ("ChilliSpot-Bandwidth-Max-Down", "ChilliSpot-Bandwidth-Max-Up"): _down_up(1000),
    ("Filter-Id",): _filter,
}
ATTRIBUTES: Final = frozenset(name for names in _READERS for name in names)
PLATFORM_OF: Final[Mapping[str, str]] = {
    "Mikrotik-Rate-Limit": "routeros",
    "Huawei-Output-Average-Rate": "huawei-vrp",
    "Filter-Id": "accel-ppp",
    "Cisco-AVPair": "ios-xe",
}
"""Which platform a NAS most likely has, if rates are told in this attribute."""
