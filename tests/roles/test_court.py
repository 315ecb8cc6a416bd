"""Who may do what, told from the history alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ispctl.model.problem import Problem, Refusal
from ispctl.model.roles import ROLES
from tests.roles.people import (
    ANITA,
    LEDGER,
    PAID,
    PLAIN,
    RENEWED,
    SHORTENED,
    SUSPENDED,
    TARIFF,
    Office,
    reviewed,
)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "isp")


@pytest.fixture
def base(office: Office) -> str:
    return office.begin()


def test_what_a_role_may_do_alone_is_permitted(office: Office, base: str) -> None:
    office.edit("asha", ANITA, *SUSPENDED)
    assert office.refused(base) == []


def test_what_it_may_not_do_is_refused_with_the_commit_and_the_line(office: Office, base: str) -> None:
    commit = office.edit("asha", ANITA, *RENEWED)
    office.edit("asha", ANITA, *SUSPENDED)
    (said,) = office.said(base)
    assert said == (
        f"{ANITA}:7:5 E760 not-by-this-role: commit {commit[:12]} changes this (renew), which whoever made it may not"
        " do alone. By role: boss, second, payments may do it alone; boss, second may approve it. Take it back: git"
        f" revert {commit[:12]}. To apply it all the same: --allow-commit {commit[:12]}"
    )


def test_whoever_alone_may_approve_is_told_to_let_somebody_else_make_it(office: Office) -> None:
    base = office.begin(PLAIN.replace("direct: [renew], approve: [all]", "direct: [renew]"))
    office.edit("binod", ROLES, "two_persons: [", "two_persons: [refund, ")
    (said,) = office.said(base)
    assert "takes two persons. By role nobody but whoever made it may approve it: let somebody else make it" in said
    assert "boss" not in said


def test_a_commit_that_is_named_at_the_command_line_is_let_through(office: Office, base: str) -> None:
    commit = office.edit("asha", ANITA, *RENEWED)
    office.edit("asha", TARIFF, "name: home\n", "name: home\nsessions: 1\n")
    assert office.refused(base, allowed=[commit[:12]]) == [f"E760 {TARIFF}"]


def test_somebody_unknown_may_do_what_anybody_may(office: Office) -> None:
    base = office.begin(f"{PLAIN}anybody: [profile]\n")
    office.edit("stranger", ANITA, "Canary Birdsong", "Canary B.")
    assert office.refused(base) == []
    office.edit("stranger", ANITA, *SUSPENDED)
    assert office.refused(base) == [f"E760 {ANITA}:7:5"]


def test_a_gateway_renews_and_books_payments_and_nothing_else(office: Office, base: str) -> None:
    office.write(LEDGER, office.read(LEDGER) + PAID)
    office.edit("gateway", ANITA, *RENEWED)
    assert office.refused(base) == []
    office.write(LEDGER, office.read(LEDGER) + PAID.replace("key: b", "key: c").replace("payment", "credit"))
    office.edit("gateway", ANITA, "tariff: home", "tariff: fast")
    assert office.refused(base) == [f"E760 {LEDGER}:5:5", f"E760 {ANITA}:6:5"]


def test_on_behalf_of_the_boss_a_gateway_may_not_more(office: Office, base: str) -> None:
    office.edit("gateway", ANITA, "tariff: home", "tariff: fast", author="binod")
    assert office.refused(base) == [f"E760 {ANITA}:6:5"]


def test_on_behalf_of_the_helpdesk_a_boss_may_what_the_helpdesk_may(office: Office, base: str) -> None:
    office.edit("gateway", ANITA, *RENEWED, author="asha")
    assert office.refused(base) == [f"E760 {ANITA}:7:5"]


def test_on_behalf_of_a_customer_a_gateway_may_what_it_may(office: Office, base: str) -> None:
    office.edit("gateway", ANITA, *RENEWED, author="stranger")
    assert office.refused(base) == []


# second persons


def test_what_takes_two_is_refused_to_the_boss_alone(office: Office, base: str) -> None:
    office.edit("binod", ANITA, *SHORTENED)
    assert office.refused(base) == [f"E761 {ANITA}:7:5"]


def test_who_merges_is_the_second_person(office: Office, base: str) -> None:
    office.git("switch", "-q", "-c", "topic")
    office.edit("asha", ANITA, *SHORTENED)
    office.edit("asha", TARIFF, "name: home\n", "name: home\nsessions: 1\n")
    office.git("switch", "-q", "main")
    office.merge("chandra", "topic")
    assert office.refused(base) == []


def test_who_merges_his_own_is_no_second_person(office: Office, base: str) -> None:
    office.git("switch", "-q", "-c", "topic")
    office.edit("binod", ANITA, *SHORTENED)
    office.git("switch", "-q", "main")
    office.merge("binod", "topic")
    assert office.refused(base) == [f"E761 {ANITA}:7:5"]


def test_who_may_not_approve_is_no_second_person(office: Office, base: str) -> None:
    office.git("switch", "-q", "-c", "topic")
    office.edit("binod", ANITA, *SHORTENED)
    office.git("switch", "-q", "main")
    office.merge("asha", "topic")
    assert office.refused(base) == [f"E761 {ANITA}:7:5"]


def test_what_nobody_known_wrote_takes_more_than_one_who_approves(office: Office, base: str) -> None:
    """He may have written it himself, under a name that is not his."""
    office.git("switch", "-q", "-c", "topic")
    office.edit("stranger", ANITA, *SHORTENED)
    office.git("switch", "-q", "main")
    office.merge("binod", "topic")
    assert office.refused(base) == [f"E761 {ANITA}:7:5"]


def test_a_squash_merge_has_an_author_and_a_committer(office: Office, base: str) -> None:
    office.edit("chandra", ANITA, *SHORTENED, author="asha")
    assert office.refused(base) == []
    office.edit("asha", ANITA, "2026-11-01", "2026-10-01", author="chandra")
    assert office.refused(base) == [f"E761 {ANITA}:7:5"]


def test_text_that_was_merged_is_of_whoever_merged_it(office: Office, base: str) -> None:
    office.git("switch", "-q", "-c", "topic")
    office.edit("asha", ANITA, "Canary Birdsong", "Canary B.")
    office.git("switch", "-q", "main")
    office.edit("asha", ANITA, "    paid_until: 2026-11-20\n", "    paid_until: 2026-11-20\n    # a remark\n")
    merge = office.merge("gateway", "topic")
    (said,) = office.said(base)
    assert f"commit {merge[:12]} changes this (profile)" in said


def test_what_a_merge_brings_beside_both_its_sides_is_its_own(office: Office, base: str) -> None:
    office.git("switch", "-q", "-c", "topic")
    office.edit("asha", ANITA, "Canary Birdsong", "Canary B.")
    office.git("switch", "-q", "main")
    office.git("merge", "-q", "--no-ff", "--no-commit", "topic", by="chandra")
    office.edit("chandra", TARIFF, "name: home\n", "name: home\nsessions: 9\n")
    assert office.refused(base) == [f"E760 {TARIFF}"]


def test_a_merge_that_takes_back_what_was_there_is_found_out(office: Office, base: str) -> None:
    """Its file is as the other side had it before, which no commit of that side brought."""
    office.git("switch", "-q", "-c", "topic")
    office.edit("chandra", ANITA, *RENEWED)
    office.git("switch", "-q", "main")
    begun = office.edit("binod", TARIFF, "name: home\n", "name: home\nsessions: 1\n")
    office.git("merge", "-q", "--no-ff", "--no-commit", "topic", by="asha")
    office.write(TARIFF, "name: home\n")
    office.commit("asha")
    assert office.refused(begun) == [f"E760 {TARIFF}"]


def test_a_side_branch_that_the_head_is_made_from_hides_nothing(office: Office, base: str) -> None:
    """What is applied is no first parent of the head: somebody merged the branch into his own and pushed that."""
    office.git("switch", "-q", "-c", "topic")
    office.edit("asha", ANITA, "tariff: home", "tariff: fast")
    office.git("switch", "-q", "main")
    applied = office.edit("binod", TARIFF, "name: home\n", "name: home\nsessions: 1\n")
    office.git("switch", "-q", "topic")
    office.merge("asha", "main")
    assert office.refused(applied) == [f"E760 {ANITA}:6:5"]


def test_a_branch_that_followed_the_main_one_is_not_asked_for_its_changes(office: Office, base: str) -> None:
    office.git("switch", "-q", "-c", "topic")
    office.edit("asha", ANITA, *SUSPENDED)
    office.git("switch", "-q", "main")
    office.edit("binod", TARIFF, "name: home\n", "name: home\nsessions: 1\n")
    office.git("switch", "-q", "topic")
    office.merge("asha", "main")
    office.git("switch", "-q", "main")
    office.merge("stranger", "topic")
    assert office.refused(base) == []


def test_merges_within_merges_are_looked_into(office: Office, base: str) -> None:
    for number in range(3):
        office.git("switch", "-q", "-c", f"topic-{number}")
    office.edit("asha", ANITA, *SHORTENED)
    for number in (1, 0):
        office.git("switch", "-q", f"topic-{number}")
        office.merge("asha" if number else "chandra", f"topic-{number + 1}")
    office.git("switch", "-q", "main")
    office.merge("asha", "topic-0")
    assert office.refused(base) == []


def test_what_was_taken_back_was_never_there(office: Office, base: str) -> None:
    office.edit("asha", ANITA, "tariff: home", "tariff: fast")
    office.git("revert", "--no-edit", "HEAD", by="asha")
    office.edit("asha", ANITA, *SUSPENDED)
    assert office.refused(base) == []


# the forge


def test_an_approval_in_the_forge_is_a_second_person(office: Office, base: str) -> None:
    office.edit("asha", ANITA, *SHORTENED)
    assert office.refused(base, reviewed(("asha.g", ["Chandra.R"]))) == []
    assert office.refused(base, reviewed(("nobody", ["chandra.r"]))) == []


@pytest.mark.parametrize(
    "author, approvers",
    [
        ("asha.g", []),
        ("asha.g", ["asha.g"]),
        ("asha.g", ["somebody.else"]),
        ("chandra.r", ["chandra.r"]),
        ("chandra.r", ["asha.g"]),
    ],
    ids=["nobody", "the author", "unknown", "who opened it", "may not approve"],
)
def test_what_is_no_approval_in_the_forge(office: Office, base: str, author: str, approvers: list[str]) -> None:
    office.edit("asha", ANITA, *SHORTENED)
    assert office.refused(base, reviewed((author, approvers))) == [f"E761 {ANITA}:7:5"]


def test_a_forge_that_is_silent_refuses_what_takes_two_and_only_that(office: Office, base: str) -> None:
    asked = []

    def silent(commit: str) -> None:
        asked.append(commit)
        raise Refusal(Problem("E764", "gitlab.example gave no answer", advice="Apply again"))

    office.edit("asha", ANITA, *SUSPENDED)
    office.edit("binod", ANITA, *SHORTENED)
    office.edit("binod", "inventory/policy.yaml", "NPR", "EUR")
    assert office.refused(base, silent) == [f"E764 {ANITA}:8:5", "E764 inventory/policy.yaml"]  # type: ignore[arg-type]
    assert len(asked) == 1


# the roles themselves


def test_nobody_grants_himself_anything(office: Office, base: str) -> None:
    office.edit("asha", ROLES, "direct: [suspend, profile, mac]", "direct: [all]")
    office.edit("asha", ANITA, "tariff: home", "tariff: fast")
    assert office.refused(base) == [f"E761 {ROLES}", f"E760 {ANITA}:6:5"]


def test_the_boss_alone_changes_no_roles(office: Office, base: str) -> None:
    office.edit("binod", ROLES, "direct: [suspend, profile, mac]", "direct: [all]")
    assert office.refused(base) == [f"E761 {ROLES}"]


def test_roles_that_two_changed_hold_from_then_on(office: Office, base: str) -> None:
    office.edit("binod", ROLES, "direct: [suspend, profile, mac]", "direct: [tariff]", author="chandra")
    office.edit("asha", ANITA, "tariff: home", "tariff: fast")
    assert office.refused(base) == []
    office.edit("asha", ANITA, *(text.replace("home", "fast") for text in SUSPENDED))
    assert office.refused(base) == [f"E760 {ANITA}:7:5"]


def test_roles_that_came_and_went_hold_in_between(office: Office, base: str) -> None:
    office.edit("binod", ROLES, "direct: [suspend, profile, mac]", "direct: [tariff]", author="chandra")
    office.edit("asha", ANITA, "tariff: home", "tariff: fast")
    office.edit("binod", ROLES, "direct: [tariff]", "direct: [suspend, profile, mac]", author="chandra")
    assert office.refused(base) == []


def test_roles_are_taken_away_by_two(office: Office, base: str) -> None:
    (office.folder / ROLES).unlink()
    office.commit("binod")
    office.edit("stranger", ANITA, "tariff: home", "tariff: fast")
    assert office.refused(base) == [f"E761 {ROLES}", f"E760 {ANITA}:6:5"]


def test_what_was_before_the_first_roles_is_not_asked_about(office: Office) -> None:
    base = office.begin(None)
    office.edit("stranger", ANITA, "tariff: home", "tariff: fast")
    office.write(ROLES, PLAIN)
    office.commit("binod")
    assert office.refused(base) == []
    office.edit("stranger", ANITA, "tariff: fast", "tariff: home")
    assert office.refused(base) == []  # as it was at the beginning
    office.edit("stranger", ANITA, "Canary Birdsong", "Canary B.")
    assert office.refused(base) == [f"E760 {ANITA}:2:1"]


def test_roles_that_nobody_can_read_are_no_reason_to_let_all_through(office: Office) -> None:
    base = office.begin("trust: hope\n")
    office.edit("stranger", ANITA, "tariff: home", "tariff: fast")
    with pytest.raises(Refusal, match=r"E765 .*cannot be read by this version"):
        office.refused(base)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(
    acts=st.lists(
        st.tuples(
            st.sampled_from(["asha", "binod", "stranger"]),
            st.sampled_from([ANITA, TARIFF, LEDGER, "inventory/policy.yaml", "templates/x", "merge"]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_history_without_roles_is_never_refused(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, str]]
) -> None:
    office = Office(tmp_path_factory.mktemp("office") / "isp")
    base = office.begin(None)
    for number, (by, what) in enumerate(acts):
        office.write("templates/mine" if what == "merge" else what, f"number: {number}\n")
        if what == "merge":
            office.git("switch", "-q", "-c", f"side-{number}")
        office.commit(by)
        if what == "merge":
            office.git("switch", "-q", "main")
            office.merge(by, f"side-{number}")
    assert office.refused(base) == []


# files that move, and come back


def _moved(office: Office, by: str, old: str, new: str) -> None:
    for path in (ANITA, LEDGER):
        here, there = path.replace("/lalitpur/", f"/{old}/"), path.replace("/lalitpur/", f"/{new}/")
        (office.folder / there).parent.mkdir(parents=True, exist_ok=True)
        office.git("mv", here, there)
    office.write(LEDGER.replace("/lalitpur/", f"/{new}/"), office.read(LEDGER.replace("/lalitpur/", f"/{new}/")) + NOTE)
    office.commit(by)


NOTE = "  - {key: n, at: 2026-11-02, type: note}\n"


@pytest.fixture
def moving(office: Office) -> str:
    return office.begin(PLAIN.replace("profile, mac", "profile, mac, move"))


def test_a_move_there_and_back_is_two_moves(office: Office, moving: str) -> None:
    _moved(office, "asha", "lalitpur", "kathmandu")
    _moved(office, "asha", "kathmandu", "lalitpur")
    assert office.refused(moving) == []


def test_a_move_on_and_on_is_as_many_moves(office: Office, moving: str) -> None:
    _moved(office, "asha", "lalitpur", "kathmandu")
    _moved(office, "asha", "kathmandu", "pokhara")
    assert office.refused(moving) == []


def test_what_happened_between_two_moves_is_asked_about(office: Office, moving: str) -> None:
    _moved(office, "asha", "lalitpur", "kathmandu")
    away, account = (path.replace("/lalitpur/", "/kathmandu/") for path in (ANITA, LEDGER))
    office.edit("asha", away, *RENEWED)
    office.write(account, office.read(account) + PAID)
    office.commit("asha")
    _moved(office, "asha", "kathmandu", "lalitpur")
    assert office.refused(moving) == [f"E760 {away}:7:5", f"E760 {account}:5:5"]


def test_of_a_move_there_and_back_that_was_merged_both_ways_are_moves(office: Office, moving: str) -> None:
    office.git("switch", "-q", "-c", "topic")
    _moved(office, "asha", "lalitpur", "kathmandu")
    office.git("switch", "-q", "main")
    office.merge("asha", "topic")
    office.git("switch", "-q", "topic")
    _moved(office, "asha", "kathmandu", "lalitpur")
    office.git("switch", "-q", "main")
    office.merge("asha", "topic")
    assert office.refused(moving) == []


def test_whoever_may_not_move_may_not_move_there_and_back(office: Office, base: str) -> None:
    _moved(office, "asha", "lalitpur", "kathmandu")
    _moved(office, "asha", "kathmandu", "lalitpur")
    assert set(office.refused(base)) == {f"E760 {LEDGER}", f"E760 {LEDGER.replace('/lalitpur/', '/kathmandu/')}"}
