"""`python -m tests.bench.online`: what an apply costs that concerns one or nobody, while very many are online.

Logins are copied within the database, each with a session that runs what it should, among several that have ended.
Counted is the whole apply with the database's work for it, beside a comparison of all who are online.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

from ispctl.lab.cluster import Cluster
from ispctl.store import Store, doubts
from tests.bench import isp
from tests.bench.ours import Place
from tests.bench.process import Cost, measure
from tests.bench.scale import DISK
from tests.bench.sessions import LIMIT, NAS, run, say
from tests.postgres import own_cluster

ROUNDS: Final = 3
ENDED: Final = 3
"""Sessions that have ended, for each that is open."""
_LOGIN: Final = (
    "owner, password_digest, password_mac, class, refuse, expires, on_expiry, pop, on_roam, mac_mode, mac_max,"
    " on_mismatch, sessions, method"
)
COPY: Final = (
    f"INSERT INTO ispctl_login (login, {_LOGIN}) SELECT 'copy' || n || '.' || login, 'copy' || n || '-' || {_LOGIN}"
    " FROM ispctl_login, generate_series(1, {many}) AS n",
    "INSERT INTO radusergroup (username, groupname, priority)"
    " SELECT 'copy' || n || '.' || username, groupname, priority FROM radusergroup, generate_series(1, {many}) AS n",
    """INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,
        acctstoptime, class, framedipaddress, callingstationid, nasportid, acctinputoctets, acctoutputoctets)
    SELECT to_hex(n), md5(n::text), login, ('192.0.2.' || n % {nas} + 1)::inet, now() - interval '1 hour',
        now() - interval '1 minute', CASE WHEN again > 0 THEN now() - interval '1 minute' END, class || '-' || value,
        ('10.' || n / 65536 % 256 || '.' || n / 256 % 256 || '.' || n % 256)::inet, '02:00:5e:00:00:01', 'pppoe', 0, 0
    FROM (SELECT row_number() OVER (ORDER BY md5(l.login || again)) AS n, again, l.login, l.class, u.groupname
        FROM ispctl_login l JOIN radusergroup u ON u.username = l.login, generate_series(0, {ended}) AS again) AS people
    JOIN radgroupcheck c ON c.attribute = 'ISP-Rendering'
        AND c.groupname = people.groupname || CASE n % 2 WHEN 0 THEN '@routeros' ELSE '@accel-ppp' END""",
    """INSERT INTO ispctl_session (acctuniqueid, login, nas, kind, class_to, answer, acked, proved, counted)
    SELECT acctuniqueid, username, 'bng-01', 'coa', class, 'ack', 1, 1, 4000000000 FROM radacct
    WHERE acctstoptime IS NULL""",
)
"""Everybody is online and was told something once, which was proved."""
COUNTED: Final = """
INSERT INTO ispctl_count (name, mark, at)
SELECT 'usage', COALESCE(max(radacctid), 0), extract(epoch FROM now())::bigint - 5 FROM radacct
ON CONFLICT (name) DO UPDATE SET mark = excluded.mark, at = excluded.at
"""
"""As a loop does, so that no apply has to."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.online")
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--online", type=int, default=500_000)
    asked = parser.parse_args()
    with own_cluster(**DISK) as cluster, tempfile.TemporaryDirectory(prefix="bench-") as name:
        bench(cluster, Path(name), asked.subscribers, asked.online)


def bench(cluster: Cluster, folder: Path, people: int, online: int) -> None:
    """Prints what each apply costs, the middle of some."""
    isp.make(folder, people)
    place, dsn = Place(folder, people), cluster.make("online")
    Store.create(dsn, lab=True).close()

    def apply(commit: str) -> Cost:
        run(dsn, COUNTED)
        words = "apply", "--commit", commit, "--allow-rollback"
        return measure(place.run(*words, dsn=dsn), folder, limit=LIMIT, server=cluster.process.pid)

    apply("main")
    several(f"nobody of {people:,} online", apply)
    for sql in COPY:
        run(dsn, sql.format(many=max(online // people - 1, 1), nas=NAS, ended=ENDED))
    run(dsn, "ANALYZE")
    ((many,),) = run(dsn, "SELECT count(*) FROM radacct WHERE acctstoptime IS NULL")
    say(f"{many:,} online, everybody is looked at for the first time", apply("main"))
    several(f"{many:,} online", apply)
    with Store.open(dsn) as store:
        for everybody in (True, False):
            began = time.monotonic()
            assert doubts.behind(store, everybody=everybody) == frozenset()
            print(f"{'all' if everybody else 'few'} of them compared: {(time.monotonic() - began) * 1000:,.1f} ms")


def several(what: str, apply: Callable[[str], Cost]) -> None:
    nothing, one = list[Cost](), list[Cost]()
    for number in range(ROUNDS):
        one.append(apply(("one", "main")[number % 2]))
        nothing.append(apply(("one", "main")[number % 2]))
    if ROUNDS % 2:
        apply("main")
    for name, costs in (("nothing to do", nothing), ("one renewal", one)):
        say(f"{what}, {name}", Cost(*map(median, zip(*((c.wall, c.cpu, c.peak) for c in costs), strict=True))))


if __name__ == "__main__":
    main()
