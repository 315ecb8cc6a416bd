"""`python -m tests.bench.sessions`: a tariff edit that reaches many who are online, and an apply that reaches nobody.

The sessions stand in the accounting and at stand-ins of the lab, which answer in a process of their own. Counted is the
whole apply with the database's work for it, beside what an apply with nothing to do costs with and without sessions.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import psycopg2

from ispctl.lab.cluster import Cluster
from ispctl.store import LAB_DOOR, Store
from tests.bench import isp
from tests.bench.ours import Place
from tests.bench.process import Cost, measure
from tests.bench.scale import DISK
from tests.postgres import own_cluster

SECRET: Final = "stand-in"
NAS: Final = isp.POPS * isp.NAS_PER_POP
LIMIT: Final = 3600.0
ROUNDS: Final = 3
"""Applies until everybody has to be told; later ones let them rest."""
DIAL: Final = """
INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime, class,
    framedipaddress, acctinputoctets, acctoutputoctets)
SELECT to_hex(n), md5(n::text), login, ('192.0.2.' || n % {nas} + 1)::inet, now() - interval '1 hour',
    now() - interval '1 minute', class || '-' || value,
    ('10.' || n / 65536 || '.' || n / 256 % 256 || '.' || n % 256)::inet, 0, 0
FROM (SELECT row_number() OVER () AS n, l.login, l.class, u.groupname FROM generate_series(1, {each}) AS again,
    ispctl_login l JOIN radusergroup u ON u.username = l.login WHERE u.groupname {condition} LIMIT {many}) AS people
JOIN radgroupcheck c ON c.attribute = 'ISP-Rendering'
    AND c.groupname = people.groupname || CASE n % 2 WHEN 0 THEN '@routeros' ELSE '@accel-ppp' END
"""
"""Open sessions of so many logins; a host of an even number speaks as RouterOS does, see tests.bench.isp."""


class Online(NamedTuple):
    """A session as its stand-in has to know it."""

    id: str
    login: str
    address: str
    nas: str


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sessions")
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--sessions", type=int, default=5_000)
    asked = parser.parse_args()
    with own_cluster(**DISK) as cluster, tempfile.TemporaryDirectory(prefix="bench-") as name:
        bench(cluster, Path(name), asked.subscribers, asked.sessions)


def bench(cluster: Cluster, folder: Path, people: int, many: int) -> None:
    """Prints what each apply costs."""
    isp.make(folder, people)
    place, dsn = Place(folder, people), cluster.make("sessions")
    Store.create(dsn, lab=True).close()

    def apply(commit: str, code: int | None = 0) -> Cost:
        run = place.run("apply", "--commit", commit, code=code, dsn=dsn)
        return measure(run, folder, limit=LIMIT, server=cluster.process.pid)

    say("first apply", apply("main"))
    say("nothing to do, nobody online", apply("main"))
    run(dsn, DIAL.format(nas=NAS, each=1, condition="<> 'isp:home-50'", many=many))
    run(dsn, "ANALYZE")
    say(f"nothing to do, {many:,} others online", apply("main"))
    run(dsn, "DELETE FROM radacct")
    run(dsn, DIAL.format(nas=NAS, each=many * len(isp.TARIFFS) // people + 2, condition="= 'isp:home-50'", many=many))
    run(dsn, "ANALYZE")
    found = run(dsn, "SELECT acctsessionid, username, host(framedipaddress), host(nasipaddress) FROM radacct")
    online = [Online(*map(str, row)) for row in found]
    with stand_ins(folder, online) as port:
        door = json.dumps({"coa": {"host": "127.0.0.1", "port": port}, "secret": SECRET})
        run(dsn, f"INSERT INTO ispctl_meta (key, value) VALUES ('{LAB_DOOR}', '{door}')")
        tell(dsn, folder, len(online), lambda: apply("tariff", code=None))
        say(f"nothing to do, all {len(online):,} told", apply("tariff"))


def tell(dsn: str, folder: Path, many: int, apply: Callable[[], Cost]) -> None:
    """Until everybody is told: stand-ins that are asked more than they can bear leave some without an answer."""
    costs: list[Cost] = []
    while True:
        costs.append(apply())
        ((told,),) = run(dsn, "SELECT count(*) FROM ispctl_session WHERE kind = 'coa' AND answer = 'ack'")
        say(f"a rate of a tariff, {many:,} online on it: {told:,} told by now", costs[-1])
        if len(costs) == 1:
            print((folder / "said").read_text("utf-8").partition("  bng-00")[0].strip())
        if told == many:
            break
        if len(costs) == ROUNDS:
            sys.exit(f"{many - int(str(told)):,} of {many:,} sessions were never told")
    cpu, wall = sum(one.cpu for one in costs), sum(one.wall for one in costs)
    print(f"{many / wall:,.0f} sessions a second; {cpu / many * 1e6:,.0f} us of CPU for each")


def say(what: str, cost: Cost) -> None:
    print(f"{what}: {cost.cpu:,.2f} s CPU, {cost.wall:,.2f} s, {cost.peak:,.0f} MB", flush=True)


def run(dsn: str, sql: str) -> list[tuple[object, ...]]:
    link = psycopg2.connect(dsn)
    try:
        with link, link.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
    finally:
        link.close()


@contextmanager
def stand_ins(folder: Path, online: list[Online]) -> Iterator[int]:
    """Every NAS of the ISP in a process of its own, with these sessions; the port that all of them share."""
    said = folder / "online.json"
    said.write_text(json.dumps(online), "utf-8")
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.sessions_nas", str(said)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        yield int(child.stdout.readline())
    finally:
        child.kill()
        child.wait()


if __name__ == "__main__":
    main()
