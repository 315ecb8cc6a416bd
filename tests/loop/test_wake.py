"""A loop on this machine is woken by another process, and nobody else is."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from ispctl.loop import wake
from ispctl.store import Beat, Heartbeat, Store
from ispctl.structs import replace


@pytest.fixture
def woken() -> Iterator[list[int]]:
    came: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: came.append(number))
    yield came
    signal.signal(signal.SIGUSR1, before)


def test_the_loop_of_this_machine_is_woken(tmp_path: Path, woken: list[int]) -> None:
    began = datetime.fromtimestamp(psutil.Process().create_time(), UTC)
    mine = Beat("me", began + timedelta(seconds=5), datetime.now(UTC))
    with Store.create("sqlite:///radius.db", base=tmp_path) as store:
        assert not wake(store, mine.at)
        Heartbeat(store.database).take(mine)
        assert wake(store, mine.at)
        assert woken == [signal.SIGUSR1]
        assert not wake(store, mine.at + timedelta(hours=1)), "it has been silent for too long"


@pytest.mark.parametrize("other", ["another machine", "a process that was given its number", "no process"])
def test_nobody_else_is(tmp_path: Path, woken: list[int], other: str) -> None:
    began = datetime.fromtimestamp(psutil.Process().create_time(), UTC)
    mine = Beat("me", began + timedelta(seconds=5), datetime.now(UTC))
    beats = {
        "another machine": replace(mine, host="elsewhere.example.net"),
        "a process that was given its number": replace(mine, since=began - timedelta(minutes=5)),
        "no process": replace(mine, pid=2**22 + os.getpid()),
    }
    with Store.create("sqlite:///radius.db", base=tmp_path) as store:
        Heartbeat(store.database).take(beats[other])
        assert not wake(store, mine.at)
    assert woken == []
