"""What each Error-Cause of RFC 5176, section 3.5, means for a session, and what to do about it. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from ispctl.radius import dictionary
from ispctl.radius.session import Kind

UNSUPPORTED_ATTRIBUTE: Final = 401
MISSING_ATTRIBUTE: Final = 402
NOT_FOUND: Final = 503
SEVERAL: Final = 508
NO_COA: Final = frozenset({405, 406})
"""The NAS does not know the request itself, or the service behind it: no other change would fare better."""
BAD_VALUE: Final = 407

FEWER_NAMES: Final = frozenset({UNSUPPORTED_ATTRIBUTE, NOT_FOUND, SEVERAL})
"""One stale value is a miss, and an attribute that only names the session may be what displeased."""
FEWER_NAMES_TO_END: Final = FEWER_NAMES | {404, BAD_VALUE}
"""In a Disconnect nothing but what names the session can displease."""
MORE_NAMES: Final = frozenset({MISSING_ATTRIBUTE, NOT_FOUND, SEVERAL})
"""What a NAS says that does not know a session by its id alone."""


class Meaning(NamedTuple):
    """The kind of an answer, what it says ("" for what its kind says anyway), and what a person does about it."""

    kind: Kind
    says: str = ""
    advice: str = ""


_REFUSED: Final = Meaning("nak")
_MEANINGS: Final[dict[int | None, Meaning]] = {
    401: Meaning("unsupported"),
    402: Meaning("unsupported"),
    403: Meaning(
        "nak",
        "takes itself for another NAS",
        "compare radius.sources and radius.identifier in inventory/hosts.yaml with what it sends",
    ),
    404: Meaning("unsupported"),
    405: Meaning("unsupported"),
    406: Meaning("unsupported"),
    407: Meaning("unsupported"),
    501: Meaning("nak", "is set to allow no such request", "look at its settings for CoA"),
    502: Meaning("nak", "is not what answered", "a proxy lies between: name the NAS itself in data.coa"),
    503: Meaning("gone"),
    504: Meaning("nak", "knows the session and cannot end it", "end it there"),
    505: Meaning("nak", "is not what answered", "a proxy lies between: name the NAS itself in data.coa"),
    506: Meaning("nak", "is too busy", "it is asked again"),
    507: Meaning("nak", "asks its RADIUS server instead", "it takes no change without authorization: leave CoA to it"),
    508: Meaning("nak", "has more than one such session, and takes one at a time", "it is asked again"),
}


def meaning(cause: int | None) -> Meaning:
    """Of a NAK; an unknown cause, or none, is a refusal."""
    return _MEANINGS.get(cause, _REFUSED)


def named(cause: int | None) -> str:
    """A cause in words, with its number."""
    if cause is None:
        return "it gave no reason"
    values = dictionary.load().attributes["Error-Cause"].values
    raw = cause.to_bytes(4, "big")
    name = f"{values.GetBackward(raw)}, " if values.HasBackward(raw) else ""
    return f"{name}Error-Cause {cause}"
