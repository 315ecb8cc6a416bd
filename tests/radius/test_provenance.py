"""Every attribute that the example's people may be given names the line it comes from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ispctl.desired import Entitlement
from ispctl.intent import intent_of
from ispctl.plan import Value
from ispctl.platforms import Attribute, platforms
from ispctl.radius.decision import Asking, Known, decide
from ispctl.radius.provenance import Origin, class_origin, origins
from ispctl.radius.rendering import Intent, groups, login, render
from ispctl.repo import Repository, Snapshot
from ispctl.structs import replace
from tests.builders import NOW, copy_of_example
from tests.gates.tracked import ROOT

ALL = platforms()


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    base = tmp_path_factory.mktemp("provenance")
    with Repository.open(copy_of_example(base, base / "isp")) as repository:
        yield repository.at("HEAD")


def _of(head: Snapshot, login: str, platform: str = "routeros") -> tuple[Entitlement, dict[Attribute, Origin]]:
    intent = intent_of(head, NOW)
    e = next(one for one in intent.entitlements if one.login == login)
    return e, dict(origins(e, platform, head, intent.interim))


@pytest.mark.parametrize("platform", ALL)
def test_no_attribute_of_an_accept_is_without_a_line(head: Snapshot, platform: str) -> None:
    intent = _everywhere(intent_of(head, NOW), platform)
    rows = {**render(intent), **dict(groups(intent))}
    lost = []
    for e in intent.entitlements:
        asking = Asking(e.login, next(iter(e.nas), ""), platform, next(iter(e.macs), ""), NOW)
        answer = decide(rows, asking, Known(frozenset(e.macs)))
        known = origins(e, platform, head, intent.interim)
        if rows["login", e.login]["owner"] != e.owner:  # its login is another's by now
            continue
        for name, value in answer.reply:
            origin = class_origin(value) if name == "Class" else known.get((name, value))
            if origin is None or not origin.meaning or (name != "Class" and not _stands(origin)):
                lost.append(f"{e.owner} {name} = {value}")
    assert lost == []


@pytest.mark.parametrize("platform", ALL)
def test_no_attribute_of_a_rendered_row_is_without_a_line(head: Snapshot, platform: str) -> None:
    intent = _everywhere(intent_of(head, NOW), platform)
    rows = render(intent)
    lost = []
    for e in intent.entitlements:
        known = origins(e, platform, head, intent.interim)
        held = [rows["group", f"{name}@{platform}"]["reply"] for name in (f"isp:{e.terms.tariff}", "isp:walled")]
        held += [rows["login", e.login]["reply"]] if rows["login", e.login]["owner"] == e.owner else []
        lost += [f"{e.owner} {name}" for reply in held for name, value in _pairs(reply) if (name, value) not in known]
    assert lost == []


def _everywhere(intent: Intent, platform: str) -> Intent:
    return replace(intent, nas={name: replace(nas, platform=platform) for name, nas in intent.nas.items()})


def _pairs(reply: Value) -> list[Attribute]:
    assert isinstance(reply, tuple)
    return [(str(row[0]), str(row[2])) for row in reply if isinstance(row, tuple)]


def _stands(origin: Origin) -> bool:
    """The line exists, and is not empty."""
    where = origin.because.where
    return where is not None and bool((ROOT / where.file).read_text("utf-8").splitlines()[where.line - 1].strip())


def test_a_rate_comes_from_the_line_of_its_tariff_in_words(head: Snapshot) -> None:
    e, known = _of(head, "anita.rai@home.example")
    name, value = next(key for key in known if key[0] == "Mikrotik-Rate-Limit" and known[key].because.code == "tariff")
    origin = known[name, value]
    assert str(origin.because.where).startswith("tariffs/home-50.yaml:9")
    assert origin.meaning.startswith("50 Mbit/s down, 25 Mbit/s up")
    assert e.terms.down == 50_000_000


def test_each_direction_of_its_own_is_told_apart(head: Snapshot) -> None:
    _, known = _of(head, "anita.rai@home.example", "wispr")
    assert known["WISPr-Bandwidth-Max-Down", "50000000"].meaning == "50 Mbit/s down"
    assert known["WISPr-Bandwidth-Max-Up", "25000000"].meaning == "25 Mbit/s up"


def test_an_interval_comes_from_where_it_is_written_first(head: Snapshot) -> None:
    _, known = _of(head, "anita.rai@home.example")
    origin = known["Acct-Interim-Interval", "300"]
    assert origin.because.where is not None
    assert origin.because.where.file == "inventory/defaults.yaml"
    assert head.interim("lalitpur-1").file == "inventory/hosts.yaml"


def test_what_the_server_gives_comes_from_the_line_that_names_its_pool(head: Snapshot) -> None:
    _, known = _of(head, "zenith-dental")
    address = known["Framed-IP-Address", "pool:offices"]
    assert address.meaning == "an address of pool offices, given by the server"
    assert str(address.because.where).startswith("subscribers/kathmandu/e8/sub-000217.yaml:11")
    prefix = known["Delegated-IPv6-Prefix", "pool:offices6-pd"]
    assert prefix.meaning == "a prefix of pool offices6-pd, given by the server"
    assert str(prefix.because.where).startswith("subscribers/kathmandu/e8/sub-000217.yaml:12")
    walled = known["Framed-IPv6-Prefix", "pool:walled6"]
    assert str(walled.because.where).startswith("inventory/policy.yaml:10")


def test_a_class_says_what_the_server_did_by_itself() -> None:
    assert class_origin("ab-cd/wall:mac").meaning == "walled by the server: mac"


def test_a_pool_of_ipv6_that_the_server_serves_is_told_to_no_router(head: Snapshot) -> None:
    intent = intent_of(head, NOW)
    served = {"served_by": "radius"}
    pools = {
        **intent.pools,
        "home6": intent.pools["home6"].but(**served, length=64),
        "home6-pd": intent.pools["home6-pd"].but(**served, length=56, slices={}),
    }
    wall = intent.policy.wall.but(pool6="home6")
    policy = intent.policy.but(wall=wall)
    everywhere = _everywhere(replace(intent, pools=pools, policy=policy), "ios-xe")
    rows = dict(groups(everywhere))
    home = _pairs(rows["group", "isp:home-50@ios-xe"]["reply"])
    assert {("ISP-IPv6-Pool", "home6"), ("ISP-Delegated-Pool", "home6-pd")} <= set(home)
    walled = _pairs(rows["group", "isp:walled@ios-xe"]["reply"])
    assert ("ISP-IPv6-Pool", "home6") in walled
    assert any(value.startswith("ipv6:inacl=") for _, value in walled), "its filter of IPv6 stays"
    named = {name for name, _ in (*home, *walled)}
    assert named.isdisjoint({"Framed-IPv6-Pool", "Delegated-IPv6-Prefix-Pool"})


def test_a_login_with_a_pool_of_its_own_is_kept_out_of_that_of_its_tariff(head: Snapshot) -> None:
    intent = intent_of(head, NOW)
    sold = (one for one in intent.entitlements if one.delegated == one.terms.delegated == "pool:home6-pd")
    e = next(one for one in sold if one.access != "walled")
    served = frozenset({"home6-pd"})
    assert all(not name.startswith("ISP-") for name, _ in _pairs(login(e, served)["reply"]))
    own = _pairs(login(replace(e, delegated="pool:elsewhere"), served)["reply"])
    assert {("ISP-Delegated-Pool", "-"), ("Delegated-IPv6-Prefix-Pool", "elsewhere")} <= set(own)
    other = _pairs(login(replace(e, delegated="pool:special"), served | {"special"})["reply"])
    assert [value for name, value in other if name == "ISP-Delegated-Pool"] == ["special"]
    assert "Delegated-IPv6-Prefix-Pool" not in dict(other)
