"""The plan of a merge request is one note, edited in place, whatever else is said there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ispctl.gitlab import MergeRequest, put_note
from ispctl.gitlab.notes import MARK
from ispctl.model.problem import Refusal
from tests.gitlab.standin import IID, OTHER, PROJECT, TOKEN, GitLab, running

FIRST = "### ispctl plan: no changes\n"
SECOND = "### ispctl plan: 1 service slower\n"


@pytest.fixture
def gitlab() -> Iterator[GitLab]:
    with running() as gitlab:
        yield gitlab


def at(gitlab: GitLab, *, token: str = TOKEN, project: str = PROJECT, iid: int = IID) -> MergeRequest:
    return MergeRequest(gitlab.url, project, iid, token)


def refused(where: MergeRequest, text: str = FIRST, timeout: float = 5) -> str:
    with pytest.raises(Refusal) as refusal:
        put_note(where, text, timeout=timeout)
    (problem,) = refusal.value.problems
    assert where.token not in str(refusal.value)
    assert problem.advice
    return problem.code


def test_the_first_plan_is_a_new_note_and_the_second_takes_its_place(gitlab: GitLab) -> None:
    assert put_note(at(gitlab), FIRST).action == "created"
    assert put_note(at(gitlab), SECOND).action == "updated"
    assert gitlab.bodies() == [f"{MARK}\n{SECOND}"]


def test_the_same_plan_again_writes_nothing(gitlab: GitLab) -> None:
    put_note(at(gitlab), FIRST)
    gitlab.notes[0]["body"] = gitlab.notes[0]["body"].rstrip()  # GitLab strips what it stores
    assert put_note(at(gitlab), FIRST).action == "unchanged"
    assert not any(call.startswith("PUT") for call in gitlab.seen)


def test_our_note_is_found_behind_a_long_discussion(gitlab: GitLab) -> None:
    for number in range(45):
        gitlab.say(7, f"remark {number}")
    note = put_note(at(gitlab), FIRST).note
    for number in range(45):
        gitlab.say(7, f"answer {number}")
    assert put_note(at(gitlab), SECOND) == ("updated", note)


def test_what_others_wrote_is_never_edited(gitlab: GitLab) -> None:
    gitlab.say(7, f"{MARK}\nI quote the robot")
    gitlab.say(41, "a note of the same user without the mark")
    gitlab.say(41, f"{MARK} changed the description", system=True)
    before = gitlab.bodies()
    assert put_note(at(gitlab), FIRST).action == "created"
    assert gitlab.bodies()[:3] == before


def test_a_new_token_with_another_user_begins_a_note_of_its_own(gitlab: GitLab) -> None:
    put_note(at(gitlab), FIRST)
    assert put_note(at(gitlab, token=OTHER), SECOND).action == "created"


def test_a_project_may_be_named_by_number(gitlab: GitLab) -> None:
    assert put_note(at(gitlab, project="12"), FIRST).action == "created"


def test_gitlab_asks_for_patience_and_gets_it(gitlab: GitLab) -> None:
    gitlab.faults += [429, 429]
    assert put_note(at(gitlab), FIRST).action == "created"


def test_a_token_that_is_not_accepted_is_named_by_its_variable(gitlab: GitLab) -> None:
    assert refused(at(gitlab, token="glpat-revoked")) == "E670"


@pytest.mark.parametrize("where", [{"iid": 8}, {"project": "isp/other"}])
def test_a_merge_request_that_is_not_there_is_refused(gitlab: GitLab, where: dict[str, object]) -> None:
    assert refused(at(gitlab, **where)) == "E671"  # type: ignore[arg-type]  # one of three keywords
    assert gitlab.notes == []


@pytest.mark.parametrize("fault", [500, 502, 0])
def test_a_gitlab_that_fails_is_told_from_one_that_refuses(gitlab: GitLab, fault: int) -> None:
    gitlab.faults.append(fault)
    assert refused(at(gitlab)) == "E672"


def test_a_gitlab_that_is_not_there_is_refused() -> None:
    assert refused(MergeRequest("http://127.0.0.1:9", PROJECT, IID, TOKEN)) == "E672"


def test_after_a_lost_answer_the_note_is_found_again(gitlab: GitLab) -> None:
    """The note was written, the answer was not heard: the next run edits it."""
    gitlab.say(41, f"{MARK}\n{FIRST}")
    assert put_note(at(gitlab), SECOND).action == "updated"
    assert len(gitlab.notes) == 1


def test_only_the_note_of_a_plan_is_written(gitlab: GitLab) -> None:
    assert refused(at(gitlab), '{"version": 1, "services": []}') == "E674"
    assert gitlab.seen == []
