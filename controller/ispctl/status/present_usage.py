"""`ispstat usage` as text: a bar for each day, a line of all of them, and who used most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from ispctl.status.present import Screen, csv_of, dated, table
from ispctl.status.usage import Heavy, Step, Used, Window
from ispctl.status.values import clean, rate, volume

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_WIDE: Final = 40
"""Characters of the longest bar, where nobody knows how wide the screen is."""
_SHOWN: Final = 31
"""Days with a bar of their own; of more, the line tells."""


def told(found: Sequence[Used], screen: Screen) -> str:
    return "\n\n".join("\n".join(map(clean, _service(one, screen))) for one in found)


def csv(found: Sequence[Used], screen: Screen) -> str:
    """A line for each day of each service."""
    rows = ([one.id, one.key, one.login, day.day, day.down, day.up] for one in found for day in one.days)
    return csv_of(("id", "key", "login", "day", "down", "up"), rows, screen)


def ranked(found: Sequence[Heavy], screen: Screen) -> str:
    if not found:
        return "Nobody has used anything, as far as it was counted."
    rows = (
        [
            *(f"{one.id}/{one.key}", one.login or "gone", one.tariff or "-"),
            *(volume(one.down), volume(one.up), volume(one.down + one.up)),
        ]
        for one in found
    )
    return f"{table(('SERVICE', 'LOGIN', 'TARIFF', 'DOWN', 'UP', 'BOTH'), rows, screen)}\nsince {found[0].since}"


def ranked_csv(found: Sequence[Heavy], screen: Screen) -> str:
    names = ("id", "key", "login", "tariff", "since", "down", "up")
    return csv_of(names, ([getattr(one, name) for name in names] for one in found), screen)


def _service(one: Used, screen: Screen) -> Iterator[str]:
    yield f"{one.id}/{one.key}  {one.login}  {one.tariff or 'a tariff that does not exist'}"
    both = volume(one.down + one.up)
    yield f"since {one.since}: {both}, {volume(one.down)} down and {volume(one.up)} up"
    yield from (window(each, screen) for each in one.windows)
    if one.days:
        yield sparkline([day.down + day.up for day in one.days])
    highest = max((day.down + day.up for day in one.days), default=0)
    room = min(max((screen.width or 80) - 38, 10), _WIDE)
    for day in one.days[-_SHOWN:]:
        total = day.down + day.up
        name = f"{date.fromisoformat(day.day):%a %Y-%m-%d}"
        yield f"{name}  {volume(total):>9}  {bar(total, highest, room)}".rstrip()
    yield f"counted {dated(one.counted, screen)}" if one.counted else "never counted yet: ispctl run, ispctl apply"


def window(one: Window, screen: Screen) -> str:
    """How one fair-use policy stands, in a line."""
    way = "" if one.counts == "both" else f" {one.counts}"
    more = f", {volume(one.more)} of it given beyond the tariff" if one.more > 0 else ""
    holds = f"over the limit: {_step(one.tier)} holds" if one.tier else "full speed"
    if one.next is not None and one.left is not None:
        holds += f"; {volume(one.left)} left of {volume(one.next.after)}{more}, then {_step(one.next)}"
    return (
        f"{one.window}: {volume(one.used)}{way} used, {holds}; anew {dated(one.resets, screen)} ({one.file}:{one.line})"
    )


def _step(one: Step) -> str:
    return "no service" if one.block else rate(one.rate)


def bar(value: int, most: int, room: int) -> str:
    """A bar of at most `room` characters, to an eighth of one."""
    eighths = value * room * 8 // most if most else 0
    part = {0: "", 1: "▏", 2: "▎", 3: "▍", 4: "▌", 5: "▋", 6: "▊", 7: "▉"}[eighths % 8]
    return "█" * (eighths // 8) + part if eighths or not value else "▏"


def sparkline(values: Sequence[int]) -> str:
    """A character for each value; what is more than nothing is seen."""
    most = max(values, default=0)
    return "".join(_BLOCKS[-(-value * 8 // most)] if most else _BLOCKS[0] for value in values)
