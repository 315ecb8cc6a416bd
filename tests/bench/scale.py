"""`make bench`: what a change costs an ISP of a size, beside what peers need for the same, taking turns in one run.

Counted are whole processes: interpreter, children, and the sessions of PostgreSQL. Ratios are of CPU time, since that
is what a machine with other work still tells truly. Progress goes to stderr, the table to stdout, all figures to a
file, of which tests.bench.picture draws.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from ispctl.lab.cluster import Cluster
from tests.bench import isp
from tests.bench.ours import Databases, Operation, Place, reading, sqlite, writing
from tests.bench.peers import peers
from tests.bench.process import Cost, Late, Wrong, measure
from tests.postgres import drop, own_cluster

ROUNDS: Final = 3
LONG: Final = 20.0
"""Seconds: what takes longer is measured once."""
SHORT, OFTEN = 1.0, 5
"""What takes less than so many seconds, and needs nothing made before it, is measured so often in each round: one run
of it may take half as long again as the next."""
BASE: Final = 10_000
"""The size to which others are compared."""
COMPARED: Final = ("script, YAML 1.2", "script")
"""Whom others are compared to, the first the one that reads what the files mean."""
DISK: Final = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "128MB"}


@dataclass
class Result:
    """Of an operation at a size: what each run cost, or why there is none."""

    operation: Operation
    costs: list[Cost] = field(default_factory=list)
    why: str = ""

    def row(self, count: int) -> Row:
        middle = {name: median(getattr(cost, name) for cost in self.costs) for name in FIGURES if self.costs}
        kind = self.operation
        return {"count": count, "who": kind.who, "name": kind.name, "job": kind.job, "why": self.why, **middle}


FIGURES: Final = ("wall", "cpu", "peak")
Row = dict[str, Any]
"""As in the file: `count` of subscribers, `who`, `name` and `job` of the operation, `why` there is no figure, else the
medians of `wall`, `cpu` (s) and `peak` (MB)."""


@dataclass(frozen=True)
class Bench:
    """How a size is measured. Without `cluster` no database is asked; `binaries`: of the peers' environment; `limit`:
    seconds that an operation may take."""

    cluster: Cluster | None
    binaries: Path | None
    limit: float
    rounds: int = ROUNDS

    def measured(self, count: int, folder: Path, known: Sequence[Row]) -> list[Row]:
        """All operations at a size. What would take too long, by what a smaller size took, is not begun."""
        say(f"{count:,} subscribers: making them")
        isp.make(folder, count)
        place = Place(folder, count)
        results = {operation.name: Result(operation) for operation in self._operations(place)}
        for name, result in results.items():
            result.why = _hopeless(name, count, known, self.limit * result.operation.patience)
        for number in range(self.rounds):
            for result in results.values():
                if not result.why and (number == 0 or result.costs[-1].wall < LONG):
                    self._once(result, results, folder)
                    short = result.costs and result.costs[-1].wall < SHORT and result.operation.prepare is None
                    for _ in range(OFTEN - 1 if short else 0):
                        self._once(result, results, folder)
        return [result.row(count) for result in results.values()]

    def _operations(self, place: Place) -> Iterator[Operation]:
        yield from reading(place)
        if self.cluster is not None:
            on_server = postgresql(self.cluster)
            yield from writing(place, on_server)
            yield from writing(place, sqlite(place.folder))
            if self.binaries is not None:
                yield from peers(place, self.binaries, on_server)

    def _once(self, result: Result, results: dict[str, Result], folder: Path) -> None:
        operation = result.operation
        if operation.before and not results[operation.before].costs:
            result.why = f"needs {operation.before}"
            return
        if operation.prepare:
            operation.prepare()
        server = self.cluster.process.pid if self.cluster and operation.asks_database else None
        try:
            cost = measure(operation.run, folder, limit=self.limit * operation.patience, server=server)
        except Late as late:
            result.why = str(late)
            say(f"  {operation.name}: {late}")
            return
        operation.after()
        result.costs.append(cost)
        load = os.getloadavg()[0]
        say(f"  {operation.name}: {cost.cpu:,.2f} s CPU, {cost.wall:,.2f} s, {cost.peak:,.0f} MB; load {load:.1f}")


def _hopeless(name: str, count: int, known: Sequence[Row], limit: float) -> str:
    """Why an operation is not begun. What takes long grows with the number, or faster."""
    smaller = [row for row in known if row["name"] == name and row["count"] < count]
    late = any(row["why"] for row in smaller)
    took = [row["wall"] / row["count"] * count for row in smaller if row.get("wall", 0.0) > LONG]
    return f"more than {limit:,.0f} s" if late or max(took, default=0.0) > limit * 1.5 else ""


def postgresql(cluster: Cluster) -> Databases:
    def make(name: str) -> None:
        drop(cluster, name)
        cluster.make(name)

    def copy(name: str, to: str) -> None:
        drop(cluster, to)
        cluster.make(to, name)

    return Databases("PostgreSQL", cluster.dsn, make, copy)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# the table


def table(rows: Sequence[Row], known: Sequence[Row]) -> Iterator[str]:
    """Lines of Markdown: ratios first, then what they are made of. `known`: rows that may be compared to."""
    cpu = {(row["count"], row["name"]): row["cpu"] for row in known if "cpu" in row}
    names = {(row["who"], row["job"]): row["name"] for row in known}
    heads = [*(f"÷ {script}" for script in COMPARED), "÷ itself at 10 k"]
    yield f"| subscribers | operation | {' | '.join(heads)} | CPU s | wall s | peak MB |"
    yield f"| ---: | --- |{' ---: |' * (len(heads) + 3)}"
    for row in rows:
        what = f"| {row['count']:,} | {row['name']} |"
        if "cpu" not in row:
            yield f"{what}{' |' * len(heads)} {row['why']} | | |"
            continue
        others = [cpu.get((row["count"], names.get((script, row["job"]), ""))) for script in COMPARED]
        others.append(cpu.get((BASE, row["name"])))
        ratios = " | ".join(_figure(row["cpu"] / other) if other else "" for other in others)
        yield f"{what} {ratios} | {_figure(row['cpu'])} | {_figure(row['wall'])} | {row['peak']:,.0f} |"


def _figure(value: float) -> str:
    """Two figures that count."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


# the command


@contextmanager
def scratch() -> Iterator[Path]:
    """Below /tmp itself: the user that PostgreSQL runs as for root cannot enter every folder."""
    folder = Path(tempfile.mkdtemp(prefix="ispctl-bench-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(sizes: Iterable[int], out: Path, binaries: Path | None, limit: float) -> list[Row]:
    """Measure size by size; each takes its place in `out`, beside what other runs left there."""
    known: list[Row] = json.loads(out.read_text("utf-8")) if out.exists() else []
    for count in sizes:
        with scratch() as folder, own_cluster(**DISK) as cluster:
            found = Bench(cluster, binaries, limit).measured(count, folder / "isp", known)
        known = sorted([*(row for row in known if row["count"] != count), *found], key=lambda row: int(row["count"]))
        out.write_text(json.dumps(known, indent=1), "utf-8")
    return known


def main(words: Sequence[str] | None = None) -> int:
    asked = argparse.ArgumentParser(description="What a change costs an ISP of a size")
    asked.add_argument("sizes", type=int, nargs="+", metavar="SUBSCRIBERS")
    asked.add_argument("--out", type=Path, required=True, metavar="FILE", help="all figures, as JSON")
    asked.add_argument("--peers", type=Path, metavar="DIR", help="bin of the environment in which the peers run")
    asked.add_argument("--limit", type=float, default=600.0, metavar="SECONDS", help="what takes longer is ended")
    given = asked.parse_args(words)
    before = os.getloadavg()[0]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left running
    try:
        known = run(given.sizes, given.out, given.peers.absolute() if given.peers else None, given.limit)
    except Wrong as wrong:
        sys.exit(str(wrong))
    print("\n".join(table([row for row in known if row["count"] in given.sizes], known)))
    print(f"\nMedians of {ROUNDS} rounds. Run once: what takes more than {LONG:.0f} s.", end=" ")
    print(f"{OFTEN} times in each: what takes less than {SHORT:.0f} s, with nothing made before it.", end=" ")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores.", end=" ")
    print(f"Load before {before:.1f}, after {os.getloadavg()[0]:.1f}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
