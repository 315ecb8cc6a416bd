"""Which password a service has while a new one is on its way to its device. Pure.

A router that dials in with the old password cannot be told the new one by a network that does not let it in. So the old
one holds until the device says that it took the new one, at most until its time is over.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from ispctl.desired._frame import Frame
from ispctl.desired._values import NewPassword
from ispctl.model.record import Loc
from ispctl.model.subscriber import Service


class Password(NamedTuple):
    """What holds, sealed; what is on its way, if anything is; and where in the service it stands."""

    sealed: str | None
    new: NewPassword | None
    at: Loc


def end_of(service: Service, frame: Frame) -> datetime | None:
    """When the newest password holds whatever the device says; None where no other does."""
    return frame.moment(service.old_passwords[-1].until) if service.old_passwords else None


def password(service: Service, owner: str, frame: Frame, now: datetime) -> Password:
    """What holds at a moment. What a device took later than that is not known then."""
    old, end = service.old_passwords, end_of(service, frame)
    if not old or service.password is None or end is None:
        return Password(service.password, None, ("password",))
    changes = [frame.moment(one.replaced) for one in old]
    changed, at = frame.context.taken.get(owner, (None, now))
    taken = changed if changed in changes and at <= now else None
    if taken != changes[-1] and now < end:
        number = 0 if taken is None else changes.index(taken) + 1
        new = NewPassword("old", changes[-1], end, taken, service.password)
        return Password(old[number].password, new, ("old_passwords", number, "password"))
    holds: Literal["accepted", "overdue"] = "accepted" if taken == changes[-1] else "overdue"
    new = NewPassword(holds, changes[-1], end, taken, service.password)
    return Password(service.password, new, ("password",))
