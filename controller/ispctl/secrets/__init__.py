"""Sealed values: passwords and shared secrets that may stand in git, and the keyring that opens them.

A value is `enc:<key>:<base64 of nonce(12) + ciphertext + tag(16)>`, AES-256-GCM-SIV (RFC 8452), bound to its place by
the associated data `<kind>/<owner>/<field>`; or, write-only, `age:<base64 of an age file>`, which anybody who knows the
recipients can make and which is bound to no place until it is sealed again. Clear text leaves by `Keyring.open` and
`show` alone; no message, repr or exception holds it. Knows the model only; everybody may import it.
"""

from ispctl.secrets._age import KEYRING, RECIPIENTS, identity_from, recipients_from
from ispctl.secrets._first import Initialised, initialise
from ispctl.secrets._sealed import (
    PRIVATE_KEY,
    Keyring,
    Kind,
    Sealed,
    check,
    encrypt,
    finding,
    new_password,
    parts_of,
    seal_for,
    show,
)

__all__ = [
    "KEYRING",
    "PRIVATE_KEY",
    "RECIPIENTS",
    "Initialised",
    "Keyring",
    "Kind",
    "Sealed",
    "check",
    "encrypt",
    "finding",
    "identity_from",
    "initialise",
    "new_password",
    "parts_of",
    "recipients_from",
    "seal_for",
    "show",
]
