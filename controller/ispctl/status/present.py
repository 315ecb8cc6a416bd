"""Answers as people read them: plain, aligned text in a pipe; on a terminal as wide as it is, with bold headings."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from ispctl.model.problem import Problem, Refusal
from ispctl.status.check import Check
from ispctl.status.drift import ADVICE, ADVICE_DUE, Drifted
from ispctl.status.health import well
from ispctl.status.listing import Listed
from ispctl.status.online import Online
from ispctl.status.spool import Spool
from ispctl.status.values import ago, clean, joined, plain, rate, span, stamp, volume, when
from ispctl.status.view import View
from ispctl.structs import Struct

_FOLDED: Final = 2000
"""A table with more lines is not folded: nobody reads it on a screen."""
_REASONS: Final = 5
"""Why sessions are behind: so many reasons are told, those of most first."""
Envelope = Mapping[str, object]
T = TypeVar("T")


class Screen(Struct):
    """Where a text goes. `width` in characters; None: no terminal, so nothing is cut, folded or coloured."""

    zone: ZoneInfo
    now: datetime
    width: int | None = None


def envelope(view: View, items: Sequence[object]) -> Envelope:
    """What every JSON answer begins with. Fields are only ever added."""
    sources = view.sources()
    applied = view.commit_applied
    return {
        "version": 1,
        "as_of": stamp(view.now, view.zone),
        "commit_applied": applied.commit if applied else None,
        "commit_head": view.head.commit,
        "sources": plain(sources, view.zone),
        "items": plain(items, view.zone),
    }


def doubts(view: View, unknown: str) -> str:
    """The line that says what an answer does not know; empty if it knows everything."""
    lines = []
    if not view.readable:
        lines.append(f"Unknown: {unknown}; the RADIUS database gives no answer.")
    if view.broken:
        lines.append(f"Unknown: what {view.broken} unreadable files say; ispctl validate names them.")
    return "\n".join(lines)


# tables

_BELOW: Final = "    "


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], screen: Screen) -> str:
    """Columns under headings. On a terminal that is too narrow a row goes on below; in a pipe it stays one line."""
    cells = [[clean(cell) for cell in row] for row in rows]
    if screen.width is not None:
        return _on_terminal(headings, cells, screen.width)
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    lines = (_line(row, widths) for row in (headings, *cells))
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _on_terminal(headings: Sequence[str], cells: list[list[str]], width: int) -> str:
    from rich.cells import cell_len, set_cell_size
    from rich.console import Console
    from rich.text import Text

    widths = [max(map(cell_len, column)) for column in zip(headings, *cells, strict=True)]
    console = Console(file=io.StringIO(), width=width, force_terminal=True, highlight=False)
    with console.capture() as capture:
        for style, row in (("bold", headings), *(("", row) for row in cells)):
            padded = [set_cell_size(cell, size) for cell, size in zip(row, widths, strict=True)]
            for number, (first, last) in enumerate(_turns(widths, width)):
                line = (_BELOW if number else "") + "  ".join(padded[first:last]).rstrip()
                if line.strip():
                    console.print(Text(line, style, overflow="fold"))
    return capture.get().rstrip("\n")


def _turns(widths: Sequence[int], width: int) -> Iterator[tuple[int, int]]:
    """The columns of each line of a row, as many as fit: a row that is too wide goes on below."""
    first, used = 0, 0
    for column, size in enumerate(widths):
        if column > first and used + 2 + size > width:
            yield first, column
            first, used = column, len(_BELOW) + size
        else:
            used += size + (2 if column else 0)
    yield first, len(widths)


def dated(moment: datetime, screen: Screen) -> str:
    """A moment, and how long ago that is."""
    return f"{when(moment, screen.zone)} ({ago(moment, screen.now)})"


def pairs(found: Sequence[tuple[str, str]]) -> list[str]:
    """Names and what is said of them, in two columns."""
    widest = max(len(name) for name, _ in found)
    return [f"{name.ljust(widest)}  {text}".rstrip() for name, text in found]


# list

COLUMNS: Final[Mapping[str, Callable[[Listed, Screen], str]]] = {
    "service": lambda one, _: one.owner,
    "id": lambda one, _: one.id,
    "key": lambda one, _: one.key,
    "login": lambda one, _: one.login,
    "name": lambda one, _: one.name or "",
    "group": lambda one, _: one.group,
    "state": lambda one, _: one.state or "unknown",
    "access": lambda one, _: one.access or "unknown",
    "tariff": lambda one, _: one.tariff or "unknown",
    "rate": lambda one, _: rate(one.rate) if one.state else "unknown",
    "address": lambda one, _: _known(one.ipv4),
    "ipv6": lambda one, _: _known(one.ipv6),
    "delegated": lambda one, _: _known(one.delegated),
    "nas": lambda one, _: ", ".join(one.nas) or "anywhere",
    "mac": lambda one, _: one.mac_mode,
    "ends": lambda one, screen: when(one.ends, screen.zone) or "-",
    "until": lambda one, screen: when(one.until, screen.zone) or "-",
    "online": lambda one, _: one.online,
    "last-seen": lambda one, screen: when(one.last_seen, screen.zone) or _never(one),
    "applied": lambda one, _: one.applied,
    "stop": lambda one, _: "unknown" if one.stop is None else one.stop or "-",
    "balance": lambda one, _: _amount(one.balance),
    "overdue": lambda one, _: _amount(one.overdue),
    "due": lambda one, _: str(one.due or "-"),
    "file": lambda one, _: one.file,
}
OF_ACCOUNTS: Final = frozenset({"balance", "overdue", "due"})
"""Columns that are of the account."""
DEFAULT_COLUMNS: Final = ("service", "login", "state", "tariff", "rate", "address", "ends", "online")


def _known(address: str | None) -> str:
    return "unknown" if address is None else address or "none"


def _amount(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"{amount}"


def _never(one: Listed) -> str:
    return "unknown" if one.online == "unknown" else "-"


def columns_of(chosen: str | None) -> tuple[str, ...]:
    """The columns of --columns a,b,c. Raises Refusal E624 for one there is not."""
    names = tuple(name.strip() for name in (chosen or "").split(",") if name.strip()) or DEFAULT_COLUMNS
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        close = get_close_matches(unknown[0], COLUMNS, n=1)
        advice = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(COLUMNS)}"
        raise Refusal(Problem("E624", f"--columns: there is no column {clean(unknown[0])!r}", advice=advice))
    return names


def listed(found: Spool[Listed], columns: Sequence[str], screen: Screen) -> Iterator[str]:
    """Line by line; of very many each is one line, whatever the terminal."""
    if not found:
        yield "No service matches."
        return
    yield from _tabled([name.upper() for name in columns], found, lambda one: _cells(one, columns, screen), screen)
    yield _count(len(found), "service")


def _tabled(
    headings: Sequence[str], found: Spool[T], cells: Callable[[T], Sequence[str]], screen: Screen
) -> Iterator[str]:
    """As `table`, and line by line where it is long."""
    if screen.width is not None and len(found) <= _FOLDED:
        yield table(headings, map(cells, found), screen)
        return
    widths = [*map(len, headings)]
    for one in found:
        widths = [max(width, len(clean(cell))) for width, cell in zip(widths, cells(one), strict=True)]
    yield _line(headings, widths)
    yield from (_line([*map(clean, cells(one))], widths) for one in found)


def _cells(one: Listed, columns: Sequence[str], screen: Screen) -> list[str]:
    return [_marked(name, one, COLUMNS[name](one, screen)) for name in columns]


def _marked(name: str, one: Listed, text: str) -> str:
    """A service that is left as it is, or has not what git says, says so at its state."""
    if name != "state":
        return text
    doubt = one.stop or ("apply pending" if one.applied in ("waiting", "due") else "")
    return f"{text} ({doubt})" if doubt else text


def listed_csv(found: Iterable[Listed], columns: Sequence[str], screen: Screen) -> Iterator[str]:
    """One line a service; times as in JSON."""
    exact = {"ends": "ends", "until": "until", "last-seen": "last_seen", "stop": "stop"}
    exact |= {name: name for name in OF_ACCOUNTS}
    yield csv_of(columns, (), screen).rstrip("\n")
    for one in found:
        cells = [getattr(one, exact[name]) if name in exact else COLUMNS[name](one, screen) for name in columns]
        yield _csv_line(cells, screen)


def _csv_line(cells: Sequence[object], screen: Screen) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([_cell(value, screen) for value in cells])
    return out.getvalue()


def enveloped(view: View, found: Iterable[object], more: Mapping[str, object] = MappingProxyType({})) -> Iterator[str]:
    """The envelope, with one item after the other. `more`: what stands beside them."""
    head, tail = json.dumps({**envelope(view, ()), **more}, indent=2, ensure_ascii=False).split('"items": []')
    before = f'{head}"items": ['
    for one in found:
        text = json.dumps(plain(one, view.zone), indent=2, ensure_ascii=False).replace("\n", "\n    ")
        yield f"{before}\n    {text}"
        before = ","
    yield f"{before}]{tail}" if before.endswith("[") else f"\n  ]{tail}"


def csv_of(headings: Sequence[str], rows: Iterable[Sequence[object]], screen: Screen) -> str:
    """CSV (RFC 4180) with a heading; a moment as RFC 3339, what is unknown as nothing."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows([_cell(value, screen) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: object, screen: Screen) -> str:
    return stamp(value, screen.zone) if isinstance(value, datetime) else "" if value is None else clean(str(value))


# sessions


def online(found: Spool[Online], screen: Screen) -> Iterator[str]:
    """Line by line; of very many each is one line, whatever the terminal."""
    if not found:
        yield "No open session matches."
        return
    headings = "LOGIN NAS ADDRESS MAC SINCE HEARD DOWN UP AVERAGE EXPECTED STATE CONFIG".split()
    yield from _tabled(headings, found, lambda one: _session(one, screen), screen)
    yield _tally(found)
    asked = Counter(one.in_vain for one in found if one.in_vain)
    yield from (f"{many:,} behind: {clean(text)}" for text, many in asked.most_common(_REASONS))
    if len(asked) > _REASONS:
        yield f"and {len(asked) - _REASONS:,} more reasons, in the JSON"


def _session(one: Online, screen: Screen) -> list[str]:
    return [
        one.login if one.id else f"{one.login} (unknown login)",
        one.nas or f"{one.nas_address} (unknown)",
        joined((one.ipv4, one.ipv6 or one.ipv6_prefix)) or "-",
        one.mac or "-",
        when(one.started, screen.zone) or "-",
        f"{span(one.age)} ago" if one.age is not None else "never",
        volume(one.bytes.down) if one.bytes else "-",
        volume(one.bytes.up) if one.bytes else "-",
        rate(one.measured_speed, 3) if one.measured else "-",
        rate(one.expected),
        one.state,
        config(one),
    ]


def config(one: Online) -> str:
    """What a session runs, in a few words."""
    words = {
        "current": "current",
        "behind": f"behind ({'waits for a CoA' if one.needs == 'coa' else 'must log in again'})",
        "acked": "acked, waiting for the next report" if not one.needs else "told to end",
        "proved": "proved",
        "unknown": "unknown",
    }
    wall = f", walled by the server: {one.walled}" if one.walled else ""
    return words[one.config] + wall


def _tally(found: Spool[Online]) -> str:
    stale, behind = sum(one.state == "stale" for one in found), sum(one.config == "behind" for one in found)
    return f"{_count(len(found), 'session')}, {stale} stale, {behind} behind"


# drift and health


def drifted(found: Sequence[Drifted]) -> str:
    if not found:
        return "No drift: the database holds what the applied commit says."
    lines = [f"{one.what} {one.kind} {one.id}: {_because(one)}" for one in found]
    causes = {one.cause for one in found}
    advice = [text for cause, text in (("hand", ADVICE), ("clock", ADVICE_DUE)) if cause in causes]
    by_hand = sum(one.cause == "hand" for one in found)
    count = f"{by_hand} altered by hand, {len(found) - by_hand} due by the clock."
    return "\n".join([*map(clean, lines), count, *advice])


def _because(one: Drifted) -> str:
    said = "; ".join(one.texts)
    return f"{said} (due by the clock since the last apply)" if one.cause == "clock" else said


def checked(found: Sequence[Check]) -> Iterator[str]:
    """One line a check, the verdict last."""
    marks = {"ok": "ok  ", "warning": "warn", "bad": "BAD "}
    widest = max(len(check.name) for check in found)
    for check in found:
        advice = f" -> {check.advice}" if check.advice else ""
        yield f"{marks[check.level]}  {check.name.ljust(widest)}  {clean(check.text)}{advice}"
    bad = [check.name for check in found if not check.ok]
    yield "Healthy." if well(found) else f"Not healthy: {', '.join(bad)}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
