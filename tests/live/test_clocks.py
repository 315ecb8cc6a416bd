"""NAS whose clocks are wrong, and reports that waited: when things happened, as the rows say it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ispctl.lab.process import wait_for
from ispctl.radius import client
from tests.canary import PASSWORD
from tests.live.rig import MAC, OTHER_MAC, SECRET, Rig, online, refused
from tests.live.test_accounting import away

pytestmark = pytest.mark.live
BEHIND, AHEAD = -20 * 60, 5 * 3600 + 45 * 60
HOUR, DAY, YEARS = 3600, 86400, 10 * 365 * 86400


class Line:
    """One login at one NAS whose clock goes `wrong` by some seconds."""

    def __init__(self, rig: Rig, wrong: int = 0) -> None:
        self.rig, self.wrong, self.login = rig, wrong, rig.login(sessions=1)

    def send(self, kind: str, seconds: int = 0, *, ago: int = 0, delay: int | None = None, **more: Any) -> None:
        """What happened `ago` seconds before it arrives, in a session of so many `seconds`."""
        said = {
            "NAS-IP-Address": "192.0.2.1",
            "User-Name": self.login,
            "Calling-Station-Id": MAC,
            "Acct-Session-Id": self.login,
            "Acct-Status-Type": kind,
            "Event-Timestamp": int(time.time()) - ago + self.wrong,
            "Acct-Delay-Time": delay,
            "Acct-Session-Time": None if kind == "Start" else seconds,
        }
        said |= {name.replace("_", "-"): value for name, value in more.items()}
        packet = client.accounting_request(SECRET, {name: value for name, value in said.items() if value is not None})
        assert client.ask(packet, self.rig.acct, "127.0.2.1", timeout=3.0, tries=1) is not None

    def pass_by(self, seconds: int) -> None:
        """Let what the rows say lie so many seconds further back."""
        past = self.rig.place.span(seconds)
        sql = f"UPDATE radacct SET acctupdatetime = acctupdatetime - {past}, acctstarttime = acctstarttime - {past}"
        self.rig.run(sql + " WHERE username = ?", self.login)

    def times(self) -> tuple[Any, Any]:
        """How many seconds ago the one session began and ended."""
        sql = "SELECT acctstarttime, acctstoptime FROM radacct WHERE username = ?"
        [(began, ended)] = self.rig.rows(sql, self.login)
        return time.time() - began, None if ended is None else time.time() - ended


@pytest.mark.parametrize("wrong", [BEHIND, AHEAD, -YEARS])
def test_a_session_is_open_while_its_nas_reports_whatever_the_time_is_there(rig: Rig, wrong: int) -> None:
    line = Line(rig, wrong)
    line.send("Start")
    refused(rig.wispr.dial(line.login, PASSWORD, mac=OTHER_MAC))
    line.pass_by(600)
    line.send("Interim-Update", 600)
    line.pass_by(600)
    refused(rig.wispr.dial(line.login, PASSWORD, mac=OTHER_MAC))
    assert line.times() == (pytest.approx(1200, abs=5), None)


@pytest.mark.parametrize("wrong", [BEHIND, AHEAD, -YEARS])
def test_a_session_that_was_lost_counts_no_more_whatever_the_time_is_there(rig: Rig, wrong: int) -> None:
    line = Line(rig, wrong)
    line.send("Start")
    line.pass_by(800)
    online(rig.wispr.dial(line.login, PASSWORD, mac=OTHER_MAC))


@pytest.mark.parametrize("wrong", [BEHIND, AHEAD, -YEARS])
def test_a_session_ends_when_it_ended_whatever_the_time_is_there(rig: Rig, wrong: int) -> None:
    line = Line(rig, wrong)
    line.send("Start")
    line.pass_by(600)
    line.send("Stop", 600)
    assert line.times() == (pytest.approx(600, abs=5), pytest.approx(0, abs=5))


@pytest.mark.parametrize("wrong", [BEHIND, AHEAD, -YEARS])
def test_a_nas_that_boots_ends_its_sessions_whatever_the_time_is_there(rig: Rig, wrong: int) -> None:
    line = Line(rig, wrong)
    line.send("Start")
    line.send("Accounting-On", User_Name=None, Calling_Station_Id=None, Acct_Session_Time=None)
    assert line.times()[1] is not None


@pytest.mark.parametrize("wrong", [BEHIND, AHEAD, -YEARS])
def test_a_start_that_is_sent_twice_does_not_begin_a_session_again(rig: Rig, wrong: int) -> None:
    line = Line(rig, wrong)
    line.send("Start")
    line.send("Stop", 0)
    line.send("Start")
    assert line.times()[1] is not None


@pytest.mark.parametrize("wrong", [BEHIND, AHEAD])
def test_what_waited_at_a_nas_with_a_wrong_clock_happened_as_long_ago_as_it_says(rig: Rig, wrong: int) -> None:
    line = Line(rig, wrong)
    line.send("Start", ago=3 * HOUR, delay=3 * HOUR)
    line.send("Stop", HOUR, ago=2 * HOUR, delay=2 * HOUR)
    assert line.times() == (pytest.approx(3 * HOUR, abs=5), pytest.approx(2 * HOUR, abs=5))


@pytest.mark.parametrize("ago", [HOUR, 5 * DAY])
def test_a_stop_that_waited_and_says_so_counts_at_its_own_time(rig: Rig, ago: int) -> None:
    line = Line(rig)
    line.send("Start", ago=ago + 600, delay=ago + 600)
    line.send("Stop", 600, ago=ago, delay=ago)
    assert line.times() == (pytest.approx(ago + 600, abs=5), pytest.approx(ago, abs=5))


def test_a_stop_that_waited_and_does_not_say_so_counts_at_its_own_time(rig: Rig) -> None:
    line = Line(rig)
    line.send("Start")
    line.pass_by(HOUR)
    line.send("Stop", 600, ago=HOUR - 600)
    assert line.times() == (pytest.approx(HOUR, abs=5), pytest.approx(HOUR - 600, abs=5))


def test_a_stop_that_waited_alone_counts_at_its_own_time_up_to_a_day(rig: Rig) -> None:
    for ago, ended in ((HOUR, HOUR), (DAY + HOUR, 0)):
        line = Line(rig)
        line.send("Stop", 600, ago=ago)
        assert line.times() == (pytest.approx(ended + 600, abs=5), pytest.approx(ended, abs=5))


@pytest.mark.parametrize("wrong", [BEHIND, AHEAD, -YEARS])
def test_whose_clock_is_wrong_is_written_down(rig: Rig, wrong: int) -> None:
    rig.run("DELETE FROM ispctl_clock")
    Line(rig).send("Start")
    Line(rig, wrong).send("Interim-Update", 300)
    assert rig.rows("SELECT nas FROM ispctl_clock") == []
    for _ in range(2):
        Line(rig, wrong).send("Start")
    [(nas, ahead, at)] = rig.rows("SELECT nas, ahead, at FROM ispctl_clock")
    assert (nas, ahead, at) == ("lalitpur-1", pytest.approx(wrong, abs=5), pytest.approx(time.time(), abs=5))


def test_starts_that_waited_are_told_from_a_clock_that_is_behind(rig: Rig) -> None:
    """A clock is behind by the same each time; of what waited only the first is looked at in a minute."""

    def agreed(*starts: int) -> int:
        rig.run("UPDATE ispctl_clock SET at = at - 120")
        for ago in starts:
            Line(rig).send("Start", ago=ago)
        [(times,)] = rig.rows("SELECT agreed FROM ispctl_clock")
        return int(times)

    rig.run("DELETE FROM ispctl_clock")
    assert agreed(1200, 1190, 600) == 0  # as the line came back
    assert agreed(400, 0) == 0
    assert agreed(1800) == 0
    assert agreed(1802) == 1
    assert agreed(1795) == 2
    assert agreed(300) == 0


def test_reports_are_kept_where_nobody_can_write_down_whose_clock_is_wrong(rig: Rig) -> None:
    line = Line(rig, BEHIND)
    rig.run("ALTER TABLE ispctl_clock RENAME TO elsewhere")
    try:
        line.send("Start")
        assert line.times() == (pytest.approx(0, abs=5), None)
    finally:
        rig.run("ALTER TABLE elsewhere RENAME TO ispctl_clock")


@pytest.mark.parametrize("wrong", [0, BEHIND, AHEAD])
def test_what_waited_for_the_database_counts_from_when_it_arrived(rig: Rig, wrong: int) -> None:
    Line(rig).send("Start")  # the server knows the NAS by then
    line = Line(rig, wrong)
    with away(rig, "radacct"):
        before = time.time()
        line.send("Interim-Update", 600)
        after = time.time()
    assert wait_for(lambda: bool(rig.rows("SELECT 1 FROM radacct WHERE username = ?", line.login)), 20)
    assert before - 2 <= time.time() - line.times()[0] + 600 <= after + 2


@pytest.mark.parametrize("wrong", [-50, 50])
def test_a_clock_that_is_wrong_by_less_than_a_minute_is_believed(rig: Rig, wrong: int) -> None:
    line = Line(rig, wrong)
    line.send("Stop", 600)
    assert line.times() == (pytest.approx(600 - wrong, abs=5), pytest.approx(-wrong, abs=5))


def test_a_delay_beyond_reason_loses_no_report(rig: Rig) -> None:
    for delay in (2**31 - 1, 2**32 - 1):
        line = Line(rig)
        line.send("Stop", 600, delay=delay)
        assert line.times()[1] is not None
