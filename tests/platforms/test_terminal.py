"""A command line is read as it comes: in pieces, in any script, and to its end."""

from __future__ import annotations

import pytest

from ispctl.backend import Unreachable
from ispctl.lab.devices.shell import Cut, Line, Shell
from ispctl.platforms.device import Login
from ispctl.platforms.terminal import connected
from ispctl.platforms.vyos._shell import Shell as Vyos
from ispctl.structs import replace

PROMPT = r"(?:^|\n){name}\S*[$#] ?$"
NAMES = "".join(f"customer {number} त्रिभुवन विश्वविद्यालय\n" for number in range(4000))


class _Line(Line):
    def __init__(self, prompt: str) -> None:
        self._prompt = prompt

    @property
    def prompt(self) -> str:
        return self._prompt

    def answer(self, command: str) -> str | None:
        if command == "reboot":
            raise Cut
        return {"show names": NAMES, "clear": "Sure:", "exit": None}.get(command, "")

    def gone(self) -> None:
        pass


class _Device(Shell):
    prompt = "ispctl@edge-1:~$ "

    def line(self) -> Line:
        return _Line(self.prompt)

    @property
    def login(self) -> Login:
        return Login("edge-1", "vyos", "127.0.0.1", self.port, "ispctl", "lab", host_key=self.host_key, timeout=10)


def test_an_answer_of_many_packets_loses_no_letter() -> None:
    with _Device() as device, connected(device.login, "linux", PROMPT, 22) as terminal:
        assert terminal.ask("show names") == NAMES.rstrip("\n")
        assert terminal.ask("anything") == ""


@pytest.mark.parametrize("last", ["exit", "reboot"])
def test_a_connection_that_ends_is_told_at_once(last: str) -> None:
    with (
        _Device() as device,
        connected(device.login, "linux", PROMPT, 22) as terminal,
        pytest.raises(Unreachable, match="broke"),
    ):
        terminal.ask(last, patience=60)


def test_a_question_that_nobody_answers_has_an_end() -> None:
    with (
        _Device() as device,
        connected(device.login, "linux", PROMPT, 22) as terminal,
        pytest.raises(Unreachable, match="no answer"),
    ):
        terminal.ask("clear", patience=0.2)


def test_a_vyos_is_greeted_whatever_its_banner_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Device, "greeting", "####\r\n# Authorised people only: 10$ a minute\r\n####")
    with _Device() as device, Vyos.open(device.login) as shell:
        assert shell.run("show names") == NAMES.rstrip("\n")


def test_a_vyos_without_its_usual_prompt_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Device, "prompt", "edge-1$ ")
    with (
        _Device() as device,
        pytest.raises(Unreachable, match="no prompt like"),
        Vyos.open(replace(device.login, timeout=1)),
    ):
        pass
