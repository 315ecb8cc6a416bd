"""A new password on its way to a router: RADIUS takes the old one until the router has the new one."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import ClassVar, cast

import pytest
import typer

from ispctl.cli import lab
from ispctl.cli.common import Session
from ispctl.desired import entitle
from ispctl.lab.devices.cpe import Cpe, tr181
from ispctl.reconcile import Result
from ispctl.status import cpes as shown
from ispctl.status.health import health
from ispctl.store import Store, cpes
from tests.canary import PASSWORD
from tests.cpe.conftest import FACTORY, OWNER, SERIAL, Place
from tests.status.world import DSN, ENV, NOW

LOGIN = "kabita.lama@home.example"
FIRST, SECOND = PASSWORD + "-1", PASSWORD + "-2"
LATER = NOW + timedelta(minutes=5)
WEEK = NOW + timedelta(days=7)


@pytest.fixture
def old(place: Place) -> str:
    """The router has called; its password."""
    place.call()
    assert place.router.login() == (LOGIN, place.clear())
    return place.clear()


class Deaf:
    """A lab in which nobody answers."""

    passwords: ClassVar[list[str]] = []

    def ask(self, _: str, **said: str) -> dict[str, str]:
        self.passwords.append(said["password"])
        return {"outcome": "silent"}


def state(place: Place) -> str:
    with place.world.view(LATER) as view:
        (found,) = shown.managed(view, SERIAL) or ()
    return found.password


def why(place: Place) -> str:
    with place.world.view(LATER) as view:
        view.meet("sub-000205")
        (held,) = view.head.find(OWNER)
        return entitle(held.document, held.number, view.head, view.now).because["password"].code


def causes(result: Result) -> list[tuple[str, str]]:
    """Why the service is changed."""
    mine = [service for service in result.plan.services if service.owner == OWNER]
    return [(service.cause, service.because[0].code) for service in mine]


def test_the_old_one_holds_until_the_router_has_the_new_one_and_then_no_more(place: Place, old: str) -> None:
    place.change(FIRST, NOW)
    assert ("login", LOGIN) not in [change.key for change in place.world.apply().plan.changes]
    assert (place.clear(), state(place), why(place)) == (old, "old", "password-old")
    place.now = LATER
    assert place.call() == 204
    assert (place.router.login(), place.woken) == ((LOGIN, FIRST), 1)
    assert place.clear() == old  # until somebody applies, who is woken
    assert causes(place.world.apply(LATER)) == [("facts", "password-accepted")]
    assert (place.clear(), state(place), why(place)) == (FIRST, "accepted", "password-accepted")
    assert causes(place.world.apply(LATER)) == []


def test_the_lab_dials_with_the_one_that_holds_and_says_which(
    place: Place, old: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ispctl.cli.lab.open_lab", lambda _: Deaf())

    def dialled() -> tuple[str, str]:
        """The password, and what is said beside the answer."""
        context = SimpleNamespace(obj=Session(place.world.folder, "ISPCTL", ENV, LATER))
        with pytest.raises(typer.Exit):
            lab.dial(cast("typer.Context", context), OWNER, nas=None, mac="", method="pap", format="text")
        return Deaf.passwords[-1], capsys.readouterr().out.partition("\n")[2]

    assert dialled() == (old, "")
    place.change(FIRST, NOW)
    place.world.apply()
    assert dialled() == (old, "The password of the two that holds: old, until taken.\n")
    place.now = LATER
    place.call()
    assert dialled() == (old, "The password of the two that holds: old, until taken.\n"), "nobody has applied it"
    place.world.apply(LATER)
    assert dialled() == (FIRST, "The password of the two that holds: new, taken.\n")


def test_a_router_that_is_away_has_until_the_end_and_then_staff_are_told(place: Place, old: str) -> None:
    place.change(FIRST, NOW)
    place.world.apply()
    almost = place.world.apply(WEEK - timedelta(seconds=1))
    assert (place.clear(), almost.untaken, almost.plan.until) == (old, (), WEEK)
    late = place.world.apply(WEEK)
    assert (place.clear(), late.untaken) == (FIRST, (OWNER,))
    assert causes(late) == [("clock", "password-overdue")]
    assert state(place) == "overdue"
    with place.world.view(WEEK) as view:
        (check,) = [one for one in health(view) if one.name == "routers"]
    assert (check.level, check.text) == ("warning", "1 have not taken a new password that holds by now")
    place.now = WEEK + timedelta(hours=1)
    place.call()  # it is reached some other way
    assert place.router.login() == (LOGIN, FIRST)
    assert place.world.apply(place.now).untaken == ()
    assert state(place) == "accepted"


def test_a_router_that_refuses_it_keeps_the_old_one_and_stops_nobody_else(place: Place, old: str) -> None:
    bad = {name: 9005 for name in place.router.leaves if name.endswith("3.WANPPPConnection.2.Password")}
    place.router.refuses = bad
    place.change(FIRST, NOW)
    place.world.apply()
    assert (place.call(), place.woken) == (204, 0)
    assert not cpes.overdue(Store.open(DSN, base=place.world.folder, readonly=True))
    place.world.apply(LATER)
    assert (place.clear(), place.router.login()) == (old, (LOGIN, old))
    other = Cpe("B2", tr181(), factory=FACTORY)
    path, link = "subscribers/lalitpur/3f/sub-000123.yaml", "    cpe: [{serial: B2, profile: generic}]\n    tariff:"
    place.world.edit(path, lambda text: text.replace("    tariff:", link, 1))
    place.world.apply(LATER)
    assert place.call(other) == 204
    assert other.login()[0] == "anita.rai@home.example"


def test_of_two_changes_the_router_that_knows_the_first_keeps_it_until_it_has_the_second(
    place: Place, old: str
) -> None:
    place.change(FIRST, NOW)
    place.world.apply()
    place.now = NOW + timedelta(minutes=1)
    place.call()
    place.change(SECOND, NOW + timedelta(minutes=2))
    place.world.apply(LATER)
    assert (place.clear(), state(place)) == (FIRST, "old")
    place.now = LATER
    place.call()
    place.world.apply(LATER)
    assert (place.clear(), place.router.login()) == (SECOND, (LOGIN, SECOND))


def test_a_router_that_knows_neither_of_two_keeps_the_oldest(place: Place, old: str) -> None:
    place.change(FIRST, NOW)
    place.change(SECOND, NOW + timedelta(minutes=2))
    place.world.apply(LATER)
    assert place.clear() == old
    place.now = LATER
    place.call()
    place.world.apply(LATER)
    assert place.clear() == place.router.login()[1] == SECOND


def test_a_router_that_was_reset_meanwhile_is_told_the_new_one(place: Place, old: str) -> None:
    place.change(FIRST, NOW)
    place.world.apply()
    place.router.reset()
    place.now = LATER
    place.call()
    place.world.apply(LATER)
    assert place.clear() == place.router.login()[1] == FIRST


def test_an_answer_that_is_lost_is_asked_for_again(place: Place, old: str) -> None:
    """It took it, and nobody heard so: the next session sets it once more."""
    place.change(FIRST, NOW)
    place.world.apply()
    place.router.silent_after = 0
    place.now = LATER
    place.call()
    assert place.woken == 0
    place.router.silent_after = 60
    place.call()
    assert place.woken == 1
    place.world.apply(LATER)
    assert place.clear() == FIRST


def test_that_it_spoke_with_the_new_one_is_known(place: Place, old: str) -> None:
    place.change(FIRST, NOW)
    place.world.apply()
    place.now = LATER
    place.call()
    place.now = LATER + timedelta(hours=1)
    place.call()
    with Store.open(DSN, base=place.world.folder, readonly=True) as store:
        assert cpes.accepted(store, {OWNER})[OWNER] == (OWNER, NOW, LATER, place.now)


def test_a_lost_database_of_facts_is_healed_by_the_next_call(place: Place, old: str) -> None:
    place.change(FIRST, NOW)
    place.world.apply()
    place.now = LATER
    place.call()
    with Store.open(DSN, base=place.world.folder) as store:
        store.database.write("DELETE FROM ispctl_cpe_accepted")
    place.world.apply(LATER)
    place.call()
    place.world.apply(LATER)
    assert place.clear() == FIRST
