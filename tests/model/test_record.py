"""Records that nobody wrote: what a file means where it says nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from ispctl.model import reading
from ispctl.model.record import Record, fields_of
from ispctl.money.account import _USUAL
from ispctl.repo.layout import KINDS

WRITTEN: dict[str, dict[str, str]] = {
    "Service.access": {"type": "pppoe"},
    "Wall.rate": {"down": "1M", "up": "1M"},
    "Limits.cut_off": {"share": "5%", "floor": "5"},
    "Limits.dropped": {"share": "10%", "floor": "20"},
    "Limits.slower": {"share": "10%", "floor": "20"},
    "Limits.delete": {"share": "5%", "floor": "5"},
    "NasPolicy.lost": {"share": "10%", "floor": "3"},
    "NasPolicy.heard": {"wait": "120s", "floor": "5"},
}
"""How a file would say it, of those that are not made of nothing."""


def _records(kind: type[Record] = Record) -> Iterator[type[Record]]:
    for below in kind.__subclasses__():
        yield below
        yield from _records(below)


def _usual() -> dict[str, Record]:
    assert KINDS  # all models of files are there
    found: dict[str, Record] = {"the ledger's dunning": _USUAL}
    for model in _records():
        for name, field in fields_of(model).items():
            if isinstance(field.default, Record):
                found[f"{model.__name__}.{name}"] = field.default
    return found


def _all_of(value: Any) -> Any:
    """A record with its type, with what was given of it, and all below it likewise."""
    if isinstance(value, Record):
        return type(value), value.given, {name: _all_of(getattr(value, name)) for name in fields_of(type(value))}
    return type(value), value


def _hash(value: Record) -> int | None:
    """None where there is none: of a record that holds a dictionary."""
    try:
        return hash(value)
    except TypeError:
        return None


@pytest.mark.parametrize("place, value", _usual().items(), ids=lambda one: one if isinstance(one, str) else "")
def test_a_usual_record_is_what_validation_makes_of_the_same(place: str, value: Record) -> None:
    read = reading.read(type(value), WRITTEN.get(place, {}))
    assert _all_of(value) == _all_of(read)
    assert value == read
    assert _hash(value) == _hash(read)


def test_what_is_said_here_of_usual_records_concerns_some() -> None:
    assert WRITTEN.keys() <= _usual().keys()
    assert len(_usual()) > 20
