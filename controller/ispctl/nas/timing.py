"""When NAS are left alone: freezes, and the window for what ends sessions. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from ispctl.model.days import ending, moment
from ispctl.model.device import NasPolicy, Window


def closed_until(policy: NasPolicy, zone: ZoneInfo, now: datetime, *, disruptive: bool) -> tuple[datetime, str] | None:
    """Until when nothing may be done (aware), and why; None where it may be done now. `disruptive`: sessions end."""
    for freeze in policy.freezes:
        if moment(freeze.start, zone) <= now < (ends := ending(freeze.end, zone, "", 0)):
            return ends, f"frozen: {freeze.reason}"
    if not disruptive or policy.window is None or _within(policy.window, now.astimezone(zone).time()):
        return None
    opens = _next(policy.window, now.astimezone(zone))
    return opens, f"it ends sessions, which is done from {policy.window.start} to {policy.window.end}"


def _within(window: Window, at: time) -> bool:
    start, stop = time.fromisoformat(window.start), time.fromisoformat(window.end)
    return start <= at < stop if start <= stop else at >= start or at < stop


def _next(window: Window, local: datetime) -> datetime:
    start = time.fromisoformat(window.start)
    day = local.date() if local.time() < start else local.date() + timedelta(days=1)
    return datetime.combine(day, start, local.tzinfo)
