"""One subscriber's years in minutes: verbs as they are typed, applied to a real FreeRADIUS, all by one clock that is
set from step to step."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import time_machine
import yaml_rs

from ispctl.lab import freeradius
from ispctl.lab.lab import Lab
from ispctl.lab.process import start
from tests.canary import PASSWORD
from tests.cli.conftest import Cli, Said
from tests.gates import example
from tests.money.accounts import reckoned

ZONE: Final = ZoneInfo("Asia/Kathmandu")
LOGIN: Final = "deepa@home.example"
SUB: Final = "sub-000001"
MAC, NEW_MAC = "00:00:5e:00:53:a1", "00:00:5e:00:53:b2"
_FAKETIME: Final = Path("/usr/lib")
_POLICY: Final = """\
format: 1
timezone: Asia/Kathmandu
currency: NPR
realms: {home.example: local}
wall: {address_list: walled, pool: walled, rate: {down: 1M, up: 1M}}
"""
_HOST: Final = """\
{name}-1:
  hostname: 192.0.2.{number}
  platform: routeros
  data:
    radius: {{sources: [192.0.2.{number}], identifier: {name}-1, secret: "{secret}"}}
    coa: {{address: 192.0.2.{number}, port: 3799, per_second: 50}}
"""
_POOLS: Final = """\
home: {family: 4, served_by: nas, slices: {east-1: [100.64.0.0/24], west-1: [100.64.1.0/24]}}
walled: {family: 4, served_by: nas, slices: {east-1: [100.64.2.0/24], west-1: [100.64.3.0/24]}}
fixed: {family: 4, served_by: static, ranges: [203.0.113.0/29], gateway: 203.0.113.1, quarantine: 30d}
"""
_TARIFF: Final = """\
name: {name}
billing: {billing}
prices: [{{from: 2020-01-01, amount: "{price}"}}]
period: {{months: 1}}
rate: {{down: {down}M, up: {down}M}}
ipv4: {{pool: home}}
sessions: 1
"""
_NEIGHBOUR: Final = """\
id: sub-000900
profile: {name: Canary Featherstone}
services:
  - login: camera-1
    tariff: camera
    access: {type: ipoe, identify: mac}
    mac: {mode: fixed, addresses: [{mac: "00:00:5e:00:53:0f"}]}
    paid_until: 2090-12-31
"""
_PRICES: Final = {"bronze": (500, 5), "silver": (1000, 10), "gold": (2000, 20)}


def faketime() -> str:
    """The library that sets the server's clock."""
    found = sorted(_FAKETIME.glob("*/faketime/libfaketime.so.1"))
    assert found, "install libfaketime"
    return str(found[0])


@dataclass
class Life:
    """`folder`: of the repository, its lab and the clock. `clock` is the one that all of this process goes by."""

    cli: Cli
    folder: Path
    clock: time_machine.Traveller
    sub: str = SUB

    @classmethod
    def begin(
        cls, cli: Cli, clock: time_machine.Traveller, moment: str, *, policy: str = "", billing: str = "prepaid"
    ) -> Life:
        """An ISP with two towns, a router each, and nobody in them yet; its lab runs."""
        life = cls(cli, cli.repo.parent, clock)
        life.at(moment)
        life.files(policy, billing)
        surroundings = {
            "LD_PRELOAD": faketime(),
            "FAKETIME_TIMESTAMP_FILE": str(life.folder / "clock"),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        cli.patch.setattr(freeradius, "start", partial(start, env=surroundings))
        life.well("lab", "up", "--empty")
        return life

    def files(self, policy: str, billing: str) -> None:
        repo, key = self.cli.repo, self.folder / "isp.key"
        self.well("init", repo, "--key-file", key, repo=False)
        self.cli.patch.setenv("ISPCTL_AGE_KEY_FILE", str(key))
        example.git(repo, "init", "-q", "-b", "main")
        example.commit(repo, "What init wrote")
        hosts = "".join(
            _HOST.format(name=name, number=number, secret=self.seal(f"nas/{name}-1/radius.secret"))
            for number, name in enumerate(("east", "west"), 1)
        )
        texts = {
            "inventory/policy.yaml": _POLICY + policy,
            "inventory/hosts.yaml": hosts,
            "inventory/pools.yaml": _POOLS,
        }
        for name, (price, down) in _PRICES.items():
            texts[f"tariffs/{name}.yaml"] = _TARIFF.format(name=name, price=price, down=down, billing=billing)
        for town in ("east", "west"):
            texts[f"subscribers/{town}/group.yaml"] = f"name: {town}\ndefaults: {{tariff: silver, nas: [{town}-1]}}\n"
        texts["subscribers/west/sub-000900.yaml"] = _NEIGHBOUR
        texts["tariffs/camera.yaml"] = _TARIFF.format(name="camera", price=100, down=2, billing="prepaid")
        (repo / "tariffs/home-50.yaml").unlink()
        (repo / "subscribers/town/group.yaml").unlink()
        for path, text in texts.items():
            (repo / path).parent.mkdir(exist_ok=True)
            (repo / path).write_text(text, "utf-8")
        example.commit(repo, "Two towns")

    def seal(self, place: str) -> str:
        self.say("loopback-secret")
        return self.well("secrets", "encrypt", place).out.strip()

    def say(self, text: str) -> None:
        """What the next command reads on its standard input."""
        self.cli.patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    # The clock

    def at(self, moment: str) -> Life:
        """Go to a local time, `2027-02-28 10:00`; the server too."""
        self.clock.move_to(datetime.fromisoformat(moment).replace(tzinfo=ZONE))
        ahead = datetime.now(UTC).timestamp() - time_machine.escape_hatch.time.time()
        (self.folder / "clock").write_text(f"{ahead:+.3f}\n")
        for role in ("AUTHOR", "COMMITTER"):
            self.cli.patch.setenv(f"GIT_{role}_DATE", datetime.now(ZONE).isoformat(timespec="seconds"))
        return self

    # What people do

    def well(self, *words: object, **more: Any) -> Said:
        said: Said = self.cli(*words, **more)
        assert said.code == 0, (words, said.both)
        return said

    def do(self, *words: object) -> Any:
        """A verb that goes well, and the apply after it."""
        did = self.well(*words, "--direct", "--yes", "--format", "json").json
        self.apply()
        return did

    def apply(self) -> None:
        """What `ispctl run` does on a commit and when something ends; then all has to agree."""
        self.well("apply")
        self.well("validate")
        self.well("drift")
        assert self.balance == reckoned(self.entries()), "what is told is what the entries come to"

    def refused(self, *words: object) -> str:
        """What a verb that is refused says."""
        said = self.cli(*words, "--direct", "--yes")
        assert said.code, (words, said.both)
        return said.err

    # What came of it

    @property
    def lab(self) -> Lab:
        return Lab((self.cli.repo / "var" / "lab").absolute())

    def dial(self, mac: str = MAC, login: str = LOGIN, password: str = PASSWORD) -> dict[str, Any]:
        """The answer of the server to somebody who was not online."""
        if any(one["login"] == login for one in self.sessions()):
            self.lab.ask("hangup", login=login)
        nas = "west-1" if "/west/" in self.path.as_posix() else "east-1"
        found: dict[str, Any] = self.lab.ask("dial", nas=nas, login=login, password=password, mac=mac, method="pap")
        return found

    def served(self, **more: str) -> dict[str, Any]:
        """The session of somebody who is let in."""
        answer = self.dial(**more)
        assert answer["outcome"] == "accepted", answer
        session: dict[str, Any] = answer["session"]
        return session

    def rate(self, **more: str) -> str:
        """The rate of a new session, `walled`, or `refused`."""
        answer = self.dial(**more)
        if answer["outcome"] == "rejected" and not answer["by_nas"]:
            return "refused"
        assert answer["outcome"] == "accepted", answer
        return "walled" if answer["session"]["address_list"] == "walled" else str(answer["session"]["rate"])

    def sessions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.lab.ask("sessions")["sessions"]
        return found

    @property
    def path(self) -> Path:
        found = list(self.cli.repo.glob(f"**/{self.sub}.yaml"))
        assert len(found) == 1, found
        return found[0]

    def entries(self) -> list[dict[str, Any]]:
        file = self.path.with_suffix(".ledger.yaml")
        return list(self._loaded(file)["entries"]) if file.exists() else []

    @staticmethod
    def _loaded(file: Path) -> Any:
        return yaml_rs.loads(file.read_text("utf-8"))

    @property
    def balance(self) -> Decimal:
        if not self.entries():
            return Decimal(0)
        said = self.cli.stat("account", self.sub, "--format", "json")
        assert said.code == 0, said.both
        return Decimal(said.json["items"][0]["balance"])

    @property
    def state(self) -> str:
        said = self.cli.stat("list", "--format", "json")
        assert said.code == 0, said.both
        return str(next(one["state"] for one in said.json["items"] if one["id"] == self.sub))

    @property
    def service(self) -> dict[str, Any]:
        """The service as its file says it, dates as text."""
        loaded = self._loaded(self.path)["services"][0]
        return {name: str(value) if isinstance(value, date) else value for name, value in loaded.items()}

    def log(self) -> list[str]:
        """Verbs of the history, oldest first."""
        out = example.git(self.cli.repo, "log", "--reverse", "--format=%(trailers:key=Event,valueonly,separator=%x2C)")
        return [line for line in out.splitlines() if line]
