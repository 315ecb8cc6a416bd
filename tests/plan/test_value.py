"""A plan is a value: the same input makes the same plan, and its changes lead from one side to the other."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.desired import Entitlement
from ispctl.plan import Change, Fields, Key, Plan, Resources, Value, diff, digest
from tests.report.sample import entitlement, merge_request, pair, plan, row

texts = st.text(max_size=6)
scalars = st.none() | st.booleans() | st.integers(-5, 5) | texts
values: st.SearchStrategy[Value] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=5
)
fields: st.SearchStrategy[Fields] = st.dictionaries(st.sampled_from(["owner", "reply", "group"]), values)
keys: st.SearchStrategy[Key] = st.tuples(st.sampled_from(["login", "group"]), st.sampled_from("abcd"))
resources: st.SearchStrategy[Resources] = st.dictionaries(keys, fields, max_size=6)
services = st.lists(
    st.builds(
        entitlement,
        st.integers(1, 6).map("sub-{:06}".format),
        ipv4=st.sampled_from(["pool:home", "203.0.113.7"]),
        access=st.sampled_from(["open", "walled", "none"]),
    ),
    unique_by=lambda e: e.owner,
)


def applied(changes: Iterable[Change], to: Resources) -> Resources:
    """What a target holds after the changes; each must find what it says it found."""
    after = dict(to)
    for change in changes:
        assert after.get(change.key) == change.before
        if change.after is None:
            del after[change.key]
        else:
            after[change.key] = change.after
    return after


@given(resources, resources)
def test_the_changes_lead_from_what_is_to_what_should_be(have: Resources, want: Resources) -> None:
    changes = diff("radius", want, have)
    assert applied(changes, have) == want
    assert diff("radius", want, applied(changes, have)) == ()


@given(resources, resources, st.randoms())
def test_the_digest_does_not_depend_on_order(have: Resources, want: Resources, shuffler: random.Random) -> None:
    changes = list(diff("radius", want, have))
    expected = digest(changes)
    shuffler.shuffle(changes)
    assert digest(changes) == expected


@given(services, services, st.randoms())
def test_a_plan_does_not_depend_on_the_order_of_what_it_is_made_of(
    was: list[Entitlement], will_be: list[Entitlement], shuffler: random.Random
) -> None:
    before, after = ({e.owner: e for e in side} for side in (was, will_be))
    owners = sorted(before.keys() | after.keys())
    pairs = [pair(before.get(owner), after.get(owner)) for owner in owners]
    rows = [row(p.was, p.will_be) for p in pairs]
    expected = plan(pairs, rows)
    shuffler.shuffle(pairs)
    shuffler.shuffle(rows)
    found = plan(pairs, rows)
    assert found == expected
    assert (found.digest, found.summary) == (expected.digest, expected.summary)


def test_the_digest_covers_what_is_done_and_not_why_or_when() -> None:
    one, other = merge_request(), merge_request()
    changes = tuple(Change(c.target, c.key, c.before, c.after) for c in other.changes)
    assert Plan("live", "other", "", other.now, (), changes).digest == one.digest


@pytest.mark.parametrize(
    "other",
    [
        Change("nas:a", ("login", "a"), None, {"x": 1}),
        Change("radius", ("group", "a"), None, {"x": 1}),
        Change("radius", ("login", "a"), {"x": 2}, {"x": 1}),
        Change("radius", ("login", "a"), None, {"x": "1"}),
        Change("radius", ("login", "a"), None, {"x": True}),
    ],
    ids=["target", "key", "before", "after", "type"],
)
def test_the_id_names_all_that_would_be_done(other: Change) -> None:
    assert Change("radius", ("login", "a"), None, {"x": 1}).id != other.id


def test_a_plan_can_stand_in_a_set() -> None:
    assert len({merge_request(), merge_request()}) == 1


def test_an_empty_plan_says_so() -> None:
    assert plan().empty
    assert not merge_request().empty
