"""How an applied entitlement is kept: the same text whoever was written before."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ispctl.desired import Entitlement
from ispctl.reconcile.applied import from_text, to_text
from ispctl.states import State
from ispctl.structs import as_dict, replace
from tests.report.sample import HOME_40, HOME_50, HOME_100, entitlement

LEFT_OUT = {"terms", "because", "sealed", "until", "first_login", "new_password", "fair_use", "cpe"}
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))])
TEXTS = st.text(max_size=8) | st.sampled_from(["%s", '"%d"', "100%", "a\\b", "नेपाल"])
LISTS = st.lists(TEXTS, max_size=3).map(tuple)
MOMENTS = st.none() | st.builds(datetime.fromtimestamp, st.integers(0, 2**31), ZONES)
FIELDS = {
    **dict.fromkeys(("id", "key", "login", "ipv4", "ipv6", "delegated", "pop", "roaming", "on_mismatch"), TEXTS),
    **dict.fromkeys(("on_expiry", "sealed_with", "mac_mode", "access"), TEXTS),
    **dict.fromkeys(("routes", "nas", "macs", "identities"), LISTS),
    **dict.fromkeys(("ends", "backstop"), MOMENTS),
    "password": st.none() | TEXTS,
    "mac_max": st.integers(0, 9),
    "state": st.sampled_from(State),
    "terms": st.sampled_from([HOME_40, HOME_50, HOME_100]),
}
SOME = st.fixed_dictionaries({}, optional=FIELDS).map(lambda said: entitlement(**said))


def plain(one: Entitlement) -> str:
    """What is kept, made at once."""
    said: dict[str, Any] = {name: value for name, value in as_dict(one).items() if name not in LEFT_OUT}
    said |= {name: said[name] and said[name].isoformat() for name in ("ends", "backstop")}
    return json.dumps({**said, "tariff": one.terms.name}, separators=(",", ":"), sort_keys=True)


@given(st.lists(SOME, min_size=1, max_size=5))
def test_what_is_kept_is_the_json_of_all_that_is_said(some: list[Entitlement]) -> None:
    assert [to_text(one) for one in some] == [plain(one) for one in some]


@given(SOME)
def test_what_is_kept_comes_back(one: Entitlement) -> None:
    assert from_text(to_text(one), {one.terms.name: one.terms}) == replace(one, until=None)
