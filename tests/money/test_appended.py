"""A ledger only grows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ispctl.model.problem import Where
from ispctl.money import appended

PATH = "subscribers/a/x.ledger.yaml"
OLD = b"subscriber: x\nentries:\n  - {key: a}\n  - {key: b}\n"


def test_lines_may_be_added_at_the_end() -> None:
    assert appended(PATH, OLD, OLD) is None
    assert appended(PATH, OLD, OLD + b"  - {key: c}\n") is None
    assert appended(PATH, b"", OLD) is None


def test_a_line_that_was_changed_is_named() -> None:
    found = appended(PATH, OLD, OLD.replace(b"key: b", b"key: c"))
    assert found is not None
    assert (found.code, found.where) == ("E740", Where(PATH, 4))


def test_a_line_that_is_gone_is_named() -> None:
    found = appended(PATH, OLD, OLD[: -len(b"  - {key: b}\n")])
    assert found is not None
    assert (found.code, found.where) == ("E740", Where(PATH, 4))


def test_an_account_that_is_gone_is_named() -> None:
    found = appended(PATH, OLD, None)
    assert found is not None
    assert (found.code, found.where) == ("E741", Where(PATH))


def test_the_last_line_may_get_its_end_and_nothing_else() -> None:
    assert appended(PATH, OLD[:-1], OLD) is None
    assert appended(PATH, b"amount: 1", b"amount: 10\n") is not None


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_whatever_was_written_is_still_there(old: bytes, new: bytes) -> None:
    if appended(PATH, old, new) is None:
        assert new.startswith(old)
    assert appended(PATH, old + b"\n", old + b"\n" + new) is None
