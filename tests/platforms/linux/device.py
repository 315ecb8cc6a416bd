"""A real plain Linux router in namespaces of its own: nftables, tc, Kea and sshd, and much that others configured."""

from __future__ import annotations

import ctypes
import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from ispctl.lab.process import wait_for
from ispctl.platforms.device import Login

T = TypeVar("T")
PROGRAMS: Final = ("sshd", "nft", "tc", "kea-dhcp4", "ssh-keygen")
_NETWORK: Final = 0x40000000  # CLONE_NEWNET
_ENV: Final = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

_APART: Final = """
mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs "$(getent passwd root | cut -d: -f6)" || exit
ip link set lo up
"""
_START: Final = """
mkdir -p /run/sshd /run/kea
for pair in acc0:s0 acc1:s1 up0:c0 wan9:w9; do
    ip link add "${pair%:*}" type veth peer name "${pair#*:}"
    ip link set "${pair%:*}" up && ip link set "${pair#*:}" up
done
ip address add 100.64.32.1/24 dev acc1
ip address add 198.51.100.1/24 dev up0
sysctl -q net.ipv4.ip_forward=1
nft -f "$1/foreign.nft" || exit
tc qdisc add dev wan9 root handle 1: htb default 10 r2q 100
tc class add dev wan9 parent 1: classid 1:10 htb rate 77mbit
tc class add dev wan9 parent 1: classid 1:20 htb rate 5mbit ceil 9mbit
tc qdisc add dev s0 root handle a1: pfifo limit 77
KEA_LOCKFILE_DIR=none KEA_PIDFILE_DIR=/run/kea kea-dhcp4 -c "$1/kea.conf" >"$1/kea.log" 2>&1 &
/usr/sbin/sshd -D -e -f "$1/sshd.conf" >"$1/sshd.log" 2>&1 &
"""
_FOREIGN: Final = """
table inet filter {
  set isp-friends { type ipv4_addr; elements = { 192.0.2.9, 192.0.2.10 } }
  chain input { type filter hook input priority 0; policy accept; ip saddr 203.0.113.66 drop; }
  chain forward { type filter hook forward priority 5; policy accept; ip daddr 203.0.113.67 drop comment "by hand"; }
}
table ip nat {
  chain postrouting { type nat hook postrouting priority 100; policy accept; oifname "wan9" masquerade; }
}
table ip isp {
  map m_down { type ipv4_addr : mark; elements = { 192.0.2.77 : 7 } }
  chain shape { type filter hook postrouting priority 10; policy accept; meta mark set ip daddr map @m_down; }
}
"""
_SSHD: Final = """
ListenAddress 127.0.0.1:22
HostKey {folder}/host_key
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication yes
AuthorizedKeysFile {folder}/key.pub
Subsystem sftp /usr/lib/openssh/sftp-server
ForceCommand sh {folder}/forced.sh
MaxStartups 100
"""
_FORCED: Final = """
left={folder}/left
case "$SSH_ORIGINAL_COMMAND" in
"sh -s -- see "* | "sh -s -- say" | "sh -s -- ask "* | "sh -s -- check "*) ;;
*)
    if [ -e $left ]; then
        n=$(cat $left)
        if [ "$n" -le 0 ]; then
            p=$$
            while [ "$(cat /proc/$p/comm)" != sshd ]; do p=$(cut -d' ' -f4 /proc/$p/stat); done
            kill -9 $p
            exit 1
        fi
        echo $((n - 1)) >$left
    fi
    ;;
esac
eval "exec $SSH_ORIGINAL_COMMAND"
"""


class Namespace:
    """A machine with a network, a /run and processes of its own; `script` is what its first process does before it
    waits. A context manager: with it everything in it ends."""

    def __init__(self, folder: Path, script: str = "") -> None:
        self.folder = folder
        self.folder.mkdir()
        self._script = script

    def __enter__(self) -> Self:
        self._write("start.sh", f'{_APART}{self._script}touch "$1/up"\ncat\n')
        words = ["unshare", "-n", "-m", "-p", "--fork", "--kill-child", "--mount-proc", "sh", f"{self.folder}/start.sh"]
        self._holder = subprocess.Popen([*words, str(self.folder)], stdin=subprocess.PIPE, env=_ENV)
        if not wait_for(self._up, 20):
            self._end()
            raise AssertionError(self.logs())
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def pid(self) -> int:
        """Of its first process."""
        return int(Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text().split()[0])

    def inside(self) -> list[str]:
        """The words before a command that put it there."""
        return ["nsenter", "-t", str(self.pid), "-n", "-m", "-p", "--"]

    def run(self, *words: str) -> str:
        command = [*self.inside(), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, env=_ENV)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def within(self, work: Callable[[], T]) -> T:
        """Do something in this process, but in its network."""
        pid = self.pid

        def enter() -> T:
            with open(f"/proc/{pid}/ns/net", "rb") as net:
                assert ctypes.CDLL(None, use_errno=True).setns(net.fileno(), _NETWORK) == 0
            return work()

        with ThreadPoolExecutor(1) as one:
            return one.submit(enter).result()

    def logs(self) -> str:
        return "".join(file.read_text() for file in sorted(self.folder.glob("*.log")))

    def _up(self) -> bool:
        return (self.folder / "up").exists()

    def _end(self) -> None:
        """With its first process all others end."""
        self._holder.kill()
        self._holder.communicate()

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)


class LinuxRouter(Namespace):
    """acc0 and acc1 face subscribers (s0, s1), up0 the core (c0). `login` leads to it from anywhere on this machine."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "router", _START)

    def __enter__(self) -> Self:
        self._keys()
        self._write("foreign.nft", _FOREIGN)
        self._write("sshd.conf", _SSHD.format(folder=self.folder))
        self._write("forced.sh", _FORCED.replace("{folder}", str(self.folder)))
        self._write("kea.conf", json.dumps(self._kea()))
        super().__enter__()
        self._door = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._let_in, daemon=True).start()
        self.login = Login(
            host="lalitpur-1",
            platform="linux",
            address="127.0.0.1",
            port=self._door.getsockname()[1],
            username="root",
            private_key=(self.folder / "key").read_text(),
            host_key=" ".join((self.folder / "host_key.pub").read_text().split()[:2]),
            options={"folder": f"{self.folder}/etc"},
        )
        return self

    def __exit__(self, *error: object) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        super().__exit__(*error)

    def ask_kea(self, command: str) -> dict[str, object]:
        """By its socket, which only its own mount namespace shows."""
        found: dict[str, object] = self.tell_kea(command, {})["arguments"]
        return found

    def tell_kea(self, command: str, arguments: object) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as kea:
            kea.settimeout(10)
            kea.connect(f"/proc/{self.pid}/root/run/kea/kea4-ctrl-socket")
            kea.sendall(json.dumps({"command": command, "arguments": arguments}).encode())
            said = b""
            while part := kea.recv(65536):
                said += part
        answer: dict[str, Any] = json.loads(said)
        assert answer["result"] == 0, answer
        return answer

    def foreign(self) -> str:
        """What others configured: tables, qdiscs, Kea, and interfaces."""
        tables = [line.split() for line in self.run("nft", "list", "tables").splitlines()]
        said = [self.run("nft", "list", *words) for words in tables if words != ["table", "inet", "isp"]]
        for name in ("wan9", "s0", "acc0"):
            said += [self.run("tc", kind, "show", "dev", name) for kind in ("qdisc", "class")]
        said.append(self.run("ip", "-br", "address"))
        kea = self.ask_kea("config-get")["Dhcp4"]
        assert isinstance(kea, dict)
        kea["subnet4"] = [one for one in kea["subnet4"] if "ispctl" not in one.get("user-context", {})]
        return "\n".join([*said, json.dumps(kea, indent=1, sort_keys=True)])

    def dies_after(self, writes: int) -> None:
        self._write("left", str(writes))

    def revives(self) -> None:
        (self.folder / "left").unlink()

    def elapses(self) -> None:
        """Its job would take a minute; it is asked for by name elsewhere."""

    def _up(self) -> bool:
        if not super()._up():
            return False
        with suppress(OSError):
            self.within(lambda: socket.create_connection(("127.0.0.1", 22), 1)).close()
            return bool(self.ask_kea("config-get"))
        return False

    def _let_in(self) -> None:
        """Whoever comes to the door is led to sshd."""
        while True:
            try:
                guest, _ = self._door.accept()
                inside = self.within(lambda: socket.create_connection(("127.0.0.1", 22), 5))
            except (OSError, IndexError):
                return
            for one in (guest, inside):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for pair in ((guest, inside), (inside, guest)):
                threading.Thread(target=_pump, args=pair, daemon=True).start()

    def _keys(self) -> None:
        for name in ("host_key", "key"):
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
            subprocess.run(words, check=True, env=_ENV)

    def _kea(self) -> object:
        return {
            "Dhcp4": {
                "interfaces-config": {"interfaces": ["acc1"]},
                "control-socket": {"socket-type": "unix", "socket-name": "/run/kea/kea4-ctrl-socket"},
                "lease-database": {"type": "memfile", "name": f"{self.folder}/leases"},
                "ip-reservations-unique": False,
                "valid-lifetime": 1200,
                "option-data": [{"name": "domain-name", "data": "isp.example"}],
                "subnet4": [
                    {
                        "id": 7,
                        "subnet": "192.0.2.128/25",
                        "user-context": {"comment": "the office"},
                        "pools": [{"pool": "192.0.2.140-192.0.2.150"}],
                        "reservations": [{"hw-address": "02:00:00:00:99:01", "ip-address": "192.0.2.130"}],
                    }
                ],
            }
        }


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            sink.sendall(part)
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


@contextmanager
def device(tmp_path: Path) -> Iterator[LinuxRouter]:
    with LinuxRouter(tmp_path) as router:
        yield router
