"""The pipeline of .gitlab-ci.yml, run as GitLab would run it, on a copy of the example with a remote of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ispctl.store import Store
from tests.gates import example
from tests.gates.recorder import Outputs
from tests.gates.tracked import ROOT
from tests.gitlab.standin import IID, PROJECT, TOKEN, GitLab, running

MODULES = ROOT / "tests" / "gitlab" / "node_modules"
LEFT = (".venv", "var/", ".gitlab-ci-local/", "codequality.json", "*plan.json", "plan.md")
DSN = "sqlite:///var/radius.db"
TARIFF = "tariffs/home-50.yaml"
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not MODULES.is_dir(), reason="what runs the pipeline is not installed: make node"),
]


@dataclass(frozen=True)
class Ran:
    """How a pipeline ended: the jobs with PASS, WARN or FAIL, and what they printed."""

    jobs: dict[str, str]
    log: str


@dataclass(frozen=True)
class Isp:
    """A work tree with a remote, and its pipeline."""

    folder: Path
    outputs: Outputs

    def edit(self, old: str, new: str, path: str = TARIFF) -> str:
        file = self.folder / path
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new), "utf-8")
        example.commit(self.folder, "A change")
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *words: str) -> str:
        return example.git(self.folder, *words)

    def run(self, source: str, **variables: object) -> Ran:
        said = {"CI_PIPELINE_SOURCE": source, **{name: str(value) for name, value in variables.items()}}
        words = [word for name, value in said.items() for word in ("--variable", f"{name}={value}")]
        program = [str(MODULES / "node" / "bin" / "node"), str(MODULES / "gitlab-ci-local" / "dist" / "index.js")]
        done = subprocess.run(
            [*program, "--force-shell-executor", "--home", str(self.folder / "var"), *words],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder / "var"),
                # A pipeline of a merge request has no branch of its own; the program would say the opposite.
                "GCL_IGNORE_PREDEFINED_VARS": ",".join([*said, *(["CI_COMMIT_BRANCH"] if "merge" in source else [])]),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        log = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
        self.outputs("pipeline", log)
        return Ran({name: how for how, name in re.findall(r"^ (PASS|WARN|FAIL) +([a-z]+)", log, re.MULTILINE)}, log)

    def merge_request(self, **variables: object) -> Ran:
        base = self.git("rev-parse", "main").strip()
        named = {"CI_MERGE_REQUEST_IID": IID, "CI_MERGE_REQUEST_DIFF_BASE_SHA": base}
        return self.run("merge_request_event", **named, **variables)

    def rate(self) -> str:
        with Store.open(DSN, base=self.folder, readonly=True) as store:
            sql = "SELECT value FROM radgroupreply WHERE groupname = ? AND attribute = 'Mikrotik-Rate-Limit'"
            rows = store.database.query(sql, ("isp:home-50@routeros",))
        return str(rows[0][0]) if rows else ""


@pytest.fixture
def isp(tmp_path: Path, outputs: Outputs) -> Isp:
    folder = example.copy(tmp_path / "isp")
    for name in (".gitlab-ci.yml", "Makefile", "constraints.txt", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(Path(example.path_with_commands().partition(":")[0]).parent)
    for name in ("constraints.txt", "pyproject.toml"):  # older than the environment: `make venv` has nothing to do
        os.utime(folder / name, (0, 0))
    (folder / ".gitignore").write_text(
        ".venv\nvar/\n.gitlab-ci-local/\ncodequality.json\n*plan.json\nplan.md\n", "utf-8"
    )
    example.commit(folder, "The pipeline")
    example.git(tmp_path, "init", "-q", "--bare", "-b", "main", "origin.git")
    example.git(folder, "remote", "add", "origin", str(tmp_path / "origin.git"))
    example.git(folder, "push", "-q", "origin", "main")
    Store.create(DSN, base=folder, lab=True).close()
    return Isp(folder, outputs)


@pytest.fixture
def gitlab() -> Iterator[GitLab]:
    with running() as gitlab:
        yield gitlab


def test_a_merge_request_is_checked_and_planned_and_applies_nothing(isp: Isp) -> None:
    isp.git("checkout", "-q", "-b", "slower")
    isp.edit("down: 50M", "down: 40M")
    ran = isp.merge_request()
    assert ran.jobs == {"validate": "PASS", "plan": "PASS"}
    assert json.loads((isp.folder / "tfplan.json").read_text()) == {"create": 0, "update": 7, "delete": 0}
    assert (isp.folder / "plan.md").read_text().startswith("### ispctl plan: 5 services slower")
    assert json.loads((isp.folder / "plan.json").read_text())["kind"] == "proposed"
    assert isp.rate() == ""


def test_with_a_token_the_plan_is_one_note_that_each_push_edits(isp: Isp, gitlab: GitLab) -> None:
    named = {"ISPCTL_GITLAB_TOKEN": TOKEN, "CI_SERVER_URL": gitlab.url, "CI_PROJECT_ID": PROJECT}
    isp.git("checkout", "-q", "-b", "slower")
    isp.edit("down: 50M", "down: 40M")
    assert isp.merge_request(**named).jobs["plan"] == "PASS"
    isp.edit("down: 40M", "down: 50M")
    ran = isp.merge_request(**named)
    assert "updated" in ran.log
    assert TOKEN not in ran.log
    (note,) = gitlab.bodies()
    assert "no changes" in note
    isp.outputs("note", note)


def test_a_broken_merge_request_fails_and_shows_the_line_in_its_diff(isp: Isp) -> None:
    isp.git("checkout", "-q", "-b", "broken")
    isp.edit("down: 50M", "down: 50 apples")
    ran = isp.merge_request()
    assert ran.jobs["validate"] == "FAIL"
    found = json.loads((isp.folder / "codequality.json").read_text())
    places = [
        (one["location"]["path"], one["location"]["lines"]["begin"]) for one in found if one["severity"] != "minor"
    ]
    assert (TARIFF, 9) in places


def test_the_default_branch_becomes_service(isp: Isp) -> None:
    ran = isp.run("push")
    assert ran.jobs == {"validate": "PASS", "apply": "PASS"}
    assert isp.rate() == "25M/50M"


def test_a_pipeline_that_waited_applies_the_head_of_the_branch_and_not_its_own_commit(isp: Isp) -> None:
    old = isp.git("rev-parse", "HEAD").strip()
    isp.edit("down: 50M", "down: 60M")
    isp.git("push", "-q", "origin", "main")
    isp.git("reset", "-q", "--hard", old)
    assert isp.run("push").jobs["apply"] == "PASS"
    assert isp.rate() == "25M/60M"


def test_a_gate_stops_the_job_and_the_number_lets_it_through(isp: Isp) -> None:
    isp.run("push")
    isp.edit("slower: {share: 10%, floor: 20}", "slower: {share: 1%, floor: 0}", "inventory/policy.yaml")
    isp.edit("down: 50M", "down: 40M")
    isp.git("push", "-q", "origin", "main")
    refused = isp.run("push")
    assert refused.jobs["apply"] == "FAIL"
    assert "--allow-slower 5" in refused.log
    assert isp.run("web", APPLY_FLAGS="--allow-slower 5").jobs["apply"] == "PASS"
    assert isp.rate() == "25M/40M"


def test_the_schedule_does_what_time_made_due_and_warns_of_hands(isp: Isp) -> None:
    isp.run("push")
    with Store.open(DSN, base=isp.folder) as store:
        store.database.write("UPDATE radgroupreply SET value = '1k/1k' WHERE groupname = 'isp:home-50@routeros'")
    ran = isp.run("schedule")
    assert ran.jobs == {"apply": "PASS", "drift": "WARN"}
    assert isp.run("schedule", DRIFT_FLAGS="--repair").jobs["drift"] == "PASS"
    assert isp.rate() == "25M/50M"
