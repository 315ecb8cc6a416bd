"""What stands on a device, menu by menu: whose each row is, and where a rule has to stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ispctl.plan import Key
from ispctl.platforms.device import MARK, SECRET, Seen
from ispctl.platforms.routeros._api import Api, Row
from ispctl.platforms.routeros._menus import MENUS, Menu, normal
from ispctl.platforms.routeros._text import SINGLE

PLACE: Final = "place"
"""The field of a rule that does not stand where it has to."""
REGISTER: Final = "isp-pools"
"""The address list whose entries name what is ours in a menu without comments."""
_STATIC: Final = ("?=dynamic=true", "?#!")  # also where a menu knows no dynamic rows
_LETS_THROUGH: Final = {"accept", "fasttrack-connection", "jump"}


@dataclass
class Standing:
    """What was read of a device, kept up to date by whoever writes."""

    rows: dict[str, list[Row]] = field(default_factory=dict, repr=False)
    """By menu; without dynamic ones, in their order."""
    ids: dict[Key, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    """The entries of the register, by the name of what is ours."""
    seen: Seen = field(default_factory=lambda: Seen({}))

    @property
    def asks_radius(self) -> bool:
        """Whether a RADIUS server of ours stands there: then the values of its menus are ours too."""
        return any(path == "/radius" for path, _ in self.ids)

    def shares_radius(self) -> bool:
        """Whether there are RADIUS servers of others."""
        return any(not _is_ours(row) for row in self.rows["/radius"])

    def before(self, key: Key, chain: str) -> str:
        """The id of the rule that one has to stand before: the next of ours, or the first that would let pass what ours
        are for; empty where it may stand last."""
        for row in self.rows[key[0]]:
            if row.get("chain") != chain:
                continue
            if _is_ours(row):
                if row.get("comment", "") > MARK + key[1]:
                    return row[".id"]
            elif _lets_through(row):
                return row[".id"]
        return ""

    def stands(self, key: Key, row: Row, before: str = "") -> None:
        """Note a row that was added or moved there."""
        rows = self.rows[key[0]]
        rows[:] = [one for one in rows if one[".id"] != row[".id"]]
        place = next((at for at, one in enumerate(rows) if one[".id"] == before), len(rows))
        rows.insert(place, row)
        self.ids[key] = row[".id"]

    def is_gone(self, key: Key) -> None:
        row = self.ids.pop(key, "")
        self.rows[key[0]] = [one for one in self.rows[key[0]] if one[".id"] != row]

    def row(self, key: Key) -> Row | None:
        """The row of a key that is ours, as the device shows it."""
        wanted = self.ids.get(key)
        return next((row for row in self.rows[key[0]] if row.get(".id") == wanted), None) if wanted else None


def read(api: Api) -> Standing:
    """All menus that we write."""
    found = Standing()
    for menu in MENUS.values():
        found.rows[menu.path] = list(api.rows(f"{menu.command}/print", *(() if menu.single else _STATIC)))
    found.marks = {
        row["comment"].partition(" ")[2]: row[".id"]
        for row in found.rows["/ipv6 firewall address-list"]
        if row.get("list") == REGISTER and _is_ours(row)
    }
    resources: dict[Key, Mapping[str, str]] = {}
    secrets = {}
    for menu in MENUS.values():
        misplaced = dict(_misplaced(found.rows[menu.path])) if menu.ordered else {}
        for key, row in _owned(found, menu):
            fields = normal(menu, row, shown=True)
            if SECRET in menu.fields:
                secrets[key] = row.get(SECRET, "")
                fields[SECRET] = ""
            if why := misplaced.get(row[".id"]):
                fields[PLACE] = why
            resources[key] = fields
            found.ids[key] = row[".id"]
    for menu in MENUS.values():
        if menu.single and found.asks_radius and (fields := normal(menu, found.rows[menu.path][0], shown=True)):
            resources[menu.path, SINGLE] = fields
    found.seen = Seen(resources, secrets)
    return found


def _owned(found: Standing, menu: Menu) -> Iterator[tuple[Key, Row]]:
    """The rows that are ours. One that stands there twice has another name the second time, which nobody wants."""
    known = set()
    for row in found.rows[menu.path]:
        if menu.single:
            continue
        if menu.register:
            name = row.get("name", "") if row.get("name") in found.marks else ""
        else:
            name = row["comment"].removeprefix(MARK) if _is_ours(row) and row.get("list") != REGISTER else ""
        if name:
            key = (menu.path, name if name not in known else f"{name} once more {row['.id']}")
            known.add(name)
            yield key, row


def _is_ours(row: Row) -> bool:
    return row.get("comment", "").startswith(MARK)


def _lets_through(row: Row) -> bool:
    return row.get("disabled") != "true" and row.get("action", "accept") in _LETS_THROUGH


def _misplaced(rules: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """The ids of rules of ours that do not do what they are for where they stand, and why."""
    open_: set[str] = set()
    last: dict[str, str] = {}
    for rule in rules:
        chain = rule.get("chain", "")
        if not _is_ours(rule):
            open_ |= {chain} if _lets_through(rule) else set()
            continue
        if chain in open_:
            yield rule[".id"], "behind a rule of others"
        elif rule["comment"] < last.get(chain, ""):
            yield rule[".id"], "out of order"
        last[chain] = max(last.get(chain, ""), rule["comment"])
