"""What the server keeps of sessions, and what it does when its database is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ispctl.lab.nas import Silent
from ispctl.lab.process import wait_for
from tests.canary import PASSWORD
from tests.live.rig import CLASS, MAC, OTHER_MAC, RENDERING, THIRD_MAC, Rig, online, refused

pytestmark = pytest.mark.live


@contextmanager
def away(rig: Rig, table: str) -> Iterator[None]:
    """While inside, the database does not know `table`: every statement that needs it fails."""
    rig.run(f"ALTER TABLE {table} RENAME TO hidden_{table}")
    try:
        yield
    finally:
        rig.run(f"ALTER TABLE hidden_{table} RENAME TO {table}")


def test_counters_follow_the_rate_the_time_and_the_use(rig: Rig) -> None:
    session = online(rig.routeros.dial(rig.login(), PASSWORD, mac=MAC, utilisation=0.5))
    rig.clock.advance(100)
    assert rig.routeros.update(session)
    row = rig.account(session)
    assert row["acctinputoctets"] == pytest.approx(25_000_000 / 8 * 100 * 0.5, rel=0.02)
    assert row["acctoutputoctets"] == pytest.approx(50_000_000 / 8 * 100 * 0.5, rel=0.02)
    assert row["acctsessiontime"] in (100, 101, 102)


def test_counters_past_four_gigabytes_keep_growing(rig: Rig) -> None:
    session = online(rig.routeros.dial(rig.login(), PASSWORD))
    rig.clock.advance(3600)
    assert rig.routeros.update(session)
    assert rig.account(session)["acctoutputoctets"] == pytest.approx(50_000_000 / 8 * 3600, rel=0.01)


def test_a_session_is_kept_with_its_class_address_mac_and_end(rig: Rig) -> None:
    login = rig.login(reply=(("Framed-IP-Address", "203.0.113.20"), ("Delegated-IPv6-Prefix", "2001:db8:100::/56")))
    session = online(rig.routeros.dial(login, PASSWORD, mac="02-00-5E-10-00-01"))
    assert rig.account(session)["acctstoptime"] is None
    assert rig.routeros.hangup(session)
    row = rig.account(session)
    assert row["acctstoptime"] is not None
    assert (row["class"], row["callingstationid"]) == (f"{CLASS}-{RENDERING}", MAC)
    assert (row["framedipaddress"], row["delegatedipv6prefix"]) == ("203.0.113.20", "2001:db8:100::/56")
    assert (row["username"], row["acctterminatecause"]) == (login, "User-Request")


def test_one_session_too_many_is_refused_and_the_same_device_may_come_back(rig: Rig) -> None:
    login = rig.login(sessions=1)
    first = online(rig.routeros.dial(login, PASSWORD, mac=MAC))
    refused(rig.wispr.dial(login, PASSWORD, mac=OTHER_MAC))
    assert rig.log(login) == ("Access-Reject", "sessions")
    online(rig.routeros.dial(login, PASSWORD, mac=MAC))
    assert rig.account(first)["acctterminatecause"] == "isp:replaced"


def test_a_stale_session_does_not_count_and_is_closed_at_its_last_update(rig: Rig) -> None:
    login = rig.login(sessions=1)
    lost = online(rig.routeros.dial(login, PASSWORD, mac=MAC))
    rig.lose_sight(lost)
    last = rig.rows("SELECT acctupdatetime FROM radacct WHERE acctsessionid = ?", lost.id)[0][0]
    online(rig.wispr.dial(login, PASSWORD, mac=OTHER_MAC))
    row = rig.account(lost)
    assert (row["acctterminatecause"], row["acctstoptime"]) == ("isp:stale", last)


def test_an_update_revives_what_only_the_server_had_closed(rig: Rig) -> None:
    login = rig.login(sessions=1)
    lost = online(rig.routeros.dial(login, PASSWORD, mac=MAC))
    rig.lose_sight(lost)
    online(rig.wispr.dial(login, PASSWORD, mac=OTHER_MAC))
    assert rig.routeros.update(lost)
    assert (rig.account(lost)["acctstoptime"], rig.account(lost)["acctterminatecause"]) == (None, "")


def test_a_nas_that_boots_ends_its_sessions_and_frees_their_place(rig: Rig) -> None:
    nas = rig.nas("butwal-1", "192.0.2.30", "routeros")
    login = rig.login(sessions=1)
    session = online(nas.dial(login, PASSWORD, mac=MAC))
    assert nas.power_loss() == 1
    refused(nas.dial(login, PASSWORD, mac=THIRD_MAC))
    assert nas.boot()
    assert rig.account(session)["acctterminatecause"] == "NAS-Reboot"
    online(nas.dial(login, PASSWORD, mac=THIRD_MAC))


def test_a_session_that_goes_on_after_another_daemon_of_its_nas_began_is_open_again(rig: Rig) -> None:
    nas, other = (rig.nas(name, "192.0.2.43", "routeros") for name in ("butwal-12", "butwal-13"))
    session = online(nas.dial(rig.login(), PASSWORD, mac=MAC))
    rig.lose_sight(session)
    assert other.boot()
    assert rig.account(session)["acctterminatecause"] == "NAS-Reboot"
    assert nas.update(session)
    assert (rig.account(session)["acctstoptime"], rig.account(session)["acctterminatecause"]) == (None, "")
    assert nas.hangup(session)
    assert rig.account(session)["acctterminatecause"] == "User-Request"


def test_a_session_ends_when_its_time_is_over(rig: Rig) -> None:
    nas = rig.nas("butwal-2", "192.0.2.31", "routeros")
    session = online(nas.dial(rig.login(reply=(("Session-Timeout", "600"),)), PASSWORD))
    nas.tick()
    assert session.open
    rig.clock.advance(600)
    nas.tick()
    assert rig.account(session)["acctterminatecause"] == "Session-Timeout"


def test_updates_come_at_the_interval_that_the_server_named(rig: Rig) -> None:
    nas = rig.nas("butwal-3", "192.0.2.32", "routeros", interim=60)
    session = online(nas.dial(rig.login(), PASSWORD))
    rig.clock.advance(299)
    nas.tick()
    assert rig.account(session)["acctsessiontime"] == 0
    rig.clock.advance(1)
    nas.tick()
    assert rig.account(session)["acctsessiontime"] >= 300


def test_silence_not_refusal_when_the_database_is_away(rig: Rig) -> None:
    nas = rig.nas("butwal-4", "192.0.2.33", "routeros", timeout=0.5)
    login = rig.login()
    online(nas.dial(login, PASSWORD))
    before = rig.rows("SELECT count(*) FROM radpostauth")
    for table in ("ispctl_login", "radcheck", "radgroupreply"):
        with away(rig, table):
            assert isinstance(nas.dial(login, PASSWORD), Silent), table
    assert rig.rows("SELECT count(*) FROM radpostauth") == before
    online(nas.dial(login, PASSWORD))


def test_a_database_that_fails_halfway_teaches_nothing(rig: Rig) -> None:
    nas = rig.nas("butwal-7", "192.0.2.36", "routeros", timeout=0.5)
    login = rig.login(mac_mode="learn")
    with away(rig, "radreply"):
        assert isinstance(nas.dial(login, PASSWORD + "x", mac=OTHER_MAC), Silent)
    assert rig.rows("SELECT mac FROM ispctl_mac WHERE login = ?", login) == []


def test_accounting_is_answered_and_kept_while_the_database_is_away(rig: Rig) -> None:
    nas = rig.nas("butwal-5", "192.0.2.34", "routeros")
    session = online(nas.dial(rig.login(), PASSWORD, mac=MAC))
    rig.clock.advance(60)
    with away(rig, "radacct"):
        assert nas.hangup(session)
    assert wait_for(lambda: rig.account(session)["acctterminatecause"] == "User-Request", 20)
    row = rig.account(session)
    assert (row["class"], row["callingstationid"]) == (f"{CLASS}-{RENDERING}", MAC)
    assert row["acctoutputoctets"] == int(session.down.octets)


def test_lost_accounting_leaves_the_session_open_at_the_server(rig: Rig) -> None:
    nas = rig.nas("butwal-6", "192.0.2.35", "routeros")
    session = online(nas.dial(rig.login(), PASSWORD))
    nas.faults.drop_accounting = True
    nas.hangup(session)
    assert rig.account(session)["acctstoptime"] is None


@contextmanager
def read_only(rig: Rig) -> Iterator[None]:
    """While inside, the server is connected to a database that takes no changes, as to a standby."""
    name = rig.rows("SELECT current_database()")[0][0]
    for value in ("on", "off"):
        rig.run(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}')
        rig.rows("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'freeradius'")
        if value == "on":
            yield


def test_a_standby_answers_logins_and_loses_no_accounting(rig: Rig) -> None:
    if rig.place.kind == "sqlite":
        pytest.skip("a file has no standby")
    nas = rig.nas("butwal-10", "192.0.2.40", "routeros", timeout=3.0)
    login = rig.login()
    session = online(nas.dial(login, PASSWORD, mac=MAC))
    with read_only(rig):
        online(nas.dial(login, PASSWORD, mac=OTHER_MAC))
        assert nas.hangup(session)
        assert rig.account(session)["acctstoptime"] is None
    assert wait_for(lambda: rig.account(session)["acctterminatecause"] == "User-Request", 20)


def test_a_report_that_can_never_be_stored_holds_up_no_other(rig: Rig) -> None:
    nas = rig.nas("butwal-11", "192.0.2.41", "routeros")
    mad = online(nas.dial(rig.login(), PASSWORD))
    mad.down.octets = 2.0**63  # more than a bigint holds
    assert nas.update(mad)
    session = online(nas.dial(rig.login(), PASSWORD))
    with away(rig, "radacct"):
        assert nas.update(mad)
        assert nas.hangup(session)
    assert wait_for(lambda: rig.account(session)["acctterminatecause"] == "User-Request", 20)
