"""Sealing the values of a work tree again, byte for byte the same elsewhere: comments and order of a file survive."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ispctl.repo import Snapshot
from ispctl.secrets import Keyring, Sealed


def sealed_values(snapshot: Snapshot) -> Iterator[tuple[str, Sealed]]:
    """Every sealed value with the file it stands in."""
    for held in snapshot.services():
        if held.service.password:
            yield held.document.path, Sealed("service", held.owner, "password", held.service.password)
    for nas in snapshot.nas.values():
        if nas.radius:
            yield nas.where.file, Sealed("nas", nas.name, "radius.secret", nas.radius.secret)
    for one in snapshot.inventory.passwords():
        yield one.where.file, Sealed(one.kind, one.owner, "password", one.text)


def reseal(root: Path, snapshot: Snapshot, keyring: Keyring) -> tuple[int, list[str]]:
    """Seal what is not sealed with the current key; returns how many values in which files. Raises Refusal for one
    that does not open, before anything is written."""
    new: dict[str, dict[str, str]] = {}
    for path, sealed in sealed_values(snapshot):
        text = keyring.resealed(sealed).text
        if text != sealed.text:
            new.setdefault(path, {})[sealed.text] = text
    for path, texts in new.items():
        content = (root / path).read_bytes()
        for old, text in texts.items():
            content = content.replace(old.encode(), text.encode())
        write_whole(root / path, content)
    return sum(map(len, new.values())), sorted(new)


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by one that is whole, whatever happens meanwhile; its mode stays."""
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(content)
    if path.exists():
        os.chmod(beside, path.stat().st_mode & 0o777)
    beside.replace(path)
