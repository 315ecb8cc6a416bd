"""What is peculiar to IOS-XE where it is configured; what every platform keeps to is in the contract."""

from __future__ import annotations

import re
from collections.abc import Mapping

import asyncssh
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.backend import Unreachable
from ispctl.lab.devices.ios_like import type_7
from ispctl.model.problem import Refusal
from ispctl.plan import Change
from ispctl.platforms.device import Session, Slice
from ispctl.platforms.ios_xe._pools import given_up
from ispctl.platforms.ios_xe.nas import LANGUAGE, NAS, written
from ispctl.platforms.rendering import render
from ispctl.platforms.sections import running
from ispctl.structs import replace
from tests.platforms.indented import Router
from tests.platforms.nas_contract import Hands
from tests.platforms.slices import CLEAR, OTHER_SECRET, SECRET, WALL, later, nothing, terms, usual

USUAL = usual("ios-xe")


def typed(router: Router) -> list[str]:
    lines = [line for line in router.router.typed if line != "exit"]
    router.router.typed.clear()
    return lines


@pytest.mark.live
def test_a_list_lets_the_new_pass_before_the_old_no_longer(router: Router, session: Session, hands: Hands) -> None:
    hands.make(session, USUAL)
    typed(router)
    hands.make(session, replace(USUAL, wall=replace(WALL, allow=("198.51.100.53/32", "2001:db8::53/128"))))
    assert typed(router) == [
        "ip access-list extended isp-bindings",
        "permit ip host 100.64.32.11 host 198.51.100.53",
        "no permit ip host 100.64.32.11 host 198.51.100.80",
        "ip access-list extended isp-walled",
        "permit ip any host 198.51.100.53",
        "no permit ip any host 198.51.100.80",
        "ipv6 access-list isp-walled",
        "permit ipv6 any host 2001:db8::53",
        "no deny ipv6 any any",
    ]


@pytest.mark.live
def test_a_policy_is_made_before_and_removed_by_its_name(router: Router, session: Session, hands: Hands) -> None:
    hands.make(session, USUAL)
    typed(router)
    hands.make(session, replace(USUAL, tariffs=(terms("home-50", 60_000_000, 25_000_000),)))
    assert typed(router) == [
        "policy-map isp-down-60M",
        "class class-default",
        "shape average 60000000",
        "no policy-map isp-down-100M",
        "no policy-map isp-down-50M",
        "no policy-map isp-up-50M",
    ]


@pytest.mark.live
def test_a_speed_that_somebody_changed_is_never_without_limit(router: Router, session: Session, hands: Hands) -> None:
    hands.make(session, USUAL)
    tree = router.router.config.tree["policy-map isp-up-25M"]["class class-default"]
    tree["police cir 99000000 bc 1500"] = tree.pop("police cir 25000000 bc 781250")
    typed(router)
    hands.make(session, USUAL)
    assert typed(router)[:3] == ["policy-map isp-up-25M", "class class-default", "police cir 25000000 bc 781250"]
    assert list(tree) == ["police cir 25000000 bc 781250"]


@pytest.mark.live
def test_another_secret_is_typed_over_the_old_one(router: Router, session: Session, hands: Hands) -> None:
    one = replace(USUAL, servers=USUAL.servers[:1])
    hands.make(session, one)
    typed(router)
    hands.make(session, replace(one, secret=OTHER_SECRET))
    assert typed(router) == [
        "radius server isp-198.51.100.10",
        "key 0 battery staple",
        "aaa server radius dynamic-author",
        "client 198.51.100.10 server-key 0 battery staple",
    ]


@pytest.mark.live
def test_a_policy_that_sessions_run_stays_until_they_end(router: Router, session: Session, hands: Hands) -> None:
    hands.make(session, USUAL)
    router.router.sessions = ["isp-down-100M", "isp-down-100M", "corp-10M"]
    less = replace(USUAL, tariffs=USUAL.tariffs[:1])
    refused = {one.change.key[1]: (one.code, one.error) for one in hands.apply(session, less) if one.error}
    assert refused == {"isp-down-100M": ("E812", "2 sessions run it: it stays until they have ended")}
    session.confirm()
    assert session.sessions() == 3
    router.router.sessions = []
    hands.make(session, less)


@pytest.mark.live
def test_what_the_router_refuses_is_told_in_its_words_and_not_left_half(
    router: Router, session: Session, hands: Hands
) -> None:
    router.router.refuses = "^(key|shape average 100000000)"
    outcomes = hands.apply(session, USUAL)
    refused = {one.change.key[1]: one.error for one in outcomes if one.error}
    invalid = "% Invalid input detected at '^' marker."
    assert refused["isp-down-100M"] == f"shape average 100000000: {invalid}"
    assert refused["isp-198.51.100.10"] == f"key 0 …: {invalid}"
    assert {one.code for one in outcomes if one.error} == {"E812"}
    session.confirm()
    assert "policy-map isp-down-100M" not in router.router.running()
    assert "policy-map isp-down-50M" in router.router.running()


@pytest.mark.live
def test_a_range_that_overlaps_is_refused_as_the_router_says(session: Session, hands: Hands) -> None:
    taken = replace(USUAL.pools[0], prefixes=("10.8.0.0/24",))
    errors = [one.error for one in hands.apply(session, replace(USUAL, pools=(taken,), bindings=())) if one.error]
    assert errors == ["ip local pool home 10.8.0.1 10.8.0.254: %IP address range overlaps with pool: mobile"]


def unnumbered(router: Router) -> list[str]:
    return sorted(re.sub(r"^ \d+ ", " ", line) for line in router.router.running().splitlines())


Prefixes = Mapping[str, tuple[str, ...]]


def pools(**prefixes: tuple[str, ...]) -> Slice:
    more = (replace(USUAL.pools[0], name=name, prefixes=them, exclude=()) for name, them in prefixes.items())
    return replace(USUAL, pools=(*USUAL.pools, *more))


A, B, C = (f"100.64.{number}.0/24" for number in (80, 81, 82))
MOVES: Mapping[str, tuple[Prefixes, Prefixes]] = {
    "another pool": ({"evening": (A, B)}, {"night": (B,)}),
    "the rest stays": ({"evening": (A, B), "night": (C,)}, {"evening": (A,), "night": (B, C)}),
    "the other way round": ({"evening": (A,), "night": (B, C)}, {"evening": (A, B), "night": (C,)}),
    "there and back": ({"evening": (A,), "night": (B,)}, {"evening": (B,), "night": (A,)}),
    "a part of one": ({"night": ("100.64.80.0/23",)}, {"evening": (B,), "night": (A,)}),
}


@pytest.mark.live
@pytest.mark.parametrize("move", MOVES)
def test_a_range_goes_from_one_pool_to_another_in_one_turn(
    router: Router, session: Session, hands: Hands, move: str
) -> None:
    """It is taken from the one before it is given to the other, and only what has to be taken is."""
    before, after = (pools(**prefixes) for prefixes in MOVES[move])
    hands.make(session, before)
    typed(router)
    hands.make(session, after)
    lines = typed(router)
    assert "no ip local pool home" not in "".join(lines)
    if move == "the rest stays":
        assert not [line for line in lines if "100.64.80." in line]


@pytest.mark.live
@pytest.mark.parametrize("archive", [True, False])
@pytest.mark.parametrize("move", MOVES)
def test_a_range_that_moved_goes_back(router: Router, hands: Hands, move: str, archive: bool) -> None:
    router.router.archive = archive
    before, after = (pools(**prefixes) for prefixes in MOVES[move])
    with NAS.open(router.login) as session:
        hands.make(session, before)
        stood = unnumbered(router)
        hands.apply(session, after)
        session.revert()
        assert unnumbered(router) == stood
        assert not hands.plan(session, before)


@pytest.mark.live
@pytest.mark.parametrize(
    "lines, said",
    [
        (["ip local pool home 10.7.0.1 10.7.0.9"], "ip local pool home 10.7.0.1 10.7.0.9 stands there already"),
        (["interface acc0", "pppoe enable group old"], "interface acc0: pppoe enable group old stands there already"),
        (["interface acc1", "ip access-group mine in"], "interface acc1: ip access-group mine in stands there already"),
    ],
)
def test_the_place_of_what_others_configured_is_not_taken(
    router: Router, session: Session, hands: Hands, lines: list[str], said: str
) -> None:
    path: list = []  # type: ignore[type-arg]
    for line in lines:
        path = router.router.config.type(path, line)
    before = router.router.running().count(lines[-1])
    errors = [one.error for one in hands.apply(session, USUAL) if one.error]
    session.confirm()
    assert errors == [f"{said} and is not ours: remove it first"]
    assert router.router.running().count(lines[-1]) == before


@pytest.mark.live
def test_the_router_goes_back_by_itself_and_keeps_what_was_confirmed(router: Router, hands: Hands) -> None:
    with NAS.open(router.login) as session:
        hands.make(session, USUAL)
        router.router.boot()
        before = router.router.running()
        hands.apply(session, later("ios-xe"))
        assert router.router.running() != before
    router.router.elapse()
    assert router.router.running() == before


@pytest.mark.live
@pytest.mark.parametrize("how", ["revert", "close"])
def test_without_an_archive_the_session_itself_goes_back(router: Router, hands: Hands, how: str) -> None:
    router.router.archive = False
    with NAS.open(router.login) as session:
        hands.make(session, USUAL)
        before, foreign = session.read(), router.foreign()
        hands.apply(session, later("ios-xe"))
        if how == "revert":
            session.revert()
    with NAS.open(router.login) as session:
        assert session.read() == before
        assert router.foreign() == foreign
        hands.make(session, nothing("ios-xe"))
    assert not re.search("isp-", router.router.running())


@pytest.mark.live
def test_the_waiting_change_of_somebody_else_is_not_confirmed(router: Router, session: Session, hands: Hands) -> None:
    router.router.fallback = ({}, 5)
    router.router.username = "somebody"
    errors = {one.error for one in hands.apply(session, USUAL)}
    assert errors == {"the change of somebody else waits there for its confirmation"}
    assert router.router.fallback == ({}, 5)


def test_two_devices_for_one_address_are_refused_before_anything_is_sent() -> None:
    two = replace(USUAL.bindings[0], macs=("02:00:00:00:00:01", "02:00:00:00:00:02"))
    with pytest.raises(Refusal, match="E801"):
        render(NAS, replace(USUAL, bindings=(two,)), {})


def test_numbers_of_entries_and_comments_mean_nothing() -> None:
    text = (
        "ip access-list extended isp-walled\n {}permit ip any any\n"
        "ipv6 access-list isp-walled\n {}permit ipv6 any any\n"
    )
    seen = [running(LANGUAGE, text.format(*words)).ours for words in (("", ""), ("10 ", "sequence 10 "))]
    assert seen[0] == seen[1]
    assert len(seen[0]) == 2


def test_a_mark_without_its_pool_is_seen_and_taken_away() -> None:
    left = running(LANGUAGE, "ip access-list extended isp-owned\n 10 remark ip local pool home\n")
    assert dict(left.seen(LANGUAGE).resources) == {("ip local pool", "home"): {"lines": ()}}


@given(st.text())
def test_a_text_is_one_word_or_refused(text: str) -> None:
    try:
        word = NAS.quote(text)
    except ValueError:
        return
    assert word == text
    assert NAS.parse(f"radius server isp-{word}\n") == {
        ("radius server", f"isp-{word}"): {"lines": (f"radius server isp-{word}",)}
    }


@given(st.text())
def test_a_secret_is_typed_as_it_is_or_refused(clear: str) -> None:
    try:
        line = written(clear)
    except ValueError:
        return
    assert line == f"0 {clear}"
    assert line.isascii()
    assert line.isprintable()
    assert "?" not in line


def test_how_the_stand_in_hides_a_secret_is_how_ios_does() -> None:
    assert type_7("cisco", 2) == "02050D480809"
    assert CLEAR[SECRET] not in type_7(CLEAR[SECRET], 1)


@pytest.mark.live
@pytest.mark.parametrize("order", [(1, 0), (2, 0), (2, 1, 0), (1, 2)])
def test_the_server_that_is_asked_first_is_first(
    router: Router, session: Session, hands: Hands, order: tuple[int, ...]
) -> None:
    three = (*USUAL.servers, replace(USUAL.servers[0], address="198.51.100.12"))
    hands.make(session, USUAL)
    hands.make(session, replace(USUAL, servers=tuple(three[place] for place in order)))
    group = router.router.config.tree["aaa group server radius isp-radius"]
    assert list(group) == [f"server name isp-{three[place].address}" for place in order]


@pytest.mark.live
@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
def test_a_private_key_lets_in_and_another_does_not(router: Router, kind: str) -> None:
    key, other = (asyncssh.generate_private_key(kind) for _ in range(2))
    router.router.authorized = key.export_public_key().decode()
    texts = [one.export_private_key("openssh").decode() for one in (key, other)]
    with NAS.open(replace(router.login, password="", private_key=texts[0])) as session:
        assert session.facts().vendor == "Cisco"
    for text in (texts[1], "no key at all"):
        with pytest.raises(Unreachable) as caught, NAS.open(replace(router.login, password="", private_key=text)):
            pass
        assert text not in str(caught.value)


@pytest.mark.live
def test_a_router_that_asks_whether_to_write_over_the_old_is_answered(
    router: Router, session: Session, hands: Hands
) -> None:
    router.router.asks = True
    hands.make(session, USUAL)
    before = router.router.running()
    router.router.boot()
    assert router.router.running() == before


@pytest.mark.live
def test_two_who_are_logged_in_see_the_same(router: Router, session: Session, hands: Hands) -> None:
    with NAS.open(router.login) as other:
        hands.make(session, USUAL)
        assert other.read() == session.read()


def test_only_pools_give_up_what_another_one_gets() -> None:
    def change(kind: str, name: str, before: str, after: str) -> Change:
        old, new = ({"lines": (f"{kind} {name} {line}",)} if line else None for line in (before, after))
        return Change("nas:one", (kind, name), old, new)

    def left(*changes: Change) -> dict[str, tuple[str, ...]]:
        return {key[1]: tuple(lines) for key, lines in given_up(changes).items()}

    four, six = "ip local pool", "ipv6 local pool"
    gone, new = change(four, "a", "192.0.2.1 192.0.2.9", ""), change(four, "b", "", "192.0.2.9 192.0.2.12")
    assert left(gone, new) == {"a": ()}
    assert left(gone, change(four, "b", "", "192.0.2.10 192.0.2.12")) == {}
    assert left(change(four, "a", "192.0.2.1 192.0.2.9", "192.0.2.1 192.0.2.5")) == {}, "its own"
    assert left(change(six, "a", "2001:db8::/48 64", ""), change(six, "b", "", "2001:db8::/52 64")) == {"a": ()}
    assert left(change(four, "a", "whatever", ""), change(four, "b", "", "whatever")) == {}
    dhcp = "ip dhcp pool"
    assert left(change(dhcp, "a", "192.0.2.1 192.0.2.9", ""), change(dhcp, "b", "", "192.0.2.1 192.0.2.9")) == {}
