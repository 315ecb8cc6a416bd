"""Drift reads whom the sums of the database name, finds what reading everybody finds, and costs what drifted."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ispctl import reconcile, repo
from ispctl.index import Index, Size
from ispctl.intent import intent_of
from ispctl.lab.cluster import Cluster
from ispctl.plan import diff
from ispctl.radius.rendering import TARGET, render
from ispctl.radius.rows import RadiusRows
from ispctl.reconcile import World
from ispctl.reconcile import drift as drifting
from ispctl.reconcile.applied import digest_of
from ispctl.reconcile.drift import Difference, find
from ispctl.reconcile.hands import reading_of_applied
from ispctl.reconcile.survey import RENDERED, key_of
from ispctl.repo import Repository
from ispctl.status import drift as stat
from ispctl.status.health import health
from ispctl.status.rows import differences
from ispctl.status.view import View, look
from ispctl.store import Store
from ispctl.store.roles import grant
from tests.databases import KINDS, Place
from tests.index.isp import NOON, Isp
from tests.index.test_apply import ALL, Opener

EDITS = [
    "UPDATE radreply SET value = '203.0.113.9' WHERE username = '{}'",
    "INSERT INTO radreply (username, attribute, op, value) VALUES ('{}', 'Filter-Id', '=', 'x')",
    "INSERT INTO radusergroup (username, groupname, priority)"
    " SELECT username, groupname, priority FROM radusergroup WHERE username = '{}'",
    "DELETE FROM radusergroup WHERE username = '{}'",
    "UPDATE radusergroup SET username = 's-000@home.example' WHERE username = '{}'",
    "UPDATE radcheck SET value = 'canary-pw-other' WHERE username = '{}'",
    "INSERT INTO radcheck (username, attribute, op, value) VALUES ('{}', 'Auth-Type', ':=', 'Accept')",
    "UPDATE ispctl_login SET expires = NULL WHERE login = '{}'",
    "UPDATE ispctl_login SET owner = 's-999/main' WHERE login = '{}'",
    "DELETE FROM ispctl_login WHERE login = '{}'",
    "DELETE FROM ispctl_print WHERE login = '{}'",
    "INSERT INTO ispctl_login (login, owner) VALUES ('new-{0}', 'x') ON CONFLICT DO NOTHING",
    "INSERT INTO radreply (username, attribute, op, value) VALUES ('not-{}', 'Filter-Id', '=', 'x')",
    "DELETE FROM radgroupreply WHERE groupname = 'isp:home-50@routeros' AND '{0}' = '{0}'",
    "INSERT INTO radgroupreply (groupname, attribute, value) VALUES ('isp:{}@x', 'Session-Timeout', '1')",
    "UPDATE nas SET secret = 'canary-other' WHERE '{0}' = '{0}'",
    "DELETE FROM ispctl_pop WHERE '{0}' = '{0}'",
]
BOTH = pytest.mark.parametrize("kind", KINDS)


class Site:
    """An ISP of so many, applied to a database of a kind. `fresh`: a database, or a copy of another one."""

    def __init__(self, folder: Path, fresh: Callable[..., str], people: int) -> None:
        self.fresh = fresh
        self.isp = Isp(folder / "isp.git", random.Random(7))
        for number in range(100, 100 + people):
            self.isp.add(f"s-{number:03}")
        for number, paid in enumerate(["2026-11-24", "2026-11-25", "2026-11-30"]):
            self.isp.people[f"s-{number + 1:03}"].paid = paid
        self.isp.people["s-005"].terminated = "2026-12-01"
        self.isp.people["s-006"].address = "203.0.113.7"
        self.isp.commit()
        self.place, self.index = Place(fresh(), folder), folder / "site.index"
        self.place.create().close()
        with self.world(NOON) as world:
            reconcile.apply(world, "main", ALL)
        self.applied = self.place

    def as_applied(self) -> None:
        """On a copy of the database as the apply left it."""
        self.place = Place(self.fresh(self.applied.dsn.rpartition("/")[2]), self.applied.base)

    @contextmanager
    def world(self, now: datetime) -> Iterator[World]:
        with Repository.open(self.isp.folder) as repository, self.place.open() as store:
            index = Index(repository, self.index, size=Size(worth=1))
            yield World(repository, store, Opener, now, lambda: now, index=index)  # type: ignore[arg-type]

    def logins(self) -> list[str]:
        return [f"{id}@home.example" for id in self.isp.people]


Make = Callable[..., Site]


@pytest.fixture
def make(kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes sites of a kind of database."""

    def site(people: int = 0) -> Site:
        folder, numbers = tmp_path_factory.mktemp("drift"), count()

        def copied(template: str = "") -> str:
            name = f"radius-{next(numbers)}.db"
            if template:
                shutil.copy(folder / template, folder / name)
            return f"sqlite:///{name}"

        return Site(folder, copied if kind == "sqlite" else request.getfixturevalue("fresh_database"), people)

    return site


def plainly(world: World, since: bool) -> set[tuple[str, bool, bool]]:
    """By reading everything: what differs, whether that is due, and whether a hand was there."""
    reading = reading_of_applied(world)
    want = render(intent_of(world.repository.at(reading.commit), world.now))
    have = RadiusRows(world.store).read(None)
    written = {key_of(name): str(said["digest"]) for name, said in world.store.objects(RENDERED).items()}
    written |= {("login", row.login): row.digest for row in world.store.entitlements()}
    found = (
        Difference(
            change,
            digest_of(want.get(change.key)) != written.get(change.key, ""),
            digest_of(have.get(change.key)) != written.get(change.key, ""),
        )
        for change in diff(TARGET, want, have)
    )
    return {said(one) for one in found if since or not one.due}


def said(one: Difference) -> tuple[str, bool, bool]:
    return one.change.id, one.due, one.touched


@BOTH
def test_it_finds_what_reading_everybody_finds(kind: str, make: Make) -> None:
    site = make()
    names = site.logins()

    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
    @example(edits=[(edit, names[3]) for edit in EDITS], hours=0)
    @example(edits=[], hours=24 * 9)
    @given(
        edits=st.lists(st.tuples(st.sampled_from(EDITS), st.sampled_from([*names[:7], "nobody"])), max_size=4),
        hours=st.sampled_from([0, 10, 24 * 9]),
    )
    def check(edits: list[tuple[str, str]], hours: int) -> None:
        site.as_applied()
        site.place.hand(*(edit.format(login) for edit, login in edits))
        with site.world(NOON + timedelta(hours=hours)) as world:
            reading, rows = reading_of_applied(world), RadiusRows(world.store)
            found = find(reading, rows)
            assert {said(one) for one in found.differences if not one.due} == plainly(world, since=False)
            whole = find(reading, rows, since=NOON)
            assert {said(one) for one in whole.differences} == plainly(world, since=True)

    check()


@BOTH
def test_what_it_costs_is_what_drifted_and_not_what_there_is(
    kind: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = []
    for people in (0, 300):
        site = make(people)
        costs.append([cost(site, monkeypatch)])
        for edit in ("UPDATE radreply SET value = value || 'x' WHERE username = 's-006@home.example'",):
            site.place.hand(edit)
            costs[-1].append(cost(site, monkeypatch))
    (none, one), more = costs
    assert [none, one] == more
    assert none.files == 0
    assert 0 < one.files <= 3


class Cost(NamedTuple):
    """Files of subscribers that were parsed, and rows that came to the client."""

    files: int
    rows: int


def cost(site: Site, monkeypatch: pytest.MonkeyPatch) -> Cost:
    """Of a drift, with a repository that was just opened."""
    with site.world(NOON) as world, monkeypatch.context() as patch:
        parsed = counted(patch)
        before = world.store.database.rows_read
        reconcile.drifted(world)
        return Cost(len(parsed), world.store.database.rows_read - before)


def counted(patch: pytest.MonkeyPatch) -> list[str]:
    """The files of subscribers that are parsed from now on."""
    parsed: list[str] = []
    real = repo._parse

    def parse(path: str, data: bytes) -> repo.Parsed:
        if path.startswith("subscribers/") and not path.endswith("group.yaml"):
            parsed.append(path)
        return real(path, data)

    patch.setattr(repo, "_parse", parse)
    return parsed


@BOTH
def test_rows_of_others_in_every_part_are_no_drift(kind: str, make: Make) -> None:
    site = make()
    numbers = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 9000)"
    site.place.hand(
        f"INSERT INTO radreply (username, attribute, op, value) {numbers}"
        " SELECT 'other-' || n, 'Filter-Id', '=', 'x' FROM s"
    )
    with site.world(NOON) as world:
        assert RadiusRows(world.store).suspect() == frozenset()
        site.place.hand("DELETE FROM radusergroup WHERE username = 's-006@home.example'")
        assert RadiusRows(world.store).suspect() == {"s-006@home.example"}


@BOTH
def test_after_an_update_everybody_is_looked_at_a_few_at_a_time(
    kind: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drifting, "TOGETHER", 5)
    site = make(12)
    site.place.hand(
        "DELETE FROM ispctl_print",
        "DELETE FROM radusergroup WHERE username IN ('s-001@home.example', 's-111@home.example')",
    )
    with site.world(NOON) as world:
        found = reconcile.drifted(world)
        assert sorted(change.owner for change in found.changes) == ["s-001/main", "s-111/main"]
        assert [change.owner for change in reconcile.repair(world).changes] == [one.owner for one in found.changes]
        assert reconcile.drifted(world).changes == ()
        assert RadiusRows(world.store).suspect() == frozenset()


@BOTH
def test_a_changed_a_missing_and_a_foreign_row_among_many_are_each_named(kind: str, make: Make) -> None:
    site = make(200)
    site.place.hand(
        "UPDATE radreply SET value = '203.0.113.9' WHERE username = 's-006@home.example'",
        "DELETE FROM radcheck WHERE username = 's-150@home.example'",
        "INSERT INTO radreply (username, attribute, op, value) VALUES ('s-160@home.example', 'Filter-Id', '=', 'x')",
        "INSERT INTO ispctl_login (login, owner) VALUES ('ghost@home.example', 'x')",
        "DELETE FROM ispctl_login WHERE login = 's-170@home.example'",
        "DELETE FROM ispctl_print WHERE login = 's-170@home.example'",
    )
    with site.world(NOON) as world:
        changes = {change.key[1].partition("@")[0]: change for change in reconcile.drifted(world).changes}
    told = {name: (change.action, list(differences(change.after, change.before))) for name, change in changes.items()}
    assert told == {
        "s-006": ("update", ["reply has Framed-IP-Address := 203.0.113.9 and lacks Framed-IP-Address := 203.0.113.7"]),
        "s-150": ("update", ["password is missing"]),
        "s-160": ("update", ["reply has Filter-Id = x"]),
        "ghost": ("delete", ["is in the database and should not be"]),
        "s-170": ("create", ["is not in the database"]),
    }


@BOTH
def test_ispstat_reads_who_drifted_and_whom_time_has_changed(
    kind: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = []
    for people in (0, 300):
        site = make(people)
        site.place.hand("UPDATE radreply SET value = value || 'x' WHERE username = 's-006@home.example'")
        with seen(site, NOON + timedelta(days=2)) as view, monkeypatch.context() as patch:
            parsed = counted(patch)
            found = stat.drift(view) or ()
            assert [(one.id, one.cause) for one in found] == [("s-002/main", "clock"), ("s-006/main", "hand")]
            assert view.broken == 0
            assert view.turning is not None
            assert view.turning.partial
            costs.append(Cost(len(parsed), view.store.database.rows_read if view.store else 0))
            assert {one.name: one.level for one in health(view)}["clock"] == "bad"
    assert costs[0] == costs[1]


@contextmanager
def seen(site: Site, now: datetime) -> Iterator[View]:
    """What ispstat sees, without all of the head."""
    with Repository.open(site.isp.folder) as repository:
        index = Index(repository, site.index, size=Size(worth=1))
        with look(index, lambda _: site.place.open(readonly=True), now) as view:
            yield view


@pytest.mark.live
@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_role_that_may_read_no_sum_finds_the_same(kind: str, make: Make, cluster: Cluster) -> None:
    site = make(20)
    with site.world(NOON) as world:
        grant(world.store, "stat_drift", "stat")
    site.place.hand("ALTER ROLE stat_drift PASSWORD 'canary-pw-role'")
    try:
        for edits in (EDITS[:0], EDITS[:1], EDITS[5:6], EDITS):
            site.place.hand(*(edit.format("s-006@home.example") for edit in edits))
            reader = cluster.dsn(site.place.dsn.rpartition("/")[2], "stat_drift", "canary-pw-role")
            said = []
            for dsn in (site.place.dsn, reader):
                with Store.open(dsn, base=site.place.base, readonly=True) as store:
                    said.append((store.sees_secrets, RadiusRows(store).suspect()))
            (owner, theirs), (blind, ours) = said
            assert (owner, blind) == (True, False)
            assert theirs == ours
            assert bool(ours) == bool(edits)
    finally:
        site.place.hand("DROP OWNED BY stat_drift", "DROP ROLE stat_drift")
