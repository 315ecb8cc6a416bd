"""The programs of a Linux machine with accel-ppp that somebody needs who configures it: accel-cmd, systemctl and nft,
over one file of state. Run as a script: PROGRAM STATE_FOLDER WORD…, with nothing but the standard library.

accel-ppp reads its file as conf_file.c does, and takes of it at a reload what that does and not more: pools, the
interfaces of PPPoE, and the secret of a server whose address and ports are known already wait for a start.
"""

from __future__ import annotations

import fcntl
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

State = dict[str, Any]
OURS = "table inet isp"
FRESH: State = {
    "running": True,
    "online": 0,
    "config": "",
    "interfaces": [],
    "pools": [],
    "secrets": {},
    "refuses": "",
}
"""`config`: the file as it was read last; `refuses`: "reload" or "restart", which fails the next time."""
Section = list[tuple[str, str]]


class Failed(Exception):
    """A program complains, and ends with 1."""


def sections(text: str) -> dict[str, Section]:
    """The file as accel-ppp reads it; of two sections with one name it never looks at the second. Raises Failed."""
    found: dict[str, Section] = {}
    now: Section | None = None
    for number, line in enumerate(text.split("\n"), 1):
        words = line.strip(" \t")
        if not words or words.startswith("#"):
            continue
        if words.startswith("["):
            name, end, _ = words[1:].partition("]")
            if not end:
                raise Failed(f"conf_file:/etc/accel-ppp.conf:{number}: sintax error")
            now = []
            found.setdefault(name, now)
        elif now is None:
            raise Failed(f"conf_file:/etc/accel-ppp.conf:{number}: no section opened")
        else:
            option, equals, value = words[:1022].partition("=")
            now.append((option.strip(), value.strip() if equals else ""))
    return found


def _values(found: dict[str, Section], section: str, name: str) -> list[str]:
    return [value for option, value in found.get(section, []) if option == name]


def _take(state: State, text: str) -> None:
    """What a reload changes. Raises Failed and changes nothing."""
    found = sections(text)
    state["config"] = text
    secrets: dict[str, str] = {}
    for server in _values(found, "radius", "server"):
        address, _, rest = server.partition(",")
        secret, _, options = rest.partition(",")
        ports = ",".join(one for one in options.split(",") if one.startswith(("auth-port", "acct-port")))
        secrets[f"{address},{ports}"] = state["secrets"].get(f"{address},{ports}", secret)
    state["secrets"] = secrets


def start(state: State, text: str) -> None:
    """Raises Failed where it would end at once."""
    found = sections(text)
    pools = set()
    for option, value in found.get("ip-pool", []):
        if option in ("gw-ip-address", "shuffle", "vendor", "attr"):
            continue
        begin = option.partition(",")[0]
        if not re.fullmatch(r"(\d+\.){3}\d+(/\d+|-\d+)", begin):
            raise Failed(f"ippool: cann't parse '{begin}'")
        pools.add(value if option.endswith(",name") else "")
    for option, value in found.get("ipv6-pool", []):
        pools.add((value if option.endswith(",name") else value.partition(",name=")[2]).partition(",")[0])
    interfaces = [one.partition(",")[0] for one in _values(found, "pppoe", "interface")]
    state |= {"secrets": {}, "pools": sorted(pools - {""}), "interfaces": interfaces, "online": 0, "running": True}
    _take(state, text)


def accel_cmd(state: State, file: Path, words: Sequence[str]) -> str:
    """What accel-ppp answers, with its ends of lines. Raises Failed."""
    if not state["running"]:
        raise Failed("Connection to 127.0.0.1:2001 failed: Connection refused")
    match list(words):
        case ["show", "version"]:
            lines = ["1.13.0"]
        case ["show", what]:
            lines = _shown(state, what)
        case ["reload"]:
            lines = _reload(state, file)
        case ["pppoe", "interface", "show"]:
            rows = [f"{name:>9}    {0:>11}    active" for name in state["interfaces"]]
            lines = ["interface:   connections:    state:", "-" * 35, *rows]
        case ["pppoe", "interface", ("add" | "del") as verb, name]:
            lines = _interface(state, verb, name.partition(",")[0])
        case _:
            lines = ["command unknown"]
    return "".join(f"{line}\r\n" for line in lines)


def _judge(state: State, what: str) -> None:
    if state["refuses"] == what:
        state["refuses"] = ""
        raise Failed("")


def _shown(state: State, what: str) -> list[str]:
    if what == "sessions":
        rows = [f" ppp{number}   | subscriber-{number}@isp.example" for number in range(state["online"])]
        return [" ifname | username", "--------+-----------", *rows]
    if what != "stat":
        return ["command unknown"]
    lines = ["uptime: 3.04:05:06", "cpu: 1%", "mem(rss/virt): 6400/183000 kB", "core:", "  thread_count: 2"]
    lines += ["sessions:", "  starting: 0", f"  active: {state['online']}", "  finishing: 0", "pppoe:"]
    return [*lines, "  starting: 0", f"  active: {state['online']}"]


def _reload(state: State, file: Path) -> list[str]:
    try:
        _judge(state, "reload")
        _take(state, file.read_text("utf-8", "surrogateescape"))
    except Failed:
        return ["failed"]
    return []


def _interface(state: State, verb: str, name: str) -> list[str]:
    """Whoever was at one that goes is online no more."""
    if verb == "add" and name in state["interfaces"]:
        return ["error: already exists"]
    if verb == "add":
        state["interfaces"].append(name)
    elif name in state["interfaces"]:
        state["interfaces"].remove(name)
        state["online"] = 0
    return []


def systemctl(state: State, file: Path, words: Sequence[str]) -> str:
    """`restart` ends all sessions, whatever comes of it. Raises Failed."""
    if list(words) != ["restart", "accel-ppp"]:
        raise Failed(f"Failed to {' '.join(words)}: Unit not found.")
    state["running"], state["online"] = False, 0
    try:
        _judge(state, "restart")
        start(state, file.read_text("utf-8", "surrogateescape"))
    except Failed:
        text = "Job for accel-ppp.service failed because the control process exited with error code."
        raise Failed(text) from None
    return ""


def nft(_: State, file: Path, words: Sequence[str]) -> str:
    """Loads a table as a whole: `-f FILE`, or `-c -f FILE`; what it lists then lies in files. Raises Failed."""
    *check, flag, path = words
    if flag != "-f" or check not in ([], ["-c"]):
        raise Failed("Error: syntax error, unexpected end of file")
    text = Path(path).read_text("utf-8")
    lines = [line for line in text.splitlines() if line not in (OURS, f"delete {OURS}")]
    if any(lines) and (lines[0] != f"{OURS} {{" or text.count("{") != text.count("}")):
        raise Failed(f"Error: syntax error, unexpected string\n{lines[0]}")
    if not check:
        place = file.parent.parent / "state" / "tables"
        for one in place.glob(f"{OURS}*") if f"delete {OURS}" in text.splitlines() else ():
            one.unlink()
        if any(lines):
            body = "\n".join([*lines, ""])
            (place / OURS).write_text(body, "utf-8")
            (place / f"{OURS}.json").write_text(json.dumps({"nftables": _objects(body)}) + "\n", "utf-8")
    return ""


def _objects(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"metainfo": {"version": "1.0.6"}}, {"table": {"family": "inet", "name": "isp"}}]
    inside: dict[str, Any] = {}
    for line in map(str.strip, text.splitlines()[1:]):
        if header := re.fullmatch(r"(set|map|chain) ([\w-]+) \{", line):
            inside = {"family": "inet", "table": "isp", "name": header[2], "handle": len(found)}
            found.append({header[1]: inside})
        elif line not in ("}", ""):
            comment = re.search(r' comment "([^"]*)"', line)
            if comment:
                found.append({"rule": {"chain": inside["name"], "comment": comment[1], "expr": [line]}})
            else:
                inside.setdefault("says", []).append(line)
    return found


def keep(place: Path, state: State) -> None:
    """Whoever reads it meanwhile finds what was or what is, and no half."""
    (place / "state.new").write_text(json.dumps(state), "utf-8")
    (place / "state.new").replace(place / "state.json")


def run(program: str, folder: str, *words: str) -> int:
    """Do what a program does, alone; its exit status."""
    place = Path(folder)
    with (place / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = json.loads((place / "state.json").read_text("utf-8"))
        programs = {"accel-cmd": accel_cmd, "systemctl": systemctl, "nft": nft}
        try:
            said, status = programs[program](state, Path(state["file"]), words), 0
        except Failed as error:
            said, status = f"{error}\n", 1
        keep(place, state)
    (sys.stderr if status else sys.stdout).write(said)
    return status


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
