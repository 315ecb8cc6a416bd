"""What an apply refuses, always or until somebody says the number; and what goes ahead all the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ispctl.cli.answers import save, saved_plan
from ispctl.cli.plans import Planned
from ispctl.model.problem import Refusal
from ispctl.reconcile import Permission
from ispctl.store import Store
from tests.gates import example
from tests.gates.tracked import ROOT
from tests.reconcile.world import A_FILE, ANITA, B_FILE, BIKASH, BOTH, DSN, Killed, World, proposal

NOTHING = Permission()
HOME_50 = "tariffs/home-50.yaml"


def refused(world: World, permission: Permission = NOTHING, commit: str = "HEAD") -> Refusal:
    """The apply is refused and nothing at all is written."""
    before = world.content()
    with pytest.raises(Refusal) as refusal:
        world.apply(permission, commit)
    assert world.content() == before
    assert "canary-pw-" not in str(refusal.value)
    return refusal.value


def code(refusal: Refusal) -> str:
    return refusal.problems[0].code


# always


def test_a_commit_without_subscribers_is_refused(world: World) -> None:
    for file in sorted((world.folder / "subscribers").rglob("sub-*.yaml")):
        file.unlink()
    world.commit()
    assert code(refused(world)) == "E603"


def test_a_commit_without_the_applied_one_is_refused_and_can_be_allowed(world: World) -> None:
    old = world.head
    world.changed(A_FILE, "home-50", "home-100")
    world.apply()
    refusal = refused(world, commit=old)
    assert code(refusal) == "E602"
    assert "--allow-rollback" in str(refusal)
    assert world.apply(Permission(rollback=True), old).exit_code == 0
    assert world.rows() == world.desired(old)


def test_a_branch_that_was_not_merged_is_refused(world: World) -> None:
    world.changed(A_FILE, "home-50", "home-100")
    world.apply()
    example.git(world.folder, "checkout", "-q", "-f", "-b", "other", "HEAD~1")
    world.changed(B_FILE, "home-50", "home-100")
    assert code(refused(world)) == "E602"


def test_history_that_lost_the_applied_commit_is_refused(world: World) -> None:
    """Somebody rewrote history and the old commits are gone for good."""
    shutil.rmtree(world.folder / ".git")
    example.git(world.folder, "init", "-q", "-b", "main")
    example.commit(world.folder, "A new beginning")
    with World(world.folder) as again:
        assert code(refused(again)) == "E602"
        assert again.apply(Permission(rollback=True)).exit_code == 0


@pytest.mark.parametrize("here", [True, False])
def test_a_copy_without_older_history_does_not_say_that_the_applied_commit_is_not_in_it(
    world: World, tmp_path: Path, here: bool
) -> None:
    applied = world.head
    world.changed(A_FILE, "home-50", "home-100")
    head = world.head
    if here:
        (world.folder / ".git" / "shallow").write_text(f"{head}\n")
    else:
        example.git(tmp_path, "clone", "-q", "--bare", "--depth=1", f"file://{world.folder}", "shallow.git")
        shutil.rmtree(world.folder / ".git")
        shutil.copytree(tmp_path / "shallow.git", world.folder / ".git")
        example.git(world.folder, "config", "core.bare", "false")
    with World(world.folder) as again:
        refusal = refused(again)
        assert (code(refusal), applied[:12] in str(refusal)) == ("E003", True)
        assert "git fetch --unshallow" in str(refusal)
        assert again.apply(Permission(rollback=True)).exit_code == 0


@BOTH
def test_a_clock_that_went_back_is_refused_beyond_a_minute(world: World) -> None:
    world.tick(seconds=-59)
    assert world.apply(NOTHING).exit_code == 0
    world.tick(seconds=59)
    world.apply(NOTHING)
    world.tick(seconds=-61)
    assert code(refused(world)) == "E605"


def test_the_public_key_opens_nothing_outside_a_lab(fresh: Path, tmp_path: Path) -> None:
    from tests.reconcile.world import copied

    folder = copied(fresh, tmp_path / "isp")
    for file in (folder / "var").iterdir():
        file.unlink()
    Store.create(DSN, base=folder).close()
    demo = ROOT / "controller/ispctl/lab/demo.key"
    for env in ({}, {"ISPCTL_AGE_KEY_FILE": str(demo)}, {"ISPCTL_AGE_KEY": demo.read_text("utf-8").splitlines()[-1]}):
        with World(folder) as world:
            world.env |= env
            assert code(refused(world)) in ("E604", "E201")
            assert code(refused(world)) == ("E604" if env else "E201")


HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from ispctl.store import Holder, Store
with Store.open(sys.argv[2], base=Path(sys.argv[1])) as store, store.lock(Holder("r1", datetime.now(UTC))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_applier_is_told_who_the_first_is(world: World) -> None:
    command = [sys.executable, "-c", HOLD, str(world.folder), DSN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        refusal = refused(world)
        assert code(refusal) == "E312"
        assert str(other.pid) in str(refusal)
        assert world.plan().empty  # reading goes on
        other.communicate()
    assert other.returncode == 0


def test_a_saved_plan_that_no_longer_holds_is_refused(world: World, tmp_path: Path) -> None:
    world.changed(A_FILE, "home-50", "home-100")
    save(Planned(world.plan(), world.repository.at("HEAD")), "json", tmp_path / "plan.json")
    world.sql("UPDATE radusergroup SET groupname = 'isp:home-20' WHERE username = ?", ANITA)
    refusal = refused(world, Permission(differences=saved_plan(tmp_path / "plan.json").differences))
    assert code(refusal) == "E606"
    world.sql("UPDATE radusergroup SET groupname = 'isp:home-50' WHERE username = ?", ANITA)
    assert world.apply(Permission(differences=saved_plan(tmp_path / "plan.json").differences)).exit_code == 0


def test_a_login_with_rows_of_somebody_else_is_refused_alone(empty: World) -> None:
    empty.sql("INSERT INTO radcheck (username, attribute, op, value) VALUES (?, 'Filter-Id', ':=', 'x')", ANITA)
    result = empty.apply(NOTHING)
    assert result.exit_code == 1
    assert [(o.change.key, o.code) for o in result.outcomes if o.error] == [(("login", ANITA), "E314")]
    missing = {key for key in empty.desired() if key not in empty.rows()}
    assert missing == {("login", ANITA)}
    assert empty.sql("SELECT attribute, value FROM radcheck WHERE username = ?", ANITA) == [("Filter-Id", "x")]
    again = empty.plan()
    assert [change.key for change in again.changes] == [("login", ANITA)]
    empty.sql("DELETE FROM radcheck WHERE username = ?", ANITA)
    assert empty.apply(NOTHING).exit_code == 0
    assert empty.plan().empty


# gates: floor 5 and 5 % of 16 services for people cut off and rows deleted


def terminate(world: World, *numbers: int) -> None:
    for number in numbers:
        path = f"subscribers/lalitpur/aa/sub-{number:06}.yaml"
        world.edit(path, "activated: 2026-01-01", "activated: 2026-01-01\n    terminated: 2027-01-10")
    world.commit()


def grown(world: World, count: int) -> None:
    for number in range(900, 900 + count):
        world.subscriber(number)
    world.commit()
    assert world.apply(NOTHING).exit_code == 0


def test_as_many_as_the_limit_may_be_cut_off_and_not_one_more(world: World) -> None:
    grown(world, 8)
    terminate(world, *range(900, 905))
    assert world.apply(NOTHING).exit_code == 0
    terminate(world, 905)
    result = world.apply(NOTHING)
    assert result.exit_code == 1
    assert [(c.gate, c.wanted, c.recent, c.limit) for c in result.closed] == [("cut_off", 1, 5, 5)]


def test_a_killed_run_counts_what_it_did(world: World) -> None:
    """Wherever it ends, what it took and what is left to take are never more than the limit together."""
    grown(world, 8)
    terminate(world, *range(900, 905))
    with pytest.raises(Killed):
        world.apply(NOTHING, kill_at=12)
    taken = world.sql("SELECT count(DISTINCT id) FROM ispctl_journal_service WHERE effect = 'ended'")[0][0]
    terminate(world, 905)
    (closed,) = world.apply(NOTHING).closed
    assert (closed.gate, closed.wanted + closed.recent) == ("cut_off", 6)
    assert closed.recent == taken


def test_a_person_who_loses_twice_in_a_day_counts_once(world: World) -> None:
    grown(world, 8)
    terminate(world, *range(900, 905))
    assert world.apply(NOTHING).exit_code == 0
    for number in range(900, 905):
        path = f"subscribers/lalitpur/aa/sub-{number:06}.yaml"
        world.edit(path, "\n    terminated: 2027-01-10", "")
    world.commit()
    world.tick(hours=1)
    assert world.apply(NOTHING).exit_code == 0
    terminate(world, *range(900, 905))
    assert world.apply(NOTHING).exit_code == 0


def test_the_day_that_counts_is_the_last_24_hours(world: World) -> None:
    grown(world, 12)
    terminate(world, *range(900, 905))
    assert world.apply(NOTHING).exit_code == 0
    terminate(world, 905)
    world.tick(hours=23, minutes=59)
    assert world.apply(NOTHING).exit_code == 1
    world.tick(minutes=2)
    assert world.apply(NOTHING).exit_code == 0
    assert world.plan().empty


def test_what_is_allowed_is_allowed_once(world: World) -> None:
    grown(world, 14)
    terminate(world, *range(900, 906))
    assert world.apply(Permission({"cut_off": 5})).exit_code == 1
    assert world.apply(Permission({"cut_off": 6})).exit_code == 0
    terminate(world, 906)
    assert world.apply(NOTHING).exit_code == 1


def test_gains_go_ahead_and_losses_wait(world: World) -> None:
    """The applied commit stays where it is until nothing waits any more."""
    grown(world, 8)
    before = world.head
    terminate(world, *range(900, 906))
    world.subscriber(950)
    world.edit(A_FILE, "home-50", "home-100")
    world.commit()
    result = world.apply(NOTHING)
    assert result.exit_code == 1
    assert len(result.held) == 6
    rows = world.rows()
    assert rows["login", ANITA]["group"] == "isp:home-100"
    assert ("login", "l950@home.example") in rows
    assert {rows["login", f"l{n}@home.example"]["refuse"] for n in range(900, 906)} == {""}
    with world.store(readonly=True) as store:
        assert store.applied is not None
        assert store.applied.commit == before
    waiting = world.plan()
    assert len(waiting.services) == 6
    assert {service.cause for service in waiting.services} == {"commit"}
    assert world.apply(NOTHING).exit_code == 1
    assert world.apply(Permission({"cut_off": 6})).exit_code == 0
    assert world.plan().empty
    assert world.rows() == world.desired()


def slower(world: World) -> None:
    """26 people on home-50 of 36 services: more than 20 are made slower at once."""
    grown(world, 20)
    world.changed(HOME_50, "rate: {down: 50M", "rate: {down: 40M")


def test_people_who_wait_do_not_count_as_made_slower(world: World) -> None:
    slower(world)
    first = world.apply(NOTHING)
    assert [(c.gate, c.recent) for c in first.closed] == [("slower", 0)]
    again = world.apply(NOTHING)
    assert [(c.gate, c.recent) for c in again.closed] == [("slower", 0)]
    assert ("40M" in str(world.rows()["group", "isp:home-50@routeros"]["reply"])) is False
    world.changed(HOME_50, "rate: {down: 40M", "rate: {down: 50M")
    assert world.apply(NOTHING).exit_code == 0
    assert world.plan().empty


def test_another_tariff_goes_ahead_while_one_waits_and_is_done_with(world: World) -> None:
    slower(world)
    world.changed("tariffs/home-100.yaml", "rate: {down: 100M", "rate: {down: 120M")
    assert world.apply(NOTHING).exit_code == 1
    assert "120M" in str(world.rows()["group", "isp:home-100@routeros"]["reply"])
    assert {effect for service in world.plan().services for effect in service.effects} == {"slower"}


def test_a_renamed_login_whose_deletion_waits_keeps_both_or_neither(world: World) -> None:
    """Deletions may wait; nobody gets a second login meanwhile, and no login is ever forgotten."""
    grown(world, 8)
    for number in range(900, 907):
        world.edit(f"subscribers/lalitpur/aa/sub-{number:06}.yaml", f"l{number}@", f"new{number}@")
    world.commit()
    result = world.apply(NOTHING)
    assert [closed.gate for closed in result.closed] == ["delete"]
    rows = world.rows()
    for number in range(900, 907):
        assert (("login", f"l{number}@home.example") in rows) != (("login", f"new{number}@home.example") in rows)
    assert world.apply(Permission({"delete": 7})).exit_code == 0
    assert world.rows() == world.desired()
    assert world.plan().empty


def paid_until(world: World, day: str, count: int) -> None:
    for number in range(900, 900 + count):
        world.subscriber(number, paid_until=day)
    world.commit()
    assert world.apply(NOTHING).exit_code == 0


def test_ends_by_the_clock_pass_every_gate_and_the_plan_before_says_them(world: World) -> None:
    paid_until(world, "2027-01-15", 10)
    before = world.plan()
    assert before.coming is not None
    assert before.coming.ends == 10
    world.tick(hours=24)
    result = world.apply(NOTHING)
    assert result.exit_code == 0
    assert {service.effects for service in result.plan.services} == {("walled",)}


def test_what_the_plan_of_the_day_before_said_ends_however_late(world: World) -> None:
    """They end 36 to 38 hours from now; an apply between said so."""
    paid_until(world, "2027-01-16", 10)
    world.tick(hours=15)
    assert world.apply(NOTHING).exit_code == 0
    world.tick(hours=25)
    assert world.apply(NOTHING).exit_code == 0
    assert len(world.sql("SELECT 1 FROM ispctl_journal_service WHERE effect = 'walled' AND cause = 'clock'")) == 10


def test_a_clock_that_leaps_ends_nobody_unsaid(world: World) -> None:
    """A gate of its own: the floor is 5, or 5 % of everybody."""
    paid_until(world, "2027-01-16", 10)
    world.tick(hours=39)
    refusal = refused(world)
    assert code(refusal) == "E620"
    assert "and 10 services end by the clock alone that no plan has announced; at most 5 may" in str(refusal)
    assert code(refused(world, Permission({"clock": 9}))) == "E620"
    assert world.apply(Permission({"clock": 10})).exit_code == 0


def test_as_many_as_may_be_cut_off_may_end_unannounced(world: World) -> None:
    paid_until(world, "2027-01-16", 5)
    world.tick(hours=39)
    assert world.apply(NOTHING).exit_code == 0


# plans change nothing


def test_a_plan_leaves_the_database_as_it_is(world: World) -> None:
    world.changed(A_FILE, "home-50", "home-100")
    world.dial(BIKASH, "0" * 16 + "-" + "0" * 16)
    world.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    before = world.database.read_bytes()
    assert not world.plan().empty
    assert world.database.read_bytes() == before


def test_two_plans_of_one_state_are_equal(world: World) -> None:
    world.changed(A_FILE, "home-50", "home-100")
    one, other = world.plan(), world.plan()
    assert one == other
    world.tick(minutes=5)
    assert world.plan().digest == one.digest


def test_what_an_apply_did_stands_in_the_journal(world: World) -> None:
    world.changed(A_FILE, "home-50", "home-100")
    result = world.apply(NOTHING)
    with world.store(readonly=True) as store:
        last = next(run for run in store.runs() if run.run == result.run)
    assert (last.outcome, last.commit, last.started) == ("done", world.head, world.now)
    assert last.finished is not None
    assert world.sql("SELECT id, effect, cause FROM ispctl_journal_service WHERE run = ?", result.run) == [
        ("sub-000123", "faster", "commit")
    ]


def test_a_proposed_plan_needs_no_database(world: World) -> None:

    shutil.rmtree(world.folder / "var")
    world.changed(A_FILE, "home-50", "home-100")
    found = proposal(world.repository, "HEAD~1", "HEAD", world.now)
    assert [(s.effects, s.session, s.if_online) for s in found.services] == [(("faster",), "unknown", "kept")]
    assert found.assumes
