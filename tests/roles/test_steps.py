"""Whatever shape a history has, and whatever its merges pretend, no difference is left without somebody who made it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ispctl.model.roles import ROLES
from ispctl.repo import Repository
from ispctl.repo.git import Git
from ispctl.roles import refused
from ispctl.roles.steps import Steps
from tests.repo.repositories import ENV
from tests.roles.people import PLAIN, WHO, Office

PATHS = ("templates/a", "templates/b", "tariffs/c.yaml")
Node = tuple[tuple[int, ...], tuple[str, ...]]
"""Parents, counted backwards, and what the three files hold; "" for a file that is not there."""

NODES = st.lists(
    st.tuples(
        st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True).map(tuple),
        st.tuples(*(st.sampled_from(["", "x", "y"]) for _ in PATHS)),
    ),
    min_size=2,
    max_size=9,
)


def built(folder: Path, nodes: list[Node]) -> list[str]:
    """The commits, the first of which has the roles and nothing else; all by somebody without any."""
    folder.mkdir()
    subprocess.run(["git", "init", "-q", "--bare", str(folder)], check=True)
    lines = []
    for mark, (parents, texts) in enumerate([((), ("", "", "")), *nodes], 1):
        lines.append(f"commit refs/heads/main\nmark :{mark}\ncommitter s <{WHO['stranger']}> {mark} +0000\ndata 0\n")
        real = list(dict.fromkeys(max(mark - back, 1) for back in parents)) if mark > 1 else []
        lines += [f"{'merge' if number else 'from'} :{parent}\n" for number, parent in enumerate(real)]
        held = {ROLES: PLAIN, **dict(zip(PATHS, texts, strict=True))}
        lines.append("deleteall\n")
        lines += [f"M 100644 inline {path}\ndata {len(text)}\n{text}\n" for path, text in held.items() if text]
    marks = folder / "marks"
    words = ["git", "-C", str(folder), "fast-import", "--quiet", "--force", f"--export-marks={marks}"]
    subprocess.run(words, input="".join(lines).encode(), env=ENV, check=True)
    found = dict(line.split() for line in marks.read_text("utf-8").splitlines())
    return [found[f":{mark}"] for mark in range(1, len(nodes) + 2)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(nodes=NODES, at=st.integers(0, 8))
def test_no_difference_is_left_over(tmp_path_factory: pytest.TempPathFactory, nodes: list[Node], at: int) -> None:
    folder = tmp_path_factory.mktemp("history") / "isp"
    commits = built(folder, nodes)
    with Git.open(folder, ENV) as git:
        head = commits[-1]
        bases = [one for one in commits[:-1] if git.is_ancestor(one, head)]
        base = bases[at % len(bases)]
        differ = {one.path: one for one in git.diff(base, head)}
        # what is told of each file leads from what it was to what it is, each step from where the last one ended
        state = {path: one.old for path, one in differ.items()}
        for step in Steps(git, base, head):
            for edit in step.edits:
                assert edit.file.old == state[edit.file.path]
                state[edit.file.path] = edit.file.new
        assert state == {path: one.new for path, one in differ.items()}


def test_all_of_it_is_refused_to_somebody_without_a_role(tmp_path: Path) -> None:
    commits = built(tmp_path / "isp", [((1,), ("x", "", "")), ((2,), ("", "y", "")), ((1, 2), ("x", "y", ""))])
    with Repository.open(tmp_path / "isp", {"PATH": os.environ["PATH"]}) as repository:
        found = refused(repository, commits[0], commits[-1])
    assert {(one.code, str(one.where)) for one in found} == {("E760", "templates/a"), ("E760", "templates/b")}


def test_a_deep_heap_of_merges_ends(tmp_path: Path) -> None:
    office = Office(tmp_path / "isp")
    base = office.begin()
    for number in range(40):
        office.git("switch", "-q", "-c", f"t{number}")
    office.write("templates/x", "x\n")
    office.commit("stranger")
    for number in range(38, -1, -1):
        office.git("switch", "-q", f"t{number}")
        office.merge("stranger", f"t{number + 1}")
    office.git("switch", "-q", "main")
    office.merge("stranger", "t0")
    assert office.refused(base) == ["E760 templates/x"]
