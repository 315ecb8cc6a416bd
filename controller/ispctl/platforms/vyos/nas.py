"""VyOS as NAS: candidate, commit-confirm and save over its command line (VyOS 1.5; 1.4 has no `subnet-id`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from ispctl.backend import Outcome
from ispctl.plan import Change, Fields, Key, Resources
from ispctl.platforms.device import SECRET, Facts, Login, NasPlatform, Seen, Session, without
from ispctl.platforms.statements import Line
from ispctl.platforms.vyos import _lines
from ispctl.platforms.vyos._shell import Refused, Shell

REFUSED: Final = "E812"


class Vyos(NasPlatform):
    """An accel-ppp that VyOS configures. What is changed below `service pppoe-server` restarts it and ends all
    sessions (vyos-1x, `service_pppoe-server.py`)."""

    name = "vyos"
    libraries = ("paramiko", "netmiko")
    templates = ("pppoe.j2", "dhcp.j2", "wall.j2")
    one_trial = True

    def quote(self, value: object) -> str:
        return _lines.quote(value)

    def parse(self, text: str) -> Resources:
        lines = _lines.lines_of(text)
        marks = _lines.Marks.of(lines)
        for number, line in enumerate(lines, 1):
            if marks.owner(line) is None:
                raise ValueError(f"set line {number} is of nothing that ispctl owns: set {' '.join(line)[:60]}")
        found, secrets = _lines.resources(lines)
        return {key: {**fields, SECRET: secrets[key]} if key in secrets else fields for key, fields in found.items()}

    @contextmanager
    def open(self, login: Login) -> Iterator[Session]:
        with Shell.open(login) as shell:
            yield _Session(shell)

    def disrupts(self, change: Change) -> bool:
        return change.key[0] in {"server", "radius", "port", "pool", "pool6"}


class _Session:
    """One VyOS. `before` is all that stood there before the last apply."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.before: list[Line] | None = None
        self.pending = False

    def read(self) -> Seen:
        with self._trusted():
            found, secrets = _lines.resources(self._running())
        return Seen(found, secrets)

    def apply(self, changes: Sequence[Change], secrets: Mapping[Key, str], confirm: int) -> Iterator[Outcome]:
        if not changes:
            return
        shown = set(secrets.values())
        try:
            have = self._running()
            want, wrong = _target(have, changes, secrets)
            if not wrong:
                self.before = have
                shown |= set(_lines.resources(have)[1].values())
                self._commit(have, want, -(-max(confirm, 1) // 60))
        except Refused as refused:
            wrong = {changes[0].key: without(str(refused), shown)}
        for change in changes:
            error = wrong.get(change.key, "nothing was done, since another change was refused" if wrong else "")
            yield Outcome(change, error, REFUSED if error else "")

    def confirm(self) -> None:
        if not self.pending and not self._left_by_us():
            return
        with self._trusted(), self.shell.configuring():
            if "No confirm pending" in self.shell.run("confirm") and self.pending:
                raise self.shell.lost("it went back by itself before it was told that all is well")
            self.pending = False
            self.shell.save()

    def _left_by_us(self) -> bool:
        """Whether a commit that waits may be one of an earlier apply. All is saved before ours begins, so that what
        runs differs from that by our lines alone; a commit that somebody else tries differs by his. Raises Unreachable
        where it is both."""
        with self._trusted():
            running = self._running()
            with self.shell.configuring():
                self.shell.load()
                saved = self._lines(self.shell.run("show | commands"))
        marks = _lines.Marks.of(running), _lines.Marks.of(saved)
        differ = set(running) ^ set(saved)
        others = {line for line in differ if not any(one.owner(line) for one in marks)}
        if others and others != differ:
            text = "what was made there is not saved, and others changed it too since it was saved"
            raise self.shell.lost(f"{text}: confirm or save it there")
        return not others

    def revert(self) -> None:
        if self.before is None or not self.pending:
            return  # nothing of ours was committed, and what others did meanwhile is theirs
        with self._trusted(), self.shell.configuring():
            typed = _lines.commands(self._running(inside=True), self.before)
            if typed:
                self.shell.type(typed)
                self.shell.commit()
            self.shell.run("confirm")
            self.shell.save()
        self.pending, self.before = False, None

    def sessions(self) -> int | None:
        """Those of the PPPoE server; its table has a rule of dashes below its head."""
        with self._trusted():
            rows = self.shell.run("show pppoe-server sessions").splitlines()
        rule = next((number for number, row in enumerate(rows) if set(row.strip()) == {"-", "+"}), None)
        if rule is None:
            return 0 if any("not configured" in row or "not running" in row for row in rows) else None
        return sum("|" in row for row in rows[rule + 1 :])

    def facts(self) -> Facts:
        with self._trusted():
            shown = self.shell.run("show version")
        said = dict(re.findall(r"^([A-Z][\w ]+?):\s+(.+?)\s*$", shown, re.MULTILINE))
        return Facts("VyOS", said.get("Hardware model", ""), said.get("Version", "").removeprefix("VyOS "))

    @contextmanager
    def _trusted(self) -> Iterator[None]:
        """Where it refuses what it should not, that is no answer to go on with."""
        known = set(_lines.resources(self.before or [])[1].values())
        try:
            yield
        except Refused as refused:
            raise self.shell.lost(without(str(refused), known)) from None

    def _running(self, inside: bool = False) -> list[Line]:
        text = self.shell.run(("run " if inside else "") + "show configuration commands")
        return self._lines(text)

    def _lines(self, text: str) -> list[Line]:
        try:
            return _lines.lines_of("\n".join(line for line in text.splitlines() if line.strip() not in {"", "[edit]"}))
        except ValueError as error:
            raise self.shell.lost(f"its configuration cannot be read: {str(error).partition(' is no')[0]}") from None

    def _commit(self, have: list[Line], want: list[Line], minutes: int) -> None:
        """Type, look at the candidate, commit. Raises Refused; then nothing is as it was not before."""
        typed = _typed(have, want)
        with self.shell.configuring():
            self.shell.type(typed)
            if set(self._lines(self.shell.run("show | commands"))) != set(want):
                raise Refused("its candidate is not what was typed: did somebody else commit? plan again")
            if typed:  # else all stands already, and there is nothing that would wait
                self.shell.commit_confirm(minutes)
                self.pending = True


def _typed(have: list[Line], want: list[Line]) -> list[str]:
    try:
        return _lines.commands(have, want)
    except ValueError as error:
        raise Refused(str(error)) from None


def _target(
    have: list[Line], changes: Sequence[Change], secrets: Mapping[Key, str]
) -> tuple[list[Line], dict[Key, str]]:
    """All lines that shall stand, and what is in the way of it."""
    marks = _lines.Marks.of(have)
    mine: dict[Key, list[Line]] = {}
    others: list[Line] = []
    for line in have:
        key = marks.owner(line)
        others.append(line) if key is None else mine.setdefault(key, []).append(line)
    seen, _ = _lines.resources(have)
    wrong: dict[Key, str] = {}
    for change in changes:
        if _open(seen.get(change.key)) != _open(change.before):
            wrong[change.key] = "it is not as it was when this was planned: plan again"
        old = mine.pop(change.key, [])
        if change.after is None:
            mine[change.key] = list(_lines.left(change.key, old, others))
            continue
        new = list(_lines.lines_for(change.key, change.after, secrets.get(change.key, "")))
        in_the_way = _lines.clash(new, others)
        if in_the_way:
            wrong[change.key] = f"this is there and is not ours: {' '.join(_lines.hidden(in_the_way))}"
        mine[change.key] = new
    return sorted({*others, *(line for lines in mine.values() for line in lines)}), wrong


def _open(fields: Fields | None) -> Fields | None:
    return None if fields is None else {**fields, SECRET: ""} if SECRET in fields else fields


NAS = Vyos()
