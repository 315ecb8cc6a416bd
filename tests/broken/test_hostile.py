"""What no text editor makes: links, other encodings, huge files, nested repositories; and repositories left empty."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ispctl.model.problem import Refusal
from ispctl.repo import Repository
from ispctl.repo.checks import check
from tests.broken.test_cases import new
from tests.builders import NOW, leaks, problems, write_large
from tests.gates.example import git

ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
ANITA = "subscribers/lalitpur/3f/sub-000123.yaml"
TARIFF = "tariffs/home-50.yaml"


def said(isp: Path, first_copy: Path) -> list[str]:
    messages = new(first_copy / "example-isp", problems(isp))
    assert leaks(messages) == []
    return messages


def test_a_file_of_ten_megabytes_is_not_read(isp: Path, first_copy: Path) -> None:
    (isp / "tariffs" / "huge.yaml").write_bytes(b"name: huge\n# " + b"x" * 10_000_000)
    assert said(isp, first_copy) == [
        "tariffs/huge.yaml E008 too-large: 10000013 bytes; at most 262144 are read. "
        "Split it, or check what was committed"
    ]


def test_a_subscriber_in_another_encoding_says_at_which_letter(isp: Path, first_copy: Path) -> None:
    (isp / ANITA).write_bytes((isp / ANITA).read_bytes().replace(b"Jawalakhel", b"Jawal\xe4khel"))
    assert said(isp, first_copy) == [f"{ANITA}:3:100 E009 not-utf8: the byte 0xe4 is not UTF-8. Save the file as UTF-8"]


def test_a_tariff_in_utf_16_is_named_so(isp: Path, first_copy: Path) -> None:
    (isp / TARIFF).write_bytes("name: home-50\n".encode("utf-16"))
    assert said(isp, first_copy) == [f"{TARIFF}:1:1 E009 not-utf8: the file is UTF-16. Save the file as UTF-8"]


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../etc/passwd", "home-20.yaml"])
def test_a_link_is_not_followed_wherever_it_leads(isp: Path, first_copy: Path, target: str) -> None:
    (isp / TARIFF).unlink()
    (isp / TARIFF).symlink_to(target)
    (message,) = said(isp, first_copy)
    assert message.startswith(f"{TARIFF} E006 symlink: ")


def test_a_linked_folder_is_not_followed(isp: Path, first_copy: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (isp / "subscribers" / "east").symlink_to(tmp_path / "outside")
    (message,) = said(isp, first_copy)
    assert message.startswith("subscribers/east E006 symlink: ")


def test_a_submodule_is_not_entered(isp: Path, first_copy: Path) -> None:
    commit = git(isp, "rev-parse", "HEAD").strip()
    git(isp, "update-index", "--add", "--cacheinfo", f"160000,{commit},subscribers/east")
    git(isp, "-c", "user.name=R", "-c", "user.email=r@example.net", "commit", "-q", "-m", "Nest")
    with Repository.open(isp, ENV) as repo:
        found = [str(problem) for problem in check(repo.at("HEAD"), NOW) if problem.severity == "error"]
    assert [text.partition(": ")[0] for text in found] == ["subscribers/east E007 submodule"]


def test_a_name_that_hides_something_is_refused(isp: Path, first_copy: Path) -> None:
    (isp / "tariffs" / "home-\u202e50.yaml").write_text("name: home-50\n", "utf-8")
    messages = said(isp, first_copy)
    assert [message for message in messages if " E017 bad-file-name: " in message]


def test_another_ending_is_pointed_out(isp: Path, first_copy: Path) -> None:
    (isp / TARIFF).rename(isp / "tariffs" / "home-50.yml")
    messages = said(isp, first_copy)
    assert messages[-1].startswith("tariffs/home-50.yml E004 wrong-suffix: ")


def refusal(folder: Path) -> str:
    with pytest.raises(Refusal) as caught, Repository.open(folder, ENV):
        pass
    return str(caught.value.problems[0].code)


def test_a_folder_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "E001"


def test_a_repository_without_a_commit_is_refused(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, capture_output=True)
    assert refusal(tmp_path) == "E002"


def test_a_commit_that_does_not_exist_is_refused(isp: Path) -> None:
    with Repository.open(isp, ENV) as repo, pytest.raises(Refusal) as caught:
        repo.at("no-such-branch")
    assert caught.value.problems[0].code == "E003"


def test_a_repository_of_something_else_lacks_a_policy(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("Something else\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=R", "-c", "user.email=r@example.net", "commit", "-q", "-m", "Begin")
    assert [problem.code for problem in problems(tmp_path)] == ["E022"]


def test_a_bare_repository_says_the_same_as_its_work_tree(isp: Path, tmp_path: Path) -> None:
    git(isp, "clone", "-q", "--bare", str(isp), str(tmp_path / "bare.git"))
    with Repository.open(tmp_path / "bare.git", ENV) as repo:
        assert check(repo.at("HEAD"), NOW) == problems(isp)


def test_what_is_found_is_found_in_the_same_order_every_time(isp: Path) -> None:
    write_large(isp, 40)
    for path in sorted((isp / "subscribers" / "lalitpur").rglob("sub-9*.yaml"))[::3]:
        path.write_text(path.read_text("utf-8").replace("tariff: home-50", "tariff: home-5O"), "utf-8")
    first, second = problems(isp), problems(isp)
    assert first == second
    assert [problem.where for problem in first if problem.severity == "error"] == sorted(
        problem.where for problem in first if problem.severity == "error" and problem.where
    )


def test_what_is_over_is_free_for_others(isp: Path) -> None:
    """sub-000204 ended in August 2025: in 2024 its login was its own, now another may have it."""
    heir = isp / "subscribers" / "kathmandu" / "c2" / "sub-000203.yaml"
    text = heir.read_text("utf-8").replace("activated: 2031-03-01", "activated: 2025-01-01")
    heir.write_text(text.replace("indira.gurung@home.example", "janak.thapa@home.example"), "utf-8")
    assert [problem for problem in problems(isp) if problem.code == "E103"] == []
    (before,) = [p for p in problems(isp, datetime(2024, 11, 1, tzinfo=UTC)) if p.code == "E103"]
    assert "sub-000204" in before.text
