"""What all models share: never changed, an unknown key is refused, and each field says what it is for.

A record is made of a file by `reading`; what is wrong with a file, and its JSON Schema, is `judge`'s to say. Neither is
needed to have one.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cache
from types import FunctionType
from typing import Any, ClassVar, Generic, Self, TypeVar, dataclass_transform, overload

from msgspec import NODEFAULT

from ispctl import structs
from ispctl.structs import names, replace

Loc = tuple[str | int, ...]
T = TypeVar("T")
Root = TypeVar("Root")


class Said(structs.Field):
    """A field as its model declares it."""

    def __init__(self, default: Any, factory: Any, key: str, description: str, *, shown: bool) -> None:
        super().__init__(default, factory, shown=shown, compared=True, hashed=True)
        self.key, self.description = key, description


@overload
def field(*, description: str, key: str = ..., repr: bool = ...) -> Any: ...
@overload
def field(*, default: T, description: str, key: str = ..., repr: bool = ...) -> T: ...
@overload
def field(*, default_factory: Callable[[], T], description: str, key: str = ..., repr: bool = ...) -> T: ...
def field(
    *,
    default: Any = NODEFAULT,
    default_factory: Any = NODEFAULT,
    description: str,
    key: str = "",
    repr: bool = True,  # noqa: A002  as a dataclass says it
) -> Any:
    """A field. `key`: what a file calls it, if otherwise than here; `repr`: whether it may be printed."""
    return Said(default, default_factory, key, description, shown=repr)


def check(method: Callable[[Any], None]) -> Callable[[Any], None]:
    """Marks what is asked of a whole record; it raises ValueError with what is wrong, said of nobody's values."""
    setattr(method, _CHECK, True)
    return method


_CHECK = "_asked_of_a_record"


class _Meta(structs.Meta):
    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> Any:
        said = {key: one for key, one in namespace.items() if type(one) is Said}
        checks = [one for one in namespace.values() if type(one) is FunctionType and _CHECK in one.__dict__]
        made: Any = super().__new__(mcs, name, bases, namespace, kw_only=True, **options)
        above = made.__mro__[1]
        made._said = {**getattr(above, "_said", {}), **said}
        made.checks = (*getattr(above, "checks", ()), *checks)
        return made


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field, structs.field))
class Record(structs.Struct, metaclass=_Meta):
    """The base of every model of a file."""

    given: frozenset[str] = structs.field(default=frozenset(), repr=False, compare=False)
    """The names of those fields that the file has, or whoever made it."""

    _said: ClassVar[Mapping[str, Said]]
    checks: ClassVar[tuple[Callable[[Any], None], ...]]
    """What is asked of a whole record, as functions of it that raise ValueError."""

    @classmethod
    def usual(cls, **given: Any) -> Self:
        """The record of these values, which are right, with the usual ones for the rest."""
        return cls(**given, given=frozenset(given))

    @classmethod
    def made(cls, said: Mapping[str, Any], given: frozenset[str]) -> Self:
        """The record of values that are right each for itself. Raises ValueError where they are not together."""
        one = cls(**said, given=given)
        for asked in cls.checks:
            asked(one)
        return one

    @classmethod
    def completed(cls, node: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """What a file says, with what follows from it where it says nothing."""
        return node

    def but(self, **values: Any) -> Self:
        """The same with other values, which count as given."""
        return replace(self, **values, given=self.given | values.keys())


class Table(Record, Generic[Root]):
    """The base of every model of a file that is names and what each stands for: its one field, `root`."""


class Field(structs.Struct):
    """A field of a model: its name here and in a file (`key`), its type with all that is asked of it, and what
    somebody should know who writes it."""

    name: str
    key: str
    hint: Any
    description: str
    said: Said | None

    @property
    def required(self) -> bool:
        return self.said is None or (self.said.default is NODEFAULT and self.said.factory is NODEFAULT)

    @property
    def default(self) -> Any:
        """What a record has that does not say it; of a required field None."""
        if self.said is None or self.required:
            return None
        return self.said.default if self.said.default is not NODEFAULT else self.said.factory()


@cache
def fields_of(kind: type[Record]) -> Mapping[str, Field]:
    """The fields of a model by their names, in their order."""
    hints: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        hints |= base.__dict__.get("__annotations__", {})  # noqa: RUF063  to read inspect takes longer than this
    found = ((name, kind._said.get(name)) for name in names(kind) if name != "given")
    return {
        name: Field(name, said.key or name, hints[name], said.description, said)
        if said is not None
        else Field(name, name, hints[name], "", None)
        for name, said in found
    }


def plain(record: Record, *, whole: bool = False) -> dict[str, Any]:
    """What a file would say, as JSON has it: by its keys, what was given; `whole`: all that it has."""
    return {
        one.key: _plain(getattr(record, name), whole=whole)
        for name, one in fields_of(type(record)).items()
        if whole or name in record.given
    }


def _plain(value: Any, *, whole: bool) -> Any:
    if isinstance(value, Record):
        return plain(value, whole=whole)
    if isinstance(value, dict):
        return {key: _plain(one, whole=whole) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(one, whole=whole) for one in value]
    if isinstance(value, date):  # a time, too
        return value.isoformat().replace("+00:00", "Z")
    return value if value is None or isinstance(value, (int, str)) else str(value)


def dotted(loc: Loc) -> str:
    """services[0].mac.mode, as people write it."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def below(hint: Any) -> Iterator[type[Record]]:
    """The models inside Optional[…], tuple[…, ...] or dict[str, …]."""
    if isinstance(hint, type) and issubclass(hint, Record):
        yield hint
    for part in getattr(hint, "__args__", ()):
        yield from below(part)
