"""Records that are written like others were: of a file that was read, what stands around its values becomes a pattern,
and the next one that fits is its values alone. Neither a parser nor the model has to look at it.

A pattern is made of a file in which nothing is wrong, so that all that follows from its form holds for every file of
that form: the keys are known, none is missing or there twice, lists are as long as they may be. What depends on values
is judged for each: by the pattern, by the validator of the field, and by those of the models. Whatever does not fit is
read by the parser; nothing is reported here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import Annotated, Any, Final, Generic, Literal, NamedTuple, TypeVar, get_args, get_origin

from ispctl.model.reading import maker
from ispctl.model.record import Record, fields_of
from ispctl.model.rules import Length
from ispctl.model.scalars import Email, Login, Mac, Moment, Name, Phone, SealedText, SubscriberId, Text
from ispctl.repo.yaml_nodes import NULLS, Node, Scalar, Shape
from ispctl.repo.yaml_places import shape
from ispctl.repo.yaml_quick import IN_FLOW, plain

M = TypeVar("M", bound=Record)
Convert = Callable[[str], Any]
Make = Callable[[Sequence[str]], Any]
LARGEST: Final = 16 * 1024
"""Octets: a record of a person; a pattern as long as that of a long list would hardly meet a second one."""
_MOST: Final = 256
"""Patterns that are kept; an ISP writes its records in a few ways."""
_WAYS: Final = 4
"""Of them with the same keys."""
_TRIED: Final = 1024
"""Files of which a pattern was made, or could not be: enough to know that hardly one is like another."""
OFTEN: Final = 8
"""So often a kind of file is met before a pattern of it is made, which takes as long as reading some twenty."""
_KEYS: Final = re.compile(r"^[ -]*[A-Za-z0-9_]+:", re.MULTILINE)
_NO_TEXT: Final = frozenset({*NULLS, "true", "True", "TRUE", "false", "False", "FALSE"})


class _Unlike(ValueError):
    """Not to be told by a pattern."""


class _Leaf(NamedTuple):
    """How a kind of value looks where it is written without quotes (also in brackets) and with them, and what it means
    (with them otherwise, where that matters); None: as it is."""

    bare: str
    bracketed: str
    quoted: str
    longest: int
    convert: Convert | None = None
    in_quotes: Convert | None = None


def _text(value: str) -> str:
    if not value.isprintable() or value in _NO_TEXT or value[0] == " " or value[-1] == " ":
        raise _Unlike
    return value


def _words(stop: str) -> str:
    """A part of what `plain` takes, for which no sign has to be looked at twice."""
    return rf"[A-Za-z(][^\n\r\t:#\"'\\{stop}]*(?<! )"


_DAY: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_WORD: Final = r"(?!(?:null|true|false)\b)[a-z]"
"""How a text begins that is no null and no truth value."""
_ID: Final = _WORD + "[a-z0-9-]*"
_NAME: Final = _WORD + "[a-z0-9._-]*"
_LOGIN: Final = _WORD + r"[a-z0-9._:/+-]*(?<!:)(?:@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)?"
_EMAIL: Final = r"[A-Za-z][A-Za-z0-9._+-]*@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+"
_SEALED: Final = "(?:enc:[A-Za-z0-9_-]{1,32}:[A-Za-z0-9+/]{39,}={0,2}|age:[A-Za-z0-9+/]{40,}={0,2})"
_QUOTED: Final = r"[^\"'\\\n\r\t]"
_NEVER: Final = "(?!)"
"""It begins with a sign: without quotes it would be a number."""
_MAC: Final = "[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})"
_OF_TYPE: Final[Mapping[Any, _Leaf]] = {
    Text: _Leaf(_words(""), _words(IN_FLOW), _QUOTED + "+", 253, _text),
    SubscriberId: _Leaf(_ID, _ID, _ID, 48),
    Name: _Leaf(_NAME, _NAME, _NAME, 48),
    Login: _Leaf(_LOGIN, _LOGIN, _LOGIN, 64),
    Email: _Leaf(_EMAIL, _EMAIL, _EMAIL, 254),
    Phone: _Leaf(_NEVER, _NEVER, r"\+[1-9][0-9 -]{4,19}[0-9-]", 24),
    SealedText: _Leaf(_SEALED, _SEALED, _SEALED, LARGEST),
    Moment: _Leaf(_DAY, _DAY, _DAY, 10, lru_cache(8192)(maker(Moment))),
    Mac: _Leaf(_MAC, _MAC, _MAC, 17, maker(Mac)),
}
"""The commonest values. The pattern says all, but for what becomes of a day (of which there are few, so that they are
kept) and of a device; each is narrower than its validator. What is wider is judged by that, see `_any`."""


@cache
def _any(hint: Any) -> _Leaf:
    """A value that is judged by the validator of its field, as the parser would give it."""
    bare, quoted = (partial(_judged, maker(hint), one) for one in (True, False))
    return _Leaf(plain(""), plain(IN_FLOW), _QUOTED + "*", LARGEST, bare, quoted)


class _Reader(NamedTuple):
    """A pattern, and what makes a record of its groups."""

    pattern: re.Pattern[str]
    make: Make


class Patterns(Generic[M]):
    """The patterns of the records of one model, as far as they were met in this process."""

    def __init__(self, model: type[M]) -> None:
        self._model = model
        self._known: dict[tuple[str, ...], list[_Reader]] = {}
        self._met: Counter[tuple[str, ...]] = Counter()
        self._count = self._tried = 0

    def read(self, data: bytes) -> M | None:
        """The record in `data`; None where no pattern fits that is known."""
        if len(data) > LARGEST:
            return None
        try:
            text = data.decode("utf-8")
            for known in self._known.get(tuple(_KEYS.findall(text)), ()):
                if (found := known.pattern.fullmatch(text)) is not None:
                    made: M = known.make(found.groups())
                    return made
        except ValueError:  # a validator's, too
            pass
        return None

    def learn(self, data: bytes, root: Node, value: M) -> None:
        """Remember how a file is written that was read as `root` and means `value`, once its kind is met OFTEN."""
        if len(data) > LARGEST or self._tried >= _TRIED or self._count >= _MOST:
            return
        text = data.decode("utf-8")
        keys = tuple(_KEYS.findall(text))
        self._met[keys] += 1
        ways = self._known.get(keys, [])
        if self._met[keys] < OFTEN or len(ways) >= _WAYS:
            return
        self._tried += 1
        try:
            one = _Learning(text).reader(self._model, root)
            found = one.pattern.fullmatch(text)
            if found is None or one.make(found.groups()) != value:
                return
        except ValueError:
            return
        self._known[keys] = [*ways, one]
        self._count += 1


class _Learning:
    """How one file is written: goes through what stands where, and through the model, side by side."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.signs: list[str] = []
        self.at = 0
        self.number = 0
        self.inside = 0
        """So many brackets are open."""

    def reader(self, model: type[Record], root: Node) -> _Reader:
        found = shape(self.text, root)
        if found is None:
            raise _Unlike
        make = self._record(model, found)
        pattern = "".join([*self.signs, re.escape(self.text[self.at :])])
        return _Reader(re.compile(pattern), make)

    def _record(self, model: type[Record], found: Shape) -> Make:
        if found.kind != "mapping" or model.completed.__func__ is not Record.completed.__func__:  # type: ignore[attr-defined]
            raise _Unlike
        fields = fields_of(model)
        names = {one.key: name for name, one in fields.items()}
        first, values, parts = self.number, list[tuple[str, int, Convert | None, int]](), list[tuple[str, Make]]()
        given = set[str]()
        for key, below in found.below:
            name = names[self.text[key.start : key.end]]
            given.add(name)
            hint = _sure(fields[name].hint)
            if below.kind == "scalar" and not _records(hint):
                values.append((name, *self._scalar(hint, below)))
            else:
                parts.append((name, self._below(hint, below)))
        usual = {name: _default(one.default) for name, one in fields.items() if name not in given}
        make = partial(_made, model, usual, frozenset(given), values, parts)
        few = not parts and not any(_many(fields[name].hint) for name, *_ in values)
        return partial(_kept, {}, first, self.number, make) if few else make

    def _below(self, hint: Any, found: Shape) -> Make:
        self.inside += found.flow
        try:
            return self._collection(hint, found)
        finally:
            self.inside -= found.flow

    def _collection(self, hint: Any, found: Shape) -> Make:
        if isinstance(hint, type) and issubclass(hint, Record):
            return self._record(hint, found)
        if get_origin(hint) is not tuple or found.kind != "sequence":
            raise _Unlike
        inner = _sure(get_args(hint)[0])
        items = [self._item(inner, one) for one, _ in found.below]
        return partial(_items, items)

    def _item(self, hint: Any, found: Shape) -> Make:
        if found.kind != "scalar" or _records(hint):
            return self._below(hint, found)
        return partial(_value, *self._scalar(hint, found))

    def _scalar(self, hint: Any, found: Shape) -> tuple[int, Convert | None, int]:
        """Its part of the pattern; the number of its group, what is made of it and how long it may be."""
        text = self.text
        quote = text[found.start] if text[found.start] in "\"'" else ""
        begin, end = found.start + len(quote), found.end - len(quote)
        for leaf in (_OF_TYPE.get(hint), _any(hint)):
            if leaf is None:
                continue
            sign = leaf.quoted if quote else leaf.bracketed if self.inside else leaf.bare
            if re.compile(sign).fullmatch(text, begin, end):
                break
        else:
            raise _Unlike
        self.signs.append(re.escape(text[self.at : begin]) + f"({sign})")
        self.at, self.number = end, self.number + 1
        return self.number - 1, leaf.in_quotes or leaf.convert if quote else leaf.convert, leaf.longest


def _made(
    model: type[Record],
    usual: Mapping[str, Any],
    given: frozenset[str],
    values: Sequence[tuple[str, int, Convert | None, int]],
    parts: Sequence[tuple[str, Make]],
    texts: Sequence[str],
) -> Any:
    """A record as its model makes it of what it has validated. `usual`: what is the same in all of them."""
    said = dict(usual)
    for name, number, convert, longest in values:  # as `_value` does, without a call for each
        value = texts[number]
        if len(value) > longest:
            raise _Unlike
        said[name] = value if convert is None else convert(value)
    for name, make in parts:
        said[name] = make(texts)
    return model.made(said, given)


def _items(makes: Sequence[Make], texts: Sequence[str]) -> tuple[Any, ...]:
    return tuple([make(texts) for make in makes])


def _value(number: int, convert: Convert | None, longest: int, texts: Sequence[str]) -> Any:
    value = texts[number]
    if len(value) > longest:
        raise _Unlike
    return value if convert is None else convert(value)


def _kept(known: dict[tuple[str, ...], Any], first: int, after: int, make: Make, texts: Sequence[str]) -> Any:
    """Parts of which there are few are made once: a record never changes."""
    said = tuple(texts[first:after])
    if said not in known:
        if len(known) >= _MOST:
            known.clear()
        known[said] = make(texts)
    return known[said]


def _judged(validate: Convert, bare: bool, value: str) -> Any:
    """As the parser would give it: whether it stood in quotes matters to some validators, and null is no text."""
    if (bare and value in NULLS) or not value.isprintable():
        raise _Unlike
    return validate(Scalar(value, bare))


def _sure(hint: Any) -> Any:
    """X of X | None; a list without what is asked of its length, which is that of the file that was read."""
    rest = [one for one in get_args(hint) if one is not type(None)]
    hint = rest[0] if type(None) in get_args(hint) and len(rest) == 1 else hint
    if get_origin(hint) is not Annotated or get_origin(get_args(hint)[0]) is not tuple:
        return hint
    inner, *more = get_args(hint)
    if all(isinstance(rule, Length) for rule in more):
        return inner
    raise _Unlike


def _records(hint: Any) -> bool:
    return (isinstance(hint, type) and issubclass(hint, Record)) or get_origin(hint) is tuple


def _many(hint: Any) -> bool:
    """Whether nearly every record has another value there."""
    hint = _sure(hint)
    return not (hint in (Name, Moment) or get_origin(hint) is Literal or (get_args(hint) or (None,))[0] in (int, bool))


def _default(value: Any) -> Any:
    """What a record has that does not say otherwise; raises where each would need one of its own."""
    if value is None or isinstance(value, (bool, int, str, Record)) or value == ():
        return value
    raise _Unlike
