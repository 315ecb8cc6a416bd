"""Digests that every command makes, from where Python itself keeps them: `hashlib` loads all of OpenSSL first, which
takes as long as twenty of our modules. Python's own `random` does the same, for the same reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import blake2b, sha256, sha512
else:
    try:
        from _blake2 import blake2b
        from _sha256 import sha256
        from _sha512 import sha512
    except ImportError:  # another Python keeps them elsewhere
        from hashlib import blake2b, sha256, sha512

__all__ = ["blake2b", "sha256", "sha512"]
