"""`make bench-radius`: authentications a second of our configuration against a minimal one, taking turns in one run.

Like for like comes first: the minimal one keeps a row of every accept, and ours does so only if it is told to.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from ispctl.lab import freeradius
from ispctl.lab.freeradius import free_ports
from ispctl.structs import replace
from tests.bench import minimal
from tests.canary import PASSWORD
from tests.live.rig import SECRET, Rig
from tests.postgres import own_cluster

LOGINS, REQUESTS, ROUNDS, PARALLEL = 2000, 5000, 5, 50


def main() -> None:
    """On a SQLite file, then on PostgreSQL."""
    print("SQLite")
    bench("")
    with own_cluster(fsync="on", synchronous_commit="on", full_page_writes="on") as cluster:
        print("PostgreSQL, which waits for the disk")
        bench(cluster.make("radius"))


def bench(dsn: str) -> None:
    """Prints what each configuration did in each round, then the medians and their ratio."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        rig = Rig(Path(folder), dsn, nas_lifetime=600)
        try:
            logins = people(rig)
            with others(rig, Path(folder)) as places:
                compare(Path(folder), logins, places)
        finally:
            rig.close()


@contextmanager
def others(rig: Rig, folder: Path) -> Iterator[dict[str, tuple[str, int]]]:
    """The servers to compare, all on the database of the rig, which itself logs every accept."""
    (port,) = free_ports(1)
    small = minimal.launch(rig.server.settings, folder / "minimal", SECRET, port)
    try:
        usual = freeradius.launch_anywhere(
            lambda auth, acct: replace(
                rig.server.settings, auth_port=auth, acct_port=acct, run_dir=f"{folder}/usual", log_accepts=False
            ),
            folder / "usual-conf",
        )
        try:
            here = ("127.0.0.1", usual.settings.auth_port)
            yield {"minimal": ("127.0.0.1", port), "like for like": rig.auth, "as shipped": here}
        finally:
            usual.stop()
    finally:
        small.stop()


def people(rig: Rig) -> list[str]:
    """Logins with everything that is looked at: two devices, a home, one session at a time."""
    rig.here()
    rig.insert("ispctl_pop", pop="pop", nas="here")
    with rig.store.transaction():
        return [
            rig.login(mac_mode="fixed", mac_max=2, macs=(mac(n, 1), mac(n, 2)), pop="pop", on_roam="reject", sessions=1)
            for n in range(LOGINS)
        ]


def mac(number: int, device: int) -> str:
    return f"02:00:{device:02x}:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def compare(folder: Path, logins: list[str], places: dict[str, tuple[str, int]]) -> None:
    requests = folder / "requests"
    requests.write_text("\n".join(_request(n % LOGINS, logins[n % LOGINS]) for n in range(REQUESTS)), "utf-8")
    rates: dict[str, list[float]] = {name: [] for name in places}
    for number in range(ROUNDS):
        for name, place in places.items():
            rates[name].append(measure(place, requests))
        print(f"round {number + 1}: " + ", ".join(f"{name} {rates[name][-1]:,.0f}/s" for name in places), flush=True)
    middle = {name: median(found) for name, found in rates.items()}
    for name, rate in middle.items():
        print(f"median of {ROUNDS}: {rate:6,.0f}/s  {rate / middle['minimal']:.2f} of minimal  {name}")


def measure(place: tuple[str, int], requests: Path) -> float:
    """Authentications a second; every one of them must be an accept, at the first try."""
    command = ["radclient", "-q", "-s", "-r", "1", "-t", "5", "-p", str(PARALLEL), "-f", str(requests)]
    began = time.monotonic()
    done = subprocess.run(
        [*command, f"{place[0]}:{place[1]}", "auth", SECRET], capture_output=True, text=True, check=False
    )
    took = time.monotonic() - began
    accepted = [line for line in done.stdout.splitlines() if "Access-Accept" in line or "Accepted" in line]
    if not any(line.split()[-1] == str(REQUESTS) for line in accepted):
        sys.exit(f"not all were accepted:\n{done.stdout[-500:]}{done.stderr[-500:]}")
    return REQUESTS / took


def _request(number: int, login: str) -> str:
    return (
        f'User-Name = "{login}"\nUser-Password = "{PASSWORD}"\nCalling-Station-Id = "{mac(number, 1)}"\n'
        "Service-Type = Framed-User\nFramed-Protocol = PPP\nNAS-IP-Address = 192.0.2.1\nMessage-Authenticator = 0x00\n"
    )


if __name__ == "__main__":
    main()
