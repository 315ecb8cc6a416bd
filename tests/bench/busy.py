"""`make bench-busy`: what one machine bears while an apply changes everybody: authentications, and interim updates.

A real FreeRADIUS with its database, a client that keeps so many requests under way, and ispctl share its cores. Every
answer is looked at: who was let in once is let in from then on, and what a reply grants belongs together.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
import selectors
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Final, NamedTuple, Self

import psycopg2

from ispctl.lab.cluster import Cluster
from ispctl.store import Store, address
from tests.bench import isp
from tests.bench.ours import Place
from tests.bench.process import Cost, measure
from tests.bench.scale import DISK
from tests.live.rig import SECRET, serve, stop
from tests.postgres import own_cluster

PARALLEL: Final = 50
"""Requests under way at once."""
LOST: Final = 3.0
"""Seconds after which a request has no answer."""
LIMIT: Final = 3600.0
MIKROTIK_RATE: Final = struct.pack(">IB", 14988, 8)
ACCEPT, REJECT, RESPONSE = 2, 3, 5
Server = tuple[str, int]


class Answer(NamedTuple):
    """Of which subscriber, what, the seconds that it took, Class and rate of an accept."""

    number: int
    code: int
    took: float
    klass: bytes = b""
    rate: bytes = b""


Make = Callable[[int, int], bytes]
"""(subscriber, identifier of the packet) -> the packet"""


@dataclass
class Load:
    """Asks a server about one subscriber after another, until it is closed. A context manager."""

    server: Server
    make: Make
    people: int
    rounds: int = 0
    """How often about each; 0: again and again."""
    answers: list[Answer] = field(default_factory=list)
    lost: int = 0
    began: float = 0.0
    ended: float = 0.0

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self.rounds:
            self._over.set()
        self._thread.join()
        self.ended = time.monotonic()

    def _run(self) -> None:
        """Each socket asks one thing at a time: an answer needs no number to be told from others."""
        left = self._numbers()
        selector = selectors.DefaultSelector()
        asked: dict[socket.socket, tuple[int, float]] = {}
        for _ in range(PARALLEL):
            link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            link.connect(self.server)
            link.setblocking(False)
            selector.register(link, selectors.EVENT_READ)
            self._next(link, left, asked)
        while asked:
            for key, _ in selector.select(0.05):
                self._hear(key.fileobj, left, asked)  # type: ignore[arg-type]  # a socket, as registered
            late = time.monotonic() - LOST
            for link in [link for link, (_, at) in asked.items() if at < late]:
                self.lost += 1
                self._next(link, left, asked)
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        selector.close()

    def _numbers(self) -> Iterator[int]:
        done = 0
        while not self._over.is_set() and not (self.rounds and done == self.rounds):
            for number in range(self.people):
                if self._over.is_set():
                    return
                yield number
            done += 1

    def _next(self, link: socket.socket, left: Iterator[int], asked: dict[socket.socket, tuple[int, float]]) -> None:
        number = next(left, None)
        if number is None:
            asked.pop(link, None)
            return
        asked[link] = number, time.monotonic()
        link.send(self.make(number, number % 256))

    def _hear(self, link: socket.socket, left: Iterator[int], asked: dict[socket.socket, tuple[int, float]]) -> None:
        data = link.recv(4096)
        number, at = asked.get(link, (-1, 0.0))
        if number % 256 != data[1]:  # of one that was given up
            return
        self.answers.append(Answer(number, data[0], time.monotonic() - at, *_granted(data)))
        self._next(link, left, asked)

    @property
    def rate(self) -> float:
        return len(self.answers) / (self.ended - self.began)

    def say(self, what: str) -> None:
        parts = quantiles((one.took * 1000 for one in self.answers), n=1000)
        said = ", ".join(
            f"{name} {parts[place]:,.1f}" for name, place in (("median", 499), ("99 %", 989), ("99.9 %", 998))
        )
        print(
            f"  {what}: {len(self.answers):,}, {self.rate:,.0f}/s, {self.lost:,} without an answer; ms: {said}",
            flush=True,
        )


def _granted(data: bytes) -> tuple[bytes, bytes]:
    """Class and rate of a reply."""
    klass = rate = b""
    place = 20
    while place < len(data):
        kind, size = data[place], data[place + 1]
        value = data[place + 2 : place + size]
        if kind == 25:
            klass = value
        elif kind == 26 and value.startswith(MIKROTIK_RATE):
            rate = value[6:]
        place += size
    return klass, rate


def _attribute(kind: int, value: bytes) -> bytes:
    return bytes([kind, len(value) + 2]) + value


def access(number: int, identifier: int) -> bytes:
    """The right password, signed (RFC 2865, 3579)."""
    authenticator, password = os.urandom(16), isp.password(number).encode().ljust(16, b"\0")
    key = hashlib.md5(SECRET.encode() + authenticator).digest()  # noqa: S324  (RFC 2865)
    hidden = bytes(one ^ other for one, other in zip(password, key, strict=True))
    said = [
        _attribute(1, isp.login_of(number).encode()),
        _attribute(2, hidden),
        _attribute(4, bytes([192, 0, 2, 1])),
        _attribute(6, struct.pack(">I", 2)),
        _attribute(7, struct.pack(">I", 1)),
        _attribute(31, isp.mac_of(number).encode()),
    ]
    body = b"".join(said)
    head = struct.pack(">BBH", 1, identifier, 38 + len(body)) + authenticator + body
    unsigned = head + _attribute(80, bytes(16))
    return head + _attribute(80, hmac.digest(SECRET.encode(), unsigned, "md5"))


def accounting(status: int) -> Make:
    """A Start (1) or an Interim-Update (3); without Class, so that nobody has to be told."""

    def make(number: int, identifier: int) -> bytes:
        seconds = int(time.monotonic())
        body = b"".join(
            (
                _attribute(1, isp.login_of(number).encode()),
                _attribute(40, struct.pack(">I", status)),
                _attribute(44, f"s{number:07}".encode()),
                _attribute(4, bytes([192, 0, 2, 1])),
                _attribute(8, struct.pack(">I", (10 << 24) + number)),
                _attribute(46, struct.pack(">I", seconds % 100_000)),
                _attribute(42, struct.pack(">I", seconds * 1000 % (1 << 32))),
                _attribute(43, struct.pack(">I", seconds * 9000 % (1 << 32))),
                _attribute(31, isp.mac_of(number).encode()),
            )
        )
        head = struct.pack(">BBH", 4, identifier, 20 + len(body))
        return head + hashlib.md5(head + bytes(16) + body + SECRET.encode()).digest() + body  # noqa: S324  (RFC 2866)

    return make


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.busy")
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long it is asked while nobody applies")
    asked = parser.parse_args()
    with own_cluster(**DISK) as cluster, tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as name:
        Busy(cluster, Path(name), asked.subscribers, asked.seconds).run()


class Busy:
    """One ISP, its database and its server."""

    def __init__(self, cluster: Cluster, folder: Path, people: int, seconds: float) -> None:
        self.cluster, self.folder, self.people, self.seconds = cluster, folder, people, seconds
        self.place, self.dsn = Place(folder, people), cluster.make("busy")
        repository = isp.make(folder, people)
        stream = isp.Import(repository)
        for before, name, tariff in (("main", "faster", "home-200"), ("faster", "fastest", "gamer-300")):
            mine = (n for n in range(people) if isp.tariff_of(n) in ("home-20", "home-50", "home-100"))
            files = ((isp.path_of(n), isp.subscriber(n, tariff=tariff).encode()) for n in mine)
            stream.commit(name, f"Everybody at home to {tariff}", files, f"refs/heads/{before}")
        stream.close()
        Store.create(self.dsn, lab=True).close()
        self.sql("INSERT INTO nas (nasname, shortname, type, secret, require_ma)"
                 f" VALUES ('127.0.0.1', 'here', 'routeros', '{SECRET}', 1)")  # fmt: skip

    def run(self) -> None:
        """Prints what was borne. Exits with a sentence where an answer was wrong."""
        settings = {"nas_lifetime": 600, "reject_delay": 0, "stale_after": 750}
        server = serve(address(self.dsn, self.folder), self.folder / "conf", **settings)
        auth, acct = ("127.0.0.1", server.settings.auth_port), ("127.0.0.1", server.settings.acct_port)
        try:
            with Load(auth, access, self.people) as load:
                print(f"first apply: {self._apply('main')}")
            load.say("authentications meanwhile")
            once_let_in_always_let_in(load.answers)
            with Load(auth, access, self.people) as load:
                time.sleep(self.seconds)
            load.say("authentications, nobody applies")
            everybody_is_let_in(load)
            with Load(auth, access, self.people) as load:
                print(f"other tariffs for three of eight: {self._apply('faster')}")
            load.say("authentications meanwhile")
            everybody_is_let_in(load)
            with Load(acct, accounting(1), self.people, rounds=1) as load:
                pass
            load.say("sessions begin")
            self._interims(acct, "nobody applies", lambda: time.sleep(self.seconds))
            self._interims(acct, "meanwhile", lambda: print(f"other tariffs again: {self._apply('fastest')}"))
        finally:
            stop(server)

    def _interims(self, acct: Server, what: str, work: Callable[[], object]) -> None:
        before = self._updates()
        with Load(acct, accounting(3), self.people) as load:
            work()
        load.say(f"interim updates, {what}")
        print(f"  rows of sessions that the database changed: {self._updates() - before:,}")

    def _updates(self) -> int:
        self.sql("SELECT pg_stat_clear_snapshot()")
        time.sleep(1.0)  # sessions of the server tell of their work once a second
        return int(str(self.sql("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'radacct'")[0][0]))

    def _apply(self, commit: str) -> str:
        run = self.place.run("apply", "--commit", commit, dsn=self.dsn)
        cost: Cost = measure(run, self.folder, limit=LIMIT)
        return f"{cost.cpu:,.1f} s CPU of ispctl, {cost.wall:,.1f} s, {cost.peak:,.0f} MB"

    def sql(self, sql: str) -> list[tuple[object, ...]]:
        link = psycopg2.connect(self.dsn)
        try:
            with link, link.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        finally:
            link.close()


def once_let_in_always_let_in(answers: list[Answer]) -> None:
    """While the rows of a first apply come: unknown until they are all there, and known from then on."""
    known: set[int] = set()
    again = 0
    for one in answers:
        again += one.code != ACCEPT and one.number in known
        known |= {one.number} if one.code == ACCEPT else set()
    accepts = sum(one.code == ACCEPT for one in answers)
    print(f"  {accepts:,} accepts, {len(answers) - accepts:,} rejects; refused after an accept: {again:,}")
    _granted_together([one for one in answers if one.code == ACCEPT])
    if again:
        sys.exit("somebody was refused who had been let in")


def everybody_is_let_in(load: Load) -> None:
    wrong = sum(one.code != ACCEPT for one in load.answers)
    print(f"  wrong answers: {wrong:,}")
    if wrong:
        sys.exit("somebody was refused who has the right password")
    _granted_together(load.answers)


def _granted_together(accepts: list[Answer]) -> None:
    """A Class names what was granted beside it: one rate for each rendering, and none without."""
    rates: dict[bytes, set[bytes]] = defaultdict(set)
    for one in accepts:
        rates[one.klass.partition(b"-")[2]].add(one.rate)
    torn = sum(not one.rate or len(rates[one.klass.partition(b"-")[2]]) > 1 for one in accepts)
    print(f"  replies in which rate and Class do not belong together: {torn:,}")
    if torn:
        sys.exit("a reply was half old and half new")


if __name__ == "__main__":
    main()
