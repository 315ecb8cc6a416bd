"""How many things a test tries that could try any number: `make deep` has ten times as long as `make test`."""

from __future__ import annotations

import os
from typing import Final

DEEP: Final = bool(os.environ.get("DEEP"))
_FACTOR: Final = 10 if DEEP else 1


def times(usual: int) -> int:
    """So many examples, histories or seeds."""
    return usual * _FACTOR
