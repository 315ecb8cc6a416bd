"""The configuration of a RouterOS that stands in: rows by menu, checked as RouterOS checks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ispctl.lab.devices._routeros_menus import MENUS, Menu

Row = dict[str, str]
_MARKS: Final = (".id", "dynamic", "place-before")


class Trap(Exception):
    """What RouterOS refuses, in its words."""


class Store:
    """Rows by menu, in their order; each has an `.id` that it keeps. `wrote` is called before each change."""

    def __init__(self, wrote: Callable[[], None]) -> None:
        self._wrote = wrote
        self._last = 0
        self._rows: dict[str, list[Row]] = {
            path: [{name: field.default for name, field in menu.fields.items() if field.default is not None}]
            if menu.single
            else []
            for path, menu in MENUS.items()
        }

    def rows(self, path: str) -> list[Row]:
        """Of a menu, as it shows them."""
        if path not in MENUS:
            raise Trap("no such command prefix")
        return [dict(row) for row in self._rows[path]]

    def add(self, path: str, said: Mapping[str, str], *, dynamic: bool = False) -> str:
        """A new row; its id. `place-before` is the id of the row that it stands before."""
        menu = self._menu(path)
        shown = self._checked(menu, said)
        for name, field in menu.fields.items():
            if field.needed and name not in shown:
                raise Trap(f"missing value(s) of argument(s) {name}")
        row = {name: field.default for name, field in menu.fields.items() if field.default is not None} | shown
        self._refuse_twins(path, menu, row)
        place = self._place(path, said["place-before"]) if "place-before" in said else len(self._rows[path])
        self._wrote()
        self._last += 1
        row = {".id": f"*{self._last:X}", **row}
        if not menu.single:
            row["dynamic"] = "true" if dynamic else "false"
        self._rows[path].insert(place, row)
        return row[".id"]

    def set(self, path: str, ids: list[str], said: Mapping[str, str]) -> None:
        """`!name` takes a value away."""
        menu = MENUS.get(path) or self._menu(path)
        gone = [name.removeprefix("!") for name in said if name.startswith("!")]
        shown = self._checked(menu, {name: value for name, value in said.items() if not name.startswith("!")})
        for row in self._rows[path] if menu.single else [self._row(path, one) for one in ids]:
            self._refuse_dynamic(row, "change")
            self._refuse_twins(path, menu, row | shown)
            self._wrote()
            row.update(shown)
            for name in gone:
                if name not in menu.fields:
                    raise Trap(f"unknown parameter {name}")
                row.pop(name, None)

    def remove(self, path: str, ids: list[str]) -> None:
        self._menu(path)
        for one in ids:
            row = self._row(path, one)
            self._refuse_dynamic(row, "remove")
            if "name" in row and (user := self._user(path, row["name"])):
                raise Trap(f"failure: {row['name']} is in use by {user}")
            self._wrote()
            self._rows[path].remove(row)

    def move(self, path: str, ids: list[str], before: str) -> None:
        self._menu(path)
        for one in ids:
            if one == before:
                continue
            row = self._row(path, one)
            self._place(path, before)
            self._wrote()
            self._rows[path].remove(row)
            self._rows[path].insert(self._place(path, before), row)

    def _menu(self, path: str) -> Menu:
        menu = MENUS.get(path)
        if menu is None or menu.single:
            raise Trap("no such command or directory" if menu else "no such command prefix")
        return menu

    def _row(self, path: str, one: str) -> Row:
        found = next((row for row in self._rows[path] if row[".id"] == one), None)
        if found is None:
            raise Trap("no such item")
        return found

    def _place(self, path: str, before: str) -> int:
        return self._rows[path].index(self._row(path, before))

    def _checked(self, menu: Menu, said: Mapping[str, str]) -> Row:
        found = {}
        for name, value in said.items():
            if name in _MARKS:
                continue
            field = menu.fields.get(name)
            if field is None:
                raise Trap(f"unknown parameter {name}")
            if any(row.get("name") == value for path in field.refers for row in self._rows[path]):
                found[name] = value
                continue
            try:
                found[name] = field.check(value)
            except ValueError:
                told = "input does not match any value of" if field.refers else "invalid value for argument"
                raise Trap(f"{told} {name}") from None
        return found

    def _refuse_twins(self, path: str, menu: Menu, row: Row) -> None:
        """A field that is not set is like no other."""
        for other in self._rows[path] if menu.unique else ():
            same = all(row.get(name) == other.get(name) and name in row for name in menu.unique)
            if same and other.get(".id") != row.get(".id") and other.get("dynamic") != "true":
                raise Trap(menu.taken)

    @staticmethod
    def _refuse_dynamic(row: Row, verb: str) -> None:
        if row.get("dynamic") == "true":
            raise Trap(f"failure: can not {verb} dynamic item")

    def _user(self, path: str, name: str) -> str:
        """The menu of a row that names this one."""
        for other, menu in MENUS.items():
            for field, said in menu.fields.items():
                if path in said.refers and any(row.get(field) == name for row in self._rows[other]):
                    return other
        return ""
