"""`make bench-rebuild`: how long it takes from a database that is empty, or lost, until everybody can log in again.

A real FreeRADIUS is asked throughout: about everybody in turn, and in between about the one whose rows come last.
"""

from __future__ import annotations

import argparse
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, Self

import psycopg2

from ispctl.lab.cluster import Cluster
from ispctl.lab.process import wait_for
from ispctl.store import Store, address
from tests.bench import isp
from tests.bench.busy import ACCEPT, LIMIT, Answer, Server, _granted, access, once_let_in_always_let_in
from tests.bench.ours import Place
from tests.bench.process import measure
from tests.bench.scale import DISK
from tests.live.rig import SECRET, serve, stop
from tests.postgres import drop, own_cluster

PAUSE: Final = 0.01
"""Seconds between two requests: the machine has something else to do."""
SILENT: Final = 0.5
"""Seconds after which a request has no answer: a server without a database gives none."""
SOON: Final = 60.0
"""Seconds after the apply within which everybody is let in."""
NAME: Final = "rebuilt"


class Asked(NamedTuple):
    """An answer, and when it came."""

    at: float
    answer: Answer


class Asker:
    """Asks one question after the other until it is closed. A context manager."""

    def __init__(self, server: Server, people: int) -> None:
        self.server, self.people = server, people
        self.last = max(range(people), key=isp.path_of)
        """Slices come by path, so that this one is in the last."""
        self.answers: list[Asked] = []
        self.silent = 0

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def first(self, number: int | None = None) -> float:
        """When somebody, or this one, was let in for the first time; never is infinite."""
        mine = (one for one in self.answers if number in (None, one.answer.number))
        return next((one.at for one in mine if one.answer.code == ACCEPT), float("inf"))

    def _run(self) -> None:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as link:
            link.connect(self.server)
            link.settimeout(SILENT)
            for turn in itertools.count():
                if self._over.wait(PAUSE):
                    return
                self._ask(link, self.last if turn % 2 else turn * 7919 % self.people, turn % 256)

    def _ask(self, link: socket.socket, number: int, identifier: int) -> None:
        began = time.monotonic()
        link.send(access(number, identifier))
        try:
            data = link.recv(4096)
            while data[1] != identifier:  # of one that was given up
                data = link.recv(4096)
        except (TimeoutError, ConnectionError):
            self.silent += 1
            return
        now = time.monotonic()
        self.answers.append(Asked(now, Answer(number, data[0], now - began, *_granted(data))))


class Rebuild:
    """One ISP, its server, and a database that is made again and again."""

    def __init__(self, cluster: Cluster, folder: Path, people: int) -> None:
        self.cluster, self.folder, self.people = cluster, folder, people
        self.place, self.dsn = Place(folder, people), cluster.make(NAME)
        isp.make(folder, people)
        Store.create(self.dsn, lab=True).close()
        self.introduce()

    def introduce(self) -> None:
        """The server knows who asks, here, by a row that nobody applied."""
        with closing(psycopg2.connect(self.dsn)) as link, link, link.cursor() as cursor:
            cursor.execute(
                "INSERT INTO nas (nasname, shortname, type, secret, require_ma) VALUES (%s, %s, %s, %s, 1)",
                ("127.0.0.1", "here", "routeros", SECRET),
            )

    def run(self) -> None:
        """Prints both times. Exits with a sentence where an answer was wrong."""
        server = serve(address(self.dsn, self.folder), self.folder / "conf", nas_lifetime=600, reject_delay=0)
        auth = ("127.0.0.1", server.settings.auth_port)
        try:
            with Asker(auth, self.people) as asker:
                self.timed("an empty database, and nothing remembered of git", asker, time.monotonic())
            with Asker(auth, self.people) as asker:
                began = time.monotonic()
                drop(self.cluster, NAME)
                asker.answers.clear()  # of the database that was
                self.cluster.make(NAME)
                init = self.place.run("radius", "init", dsn=self.dsn)
                subprocess.run(init.command, env=init.env, check=True, capture_output=True)
                self.introduce()
                self.timed("a database that was dropped", asker, began)
        finally:
            stop(server)

    def timed(self, what: str, asker: Asker, began: float) -> None:
        """Apply, and wait for the one whose rows come last."""
        run = self.place.run("apply", "--commit", "main", dsn=self.dsn)
        cost = measure(run, self.folder, limit=LIMIT)
        ended = time.monotonic()
        if not wait_for(lambda: asker.first(asker.last) < float("inf"), SOON):
            sys.exit("all rows are there, and the last subscriber is not let in")
        first, last = asker.first() - began, asker.first(asker.last) - began
        print(f"{what}: {self.people:,} subscribers")
        print(f"  the first is let in after {first:,.1f} s, the last after {last:,.1f} s")
        print(f"  the apply ends after {ended - began:,.1f} s: {cost.cpu:,.1f} s CPU of ispctl, {cost.peak:,.0f} MB")
        print(f"  asked {len(asker.answers):,} times, {asker.silent:,} without an answer", flush=True)
        once_let_in_always_let_in([one.answer for one in asker.answers])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.rebuild")
    parser.add_argument("--subscribers", type=int, default=100_000)
    asked = parser.parse_args()
    before = os.getloadavg()[0]
    with own_cluster(**DISK) as cluster, tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as name:
        Rebuild(cluster, Path(name), asked.subscribers).run()
    print(f"{os.cpu_count()} cores. Load before {before:.1f}, after {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
