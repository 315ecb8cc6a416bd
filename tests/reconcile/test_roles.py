"""A push that went around the verbs is refused by the apply, with its commit named, and nothing is written."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from ispctl import reconcile
from ispctl.model.problem import Problem, Refusal
from ispctl.model.roles import ROLES
from ispctl.reconcile import Permission
from ispctl.roles import Review, Reviews
from ispctl.store import backup
from ispctl.structs import replace
from tests.reconcile.world import A_FILE, ANY, B_FILE, World

RULES = """\
people:
  asha: {emails: [asha@isp.example], gitlab: asha.g}
  binod: {emails: [reader@example.net], gitlab: binod.s}
roles:
  helpdesk: {members: [asha], direct: [suspend]}
  boss: {members: [binod], direct: [all], approve: [all]}
"""


@pytest.fixture
def ruled(world: World) -> World:
    """What is applied has roles."""
    world.write(ROLES, RULES)
    world.commit()
    assert world.apply().exit_code == 0
    return world


def pushed(world: World, path: str = A_FILE, old: str = "home-50", new: str = "home-100") -> str:
    """By somebody of the helpdesk."""
    world.edit(path, old, new)
    who = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "Asha")
    who |= dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "asha@isp.example")
    words = ["git", "-C", str(world.folder), "commit", "-qam", "A change"]
    subprocess.run(words, env={"PATH": os.environ["PATH"], **who}, check=True)
    return world.head


def refused(world: World, permission: Permission | None = None) -> list[str]:
    before = world.content()
    with pytest.raises(Refusal) as refusal:
        world.apply(permission)
    assert world.content() == before
    return [str(problem) for problem in refusal.value.problems]


def test_an_apply_refuses_what_a_role_may_not(ruled: World) -> None:
    commit = pushed(ruled)
    (said,) = refused(ruled)
    assert said.startswith(f"{A_FILE}:")
    assert f"E760 not-by-this-role: commit {commit[:12]} changes this (tariff)" in said
    assert "asha@" not in said


def test_what_comes_after_it_waits_with_it_until_it_is_taken_back(ruled: World) -> None:
    pushed(ruled)
    ruled.changed(B_FILE, "home-50", "home-100")
    assert len(refused(ruled)) == 1
    ruled.changed(A_FILE, "home-100", "home-50")
    assert ruled.apply().exit_code == 0


def test_whoever_applies_may_let_one_commit_through_once(ruled: World) -> None:
    commit = pushed(ruled)
    assert ruled.apply(Permission(ANY, commits=[commit[:12]])).exit_code == 0
    pushed(ruled, new="home-50", old="home-100")
    assert len(refused(ruled)) == 1


def test_going_back_on_purpose_asks_nobody(ruled: World) -> None:
    base = ruled.head
    commit = pushed(ruled)
    assert ruled.apply(Permission(ANY, commits=[commit])).exit_code == 0
    assert ruled.apply(Permission(ANY, rollback=True), base).exit_code == 0


def test_the_live_plan_says_it_beforehand(ruled: World) -> None:
    commit = pushed(ruled)
    with ruled.opened(readonly=True) as world:
        (problem,) = reconcile.refusals(world, reconcile.live(world, commit), Permission())
    assert problem.code == "E760"


def with_reviews(world: World, reviews: Reviews) -> int:
    with world.opened() as opened:
        return reconcile.apply(replace(opened, reviews=reviews), "HEAD", Permission(ANY)).exit_code


def test_an_approval_in_the_forge_lets_it_through(ruled: World) -> None:
    pushed(ruled)
    assert with_reviews(ruled, lambda _: [Review("asha.g", frozenset({"binod.s"}))]) == 0


def test_a_forge_that_is_silent_refuses(ruled: World) -> None:
    def silent(_commit: str) -> list[Review]:
        raise Refusal(Problem("E764", "https://gitlab.example gave no answer", advice="Apply again"))

    pushed(ruled)
    with pytest.raises(Refusal, match=r"E764 approval-unknown: whether a second person approved commit"):
        with_reviews(ruled, silent)


def test_a_restored_database_asks_since_its_backup(empty: World) -> None:
    empty.write(ROLES, RULES)
    base = empty.commit()
    with empty.store() as store:
        store.meta.set(backup.RESTORED, json.dumps({"commit": base}))
    pushed(empty)
    (said,) = refused(empty)
    assert "E760" in said


def test_an_edit_of_the_roles_concerns_nobody(ruled: World) -> None:
    ruled.changed(ROLES, "[suspend]", "[suspend, mac]")
    assert ruled.plan().empty
    assert [said.split()[1] for said in refused(ruled)] == ["E761"]
