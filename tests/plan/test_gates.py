"""How much one day may take: both sides of each number, and what waits when a gate is closed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from ispctl.gates import Closed, closed, counts, gate_of, held, losers
from ispctl.model.policy import Limit, Limits
from ispctl.plan import Cause, Change, Pair, Plan
from ispctl.states import State
from tests.report.sample import HOME_40, HOME_100, entitlement, in_state, never, pair, plan, row, slower_cohort

LIMITS = Limits()
NOTHING: Mapping[str, int | None] = {}


def cut(number: int, cause: Cause = "commit") -> Pair:
    id = f"sub-{number:06}"
    return pair(entitlement(id), in_state(State.SUSPENDED, id), cause)


def shut(found: Plan, total: int = 10, recent: int = 0, limits: Limits = LIMITS) -> list[str]:
    others = {f"other-{n}" for n in range(recent)}
    recently = dict.fromkeys(("cut_off", "dropped", "slower", "delete"), others)
    return [gate.gate for gate in closed(found, total, recently, limits, NOTHING)]


def deletes(count: int, kind: str = "login") -> list[Change]:
    return [Change("radius", (kind, f"k{n}"), {"owner": f"sub-{n:06}/main"}, None) for n in range(count)]


def moved(number: int) -> Pair:
    id = f"sub-{number:06}"
    return pair(entitlement(id, ipv4="203.0.113.7"), entitlement(id, ipv4="203.0.113.8"))


@pytest.mark.parametrize(("many", "expected"), [(5, []), (6, ["cut_off"])])
def test_the_floor_holds_where_the_share_is_smaller(many: int, expected: list[str]) -> None:
    assert shut(plan(map(cut, range(many)), disturbs=never)) == expected


@pytest.mark.parametrize(("total", "expected"), [(139, ["cut_off"]), (140, [])])
def test_the_share_holds_where_it_is_larger_than_the_floor(total: int, expected: list[str]) -> None:
    assert shut(plan(map(cut, range(7))), total) == expected


@pytest.mark.parametrize(("recent", "expected"), [(3, []), (4, ["cut_off"])])
def test_what_the_last_day_took_counts_too(recent: int, expected: list[str]) -> None:
    assert shut(plan(map(cut, range(2))), recent=recent) == expected


@pytest.mark.parametrize(("many", "expected"), [(20, []), (21, ["dropped"])])
def test_so_many_sessions_may_end(many: int, expected: list[str]) -> None:
    assert shut(plan(map(moved, range(many)))) == expected


def test_whoever_pays_and_comes_out_from_behind_the_wall_is_not_dropped() -> None:
    """Their sessions end for their own sake; at the beginning of a month that may be half the ISP."""
    back = [pair(in_state(State.EXPIRED, f"sub-{n:06}"), entitlement(f"sub-{n:06}")) for n in range(50)]
    found = plan(back)
    assert found.summary["dropped"] == 50
    assert (counts(found)["dropped"], shut(found)) == (0, [])


@pytest.mark.parametrize(("many", "expected"), [(20, []), (21, ["slower"])])
def test_so_many_people_may_become_slower(many: int, expected: list[str]) -> None:
    assert shut(plan(slower_cohort(many))) == expected


@pytest.mark.parametrize(("many", "expected"), [(5, []), (6, ["delete"])])
def test_so_many_rows_may_go(many: int, expected: list[str]) -> None:
    assert shut(plan([], deletes(many))) == expected


def test_the_end_of_a_session_is_no_deleted_row() -> None:
    assert counts(plan([], deletes(6, "session")))["delete"] == 0


def test_who_was_counted_today_is_not_counted_again() -> None:
    before = {"cut_off": {f"sub-{n:06}/main" for n in range(5)}}
    assert closed(plan([cut(4)]), 10, before, LIMITS, NOTHING) == ()
    again = closed(plan(map(cut, (4, 5))), 10, before, LIMITS, NOTHING)
    assert [(one.wanted, one.recent) for one in again] == [(2, 4)]


def test_a_full_day_does_not_refuse_who_takes_nothing() -> None:
    assert shut(plan([pair(entitlement(), entitlement(terms=HOME_100))]), recent=1000) == []


def test_ends_by_the_clock_do_not_count() -> None:
    assert counts(plan(cut(n, "clock") for n in range(50))) == {"cut_off": 0, "dropped": 0, "slower": 0, "delete": 0}


def test_who_is_slower_by_usage_does_not_count() -> None:
    slow = pair(entitlement(), entitlement(terms=HOME_40), "facts")
    assert counts(plan([slow]))["slower"] == 0


def test_a_share_of_nothing_is_nothing() -> None:
    strict = LIMITS.but(cut_off=Limit(share=Decimal(0), floor=0))
    assert shut(plan([cut(1)]), limits=strict) == ["cut_off"]


@pytest.mark.parametrize(("allowed", "expected"), [(6, []), (7, []), (5, ["cut_off"])])
def test_a_number_on_the_command_line_permits_at_most_so_many(allowed: int, expected: list[str]) -> None:
    found = closed(plan(map(cut, range(6))), 10, {}, LIMITS, {"cut_off": allowed})
    assert [gate.gate for gate in found] == expected


@pytest.mark.parametrize(
    ("gate", "flag"),
    [
        ("cut_off", "--allow-cut-off 7"),
        ("dropped", "--allow-drop 7"),
        ("slower", "--allow-slower 7"),
        ("delete", "--allow-delete 7"),
    ],
)
def test_a_closed_gate_names_the_flag_that_opens_it(gate: str, flag: str) -> None:
    assert Closed(gate, 7, 3, 5).flag == flag


@pytest.mark.parametrize(
    ("effect", "cause", "gate"),
    [
        ("cut-off", "commit", "cut_off"),
        ("walled", "drift", "cut_off"),
        ("ended", "clock", ""),
        ("dropped", "facts", "dropped"),
        ("slower", "facts", ""),
        ("faster", "commit", ""),
    ],
)
def test_an_effect_counts_at_one_gate_at_most(effect: str, cause: str, gate: str) -> None:
    assert gate_of(effect, cause) == gate


def test_losses_wait_and_gains_go_ahead() -> None:
    lost, gained = cut(1), pair(entitlement("sub-000002"), entitlement("sub-000002", HOME_100))
    rows = [row(lost.was, lost.will_be), row(gained.was, gained.will_be)]
    assert held(plan([lost, gained], rows), frozenset({"cut_off"}), {}) == {rows[0].id}


def test_what_the_clock_ends_goes_ahead() -> None:
    expired = cut(1, "clock")
    found = plan([expired], [row(expired.was, expired.will_be)])
    assert held(found, frozenset({"cut_off", "dropped"}), {}) == frozenset()


def test_what_losers_share_waits_with_them() -> None:
    group = Change("radius", ("group", "isp:home-50@routeros"), {"reply": ()}, {"reply": (("a", "=", "b"),)})
    found = plan(slower_cohort(2), [group])
    users = {"isp:home-50@routeros": frozenset({"sub-001000/main"})}
    assert held(found, frozenset({"slower"}), users) == {group.id}
    assert held(found, frozenset({"slower"}), {}) == frozenset()


def test_what_needs_a_waiting_change_waits_however_far_it_is() -> None:
    lost = cut(1)
    first = row(lost.was, lost.will_be)
    second = Change("radius", ("pop", "a"), None, {"nas": ()}, needs=frozenset({first.id}))
    third = Change("radius", ("pop", "b"), None, {"nas": ()}, needs=frozenset({second.id}))
    other = Change("radius", ("pop", "c"), None, {"nas": ()})
    found = plan([lost], [third, other, second, first])
    assert held(found, frozenset({"cut_off"}), {}) == {first.id, second.id, third.id}


def test_deleted_rows_wait_and_their_sessions_with_them() -> None:
    changes = [*deletes(1), *deletes(1, "session")]
    assert held(plan([], changes), frozenset({"delete"}), {}) == {change.id for change in changes}
    assert held(plan([], changes[1:]), frozenset({"delete"}), {}) == frozenset()


def test_sessions_that_end_for_nobodys_sake_are_counted_with_the_dropped() -> None:
    row = Change("radius", ("login", "a"), {"owner": "sub-1/main", "class": "1"}, {"owner": "sub-1/main", "class": "2"})
    end = Change("radius", ("session", "u1"), {"owner": "sub-1/main", "class": "1"}, None)
    assert counts(plan([], [row, end]))["dropped"] == 1
    assert losers(plan([], [row, end]), frozenset({"dropped"})) == {"sub-1/main"}
    assert counts(plan([], [end]))["dropped"] == 0  # told again what an earlier run has counted
