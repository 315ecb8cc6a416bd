"""Text, lists and mappings of a file -> records and values, as their types say.

Whoever needs to know everything that is wrong asks `judge`, for which pydantic has to be loaded. Both take the same and
mean the same (tests/model/test_judge.py).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cache, partial
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

from ispctl.model.record import Record, Table, fields_of
from ispctl.model.rules import Between, Length, Reads, Written, Wrong

Make = Callable[[Any], Any]
R = TypeVar("R", bound=Record)


def read(kind: type[R], node: Any) -> R:
    """The record in `node`. Raises ValueError (Wrong) where it holds none; it is told only that something is wrong."""
    found: R = maker(kind)(node)
    return found


def value_of(hint: Any, text: str) -> Any:
    """What a text means as a value of a type of `scalars`. Raises Wrong."""
    return maker(hint)(text)


@cache
def maker(hint: Any) -> Make:
    """What makes a value of a type of what stands in a file; it raises ValueError."""
    if isinstance(hint, type) and issubclass(hint, Record):
        return _table(hint) if issubclass(hint, Table) else _record(hint)
    origin, parts = get_origin(hint), get_args(hint)
    if origin in _COLLECTIONS:
        return _COLLECTIONS[origin](parts)
    if NoneType in parts:
        (inner,) = (part for part in parts if part is not NoneType)
        return partial(_optional, maker(inner))
    return _as_it_is if hint is Any else partial(_value, (), _types(hint), ())


_COLLECTIONS: Final[Mapping[Any, Callable[[Sequence[Any]], Make]]] = {
    Annotated: lambda parts: _ruled(parts[0], parts[1:]),
    Literal: lambda parts: partial(_one_of, {word: word for word in parts}),
    tuple: lambda parts: partial(_items, maker(parts[0])),
    dict: lambda parts: partial(_mapping, maker(parts[0]), maker(parts[1])),
}


def _types(hint: Any) -> tuple[type, ...]:
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return (date, datetime) if date in kinds and datetime in kinds else kinds


def _ruled(hint: Any, rules: Sequence[Any]) -> Make:
    """`Annotated`: what makes it, and then what is asked of it."""
    reads = tuple(rule.make for rule in reversed(rules) if isinstance(rule, Reads))
    asked = tuple(rule.fits for rule in rules if isinstance(rule, (Between, Length)))
    if len(reads) + len(asked) < sum(not isinstance(rule, Written) for rule in rules):
        raise TypeError(f"{hint}: a rule that nothing here asks")
    if get_origin(hint) in (tuple, dict, Literal):
        return partial(_made, reads, maker(hint), asked)
    return partial(_value, reads, _types(hint), asked)


def _made(reads: Sequence[Make], make: Make, asked: Sequence[Callable[[Any], bool]], node: Any) -> Any:
    for one in reads:
        node = one(node)
    return _asked(asked, make(node))


def _asked(asked: Sequence[Callable[[Any], bool]], value: Any) -> Any:
    for fits in asked:
        if not fits(value):
            raise Wrong("bounds", "lies outside its bounds")
    return value


def _value(reads: Sequence[Make], kinds: tuple[type, ...], asked: Sequence[Callable[[Any], bool]], node: Any) -> Any:
    for make in reads:
        node = make(node)
    if type(node) not in kinds:
        if not isinstance(node, str) or str not in kinds:
            raise Wrong("type", "is something else")
        node = str(node)  # without what a file's text knows of itself
    return _asked(asked, node) if asked else node


def _optional(make: Make, node: Any) -> Any:
    return None if node is None else make(node)


def _as_it_is(node: Any) -> Any:
    return node


def _one_of(words: Mapping[Any, Any], node: Any) -> Any:
    if not isinstance(node, (str, int)) or node not in words:
        raise Wrong("word", "is no word that is known here")
    return words[node]


def _items(make: Make, node: Any) -> tuple[Any, ...]:
    if not isinstance(node, (list, tuple)):
        raise Wrong("list", "is no list")
    return tuple([make(one) for one in node])


def _mapping(key: Make, value: Make, node: Any) -> dict[Any, Any]:
    if not isinstance(node, dict):
        raise Wrong("mapping", "is no mapping")
    return {key(name): value(one) for name, one in node.items()}


def _table(kind: type[Table[Any]]) -> Make:
    (one,) = fields_of(kind).values()
    whole = maker(one.hint)

    def make(node: Any) -> Any:
        return node if type(node) is kind else kind.made({one.name: whole(node)}, frozenset({one.name}))

    return make


def _record(kind: type[Record]) -> Make:
    fields = {one.key: one for one in fields_of(kind).values()}
    needed = {one.name for one in fields.values() if one.required}
    known: dict[str, tuple[str, Make]] = {}
    """What a file has said by now: of most fields none ever does, and to know how to read one takes a while."""

    def make(node: Any) -> Any:
        if type(node) is not dict:
            if type(node) is kind:
                return node
            raise Wrong("mapping", "is no mapping")
        said = {}
        for key, below in kind.completed(node).items():
            found = known.get(key)
            if found is None:
                if (one := fields.get(key)) is None:
                    raise Wrong("key", "has a key that is not known")
                found = known[key] = (one.name, maker(one.hint))
            said[found[0]] = found[1](below)
        if not needed <= said.keys():
            raise Wrong("missing", "lacks something")
        return kind.made(said, frozenset(said))

    return make
