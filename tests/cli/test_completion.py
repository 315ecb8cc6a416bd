"""The script for a shell is given wherever the program runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import shellingham

from ispctl.cli.completion import OPTIONS, named
from tests.cli.conftest import process
from tests.gates.tracked import ROOT


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> tuple[str, str]:
        raise shellingham.ShellDetectionFailure

    monkeypatch.setattr(shellingham, "detect_shell", none)
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "")


@pytest.mark.parametrize("option", OPTIONS)
def test_a_named_shell_decides_else_the_one_around_else_the_variable(
    option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert named([option, "fish"], {"SHELL": "/bin/zsh"}) == [option, "fish"]
    assert named([option], {"SHELL": "/bin/zsh"}) == [option, "zsh"]
    monkeypatch.setattr(shellingham, "detect_shell", lambda: ("bash", "/bin/bash"))
    assert named([option], {"SHELL": "/bin/zsh"}) == [option, "bash"]
    assert named(["plan", "--at", "bash"], {}) == ["plan", "--at", "bash"]


@pytest.mark.parametrize("shell", ["", "/usr/sbin/nologin"])
def test_where_none_can_be_told_it_is_asked_for(shell: str) -> None:
    with pytest.raises(Exception, match="which shell is meant cannot be told; name it: --show-completion bash"):
        named(["--show-completion"], {"SHELL": shell})


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str) -> None:
    done = process("ispctl", "--show-completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert "_ISPCTL_COMPLETE" in done.stdout


@pytest.mark.parametrize(
    "typed, offered",
    [
        ("nas render lal", ["lalitpur-1"]),
        ("nas rollback kath", []),
        ("plan --target nas:l", ["nas:lalitpur-1"]),
        ("pause --target ra", ["radius"]),
    ],
)
def test_the_names_of_nas_that_are_configured_complete_a_word(typed: str, offered: list[str]) -> None:
    words = f"ispctl --repo {ROOT} {typed}"
    env = {"_ISPCTL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = process("ispctl", env=env)
    assert (done.stdout.split(), done.stderr) == (offered, "")


@pytest.mark.parametrize(
    "typed, offered", [("nas dhul", ["dhulikhel-1", "dhulikhel-2", "dhulikhel-old"]), ("nas x", [])]
)
def test_the_names_of_all_nas_complete_what_is_asked_of_one(typed: str, offered: list[str]) -> None:
    words = f"ispstat --repo {ROOT} {typed}"
    env = {"_ISPSTAT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = process("ispstat", env=env)
    assert (done.stdout.split(), done.stderr) == (offered, "")


def test_a_folder_that_holds_no_repository_completes_nothing(tmp_path: Path) -> None:
    words = f"ispctl --repo {tmp_path} nas render l"
    env = {"_ISPCTL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "5"}
    done = process("ispctl", env=env)
    assert (done.stdout.strip(), done.stderr) == ("", "")
