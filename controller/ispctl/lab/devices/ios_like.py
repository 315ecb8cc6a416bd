"""A router that answers like one with Cisco IOS-XE, as far as subscribers are concerned."""

from __future__ import annotations

import re
from copy import deepcopy
from ipaddress import ip_address
from typing import Final

from ispctl.lab.devices.lines import Invalid, Lines, Open, Rule, Tree, shown
from ispctl.lab.devices.shell import Line, Shell

_XLAT: Final = b"dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87"
"""What type 7 is made with, on every router."""


def type_7(clear: str, salt: int) -> str:
    """A secret as it is shown with `service password-encryption`: hidden from a glance, and from nothing else."""
    code = (byte ^ _XLAT[(salt + place) % len(_XLAT)] for place, byte in enumerate(clear.encode()))
    return f"{salt:02d}" + "".join(f"{byte:02X}" for byte in code)


def _no_overlap(tree: Tree, line: str) -> None:
    low, high = (int(ip_address(text)) for text in line.split()[4:6])
    if low > high:
        raise Invalid("%Bad IP range, low is above high")
    for other in tree:
        words = other.split()
        if other == line or words[:3] != ["ip", "local", "pool"]:
            continue
        if low <= int(ip_address(words[5])) and int(ip_address(words[4])) <= high:
            raise Invalid(f"%IP address range overlaps with pool: {words[3]}")


_ADDRESS: Final = r"\d+\.\d+\.\d+\.\d+"
_V6: Final = r"[0-9a-fA-F]*:[0-9a-fA-F:.]*"
_LIST: Final = (
    Rule(
        rf"(permit|deny) (ip|udp|tcp|icmp) (any|host {_ADDRESS}|{_ADDRESS} {_ADDRESS})"
        rf" (any|host {_ADDRESS}|{_ADDRESS} {_ADDRESS})( eq \S+)?"
    ),
    Rule("remark .+"),
)
_LIST6: Final = (
    Rule(rf"(permit|deny) (ipv6|udp|tcp|icmp) (any|host {_V6}|{_V6}/\d+) (any|host {_V6}|{_V6}/\d+)( \S+)*"),
    Rule("remark .+"),
)
_POLICE: Final = (Rule(r"conform-action \S+", 1), Rule(r"exceed-action \S+", 1))
_CLASS: Final = (
    Rule(r"police cir \d+ bc \d+", 1, "pmap-c-police", _POLICE),
    Rule(r"shape average \d+", 2),
    Rule(r"bandwidth \d+", 1),
)
_INTERFACE: Final = (
    Rule("description .+", 1),
    Rule(rf"ip address {_ADDRESS} {_ADDRESS}", 2),
    Rule(r"pppoe enable group \S+", 2),
    Rule(r"ip access-group \S+ in", 2),
    Rule("no ip address|(no )?shutdown", 1),
)
_DHCP: Final = (
    Rule(rf"network {_ADDRESS} {_ADDRESS}", 1),
    Rule(rf"host {_ADDRESS} {_ADDRESS}", 1),
    Rule(r"hardware-address [0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}", 1),
    Rule(rf"default-router {_ADDRESS}", 1),
)
_SERVER: Final = (
    Rule(rf"address (ipv4 {_ADDRESS}|ipv6 {_V6}) auth-port \d+ acct-port \d+", 2),
    Rule(r"key( [067])? \S.*", 1),
)


class IosLike(Shell):
    """The router. `archive`: whether its archive is configured, so that it can go back by itself; `sessions`: names of
    policies that run in sessions, two each; `refuses`: lines that it says no to."""

    greeting = "\r\nAccess for those who are allowed to\r\n"

    def __init__(self, text: str = "", *, hostname: str = "lalitpur-1", archive: bool = True) -> None:
        super().__init__()
        self.hostname, self.archive = hostname, archive
        self.sessions: list[str] = []
        self.refuses = ""
        self.asks = False
        """Whether it wants to know if it may write over what another release saved."""
        self.typed: list[str] = []
        """What was typed in configuration mode."""
        self._salt = 0
        self.config = Lines(self._rules(), "no ")
        self.saved: Tree = {}
        self.fallback: tuple[Tree, int] | None = None
        """What it goes back to, after so many minutes, unless that is confirmed."""
        path: list[Open] = []
        for line in text.splitlines():
            if line.strip() and line.strip() != "!":
                path = self.config.type(path if line.startswith(" ") else [], line)
        self.saved = deepcopy(self.config.tree)

    def line(self) -> Line:
        return _Vty(self)

    def elapse(self) -> None:
        """The minutes pass that it waits for a confirmation."""
        if self.fallback:
            self.config.tree, self.fallback = self.fallback[0], None

    def boot(self) -> None:
        """Begin anew with what was saved."""
        self.config.tree, self.fallback = deepcopy(self.saved), None

    def running(self) -> str:
        """As `show running-config` has it."""
        text = "\n".join(
            f"{'!' + chr(10) if not line.startswith(' ') else ''}{line}" for line in shown(_numbered(self.config.tree))
        )
        body = f"version 17.9\nhostname {self.hostname}\n{text}\n!\nend\n"
        return f"Building configuration...\n\nCurrent configuration : {len(body)} bytes\n!\n{body}"

    def _encrypted(self, line: str) -> str:
        found = re.fullmatch(r"(.*key)(?: ([067]))? (\S.*)", line)
        assert found
        if found[2] in {"6", "7"}:
            return line
        self._salt = (self._salt + 1) % 16
        return f"{found[1]} 7 {type_7(found[3], self._salt)}"

    def _rules(self) -> tuple[Rule, ...]:
        secret = self._encrypted
        server = (_SERVER[0], Rule(_SERVER[1].line, 1, keep=secret))
        clients = (Rule(r"client \S+ server-key( [067])? \S.*", 2, keep=secret), Rule(r"port \d+", 1))
        group = (Rule(r"server name \S+"), Rule(r"ip radius source-interface \S+", 3))
        return (
            Rule(r"hostname \S+", 1),
            Rule(r"radius server \S+", 0, "radius-server", server),
            Rule(r"aaa group server radius \S+", 0, "sg-radius", group),
            Rule(r"aaa (authentication ppp|authorization network) \S+ group \S+( \S+)*", 4),
            Rule(r"aaa accounting network \S+ start-stop group \S+", 4),
            Rule("aaa new-model"),
            Rule("aaa server radius dynamic-author", 0, "locsvr-da-radius", clients),
            Rule(rf"ip local pool \S+ {_ADDRESS} {_ADDRESS}", check=_no_overlap),
            Rule(rf"ipv6 local pool \S+ {_V6}/\d+ \d+", 4),
            Rule(rf"ip dhcp excluded-address {_ADDRESS}( {_ADDRESS})?"),
            Rule(r"ip dhcp pool \S+", 0, "dhcp-config", _DHCP),
            Rule(r"ip access-list extended \S+", 0, "ext-nacl", _LIST),
            Rule(r"ipv6 access-list \S+", 0, "ipv6-acl", _LIST6),
            Rule(r"policy-map \S+", 0, "pmap", (Rule(r"class \S+", 0, "pmap-c", _CLASS),)),
            Rule(r"bba-group pppoe \S+", 0, "bba-group", (Rule(r"virtual-template \d+", 1), Rule("sessions .+"))),
            Rule(r"interface [A-Za-z][A-Za-z-]*[\d/.:]+", 0, "if", _INTERFACE),
            Rule(rf"ip route {_ADDRESS} {_ADDRESS} {_ADDRESS}"),
            Rule(r"username \S+ privilege \d+ secret 9 \S+", 2),
            Rule(r"snmp-server community \S+ RO"),
        )


def _numbered(tree: Tree) -> Tree:
    """Entries of lists are shown with the numbers they have."""
    found: Tree = {}
    for line, below in tree.items():
        words = {"ip access-list": "", "ipv6 access-list": "sequence "}.get(" ".join(line.split()[:2]))
        found[line] = (
            below if words is None else {f"{words}{10 + 10 * place} {entry}": {} for place, entry in enumerate(below)}
        )
    return found


class _Vty(Line):
    def __init__(self, router: IosLike) -> None:
        self._router = router
        self._path: list[Open] | None = None
        self._asked = False

    @property
    def prompt(self) -> str:
        name = self._router.hostname
        if self._path is None:
            return f"{name}#"
        mode = f"config-{self._path[-1].mode}" if self._path else "config"
        return f"{name[:20]}({mode})#"

    def answer(self, command: str) -> str | None:
        line = "write memory" if self._asked and not command else " ".join(command.split())
        if self._path is not None:
            return self._configure(line)
        command, _, wanted = line.partition(" | include ")
        said = self._exec(command)
        return said if said is None or not wanted else "\n".join(one for one in said.split("\n") if wanted in one)

    def gone(self) -> None:
        self._path = None

    def _configure(self, line: str) -> str:
        assert self._path is not None
        if line in {"", "!"}:
            return ""
        if line == "end":
            self._path = None
        elif line == "exit":
            self._path = self._path[:-1] if self._path else None
        else:
            self._router.wrote()
            self._router.typed.append(line)
            try:
                if self._router.refuses and re.search(self._router.refuses, line):
                    raise Invalid("")
                self._path = self._router.config.type(self._path, line)
            except Invalid as error:
                return str(error) or f"{' ' * (len(self.prompt) + line.find(' ') + 1)}^\n{_INVALID}\n"
        return ""

    def _exec(self, line: str) -> str | None:
        router = self._router
        if line in {"exit", "logout"}:
            return None
        if line.startswith("configure"):
            return self._enter(line)
        if line == "write memory":
            return self._save()
        if line in {"", "enable", "terminal length 0", "terminal width 511"}:
            return ""
        if line == "show running-config":
            return router.running()
        return self._show(line) if line.startswith("show ") else _INVALID

    def _save(self) -> str:
        router = self._router
        self._asked = router.asks and not self._asked
        if self._asked:
            return _OVERWRITE
        router.wrote()
        router.saved = deepcopy(router.config.tree)
        return "Building configuration...\n[OK]"

    def _show(self, line: str) -> str:
        router = self._router
        answers = {
            "show version": _VERSION.format(name=router.hostname),
            "show archive": "The maximum archive configurations allowed is 14." if router.archive else _NO_ARCHIVE,
            "show archive config rollback timer": "%No Rollback Confirmed Change pending",
            "show subscriber statistics": f"Number of sessions currently up: {len(router.sessions)}",
            "show policy-map session": "\n".join(f"  Service-policy output: {name}" for name in router.sessions),
        }
        if router.fallback:
            answers["show archive config rollback timer"] = (
                f"User: {router.username} (vty 1)\nTimer type: absolute timer\nTimer value: {router.fallback[1]} min"
            )
        return answers.get(line, f"     ^\n{_INVALID}")

    def _enter(self, line: str) -> str:
        router = self._router
        found = re.fullmatch(r"configure terminal(?: revert timer (\d+))?", line)
        if found and found[1] and (router.fallback or not router.archive):
            return "%Rollback Confirmed Change already active" if router.fallback else _NO_ARCHIVE
        if found:
            if found[1]:
                router.fallback = deepcopy(router.config.tree), int(found[1])
            self._path = []
            return "Enter configuration commands, one per line.  End with CNTL/Z."
        if line not in {"configure confirm", "configure revert now"}:
            return f"          ^\n{_INVALID}"
        if not router.fallback:
            return "%No Rollback Confirmed Change pending"
        router.wrote()
        if line == "configure confirm":
            router.fallback = None
            return ""
        router.elapse()
        return "Total number of passes: 1\nRollback Done"


_INVALID: Final = "% Invalid input detected at '^' marker."
_OVERWRITE: Final = """Warning: Attempting to overwrite an NVRAM configuration previously written
by a different version of the system image.
Overwrite the previous NVRAM configuration?[confirm]"""
_NO_ARCHIVE: Final = "%Archive feature not enabled"
_VERSION: Final = """Cisco IOS XE Software, Version 17.09.04a
{name} uptime is 1 week, 2 days, 3 hours, 4 minutes
cisco ASR1001-X (1NG) processor (revision 1NG) with 3753592K/6147K bytes of memory."""
