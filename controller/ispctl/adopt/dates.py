"""FreeRADIUS's Expiration -> when service ends. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_CLOCK: Final = r"(?:[ T]+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?)?"
_FORMS: Final = (
    re.compile(rf"(?P<day>[0-9]{{1,2}}) (?P<month>[A-Za-z]{{3,9}}) (?P<year>[0-9]{{4}}){_CLOCK}"),
    re.compile(rf"(?P<month>[A-Za-z]{{3,9}}) (?P<day>[0-9]{{1,2}}),? (?P<year>[0-9]{{4}}){_CLOCK}"),
)
_A_DAY: Final = timedelta(days=1, minutes=1)


class End(NamedTuple):
    """When service ends, to the second, and how `paid_until` says it."""

    at: datetime
    paid_until: date | datetime


def expiration(text: str, zone: ZoneInfo) -> End | None:
    """`31 Dec 2030`, `31 Dec 2030 18:00:00`, `Dec 31 2030` or an epoch, read in `zone`.

    A day, or a time that is the beginning or the end of one, becomes that day, inclusive: the server would have ended
    it when the day begins, so the customer gains at most a day. Another time stays a time. None: the server cannot read
    it either, or it lies outside the calendar.
    """
    at = _instant(text.strip(), zone)
    if at is None or not 1970 <= at.year <= 9997:
        return None
    return end_at(at.astimezone(zone))


def end_at(local: datetime) -> End:
    """A time that is the beginning or the end of a day is that day, inclusive."""
    whole = local.time().replace(microsecond=0) in {time(), time(23, 59), time(23, 59, 59)}
    return End(local.astimezone(UTC), local.date() if whole else local)


def ends_alike(old: End, ends: datetime, spread: timedelta) -> bool:
    """Whether `ends`, of git, keeps what an old date promised and gives at most a day and the spread more."""
    return old.at <= ends <= old.at + _A_DAY + spread


def _instant(text: str, zone: ZoneInfo) -> datetime | None:
    if re.fullmatch(r"[0-9]{9,12}", text):
        try:
            return datetime.fromtimestamp(int(text), zone)
        except (OverflowError, ValueError, OSError):
            return None
    found = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
    if found is None:
        return None
    month = found["month"][:3].lower()
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    try:
        number = _MONTHS.index(month) + 1
        return datetime(int(found["year"]), number, int(found["day"]), hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
