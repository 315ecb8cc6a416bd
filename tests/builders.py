"""What several tests need: the example as a repository of its own, everything that is wrong with one, a large one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ispctl.model.document import Document
from ispctl.model.ledger import Ledger
from ispctl.model.network import Nas
from ispctl.model.policy import Policy
from ispctl.model.problem import Problem
from ispctl.model.reading import read
from ispctl.model.subscriber import Group, Subscriber
from ispctl.model.tariff import Tariff
from ispctl.model.usage import Meter
from ispctl.repo import Repository
from ispctl.repo.checks import check
from tests import copies
from tests.gates import example
from tests.gates.tracked import ROOT

NOW = datetime(2026, 11, 22, 12, 15, tzinfo=UTC)
SEALED = "enc:k1:" + "A" * 60


@cache
def _template(folder: Path) -> Path:
    return example.packed(example.copy(folder / "example-isp"))


def copy_of_example(session: Path, folder: Path) -> Path:
    """The example ISP in a git repository of its own in `folder`; `session` is where the first copy is kept."""
    return copies.tree(_template(session), folder)


def problems(repository: Path, now: datetime = NOW) -> list[Problem]:
    """Everything that is wrong with the work tree, as validation finds it."""
    with Repository.open(repository, {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}) as repo:
        return check(repo.work(), now)


@cache
def people() -> frozenset[str]:
    """What no message may hold: the profiles and logins of the example, and its sealed texts."""
    found: set[str] = set()
    for source in sorted((ROOT / "subscribers").rglob("sub-*.yaml")):
        record = YAML(typ="safe", pure=True).load(source)
        profile = {key: str(value) for key, value in record.get("profile", {}).items()}
        found |= set(profile.values())
        if "mobile" in profile:
            found.add(profile["mobile"][-7:])  # however the number is grouped
        for service in record.get("services", ()):
            found |= {service["login"], service.get("password") or service["login"]}
    return frozenset(found)


def leaks(texts: Iterable[str]) -> list[str]:
    """The messages that name a person or show a secret."""
    marked = [*people(), "canary-pw-"]
    return [text for text in texts if any(mark.casefold() in text.casefold() for mark in marked)]


# a context without files, for what is pure


@dataclass
class World:
    """The context of `desired`, made by hand."""

    rules: dict[str, Any] = field(default_factory=dict)
    tariffs: dict[str, dict[str, Any]] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    nas: dict[str, Nas] = field(default_factory=dict)
    entries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Of the account of a subscriber, by id."""
    first_logins: dict[str, datetime] = field(default_factory=dict)
    taken: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    usage: dict[str, dict[Meter, int]] = field(default_factory=dict)

    @property
    def policy(self) -> Document[Policy]:
        rules = {"format": "1", "timezone": "Asia/Kathmandu", "currency": "NPR"} | self.rules
        return Document("inventory/policy.yaml", read(Policy, rules))

    def group(self, name: str) -> Document[Group] | None:
        group = read(Group, {"name": name, "defaults": self.defaults})
        return Document(f"subscribers/{name}/group.yaml", group)

    def tariff(self, name: str) -> Document[Tariff] | None:
        known = {"home-50": {}, "business": {"billing": "postpaid"}} | self.tariffs
        if name not in known:
            return None
        tariff = {"name": name, "rate": {"down": "50M", "up": "25M"}, "ipv4": {"pool": "home"}} | known[name]
        return Document(f"tariffs/{name}.yaml", read(Tariff, tariff))

    def ledger_at(self, path: str) -> Document[Ledger] | None:
        id = path.rpartition("/")[2].removesuffix(".ledger.yaml")
        if id not in self.entries:
            return None
        return Document(path, read(Ledger, {"subscriber": id, "entries": self.entries[id]}))

    def reach(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(names))


def subscriber(*services: dict[str, Any], id: str = "sub-000001") -> Document[Subscriber]:
    """A subscriber with these services; a key, a login, a password and a tariff are filled in."""
    given = [
        {"key": f"s{n}", "login": f"l{n}.{id}@home.example", "password": SEALED, "tariff": "home-50"} | service
        for n, service in enumerate(services or ({},))
    ]
    record = {"id": id, "profile": {"name": "Canary Birdsong"}, "services": given}
    return Document(f"subscribers/lalitpur/{id}.yaml", read(Subscriber, record))


def write_large(folder: Path, count: int) -> None:
    """Adds `count` subscribers with a service each to a repository: every tenth with a fixed address and a device."""
    pool = "{family: 4, served_by: static, ranges: [198.18.0.0/15]}"
    pools = folder / "inventory" / "pools.yaml"
    pools.write_text(f"{pools.read_text('utf-8')}\nlarge: {pool}\n", "utf-8")
    for number in range(count):
        path = folder / "subscribers" / "lalitpur" / f"{number % 256:02x}" / f"sub-9{number:06}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(_large(number), "utf-8")


def _large(number: int) -> str:
    fixed = f"""    ipv4: {{static: 198.18.{number // 250 + 1}.{number % 250 + 1}}}
    mac: {{mode: fixed, addresses: [{{mac: "00:10:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"}}]}}
"""
    return f"""id: sub-9{number:06}
profile: {{name: Canary Birdsong}}
services:
  - key: main
    login: large.{number}@home.example
    password: enc:k1:{number:040}AAAA
    tariff: home-50
    activated: 2025-01-01
    paid_until: 2031-12-31
{fixed if number % 10 == 0 else ""}"""
