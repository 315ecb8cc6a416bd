"""The documents are true: what they tell people to type is understood, and what they show running runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests import quick
from tests.gates import console, example
from tests.gates.tracked import ROOT


@pytest.mark.parametrize("block", console.blocks(), ids=str)
def test_a_console_block_is_understood(block: console.Block) -> None:
    said = [console.complaint(words) for line in block.commands for words in console.simple_commands(line)]
    assert [text for text in said if text] == []
    assert block.commands, "no line begins with '$ '"


@pytest.mark.parametrize("page, command", console.quoted())
def test_a_command_in_running_text_is_understood(page: str, command: str) -> None:
    words = command.split()
    bare = len(words) == 1 or set("[]|<>{}()…") & set(command)  # a name, or a synopsis
    assert bare or not console.complaint(words), page


@pytest.mark.slow
@pytest.mark.parametrize("block", [block for block in console.blocks() if block.runs], ids=str)
def test_a_block_that_is_said_to_run_runs(block: console.Block, tmp_path: Path) -> None:
    """In a copy of the example with one commit on main. 2 means "changes"; `# exit N` behind a command says another."""
    repo = example.copy(tmp_path / "isp")
    env = {"PATH": quick.path(), "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    for line in block.commands:
        done = _bash(line, repo, env)
        _, _, expected = line.partition("# exit ")
        assert str(done.returncode) in (expected.split()[:1] or ["0", "2"]), f"{line}\n{done.stdout}{done.stderr}"


def _bash(line: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", line]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_a_line_is_taken_apart_as_a_shell_would() -> None:
    line = "ISPCTL_AGE_KEY_FILE=key ispctl plan --base main > note.md && git diff | less  # look"
    assert console.simple_commands(line) == [["ispctl", "plan", "--base", "main"], ["git", "diff"], ["less"]]


def test_a_program_that_nobody_knows_is_noticed() -> None:
    assert console.complaint(["ispctk", "plan"]) == "unknown program ispctk"


def _with_commands() -> bool:
    return (ROOT / "controller" / "ispctl" / "cli" / "main.py").exists()


@pytest.mark.skipif(not _with_commands(), reason="there are no commands yet")
@pytest.mark.parametrize("line", ["ispctl plam", "ispctl plan --bass main", "ispctl validate --format"])
def test_a_command_that_the_program_would_not_take_is_noticed(line: str) -> None:
    assert console.complaint(line.split())
