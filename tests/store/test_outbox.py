"""What the store remembers of letters, on either database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ispctl.store import Message, Store
from ispctl.structs import replace
from tests.databases import Place

NOON = datetime(2027, 1, 15, 6, 15, tzinfo=UTC)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.create() as store:
        yield store


def message(key: str, **changed: Any) -> Message:
    made = Message(key, "statement", "sub-1", "October", "queued", 0, 0, "", "asha", "", 0, NOON, None)
    return replace(made, **changed)


def test_a_message_is_written_down_once_and_comes_back_as_it_was(store: Store) -> None:
    one = message("a", state="sending", attempts=2, unsure=1, error="421", host="office", pid=7, tried=NOON)
    assert (store.add_message(one), store.add_message(message("a"))) == (True, False)
    assert store.message("a") == one
    assert store.message("b") is None


def test_of_two_who_take_a_message_one_gets_it(store: Store) -> None:
    was = message("a")
    store.add_message(was)
    assert store.change_message(was, replace(was, state="sending", attempts=1, by="asha"))
    assert not store.change_message(was, replace(was, state="sending", attempts=1, by="bikash"))
    found = store.message("a")
    assert found is not None
    assert found.by == "asha"


def test_what_waits_is_listed_newest_first_and_not_without_end(store: Store) -> None:
    for number, state in enumerate(("queued", "sent", "failed", "queued")):
        store.add_message(message(f"m{number}", state=state, made=NOON + timedelta(minutes=number)))
    assert [one.key for one in store.messages(("queued", "failed"))] == ["m3", "m2", "m0"]
    assert [one.key for one in store.messages(("queued", "failed"), 1)] == ["m3"]


def test_what_was_sent_takes_the_place_of_what_waited_about_the_same(store: Store) -> None:
    for one in (message("old"), message("other", about="November"), message("new", state="sent")):
        store.add_message(one)
    store.replace_messages(message("new"))
    assert [one.key for one in store.messages(("queued",))] == ["other"]
    assert [one.key for one in store.messages(("failed",))] == ["old"]


def test_a_state_that_there_is_not_is_not_written(store: Store) -> None:
    from ispctl.model.problem import Refusal

    with pytest.raises(Refusal):
        store.add_message(message("a", state="lost"))
