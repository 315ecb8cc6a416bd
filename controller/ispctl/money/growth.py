"""A ledger only grows: the old file is the beginning of the new one, octet for octet."""

from __future__ import annotations

from ispctl.model.problem import Problem, Where

ADVICE = "Restore what stood there; a mistake is undone by a new entry, of type reversal"


def appended(path: str, old: bytes, new: bytes | None) -> Problem | None:
    """What is wrong with a ledger that was `old` and is `new` (None: it is gone); nothing, if lines were added at its
    end only. The place is the first line that differs."""
    if new is None:
        return Problem("E741", "the account is gone, and what was entered stays entered", Where(path), ADVICE)
    if new.startswith(old) and (not old or old.endswith(b"\n") or new[len(old) :][:1] in (b"", b"\n")):
        return None
    same = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    line = old.count(b"\n", 0, same) + 1
    text = "something that was entered is not as it was"
    return Problem("E740", text, Where(path, line), ADVICE)
