"""One router with IOS-XE: what it holds, and how lines are typed, confirmed and taken back."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from threading import RLock, Timer
from typing import Final

from ispctl.backend import Outcome, Unreachable
from ispctl.plan import Change, Key
from ispctl.platforms import terminal
from ispctl.platforms.device import Facts, Login, Seen, without
from ispctl.platforms.ios_xe._pools import Lines, given_up
from ispctl.platforms.ios_xe.nas import LANGUAGE
from ispctl.platforms.sections import Running, Wanted, commands, lines_of, objection, ordered, running, typed

_PROMPT: Final = r"\n{name}\S*[>#] ?$"
_SURE: Final = r"\[confirm\] ?$"
_REFUSED: Final = re.compile(
    r"^\s*(?:%(?!\s*(?:Warning|Note|Info)\b|[A-Z0-9_]+-\d-)|ERROR|Command rejected)", re.IGNORECASE
)
_BANNER: Final = re.compile(r"^banner \S+ (\^C).*?\^C", re.MULTILINE | re.DOTALL)
_KEY: Final = re.compile(r"key \d .*?(?=:|$)")
_LONG: Final = 180.0
"""Seconds that a whole configuration may take to be shown, stored or replaced."""
_refusal: Final = partial(terminal.refusal, _REFUSED)


@contextmanager
def connected(login: Login) -> Iterator[_Session]:
    """A session; what was not confirmed when it ends is taken back: by the router, or before it ends."""
    with terminal.connected(login, "cisco_xe", _PROMPT, 22) as line, closing(_Session(line, login)) as session:
        yield session


class _Theirs(Unreachable):
    """What waits there is nothing of ours."""


class _Session:
    def __init__(self, line: terminal.Terminal, login: Login) -> None:
        self._line, self._target, self._user = line, f"nas:{login.host}", login.username
        self._lock = RLock()
        self._before: Running | None = None
        self._timer: Timer | None = None
        self._pending = False

    def read(self) -> Seen:
        with self._lock:
            return self._look().seen(LANGUAGE)

    def apply(self, changes: Sequence[Change], secrets: Mapping[Key, str], confirm: int) -> Iterator[Outcome]:
        with self._lock:
            yield from self._apply(ordered(LANGUAGE, changes), secrets, confirm) if changes else ()

    def _apply(self, changes: Sequence[Change], secrets: Mapping[Key, str], confirm: int) -> list[Outcome]:
        before = self._look()
        used = self._used() if any(one.key[0] == "policy-map" and one.after is None for one in changes) else {}
        reason = self._begin(confirm)
        if reason:
            return [Outcome(change, reason, "E812") for change in changes]
        self._before = self._before or before
        marks = set(before.marks)
        left, errors = self._make_room(changes, marks)
        found = []
        for change in changes:
            error = errors.get(change.key, "") or objection(LANGUAGE, change, before)
            error = error or (used.get(change.key[1], "") if change.after is None else "")
            had = left.get(change.key, lines_of(change.before))
            error = error or self._change(change, had, secrets.get(change.key, ""), marks)
            found.append(Outcome(change, error, "E812" if error else ""))
        self._line.ask("end")
        return found

    def confirm(self) -> None:
        with self._lock:
            self._still()
            if self._pending or self._waits():
                self._ask("configure confirm", _LONG)
            self._pending, self._before = False, None
            self._ask("write memory", _LONG)

    def revert(self) -> None:
        with self._lock:
            self._still()
            if self._pending:
                self._ask("configure revert now", _LONG)
            elif self._before:
                self._restore(self._before)
            self._pending, self._before = False, None

    def close(self) -> None:
        with suppress(Unreachable), self._lock:
            if self._before and not self._pending:
                self.revert()
            self._still()

    def sessions(self) -> int | None:
        for command, pattern in (
            ("show subscriber statistics", r"sessions currently up: *(\d+)"),
            ("show pppoe summary", r"^TOTAL +(\d+)"),
        ):
            with self._lock:
                found = re.search(pattern, self._line.ask(command), re.MULTILINE)
            if found:
                return int(found[1])
        return None

    def facts(self) -> Facts:
        with self._lock:
            text = self._line.ask("show version")
        version = re.search(r"Version ([^\s,]+)", text)
        model = re.search(r"^[Cc]isco (\S+) .*processor", text, re.MULTILINE)
        since = re.search(r"uptime is (.+)", text)
        return Facts(
            "Cisco",
            model[1] if model else "",
            version[1] if version else "",
            terminal.seconds(since[1]) if since else None,
        )

    def _look(self) -> Running:
        text = self._line.ask("show running-config", patience=_LONG)
        if not re.search(r"^end\s*\Z", text, re.MULTILINE):
            raise Unreachable(self._target, "it does not show all of its configuration: is the login privileged (15)?")
        return running(LANGUAGE, _BANNER.sub("", text))

    def _used(self) -> Mapping[str, str]:
        """Why a policy has to stay: what sessions run."""
        text = self._line.ask("show policy-map session | include ervice-policy")
        if _refusal(text):
            raise Unreachable(self._target, f"it does not tell which policies are in use: {_refusal(text)}")
        names = re.findall(r"[Ss]ervice-policy (?:input|output): (\S+)", text)
        return {name: f"{names.count(name)} sessions run it: it stays until they have ended" for name in set(names)}

    def _begin(self, confirm: int) -> str:
        """Enter configuration mode, with a way back of the router's own where its archive is configured. A way back
        that a run of ours left behind is given up, since what stands there now is what the plan was made of. Returns
        why not."""
        line, minutes = "configure terminal", min(120, math.ceil(confirm / 60))
        if not re.search("not enabled|Invalid input", self._line.ask("show archive"), re.IGNORECASE):
            try:
                if self._waits():
                    self._ask("configure confirm", _LONG)
            except _Theirs as theirs:
                return theirs.text
            line += f" revert timer {minutes}"
            self._pending = True
        words = _refusal(self._line.ask(line, patience=_LONG))
        if words or "(config" not in self._line.prompt:
            self._pending = False
            return words or "it does not let itself be configured"
        if not self._pending:
            self._timer = Timer(confirm, self._late)
            self._timer.daemon = True
            self._timer.start()
        return ""

    def _waits(self) -> bool:
        """Whether a run of ours left something behind that waits for its confirmation. Raises _Theirs."""
        said = self._line.ask("show archive config rollback timer")
        if not re.search(r"Timer value", said):
            return False
        if not re.search(rf"User\S*: *{re.escape(self._user)}\s", said + "\n"):
            raise _Theirs(self._target, "the change of somebody else waits there for its confirmation")
        return True

    def _late(self) -> None:
        with suppress(Unreachable):
            self.revert()

    def _still(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None

    def _make_room(self, changes: Sequence[Change], marks: set[str]) -> tuple[Mapping[Key, Lines], dict[Key, str]]:
        """Take from pools what others are about to get. Returns what is left of each, and the router's words."""
        left, said = given_up(changes), {}
        for change in (change for change in changes if change.key in left):
            lines = left[change.key]
            mine = marks if lines or change.after is None else set[str]()  # what is empty for a moment keeps its mark
            said[change.key] = self._type(change.key, lines_of(change.before), Wanted(tuple(lines)), mine)
        return left, {key: words for key, words in said.items() if words}

    def _change(self, change: Change, before: Lines, clear: str, marks: set[str]) -> str:
        """Type a change; what it half did is undone. `before`: what is there. Returns the router's words."""
        try:
            after = typed(LANGUAGE, change, clear)
        except ValueError as error:
            return str(error)
        words = self._type(change.key, before, after, marks)
        if words and not before and change.before is None:
            self._type(change.key, after.lines, Wanted(()), marks)
        return without(words, [clear])

    def _type(self, key: Key, before: Lines, after: Wanted, marks: set[str]) -> str:
        mark = (LANGUAGE.kind(key).mark or "").format(name=key[1])
        lines = commands(LANGUAGE, key, before, after, mark in marks)
        for line in lines:
            if not line.startswith(" "):
                self._top()
            words = _refusal(self._line.ask(line.strip()))
            if words:
                return f"{line.strip()}: {words}"
        if mark and after.lines:
            marks.add(mark)
        elif mark in marks:
            marks.discard(mark)
            if not marks:
                self._top()
                self._line.ask(f"no {LANGUAGE.marks[0]}")
        return ""

    def _top(self) -> None:
        for _ in range(6):
            if self._line.prompt.rstrip().endswith("(config)#"):
                return
            self._line.ask("exit")
        raise Unreachable(self._target, "it left configuration mode")

    def _restore(self, before: Running) -> None:
        """Type what stood there before, secrets as they were shown."""
        now = self._look()
        seen = {True: now.seen(LANGUAGE), False: before.seen(LANGUAGE)}
        keys = {key for key in {*now.ours, *before.ours} if now.ours.get(key) != before.ours.get(key)}
        changes = [
            Change(self._target, key, seen[True].resources.get(key), seen[False].resources.get(key)) for key in keys
        ]
        self._ask("configure terminal")
        marks = set(now.marks)
        left, words_of = self._make_room(changes, marks)
        errors = [*words_of.values()]
        for change in ordered(LANGUAGE, changes):
            key = change.key
            after = Wanted(lines_of(change.after), seen[False].secrets.get(key))
            errors.append(self._type(key, left.get(key, lines_of(change.before)), after, marks))
        self._line.ask("end")
        words = next(filter(None, errors), "")
        if words:
            raise Unreachable(self._target, f"it was not taken back: {_KEY.sub('key …', words)}")

    def _ask(self, line: str, patience: float = 0) -> None:
        said = self._line.ask(line, until=_SURE, patience=patience)
        if re.search(_SURE, self._line.prompt):
            said += "\n" + self._line.ask("", patience=patience)
        words = _refusal(said)
        if words:
            raise Unreachable(self._target, f"{line}: {words}")
