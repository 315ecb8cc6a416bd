"""Makes a generated ISP of any size, as commits of a bare repository: `python -m tests.bench.isp DIR --subscribers N`.

Imports nothing of the product, so that its peers can be measured on the same files. The same number makes the same
files; passwords are sealed with the key that lies in `DIR/age.key`. Written as one stream into `git fast-import`,
since a million files through a work tree take an hour.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import pyrage
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

POPS: Final = 16
NAS_PER_POP: Final = 2
TARIFFS: Final = ("home-20", "home-50", "home-100", "home-200", "gamer-300", "shop-50", "office-100", "office-300")
RATES: Final = {"home-20": 20, "home-50": 50, "home-100": 100, "home-200": 200, "gamer-300": 300}
RATES_UP: Final = {"shop-50": 50, "office-100": 100, "office-300": 300}
STATIC: Final = 10
"""One subscriber in so many has an address of his own."""
BOUND: Final = 4
"""One in so many has a bound device, another one in so many learns it."""
_FIRST: Final = (
    "Anita",
    "Bimal",
    "Chandra",
    "Deepa",
    "Eka",
    "Gita",
    "Hari",
    "Ishwor",
    "Jamuna",
    "Kiran",
    "Laxmi",
    "Mina",
)
_LAST: Final = ("Rai", "Gurung", "Shrestha", "Tamang", "Magar", "Thapa", "Karki", "Lama", "Sherpa", "Bista")
_KEY: Final = hashlib.sha256(b"the key of a generated ISP").digest()
_CIPHER: Final = AESGCMSIV(_KEY)
_EPOCH: Final = 1_764_000_000


def password(number: int) -> str:
    """The clear password of a subscriber."""
    return f"pw-{number:07}"


def id_of(number: int) -> str:
    return f"sub-{number:07}"


def login_of(number: int) -> str:
    return f"{_FIRST[number % 12].lower()}.{_LAST[number // 12 % 10].lower()}.{number}@home.example"


def path_of(number: int) -> str:
    """Group, then one of 256 folders: 244 files in a folder at a million."""
    shard = hashlib.sha256(id_of(number).encode()).hexdigest()[:2]
    return f"subscribers/{group_of(number)}/{shard}/{id_of(number)}.yaml"


def group_of(number: int) -> str:
    return f"area-{number % POPS:02}"


def tariff_of(number: int) -> str:
    return TARIFFS[number // POPS % len(TARIFFS)]


def address_of(number: int) -> str | None:
    """An address of the shared range, for one in ten."""
    if number % STATIC != 3:
        return None
    place = number // STATIC + 1
    last = place % 250 + 2
    return f"100.{96 + place // 250 // 256 % 32}.{place // 250 % 256}.{last}"


def mac_of(number: int) -> str:
    return "00:16:" + ":".join(f"{byte:02x}" for byte in number.to_bytes(4, "big"))


def subscriber(number: int, **changes: str) -> str:
    """The file of one subscriber. `changes`: tariff, paid_until, mobile."""
    id, name = id_of(number), f"{_FIRST[number % 12]} {_LAST[number // 12 % 10]}"
    tariff = changes.get("tariff", tariff_of(number))
    paid = changes.get("paid_until", f"2031-{number % 12 + 1:02}-28")
    mobile = changes.get("mobile", f"+977 98{number % 100_000_000:08}")
    lines = [
        f"id: {id}",
        "profile:",
        f"  name: {name}",
        f'  mobile: "{mobile}"',
        f"  email: {login_of(number).replace('home.example', 'example.net')}",
        f"  address: Ward {number % 32 + 1}, House {number % 997}",
        "services:",
        "  - key: main",
        f"    login: {login_of(number)}",
        f'    password: "{_sealed(id, password(number))}"',
        f"    tariff: {tariff}",
        f"    activated: 20{20 + number % 6}-0{number % 9 + 1}-15",
    ]
    if not tariff.startswith("office"):
        lines.append(f"    paid_until: {paid}")
    if address := address_of(number):
        lines += ["    ipv4:", f"      static: {address}"]
    if number % BOUND == 1:
        lines += ["    mac:", "      mode: fixed", "      addresses:", f'        - {{mac: "{mac_of(number)}"}}']
    elif number % BOUND == 2:
        lines += ["    mac:", "      mode: learn", "      max: 2"]
    return "\n".join(lines) + "\n"


def shared() -> Iterator[tuple[str, str]]:
    """Everything that is no subscriber."""
    for name in TARIFFS:
        yield f"tariffs/{name}.yaml", tariff(name)
    for pop in range(POPS):
        text = f"name: area-{pop:02}\ntitle: Area {pop}\ndefaults:\n  nas: [pop-{pop:02}]\n"
        yield f"subscribers/area-{pop:02}/group.yaml", text
    yield "inventory/groups.yaml", "".join(f"pop-{pop:02}: {{}}\n" for pop in range(POPS))
    yield "inventory/hosts.yaml", "".join(_host(number) for number in range(POPS * NAS_PER_POP))
    yield "inventory/defaults.yaml", "data:\n  accounting: {interim: 300s, direction: nas, gigawords: true}\n"
    yield "inventory/pools.yaml", _POOLS
    yield "inventory/policy.yaml", _POLICY
    yield "inventory/targets.yaml", 'radius: {dsn: "sqlite:///var/radius.db"}\n'


def tariff(name: str, more: int = 0) -> str:
    """A tariff; `more` Mbit/s on top."""
    down = {**RATES, **RATES_UP}[name] + more
    billing = "postpaid" if name.startswith("office") else "prepaid"
    return (
        f'name: {name}\nbilling: {billing}\nprices:\n  - {{from: 2025-01-01, amount: "{down * 20}.00"}}\n'
        f"period: {{months: 1}}\nrate: {{down: {down}M, up: {down // 2}M}}\nipv4: {{pool: home}}\nsessions: 1\n"
    )


def _host(number: int) -> str:
    name = f"bng-{number:02}"
    platform = ("routeros", "accel-ppp")[number % NAS_PER_POP]
    sealed = _seal(f"nas/{name}/radius.secret", f"secret-{number:02}")
    return (
        f"{name}:\n  hostname: 192.0.2.{number + 1}\n  platform: {platform}\n"
        f"  groups: [pop-{number // NAS_PER_POP:02}]\n"
        f'  data:\n    radius: {{sources: [192.0.2.{number + 1}], identifier: {name}, secret: "{sealed}"}}\n'
        f"    coa: {{address: 192.0.2.{number + 1}, port: 3799}}\n"
    )


_POOLS = """\
home:
  family: 4
  served_by: nas
  ranges: [10.0.0.0/8]
walled:
  family: 4
  served_by: nas
  ranges: [100.64.0.0/12]
own:
  family: 4
  served_by: static
  ranges: [100.96.0.0/11]
"""
_POLICY = """\
format: 1
timezone: Asia/Kathmandu
currency: NPR
realms: {home.example: local}
roaming: alert
expired: {method: wall}
wall: {address_list: isp-walled, pool: walled, rate: {down: 1M, up: 1M}}
expiry: {spread: 2h, backstop: 24h}
mac_unique: global
limits:
  cut_off: {share: 5%, floor: 5}
  dropped: {share: 10%, floor: 20}
  slower: {share: 10%, floor: 20}
  delete: {share: 5%, floor: 5}
"""


def _sealed(id: str, clear: str) -> str:
    return _seal(f"service/{id}/main/password", clear)


def _seal(place: str, clear: str) -> str:
    """As the contract says; the nonce is made of the place, so that the same number gives the same files."""
    nonce = hashlib.sha256(place.encode()).digest()[:12]
    body = nonce + _CIPHER.encrypt(nonce, clear.encode(), place.encode())
    return f"enc:k1:{base64.b64encode(body).decode()}"


# into git


class Import:
    """One `git fast-import` into a bare repository; each commit goes on from the one before."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        command = ["git", "-C", str(repository), "fast-import", "--quiet", "--force", "--date-format=raw"]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE)
        assert self._child.stdin is not None
        self._to: IO[bytes] = self._child.stdin
        self._count = 0

    def commit(self, branch: str, subject: str, files: Iterator[tuple[str, bytes]], parent: str = "") -> None:
        """Add or replace files on a branch."""
        self._count += 1
        who = f"Generated ISP <isp@example.net> {_EPOCH + self._count} +0000"
        head = f"commit refs/heads/{branch}\ncommitter {who}\ndata {len(subject)}\n{subject}\n"
        self._to.write(head.encode() + (f"from {parent}\n".encode() if parent else b""))
        for path, data in files:
            self._to.write(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data))

    def close(self) -> None:
        self._to.close()
        if self._child.wait():
            raise RuntimeError("git fast-import failed")


def make(folder: Path, count: int) -> Path:
    """A bare repository `isp.git` with `count` subscribers on main. Branches change one, a hundred, a tariff."""
    folder.mkdir(parents=True, exist_ok=True)
    repository = folder / "isp.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(repository)], check=True)
    identity = pyrage.x25519.Identity.generate()
    (folder / "age.key").write_text(f"{identity}\n", "ascii")
    (folder / "age.key").chmod(0o600)
    keyring = json.dumps({"current": "k1", "keys": {"k1": base64.b64encode(_KEY).decode()}}).encode()
    keys = {
        "inventory/keyring.age": pyrage.encrypt(keyring, [identity.to_public()]),
        "inventory/recipients.txt": f"{identity.to_public()}\n".encode(),
    }
    stream = Import(repository)
    stream.commit("main", f"An ISP of {count:,}", _everything(count, keys))
    one = [(path_of(7), subscriber(7, paid_until="2032-01-31").encode())]
    stream.commit("one", "Renew one", iter(one), "refs/heads/main")
    hundred = ((path_of(n), subscriber(n, tariff="home-200").encode()) for n in _some(count, 100))
    stream.commit("hundred", "A hundred move to home-200", hundred, "refs/heads/main")
    rate = [("tariffs/home-50.yaml", tariff("home-50", 10).encode())]
    stream.commit("tariff", "home-50: 60 Mbit/s", iter(rate), "refs/heads/main")
    stream.close()
    # As pushes and their server leave it: fast-import only knows the file before, and makes chains of fifty of them,
    # of which each file that is read costs half.
    subprocess.run(["git", "-C", str(repository), "repack", "-a", "-d", "-f", "-q"], check=True)
    return repository


def _everything(count: int, keys: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    yield from keys.items()
    for path, text in shared():
        yield path, text.encode()
    for number in range(count):
        yield path_of(number), subscriber(number).encode()


def _some(count: int, wanted: int) -> list[int]:
    """Prepaid ones on other tariffs, spread over all areas."""
    step = max(1, count // (4 * wanted))
    fitting = (n for n in range(0, count, step) if tariff_of(n) in ("home-20", "home-50", "home-100"))
    return [n for _, n in zip(range(wanted), fitting, strict=False)]


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("folder", type=Path)
    asked.add_argument("--subscribers", type=int, default=1000)
    given = asked.parse_args()
    repository = make(given.folder, given.subscribers)
    print(repository)
    return 0


if __name__ == "__main__":
    sys.exit(main())
