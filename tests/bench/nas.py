"""`make bench-nas`: a thousand NAS configured by threads and by workers, and a plan that asks none of them.

The devices are stand-ins in one process, each of which answers a question after 20 ms, as one at the other end of a
country does: what is measured is the fleet, not a vendor's driver. Both ways speak to fifty at a time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from ispctl.nas import Far, Fleet, Memory
from ispctl.nas.memory import Made
from ispctl.reconcile.fleet import wanted as wanted_of
from ispctl.repo import Repository
from ispctl.store import Store
from ispctl.structs import replace
from tests.bench import isp
from tests.bench.ours import Place
from tests.bench.process import Run, measure
from tests.gates.tracked import ROOT
from tests.nas import far_boxes
from tests.nas.cluster import Cluster, cluster

DELAY: Final = 0.02
OBJECTS: Final = 20
"""That each device is to hold."""
LIMIT: Final = 900.0
NOW: Final = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
STEPS: Final = {
    "a first configuration": (far_boxes.wanted(OBJECTS), {}),
    "another rate of each tariff": (far_boxes.wanted(OBJECTS, 60), far_boxes.wanted(OBJECTS)),
}


def ask(step: str, count: int, port: int, scheduler: str) -> None:
    """One measured process: configures all of them. `scheduler`: empty for threads."""
    want, have = STEPS[step]
    jobs = far_boxes.jobs(count, port, want, have, deadline=300.0)
    fleet = Fleet(workers=50, far=Far(scheduler, patience=60.0) if scheduler else None)
    changes = [replace(job, changes=tuple(c for c in job.changes if c.before != c.after)) for job in jobs]
    bad = [answer for answer in fleet.run(changes).values() if not answer.fine]
    if bad:
        sys.exit(f"{len(bad)} of {count} are not well, such as {bad[0].text}")


def fleets(folder: Path, count: int, two: Cluster) -> None:
    """Threads and workers in turn, each with devices of its own."""
    env = {**os.environ, "PYTHONPATH": f"{ROOT}/controller:{ROOT}"}
    with stand_ins() as first, stand_ins() as second:
        for step in STEPS:
            for who, port, scheduler in (("threads", first, ""), ("two workers", second, two.address)):
                words = [sys.executable, "-m", "tests.bench.nas", "--ask", step, str(port), scheduler]
                helped, _ = serving(two)
                run = Run([*words, "--devices", str(count)], env, cwd=ROOT)
                cost = measure(run, folder, limit=LIMIT)
                after, peak = serving(two)
                more = (
                    f"; workers and scheduler {after - helped:.1f} s CPU, {peak:.0f} MB the largest"
                    if scheduler
                    else ""
                )
                print(
                    f"{step} of {count:,}, {who}: {cost.wall:.1f} s, {cost.cpu:.1f} s CPU, {cost.peak:.0f} MB{more}",
                    flush=True,
                )


def serving(two: Cluster) -> tuple[float, float]:
    """CPU seconds of scheduler and workers until now, and MB of the largest of them now."""
    found = [psutil.Process(pid) for pid in (two.scheduler.pid, *two.workers)]
    times = [process.cpu_times() for process in found]
    return sum(one.user + one.system for one in times), max(one.memory_info().rss for one in found) / 2**20


def plan(folder: Path, count: int) -> None:
    """A plan of an ISP with so many NAS, all of which stand as they should."""
    place, dsn = Place(folder, 1000), f"sqlite:///{folder}/radius.db"
    repository = isp.make(folder, place.count)
    stream = isp.Import(repository)
    files = {
        "inventory/hosts.yaml": "".join(map(_host, range(count))),
        "inventory/targets.yaml": f'radius: {{dsn: "{dsn}"}}\nnas: {{workers: 50}}\n',
    }
    items = ((path, text.encode()) for path, text in files.items())
    stream.commit("main", f"{count:,} NAS", items, "refs/heads/main^0")
    stream.close()
    Store.create(dsn, lab=False).close()
    measure(place.run("apply", "--commit", "main", "--target", "radius", dsn=dsn), folder, limit=LIMIT)
    with Repository.open(repository) as opened, Store.open(dsn) as store:
        snapshot = opened.part("main", ())
        for host, one in wanted_of(opened, snapshot, NOW).items():
            Memory(store).put_made(host, Made(one.mark, snapshot.commit, "bench", NOW.isoformat()))
    for what in ("first", "again"):
        cost = measure(place.run("plan", "--live", "--commit", "main", dsn=dsn), folder, limit=LIMIT)
        print(
            f"plan, nothing to do on {count:,} NAS, {what}: {cost.wall:.2f} s, {cost.cpu:.2f} s CPU, {cost.peak:.0f} MB"
        )


def _host(number: int) -> str:
    name, address = f"bng-{number:04}", f"198.18.{number // 250}.{number % 250 + 1}"
    sealed = isp._seal(f"nas/{name}/radius.secret", f"secret-{number:04}")
    return f"""{name}:
  hostname: {address}
  platform: routeros
  groups: [pop-{number % isp.POPS:02}]
  data:
    coa: {{address: {address}, port: 3799}}
    radius: {{sources: [{address}], identifier: {name}, secret: "{sealed}"}}
    device:
      host_key: "sha256:{number:064x}"
      servers: [{{address: 198.51.100.10}}]
      serves: [{{type: pppoe, interface: ether2}}]
"""


@contextmanager
def stand_ins() -> Iterator[int]:
    """A thousand devices in one process; their port."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.nas.far_boxes", str(DELAY)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/controller:{ROOT}"},
    )
    try:
        assert child.stdout is not None
        yield int(child.stdout.readline())
    finally:
        child.kill()
        child.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.nas")
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--ask", nargs=3, metavar=("STEP", "PORT", "SCHEDULER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.ask:
        step, port, scheduler = asked.ask
        ask(step, asked.devices, int(port), scheduler)
        return
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        with cluster(Path(name) / "dask", ["any=1", "any=1"]) as two:
            fleets(Path(name), asked.devices, two)
        plan(Path(name) / "isp", asked.devices)
    print(f"{os.cpu_count()} cores. Load before {before:.1f}, after {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
