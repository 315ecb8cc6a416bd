"""What a plan, an apply and a repair leave alone because somebody said so, in words for all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from ispctl.report._words import clean, listed, local, masked, place, plural

if TYPE_CHECKING:
    from ispctl.report.shapes import HeadJson, StopJson


def stops(found: Sequence[StopJson], logins: Collection[str] = ()) -> Iterator[str]:
    """A sentence for each: what is left alone, how long and why, and what waits for it. Names nobody."""
    for one in found:
        why = f": {masked(one['reason'], logins)}" if one["reason"] else ""
        until = f" until {local(one['until'])}" if one["until"] else ""
        by = f" by {clean(one['by'])}" if one["id"] and one["by"] else ""
        yield f"{one['kind'].upper()}: {clean(one['what'])}{until}{by}{why}. {_waiting(one)}"


def _waiting(one: StopJson) -> str:
    if not one["changes"]:
        return "Nothing here waits for it"
    of = f" of {plural(len(one['services']), 'service')}: {listed(one['services'])}" if one["services"] else ""
    return f"Left as it is: {plural(len(one['changes']), 'change')}{of}"


def endings(plan: HeadJson) -> Iterator[str]:
    """A sentence for each NAS on which sessions end because it is configured."""
    for one in plan["ends"]:
        many = f"at most those of {plural(one['at_most'] or 0, 'service')}, as many as git has there"
        if one["sessions"] is not None:
            many = f"{plural(one['sessions'], 'session')}, all that are there now"
        yield f"ENDS SESSIONS: {clean(one['target'])}: {many}"


def switches(plan: HeadJson) -> Iterator[str]:
    """A sentence for each part that is managed otherwise from now on."""
    for one in plan["switches"]:
        who = f" ({plural(one['services'], 'service')})" if one["services"] else ""
        turned = "written from now on" if one["now"] == "enforce" else "only observed from now on"
        at = f" ({place(one['because'])})" if one["because"]["file"] else ""
        yield f"MANAGED: {clean(one['what'])}{who}: {one['was']} → {one['now']}, {turned}{at}"


def announcement(plan: HeadJson) -> list[str]:
    """What the clock takes next, where it takes something."""
    coming = plan["coming"]
    if coming is None or not coming["ends"]:
        return []
    ends = "1 service ends" if coming["ends"] == 1 else f"{coming['ends']:,} services end"
    return [f"By the clock alone, {ends} until {local(coming['until'])}."]
