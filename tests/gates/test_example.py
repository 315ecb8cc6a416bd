"""The example ISP shows the whole format: whatever a file may say, one of its files says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin

from ispctl.model.accounting import WEEKDAYS
from ispctl.model.device import NasTarget
from ispctl.model.network import CpeTarget
from ispctl.model.policy import CpePolicy
from ispctl.model.record import Record, Table, fields_of
from ispctl.model.subscriber import OldPassword
from ispctl.platforms import platforms
from ispctl.repo import Repository
from ispctl.repo.layout import KINDS, Kind, decode, kind_of
from tests.gates import example
from tests.gates.tracked import ROOT

ONE = "one ISP has one policy, and this is another word of it"
EXCEPT: dict[str, str] = {
    **dict.fromkeys(("Dunning.throttled", "Throttled.rate", "Throttled.days"), "here the wall follows on grace"),
    "Billing.hold: charged": ONE,
    "Billing.suspended: free": ONE,
    **{
        f"ChangeTariff.{word}": ONE
        for word in ("downgrade: now", "remaining: convert", "usage: reset", "usage: scaled")
    },
    **{f"Dunning.weekend: {day}": ONE for day in WEEKDAYS if day != "saturday"},
    **{f"Renewal.{word}": ONE for word in ("after_expiry: expiry", "anchor: clamped")},
    **{f"Rounding.mode: {word}": ONE for word in ("down", "half-even", "up")},
    "Policy.mac_unique: group": ONE,
    "Policy.mac_unique: off": ONE,
    "Policy.managed: observe": ONE,
    "Policy.roaming: allow": ONE,
    "Policy.roaming: reject": ONE,
    "RadiusTarget.replicas": "standbys belong to PostgreSQL, and the example begins with SQLite",
    **dict.fromkeys(
        (
            "Targets.nas",
            *(f"NasTarget.{name}" for name in fields_of(NasTarget)),
            *(f"NasTarget.runner: {runner}" for runner in ("threads", "dask")),
        ),
        "nobody answers at the addresses of the example",
    ),
    **dict.fromkeys(
        (
            *("Targets.cpe", "Policy.cpe", "Service.old_passwords"),
            *(f"{kind.__name__}.{name}" for kind in (CpeTarget, CpePolicy, OldPassword) for name in fields_of(kind)),
        ),
        "no router calls there",
    ),
    "Defaults.hostname": "no two routers have one",
}
"""What no file of one ISP can say beside the rest, and what is said instead."""


def values(kind: Any) -> set[str]:
    """The words of every Literal in an annotation."""
    if get_origin(kind) is Literal:
        return {str(word) for word in get_args(kind)}
    return set().union(*(values(part) for part in get_args(kind)))


def models(kind: Any) -> set[type[Record]]:
    """The models in an annotation."""
    if isinstance(kind, type) and issubclass(kind, Record):
        return {kind}
    return set().union(*(models(part) for part in get_args(kind)))


def sayable(kind: type[Record], known: set[type[Record]]) -> Iterator[str]:
    """Every field and every word that a file of a model may hold."""
    if kind in known:
        return
    known.add(kind)
    for name, field in fields_of(kind).items():
        if not issubclass(kind, Table):
            yield f"{kind.__name__}.{name}"
            yield from (f"{kind.__name__}.{name}: {word}" for word in values(field.hint))
        for inner in models(field.hint):
            yield from sayable(inner, known)


def said(value: Any) -> Iterator[str]:
    """What a value of a file says, of all that it may."""
    match value:
        case Table(root=root):  # type: ignore[misc]
            yield from said(root)
        case Record():
            kind = type(value)
            for name in value.given:
                part = getattr(value, name)
                yield f"{kind.__name__}.{name}"
                words = values(fields_of(kind)[name].hint)
                parts = part.values() if isinstance(part, Mapping) else part if isinstance(part, tuple) else [part]
                yield from (f"{kind.__name__}.{name}: {word}" for word in parts if str(word) in words)
                yield from said(part)
        case Mapping():
            for part in value.values():
                yield from said(part)
        case tuple():
            for part in value:
                yield from said(part)


@cache
def spoken() -> frozenset[str]:
    """What the files of the example say."""
    found: set[str] = set()
    for part in example.PARTS:
        for file in sorted((ROOT / part).rglob("*.yaml")):
            kind = kind_of(str(file.relative_to(ROOT)))
            assert isinstance(kind, Kind)
            document, problems = decode(str(file.relative_to(ROOT)), file.read_bytes(), kind)
            assert document is not None, problems
            found |= set(said(document.value))
    return frozenset(found)


def test_the_example_says_everything_that_a_file_may_say() -> None:
    known: set[type[Record]] = set()
    # With roles, a copy of the example would let nobody push but its people; docs/roles.md has an example of its own.
    # Of profiles of devices, those that ispctl brings are enough.
    others = [kind.model for kind in KINDS if kind.name not in {"roles", "cpe-profile"}]
    everything = {word for model in others for word in sayable(model, known)}
    assert len(known) > 40
    assert everything - spoken() == set(EXCEPT)


def test_the_example_has_a_router_of_every_platform() -> None:
    with Repository.open(ROOT) as repository:
        shown = {nas.platform for nas in repository.work().nas.values()}
    assert set(platforms()) == shown
