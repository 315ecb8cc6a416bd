"""What `--out` names. What is written there is about people: nobody but its owner may read it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ispctl.model.problem import Problem, Refusal


def write(out: Path, pieces: Iterable[str | bytes], option: str = "--out") -> None:
    """The whole of it, or nothing: what stood there stays until the last piece is written. Mode 0600, also where
    another stood there. A pipe or a device is written to as it is. `option` named it. Raises Refusal E613."""
    import tempfile

    place = out.resolve()  # of a link, what it leads to
    try:
        if place.exists() and not place.is_file():
            with place.open("wb") as file:
                file.writelines(map(_octets, pieces))
            return
        handle, part = tempfile.mkstemp(prefix=f".{place.name[:200]}.", dir=place.parent)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines(map(_octets, pieces))
            os.replace(part, place)
        except BaseException:
            os.unlink(part)
            raise
    except OSError as error:
        text = f"{out} cannot be written ({error.strerror})"
        raise Refusal(Problem("E613", text, advice=f"Name another file with {option}")) from None


def _octets(piece: str | bytes) -> bytes:
    return piece.encode() if isinstance(piece, str) else piece
