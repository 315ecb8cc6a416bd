"""age keys and age files: who may open the keyring. Private to `ispctl.secrets`, which shows the public names.

Errors are raised outside `except`, so that nothing secret rides along as `__context__`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ispctl.model.problem import Problem, Refusal, Where

KEYRING: Final = "inventory/keyring.age"
RECIPIENTS: Final = "inventory/recipients.txt"
HEADER: Final = b"age-encryption.org/v1\n"
_ARMOR: Final = b"-----BEGIN AGE ENCRYPTED FILE-----"


def identity_from(text: str | None) -> str:
    """The age key in an environment value or in the content of an age key file; several keys stay several lines.

    Raises E201 if there is none, E203 if it cannot be read. No message repeats what was given.
    """
    lines = [line.strip() for line in (text or "").removeprefix("\ufeff").splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        advice = "Set ISPCTL_AGE_KEY_FILE to the file with your age key, or ISPCTL_AGE_KEY to the key itself"
        raise Refusal(Problem("E201", "no age key was given, and sealed values are needed", None, advice))
    wrong = next((said for said in map(_key_problem, keys) if said), None)
    if wrong:
        advice = "Expected is a line AGE-SECRET-KEY-1… as age-keygen writes it"
        raise Refusal(Problem("E203", wrong, None, advice))
    return "\n".join(keys)


def recipients_from(text: str, file: str = RECIPIENTS) -> tuple[str, ...]:
    """The public keys in recipients.txt, in order, without blank lines and comments (#). Raises E200."""
    found: dict[str, None] = {}
    problems = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        key = line.strip()
        if not key or key.startswith("#"):
            continue
        if _recipient(key) is None:
            problems.append(_bad_recipient(key, Where(file, number)))
        found[key] = None
    if not found:
        problems.append(Problem("E200", "it names no recipient: nobody could open the keyring", Where(file)))
    if problems:
        raise Refusal(*problems)
    return tuple(found)


def open_file(file: bytes, identity: str) -> bytes | None:
    import pyrage

    try:
        keys = [pyrage.x25519.Identity.from_str(line) for line in identity.splitlines()]
        return bytes(pyrage.decrypt(file, keys))
    except (pyrage.DecryptError, pyrage.IdentityError):
        return None


def has_stanza(file: bytes, identity: str) -> bool:
    """Whether the header has a stanza for the identity, whatever became of the rest."""
    import pyrage

    keys = [pyrage.x25519.Identity.from_str(line) for line in identity.splitlines()]
    try:
        pyrage.decrypt(file, keys)
    except pyrage.DecryptError as error:
        return "No matching keys" not in str(error)
    return True


def seal_file(clear: bytes, recipients: Iterable[str]) -> bytes:
    import pyrage

    pairs = [(text, _recipient(text)) for text in recipients]
    bad = [_bad_recipient(text) for text, known in pairs if known is None]
    if bad or not pairs:
        raise Refusal(*(bad or [Problem("E200", "no recipient is named: nobody could open the result")]))
    return bytes(pyrage.encrypt(clear, [known for _, known in pairs]))


def _recipient(text: str) -> object | None:
    import pyrage

    try:
        return pyrage.x25519.Recipient.from_str(text)  # type: ignore[no-any-return]
    except pyrage.RecipientError:
        return None


def _bad_recipient(text: str, where: Where | None = None) -> Problem:
    if text.upper().startswith("AGE-SECRET-KEY-"):
        return Problem("E200", "a secret age key stands among the recipients", where, "Make a new key pair")
    return Problem("E200", "this is not the public part of an age key", where, "Expected is age1…, see age-keygen -y")


def _key_problem(line: str) -> str | None:
    import pyrage

    if line.startswith("age1"):
        return "the public part of an age key was given where the secret part is needed"
    if line.startswith(("-----BEGIN", "age-encryption.org/")):
        return "the age key file is itself encrypted, or is no age key"
    if not line.startswith("AGE-SECRET-KEY-1"):
        return "what was given is not an age key"
    try:
        pyrage.x25519.Identity.from_str(line)
    except pyrage.IdentityError:
        return "the age key is damaged: its checksum does not fit"
    return None


def public_key(key: str) -> str:
    import pyrage

    return str(pyrage.x25519.Identity.from_str(key).to_public())


def why_closed(keyring_age: bytes, identity: str, recipients: Sequence[str]) -> Problem:
    """Wrong key, or a damaged file: age says the one only if no stanza of a whole header fits."""
    where = Where(KEYRING)
    if not keyring_age.startswith((HEADER, _ARMOR)):
        return Problem("E204", "the keyring is not an age file", where, "Make one: ispctl secrets init")
    if has_stanza(keyring_age, identity):
        return Problem("E204", "the keyring is damaged", where, "Take the file from the last commit where it worked")
    mine = ", ".join(public_key(key) for key in identity.splitlines())
    named = f"; {RECIPIENTS} names {', '.join(recipients)}" if recipients else ""
    text = f"the keyring is not encrypted for the given age key ({mine}){named}"
    return Problem("E202", text, where, "Use the key of one of the recipients, or let one of them add yours")
