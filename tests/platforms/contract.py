"""What every platform has to keep to: each check takes a subject and raises AssertionError.

A platform is held against its decoder, which is written by hand from the vendor's documents and shares nothing with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import ispctl.platforms
from ispctl.desired import Terms
from ispctl.model import reading
from ispctl.model.policy import Wall
from ispctl.plan import Fields, Key
from ispctl.platforms import Attribute, Platform, platform, untagged
from ispctl.radius import _rows_text
from ispctl.radius._dae import CHANGE, build
from ispctl.radius.dictionary import definitions
from ispctl.radius.dictionary.definition import read
from tests.platforms.seen import Attributes, Seen, react

RATES = st.integers(1_000, 10**10) | st.integers(1, 10**6).map(lambda number: number * 1_000)
EDGES = [1_000, 8_000, 1_000_001, 2**31 - 1, 2_147_483_000, 2_147_484_000, 2**32 - 1, 2**32, 34_359_738_000, 10**12]
HOSTILE = [
    "",
    "x" * 300,
    "a\nb",
    "a\x00b",
    "'quoted'",
    "`id`",
    "%{User-Name}",
    "back\\slash",
    "(,)",
    "\u00fcn\u202ei",
    "a=b",
    "a/b",
]


@dataclass(frozen=True)
class Subject:
    """A platform, how its routers read, and whose attributes it may use."""

    vendor: Platform
    decode: Callable[[Attributes], Seen]
    react: Callable[[Attributes, Attributes], Attributes]
    own: frozenset[int]


def subject(name: str) -> Subject:
    """What the folders of that name hold."""
    folder = name.replace("-", "_")
    files = (Path(ispctl.platforms.__file__).parent / folder).glob("*.dict")
    own = read(line for file in sorted(files) for line in file.read_text("utf-8").splitlines())
    decoder = import_module(f"tests.platforms.{folder}.decoder")
    reaction = getattr(decoder, "react", react)
    return Subject(platform(name), decoder.decode, reaction, frozenset(known.vendor for known in own.values()) | {0})


def terms(down: int = 50_000_000, up: int = 25_000_000, *, name: str = "home-50", burst: bool = False) -> Terms:
    faster = (down * 2, up * 2, down // 2, up // 2, 10) if burst else None
    return Terms(name, down, up, faster, 1, "pool:home", "pool:home6", "pool:home6-pd")


def wall(pool6: str | None = None, **fields: object) -> Wall:
    return reading.read(Wall, {"pool": "walled", "pool6": pool6, "rate": {"down": "2M", "up": "1M"}} | fields)


def every_attribute_is_in_our_dictionary_with_a_value_of_its_type(one: Subject) -> None:
    for attribute, value in _all(one):
        known = definitions().get(untagged(attribute))
        assert known, f"{attribute} is in no dictionary"
        assert known.misfit(attribute, value) == ""


def no_attribute_belongs_to_another_vendor(one: Subject) -> None:
    strange = {name for name, _ in _all(one) if definitions()[untagged(name)].vendor not in one.own}
    assert strange == set(), "another vendor's"


def it_declares_what_it_renders(one: Subject) -> None:
    rendered = {untagged(name) for name, _ in _all(one)}
    assert rendered <= one.vendor.attributes | set(one.vendor.pools)
    assert one.vendor.changeable <= one.vendor.attributes
    assert one.vendor.changeable <= rendered


def a_router_reads_the_rates_that_were_meant(one: Subject) -> None:
    """Not swapped, no other unit; what cannot be told is refused in words, and nothing in between."""

    def holds(down: int, up: int) -> None:
        attributes = _or_words(lambda: one.vendor.tariff(terms(down, up)))
        if attributes is not None:
            seen = one.decode(attributes)
            assert (seen.down, seen.up, seen.burst) == (down, up, None)

    settings(report_multiple_bugs=False)(given(RATES, RATES)(holds))()
    for edge in EDGES:
        holds(edge, 10_000_000)
        holds(10_000_000, edge)
    holds(50_000_000, 25_000_000)
    assert one.decode(one.vendor.tariff(terms())).down == 50_000_000, "what homes have can be told"


def a_burst_is_told_whole_or_not_at_all(one: Subject) -> None:
    asked = terms(burst=True)
    seen = one.decode(one.vendor.tariff(asked))
    assert seen.burst == (asked.burst if one.vendor.bursts else None)
    assert (seen.down, seen.up) == (asked.down, asked.up)


def pools_go_where_they_belong(one: Subject) -> None:
    seen = one.decode(one.vendor.tariff(terms()))
    assert (seen.pool, seen.pool6, seen.delegated) == ("home", "home6", "home6-pd")
    assert not any(one.vendor.changes((name, "home")) for name in one.vendor.pools), "an address needs a new session"


def a_walled_session_differs_and_has_no_ipv6_but_the_walls(one: Subject) -> None:
    walled = wall()
    told = one.vendor.wall(walled)
    seen = one.decode(told)
    assert (seen.down, seen.up, seen.pool) == (2_000_000, 1_000_000, "walled")
    assert (seen.pool6, seen.delegated) == ("", "")
    plain = one.decode(one.vendor.tariff(terms(2_000_000, 1_000_000)))
    assert (seen.mark, seen.pool) != (plain.mark, plain.pool)
    assert plain.mark == ""
    both = one.decode(one.vendor.wall(wall("walled6")))
    assert (both.pool6, both.delegated, both.mark) == ("walled6", "", seen.mark)
    bare = _or_words(lambda: one.vendor.wall(wall(pool=None)))
    assert bare is None or one.decode(bare).mark, "without a pool nothing would tell it from any other"


def a_payment_page_is_told_where_it_can_be(one: Subject) -> None:
    page = "https://pay.example.net/"
    told = one.vendor.wall(wall(redirect=page))
    assert any(page in value for _, value in told) == one.vendor.redirects


def the_same_is_rendered_the_same(one: Subject) -> None:
    for burst in (False, True):
        first, again = (one.vendor.tariff(terms(burst=burst)) for _ in range(2))
        assert first == again
    assert one.vendor.wall(wall()) == one.vendor.wall(wall())


def a_hostile_name_reaches_no_row(one: Subject) -> None:
    for name in HOSTILE:
        try:
            attributes = one.vendor.tariff(terms(name=name))
        except ValueError:
            continue
        _rows_text.fit(*_group(attributes))


def what_it_renders_may_be_written(one: Subject) -> None:
    for attributes in (one.vendor.tariff(terms(burst=True)), one.vendor.wall(wall("walled6"))):
        _rows_text.fit(*_group(attributes))


def a_change_makes_of_the_old_session_the_new_one(one: Subject) -> None:
    """What is said, said to a session with the old attributes, leaves it with the new ones; nothing else is said."""

    rates = st.integers(1, 2_000).map(lambda number: number * 1_000_000)

    @settings(report_multiple_bugs=False)
    @given(rates, rates, rates, rates)
    def check(down: int, up: int, new_down: int, new_up: int) -> None:
        old, new = one.vendor.tariff(terms(down, up)), one.vendor.tariff(terms(new_down, new_up))
        said = one.vendor.change(old, new)
        if said is None:
            assert old == new or not one.vendor.changeable
            return
        build(CHANGE, 0, "secret", said)
        assert all(one.vendor.changes(pair) or pair[0] == one.vendor.takes_back for pair in said)
        assert one.decode(one.react(old, said)) == one.decode(new)

    check()
    changed = one.vendor.change(None, one.vendor.tariff(terms()))
    assert changed is None or not one.vendor.takes_back, "what has to be taken back must be known"


def a_session_can_be_found_and_reached(one: Subject) -> None:
    assert 1 <= one.vendor.coa_port <= 65535
    assert one.vendor.names & {"Acct-Session-Id", "User-Name"}
    assert one.vendor.names <= definitions().keys()


CHECKS: tuple[Callable[[Subject], None], ...] = (
    every_attribute_is_in_our_dictionary_with_a_value_of_its_type,
    no_attribute_belongs_to_another_vendor,
    it_declares_what_it_renders,
    a_router_reads_the_rates_that_were_meant,
    a_burst_is_told_whole_or_not_at_all,
    pools_go_where_they_belong,
    a_walled_session_differs_and_has_no_ipv6_but_the_walls,
    a_payment_page_is_told_where_it_can_be,
    the_same_is_rendered_the_same,
    a_hostile_name_reaches_no_row,
    what_it_renders_may_be_written,
    a_change_makes_of_the_old_session_the_new_one,
    a_session_can_be_found_and_reached,
)


def _or_words(render: Callable[[], Attributes]) -> Attributes | None:
    """What is rendered, or None where it is refused in words for a person."""
    try:
        return render()
    except ValueError as error:
        said = str(error)
    assert re.fullmatch(r"[\w',./()-]+( [\w',./()-]+){3,}", said), f"{said!r} tells a person nothing"
    return None


def _all(one: Subject) -> list[Attribute]:
    page = "https://pay.example.net/"
    walls = (wall(), wall("walled6", redirect=page))
    return [pair for told in (*map(one.vendor.wall, walls), one.vendor.tariff(terms(burst=True))) for pair in told]


def _group(attributes: Attributes) -> tuple[Key, Fields]:
    reply = tuple(sorted((name, "+=", value) for name, value in attributes))
    check = (("ISP-Profile", ":=", "isp:home-50@x"), ("ISP-Rendering", ":=", "0123456789abcdef"))
    return ("group", "isp:home-50@x"), {"check": check, "reply": reply}
