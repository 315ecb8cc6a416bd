"""Devices by workers elsewhere: every one gets an answer, whoever dies, and is configured once in effect."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ispctl.lab.process import wait_for
from ispctl.model.device import NasTarget
from ispctl.model.reading import read
from ispctl.nas import Answer, Far, Fleet, Job
from ispctl.nas.worker import PROFILED, Parcel, _lease, do, leased
from ispctl.structs import replace
from tests.nas.certificates import certificates
from tests.nas.cluster import Cluster, cluster
from tests.nas.far_boxes import PASSWORD, Boxes, jobs, playing, wanted

WANTED = wanted()
PATIENCE = 20.0


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A worker at each of two sites."""
    with cluster(tmp_path_factory.mktemp("dask"), ["pop-a=1", "pop-b=1"]) as found:
        yield found


@pytest.fixture
def boxes() -> Iterator[Boxes]:
    with playing(Boxes()) as found:
        yield found


def ask(cluster: Cluster, asked: list[Job], patience: float = PATIENCE) -> dict[str, Answer]:
    return Fleet(far=Far(cluster.address, "pop-", patience)).run(asked)


def in_the_middle(boxes: Boxes, act: Callable[[], None]) -> threading.Thread:
    """Does it when the device that gets stuck is half configured."""

    def wait() -> None:
        assert boxes.middle.wait(60)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def statuses(answers: dict[str, Answer]) -> set[str]:
    return {answer.status for answer in answers.values()}


def texts(answers: dict[str, Answer]) -> set[str]:
    return {answer.text for answer in answers.values()}


@pytest.mark.slow
def test_whoever_is_killed_in_the_middle_leaves_every_device_configured_once(tmp_path: Path) -> None:
    with playing(Boxes(stuck="nas-0007")) as boxes, cluster(tmp_path, ["pop-a=1", "pop-a=1"]) as two:
        killer = in_the_middle(boxes, lambda: os.kill(boxes.stuck_pid, signal.SIGKILL))
        answers = ask(two, jobs(60, boxes.port, WANTED, site="pop-a"))
        killer.join()
        assert two.workers[boxes.stuck_pid].wait(10) == -signal.SIGKILL
    assert len(answers) == 60
    assert (statuses(answers), texts(answers)) == ({"applied"}, {""})
    assert boxes.writes == {(host, *key): 1 for host in answers for key in WANTED}
    assert all(box.held.keys() == WANTED.keys() and not box.pending for box in boxes.devices.values())
    assert boxes.pids["nas-0007"] == two.workers.keys()
    assert boxes.together == set(), "two workers spoke to a device at a time"


@pytest.mark.slow
def test_a_worker_that_is_cut_off_writes_nothing_more_and_confirms_nothing(tmp_path: Path) -> None:
    """Its connection to the scheduler stays open, and nothing comes by it."""
    with playing(Boxes(delay=0.4)) as boxes, cluster(tmp_path, ["pop-a=1"]) as one:

        def stop() -> None:
            assert wait_for(lambda: bool(boxes.writes), 20)
            one.scheduler.send_signal(signal.SIGSTOP)

        cut = threading.Thread(target=stop)
        cut.start()
        answers = ask(one, jobs(1, boxes.port, wanted(40), site="pop-a"), patience=3.0)
        cut.join()
        assert wait_for(lambda: not boxes.speaks("nas-0000"), 20)
        one.scheduler.send_signal(signal.SIGCONT)
    assert statuses(answers) == {"unreachable"}
    assert 0 < boxes.writes.total() < len(wanted(40))
    assert boxes.devices["nas-0000"].pending


@pytest.mark.slow
def test_a_device_is_asked_by_the_workers_of_its_site(sites: Cluster, boxes: Boxes) -> None:
    asked = [replace(job, site=f"pop-{'ab'[number % 2]}") for number, job in enumerate(jobs(60, boxes.port, WANTED))]
    assert statuses(ask(sites, asked)) == {"applied"}
    first, second = sites.workers
    assert {job.site: boxes.pids[job.login.host] for job in asked} == {"pop-a": {first}, "pop-b": {second}}


@pytest.mark.slow
def test_a_device_of_no_site_is_asked_by_any_worker(sites: Cluster, boxes: Boxes) -> None:
    told: list[tuple[str, int, int]] = []
    fleet = Fleet(far=Far(sites.address, "", PATIENCE))
    answers = fleet.run(jobs(30, boxes.port, None), lambda *said: told.append(said), "NAS")
    assert statuses(answers) == {"seen"}
    assert told[-1] == ("NAS", 30, 30)


@pytest.mark.slow
def test_a_site_without_a_worker_is_unreachable_and_holds_up_no_other(sites: Cluster, boxes: Boxes) -> None:
    near, away = jobs(3, boxes.port, None, site="pop-a"), jobs(5, boxes.port, WANTED, site="pop-z")[3:]
    answers = ask(sites, [*near, *away], patience=1.0)
    assert {host for host, answer in answers.items() if not answer.fine} == {job.login.host for job in away}
    assert texts(answers) == {"", "no worker of pop-z for 1 s"}
    assert answers["nas-0003"].code == "E810"
    assert not boxes.writes


@pytest.mark.slow
def test_no_secret_is_shown_by_what_dask_writes_or_answers(sites: Cluster, boxes: Boxes) -> None:
    asked = jobs(4, boxes.port, WANTED, site="pop-a")
    asked[2] = replace(asked[2], login=replace(asked[2].login, username="raises"))
    answers = ask(sites, asked)
    assert answers["nas-0002"].text == "ispctl itself failed while it spoke to it (RuntimeError)"
    assert sorted(host for host, answer in answers.items() if answer.fine) == ["nas-0000", "nas-0001", "nas-0003"]
    assert PASSWORD not in repr(answers) + sites.log()
    assert repr(Parcel(asked)) == "<4 jobs>"


@pytest.mark.slow
def test_a_scheduler_that_dies_is_told_in_words(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with playing(Boxes(stuck="nas-0000")) as boxes, cluster(tmp_path, ["pop-a=1"]) as one:
        killer = in_the_middle(boxes, one.scheduler.kill)
        answers = ask(one, jobs(3, boxes.port, WANTED, site="pop-a"), patience=2.0)
        killer.join()
    assert texts(answers) == {"the connection to the scheduler was lost"}
    assert capfd.readouterr() == ("", "")


def test_a_scheduler_that_is_not_there_is_told_in_words(capfd: pytest.CaptureFixture[str]) -> None:
    answers = Fleet(far=Far("tcp://127.0.0.1:9", patience=0.5)).run(jobs(2, 9, None))
    assert statuses(answers) == {"unreachable"}
    (text,) = texts(answers)
    told, _, reason = text.rpartition(": ")
    assert told == "the scheduler tcp://127.0.0.1:9 cannot be reached"
    assert reason in ("Connection refused", "no answer"), "as far as its patience went"
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_only_who_has_a_certificate_gets_in(tmp_path: Path, boxes: Boxes) -> None:
    import dask
    import distributed  # noqa: F401  its defaults are in dask's configuration from then on

    ours, theirs = certificates(tmp_path / "ours"), certificates(tmp_path / "theirs")
    with cluster(tmp_path / "dask", ["pop-a=1"], ours.environment, "tls") as one:
        assert one.address.startswith("tls://")
        asked = jobs(3, boxes.port, WANTED, site="pop-a")
        with dask.config.set(ours.of("client")):
            assert statuses(ask(one, asked)) == {"applied"}
        for others, words in ((theirs.of("client"), ""), ({}, "its certificates are not configured")):
            with dask.config.set(others):
                (text,) = texts(ask(one, asked, patience=2.0))
            assert text.startswith(f"the scheduler {one.address} cannot be reached: {words}")


def test_no_two_workers_of_a_machine_speak_to_a_device_at_a_time(boxes: Boxes) -> None:
    (job,) = jobs(1, boxes.port, WANTED, deadline=0.4)
    with _lease(job.login, 1.0) as ours:
        assert ours
        answer = leased(job, lambda: True)
    assert (answer.status, answer.text, dict(boxes.writes)) == ("unreachable", "another worker speaks to it", {})
    assert leased(replace(job, deadline=30.0), lambda: True).status == "applied"


def test_a_worker_that_dask_profiles_is_given_no_device(boxes: Boxes) -> None:
    """It would stand still for ever some day."""
    import dask
    import distributed  # noqa: F401  else its defaults would go with what is set here

    with dask.config.set({"distributed.worker.profile.enabled": True}):
        (answer,) = do(Parcel(jobs(1, boxes.port, WANTED)))
    assert (answer.status, answer.text, dict(boxes.writes)) == ("unreachable", PROFILED, {})


def test_the_site_of_a_host_is_a_group_that_begins_so() -> None:
    far = Far("tls://scheduler.example.net:8786", "pop-")
    assert far.site({"bng", "pop-lalitpur"}) == "pop-lalitpur"
    assert far.site({"bng"}) == ""
    assert replace(far, label="").site({"pop-lalitpur"}) == ""


def test_dask_that_is_not_installed_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    answers = Fleet(far=Far("tcp://127.0.0.1:9")).run(jobs(1, 9, None))
    assert "pip install 'ispctl[distributed]'" in answers["nas-0000"].text


@pytest.mark.parametrize(
    "said, words",
    [
        ({"runner": "dask"}, "takes scheduler with runner: dask"),
        ({"runner": "dask", "scheduler": "tcp://192.0.2.1:8786"}, "without TLS may run anything"),
        ({"label": "POP"}, "how names of groups begin"),
    ],
)
def test_workers_are_met_by_tls(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read(NasTarget, said)
    read(NasTarget, {"runner": "dask", "scheduler": "tls://scheduler.example.net:8786", "label": "pop-"})
