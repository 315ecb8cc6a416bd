"""The RADIUS server and the NAS: what they know, which configuration runs, which way leads there."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

from ispctl.model.network import Nas
from ispctl.radius.dictionary.installed import problems
from ispctl.radius.server import ServerSettings, marker, stale_after
from ispctl.radius.server.ask import Silence, running
from ispctl.repo import Snapshot
from ispctl.status.check import Check
from ispctl.status.values import ago
from ispctl.store import Store, proofs
from ispctl.structs import Struct, field


class Server(Struct):
    """A RADIUS server that takes us for a client of its."""

    host: str
    port: int
    secret: str = field(repr=False)


def dictionaries(folder: Path) -> Check:
    """Whether the installed server knows every attribute that we write."""
    if not (folder / "dictionary").is_file():
        return Check("dictionary", "ok", f"no FreeRADIUS on this machine ({folder}): its dictionary was not compared")
    found = problems(folder)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return Check("dictionary", "bad", f"{found[0].code} {found[0].text}{more}", found[0].advice)
    return Check("dictionary", "ok", f"{folder} knows every attribute that we write")


def server(where: Server | None, dialect: Literal["sqlite", "postgresql"], nas: Iterable[Nas]) -> Check:
    """Whether the running server decides as this version would have it, for the intervals of these NAS: its answer to a
    Status-Server names both."""
    if where is None:
        text = "was not asked: name it with --server, and the secret of this address in ISPCTL_STATUS_SECRET"
        return Check("server", "ok", text)
    try:
        said = running((where.host, where.port), where.secret)
    except Silence as silence:
        text = f"{where.host}:{where.port} {silence}"
        return Check("server", "bad", text, "Does it run? Is this address a client of it, with this secret?")
    mine = marker(ServerSettings(database="/unused", run_dir="/unused", dialect=dialect)).partition("-")[0]
    if not said.marker:
        return Check("server", "bad", "runs a configuration that is not ours", "ispctl radius config --out DIR")
    runs, anew = said.marker.partition("-")[0], "ispctl radius config --out DIR, then restart the server"
    if runs != mine:
        return Check("server", "bad", f"runs version {runs} of the configuration, this ispctl renders {mine}", anew)
    seconds = stale_after(one.accounting.interim for one in nas)
    if said.stale_after is not None and said.stale_after != seconds:
        after = f"after {said.stale_after} s without a report, not {seconds} s by accounting.interim"
        text = f"takes a session for lost {after}"
        return Check("server", "bad" if said.stale_after < seconds else "warning", text, anew)
    return Check("server", "ok", f"runs what this version renders ({mine})")


def nas(snapshot: Snapshot, store: Store, now: datetime) -> Iterator[Check]:
    """CoA goes over UDP: nothing answers before something is asked, and here nothing is asked. What can be known is the
    route, and when the NAS last did what it was told."""
    answered: dict[str, datetime] = {}
    for one in proofs.answers(store):
        if one.acked:
            answered[one.nas] = max(one.acked, answered.get(one.nas, one.acked))
    for name, host in sorted(snapshot.nas.items()):
        if host.coa is None:
            yield Check(
                f"nas {name}", "warning", "has no address for CoA", "Add data.coa to it in inventory/hosts.yaml"
            )
            continue
        address, port = str(host.coa.address), host.coa.port
        source = _source(address, port)
        if not source:
            yield Check(f"nas {name}", "bad", f"there is no route to {address}", f"ip route get {address}")
            continue
        last = f"last answered a change {ago(answered[name], now)}" if name in answered else "no answer is remembered"
        yield Check(f"nas {name}", "ok", f"{address}:{port} would be asked from {source}; {last}")


def _source(address: str, port: int) -> str:
    """Our address on the way there; empty where there is none. Connecting a datagram socket sends nothing."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as door:
            door.connect((address, port))
            return str(door.getsockname()[0])
    except OSError:
        return ""
