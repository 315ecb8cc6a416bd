"""Values: what is made once and never changed."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pytest

from ispctl.structs import Struct, as_dict, compared, field, names, replace, shown
from tests.gates.tracked import ROOT


class Lease(Struct):
    address: str
    secret: str = field(repr=False)
    heard: int = field(default=0, compare=False)
    told: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @cached_property
    def parts(self) -> list[str]:
        return self.address.split(".")


class Given(Lease):
    login: str = ""
    before: tuple[Lease, ...] = ()


LEASE = Lease("192.0.2.7", "canary-secret", 1, {"by": "pool"})
GIVEN = Given("192.0.2.7", "canary-secret", 1, {"by": "pool"}, "canary", (LEASE,))


def test_a_value_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        LEASE.address = "192.0.2.8"  # type: ignore[misc]


def test_what_is_hidden_is_not_printed_however_deep_it_lies() -> None:
    assert repr(LEASE) == "Lease(address='192.0.2.7', heard=1, told={'by': 'pool'})"
    assert "canary-secret" not in repr([{"one": GIVEN}])
    assert shown(LEASE) == ("address", "heard", "told")


@pytest.mark.parametrize(
    ("other", "equal"),
    [
        (replace(LEASE), True),
        (replace(LEASE, heard=2), True),
        (replace(LEASE, secret="canary-other"), False),
        (replace(LEASE, told={}), False),
        (GIVEN, False),
        (as_dict(LEASE), False),
    ],
)
def test_two_are_equal_if_they_hold_the_same_but_for_what_is_set_aside(other: object, equal: bool) -> None:
    assert (other == LEASE) is equal
    assert (other != LEASE) is not equal
    assert "heard" not in compared(LEASE)


def test_equal_ones_have_one_hash_and_what_cannot_be_hashed_may_be_left_out() -> None:
    assert len({LEASE, replace(LEASE, heard=2)}) == 1
    assert len({GIVEN, replace(GIVEN, login="other")}) == 2


def test_what_was_found_once_is_kept_by_it_and_not_by_a_copy() -> None:
    assert LEASE.parts is LEASE.parts
    assert replace(LEASE, address="198.51.100.1").parts == ["198", "51", "100", "1"]


def test_a_copy_has_no_field_that_there_is_not() -> None:
    with pytest.raises(TypeError):
        replace(LEASE, adress="192.0.2.8")


def test_another_process_gets_all_of_it() -> None:
    came = pickle.loads(pickle.dumps(GIVEN))  # noqa: S301
    assert as_dict(came) == as_dict(GIVEN)
    assert came == GIVEN


def test_its_fields_are_said_in_their_order_and_those_of_values_in_it() -> None:
    assert names(Given) == ("address", "secret", "heard", "told", "login", "before")
    lease = {"address": "192.0.2.7", "secret": "canary-secret", "heard": 1, "told": {"by": "pool"}}
    assert as_dict(GIVEN) == {**lease, "login": "canary", "before": [lease]}


def test_nothing_that_never_changes_is_a_dataclass() -> None:
    """Each would take a millisecond of every command that reads it."""
    files = (ROOT / "controller").rglob("*.py")
    assert [file.name for file in files if "dataclass(frozen" in file.read_text("utf-8")] == []
