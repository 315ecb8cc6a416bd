"""A machine with accel-ppp of the lab, full of what others configured: in the sections of ours, and in nftables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ispctl.lab.devices.accel_ppp import AccelLike
from ispctl.platforms.device import Login

FOREIGN = (Path(__file__).parent / "foreign.conf").read_text("utf-8", "surrogateescape")
FILTER = "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n}\n"


class Device:
    def __init__(self, box: AccelLike) -> None:
        self.box = box
        self.login = Login(
            "lalitpur-1",
            "accel-ppp",
            "127.0.0.1",
            box.port,
            box.username,
            box.password,
            host_key=box.host_key,
            timeout=10,
            options=box.options,
        )

    def foreign(self) -> str:
        """The file without what stands between the marks, octet by octet, and the tables of others."""
        lines, inside = [], False
        for line in self.box.file.read_bytes().split(b"\n"):
            inside = inside or line.startswith(b"# ispctl: begin")
            if not inside:
                lines.append(line.decode("latin-1"))
            inside = inside and not line.startswith(b"# ispctl: end")
        tables = self.box.tables
        return "\n".join([*lines, *(text for name, text in tables.items() if name != "table inet isp")])

    def dies_after(self, writes: int) -> None:
        self.box.writes_left = writes

    def revives(self) -> None:
        self.box.writes_left = None

    def elapses(self) -> None:
        """Its job would take a minute; it is asked for by name elsewhere."""


@contextmanager
def device(tmp_path: Path) -> Iterator[Device]:
    with AccelLike(tmp_path / "machine", FOREIGN, password="a lab password") as box:
        box.loads("table inet filter", FILTER)
        yield Device(box)
