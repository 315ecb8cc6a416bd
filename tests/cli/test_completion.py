"""The script for a shell is given wherever the program runs."""

from __future__ import annotations

import pytest
import shellingham

from ispctl.cli.completion import OPTIONS, named
from tests.cli.conftest import process


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
