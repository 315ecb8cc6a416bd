"""While an apply changes ten thousand services, FreeRADIUS is asked all the time, and every answer is right.

Right is: accepted, with the rate of the old tariff or of the new one, and with the Class that belongs to that rate.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ispctl.lab import freeradius
from ispctl.radius import client
from ispctl.radius.server import ServerSettings
from ispctl.store import LAB_CLIENT
from tests.databases import KINDS, Place
from tests.depth import DEEP, times
from tests.gates import example
from tests.postgres import new_database
from tests.reconcile.world import keyring

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(900)]
SERVICES = times(10_000)
ASKERS = 4
FREELY, PAUSE = 1_000, 0.0 if DEEP else 0.02
"""After so many questions an asker waits so many seconds before each: on slow cores they left the apply a fifth of two,
and asked a hundred thousand times until it was done. `make bench-busy` asks at full speed."""
SECRET, PASSWORD = "loopback-secret", "canary-pw-load"
OLD, NEW = "home-50", "home-100"
RATES = {"25M/50M": OLD, "50M/100M": NEW}


@dataclass
class Answers:
    """What the server said. `wrong` are answers that nobody should ever get."""

    seen: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    classes: dict[str, set[str]] = field(default_factory=lambda: {OLD: set(), NEW: set()})

    def take(self, answer: Any, seconds: float) -> None:
        self.seconds.append(seconds)
        if answer is None:
            self.wrong.append("silence")
            return
        said = client.plain(answer)
        tariff = RATES.get(str(said.get("Mikrotik-Rate-Limit", [""])[0]))
        if answer.code != 2 or tariff is None:
            self.wrong.append(f"code {answer.code}, rate {said.get('Mikrotik-Rate-Limit')}")
            return
        self.seen[tariff] += 1
        self.classes[tariff].add(bytes(said["Class"][0]).decode().partition("-")[2])

    def percentile(self, share: float) -> float:
        """Milliseconds."""
        return sorted(self.seconds)[int(len(self.seconds) * share)] * 1000


def _services(folder: Path, tariff: str) -> None:
    """Subscribers of one group, on one tariff."""
    for number in range(SERVICES):
        id = f"sub-{100_000 + number:06}"
        file = folder / "subscribers" / "lalitpur" / f"{number % 256:02x}" / f"{id}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            file.write_text(file.read_text("utf-8").replace(f"tariff: {OLD}", f"tariff: {tariff}"), "utf-8")
            continue
        sealed = keyring().seal("service", f"{id}/main", "password", PASSWORD).text
        file.write_text(
            f"id: {id}\nprofile: {{name: Canary Birdsong}}\nservices:\n  - key: main\n    login: load-{number}\n"
            f'    password: "{sealed}"\n    tariff: {tariff}\n    activated: 2025-01-01\n    paid_until: 2031-12-31\n',
            "utf-8",
        )
    example.commit(folder, f"Everybody on {tariff}")


def _apply(folder: Path, place: Place) -> subprocess.Popen[bytes]:
    permitted = [word for kind in ("cut-off", "drop", "slower", "delete") for word in (f"--allow-{kind}", "99999")]
    env = {"PATH": example.path_with_commands(), "HOME": "/nonexistent", "ISPCTL_RADIUS__DSN": place.dsn}
    command = [
        sys.executable,
        "-c",
        "from ispctl.cli.main import main; main()",
        "--repo",
        str(folder),
        "apply",
        *permitted,
    ]
    return subprocess.Popen(command, env=env | {"PYTHONPATH": os.pathsep.join(sys.path)}, stdout=subprocess.DEVNULL)


@contextmanager
def _server(folder: Path, place: Place) -> Iterator[tuple[str, int]]:
    with place.open() as store:
        address = store.database.address
        store.database.write(
            "INSERT INTO nas (nasname, shortname, type, secret, require_ma, description)"
            " VALUES ('127.0.0.1', 'lalitpur-1', 'routeros', ?, 1, ?)",
            (SECRET, LAB_CLIENT),
        )
    server = freeradius.launch_anywhere(
        lambda auth, acct: ServerSettings(
            database=address.for_server,
            dialect=address.dialect,
            database_password=address.password,
            run_dir=f"{folder}/run",
            auth_port=auth,
            acct_port=acct,
            reject_delay=0,
        ),
        folder / "conf",
    )
    try:
        yield "127.0.0.1", server.settings.auth_port
    finally:
        server.stop()


def _ask(server: tuple[str, int], answers: Answers, enough: threading.Event, seed: int) -> None:
    chance = random.Random(seed)
    while not enough.is_set():
        attributes = {"User-Name": f"load-{chance.randrange(SERVICES)}", "NAS-IP-Address": "192.0.2.1"}
        packet, _ = client.access_request(SECRET, attributes, PASSWORD, "pap")
        began = time.monotonic()
        answer = client.ask(packet, server, "127.0.0.1", timeout=5, tries=1)
        answers.take(answer, time.monotonic() - began)
        if len(answers.seconds) > FREELY:
            enough.wait(PAUSE)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    dsn = f"sqlite:///{tmp_path}/radius.db"
    place = Place(dsn if request.param == "sqlite" else new_database(request.getfixturevalue("cluster")), tmp_path)
    place.create(lab=True).close()
    return place


def test_every_answer_is_right_while_ten_thousand_services_change(
    tmp_path: Path, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = example.copy(tmp_path / "isp")
    _services(folder, OLD)
    assert _apply(folder, place).wait(300) == 0
    _services(folder, NEW)
    answers, enough = [Answers() for _ in range(ASKERS)], threading.Event()
    with _server(tmp_path, place) as server:
        askers = [threading.Thread(target=_ask, args=(server, one, enough, n)) for n, one in enumerate(answers)]
        for asker in askers:
            asker.start()
        began = time.monotonic()
        code = _apply(folder, place).wait(300)
        took = time.monotonic() - began
        enough.set()
        for asker in askers:
            asker.join()
    assert code == 0
    assert [wrong for one in answers for wrong in one.wrong] == []
    whole = Answers(seconds=[s for one in answers for s in one.seconds])
    p50, p99 = whole.percentile(0.5), whole.percentile(0.99)
    with capsys.disabled():
        print(
            f"\n{place.kind}: {len(whole.seconds)} authentications in {took:.1f} s of an apply of {SERVICES} services"
            f" ({len(whole.seconds) / took:.0f}/s), p50 {p50:.1f} ms, p99 {p99:.1f} ms"
        )
    for tariff in (OLD, NEW):
        assert sum(one.seen[tariff] for one in answers) > 0
        assert len(set().union(*(one.classes[tariff] for one in answers))) == 1
