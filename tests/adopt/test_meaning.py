"""What rows mean: rates and dates of many hands, groups as the server reads them, and what nobody can say."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ispctl.adopt import values
from ispctl.adopt.dates import ends_alike, expiration
from ispctl.adopt.meaning import Meaning, Understood, understand
from ispctl.adopt.names import distinct, slug
from ispctl.adopt.old import Person
from ispctl.adopt.rates import Speed, told
from tests.adopt.world import group, person, row

ZONE = ZoneInfo("Asia/Kathmandu")
RATE = row("Mikrotik-Rate-Limit", "25M/50M", "=", "radgroupreply")


def meant(found: Understood) -> Meaning:
    assert found.meaning is not None, found.findings
    return found.meaning


def said(found: Understood) -> set[tuple[str, str]]:
    return {(one.severity, one.kind) for one in found.findings}


# rates


@pytest.mark.parametrize(
    "text, speed",
    [
        ("25M/50M", Speed(50_000_000, 25_000_000)),
        ("512k/1m", Speed(1_000_000, 512_000)),
        ("5M", Speed(5_000_000, 5_000_000)),
        ("1000000/2000000", Speed(2_000_000, 1_000_000)),
        ("25M/50M 40M/80M 20M/40M 10/10 8 5M/10M",
         Speed(50_000_000, 25_000_000, (80_000_000, 40_000_000, 40_000_000, 20_000_000, 10))),
        ("25M/50M 40M/80M", Speed(50_000_000, 25_000_000, (80_000_000, 40_000_000, 50_000_000, 25_000_000, 1))),
        ("25M/50M 0/0 0/0 0/0 8", Speed(50_000_000, 25_000_000)),
        ("25M/50M 25M/50M 25M/50M 1/1", Speed(50_000_000, 25_000_000)),
    ],
)  # fmt: skip
def test_a_mikrotik_rate_is_upload_first(text: str, speed: Speed) -> None:
    assert [one.speed for one in told([row("Mikrotik-Rate-Limit", text, table="radreply")])[0]] == [speed]


@pytest.mark.parametrize("text", ["", "fast", "25M/50M/1M", "25M/50M 1M/1M", "25M/50M 40M/80M 20M/40M 5/10", "1/1"])
def test_a_rate_that_cannot_be_read_whole_is_listed_and_not_guessed(text: str) -> None:
    rows = [row("Mikrotik-Rate-Limit", text, table="radreply")]
    assert told(rows) == ([], rows)


@pytest.mark.parametrize(
    "rows, speed",
    [
        ({"WISPr-Bandwidth-Max-Down": "50000000", "WISPr-Bandwidth-Max-Up": "25000000"}, (50_000_000, 25_000_000)),
        ({"Filter-Id": "50000/25000"}, (50_000_000, 25_000_000)),
        ({"Huawei-Output-Average-Rate": "50000000", "Huawei-Input-Average-Rate": "25000000"}, (50_000_000, 25_000_000)),
        ({"Ascend-Xmit-Rate": "50000000", "Ascend-Data-Rate": "25000000"}, (50_000_000, 25_000_000)),
        ({"ChilliSpot-Bandwidth-Max-Down": "50000", "ChilliSpot-Bandwidth-Max-Up": "25000"}, (50_000_000, 25_000_000)),
    ],
)
def test_each_vendor_has_its_own_direction_and_unit(rows: dict[str, str], speed: tuple[int, int]) -> None:
    found, odd = told([row(name, value, table="radreply") for name, value in rows.items()])
    assert ([one.speed[:2] for one in found], odd) == ([speed], [])


def test_cisco_says_a_rate_in_two_pairs() -> None:
    pairs = ("lcp:interface-config#1=rate-limit output 50000000 8000 8000 conform-action transmit",
             "lcp:interface-config#2=rate-limit input 25000000 8000 8000")  # fmt: skip
    found, _ = told([row("Cisco-AVPair", text, "+=", "radreply") for text in pairs])
    assert [one.speed for one in found] == [Speed(50_000_000, 25_000_000)]


def test_half_a_rate_is_none() -> None:
    rows = [row("WISPr-Bandwidth-Max-Down", "50000000", table="radreply")]
    assert told(rows) == ([], rows)


def test_the_name_of_a_filter_is_no_failed_rate() -> None:
    assert told([row("Filter-Id", "gold", table="radreply")]) == ([], [])


# dates


@pytest.mark.parametrize(
    "text, paid_until",
    [
        ("31 Dec 2030", date(2030, 12, 31)),
        ("31 December 2030", date(2030, 12, 31)),
        ("Dec 31 2030", date(2030, 12, 31)),
        ("31 Dec 2030 23:59:59", date(2030, 12, 31)),
        ("31 Dec 2030 00:00:00", date(2030, 12, 31)),
        ("31 Dec 2030 18:00", datetime(2030, 12, 31, 18, tzinfo=ZONE)),
        ("1924884900", date(2030, 12, 31)),
        ("1924884899", date(2030, 12, 30)),
        ("1924885799", datetime(2030, 12, 31, 0, 14, 59, tzinfo=ZONE)),
    ],
)
def test_expiration_is_read_as_the_server_reads_it(text: str, paid_until: date | datetime) -> None:
    end = expiration(text, ZONE)
    assert end is not None
    assert end.paid_until == paid_until


@pytest.mark.parametrize("text", ["2030-12-31", "2030-12-31T00:00:00", "soon", "", "31 Foo 2030", "32 Dec 2030", "1"])
def test_a_date_that_the_server_cannot_read_is_none(text: str) -> None:
    assert expiration(text, ZONE) is None


def test_a_day_more_is_the_same_end_and_a_second_less_is_not() -> None:
    end = expiration("31 Dec 2030", ZONE)
    assert end is not None
    assert ends_alike(end, end.at + timedelta(days=1), timedelta())
    assert not ends_alike(end, end.at - timedelta(seconds=1), timedelta())
    assert not ends_alike(end, end.at + timedelta(days=2), timedelta(hours=2))


# passwords


@pytest.mark.parametrize(
    "stored, password",
    [
        ("canary-pw-1", "canary-pw-1"),
        ('"canary-pw-2"', "canary-pw-2"),
        ("canary-pw-\\\\3", "canary-pw-\\3"),
        ("%{User-Name}", "%{User-Name}"),
        ("`%{User-Name}`", None),
        ("canary-pw-\\n", None),
        ("", None),
        ('""', None),
    ],
)
def test_a_value_is_what_the_server_takes_it_for(stored: str, password: str | None) -> None:
    assert values.literal(stored) == password


@pytest.mark.parametrize(
    "attribute", ["NT-Password", "Crypt-Password", "SSHA-Password", "MD5-Password", "SHA1-Password"]
)
def test_a_hash_cannot_be_sealed_as_a_password(attribute: str) -> None:
    found = understand(Person("anita", (row(attribute, "x"),)), {}, ZONE)
    assert found.meaning is None
    assert ("refused", "hashed-password") in said(found)


def test_a_clear_password_beside_a_hash_is_enough() -> None:
    found = understand(person(row("NT-Password", "x"), row("Cleartext-Password", "canary-pw-9")), {}, ZONE)
    assert meant(found).password == "canary-pw-9"
    assert ("note", "second-password") in said(found)


def test_who_needs_no_password_is_not_imported() -> None:
    assert ("refused", "no-password-asked") in said(understand(person(row("Auth-Type", "Accept")), {}, ZONE))


@pytest.mark.parametrize("login", ["Anita", "anita ", "o'brien", "a b", "a=b", "x" * 65, "", "अनिता", "a%{x}"])
def test_a_login_that_ours_cannot_be_stays_where_it_is(login: str) -> None:
    assert ("refused", "unfit-login") in said(understand(person(login=login), {}, ZONE))


# groups, as rlm_sql reads them


def test_the_group_with_the_lowest_priority_is_the_only_one() -> None:
    groups = {"a": group("a", RATE), "b": group("b", row("Framed-Pool", "home", "=", "radgroupreply"))}
    found = understand(person(groups=["a", "b"]), groups, ZONE)
    assert (meant(found).group, meant(found).ipv4) == ("a", "")
    assert ("note", "group-unused") in said(found)


def test_fall_through_goes_on_to_the_next_group() -> None:
    through = row("Fall-Through", "Yes", "=", "radgroupreply")
    groups = {"a": group("a", RATE, through), "b": group("b", row("Framed-Pool", "home", "=", "radgroupreply"))}
    assert meant(understand(person(groups=["a", "b"]), groups, ZONE)).ipv4 == "pool:home"


def test_what_the_login_says_itself_goes_before_its_group() -> None:
    found = meant(understand(person(row("Mikrotik-Rate-Limit", "1M/2M", "=", "radreply"), groups=["a"]),
                             {"a": group("a", RATE)}, ZONE))  # fmt: skip
    assert found.speed == Speed(2_000_000, 1_000_000)
    assert found.own


def test_a_group_that_insists_goes_before_the_login() -> None:
    insists = row("Mikrotik-Rate-Limit", "25M/50M", ":=", "radgroupreply")
    found = meant(understand(person(row("Mikrotik-Rate-Limit", "1M/2M", "=", "radreply"), groups=["a"]),
                             {"a": group("a", insists)}, ZONE))  # fmt: skip
    assert found.speed == Speed(50_000_000, 25_000_000)


def test_a_group_of_those_who_are_turned_away_suspends_and_keeps_the_tariff() -> None:
    groups = {"no": group("no", row("Auth-Type", "Reject", table="radgroupcheck")), "a": group("a", RATE)}
    found = meant(understand(person(groups=["no", "a"]), groups, ZONE))
    assert (found.suspended, found.group) == (True, "a")


def test_a_group_of_those_who_are_turned_away_counts_only_where_the_server_comes_to_it() -> None:
    groups = {"no": group("no", row("Auth-Type", "Reject", table="radgroupcheck")), "a": group("a", RATE)}
    found = understand(person(groups=["a", "no"]), groups, ZONE)
    assert (meant(found).group, meant(found).suspended) == ("a", False)
    assert ("note", "group-unused") in said(found)


def test_a_group_that_turns_away_some_requests_suspends_nobody_and_is_listed() -> None:
    some = [row("Auth-Type", "Reject", table="radgroupcheck"), row("NAS-Port-Type", "Ethernet", "==", "radgroupcheck")]
    found = understand(person(groups=["no", "a"]), {"no": group("no", *some), "a": group("a", RATE)}, ZONE)
    assert (meant(found).group, meant(found).suspended) == ("a", False)
    assert ("lost", "conditional-group") in said(found)


@pytest.mark.parametrize("op", ["<", ">=", "!="])
def test_a_date_that_is_compared_with_what_no_request_has_lets_nobody_in(op: str) -> None:
    found = understand(person(row("Expiration", "31 Dec 2031", op)), {}, ZONE)
    assert ("lost", "never-matches") in said(found)


def test_two_devices_that_have_to_be_there_at_once_let_nobody_in() -> None:
    both = row("Calling-Station-Id", "00-00-5E-00-53-01", "=="), row("Calling-Station-Id", "00-00-5E-00-53-02", "==")
    assert ("lost", "never-matches") in said(understand(person(*both), {}, ZONE))


def test_of_two_rules_about_devices_those_count_that_both_let_pass() -> None:
    pattern = row("Calling-Station-Id", "^(00005e005301|00005e005302)$", "=~")
    found = understand(person(pattern, row("Calling-Station-Id", "00-00-5E-00-53-02", "==")), {}, ZONE)
    assert meant(found).macs == ("00:00:5e:00:53:02",)
    assert not {one for one in said(found) if one[0] == "lost" and one[1] != "no-rate"}


def test_two_nas_that_have_to_ask_at_once_let_nobody_in() -> None:
    both = row("NAS-IP-Address", "192.0.2.1", "=="), row("NAS-IP-Address", "192.0.2.2", "==")
    assert ("lost", "never-matches") in said(understand(person(*both), {}, ZONE))


@pytest.mark.parametrize("way, odd", [("Local", True), ("System", True), ("PAP", False), ("ms-chap", False)])
def test_a_way_to_check_passwords_that_the_server_may_not_have_is_told(way: str, odd: bool) -> None:
    assert (("lost", "unknown-way") in said(understand(person(row("Auth-Type", way)), {}, ZONE))) is odd


def test_a_comparison_with_a_rejection_is_none_and_is_listed() -> None:
    found = understand(person(row("Auth-Type", "Reject", "==")), {}, ZONE)
    assert not meant(found).suspended
    assert ("lost", "unknown-check") in said(found)


def test_of_several_check_rows_the_server_takes_the_first() -> None:
    rows = [row("Cleartext-Password", "canary-pw-1"), row("Cleartext-Password", "canary-pw-2"),
            row("Expiration", "31 Dec 2031"), row("Expiration", "1 Jan 2021")]  # fmt: skip
    found = understand(person(*rows), {}, ZONE)
    assert meant(found).password == "canary-pw-1"
    assert str(meant(found).end.paid_until) == "2031-12-31"  # type: ignore[union-attr]  # there is one
    assert ("note", "second-value") in said(found)


@pytest.mark.parametrize("op", ["=", ":=", "+="])
def test_rows_that_come_together_leave_each_other_alone(op: str) -> None:
    routes = [row("Framed-Route", f"203.0.113.{n}/30 0.0.0.0 1", op, "radreply") for n in (64, 68)]
    assert meant(understand(person(*routes), {}, ZONE)).routes == ("203.0.113.64/30", "203.0.113.68/30")


@pytest.mark.parametrize("op", ["==", "-=", "!="])
def test_a_reply_row_that_compares_is_not_sent(op: str) -> None:
    found = understand(person(row("Framed-IP-Address", "203.0.113.7", op, "radreply")), {}, ZONE)
    assert meant(found).ipv4 == ""
    assert ("note", "unsent-reply") in said(found)


def test_two_addresses_are_told_since_only_the_nas_knows_which_it_takes() -> None:
    rows = [row("Framed-IP-Address", f"203.0.113.{n}", ":=", "radreply") for n in (7, 8)]
    assert ("lost", "two-values") in said(understand(person(*rows), {}, ZONE))


def test_a_group_for_some_requests_only_is_listed() -> None:
    condition = row("NAS-Port-Type", "Ethernet", "==", "radgroupcheck")
    found = understand(person(groups=["a"]), {"a": group("a", RATE, condition)}, ZONE)
    assert ("lost", "conditional-group") in said(found)


# the rest


@pytest.mark.parametrize(
    "op, value, macs",
    [
        ("==", "00-00-5E-00-53-01", ("00:00:5e:00:53:01",)),
        ("==", "0000.5e00.5301", ("00:00:5e:00:53:01",)),
        ("=~", "^(00005e005301|00:00:5e:00:53:02)$", ("00:00:5e:00:53:01", "00:00:5e:00:53:02")),
        (":=", "00-00-5E-00-53-01", ()),
        ("==", "00-00-5E", ()),
        ("=~", "^00-00-5E", ()),
    ],
)
def test_a_device_is_bound_where_the_server_compares_it(op: str, value: str, macs: tuple[str, ...]) -> None:
    assert meant(understand(person(row("Calling-Station-Id", value, op)), {}, ZONE)).macs == macs


def test_a_route_through_another_gateway_is_listed() -> None:
    rows = (row("Framed-Route", "203.0.113.64/29 0.0.0.0 1", "+=", "radreply", 1),
            row("Framed-Route", "203.0.113.72/29 203.0.113.1 1", "+=", "radreply", 2))  # fmt: skip
    found = understand(person(*rows), {}, ZONE)
    assert meant(found).routes == ("203.0.113.64/29",)
    assert [one.row for one in found.findings if one.kind == "unreadable-address"] == [2]


def test_an_address_that_the_nas_chooses_is_no_address() -> None:
    reply = row("Framed-IP-Address", "255.255.255.254", table="radreply")
    assert meant(understand(person(reply), {}, ZONE)).ipv4 == ""


def test_two_rates_that_differ_are_told() -> None:
    rows = (row("Mikrotik-Rate-Limit", "25M/50M", "=", "radreply"),
            row("Filter-Id", "10000/10000", "=", "radreply"))  # fmt: skip
    assert ("lost", "two-rates") in said(understand(person(*rows), {}, ZONE))


@pytest.mark.parametrize(
    "one, kind",
    [
        (row("Huntgroup-Name", "north", "=="), "unknown-check"),
        (row("Session-Timeout", "86400", "=", "radreply"), "unknown-reply"),
        (row("Framed-IP-Address", "203.0.113", "=", "radreply"), "unreadable-address"),
        (row("Framed-Pool", "Big Pool", "=", "radreply"), "unreadable-address"),
        (row("Simultaneous-Use", "many"), "unknown-check"),
        (row("Filter-Id", "gold", "=", "radreply"), "unknown-reply"),
        (row("Cisco-AVPair", "ip:sub-qos-policy-in=GOLD", "+=", "radreply"), "unknown-reply"),
    ],
)
def test_what_our_files_cannot_say_is_listed_with_its_row(one: object, kind: str) -> None:
    found = understand(person(one), {}, ZONE)  # type: ignore[arg-type]  # each is a Row
    assert kind in {finding.kind for finding in found.findings if finding.row == 1}
    assert found.meaning is not None


def test_what_a_login_cannot_do_without_is_not_repeated_in_what_is_said() -> None:
    found = understand(person(row("Cleartext-Password", "`canary-pw-1`")), {}, ZONE)
    assert "canary" not in repr(found)


# names


@pytest.mark.parametrize(
    "text, name", [("Gold 50 Mbit/s", "gold-50-mbit-s"), ("---", "x"), ("Ü-Tarif", "u-tarif"), ("a" * 60, "a" * 48)]
)
def test_a_name_becomes_one_of_ours(text: str, name: str) -> None:
    assert slug(text, "x") == name


def test_two_of_one_name_are_told_apart_in_the_same_way_each_time() -> None:
    wanted = [("1", "gold"), ("2", "gold"), ("3", "silver")]
    found = distinct(wanted)
    assert found == distinct(reversed(wanted))
    assert len(set(found.values())) == 3
    assert found["1"] == "gold"
