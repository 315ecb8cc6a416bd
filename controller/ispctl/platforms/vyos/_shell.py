"""VyOS's command line in its own words: what is typed in configuration mode, and what it says to that."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from ispctl.backend import Unreachable
from ispctl.platforms.device import Login
from ispctl.platforms.terminal import Terminal, connected

if TYPE_CHECKING:
    from netmiko import BaseConnection

_PROMPT: Final = r"(?:^|\n){name}(?::\S*)?[$#] ?$"
_GREETED: Final = r"@\S+:\S*[$>] ?\Z"
_PROCEED: Final = r"Proceed ?\?.*\] ?$"
_TYPED: Final = re.compile("is not valid|[Ff]ailed|Nothing to delete|Invalid|requires a value")
_LONG: Final = 300.0
"""Seconds for a commit: VyOS applies what it holds by many scripts."""


class Refused(Exception):
    """It did not take a line or a commit, in its own words; a secret may be in them."""


class Shell:
    """A connected command line. Everything raises `Unreachable` where it breaks, `Refused` in the device's words."""

    def __init__(self, host: str, terminal: Terminal) -> None:
        self._host = host
        self._terminal = terminal

    @classmethod
    @contextmanager
    def open(cls, login: Login) -> Iterator[Shell]:
        """Connect. Raises `Unreachable`."""
        with connected(login, "vyos", _PROMPT, 22, _connection) as terminal:
            yield cls(login.host, terminal)

    def lost(self, why: str) -> Unreachable:
        """That its answers cannot be trusted."""
        return Unreachable(f"nas:{self._host}", why)

    def run(self, command: str) -> str:
        """What it answers to a line. Raises `Refused` where it does not know it."""
        said = self._terminal.ask(command, patience=_LONG)
        if "Invalid command" in said:
            raise Refused(_words(said))
        return said

    def type(self, lines: Sequence[str]) -> None:
        """Lines of the candidate, one after another. Raises `Refused` at the first that it does not take."""
        for line in lines:
            said = self._terminal.ask(line)
            if _TYPED.search(said):
                raise Refused(_words(said))

    @contextmanager
    def configuring(self) -> Iterator[None]:
        """Configuration mode; what was typed and not committed is thrown away at the end."""
        self.run("configure")
        if not self._terminal.prompt.rstrip().endswith("#"):
            raise self.lost("it does not let itself be configured: is the login one of an administrator?")
        try:
            yield
        except Refused:
            self.run("exit discard")
            raise
        self.run("exit discard")

    def commit(self) -> None:
        """Raises `Refused` with what it says against the candidate."""
        _judge(self.run("commit"))

    def commit_confirm(self, minutes: int) -> None:
        """The same, for so many minutes unless it is told `confirm`. Raises `Refused` as `commit` does."""
        said = self._terminal.ask(f"commit-confirm {minutes}", until=_PROCEED, patience=_LONG)
        if "should save" in said:  # it would go back to what was saved, and others would lose what they had not
            self.run("n")
            self.save()
            said = self._terminal.ask(f"commit-confirm {minutes}", until=_PROCEED, patience=_LONG)
        if re.search(_PROCEED, said):
            said = self.run("y")
        _judge(said)

    def load(self) -> None:
        """Let the candidate be what was saved. Raises `Refused` where it could not."""
        said = self.run("load")
        if "Load complete" not in said and "No configuration changes" not in said:
            raise Refused(_words(said))

    def save(self) -> None:
        """Raises `Refused` where it could not."""
        said = self.run("save")
        if "Done" not in said and "Saving configuration" not in said:
            raise Refused(_words(said))


def _connection(**settings: Any) -> BaseConnection:
    """As netmiko has it, without the seconds of silence that it waits for."""
    from netmiko.exceptions import ReadTimeout
    from netmiko.vyos import VyOSSSH

    class Connection(VyOSSSH):
        def session_preparation(self) -> None:
            try:
                self.read_until_pattern(_GREETED, read_timeout=self.conn_timeout)
            except ReadTimeout:
                raise ValueError("it shows no prompt like user@host:~$ after the login") from None
            self.set_base_prompt()
            self.set_terminal_width("set terminal width 512", pattern="terminal")
            self.disable_paging("set terminal length 0")

    return Connection(**settings)


def _judge(said: str) -> None:
    if re.search("failed|pending|cannot", said):
        raise Refused(_words(said))


def _words(said: str) -> str:
    """What it said, as one sentence."""
    rows = (row.strip() for row in said.splitlines())
    return "; ".join(row for row in rows if row and row != "[edit]")[:300] or "it gives no reason"
