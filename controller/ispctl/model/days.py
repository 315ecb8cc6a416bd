"""Days of the ISP and instants: where a day of a file begins and ends."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from ispctl.digests import sha256

BEGINNING: Final = datetime(1, 1, 2, tzinfo=UTC)
NEVER: Final = datetime(9999, 12, 30, tzinfo=UTC)
_LAST: Final = date(9998, 12, 31)


def moment(value: datetime | date, zone: ZoneInfo) -> datetime:
    """The instant at which a day or time stamp begins, in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return _midnight(value, zone)


@lru_cache(maxsize=8192)
def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Kept, since thousands of services have few days between them."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def ending(value: datetime | date, zone: ZoneInfo, owner: str, spread: int) -> datetime:
    """The instant at which an inclusive day or a time stamp ends. Days end up to `spread` seconds after midnight,
    by a stable hash of the service: a million sessions do not end in one second."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return moment(value + timedelta(days=1), zone) + later(owner, spread)


def local_day(value: datetime | date, zone: ZoneInfo) -> date:
    """The ISP's own day of a day or time stamp."""
    return value.astimezone(zone).date() if isinstance(value, datetime) else value


def days_later(day: date, days: int) -> date:
    """So many days later, or the last day of the calendar."""
    return day + min(timedelta(days=days), _LAST - day)


def later(owner: str, spread: int) -> timedelta:
    """How long after midnight the days of a service end, of `spread` seconds."""
    if not spread:
        return timedelta()
    return timedelta(seconds=int.from_bytes(sha256(owner.encode()).digest()[:6], "big") % spread)
