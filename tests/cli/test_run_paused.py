"""The loop, and what was paused: it goes on as soon as it may."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ispctl.cli.common import Session, clock
from ispctl.loop import Loop, Pace, Site
from ispctl.repo import Repository
from ispctl.repo.remote import Remote
from tests.cli.conftest import Cli
from tests.cli.test_run import ENV
from tests.loop.hands import Log


@pytest.mark.parametrize("ends", ["by hand", "by itself"])
def test_what_waited_for_a_pause_goes_on_within_seconds_of_its_end(applied: Cli, ends: str) -> None:
    log, session, later = Log(), Session(applied.repo, "ISPCTL", ENV), timedelta()
    file = "subscribers/lalitpur/3f/sub-000123.yaml"
    with Repository.open(applied.repo, env=ENV) as repository:
        unlock = lambda snapshot, lab: session.keyring(snapshot, lab=lab)  # noqa: E731
        opener = lambda snapshot, readonly: session.store(snapshot, readonly=readonly)  # noqa: E731
        now = lambda: clock() + later  # noqa: E731
        site = Site(repository, Remote(applied.repo, "main", ENV), opener, unlock, now, lambda *_: None)
        loop = Loop(site, Pace(resync=timedelta(hours=9)), "main", now, log)
        assert applied("pause", "--group", "lalitpur", "--until", "30m", "--reason", "splicing").code == 0
        applied.changed(file, "home-50", "home-100")
        loop.turn()
        if ends == "by hand":
            assert "goes on" in applied("resume", "--group", "lalitpur").out
        else:
            later = timedelta(minutes=30)
        later += Pace().watch
        assert log.events == []
        loop.turn()
    assert log.events == ["applied"]
