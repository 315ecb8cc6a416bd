"""`ispctl gitlab note` and the files it takes, as a pipeline calls them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ispctl.skeleton import write
from tests.cli.conftest import Cli
from tests.gates.tracked import ROOT
from tests.gitlab.standin import IID, PROJECT, TOKEN, GitLab, running


@pytest.fixture
def gitlab(cli: Cli) -> Iterator[GitLab]:
    with running() as gitlab:
        for name in ("CI_SERVER_URL", "CI_PROJECT_ID", "CI_MERGE_REQUEST_IID"):
            cli.patch.delenv(name, raising=False)
        cli.patch.setenv("ISPCTL_GITLAB_TOKEN", TOKEN)
        yield gitlab


def in_pipeline(cli: Cli, gitlab: GitLab) -> None:
    cli.patch.setenv("CI_SERVER_URL", gitlab.url)
    cli.patch.setenv("CI_PROJECT_ID", PROJECT)
    cli.patch.setenv("CI_MERGE_REQUEST_IID", str(IID))


def noted(cli: Cli, tmp_path: Path) -> Path:
    cli.changed("tariffs/home-50.yaml", "down: 50M", "down: 40M")
    note = tmp_path / "plan.md"
    assert cli("plan", "--base", "HEAD~1", "--note", note, "--terraform", tmp_path / "counts.json").code == 2
    return note


def test_a_pipeline_says_where_the_note_goes(cli: Cli, gitlab: GitLab, tmp_path: Path) -> None:
    in_pipeline(cli, gitlab)
    said = cli("gitlab", "note", noted(cli, tmp_path))
    assert (said.code, said.out) == (0, f"Note 1000 on merge request !{IID}: created\n")
    assert "5 services slower" in gitlab.bodies()[0]


def test_flags_win_over_the_pipeline(cli: Cli, gitlab: GitLab, tmp_path: Path) -> None:
    cli.patch.setenv("CI_PROJECT_ID", "isp/other")
    where = ("--url", f"{gitlab.url}/", "--project", PROJECT, "--merge-request", IID, "--format", "json")
    said = cli("gitlab", "note", noted(cli, tmp_path), *where)
    assert said.json == {"version": 1, "action": "created", "note": 1000, "merge_request": IID}


def test_what_is_missing_is_named_at_once(cli: Cli, gitlab: GitLab, tmp_path: Path) -> None:
    cli.patch.delenv("ISPCTL_GITLAB_TOKEN")
    said = cli("gitlab", "note", tmp_path / "plan.md")
    assert said.code == 1
    assert "E673" in said.err
    for name in ("ISPCTL_GITLAB_TOKEN", "CI_SERVER_URL", "CI_PROJECT_ID", "CI_MERGE_REQUEST_IID"):
        assert name in said.err


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b'{"version": 1}'], ids=["absent", "not text", "the JSON"])
def test_a_file_that_is_no_note_is_refused(cli: Cli, gitlab: GitLab, tmp_path: Path, content: bytes | None) -> None:
    in_pipeline(cli, gitlab)
    if content is not None:
        (tmp_path / "plan.md").write_bytes(content)
    said = cli("gitlab", "note", tmp_path / "plan.md")
    assert (said.code, "E674" in said.err) == (1, True)
    assert gitlab.notes == []


def test_the_files_of_a_plan_are_for_their_owner_alone(cli: Cli, gitlab: GitLab, tmp_path: Path) -> None:
    noted(cli, tmp_path)
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("plan.md", "counts.json")} == {0o600}


def test_a_first_repository_has_the_jobs_of_this_one(tmp_path: Path) -> None:
    """Only how ispctl is installed differs."""
    write(tmp_path)
    own, first = (folder.joinpath(".gitlab-ci.yml").read_text("utf-8") for folder in (ROOT, tmp_path))
    assert first.partition("\nvalidate:\n")[2] == own.partition("\nvalidate:\n")[2] != ""
