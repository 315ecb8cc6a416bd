"""The devices of subscribers: what each should hold, what it said of itself, what it took, which password it has."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from ispctl.store._store import Store
from ispctl.store.records import EPOCH, moment, stamp, stamp_or_none

_WANTED: Final = "SELECT serial, id, key, profile, login, password, changed, ends, holds, since FROM ispctl_cpe_wanted"
_SEEN: Final = (
    "SELECT device, serial, maker, model, software, root, address, first_seen, informed, events, known, faults, tries,"
    " rests FROM ispctl_cpe"
)


class Wanted(NamedTuple):
    """What a device should hold. `password`: sealed, or empty; `changed`: when it took the place of one that may still
    hold; `ends`: until when; `holds`: which of them the rows have (new, accepted, old, overdue)."""

    serial: str
    id: str
    key: str
    profile: str
    login: str
    password: str
    changed: datetime | None = None
    ends: datetime | None = None
    holds: str = "new"
    since: datetime | None = None
    """When an apply last wrote it; None where it is about to."""

    @property
    def owner(self) -> str:
        return f"{self.id}/{self.key}"


class Seen(NamedTuple):
    """A device that spoke to us. `faults`: what we set -> the code with which it was refused; `rests`: nothing is asked
    of it until then."""

    device: str
    serial: str
    maker: str
    model: str
    software: str
    root: str
    address: str
    first_seen: datetime
    informed: datetime
    events: str
    known: bool
    faults: Mapping[str, int]
    tries: int = 0
    rests: datetime | None = None


class Accepted(NamedTuple):
    """The device of a service took the password that came at `changed`; `up`: when it first spoke to us with it."""

    owner: str
    changed: datetime
    at: datetime
    up: datetime | None


# what each should hold


def wanted(store: Store, serial: str) -> Wanted | None:
    rows = store.database.query(f"{_WANTED} WHERE serial = ?", (serial,))
    return _wanted(rows[0]) if rows else None


def wanted_of(store: Store, owners: Collection[str]) -> dict[str, tuple[Wanted, ...]]:
    """Of these services (id/key)."""
    ids = sorted({owner.partition("/")[0] for owner in owners})
    found: dict[str, tuple[Wanted, ...]] = {}
    for row in map(_wanted, store.database.among(f"{_WANTED} WHERE id IN ({{}}) ORDER BY serial", ids)):
        if row.owner in owners:
            found[row.owner] = (*found.get(row.owner, ()), row)
    return found


def any_wanted(store: Store) -> bool:
    return bool(store.database.query("SELECT 1 FROM ispctl_cpe_wanted LIMIT 1"))


def put_wanted(store: Store, owner: str, rows: Iterable[Wanted], at: datetime) -> None:
    """All devices of a service; belongs into the transaction that writes what it is entitled to."""
    id, _, key = owner.partition("/")
    store.database.write("DELETE FROM ispctl_cpe_wanted WHERE id = ? AND key = ?", (id, key))
    for row in rows:
        store.database.write(
            "INSERT INTO ispctl_cpe_wanted (serial, id, key, profile, login, password, changed, ends, holds, since)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (serial) DO UPDATE SET id = excluded.id,"
            " key = excluded.key, profile = excluded.profile, login = excluded.login, password = excluded.password,"
            " changed = excluded.changed, ends = excluded.ends, holds = excluded.holds,"
            " since = excluded.since",
            (*row[:6], stamp_or_none(row.changed), stamp_or_none(row.ends), row.holds, stamp(at)),
        )


# what it said


def seen(store: Store, device: str) -> Seen | None:
    rows = store.database.query(f"{_SEEN} WHERE device = ?", (device,))
    return _seen(rows[0]) if rows else None


def put_seen(store: Store, one: Seen) -> None:
    store.database.write(
        "INSERT INTO ispctl_cpe (device, serial, maker, model, software, root, address, first_seen, informed, events,"
        " known, faults, tries, rests) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device) DO UPDATE"
        " SET serial = excluded.serial, maker = excluded.maker, model = excluded.model, software = excluded.software,"
        " root = excluded.root, address = excluded.address, informed = excluded.informed, events = excluded.events,"
        " known = excluded.known, faults = excluded.faults, tries = excluded.tries, rests = excluded.rests",
        (
            *one[:7],
            stamp(one.first_seen),
            stamp(one.informed),
            one.events,
            int(one.known),
            json.dumps(dict(one.faults), sort_keys=True),
            one.tries,
            stamp_or_none(one.rests),
        ),
    )


def strangers(store: Store) -> int:
    """How many devices are in quarantine."""
    return int(store.database.query("SELECT count(*) FROM ispctl_cpe WHERE known = 0")[0][0])


def refusing(store: Store) -> int:
    """How many devices of somebody refuse something."""
    return int(store.database.query("SELECT count(*) FROM ispctl_cpe WHERE known = 1 AND faults <> '{}'")[0][0])


# what it took


def marks(store: Store, device: str) -> dict[str, str]:
    """The keyed hash of each value that a device took, by what we call the value."""
    rows = store.database.query("SELECT word, mark FROM ispctl_cpe_value WHERE device = ?", (device,))
    return {str(word): str(mark) for word, mark in rows}


def put_mark(store: Store, device: str, word: str, mark: str, status: int, at: datetime) -> None:
    store.database.write(
        "INSERT INTO ispctl_cpe_value (device, word, mark, status, at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (device, word) DO UPDATE SET mark = excluded.mark, status = excluded.status, at = excluded.at",
        (device, word, mark, status, stamp(at)),
    )


def forget_marks(store: Store, device: str, words: Iterable[str] | None = None) -> None:
    """What it took is gone, or may be; None: all of it, as after a factory reset, or with other firmware."""
    if words is None:
        store.database.write("DELETE FROM ispctl_cpe_value WHERE device = ?", (device,))
        return
    with store.transaction():
        for word in words:
            store.database.write("DELETE FROM ispctl_cpe_value WHERE device = ? AND word = ?", (device, word))


# which password it has


def put_accepted(store: Store, wanted: Wanted, at: datetime) -> bool:
    """A device took the password that is to take the place of another. Whether that is news."""
    assert wanted.changed is not None
    return bool(
        store.database.write(
            "INSERT INTO ispctl_cpe_accepted (id, key, changed, at) VALUES (?, ?, ?, ?) ON CONFLICT (id, key) DO UPDATE"
            " SET changed = excluded.changed, at = excluded.at, up = NULL, applied = NULL"
            " WHERE ispctl_cpe_accepted.changed <> excluded.changed",
            (wanted.id, wanted.key, stamp(wanted.changed), stamp(at)),
        )
    )


def put_up(store: Store, owner: str, at: datetime) -> None:
    """The device of a service spoke to us again since it took its password."""
    id, _, key = owner.partition("/")
    sql = "UPDATE ispctl_cpe_accepted SET up = ? WHERE id = ? AND key = ? AND up IS NULL AND at < ?"
    store.database.write(sql, (stamp(at), id, key, stamp(at)))


def taken(store: Store, owners: Collection[str]) -> dict[str, tuple[datetime, datetime]]:
    """Which new password the device of each of these services took last (when that came into its file), and when."""
    return {owner: (one.changed, one.at) for owner, one in accepted(store, owners).items()}


def accepted(store: Store, owners: Collection[str]) -> dict[str, Accepted]:
    """The same, with when the device spoke to us since."""
    ids = sorted({owner.partition("/")[0] for owner in owners})
    rows = store.database.among("SELECT id, key, changed, at, up FROM ispctl_cpe_accepted WHERE id IN ({})", ids)
    found = (
        Accepted(f"{id}/{key}", moment(c) or EPOCH, moment(at) or EPOCH, moment(up)) for id, key, c, at, up in rows
    )
    return {one.owner: one for one in found if one.owner in owners}


def to_look_at(store: Store) -> frozenset[str]:
    """The services of which no apply knows as yet what their device took."""
    rows = store.database.query(
        "SELECT a.id, a.key FROM ispctl_cpe_accepted a JOIN ispctl_cpe_wanted w ON w.id = a.id AND w.key = a.key"
        " WHERE a.applied IS NULL AND w.changed IS NOT NULL"
    )
    return frozenset(f"{id}/{key}" for id, key in rows)


def overdue(store: Store) -> tuple[str, ...]:
    """The services whose new password holds though their device has not taken it."""
    rows = store.database.query("SELECT id, key FROM ispctl_cpe_wanted WHERE holds = 'overdue' ORDER BY id, key")
    return tuple(f"{id}/{key}" for id, key in rows)


def put_applied(store: Store, owner: str, changed: datetime, at: datetime) -> None:
    """An apply knew what the device of a service took; belongs into the transaction of what it is entitled to."""
    id, _, key = owner.partition("/")
    sql = "UPDATE ispctl_cpe_accepted SET applied = ? WHERE id = ? AND key = ? AND changed = ? AND applied IS NULL"
    store.database.write(sql, (stamp(at), id, key, stamp(changed)))


def _wanted(row: tuple[Any, ...]) -> Wanted:
    serial, id, key, profile, login, password, changed, ends, holds, since = row
    return Wanted(serial, id, key, profile, login, password, moment(changed), moment(ends), holds, moment(since))


def _seen(row: tuple[Any, ...]) -> Seen:
    device, serial, maker, model, software, root, address, first, informed, events, known, faults, tries, rests = row
    since, at = moment(first) or EPOCH, moment(informed) or EPOCH
    said: dict[str, int] = json.loads(faults)
    who = (device, serial, maker, model, software, root, address)
    return Seen(*who, since, at, events, bool(known), said, int(tries), moment(rests))


def all_wanted(store: Store) -> Iterator[Wanted]:
    """Of every device, by serial number; sealed passwords left out, which whoever only looks may not see."""
    sql = _WANTED.replace(" password,", " '',")
    return map(_wanted, store.database.stream(f"{sql} ORDER BY serial"))


def listed(store: Store) -> Iterator[Seen]:
    """All devices that ever spoke to us, by their names."""
    return map(_seen, store.database.stream(f"{_SEEN} ORDER BY device"))
