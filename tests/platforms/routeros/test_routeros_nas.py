"""What only RouterOS has: rules in their order, values without rows, and a router that goes back by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ispctl.backend import Outcome, Unreachable
from ispctl.lab.devices.routeros import RouterOs
from ispctl.platforms.device import Login, PoolPart, Session, Slice
from ispctl.platforms.routeros import _undo
from ispctl.platforms.routeros.nas import NAS
from ispctl.structs import replace
from tests.platforms.nas_contract import Hands, subject
from tests.platforms.routeros.device import PASSWORD, RouterOsDevice, device
from tests.platforms.slices import ANITA, BIKASH, CLEAR, later, nothing, usual

USUAL, LATER, NOTHING = usual("routeros"), later("routeros"), nothing("routeros")
ALLOWED = '/ip firewall address-list set [find comment="ispctl:isp-walled-allow 198.51.100.80/32"]'
WAITING = ("/system scheduler", "/system script")


@pytest.fixture
def there(tmp_path: Path) -> Iterator[RouterOsDevice]:
    with device(tmp_path) as found:
        yield found


@pytest.fixture
def router(there: RouterOsDevice) -> RouterOs:
    return there.router


@pytest.fixture
def session(there: RouterOsDevice) -> Iterator[Session]:
    with NAS.open(there.login) as found:
        yield found


@pytest.fixture
def hands() -> Hands:
    return Hands(subject("routeros"))


def chain(router: RouterOs, name: str = "forward", family: str = "/ip") -> list[str]:
    """The comments or actions of a chain, in its order; without what the router adds itself."""
    rules = [row for row in router.rows(f"{family} firewall filter") if row["chain"] == name]
    return [row.get("comment", row["action"]) for row in rules if row["dynamic"] == "false"]


def waits(router: RouterOs) -> list[str]:
    return [row["name"] for menu in WAITING for row in router.rows(menu) if row["name"].startswith("ispctl:")]


def refused(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(outcome.error, outcome.code) for outcome in outcomes if outcome.error]


def test_the_wall_stands_before_what_others_let_pass(router: RouterOs, session: Session, hands: Hands) -> None:
    hands.make(session, USUAL)
    assert chain(router) == [
        "no strays",
        "ispctl:forward 10 bound",
        "ispctl:forward 20 blocked",
        "ispctl:forward 30 walled",
        "fasttrack-connection",
        "accept",
        "nothing new from outside",
    ]
    assert chain(router, family="/ipv6")[:3] == [
        f"ispctl:forward {rule}" for rule in ("10 bound", "20 blocked", "30 walled")
    ]
    assert chain(router, "isp-walled") == ["ispctl:isp-walled 10 allowed", "ispctl:isp-walled 90 nothing else"]


def test_a_device_more_is_let_in_before_nobody_else_is(router: RouterOs, session: Session, hands: Hands) -> None:
    hands.make(session, USUAL)
    hands.make(session, replace(USUAL, bindings=(replace(ANITA, macs=(*ANITA.macs, "02:00:00:00:00:1b")), BIKASH)))
    rules = chain(router, "isp-bound")
    assert len(rules) == 4
    assert rules == sorted(rules)
    assert rules[-1] == "ispctl:isp-bound 90 nobody else"


@pytest.mark.parametrize(
    "line",
    [
        '/ip firewall filter move [find comment="ispctl:forward 30 walled"] [find comment="nothing new from outside"]',
        '/ip firewall filter move [find comment="ispctl:forward 30 walled"] [find comment="ispctl:forward 10 bound"]',
        '/ip firewall filter add chain=forward action=accept place-before=[find comment="ispctl:forward 10 bound"]',
        '/ip firewall filter set [find comment="ispctl:isp-walled 90 nothing else"] disabled=yes',
        '/ip firewall filter set [find comment="ispctl:forward 30 walled"] protocol=tcp',
        '/ip firewall filter remove [find comment="ispctl:isp-walled 90 nothing else"]',
        '/ip pool set [find comment="ispctl:home"] ranges=100.64.0.1-100.64.0.9',
        '/ip pool add name=once-more ranges=192.0.2.200 comment="ispctl:home"',
        "/ipv6 pool set [find name=home6] prefix-length=60",
        "/ppp aaa set use-radius=no",
        "/radius incoming set port=1700",
        '/radius set [find comment="ispctl:198.51.100.10 1812"] disabled=yes',
        '/radius set [find comment="ispctl:198.51.100.10 1812"] secret=guessed',
        '/interface pppoe-server server set [find comment="ispctl:acc0"] disabled=yes',
        "/ip dhcp-server lease remove [find mac-address=02:00:00:00:00:10]",
        "/queue simple set [find name=isp-sub-000001-main] max-limit=1G/1G",
        "/queue simple set [find name=isp-sub-000001-main] target=acc1",
        f"{ALLOWED} address=pay.isp.example",
        f"{ALLOWED} address=198.51.100.80-198.51.100.89",
    ],
)
def test_what_a_hand_did_to_ours_is_seen_and_undone(
    line: str, router: RouterOs, session: Session, hands: Hands
) -> None:
    hands.make(session, USUAL)
    before = session.read()
    router.type(line)
    assert hands.plan(session, USUAL) != ()
    hands.make(session, USUAL)
    assert session.read() == before


def test_a_rule_of_others_that_stops_more_may_stand_first(router: RouterOs, session: Session, hands: Hands) -> None:
    hands.make(session, USUAL)
    first = '[find comment="ispctl:forward 10 bound"]'
    router.type(f"/ip firewall filter add chain=forward action=drop src-address=192.0.2.66 place-before={first}")
    router.type(f"/ip firewall filter add chain=forward action=accept disabled=yes place-before={first}")
    assert hands.plan(session, USUAL) == ()


def test_a_row_that_changes_stays_the_same_row(router: RouterOs, session: Session, hands: Hands) -> None:
    hands.make(session, USUAL)
    before = {row["name"]: row[".id"] for row in router.rows("/ip pool")}
    server = router.rows("/interface pppoe-server server")
    hands.make(session, LATER)
    after = {row["name"]: row[".id"] for row in router.rows("/ip pool")}
    assert after["home"] == before["home"]
    assert router.rows("/interface pppoe-server server") == server


@pytest.mark.parametrize("writes", [None, 0, 1, 2, 3, 5, 9, 13, 17, 21, 25, 29, 33])
def test_a_router_goes_back_when_nobody_says_that_all_is_well(
    writes: int | None, there: RouterOsDevice, hands: Hands
) -> None:
    router = there.router
    router.type("/ppp aaa set use-circuit-id-in-nas-port-id=yes")
    with NAS.open(there.login) as session:
        hands.make(session, USUAL)
        before, foreign, values = session.read(), there.foreign(), router.rows("/ppp aaa")
    if writes is not None:
        router.dies_after(writes)
    try:
        with NAS.open(there.login) as session:
            hands.apply(session, LATER, confirm=60)
    except Unreachable:
        assert writes is not None
    router.advance(59)
    router.advance(2)
    router.revives()
    with NAS.open(there.login) as session:
        assert session.read() == before
    left = {1: ["ispctl:confirm-1"], 2: ["ispctl:confirm-1", "ispctl:confirm-end"]}  # scripts that nothing starts
    assert waits(router) == left.get(writes or 0, [])
    assert (there.foreign(), router.rows("/ppp aaa")) == (foreign, values)
    assert chain(router, "isp-bound") == sorted(chain(router, "isp-bound"))


def test_a_first_configuration_goes_back_to_nothing(there: RouterOsDevice, session: Session, hands: Hands) -> None:
    foreign = there.foreign()
    hands.apply(session, USUAL, confirm=60)
    assert waits(there.router) == ["ispctl:confirm", "ispctl:confirm-1", "ispctl:confirm-end"]
    there.router.advance(61)
    assert dict(session.read().resources) == {}
    assert there.foreign() == foreign
    assert [row.get("list") for row in there.router.rows("/ipv6 firewall address-list")] == ["management"]


def test_what_would_be_too_long_for_a_script_waits_in_several(
    router: RouterOs, session: Session, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_undo, "LONGEST", 1000)
    hands.make(session, USUAL)
    before = session.read()
    hands.apply(session, LATER)
    sources = [row["source"] for row in router.rows("/system script") if row["name"].startswith("ispctl:confirm")]
    assert len(sources) > 4
    assert all(len(source) <= 1000 for source in sources[:-1])
    router.advance(61)
    assert session.read() == before
    assert waits(router) == []


def test_a_router_that_was_told_stays_as_it_is(router: RouterOs, session: Session, hands: Hands) -> None:
    hands.make(session, USUAL)
    assert waits(router) == []
    router.advance(10_000)
    assert hands.plan(session, USUAL) == ()


def test_the_next_run_takes_away_what_a_dead_one_left_waiting(there: RouterOsDevice, hands: Hands) -> None:
    with NAS.open(there.login) as session:
        hands.apply(session, USUAL)
    with NAS.open(there.login) as session:
        hands.remember(session, USUAL)
        hands.make(session, LATER)
    there.router.advance(10_000)
    with NAS.open(there.login) as session:
        assert hands.plan(session, LATER) == ()


def test_a_pool_of_others_is_never_taken_for_ours(router: RouterOs, session: Session, hands: Hands) -> None:
    pools = (
        *USUAL.pools,
        PoolPart("office6", 6, ("2001:db8:aaaa::/48",), "nas"),
        PoolPart("old", 4, ("192.0.2.0/28",), "nas"),
    )
    before = session.read()
    errors = refused(hands.apply(session, replace(USUAL, pools=pools)))
    assert errors == [
        ("/ip pool old: failure: pool with such name already exists", "E812"),
        ("/ipv6 pool office6: a row of this name stands there and is not ours", "E812"),
    ]
    session.revert()
    assert session.read() == before
    hands.make(session, USUAL)
    assert [row["prefix"] for row in router.rows("/ipv6 pool") if row["name"] == "office6"] == ["2001:db8:ff00::/56"]


def test_an_address_goes_from_one_to_another_at_once(session: Session, hands: Hands) -> None:
    hands.make(session, USUAL)
    moved = replace(BIKASH, name="sub-000003-main", owner="sub-000003/main")
    hands.make(session, replace(USUAL, bindings=(ANITA, moved)))


def test_two_change_their_addresses_with_each_other(there: RouterOsDevice, session: Session, hands: Hands) -> None:
    hands.make(session, USUAL)
    before, foreign = session.read(), there.foreign()
    swapped = replace(USUAL, bindings=(replace(ANITA, address=BIKASH.address), replace(BIKASH, address=ANITA.address)))
    assert refused(hands.apply(session, swapped)) == []
    there.router.advance(61)
    assert (session.read(), there.foreign()) == (before, foreign)
    hands.make(session, swapped)


def test_whoever_has_no_access_gets_no_lease_and_is_dropped(router: RouterOs, session: Session, hands: Hands) -> None:
    hands.make(session, replace(USUAL, bindings=(replace(ANITA, access="none"), BIKASH)))
    [lease] = [row for row in router.rows("/ip dhcp-server lease") if row["mac-address"] == ANITA.macs[0]]
    assert lease["block-access"] == "true"
    lists = [row["list"] for row in router.rows("/ip firewall address-list") if row["address"] == ANITA.address]
    assert sorted(lists) == ["isp-blocked", "isp-bound"]


def test_the_wall_of_ipv6_holds_the_prefixes_of_its_pool(router: RouterOs, session: Session, hands: Hands) -> None:
    pools = (*USUAL.pools, PoolPart("walled6", 6, ("2001:db8:6600::/48",), "nas"))
    wall = replace(USUAL.wall, pool6="walled6", allow=(*USUAL.wall.allow, "2001:db8:80::/64"))
    hands.make(session, replace(USUAL, pools=pools, wall=wall))
    lists = {(row["list"], row["address"]) for row in router.rows("/ipv6 firewall address-list")}
    assert {("isp-walled", "2001:db8:6600::/48"), ("isp-walled-allow", "2001:db8:80::/64")} <= lists


def test_a_payment_page_is_where_the_options_say(router: RouterOs, session: Session, hands: Hands) -> None:
    hands.make(session, replace(USUAL, options={"redirect_to": "198.51.100.80"}))
    first, *others = router.rows("/ip firewall nat")
    assert (others[0] if first["chain"] != "dstnat" else first)["to-addresses"] == "198.51.100.80"


def test_values_that_were_set_before_us_are_not_ours(router: RouterOs, session: Session, hands: Hands) -> None:
    router.type("/ppp aaa set use-radius=yes interim-update=7m")
    assert hands.plan(session, NOTHING) == ()


@pytest.mark.parametrize("others, use_radius", [(False, "false"), (True, "true")])
def test_values_go_back_to_defaults_unless_others_ask_by_them(
    others: bool, use_radius: str, router: RouterOs, session: Session, hands: Hands
) -> None:
    router.type("/radius remove [find address=192.0.2.5]")
    if others:
        router.type("/radius add service=ppp address=192.0.2.6")
    hands.make(session, USUAL)
    hands.make(session, NOTHING)
    assert router.rows("/ppp aaa")[0]["use-radius"] == use_radius


def test_a_refusal_is_in_the_words_of_the_router(session: Session, hands: Hands, router: RouterOs) -> None:
    router.type("/interface remove [find name=acc0]")
    assert refused(hands.apply(session, USUAL)) == [
        ("/interface pppoe-server server acc0: input does not match any value of interface", "E812")
    ]


def test_a_pool_of_ipv6_has_one_prefix(there: RouterOsDevice, hands: Hands) -> None:
    two = PoolPart("two", 6, ("2001:db8:1::/48", "2001:db8:2::/48"), "nas")
    with pytest.raises(Exception, match="where one value is taken"):
        hands.plan(None, replace(USUAL, pools=(two,)))  # type: ignore[arg-type]


def test_a_router_that_takes_too_long_gives_no_answer(there: RouterOsDevice) -> None:
    with NAS.open(replace(there.login, timeout=0.3)) as session:
        there.router.answer_after = 1.0
        with pytest.raises(Unreachable, match="the connection broke: .*timed out"):
            session.read()
        there.router.answer_after = 0.0


def test_without_tls_only_loopback_is_spoken_to_and_only_if_it_is_said() -> None:
    with RouterOs(username="ispctl", password=PASSWORD, tls=False) as router:
        plain = Login("lalitpur-1", "routeros", "127.0.0.1", router.port, "ispctl", PASSWORD, options={"api": "plain"})
        with NAS.open(plain) as session:
            assert dict(session.read().resources) == {}
        with pytest.raises(Unreachable, match="certificate"), NAS.open(replace(plain, options={})):
            pass
    with pytest.raises(Unreachable, match="loopback alone"), NAS.open(replace(plain, address="192.0.2.11")):
        pass
    with pytest.raises(Unreachable, match="no connection to port"), NAS.open(plain):
        pass


@pytest.mark.parametrize(
    "form", [str, str.upper, lambda key: "sha256:" + ":".join(key[7:][i : i + 2] for i in range(0, 64, 2))]
)
def test_a_fingerprint_is_known_in_each_of_its_forms(form: object, there: RouterOsDevice) -> None:
    assert callable(form)
    said = form(there.login.host_key)
    with NAS.open(replace(there.login, host_key=said.replace("SHA256", "sha256"))) as session:
        assert session.facts().vendor == "MikroTik"


def test_it_counts_who_is_online(session: Session) -> None:
    assert session.sessions() == 2


def test_it_says_its_version_and_since_when_it_runs(session: Session) -> None:
    facts = session.facts()
    assert (facts.version, facts.uptime) == ("7.16.2 (stable)", 788645.0)


def test_no_password_stands_in_a_log(session: Session, hands: Hands, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        hands.make(session, USUAL)
    assert not any(text in caplog.text for text in (PASSWORD, *CLEAR.values()))


def test_only_what_ends_sessions_of_others_is_called_disruptive(session: Session, hands: Hands) -> None:
    hands.make(session, USUAL)
    moved: Slice = replace(USUAL, ports=(replace(USUAL.ports[0], interface="up0"), USUAL.ports[1]))
    ends = {change.action: NAS.disrupts(change) for change in hands.plan(session, moved)}
    assert ends == {"create": False, "delete": True}
    assert not any(NAS.disrupts(change) for change in hands.plan(session, LATER))
