"""Everything that is wrong with a record, not the first: pydantic looks at it, and what it finds becomes ours. Also
the JSON Schema of a model.

Each model has a twin here, made of the same fields with the same rules; a short command never needs one.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    ValidationError,
    WithJsonSchema,
    create_model,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from ispctl.model.record import Loc, Record, Table, below, dotted, fields_of
from ispctl.model.rules import Between, Length, Reads, Written, Wrong

Found = tuple[str, Loc, str, str]
"""(code, place in the document, text, advice)"""


def judged(kind: type[Record], node: Any) -> tuple[Any, Sequence[Found]]:
    """The record in `node`, or None and what is wrong with it."""
    try:
        return twin(kind).model_validate(node), ()
    except ValidationError as error:
        return None, tuple(_findings(error, kind))


def schema(kind: type[Record]) -> dict[str, Any]:
    """The JSON Schema of a file, for an editor."""
    return twin(kind).model_json_schema(by_alias=True)


class _Twin(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)


@cache
def twin(kind: type[Record]) -> type[BaseModel]:
    """What pydantic knows a model as; it makes records of the model itself."""

    def completed(node: Any) -> Any:
        return kind.completed(node) if isinstance(node, dict) else node

    def made(self: Any) -> Any:
        return kind.made(dict(self.__dict__), frozenset(self.model_fields_set))

    validators: dict[str, Any] = {"made": model_validator(mode="after")(made)}
    if issubclass(kind, Table):
        base: Any = RootModel[_twin_of(fields_of(kind)["root"].hint)]  # type: ignore[misc]
        fields: dict[str, Any] = {}
    else:
        base = _Twin
        validators["completed"] = model_validator(mode="before")(completed)
        fields = {name: (_twin_of(one.hint), _field(one)) for name, one in fields_of(kind).items()}
    made_twin: type[BaseModel] = create_model(
        kind.__name__,
        __base__=base,
        __doc__=kind.__doc__,
        __module__=kind.__module__,
        __validators__=validators,
        **fields,
    )
    return made_twin


def _field(one: Any) -> Any:
    said: dict[str, Any] = {"description": one.description, "alias": None if one.key == one.name else one.key}
    if not one.required:
        lasting = isinstance(one.default, (Record, dict))
        said |= {"default_factory": lambda: one.default} if lasting else {"default": one.default}
    return Field(**said)


def _twin_of(hint: Any) -> Any:
    """A type in pydantic's words."""
    if isinstance(hint, type) and issubclass(hint, Record):
        return twin(hint)
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[(_twin_of(parts[0]), *map(_rule, parts[1:]))]
    if origin in (Union, UnionType):
        return reduce(or_, map(_twin_of, parts))
    if origin in (tuple, dict):
        return origin[tuple(part if part is ... else _twin_of(part) for part in parts)]
    return hint


def _rule(rule: Any) -> Any:
    match rule:
        case Reads():
            return BeforeValidator(_reading(rule.make))
        case Between():
            return Field(ge=rule.least, le=rule.most)
        case Length():
            return Field(min_length=rule.least or None, max_length=rule.most)
        case Written():
            return WithJsonSchema(dict(rule.schema), mode="validation")
    raise TypeError(rule)


def _reading(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        try:
            return make(value)
        except Wrong as wrong:
            raise PydanticCustomError(wrong.kind, "{said}", {"said": str(wrong)}) from None

    return read


_SILENT = {"profile", "password", "secret", "mobile", "email", "emails", "name", "address", "username", "login", "dsn"}
"""Keys whose values are never repeated in a message: people and secrets."""


def _findings(error: ValidationError, kind: type[Record]) -> Iterator[Found]:
    details = error.errors(include_url=False, include_context=True)
    places = [detail["loc"] for detail in details]
    for detail in details:
        loc = detail["loc"]
        if detail["type"] == "too_short" and any(len(p) > len(loc) and p[: len(loc)] == loc for p in places):
            continue  # pydantic counts only the items that were valid
        yield _finding(detail, loc, kind)


def _finding(detail: ErrorDetails, loc: Loc, kind: type[Record]) -> Found:
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


def _unknown(loc: Loc, known: Sequence[str]) -> Found:
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


def _keys_at(kind: type[Record], loc: Loc) -> list[str]:
    """The keys that the model knows at a place, or nothing where it cannot be told."""
    for part in loc:
        fields = {one.key: one for one in fields_of(kind).values()}
        if isinstance(part, str) and not issubclass(kind, Table):
            if part not in fields:
                return []
            inner = next(below(fields[part].hint), None)
        elif isinstance(part, str):
            inner = next(below(fields["root"].hint), None)
        else:
            continue
        if inner is None:
            return []
        kind = inner
    return sorted(one.key for one in fields_of(kind).values())
