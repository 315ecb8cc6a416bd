"""Many devices at a time: nobody waits for one that hangs, and everybody gets an answer."""

from __future__ import annotations

import subprocess
import sys
import time

from ispctl.nas import Fleet
from tests.gates.tracked import ROOT
from tests.nas.conftest import Asked, Box, Boxes


def test_each_device_gets_an_answer(boxes: Boxes, job: Asked) -> None:
    jobs = [job(f"nas-{number}") for number in range(40)]
    boxes.devices["nas-7"].denies = True
    answers = Fleet(workers=8).run(jobs)
    assert answers.keys() == {one.login.host for one in jobs}
    assert {host for host, answer in answers.items() if not answer.fine} == {"nas-7"}


def test_a_device_that_hangs_is_unreachable_and_holds_up_nobody(boxes: Boxes, job: Asked) -> None:
    boxes.devices["slow"] = Box(hangs=20.0)
    jobs = [job("slow", deadline=0.3), *(job(f"nas-{number}") for number in range(5))]
    began = time.monotonic()
    answers = Fleet(workers=1).run(jobs)
    assert time.monotonic() - began < 10
    assert (answers["slow"].status, answers["slow"].code) == ("unreachable", "E810")
    assert all(answer.fine for host, answer in answers.items() if host != "slow")


def test_what_a_driver_raises_is_told_at_once_and_without_its_words(boxes: Boxes, job: Asked) -> None:
    boxes.devices["odd"] = Box(raises="could not send correct horse")
    answers = Fleet().run([job("odd"), job("nas-1")])
    assert (answers["odd"].status, answers["odd"].code) == ("unreachable", "E810")
    assert answers["odd"].text == "ispctl itself failed while it spoke to it (RuntimeError)"
    assert answers["nas-1"].fine


def test_a_device_that_was_unreachable_is_asked_again_by_the_next_run(boxes: Boxes, job: Asked) -> None:
    asked, fleet = job(), Fleet()
    boxes.devices["one"].away = 1
    assert [fleet.run([asked])["one"].status for _ in range(2)] == ["unreachable", "seen"]


def test_progress_is_told_of_each(boxes: Boxes, job: Asked) -> None:
    told: list[tuple[str, int, int]] = []
    Fleet().run([job(f"nas-{number}") for number in range(3)], lambda *said: told.append(said), "NAS")
    assert told == [("NAS", 1, 3), ("NAS", 2, 3), ("NAS", 3, 3)]


def test_what_speaks_to_devices_is_loaded_before_several_threads_would() -> None:
    """Else two of them may each wait for what the other loads, and one is told of a deadlock."""
    script = """
import sys
from ispctl.nas import Fleet
from ispctl.nas.job import Answer, Job
from ispctl.platforms.device import Login
jobs = [Job(Login(name, name, "192.0.2.1", 22, "ispctl"), (), {}, key=b"key") for name in ("linux", "routeros")]
Fleet().run(jobs, do=lambda job: Answer(job.login.host, "seen"))
print("paramiko" in sys.modules, "librouteros" in sys.modules, "ncclient" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "False"]


def test_nobody_to_ask_is_nothing_to_do() -> None:
    assert Fleet().run([]) == {}
