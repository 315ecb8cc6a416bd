"""The first keyring of a repository: three files, all or none."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ispctl.model.problem import Problem, Refusal, Where
from ispctl.secrets._age import KEYRING, RECIPIENTS
from ispctl.secrets._sealed import Keyring
from ispctl.structs import Struct


class Initialised(Struct):
    """What `initialise` wrote, and the public key it made (None if recipients were given instead)."""

    written: tuple[Path, ...]
    made: str | None


def initialise(inventory: Path, *, key_file: Path | None, recipients: Sequence[str] = ()) -> Initialised:
    """Writes recipients.txt and keyring.age with one fresh key; overwrites nothing, leaves nothing half done.

    With `key_file` an age key is made as well and written there first (mode 0600, as age-keygen does), and its public
    part joins `recipients`. Raises E200, E210.
    """
    import pyrage

    texts: dict[Path, bytes] = {}
    made = None
    if key_file is not None:
        identity = pyrage.x25519.Identity.generate()
        made = str(identity.to_public())
        texts[key_file] = f"# public key: {made}\n{identity}\n".encode("ascii")
    everybody = [*recipients, *([made] if made else [])]
    keyring = Keyring.create().encrypt_for(everybody)
    lines = ["# Who may open keyring.age: one age public key a line.", *everybody]
    texts[inventory / Path(RECIPIENTS).name] = "\n".join([*lines, ""]).encode("ascii")
    texts[inventory / Path(KEYRING).name] = keyring
    _write_new(texts)
    return Initialised(tuple(texts), made)


def _write_new(texts: Mapping[Path, bytes]) -> None:
    there = [path for path in texts if path.exists() or path.is_symlink()]
    if there:
        advice = "Move it away if it is really to be replaced: what it opens today will not open any more"
        raise Refusal(
            *(Problem("E210", "it exists and is not overwritten", Where(str(path)), advice) for path in there)
        )
    written: list[Path] = []
    for path, content in texts.items():
        error = _write_one(path, content)
        if error:
            for earlier in written:
                earlier.unlink(missing_ok=True)
            raise Refusal(Problem("E210", f"it cannot be written: {error}", Where(str(path))))
        written.append(path)


def _write_one(path: Path, content: bytes) -> str:
    """Writes a file that must not exist yet; what is no public file has mode 0600. An error text, or ""."""
    mode = 0o644 if path.suffix in (".txt", ".age") else 0o600
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        return _reason(error)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:  # a full disk: half a key is worse than none
        path.unlink()
        return _reason(error)
    return ""


def _reason(error: OSError) -> str:
    return (error.strerror or "unknown reason").lower()
