"""What services used, by local days: counted from radacct, and asked for.

A count looks at the sessions whose totals differ from what was counted of them: open ones, those whose end is news, and
new ones. What a session moved since and that it was counted change in one transaction, some hundred sessions at once;
so whoever is killed goes on there, and counting again counts nothing. Only one counts at a time: it holds the lock.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from ispctl.store._counting import WHOLE_DAY, Counters, moved, spread
from ispctl.store._link import Row
from ispctl.store._store import Store
from ispctl.store.records import moment, stamp
from ispctl.structs import Struct, replace

_SLACK: Final = 1000
"""Rows below the mark that may have come into sight since."""
_FIRST: Final = timedelta(days=62)
"""So far a first count looks back at sessions that have ended."""
_SETTLING: Final = timedelta(hours=1)
"""So long after its end was seen a late report of a session may still come."""


class Way(NamedTuple):
    """How a NAS counts: see `accounting` of the inventory."""

    subscriber: bool = False
    """Whether Acct-Input is what the subscriber receives."""
    gigawords: bool = True


class Counted(Struct):
    """What a count found: sessions looked at, and octets. `done`: nothing is left."""

    sessions: int = 0
    down: int = 0
    up: int = 0
    done: bool = True


class Day(NamedTuple):
    """Octets of one service on one local day, as the subscriber sees them."""

    day: date
    down: int
    up: int


_CHANGED: Final = "COALESCE(a.acctinputoctets, 0) <> c.octets_in OR COALESCE(a.acctoutputoctets, 0) <> c.octets_out"
LEFT: Final = "left"
"""Kind of objects: the logins that were given up, with their last owners, until their sessions have ended."""
_OURS: Final = (
    "(EXISTS (SELECT 1 FROM ispctl_login l WHERE l.login = a.username)"
    f" OR EXISTS (SELECT 1 FROM ispctl_object o WHERE o.kind = '{LEFT}' AND o.key = a.username))"
)
_OPEN: Final = (
    "SELECT a.radacctid FROM radacct a LEFT JOIN ispctl_counted c ON c.acctid = a.radacctid"
    f" WHERE a.acctstoptime IS NULL AND (c.acctid IS NULL AND {_OURS} OR c.acctid IS NOT NULL AND ({_CHANGED}))"
)
_ENDED: Final = (
    "SELECT a.radacctid FROM ispctl_counted c JOIN radacct a ON a.radacctid = c.acctid"
    f" WHERE a.acctstoptime IS NOT NULL AND (c.ended IS NULL OR c.ended > ? AND ({_CHANGED}))"
)
_NEW: Final = (
    "SELECT a.radacctid FROM radacct a LEFT JOIN ispctl_counted c ON c.acctid = a.radacctid"
    f" WHERE a.acctstoptime IS NOT NULL AND c.acctid IS NULL AND {{}} AND {_OURS}"
)
_READ: Final = (
    "SELECT a.radacctid, a.acctuniqueid, COALESCE(c.owner, l.owner), a.username, a.nasipaddress,"
    " a.acctstarttime, a.acctupdatetime, a.acctstoptime, a.acctinputoctets, a.acctoutputoctets,"
    " c.octets_in, c.octets_out, c.at, c.ended,"
    " (SELECT max(m.hourly) FROM ispctl_meter m WHERE m.owner = COALESCE(c.owner, l.owner))"
    " FROM radacct a LEFT JOIN ispctl_counted c ON c.acctid = a.radacctid"
    " LEFT JOIN ispctl_login l ON l.login = a.username WHERE a.radacctid IN ({})"
)


def count(
    store: Store,
    ways: Mapping[str, Way],
    zone: ZoneInfo,
    now: datetime,
    enough: Callable[[], bool] = lambda: False,
) -> Counted:
    """Count what was moved since the last count, or a part, once `enough` says so; the next goes on there. `ways`:
    by the address that a NAS gives itself."""
    _rejoin(store)
    counted, highest = Counted(), _highest(store)
    left = {login: str(said.get("owner", "")) for login, said in store.objects(LEFT).items()}
    ids = _to_count(store, now)
    step = store.database.dialect.chunk
    for start in range(0, len(ids), step):
        with store.transaction():
            done = _batch(store, ids[start : start + step], ways, zone, stamp(now), left)
        counted = Counted(counted.sessions + done.sessions, counted.down + done.down, counted.up + done.up)
        if start + step < len(ids) and enough():
            return replace(counted, done=False)
    with store.transaction():
        store.database.write(
            "INSERT INTO ispctl_count (name, mark, at) VALUES ('usage', ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET mark = excluded.mark, at = excluded.at",
            (highest, stamp(now)),
        )
    return counted


def last_count(store: Store) -> datetime | None:
    """When usage was last counted; None: never."""
    rows = _marked(store)
    return moment(rows[0][1]) if rows else None


def by_day(store: Store, owners: Collection[str], since: date) -> dict[str, tuple[Day, ...]]:
    """What these services used from a day on, by service, day after day; days without usage are left out."""
    sql = (
        "SELECT owner, day, sum(down), sum(up) FROM ispctl_usage WHERE owner IN ({}) AND day >= ?"
        " GROUP BY owner, day ORDER BY owner, day"
    )
    found: dict[str, list[Day]] = {}
    for owner, day, down, up in store.database.among(sql, sorted(owners), (number(since),)):
        found.setdefault(str(owner), []).append(Day(_day(day), int(down), int(up)))
    return {owner: tuple(days) for owner, days in found.items()}


def most(store: Store, since: date, limit: int, counts: str = "both") -> list[tuple[str, int, int]]:
    """(service, down, up) of those who used most from a day on; `counts`: down, up or both."""
    order = {"down": "sum(down)", "up": "sum(up)"}.get(counts, "sum(down) + sum(up)")
    sql = (
        "SELECT owner, sum(down), sum(up) FROM ispctl_usage WHERE day >= ? GROUP BY owner"
        f" ORDER BY {order} DESC, owner LIMIT ?"
    )
    return [(str(owner), int(down), int(up)) for owner, down, up in store.database.query(sql, (number(since), limit))]


def number(day: date) -> int:
    """A day as it is kept: 20261126."""
    return day.year * 10000 + day.month * 100 + day.day


def _day(kept: int) -> date:
    return date(kept // 10000, kept // 100 % 100, kept % 100)


def _rejoin(store: Store) -> None:
    """Sessions that were restored have other numbers than those that were counted."""
    if not store.database.query("SELECT 1 FROM ispctl_counted WHERE acctid IS NULL LIMIT 1"):
        return
    with store.transaction():
        store.database.write(
            "UPDATE ispctl_counted SET acctid = (SELECT a.radacctid FROM radacct a"
            " WHERE a.acctuniqueid = ispctl_counted.session) WHERE acctid IS NULL"
        )
        store.database.write("DELETE FROM ispctl_counted WHERE acctid IS NULL")


def _marked(store: Store) -> list[Row]:
    """The highest row that was looked at, and when; nothing before the first count."""
    return store.database.query("SELECT mark, at FROM ispctl_count WHERE name = 'usage'")


def _highest(store: Store) -> int:
    """-1 before anybody is ours: whoever will be brings what is kept of his sessions."""
    if not store.database.query("SELECT 1 FROM ispctl_login LIMIT 1"):
        return -1
    return int(store.database.query("SELECT COALESCE(max(radacctid), 0) FROM radacct")[0][0])


def _to_count(store: Store, now: datetime) -> array[int]:
    """The sessions of which something is news."""
    rows, instant = _marked(store), store.database.dialect.instant
    mark = int(rows[0][0]) if rows else -1
    above = ("a.radacctid > ?", mark - _SLACK) if mark >= 0 else (f"a.acctstoptime >= {instant}", stamp(now - _FIRST))
    parts = ((_OPEN, ()), (_ENDED, (stamp(now - _SETTLING),)), (_NEW.format(above[0]), (above[1],)))
    return array("q", sorted({int(row[0]) for sql, values in parts for row in store.database.stream(sql, values)}))


def _batch(
    store: Store, ids: Iterable[int], ways: Mapping[str, Way], zone: ZoneInfo, now: int, left: Mapping[str, str]
) -> Counted:
    """Some sessions; inside a transaction. `left`: who had a login that was given up."""
    used: dict[tuple[str, int, int], list[int]] = {}
    kept: list[tuple[str | int | None, ...]] = []
    numbers = [str(id) for id in ids]
    for row in store.database.query(_READ.format(",".join(numbers))):
        owner = str(row[2] or left.get(str(row[3]), ""))
        if not owner:
            continue
        entry, parts = _counted(owner, row, ways, zone, now)
        kept.append(entry)
        for day, hour, down, up in parts:
            sums = used.setdefault((owner, day, hour if row[14] else WHOLE_DAY), [0, 0])
            sums[0] += down
            sums[1] += up
    _write(store, kept, used)
    return Counted(len(kept), sum(down for down, _ in used.values()), sum(up for _, up in used.values()))


def _counted(
    owner: str, row: Row, ways: Mapping[str, Way], zone: ZoneInfo, now: int
) -> tuple[tuple[str | int | None, ...], Iterator[tuple[int, int, int, int]]]:
    """What is to be kept of a session, and what it moved when."""
    id, unique, _, _, nas, *said, was_in, was_out, was_at, ended, _ = row
    started, updated, stopped, received, given = map(_whole, said)
    way = ways.get(str(nas), Way())
    heard = min(max(updated, stopped, started), now)
    began = min(started or heard, heard)
    before = Counters(0, 0, began) if was_at is None else Counters(was_in, was_out, was_at)
    more_in, more_out, after = moved(before, Counters(received, given, heard), gigawords=way.gigawords)
    down, up = (more_in, more_out) if way.subscriber else (more_out, more_in)
    over = None if said[2] is None else ended or now
    entry = (id, str(unique), owner, after.octets_in, after.octets_out, after.at, over)
    parts = spread(down, up, before.at, heard, zone) if down or up else iter(())
    return entry, parts


def _whole(value: object) -> int:
    """A number of a row; nought for what is none, or what somebody wrote there by hand."""
    return max(value, 0) if isinstance(value, int) else 0


def _write(
    store: Store, kept: list[tuple[str | int | None, ...]], used: Mapping[tuple[str, int, int], list[int]]
) -> None:
    store.database.write_many(
        "INSERT INTO ispctl_counted (acctid, session, owner, octets_in, octets_out, at, ended)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (acctid) DO UPDATE SET session = excluded.session,"
        " octets_in = excluded.octets_in, octets_out = excluded.octets_out, at = excluded.at, ended = excluded.ended",
        kept,
    )
    store.database.write_many(
        "INSERT INTO ispctl_usage (owner, day, hour, down, up) VALUES (?, ?, ?, ?, ?) ON CONFLICT (owner, day, hour)"
        " DO UPDATE SET down = ispctl_usage.down + excluded.down, up = ispctl_usage.up + excluded.up",
        [(*place, down, up) for place, (down, up) in sorted(used.items())],
    )
    sums: dict[str, list[int]] = {}
    for (owner, _, _), (down, up) in used.items():
        total = sums.setdefault(owner, [0, 0])
        total[0] += down
        total[1] += up
    store.database.write_many(
        "UPDATE ispctl_meter SET used = used + CASE counts WHEN 'down' THEN ? WHEN 'up' THEN ? ELSE ? END"
        " WHERE owner = ?",
        [(down, up, down + up, owner) for owner, (down, up) in sorted(sums.items())],
    )
