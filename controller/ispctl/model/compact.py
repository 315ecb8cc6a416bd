"""JSON in one line without blanks, for what is hashed or kept a hundred thousand times over."""

import json
from json import encoder
from typing import Any, Final

_JSON: Final = json.JSONEncoder(separators=(",", ":"))
_AT_ONCE: Final = getattr(encoder, "c_make_encoder", None)
"""What the library makes anew for each text, which costs as much as the text; it keeps nothing of one."""
_parts: Final = (
    _AT_ONCE(None, _JSON.default, encoder.encode_basestring_ascii, None, ":", ",", False, False, True)
    if _AT_ONCE
    else None
)

quoted: Final = encoder.encode_basestring_ascii
"""A text alone, as `compact` writes it."""


def compact(value: Any) -> str:
    """As `json` writes it, in ASCII and in the order in which it is given."""
    return "".join(_parts(value, 0)) if _parts else _JSON.encode(value)
