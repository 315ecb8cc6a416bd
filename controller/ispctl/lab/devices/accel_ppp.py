"""A Linux machine with accel-ppp, in a folder: files and scripts over SSH, and the programs that these ask for.

Whoever logs in may do what its user may: it listens on 127.0.0.1 only, and takes `sh -s -- WORD…` and files below its
folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import asyncssh

from ispctl.lab.devices import _accel_programs
from ispctl.lab.devices.shell import Line, Shell

USUAL: Final = """\
[modules]
log_file
pppoe
ipoe
auth_mschap_v2
auth_pap
radius
ippool
ipv6pool
ipv6_nd
ipv6_dhcp
shaper

[core]
log-error=/var/log/accel-ppp/core.log
thread-count=2

[ppp]
ipv4=require
ipv6=allow

[radius]
verbose=1

[pppoe]
verbose=0

[shaper]
vendor=
attr=Filter-Id

[cli]
tcp=127.0.0.1:2001
"""
"""What its owner wrote before anybody else came."""
_LOOKS: Final = ("see", "say", "ask", "check")
_WRAPPER: Final = '#!/bin/sh\n{before}exec {python} -I -S {programs} {name} {state} "$@"\n'
_PROGRAMS: Final = {
    "accel-cmd": "",
    "systemctl": "",
    "nft": """\
cd {state}/tables
case "$*" in
"list tables") ls | grep -v json; exit 0 ;;
"-s list "*) shift 2; cat "$*"; exit ;;
"-j list "*) shift 2; cat "$*.json"; exit ;;
esac
""",
}
_SCRIPTS: Final = {
    "tc": """\
case "$*" in
"-j qdisc show") echo "[]" ;;
"qdisc show") ;;
"-batch "*) [ ! -s "$2" ] || {{ echo "Cannot find device" >&2; exit 1; }} ;;
*) exit 1 ;;
esac
""",
    "setsid": 'echo $$ >>{state}/jobs\nexec "$@"\n',
    "sleep": "[ ! -e {state}/fast ] || exec /bin/sleep 0.01\nexec /bin/sleep $1\n",
}
"""Nothing is shaped there but by accel-ppp itself; who waits in the background is known, and can be hurried."""


class AccelLike(Shell):
    """The machine. Its file is `file`; `folder` is for whoever configures it. `text`: what stands in the file."""

    def __init__(
        self,
        folder: Path,
        text: str = USUAL,
        username: str = "root",
        password: str = "lab",  # noqa: S107  listens on 127.0.0.1
    ) -> None:
        super().__init__(username, password)
        self.place = folder.resolve()
        self.file, self.folder = self.place / "etc" / "accel-ppp.conf", self.place / "etc" / "ispctl"
        self._state, self._bin = self.place / "state", self.place / "bin"
        self.files = self._served
        self.options = {"folder": str(self.folder), "file": str(self.file)}
        """Of a login: where its files lie here."""
        for one in (self.file.parent, self._state / "tables", self._bin):
            one.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._programs()
        if not self.file.exists():
            self.file.write_text(text, "utf-8", "surrogateescape")
            state = _accel_programs.FRESH | {"file": str(self.file)}
            _accel_programs.start(state, text)
            self._put(state)

    @property
    def state(self) -> dict[str, Any]:
        """What accel-ppp runs with: see `_accel_programs.FRESH`."""
        found: dict[str, Any] = json.loads((self._state / "state.json").read_text("utf-8"))
        return found

    @property
    def tables(self) -> dict[str, str]:
        """Those of nftables, by name: "table inet isp" is its text."""
        files = [file for file in sorted((self._state / "tables").iterdir()) if not file.suffix]
        return {file.name: file.read_text("utf-8") for file in files}

    def loads(self, name: str, text: str) -> None:
        """Somebody else loads a table of his own."""
        (self._state / "tables" / name).write_text(text, "utf-8")

    def becomes(self, **what: Any) -> None:
        """Other values of its state: `online`, `refuses`, `running`."""
        self._put({**self.state, **what})

    def hurry(self) -> None:
        """From now on a second of whoever waits there is short."""
        (self._state / "fast").touch()

    def line(self) -> Line:
        """It has no terminal."""
        raise NotImplementedError

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        jobs = self._state / "jobs"
        for pid in jobs.read_text("ascii").split() if jobs.exists() else ():
            with suppress(OSError):
                if str(self.place).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(int(pid), signal.SIGKILL)

    def _put(self, state: dict[str, Any]) -> None:
        _accel_programs.keep(self._state, state)

    def _programs(self) -> None:
        said = {
            "python": shlex.quote(sys.executable),
            "programs": shlex.quote(str(_accel_programs.__file__)),
            "state": shlex.quote(str(self._state)),
        }
        texts = {
            name: _WRAPPER.format(**said, name=name, before=before.format(**said)) for name, before in _PROGRAMS.items()
        }
        texts |= {name: f"#!/bin/sh\n{script.format(**said)}" for name, script in _SCRIPTS.items()}
        for name, text in texts.items():
            (self._bin / name).write_text(text, "utf-8")
            (self._bin / name).chmod(0o700)

    def _served(self, channel: asyncssh.SSHServerChannel) -> asyncssh.SFTPServer:  # type: ignore[type-arg]
        return _Files(channel, self.place)

    async def _serve(self, process: asyncssh.SSHServerProcess[str]) -> None:
        words = shlex.split(process.command or "")
        if words[:2] == ["sudo", "-n"] and self.username != "root":
            words = words[2:]
        if words[:3] != ["sh", "-s", "--"]:
            process.stderr.write("This machine of the lab takes scripts only.\n")
            process.exit(1)
            return
        if words[3] not in _LOOKS and self.writes_left is not None:
            self.writes_left -= 1
            if self.writes_left < 0:
                process.channel.get_connection().abort()
                return
        script = await process.stdin.read()
        child = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": f"{self._bin}:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
            cwd=self.place,
        )
        said, complaint = await child.communicate(script.encode())
        with suppress(asyncssh.Error, OSError):
            process.stdout.write(said.decode("utf-8", "replace"))
            process.stderr.write(complaint.decode("utf-8", "replace"))
            process.exit(child.returncode or 0)


class _Files(asyncssh.SFTPServer):
    """Files below one folder; of those above it can only be asked whether they are there."""

    def __init__(self, channel: asyncssh.SSHServerChannel, place: Path) -> None:  # type: ignore[type-arg]
        super().__init__(channel)
        self._place = place

    def map_path(self, path: bytes) -> bytes:
        there = Path(os.path.normpath(os.fsdecode(path)))
        if there != self._place and self._place not in there.parents and there not in self._place.parents:
            raise asyncssh.SFTPPermissionDenied("not in the lab")
        return os.fsencode(there)
