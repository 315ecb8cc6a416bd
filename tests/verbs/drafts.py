"""Verbs on a small ISP in memory, one after the other, each at its own moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

import pytest

from ispctl import money
from ispctl.desired import Entitlement, entitle
from ispctl.model.ledger import Ledger
from ispctl.model.problem import Problem, Refusal
from ispctl.model.subscriber import Service, Subscriber
from ispctl.repo import Snapshot, snapshot_of
from ispctl.repo.checks import check
from ispctl.verbs.draft import Asked, Draft, Told, Used, Whole
from tests.builders import SEALED

PATH = "subscribers/north/00/sub-1.yaml"
LEDGER = "subscribers/north/00/sub-1.ledger.yaml"
POLICY = "format: 1\ntimezone: Asia/Kathmandu\ncurrency: NPR\nrealms: {home.example: local}\n"
TARIFF = """name: {name}
prices: [{{from: 2020-01-01, amount: "{price}"}}]
period: {{months: 1}}
rate: {{down: {down}M, up: {down}M}}
"""
HEAD = f"""# the head of the file
id: sub-1
profile: {{name: Anita Rai}}   # a comment that stays
services:
  - key: main
    login: anita@home.example
    password: "{SEALED}"
    tariff: silver
"""


NOBODY = Whole(lambda: (), frozenset, lambda _: frozenset())
"""Beside the one subscriber there is none."""


def _never(_: Snapshot, _owner: str) -> datetime | None:
    return None


class Isp:
    """`fields`: further lines of the one service. Each verb is a draft of its own on what the ones before it left."""

    def __init__(self, fields: str = "", *, policy: str = "", tariffs: Mapping[str, str] | None = None) -> None:
        self.files: dict[str, bytes] = {
            "inventory/policy.yaml": (POLICY + policy).encode(),
            "subscribers/north/group.yaml": b"name: north\n",
            PATH: (HEAD + "".join(f"    {line}\n" for line in fields.splitlines())).encode(),
        }
        prices = tariffs or {"silver": "200", "bronze": "100", "gold": "400"}
        for number, (name, price) in enumerate(sorted(prices.items()), 1):
            text = TARIFF.format(name=name, price=price, down=number * 10)
            self.files[f"tariffs/{name}.yaml"] = text.encode()
        self.said: list[str] = []
        """What each verb said."""
        self.told: Told = _never
        """When somebody was first online."""
        self.used: Used = lambda _head, _owner, _asked: {}
        """What was used."""
        self.notes: list[str] = []

    def at(self, now: str, verb: Callable[..., None], *words: Any, **options: Any) -> Self:
        """Do it at a moment (RFC 3339); `reason`, `ticket`, `key` are what was asked with."""
        said = {name: options.pop(name) for name in ("reason", "ticket", "key") if name in options}
        asked = Asked(datetime.fromisoformat(now), **said)
        head = snapshot_of(self.files)
        draft = Draft(head, asked, lambda path: self.files[path], NOBODY, self.told, self.used)
        verb(draft, "sub-1", *words, **options)
        for path, data in draft.files.items():
            if data is None:
                del self.files[path]
            else:
                self.files[path] = data
        self.said = [event.text for event in draft.events]
        self.notes = draft.notes
        return self

    @property
    def subscriber(self) -> Subscriber:
        document = snapshot_of(self.files).at_path(PATH)
        assert document is not None
        return document.value

    @property
    def service(self) -> Service:
        return self.subscriber.services[0]

    @property
    def ledger(self) -> Ledger:
        document = snapshot_of(self.files).ledger_at(LEDGER)
        return document.value if document else Ledger(subscriber="sub-1")

    def entitlement(self, now: str) -> Entitlement:
        snapshot = snapshot_of(self.files)
        document = snapshot.at_path(PATH)
        assert document is not None
        return entitle(document, 0, snapshot, datetime.fromisoformat(now))

    def problems(self, now: str) -> list[Problem]:
        """What is wrong with the files that verbs change."""
        found = check(snapshot_of(self.files), datetime.fromisoformat(now))
        ours = (one for one in found if one.where and one.where.file.startswith("subscribers/"))
        return [problem for problem in ours if problem.severity == "error"]


def noon(day: str) -> str:
    return f"{day}T12:00:00+05:45"


def balance(isp: Isp, day: str) -> Decimal:
    return money.balance(isp.ledger, snapshot_of(isp.files).policy.value, datetime.fromisoformat(noon(day)))


def refused(isp: Isp, code: str, *words: object, **options: object) -> str:
    """Why a verb was refused; nothing is changed then."""
    before = dict(isp.files)
    with pytest.raises(Refusal) as caught:
        isp.at(*words, **options)  # type: ignore[arg-type]
    assert isp.files == before
    assert {problem.code for problem in caught.value.problems} == {code}
    return str(caught.value)
