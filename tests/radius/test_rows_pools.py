"""Ranges that the server hands out, as rows: whatever is wanted is what is read, and nothing unbounded is written."""

from __future__ import annotations

from ipaddress import IPv6Network
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ispctl.plan import Change, Fields, Key, Resources
from ispctl.radius.rows import RadiusRows
from ispctl.store import Store
from tests.radius.world import go, one

NET = IPv6Network("2001:db8:7000::/60")
FIELDS: Fields = {"pool": "homes", "length": 56, "without": (), "rest": 0}
_PARTS = list(NET.subnets(new_prefix=62))


def _fields(net: IPv6Network) -> st.SearchStrategy[Fields]:
    def cut(pool: str, length: int, kept: int, rest: int) -> Fields:
        without = tuple(sorted(map(str, islice(net.subnets(new_prefix=length), kept))))
        return {"pool": pool, "length": length, "without": without, "rest": rest}

    pools = st.sampled_from(["homes", "homes@lalitpur-1", "links"])
    return st.builds(cut, pools, st.integers(62, 64), st.integers(0, 1), st.integers(0, 9))


_STATES: st.SearchStrategy[Resources] = st.fixed_dictionaries(
    {}, optional={("range", str(net)): _fields(net) for net in _PARTS}
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states=st.lists(_STATES, min_size=1, max_size=4))
def test_whatever_ranges_are_wanted_are_read_again_with_a_row_for_each_prefix(
    store: Store, states: list[Resources]
) -> None:
    rows = RadiusRows(store)
    for want in [*states, {}]:
        assert go(rows, want) == []
        have = {key: fields for key, fields in rows.read(None).items() if key[0] == "range"}
        assert have == want
        count = sum(
            2 ** (int(str(fields["length"])) - 62) - len(tuple(fields["without"] or ()))  # type: ignore[arg-type]
            for fields in want.values()
        )
        assert store.database.query("SELECT count(*) FROM radippool WHERE pool_name <> 'p'") == [(count,)]


@pytest.mark.parametrize(
    ("net", "fields", "code"),
    [
        ("2001:db8:7000::/55", {"length": 54}, "E315"),
        ("2001:db8:7000::/55", {"length": 65}, "E315"),
        ("2001:db8:7000::/55", {"length": "56"}, "E315"),
        ("2001:db8:7000::/55", {"length": None}, "E315"),
        ("2001:db8::/39", {}, "E315"),
        ("::/0", {"length": 64}, "E315"),
        ("2001:db8:7000::/55", {"without": ("2001:db8:7000::'/56",)}, "E315"),
        ("2001:db8:7000::/55", {"without": ("%{User-Name}",)}, "E315"),
        ("2001:db8:7000::/55", {"pool": "homes' OR 1=1"}, "E315"),
        ("2001:DB8:7000::/55", {}, "E317"),
        ("2001:db8:7000::1/55", {}, "E317"),
        ("2001:db8:7000::/55%eth0", {}, "E317"),
        ("100.64.0.0/24", {"without": ()}, "E315"),
    ],
)
def test_a_range_that_does_not_fit_is_not_written(store: Store, net: str, fields: Fields, code: str) -> None:
    rows = RadiusRows(store)
    key: Key = ("range", net)
    assert one(rows, key, None, {**FIELDS, **fields}).code == code
    assert [found for found in rows.read(None) if found[0] == "range"] == []


def test_prefixes_of_another_system_are_not_taken_for_ours(store: Store) -> None:
    rows = RadiusRows(store)
    insert = "INSERT INTO radippool (pool_name, framedipaddress) VALUES ('old', ?)"
    store.database.write(insert, ("2001:db8:7000::/57",))
    change = Change("radius", ("range", "2001:db8:7000::/55"), None, FIELDS)
    assert [outcome.code for outcome in rows.apply([change])] == ["E314"]
