"""What a device that calls is given, and what becomes of it in the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ispctl.cpe import password_of
from ispctl.cpe.office import CLOSED, NO_PROFILE
from ispctl.cpe.session import Caller, Session
from ispctl.cpe.task import OTHER_ROOT
from ispctl.lab.devices.cpe import Cpe, tr098, tr181
from ispctl.model.cpe import CpeProfile, Root
from ispctl.model.reading import read
from ispctl.store import Store, cpes
from tests.canary import OTHER_PASSWORD, PASSWORD
from tests.cpe.talk import LOGIN, NOW, SECRET, Isp

SERIAL = "48575443A1B2C3D4"


@pytest.fixture
def isp(tmp_path: Path) -> Iterator[Isp]:
    with Store.create("sqlite:///radius.db", base=tmp_path) as store:
        yield Isp(store)


def box(**how: object) -> Cpe:
    return Cpe(SERIAL, tr181(), **how)  # type: ignore[arg-type]


def seen(isp: Isp, cpe: Cpe) -> cpes.Seen:
    (found,) = [one for one in cpes.listed(isp.store) if one.serial == cpe.serial]
    return found


def test_a_device_that_nobody_knows_is_written_down_and_given_nothing(isp: Isp) -> None:
    cpe = box()
    assert isp.call(cpe) == 204
    assert (cpe.asked, seen(isp, cpe).known) == ([], False)
    assert seen(isp, cpe)[:7] == (
        "00005E-Router%201-48575443A1B2C3D4", SERIAL, "Example", "Router 1", "V3R1", "Device", "198.51.100.7",
    )  # fmt: skip


def test_a_new_device_is_given_its_login_and_one_for_us(isp: Isp) -> None:
    cpe = box()
    isp.wants(cpe)
    assert isp.call(cpe) == 204
    assert cpe.login() == (LOGIN, PASSWORD)
    assert cpe.credentials() == (SERIAL, password_of(SECRET, SERIAL))
    assert (seen(isp, cpe).known, seen(isp, cpe).faults) == (True, {})


def test_a_second_session_asks_for_nothing(isp: Isp) -> None:
    cpe = box()
    isp.wants(cpe)
    isp.call(cpe)
    assert (isp.call(cpe), cpe.asked) == (204, [])


def test_another_password_is_all_that_is_set(isp: Isp) -> None:
    cpe = box()
    isp.wants(cpe)
    isp.call(cpe)
    isp.passwords["sealed-2"] = OTHER_PASSWORD
    isp.wants(cpe, "sealed-2")
    isp.call(cpe)
    assert cpe.login() == (LOGIN, OTHER_PASSWORD)
    assert cpe.asked.count("SetParameterValues") == 1


@pytest.mark.parametrize("how", ["reset", "update"])
def test_a_reset_device_and_one_with_other_firmware_are_given_everything_again(isp: Isp, how: str) -> None:
    cpe = box()
    isp.wants(cpe)
    isp.call(cpe)
    cpe.reset() if how == "reset" else cpe.update("V3R2")
    assert isp.call(cpe) == 204
    assert cpe.asked.count("SetParameterValues") == 2
    assert cpe.login() == (LOGIN, PASSWORD)


def test_the_login_of_the_factory_is_for_devices_that_begin(isp: Isp) -> None:
    cpe = box()
    isp.wants(cpe)
    isp.call(cpe)
    thief = Cpe(SERIAL, tr181(), events=["2 PERIODIC"])
    assert isp.call(thief) == 403
    assert thief.login() == ("", "")


def test_a_login_is_good_for_one_device(isp: Isp) -> None:
    other = Cpe("0000", tr181())
    isp.wants(other)
    other.leaves["Device.ManagementServer.Username"].value = SERIAL
    assert isp.call(other) == 403


def test_without_a_login_of_the_factory_devices_keep_the_one_that_they_have(isp: Isp, tmp_path: Path) -> None:
    isp.office.factory = False
    cpe = box()
    isp.wants(cpe)
    isp.call(cpe)
    assert cpe.credentials() == cpe.factory
    assert cpe.login() == (LOGIN, PASSWORD)


@pytest.mark.parametrize(
    "profile, password, fault", [("unheard-of", "sealed-1", NO_PROFILE), ("generic", "sealed-9", CLOSED)]
)
def test_what_we_cannot_do_ourselves_is_told_as_a_fault(isp: Isp, profile: str, password: str, fault: int) -> None:
    cpe = box()
    isp.wants(cpe, password, profile)
    assert (isp.call(cpe), cpe.asked) == (204, [])
    assert seen(isp, cpe).faults == {"pppoe.password": fault}


@pytest.mark.parametrize("password, profile", [("sealed-1", "unheard-of"), ("sealed-9", "generic")])
def test_a_fault_of_ours_is_gone_with_its_reason_though_nothing_is_left_to_be_set(
    isp: Isp, password: str, profile: str
) -> None:
    cpe = box()
    isp.wants(cpe)
    isp.call(cpe)
    isp.wants(cpe, password, profile)
    isp.call(cpe)
    assert (set(seen(isp, cpe).faults), cpes.refusing(isp.store)) == ({"pppoe.password"}, 1)
    isp.wants(cpe)
    assert (isp.call(cpe), cpe.asked) == (204, [])
    assert (seen(isp, cpe).faults, cpes.refusing(isp.store)) == ({}, 0)


def test_a_password_whose_answer_was_lost_is_not_believed_to_be_the_one_before(isp: Isp) -> None:
    """The device has the new one; in git the old one stands again before it calls the next time."""
    cpe = box()
    isp.wants(cpe)
    isp.call(cpe)
    isp.passwords["sealed-2"] = OTHER_PASSWORD
    isp.wants(cpe, "sealed-2")
    session = Session(isp.office, Caller(SERIAL, "198.51.100.7"))
    session.receive(cpe.inform())
    answer = session.receive(b"")
    while cpe.login() != (LOGIN, OTHER_PASSWORD):
        lost = cpe.answer(answer.body.decode())
        if cpe.login() != (LOGIN, OTHER_PASSWORD):
            answer = session.receive(lost)
    session.close()
    isp.wants(cpe)
    isp.call(cpe)
    assert cpe.login() == (LOGIN, PASSWORD)


def test_who_has_again_what_it_took_refuses_nothing(isp: Isp) -> None:
    """The password that it refused was taken back in git."""
    cpe = box()
    isp.wants(cpe)
    isp.call(cpe)
    cpe.refuses = {"Device.PPP.Interface.5.Password": 9002}
    isp.passwords["sealed-2"] = OTHER_PASSWORD
    isp.wants(cpe, "sealed-2")
    isp.call(cpe)
    assert seen(isp, cpe).faults == {"pppoe.password": 9002}
    cpe.refuses = {}
    isp.wants(cpe)
    isp.call(cpe)
    now = seen(isp, cpe)
    assert (cpe.login(), now.faults, now.tries, now.rests) == ((LOGIN, PASSWORD), {}, 0, None)


def test_a_device_with_another_model_than_its_profile_is_told_apart(isp: Isp) -> None:
    root: Root = "InternetGatewayDevice"
    isp.profiles["generic"] = read(CpeProfile, {root: isp.profiles["generic"].root[root]})
    cpe = box()
    isp.wants(cpe)
    isp.call(cpe)
    assert set(seen(isp, cpe).faults.values()) == {OTHER_ROOT}


def test_what_was_refused_for_good_is_not_asked_again_until_something_changes(isp: Isp) -> None:
    cpe = box(refuses={"Device.PPP.Interface.5.Password": 9007})
    isp.wants(cpe)
    isp.call(cpe)
    assert seen(isp, cpe).faults == {"pppoe.username": 9007, "pppoe.password": 9007}
    assert (isp.call(cpe), cpe.asked) == (204, [])
    isp.passwords["sealed-2"] = OTHER_PASSWORD
    isp.wants(cpe, "sealed-2")
    cpe.refuses = {}
    isp.call(cpe)
    assert (cpe.login(), seen(isp, cpe).faults) == ((LOGIN, OTHER_PASSWORD), {})


def test_what_may_work_another_time_is_asked_later_and_later(isp: Isp) -> None:
    cpe = box(refuses={"Device.PPP.Interface.5.Password": 9002})
    isp.wants(cpe)
    rests = []
    for _ in range(3):
        isp.call(cpe)
        assert cpe.asked
        rests.append((seen(isp, cpe).rests or NOW) - isp.now)
        isp.call(cpe)
        assert not cpe.asked
        isp.now += rests[-1]
    assert rests == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    cpe.refuses = {}
    isp.call(cpe)
    assert (cpe.login(), seen(isp, cpe).tries) == ((LOGIN, PASSWORD), 0)


def test_one_model_that_refuses_stops_nobody_else(isp: Isp) -> None:
    bad, good = Cpe("A1", {**tr098(), "InternetGatewayDevice.X.Y": tr098().popitem()[1]}), Cpe("B2", tr181())
    bad.leaves = {name: leaf for name, leaf in bad.leaves.items() if "WANDevice" not in name}
    isp.wants(bad)
    assert isp.call(bad) == 204
    cpes.put_wanted(isp.store, "sub-2/main", [cpes.Wanted("B2", "sub-2", "main", "generic", LOGIN, "sealed-1")], NOW)
    assert isp.call(good) == 204
    assert good.login() == (LOGIN, PASSWORD)
    assert "pppoe.password" in seen(isp, bad).faults


def test_a_session_that_breaks_goes_on_where_it_broke(isp: Isp) -> None:
    from ispctl.cpe.session import Caller, Session

    cpe = box()
    isp.wants(cpe)
    session = Session(isp.office, Caller(None, ""))
    session.receive(cpe.inform())
    session.receive(cpe.answer(session.receive(b"").body.decode()))  # its login for us is set
    session.close()
    assert cpe.credentials()[0] == SERIAL
    cpe.events = ["2 PERIODIC"]
    assert isp.call(cpe) == 204
    assert cpe.asked.count("SetParameterValues") == 1
    assert cpe.login() == (LOGIN, PASSWORD)


def test_nothing_that_is_said_or_kept_holds_a_password(isp: Isp) -> None:
    cpe = box()
    isp.wants(cpe)
    isp.call(cpe)
    assert PASSWORD not in str(isp.log.said)
    assert LOGIN not in str(isp.log.said)
    kept = isp.store.database.query("SELECT mark FROM ispctl_cpe_value")
    assert all(PASSWORD not in mark and len(mark) in (0, 64) for (mark,) in kept)
    assert PASSWORD not in repr(isp.office)
    assert SECRET not in repr(isp.office)
