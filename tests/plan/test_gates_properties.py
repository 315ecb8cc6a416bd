"""The gates, whatever the plan: nothing is lost, nothing waits for no reason, and nobody is left with half."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from ispctl.gates import GATES, closed, counted, gates_of, held, losers, owners_of, spread
from ispctl.model.policy import Limits
from ispctl.plan import Cause, Change, Fields, Pair, Plan, Stop
from ispctl.states import State
from ispctl.structs import replace
from tests.report.sample import HOME_40, HOME_100, entitlement, in_state, pair, plan

LIMITS = Limits()
SERVICES = tuple(f"sub-{number:06}" for number in range(1, 6))
TURNS = ("cut", "slower", "faster", "moved", "gone", "new")
CAUSES: st.SearchStrategy[Cause] = st.sampled_from(["commit", "clock", "drift"])
SETS = st.frozensets(st.sampled_from(sorted(GATES)))


def met(turn: str, id: str, cause: Cause, online: int) -> Pair:
    before = entitlement(id)
    after = {
        "cut": in_state(State.SUSPENDED, id),
        "slower": entitlement(id, HOME_40),
        "faster": entitlement(id, HOME_100),
        "moved": entitlement(id, ipv4="203.0.113.8"),
        "new": before,
    }.get(turn)
    return pair(None if turn == "new" else before, after, cause, online)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """People to whom something happens, logins that change hands, shared keys, sessions, and what needs what."""
    chosen = draw(st.dictionaries(st.sampled_from(SERVICES), st.sampled_from(TURNS)))
    pairs = [met(turn, id, draw(CAUSES), draw(st.integers(0, 1))) for id, turn in chosen.items()]
    owners = st.sampled_from([f"{id}/main" for id in SERVICES])
    changes: dict[str, Change] = {}
    for number in range(draw(st.integers(0, 7))):
        kind = draw(st.sampled_from(["login", "login", "group", "session"]))
        before: Fields = {"owner": draw(owners)} if kind != "group" else {}
        after: Fields = {"owner": draw(owners), "n": number} if kind != "group" else {"n": number}
        needs = frozenset(draw(st.sets(st.sampled_from(sorted(changes)), max_size=2))) if changes else frozenset()
        ends = draw(st.sampled_from(["update", "create", "delete"]))
        one = Change(
            "radius",
            (kind, f"k{number}"),
            None if ends == "create" else before,
            None if ends == "delete" else after,
            needs=needs,
        )
        changes[one.id] = one
    return plan(pairs, changes.values(), kind="live")


USERS = st.dictionaries(
    st.sampled_from([f"k{n}" for n in range(7)]),
    st.frozensets(st.sampled_from([f"{id}/main" for id in SERVICES]), max_size=2),
)
Users = Mapping[str, frozenset[str]]


@given(plans(), SETS, USERS)
def test_what_waits_and_what_is_done_are_all_there_is(found: Plan, refused: frozenset[str], users: Users) -> None:
    waiting = held(found, refused, users)
    assert waiting <= {change.id for change in found.changes}
    done = [change for change in found.changes if change.id not in waiting]
    assert not any(change.needs & waiting for change in done)


@given(plans(), USERS)
def test_nothing_waits_where_no_gate_is_closed(found: Plan, users: Users) -> None:
    assert held(found, frozenset(), users) == frozenset()
    assert losers(found, frozenset()) == frozenset()


@given(plans(), SETS, USERS)
def test_whoever_waits_keeps_all_logins(found: Plan, refused: frozenset[str], users: Users) -> None:
    waiting = held(found, refused, users)
    logins = [change for change in found.changes if change.key[0] == "login"]
    keep = {owner for change in logins if change.id in waiting for owner in owners_of(change)}
    assert all(change.id in waiting for change in logins if keep & owners_of(change))


@given(plans(), SETS, USERS)
def test_every_loser_of_a_closed_gate_keeps_what_he_has(found: Plan, refused: frozenset[str], users: Users) -> None:
    waiting = held(found, refused, users)
    for service in found.services:
        if refused & gates_of(service):
            own = [change.id for change in found.changes if service.owner in owners_of(change)]
            assert waiting >= set(own)


@given(plans(), SETS, SETS, USERS)
def test_more_closed_gates_hold_more(found: Plan, some: frozenset[str], more: frozenset[str], users: Users) -> None:
    assert held(found, some, users) <= held(found, some | more, users)


@given(plans(), st.integers(0, 6), st.integers(0, 6), st.integers(0, 40))
def test_a_larger_number_never_closes_a_gate(found: Plan, one: int, other: int, total: int) -> None:
    few, many = sorted((one, other))

    def shut(number: int) -> set[str]:
        return {gate.gate for gate in closed(found, total, {}, LIMITS, dict.fromkeys(GATES, number))}

    assert shut(many) <= shut(few)


@given(plans(), st.dictionaries(st.sampled_from(sorted(GATES)), st.frozensets(st.sampled_from(SERVICES))))
def test_a_gate_is_closed_by_its_number_and_by_nothing_else(found: Plan, recent: Users) -> None:
    shut = {gate.gate for gate in closed(found, 10, recent, LIMITS, {})}
    for gate, names in counted(found).items():
        together = len(names | recent.get(gate, frozenset()))
        floor = getattr(LIMITS, gate).floor
        assert (gate in shut) == (bool(names) and together > floor)


@given(plans(), st.frozensets(st.sampled_from([f"{id}/main" for id in SERVICES])))
def test_what_is_stopped_counts_at_no_gate(found: Plan, owners: frozenset[str]) -> None:
    stopped = spread(found.changes, owners, ())
    logins = [change for change in found.changes if change.id in stopped and change.key[0] == "login"]
    still = sorted({owner for change in logins for owner in owners_of(change)})
    paused = replace(found, stops=(Stop("paused", "x", tuple(still), tuple(sorted(stopped))),))
    for gate, names in counted(paused).items():
        assert gate == "delete" or not names & set(still)
    assert not {change.id for change in paused.going.changes} & stopped
