"""An ISP in a bare repository, to which people do what people do."""

from __future__ import annotations

import base64
import random
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ispctl.report.shapes import PlanJson

NOON = datetime(2026, 11, 25, 6, 15, tzinfo=UTC)
ZONE = "Asia/Kathmandu"
WAITS = (
    "since: 2026-11-20, days: 2",
    "since: 2026-11-20, months: 1, until: 2026-11-26",
    "since: 2026-11-27T12:00:00+05:45, days: 1",
)
PROFILE = "Device: {objects: [{path: Device.PPP.Interface.*, values: {pppoe.enable: Enable}}]}\n"
AFTERWARDS = "after-30"
"""The tariff that is paid afterwards."""
SHARED = {
    "inventory/policy.yaml": (
        f"format: 1\ntimezone: {ZONE}\ncurrency: NPR\nrealms: {{home.example: local}}\nroaming: alert\n"
        "expired: {method: wall}\nwall: {address_list: isp-walled, pool: walled, rate: {down: 1M, up: 1M}}\n"
        "money: {dunning: {reminders: [1, 2], grace_days: 1, suspend_after: 1, end_after: 1, weekend: [saturday],"
        " throttled: {days: 1, rate: {down: 25M, up: 25M}}}}\n"
    ),
    "inventory/groups.yaml": "pop-a: {}\npop-b: {}\npop-c: {}\n",
    "inventory/hosts.yaml": "".join(
        f"bng-{pop}:\n  hostname: 192.0.2.{number}\n  platform: routeros\n  groups: [pop-{pop}]\n  data:\n"
        f'    radius: {{sources: [192.0.2.{number}], identifier: bng-{pop}, secret: "enc:k1:{"A" * 40}{number:04}"}}\n'
        f"    coa: {{address: 192.0.2.{number}, port: 3799}}\n"
        for number, pop in enumerate("ab", 1)
    ),
    "inventory/pools.yaml": (
        "home: {family: 4, served_by: nas, ranges: [10.0.0.0/16]}\n"
        "walled: {family: 4, served_by: nas, ranges: [10.9.0.0/16]}\n"
        "own: {family: 4, served_by: static, ranges: [203.0.113.0/24], gateway: 203.0.113.1}\n"
    ),
    "inventory/targets.yaml": 'radius: {dsn: "sqlite:///var/radius.db"}\n',
    "inventory/recipients.txt": "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq\n",
    "inventory/keyring.age": "sealed\n",
}


@dataclass
class Person:
    """One file of a subscriber."""

    id: str
    group: str = "a"
    login: str = ""
    tariff: str | None = "home-50"
    paid: str | None = "2031-12-31"
    address: str | None = None
    route: str | None = None
    mac: str | None = None
    mode: str = "fixed"
    seal: int = 0
    terminated: str | None = None
    scheduled: tuple[str, str] | None = None
    nas: str | None = None
    router: tuple[str, str] | None = None
    """Its serial number and its profile."""
    waits: str = ""
    """What is paid from the first login on, and until when it has to come."""
    line: str = ""
    """By which he is known instead of his login."""
    entries: list[str] | None = None
    junk: str = ""

    @property
    def path(self) -> str:
        return f"subscribers/{self.group}/{self.id[-1]}/{self.id}.yaml"

    def text(self) -> str:
        sealed = base64.b64encode(f"{self.seal:044}".encode()).decode()
        lines = [
            f"id: {self.id}",
            "profile: {name: Canary Birdsong}",
            "services:",
            "  - key: main",
            f"    login: {self.login or self.id + '@home.example'}",
            *([] if self.line else [f'    password: "enc:k1:{sealed}"']),
            *([f"    access: {{type: ipoe, identify: circuit, circuit_id: {self.line}}}"] if self.line else []),
            *([f"    activation: {{at: first-login, {self.waits}}}"] if self.waits else ["    activated: 2025-01-01"]),
            *([f"    tariff: {self.tariff}"] if self.tariff else []),
            *([f"    paid_until: {self.paid}"] if self.paid and not self.waits and self.tariff != AFTERWARDS else []),
            *([f"    ipv4: {{static: {self.address}}}"] if self.address else []),
            *([f"    routes: [{self.route}]"] if self.route else []),
            *([f'    mac: {{mode: {self.mode}, addresses: [{{mac: "{self.mac}"}}]}}'] if self.mac else []),
            *([f"    terminated: {self.terminated}"] if self.terminated else []),
            *([f"    nas: [{self.nas}]"] if self.nas else []),
            *(["    cpe: [{{serial: {}, profile: {}}}]".format(*self.router)] if self.router else []),
            *([f"    scheduled: [{{at: {self.scheduled[0]}, set: {self.scheduled[1]}}}]"] if self.scheduled else []),
        ]
        return "\n".join(lines) + "\n" + self.junk


@dataclass
class Isp:
    """A bare repository whose every commit is made of these people and these shared files."""

    folder: Path
    chance: random.Random
    people: dict[str, Person] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=lambda: dict(SHARED))
    tariffs: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    limits: dict[str, str] = field(default_factory=dict)
    """Fair use of tariffs."""
    periods: dict[str, str] = field(default_factory=dict)
    """How long a payment of tariffs lasts, where that is not a month."""
    groups: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, str] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)
    elsewhere: dict[str, str] = field(default_factory=dict)
    """Where the files of people lie that nobody looks for there, by id."""

    def __post_init__(self) -> None:
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.folder)], check=True)
        self.tariffs = {f"home-{rate}": (rate, "prepaid", "home") for rate in (20, 50, 100)}
        self.tariffs[AFTERWARDS] = (30, "postpaid", "home")
        self.groups = {"a": "defaults: {nas: [pop-a]}\n", "b": "defaults: {nas: [pop-b], tariff: home-20}\n"}
        for number in range(14):
            self.add(f"s-{number:03}")
        self.commit()

    def add(self, id: str) -> None:
        self.people[id] = Person(id, self.chance.choice("ab"), seal=self.chance.randrange(10**9))

    def files(self) -> dict[str, str]:
        found = dict(self.shared)
        for name, (rate, billing, pool) in self.tariffs.items():
            found[f"tariffs/{name}.yaml"] = (
                f'name: {name}\nbilling: {billing}\nprices: [{{from: 2025-01-01, amount: "{rate}.00"}}]\n'
                f"period: {{{self.periods.get(name, 'months: 1')}}}\n"
                f"rate: {{down: {rate}M, up: {rate}M}}\nipv4: {{pool: {pool}}}\nsessions: 1\n"
                + self.limits.get(name, "")
            )
        found |= {f"templates/cpe/{name}.yaml": text for name, text in self.profiles.items()}
        for name, rest in self.groups.items():
            found[f"subscribers/{name}/group.yaml"] = f"name: {name}\n{rest}"
        for person in self.people.values():
            found[self.elsewhere.get(person.id, person.path)] = person.text()
            if person.entries is not None:
                said = "".join(f"\n  - {{key: e{n}, {entry}}}" for n, entry in enumerate(person.entries)) or " []"
                found[person.path.replace(".yaml", ".ledger.yaml")] = f"subscriber: {person.id}\nentries:{said}\n"
        return found

    def commit(self) -> str:
        text = [
            b"commit refs/heads/main\nmark :1\ncommitter A <a@example.net> %d +0000\ndata 1\nx\n"
            % (10**9 + len(self.commits))
        ]
        text += [f"from {self.commits[-1]}\n".encode()] if self.commits else []
        text.append(b"deleteall\n")
        for path, content in self.files().items():
            text.append(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content.encode()))
        feed = b"".join([*text, b"get-mark :1\n"])
        made = ["git", "-C", str(self.folder), "fast-import", "--quiet", "--force"]
        head = subprocess.check_output(made, input=feed).decode().strip()
        self.commits.append(head)
        return head

    def edit(self) -> None:
        """Something that people do, or that goes wrong."""
        chance, someone = self.chance, self.chance.choice(list(self.people.values()))
        other = chance.choice(list(self.people.values()))
        edits: list[Callable[[], object]] = [
            lambda: self.add(f"s-{chance.randrange(100, 999)}"),
            lambda: self.people.pop(someone.id) if len(self.people) > 5 else None,
            lambda: setattr(someone, "group", chance.choice("ab")),
            lambda: setattr(
                someone, "login", chance.choice(["", "anita@home.example", "ANITA@home.example", "bad realm"])
            ),
            lambda: setattr(someone, "login", other.login or f"{other.id}@home.example"),
            lambda: setattr(someone, "tariff", chance.choice([*self.tariffs, "home-99", None])),
            lambda: setattr(someone, "paid", chance.choice(["2031-12-31", "2026-11-25", "2026-11-20", None])),
            lambda: setattr(someone, "address", chance.choice([None, f"203.0.113.{chance.randrange(8)}", "10.0.0.9"])),
            lambda: setattr(
                someone, "route", chance.choice([None, "203.0.113.0/29", "203.0.113.4/30", "2001:db8::/48"])
            ),
            lambda: setattr(someone, "mac", chance.choice([None, "00:00:5e:00:53:01", "02:00:5e:00:53:02"])),
            lambda: setattr(someone, "mode", chance.choice(["fixed", "learn", "off"])),
            lambda: setattr(someone, "seal", other.seal),
            lambda: setattr(someone, "terminated", chance.choice([None, "2026-11-01", "2026-11-27", "2024-01-01"])),
            lambda: setattr(someone, "waits", chance.choice(["", *WAITS])),
            lambda: setattr(someone, "nas", chance.choice([None, "pop-b", "pop-c", "pop-x"])),
            lambda: setattr(someone, "entries", [] if someone.entries is None else None),
            lambda: self._entry(someone),
            lambda: self._entry(someone),
            lambda: self.postpaid(other),
            lambda: setattr(someone, "junk", chance.choice(["", "colour: red\n", "id: again\n", "\t\n"])),
            lambda: setattr(
                someone,
                "scheduled",
                chance.choice(
                    [None, ("2026-11-26", "{tariff: home-20}"), ("2026-11-28", "{ipv4: {static: 203.0.113.5}}")]
                ),
            ),
            lambda: setattr(someone, "router", (chance.choice("ABC"), chance.choice(["generic", "own", "other"]))),
            self.profile,
            self._tariff,
            self.rate,
            self._group,
            self._inventory,
        ]
        chance.choice(edits)()

    def postpaid(self, someone: Person) -> None:
        """He pays afterwards, and owes something."""
        someone.tariff = AFTERWARDS
        self._entry(someone)

    def _entry(self, someone: Person) -> None:
        day = self.chance.choice(["2026-11-10", "2026-11-24", "2026-11-25", "2026-11-27"])
        kind = self.chance.choice(["invoice", "invoice", "payment", "credit", "note"])
        due = f", due: {self.chance.choice(['2026-11-20', '2026-11-22', '2026-11-24'])}" if kind == "invoice" else ""
        amount = "" if kind == "note" else f', amount: "{self.chance.choice([5, 10])}.00"'
        said = f"at: {day}, type: {kind}{amount}{due}"
        someone.entries = [*(someone.entries or []), said]

    def _tariff(self) -> None:
        name = self.chance.choice([*(name for name in self.tariffs if name != AFTERWARDS), "home-99"])
        if self.chance.random() < 0.2:
            self.tariffs.pop(name, None)
        else:
            rate, billing = self.chance.randrange(10, 100), self.chance.choice(["prepaid", "prepaid", "postpaid"])
            self.tariffs[name] = (rate, billing, self.chance.choice(["home", "home", "own", "none"]))

    def rate(self) -> None:
        """Another rate of a tariff, and nothing else of it."""
        if self.tariffs:
            name = self.chance.choice([*self.tariffs])
            _, billing, pool = self.tariffs[name]
            self.tariffs[name] = (self.chance.randrange(10, 100), billing, pool)

    def profile(self) -> None:
        """One of the ISP comes, changes, is broken, has another name, or goes."""
        name, other = self.chance.sample(["own", "other", "generic"], 2)
        known = self.profiles.pop(name, "")
        if self.chance.random() < 0.7:
            changed = known and self.chance.random() < 0.5
            self.profiles[other if changed else name] = self.chance.choice([known or PROFILE, "Device: 1\n"])

    def _group(self) -> None:
        if self.chance.random() < 0.3:
            self.groups.pop("b", None)
        else:
            self.groups["b"] = self.chance.choice(
                ["", "defaults: {nas: [pop-b]}\n", "defaults: {tariff: home-100}\n", "managed: observe\n", "oops: 1\n"]
            )

    def _inventory(self) -> None:
        path = f"inventory/{self.chance.choice(['policy', 'pools', 'groups', 'targets'])}.yaml"
        if self.shared[path] != SHARED[path]:
            self.shared[path] = SHARED[path]
        elif path.endswith("policy.yaml"):
            self.shared[path] += self.chance.choice(["mac_unique: off\n", "hold: {method: reject}\n", "wrong: 1\n"])
        elif path.endswith("pools.yaml"):
            self.shared[path] = self.shared[path].replace("113.0/24", "113.0/29")
        elif path.endswith("targets.yaml"):
            self.shared[path] += "cpe: {inform: 1h}\n"
        else:
            self.shared[path] += "pop-x: {}\n"


def in_any_order(document: PlanJson) -> dict[str, Any]:
    """A plan as JSON, without the order in which slices come."""
    services = sorted(document["services"], key=lambda one: (one["id"], one["key"]))
    changes = sorted(document["changes"], key=lambda one: one["key"])
    cohorts = sorted((one["because"]["text"], one["effects"], one["count"]) for one in document["cohorts"])
    return {**document, "services": services, "changes": changes, "cohorts": cohorts}
