"""How two readings of the same rows differ, in sentences that tell no secret. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ispctl.plan import Fields, Value

SECRETS: Final = frozenset({"password", "secret"})
ALTERED: Final = "altered"


def differences(want: Fields | None, have: Fields | None) -> Iterator[str]:
    """One sentence a field; nothing if they are equal."""
    if want == have:
        return
    if have is None:
        yield "is not in the database"
        return
    if want is None:
        yield "is in the database and should not be"
        return
    for name in sorted(want.keys() | have.keys()):
        wanted, found = want.get(name), have.get(name)
        if wanted != found:
            yield f"{name} {_secret(wanted, found) if name in SECRETS else _told(wanted, found)}"


def _secret(want: Value, have: Value) -> str:
    if have == ALTERED:
        return "was altered by hand"
    if have is None:
        return "is missing"
    return "should not be there" if want is None else "is an older one"


def _told(want: Value, have: Value) -> str:
    if isinstance(want, tuple) or isinstance(have, tuple):
        return _of_rows(want if isinstance(want, tuple) else (), have if isinstance(have, tuple) else ())
    return f"is {_word(have)}, should be {_word(want)}"


def _of_rows(want: tuple[Value, ...], have: tuple[Value, ...]) -> str:
    extra = [_row(row) for row in have if row not in want]
    lacks = [_row(row) for row in want if row not in have]
    parts = [f"has {', '.join(extra)}"] if extra else []
    parts += [f"lacks {', '.join(lacks)}"] if lacks else []
    return " and ".join(parts) or "is there twice"


def _row(row: Value) -> str:
    return " ".join(map(str, row)) if isinstance(row, tuple) else str(row)


def _word(value: Value) -> str:
    return "empty" if value in (None, "") else str(value)
