"""Leaf values: what a text in a file means, which spellings are one value, and which are refused in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.model import scalars
from ispctl.model.reading import value_of
from ispctl.model.rules import Wrong


def read(kind: Any, text: str) -> Any:
    return value_of(kind, text)


def refused(kind: Any, text: str) -> str:
    with pytest.raises(Wrong) as caught:
        read(kind, text)
    return str(caught.value)


# rates, volumes, durations, shares


@pytest.mark.parametrize(
    "text, bits",
    [("50M", 50_000_000), ("1.5G", 1_500_000_000), ("512k", 512_000), ("64000", 64_000), ("0.5M", 500_000)],
)
def test_a_rate_is_decimal_bits_a_second(text: str, bits: int) -> None:
    assert read(scalars.BitRate, text) == bits


@pytest.mark.parametrize("text", ["50 M", "50m", "50MB", "50Mbit", "50Mi", "", "M", "-5M", "1e6", "5,5M", "٥M", "50K"])
def test_another_spelling_of_a_rate_is_refused(text: str) -> None:
    assert refused(scalars.BitRate, text).startswith("expected a rate in bit/s like 50M")


@pytest.mark.parametrize("text", ["0", "999", "1001G"])
def test_a_rate_that_nobody_sells_is_refused(text: str) -> None:
    assert refused(scalars.BitRate, text)


@given(st.integers(1, 999), st.sampled_from([("k", 10**3), ("M", 10**6), ("G", 10**9)]))
def test_every_whole_rate_means_what_its_letter_says(amount: int, unit: tuple[str, int]) -> None:
    assert read(scalars.BitRate, f"{amount}{unit[0]}") == amount * unit[1]


@pytest.mark.parametrize("text, octets", [("500GB", 500 * 10**9), ("1.5TB", 15 * 10**11), ("700MB", 7 * 10**8)])
def test_a_volume_is_decimal_bytes(text: str, octets: int) -> None:
    assert read(scalars.Octets, text) == octets


@pytest.mark.parametrize("text", ["500G", "500", "500GiB", "500gb", "500Gb", "-1GB", "GB"])
def test_a_volume_without_its_b_is_refused(text: str) -> None:
    assert "500GB" in refused(scalars.Octets, text)


def test_a_part_of_a_byte_is_refused() -> None:
    assert refused(scalars.Octets, "0.0001kB") == "is not a whole number of the smallest unit"


@pytest.mark.parametrize("text, seconds", [("300s", 300), ("5m", 300), ("2h", 7200), ("7d", 604_800), ("1.5h", 5400)])
def test_a_duration_is_seconds(text: str, seconds: int) -> None:
    assert read(scalars.Seconds, text) == seconds


@pytest.mark.parametrize("text", ["300", "1w", "2H", "-1s", "h", "1h30m"])
def test_a_duration_without_a_known_unit_is_refused(text: str) -> None:
    assert refused(scalars.Seconds, text) == "expected a duration like 300s, 5m, 2h or 7d"


@given(st.integers(0, 10_000))
def test_a_share_is_a_fraction_written_in_percent(hundredths: int) -> None:
    assert read(scalars.Share, f"{Decimal(hundredths) / 100}%") == Decimal(hundredths) / 10_000


@pytest.mark.parametrize("text", ["5", "101%", "-1%", "0.05", "5 %", "%"])
def test_a_share_without_percent_or_beyond_all_is_refused(text: str) -> None:
    assert refused(scalars.Share, text) == "expected a share between 0% and 100%, like 5%"


@given(st.decimals(0, 10**9, places=2))
def test_money_stays_to_the_last_digit(amount: Decimal) -> None:
    assert read(scalars.Money, f"{amount:f}") == amount


@pytest.mark.parametrize("text", ["1,200.00", "1200.00 NPR", "1e3", "NaN", "Infinity", ".5", "1.23456", ""])
def test_money_in_another_spelling_is_refused(text: str) -> None:
    assert refused(scalars.Money, text) == 'expected an amount like "1200.00"'


# MAC addresses

OCTETS = st.binary(min_size=6, max_size=6).filter(lambda raw: not raw[0] & 1 and any(raw))


def notations(raw: bytes) -> list[str]:
    """How vendors write one MAC address."""
    digits = raw.hex()
    pairs, fours = [digits[i : i + 2] for i in range(0, 12, 2)], [digits[i : i + 4] for i in range(0, 12, 4)]
    return [":".join(pairs), "-".join(pairs), ".".join(fours), "-".join(fours), digits]


@given(OCTETS, st.booleans())
def test_all_notations_of_a_mac_address_are_one(raw: bytes, upper: bool) -> None:
    expected = raw.hex(":")
    assert {read(scalars.Mac, text.upper() if upper else text) for text in notations(raw)} == {expected}


@pytest.mark.parametrize(
    "text", ["00:00:5e:00:53", "00:00-5e:00:53:01", "0:0:5e:0:53:1", "00:00:5e:00:53:0g", "", "x" * 12]
)
def test_what_is_no_mac_address_is_refused(text: str) -> None:
    assert refused(scalars.Mac, text) == "expected a MAC address like 02:00:5e:10:00:01"


def test_a_mac_address_that_no_device_has_is_refused() -> None:
    assert refused(scalars.Mac, "01:00:5e:00:00:fb") == "is a multicast address, which no device sends from"
    assert refused(scalars.Mac, "00:00:00:00:00:00") == "is the address of no device"


# days and instants


@given(st.dates(date(1970, 1, 1), date(9998, 12, 31)))
def test_a_day_is_read_as_it_is_written(day: date) -> None:
    assert read(scalars.Day, day.isoformat()) == day


@given(st.datetimes(datetime(1971, 1, 1), datetime(9990, 1, 1)), st.integers(-14 * 4, 14 * 4))  # noqa: DTZ001
def test_an_instant_keeps_its_offset(naive: datetime, quarters: int) -> None:
    stamp = naive.replace(tzinfo=timezone(timedelta(minutes=15 * quarters)))
    found = read(scalars.Moment, stamp.isoformat())
    assert (found, found.utcoffset()) == (stamp, stamp.utcoffset())


def test_an_instant_may_be_written_in_utc() -> None:
    assert read(scalars.Moment, "2026-11-22T12:15:00Z") == datetime(2026, 11, 22, 12, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["2026-02-29", "2026-13-01", "22.11.2026", "2026-11-22T12:00:00", "20261122", "tomorrow", "2026-W47-7", "+3d", ""],
)
def test_what_is_no_day_or_has_no_zone_is_refused(text: str) -> None:
    assert refused(scalars.Moment, text).startswith("expected a date like 2026-11-22")


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31", "9999-12-31T23:00:00-12:00", "1969-12-31"])
def test_a_day_at_the_edge_of_the_calendar_is_refused(text: str) -> None:
    assert refused(scalars.Moment, text) == "lies outside the years 1970 to 9998"


# names, logins, texts


@pytest.mark.parametrize("text", ["anita.rai@home.example", "a", "10.0.0.1/dsl:7+x", "x@Home.Example", "a" * 64])
def test_a_login_is_kept_as_it_is_sent(text: str) -> None:
    assert read(scalars.Login, text) == text


@pytest.mark.parametrize(
    "text", ["Anita", "a b", "a@", "@b", "a@b@c", "a=b", "a'b", "a%b", "a\\b", "a" * 65, "ä", "a@-b"]
)
def test_a_login_that_the_server_could_not_look_up_is_refused(text: str) -> None:
    assert refused(scalars.Login, text)


@pytest.mark.parametrize("text", ["a\x00b", "a\u202eb", " a", "a ", "", "a\u200bb", "a" * 254])
def test_a_text_with_something_invisible_is_refused(text: str) -> None:
    assert refused(scalars.Text, text)


@pytest.mark.parametrize("text", ["श्री राम", "क्‍ष", "Þór & Søn's", "名前"])
def test_a_text_in_any_script_is_kept(text: str) -> None:
    assert read(scalars.Text, text) == text


@given(st.text(max_size=300))
def test_whatever_is_read_as_a_name_fits_the_columns_of_the_server(text: str) -> None:
    try:
        name = read(scalars.Name, text)
    except Wrong:
        return
    assert name == text
    assert len(f"isp:{name}@huawei-vrp".encode()) <= 64


@pytest.mark.parametrize("text", ["+977 9841004724", "+1 555-0100-77"])
def test_a_phone_number_begins_with_its_country(text: str) -> None:
    assert read(scalars.Phone, text) == text


@pytest.mark.parametrize("text", ["9841004724", "+0 12345678", "00977 9841004724", "+977 (0) 98"])
def test_another_phone_number_is_refused(text: str) -> None:
    assert refused(scalars.Phone, text)


@pytest.mark.parametrize(
    "text", ["canary-pw-x", "enc:k1:short", "enc:k1", "age:", "enc:k 1:" + "A" * 60, "plain:" + "A" * 60]
)
def test_what_is_not_sealed_is_refused_without_a_word_of_it(text: str) -> None:
    said = refused(scalars.SealedText, text)
    assert said == "expected a sealed value (enc:… or age:…), never clear text"


# addresses


def test_prefixes_of_both_families_are_read() -> None:
    assert read(scalars.Net, "203.0.113.64/29") == IPv4Network("203.0.113.64/29")
    assert read(scalars.Net, "2001:db8:100::/56") == IPv6Network("2001:db8:100::/56")


@pytest.mark.parametrize(
    "text", ["203.0.113.65/29", "203.0.113.0/33", "300.0.0.0/8", "2001:db8::%eth0/64", "x", "10/8/8"]
)
def test_another_prefix_is_refused(text: str) -> None:
    assert refused(scalars.Net, text).startswith("expected a prefix like 203.0.113.64/29")


@pytest.mark.parametrize("text", ["203.0.113.7/32", "203.0.113", "203.0.113.07", "fe80::1%eth0", "3405803783"])
def test_another_address_is_refused(text: str) -> None:
    assert refused(scalars.V4, text)


# what a plain scalar would mean


@pytest.mark.parametrize("text", ["0123", "1.10", "12e03", "0x1F", ".5", "true", "FALSE", "null", "~", "-.inf", ".nan"])
def test_an_unquoted_text_that_yaml_would_turn_into_something_else_is_noticed(text: str) -> None:
    assert scalars.meaning(text)


@pytest.mark.parametrize("text", ["no", "yes", "on", "1_000", "12:30", "1.2.3", "0o9", "0123a", "+", "e5", "1e"])
def test_what_yaml_1_2_reads_as_text_is_text(text: str) -> None:
    assert scalars.meaning(text) is None
