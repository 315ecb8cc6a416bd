"""What a plain Linux router shows of itself, as resources. Pure.

One binding stands in several places: as elements of sets and maps of our table, as a class of each interface, and as
reservations of Kea. What they say together is one resource; `amiss` says where they do not agree, and is never wanted.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, Final

from ispctl.digests import sha256
from ispctl.plan import Fields, Resources, Value
from ispctl.platforms.device import MARK, UNCONFIRMED
from ispctl.platforms.linux.text import FILLED, FIREWALL, TABLE, packed, unpacked
from ispctl.structs import Struct, field

HANDLES: Final[Mapping[str, int]] = {"subscribers": 0xA150, "core": 0xC150}
"""The root qdiscs that are ours, by what the interface faces."""
NONE: Final = ("0", "")
"""Handle and kind of the root qdisc of an interface that nobody configured: the kernel's own."""

_SECTIONS: Final = frozenset({"table", "dump", "qdiscs", "classes", "kea", "pending", "written"})
Element = tuple[str, str]
"""The comment, and the class that a map leads to."""
_MAPS: Final = {"m_down": "subscribers", "m_up": "core"}
_CLASS: Final = re.compile(r"class htb (\w+):(\w+) .*?\brate (\d+)([KMGT]?)bit\b")
_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class Picture(Struct):
    """One look at a router. `table`: the objects of `nft -j`, None without a table of ours; `dump`: the same as text;
    `roots`: kind and handle of each interface's root qdisc; `rates`: bit/s of our classes; `kea`: its configuration,
    None where no Kea is; `written`: what the blocks were written as, and how they looked then; `pending`: applies that
    the router will take back, since nobody has confirmed them yet; `beside`: what a daemon beside says, by section."""

    table: tuple[Mapping[str, Any], ...] | None = None
    dump: str = ""
    roots: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    rates: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    kea: Mapping[str, Any] | None = None
    written: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    pending: frozenset[str] = frozenset()
    beside: Mapping[str, str] = field(default_factory=dict, repr=False)


def picture(said: Mapping[str, str]) -> Picture:
    """Of what the script says, section by section. Raises ValueError for what is no answer."""
    rates: dict[str, dict[int, int]] = {}
    for line in said["classes"].splitlines():
        if line.startswith("dev "):
            rates[line.removeprefix("dev ")] = {}
        elif found := _CLASS.match(line):
            *_, last = rates
            rates[last][int(found[2], 16)] = int(found[3]) * _UNITS[found[4]]
    roots = [one for one in json.loads(said["qdiscs"].strip() or "[]") if one.get("root")]
    kea = json.loads(said["kea"]) if said["kea"].strip() else None
    if kea is not None and (kea.get("result") != 0 or "Dhcp4" not in kea.get("arguments", {})):
        raise ValueError(f"Kea: {kea.get('text', 'no configuration')}")
    return Picture(
        table=tuple(json.loads(said["table"])["nftables"]) if said["table"].strip() else None,
        dump=said["dump"],
        roots={one["dev"]: (one["kind"], str(one["handle"]).rstrip(":")) for one in roots},
        rates=rates,
        kea=kea["arguments"]["Dhcp4"] if kea else None,
        written=json.loads(said["written"].strip() or "{}"),
        pending=frozenset(said["pending"].split()),
        beside={name: text for name, text in said.items() if name not in _SECTIONS},
    )


def shapers(seen: Picture) -> dict[str, str]:
    """What each interface faces whose root qdisc is ours."""
    handles = {("htb", f"{handle:x}"): toward for toward, handle in HANDLES.items()}
    return {name: handles[root] for name, root in seen.roots.items() if root in handles}


def is_ours(seen: Picture) -> bool:
    """Whether nobody else has made a table of this name: a rule of ours has a comment."""
    rules = [one["rule"] for one in seen.table or () if "rule" in one]
    return not rules or any(str(rule.get("comment", "")).startswith(MARK) for rule in rules)


def shown_blocks(seen: Picture) -> dict[str, str]:
    """A hash of each block as it stands, without handles, counters, and the elements that come and go."""
    found: dict[str, list[Any]] = {}
    for one in seen.table or ():
        for kind, body in one.items():
            if kind in ("set", "map", "chain"):
                found[f"{kind} {body['name']}"] = [_still(body, body["name"] in FILLED)]
            elif kind == "rule":
                found[f"chain {body['chain']}"].append(_still(body, False))
    return {name: sha256(json.dumps(body, sort_keys=True).encode()).hexdigest() for name, body in found.items()}


def _still(body: Any, filled: bool) -> Any:
    if isinstance(body, list):
        return [_still(one, False) for one in body]
    if not isinstance(body, dict):
        return body
    left = {"handle", "elem"} if filled else {"handle"}
    kept = {key: None if key == "counter" else _still(value, False) for key, value in body.items() if key not in left}
    elem = kept.get("elem")
    return {**kept, "elem": sorted(map(json.dumps, elem))} if isinstance(elem, list) else kept


def elements(seen: Picture) -> dict[str, dict[str, Element]]:
    """What stands in the sets and maps that are filled one by one."""
    found: dict[str, dict[str, Element]] = {name: {} for name in FILLED}
    for one in seen.table or ():
        body: dict[str, Any] = one.get("set") or one.get("map") or {}
        name = body.get("name", "")
        if name in found:
            found[name] = dict(_element(shown) for shown in body.get("elem", ()))
    return found


def _element(shown: Any) -> tuple[str, Element]:
    value, leads = shown if isinstance(shown, list) else (shown, "")
    inner = value["elem"] if isinstance(value, dict) and "elem" in value else {"val": value}
    key = inner["val"]
    text = " . ".join(key["concat"]) if isinstance(key, dict) else str(key)
    return text, (str(inner.get("comment", "")), str(leads))


def elements_of(name: str, fields: Fields, minor: int) -> dict[str, dict[str, Element]]:
    """What a binding stands for. `minor`: that of its class."""
    mark, address = (f"{MARK}{name} {fields['owner']}", ""), str(fields["address"])
    macs = str(fields["macs"]).split()
    found: dict[str, dict[str, Element]] = {one: {} for one in FILLED}
    found["bindings"] = {f"{address} . {mac}": mark for mac in macs}
    found["anymac"] = {} if macs else {address: mark}
    if fields["access"] != "open":
        found["walled" if fields["access"] == "walled" else "closed"] = {address: mark}
    else:
        found["macs6"] = dict.fromkeys(macs, ("", ""))
    for place, rate in (("m_down", "down"), ("m_up", "up")):
        if rate in fields:
            found[place] = {address: (mark[0], f"{HANDLES[_MAPS[place]]:x}:{minor:x}")}
    return found


def minors(seen: Picture) -> dict[str, int]:
    """The class of each binding that has one."""
    both = [element for place in _MAPS for element in elements(seen)[place].values()]
    return {name_of(comment): int(leads.partition(":")[2], 16) for comment, leads in both if name_of(comment)}


def resources(seen: Picture) -> Resources:
    """What is ours there, in normal form. An apply that nobody has confirmed is never wanted: whoever comes next has to
    take it over, or the router goes back behind his back."""
    if seen.table is not None and not is_ours(seen):
        raise ValueError(f"the table inet {TABLE} there is not ours: no rule has a comment that begins with {MARK}")
    found: dict[tuple[str, str], Fields] = {}
    if seen.table is not None:
        found[FIREWALL] = _firewall(seen)
    found |= {("shaper", name): {"toward": toward} for name, toward in shapers(seen).items()}
    found |= {("subnet", one["subnet"]): _subnet(one) for one in own_subnets(seen.kea)}
    found |= {(UNCONFIRMED, token): {"by": "an apply that did not end"} for token in seen.pending}
    found |= {("binding", name): fields for name, fields in _bindings(seen)}
    return found | dict(_strays(seen, found))


def _firewall(seen: Picture) -> Fields:
    found: dict[str, Value] = {}
    for name, shown in shown_blocks(seen).items():
        written = seen.written.get(name, {})
        found[name] = written["text"] if written.get("shown") == shown else f"changed on the router ({shown[:12]})"
    return found


def own_subnets(kea: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The subnets of Kea that are ours by their user context."""
    return [one for one in (kea or {}).get("subnet4", ()) if "ispctl" in one.get("user-context", {})]


def _subnet(shown: Mapping[str, Any]) -> Fields:
    """As it was wanted, where Kea shows it so; it shows more than it was told."""
    wanted = shown["user-context"]["ispctl"]
    told = {**unpacked(wanted), "pool": wanted.get("pool", "")}
    return {name: wanted.get("pool") if name == "pool" else packed(_as(told[name], shown.get(name))) for name in told}


def _as(wanted: Any, shown: Any) -> Any:
    """What is shown, without what was not asked for."""
    if isinstance(wanted, dict) and isinstance(shown, dict):
        return {key: _as(wanted[key], shown.get(key)) for key in wanted}
    if isinstance(wanted, list) and isinstance(shown, list) and len(wanted) == len(shown):
        return [_as(*pair) for pair in zip(wanted, shown, strict=True)]
    return shown


def name_of(comment: str) -> str:
    """The binding that an element belongs to; empty for what is not ours."""
    return comment.removeprefix(MARK).partition(" ")[0] if comment.startswith(MARK) else ""


def _bindings(seen: Picture) -> Iterator[tuple[str, Fields]]:
    now, classes, reserved = elements(seen), minors(seen), reserved_now(seen)
    belongs: dict[str, dict[str, dict[str, Element]]] = defaultdict(lambda: {one: {} for one in FILLED})
    for place in FILLED:
        for key, element in now[place].items():
            if name := name_of(element[0]):
                belongs[name][place][key] = element
    prefixes = [one["subnet"] for one in own_subnets(seen.kea)]
    facing = {toward: [name for name, it in shapers(seen).items() if it == toward] for toward in HANDLES}
    for name in sorted(belongs):
        own = belongs[name]
        keys = sorted(key for place in FILLED for key in own[place])
        fields: dict[str, Value] = {
            "owner": next(iter(one[0] for place in FILLED for one in own[place].values())).partition(" ")[2],
            "address": keys[0].split(" . ")[0],
            "macs": " ".join(sorted(key.split(" . ")[1] for key in own["bindings"])),
            "access": "none" if own["closed"] else "walled" if own["walled"] else "open",
        }
        wrong = []
        for rate, toward in (("down", "subscribers"), ("up", "core")):
            speeds = {seen.rates.get(one, {}).get(classes.get(name, 0), 0) for one in facing[toward]}
            fields |= {rate: min(speeds)} if speeds else {}
            wrong += ["classes"] if len(speeds) > 1 else []
        should = elements_of(name, fields, classes.get(name, 0))
        macs6 = should["macs6"].keys()
        own["macs6"] = {mac: now["macs6"][mac] for mac in macs6 if mac in now["macs6"]}
        wrong += [place for place in FILLED if own[place] != should[place]]
        wrong += ["reservations"] if reserved.get(name, set()) != set(reservations(fields, prefixes)) else []
        yield name, {**fields, "amiss": ", ".join(wrong)} if wrong else fields


def reservations(fields: Fields, prefixes: Iterable[str]) -> list[tuple[str, str, str]]:
    """What Kea keeps for a binding in those subnets: subnet, MAC, address."""
    address = ip_address(str(fields["address"]))
    macs = [] if fields["access"] == "none" else str(fields["macs"]).split()
    return [(prefix, mac, str(address)) for prefix in prefixes if address in ip_network(prefix) for mac in macs]


def reserved_now(seen: Picture) -> dict[str, set[tuple[str, str, str]]]:
    """By binding; under the empty name what belongs to none."""
    found = defaultdict(set)
    for subnet in own_subnets(seen.kea):
        for one in subnet.get("reservations", ()):
            name = str(one.get("user-context", {}).get("ispctl", ""))
            found[name].add((subnet["subnet"], str(one.get("hw-address", "")), str(one.get("ip-address", ""))))
    return found


def _strays(seen: Picture, found: Resources) -> Iterator[tuple[tuple[str, str], Fields]]:
    """What stands in something of ours and belongs to no binding."""
    names = {name for kind, name in found if kind == "binding"}
    macs6 = {mac for name in names for mac in elements_of(name, found["binding", name], 0)["macs6"]}
    for place, those in elements(seen).items():
        known: Iterable[str] = macs6 if place == "macs6" else [key for key, one in those.items() if name_of(one[0])]
        yield from ((("stray", f"{place} {key}"), {"in": "nftables"}) for key in those.keys() - set(known))
    used = set(minors(seen).values())
    for name in shapers(seen):
        yield from ((("stray", f"{name} {minor:x}"), {"in": "tc"}) for minor in seen.rates.get(name, {}).keys() - used)
    for name, those_reserved in reserved_now(seen).items():
        if name not in names:
            yield from ((("stray", " ".join(one)), {"in": "kea"}) for one in sorted(those_reserved))
