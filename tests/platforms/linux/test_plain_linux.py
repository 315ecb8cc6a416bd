"""What a plain Linux router is told and shows: its languages, what one change touches, and what is not ours there."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.backend import Unreachable
from ispctl.plan import diff
from ispctl.platforms.device import Slice
from ispctl.platforms.linux.orders import orders
from ispctl.platforms.linux.picture import Picture, resources
from ispctl.platforms.linux.text import as_shown, parse
from ispctl.structs import replace
from tests.live.namespaces import missing
from tests.platforms.linux.device import PROGRAMS, LinuxRouter
from tests.platforms.nas_contract import Hands, subject, wanted
from tests.platforms.slices import ANITA, BIKASH, OFFICES, later, usual

WHY = missing(*PROGRAMS)
real = pytest.mark.skipif(bool(WHY), reason=WHY or "it can run")
LINUX = subject("linux")
WANT = usual("linux")


@given(st.text(max_size=200))
def test_a_text_is_written_as_it_is_or_refused(text: str) -> None:
    try:
        quoted = LINUX.platform.quote(text)
    except ValueError:
        return
    line = f"binding sub-1-main owner={quoted} address=100.64.0.1 access=open"
    assert parse(line)["binding", "sub-1-main"]["owner"] == text
    (subnet,) = parse(f'{{"subnet": "192.0.2.0/24", "pool": "{quoted}"}}').values()
    assert subnet["pool"] == text


@given(st.integers(8, 400_000_000_000))
def test_a_rate_is_compared_as_tc_shows_it(rate: int) -> None:
    shown = as_shown(rate)
    assert shown <= rate < shown * 1.001 + 1
    assert as_shown(shown) == shown


@pytest.mark.parametrize(
    "text, words",
    [
        ("table inet filter {\n}", "line 1: only `table inet isp"),
        ("table inet isp {\n}\ntable ip nat {\n}", "line 2: a set, a map or a chain begins here"),
        ("table inet isp {\n  chain garden {\n    jump x {\n  }\n}", "line 3: braces do not match"),
        ("table inet isp {\n  chain garden {\n    drop\n}", "line 4: the table does not end"),
        ("table inet isp {\n}", "these sets and maps are needed: bindings, anymac"),
        ("binding sub-1-main", "line 1: not understood"),
        ("binding sub-1-main owner=a address=100.64.0.300 access=open", "line 1:"),
        ("binding sub-1-main owner=a address=2001:db8::1 access=open", "line 1:"),
        ("binding sub-1-main owner=a address=100.64.0.3 access=open down=fast", "line 1:"),
        ("binding sub-1-main owner=a address=100.64.0.3 access=open macs=02:00", "a MAC of pairs"),
        ("shaper acc1 toward=nowhere", "line 1: not understood"),
        ("\nshaper acc1 toward=core toward=core", "line 2: `kind name field=value …`"),
        ('{"subnet": "192.0.2.0/24"}', "line 1: a subnet has"),
        ('{"subnet": "192.0.2.0/24", "pool": "a", "reservations": []}', "reservations of a subnet is written"),
        ('{"subnet": "192.0.2.0/24"\n "pool": "a"}', "line 2:"),
    ],
)
def test_a_template_that_is_not_understood_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(ValueError, match="line") as caught:
        parse(text)
    assert words in str(caught.value)


def test_a_class_does_not_depend_on_how_many_others_there_are() -> None:
    told = [orders(Picture(kea={"subnet4": []}), diff("nas:x", wanted(LINUX, one), {})).add for one in (
        replace(WANT, bindings=(ANITA,)),
        replace(WANT, bindings=(BIKASH, ANITA)),
    )]  # fmt: skip
    assert all("class add dev acc1 parent a150: classid a150:200a htb rate 20000000bit" in one for one in told)


def test_two_addresses_with_the_same_end_have_a_class_each() -> None:
    far = replace(BIKASH, address="100.65.32.10")
    told = orders(Picture(kea={"subnet4": []}), diff("nas:x", wanted(LINUX, replace(WANT, bindings=(ANITA, far))), {}))
    assert "100.64.32.10 comment" in told.nft
    assert {"classid a150:200a", "classid a150:200b"} == {
        line[line.index("classid a150") :][:17] for line in told.add.splitlines() if "classid a150" in line
    }


def test_a_class_that_nobody_uses_is_taken_over_and_not_removed() -> None:
    roots = {"acc1": ("htb", "a150")}
    seen = Picture(roots=roots, rates={"acc1": {0x200A: 1_000_000}}, kea={"subnet4": []})
    told = orders(seen, diff("nas:x", wanted(LINUX, replace(WANT, bindings=(ANITA,))), resources(seen)))
    assert "class change dev acc1 parent a150: classid a150:200a htb rate 20000000bit" in told.add
    assert told.remove == ""


def test_nothing_is_shown_by_a_router_that_has_nothing_of_ours() -> None:
    assert resources(Picture(roots={"eth0": ("mq", "0")}, kea={"subnet4": [{"subnet": "192.0.2.0/24"}]})) == {}


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinuxRouter]:
    if WHY:
        pytest.skip(WHY)
    with LinuxRouter(tmp_path_factory.mktemp("linux")) as one:
        yield one


def _words(command: str) -> list[str]:
    """An element of nftables, in braces, is one of them."""
    begin, brace, rest = command.partition("{")
    return [*begin.split(), *([brace + rest] if brace else [])]


def _make(router: LinuxRouter, want: Slice) -> list[str]:
    hands = Hands(LINUX)
    with LINUX.platform.open(router.login) as session:
        changes = hands.plan(session, want)
        hands.make(session, want)
    return [" ".join(change.key) for change in changes]


def _refused(router: LinuxRouter, want: Slice) -> set[str]:
    """The words of the router; nothing is begun there."""
    with LINUX.platform.open(router.login) as session:
        before = session.read()
        errors = {outcome.error for outcome in Hands(LINUX).apply(session, want)}
        session.confirm()
        assert session.read() == before
    folder = Path(str(router.login.options["folder"]))
    assert not [one.name for one in folder.glob("*-*")]
    return errors


BY_HAND = {
    "a MAC": "nft add element inet isp bindings { 100.64.32.10 . 02:00:00:00:66:66 }",
    "an address that is let through": "nft add element inet isp allow { 203.0.113.9 }",
    "an address that is walled no more": "nft delete element inet isp walled { 100.64.32.11 }",
    "a device for IPv6": "nft add element inet isp macs6 { 02:00:00:00:66:66 }",
    "a rule": "nft insert rule inet isp garden accept",
    "a table": "nft delete table inet isp",
    "a rate": "tc class change dev acc1 parent a150: classid a150:200a htb rate 99mbit",
    "a class too much": "tc class add dev up0 parent c150: classid c150:77 htb rate 1mbit",
    "a class less": "tc class del dev acc1 classid a150:200a",
    "a qdisc": "tc qdisc del dev up0 root",
}


@real
@pytest.mark.live
@pytest.mark.parametrize("hand", BY_HAND)
def test_what_a_hand_changed_is_seen_and_mended(router: LinuxRouter, hand: str) -> None:
    _make(router, WANT)
    router.run(*_words(BY_HAND[hand]))
    assert _make(router, WANT)


@real
@pytest.mark.live
def test_a_reservation_that_a_hand_changed_is_seen_and_mended(router: LinuxRouter) -> None:
    _make(router, WANT)
    kea = router.ask_kea("config-get")["Dhcp4"]
    (ours,) = [one for one in kea["subnet4"] if "ispctl" in one.get("user-context", {})]  # type: ignore[index]
    assert len(ours["reservations"]) == 2
    ours["reservations"].pop()
    ours["option-data"][0]["data"] = "100.64.32.254"
    router.tell_kea("config-set", {"Dhcp4": kea})
    assert max(_make(router, WANT)) == "subnet 100.64.32.0/24"


@real
@pytest.mark.live
def test_one_binding_is_changed_and_the_table_is_not_loaded_anew(router: LinuxRouter) -> None:
    _make(router, WANT)
    before = router.run("nft", "-s", "-a", "list", "table", "inet", "isp")
    assert _make(router, replace(WANT, bindings=(replace(ANITA, down=33_000_000), BIKASH))) == [
        "binding sub-000001-main"
    ]
    assert router.run("nft", "-s", "-a", "list", "table", "inet", "isp") == before


@real
@pytest.mark.live
def test_a_qdisc_of_others_is_refused_and_not_replaced(router: LinuxRouter) -> None:
    _make(router, WANT)
    foreign = router.foreign()
    assert _refused(router, replace(WANT, core="wan9")) == {"wan9: its root qdisc htb 1: is not ours"}
    assert router.foreign() == foreign


@real
@pytest.mark.live
def test_a_subnet_of_others_is_refused_and_not_replaced(router: LinuxRouter) -> None:
    _make(router, WANT)
    office = replace(OFFICES, prefixes=("192.0.2.128/25",), gateway="192.0.2.129")
    assert _refused(router, replace(WANT, pools=(office,))) == {"Kea has a subnet 192.0.2.128/25 that is not ours"}


@real
@pytest.mark.live
@pytest.mark.parametrize(
    "want, words",
    [
        (replace(WANT, options={"redirect": "pay.isp.example.invalid"}), "isp.nft"),
        (replace(WANT, options={"dns": "nobody"}), "Kea: "),
        (replace(WANT, core="nix0"), "Cannot find device"),
    ],
    ids=["nftables", "Kea", "tc"],
)
def test_what_one_part_refuses_is_done_by_none(router: LinuxRouter, want: Slice, words: str) -> None:
    _make(router, WANT)
    (error,) = _refused(router, replace(want, bindings=(replace(ANITA, down=44_000_000),)))
    assert words in error


@real
@pytest.mark.live
def test_a_table_of_others_by_our_name_is_not_ours(tmp_path: Path) -> None:
    with LinuxRouter(tmp_path) as router:
        router.run("nft", "add", "table", "inet", "isp")
        router.run("nft", "add", "chain", "inet", "isp", "theirs")
        router.run("nft", "add", "rule", "inet", "isp", "theirs", "accept")
        with LINUX.platform.open(router.login) as session, pytest.raises(Unreachable, match="not ours"):
            session.read()


@real
@pytest.mark.live
def test_a_kea_that_does_not_answer_is_no_empty_kea(router: LinuxRouter) -> None:
    _make(router, WANT)
    door = socket.socket(socket.AF_UNIX)
    dead = f"{router.folder}/dead"
    door.bind(dead)
    door.close()
    options = {**router.login.options, "kea": dead}
    with (
        LINUX.platform.open(replace(router.login, options=options)) as session,
        pytest.raises(Unreachable, match="cannot be read"),
    ):
        session.read()


@real
@pytest.mark.live
def test_who_comes_after_one_who_died_goes_back_to_what_was_confirmed(router: LinuxRouter) -> None:
    _make(router, WANT)
    with LINUX.platform.open(router.login) as session:
        before = session.read()
        assert not [one.error for one in Hands(LINUX).apply(session, later("linux")) if one.error]
    with LINUX.platform.open(router.login) as another:
        less = replace(WANT, bindings=(ANITA,))
        assert not [one.error for one in Hands(LINUX).apply(another, less) if one.error]
        assert [name for kind, name in another.read().resources if kind == "binding"] == [ANITA.name]
        another.revert()
        assert another.read() == before


@real
@pytest.mark.live
def test_an_apply_whose_end_nobody_saw_is_a_change_also_where_all_is_as_wanted(router: LinuxRouter) -> None:
    """Or the router would go back when everybody believes that it is done."""
    _make(router, WANT)
    want = replace(WANT, bindings=(replace(ANITA, down=55_000_000), BIKASH))
    with LINUX.platform.open(router.login) as session:
        assert not [one.error for one in Hands(LINUX).apply(session, want) if one.error]
        with LINUX.platform.open(router.login) as proof:
            assert Hands(LINUX).plan(proof, want) == (), "who applies it still lives"
    (left,) = _make(router, want)
    assert left.startswith("unconfirmed ")
    assert _make(router, want) == []


def test_the_table_of_the_goldens_holds_no_more_than_is_said() -> None:
    """A walled session may go to what `wall.allow` names, and nothing else is let through by a rule of ours."""
    rules = json.dumps(wanted(LINUX, WANT)["firewall", "isp"]["chain garden"])
    assert "accept" not in rules.replace("policy accept", "")
