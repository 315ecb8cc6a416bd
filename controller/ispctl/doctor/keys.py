"""Who may open the sealed values."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ispctl.model.problem import Refusal
from ispctl.repo import Snapshot
from ispctl.secrets import KEYRING, RECIPIENTS, Keyring, recipients_from
from ispctl.status.check import Check

_STANZA = b"\n-> X25519 "


def checks(snapshot: Snapshot, unlock: Callable[[], Keyring]) -> Iterator[Check]:
    """Whether our key opens the keyring, and whether it is sealed for those who are named."""
    try:
        keyring = unlock()
        yield Check("age key", "ok", f"opens {KEYRING}; values are sealed under {keyring.current}")
    except Refusal as refusal:
        problem = refusal.problems[0]
        yield Check("age key", "bad", f"{problem.code} {problem.text}", problem.advice)
    sealed, named = snapshot.raw(KEYRING), snapshot.raw(RECIPIENTS)
    if sealed is not None and named is not None:
        yield _recipients(sealed, named)


def _recipients(sealed: bytes, named: bytes) -> Check:
    """An age file names no recipient, but it has one line of its header for each."""
    try:
        wanted = len(set(recipients_from(named.decode("utf-8", "replace"))))
    except Refusal as refusal:
        problem = refusal.problems[0]
        return Check("recipients", "bad", f"{problem.code} {problem.text}", problem.advice)
    header = sealed.partition(b"\n---")[0]
    have = header.count(_STANZA)
    if have != wanted:
        text = f"{KEYRING} is sealed for {have}, {RECIPIENTS} names {wanted}"
        advice = "ispctl secrets rotate --new-key seals it for those who are named"
        return Check("recipients", "warning", text, advice)
    return Check("recipients", "ok", f"{have} may open {KEYRING}")
