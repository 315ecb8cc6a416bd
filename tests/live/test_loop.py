"""The loop beside a real server: a commit that opens, a day that ends, a database that goes, a kill, and the doctor."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ispctl.lab.lab import Lab
from ispctl.lab.process import wait_for
from tests.cli.service import Service
from tests.gates import example
from tests.live.commands import command
from tests.reconcile.world import keyring

pytestmark = pytest.mark.live
FILE = "subscribers/lalitpur/aa/sub-{0:06}.yaml"


class Isp:
    """The example with its lab, and a loop that looks at it every second."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lab = Lab(folder / "var" / "lab")
        self.number = 900000

    def subscriber(self, paid_until: str, tariff: str = "home-50") -> str:
        """A new one, in a commit of its own; returns the login. `paid_until`: "" where it is paid afterwards."""
        self.number += 1
        id = f"sub-{self.number:06}"
        sealed = keyring().seal("service", f"{id}/main", "password", f"canary-pw-{self.number}").text
        file = self.folder / FILE.format(self.number)
        file.parent.mkdir(parents=True, exist_ok=True)
        login = f"l{self.number}@home.example"
        service = f'login: {login}\n    password: "{sealed}"\n    tariff: {tariff}\n    activated: 2026-01-01'
        file.write_text(
            f"id: {id}\nprofile: {{name: Canary Birdsong}}\nservices:\n  - key: main\n    {service}\n"
            + (f"    paid_until: {paid_until}\n" if paid_until else ""),
            "utf-8",
        )
        example.commit(self.folder, "A subscriber")
        return login

    def owes(self, since: str, due: str) -> None:
        """The newest has an invoice of a day, to be paid until another; who does not pay is slow."""
        policy = self.folder / "inventory" / "policy.yaml"
        text = policy.read_text("utf-8")
        slow = "    throttled: {rate: {down: 2M, up: 1M}}\n    suspend_after:"
        policy.write_text(text.replace("    suspend_after:", slow, 1), "utf-8")
        said = f'{{key: inv-1, at: {since}, type: invoice, amount: "500.00", service: main, due: {due}}}'
        account = self.folder / FILE.format(self.number).replace(".yaml", ".ledger.yaml")
        account.write_text(f"subscriber: sub-{self.number:06}\nentries:\n  - {said}\n", "utf-8")
        example.commit(self.folder, "Make slow who does not pay")

    def dial(self, login: str) -> subprocess.CompletedProcess[str]:
        return command("ispctl", "lab", "dial", login, "--nas", "lalitpur-1", folder=self.folder)

    def open_sessions(self, login: str) -> int:
        return len(self.sessions(login))

    def sessions(self, login: str) -> list[dict[str, Any]]:
        said = command("ispstat", "sessions", "--login", login, "--format", "json", folder=self.folder)
        items: list[dict[str, Any]] = json.loads(said.stdout)["items"]
        return items

    def applied(self) -> str:
        said = command("ispstat", "sessions", "--format", "json", folder=self.folder)
        return str(json.loads(said.stdout)["commit_applied"])

    @property
    def head(self) -> str:
        return example.git(self.folder, "rev-parse", "HEAD").strip()


@pytest.fixture(scope="module")
def isp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Isp]:
    folder = example.copy(tmp_path_factory.mktemp("loop") / "isp")
    (folder / ".gitignore").write_text("var/\n", "utf-8")
    example.commit(folder, "Leave the database out")
    for name, value in (("user.name", "Asha Gurung"), ("user.email", "asha@example.net")):
        example.git(folder, "config", name, value)
    done = command("ispctl", "lab", "up", folder=folder)
    assert done.returncode == 0, done.stderr
    try:
        yield Isp(folder)
    finally:
        command("ispctl", "lab", "down", folder=folder)


@pytest.fixture
def service(isp: Isp, tmp_path: Path) -> Iterator[Service]:
    with Service(isp.folder, tmp_path / "run.log", "--every", "1s") as service:
        service.wait("started")
        yield service


def test_a_commit_is_online_in_seconds(isp: Isp, service: Service, record_property: Any) -> None:
    assert wait_for(lambda: isp.applied() == isp.head, 20)
    before = len(service.events("applied"))
    login = isp.subscriber("2031-12-31")
    began = time.monotonic()
    service.wait("applied", before + 1)
    took = time.monotonic() - began
    record_property("commit_to_rows_seconds", round(took, 2))
    assert "Accepted" in isp.dial(login).stdout or isp.open_sessions(login)
    assert took < 10, "every second a look, and an apply of one subscriber"
    print(f"commit to rows: {took:.2f} s")


def test_a_paid_time_ends_at_its_moment(isp: Isp, service: Service) -> None:
    moment = (datetime.now(UTC) + timedelta(seconds=20)).replace(microsecond=0)
    login = isp.subscriber(f'"{moment.isoformat()}"')
    before = len(service.events("applied"))
    service.wait("applied", max(before, 1))
    assert wait_for(lambda: isp.applied() == isp.head, 20)
    dialled = isp.dial(login)
    assert dialled.returncode == 0, dialled.stdout + dialled.stderr
    assert datetime.now(UTC) < moment, "the machine was too slow for this test to say anything"
    count = len(service.events("applied"))
    said = service.wait("applied", count + 1, timeout=40)
    late = (datetime.fromisoformat(said["timestamp"]) - moment).total_seconds()
    assert 0 <= late < 5
    assert said["cut_off"] == 1
    assert said["sessions"] == 1
    assert wait_for(lambda: isp.open_sessions(login) == 0, 10), "behind the wall it begins anew"
    print(f"ended {late:.2f} s after its moment")


def test_whoever_pays_behind_the_wall_is_back_in_seconds(isp: Isp, service: Service, record_property: Any) -> None:
    """Expired and online on the payment page; one command books the payment: its commit, the rows, the session that is
    told, and a login that gets the tariff again."""
    login = isp.subscriber("2026-01-31")
    assert wait_for(lambda: isp.applied() == isp.head, 20)
    assert isp.dial(login).returncode == 0
    assert _state(isp, login) == "expired"
    assert isp.open_sessions(login) == 1, "on the payment page"
    before, began = len(service.events("applied")), time.monotonic()
    paid = command("ispctl", "renew", login, "--payment", "GATEWAY-1", "--direct", folder=isp.folder)
    assert paid.returncode == 0, paid.stdout + paid.stderr
    committed = time.monotonic()
    said = service.wait("applied", before + 1)
    took = time.monotonic() - committed
    assert (said["sessions"], _state(isp, login)) == (1, "active")
    assert wait_for(lambda: isp.open_sessions(login) == 0, 10), "behind the wall it ended"
    assert isp.dial(login).returncode == 0
    again = command("ispctl", "renew", login, "--payment", "GATEWAY-1", "--direct", folder=isp.folder)
    assert "Already done by" in again.stdout
    record_property("commit_to_session_seconds", round(took, 2))
    print(f"command {committed - began:.2f} s, commit to session {took:.2f} s")


def test_whoever_pays_while_throttled_has_the_full_speed_on_the_same_session(isp: Isp, service: Service) -> None:
    """Overdue and online at the speed of the policy; one command books the payment, and the session is told."""
    login = isp.subscriber("", "business")
    today = datetime.now(UTC).date()
    isp.owes(f"{today - timedelta(days=30)}", f"{today - timedelta(days=21)}")
    assert wait_for(lambda: isp.applied() == isp.head, 20)
    assert _state(isp, login) == "throttled"
    assert isp.dial(login).returncode == 0
    (slow,) = isp.sessions(login)
    assert (slow["expected"]["down"], slow["expected"]["up"]) == (2_000_000, 1_000_000)
    before = len(service.events("applied"))
    paid = command("ispctl", "pay", login, "500", "--reference", "BANK-9", "--direct", folder=isp.folder)
    assert paid.returncode == 0, paid.stdout + paid.stderr
    assert "faster" in paid.stdout
    assert service.wait("applied", before + 1)["sessions"] == 1
    (full,) = isp.sessions(login)
    assert (full["started"], full["expected"]["down"]) == (slow["started"], 200_000_000)
    assert (_state(isp, login), full["config"] in ("acked", "proved")) == ("active", True)


def test_a_first_login_is_written_down_in_seconds(isp: Isp, service: Service) -> None:
    login = isp.subscriber("2031-12-31")
    file = isp.folder / FILE.format(isp.number)
    dates = "    activated: 2026-01-01\n    paid_until: 2031-12-31\n"
    since = datetime.now(UTC).isoformat(timespec="seconds")
    activation = f"    activation: {{at: first-login, since: {since}, months: 1}}\n"
    file.write_text(file.read_text("utf-8").replace(dates, activation), "utf-8")
    example.commit(isp.folder, "Paid, and begins with the first login")
    assert wait_for(lambda: isp.applied() == isp.head, 20)
    before = len(service.events("applied"))
    assert isp.dial(login).returncode == 0
    began = time.monotonic()
    assert service.wait("applied", before + 1, timeout=40)["update"] == 1
    print(f"first login to rows: {time.monotonic() - began:.2f} s")
    shown = command("ispstat", "show", login, folder=isp.folder)
    assert ", paid until 20" in shown.stdout
    assert "first login 20" in shown.stdout


def _state(isp: Isp, login: str) -> str:
    said = command("ispstat", "list", "--format", "json", folder=isp.folder)
    return next(str(one["state"]) for one in json.loads(said.stdout)["items"] if one["login"] == login)


def test_a_database_that_is_away_for_a_while_is_waited_for(isp: Isp, service: Service) -> None:
    assert wait_for(lambda: isp.applied() == isp.head, 20)
    database = isp.folder / "var" / "radius.db"
    away = database.with_name("away.db")
    database.rename(away)
    try:
        isp.subscriber("2031-12-31")
        assert service.wait("database-away")["code"] == "E301"
    finally:
        away.rename(database)
    service.wait("database-back", timeout=40)
    assert wait_for(lambda: isp.applied() == isp.head, 40)


def test_a_loop_that_is_killed_goes_on_where_it_was(isp: Isp, tmp_path: Path) -> None:
    for event in ("started", "applied"):
        with Service(isp.folder, tmp_path / f"{event}.log", "--every", "1s") as service:
            service.wait("started")
            isp.subscriber("2031-12-31")
            service.wait(event)
            service.end(signal.SIGKILL)
    with Service(isp.folder, tmp_path / "last.log", "--every", "1s"):
        assert wait_for(lambda: isp.applied() == isp.head, 40)
    assert command("ispctl", "plan", folder=isp.folder).returncode == 0


def test_the_doctor_asks_the_server_which_configuration_it_runs(isp: Isp) -> None:
    done = command("ispctl", "doctor", "--format", "json", folder=isp.folder)
    found = {item["name"]: item for item in json.loads(done.stdout)["items"]}
    assert found["server"]["text"].startswith("runs what this version renders")
    assert done.returncode == 0, done.stdout
    host, port = isp.lab.status()["radius"]["auth"].rsplit(":", 1)
    words = ("ispctl", "doctor", "--server", f"{host}:{port}", "--format", "json")
    wrong = command(*words, folder=isp.folder, ISPCTL_STATUS_SECRET="another")
    found = {item["name"]: item for item in json.loads(wrong.stdout)["items"]}
    assert (wrong.returncode, found["server"]["level"]) == (1, "bad")
