"""A nasty value in every field that reaches a row: refused with a code, or taken literally by the real server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from ispctl.model.network import Pools
from ispctl.model.policy import Policy
from ispctl.model.reading import read, value_of
from ispctl.model.rules import Wrong
from ispctl.model.scalars import LineId, Login, Mac, Name, Net
from ispctl.plan import Key, diff
from ispctl.radius.rows import RadiusRows, order
from tests import canary
from tests.live.rig import HOME, MAC, Rig, online, refused
from tests.radius import world

MARK = canary.PASSWORD_MARK
LITERAL = {
    "xlat": "%{User-Name}",
    "sql": "%{sql:DELETE FROM radcheck}",
    "exec": "%{exec:/usr/bin/touch /tmp/never}",
    "environment": "$ENV{HOME}",
    "reference": "${base}&User-Name",
    "inner quotes": "a'b\"c`d",
    "one quote": "'",
    "injection": "' OR 1=1; DROP TABLE nas --",
    "percent": "100%% %n %l",
    "backslash": "a\\n\\101\\",
    "hex": "0x41",
    "like a MAC": "02-00-5e-10-00-01",
    "look-alike": "\u0430nita@h\u043eme.example",
    "nepali": "\u0928\u0947\u092a\u093e\u0932",
    "long": "x" * 60,
}
REFUSED = {
    "newline": "a\nUser-Name := root",
    "tab": "a\tb",
    "nul": "a\0b",
    "escape": "a\x1b[2J",
    "back-ticks": "`%{User-Name}`",
    "double quotes": '"quoted"',
    "single quotes": "'quoted'",
    "254 characters": "x" * 254,
}
INVISIBLE = {"right to left": "a\u202eb", "zero width": "a\u200bb", "line separator": "a\u2028b"}
EVERY = LITERAL | REFUSED | INVISIBLE


def digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def write(rig: Rig, key: Key, fields: dict[str, Any], clear: str = "") -> str:
    """The code of the refusal, or "" when it is written and reads back as it was wanted."""
    rows = RadiusRows(rig.store)
    (outcome,) = rows.apply(order(diff("radius", {key: fields}, {})), lambda _: clear)
    assert outcome.error or rows.read([key]) == {key: fields}
    assert clear == "" or clear not in outcome.error
    return outcome.code


# What the server gets and gives back


def of_a_password(rig: Rig, name: str, value: str) -> str:
    fields = world.login(owner=f"{name}/main", group=HOME, password=digest(value), **bare())
    if code := write(rig, ("login", name), fields, value):
        return code
    online(rig.routeros.dial(name, value))
    refused(rig.routeros.dial(name, name))
    return ""


def of_a_reply(rig: Rig, name: str, value: str) -> str:
    reply = bare(("Mikrotik-Address-List", ":=", value))
    fields = world.login(owner=f"{name}/main", group=HOME, password=digest(MARK), **reply)
    if code := write(rig, ("login", name), fields, MARK):
        return code
    assert online(rig.routeros.dial(name, MARK)).granted.address_list == value
    return ""


def of_a_secret(rig: Rig, name: str, value: str) -> str:
    nas = rig.nas(name, "192.0.2.61", "routeros", listed=False, secret=value)
    if code := write(rig, ("nas", nas._source), world.nas(host=name, secret=digest(value), require_ma=1), value):
        return code
    online(nas.dial(rig.login(password=MARK), MARK))
    return ""


FIELDS: dict[str, Callable[[Rig, str, str], str]] = {
    "password": of_a_password,
    "reply": of_a_reply,
    "secret": of_a_secret,
}


def bare(*reply: tuple[str, str, str]) -> dict[str, Any]:
    return {"expires": None, "mac_mode": "off", "macs": (), "pop": None, "sessions": 0, "reply": reply}


@pytest.mark.live
@pytest.mark.parametrize("what", EVERY)
@pytest.mark.parametrize("field", FIELDS)
def test_a_text_is_taken_literally_or_refused(rig: Rig, field: str, what: str) -> None:
    value = MARK + EVERY[what] if field != "reply" and what in LITERAL else EVERY[what]
    name = f"{field}-{sorted(EVERY).index(what)}"
    code = FIELDS[field](rig, name, value)
    # a shared secret stands in `nas` as it is, where quotes mean nothing; a backslash is what breaks it
    literal = (what in LITERAL or what in INVISIBLE) if field != "secret" else what not in CUT_SECRETS
    assert code == ("" if literal else "E315"), what


CUT_SECRETS = {"newline", "tab", "nul", "escape", "backslash"}


# What no file may say in the first place


NAMES: dict[str, Callable[[str], object]] = {
    "the name of a tariff, pool, NAS, group or wall": partial(value_of, Name),
    "a login": partial(value_of, Login),
    "the realm of a login": lambda value: value_of(Login, f"anita@{value}"),
    "a realm of the policy": lambda value: read(
        Policy, {"format": "1", "timezone": "UTC", "currency": "NPR", "realms": {value: "local"}}
    ),
    "a route": partial(value_of, Net),
    "a device": partial(value_of, Mac),
    "a pool": lambda value: read(Pools, {value: {"family": "4", "served_by": "nas", "ranges": ["192.0.2.0/24"]}}),
}


@pytest.mark.parametrize("what", sorted(EVERY.keys() - {"long", "hex", "like a MAC"}))  # these are names like others
@pytest.mark.parametrize("field", NAMES)
def test_a_name_takes_no_nasty_value(field: str, what: str) -> None:
    with pytest.raises(Wrong):
        NAMES[field](EVERY[what])


@pytest.mark.live
@pytest.mark.parametrize("what", sorted((LITERAL | INVISIBLE).keys() - {"hex"}))  # pyrad would send one octet for it
def test_a_line_is_found_by_its_very_octets(rig: Rig, what: str) -> None:
    octets = EVERY[what].encode()
    login = rig.login(method="line", password=None)
    rig.insert("ispctl_identity", identity=f"circuit:{octets.hex()}", login=login)
    online(rig.routeros.dial(MAC, method="none", port={"ADSL-Agent-Circuit-Id": octets}))
    assert rig.log(login) == ("Access-Accept", "ok")


@pytest.mark.parametrize("what", ["newline", "tab", "nul", "escape", "254 characters", "right to left", "zero width"])
def test_a_line_is_written_in_what_can_be_seen(what: str) -> None:
    with pytest.raises(Wrong):
        value_of(LineId, EVERY[what])


@pytest.mark.live
@pytest.mark.parametrize("what", sorted(EVERY.keys() - {"254 characters"}))  # no packet holds them (RFC 2865, 5)
def test_what_somebody_types_finds_nobody_and_breaks_nothing(rig: Rig, what: str) -> None:
    before = rig.rows("SELECT count(*) FROM radcheck")
    refused(rig.routeros.dial(EVERY[what], MARK))
    assert rig.rows("SELECT count(*) FROM radcheck") == before
