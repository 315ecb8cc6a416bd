"""What a change means for a person, and how a plan counts it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ispctl.desired import Because, Entitlement
from ispctl.model.problem import Where
from ispctl.plan import Change, effects
from ispctl.states import State
from ispctl.structs import replace
from tests.report.sample import (
    COMMIT,
    ENDS,
    HOME_40,
    HOME_50,
    HOME_100,
    entitlement,
    in_state,
    never,
    pair,
    plan,
    slower_cohort,
)

ACTIVE = entitlement()
WALLED = in_state(State.SUSPENDED)
ENDED = in_state(State.TERMINATED)
REFUSED = replace(WALLED, access="none")
MIXED = replace(HOME_50, down=60_000_000, up=20_000_000)


@pytest.mark.parametrize(
    ("was", "will_be", "expected"),
    [
        (None, ACTIVE, ("new",)),
        (ACTIVE, None, ("cut-off",)),
        (WALLED, None, ("ended",)),
        (ENDED, None, ("other",)),
        (ACTIVE, ACTIVE, ()),
        (ACTIVE, WALLED, ("walled",)),
        (ACTIVE, REFUSED, ("cut-off",)),
        (WALLED, REFUSED, ("cut-off",)),
        (ACTIVE, ENDED, ("ended",)),
        (WALLED, ACTIVE, ("restored",)),
        (REFUSED, WALLED, ("other",)),
        (ACTIVE, entitlement(terms=HOME_40), ("slower",)),
        (ACTIVE, entitlement(terms=HOME_100), ("faster",)),
        (ACTIVE, entitlement(terms=MIXED), ("slower", "faster")),
        (ACTIVE, entitlement(ipv4="203.0.113.7"), ("address",)),
        (ACTIVE, entitlement(routes=("203.0.113.64/29",)), ("address",)),
        (ACTIVE, entitlement(delegated="2001:db8:100::/56"), ("address",)),
        (ACTIVE, entitlement(terms=HOME_40, ipv4="203.0.113.7"), ("slower", "address")),
        (ACTIVE, entitlement(terms=replace(HOME_50, burst=(1, 1, 1, 1, 1))), ("other",)),
        (ACTIVE, entitlement(login="new@home.example"), ("other",)),
        (ACTIVE, entitlement(password="sha256:" + "1" * 64), ("other",)),
        (ACTIVE, entitlement(ends=ENDS + timedelta(days=30)), ("other",)),
        (WALLED, replace(WALLED, terms=HOME_40), ("other",)),
    ],
)
def test_a_change_has_the_effects_that_a_person_notices(
    was: Entitlement | None, will_be: Entitlement | None, expected: tuple[str, ...]
) -> None:
    assert effects(was, will_be) == expected


def test_the_next_moment_alone_is_no_change() -> None:
    assert effects(ACTIVE, replace(ACTIVE, until=None)) == ()


def test_the_pool_of_a_tariff_does_not_touch_who_has_a_static_address() -> None:
    static = entitlement(ipv4="203.0.113.7")
    assert effects(static, replace(static, terms=replace(HOME_50, ipv4="pool:other"))) == ()


def test_a_plan_counts_people_by_what_they_lose() -> None:
    gone = pair(entitlement("sub-000002"), None)
    walled = pair(ACTIVE, WALLED, online=1)
    found = plan([gone, walled, *slower_cohort(3)], [Change("radius", ("pop", "a"), None, {"nas": ()})])
    assert found.summary == {
        "subscribers": 5, "services": 5, "cut_off": 2, "dropped": 2, "slower": 3, "create": 1, "update": 0, "delete": 0
    }  # fmt: skip


@pytest.mark.parametrize(
    ("online", "session"), [(None, "unknown"), (0, "none"), (1, "dropped"), (2, "dropped")], ids=str
)
def test_a_session_that_must_end_is_dropped_only_if_there_is_one(online: int | None, session: str) -> None:
    (service,) = plan([pair(ACTIVE, WALLED, online=online)]).services
    assert (service.session, service.if_online) == (session, "dropped")


def test_a_session_is_kept_where_the_platform_can_change_it() -> None:
    (service,) = plan([pair(ACTIVE, entitlement(terms=HOME_40), online=1)], disturbs=never).services
    assert (service.session, service.if_online) == ("kept", "kept")


def test_a_new_login_needs_a_new_session() -> None:
    (service,) = plan([pair(ACTIVE, entitlement(login="b@home.example"), online=1)], disturbs=never).services
    assert service.session == "dropped"


def test_people_are_sorted_by_harm_and_then_by_id() -> None:
    pairs = [
        pair(None, entitlement("sub-000009")),
        pair(entitlement("sub-000008"), entitlement("sub-000008", HOME_40)),
        pair(entitlement("sub-000007"), None),
        pair(entitlement("sub-000003"), entitlement("sub-000003", HOME_40)),
    ]
    found = [service.owner for service in plan(pairs).services]
    assert found == ["sub-000007/main", "sub-000003/main", "sub-000008/main", "sub-000009/main"]


def test_the_reason_is_that_of_what_differs_and_not_the_state() -> None:
    bound = entitlement(mac_mode="fixed", macs=("02:00:5e:10:00:01",))
    (service,) = plan([pair(ACTIVE, bound)]).services
    assert service.because == (bound.because["mac"],)


def test_what_the_commit_wrote_is_the_first_reason() -> None:
    own = "subscribers/lalitpur/sub-000001.yaml"
    better = entitlement(terms=HOME_100)
    (service,) = plan([pair(ACTIVE, better)], changed_files=frozenset({own})).services
    assert service.because == (replace(better.because["tariff"], commit=COMMIT), better.because["rate"])


def test_a_removed_service_says_which_commit_removed_it() -> None:
    (service,) = plan([pair(ACTIVE, None)]).services
    assert service.because == (Because("removed", "no longer in the repository", None, COMMIT),)


def test_a_row_carries_the_reason_of_its_service() -> None:
    change = Change("radius", ("login", ACTIVE.login), {"owner": ACTIVE.owner}, {"owner": ACTIVE.owner, "refuse": "x"})
    found = plan([pair(ACTIVE, WALLED)], [change])
    assert [row.because for row in found.changes] == [person.because for person in found.services]


def test_six_people_alike_are_a_cohort_and_five_are_not() -> None:
    assert plan(slower_cohort(5)).cohorts == ()
    (cohort,) = plan(slower_cohort(6)).cohorts
    assert (cohort.count, len(cohort.sample), cohort.effects) == (6, 5, ("slower",))
    assert cohort.because == Because("tariff", "rate of tariff home-50", Where("tariffs/home-50.yaml", 6, 1))


def test_people_with_different_reasons_are_no_cohort() -> None:
    pairs = [pair(entitlement(f"sub-00000{n}"), in_state(State.SUSPENDED, f"sub-00000{n}")) for n in range(1, 8)]
    assert plan(pairs).cohorts == ()


def test_a_state_that_means_something_else_now_is_explained_by_the_policy() -> None:
    policy = Because("policy", "what suspended means in policy", Where("inventory/policy.yaml", 8))
    refused = replace(REFUSED, because={**REFUSED.because, "access": policy})
    assert [one.because for one in plan([pair(WALLED, refused)]).services] == [(policy,)]
    assert [one.because for one in plan([pair(ACTIVE, refused)]).services] == [(refused.because["state"],)]
