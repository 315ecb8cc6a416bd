"""An edit changes the value it names, and no other byte."""

from __future__ import annotations

import pytest

from ispctl.model.problem import Refusal
from ispctl.model.record import Loc
from ispctl.repo.edit import Value, drop, put

FILE = "subscribers/lalitpur/3f/sub-000123.yaml"
TEXT = """\
# Who this is about.
id: sub-000123          # never changes
profile: {name: Anita, mobile: "+977 9841000123"}   # as she wrote it
services:
  - key: main
    login: anita@home.example
    tariff: home-50     # since May
    mac:
      mode: fixed
      addresses:        # two of them
        - {mac: "02:00:5e:10:00:01", label: router}
        # the next one is the spare

    routes: ["203.0.113.64/29"]
  - key: shop
    login: shop@home.example

# the end
"""


@pytest.mark.parametrize(
    "loc, value, old, new",
    [
        (("services", 0, "tariff"), "home-100", "tariff: home-50  ", "tariff: home-100  "),
        (("profile", "name"), "1e3", "{name: Anita,", '{name: "1e3",'),
        (("profile", "email"), "a@example.net", '123"}', '123", email: a@example.net}'),
        (("services", 0, "routes", 1), "192.0.2.0/29", '.64/29"]', '.64/29", 192.0.2.0/29]'),
        (("services", 1, "ipv4", "static"), "203.0.113.7", "shop@home.example\n",
         "shop@home.example\n    ipv4: {static: 203.0.113.7}\n"),
        (("services", 0, "mac", "addresses", 1), {"mac": "02:00:5e:10:00:02"}, "label: router}\n",
         'label: router}\n        - {mac: "02:00:5e:10:00:02"}\n'),
        (("services", 0, "paid_until"), "2031-12-31", '["203.0.113.64/29"]\n',
         '["203.0.113.64/29"]\n    paid_until: 2031-12-31\n'),
        (("services", 2), {"key": "more", "login": "b@home.example"}, "login: shop@home.example\n",
         "login: shop@home.example\n  - {key: more, login: b@home.example}\n"),
        (("services", 0, "mac"), {"mode": "off"},
         'mac:\n      mode: fixed\n      addresses:        # two of them\n'
         '        - {mac: "02:00:5e:10:00:01", label: router}',
         'mac:\n      {mode: off}'),
    ],
)  # fmt: skip
def test_a_value_is_put_where_it_belongs(loc: Loc, value: Value, old: str, new: str) -> None:
    assert put(TEXT.encode(), FILE, loc, value).decode() == TEXT.replace(old, new, 1)


@pytest.mark.parametrize(
    "loc, old",
    [
        (("services", 0, "tariff"), "    tariff: home-50     # since May\n"),
        (("profile", "mobile"), ', mobile: "+977 9841000123"'),
        (("profile", "name"), "name: Anita, "),
    ],
)
def test_a_key_is_taken_away_with_its_line(loc: Loc, old: str) -> None:
    assert drop(TEXT.encode(), FILE, loc).decode() == TEXT.replace(old, "", 1)


LISTS = """\
scheduled:
  - {at: 2031-01-01, set: {tariff: home-20}}   # for the summer
  - at: 2031-06-01
    set: {tariff: home-50}
routes: [192.0.2.0/30, 192.0.2.8/30]
"""


@pytest.mark.parametrize(
    "loc, old",
    [
        (("scheduled", 0), "  - {at: 2031-01-01, set: {tariff: home-20}}   # for the summer\n"),
        (("scheduled", 1), "  - at: 2031-06-01\n    set: {tariff: home-50}\n"),
        (("routes", 0), "192.0.2.0/30, "),
        (("routes", 1), ", 192.0.2.8/30"),
    ],
)
def test_an_item_is_taken_out_of_a_list(loc: Loc, old: str) -> None:
    assert drop(LISTS.encode(), FILE, loc).decode() == LISTS.replace(old, "", 1)


def test_a_file_without_a_last_line_end_gets_a_line_of_its_own() -> None:
    assert put(b"name: town", FILE, ("title",), "Town") == b"name: town\ntitle: Town\n"


def test_an_empty_mapping_is_filled() -> None:
    assert put(b"realms: {}  # none yet\n", FILE, ("realms", "home.example"), "local") == (
        b"realms: {home.example: local}  # none yet\n"
    )


def test_the_same_value_changes_nothing() -> None:
    assert put(TEXT.encode(), FILE, ("services", 0, "tariff"), "home-50") == TEXT.encode()


@pytest.mark.parametrize("loc", [("services", 5, "tariff"), ("id", "below")])
def test_what_cannot_be_put_there_is_refused_and_not_guessed(loc: Loc) -> None:
    with pytest.raises(Refusal, match=r"E657 .*: the file is written in a way") as refused:
        put(TEXT.encode(), FILE, loc, "x")
    assert "home.example" not in str(refused.value)


def test_what_is_not_there_cannot_be_taken_away() -> None:
    with pytest.raises(Refusal, match="E657 .*nothing to take away"):
        drop(TEXT.encode(), FILE, ("services", 0, "hold"))


def test_a_file_that_cannot_be_read_is_refused_as_it_always_is() -> None:
    with pytest.raises(Refusal, match="E011"):
        put(b"a: 1\na: 2\n", FILE, ("a",), "3")
