"""The stand-ins of tests.bench.sessions, as a program: prints the port, and answers until it is killed."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Final

from ispctl.lab.granted import granted
from ispctl.lab.nas import Nas
from ispctl.lab.relay import Fleet
from ispctl.lab.session import Session
from tests.bench import isp

PLATFORMS: Final = ("routeros", "accel-ppp")
FOREVER: Final = 10**6
"""Seconds until a session reports."""


def main() -> None:
    place = ("127.0.0.1", 1)
    fleet = {
        f"192.0.2.{number + 1}": Nas(
            f"bng-{number:02}",
            address=f"192.0.2.{number + 1}",
            secret="unused",
            auth=place,
            acct=place,
            platform=PLATFORMS[number % 2],
        )
        for number in range(isp.POPS * isp.NAS_PER_POP)
    }
    for id, login, address, at in json.loads(Path(sys.argv[1]).read_text("utf-8")):
        nas = fleet[at]
        session = Session(id, nas.name, login, "", address, granted(nas.platform, {}), nas.clock(), interim=FOREVER)
        nas.online(session)
    with Fleet(list(fleet.values()), "stand-in") as answering:
        print(answering.coa[1], flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
