"""Wherever an apply is killed (kill -9), the next one ends where one ends that nobody killed."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ispctl.gates import COUNTED, gate_of
from ispctl.intent import intent_of
from ispctl.lab.cluster import Cluster
from ispctl.plan import Resources
from ispctl.radius.rendering import render, rendering
from ispctl.radius.rows import RadiusRows
from ispctl.repo import Repository
from ispctl.store import LAB_DOOR, proofs
from tests.databases import KINDS, Place
from tests.gates import example
from tests.gates.tracked import ROOT
from tests.postgres import drop, new_database
from tests.radius.dae import Dae
from tests.reconcile.world import ENV, built, keyring

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SECRET = "stand-in"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
NOBODY_WAITS = [word for kind in ("cut-off", "drop", "slower", "delete") for word in (f"--allow-{kind}", "99")]
STAYING = tuple(f"sub-000{number}." for number in (123, 124, 132, 201, 202, 302, 304))
GONE = tuple(f"    {name}:" for name in ("bhaktapur-1", "dhulikhel-1", "dhulikhel-2", "chitwan-1", "chitwan-2"))
SESSIONS = {
    # who is online, and from where; what the second commit does to each
    "anita.rai@home.example": "100.64.0.10",  # another rate: CoA
    "gita.karki.cctv@home.example": "203.0.113.9",  # another address: Disconnect
    "bikash.maharjan@home.example": "100.64.0.12",  # terminated: Disconnect
    "manisha.pun@home.example": "100.64.0.13",  # another login: Disconnect
    "hari.koirala@home.example": "100.64.0.14",  # another rate: CoA
    "om.gurung@home.example": "100.64.0.15",  # nothing
}


@dataclass
class Zygote:
    """Commands in processes of their own that may be killed; see zygote.py."""

    process: subprocess.Popen[str]

    def __call__(self, place: Place, folder: Path, *words: str, kill_at: int = 0) -> dict[str, Any]:
        env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "ISPCTL_RADIUS__DSN": place.dsn}
        request = {"words": ["--repo", str(folder), *words], "env": env, "kill_at": kill_at}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return dict(json.loads(self.process.stdout.readline()))


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    command = [sys.executable, "-m", "tests.faults.zygote"]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT / 'controller'}", "LC_ALL": "C.UTF-8"}
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        yield Zygote(process)
        assert process.stdin is not None
        process.stdin.close()


Copy = Callable[[], AbstractContextManager[Place]]


@dataclass
class Scene:
    """The example, applied, with people online; then a commit that does something of everything."""

    folder: Path
    dae: Dae
    copy: Copy
    every: int
    """Every so manieth point inside a transaction: all of them end in the same rollback, and copies take their time."""

    @contextmanager
    def start(self) -> Iterator[Place]:
        """A copy of the database as it was before the second apply, and a NAS where everybody is online."""
        online = {login: {"User-Name": login, "Framed-IP-Address": address} for login, address in SESSIONS.items()}
        self.dae.begin_anew({login.partition("@")[0]: said for login, said in online.items()})
        with self.copy() as place:
            yield place

    def end(self, place: Place) -> dict[str, Any]:
        """All that an apply leaves behind, without the moments at which it was done."""
        with place.open(readonly=True) as store:
            return {
                "rows": RadiusRows(store).read(None),
                "given": {(s.id, s.key): (s.login, s.entitlement, s.digest, s.commit) for s in store.entitlements()},
                "objects": {kind: store.objects(kind) for kind in ("rendered", "terms", "nas", "pop")},
                "applied": store.applied.commit if store.applied else None,
                "lost": {met: who for met, who in store.lost_since(LONG_AGO, COUNTED).items() if gate_of(*met)},
                "deleted": store.deleted_since(LONG_AGO),
                "told": {p.uniqueid: (p.kind, p.class_to, p.acked is not None) for p in proofs.read(store)},
                "others": place.hand("SELECT attribute, op, value FROM radcheck WHERE username = 'guest'"),
                "sessions": {id: said.get("Mikrotik-Rate-Limit") for id, said in self.dae.sessions.items()},
            }


@pytest.fixture(scope="module", params=KINDS)
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Iterator[Scene]:
    folder = _few(built(tmp_path_factory.mktemp("killed") / "isp"))
    if request.param == "sqlite":
        place, copy = Place(f"sqlite:///{folder}/var/radius.db", folder), partial(_copied_file, folder)
    else:
        cluster = request.getfixturevalue("cluster")
        place = Place(new_database(cluster), folder)
        place.create(lab=True).close()
        copy = partial(_copied_database, cluster, place)
    with Dae(secret=SECRET) as dae:
        assert zygote(place, folder, "apply")["code"] == 0
        _go_online(place, folder, dae)
        _change_everything(folder)
        yield Scene(folder, dae, copy, every=1 if request.param == "sqlite" else 10)


@contextmanager
def _copied_file(folder: Path) -> Iterator[Place]:
    copy = Path(shutil.copytree(folder / "var", folder / "copy"))
    yield Place(f"sqlite:///{copy / 'radius.db'}", folder)
    shutil.rmtree(copy)


@contextmanager
def _copied_database(cluster: Cluster, place: Place) -> Iterator[Place]:
    copy = dataclasses.replace(place, dsn=new_database(cluster, place.dsn.rpartition("/")[2]))
    yield copy
    drop(cluster, copy.dsn.rpartition("/")[2])


def _few(folder: Path) -> Path:
    """The example with a handful of subscribers and its first three routers: every command reads them all."""
    for file in (folder / "subscribers").rglob("sub-*.yaml"):
        if not file.name.startswith(STAYING):
            file.unlink()
    shutil.rmtree(folder / "subscribers" / "chitwan")
    hosts, pools = folder / "inventory" / "hosts.yaml", folder / "inventory" / "pools.yaml"
    hosts.write_text(hosts.read_text("utf-8").partition("\nbhaktapur-1:")[0], "utf-8")
    lines = pools.read_text("utf-8").splitlines(keepends=True)
    pools.write_text("".join(line for line in lines if not line.startswith(GONE)), "utf-8")
    example.commit(folder, "A handful")
    return folder


def _go_online(place: Place, folder: Path, dae: Dae) -> None:
    with Repository.open(folder, env=ENV) as repository:
        want = render(intent_of(repository.at("HEAD"), datetime.now(UTC)))
    place.hand("INSERT INTO radcheck (username, attribute, op, value) VALUES ('guest', 'Filter-Id', ':=', 'x')")
    for number, (login, address) in enumerate(SESSIONS.items()):
        platform, nas = ("wispr", "192.0.2.3") if login.startswith(("manisha", "om")) else ("routeros", "192.0.2.1")
        place.hand(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
            f" acctsessiontime, acctinputoctets, acctoutputoctets, framedipaddress, class) VALUES (?, ?, ?, ?,"
            f" {_ago(place, 3600)}, {_ago(place, 60)}, 3540, 0, 0, ?, ?)",
            values=(login.partition("@")[0], f"{number:032x}", login, nas, address, _class(want, login, platform)),
        )
    door = json.dumps({"coa": {"host": "127.0.0.1", "port": dae.door().port}, "secret": SECRET})
    with place.open() as store:
        store.meta.set(LAB_DOOR, door)


def _ago(place: Place, seconds: int) -> str:
    return place.instant(str(int(datetime.now(UTC).timestamp()) - seconds))


def _class(want: Resources, login: str, platform: str) -> str:
    fields = want["login", login]
    group = want["group", f"{fields['group']}@{platform}"]
    return f"{fields['class']}-{rendering(group)}"


def _change_everything(folder: Path) -> None:
    """A tariff, an address, a login, a contract that ends, somebody new, somebody gone, a secret, a router."""

    def edit(path: str, old: str, new: str) -> None:
        file = folder / path
        assert old in file.read_text("utf-8"), path
        file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")

    edit("tariffs/home-50.yaml", "{down: 50M, up: 25M}", "{down: 40M, up: 20M}")
    edit("subscribers/kathmandu/07/sub-000201.yaml", "203.0.113.9", "203.0.113.33")
    edit(
        "subscribers/lalitpur/3f/sub-000124.yaml",
        "paid_until: 2031-12-31",
        "terminated: 2026-01-02\n    paid_until: 2031-12-31",
    )
    edit("subscribers/pokhara/9e/sub-000302.yaml", "login: manisha.pun@", "login: manisha.sen@")
    (folder / "subscribers/lalitpur/41/sub-000132.yaml").unlink()
    sealed = keyring().seal("service", "sub-000900/main", "password", "canary-pw-new").text
    (folder / "subscribers/lalitpur/41/sub-000900.yaml").write_text(
        "id: sub-000900\nprofile: {name: Canary Birdsong}\nservices:\n  - key: main\n    login: new@home.example\n"
        f'    password: "{sealed}"\n    tariff: home-20\n    activated: 2026-01-01\n    paid_until: 2031-12-31\n',
        "utf-8",
    )
    hosts = (folder / "inventory/hosts.yaml").read_text("utf-8")
    old = hosts[hosts.index("enc:") : hosts.index('"\n', hosts.index("enc:"))]
    edit("inventory/hosts.yaml", old, keyring().seal("nas", "lalitpur-1", "radius.secret", "canary-pw-router").text)
    edit("inventory/hosts.yaml", "sources: [192.0.2.3]", "sources: [192.0.2.3, 192.0.2.33]")
    example.commit(folder, "Something of everything")


def test_wherever_an_apply_is_killed_the_next_one_ends_well(scene: Scene, zygote: Zygote) -> None:
    with scene.start() as undisturbed:
        ended = zygote(undisturbed, scene.folder, "apply", *NOBODY_WAITS)
        assert ended["code"] == 0
        points, wanted = ended["points"], scene.end(undisturbed)
        assert zygote(undisturbed, scene.folder, "plan")["code"] == 0
    assert len(wanted["told"]) == len(SESSIONS) - 1
    assert {point for point in points if point.startswith("datagram")} == {"datagram 40", "datagram 43"}
    for number, point in _worth(points, scene.every):
        with scene.start() as place:
            assert zygote(place, scene.folder, "apply", *NOBODY_WAITS, kill_at=number)["code"] == -9, point
            assert zygote(place, scene.folder, "apply", *NOBODY_WAITS)["code"] == 0, point
            assert _differences(scene.end(place), wanted) == [], f"killed before {number}: {point}"


def _worth(points: list[str], every: int) -> Iterator[tuple[int, str]]:
    """The points at which to kill, from 1: each one outside of transactions, their ends, and some of the rest."""
    inside = False
    for number, point in enumerate(points, 1):
        inside = (inside or point.startswith("BEGIN")) and point != "COMMIT"
        if not inside or point.startswith("BEGIN") or number % every == 0:
            yield number, point


def _differences(found: Any, wanted: Any, where: str = "") -> list[str]:
    """Where two results differ, a line each."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = sorted(found.keys() | wanted.keys(), key=repr)
        return [line for key in keys for line in _differences(found.get(key), wanted.get(key), f"{where} {key}")]
    return [] if found == wanted else [f"{where}: {found!r} instead of {wanted!r}"]
