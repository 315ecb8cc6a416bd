"""accel-ppp.conf: what of it is ours, and the file in which that is otherwise. Pure.

- ("server", address): `options` of a RADIUS server, and its secret; ("dae-server", address): `port`, and its secret.
- ("setting", "radius nas-identifier"): `value`.
- ("pool", name), ("pool6", name), ("delegated", name): `ranges`, as they are written.
- ("port", "pppoe eth1"): `options`.
- ("stray", "section line"): a line between our marks that is none of these; never wanted.

Ours is what stands between two comments, a block in each section, since a second section of the same name would not be
read (conf_file.c). Where there is no such section, its head stands between the comments as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from ispctl.plan import Fields, Key, Resources
from ispctl.platforms.device import SECRET, Seen

BEGIN: Final = "# ispctl: begin"
END: Final = "# ispctl: end"
KINDS: Final = frozenset({"server", "dae-server", "setting", "pool", "pool6", "delegated", "port", "stray"})

_SECTIONS: Final = ("radius", "ip-pool", "ipv6-pool", "pppoe", "ipoe")
"""In which ours may be; those of modules, threads and accel-cmd are read at a start only, and make or break it."""
_NEEDED: Final = {
    "radius": ("radius",),
    "ip-pool": ("ippool",),
    "ipv6-pool": ("ipv6pool", "ipv6_pool"),
    "pppoe": ("pppoe",),
    "ipoe": ("ipoe",),
}
"""One of these modules reads the section; the rest of the daemon does not look at it."""
_SERVER: Final = re.compile(r"server=([0-9A-Fa-f.:]+),([^,]*)((?:,[a-z-]+(?:=[^,=]+)?)*)")
_DAE: Final = re.compile(r"dae-server=([0-9.]+):(\d+),(.*)")
_POOL: Final = re.compile(r"([^,=]+|delegate=[^,=]+)((?:,\d+)?),name=([^,={}]+)((?:,[a-z-]+=[^,=]+)*)")
_PORT: Final = re.compile(r"interface=([^,={}]+)((?:,[a-z-]+=[^,={}]*)*)")
_SETTING: Final = re.compile(r"([a-z][a-z0-9-]*)=(\S(?:.*\S)?)")
_HEAD: Final = re.compile(r"\[([^\]]*)\]")
_NAMED: Final = re.compile(r",(?:name=)?([^,=]+)")
_LONGEST: Final = 1000
"""Octets of a line: accel-ppp reads 1023 and takes what follows for another."""
_MOST: Final = 24
"""A range of 2^24 prefixes is the largest that accel-ppp takes (ipv6pool.c)."""


def parse(text: str) -> Resources:
    """A rendered text: all of it is ours. Raises ValueError with the line that is not understood."""
    found: dict[Key, Fields] = {}
    section = ""
    for number, written in enumerate(text.splitlines(), 1):
        line = written.strip()
        if not line or line.startswith("#"):
            continue
        if head := re.fullmatch(r"\[([a-z0-9-]+)\]", line):
            section = head[1]
            if section not in _SECTIONS:
                raise ValueError(f"line {number}: nothing of section {line} is ours")
            continue
        try:
            key, fields, secret = _item(section, line)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        _add(found, key, {**fields, SECRET: secret} if secret else fields)
    return found


def seen(text: str) -> Seen:
    """What is ours in a file. Raises ValueError where our marks do not match."""
    found: dict[Key, Fields] = {}
    secrets: dict[Key, str] = {}
    for section, line in _marked(text):
        try:
            key, fields, secret = _item(section, line)
        except ValueError:
            key, fields, secret = ("stray", f"{section} {line}"), {"in": "our part of the file"}, ""
        if secret:
            secrets[key] = secret
            fields = {**fields, SECRET: ""}
        _add(found, key, fields)
    return Seen(found, secrets)


def rewritten(text: str, then: Resources, secrets: Mapping[Key, str], fresh: frozenset[Key]) -> str:
    """The file in which this is ours and the rest is as it was, octet by octet. `fresh`: what was not ours before.
    Raises ValueError for what others have there already, or what accel-ppp would not take."""
    lines = _foreign(text)
    _objections(lines, then, fresh)
    blocks: dict[str, list[str]] = {}
    for key in sorted(then, key=lambda key: (key[0], key[1])):
        written = _written(key, then[key], secrets.get(key, ""))
        if too_long := [line for line in written if len(line.encode()) > _LONGEST]:
            raise ValueError(f"{' '.join(key)}: a line of {len(too_long[0].encode())} octets is too long for accel-ppp")
        blocks.setdefault(_section(key), []).extend(written)
    heads = [found[0] if (found := _HEAD.match(line.strip())) else "" for line in lines]
    for section in filter(blocks.__contains__, _SECTIONS):
        block = [f"{BEGIN}: written from git", *blocks[section], END]
        head = f"[{section}]"
        if head in heads:
            place = heads.index(head) + 1
        else:
            place = len(lines) - (lines[-1] == "")
            block.insert(1, head)
        lines[place:place] = block
        heads[place:place] = block
    return "\n".join(lines)


def _add(found: dict[Key, Fields], key: Key, fields: Fields) -> None:
    """A pool may have several ranges, and nothing else stands twice."""
    if key in found and "ranges" in fields:
        found[key] = {"ranges": (*_ranges(found[key]), *_ranges(fields))}
    else:
        found[key] = fields


def _ranges(fields: Fields) -> tuple[str, ...]:
    ranges = fields["ranges"]
    return tuple(map(str, ranges)) if isinstance(ranges, tuple) else ()


def _item(section: str, line: str) -> tuple[Key, Fields, str]:
    """What a line of a section is of: its key, its fields, its secret. Raises ValueError."""
    if section == "radius" and line.startswith("server="):
        server = _fits(_SERVER, line)
        return ("server", str(ip_address(server[1]))), {"options": server[3].strip(",")}, server[2]
    if section == "radius" and line.startswith("dae-server="):
        dae = _fits(_DAE, line)
        return ("dae-server", dae[1]), {"port": dae[2]}, dae[3]
    if section in ("ip-pool", "ipv6-pool") and ",name=" in line:
        pool = _fits(_POOL, line)
        kind = "pool" if section == "ip-pool" else "delegated" if line.startswith("delegate=") else "pool6"
        _checked(kind, pool[1].removeprefix("delegate="), pool[2])
        return (kind, pool[3]), {"ranges": (f"{pool[1].removeprefix('delegate=')}{pool[2]}{pool[4]}",)}, ""
    if section in ("pppoe", "ipoe") and line.startswith("interface="):
        port = _fits(_PORT, line)
        return ("port", f"{section} {port[1]}"), {"options": port[2].strip(",")}, ""
    if not section:
        raise ValueError(f"no section is open: {line}")
    setting = _fits(_SETTING, line)
    if setting[2].endswith("{"):
        raise ValueError(f"a block is none of ours: {line}")
    return ("setting", f"{section} {setting[1]}"), {"value": setting[2]}, ""


def _fits(pattern: re.Pattern[str], line: str) -> re.Match[str]:
    found = pattern.fullmatch(line)
    if found is None:
        raise ValueError(f"not understood: {line.partition('=')[0]}=…")
    return found


def _checked(kind: str, prefix: str, length: str) -> None:
    """A range that accel-ppp does not understand ends it when it starts (ippool.c), or is left out. ValueError."""
    if kind != "pool":
        most, least = int(length.strip(",") or "0"), IPv6Network(prefix).prefixlen
        if not 7 <= least <= most <= 128 or most - least > _MOST:
            raise ValueError(f"a range of prefixes of at most 2^{_MOST} is expected: {prefix}{length}")
    elif found := re.fullmatch(r"(\d+\.\d+\.\d+)\.(\d+)-(\d+)", prefix):
        IPv4Network(f"{found[1]}.{found[2]}")
        if not int(found[2]) <= int(found[3]) <= 255:
            raise ValueError(f"a range ends below 256 and not before it begins: {prefix}")
    else:
        IPv4Network(prefix)


def _marked(text: str) -> Iterator[tuple[str, str]]:
    """The lines between our marks, and the section each is in. Raises ValueError."""
    section, inside = "", False
    for line in text.split("\n"):
        words = line.strip()
        if words.startswith((BEGIN, END)):
            if inside is words.startswith(BEGIN):
                raise ValueError(f"the comments {BEGIN} and {END} do not match: mend that by hand")
            inside = not inside
        elif head := _HEAD.match(words):
            section = head[1]
        elif inside and words and not words.startswith("#"):
            yield section, words
    if inside:
        raise ValueError(f"{END} is missing: mend that by hand")


def _foreign(text: str) -> list[str]:
    """The lines of a file without ours."""
    found: list[str] = []
    inside = False
    for line in text.split("\n"):
        if line.strip().startswith(BEGIN):
            inside = True
        elif line.strip().startswith(END):
            inside = False
        elif not inside:
            found.append(line)
    return found


def _objections(lines: Sequence[str], then: Resources, fresh: frozenset[Key]) -> None:
    """Nothing comes in the place of what others configured, and a section that nobody reads is of no use."""
    others, modules, section = set[Key](), set[str](), ""
    for line in map(str.strip, lines):
        if head := _HEAD.match(line):
            section = head[1]
        elif section == "modules" and line:
            modules.add(line)
        elif line and not line.startswith("#"):
            others.update(_alike(section, line))
    if taken := sorted(fresh & others):
        raise ValueError(f"{' '.join(taken[0])} stands there already and is not ours: remove it first")
    for section in sorted({_section(key) for key in then}):
        if not modules & set(_NEEDED[section]):
            raise ValueError(f"section [{section}] needs the module {_NEEDED[section][0]} in [modules]")


def _alike(section: str, line: str) -> Iterator[Key]:
    """What a line of others would be if it were ours."""
    name, _, value = line.partition("=")
    first = value.partition(",")[0].strip()
    if section == "radius" and name.strip() in ("server", "dae-server"):
        yield name.strip(), first.partition(":")[0] if name.strip() == "dae-server" else first
    elif section in ("pppoe", "ipoe") and name.strip() == "interface":
        yield "port", f"{section} {first}"
    elif section in ("ip-pool", "ipv6-pool") and (named := _NAMED.search(line.partition(",allocator")[0])):
        kind = "pool" if section == "ip-pool" else "delegated" if name == "delegate" else "pool6"
        yield kind, named[1] if section == "ip-pool" else line.partition(",name=")[2].partition(",")[0]
    else:
        yield "setting", f"{section} {name.strip()}"


def _section(key: Key) -> str:
    """The section in which a resource stands."""
    kind, name = key
    fixed = {"server": "radius", "dae-server": "radius", "pool": "ip-pool", "pool6": "ipv6-pool"}
    return {**fixed, "delegated": "ipv6-pool"}.get(kind) or name.partition(" ")[0]


def _written(key: Key, fields: Fields, secret: str) -> list[str]:
    """The lines of a resource. Raises ValueError without telling the secret."""
    kind, name = key
    options = f",{fields['options']}" if fields.get("options") else ""
    if kind == "server":
        return [f"server={name},{_told(secret)}{options}"]
    if kind == "dae-server":
        return [f"dae-server={name}:{fields['port']},{_told(secret)}"]
    if kind in ("pool", "pool6", "delegated"):
        lines = []
        for one in _ranges(fields):
            begin = re.match(r"[^,]*(?:,\d+)?", one)
            assert begin
            before = "delegate=" if kind == "delegated" else ""
            lines.append(f"{before}{begin[0]},name={name}{one[begin.end() :]}")
        return lines
    rest = name.partition(" ")[2]
    return [f"interface={rest}{options}" if kind == "port" else f"{rest}={fields['value']}"]


def _told(secret: str) -> str:
    if not secret or not (secret.isascii() and secret.isprintable() and secret == secret.strip()):
        raise ValueError("its RADIUS secret is not of printable ASCII, or begins or ends with a blank")
    if set(secret) & {",", "{"}:
        raise ValueError("its RADIUS secret holds a sign that accel-ppp takes for its end: , or {")
    return secret
