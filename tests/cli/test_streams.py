"""Where an answer goes: what takes no more of it, what is closed, and Ctrl-C before anything is read."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ispctl.cli.main import main
from tests.cli.conftest import Cli, process
from tests.gates import example

FULL = "E613 cannot-write-plan: the answer cannot be written to standard output (No space left on device)."
EARLY = """\
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # as of a terminal; what a shell puts behind ignores it
class Meanwhile:
    def find_spec(self, name, *_):
        if name == "{module}":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Meanwhile())
from ispctl.cli.script import {program}
sys.argv = ["{program}", "--help"]
{program}()
"""


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("--version",),
        ("schema", "subscriber"),
        ("pool",),
        ("export", "accounts"),
        ("statement", "sub-000123", "--format", "json"),
    ],
)
def test_a_full_disk_is_told(cli: Cli, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            ["ispctl", "--repo", str(cli.repo), *words],
            env={"PATH": example.path_with_commands(), "HOME": "/nonexistent"},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, f"{FULL} Make room, or write it elsewhere\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_what_is_closed_is_written_nothing_to(closed: str) -> None:
    done = process("sh", "-c", f"ispctl schema subscriber {closed}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("program, module", [("ispctl", "ispctl.cli.main"), ("ispstat", "typer")])
def test_ctrl_c_before_all_is_read_ends_it_in_silence(program: str, module: str) -> None:
    done = process(sys.executable, "-c", EARLY.format(program=program, module=module))
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_ctrl_c_before_a_command_begins_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ispctl.cli.common.named", interrupted)
    monkeypatch.setattr("ispctl.cli.main.use_utf8", lambda: None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().err) == (130, "Stopped.\n")
