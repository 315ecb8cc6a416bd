"""An apply that looks at what may have changed does what an apply that looks at everybody does."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ispctl import gates, reconcile
from ispctl.index import Index, Size
from ispctl.model.problem import Refusal
from ispctl.radius.rendering import rendering
from ispctl.radius.rows import RadiusRows
from ispctl.reconcile import Permission, World
from ispctl.reconcile.reading import Reading
from ispctl.reconcile.settled import SETTLED
from ispctl.repo import Repository
from ispctl.report.plan_json import document
from ispctl.store import Pause, Store
from tests.depth import times
from tests.index.isp import NOON, WAITS, Isp, in_any_order

ALL = Permission(most=dict.fromkeys(("cut_off", "dropped", "slower", "delete", "clock"), 1000), rollback=True)


TOGETHER, SLICES = Size(worth=1), Size(worth=1, together=2, chunk=4, alone=99)


class Opener:
    """Opens what was never sealed: the files of these tests hold texts of the right shape."""

    def open(self, sealed: Any, _where: object = None) -> str:
        return f"clear {sealed.text[-8:]}"


class Site:
    """A database that is made equal to commits, by an index or without one."""

    def __init__(self, folder: Path, name: str, size: Size | None) -> None:
        self.dsn, self.folder, self.size = f"sqlite:///{name}.db", folder, size
        self.place = folder / f"{name}.index" if size else None
        self.path = folder / f"{name}.db"
        Store.create(self.dsn, base=folder, lab=True).close()

    @contextmanager
    def world(self, isp: Isp, now: datetime) -> Iterator[World]:
        with Repository.open(isp.folder) as repository, Store.open(self.dsn, base=self.folder) as store:
            index = Index(repository, self.place, size=self.size) if self.size else None
            yield World(repository, store, Opener, now, lambda: now, index=index)  # type: ignore[arg-type]

    def dial(self, login: str, at: datetime, klass: str = "") -> None:
        """A session of ten minutes that is over; with a Class one that goes on."""
        with closing(sqlite3.connect(self.path)) as database, database:
            began, unique = int(at.timestamp()), f"{login} {at}"
            database.execute(
                "INSERT OR IGNORE INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime,"
                " acctupdatetime, acctstoptime, class) VALUES (?, ?, ?, '192.0.2.1', ?, ?, ?, ?)",
                (unique, unique, login, began, began + 600, None if klass else began + 600, klass),
            )

    def rows(self) -> dict[str, list[Any]]:
        """Everything in the database but who did what when."""
        with closing(sqlite3.connect(self.path)) as database:
            found = {}
            for table in (
                "radcheck",
                "radreply",
                "radusergroup",
                "radgroupcheck",
                "radgroupreply",
                "nas",
                "ispctl_login",
            ):
                rows = database.execute(f"SELECT * FROM {table}").fetchall()
                columns = [one[1] for one in database.execute(f"PRAGMA table_info({table})")]
                mine = [n for n, name in enumerate(columns) if name not in ("id", "password_mac")]
                found[table] = sorted(map(repr, ([row[n] for n in mine] for row in rows)))
            services = "SELECT id, key, login, entitlement, digest FROM ispctl_service ORDER BY id, key"
            found["services"] = database.execute(services).fetchall()
            begins = "SELECT id, key, login, since, at, until FROM ispctl_first_login ORDER BY id, key"
            found["begins"] = database.execute(begins).fetchall()
            return found


@pytest.mark.parametrize("waits", [False, True], ids=["", "who begin with a first login"])
@pytest.mark.parametrize("seed", range(times(4)))
def test_both_plan_and_do_the_same_for_any_history(tmp_path: Path, seed: int, waits: bool) -> None:
    chance = random.Random(1000 + seed)
    isp = Isp(tmp_path / "isp.git", chance)
    if waits:
        for person in isp.people.values():
            person.waits = chance.choice(["", *WAITS])
        isp.commit()
    sites = [Site(tmp_path, "all", None), Site(tmp_path, "some", TOGETHER), Site(tmp_path, "slices", SLICES)]
    now, applied, spared = NOON, isp.commits[0], Counter[str]()
    for _ in range(14):
        for _ in range(chance.choice([0, 1, 1, 3])):
            isp.edit()
        head = isp.commit() if chance.random() < 0.85 else applied
        now += timedelta(hours=chance.choice([0, 1, 30]))
        permission = ALL if chance.random() < 0.7 else Permission(rollback=True)
        pausing, doubting = chance.random() < 0.15, chance.random() < 0.3
        dialled = [chance.choice([*isp.people.values()]) for _ in range(2 if waits else 0)]
        said = []
        for site in sites:
            for person in dialled:
                site.dial(person.login or f"{person.id}@home.example", now - timedelta(minutes=chance_of(person.id)))
            with site.world(isp, now) as world:
                if pausing:
                    until = now + timedelta(hours=2)
                    world.store.put_pause(Pause("p" + str(now), "group", "a", now, until, "because", "us"))
                if doubting:  # as after an upgrade, or a run that was killed while it wrote everybody
                    world.store.forget_object(SETTLED, "by")
                if world.index:
                    world.index.look((head,), now, slicing=True)
                spared[site.path.stem] += in_slices(world, head) if site.size is SLICES else seen(world, head)
                said.append(outcome(world, head, permission))
        assert said[0] == said[1] == said[2]
        assert sites[0].rows() == sites[1].rows() == sites[2].rows()
        applied = head
    assert spared["some"] > 2, "everybody was looked at nearly always: nothing was shown"
    assert spared["slices"] > 1, "nobody came in slices: nothing was shown"


def chance_of(id: str) -> int:
    """Minutes ago; the same at every site."""
    return 1 + int(id[-3:]) % 90


def outcome(world: World, head: str, permission: Permission) -> Any:
    """The plan and what came of it, without what differs from run to run."""
    try:
        found = reconcile.live(world, head).plan
        plan = in_any_order(document(found)), found.until
        result = reconcile.apply(world, head, permission)
    except (Refusal, KeyError) as refused:
        return "a tariff is missing" if isinstance(refused, KeyError) else str(refused)
    failed = sorted((one.change.id, one.error) for one in result.failed)
    return plan, result.exit_code, failed, result.written, result.rows, result.held


def seen(world: World, head: str) -> bool:
    """Whether the next plan would be made from a part."""
    return reading(world, head).look.partial


def in_slices(world: World, head: str) -> bool:
    """Whether the next plan would come in slices."""
    return reading(world, head).look.slices is not None


def reading(world: World, head: str) -> Reading:
    return Reading(world.repository, world.store, None, head, world.now, world.index, slicing=True)  # type: ignore[arg-type]


def test_what_was_announced_is_no_news_where_everybody_is_looked_at_in_slices(tmp_path: Path) -> None:
    isp = Isp(tmp_path / "isp.git", random.Random(7))
    for number, person in enumerate(isp.people.values()):
        person.paid = "2026-11-25" if number < 9 else "2026-11-26"
    head, said = isp.commit(), []
    for site in (Site(tmp_path, "all", None), Site(tmp_path, "near", TOGETHER), Site(tmp_path, "slices", SLICES)):
        with site.world(isp, NOON) as world:
            if world.index:
                world.index.look((head,), NOON)
            reconcile.apply(world, head, ALL)
        with site.world(isp, NOON + timedelta(hours=40)) as world:
            world.store.forget_object(SETTLED, "by")  # as after an upgrade
            said.append([outcome(world, head, Permission(most={"clock": most})) for most in (4, 5)])
    assert said[0] == said[1] == said[2]
    assert "and 5 services end by the clock alone that no plan has announced; at most 4 may" in said[0][0]


def online(site: Site, isp: Isp, at: datetime) -> None:
    """Everybody who has a login is, as it stands now."""
    with site.world(isp, at) as world:
        rows = RadiusRows(world.store).read(None)
    for (kind, login), fields in rows.items():
        if kind == "login":
            group = rows["group", f"{fields['group']}@routeros"]
            site.dial(login, at, f"{fields['class']}-{rendering(group)}")


def begun(folder: Path, isp: Isp, base: str) -> Iterator[Site]:
    """One that reads everything, one with an index and one in slices; a commit is applied there, and all are online."""
    for site in (Site(folder, "all", None), Site(folder, "near", TOGETHER), Site(folder, "slices", SLICES)):
        with site.world(isp, NOON) as world:
            if world.index:
                world.index.look((base,), NOON)
            reconcile.apply(world, base, ALL)
        online(site, isp, NOON)
        yield site


def test_sessions_that_end_for_what_all_share_meet_their_gate_also_in_slices(tmp_path: Path) -> None:
    """Everybody is behind the wall, online, and has to come back for an address of another pool."""
    isp = Isp(tmp_path / "isp.git", random.Random(7))
    for person in isp.people.values():
        person.paid = "2026-11-20"
    base, policy = isp.commit(), "inventory/policy.yaml"
    isp.shared[policy] = isp.shared[policy].replace("pool: walled", "pool: home")
    head, said = isp.commit(), []
    for site in begun(tmp_path, isp, base):
        with site.world(isp, NOON + timedelta(hours=1)) as world:
            plan = reconcile.live(world, head).plan
            said.append((gates.counts(plan), plan.digest, plan.summary))
    assert said[0] == said[1] == said[2]
    assert said[0][0]["dropped"] == len(isp.people)


def test_a_session_on_a_login_that_was_given_up_is_ended_once_however_many_slices_there_are(tmp_path: Path) -> None:
    isp = Isp(tmp_path / "isp.git", random.Random(7))
    base = isp.commits[-1]
    del isp.people["s-003"]
    gone, policy = isp.commit(), "inventory/policy.yaml"
    isp.shared[policy] += "hold: {method: reject}\n"
    head, said = isp.commit(), []
    for site in begun(tmp_path, isp, base):
        with site.world(isp, NOON + timedelta(hours=1)) as world:
            reconcile.apply(world, gone, ALL)  # no NAS answers here: he stays online
        with site.world(isp, NOON + timedelta(hours=2)) as world:
            plan = reconcile.live(world, head).plan
            said.append(([change.id for change in plan.changes if change.key[0] == "session"], plan.digest))
    assert said[0] == said[1] == said[2]
    assert len(said[0][0]) == 1


LIMIT = "fup: [{{window: {}, counts: both, tiers: [{{after: {}, rate: {{down: 5M, up: 2M}}}}]}}]\n"


@pytest.mark.parametrize("size", [TOGETHER, SLICES], ids=["near", "slices"])
def test_another_limit_of_fair_use_is_looked_at_for_all_who_have_the_tariff(tmp_path: Path, size: Size) -> None:
    isp = Isp(tmp_path / "isp.git", random.Random(7))
    sites = [Site(tmp_path, "all", None), Site(tmp_path, "some", size)]
    for site in sites:
        with site.world(isp, NOON) as world:
            if world.index:
                world.index.look((isp.commits[0],), NOON)
            reconcile.apply(world, isp.commits[0], ALL)
            for number in range(5):
                used = f"s-{number:03}/main", 20261105, 24, 400 * 10**9, 0
                world.store.database.write("INSERT INTO ispctl_usage VALUES (?, ?, ?, ?, ?)", used)
    low = LIMIT.format("cycle", "300GB")
    steps = [  # of the tariff: its limit and its period; how many have another speed then
        (LIMIT.format("month", "500GB"), "months: 1", 0),
        (LIMIT.format("month", "300GB"), "months: 1", 5),
        (low, "months: 1", 0),
        (low, "days: 10", 5),
        ("", "days: 10", 0),
        (low, "months: 1", 5),
    ]
    for hours, (isp.limits["home-50"], isp.periods["home-50"], many) in enumerate(steps):
        head, said = isp.commit(), []
        for site in sites:
            with site.world(isp, NOON + timedelta(hours=hours)) as world:
                (plan, _), *done = outcome(world, head, ALL)
                said.append((plan, done, world.store.database.query("SELECT * FROM ispctl_meter ORDER BY owner")))
        assert said[0] == said[1]
        assert len(said[0][0]["services"]) == many
