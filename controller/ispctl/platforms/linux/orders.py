"""What a plain Linux router has to be told so that changes come true, and so that it can go back. Pure.

Only what differs is written: a binding that changes is a few elements of sets and one class of each interface. The
table is loaded as a whole where one of its blocks is another, in one transaction with all its elements.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, Final

from ispctl.plan import Change, Fields, Key
from ispctl.platforms.linux.picture import (
    HANDLES,
    NONE,
    Element,
    Picture,
    elements,
    elements_of,
    minors,
    name_of,
    own_subnets,
    reservations,
    reserved_now,
    resources,
    shapers,
)
from ispctl.platforms.linux.text import FILLED, FIREWALL, TABLE, unpacked
from ispctl.structs import Struct

EMPTY: Final = f"table inet {TABLE}\ndelete table inet {TABLE}\n"
"""No table of ours, whether there was one or not."""
State = Mapping[Key, Fields]


class Orders(Struct):
    """In the order in which they are given: classes that are needed, the table, Kea, classes that no packet is given
    to any more. Empty texts and None: nothing of that kind."""

    add: str = ""
    nft: str = ""
    kea: Mapping[str, Any] | None = None
    remove: str = ""


def orders(seen: Picture, changes: Sequence[Change]) -> Orders:
    """Raises ValueError, in words for a person, for what cannot be done to this router."""
    before = resources(seen)
    after = {**before, **{change.key: change.after for change in changes if change.after is not None}}
    after = {key: after[key] for key in after.keys() - {change.key for change in changes if change.after is None}}
    touched = {change.key for change in changes}
    if FIREWALL not in after and any(kind == "binding" for kind, _ in after):
        raise ValueError("bindings cannot stand without the table")
    classes = _minors(seen, after, touched)
    add, remove = _tc(seen, after, touched, classes)
    return Orders(add, _nft(seen, after, touched, classes), _kea(seen, after, touched), remove)


def back(seen: Picture) -> dict[str, str]:
    """The files by which it goes back to what it shows now, by name; Kea's apart, since not all is taken from it."""
    lines = []
    for name, toward in sorted(shapers(seen).items()):
        lines.append(_qdisc(name, toward))
        lines += [_class("add", name, toward, minor, rate) for minor, rate in sorted(seen.rates.get(name, {}).items())]
    return {
        "isp.nft": EMPTY + seen.dump,
        "classes.tc": "".join(lines),
        "written.json": json.dumps(seen.written, sort_keys=True),
    }


def command(name: str, kea: Mapping[str, Any]) -> str:
    """A configuration as Kea is told it."""
    return json.dumps({"command": name, "arguments": {"Dhcp4": kea}})


def _minors(seen: Picture, after: State, touched: Iterable[Key]) -> dict[str, int]:
    """The class of each binding: it keeps that which it has; a new one has the last 16 bits of the address, or the
    next that is free. So no class depends on how many others there are."""
    names = sorted(name for kind, name in after if kind == "binding")
    before = minors(seen)
    found = {name: before[name] for name in names if name in before}
    used = {0, *before.values()}
    for name in names:
        if name not in found and ("binding", name) in touched:
            minor = int(ip_address(str(after["binding", name]["address"]))) & 0xFFFF
            for _ in range(0x10000):
                if minor not in used:
                    break
                minor = (minor + 1) & 0xFFFF
            else:
                raise ValueError("65,535 bindings are the most that one router can tell apart")
            found[name] = minor
            used.add(minor)
    return found


def _qdisc(name: str, toward: str) -> str:
    return f"qdisc add dev {name} root handle {HANDLES[toward]:x}: htb\n"


def _class(verb: str, name: str, toward: str, minor: int, rate: int) -> str:
    """What a class may send at once grows with its rate: 4 ms of it, 32 kB at least."""
    handle, burst = HANDLES[toward], max(32 * 1024, rate // 8 // 250)
    return (
        f"class {verb} dev {name} parent {handle:x}: classid {handle:x}:{minor:x} htb"
        f" rate {rate}bit ceil {rate}bit burst {burst}b cburst {burst}b quantum 15000\n"
    )


def _tc(seen: Picture, after: State, touched: set[Key], classes: Mapping[str, int]) -> tuple[str, str]:
    now, before, used = shapers(seen), minors(seen), set(classes.values())
    wanted = {name: str(fields["toward"]) for (kind, name), fields in after.items() if kind == "shaper"}
    add, remove = [], []
    for name, toward in sorted(wanted.items()):
        kind, handle = seen.roots.get(name, NONE[::-1])
        fresh = now.get(name) != toward
        if fresh and name not in now and handle != NONE[0]:
            raise ValueError(f"{name}: its root qdisc {kind} {handle}: is not ours")
        if fresh and name in now:
            add.append(f"qdisc del dev {name} root\n")
        add += [_qdisc(name, toward)] if fresh else []
        stand = {} if fresh else seen.rates.get(name, {})
        rate = "down" if toward == "subscribers" else "up"
        for binding, minor in sorted(classes.items()):
            fields = after["binding", binding]
            if rate in fields and (fresh or ("binding", binding) in touched) and stand.get(minor) != fields[rate]:
                verb = "change" if minor in stand else "add"
                add.append(_class(verb, name, toward, minor, int(str(fields[rate]))))
        gone = {before[binding] for binding in before.keys() - classes.keys()}
        gone |= {int(one.split()[1], 16) for kind, one in touched if kind == "stray" and one.split()[0] == name}
        handle = f"{HANDLES[toward]:x}"
        remove += [f"class del dev {name} classid {handle}:{minor:x}\n" for minor in sorted(gone & stand.keys() - used)]
    remove += [f"qdisc del dev {name} root\n" for name in sorted(now.keys() - wanted.keys())]
    return "".join(add), "".join(remove)


def _nft(seen: Picture, after: State, touched: set[Key], classes: Mapping[str, int]) -> str:
    if FIREWALL not in after:
        return EMPTY if seen.table is not None else ""
    now, then = elements(seen), _filled(seen, after, touched, classes)
    if FIREWALL not in touched:
        gone = [_elements("delete", place, _less(now[place], then[place])) for place in FILLED]
        return "".join(gone + [_elements("add", place, _less(then[place], now[place])) for place in FILLED])
    blocks = sorted(after[FIREWALL].items(), key=lambda one: (one[0].startswith("chain "), one[0]))
    body = "".join(f"{name} {{\n{text}\n}}\n" for name, text in blocks)
    filled = "".join(_elements("add", place, then[place]) for place in FILLED)
    return f"{EMPTY}table inet {TABLE} {{\n{body}}}\n{filled}"


def _less(these: Mapping[str, Element], those: Mapping[str, Element]) -> dict[str, Element]:
    return {key: element for key, element in these.items() if those.get(key) != element}


def _elements(verb: str, place: str, which: Mapping[str, Element]) -> str:
    """A line for all of them; a comment is told only to what is new."""
    said = []
    for key, (comment, leads) in sorted(which.items()):
        remark = f' comment "{comment}"' if comment and verb == "add" else ""
        said.append(f"{key}{remark}{f' : {leads}' if leads else ''}")
    return f"{verb} element inet {TABLE} {place} {{ {', '.join(said)} }}\n" if said else ""


def _filled(
    seen: Picture, after: State, touched: set[Key], classes: Mapping[str, int]
) -> dict[str, dict[str, Element]]:
    """What the sets and maps hold then: who is not touched keeps what he has."""
    strays = {tuple(one.split(" ", 1)) for kind, one in touched if kind == "stray"}
    found: dict[str, dict[str, Element]] = {}
    for place, those in elements(seen).items():
        kept = {key: one for key, one in those.items() if (place, key) not in strays}
        found[place] = {key: one for key, one in kept.items() if ("binding", name_of(one[0])) not in touched}
    before = resources(seen)
    found["macs6"] = {key: one for key, one in found["macs6"].items() if ("stray", f"macs6 {key}") in before}
    for (kind, name), fields in sorted(after.items()):
        if kind == "binding":
            own = elements_of(name, fields, classes.get(name, 0))
            found["macs6"] |= own["macs6"]
            for place in FILLED if (kind, name) in touched else ():
                found[place] |= own[place]
    return found


def _kea(seen: Picture, after: State, touched: set[Key]) -> Mapping[str, Any] | None:
    """Its whole configuration, in which subnets of ours are others; None where they are as they should be."""
    if not any(kind in ("subnet", "binding", "stray") for kind, _ in touched):
        return None
    prefixes = sorted(name for kind, name in after if kind == "subnet")
    keeps = {
        (name, *one)
        for (kind, name), fields in after.items()
        if kind == "binding"
        for one in reservations(fields, prefixes)
    }
    now = {(name, *one) for name, those in reserved_now(seen).items() for one in those}
    subnets_touched = any(kind == "subnet" for kind, _ in touched)
    if not subnets_touched and keeps == now:
        return None
    if seen.kea is None:
        if prefixes:
            raise ValueError("there is no Kea at its control socket: a pool that is served by dhcp needs one")
        return None
    ours = {one["subnet"] for one in own_subnets(seen.kea)}
    others = [one for one in seen.kea["subnet4"] if one["subnet"] not in ours]
    if clash := {one["subnet"] for one in others} & set(prefixes):
        raise ValueError(f"Kea has a subnet {min(clash)} that is not ours")
    return {**seen.kea, "subnet4": [*others, *(_subnet(one, after["subnet", one], keeps) for one in prefixes)]}


def _subnet(prefix: str, fields: Fields, keeps: Iterable[tuple[str, str, str, str]]) -> dict[str, Any]:
    """Its id is its address, so that leases stay with it whatever other subnets there are."""
    told = {key: value for key, value in unpacked(fields).items() if key != "pool"}
    return {
        **told,
        "id": int(ip_network(prefix).network_address),
        "user-context": {"ispctl": dict(fields)},
        "reservations": [
            {"hw-address": mac, "ip-address": address, "user-context": {"ispctl": name}}
            for name, subnet, mac, address in sorted(keeps)
            if subnet == prefix
        ],
    }
