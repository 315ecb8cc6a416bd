"""One Acct-Session-Id for two sessions, and counters that begin again at 4 GiB: what becomes of the rows."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ispctl.radius import client
from tests.live.rig import SECRET, Rig

pytestmark = pytest.mark.live
ROUND = 1 << 32
BEGAN, ENDED, AGAIN = 1_700_000_000, 1_700_001_000, 1_700_001_060
"""The first session's beginning and end, and the beginning of the second under its id: seconds since 1970."""


class Line:
    """One login at one NAS that gives every session of it the same id, and says when things happened and how long its
    reports of them waited."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.login = rig, rig.login()

    def send(self, kind: str, at: int, seconds: int, octets: int, **more: Any) -> None:
        said = {
            "NAS-IP-Address": "192.0.2.1",
            "User-Name": self.login,
            "Acct-Session-Id": "00000001",
            "Acct-Status-Type": kind,
            "Event-Timestamp": at,
        }
        if kind != "Start":
            said |= {"Acct-Session-Time": seconds, "Acct-Output-Octets": octets % ROUND}
        for name, value in more.items():
            said[name.replace("_", "-")] = value
        if said["Event-Timestamp"] is not None:
            said["Acct-Delay-Time"] = int(time.time()) - at
        packet = client.accounting_request(SECRET, {name: value for name, value in said.items() if value is not None})
        assert client.ask(packet, self.rig.acct, "127.0.2.1", timeout=3.0, tries=1) is not None

    def rows(self) -> list[tuple[int, bool]]:
        """(octets, whether it is open) of each session, oldest first."""
        sql = "SELECT acctoutputoctets, acctstoptime FROM radacct WHERE username = ? ORDER BY acctstarttime"
        return [(octets, stop is None) for octets, stop in self.rig.rows(sql, self.login)]

    def first(self) -> None:
        self.send("Start", BEGAN, 0, 0)
        self.send("Stop", ENDED, 1000, 5000)


def test_an_id_that_is_used_again_is_a_session_of_its_own(rig: Rig) -> None:
    line = Line(rig)
    line.first()
    line.send("Start", AGAIN, 0, 0)
    line.send("Interim-Update", AGAIN + 300, 300, 70)
    assert line.rows() == [(5000, False), (70, True)]
    line.send("Stop", AGAIN + 600, 600, 90)
    assert line.rows() == [(5000, False), (90, False)]


def test_the_second_session_is_seen_without_its_start(rig: Rig) -> None:
    line = Line(rig)
    line.first()
    line.send("Interim-Update", AGAIN + 300, 300, 70)
    line.send("Start", AGAIN, 0, 0)
    assert line.rows() == [(5000, False), (70, True)]


def test_a_session_whose_end_was_lost_ends_when_its_id_is_used_again(rig: Rig) -> None:
    line = Line(rig)
    line.send("Start", BEGAN, 0, 0)
    line.send("Interim-Update", ENDED, 1000, 5000)
    line.send("Start", ENDED + 301, 0, 0)
    assert line.rows() == [(5000, False), (0, True)]


def test_what_comes_late_of_the_first_session_neither_revives_nor_forks_it(rig: Rig) -> None:
    line = Line(rig)
    line.first()
    for before in ([(5000, False)], [(5000, False), (0, True)]):
        line.send("Start", BEGAN, 0, 0)
        line.send("Interim-Update", BEGAN + 300, 300, 4000)
        line.send("Stop", ENDED, 1000, 5000)
        assert line.rows() == before
        line.send("Start", AGAIN, 0, 0)


def closed_by_us(rig: Rig, line: Line, cause: str) -> None:
    line.send("Start", BEGAN, 0, 0)
    line.send("Interim-Update", BEGAN + 600, 600, 5000)
    rig.run("UPDATE radacct SET acctstoptime = acctupdatetime, acctterminatecause = ?"
            " WHERE username = ?", cause, line.login)  # fmt: skip
    assert line.rows() == [(5000, False)]


@pytest.mark.parametrize("cause", ["isp:stale", "isp:replaced", "NAS-Reboot"])
def test_what_comes_late_of_a_session_that_nobody_ended_does_not_end_it_for_good(rig: Rig, cause: str) -> None:
    line = Line(rig)
    closed_by_us(rig, line, cause)
    line.send("Interim-Update", BEGAN + 300, 300, 4000)
    line.send("Interim-Update", BEGAN + 600, 600, 5000)
    assert line.rows() == [(5000, False)]
    line.send("Interim-Update", BEGAN + 900, 900, 6000)
    assert line.rows() == [(6000, True)]


@pytest.mark.parametrize("cause", ["isp:stale", "isp:replaced", "NAS-Reboot"])
def test_a_session_that_was_taken_for_over_ended_when_its_nas_says_so(rig: Rig, cause: str) -> None:
    line = Line(rig)
    closed_by_us(rig, line, cause)
    line.send("Stop", BEGAN + 900, 900, 6000, Acct_Terminate_Cause="Idle-Timeout")
    sql = "SELECT acctstoptime, acctterminatecause, acctoutputoctets FROM radacct WHERE username = ?"
    assert rig.rows(sql, line.login) == [(BEGAN + 900, "Idle-Timeout", 6000)]


def test_a_start_sent_twice_by_a_nas_that_tells_no_time_is_one_session(rig: Rig) -> None:
    line = Line(rig)
    for kind in ("Start", "Stop", "Start"):
        line.send(kind, 0, 60, 5000, Event_Timestamp=None)
    assert line.rows() == [(5000, False)]


def test_counters_without_gigawords_go_round_and_the_use_goes_on(rig: Rig) -> None:
    line = Line(rig)
    line.send("Start", BEGAN, 0, 0)
    for report, octets in enumerate((4_000_000_000, 5_000_000_000, 9_000_000_000), 1):
        line.send("Interim-Update", BEGAN + 300 * report, 300 * report, octets)
        assert line.rows() == [(octets, True)]
    line.send("Interim-Update", BEGAN + 600, 600, 5_000_000_000)  # late, or twice
    line.send("Interim-Update", BEGAN + 900, 900, 9_000_000_000)
    line.send("Stop", BEGAN + 1000, 1000, 0, Acct_Output_Octets=None)
    line.send("Stop", BEGAN + 1000, 1000, 0)
    assert line.rows() == [(9_000_000_000, False)]


def test_counters_with_gigawords_never_go_round(rig: Rig) -> None:
    line = Line(rig)
    line.send("Interim-Update", BEGAN + 300, 300, 4_000_000_000, Acct_Output_Gigawords=0)
    line.send("Interim-Update", BEGAN + 600, 600, 50, Acct_Output_Gigawords=0)
    assert line.rows() == [(4_000_000_000, True)]


def test_a_report_that_waited_and_tells_no_time_belongs_to_its_session(rig: Rig) -> None:
    line = Line(rig)
    line.send("Start", 0, 0, 0, Event_Timestamp=None)
    past = rig.place.span(1500)
    rig.run(
        f"UPDATE radacct SET acctstarttime = acctstarttime - {past}, acctupdatetime = acctupdatetime - {past}"
        " WHERE username = ?",
        line.login,
    )
    line.send("Interim-Update", 0, 300, 70, Event_Timestamp=None, Acct_Delay_Time=1200)
    line.send("Interim-Update", 0, 1500, 90, Event_Timestamp=None)
    assert line.rows() == [(90, True)]


def begun_elsewhere(rig: Rig, line: Line) -> None:
    """A session as the configuration wrote it that served the login before: under an unique id of its own making."""
    moment = rig.place.instant()
    rig.run(
        "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
        " acctsessiontime, acctoutputoctets, callingstationid)"
        f" VALUES ('00000001', ?, ?, '192.0.2.1', {moment}, {moment}, 300, 4000, '02-00-5E-10-00-01')",
        *(f"old {line.login}", line.login, BEGAN, BEGAN + 300),
    )


def test_a_session_that_another_configuration_began_goes_on_in_its_row(rig: Rig) -> None:
    line = Line(rig)
    begun_elsewhere(rig, line)
    line.send("Interim-Update", BEGAN + 602, 600, 5000, Calling_Station_Id="02-00-5E-10-00-01")
    assert line.rows() == [(5000, True)]
    sql = "SELECT callingstationid FROM radacct WHERE username = ?"
    assert rig.rows(sql, line.login) == [("02:00:5e:10:00:01",)]
    for _ in range(2):
        line.send("Stop", BEGAN + 702, 700, 6000)
        assert line.rows() == [(6000, False)]
    line.send("Start", BEGAN + 720, 0, 0)
    assert line.rows() == [(6000, False), (0, True)]


def test_a_session_whose_nas_is_called_otherwise_goes_on_in_its_row(rig: Rig) -> None:
    line = Line(rig)
    line.send("Start", BEGAN, 0, 0)
    rig.run("UPDATE radacct SET acctuniqueid = ? WHERE username = ?", f"old {line.login}", line.login)
    line.send("Interim-Update", BEGAN + 300, 300, 70)
    assert line.rows() == [(70, True)]


def test_what_another_configuration_never_saw_end_is_not_taken_for_a_new_session(rig: Rig) -> None:
    line = Line(rig)
    begun_elsewhere(rig, line)
    line.send("Start", ENDED, 0, 0)
    line.send("Interim-Update", ENDED + 60, 60, 70)
    assert line.rows() == [(4000, True), (70, True)]
