"""A router that answers like one with Huawei VRP 8, as far as subscribers are concerned."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from copy import deepcopy
from hashlib import sha256
from typing import Final

from ispctl.lab.devices.lines import Invalid, Lines, Open, Rule, Tree, shown
from ispctl.lab.devices.shell import Line, Shell

_ADDRESS: Final = r"\d+\.\d+\.\d+\.\d+"
_V6: Final = r"[0-9a-f]*:[0-9a-f:.]*"


def _there(above: str, what: str, place: int, section: str = "") -> Callable[[Tree, str], None]:
    """That what a line names at a place is there: the beginning of its line, in a section or at the top."""

    def check(tree: Tree, line: str) -> None:
        name = line.split()[place].lower()
        level = tree.get(section, {}) if section else tree
        if not any(one == f"{above} {name}" or one.startswith(f"{above} {name} ") for one in level):
            raise Invalid(f"Error: The {what} does not exist.")

    return check


def _unused(word: str) -> Callable[[Tree, str], None]:
    """That no domain lists a pool that goes."""

    def check(tree: Tree, line: str) -> None:
        name = line.split()[2]
        if any(f"{word} {name}" in domain for domain in tree.get("aaa", {}).values()):
            raise Invalid("Error: The IP pool is used by a domain.")

    return check


def _small(line: str) -> str:
    return line.lower()


_RULES: Final = (
    Rule(rf"rule \d+ (permit|deny) ip source user-group \S+( destination ip-address {_ADDRESS} {_ADDRESS})?", 2),
)
_RULES6: Final = (Rule(rf"rule \d+ (permit|deny) ipv6 source user-group \S+( destination ipv6-address {_V6}/\d+)?", 2),)
_CLASSIFIER: Final = (
    Rule(r"if-match acl name \S+", keep=_small, check=_there("acl name", "ACL", 3)),
    Rule(r"if-match ipv6 acl name \S+", keep=_small, check=_there("acl ipv6 name", "ACL", 4)),
)
_POLICY: Final = (
    Rule(
        r"classifier \S+ behavior \S+ precedence \d+",
        2,
        keep=_small,
        check=_there("traffic classifier", "traffic classifier", 1),
    ),
)
_POOL: Final = (
    Rule(rf"gateway {_ADDRESS} {_ADDRESS}", 1),
    Rule(rf"section \d+ {_ADDRESS} {_ADDRESS}", 2),
    Rule(rf"excluded-ip-address {_ADDRESS}( {_ADDRESS})?"),
    Rule(rf"static-bind ip-address {_ADDRESS} mac-address [0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}"),
    Rule(rf"dns-server {_ADDRESS}", 1),
)
_PREFIX: Final = (Rule(rf"prefix {_V6}/\d+( delegating-prefix-length \d+)?"),)
_POOL6: Final = (Rule(r"prefix \S+", keep=_small, check=_there("ipv6 prefix", "IPv6 prefix", 1)),)
_AAA: Final = (
    Rule(r"authentication-scheme \S+", 0, "aaa-authen", (Rule(r"authentication-mode \S+", 1),), _small),
    Rule(
        r"accounting-scheme \S+",
        0,
        "aaa-accounting",
        (Rule(r"accounting-mode \S+", 1), Rule(r"accounting interim interval \d+", 2)),
        _small,
    ),
    Rule(
        r"domain \S+",
        0,
        "aaa-domain",
        (
            Rule(
                r"authentication-scheme \S+", 1, keep=_small, check=_there("authentication-scheme", "scheme", 1, "aaa")
            ),
            Rule(r"accounting-scheme \S+", 1, keep=_small, check=_there("accounting-scheme", "scheme", 1, "aaa")),
            Rule(r"radius-server group \S+", 2, keep=_small, check=_there("radius-server group", "group", 2)),
            Rule(r"ip-pool \S+", keep=_small, check=_there("ip pool", "IP pool", 1)),
            Rule(r"ipv6-pool \S+", keep=_small, check=_there("ipv6 pool", "IPv6 pool", 1)),
        ),
        _small,
    ),
)


class HuaweiLike(Shell):
    """The router. `online`: how many use it; `refuses`: lines that it says no to; `spoilt`: its answer to commits."""

    greeting = "\r\nInfo: The max number of VTY users is 21, the number of current VTY users online is 1.\r\n"

    def __init__(self, text: str = "", *, hostname: str = "lalitpur-1") -> None:
        super().__init__()
        self.hostname = hostname
        self.online = 0
        self.refuses = self.spoilt = ""
        self.typed: list[str] = []
        """What was typed in the system view and below."""
        self._salt = 0
        self.running: Tree = {}
        lines = Lines(self._rules(), "undo ", self.running)
        path: list[Open] = []
        for line in text.splitlines():
            if line.strip():
                path = lines.type(path if line.startswith(" ") else [], line)
        self.saved = deepcopy(self.running)
        self.fallback: tuple[Tree, int] | None = None
        """What it goes back to, after so many seconds, unless that is confirmed."""

    def line(self) -> Line:
        return _Vty(self)

    def candidate(self) -> Lines:
        """A copy of what runs, to be changed."""
        return Lines(self._rules(), "undo ", deepcopy(self.running), climbs=False)

    def elapse(self) -> None:
        """The seconds pass that it waits for a confirmation."""
        if self.fallback:
            self.running, self.fallback = self.fallback[0], None

    def boot(self) -> None:
        """Begin anew with what was saved."""
        self.running, self.fallback = deepcopy(self.saved), None

    def shown(self) -> str:
        """As `display current-configuration` has it."""
        text = "\n".join(f"{'' if line.startswith(' ') else '#' + chr(10)}{line}" for line in shown(self.running))
        return f"!Software Version V800R011C00SPC200\n#\nsysname {self.hostname}\n{text}\n#\nreturn\n"

    def _encrypted(self, line: str) -> str:
        found = re.fullmatch(r"(.*shared-key-cipher )(\S+|\".*\")( server-group \S+)?", line)
        assert found
        if found[2].startswith("%^%#"):
            return line
        self._salt += 1
        code = b64encode(sha256(f"{self._salt} {found[2]}".encode()).digest()).decode()
        return f"{found[1]}%^%#{code}%^%#{found[3] or ''}"

    def _rules(self) -> tuple[Rule, ...]:
        key, secret = r"radius-server shared-key-cipher (\S+|\".+\")", self._encrypted
        group = (
            Rule(key, 2, keep=secret),
            Rule(r"radius-server (authentication|accounting) \S+ \d+ weight \d+", 4),
            Rule(r"radius-server source interface \S+", 3),
        )
        return (
            Rule(r"sysname \S+", 1),
            Rule(r"user-group \S+", keep=_small),
            Rule(r"acl name \S+ ucl", 3, "acl-ucl", _RULES, _small),
            Rule(r"acl ipv6 name \S+ ucl", 4, "acl6-ucl", _RULES6, _small),
            Rule(r"traffic classifier \S+ operator or", 3, "classifier", _CLASSIFIER, _small),
            Rule(r"traffic behavior \S+", 0, "behavior", (Rule("permit|deny"),), _small),
            Rule(r"traffic policy \S+", 0, "trafficpolicy", _POLICY, _small),
            Rule(r"traffic-policy \S+ (inbound|outbound)", keep=_small, check=_there("traffic policy", "policy", 1)),
            Rule(r"ip pool \S+ bas (local|remote)", 3, "ip-pool", _POOL, _small, leave=_unused("ip-pool")),
            Rule(r"ipv6 prefix [\w.-]{1,32} (local|delegation)", 3, "ipv6-prefix", _PREFIX, _small),
            Rule(r"ipv6 pool \S+ bas (local|delegation)", 3, "ipv6-pool", _POOL6, _small, leave=_unused("ipv6-pool")),
            Rule(r"radius-server group \S+", 0, "radius", group, _small),
            Rule(r"radius-server authorization \S+ shared-key-cipher (\S+|\".+\") server-group \S+", 3, keep=secret),
            Rule("aaa", 0, "aaa", _AAA),
            Rule(r"interface \S+", 0, "if", (Rule("description .+", 1), Rule(r"pppoe-server bind .+", 2))),
            Rule(rf"ip route-static {_ADDRESS} \d+ {_ADDRESS}"),
        )


class _Vty(Line):
    def __init__(self, router: HuaweiLike) -> None:
        self._router = router
        self._path: list[Open] | None = None
        self._lines = router.candidate()
        self._changed = self._trying = self._saving = False

    @property
    def prompt(self) -> str:
        if self._path is None:
            return f"<{self._router.hostname}>"
        last = self._path[-1].text.split() if self._path else []
        mode = f"-{self._path[-1].mode}{'-' + last[-1] if len(last) > 1 else ''}" if self._path else ""
        return f"[{'*' if self._changed else '~'}{self._router.hostname}{mode}]"

    def gone(self) -> None:
        """A trial ends with whoever began it."""
        if self._trying:
            self._router.elapse()

    def answer(self, command: str) -> str | None:
        line = " ".join(command.split())
        if self._saving:
            self._saving = False
            return self._save() if line.lower() == "y" else ""
        if line == "quit" and self._path is None:
            return None
        if line == "return" or (line == "quit" and not self._path):
            self._path = None
        elif line == "quit":
            assert self._path
            self._path = self._path[:-1]
        elif self._path is None:
            return self._user(line)
        elif line:
            return self._system(line)
        return ""

    def _user(self, line: str) -> str:
        line, _, wanted = line.partition(" | include ")
        if line == "system-view":
            self._path, self._changed, self._lines = [], False, self._router.candidate()
            return "Enter system view, return user view with return command."
        if line == "save":
            self._saving = True
            return "Warning: The current configuration will be written to the device.\nAre you sure to continue? [Y/N]:"
        answers = {
            "": "",
            "screen-length 0 temporary": "Info: The configuration takes effect on the current user terminal only.",
            "display current-configuration": self._router.shown(),
            "display version": _VERSION,
            "display access-user": f"  UserID  Username\n  Total users                : {self._router.online}",
        }
        said = answers.get(line, f"  ^\n{_UNKNOWN}")
        return "\n".join(one for one in said.split("\n") if wanted in one)

    def _save(self) -> str:
        self._router.wrote()
        self._router.saved = deepcopy(self._router.running)
        return "Info: Save the configuration successfully."

    def _system(self, line: str) -> str:
        if line.startswith(("commit", "abort trial", "clear configuration candidate")):
            return self._commit(line)
        assert self._path is not None
        self._router.wrote()
        self._router.typed.append(line)
        try:
            if self._router.refuses and re.search(self._router.refuses, line):
                raise Invalid("")
            self._path = self._lines.type(self._path, line)
        except Invalid as error:
            return str(error) or f"{' ' * len(self.prompt)}^\n{_UNKNOWN}"
        self._changed = True
        return ""

    def _commit(self, line: str) -> str:
        router = self._router
        if line == "clear configuration candidate":
            self._lines, self._changed, self._path = router.candidate(), False, []
            return ""
        if line == "abort trial" or (line == "commit" and self._trying):
            return self._end_trial(kept=line == "commit")
        found = re.fullmatch(r"commit(?: trial (\d+))?", line)
        if not found:
            return _UNKNOWN
        if router.fallback:
            return "Error: The system is in trial running state of another user."
        router.wrote()
        if router.spoilt:
            return f"Error: {router.spoilt}"
        if found[1]:
            router.fallback, self._trying = (router.running, int(found[1])), True
        router.running, self._changed = self._lines.tree, False
        self._lines = router.candidate()
        return f"Warning: The trial configuration will be rolled back after {found[1]} seconds." if found[1] else ""

    def _end_trial(self, *, kept: bool) -> str:
        if not self._trying:
            return "Error: No trial configuration exists."
        self._router.wrote()
        self._trying = False
        if kept:
            self._router.fallback = None
        self._router.elapse()
        return "Info: The trial configuration is confirmed." if kept else ""


_UNKNOWN: Final = "Error: Unrecognized command found at '^' position."
_VERSION: Final = """Huawei Versatile Routing Platform Software
VRP (R) software, Version 8.180 (NE40E V800R011C00SPC200)
Copyright (C) 2012-2018 Huawei Technologies Co., Ltd.
HUAWEI NE40E-X8A uptime is 9 days, 1 hour, 5 minutes"""
