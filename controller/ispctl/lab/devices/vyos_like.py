"""A VyOS's command line over SSH: operational and configuration mode, a candidate, commit-confirm, a boot.

It holds what `_vyos_schema` knows, says what VyOS 1.5 says, and restarts its PPPoE server where VyOS would. Nothing of
it was written from the driver that it tests. Faults: `writes_left`, `lines_left`.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Final

from ispctl.lab.devices import _vyos_schema as schema
from ispctl.lab.devices._vyos_schema import Tree
from ispctl.lab.devices.shell import Cut, Line, Shell

_SESSIONS: Final = """\
 ifname | username |     ip     |    calling-sid    | rate-limit  | state  |  uptime  | rx-bytes | tx-bytes
--------+----------+------------+-------------------+-------------+--------+----------+----------+----------"""
_ROW: Final = (
    " ppp{0}   | sub      | 100.64.0.{0} | 02:00:00:00:00:0{0} |             | active | 00:00:11 | 214 B    | 76 B"
)
_VERSION: Final = """\
Version:          VyOS 1.5-stream-2025-Q1
Release train:    circinus
Release flavor:   generic

Architecture:     x86_64
Boot via:         installed image
System type:      KVM guest

Hardware vendor:  QEMU
Hardware model:   Standard PC (i440FX + PIIX, 1996)"""


class VyosLike(Shell):
    """One device. `config`: its saved configuration as `set` lines;"""

    greeting = "Welcome to VyOS!"

    def __init__(self, folder: Path, config: Sequence[str], username: str = "vyos", password: str = "lab") -> None:  # noqa: S107
        super().__init__(username, password)
        self.name = "vyos"
        self.running: Tree = {}
        for line in config:
            schema.put(self.running, tuple(shlex.split(line)[1:]))
        self.file = folder / "config.boot"
        self.save()
        self.sessions = 0
        """Of the PPPoE server; it loses them whenever a commit touches it."""
        self.lines_left: int | None = None
        """After so many lines typed in configuration mode the connection breaks, until it is None again."""
        self.back_at: float | None = None
        self.clock = 0.0
        """Seconds since it began, as far as tests have moved it on."""

    def line(self) -> Line:
        return _Terminal(self)

    def lines(self) -> list[str]:
        """What runs, as `show configuration commands` has it."""
        return schema.show(self.running)

    def save(self) -> None:
        self.file.write_text("\n".join(schema.show(self.running)) + "\n", "utf-8")

    def boot(self) -> None:
        """What was saved runs, and nobody is online."""
        self.running = self.saved()
        self.sessions, self.back_at = 0, None

    def saved(self) -> Tree:
        found: Tree = {}
        for line in self.file.read_text("utf-8").splitlines():
            schema.put(found, tuple(shlex.split(line)[1:]))
        return found

    def passes(self, seconds: float) -> None:
        """So much time; a commit that nobody confirmed is taken back by a boot."""
        self.clock += seconds
        if self.back_at is not None and self.clock >= self.back_at:
            self.boot()

    def typed(self) -> None:
        """Counts a line of configuration mode. Raises Cut where it is the one too many."""
        if self.lines_left is not None:
            self.lines_left -= 1
            if self.lines_left < 0:
                raise Cut

    def commit(self, candidate: Tree) -> list[str]:
        """The words with which it is refused, or []; then it runs."""
        problem = schema.verify(candidate)
        if problem:
            path, text = problem
            return [f"[ {path} ]", text, "", f"[[{path}]] failed", "Commit failed"]
        if _part(candidate, "service", "pppoe-server") != _part(self.running, "service", "pppoe-server"):
            self.sessions = 0
        self.running = deepcopy(candidate)
        return []


def _part(tree: Tree, *path: str) -> Tree:
    for word in path:
        tree = tree.get(word, {})
    return tree


class _Terminal(Line):
    """What one who logged in sees: his own candidate, if he is configuring."""

    def __init__(self, device: VyosLike) -> None:
        self.device = device
        self.candidate: Tree | None = None
        self.base: Tree = {}
        self.asked = ""
        """The line that waits for a yes."""

    @property
    def prompt(self) -> str:
        if self.asked:
            return "Proceed ? [Y/n] "
        return f"vyos@{self.device.name}{':~$' if self.candidate is None else '#'} "

    def gone(self) -> None:
        self.candidate = None

    def answer(self, command: str) -> str | None:
        line = command.strip()
        if self.asked:
            asked, self.asked = self.asked, ""
            said: list[str] | None = self._confirmed(asked, line)
        else:
            said = self._answer(line) if line else []
        if said is None:
            return None
        edit = ["[edit]"] if self.candidate is not None and not self.asked else []
        return "\n".join((*said, *edit))

    def _answer(self, line: str) -> list[str] | None:
        if self.candidate is None:
            return self._operational(line)
        try:
            words = shlex.split(line)
        except ValueError:
            return ["Invalid command: unbalanced quote"]
        known: dict[str, Callable[[tuple[str, ...]], list[str]]] = {
            "set": self._set,
            "delete": self._delete,
            "commit": self._commit,
            "commit-confirm": self._commit_confirm,
            "confirm": self._confirm,
            "save": self._save,
            "load": self._load,
            "discard": self._discard,
            "exit": self._exit,
            "show": self._show,
            "compare": self._compare,
            "run": lambda _: self._operational(line.partition(" ")[2]) or [],
        }
        self.device.typed()
        if words[0] not in known:
            return [f"  Invalid command: [{words[0]}]"]
        if words[0] in {"commit", "confirm", "save"}:
            self.device.wrote()
        return known[words[0]](tuple(words[1:]))

    def _operational(self, line: str) -> list[str] | None:
        if line == "configure":
            self.candidate, self.base = deepcopy(self.device.running), deepcopy(self.device.running)
            return []
        if line == "show pppoe-server sessions":
            if "pppoe-server" not in self.device.running.get("service", {}):
                return ["PPPoE server is not configured"]
            return [*_SESSIONS.splitlines(), *(_ROW.format(number) for number in range(self.device.sessions))]
        answers = {"show version": _VERSION.splitlines(), "show configuration commands": self.device.lines()}
        if line == "exit":
            return None
        if line.startswith("set terminal ") or line in answers:
            return answers.get(line, [])
        return [f"  Invalid command: [{line}]"]

    def _set(self, path: tuple[str, ...]) -> list[str]:
        assert self.candidate is not None
        wrong = schema.wrong(path)
        if wrong:
            return ["", *wrong, "Set failed", ""]
        if schema.has(self.candidate, path):
            return ["", f"Configuration path: [{' '.join(path)}] already exists", ""]
        schema.put(self.candidate, path)
        return []

    def _delete(self, path: tuple[str, ...]) -> list[str]:
        assert self.candidate is not None
        if not path or not schema.has(self.candidate, path):
            return ["", "Nothing to delete (the specified node does not exist)", ""]
        schema.remove(self.candidate, path)
        return []

    def _commit(self, _: tuple[str, ...]) -> list[str]:
        assert self.candidate is not None
        if self.candidate == self.base:
            return ["No configuration changes to commit"]
        words = self.device.commit(self.candidate)
        if not words:
            self.base = deepcopy(self.candidate)
        return words

    def _commit_confirm(self, words: tuple[str, ...]) -> list[str]:
        device = self.device
        if device.back_at is not None:
            return ["Another confirm is pending"]
        minutes = words[0] if words else "10"
        saved = device.file.read_text("utf-8").splitlines() == device.lines()
        warning = [] if saved else ["", "You should save previous commits before commit-confirm !", ""]
        asked = [f"commit-confirm will automatically reboot in {minutes} minutes unless changes", "are confirmed.", ""]
        self.asked = f"commit-confirm {minutes}"
        return [*warning, *asked]

    def _confirmed(self, line: str, answer: str) -> list[str]:
        if answer.lower() not in {"", "y", "yes"}:
            return ["commit-confirm canceled"]
        self.device.wrote()
        minutes = int(line.split()[1])
        words = self._commit(())
        if not words:
            self.device.back_at = self.device.clock + minutes * 60
        return [f"Initialized commit-confirm; {minutes} minutes to confirm before reboot", *words]

    def _confirm(self, _: tuple[str, ...]) -> list[str]:
        pending, self.device.back_at = self.device.back_at, None
        return ["No confirm pending" if pending is None else "Reboot timer stopped"]

    def _save(self, _: tuple[str, ...]) -> list[str]:
        self.device.save()
        return ["Saving configuration to '/config/config.boot'...", "Done"]

    def _load(self, _: tuple[str, ...]) -> list[str]:
        self.candidate = self.device.saved()
        changed = self.candidate != self.base
        done = (
            "Load complete. Use 'commit' to make changes effective."
            if changed
            else "No configuration changes to commit."
        )
        return ["Loading configuration from '/config/config.boot'...", done]

    def _discard(self, _: tuple[str, ...]) -> list[str]:
        if self.candidate == self.base:
            return ["No changes have been discarded"]
        self.candidate = deepcopy(self.base)
        return ["Changes have been discarded"]

    def _exit(self, words: tuple[str, ...]) -> list[str]:
        if self.candidate != self.base and words != ("discard",):
            return [
                "Cannot exit: configuration modified.",
                "Use 'exit discard' to discard the changes and exit.",
                "Use 'commit' and 'save' to keep them.",
            ]
        self.candidate = None
        return ["exit"]

    def _show(self, words: tuple[str, ...]) -> list[str]:
        assert self.candidate is not None
        if words == ("|", "commands"):
            return schema.show(self.candidate)
        return ["", f"Configuration path: [{' '.join(words)}] is not valid", "Show failed", ""]

    def _compare(self, _: tuple[str, ...]) -> list[str]:
        assert self.candidate is not None
        before, after = schema.show(self.device.running), schema.show(self.candidate)
        gone = [line.replace("set ", "delete ", 1) for line in before if line not in after]
        return [*gone, *(line for line in after if line not in before)] or [
            "No changes between working and active configurations."
        ]
