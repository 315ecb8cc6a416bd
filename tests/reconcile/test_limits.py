"""What a NAS cannot do: learned from its answers, said by the next plan, bounded by the gates, forgotten in time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ispctl.reconcile import Permission
from ispctl.store import Limit
from tests.radius.dae import Dae
from tests.reconcile.test_sessions import HOME_50, dial, naks, point, requests, silence, slower, told
from tests.reconcile.world import ANITA, ANY, BIKASH, World

HOSTS = "inventory/hosts.yaml"


@pytest.fixture
def dae(world: World) -> Iterator[Dae]:
    with Dae(secret="stand-in") as dae:
        point(world, dae.door().port)
        yield dae


def limits(world: World) -> list[Limit]:
    with world.store(readonly=True) as store:
        return list(store.limits())


def faster(world: World) -> None:
    world.changed(HOME_50, "rate: {down: 40M, up: 20M}", "rate: {down: 60M, up: 30M}")


def refused(world: World, dae: Dae, cause: int) -> None:
    """Anita's session was ended since her NAS could not change it."""
    unique = dial(world, dae, ANITA)
    dae.script = naks(cause, 43)
    slower(world)
    assert told(world.apply()) == [("sub-000123/main", "disconnect", "ack", "")]
    world.stop(unique)
    dae.seen.clear()


@pytest.mark.parametrize(
    "cause, what, subject",
    [
        (401, "attributes", "Mikrotik-Rate-Limit"),
        (402, "attributes", "Mikrotik-Rate-Limit"),
        (404, "attributes", "Mikrotik-Rate-Limit"),
        (405, "coa", ""),
        (406, "coa", ""),
        (407, "values", "Mikrotik-Rate-Limit = 20M/40M"),
    ],
)
def test_a_refusal_teaches_what_its_nas_cannot_do(world: World, dae: Dae, cause: int, what: str, subject: str) -> None:
    refused(world, dae, cause)
    (limit,) = limits(world)
    assert (limit.nas, limit.what, limit.subject, limit.error_cause) == ("lalitpur-1", what, subject, cause)
    assert limit.learned == world.now.replace(microsecond=0)


@pytest.mark.parametrize("cause", [401, 405])
def test_the_next_plan_says_beforehand_that_the_session_ends(world: World, dae: Dae, cause: int) -> None:
    refused(world, dae, cause)
    dial(world, dae, ANITA, id="again")
    faster(world)
    plan = world.plan()
    assert [s.session for s in plan.services if s.owner == "sub-000123/main"] == ["dropped"]
    (change,) = [c for c in plan.changes if c.key[0] == "session"]
    assert change.action == "delete"
    assert "lalitpur-1" in change.because[0].text
    (said,) = plan.assumes
    assert f"Error-Cause {cause}, on 2027-01-15; tried again from 2027-01-22)." in said
    assert said.endswith("Sessions that end instead: 1")
    result = world.apply()
    assert told(result) == [("sub-000123/main", "disconnect", "ack", "")]
    assert requests(dae) == [40]


def test_a_value_that_was_refused_says_nothing_about_another_one(world: World, dae: Dae) -> None:
    refused(world, dae, 407)
    dae.script = None
    dial(world, dae, ANITA, id="again")
    faster(world)
    assert told(world.apply()) == [("sub-000123/main", "coa", "ack", "")]


def test_a_limit_is_tried_again_after_a_week(world: World, dae: Dae) -> None:
    refused(world, dae, 405)
    dae.script = None
    world.tick(days=7)
    dial(world, dae, ANITA, id="again")
    faster(world)
    assert [s.session for s in world.plan().services if s.owner == "sub-000123/main"] == ["kept"]
    assert told(world.apply()) == [("sub-000123/main", "coa", "ack", "")]
    assert limits(world) == [], "it can by now"


@pytest.mark.parametrize(
    "old, new",
    [("identifier: lalitpur-1", "identifier: lalitpur-9"), ("coa: {address: 192.0.2.1", "coa: {address: 192.0.2.99")],
)
def test_a_limit_is_forgotten_when_git_says_something_else_of_the_host(
    world: World, dae: Dae, old: str, new: str
) -> None:
    refused(world, dae, 405)
    dae.script = None
    text = world.read(HOSTS)
    start = text.index("lalitpur-1:")
    assert old in text[start:]
    world.write(HOSTS, text[:start] + text[start:].replace(old, new, 1))
    world.commit()
    world.apply()
    dial(world, dae, ANITA, id="again")
    faster(world)
    assert told(world.apply()) == [("sub-000123/main", "coa", "ack", "")]


def test_what_one_session_is_refused_and_another_takes_is_no_limit(world: World, dae: Dae) -> None:
    dial(world, dae, ANITA)
    dial(world, dae, BIKASH, id="second", ipv4="100.64.0.9")
    dae.script = lambda dae, seen: [dae.nak(seen, 405)] if seen.packet.get(44) == [b"second"] else None
    slower(world)
    world.apply()
    assert len(requests(dae)) >= 2
    assert limits(world) == [] or requests(dae).count(43) == 1


def test_a_nas_that_wants_the_id_alone_is_asked_so_at_once_by_the_next_run(world: World, dae: Dae) -> None:
    dial(world, dae, ANITA)
    dae.script = lambda dae, seen: [dae.nak(seen, 401)] if "User-Name" in seen.packet else [dae.ack(seen)]
    slower(world)
    assert told(world.apply()) == [("sub-000123/main", "coa", "ack", "")]
    assert [limit.what for limit in limits(world)] == ["names"]
    dae.seen.clear()
    faster(world)
    assert told(world.apply()) == [("sub-000123/main", "coa", "ack", "")]
    assert len(dae.seen) == 1


def many(world: World, dae: Dae, count: int) -> list[str]:
    """So many more subscribers, all online."""
    for number in range(900, 900 + count):
        world.subscriber(number)
    world.commit()
    world.apply()
    ends = range(900, 900 + count)
    return [dial(world, dae, f"l{n}@home.example", id=f"s{n}", ipv4=f"100.64.1.{n - 800}") for n in ends]


def test_no_more_sessions_end_in_place_of_a_change_than_a_day_may_take(world: World, dae: Dae) -> None:
    """Nobody was told: the plan said that these sessions are kept."""
    many(world, dae, 30)
    dae.script = naks(405, 43)
    slower(world)
    result = world.apply(Permission({**ANY, "dropped": None}))
    answers = [(kind, answer, code) for _, kind, answer, code in told(result)]
    assert answers.count(("disconnect", "ack", "")) == 20
    assert answers.count(("coa", "unsupported", "E508")) == 10
    assert result.exit_code == 1
    plan = world.plan()
    assert [c.action for c in plan.changes if c.key[0] == "session"] == ["delete"] * 10
    again = world.apply(Permission({**ANY, "dropped": None}))
    assert [closed.gate for closed in again.closed] == ["dropped"], "20 of the last day count"
    assert told(again) == []
    assert len(told(world.apply(Permission({**ANY, "dropped": 10})))) == 10
    assert world.plan().empty


# In vain -------------------------------------------------------------------------------------------------------------


def test_a_nas_that_always_refuses_is_asked_later_and_later_and_the_plan_says_so(world: World, dae: Dae) -> None:
    dial(world, dae, ANITA)
    dae.script = naks(506, 43)
    slower(world)
    for _ in range(3):
        result = world.apply()
        assert (told(result), result.exit_code) == ([("sub-000123/main", "coa", "nak", "E503")], 1)
    resting = world.apply()
    assert (told(resting), resting.exit_code) == ([], 3)
    (unread,) = world.plan().unread
    assert (unread.target, unread.code) == ("nas:lalitpur-1", "E509")
    assert unread.text.startswith("sessions that still run older values: 1. Asked in 3 runs in vain")
    assert unread.text.endswith("not again before 2027-01-15 12:10")
    assert len(requests(dae)) == 3
    world.tick(minutes=10)
    assert told(world.apply()) == [("sub-000123/main", "coa", "nak", "E503")]
    world.tick(minutes=29)
    assert told(world.apply()) == []
    world.tick(minutes=1)
    dae.script = None
    assert told(world.apply()) == [("sub-000123/main", "coa", "ack", "")]
    assert world.plan().empty
    assert world.plan().unread == ()


def test_of_a_silent_nas_it_is_said_how_many_sessions_were_not_asked_at_all(world: World, dae: Dae) -> None:
    many(world, dae, 12)
    slower(world)
    with silence(world, dae):
        last = [world.apply() for _ in range(3)][-1]
        unasked = sum(one.answer == "unasked" for one in last.sessions)
        (unread,) = world.plan().unread
    assert 0 < unasked < 12
    assert unread.text.startswith(
        f"sessions that still run older values: 12. Tried in 3 runs in vain"
        f" ({unasked} not asked in the last one), and not again before"
    )


def test_a_change_that_is_refused_without_a_reason_becomes_an_end_after_three_times(world: World, dae: Dae) -> None:
    dial(world, dae, ANITA)
    dae.script = lambda dae, seen: [dae.nak(seen, None)] if seen.packet.code == 43 else None
    slower(world)
    for _ in range(3):
        assert told(world.apply()) == [("sub-000123/main", "coa", "nak", "E503")]
    (change,) = world.plan().changes
    assert change.because[0].text == "lalitpur-1 refused this change 3 times without a reason"
    assert told(world.apply()) == [("sub-000123/main", "disconnect", "ack", "")]
    assert world.plan().empty


def test_what_was_refused_three_times_says_nothing_about_another_wish(world: World, dae: Dae) -> None:
    dial(world, dae, ANITA)
    dae.script = lambda dae, seen: [dae.nak(seen, None)] if seen.packet.code == 43 else None
    slower(world)
    for _ in range(3):
        world.apply()
    dae.script = None
    world.changed(HOME_50, "rate: {down: 40M, up: 20M}", "rate: {down: 30M, up: 20M}")
    assert told(world.apply()) == [("sub-000123/main", "coa", "ack", "")]


def test_another_wish_is_asked_at_once(world: World, dae: Dae) -> None:
    dial(world, dae, ANITA)
    slower(world)
    with silence(world, dae):
        for _ in range(3):
            world.apply()
    faster(world)
    assert told(world.apply()) == [("sub-000123/main", "coa", "ack", "")]


def test_a_disconnect_that_is_refused_is_not_asked_for_ever(world: World, dae: Dae) -> None:
    dial(world, dae, ANITA)
    dae.script = naks(504, 40)
    world.changed("subscribers/lalitpur/3f/sub-000123.yaml", "activated:", "terminated: 2027-01-10\n    activated:")
    for _ in range(6):
        world.apply()
    assert requests(dae) == [40, 40, 40]
    assert [unread.code for unread in world.plan().unread] == ["E509"]


# Before a session is believed to be gone ------------------------------------------------------------------------------


def test_a_session_that_reports_while_its_nas_denies_it_is_asked_again(world: World, dae: Dae) -> None:
    """Its row is read once more: the address had changed by then."""
    unique = dial(world, dae, ANITA)
    answers = iter([503, 503])

    def late(dae: Dae, seen: object) -> list[bytes] | None:
        cause = next(answers, None)
        if cause is None:
            return None
        world.tick(seconds=1)
        world.report(unique)
        return [dae.nak(seen, cause)]  # type: ignore[arg-type]  # what Dae hands to every script

    dae.script = late
    slower(world)
    assert told(world.apply()) == [("sub-000123/main", "coa", "ack", "")]
    assert len(dae.seen) == 3


def test_a_session_that_ended_meanwhile_is_gone(world: World, dae: Dae) -> None:
    unique = dial(world, dae, ANITA)

    def stopped(dae: Dae, seen: object) -> list[bytes]:
        world.stop(unique)
        return [dae.nak(seen, 503)]  # type: ignore[arg-type]  # what Dae hands to every script

    dae.script = stopped
    slower(world)
    assert told(world.apply()) == [("sub-000123/main", "coa", "gone", "")]
    assert world.plan().empty


# What accounting cannot tell -----------------------------------------------------------------------------------------


def test_sessions_without_class_are_left_alone_and_the_plan_says_how_many(world: World, dae: Dae) -> None:
    dial(world, dae, ANITA, klass="")
    dial(world, dae, "guest@elsewhere.example", klass="", id="other")
    slower(world)
    said = (
        "lalitpur-1 sends no Class for some sessions (1), since it sends none back or another system let them in:"
        " they keep what they have until the next login"
    )
    assert said in world.plan().assumes
    assert told(world.apply()) == []
    assert dae.seen == []
