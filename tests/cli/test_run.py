"""`ispctl run`: one turn in this process, and the service as a process that is signalled, killed and rivalled."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from ispctl.cli.common import Session, clock
from ispctl.loop import Loop, Pace, Site
from ispctl.repo import Repository
from ispctl.repo.remote import Remote
from ispctl.store import Heartbeat, Store
from tests.canary import NAME
from tests.cli.conftest import DSN, Cli
from tests.cli.service import Service
from tests.gates import example
from tests.loop.hands import Log

ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
BROKEN = ("subscribers/lalitpur/3f/sub-000123.yaml", "tariff: home-50", "tariff: home-51")


def once(cli: Cli, *words: object) -> tuple[int, list[str], str]:
    said = cli("run", "--once", "--log-format", "json", *words)
    assert said.out == ""
    return said.code, [json.loads(line)["event"] for line in said.err.splitlines()], said.err


# one turn


def test_one_turn_does_what_an_apply_does(cli: Cli) -> None:
    assert once(cli)[:2] == (0, ["started", "applied", "ended"])
    assert cli("plan").code == 0
    assert once(cli)[:2] == (0, ["started", "ended"]), "nothing to do is nothing to say"


def test_one_turn_with_a_broken_head_says_so_and_applies_nothing_of_it(applied: Cli) -> None:
    applied.changed(*BROKEN)
    code, events, text = once(applied)
    assert (code, events) == (1, ["started", "head-refused", "ended"])
    assert "E112" in text
    assert "sub-000123.yaml" in text
    assert NAME not in text


def test_one_turn_fetches_from_the_remote_of_a_bare_clone(applied: Cli, tmp_path: Path) -> None:
    bare = tmp_path / "isp.git"
    example.git(tmp_path, "clone", "-q", "--bare", str(applied.repo), str(bare))
    applied.patch.setenv("ISPCTL_RADIUS__DSN", f"sqlite:///{applied.repo}/var/radius.db")
    applied.changed("tariffs/home-50.yaml", "down: 50M", "down: 60M")
    said = applied("run", "--once", repo=bare)
    assert said.code == 0
    assert "event=applied" in said.err
    assert applied("plan").code == 0


def test_a_branch_that_was_forced_back_is_refused_until_somebody_allows_it(applied: Cli, tmp_path: Path) -> None:
    origin, clone = tmp_path / "origin.git", tmp_path / "isp.git"
    example.git(tmp_path, "clone", "-q", "--bare", str(applied.repo), str(origin))
    example.git(tmp_path, "clone", "-q", "--bare", str(origin), str(clone))
    applied.patch.setenv("ISPCTL_RADIUS__DSN", f"sqlite:///{applied.repo}/var/radius.db")
    applied.changed("tariffs/home-50.yaml", "down: 50M", "down: 60M")
    example.git(applied.repo, "push", "-q", str(origin), "main")
    assert applied("run", "--once", repo=clone).code == 0
    example.git(applied.repo, "reset", "-q", "--hard", "HEAD~1")
    applied.changed("tariffs/home-50.yaml", "down: 50M", "down: 70M")
    example.git(applied.repo, "push", "-q", "--force", str(origin), "main")
    said = applied("run", "--once", repo=clone)
    assert (said.code, "event=head-refused" in said.err, "E602" in said.err) == (1, True, True), said.err
    said = applied("apply", repo=clone)
    assert (said.code, "E602" in said.err, "--allow-rollback" in said.err) == (1, True, True), said.err
    assert applied("apply", "--allow-rollback", repo=clone).code == 0
    assert applied("plan", repo=clone).code == 0


def test_a_remote_that_is_away_is_said_and_what_is_here_is_applied(cli: Cli) -> None:
    example.git(cli.repo, "remote", "add", "origin", str(cli.repo / "nowhere.git"))
    example.git(cli.repo, "update-ref", "refs/remotes/origin/main", "HEAD")
    assert once(cli)[:2] == (1, ["started", "fetch-failed", "applied", "ended"])
    assert cli("plan").code == 0


def test_a_branch_that_is_not_there_is_said(cli: Cli) -> None:
    code, events, text = once(cli, "--branch", "mian")
    assert (code, events) == (1, ["started", "fetch-failed", "ended"])
    assert "E631" in text


def test_without_a_database_one_turn_fails(cli: Cli) -> None:
    shutil.rmtree(cli.repo / "var")
    code, events, text = once(cli)
    assert (code, events) == (1, ["started", "database-away", "ended"])
    assert "E301" in text


@pytest.mark.parametrize("words", [("--every", "0s"), ("--every", "60"), ("--resync", "2d"), ("--every", "often")])
def test_a_wrong_duration_is_a_wrong_flag(cli: Cli, words: tuple[str, ...]) -> None:
    said = cli("run", "--once", *words)
    assert said.code == 1
    assert "1s to 1d" in said.err


def test_a_closed_gate_is_said_with_its_number_and_counts_as_not_done(applied: Cli) -> None:
    tight = "{share: 0%, floor: 0}"
    policy = applied.repo / "inventory" / "policy.yaml"
    text = policy.read_text("utf-8").partition("limits:")[0]
    gates = ", ".join(f"{gate}: {tight}" for gate in ("cut_off", "dropped", "slower", "delete"))
    policy.write_text(f"{text}limits: {{{gates}}}\n", "utf-8")
    applied.changed("tariffs/home-50.yaml", "down: 50M", "down: 40M")
    code, events, said = once(applied)
    assert (code, events) == (1, ["started", "gates-closed", "ended"])
    assert "ispctl apply --allow-slower 5" in said


# many turns


@pytest.mark.slow
def test_two_hundred_turns_and_twenty_commits_need_no_more_memory(applied: Cli) -> None:
    """On the real repository and database; commits come every tenth turn."""
    log, session = Log(), Session(applied.repo, "ISPCTL", ENV)
    me = psutil.Process()
    with Repository.open(applied.repo, env=ENV) as repository:
        unlock = lambda snapshot, lab: session.keyring(snapshot, lab=lab)  # noqa: E731
        opener = lambda snapshot, readonly: session.store(snapshot, readonly=readonly)  # noqa: E731
        site = Site(repository, Remote(applied.repo, "main", ENV), opener, unlock, clock, lambda *_: None)
        loop = Loop(site, Pace(), "main", clock, log)
        sizes = []
        for number in range(200):
            if number % 10 == 0:
                applied.edit("tariffs/home-50.yaml", f"down: {50 + number}M", f"down: {60 + number}M")
                example.commit(applied.repo, "Faster")
            loop.hurry()
            loop.turn()
            sizes.append(me.memory_info().rss)
        assert len(repository._snapshots) <= 2
        children = [child.name() for child in me.children(recursive=True)]
        assert children.count("git") <= 1, "one git child, whatever happens"
    assert log.events.count("applied") == 20
    grown = (max(sizes[100:]) - max(sizes[:100])) / 2**20
    assert grown < 4, f"{grown:.1f} MiB more in the second hundred"


# the service


@pytest.mark.slow
def test_a_signal_wakes_it_and_another_ends_it(applied: Cli, tmp_path: Path) -> None:
    with Service(applied.repo, tmp_path / "run.log", "--every", "1h") as service:
        service.wait("started")
        assert _leads(applied)
        for number, kind in enumerate((signal.SIGHUP, signal.SIGUSR1), 1):
            applied.changed("tariffs/home-50.yaml", f"down: {40 + 10 * number}M", f"down: {50 + 10 * number}M")
            service.process.send_signal(kind)
            service.wait("applied", number)
        assert service.end(signal.SIGTERM) < 5
        assert service.process.returncode == 0
        assert service.said[-1]["event"] == "ended"
    with Store.open(DSN, base=applied.repo) as store:
        assert Heartbeat(store.database).read() is None, "the place is free"


def _leads(cli: Cli) -> bool:
    from ispctl.lab.process import wait_for

    def beats() -> bool:
        with Store.open(DSN, base=cli.repo, readonly=True) as store:
            found = Heartbeat(store.database).read()
            return found is not None and found.state.good is not None

    return wait_for(beats, 20)


@pytest.mark.slow
def test_a_second_loop_stands_by_and_takes_over_when_the_first_is_killed(applied: Cli, tmp_path: Path) -> None:
    with Service(applied.repo, tmp_path / "first.log", "--every", "1s") as first:
        assert _leads(applied)
        with Service(applied.repo, tmp_path / "second.log", "--every", "1s") as second:
            said = second.wait("standing-by")
            assert said["holder"].startswith(f"process {first.process.pid} on ")
            first.process.kill()
            first.process.wait()
            second.wait("took-over", timeout=30)
            applied.changed("tariffs/home-50.yaml", "down: 50M", "down: 60M")
            second.wait("applied")
            assert second.end(signal.SIGTERM) < 5


@pytest.mark.slow
def test_somebody_who_applies_by_hand_is_waited_for(applied: Cli, tmp_path: Path) -> None:
    with Service(applied.repo, tmp_path / "run.log", "--every", "1s") as service:
        assert _leads(applied)
        with (applied.repo / "var" / "radius.db.lock").open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            applied.changed("tariffs/home-50.yaml", "down: 50M", "down: 60M")
            service.wait("somebody-else-applies")
        service.wait("applied")
        assert applied("plan").code == 0


@pytest.mark.slow
def test_it_ends_in_five_seconds_although_a_remote_says_nothing(applied: Cli, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        address = f"git://127.0.0.1:{door.getsockname()[1]}/isp.git"
        example.git(applied.repo, "remote", "add", "origin", address)
        with Service(applied.repo, tmp_path / "run.log") as service:
            connection, _ = door.accept()
            with connection:
                assert service.end(signal.SIGTERM) < 5


@pytest.mark.slow
def test_systemd_is_told_that_it_is_ready_and_alive_and_ends(applied: Cli, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        with Service(applied.repo, tmp_path / "run.log", "--every", "1s", **env) as service:
            first = manager.recv(4096).decode().splitlines()
            assert first[:2] == ["READY=1", "WATCHDOG=1"]
            assert first[2].startswith("STATUS=serving ")
            assert manager.recv(4096).decode().startswith("WATCHDOG=1\n")
            service.end(signal.SIGTERM)
            last = ""
            while last != "STOPPING=1":
                last = manager.recv(4096).decode()


@pytest.mark.slow
def test_under_journald_a_line_carries_its_level_and_no_time(applied: Cli, tmp_path: Path) -> None:
    import subprocess

    log = tmp_path / "journal.log"
    with log.open("w") as file:
        found = os.fstat(file.fileno())
        env = {"PATH": example.path_with_commands(), "JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        command = ["ispctl", "--repo", str(applied.repo), "run", "--once"]
        subprocess.run(command, env=env, stderr=file, check=True, timeout=60)
    lines = log.read_text("utf-8").splitlines()
    assert lines[0].startswith("<6>level=info event=started")
    assert "timestamp" not in lines[0]


def test_the_units_are_written_where_they_are_wanted(cli: Cli, tmp_path: Path) -> None:
    said = cli("systemd", "--out", tmp_path / "units")
    assert said.code == 0
    assert sorted(path.name for path in (tmp_path / "units").iterdir()) == [
        "ispctl-drift.service",
        "ispctl-drift.timer",
        "ispctl.service",
    ]
    assert str(cli.repo.resolve()) in (tmp_path / "units" / "ispctl.service").read_text("utf-8")
    said = cli("systemd", "--out", tmp_path / "units", "--cpe", "192.0.2.10:7547")
    assert (said.code, "enable --now ispctl.service ispctl-drift.timer ispctl-cpe.service" in said.out) == (0, True)
    assert (tmp_path / "units" / "ispctl-cpe.service").exists()
    said = cli("systemd", "--out", tmp_path / "units", "--certificate", "x.pem")
    assert (said.code, "go together" in said.err) == (1, True)


# /metrics


@pytest.mark.slow
def test_metrics_and_health_are_served(applied: Cli, tmp_path: Path) -> None:
    from urllib.error import HTTPError
    from urllib.request import urlopen

    from ispctl.lab.process import wait_for

    def get(path: str) -> str:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    with Service(applied.repo, tmp_path / "run.log", "--every", "1s", "--metrics", "127.0.0.1:0") as service:
        port = service.wait("metrics")["port"]
        assert wait_for(lambda: "ispctl_sessions" in get("/metrics"), 20)
        said = get("/metrics")
        assert "ispctl_database_up 1.0" in said
        assert 'ispctl_loop_applies_total{ending="done"}' in said
        assert "ispctl_loop_leads 1.0" in said
        assert get("/healthz") == "ok\n"
        with pytest.raises(HTTPError, match="404") as missing:
            get("/secrets")
        missing.value.close()
        assert service.end(signal.SIGTERM) < 5


def test_a_port_that_is_taken_is_said(applied: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        said = applied("run", "--once", "--metrics", f"127.0.0.1:{door.getsockname()[1]}")
    assert said.code == 1
    assert "E632 cannot-listen" in said.err


@pytest.mark.parametrize("text", ["9464", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:70000"])
def test_an_address_without_a_port_is_a_wrong_flag(applied: Cli, text: str) -> None:
    assert applied("run", "--once", "--metrics", text).code == 1


@pytest.mark.slow
def test_a_large_apply_that_is_told_to_end_does_so_in_five_seconds_and_is_finished_later(
    applied: Cli, tmp_path: Path
) -> None:
    from ispctl.lab.process import wait_for
    from tests.reconcile.world import World

    world = World(applied.repo)
    for number in range(910000, 911500):
        world.subscriber(number)
    example.commit(applied.repo, "Many")

    def under_way() -> bool:
        with Store.open(DSN, base=applied.repo, readonly=True) as store:
            return any(store.runs(1, unfinished=True))

    with Service(applied.repo, tmp_path / "run.log", "--every", "1s") as service:
        assert wait_for(under_way, 60)
        took = service.end(signal.SIGTERM)
        assert service.process.returncode == 0
    assert took < 5
    with Store.open(DSN, base=applied.repo, readonly=True) as store:
        assert store.applied is not None
        assert store.applied.commit != example.git(applied.repo, "rev-parse", "HEAD").strip(), "it was too fast"
    assert applied("run", "--once").code == 0
    assert applied("plan").code == 0


@pytest.mark.live
def test_on_postgresql_it_all_is_the_same(cli: Cli, fresh_database: Callable[[], str]) -> None:
    dsn = fresh_database()
    Store.create(dsn, lab=True).close()
    cli.patch.setenv("ISPCTL_RADIUS__DSN", dsn)
    assert once(cli)[:2] == (0, ["started", "applied", "ended"])
    assert cli("plan").code == 0
    with Store.open(dsn, readonly=True) as store:
        assert Heartbeat(store.database).read() is None, "the place is free again"
    assert cli.stat("health").code == 0
    assert "ispctl_database_up 1.0" in cli.stat("health", "--format", "prometheus").out
    said = cli("doctor", "--format", "json")
    found = {item["name"]: item["level"] for item in said.json["items"]}
    assert (found["rights"], found["database clock"]) == ("ok", "ok")


@pytest.mark.slow
@pytest.mark.live
def test_a_server_of_postgresql_that_is_stopped_for_a_while_is_waited_for(cli: Cli, tmp_path: Path) -> None:
    from ispctl.lab.cluster import launch
    from tests.postgres import own_cluster

    with own_cluster() as cluster:
        dsn = cluster.make("isp")
        Store.create(dsn, lab=True).close()
        with Service(cli.repo, tmp_path / "run.log", "--every", "1s", ISPCTL_RADIUS__DSN=dsn) as service:
            service.wait("applied")
            cluster.stop()
            cli.changed("tariffs/home-50.yaml", "down: 50M", "down: 60M")
            service.wait("database-away")
            again = launch(cluster.folder, port=cluster.port)
            try:
                service.wait("applied", 2, timeout=60)
                assert service.events("database-back")
                assert service.end(signal.SIGTERM) < 5
            finally:
                again.stop()


def test_a_pause_of_everything_is_said_and_nothing_is_applied(applied: Cli) -> None:
    assert applied("pause", "--until", "2h", "--reason", "work on the core").code == 0
    applied.changed("tariffs/home-50.yaml", "down: 50M", "down: 60M")
    code, events, _ = once(applied)
    assert (code, events) == (1, ["started", "paused", "ended"])
    assert applied("plan").code == 2
