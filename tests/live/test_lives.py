"""Whole lives of subscribers by the commands: what the server lets through, the account and the history after each
step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import time_machine

from ispctl.store import Store
from tests.canary import PASSWORD
from tests.cli.conftest import Cli
from tests.live.lives import LOGIN, MAC, NEW_MAC, SUB, ZONE, Life
from tests.money.accounts import reckoned
from tests.verbs.conftest import at_home

pytestmark = pytest.mark.live
Begin = Callable[..., Life]


@pytest.fixture
def begin(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Lives that begin at a moment; their labs are ended, whatever happens."""
    at_home(monkeypatch, tmp_path)
    cli = Cli(tmp_path / "isp", capsys, monkeypatch)
    with time_machine.travel(0, tick=True) as clock:
        try:
            yield lambda moment, **more: Life.begin(cli, clock, moment, **more)
        finally:
            cli("lab", "down")


def join(life: Life, *more: object) -> None:
    life.say(PASSWORD)
    life.do("add", "east", "--id", SUB, "--name", "Canary Birdsong", "--login", LOGIN, "--password-stdin", *more)


def test_a_prepaid_life_from_joining_to_the_archive(begin: Begin) -> None:
    life = begin("2027-01-31 10:00")
    for chapter in (_joins, _upgrades, _is_late, _takes_back, _changes_the_router, _moves, _leaves):
        chapter(life)
    assert life.log() == [
        *("add", "activate", "change-tariff", "pay", "grace", "renew", "revert", "renew"),
        *("mac-bind", "mac-mode", "mac-clear", "mac-promote"),
        *("ip-set", "move", "ip-set", "ip-set", "terminate", "archive"),
    ]


def _joins(life: Life) -> None:
    join(life)
    assert (life.rate(), life.state) == ("walled", "expired"), "whoever was never paid for finds the payment page"
    life.do("activate", SUB, "--payment", "P1")
    assert (life.rate(), life.state, life.balance) == ("10M/10M", "active", Decimal(0))
    assert life.service["paid_until"] == "2027-02-28"


def _upgrades(life: Life) -> None:
    life.at("2027-02-10 09:00")
    life.served()
    life.do("change-tariff", SUB, "gold")
    assert [one["rate"] for one in life.sessions()] == ["20M/20M"], "told in its session"
    assert life.balance == Decimal("655.17"), "19 of 29 days at 1000 more"
    life.do("pay", SUB, "655.17", "--reference", "P2")
    assert life.balance == 0


def _is_late(life: Life) -> None:
    life.at("2027-02-28 23:30").apply()
    assert (life.rate(), life.state) == ("20M/20M", "active")
    life.at("2027-03-01 09:00").apply()
    assert life.sessions() == [], "behind the wall another pool begins"
    assert (life.rate(), life.state) == ("walled", "expired")
    life.do("grace", SUB, "--days", "2", "--reason", "outage")
    assert (life.rate(), life.state) == ("20M/20M", "grace")

    life.at("2027-03-05 12:00").apply()
    assert life.rate() == "walled"
    life.do("renew", SUB, "--payment", "P3")
    assert (life.rate(), life.balance) == ("20M/20M", Decimal(0))
    assert life.service["paid_until"] == "2027-04-02", "a month from the day, less two days of grace"
    assert "Already done" in life.well("renew", SUB, "--payment", "P3", "--direct").out


def _takes_back(life: Life) -> None:
    life.do("revert", SUB, "renew-2027-03-05", "--reason", "cheque bounced")
    assert (life.rate(), life.service["paid_until"], life.balance) == ("walled", "2027-02-28", Decimal(0))
    assert "E725" in life.refused("revert", SUB, "renew-2027-03-05", "--reason", "again")
    life.do("renew", SUB, "--payment", "P4")
    assert (life.rate(), life.service["paid_until"]) == ("20M/20M", "2027-04-02")


def _changes_the_router(life: Life) -> None:
    life.do("mac", "bind", SUB, MAC)
    assert life.rate(mac=NEW_MAC) == "20M/20M", "bound, but not asked for"
    life.do("mac", "mode", SUB, "fixed")
    assert (life.rate(mac=NEW_MAC), life.rate(mac=MAC)) == ("refused", "20M/20M")
    life.do("mac", "clear", SUB)
    assert [life.rate(mac=mac) for mac in (NEW_MAC, MAC, NEW_MAC)] == ["20M/20M", "refused", "20M/20M"]
    life.do("mac", "promote", SUB)
    assert [life.rate(mac=mac) for mac in (MAC, NEW_MAC)] == ["refused", "20M/20M"]


def _moves(life: Life) -> None:
    life.do("ip", "set", SUB, "--static", "auto")
    assert life.sessions() == [], "another address needs another session"
    assert life.served(mac=NEW_MAC)["address"] == "203.0.113.2"
    life.do("move", SUB, "--group", "west")
    moved = life.served(mac=NEW_MAC)
    assert (moved["nas"], moved["address"]) == ("west-1", "203.0.113.2")
    life.do("ip", "set", SUB, "--dynamic")
    assert life.served(mac=NEW_MAC)["address"].startswith("100.64.1.")
    life.do("ip", "set", SUB, "--static", "auto")
    assert life.served(mac=NEW_MAC)["address"] == "203.0.113.3", "the other one rests for 30 days"


def _leaves(life: Life) -> None:
    life.at("2027-03-20 18:00")
    life.do("terminate", SUB, "--reason", "moves abroad")
    assert (life.rate(mac=NEW_MAC), life.sessions(), life.state) == ("refused", [], "terminated")
    assert "2028-03-19" in life.refused("archive", SUB)
    life.at("2028-03-20 10:00").apply()
    life.well("archive", SUB, "--direct", "--yes")
    life.well("apply")
    life.well("validate")
    assert "archive/" in life.path.as_posix()
    assert reckoned(life.entries()) == 0


POSTPAID = """\
money: {dunning: {days_to_pay: 10, reminders: [3], grace_days: 4, suspend_after: 10, end_after: 20, weekend: []}}
"""


def test_a_postpaid_life_that_falls_behind_and_pays(begin: Begin) -> None:
    life = begin("2027-05-01 09:00", policy=POSTPAID, billing="postpaid")
    join(life)
    life.do("activate", SUB)
    life.do("invoice", SUB, "1000", "--reference", "INV-1")
    assert (life.rate(), life.state, life.balance) == ("10M/10M", "active", Decimal(1000))
    life.at("2027-05-13 23:00").apply()
    assert (life.rate(), life.state) == ("10M/10M", "active"), "the last day to pay is the 11th, the reminder the 14th"
    life.at("2027-05-14 01:00").apply()
    assert (life.rate(), life.state) == ("10M/10M", "grace")
    assert len(life.sessions()) == 1, "nothing is taken from whoever is online"
    life.at("2027-05-18 01:00").apply()
    assert life.sessions() == []
    assert (life.rate(), life.state) == ("walled", "expired")
    life.do("pay", SUB, "400", "--reference", "P1")
    assert (life.rate(), life.balance) == ("walled", Decimal(600)), "a part is not enough"
    life.at("2027-05-28 01:00").apply()
    assert (life.rate(), life.state) == ("walled", "suspended")
    life.do("pay", SUB, "600", "--reference", "P2")
    assert (life.sessions(), life.rate(), life.state, life.balance) == ([], "10M/10M", "active", Decimal(0))
    assert "Already done" in life.well("pay", SUB, "600", "--reference", "P2", "--direct").out
    life.at("2027-05-28 15:00")
    life.do("revert", SUB, life.entries()[-1]["key"], "--reason", "cheque bounced")
    assert (life.rate(), life.balance) == ("10M/10M", Decimal(600)), "open again, and its stages begin anew"
    life.at("2027-06-04 16:00").apply()
    assert (life.rate(), life.state) == ("walled", "expired")


def test_months_a_downgrade_a_holiday_and_a_suspension_by_the_clock(begin: Begin) -> None:
    life = begin("2027-02-01 10:00")
    join(life)
    life.do("activate", SUB, "--payment", "P1")
    life.at("2027-02-28 21:00")
    life.do("renew", SUB, "--payment", "P2")
    assert life.service["paid_until"] == "2027-03-31"
    life.at("2027-03-10 10:00")
    life.do("change-tariff", SUB, "bronze")
    assert life.rate() == "10M/10M", "what costs less waits for the end of what is paid"
    life.at("2027-03-30 10:00")
    life.do("renew", SUB, "--payment", "P3")
    assert (life.rate(), life.service["paid_until"]) == ("10M/10M", "2027-04-30")
    assert life.entries()[-2]["amount"] == "500.00", "April is paid at the new price"
    life.at("2027-04-01 00:01").apply()
    assert [one["rate"] for one in life.sessions()] == ["5M/5M"], "without a commit, in its session"
    life.do("hold", SUB, "--from", "2027-04-05", "--until", "2027-04-14", "--extend", "--reason", "holiday")
    assert life.rate() == "5M/5M"
    life.at("2027-04-05 08:00").apply()
    assert (life.sessions(), life.rate(), life.state) == ([], "walled", "hold")
    life.at("2027-04-15 08:00").apply()
    assert (life.rate(), life.state) == ("5M/5M", "active")
    life.at("2027-05-10 20:00").apply()
    assert life.rate() == "5M/5M", "ten days more"
    life.do("suspend", SUB, "--reason", "open relay")
    assert (life.rate(), life.state) == ("walled", "suspended")
    life.do("resume", SUB)
    assert life.rate() == "5M/5M"
    life.at("2027-05-11 08:00").apply()
    assert (life.rate(), life.state) == ("walled", "expired")
    assert life.balance == 0


def test_another_login_and_another_password(begin: Begin) -> None:
    life = begin("2027-01-31 10:00")
    join(life)
    life.do("activate", SUB, "--payment", "P1")
    life.served()
    life.do("rename-login", SUB, "deepa.rai@home.example")
    assert life.sessions() == [], "another login needs another session"
    assert (life.rate(), life.rate(login="deepa.rai@home.example")) == ("refused", "10M/10M")
    life.say("canary-pw-other")
    life.do("reset-password", SUB, "--password-stdin")
    assert len(life.sessions()) == 1, "whoever is online stays so"
    assert life.rate(login="deepa.rai@home.example") == "refused"
    assert life.rate(login="deepa.rai@home.example", password="canary-pw-other") == "10M/10M"
    assert [entry["type"] for entry in life.entries()] == ["invoice", "payment"]


def test_a_life_that_begins_with_its_first_login(begin: Begin) -> None:
    life = begin("2027-01-20 10:00")
    join(life)
    life.do("activate", SUB, "--first-login", "--until", "2027-06-30", "--payment", "P1")
    assert (life.state, life.balance, expires(life)) == ("waiting", Decimal(0), None)
    life.at("2027-01-31 22:00").apply()
    assert "E684" in life.refused("activate", SUB, "--confirm")

    session = life.served()
    assert (session["rate"], session["address_list"], session["timeout"]) == ("10M/10M", None, None)
    life.at("2027-01-31 22:05")
    assert "first login" in life.cli("plan", "--live").out
    life.apply()
    end = expires(life)
    assert life.state == "active"
    assert end is not None
    assert end.astimezone(ZONE).date() == date(2027, 3, 2), "paid until 28 February, and a day for a dead controller"
    assert [one["session"] for one in life.sessions()] == [session["session"]], "who is online stays online"
    assert "first login 2027-01-31 22:00, paid until 2027-02-28" in life.cli.stat("why", SUB).out

    life.at("2027-02-10 09:00").served()
    life.apply()
    assert expires(life) == end, "later logins move nothing"
    life.do("renew", SUB, "--payment", "P2")
    assert (life.service["activated"], "activation" in life.service) == ("2027-01-31", False)
    assert (life.service["paid_until"], life.balance) == ("2027-03-30", Decimal(0))
    life.at("2027-03-31 09:00").apply()
    assert (life.rate(), life.state) == ("walled", "expired")
    assert life.log() == ["add", "activate", "renew"]


def expires(life: Life) -> datetime | None:
    """Until when the server lets it in, should nobody change its rows any more."""
    with Store.open(life.well("lab", "status", "--format", "json").json["dsn"], readonly=True) as store:
        ((found,),) = store.database.query("SELECT expires FROM ispctl_login WHERE login = ?", (LOGIN,))
    return None if found is None else datetime.fromtimestamp(int(found), UTC)
