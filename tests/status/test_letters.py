"""`ispstat health` names what was to be told to people and did not reach them."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest

from ispctl.status import health
from ispctl.status.check import Check
from ispctl.store import Message, Store
from tests.status.world import DSN, NOW, World

State = Literal["queued", "sending", "sent", "failed"]


def _letters(world: World, *states: tuple[State, timedelta]) -> Check:
    with Store.open(DSN, base=world.folder) as store:
        for number, (state, ago) in enumerate(states):
            at = NOW - ago
            made = Message(f"{number}", "statement", "sub-1", "x", state, 1, 0, "", "asha", "", 0, at, at)
            store.add_message(made)
    with world.view() as view:
        return next(check for check in health.health(view) if check.name == "letters")


@pytest.mark.parametrize(
    "states, level, text",
    [
        ([], "ok", "none waits"),
        ([("sent", timedelta(hours=1)), ("sending", timedelta(minutes=9))], "ok", "none waits"),
        ([("queued", timedelta(hours=3))], "warning", "1 waits, the oldest of 3 h ago"),
        (
            [("queued", timedelta(hours=3)), ("sending", timedelta(hours=2)), ("failed", timedelta(days=6))],
            "warning",
            "2 wait, the oldest of 3 h ago; 1 refused within 7 days",
        ),
        ([("failed", timedelta(days=8))], "ok", "none waits"),
    ],
)
def test_letters_that_wait_or_were_refused_lately_are_named(
    world: World, states: list[tuple[State, timedelta]], level: str, text: str
) -> None:
    found = _letters(world, *states)
    assert (found.level, found.text) == (level, text)
    assert found.advice == ("" if level == "ok" else "ispctl outbox")
