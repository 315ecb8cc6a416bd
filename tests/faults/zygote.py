"""A process that has loaded everything and is forked for each command, so that hundreds of commands may be killed.

Reads a request a line from stdin, {"words": [...], "env": {...}, "kill_at": N}, and answers {"code": exit code, or
minus the signal, "points": [what was counted]}. A point is a statement that may change the database, its COMMIT, or a
datagram to a NAS; the command is killed (SIGKILL) before the one of number `kill_at`, from 1. Between two points
nothing is done that outlives the process: a kill at a SELECT leaves what a kill at the next point leaves.
"""

from __future__ import annotations

import asyncio.selector_events as selectors
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from ispctl import repo
from ispctl.cli.common import run
from ispctl.cli.main import app
from ispctl.radius import dictionary
from ispctl.repo import Repository
from ispctl.store._postgresql import PostgresqlLink
from ispctl.store._sqlite import SqliteLink
from tests.quick.server import load

READS = ("SELECT", "PRAGMA", "SET ", "SHOW")


class Points:
    """Counts what may be the last thing that a command does."""

    def __init__(self, kill_at: int, report: int) -> None:
        self._kill_at, self._report = kill_at, report
        self.seen = 0

    def pass_by(self, what: str) -> None:
        self.seen += 1
        os.write(self._report, what.encode() + b"\n")
        if self.seen == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(self, sql: str) -> None:
        text = " ".join(sql.split())
        if not text.upper().startswith(READS):
            self.pass_by(text[:60])

    def watch(self) -> None:
        """From now on, in this process alone."""
        for kind in (SqliteLink, PostgresqlLink):
            for name in ("execute", "execute_many", "add_many", "stream"):
                setattr(kind, name, self._counted(getattr(kind, name)))
        transport: Any = vars(selectors)["_SelectorDatagramTransport"]
        send = transport.sendto

        def sendto(own: Any, data: bytes, *rest: Any) -> None:
            self.pass_by(f"datagram {data[0]}")
            send(own, data, *rest)

        transport.sendto = sendto

    def _counted(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def counted(own: Any, sql: str, *rest: Any) -> Any:
            self.statement(sql)
            return real(own, sql, *rest)

        return counted


@cache
def read(folder: str, _changed: int) -> None:
    """Once for all who are killed: what the files of a commit say."""
    with Repository.open(folder, os.environ) as repository:
        repository.at("HEAD")


def serve(request: dict[str, Any]) -> dict[str, Any]:
    folder = request["words"][1]
    read(folder, os.stat(f"{folder}/.git/logs/HEAD").st_mtime_ns)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.environ.clear()
        os.environ.update(request["env"])
        Points(request["kill_at"], writer).watch()
        os._exit(run(app, "ispctl", request["words"]))
    os.close(writer)
    with os.fdopen(reader) as lines:
        points = lines.read().splitlines()
    _, status = os.waitpid(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), "points": points}


if __name__ == "__main__":
    load()
    dictionary.load()
    repo._parse = lru_cache(maxsize=2000)(repo._parse)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(serve(json.loads(line))), flush=True)
