"""The shipped example ISP as a repository of its own, for tests that change it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.gates.tracked import ROOT

PARTS = ("inventory", "subscribers", "tariffs", "templates")


def present() -> bool:
    """Whether there are an example and the commands to try on it."""
    return (ROOT / "tariffs").is_dir() and (ROOT / "controller" / "ispctl" / "cli" / "main.py").exists()


def copy(folder: Path) -> Path:
    """A work tree in `folder` with the example in one commit on `main`."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    for part in PARTS:
        if (ROOT / part).exists():
            shutil.copytree(ROOT / part, folder / part)
    commit(folder, "The example")
    return folder


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    who = ("-c", "user.name=Reader", "-c", "user.email=reader@example.net")
    git(folder, *who, "commit", "-q", "--allow-empty", "-m", message)


def packed(folder: Path) -> Path:
    """The same repository in few files, for whoever copies it for each test."""
    git(folder, "gc", "-q")
    for sample in (folder / ".git" / "hooks").glob("*.sample"):
        sample.unlink()
    return folder


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True)
    return done.stdout


def path_with_commands() -> str:
    return f"{Path(sys.executable).parent}:/usr/bin:/bin:/usr/sbin"
