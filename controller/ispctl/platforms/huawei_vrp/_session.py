"""One router with VRP: what it holds; how a candidate is typed, tried, kept and given up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Final

from ispctl.backend import Outcome, Unreachable
from ispctl.plan import Change, Key
from ispctl.platforms import terminal
from ispctl.platforms.device import Facts, Login, Seen, without
from ispctl.platforms.huawei_vrp.nas import LANGUAGE
from ispctl.platforms.sections import Running, commands, lines_of, objection, ordered, running, typed

_PROMPT: Final = r"\n[<\[][~*]?{name}[^\n]*[>\]] ?$"
_QUESTION: Final = r"\[Y/N\] ?:? ?$"
_REFUSED: Final = re.compile(r"^\s*Error\b ?:?", re.IGNORECASE)
_LONG: Final = 180.0
"""Seconds that a whole configuration may take to be shown, committed or stored."""
_SHORTEST: Final = 60
"""Seconds that a trial takes at least."""
_refusal: Final = partial(terminal.refusal, _REFUSED)


@contextmanager
def connected(login: Login) -> Iterator[_Session]:
    """A session; what was not confirmed when it ends is given up."""
    with terminal.connected(login, "huawei_vrpv8", _PROMPT, 22) as line, closing(_Session(line, login)) as session:
        yield session


class _Session:
    def __init__(self, line: terminal.Terminal, login: Login) -> None:
        self._line, self._target = line, f"nas:{login.host}"
        self._trial = False

    def read(self) -> Seen:
        return self._look().seen(LANGUAGE)

    def apply(self, changes: Sequence[Change], secrets: Mapping[Key, str], confirm: int) -> Iterator[Outcome]:
        todo = ordered(LANGUAGE, changes)
        if not todo:
            return
        before = self._look()
        wrong = {change.key: words for change in todo if (words := objection(LANGUAGE, change, before))}
        if not wrong:
            self._say("system-view")
            wrong = self._typed(todo, secrets) or self._committed(todo, confirm)
            self._say("return")
        others = next((f"not done, since {' '.join(key)} was refused: {words}" for key, words in wrong.items()), "")
        for change in todo:
            error = wrong.get(change.key, others)
            yield Outcome(change, error, "E812" if error else "")

    def confirm(self) -> None:
        """A trial that another connection began is refused here: it ends with that one, or by its time."""
        self._say("system-view")
        self._must("commit", _LONG)
        self._say("return")
        self._trial = False
        self._must("save", _LONG)

    def revert(self) -> None:
        if self._trial:
            self._say("system-view")
            self._must("abort trial", _LONG)
            self._say("return")
        self._trial = False

    def close(self) -> None:
        with suppress(Unreachable):
            self.revert()

    def sessions(self) -> int | None:
        found = re.search(r"[Tt]otal[^:\n]*: *(\d+)", self._line.ask("display access-user | include otal"))
        return int(found[1]) if found else None

    def facts(self) -> Facts:
        text = self._line.ask("display version")
        version = re.search(r"Version (.+?)\s*$", text, re.MULTILINE)
        model = re.search(r"^HUAWEI (\S+) uptime is (.+)", text, re.MULTILINE)
        return Facts(
            "Huawei",
            model[1] if model else "",
            version[1] if version else "",
            terminal.seconds(model[2]) if model else None,
        )

    def _look(self) -> Running:
        text = self._line.ask("display current-configuration", patience=_LONG)
        if not re.search(r"^return\s*\Z", text, re.MULTILINE):
            raise Unreachable(self._target, "it does not show all of its configuration: is the login of level 15?")
        return running(LANGUAGE, text)

    def _typed(self, changes: Sequence[Change], secrets: Mapping[Key, str]) -> dict[Key, str]:
        """Type the candidate. Returns the router's words for what it refuses, and gives the candidate up then."""
        for change in changes:
            clear = secrets.get(change.key, "")
            try:
                after = typed(LANGUAGE, change, clear)
                words = self._type(commands(LANGUAGE, change.key, lines_of(change.before), after, True))
            except ValueError as error:
                words = str(error)
            if words:
                self._say("clear configuration candidate")
                return {change.key: without(words, [clear])}
        return {}

    def _type(self, lines: Sequence[str]) -> str:
        """Type lines in the views to which their depth says they belong."""
        level = 0
        for line in lines:
            depth = len(line) - len(line.lstrip())
            while level > depth:
                self._say("quit")
                level -= 1
            place = self._line.prompt
            words = _refusal(self._say(line.strip()))
            level = depth + (_view(place) != _view(self._line.prompt))
            if words:
                break
        else:
            words = ""
        for _ in range(level):
            self._say("quit")
        return f"{line.strip()}: {words}" if words else ""

    def _committed(self, changes: Sequence[Change], confirm: int) -> dict[Key, str]:
        """On trial: without a confirmation the router goes back by itself."""
        words = _refusal(self._say(f"commit trial {max(_SHORTEST, confirm)}", _LONG))
        if words:
            self._say("clear configuration candidate")
            return {change.key: f"commit: {words}" for change in changes}
        self._trial = True
        return {}

    def _say(self, line: str, patience: float = 0) -> str:
        """Its answer; a question whether we are sure is answered with yes: it is about what is ours."""
        said = self._line.ask(line, until=_QUESTION, patience=patience)
        for _ in range(3):
            if not re.search(_QUESTION, self._line.prompt):
                break
            said += "\n" + self._line.ask("y", until=_QUESTION, patience=patience)
        return said

    def _must(self, line: str, patience: float = 0) -> None:
        words = _refusal(self._say(line, patience))
        if words:
            raise Unreachable(self._target, f"{line}: {words}")


def _view(prompt: str) -> str:
    """Where one is, whether or not something waits to be committed."""
    return prompt.replace("[*", "[").replace("[~", "[")
