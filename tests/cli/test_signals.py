"""Signals: what wakes, what ends at once, and what is cut off because it would not end."""

from __future__ import annotations

import os
import signal
import time

import pytest

from ispctl.cli import service
from ispctl.cli.service import Signals, Systemd
from ispctl.loop import Stopped


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_a_rest_ends_when_somebody_wants_a_turn(number: int) -> None:
    with Signals() as signals:
        send(number)
        began = time.monotonic()
        signals.rest(30)
        assert time.monotonic() - began < 5
        assert signals.woken()
        assert not signals.woken(), "asked once"
        assert not signals.ending


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_under_way_is_given_up_between_two_transactions(number: int) -> None:
    with Signals() as signals:
        signals.check()
        send(number)
        signals.rest(30)
        assert signals.ending
        with pytest.raises(Stopped):
            signals.check()


def test_what_does_not_come_to_such_a_place_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "GRACE", 0.1)
    with Signals(), pytest.raises(Stopped):
        send(signal.SIGTERM)
        began = time.monotonic()
        while time.monotonic() - began < 30:
            time.sleep(5)


def test_a_signal_between_two_rests_is_not_lost() -> None:
    with Signals() as signals:
        send(signal.SIGHUP)
        assert signals.woken()
        signals.rest(0)
        send(signal.SIGHUP)
        began = time.monotonic()
        signals.rest(30)
        assert time.monotonic() - began < 5


def test_the_handlers_that_were_there_come_back() -> None:
    before = signal.getsignal(signal.SIGHUP)
    with Signals():
        assert signal.getsignal(signal.SIGHUP) != before
    assert signal.getsignal(signal.SIGHUP) == before


def test_where_there_is_no_manager_nothing_is_told() -> None:
    Systemd("")("READY=1")
    Systemd("@ispctl-nobody-listens")("READY=1")
