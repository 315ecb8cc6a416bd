"""Who approved what a commit came by; and that silence is never an approval."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ispctl.gitlab import Approvals
from ispctl.model.problem import Refusal
from ispctl.roles import Review
from tests.gitlab.standin import PROJECT, TOKEN, GitLab, running

COMMIT = "c0ffee" + "0" * 34


@pytest.fixture
def gitlab() -> Iterator[GitLab]:
    with running() as gitlab:
        yield gitlab


def asked(gitlab: GitLab, token: str = TOKEN, project: str = PROJECT) -> list[Review]:
    return list(Approvals(gitlab.url, project, token, timeout=5)(COMMIT))


def silence(gitlab: GitLab, **values: str) -> str:
    with pytest.raises(Refusal) as refusal:
        asked(gitlab, **values)
    (problem,) = refusal.value.problems
    assert problem.code == "E764"
    assert TOKEN not in str(problem)
    assert problem.advice
    return problem.text.removeprefix(f"{gitlab.url} ")


def test_a_merged_request_has_an_author_and_those_who_approved(gitlab: GitLab) -> None:
    gitlab.came(COMMIT, "asha.g")
    gitlab.approvers = ["chandra.r", "binod.s"]
    assert asked(gitlab) == [Review("asha.g", frozenset({"binod.s", "chandra.r"}))]


def test_a_commit_that_was_pushed_came_by_none(gitlab: GitLab) -> None:
    assert asked(gitlab) == []


@pytest.mark.parametrize("state", ["opened", "closed"])
def test_a_request_that_was_not_merged_approves_nothing(gitlab: GitLab, state: str) -> None:
    gitlab.came(COMMIT, "asha.g", state)
    gitlab.approvers = ["chandra.r"]
    assert asked(gitlab) == []


def test_a_wrong_token_a_strange_project_and_a_broken_server_are_silence(gitlab: GitLab) -> None:
    assert silence(gitlab, token="glpat-of-nobody") == "answered with status 401"
    assert silence(gitlab, project="isp/else") == "answered with status 404"
    gitlab.faults = [500]
    assert silence(gitlab) == "answered with status 500"
    gitlab.faults = [0]
    assert silence(gitlab) == "gave no answer (ConnectionError)"


def test_an_answer_without_what_was_asked_for_is_silence(gitlab: GitLab) -> None:
    gitlab.requests[COMMIT] = [{"iid": 7, "state": "merged"}]
    assert silence(gitlab) == "gave no answer (KeyError)"
