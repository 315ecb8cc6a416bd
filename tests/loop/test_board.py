"""What a loop counts for /metrics, also where the database or git gives no answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ispctl.index import Index
from ispctl.loop.board import Board
from ispctl.repo import Repository
from ispctl.store import Store
from tests.status.world import DSN, ENV, NOW, World, build


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build(tmp_path / "isp")


def _told(world: World, monkeypatch: pytest.MonkeyPatch, head: str = "") -> list[str]:
    monkeypatch.setattr("ispctl.loop.board.OFTEN", 0.0)

    @contextmanager
    def store(*, readonly: bool) -> Iterator[Store]:
        with Store.open(DSN, base=world.folder, readonly=readonly) as found:
            yield found

    with Repository.open(world.folder, env=ENV) as repository:
        seen = SimpleNamespace(head=head or repository.resolve("HEAD"), turns=1, seconds=0.0, applies={})
        loop: Any = SimpleNamespace(seen=seen, clock=lambda: NOW, leads=True)
        site: Any = SimpleNamespace(store=store, index=Index(repository, None))
        board = Board(loop, site)
        board.turned()
        return board.metrics().splitlines()


def test_a_database_that_is_away_is_ill_by_every_number_that_tells_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.database.write_bytes(b"no database")
    told = _told(world, monkeypatch)
    assert {"ispctl_database_up 0.0", "ispctl_unread_targets 1.0", 'ispctl_health{check="database"} 2.0'} <= set(told)
    assert any(line.startswith("ispctl_build_info{") for line in told)


def test_a_head_that_git_does_not_give_is_no_silence_of_the_database(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = _told(world, monkeypatch, "f" * 40)
    assert not [line for line in told if line.startswith(("ispctl_database_up", "ispctl_unread_targets"))]
    assert "ispctl_loop_leads 1.0" in told
