"""What is peculiar to VRP where it is configured; what every platform keeps to is in the contract."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.platforms.device import PoolPart, Session
from ispctl.platforms.huawei_vrp.nas import LANGUAGE, NAS, written
from ispctl.platforms.sections import running
from ispctl.structs import replace
from tests.platforms.indented import Router
from tests.platforms.nas_contract import Hands
from tests.platforms.slices import OTHER_SECRET, WALL, later, usual

USUAL = usual("huawei-vrp")


def typed(router: Router) -> list[str]:
    lines = list(router.router.typed)
    router.router.typed.clear()
    return lines


@pytest.mark.live
def test_a_pool_is_made_before_it_is_listed_and_listed_no_more_before_it_goes(
    router: Router, session: Session, hands: Hands
) -> None:
    hands.make(session, USUAL)
    typed(router)
    guests = PoolPart("Guests", 4, ("100.64.40.0/24",), "nas", "100.64.40.1")
    hands.make(session, replace(USUAL, pools=(*USUAL.pools[:3], USUAL.pools[4], guests), bindings=()))
    assert typed(router) == [
        "ip pool guests bas local",
        "gateway 100.64.40.1 255.255.255.0",
        "section 0 100.64.40.2 100.64.40.254",
        "aaa",
        "domain isp-owned",
        "undo ip-pool offices",
        "ip-pool guests",
        "undo ip pool offices",
    ]


@pytest.mark.live
def test_a_prefix_has_another_name_than_a_pool_and_one_that_the_router_takes(
    router: Router, session: Session, hands: Hands
) -> None:
    prefixes = ("2001:db8:10::/48", "2001:db8:11::/48")
    pools = PoolPart("home6", 6, prefixes, "nas"), PoolPart("home6-2", 6, ("2001:db8:12::/48",), "nas")
    hands.make(session, replace(USUAL, pools=pools, bindings=()))
    assert "ipv6 prefix isp-home6_2 local" in typed(router)


@pytest.mark.live
def test_entries_of_the_wall_are_changed_by_their_numbers(router: Router, session: Session, hands: Hands) -> None:
    hands.make(session, replace(USUAL, wall=replace(WALL, allow=("198.51.100.80/32", "198.51.100.53/32"))))
    typed(router)
    hands.make(session, replace(USUAL, wall=replace(WALL, allow=("198.51.100.53/32",))))
    assert typed(router) == [
        "acl name isp-walled ucl",
        "undo rule 10",
        "rule 5 permit ip source user-group isp-walled destination ip-address 198.51.100.53 0.0.0.0",
    ]


@pytest.mark.live
def test_another_secret_is_typed_over_the_old_one(router: Router, session: Session, hands: Hands) -> None:
    one = replace(USUAL, servers=USUAL.servers[:1])
    hands.make(session, one)
    typed(router)
    hands.make(session, replace(one, secret=OTHER_SECRET))
    assert typed(router) == [
        "radius-server group isp-radius",
        'radius-server shared-key-cipher "battery staple"',
        'radius-server authorization 198.51.100.10 shared-key-cipher "battery staple" server-group isp-radius',
    ]


@pytest.mark.live
def test_where_one_line_is_refused_nothing_is_done(router: Router, session: Session, hands: Hands) -> None:
    before = router.router.shown()
    router.router.refuses = "^radius-server shared-key"
    outcomes = hands.apply(session, USUAL)
    words = "Error: Unrecognized command found at '^' position."
    refused = {one.change.key: one.error for one in outcomes}
    told = f'radius-server shared-key-cipher "…": {words}'
    assert refused["radius-server group", "isp-radius"] == told
    assert refused["user-group", "isp-walled"] == f"not done, since radius-server group isp-radius was refused: {told}"
    assert {one.code for one in outcomes} == {"E812"}
    assert router.router.shown() == before
    router.router.refuses = ""
    hands.make(session, USUAL)


@pytest.mark.live
def test_a_commit_that_fails_is_told_and_leaves_nothing(router: Router, session: Session, hands: Hands) -> None:
    before = router.router.shown()
    router.router.spoilt = "Failed to generate committed config"
    errors = {one.error for one in hands.apply(session, USUAL)}
    assert errors == {"commit: Error: Failed to generate committed config"}
    assert router.router.shown() == before
    router.router.spoilt = ""
    hands.make(session, USUAL)


@pytest.mark.live
def test_the_pool_of_somebody_else_is_not_taken(router: Router, session: Session, hands: Hands) -> None:
    before = router.router.shown()
    mine = PoolPart("mobile", 4, ("100.64.41.0/24",), "nas")
    errors = {one.change.key: one.error for one in hands.apply(session, replace(USUAL, pools=(mine,), bindings=()))}
    words = "ip pool mobile bas local stands there already and is not ours: remove it first"
    assert errors["ip pool", "mobile"] == words
    assert all(errors.values())
    assert router.router.shown() == before


@pytest.mark.live
def test_the_router_goes_back_by_itself_and_keeps_what_was_confirmed(
    router: Router, session: Session, hands: Hands
) -> None:
    hands.make(session, USUAL)
    router.router.boot()
    before = router.router.shown()
    hands.apply(session, later("huawei-vrp"), confirm=300)
    assert router.router.fallback is not None
    assert router.router.fallback[1] == 300
    assert router.router.shown() != before
    router.router.elapse()
    assert router.router.shown() == before


@pytest.mark.live
def test_a_session_that_ends_unconfirmed_leaves_nothing(router: Router, hands: Hands) -> None:
    before = router.router.shown()
    with NAS.open(router.login) as session:
        hands.apply(session, USUAL)
    assert router.router.shown() == before


@pytest.mark.live
def test_who_is_online_is_counted_and_the_router_says_what_it_is(router: Router, session: Session) -> None:
    router.router.online = 4711
    assert session.sessions() == 4711
    facts = session.facts()
    assert (facts.vendor, facts.model, facts.uptime) == ("Huawei", "NE40E-X8A", 781_500.0)
    assert facts.version == "8.180 (NE40E V800R011C00SPC200)"


def test_a_name_means_the_same_in_small_letters() -> None:
    written_so = NAS.parse("user-group isp-Walled\nip pool Home bas local\n gateway 192.0.2.1 255.255.255.0\n")
    assert {key[1] for key in written_so} == {"isp-walled", "home"}


def test_a_pool_is_ours_where_our_domain_lists_it() -> None:
    text = "ip pool {0} bas local\n gateway 192.0.2.1 255.255.255.0\naaa\n domain isp-owned\n  ip-pool home\n"
    ours = [("ip pool", name) in running(LANGUAGE, text.format(name)).ours for name in ("home", "homes")]
    assert ours == [True, False]


@given(st.text())
def test_a_text_is_one_word_or_refused(text: str) -> None:
    try:
        word = NAS.quote(text)
    except ValueError:
        return
    assert NAS.parse(f"user-group isp-{word}\n") == {
        ("user-group", f"isp-{word.lower()}"): {"lines": (f"user-group isp-{word.lower()}",)}
    }


@given(st.text())
def test_a_secret_is_typed_as_it_is_or_refused(clear: str) -> None:
    try:
        line = written(clear)
    except ValueError:
        return
    assert line.strip('"') == clear
    assert line.isascii()
    assert line.isprintable()
    assert "?" not in line
    assert (line[0] == line[-1] == '"') == (" " in clear)
