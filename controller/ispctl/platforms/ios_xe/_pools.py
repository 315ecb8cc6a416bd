"""Ranges that go from one pool to another: IOS-XE takes no pool that overlaps another one, not even for a moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final

from ispctl.plan import Change, Key
from ispctl.platforms.sections import lines_of

Lines = Sequence[str]
_KINDS: Final = frozenset({"ip local pool", "ipv6 local pool"})


def given_up(changes: Iterable[Change]) -> Mapping[Key, Lines]:
    """The pools from which others get something, and what is left of each when that is taken from it: before anything
    is given to anybody."""
    pools = [(one.key, lines_of(one.before), lines_of(one.after)) for one in changes if one.key[0] in _KINDS]
    taken = [(key, line) for key, before, after in pools for line in after if line not in before]
    found: dict[Key, Lines] = {}
    for key, before, after in pools:
        left = [line for line in before if line in after or not _taken(key, line, taken)]
        if len(left) < len(before):
            found[key] = tuple(left)
    return found


def _taken(key: Key, line: str, taken: Iterable[tuple[Key, str]]) -> bool:
    mine = _range(line)
    others = (_range(new) for other, new in taken if other != key)
    return any(mine[0] <= last and first <= mine[1] for first, last in others)


@lru_cache(10_000)
def _range(line: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """The first and the last address of `ip local pool home FIRST LAST` or `ipv6 local pool home6 PREFIX LENGTH`, each
    after its family. Of a line that says something else: none."""
    words = line.split()[4:6]
    try:
        if "/" in words[0]:
            net = ip_network(words[0], strict=False)
            return (net.version, int(net.network_address)), (net.version, int(net.broadcast_address))
        first, last = (ip_address(word) for word in words)
    except (ValueError, IndexError):
        return (0, 1), (0, 0)
    return (first.version, int(first)), (last.version, int(last))
