"""A script for the router that brings our rows back to what they were, should nobody say that all is well.

It is run by the router alone, hours later perhaps and after half of an apply: each line stands for itself, may be done
twice, and may fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ispctl.plan import Change, Key
from ispctl.platforms.device import MARK
from ispctl.platforms.routeros._menus import LOOSE, MENUS, ORDER, Menu
from ispctl.platforms.routeros._rows import REGISTER, Standing
from ispctl.platforms.routeros._text import word

NAME: Final = f"{MARK}confirm"
"""The entry of the scheduler, and how the names of the scripts that it runs begin."""
LONGEST: Final = 30_000
"""Letters of one script."""


def scripts(base: Standing, touched: Mapping[Key, Change]) -> dict[str, str]:
    """What undoes these changes: scripts by their names, to be run in this order. `base`: what stood there before the
    first change. Secrets of servers that are removed or changed stand in them, as the router shows them to whoever may
    read its configuration."""
    rows = [key for key in touched if not MENUS[key[0]].single]
    kept = sorted((key for key in rows if key in base.ids), key=_order)
    made = [line for key in sorted(rows, key=_order, reverse=True) if key not in base.ids for line in _without(key)]
    lines = [*made]  # what took a name or an address of a row that comes back goes first, if nothing refers to it
    lines += [line for key in kept if key[0] in LOOSE for line in _without(key)]
    for key in kept:
        anew = touched[key].after is None or key[0] in LOOSE
        lines += _again(base, key) if anew else [_as_it_was(base, key)]
    lines += made
    lines += _settings(base, touched)
    lines += _places(base, [key for key in kept if MENUS[key[0]].ordered])
    parts = _parts([f":do {{ {line} }} on-error={{}}" for line in lines])
    end = ['/log warning "ispctl: nobody said that all is well, what stood before is back"']
    end.append(f"/system scheduler remove [find name={word(NAME)}]")
    end += [f"/system script remove [find name={word(name)}]" for name in [*parts, f"{NAME}-end"]]
    return {**parts, f"{NAME}-end": "\n".join(end)}


def _parts(lines: Iterable[str]) -> dict[str, str]:
    """Scripts that are not too long, by their names."""
    found: list[list[str]] = [[]]
    length = 0
    for line in lines:
        length += len(line) + 1
        if length > LONGEST:
            found.append([])
            length = len(line) + 1
        found[-1].append(line)
    return {f"{NAME}-{number}": "\n".join(part) for number, part in enumerate(found, 1)}


def order_of(key: Key) -> tuple[int, str]:
    """What is referenced comes first."""
    return ORDER[key[0]], key[1]


_order = order_of


def mark_of(name: str) -> str:
    """The comment of the entry of the register that names a row as ours."""
    return f"{MARK}pool {name}"


def _find(key: Key) -> str:
    menu, name = MENUS[key[0]], key[1]
    return f"[find name={word(name)}]" if menu.register else f"[find comment={word(MARK + name)}]"


def _without(key: Key) -> Iterable[str]:
    yield f"{key[0]} remove {_find(key)}"
    if register := MENUS[key[0]].register:
        yield f"{register} remove [find comment={word(mark_of(key[1]))}]"


def _again(base: Standing, key: Key) -> list[str]:
    menu = MENUS[key[0]]
    row = base.row(key) or {}
    said = _said(menu, row, bare=True)
    if menu.register:
        entry = f"list={REGISTER} address={word(row['prefix'])} comment={word(mark_of(key[1]))}"
        return [*_without(key), f"{menu.register} add {entry}", f"{key[0]} add {said}"]
    return [*_without(key), f"{key[0]} add {said} comment={word(MARK + key[1])}"]


def _as_it_was(base: Standing, key: Key) -> str:
    return f"{key[0]} set {_find(key)} {_said(MENUS[key[0]], base.row(key) or {}, bare=False)}"


def _said(menu: Menu, row: Mapping[str, str], *, bare: bool) -> str:
    """All fields of a row. `bare`: of a new row, in which nothing has to be taken away."""
    found = []
    for name, field in menu.fields.items():
        value = row.get(name, "") or ("" if bare or field.removable else field.default)
        if value:
            found.append(f"{name}={word(value)}")
        elif field.removable and not bare:
            found.append(f"!{name}")
    return " ".join(found)


def _settings(base: Standing, touched: Iterable[Key]) -> Iterable[str]:
    """The values of the menus without rows, whoever set them."""
    for path in sorted({path for path, _ in touched if MENUS[path].single}):
        yield f"{path} set {_said(MENUS[path], base.rows[path][0], bare=True)}"


def _places(base: Standing, rules: Iterable[Key]) -> Iterable[str]:
    """Rules that were moved, or made again at the end, go to the head of their chain, the last first."""
    chains = {(key[0], (base.row(key) or {}).get("chain", "")) for key in rules}
    for path, chain in sorted(chains):
        ours = [key for key in base.ids if key[0] == path and (base.row(key) or {}).get("chain") == chain]
        for key in sorted(ours, reverse=True):
            yield f"{path} move {_find(key)} destination=[:pick [{path} find chain={word(chain)} dynamic=no] 0]"
