"""`ispstat nas` as text: a line a NAS, or one of them in full."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from ispctl.status import present_devices
from ispctl.status.fleet import Coa, Counted, Seen
from ispctl.status.present import Screen, csv_of, dated, pairs, table
from ispctl.status.values import ago, clean, joined

_STATES: Final = {
    "heard": "heard",
    "silent": "SILENT",
    "never": "never heard",
    "stranger": "STRANGER: no NAS of ours",
    "unknown": "unknown",
}
COLUMNS: Final[Mapping[str, Callable[[Seen, Screen], str]]] = {
    "nas": lambda one, _: one.name or "-",
    "platform": lambda one, _: one.platform or "-",
    "address": lambda one, _: joined(one.addresses) or "none",
    "state": lambda one, _: _STATES[one.state],
    "sessions": lambda one, _: _number(one.sessions),
    "stale": lambda one, _: _number(one.stale),
    "heard": lambda one, screen: _ago(one.last_accounting, screen, one.sessions is None),
    "login": lambda one, screen: _login(one, screen, _ago),
    "hour": lambda one, _: _counted(one.hour),
    "day": lambda one, _: _counted(one.day),
    "coa": lambda one, _: _coa(one.coa),
    "device": lambda one, screen: present_devices.brief(one.device, screen),
}


def listed(found: Sequence[Seen], screen: Screen) -> str:
    """HOUR and DAY: sessions that began / logins that were refused. DEVICE is left out where none is configured."""
    if not found:
        return "There is no NAS in inventory/hosts.yaml, and nobody else speaks."
    names = [name for name in COLUMNS if name != "device" or any(one.device for one in found)]
    rows = ([COLUMNS[name](one, screen) for name in names] for one in found)
    return f"{table([name.upper() for name in names], rows, screen)}\n{_tally(found)}"


def csv(found: Sequence[Seen], screen: Screen) -> str:
    """Times as in JSON are for programs: here the two ages become moments."""
    return csv_of(
        [*COLUMNS, "last_accounting", "last_login"],
        ([*(column(one, screen) for column in COLUMNS.values()), one.last_accounting, one.last_login] for one in found),
        screen,
    )


def shown(one: Seen, screen: Screen) -> str:
    """One NAS in full."""
    heading = f"{one.name or one.addresses[0]}: {_STATES[one.state]}"
    lines = [heading, "", *(f"  {line}" for line in pairs(tuple(_details(one, screen))))]
    if one.device:
        lines += present_devices.in_full(one.device, screen)
    return "\n".join(map(clean, lines))


def _details(one: Seen, screen: Screen) -> Iterator[tuple[str, str]]:
    unknown = one.sessions is None
    if one.file:
        yield "written at", f"{one.file}:{one.line}"
        yield "platform", f"{one.platform}; groups {joined(one.groups) or 'none'}"
    yield "addresses", joined(one.addresses) or "none: nobody can dial in through it"
    client = {None: "unknown", True: "yes", False: "no: the server does not answer it (ispctl apply)"}[one.client]
    yield "client", client
    if one.packets is not None:
        yield "packets", f"{one.packets}, none of them answered"
    told = f"{one.sessions} open, {one.stale} stale, {one.behind} run older values"
    yield "sessions", "unknown" if unknown else told
    yield "accounting", f"last heard {_at(one.last_accounting, screen, unknown)}{_counting(one)}"
    yield "logins", f"last {_login(one, screen, _at)}; {_answered(one)}"
    if one.reasons:
        said = joined(f"{reason or 'without a reason'} {count}" for reason, count in one.reasons.items())
        yield "refused", f"{said}: ispstat rejects --nas {one.name}"
    if one.name:
        yield from _changes(one.coa, screen)
    if one.device:
        yield from present_devices.details(one.device, one.sessions, screen)


def _changes(coa: Coa | None, screen: Screen) -> Iterator[tuple[str, str]]:
    if coa is None:
        yield "changes", "none: without data.coa a running session can neither be changed nor ended"
        return
    yield "changes", f"CoA to {coa.address} port {coa.port}, at most {coa.per_second} a second"
    yield "by CoA", f"{joined(coa.changes) or 'nothing'}; all else needs a new session"
    for limit in coa.limits:
        yield "found", limit
    if coa.last is None:
        yield "last told", "nothing that is remembered"
        return
    failed = f"; {coa.failed} of {coa.asked} that are remembered failed" if coa.failed else ""
    yield "last told", f"{dated(coa.last, screen)}: {coa.answer or 'no answer'}{failed}"


def _counting(one: Seen) -> str:
    if one.interim is None:
        return ""
    wrap = "" if one.gigawords else ", without gigawords: 4 GB is the most it can tell"
    return f"; a report every {one.interim} s, direction {one.direction}{wrap}"


def _answered(one: Seen) -> str:
    hour, day = _counted(one.hour), _counted(one.day)
    return f"begun/refused {hour} in an hour, {day} in a day" if one.hour else "how many is unknown"


def _tally(found: Sequence[Seen]) -> str:
    ours = [one for one in found if one.name]
    odd = [
        f"{sum(one.state == state for one in found)} {word}"
        for state, word in (("never", "never heard"), ("silent", "silent"), ("stranger", "strangers"))
        if any(one.state == state for one in found)
    ]
    return joined((f"{len(ours)} NAS", *odd, *present_devices.tally([one.device for one in found if one.device])))


def _number(value: int | None) -> str:
    return "unknown" if value is None else str(value)


def _counted(value: Counted | None) -> str:
    return "-" if value is None else f"{value.began}/{value.refused}"


def _ago(at: datetime | None, screen: Screen, unknown: bool) -> str:
    return "unknown" if unknown else ago(at, screen.now) if at else "never"


def _at(at: datetime | None, screen: Screen, unknown: bool) -> str:
    return dated(at, screen) if at else "unknown" if unknown else "never"


def _login(one: Seen, screen: Screen, said: Callable[[datetime | None, Screen, bool], str]) -> str:
    """Those of a day are looked at: of who was heard before, no more than that is known."""
    if one.last_login is None and one.state in ("heard", "silent"):
        return "not in a day"
    return said(one.last_login, screen, one.sessions is None)


def _coa(coa: Coa | None) -> str:
    if coa is None:
        return "none"
    return f"{coa.answer or 'untried'}{f', {coa.failed} failed' if coa.failed else ''}"
