"""MikroTik RouterOS 7 as NAS: rows of menus by the API over TLS.

Ours is what bears a comment `ispctl:…`. A pool of IPv6 has none and is named by an entry of an address list. The values
of `/radius incoming`, `/ppp aaa` and `/ip dhcp-server config` are ours as long as a RADIUS server of ours stands there.
RouterOS takes nothing back by itself but by a boot, so a script of ours waits on the router until `confirm`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Final

from ispctl.backend import Outcome, Unreachable
from ispctl.plan import Change, Key, Resources, diff
from ispctl.platforms.device import MARK, SECRET, Facts, Login, NasPlatform, Seen, Session
from ispctl.platforms.routeros._api import Api, Refused, connected
from ispctl.platforms.routeros._menus import LOOSE, MENUS, Menu, seconds
from ispctl.platforms.routeros._rows import REGISTER, Standing, read
from ispctl.platforms.routeros._text import parse, quote
from ispctl.platforms.routeros._undo import NAME, mark_of, order_of, scripts

_OWN_CHAINS_FIRST: Final = {"forward", "input", "output", "dstnat", "srcnat"}
_PPPOE: Final = "/interface pppoe-server server"


class RouterOsNas(NasPlatform):
    """By the API; each change for itself, in an order that is safe."""

    name = "routeros"
    libraries = ("librouteros",)
    templates = ("pools.j2", "wall.j2", "bindings.j2", "radius.j2", "access.j2")
    port = 8729

    def quote(self, value: object) -> str:
        return quote(value)

    def parse(self, text: str) -> Resources:
        return dict(parse(text))

    @contextmanager
    def open(self, login: Login) -> Iterator[Session]:
        with connected(login) as api:
            yield RouterOsSession(login.host, api)

    def disrupts(self, change: Change) -> bool:
        """A PPPoE server that is changed or removed ends the sessions on its interface."""
        return change.key[0] == _PPPOE and change.action != "create"


class RouterOsSession:
    """One router, connected; see `device.Session`."""

    def __init__(self, host: str, api: Api) -> None:
        self._host = host
        self._api = api
        self._base: Standing | None = None  # what stood there before the first apply that nobody has confirmed
        self._touched: dict[Key, Change] = {}

    def read(self) -> Seen:
        return read(self._api).seen

    def apply(self, changes: Sequence[Change], secrets: Mapping[Key, str], confirm: int) -> Iterator[Outcome]:
        standing = read(self._api)
        if self._base is None:
            self._base = deepcopy(standing)
        self._touched |= {change.key: change for change in changes}
        self._forget()
        if changes and confirm > 0:
            self._promise(self._base, confirm)
        yield from _Writing(self._api, standing, changes, secrets).outcomes()

    def confirm(self) -> None:
        self._forget()
        self._base = None
        self._touched = {}

    def revert(self) -> None:
        if self._base is None:
            return
        base, standing = self._base, read(self._api)
        changes = diff(f"nas:{self._host}", dict(base.seen.resources), _beside(standing.seen, base.seen.secrets))
        outcomes = list(_Writing(self._api, standing, changes, base.seen.secrets).outcomes())
        for menu in MENUS.values():
            if menu.single:
                self._set_back(menu, base)
        self.confirm()
        if errors := [outcome.error for outcome in outcomes if outcome.error]:
            raise Unreachable(f"nas:{self._host}", f"not all could be taken back: {errors[0]}")

    def sessions(self) -> int | None:
        dialled = self._api.count("/ppp/active/print")
        return dialled + self._api.count("/ip/dhcp-server/lease/print", "?=status=bound")

    def facts(self) -> Facts:
        said = self._api.rows("/system/resource/print")[0]
        return Facts("MikroTik", said.get("board-name", ""), said.get("version", ""), seconds(said.get("uptime", "0s")))

    def _set_back(self, menu: Menu, base: Standing) -> None:
        was, now = base.rows[menu.path][0], self._api.rows(f"{menu.command}/print")[0]
        if other := {name: was[name] for name in menu.fields if name in was and was[name] != now.get(name)}:
            self._api.set(menu.command, other)

    def _promise(self, base: Standing, patience: int) -> None:
        waiting = scripts(base, self._touched)
        for name, source in waiting.items():
            self._api.add("/system/script", {"name": name, "source": source, "dont-require-permissions": "yes"})
        event = "; ".join(f'/system script run "{name}"' for name in waiting)
        self._api.add("/system/scheduler", {"name": NAME, "interval": f"{patience}s", "on-event": event})

    def _forget(self) -> None:
        """Take away what waits for a confirmation, also that of a run that died; first what would start it."""
        for menu in ("/system/scheduler", "/system/script"):
            for row in self._api.rows(f"{menu}/print", "=.proplist=.id,name"):
                if row.get("name", "").startswith(NAME):
                    self._api.remove(menu, row[".id"])


def _beside(seen: Seen, secrets: Mapping[Key, str]) -> Resources:
    """What stands there, its secrets compared with others: "" where they are the same."""
    return {
        key: {**fields, SECRET: "" if seen.secrets[key] == secrets.get(key) else "other"}
        if SECRET in fields
        else fields
        for key, fields in seen.resources.items()
    }


class _Writing:
    """Some changes on their way to the device."""

    def __init__(self, api: Api, standing: Standing, changes: Sequence[Change], secrets: Mapping[Key, str]) -> None:
        self._api = api
        self._standing = standing
        self._secrets = secrets
        makes = [change for change in changes if change.after is not None]
        removes = [change for change in changes if change.after is None]
        self._changes = [*sorted(makes, key=_order), *sorted(removes, key=_order, reverse=True)]
        gone = {change.key for change in removes}
        servers = {key for key in (*standing.ids, *(change.key for change in makes)) if key[0] == "/radius"}
        self._leaves = bool(servers) and servers <= gone

    def outcomes(self) -> Iterator[Outcome]:
        """What is refused is tried once more at the end: it may want what a row held that had to go first, or two want
        what the other has."""
        self._tidy()
        refused = []
        for change in self._changes:
            if self._error(change):
                refused.append(change)
            else:
                yield Outcome(change)
        self._let_go(refused)
        for change in refused:
            error = self._error(change)
            yield Outcome(change, error, "E812" if error else "")

    def _let_go(self, refused: Sequence[Change]) -> None:
        """Remove rows of which several want something: each is made anew then, with what another has let go."""
        held = [change for change in refused if change.key[0] in LOOSE and change.key in self._standing.ids]
        for change in held:
            menu = MENUS[change.key[0]]
            if change.after is not None and sum(other.key[0] == menu.path for other in held) > 1:
                self._remove(menu, change.key)

    def _tidy(self) -> None:
        """Take away entries of the register of rows that never came to be: a run died in between, or was refused."""
        for name, mark in list(self._standing.marks.items()):
            menu = next(menu for menu in MENUS.values() if menu.register)
            if (menu.path, name) not in self._standing.ids:
                self._api.remove(MENUS[menu.register].command, mark)
                del self._standing.marks[name]

    def _error(self, change: Change) -> str:
        menu = MENUS[change.key[0]]
        try:
            if menu.single:
                self._settle(menu, change)
            elif change.after is None:
                self._remove(menu, change.key)
            elif change.key in self._standing.ids:
                self._update(menu, change)
            else:
                self._create(menu, change)
        except Refused as refused:
            return self._masked(f"{' '.join(change.key)}: {refused}")
        return ""

    def _masked(self, text: str) -> str:
        for secret in filter(None, self._secrets.values()):
            text = text.replace(secret, "…")
        return text

    def _settle(self, menu: Menu, change: Change) -> None:
        if change.after is None and self._leaves and self._standing.shares_radius():
            return  # others still ask by these values
        after = change.after or {}
        said = {name: str(after.get(name, field.default)) for name, field in menu.fields.items()}
        self._api.set(menu.command, said)

    def _remove(self, menu: Menu, key: Key) -> None:
        if row := self._standing.ids.get(key):
            self._api.remove(menu.command, row)
            self._standing.is_gone(key)
        if mark := self._standing.marks.get(key[1]) if menu.register else None:
            self._api.remove(MENUS[menu.register].command, mark)
            del self._standing.marks[key[1]]

    def _create(self, menu: Menu, change: Change) -> None:
        key, fields = change.key, self._fields(change, {})
        if menu.register:
            self._mark(menu, key[1], fields)
        else:
            fields["comment"] = MARK + key[1]
        before = self._standing.before(key, fields.get("chain", "")) if menu.ordered else ""
        row = self._api.add(menu.command, fields | ({"place-before": before} if before else {}))
        self._standing.stands(key, fields | {".id": row}, before)

    def _mark(self, menu: Menu, name: str, fields: Mapping[str, str]) -> None:
        """Name a row as ours before it is made, unless it is there and somebody else's."""
        if any(row.get("name") == name for row in self._standing.rows[menu.path]):
            raise Refused("a row of this name stands there and is not ours")
        if name not in self._standing.marks:
            entry = {"list": REGISTER, "address": fields["prefix"], "comment": mark_of(name)}
            self._standing.marks[name] = self._api.add(MENUS[menu.register].command, entry)

    def _update(self, menu: Menu, change: Change) -> None:
        key, row = change.key, self._standing.row(change.key) or {}
        fields = self._fields(change, self._standing.seen.resources.get(key, {}))
        if fields:
            self._api.set(menu.command, {".id": row[".id"], **fields})
        merged = {**row, **fields}
        before = self._standing.before(key, merged.get("chain", "")) if menu.ordered else ""
        if before and _is_behind(self._standing.rows[menu.path], row[".id"], before):
            self._api.move(menu.command, row[".id"], before)
            self._standing.stands(key, merged, before)

    def _fields(self, change: Change, now: Mapping[str, object]) -> dict[str, str]:
        """What has to be said so that a row is as it should be, and nothing more."""
        menu, after = MENUS[change.key[0]], change.after or {}
        found = {}
        for name, field in menu.fields.items():
            if name == SECRET:
                if change.before is None or change.before.get(SECRET) != after.get(SECRET):
                    found[name] = self._secrets[change.key]
            elif name in after and after[name] != now.get(name):
                found[name] = str(after[name])
            elif name in now and name not in after:
                found[f"!{name}" if field.removable else name] = "" if field.removable else field.default
        return found


def _is_behind(rows: Iterable[Mapping[str, str]], row: str, other: str) -> bool:
    ids = [one[".id"] for one in rows]
    return ids.index(row) > ids.index(other)


def _order(change: Change) -> tuple[int, bool, str]:
    """What is referenced first; in a menu of rules, the chains of ours before the jumps to them."""
    place, name = order_of(change.key)
    said = change.after or change.before or {}
    return place, said.get("chain") in _OWN_CHAINS_FIRST, name


NAS = RouterOsNas()
