"""Values: made once and never changed, compared by what they hold, and fit to be sent to another process.

They are structs of msgspec. A frozen dataclass means the same, but Python writes and compiles six methods whenever it
reads one: with all of ours that was a fifth of what a short command takes. What changes is a dataclass all the same.

    class Spot(Struct):
        owner: str
        place: Where = field(repr=False, compare=False)

    replace(spot, owner="sub-000123")
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from operator import attrgetter
from typing import Any, ClassVar, TypeVar, dataclass_transform, overload

# msgspec asks there for newer words of typing than ours; not to find it saves every command 9 M instructions.
_BLOCKED = "typing_extensions"
sys.modules.setdefault(_BLOCKED, None)  # type: ignore[arg-type]
import msgspec  # noqa: E402
from msgspec import NODEFAULT, StructMeta  # noqa: E402
from msgspec.structs import replace  # noqa: E402

if sys.modules[_BLOCKED] is None:
    del sys.modules[_BLOCKED]

__all__ = ["Struct", "as_dict", "compared", "field", "names", "replace", "shown"]

T = TypeVar("T")


class Field:
    """A field that is more than a name, a type and a default."""

    def __init__(self, default: Any, factory: Any, *, shown: bool, compared: bool, hashed: bool) -> None:
        self.default, self.factory = default, factory
        self.shown, self.compared, self.hashed = shown, compared, hashed and compared

    def put(self, name: str, namespace: dict[str, Any]) -> None:
        """Where msgspec looks for what a field has that is not said."""
        if self.factory is not NODEFAULT:
            namespace[name] = msgspec.field(default_factory=self.factory)
        elif self.default is not NODEFAULT:
            namespace[name] = self.default
        else:
            del namespace[name]


@overload
def field(*, repr: bool = ..., compare: bool = ..., hash: bool = ...) -> Any: ...
@overload
def field(*, default: T, repr: bool = ..., compare: bool = ..., hash: bool = ...) -> T: ...
@overload
def field(*, default_factory: Callable[[], T], repr: bool = ..., compare: bool = ..., hash: bool = ...) -> T: ...
def field(
    *,
    default: Any = NODEFAULT,
    default_factory: Any = NODEFAULT,
    repr: bool = True,  # noqa: A002  as a dataclass says it
    compare: bool = True,
    hash: bool = True,  # noqa: A002
) -> Any:
    """As of a dataclass. `repr`: whether it may be seen where the value is printed, unlike a secret; `compare`: whether
    two values that differ in it are different ones; `hash`: whether it can be hashed."""
    return Field(default, default_factory, shown=repr, compared=compare, hashed=hash)


class Meta(StructMeta):
    """What makes the classes of values."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> Any:
        said = {key: one for key, one in namespace.items() if isinstance(one, Field)}
        for key, one in said.items():
            one.put(key, namespace)
        if cached_property in map(type, namespace.values()):
            options.setdefault("dict", True)  # where it keeps what it found
        made: Any = super().__new__(mcs, name, bases, namespace, **options)
        if said:
            made._hidden |= {key for key, one in said.items() if not one.shown}
            made._aside |= {key for key, one in said.items() if not one.compared}
            made._unhashed |= {key for key, one in said.items() if not one.hashed}
        if made._aside:
            made.__eq__ = _equal
        if made._unhashed:
            made.__hash__ = _hash
        return made


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Struct(msgspec.Struct, metaclass=Meta, frozen=True):
    """The base of all values."""

    _hidden: ClassVar[frozenset[str]] = frozenset()
    """Fields that are not printed."""
    _aside: ClassVar[frozenset[str]] = frozenset()
    """Fields in which equal values may differ."""
    _unhashed: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        seen = (f"{name}={getattr(self, name)!r}" for name in shown(self))
        return f"{type(self).__qualname__}({', '.join(seen)})"


def names(value: Struct | type[Struct]) -> tuple[str, ...]:
    """The names of its fields, in their order."""
    return value.__struct_fields__


def shown(value: Struct) -> tuple[str, ...]:
    """Those that may be seen where it is printed."""
    return tuple(name for name in names(value) if name not in value._hidden)


def compared(value: Struct | type[Struct]) -> tuple[str, ...]:
    """Those in which equal values are equal."""
    return tuple(name for name in names(value) if name not in value._aside)


def as_dict(value: Struct) -> dict[str, Any]:
    """Its fields by name, the hidden ones too; what is a value in them, however deep, likewise."""
    return {name: _plain(getattr(value, name)) for name in names(value)}


def _plain(one: Any) -> Any:
    if isinstance(one, Struct):
        return as_dict(one)
    if isinstance(one, Mapping):
        return {key: _plain(part) for key, part in one.items()}
    return [_plain(part) for part in one] if isinstance(one, (list, tuple)) else one


def _equal(one: Struct, other: object) -> Any:
    if type(one) is not type(other):
        return NotImplemented
    same = _same(type(one))
    return same(one) == same(other)


def _hash(one: Struct) -> int:
    return hash(_mark(type(one))(one))


@cache
def _same(kind: type[Struct]) -> attrgetter[Any]:
    """What must be equal in equal values."""
    return attrgetter(*compared(kind))


@cache
def _mark(kind: type[Struct]) -> attrgetter[Any]:
    """What is hashed."""
    return attrgetter(*sorted(set(names(kind)) - kind._unhashed))
