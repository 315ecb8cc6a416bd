"""`make bench-payments`: from a payment to somebody who is online again, one by one and as a gateway sends them.

Those who pay expired and are online behind the wall. `ispctl run` looks every second; each payment is a commit, then
rows, then a session that is told.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg2

from ispctl.lab.cluster import Cluster
from ispctl.lab.process import wait_for
from ispctl.store import LAB_DOOR, Store
from tests.bench import isp
from tests.bench.ours import Place
from tests.bench.process import measure
from tests.bench.scale import DISK
from tests.bench.sessions import DIAL, LIMIT, NAS, SECRET, Online, run, stand_ins
from tests.postgres import own_cluster

WHO: Final = "Gateway <gateway@example.net>"
BACK: Final = "SELECT count(*) FROM radusergroup WHERE username = ANY(%s) AND groupname <> 'isp:walled'"
TOLD: Final = "SELECT count(*) FROM ispctl_session WHERE login = ANY(%s) AND answer = 'ack'"
SOON: Final = 120.0
"""Seconds in which whoever paid has to be back."""


class Payments:
    """One ISP with so many who owe, and the loop beside it."""

    def __init__(self, cluster: Cluster, folder: Path, people: int, many: int) -> None:
        self.folder, self.place, self.dsn = folder, Place(folder, people), cluster.make("payments")
        repository = isp.make(folder, people)
        self.owing = list(owing(people, many))
        stream = isp.Import(repository)
        files = ((isp.path_of(n), isp.subscriber(n, paid_until="2026-01-31").encode()) for n in self.owing)
        stream.commit("main", "They owe", files, "refs/heads/main^0")
        stream.close()
        Store.create(self.dsn, lab=True).close()

    def ready(self) -> list[Online]:
        """Everything applied, and those who owe online behind the wall."""
        cost = measure(self.place.run("apply", "--commit", "main", dsn=self.dsn), self.folder, limit=LIMIT)
        print(f"{self.place.count:,} subscribers, {len(self.owing):,} of them owe; first apply {cost.wall:,.1f} s")
        run(self.dsn, DIAL.format(nas=NAS, each=1, condition="= 'isp:walled'", many=len(self.owing)))
        run(self.dsn, "ANALYZE")
        found = run(self.dsn, "SELECT acctsessionid, username, host(framedipaddress), host(nasipaddress) FROM radacct")
        return [Online(*map(str, row)) for row in found]

    def one_by_one(self, numbers: Sequence[int], loop: subprocess.Popen[bytes], *, wake: bool) -> None:
        """A command for each; `wake`: the loop is sent SIGHUP then, as a hook would."""
        commands, rows, sessions = [], [], []
        for number in numbers:
            words = ("renew", isp.id_of(number), "--payment", f"P{number}", "--direct", "--yes")
            cost = measure(self.place.run(*words, dsn=self.dsn), self.folder, limit=LIMIT)
            committed = time.monotonic()
            if wake:
                loop.send_signal(signal.SIGHUP)
            commands.append(cost.wall)
            rows.append(self.until(BACK, [number]) - committed)
            sessions.append(self.until(TOLD, [number]) - committed)
        how = "woken by SIGHUP" if wake else "looking every second"
        print(f"{len(numbers)} payments one by one, the loop {how}:")
        for what, found in (("the command", commands), ("commit to rows", rows), ("commit to session told", sessions)):
            print(f"  {what}: median {statistics.median(found):.2f} s, at most {max(found):.2f} s", flush=True)

    def stream(self, numbers: Sequence[int], rate: int) -> None:
        """As a gateway posts them: so many a second, each answered when its commit is there."""
        asked = self.place.run("batch", "--verb", "renew", "--follow", "--direct", "--author", WHO, dsn=self.dsn)
        child = subprocess.Popen(asked.command, env=asked.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdin is not None and child.stdout is not None  # noqa: PT018
        sent, heard, commits, refused = dict[str, float](), dict[str, float](), set[str](), list[dict[str, Any]]()

        def listen() -> None:
            for line in child.stdout or ():
                said: dict[str, Any] = json.loads(line)
                if said["outcome"] != "done":
                    refused.append(said)
                    continue
                heard[said["key"]] = time.monotonic()
                commits.add(said["commit"])

        ear = threading.Thread(target=listen)
        ear.start()
        began = time.monotonic()
        for count, number in enumerate(numbers):
            time.sleep(max(0.0, began + count / rate - time.monotonic()))
            key = f"gw-{number}"
            sent[key] = time.monotonic()
            child.stdin.write(f'{{"sub": "{isp.id_of(number)}", "payment": "G{number}", "key": "{key}"}}\n'.encode())
            child.stdin.flush()
        child.stdin.close()
        ear.join()
        child.wait()
        if refused or len(heard) != len(sent):
            sys.exit(f"{len(sent) - len(heard):,} payments were not booked, such as {refused[:1]}")
        booked = max(heard.values())
        waits = sorted(heard[key] - sent[key] for key in sent)
        print(f"{len(numbers):,} payments, {rate:,} a second:")
        print(f"  {len(heard) / (booked - began):,.0f} booked a second in {len(commits)} commits")
        print(f"  sent to booked: median {statistics.median(waits):.2f} s, at most {waits[-1]:.2f} s")
        rows, told = self.until(BACK, numbers) - booked, self.until(TOLD, numbers) - booked
        print(f"  the last is booked; all rows {rows:.2f} s later, all sessions told {told:.2f} s later", flush=True)

    def until(self, question: str, numbers: Sequence[int]) -> float:
        """When the answer is all of these."""
        logins = [isp.login_of(number) for number in numbers]
        with closing(psycopg2.connect(self.dsn)) as link, link.cursor() as cursor:
            link.autocommit = True

            def all_of_them() -> bool:
                cursor.execute(question, (logins,))
                return cursor.fetchone() == (len(logins),)

            if not wait_for(all_of_them, SOON):
                sys.exit(f"not all of {len(numbers):,} who paid are back after {SOON:.0f} s")
            return time.monotonic()

    @contextmanager
    def loop(self) -> Iterator[subprocess.Popen[bytes]]:
        """`ispctl run` beside it all."""
        asked = self.place.run("run", "--every", "1s", "--log-format", "json", dsn=self.dsn)
        log = self.folder / "run.log"
        with log.open("wb") as said:
            child = subprocess.Popen(asked.command, env=asked.env, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            try:
                if not wait_for(lambda: b'"started"' in log.read_bytes(), SOON):
                    sys.exit(f"ispctl run did not start: {log.read_text('utf-8')}")
                yield child
            finally:
                child.terminate()
                child.wait()


def owing(people: int, wanted: int) -> Iterator[int]:
    """Prepaid ones, spread over all areas."""
    prepaid = (number for number in range(people) if not isp.tariff_of(number).startswith("office"))
    for number, _ in zip(prepaid, range(wanted), strict=False):
        yield number


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.payments")
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--single", type=int, default=10, help="payments one by one, twice")
    parser.add_argument("--stream", type=int, default=3_000, help="payments of the gateway")
    parser.add_argument("--rate", type=int, default=300, help="of them a second")
    asked = parser.parse_args()
    before = os.getloadavg()[0]
    with own_cluster(**DISK) as cluster, tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as name:
        bench = Payments(cluster, Path(name), asked.subscribers, 2 * asked.single + asked.stream)
        online = bench.ready()
        with stand_ins(bench.folder, online) as port, bench.loop() as loop:
            door = json.dumps({"coa": {"host": "127.0.0.1", "port": port}, "secret": SECRET})
            run(bench.dsn, f"INSERT INTO ispctl_meta (key, value) VALUES ('{LAB_DOOR}', '{door}')")
            first, second = bench.owing[: asked.single], bench.owing[asked.single : 2 * asked.single]
            bench.one_by_one(first, loop, wake=False)
            bench.one_by_one(second, loop, wake=True)
            bench.stream(bench.owing[2 * asked.single :], asked.rate)
    print(f"{os.cpu_count()} cores. Load before {before:.1f}, after {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
