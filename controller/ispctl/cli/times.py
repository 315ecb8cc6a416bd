"""Moments as people type them: a date, a time of the ISP's own zone, RFC 3339, or how far away from now."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DAYS: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}
_AWAY: Final = r"([+-]?)((?:[0-9]{1,6}[smhdw])+)"
_NAMED: Final = r"(yesterday|today|tomorrow)(?:[ T]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?))?"
_ADVICE: Final = "Write 2026-12-01, '2026-12-01 09:00', 2026-12-01T09:00:00+05:45, -2h, +3d or 'tomorrow 09:00'"


def at_time(text: str | None, now: datetime, zone: ZoneInfo, flag: str = "--at") -> datetime:
    """What `flag` was given, in UTC; `now` where it was not given. A date means 00:00 of the ISP's zone, as it does in
    the files. Raises Refusal E600."""
    if text is None:
        return now
    try:
        moment = _named(text, now, zone) or _away(text, now) or _written(text, zone)
    except (ValueError, OverflowError):
        moment = None
    # Records hold dates of these years; days and spreads are added to them, and the calendar ends with 9999.
    if moment is None or not 1970 <= moment.year < 9000:
        raise Refusal(Problem("E600", f"{flag} is no moment that can be read", advice=_ADVICE))
    return moment.astimezone(UTC)


def since(text: str | None, now: datetime, zone: ZoneInfo, flag: str = "--since") -> datetime | None:
    """A moment of the past: as `at_time` takes it, where a bare 1h means an hour ago. Raises Refusal E600."""
    if text is None:
        return None
    ago = re.fullmatch(_AWAY, text)
    return at_time(f"-{text}" if ago and not ago[1] else text, now, zone, flag)


def ahead(text: str, now: datetime, zone: ZoneInfo, flag: str = "--until") -> datetime:
    """A moment to come: as `at_time` takes it, where a bare 1h means in an hour. Raises Refusal E600."""
    away = re.fullmatch(_AWAY, text)
    return at_time(f"+{text}" if away and not away[1] else text, now, zone, flag)


def _away(text: str, now: datetime) -> datetime | None:
    """ "-2h", "+1d12h"; without a sign it would not be clear which way."""
    found = re.fullmatch(_AWAY, text)
    if not found or not found[1]:
        return None
    parts = re.findall(r"(\d+)([smhdw])", found[2], re.ASCII)
    by = timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in parts))
    return now - by if found[1] == "-" else now + by


def _named(text: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """ "now", "tomorrow 09:00" """
    if text == "now":
        return now
    found = re.fullmatch(_NAMED, text)
    if not found:
        return None
    day = now.astimezone(zone).date() + timedelta(days=_DAYS[found[1]])
    return datetime.combine(day, time.fromisoformat(found[2]) if found[2] else time(), zone)


def _written(text: str, zone: ZoneInfo) -> datetime:
    """A date or a time stamp; without an offset it is of the ISP's zone."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
