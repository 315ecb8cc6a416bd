"""`ispctl drift --adopt`: what somebody did in SQL, said as an edit of YAML, so that git has it from now on.

Each edit is tried: the edited files must validate, and must give the row that stands there. What cannot be said so is
named and left for `--repair`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from ispctl.adopt import values
from ispctl.adopt.dates import expiration
from ispctl.adopt.old import Person, Row
from ispctl.intent import intent_of
from ispctl.model.problem import Problem, Refusal
from ispctl.model.record import Loc
from ispctl.plan import Change, Fields, Value
from ispctl.radius.rendering import render
from ispctl.repo import Snapshot, snapshot_of
from ispctl.repo.checks import check
from ispctl.repo.edit import Value as Written
from ispctl.repo.edit import drop, put
from ispctl.repo.snapshot import Holding
from ispctl.structs import Struct, field

_PASSWORD: Final = "Cleartext-Password"  # noqa: S105  the name of an attribute


class Edit(NamedTuple):
    """A field of the service and what it becomes; None takes it away."""

    field: Loc
    value: Written | None


class Said(Struct):
    """One login: which fields of which service are edited, and what of the hand edit has no words."""

    key: tuple[str, str]
    owner: str
    path: str = ""
    edited: tuple[str, ...] = ()
    unsaid: tuple[tuple[str, str], ...] = ()
    """(field or attribute, why)"""


class HandEdits(Struct):
    """All of it: what was said, and the changed files by path."""

    said: tuple[Said, ...]
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


class Source(NamedTuple):
    """The files to edit, and what they say."""

    snapshot: Snapshot
    contents: Mapping[str, bytes]


def hand_edits(
    source: Source,
    changes: Sequence[Change],
    person: Callable[[str], Person],
    seal: Callable[[str, str], str],
    now: datetime,
) -> HandEdits:
    """The edits that say what stands in the database. `changes` are those of a drift (before: what stands there);
    `seal` takes (owner, clear text). Raises Refusal for files that are broken already."""
    broken = _errors(source.snapshot, now)
    if broken:
        raise Refusal(*broken)
    tries = [_Saying(source, change, person, seal, now).tried() for change in changes]
    while True:
        files = _files(source, tries)
        refused = _refused(snapshot_of({**source.contents, **files}), tries, now)
        if not refused:
            return HandEdits(tuple(one.said for one in tries), files)
        for one, why in refused:
            one.give_up(why)


@dataclasses.dataclass
class _Try:
    """One key with the edits that are to say it."""

    change: Change
    held: Holding | None = None
    edits: tuple[Edit, ...] = ()
    unsaid: tuple[tuple[str, str], ...] = ()

    def give_up(self, why: str) -> None:
        self.edits, self.unsaid = (), (*self.unsaid, ("edit", why))

    @property
    def said(self) -> Said:
        names = tuple(".".join(map(str, edit.field)) for edit in self.edits)
        path = self.held.document.path if self.held else ""
        return Said(self.change.key, self.change.owner, path, names, self.unsaid)


def _files(source: Source, tries: Sequence[_Try]) -> dict[str, bytes]:
    """The files with all edits that are still tried."""
    files: dict[str, bytes] = {}
    for one in tries:
        if one.held is None:
            continue
        path = one.held.document.path
        data = files.get(path, source.contents[path])
        try:
            for edit in one.edits:
                loc = ("services", one.held.number, *edit.field)
                data = drop(data, path, loc) if edit.value is None else put(data, path, loc, edit.value)
        except Refusal as refusal:
            one.give_up(refusal.problems[0].text)
            continue
        if one.edits:
            files[path] = data
    return files


def _refused(edited: Snapshot, tries: Sequence[_Try], now: datetime) -> list[tuple[_Try, str]]:
    """What the rules refuse, or what would not give the row that stands there."""
    errors = _errors(edited, now)
    if errors:
        trying = [one for one in tries if one.edits]
        blamed = [(one, _why(error)) for one in trying if (error := _about(one, errors))]
        return blamed or [(one, _why(errors[0])) for one in trying]
    wanted = render(intent_of(edited, now))
    found = ((one, _missed(one, wanted.get(one.change.key, {}))) for one in tries if one.edits)
    return [
        (one, f"the edit would not give the {', '.join(missed)} that stands there") for one, missed in found if missed
    ]


def _about(one: _Try, errors: Sequence[Problem]) -> Problem | None:
    """The error that stands in the file of an edit, or names it: of two who have one address, either may be told."""
    path = one.held.document.path if one.held else ""
    return next((error for error in errors if path in str(error)), None)


def _why(error: Problem) -> str:
    return f"{error.code} {error.slug}: the file would not be sound with it"


def _missed(one: _Try, now: Fields) -> list[str]:
    """Fields that would still differ, of those that the edits are about. Who is suspended has no reply to compare."""
    have = one.change.before or {}
    edited = {edit.field[0] for edit in one.edits}
    if one.unsaid or edited & {"suspended", "paid_until"}:
        return []
    about = [name for name, fields in _FIELD_OF.items() if fields & edited and have.get(name) != now.get(name)]
    return about if "check" not in have else []


class _Saying:
    """One key; lives as long as it takes to say it."""

    def __init__(
        self,
        source: Source,
        change: Change,
        person: Callable[[str], Person],
        seal: Callable[[str, str], str],
        now: datetime,
    ) -> None:
        self.source, self.change, self.person, self.seal, self.now = source, change, person, seal, now
        self.zone = ZoneInfo(source.snapshot.policy.value.timezone)
        self.unsaid: list[tuple[str, str]] = []

    def tried(self) -> _Try:
        kind, login = self.change.key
        have, want = self.change.before, self.change.after
        held = self.source.snapshot.find(self.change.owner) if kind == "login" else ()
        if kind != "login" or have is None or want is None or len(held) != 1:
            text = "only what a login of git has can be said in a service" if have else "its rows are gone"
            return _Try(self.change, unsaid=((kind, text),))
        edits = tuple(self._edits(held[0], have, want, self.person(login)))
        return _Try(self.change, held[0], edits, tuple(self.unsaid))

    # what stands there, in the words of a service

    def _edits(self, held: Holding, have: Fields, want: Fields, person: Person) -> Iterator[Edit]:
        for name in sorted(one for one in have.keys() | want.keys() if have.get(one) != want.get(one)):
            before = len(self.unsaid)
            edits = [*self._field(name, held, have, want, person)]
            if not edits and len(self.unsaid) == before:  # it differs, and means what the file says
                self.unsaid.append((name, "it is written in a way for which a file has no words"))
            yield from edits

    def _field(self, name: str, held: Holding, have: Fields, want: Fields, person: Person) -> Iterator[Edit]:
        match name:
            case "password":
                yield from self._password(held, person)
            case "group":
                yield from self._group(str(have["group"]))
            case "reply":
                yield from self._reply(held, have["reply"])
            case "check":
                yield from self._check(held, person)
            case "macs":
                yield from self._macs(held, have["macs"], str(want["mac_mode"]))
            case _:
                self.unsaid.append((name, "what only the database has cannot be said in a file"))

    def _password(self, held: Holding, person: Person) -> Iterator[Edit]:
        rows = [row for row in person.check if (row.attribute, row.op) == (_PASSWORD, ":=")]
        clear = values.literal(rows[0].value) if len(rows) == 1 else None
        if clear is None:
            self.unsaid.append(("password", "there is no password, or several, or one that is not taken literally"))
            return
        try:
            yield Edit(("password",), self.seal(held.owner, clear))
            if held.service.old_passwords:  # what stands there holds now, and nothing that was to be replaced
                yield Edit(("old_passwords",), None)
        except Refusal:
            self.unsaid.append(("password", "the password that stands there could never work"))

    def _group(self, group: str) -> Iterator[Edit]:
        name = group.removeprefix("isp:")
        if group.startswith("isp:") and self.source.snapshot.tariff(name):
            yield Edit(("tariff",), name)
        else:
            self.unsaid.append(("group", "the group is not that of a tariff of git, or there are several"))

    def _reply(self, held: Holding, rows: Value) -> Iterator[Edit]:
        found: dict[str, str] = {}
        routes: list[str] = []
        for attribute, op, text in _rows(rows):
            part, value = values.address(Row("radreply", 0, attribute, op, text)) or ("", None)
            if value is None:
                self.unsaid.append((attribute, "a service has no such value; rates belong to a tariff"))
            elif part == "routes":
                routes.append(value)
            else:
                found[part] = value
        service = held.service
        yield from _address(("ipv4",), found.get("ipv4", ""), service.ipv4)
        wan, delegated = (service.ipv6.wan, service.ipv6.delegated) if service.ipv6 else (None, None)
        yield from _address(("ipv6", "wan"), found.get("ipv6", ""), wan)
        yield from _address(("ipv6", "delegated"), found.get("delegated", ""), delegated)
        if sorted(routes) != sorted(map(str, service.routes)):
            yield Edit(("routes",), list(routes) or None)

    def _check(self, held: Holding, person: Person) -> Iterator[Edit]:
        macs: list[str] = []
        for row in person.check:
            if (row.attribute, row.op) == (_PASSWORD, ":="):
                continue
            end = expiration(row.value, self.zone) if row.attribute == "Expiration" else None
            if end is not None:
                yield Edit(("paid_until",), str(end.paid_until).replace(" ", "T"))
            elif row.attribute == "Auth-Type" and row.value.casefold() == "reject":
                today = self.now.astimezone(self.zone).date()
                reason = "turned away by a row that somebody wrote"
                yield Edit(("suspended",), {"since": str(today), "reason": reason})
            elif row.attribute == "Calling-Station-Id" and (found := [*map(values.mac, values.alternatives(row))]):
                macs += [mac for mac in found if mac]
            else:
                self.unsaid.append((row.attribute, "a service has no such rule"))
        if macs:
            yield from self._macs(held, tuple(macs), "fixed")

    def _macs(self, held: Holding, found: Value, mode: str) -> Iterator[Edit]:
        macs = sorted(map(str, found)) if isinstance(found, tuple) else []
        binding = held.service.mac
        known = {device.mac for device in binding.addresses}
        if mode == "off" or not macs:
            self.unsaid.append(("macs", "devices are bound in the mode fixed or learn only"))
            return
        most = max(binding.max, len(macs))
        if "mac" not in held.service.given or binding.mode != mode:
            devices: list[Written] = [{"mac": mac} for mac in macs]
            value: Written = {"mode": mode, "max": most, "on_mismatch": binding.on_mismatch, "addresses": devices}
            yield Edit(("mac",), value)
            return
        if most != binding.max:
            yield Edit(("mac", "max"), most)
        if known <= set(macs):
            for number, mac in enumerate(sorted(set(macs) - known), start=len(known)):
                yield Edit(("mac", "addresses", number), {"mac": mac})
        else:
            kept: list[Written] = [_device(d.mac, d.label) for d in binding.addresses if d.mac in macs]
            yield Edit(("mac", "addresses"), kept + [{"mac": mac} for mac in macs if mac not in known])


_FIELD_OF: Final[Mapping[str, frozenset[str]]] = {
    "group": frozenset({"tariff"}),
    "reply": frozenset({"ipv4", "ipv6", "routes"}),
    "macs": frozenset({"mac"}),
}


def _address(place: Loc, value: str, own: object) -> Iterator[Edit]:
    """What stands there for one part, if the service says otherwise."""
    static, pool = getattr(own, "static", None), getattr(own, "pool", None)
    said = str(static) if static else f"pool:{pool}" if pool else ""
    if value == said:
        return
    if not value:
        yield Edit(place, None)
    elif value.startswith("pool:"):
        yield Edit(place, {"pool": value.removeprefix("pool:")})
    else:
        yield Edit((*place, "static"), value) if static else Edit(place, {"static": value})


def _device(mac: str, label: str | None) -> Written:
    return {"mac": mac, "label": label} if label else {"mac": mac}


def _rows(value: Value) -> Iterator[tuple[str, str, str]]:
    for row in value if isinstance(value, tuple) else ():
        if isinstance(row, tuple) and len(row) == 3:
            yield str(row[0]), str(row[1]), str(row[2])


def _errors(snapshot: Snapshot, now: datetime) -> list[Problem]:
    return [problem for problem in check(snapshot, now) if problem.severity == "error"]
