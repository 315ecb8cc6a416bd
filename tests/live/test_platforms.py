"""Every platform on a real FreeRADIUS: whoever asks gets its own vendor's attributes, shapes by them, and is changed.

A new folder of `platforms` is tested by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from ispctl.desired import Terms
from ispctl.lab.nas import Nas
from ispctl.lab.process import wait_for
from ispctl.lab.relay import Fleet
from ispctl.lab.vendors import vendor
from ispctl.model import network
from ispctl.model.policy import Policy
from ispctl.model.problem import Where
from ispctl.model.reading import read
from ispctl.plan import diff
from ispctl.platforms import platform, platforms
from ispctl.radius.live import Behind, behind, nas_by_address
from ispctl.radius.proof import verify
from ispctl.radius.rendering import Intent, given, render, rendering
from ispctl.radius.rows import RadiusRows, order
from ispctl.radius.session import Door, Request
from ispctl.radius.sessions import Sessions
from ispctl.reconcile.proof import reading
from ispctl.structs import replace
from tests.canary import PASSWORD
from tests.live.rig import SECRET, Rig, online, radclient
from tests.radius.world import DIGESTS, OPEN
from tests.report.sample import entitlement

pytestmark = pytest.mark.live
OWN_PASSWORD = next(digest for digest in DIGESTS if OPEN[digest] == PASSWORD)
COA_SECRET = "coa-secret"
HOME = Terms("many-50", 50_000_000, 25_000_000, None, 0, "pool:home", "pool:home6", "pool:home6-pd")
POLICY = read(
    Policy,
    {
        "format": "1",
        "timezone": "Asia/Kathmandu",
        "currency": "NPR",
        "wall": {"pool": "walled", "rate": {"down": "2M", "up": "1M"}, "redirect": "https://pay.example.net/"},
    },
)
OPENED, WALLED = "opened@home.example", "walled@home.example"
FIXED = {"ipv4": "203.0.113.90", "ipv6": "2001:db8:1::7", "delegated": "2001:db8:200::/56"}
"""What a login may have in place of each pool, in their order."""


@dataclass
class Isp:
    """A NAS of each platform, and logins that may be dialled through all of them: one behind the wall, one for each
    kind of pool that has something fixed in its place."""

    rig: Rig
    nas: dict[str, Nas]
    inventory: dict[str, network.Nas]

    def intent(self, terms: Terms) -> Intent:
        usual: dict[str, Any] = {
            "terms": terms,
            "password": OWN_PASSWORD,
            "nas": (),
            "pop": "",
            "backstop": None,
            "until": None,
        }
        people = [
            entitlement("sub-900001", login=OPENED, **usual),
            entitlement("sub-900002", login=WALLED, **usual | {"access": "walled"}),
        ]
        for number, (kind, value) in enumerate(FIXED.items(), 900003):
            people.append(entitlement(f"sub-{number}", login=f"{kind}@home.example", **usual | {kind: value}))
        return Intent(POLICY, {terms.tariff: terms}, self.inventory, people)

    def write(self, terms: Terms) -> Intent:
        """Make the rows equal to what these terms mean; the NAS have their rows already."""
        intent = self.intent(terms)
        want = {key: fields for key, fields in render(intent).items() if key[0] in ("group", "login")}
        rows = RadiusRows(self.rig.store)
        changes = order(diff("radius", want, rows.read(list(want))))
        assert [outcome.error for outcome in rows.apply(changes, OPEN.__getitem__) if outcome.error] == []
        return intent

    def reply(self, name: str, login: str) -> list[tuple[str, str]]:
        """What FreeRADIUS's own client hears, asking as the NAS of this platform: names as its dictionary has them."""
        asked = [
            f'User-Name = "{login}"',
            f'User-Password = "{PASSWORD}"',
            f"Packet-Src-IP-Address = {self.nas[name]._source}",
            "Message-Authenticator = 0x00",
        ]
        said = radclient(self.rig.auth, "auth", SECRET, *asked)
        assert "Received Access-Accept" in said, said
        lines = said.partition("Received Access-Accept")[2].splitlines()[1:]
        pairs = (line.strip().partition(" = ") for line in lines if line.startswith("\t"))
        return [(attribute, value.strip('"')) for attribute, _, value in pairs]


@pytest.fixture(scope="module")
def everybody(rig: Rig) -> Isp:
    nas, inventory = {}, {}
    for number, name in enumerate(platforms(), 11):
        address = f"192.0.2.{number}"
        nas[name] = rig.nas(f"pop-{number}", address, name)
        client = network.Radius(sources=(ip_address(address),), identifier=None, secret="")
        place = Where("inventory/hosts.yaml", number, 1)
        inventory[f"pop-{number}"] = network.Nas(
            f"pop-{number}", name, frozenset(), client, None, network.Accounting(), place
        )
    return Isp(rig, nas, inventory)


@pytest.fixture
def isp(everybody: Isp) -> Isp:
    """With the rows of HOME."""
    everybody.write(HOME)
    return everybody


@pytest.fixture
def fleet(isp: Isp) -> Iterator[Fleet]:
    with Fleet(list(isp.nas.values()), COA_SECRET) as fleet:
        yield fleet
    for nas in isp.nas.values():
        for session in nas.sessions:
            nas.hangup(session)


@pytest.mark.parametrize("login", [OPENED, WALLED])
def test_a_login_gets_the_attributes_of_the_vendor_that_asks_and_of_no_other(isp: Isp, login: str) -> None:
    """The same login through every vendor, one after the other and back again."""
    want = render(isp.intent(HOME))
    logical = "isp:walled" if login == WALLED else "isp:many-50"
    for name in [*platforms(), *reversed(platforms())]:
        group = want["group", f"{logical}@{name}"]
        expected = [*given(group), ("Acct-Interim-Interval", "300")]
        own = want["login", login]["class"]
        told = [pair for pair in isp.reply(name, login) if pair[0] != "Message-Authenticator"]
        told = [pair for pair in told if pair[0] != "Class"]
        assert sorted(told) == sorted(expected), name
        assert ("Class", "0x" + f"{own}-{rendering(group)}".encode().hex()) in isp.reply(name, login)


@pytest.mark.parametrize("name", platforms())
def test_a_router_shapes_by_what_it_is_told_and_ignores_nothing(isp: Isp, name: str) -> None:
    session = online(isp.nas[name].dial(OPENED, PASSWORD))
    try:
        assert (session.down.way.rate, session.up.way.rate) == (50_000_000, 25_000_000)
        assert (session.granted.ignored, session.granted.complaints) == ((), ())
        given_pools = (session.granted.pool, session.granted.prefix_pool, session.granted.delegated_pool)
        assert given_pools == ("home", "home6", "home6-pd")
        assert session.address_list != "isp-walled"
    finally:
        isp.nas[name].hangup(session)


@pytest.mark.parametrize("name", platforms())
def test_what_is_fixed_takes_the_place_of_its_pool_and_of_no_other(isp: Isp, name: str) -> None:
    pools = platform(name).pools
    for pool, (kind, value) in zip(pools, FIXED.items(), strict=True):
        told = dict(isp.reply(name, f"{kind}@home.example"))
        assert value in {text.removesuffix("/128") for text in told.values()}
        assert {attribute for attribute in told if "Pool" in attribute} == set(pools) - {pool}, kind


@pytest.mark.parametrize("name", platforms())
def test_a_walled_session_is_slow_has_no_ipv6_and_is_known_for_what_it_is(isp: Isp, name: str) -> None:
    session = online(isp.nas[name].dial(WALLED, PASSWORD))
    try:
        assert (session.down.way.rate, session.up.way.rate) == (2_000_000, 1_000_000)
        assert (session.prefix, session.delegated) == (None, None)
        assert (session.granted.pool, session.granted.ignored) == ("walled", ())
        assert session.address_list == ("isp-walled" if vendor(name).marks else None)
    finally:
        isp.nas[name].hangup(session)


def waiting(isp: Isp, before: Intent, after: Intent) -> list[Behind]:
    """The sessions that the new rows leave behind."""
    had = {rendering(fields): given(fields) for key, fields in render(before).items() if key[0] == "group"}
    owners = {OPENED: "sub-900001/main", WALLED: "sub-900002/main"}
    sessions = list(isp.rig.store.sessions(logins=[OPENED, WALLED]))
    return list(behind(sessions, {}, render(after), owners, nas_by_address(isp.inventory.values()), told=had.get))


@pytest.mark.parametrize("name", platforms())
def test_another_speed_reaches_a_running_session_and_the_accounting_proves_it(
    isp: Isp, fleet: Fleet, name: str
) -> None:
    nas = isp.nas[name]
    session = online(nas.dial(OPENED, PASSWORD, mac="02:00:5e:10:00:01"))
    isp.rig.clock.advance(100)
    assert nas.update(session)
    before, after = isp.intent(HOME), isp.write(replace(HOME, down=100_000_000, up=10_000_000))
    (one,) = waiting(isp, before, after)
    assert one.kind == ("coa" if platform(name).changeable else "disconnect")
    door = Door(nas.name, *fleet.coa, COA_SECRET, per_second=1000, names=platform(name).names)
    asked = reading(one.session, one.nas)
    with Sessions() as sessions:
        (answer,) = sessions.many([Request(asked, door, one.attributes if one.kind == "coa" else None)])
    assert (answer.kind, answer.tries) == ("ack", 1)
    if one.kind == "disconnect":
        assert wait_for(lambda: not nas.sessions, 5)
        session = online(nas.dial(OPENED, PASSWORD))
    assert (session.down.way.rate, session.up.way.rate) == (100_000_000, 10_000_000)
    if one.kind == "coa":
        isp.rig.clock.advance(100)
        session.count(nas.clock())
        moved = replace(
            asked,
            octets_in=int(session.up.octets),
            octets_out=int(session.down.octets),
            updated=asked.updated + timedelta(seconds=101),
        )
        acked = asked.updated + timedelta(seconds=1)
        assert verify(asked, moved, acked=acked, down=100_000_000, up=10_000_000).kind == "proved"
        assert verify(asked, moved, acked=acked, down=50_000_000, up=25_000_000).kind != "proved"


def test_where_it_is_not_known_what_has_to_be_taken_back_the_session_is_ended(isp: Isp, fleet: Fleet) -> None:
    online(isp.nas["junos"].dial(OPENED, PASSWORD))
    after = isp.write(replace(HOME, down=100_000_000))
    owners = {OPENED: "sub-900001/main"}
    sessions = list(isp.rig.store.sessions(logins=[OPENED]))
    (one,) = behind(sessions, {}, render(after), owners, nas_by_address(isp.inventory.values()))
    assert (one.kind, one.attributes) == ("disconnect", ())


def test_a_session_that_runs_another_service_refuses_the_change(isp: Isp, fleet: Fleet) -> None:
    """The stand-in is as strict as the router: what does not run cannot be ended, and two would shape twice."""
    nas = isp.nas["junos"]
    online(nas.dial(OPENED, PASSWORD))
    (session,) = isp.rig.store.sessions(logins=[OPENED])
    door = Door(nas.name, *fleet.coa, COA_SECRET, per_second=1000)
    asked = reading(session, next(one for one in isp.inventory.values() if one.platform == "junos"))
    new = ("ERX-Service-Activate:1", "isp-rate(9m,9m)")
    with Sessions() as sessions:
        beside = sessions.change(asked, door, [new])
        wrong = sessions.change(asked, door, [("ERX-Service-Deactivate", "isp-rate(1m,1m)"), new])
        right = sessions.change(asked, door, [("ERX-Service-Deactivate", "isp-rate(50m,25m)"), new])
    assert [beside.kind, wrong.kind, right.kind] == ["unsupported", "unsupported", "ack"]
    assert nas.sessions[0].down.way.rate == 9_000_000
