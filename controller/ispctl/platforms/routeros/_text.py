"""Lines of RouterOS's scripting language: a value as one word of it, and lines to rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ispctl.plan import Key
from ispctl.platforms.device import MARK
from ispctl.platforms.routeros._menus import MENUS, Menu, normal

LONGEST: Final = 255
"""Octets of a value; a list may be longer."""
SINGLE: Final = "settings"
"""The name of the one resource of a menu that has values and no rows."""
_BARE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9./:_,@+-]*")
_NAME: Final = re.compile(r"[a-z0-9-]+")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "_": " ", '"': '"', "\\": "\\", "$": "$", "?": "?"}


def quote(value: object) -> str:
    """A value as one word: bare where it cannot be anything else, else in quotation marks. Lists are joined by commas.
    Raises ValueError for what is empty, longer than LONGEST or holds control characters."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        for part in value:
            quote(part)
        said = ",".join(map(str, value))
    else:
        said = str(value)
        if len(said.encode("utf-8", "surrogatepass")) > LONGEST:
            raise ValueError(f"a value of more than {LONGEST} octets: RouterOS could not show it")
    if not said:
        raise ValueError("an empty value")
    if not said.isprintable():
        raise ValueError(f"{said!r} holds a character that cannot be written")
    return word(said)


def word(value: str) -> str:
    """Any text as one word of a script."""
    return value if _BARE.fullmatch(value) else '"' + "".join(map(_escaped, value)) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\$?':
        return f"\\{letter}"
    if " " <= letter <= "~":
        return letter
    return "".join(f"\\{octet:02X}" for octet in letter.encode())


def words(line: str) -> Iterator[tuple[str, str | None]]:
    """Each word as (name, value); a value of None: a word alone. Raises ValueError."""
    rest = line.strip()
    while rest:
        name, equals, after = _head(rest)
        if not equals:
            yield name, None
            rest = after.lstrip()
            continue
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a field")
        value, rest = _value(after)
        yield name, value


def _head(rest: str) -> tuple[str, bool, str]:
    end = next((place for place, letter in enumerate(rest) if letter in " ="), len(rest))
    return rest[:end], rest[end : end + 1] == "=", rest[end + 1 :]


def _value(rest: str) -> tuple[str, str]:
    """A value at the beginning of the rest, and what follows it."""
    if not rest.startswith('"'):
        bare, _, after = rest.partition(" ")
        if not _BARE.fullmatch(bare):
            raise ValueError(f"{bare!r} has to stand in quotation marks")
        return bare, after.lstrip()
    octets, place = bytearray(), 1
    while place < len(rest):
        letter = rest[place]
        if letter == '"':
            after = rest[place + 1 :]
            if after and not after.startswith(" "):
                raise ValueError(f"{after[:20]!r} follows a quotation mark")
            return octets.decode("utf-8"), after.lstrip()
        if letter == "$":
            raise ValueError("a variable stands in a value")
        taken, place = (letter, place + 1) if letter != "\\" else _escape(rest, place)
        octets += taken if isinstance(taken, bytes) else taken.encode()
    raise ValueError("a quotation mark is missing")


def _escape(rest: str, place: int) -> tuple[str | bytes, int]:
    letter = rest[place + 1 : place + 2]
    if letter in _ESCAPES and letter:
        return _ESCAPES[letter], place + 2
    return bytes.fromhex(rest[place + 1 : place + 3]), place + 3


def parse(said: str) -> dict[Key, Mapping[str, str]]:
    """Lines `/menu add name=value… comment="ispctl:key"` and `/menu set name=value…` as rows in normal form. Raises
    ValueError with the number of the line."""
    found: dict[Key, Mapping[str, str]] = {}
    last: dict[tuple[str, str], str] = {}
    for at, line in enumerate(said.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            key, fields = _row(line)
            if key in found:
                raise ValueError(f"{' '.join(key)} stands there twice")
            if MENUS[key[0]].ordered:
                chain = key[0], fields["chain"]
                if last.get(chain, "") > key[1]:
                    raise ValueError("the rules of a chain stand in the order of their comments")
                last[chain] = key[1]
        except (ValueError, KeyError) as error:
            raise ValueError(f"line {at}: {error.args[0]}") from None
        found[key] = fields
    return found


def _row(line: str) -> tuple[Key, Mapping[str, str]]:
    path, fields, verb = [], {}, ""
    for name, value in words(line):
        if value is not None:
            if name in fields:
                raise ValueError(f"{name} is given twice")
            fields[name] = value
        elif fields or verb:
            raise ValueError(f"{name!r} is not understood")
        elif name in {"add", "set"}:
            verb = name
        else:
            path.append(name)
    menu = MENUS.get(" ".join(path))
    if menu is None:
        raise ValueError(f"{' '.join(path)!r} is no menu that is written here")
    if verb != ("set" if menu.single else "add"):
        raise ValueError(f"{menu.path} takes {'set' if menu.single else 'add'}")
    return (menu.path, _key(menu, fields)), normal(menu, fields)


def _key(menu: Menu, fields: dict[str, str]) -> str:
    """The rest of the comment; it is taken out of the fields."""
    if menu.single:
        key = SINGLE
    elif menu.register:
        key = fields.get("name", "")
    else:
        comment = fields.pop("comment", "")
        key = comment.removeprefix(MARK) if comment.startswith(MARK) else ""
    if not key:
        raise ValueError(f"a row of {menu.path} has {'a name' if menu.register else f'a comment {MARK}…'}")
    if unknown := sorted(set(fields) - set(menu.fields)):
        raise ValueError(f"{menu.path} has no {unknown[0]} that is written here")
    return key
