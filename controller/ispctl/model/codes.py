"""Every code a message may carry, with its name. `docs/errors.md` has a section for each; a test keeps the two equal."""

from __future__ import annotations

from typing import Final

CODES: Final[dict[str, str]] = {
    # E00x-E02x: reading git and YAML
    # E03x-E05x: a file against its model
    "E030": "unknown-key",
    "E031": "missing-key",
    "E032": "wrong-value",
    "E033": "quote-it",
    "E034": "empty-value",
    # E10x-E19x: rules across files
    # E20x: secrets
    # E30x: the database
    # E40x: the RADIUS server and the lab
    # E50x: live sessions
    # E60x: plans that are refused
    # W7xx: warnings
}
