"""What git says of a place, asked once for as long as nothing there changes. Tests open the same repository some
thousand times, and half of the children of git that this takes would only say again where it is."""

from __future__ import annotations

import os
import stat
from typing import Any

from ispctl.repo import git
from ispctl.repo.git_child import Child

Told = tuple[str, str | None, str, bool]
ask = git._discover
"""Git itself."""
_known: dict[Any, Told] = {}
_SETTINGS = (("HOME", ".gitconfig"), ("HOME", ".config/git/config"), ("XDG_CONFIG_HOME", "git/config"))
_SAYING = ("", "HEAD", "config", "config.worktree", "commondir", "shallow", "objects", "refs")
"""What git looks at to answer: whose it is, of which kind, and whether it is cut off."""


def discover(child: Child, folder: str) -> Told:
    """As `git._discover`. Where it refuses, and where `.git` only names another place, it is asked each time."""
    if os.path.isfile(f"{folder}/.git"):
        return ask(child, folder)
    settings = [f"{child.env[name]}/{rest}" for name, rest in _SETTINGS if name in child.env]
    inside = [f"{place}/{name}" for place in (folder, f"{folder}/.git") for name in _SAYING]
    key = (folder, os.geteuid(), *child.env.items(), *map(_seen, (child._program, *settings, *inside)))
    if key not in _known:
        if len(_known) > 2000:
            _known.clear()
        _known[key] = ask(child, folder)
    child.folder = folder
    return _known[key]


def _seen(path: str) -> tuple[int, ...] | None:
    """What stands there: of a folder, which one it is and whose; of a file, also whether it was written anew."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    its = (found.st_dev, found.st_ino, found.st_mode, found.st_uid)
    return its if stat.S_ISDIR(found.st_mode) else (*its, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
