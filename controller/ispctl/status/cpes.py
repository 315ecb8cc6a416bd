"""`ispstat cpe`: the devices of subscribers: which call, what they took, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from ispctl.desired import sealed_digest
from ispctl.model.problem import Problem, Refusal
from ispctl.repo import Holding
from ispctl.status.present import Screen, csv_of, table
from ispctl.status.values import when
from ispctl.status.view import View, entitled
from ispctl.store import cpes
from ispctl.store.cpes import Seen, Wanted
from ispctl.structs import Struct

State = Literal["well", "waits", "refused", "never called", "quarantined"]
BEHIND: Final[tuple[State, ...]] = ("waits", "refused", "never called")
"""Those of somebody who do not have what they should."""
MEANINGS: Final[Mapping[int, str]] = {
    1: "the device has no such object",
    2: "several objects fit, and the profile does not say which",
    3: "another data model than the profile's",
    4: "a value that no message can hold",
    5: "no profile of that name",
    6: "the password does not open",
    9000: "method not supported",
    9001: "request denied",
    9002: "internal error, or a damaged answer",
    9003: "invalid arguments",
    9004: "resources exceeded",
    9005: "no such parameter",
    9006: "another type",
    9007: "invalid value",
    9008: "not writable",
}
HOLDS: Final[Mapping[str, str]] = {
    "new": "",
    "accepted": "new, taken",
    "old": "old, until taken",
    "overdue": "new, NOT TAKEN",
}
_HEADINGS: Final = ("SERIAL", "SERVICE", "STATE", "LAST INFORM", "MODEL", "SOFTWARE", "PASSWORD", "REFUSED")


class Managed(Struct):
    """A device that called, or that somebody is linked to, or both. `id`, `key` and `profile` are empty in quarantine.
    `password`: which one RADIUS takes: "new", or of one that is being changed "old" (the device does not have the new
    one), "accepted" or "overdue" (it holds though the device never took it), until `deadline`. `wanted`: when an apply
    last wrote what it should hold."""

    serial: str
    id: str
    key: str
    profile: str
    state: State
    informed: datetime | None
    first_seen: datetime | None
    device: str
    maker: str
    model: str
    software: str
    root: str
    address: str
    events: str
    faults: Mapping[str, int]
    rests: datetime | None
    password: str
    deadline: datetime | None
    wanted: datetime | None


def managed(view: View, term: str = "") -> tuple[Managed, ...] | None:
    """All devices, or those of a serial number, a login, an id or id/key. None where the database gives no answer.
    Raises Refusal E321 for a name that is nobody's."""
    asked = view.ask(lambda store: (tuple(cpes.all_wanted(store)), tuple(cpes.listed(store))))
    if asked is None:
        return None
    found = tuple(_joined(*asked))
    if not term:
        return found
    mine = tuple(one for one in found if term in (one.serial, one.device))
    if mine:
        return mine
    view.meet(term)
    owners = {held.owner for held in view.head.find(term)}
    if not owners:
        advice = "Take a serial number, a login, an id or id/key; ispstat cpe names every device"
        raise Refusal(Problem("E321", "there is no device, subscriber or login of that name", advice=advice))
    return tuple(one for one in found if f"{one.id}/{one.key}" in owners)


def in_force(view: View, held: Holding) -> tuple[str, str]:
    """The password, sealed, that RADIUS takes for a service, and which it is (as `Managed.password`): as the last apply
    wrote it, whatever the device has taken since; else as git has it. Empty where it has none."""
    service, entitlement = held.service, entitled(held, view.head, view.now)
    if entitlement is None or entitlement.new_password is None:
        return (entitlement.sealed if entitlement else service.password) or "", "new"
    key = entitlement.id, entitlement.key
    written = view.ask(lambda store: [row.said("password") for row in store.entitlements([key])])
    known = {sealed_digest(one.password): one.password for one in service.old_passwords}
    if written and written[0] in known:
        return known[written[0]], "old"
    return entitlement.sealed or "", entitlement.new_password.holds


def _joined(wanted: Sequence[Wanted], seen: Sequence[Seen]) -> Iterator[Managed]:
    by_serial = {one.serial: one for one in wanted}
    called = {one.serial for one in seen}
    for one in sorted(seen, key=lambda one: (one.serial, one.device)):
        yield _one(by_serial.get(one.serial), one)
    for row in wanted:
        if row.serial not in called:
            yield _one(row, None)


def _one(wanted: Wanted | None, seen: Seen | None) -> Managed:
    return Managed(
        serial=wanted.serial if wanted else seen.serial if seen else "",
        id=wanted.id if wanted else "",
        key=wanted.key if wanted else "",
        profile=wanted.profile if wanted else "",
        state=_state(wanted, seen),
        informed=seen.informed if seen else None,
        first_seen=seen.first_seen if seen else None,
        device=seen.device if seen else "",
        maker=seen.maker if seen else "",
        model=seen.model if seen else "",
        software=seen.software if seen else "",
        root=seen.root if seen else "",
        address=seen.address if seen else "",
        events=seen.events if seen else "",
        faults=seen.faults if seen else {},
        rests=seen.rests if seen else None,
        password=wanted.holds if wanted else "",
        deadline=wanted.ends if wanted else None,
        wanted=wanted.since if wanted else None,
    )


def _state(wanted: Wanted | None, seen: Seen | None) -> State:
    if seen is None:
        return "never called"
    if wanted is None:
        return "quarantined"
    if seen.faults:
        return "refused"
    return "waits" if wanted.since is not None and wanted.since > seen.informed else "well"


def shown(found: Sequence[Managed], screen: Screen) -> str:
    """A line for each device, and what is refused in words."""
    if not found:
        return "No device of a subscriber is linked, and none has called."
    lines = [table(_HEADINGS, (_line(one, screen) for one in found), screen)]
    codes = sorted({code for one in found for code in one.faults.values()})
    lines += [f"{code}: {MEANINGS.get(code, 'see the device')}" for code in codes]
    return "\n".join(lines)


def _line(one: Managed, screen: Screen) -> list[str]:
    refused = ", ".join(f"{word} {code}" for word, code in sorted(one.faults.items()))
    service = f"{one.id}/{one.key}" if one.id else ""
    informed = when(one.informed, screen.zone) if one.informed else ""
    password = HOLDS.get(one.password, one.password)
    return [one.serial, service, one.state, informed, one.model, one.software, password, refused]


def csv(found: Sequence[Managed], screen: Screen) -> str:
    """One line a device."""
    headings = (
        *("serial", "id", "key", "profile", "state", "informed", "first_seen", "device", "maker", "model", "software"),
        *("root", "address", "events", "faults", "rests", "password", "deadline", "wanted"),
    )
    rows = ([_cell(getattr(one, name)) for name in headings] for one in found)
    return csv_of(headings, rows, screen)


def _cell(value: object) -> object:
    return " ".join(f"{word}={code}" for word, code in value.items()) if isinstance(value, Mapping) else value
