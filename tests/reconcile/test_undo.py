"""Taking a run back: the commit before it is applied again, and the commit that was bad does not come back unseen."""

from __future__ import annotations

import pytest

from ispctl.model.problem import Refusal
from ispctl.reconcile import Permission, Result, undoable
from tests.gates import example
from tests.radius.dae import Dae
from tests.reconcile.test_sessions import SECRET, dial, point
from tests.reconcile.world import A_FILE, ANITA, B_FILE, BIKASH, World

NOTHING = Permission()
TARIFF = ("tariffs/home-50.yaml", "rate: {down: 50M", "rate: {down: 60M")


def applied(world: World, permission: Permission = NOTHING) -> Result:
    """An apply of the head, a minute after whatever came before."""
    world.tick(minutes=1)
    return world.apply(permission)


def back(world: World, run: str, permission: Permission = NOTHING) -> Result:
    world.tick(minutes=1)
    with world.store(readonly=True) as store:
        undoes = undoable(store, run)
    return world.apply(Permission(permission.most, rollback=True, undoes=undoes), undoes.base)


def refusal_of(world: World, run: str) -> str:
    with world.store(readonly=True) as store, pytest.raises(Refusal) as refusal:
        undoable(store, run)
    assert refusal.value.problems[0].code == "E618"
    return str(refusal.value)


def bad_address(world: World) -> None:
    world.changed("subscribers/lalitpur/aa/sub-000900.yaml", "203.0.113.33", "203.0.113.34")


def bad_deletion(world: World) -> None:
    world.remove(B_FILE)
    world.commit()


@pytest.mark.parametrize(
    "bad", [lambda world: world.changed(*TARIFF), bad_deletion, bad_address], ids=["tariff", "deletion", "address"]
)
def test_a_run_is_taken_back_and_its_sessions_are_told(world: World, bad: object) -> None:
    world.subscriber(900, tariff="business", paid_until=None, ipv4="{static: 203.0.113.33}")
    world.commit()
    applied(world)
    before, base = world.rows(), world.head
    for number, login in enumerate((ANITA, BIKASH, "l900@home.example")):
        world.dial(login, ipv4=f"100.64.0.{number + 7}")
    bad(world)  # type: ignore[operator]  # one of the functions above
    done = applied(world)
    assert done.sessions
    assert world.rows() != before
    result = back(world, done.run)
    assert (result.exit_code, result.commit) == (0, base)
    assert world.rows() == before
    assert {one.owner for one in result.sessions} <= {one.owner for one in done.sessions}
    with world.store(readonly=True) as store:
        last = next(store.runs(1))
        assert store.applied is not None
        assert store.applied.commit == base
        assert [(one.run, one.undone_by) for one in store.undone()] == [(done.run, result.run)]
    assert (last.kind, last.outcome) == ("rollback", "done")


def test_a_rate_that_was_taken_back_is_told_by_coa(world: World) -> None:
    with Dae(secret=SECRET) as dae:
        point(world, dae.door().port)
        dial(world, dae, ANITA)
        world.changed(*TARIFF)
        done = applied(world)
        again = back(world, done.run)
    told = [(one.kind, one.owner, one.answer) for one in (*done.sessions, *again.sessions)]
    assert told == [("coa", "sub-000123/main", "ack")] * 2


def test_the_bad_commit_does_not_come_back_by_itself(world: World) -> None:
    world.changed(*TARIFF)
    bad = world.head
    done = applied(world)
    back(world, done.run)
    before = world.content()
    with pytest.raises(Refusal, match=r"E619 .*: commit .* still holds what run .* took back: tariffs/home-50"):
        world.apply(NOTHING)
    world.changed(A_FILE, "home-50", "home-100")  # a later commit has nothing to do with it
    with pytest.raises(Refusal, match=f"git revert .*{bad[:12]}"):
        world.apply(NOTHING)
    assert world.content() == before


def test_a_revert_in_git_is_applied_and_ends_it(world: World) -> None:
    world.changed(*TARIFF)
    done = applied(world)
    back(world, done.run)
    example.git(world.folder, "revert", "--no-edit", "HEAD")
    assert applied(world).exit_code == 0
    with world.store(readonly=True) as store:
        assert store.undone() == ()
    world.changed(*TARIFF)  # on purpose this time
    assert applied(world).exit_code == 0


def test_a_mended_commit_is_applied(world: World) -> None:
    world.changed(*TARIFF)
    done = applied(world)
    back(world, done.run)
    world.changed("tariffs/home-50.yaml", "rate: {down: 60M", "rate: {down: 55M")
    assert applied(world).exit_code == 0
    assert "55M" in str(world.rows()["group", "isp:home-50@routeros"]["reply"])


def test_what_was_taken_back_may_be_applied_on_purpose(world: World) -> None:
    world.changed(*TARIFF)
    done = applied(world)
    back(world, done.run)
    assert applied(world, Permission(rolled_back=True)).exit_code == 0
    assert applied(world).exit_code == 0  # it is applied, so that there is nothing to refuse any more


def test_a_rollback_meets_the_gates_and_can_be_run_again(world: World) -> None:
    for number in range(900, 920):
        world.subscriber(number)
    world.commit()
    applied(world)
    world.changed(*TARIFF)
    done = applied(world)
    first = back(world, done.run)
    assert [gate.gate for gate in first.closed] == ["slower"]
    with pytest.raises(Refusal, match="E619"):
        applied(world)
    assert back(world, done.run, Permission({"slower": 100})).exit_code == 0
    assert world.rows() == world.desired("HEAD~1")


def test_a_rollback_that_is_killed_is_still_meant(world: World) -> None:
    from tests.reconcile.world import Killed

    world.changed(*TARIFF)
    done = applied(world)
    world.tick(minutes=1)
    with world.store(readonly=True) as store:
        undoes = undoable(store, done.run)
    with pytest.raises(Killed):
        world.apply(Permission(rollback=True, undoes=undoes), undoes.base, kill_at=4)
    with pytest.raises(Refusal, match="E619"):
        applied(world)
    assert back(world, done.run).exit_code == 0


def test_only_the_run_that_brought_the_applied_commit_is_taken_back(world: World) -> None:
    world.changed(*TARIFF)
    first = applied(world)
    applied(world)  # with nothing to do: it is in nobody's way
    with world.store(readonly=True) as store:
        assert undoable(store, first.run).run == first.run
    world.changed(A_FILE, "home-50", "home-100")
    second = applied(world)
    said = refusal_of(world, first.run)
    assert f"after run {first.run} came {second.run}" in said
    assert "git revert " in said


def test_what_cannot_be_taken_back_says_why(world: World) -> None:
    with world.store(readonly=True) as store:
        begun = next(store.runs(1)).run
    assert "before run" in refusal_of(world, begun)
    assert "there is no run nothing" in refusal_of(world, "nothing")
    world.changed(A_FILE, "paid_until: 203", "paid_until: 2027-01-15 #")
    applied(world)
    world.tick(hours=15)
    by_clock = world.apply(NOTHING)
    assert by_clock.plan.services
    assert "came by the clock" in refusal_of(world, by_clock.run)
