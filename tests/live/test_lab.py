"""A lab that comes up, is played with, and goes: all of it, and nothing but it."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from ispctl.lab import freeradius
from ispctl.lab.lab import Lab
from ispctl.lab.process import Process, start, wait_for
from ispctl.model.problem import Refusal
from ispctl.radius.server import ServerSettings
from ispctl.store import LAB_DOOR, Store
from tests.canary import PASSWORD
from tests.live.rig import radclient

pytestmark = pytest.mark.live
HOSTS = [
    {"name": "lalitpur-1", "address": "192.0.2.1", "platform": "routeros", "interim": 300},
    {
        "name": "kathmandu-1",
        "address": "192.0.2.2",
        "platform": "wispr",
        "interim": 120,
        "pools": {"home": ["100.64.4.0/30"]},
    },
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path longer than a Unix socket's name may be."""
    return tmp_path_factory.mktemp("lab") / ("deep-" * 20) / "state"


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[Lab]:
    lab = Lab(folder)
    lab.up(dsn(folder), HOSTS)
    try:
        with Store.open(dsn(folder)) as store:
            fill(store)
        yield lab
    finally:
        lab.down()


def dsn(folder: Path) -> str:
    return f"sqlite:///{folder.parent}/radius.db"


def fill(store: Store) -> None:
    write = store.database.write
    write(
        "INSERT INTO radcheck (username, attribute, op, value) VALUES ('anita', 'Cleartext-Password', ':=', ?)",
        (PASSWORD,),
    )
    write("INSERT INTO radusergroup (username, groupname) VALUES ('anita', 'home')")
    for attribute, value in (
        ("Mikrotik-Rate-Limit", "25M/50M"),
        ("WISPr-Bandwidth-Max-Down", "8000"),
        ("Framed-Pool", "home"),
    ):
        write(
            "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('home', ?, ':=', ?)",
            (attribute, value),
        )


def processes(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "state.json").read_text("utf-8"))["processes"]
    return found


def code(refusal: pytest.ExceptionInfo[Refusal]) -> str:
    return refusal.value.problems[0].code


def test_a_lab_tells_where_it_is(lab: Lab, folder: Path) -> None:
    status = lab.status()
    assert status["running"] is True
    assert status["dsn"] == dsn(folder)
    assert all(status["radius"][name].startswith("127.0.0.1:") for name in ("auth", "acct", "coa"))
    assert [nas["name"] for nas in status["nas"]] == ["lalitpur-1", "kathmandu-1"]
    assert status["processes"] == {"freeradius": True, "stand-ins": True}


def test_a_second_up_finds_it_running(lab: Lab, folder: Path) -> None:
    before = processes(folder)
    assert Lab(folder).up(dsn(folder), HOSTS)["already"] is True
    assert processes(folder) == before


def test_what_a_lab_writes_is_for_its_owner_only(lab: Lab, folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("state.json", "fleet.json", "control.sock", "fleet.log"):
        assert stat.S_IMODE((folder / name).stat().st_mode) & 0o077 == 0, name


def test_anybody_on_loopback_may_ask_with_the_secret_of_the_status(lab: Lab) -> None:
    radius = lab.status()["radius"]
    host, port = radius["auth"].split(":")
    answer = radclient((host, int(port)), "status", radius["secret"], "Message-Authenticator = 0x00")
    assert "ispctl-config" in answer


def test_the_client_of_the_status_plays_the_nas_that_it_names(lab: Lab, folder: Path) -> None:
    with Store.open(dsn(folder)) as store:
        write = store.database.write
        write("INSERT INTO ispctl_pop (pop, nas) VALUES ('pop-lalitpur', 'lalitpur-1')")
        write("INSERT INTO ispctl_login (login, owner, pop, on_roam) VALUES ('anita', 's/m', 'pop-lalitpur', 'reject')")
    try:
        assert "Access-Accept" in asked(lab, 'NAS-Identifier = "lalitpur-1"')
        assert "Access-Reject" in asked(lab, 'NAS-Identifier = "kathmandu-1"')
    finally:
        with Store.open(dsn(folder)) as store:
            store.database.write("DELETE FROM ispctl_login WHERE login = 'anita'")


def asked(lab: Lab, *attributes: str) -> str:
    radius = lab.status()["radius"]
    host, port = radius["auth"].split(":")
    who = ('User-Name = "anita"', f'User-Password = "{PASSWORD}"', "Message-Authenticator = 0x00")
    return radclient((host, int(port)), "auth", radius["secret"], *who, *attributes)


def test_stand_ins_dial_account_and_hang_up(lab: Lab, folder: Path) -> None:
    dialled = lab.ask("dial", nas="lalitpur-1", login="anita", password=PASSWORD, mac="02:00:5e:10:00:01")
    session = dialled["session"]
    assert (dialled["outcome"], session["rate"]) == ("accepted", "25M/50M")
    lab.ask("advance", seconds=3600)
    shown = next(one for one in lab.ask("sessions")["sessions"] if one["session"] == session["session"])
    assert shown["octets_down"] == pytest.approx(50_000_000 / 8 * 3600, rel=0.01)
    lab.ask("traffic", session=session["session"], utilisation=0)
    assert lab.ask("hangup", session=session["session"])["ended"] == 1
    with Store.open(dsn(folder), readonly=True) as store:
        row = store.database.query(
            "SELECT nasipaddress, acctterminatecause, acctoutputoctets FROM radacct WHERE acctsessionid = ?",
            (session["session"],),
        )
    assert row[0][:2] == ("192.0.2.1", "User-Request")
    assert row[0][2] >= shown["octets_down"]


def test_stand_ins_say_what_became_of_a_dial(lab: Lab) -> None:
    assert lab.ask("dial", nas="lalitpur-1", login="anita", password=PASSWORD + "x")["outcome"] == "rejected"
    methods = [
        lab.ask("dial", nas="kathmandu-1", login="anita", password=PASSWORD, method=m) for m in ("chap", "mschapv2")
    ]
    assert [(one["outcome"], one["session"]["address"]) for one in methods] == [
        ("accepted", "100.64.4.1"),
        ("accepted", "100.64.4.2"),
    ]
    full = lab.ask("dial", nas="kathmandu-1", login="anita", password=PASSWORD)
    assert (full["outcome"], full["by_nas"]) == ("rejected", True)
    assert lab.ask("power_loss", nas="kathmandu-1") == {"lost": 2}
    assert lab.ask("boot", nas="kathmandu-1") == {"answered": True}


def test_changes_reach_the_nas_that_is_meant(lab: Lab, folder: Path) -> None:
    session = lab.ask("dial", nas="lalitpur-1", login="anita", password=PASSWORD)["session"]
    with Store.open(dsn(folder), readonly=True) as store:
        known = json.loads(store.meta.get(LAB_DOOR) or "")
    place = (known["coa"]["host"], known["coa"]["port"])
    assert lab.status()["radius"]["coa"] == f"{place[0]}:{place[1]}"
    named = [f'Acct-Session-Id = "{session["session"]}"', "NAS-IP-Address = 192.0.2.1", 'NAS-Identifier = "lalitpur-1"']
    assert "CoA-ACK" in radclient(place, "coa", known["secret"], *named, 'Mikrotik-Rate-Limit = "1M/2M"')
    shown = next(one for one in lab.ask("sessions")["sessions"] if one["session"] == session["session"])
    assert (shown["rate_up"], shown["rate_down"]) == (1_000_000, 2_000_000)
    lab.ask("fault", nas="lalitpur-1", name="ignore_coa", on=True)
    assert "No reply" in radclient(place, "disconnect", known["secret"], *named)
    lab.ask("fault", nas="lalitpur-1", name="ignore_coa", on=False)
    assert "Disconnect-ACK" in radclient(place, "disconnect", known["secret"], *named)


@pytest.mark.parametrize(
    "request_",
    [
        {"do": "sing"},
        {"do": "dial", "nas": "nowhere-1", "login": "anita", "password": PASSWORD},
        {"do": "dial", "nas": "lalitpur-1", "login": "anita"},
        {"do": "dial", "nas": "lalitpur-1", "login": "anita", "password": PASSWORD, "method": "eap"},
        {"do": "hangup", "session": "none"},
        {"do": "advance", "seconds": "soon"},
        {"do": "fault", "nas": "lalitpur-1", "name": "fire"},
    ],
    ids=lambda request_: str(request_["do"]),
)
def test_a_wrong_request_is_refused_in_words(lab: Lab, request_: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refusal:
        lab.ask(**request_)
    assert code(refusal) == "E410"
    assert PASSWORD not in str(refusal.value)


def test_a_database_in_use_by_others_does_not_become_a_lab(tmp_path: Path) -> None:
    with Store.create(f"sqlite:///{tmp_path}/radius.db"):
        pass
    with pytest.raises(Refusal):
        Lab(tmp_path / "state").up(f"sqlite:///{tmp_path}/radius.db", HOSTS)
    assert Lab(tmp_path / "state").status()["running"] is False


def test_an_up_that_fails_halfway_leaves_nothing_running(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "state")
    with pytest.raises(Refusal) as refusal:
        lab.up(f"sqlite:///{tmp_path}/radius.db", [{**HOSTS[0], "pools": {"home": ["no network"]}}])
    assert code(refusal) == "E409"
    assert lab.status()["processes"] == {}


def test_down_ends_what_a_crashed_lab_left_and_nothing_else(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "state")
    bystander = start(["/bin/sleep", "60"], tmp_path / "sleep.log")
    try:
        lab.up(f"sqlite:///{tmp_path}/radius.db", HOSTS)
        state = json.loads((tmp_path / "state/state.json").read_text("utf-8"))
        server, fleet = (Process.from_json(state["processes"][name]) for name in ("freeradius", "stand-ins"))
        psutil.Process(server.pid).kill()
        assert wait_for(lambda: not server.running, 5)
        assert lab.status()["running"] is False
        # The pid of the dead server now belongs to somebody else, as it may after a while.
        state["processes"]["freeradius"]["pid"] = bystander.pid
        (tmp_path / "state/state.json").write_text(json.dumps(state), "utf-8")
        assert lab.down() == ["stand-ins"]
        assert not fleet.running
        assert bystander.running
        assert lab.down() == []
    finally:
        bystander.stop()


def test_a_lab_that_is_not_running_says_how_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        Lab(tmp_path / "none").ask("ping")
    assert code(refusal) == "E408"
    assert "ispctl lab up" in str(refusal.value)
    assert Lab(tmp_path / "none").down() == []


def test_two_commands_at_once_do_not_mix(lab: Lab, folder: Path) -> None:
    import fcntl

    handle = os.open(folder / "lock", os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(Refusal) as refusal:
            Lab(folder).up(dsn(folder), HOSTS)
    finally:
        os.close(handle)
    assert code(refusal) == "E407"


# The launcher


def settings(folder: Path, auth: int, acct: int) -> ServerSettings:
    return ServerSettings(database=f"{folder}/radius.db", run_dir=f"{folder}/run", auth_port=auth, acct_port=acct)


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    Store.create(f"sqlite:///{tmp_path}/radius.db", lab=True).close()
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        with pytest.raises(Refusal) as refusal:
            freeradius.launch(settings(tmp_path, port, freeradius.free_ports(1)[0]), tmp_path / "conf")
    assert code(refusal) == "E404"
    assert str(port) in str(refusal.value)


def test_a_server_without_its_database_file_does_not_start_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        freeradius.launch(settings(tmp_path / "none", *freeradius.free_ports(2)), tmp_path / "conf")
    assert code(refusal) == "E405"
    assert "radius.log" in str(refusal.value)


def test_a_server_that_takes_too_long_is_ended_again(tmp_path: Path) -> None:
    Store.create(f"sqlite:///{tmp_path}/radius.db", lab=True).close()
    with pytest.raises(Refusal) as refusal:
        freeradius.launch(settings(tmp_path, *freeradius.free_ports(2)), tmp_path / "conf", timeout=0)
    assert code(refusal) == "E406"


def test_a_machine_without_freeradius_is_told_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        freeradius.program(str(tmp_path))
    assert code(refusal) == "E403"
    assert "apt-get install" in str(refusal.value)


def test_a_stopped_server_is_gone_and_its_ports_are_free(tmp_path: Path) -> None:
    Store.create(f"sqlite:///{tmp_path}/radius.db", lab=True).close()
    server = freeradius.launch_anywhere(lambda auth, acct: settings(tmp_path, auth, acct), tmp_path / "conf")
    assert server.process.running
    assert server.stop() is True
    assert server.stop() is False
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as link:
        link.bind(("127.0.0.1", server.settings.auth_port))
