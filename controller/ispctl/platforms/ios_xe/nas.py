"""Cisco IOS-XE as NAS, over its command line.

Ours is what is named isp-…; where there are no names of ours, such as pools that RADIUS tells, what a remark in the
access list isp-owned says: `remark ip local pool home`. A pool has no comment, and its options for groups are not there
for IPv6; an access list that is bound nowhere filters nothing, is kept by `write memory`, and is read with the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final

from ispctl.plan import Change, Key
from ispctl.platforms.device import Login, Session
from ispctl.platforms.sections import Kind, Language, SectionsNas

if TYPE_CHECKING:
    from hier_config.platforms.driver_base import HConfigDriverBase

_OURS: Final = r"(?P<name>isp-\S*)"
_DYNAMIC: Final = "aaa server radius dynamic-author"
_METHODS: Final = ("aaa authentication ppp", "aaa authorization network", "aaa accounting network")

KINDS: Final = (
    Kind("ip dhcp excluded-address", r"ip dhcp excluded-address (?P<name>.+)", mark="ip dhcp excluded-address {name}"),
    Kind("ip local pool", r"ip local pool (?P<name>\S+) .+", mark="ip local pool {name}"),
    Kind("ipv6 local pool", r"ipv6 local pool (?P<name>\S+) .+", mark="ipv6 local pool {name}"),
    Kind("ip access-list extended", rf"ip access-list extended (?!isp-owned$){_OURS}"),
    Kind("ipv6 access-list", f"ipv6 access-list {_OURS}"),
    Kind("policy-map", f"policy-map {_OURS}"),
    Kind("radius server", f"radius server {_OURS}", head="key"),
    Kind("aaa group server radius", f"aaa group server radius {_OURS}", sequence="server name .+"),
    Kind("client", r"client (?P<name>\S+) server-key .+", _DYNAMIC, head=r"client \S+ server-key"),
    *(Kind(method, f"{method} {_OURS} .+") for method in _METHODS),
    Kind("ip dhcp pool", f"ip dhcp pool {_OURS}", first=("network", "host", "hardware-address", "default-router")),
    Kind("bba-group pppoe", f"bba-group pppoe {_OURS}"),
    Kind("pppoe enable", r"pppoe enable group isp-\S+", "interface {name}", instead="pppoe enable.*"),
    Kind("ip access-group", r"ip access-group isp-\S+ in", "interface {name}", instead=r"ip access-group \S+ in"),
)
"""What is ours of an interface is what stands there of these two lines."""

_REPLACED: Final = (
    ("policy-map ", "class ", "police "),
    ("policy-map ", "class ", "shape "),
    ("radius server ", "address "),
    ("radius server ", "key"),
    ("bba-group pppoe ", "virtual-template "),
    ("ip dhcp pool ", "network "),
    ("ip dhcp pool ", "host "),
    ("ip dhcp pool ", "hardware-address "),
    ("ip dhcp pool ", "default-router "),
    ("interface ", "pppoe enable "),
    ("interface ", "ip access-group "),
)
"""Where a new line takes the place of the old one. Without this a speed would be taken away before the next is set: a
moment without limit."""
_LAST: Final = ("ip access-list ", "ipv6 access-list ", "aaa group server ")
"""Where what is new comes before what is old goes: an empty list would let everything pass."""


def driver() -> HConfigDriverBase:
    """hier_config's driver for IOS with rules of ours, without its numbering of access lists: ours hold permits alone,
    whose order means nothing."""
    from hier_config.models import IdempotentCommandsRule, MatchRule, NegationSubRule, OrderingRule
    from hier_config.platforms.cisco_ios.driver import HConfigDriverCiscoIOS

    found = HConfigDriverCiscoIOS()
    found.rules.post_load_callbacks.clear()
    for words in _REPLACED:
        found.rules.idempotent_commands.append(
            IdempotentCommandsRule(match_rules=tuple(MatchRule(startswith=word) for word in words))
        )
    client = (MatchRule(startswith="aaa server radius"), MatchRule(startswith="client "))
    found.rules.idempotent_commands.append(
        IdempotentCommandsRule(match_rules=(client[0], MatchRule(re_search=r"^client (\S+)")))
    )
    found.rules.negation_sub.append(NegationSubRule(match_rules=client, search=r"(client \S+) .*", replace=r"\1"))
    for word in _LAST:
        rules = (MatchRule(startswith=word), MatchRule(startswith="no "))
        found.rules.ordering.append(OrderingRule(match_rules=rules, weight=200))
    return found


def normal(line: str) -> str:
    """Newer releases number the entries of a list."""
    return re.sub(r"^(?:\d+|sequence \d+) (?=permit|deny|remark)", "", line)


def written(clear: str) -> str:
    """A secret as it is typed. Raises ValueError for what would be a command to the terminal."""
    if not re.fullmatch(r"[!->@-~](?:[ -> @-~]{0,126}[!->@-~])?", clear):
        raise ValueError("the secret holds what IOS-XE does not take: 1 to 128 characters of ASCII without ?")
    return f"0 {clear}"


def owns(key: Key, found: Mapping[Key, tuple[str, ...]]) -> bool:
    """A client of dynamic-author is ours if it is a RADIUS server of ours."""
    return key[0] != "client" or ("radius server", f"isp-{key[1]}") in found


LANGUAGE: Final = Language(
    KINDS,
    driver,
    normal,
    ("ip access-list extended isp-owned", "remark "),
    written,
    owns,
)


class IosXeNas(SectionsNas):
    """See docs/nas.md."""

    name = "ios-xe"
    language = LANGUAGE
    templates = ("wall.j2", "pools.j2", "speeds.j2", "radius.j2", "access.j2")

    def quote(self, value: object) -> str:
        text = str(value)
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+-]{0,62}|sha256:[0-9a-f]{64}", text):
            raise ValueError(
                f"{text[:40]!r} is no word that IOS-XE takes: letters, digits and . : / @ + - _, at most 63"
            )
        return text

    def open(self, login: Login) -> AbstractContextManager[Session]:
        from ispctl.platforms.ios_xe._session import connected

        return connected(login)

    def called(self, key: Key) -> str:
        if key[0] == "policy-map":
            return f"policy-map {key[1]}"
        return f"access-list {key[1]}" if "access-list" in key[0] else super().called(key)

    def disrupts(self, change: Change) -> bool:
        """Sessions end where PPPoE is taken from an interface, or its group is given another template."""
        return change.key[0] in {"pppoe enable", "bba-group pppoe"} and change.before is not None


NAS = IosXeNas()
