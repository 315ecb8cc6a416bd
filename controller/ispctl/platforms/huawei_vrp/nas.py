"""Huawei VRP 8 as NAS, over its command line: a candidate is typed, which one commit makes real, on trial first.

Ours is what is named isp-…; a pool has the name that RADIUS tells, and is ours if `domain isp-owned` lists it: nobody
logs in to that domain, and a router keeps the two together by itself, since a pool that a domain lists has to be there.
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
_POOL: Final = r"(?P<name>\S+) bas (local|delegation)"
_IN_POOL: Final = ("gateway", "section", "excluded-ip-address", "static-bind")

KINDS: Final = (
    Kind("user-group", f"user-group {_OURS}"),
    Kind("acl", f"acl name {_OURS} ucl"),
    Kind("acl ipv6", f"acl ipv6 name {_OURS} ucl"),
    Kind("traffic classifier", f"traffic classifier {_OURS} operator or"),
    Kind("traffic behavior", f"traffic behavior {_OURS}"),
    Kind("traffic policy", f"traffic policy {_OURS}"),
    Kind("traffic-policy", r"traffic-policy isp-\S* (?P<name>inbound)", instead=r"traffic-policy \S+ {name}"),
    Kind("ip pool", f"ip pool {_POOL}", instead=r"ip pool {name} .+", first=_IN_POOL),
    Kind("ipv6 prefix", f"ipv6 prefix {_OURS} (local|delegation)"),
    Kind("ipv6 pool", f"ipv6 pool {_POOL}", instead=r"ipv6 pool {name} .+"),
    Kind("radius-server group", f"radius-server group {_OURS}", head="radius-server shared-key-cipher"),
    Kind(
        "radius-server authorization",
        r"radius-server authorization (?P<name>\S+) shared-key-cipher .+ server-group isp-\S+",
        head=r"radius-server authorization \S+ shared-key-cipher",
        tail=r" server-group \S+",
        instead="radius-server authorization {name} .+",
    ),
    Kind("authentication-scheme", f"authentication-scheme {_OURS}", "aaa"),
    Kind("accounting-scheme", f"accounting-scheme {_OURS}", "aaa"),
    Kind("domain", f"domain {_OURS}", "aaa"),
)

_REPLACED: Final = (
    ("ip pool ", r"^gateway"),
    ("ip pool ", r"^(section \d+)"),
    ("acl ", r"^(rule \d+)"),
    ("radius-server group ", r"^radius-server shared-key-cipher"),
    ("radius-server group ", r"^radius-server source"),
    ("radius-server group ", r"^(radius-server (?:authentication|accounting) \S+ \d+)"),
)
_SHORTER: Final = (
    r"((?:ip|ipv6) pool \S+) bas .+",
    r"(ipv6 prefix \S+) (?:local|delegation)",
    r"(acl (?:ipv6 )?name \S+) ucl",
    r"(traffic classifier \S+) operator or",
    r"(radius-server authorization \S+) .+",
)
_SHORTER_BELOW: Final = (
    ("ip pool ", r"(section \d+) .+"),
    ("ip pool ", r"(gateway) .+"),
    ("acl ", r"(rule \d+) .+"),
    ("radius-server group ", r"(radius-server \S+ \S+ \d+) weight \d+"),
)
"""How what is removed is called there."""


def driver() -> HConfigDriverBase:
    """hier_config's driver for VRP, and what takes the place of what."""
    from hier_config.models import IdempotentCommandsRule, MatchRule, NegationSubRule
    from hier_config.platforms.huawei_vrp.driver import HConfigDriverHuaweiVrp

    found = HConfigDriverHuaweiVrp()
    rules = found.rules
    for above, line in _REPLACED:
        match = MatchRule(startswith=above), MatchRule(re_search=line)
        rules.idempotent_commands.append(IdempotentCommandsRule(match_rules=match))
    rules.idempotent_commands.append(
        IdempotentCommandsRule(match_rules=(MatchRule(re_search=r"^(radius-server authorization \S+)"),))
    )
    for line in _SHORTER:
        rules.negation_sub.append(
            NegationSubRule(match_rules=(MatchRule(re_search=f"^{line}"),), search=f"^undo {line}$", replace=r"undo \1")
        )
    for above, line in _SHORTER_BELOW:
        match = MatchRule(startswith=above), MatchRule(re_search=f"^{line}")
        rules.negation_sub.append(NegationSubRule(match_rules=match, search=f"^undo {line}$", replace=r"undo \1"))
    return found


def normal(line: str) -> str:
    """The router writes names in lower case."""
    head, word, secret = line.partition("shared-key-cipher ")
    return head.lower() + word + secret


def written(clear: str) -> str:
    """A secret as it is typed. Raises ValueError for what would be read otherwise."""
    if not re.fullmatch(r"[!#-&(->@-~](?:[ !#->@-~]{0,126}[!#->@-~])?", clear) or clear.startswith(("%^%#", "%@%@")):
        raise ValueError('the secret holds what VRP does not take: 1 to 128 characters of ASCII without ? and "')
    return f'"{clear}"' if " " in clear else clear


def owns(key: Key, found: Mapping[Key, tuple[str, ...]]) -> bool:
    """A pool is ours if the domain isp-owned lists it."""
    word = {"ip pool": "ip-pool", "ipv6 pool": "ipv6-pool"}.get(key[0])
    return word is None or f" {word} {key[1]}" in found.get(("domain", "isp-owned"), ())


LANGUAGE: Final = Language(KINDS, driver, normal, written=written, owns=owns)


class HuaweiVrpNas(SectionsNas):
    """See docs/nas.md."""

    name = "huawei-vrp"
    language = LANGUAGE
    templates = ("wall.j2", "pools.j2", "radius.j2")

    def quote(self, value: object) -> str:
        text = str(value)
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+-]{0,30}|[0-9a-fA-F.:/]{1,49}|sha256:[0-9a-f]{64}", text):
            raise ValueError(f"{text[:40]!r} is no word that VRP takes: letters, digits and . : / @ + - _, at most 31")
        return text

    def open(self, login: Login) -> AbstractContextManager[Session]:
        from ispctl.platforms.huawei_vrp._session import connected

        return connected(login)

    def called(self, key: Key) -> str:
        return f"user-group {key[1]}" if key[0] == "user-group" else super().called(key)

    def disrupts(self, change: Change) -> bool:
        """A pool that goes, or a user group, ends the sessions that have an address or the wall of it."""
        return change.key[0] in {"ip pool", "ipv6 pool", "ipv6 prefix", "user-group"} and change.after is None


NAS = HuaweiVrpNas()
