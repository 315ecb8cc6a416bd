"""What all models share: frozen, and an unknown key is refused. And how pydantic's findings become ours."""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError
from pydantic_core import ErrorDetails

Loc = tuple[str | int, ...]


class Record(BaseModel):
    """The base of every model of a file."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True, defer_build=True
    )

    @classmethod
    def usual(cls, **given: Any) -> Self:
        """The record of these values, which are right, with the usual ones for the rest: what validation makes of them,
        without the schema for it, which takes longer to build than all else a short command does with the record."""
        return super().model_construct(**given)


Root = TypeVar("Root")


class Table(RootModel[Root]):
    """The base of every model of a file that is names and what each stands for; made when the first is read."""

    model_config = ConfigDict(defer_build=True)


_SILENT = {"profile", "password", "secret", "mobile", "email", "emails", "name", "address", "username", "login", "dsn"}
"""Keys whose values are never repeated in a message: people and secrets."""


def findings(error: ValidationError, kind: type[BaseModel]) -> Iterator[tuple[str, Loc, str, str]]:
    """(code, place in the document, text, advice) for each thing pydantic found wrong."""
    details = error.errors(include_url=False, include_context=True)
    places = [detail["loc"] for detail in details]
    for detail in details:
        loc = detail["loc"]
        if detail["type"] == "too_short" and any(len(p) > len(loc) and p[: len(loc)] == loc for p in places):
            continue  # pydantic counts only the items that were valid
        yield _finding(detail, loc, kind)


def _finding(detail: ErrorDetails, loc: Loc, kind: type[BaseModel]) -> tuple[str, Loc, str, str]:
    name = dotted(loc)
    match detail["type"]:
        case "extra_forbidden":
            return _unknown(loc, _keys_at(kind, loc[:-1]))
        case "literal_error" if loc[-1] == "[key]":
            return _unknown(loc[:-1], re.findall("'([^']+)'", detail["ctx"]["expected"]))
        case "missing":
            return "E031", loc, f"{name} is missing", f"Add the key {loc[-1]}"
        case "quote_it":
            return "E033", loc, f"{name}: {detail['msg']}", ""
        case _ if detail["input"] is None:
            return "E034", loc, f"{name} has no value", "Give it a value or remove the key"
        case "value_error":
            said = str(detail["ctx"]["error"])
        case _:
            said = f"{_said(detail)}{_given(detail, loc)}"
    return "E032", loc, f"{name}: {said}" if name else said, ""


def _unknown(loc: Loc, known: Sequence[str]) -> tuple[str, Loc, str, str]:
    close = get_close_matches(str(loc[-1]), known, n=1)
    advice = f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}" if known else ""
    return "E030", loc, f"{dotted(loc)} is not a key that is known here", advice


_WORDS = {
    "dict_type": "expected keys and values",
    "model_type": "expected keys and values",
    "model_attributes_type": "expected keys and values",
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "string_type": "expected text",
    "too_short": "is shorter than allowed",
    "string_too_short": "is empty",
}


def _said(detail: ErrorDetails) -> str:
    if detail["type"] == "literal_error":
        return f"expected {detail['ctx']['expected'].replace(chr(39), '')}"
    if known := _WORDS.get(detail["type"]):
        return known
    said = detail["msg"].replace("Input should be", "expected")
    return said[0].lower() + said[1:]


_NUMBER = re.compile(r"(?![0-9]{9})[0-9-][0-9A-Za-z.:/%+-]{0,39}")
"""What looks like a number, a date or an address; a telephone number does not."""
_WORD = re.compile(r"[a-z-]{1,12}")


def _given(detail: ErrorDetails, loc: Loc) -> str:
    """What was written instead, unless it may be a secret or personal: it may stand at the wrong key."""
    value = detail["input"]
    if not isinstance(value, str) or _SILENT & {str(part) for part in loc}:
        return ""
    sayable = _NUMBER.fullmatch(value) or (detail["type"] == "literal_error" and _WORD.fullmatch(value))
    return f", not {str(value)!r}" if sayable else ""


def dotted(loc: Loc) -> str:
    """services[0].mac.mode, as people write it."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _keys_at(kind: Any, loc: Loc) -> list[str]:
    """The keys the model knows at a place, or nothing where it cannot be told."""
    for part in loc:
        fields = getattr(kind, "model_fields", None)
        if isinstance(part, str) and fields is not None:
            if part not in fields:
                return []
            kind = _inner(fields[part].annotation)
    return sorted(getattr(kind, "model_fields", {}))


def _inner(annotation: Any) -> Any:
    """The model inside Optional[…], tuple[…, ...] or dict[str, …]."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_inner(part) for part in getattr(annotation, "__args__", ()))
    return next((found for found in inner if found is not None), None)
