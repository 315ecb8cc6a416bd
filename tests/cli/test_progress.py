"""How long work says how far it is."""

from __future__ import annotations

import sys

import pytest

from ispctl.cli.progress import Progress, pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def worked(clock: Clock, capsys: pytest.CaptureFixture[str], per_second: int, total: int) -> str:
    with Progress(clock) as progress:
        for done in range(1, total + 1):
            progress("sessions", done, total)
            clock.now += 1 / per_second
    return capsys.readouterr().err


def test_a_pipeline_gets_a_line_now_and_then_with_pace_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    lines = worked(Clock(), capsys, 64, 2001).splitlines()
    assert lines == [
        "sessions: 961 of 2,001, 64 a second, 0:00:16 left",
        "sessions: 1,921 of 2,001, 64 a second, 0:00:01 left",
        "sessions: 2,001 of 2,001",
    ]


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert worked(Clock(), capsys, 1000, 500) == ""


def test_a_terminal_gets_a_bar_that_is_put_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    said = worked(Clock(), capsys, 50, 200)
    assert "sessions" in said
    assert "a second" in said
    assert "200/200" in said


def test_an_answer_that_is_written_beside_a_bar_stays_on_stdout(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    clock = Clock()
    with Progress(clock) as progress:
        for done in range(1, 4):
            clock.now += 1
            progress("services", done, 3)
            print(f"service {done}")
    assert capsys.readouterr().out == "service 1\nservice 2\nservice 3\n"


def test_nothing_is_reckoned_from_nothing() -> None:
    assert pace(0, 10, 5) == pace(5, 10, 0) == ""
