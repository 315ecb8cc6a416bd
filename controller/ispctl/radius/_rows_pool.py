"""Addresses that the server hands out (radippool), and realms: read and written by key, one key for each range.

An address that is taken out of a pool drains: its row moves to the pool "-", from which nothing is handed out, so that
its lease goes on and ends as every lease does; then the row goes, with the next address that the server gives. A range
of IPv6 is cut into prefixes of one length, and what holds for an address holds for a prefix.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

from ispctl.plan import Fields, Value
from ispctl.radius._rows_text import Unfit
from ispctl.store import Database, odd

DRAINING: Final = "-"
ALTERED: Final = ("altered",)
_NEVER: Final = "2000-01-01 00:00:00"
"""The lease of an address that nobody has had."""
_NOTE: Final = (
    "INSERT INTO ispctl_object (kind, key, value) VALUES (?, ?, ?)"
    " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value"
)


@lru_cache(maxsize=256)
def addresses(net: str, length: int, without: tuple[str, ...]) -> frozenset[str]:
    """What a range has to give: all but network, broadcast and what is excepted; of IPv6, prefixes of `length`."""
    around = ip_network(net)
    parts = around.hosts() if isinstance(around, IPv4Network) else around.subnets(new_prefix=length)
    return frozenset(map(str, parts)) - frozenset(without)


class Ranges:
    """The rows of radippool that belong to ranges of ours. `noted` in ispctl_object says what each was made from."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, names: Sequence[str] | None) -> Iterator[tuple[str, Fields]]:
        for net, noted in sorted(self._noted().items()):
            if names is None or net in names:
                yield net, self._found(net, noted)

    def foreign(self, names: Sequence[str]) -> frozenset[str]:
        """Which of these ranges hold addresses of a pool that is not ours."""
        ours = {DRAINING, *(str(noted.get("pool")) for noted in self._noted().values())}
        rows = self._database.query("SELECT pool_name, framedipaddress FROM radippool")
        there = [_network(address) for pool, address in rows if pool not in ours]
        return frozenset(net for net in names if any(_meet(address, ip_network(net)) for address in there))

    def write(self, net: str, _: Fields | None, want: Fields | None) -> None:
        noted = self._noted()
        before = noted.pop(net, {})
        wanted: frozenset[str] = frozenset()
        length = 32
        if want is not None:
            without = tuple(map(str, _texts(want["without"])))
            pool, length, rest = str(want["pool"]), int(str(want.get("length", 32))), int(str(want["rest"]))
            wanted = addresses(net, length, without)
            said = json.dumps({"pool": pool, "length": length, "without": without, "rest": rest}, sort_keys=True)
            self._database.write(_NOTE, ("range", net, said))
            self._database.write_many(
                "INSERT INTO radippool (pool_name, framedipaddress, expiry_time, rest) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (framedipaddress) DO UPDATE SET pool_name = excluded.pool_name, rest = excluded.rest",
                [(pool, address, _NEVER, rest) for address in sorted(wanted)],
            )
        else:
            self._database.write("DELETE FROM ispctl_object WHERE kind = 'range' AND key = ?", (net,))
        others = frozenset[str]().union(*(_noted_addresses(n, o) for n, o in noted.items()))
        there = self._there(net, str(before.get("pool", "")))
        gone = sorted(address for address, _ in there if address not in wanted | others)
        sql = f"UPDATE radippool SET pool_name = '{DRAINING}' WHERE framedipaddress = ?"
        self._database.write_many(sql, [(address,) for address in gone])
        if want is not None and ":" in net:  # once nothing is given from the old rows any more
            self._see_none_cut_otherwise(net, length)
        self._database.write(
            f"DELETE FROM radippool WHERE pool_name = '{DRAINING}' AND expiry_time < CURRENT_TIMESTAMP"
        )

    def _found(self, net: str, noted: dict[str, Any]) -> Fields:
        pool, without = str(noted.get("pool", "")), tuple(map(str, noted.get("without", ())))
        there = self._there(net, pool)
        whole = frozenset(address for address, _ in there) == _noted_addresses(net, noted)
        rests = {rest for _, rest in there}
        return {
            "pool": pool,
            **({"length": _length(noted)} if ":" in net else {}),
            "without": without if whole else ALTERED,
            "rest": rests.pop() if len(rests) == 1 else int(noted.get("rest", 0)) if not rests else -1,
        }

    def _there(self, net: str, pool: str) -> list[tuple[str, int]]:
        rows = self._database.query("SELECT framedipaddress, rest FROM radippool WHERE pool_name = ?", (pool,))
        around = ip_network(net)
        return [(str(address), int(rest)) for address, rest in rows if _meet(_network(address), around)]

    def _see_none_cut_otherwise(self, net: str, length: int) -> None:
        """Raises Unfit (E349) where somebody holds a prefix of another length here: a new one would overlap it."""
        rows = self._database.query("SELECT framedipaddress FROM radippool WHERE expiry_time >= CURRENT_TIMESTAMP")
        held = [prefix for (text,) in rows if _meet(prefix := _network(text), ip_network(net)) and prefix]
        if other := [prefix for prefix in held if prefix.prefixlen != length]:
            text = f"{len(other)} prefixes of {net} are still leased in another length than /{length}"
            raise Unfit("E349", f"{text}; take the pool out of git until those leases have ended")

    def _noted(self) -> dict[str, dict[str, Any]]:
        """What each range of ours was made from. Raises Refusal (E311) where a hand wrote something else there."""
        rows = self._database.query("SELECT key, value FROM ispctl_object WHERE kind = 'range'")
        try:
            found = {str(ip_network(str(net))): json.loads(value) for net, value in rows}
        except ValueError:
            found = {"": None}
        if not all(isinstance(noted, dict) for noted in found.values()):
            raise odd(self._database.place, "ispctl_object")
        return found


class Realms:
    """The realms of the policy: what the server compares an unknown login's with."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, names: Sequence[str] | None) -> Iterator[tuple[str, Fields]]:
        rows = self._database.query("SELECT key, value FROM ispctl_object WHERE kind = 'realm' ORDER BY key")
        for realm, value in rows:
            if names is None or realm in names:
                yield str(realm), {"served": str(value)}

    def write(self, realm: str, _: Fields | None, want: Fields | None) -> None:
        if want is None:
            self._database.write("DELETE FROM ispctl_object WHERE kind = 'realm' AND key = ?", (realm,))
        else:
            self._database.write(_NOTE, ("realm", realm, str(want["served"])))


def _length(noted: dict[str, Any]) -> int:
    """In which prefixes a range is handed out; those of IPv4 have none to choose."""
    return int(noted.get("length", 32))


def _noted_addresses(net: str, noted: dict[str, Any]) -> frozenset[str]:
    return addresses(net, _length(noted), tuple(map(str, noted.get("without", ()))))


def _network(text: object) -> IPv4Network | IPv6Network | None:
    """What a row of radippool gives away; None for what a hand wrote there that is no address."""
    try:
        return ip_network(str(text))
    except ValueError:
        return None


def _meet(one: IPv4Network | IPv6Network | None, other: IPv4Network | IPv6Network) -> bool:
    return one is not None and one.version == other.version and one.overlaps(other)


def _texts(value: Value) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else ()
