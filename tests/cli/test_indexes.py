"""Facts only grow: no question of ispstat, and no prune, reads all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from ispctl.store import Database
from tests.cli.conftest import Cli
from tests.databases import Place

ROWS = 10_000
FACTS = ("radacct", "radpostauth")
ANITA = "anita.rai@home.example"
QUESTIONS = [
    "sessions",
    "sessions --nas lalitpur-1",
    "sessions --stale",
    "list",
    "list --no-session 3",
    "rejects",
    f"rejects {ANITA}",
    "rejects --since 1d",
    "rejects --nas lalitpur-1",
    "rejects --reason mac",
    "pools",
    "nas",
    f"show {ANITA}",
    f"show {ANITA} --at now",
    f"why {ANITA}",
    "health",
]


def many(place: Place) -> None:
    """Sessions of a thousand logins in 115 days, one of fifty still open, and as many refusals."""
    now = int(datetime.now(UTC).timestamp()) // 1000 * 1000  # among other numbers might be the end of somebody's phone
    series = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ?)"
    at, ended = place.instant(f"{now} - n * 1000"), place.instant(f"{now} - n * 1000 + 1000")
    unique, address = "'u' || n", "'192.0.2.' || (1 + n % 2)"
    address = address if place.kind == "sqlite" else f"CAST({address} AS inet)"
    place.hand(
        "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
        f" acctstoptime, callingstationid, acctterminatecause) {series} SELECT {unique}, {unique},"
        f" 'l' || (n % 1000) || '@home.example', {address}, {at}, {ended},"
        f" CASE WHEN n % 50 = 0 THEN NULL ELSE {ended} END, '', '' FROM s",
        values=(ROWS,),
    )
    place.hand(
        f"INSERT INTO radpostauth (username, pass, reply, authdate, reason, nas) {series} SELECT"
        f" 'l' || (n % 1000) || '@home.example', '', 'Access-Reject', {at}, 'mac', 'lalitpur-1' FROM s",
        values=(ROWS,),
    )
    place.hand("ANALYZE")


@contextmanager
def recorded(patch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Sequence[Any]]]]:
    """Every statement that asks for facts."""
    seen: list[tuple[str, Sequence[Any]]] = []
    with patch.context() as inside:
        for name in ("query", "stream", "write"):
            real = getattr(Database, name)

            def spy(self: Database, sql: str, parameters: Sequence[Any] = (), real: Any = real) -> Any:
                if re.search(r"radacct|radpostauth|ispctl_rejects", sql):
                    seen.append((sql, parameters))
                return real(self, sql, parameters)

            inside.setattr(Database, name, spy)
        yield seen


def read_whole(place: Place, statement: str, values: Sequence[Any]) -> list[str]:
    """The steps of a database's plan that read all of a table of facts."""
    if re.fullmatch(r"SELECT 1 FROM \w+ LIMIT 1", statement):
        return []  # whether there is anything at all
    with place.open() as store:
        database = store.database
        if place.kind == "sqlite":
            plan = [str(row[-1]) for row in database.query(f"EXPLAIN QUERY PLAN {statement}", values)]
            whole = re.compile(rf"SCAN ({'|'.join(FACTS)})(?! USING INDEX ispctl_open)")
        else:
            # Where half of all is wanted, reading all is right; the question is whether there is another way.
            database.write("SET enable_seqscan = off")
            plan = [str(row[0]) for row in database.query(f"EXPLAIN {statement}", values)]
            whole = re.compile(rf"Seq Scan on ({'|'.join(FACTS)})")
    return [step.strip() for step in plan if whole.search(step)]


def test_every_question_finds_its_facts_by_an_index(cli: Cli, place: Place) -> None:
    place.create(lab=True).close()
    for prefix in ("ISPCTL", "ISPSTAT"):
        cli.patch.setenv(f"{prefix}_RADIUS__DSN", place.dsn if place.kind != "sqlite" else f"sqlite:///{place.file}")
    assert cli("apply").code == 0
    many(place)
    asked: dict[str, list[tuple[str, Sequence[Any]]]] = {}
    for question in QUESTIONS:
        with recorded(cli.patch) as asked[question]:
            cli.stat(*question.split())
    with recorded(cli.patch) as asked["prune"]:
        cli.edit("inventory/policy.yaml", "sessions: 400d, rejects: 30d", "sessions: 110d, rejects: 110d")
        cli("prune", "--dry-run")
        assert cli("prune").code == 0
    found = {
        f"{question}: {statement[:200]}": whole
        for question, statements in asked.items()
        for statement, values in statements
        if (whole := read_whole(place, statement, values))
    }
    assert found == {}
    assert all(asked.values())
