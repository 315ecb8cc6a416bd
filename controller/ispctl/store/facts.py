"""What only the network knows, as the server wrote it down: who asked, who was refused, who was online when.

Questions of `status`, and of nobody who writes. Times are compared with `since`, an aware moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_network
from itertools import chain, groupby
from typing import Any, Final, NamedTuple

from ispctl.store._sessions import select_sessions
from ispctl.store._store import Store
from ispctl.store.records import Session, moment, stamp
from ispctl.store.usage import LEFT
from ispctl.structs import Struct

_AT_ONCE: Final = 500
"""Parameters of one question."""
STALE: Final = "isp:stale"
"""Why a session ended of which nothing was heard any more: a prune closed it when it was last heard of."""
_WIDEST: Final = 16
"""Length of the largest IPv6 prefix that anybody might be given."""
Address = IPv4Address | IPv6Address
_TEXT: Final = "%Y-%m-%d %H:%M:%S"


class Stranger(NamedTuple):
    """An address that speaks RADIUS to us and is no NAS of ours."""

    address: str
    last_seen: datetime | None
    packets: int


class Began(NamedTuple):
    """How many sessions began on one NAS, which is all that an ordinary accept leaves behind. `nas`: its address."""

    nas: str
    times: int
    last: datetime | None


class Refused(NamedTuple):
    """How often one NAS met one refusal. `nas`: its short name, or the address of a stranger."""

    reason: str
    nas: str
    times: int
    last: datetime | None


class Did(Struct):
    """One change of a run; `outcome` is empty where it was done."""

    key: str
    action: str
    outcome: str


class DeviceRun(Struct):
    """What one run did to a NAS, or tried to."""

    run: str
    kind: str
    commit: str
    at: datetime | None
    changes: tuple[Did, ...]


class Bound(NamedTuple):
    """A device bound to a login; `learned` is None where git says so, else when the server learned it."""

    login: str
    mac: str
    learned: datetime | None


class Leases(NamedTuple):
    """The addresses of one pool that the server hands out, and how many of them are taken at a moment."""

    pool: str
    total: int
    taken: int


class Ran(NamedTuple):
    """A run that had applied a commit."""

    run: str
    commit: str
    at: datetime | None


class Heard(NamedTuple):
    """Open sessions of one NAS, by its address, and how many of them were not heard of lately."""

    nas: str
    sessions: int
    silent: int


# An open session says when it was last heard of by acctupdatetime, one that has ended by acctstoptime. The latter alone
# is indexed: a second index on what each report changes would make each report dear.


def last_report(store: Store) -> datetime | None:
    """When the newest accounting report came."""
    sql = (
        "SELECT max(acctstoptime) FROM radacct WHERE acctstoptime IS NOT NULL"
        " UNION ALL SELECT max(acctupdatetime) FROM radacct WHERE acctstoptime IS NULL"
    )
    return max(filter(None, (moment(at) for (at,) in store.database.query(sql))), default=None)


def last_reports(store: Store) -> dict[str, datetime]:
    """Address that a NAS gives itself -> when its newest accounting report came."""
    sql = (
        f"{_each('nasipaddress')} SELECT one, (SELECT max(acctstoptime) FROM radacct WHERE nasipaddress = one),"
        " (SELECT max(acctupdatetime) FROM radacct WHERE nasipaddress = one AND acctstoptime IS NULL)"
        " FROM each_one WHERE one IS NOT NULL"
    )
    found = ((nas, list(filter(None, map(moment, times)))) for nas, *times in store.database.stream(sql))
    return {str(nas): max(times) for nas, times in found if times}


def heard(store: Store, since: int) -> tuple[Heard, ...]:
    """The open sessions by NAS; silent is who has not reported since (seconds since 1970)."""
    database = store.database
    sql = (
        "SELECT nasipaddress, count(*),"
        f" sum(CASE WHEN acctupdatetime >= {database.dialect.instant} THEN 0 ELSE 1 END)"
        " FROM radacct WHERE acctstoptime IS NULL GROUP BY nasipaddress ORDER BY nasipaddress"
    )
    return tuple(Heard(str(nas or ""), int(count), int(silent)) for nas, count, silent in database.query(sql, (since,)))


def logins_of(store: Store, owners: Collection[str]) -> frozenset[str]:
    """The logins of these services (id/key)."""
    if len(owners) > _AT_ONCE:
        rows = store.database.stream("SELECT login, owner FROM ispctl_login")
        return frozenset(str(login) for login, owner in rows if owner in owners)
    found = store.database.among("SELECT login FROM ispctl_login WHERE owner IN ({})", sorted(owners))
    return frozenset(str(login) for (login,) in found)


def last_seen(store: Store, logins: Sequence[str] | None = None) -> dict[str, datetime]:
    """login -> when its newest session was last heard of, for every login (or these) that ever had one."""
    sql = (
        "{} SELECT one, (SELECT COALESCE(acctstoptime, acctupdatetime, acctstarttime) FROM radacct"
        " WHERE username = one AND acctstarttime IS NOT NULL ORDER BY acctstarttime DESC LIMIT 1)"
        " FROM each_one WHERE one IS NOT NULL"
    )
    rows: Iterable[tuple[Any, ...]]
    if logins is None:
        rows = store.database.stream(sql.format(_each("username")))
    else:
        parts = (logins[start : start + _AT_ONCE] for start in range(0, len(logins), _AT_ONCE))
        named = ((f"WITH each_one (one) AS (VALUES {', '.join(['(?)'] * len(part))})", part) for part in parts)
        rows = (row for values, part in named for row in store.database.query(sql.format(values), part))
    return {str(login): at for login, seconds in rows if (at := moment(seconds))}


def _each(column: str) -> str:
    """The values of a column of radacct, each once, by as many steps through an index as there are values, however many
    rows there are: the databases know no way of their own."""
    return (
        f"WITH RECURSIVE each_one (one) AS (SELECT min({column}) FROM radacct UNION ALL SELECT (SELECT min({column})"
        f" FROM radacct WHERE {column} > one) FROM each_one WHERE one IS NOT NULL)"
    )


def namesakes(store: Store, words: Iterable[str]) -> frozenset[str]:
    """The ids and logins of whoever was given something under one of these logins or ids, each by all of them."""
    wanted = {name for word in words for name in (word.casefold(), word.partition("/")[0]) if name.isascii()}
    owners = store.database.among("SELECT owner FROM ispctl_login WHERE login IN ({})", sorted(wanted))
    ids = {str(owner).partition("/")[0] for (owner,) in owners}
    rows = store.database.among("SELECT id, login FROM ispctl_service WHERE id IN ({})", sorted(ids | wanted))
    return frozenset(str(name) for row in rows for name in row)


def names_with(store: Store, text: str) -> frozenset[str]:
    """Logins and ids of some services in one of which a text stands; looks at all of them, where they are."""
    if not text.isascii():
        return frozenset()
    pattern = "%" + "".join(f"\\{one}" if one in "\\%_" else one for one in text) + "%"
    sql = "SELECT id, login FROM ispctl_service WHERE id LIKE ? ESCAPE '\\' OR login LIKE ? ESCAPE '\\' LIMIT 50"
    return frozenset(str(name) for row in store.database.query(sql, (pattern, pattern)) for name in row)


def states(store: Store) -> dict[str, int]:
    """How many services were given each state when they were last written."""
    sql = f"SELECT {store.database.dialect.state} AS state, count(*) FROM ispctl_service GROUP BY 1"
    return {str(state): int(count) for state, count in store.database.query(sql) if state}


def last_answer(store: Store) -> datetime | None:
    """When the server last wrote down a refusal, or an accept with something to say; None if it never did."""
    return moment(store.database.query("SELECT max(authdate) FROM radpostauth")[0][0])


def began(store: Store, since: datetime) -> tuple[Began, ...]:
    """How many sessions began on each NAS, by its address."""
    database, instant = store.database, store.database.dialect.instant
    # What began since has not ended before: the indexes on what is open and on the ends find it.
    of, new = "SELECT nasipaddress, acctstarttime FROM radacct WHERE", f"acctstarttime >= {instant}"
    sql = (
        "SELECT nasipaddress, count(*), max(acctstarttime) FROM"
        f" ({of} acctstoptime IS NULL AND {new} UNION ALL {of} acctstoptime >= {instant} AND {new}) AS new"
        " GROUP BY nasipaddress ORDER BY nasipaddress"
    )
    rows = database.query(sql, (stamp(since),) * 3)
    return tuple(Began(str(nas or ""), int(count), moment(at)) for nas, count, at in rows)


def spoke(store: Store, addresses: Collection[str], since: datetime) -> dict[str, int]:
    """Of how many sessions a NAS (by the address that it gives itself) has reported since; those of none are left
    out."""
    instant, mine = store.database.dialect.instant, "nasipaddress IN ({})"
    of = f"SELECT nasipaddress, count(*) FROM radacct WHERE {mine} AND"
    found: Counter[str] = Counter()
    for condition in (f"acctstoptime IS NULL AND acctupdatetime >= {instant}", f"acctstoptime >= {instant}"):
        sql = f"{of} {condition} GROUP BY nasipaddress"
        for nas, count in store.database.among(sql, sorted(addresses), (stamp(since),)):
            found[str(nas)] += int(count)
    return dict(found)


def online(store: Store, addresses: Collection[str]) -> Iterator[tuple[str, str]]:
    """(address of the NAS, login) of each open session there."""
    sql = "SELECT nasipaddress, username FROM radacct WHERE nasipaddress IN ({}) AND acctstoptime IS NULL"
    for nas, login in store.database.among(sql, sorted(addresses)):
        yield str(nas), str(login)


def addresses_on(store: Store, nas: Collection[str]) -> Iterator[str]:
    """The addresses and prefixes of the open sessions of a NAS (by the addresses that it gives itself)."""
    columns = ("framedipaddress", "framedipv6address", "framedipv6prefix", "delegatedipv6prefix")
    sql = f"SELECT {', '.join(columns)} FROM radacct WHERE nasipaddress IN ({{}}) AND acctstoptime IS NULL"
    for row in store.database.among(sql, sorted(nas)):
        yield from (str(one) for one in row if one)


def refusals(store: Store, since: datetime) -> tuple[Refused, ...]:
    """What was refused and where, most frequent first; strangers among them."""
    database = store.database
    sql = (
        "SELECT reason, nas, count(*), max(at) FROM ispctl_rejects"
        f" WHERE at >= {database.dialect.instant} GROUP BY reason, nas ORDER BY 3 DESC, 1, 2"
    )
    rows = database.query(sql, (stamp(since),))
    return tuple(Refused(str(reason or ""), str(nas or ""), int(count), moment(at)) for reason, nas, count, at in rows)


def device_runs(store: Store, target: str, limit: int) -> Iterator[DeviceRun]:
    """What the last runs did to one NAS, newest first. `target`: "nas:lalitpur-1"."""
    mine = "target = ? AND target <> 'radius'"
    rows = store.database.query(
        "SELECT done.run, about.kind, about.commit_id, about.started, done.kind, done.key, done.action, done.outcome"
        f" FROM ispctl_journal_change AS done JOIN ispctl_journal AS about ON about.run = done.run WHERE done.{mine}"
        f" AND done.run IN (SELECT run FROM ispctl_journal_change WHERE {mine} GROUP BY run ORDER BY max(at) DESC,"
        " run DESC LIMIT ?) ORDER BY about.started DESC, done.run DESC, done.kind, done.key",
        (target, target, limit),
    )
    for (run, kind, commit, started), found in groupby(rows, key=lambda row: row[:4]):
        did = tuple(Did(f"{one}/{key}", action, outcome) for *_, one, key, action, outcome in found)
        yield DeviceRun(run, kind, commit, moment(started), did)


def strangers(store: Store) -> tuple[Stranger, ...]:
    """The ten that spoke last, newest first."""
    sql = "SELECT address, last_seen, packets FROM ispctl_stranger ORDER BY last_seen DESC, address LIMIT 10"
    return tuple(Stranger(str(a), moment(at), int(packets)) for a, at, packets in store.database.query(sql))


def bound(store: Store, logins: Sequence[str]) -> tuple[Bound, ...]:
    """The devices of some logins, written and learned."""
    sql = "SELECT login, mac, learned FROM ispctl_mac WHERE login IN ({}) ORDER BY login, slot"
    rows = store.database.among(sql, sorted(set(logins)))
    return tuple(Bound(str(login), str(mac), moment(learned)) for login, mac, learned in rows)


def leases(store: Store, now: datetime) -> tuple[Leases, ...]:
    """The pools that the server itself serves."""
    sql = (
        "SELECT pool_name, count(*), sum(CASE WHEN expiry_time > ? THEN 1 ELSE 0 END) FROM radippool"
        " GROUP BY pool_name ORDER BY pool_name"
    )
    rows = store.database.query(sql, (f"{now:{_TEXT}}",))
    return tuple(Leases(str(pool), int(total), int(taken)) for pool, total, taken in rows)


def to_give(store: Store, login: str, mac: str, now: datetime) -> dict[str, int]:
    """How many addresses of each pool the server might give to a device (`mac` empty: it sends none): those that are
    free and have rested, and what it had itself."""
    sql = (
        f"SELECT pool_name, sum(CASE WHEN pool_key = ? OR {store.database.dialect.rested} THEN 1 ELSE 0 END)"
        " FROM radippool GROUP BY pool_name ORDER BY pool_name"
    )
    return {str(pool): int(count) for pool, count in store.database.query(sql, (f"{login}|{mac}", stamp(now)))}


def former_logins(store: Store) -> dict[str, str]:
    """Logins that were given up while a session was open, with the service (id/key) that each was of."""
    return {login: str(said.get("owner", "")) for login, said in store.objects(LEFT).items()}


def sessions_at(store: Store, at: datetime, logins: Sequence[str] | None = None) -> Iterator[Session]:
    """Who was online at a moment, as far as the accounting reaches back."""
    return select_sessions(store.database, _open_at(store), (stamp(at), stamp(at)), logins)


def held(store: Store, address: Address, at: datetime) -> tuple[Session, ...]:
    """The sessions that had an address at a moment, in a prefix of theirs or by itself; where none had, the last before
    it and the first after it. An IPv6 address is looked for in all sessions that there are."""
    instant, (condition, values) = store.database.dialect.instant, _having(address)
    parameters: tuple[int | str, ...] = (*values, stamp(at), stamp(at))
    if found := tuple(select_sessions(store.database, f"{condition} AND {_open_at(store)}", parameters, None)):
        return found
    before = f"acctstoptime <= {instant} ORDER BY acctstoptime DESC, acctuniqueid"
    after = f"acctstarttime > {instant} ORDER BY acctstarttime, acctuniqueid"
    of = f"acctuniqueid IN (SELECT acctuniqueid FROM radacct WHERE {condition} AND {{}} LIMIT 1)"
    near = (select_sessions(store.database, of.format(part), parameters[:-1], None) for part in (before, after))
    return tuple(chain.from_iterable(near))


def of_device(store: Store, mac: str, at: datetime) -> tuple[Session, ...]:
    """The sessions of a device at a moment. All that were open then are looked through."""
    condition = f"callingstationid = ? AND {_open_at(store)}"
    return tuple(select_sessions(store.database, condition, (mac, stamp(at), stamp(at)), None))


def _open_at(store: Store) -> str:
    """The condition under which a session was open at a moment, which is given twice."""
    instant = store.database.dialect.instant
    return f"acctstarttime <= {instant} AND (acctstoptime IS NULL OR acctstoptime > {instant})"


def learned(store: Store, mac: str) -> tuple[Bound, ...]:
    """The logins to which the server has bound a device by itself."""
    sql = "SELECT login, mac, learned FROM ispctl_mac WHERE mac = ? AND learned IS NOT NULL ORDER BY login"
    return tuple(Bound(str(login), str(one), moment(at)) for login, one, at in store.database.query(sql, (mac,)))


def _having(address: Address) -> tuple[str, tuple[str, ...]]:
    """The condition, and its parameters, under which a session has an address."""
    if address.version == 4:
        return "framedipaddress = ?", (str(address),)
    around = [str(ip_network((address, length), strict=False)) for length in range(_WIDEST, 129)]
    marks = ", ".join("?" * len(around))
    text = f"(framedipv6address = ? OR framedipv6prefix IN ({marks}) OR delegatedipv6prefix IN ({marks}))"
    return text, (str(address), *around, *around)


def was_on(
    store: Store, addresses: Collection[str], since: datetime, until: datetime, slack: timedelta
) -> dict[str, bool]:
    """The logins with a session on one of these NAS (by the address that it gives itself) in a span of time. False:
    nobody has ended it, and nothing was heard of it since `slack` before the span began; whether it was on is unknown.
    What was closed because it was silent counts as long as `slack` after it was last heard of."""
    database, instant, early = store.database, store.database.dialect.instant, stamp(since - slack)
    of = "SELECT username, acctstoptime, COALESCE(acctupdatetime, acctstarttime), acctterminatecause FROM radacct"
    ended = f"acctstoptime IS NULL OR acctstoptime > {instant}"
    sql = f"{of} WHERE nasipaddress IN ({{}}) AND ({ended}) AND acctstarttime < {instant}"
    found = dict[str, bool]()
    for login, stop, heard, cause in database.among(sql, sorted(addresses), (early, stamp(until))):
        if stop is not None and int(stop) <= stamp(since) and cause != STALE:
            continue
        found[str(login)] = found.get(str(login), False) or stop is not None or int(heard or 0) > early
    return found


def applied_at(store: Store, at: datetime) -> Ran | None:
    """What was applied at a moment, and the run that had applied it last; None where the journal does not reach back so
    far. The next run found it applied: how a run ended does not tell, since one whose sessions were not told has
    applied its commit all the same."""
    of = "FROM ispctl_journal WHERE kind IN ('apply', 'rollback', 'adopt') AND"
    later = f"SELECT base_id {of} (started > ? OR finished > ?) ORDER BY started, run LIMIT 1"
    found, applied = store.database.query(later, (stamp(at), stamp(at))), store.applied
    commit = str(found[0][0]) if found else applied.commit if applied else ""
    sql = f"SELECT run, finished {of} commit_id = ? AND finished <= ? ORDER BY finished DESC, run DESC LIMIT 1"
    rows = store.database.query(sql, (commit, stamp(at)))
    return Ran(str(rows[0][0]), commit, moment(rows[0][1])) if rows else None


def was_applied(store: Store, commit: str) -> bool:
    """Whether any run of the journal was about a commit."""
    return bool(store.database.query("SELECT 1 FROM ispctl_journal WHERE commit_id = ? LIMIT 1", (commit,)))


def failures(store: Store, run: str) -> tuple[str, ...]:
    """What a run could not do: one sentence a change, the same sentence once."""
    sql = "SELECT DISTINCT outcome FROM ispctl_journal_change WHERE run = ? AND outcome <> '' ORDER BY outcome LIMIT 10"
    return tuple(str(outcome) for (outcome,) in store.database.query(sql, (run,)))
