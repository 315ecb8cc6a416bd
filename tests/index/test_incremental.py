"""Whatever is done to a repository, what the index answers is what reading everything answers."""

from __future__ import annotations

import inspect
import pickle
import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from ispctl import repo
from ispctl.index import Index, Size, whole
from ispctl.model.problem import Problem, Refusal
from ispctl.reconcile import propose
from ispctl.repo import Repository, git, yaml_places
from ispctl.repo.git_child import Child
from ispctl.repo.yaml_nodes import Marks
from ispctl.report.plan_json import document
from tests import found_once
from tests.depth import times
from tests.index.isp import NOON, PROFILE, SHARED, Isp, in_any_order


def answers(found: list[Problem]) -> list[str]:
    return [f"{problem}" for problem in found]


@pytest.mark.parametrize("seed", range(times(5)))
@pytest.mark.parametrize("size", [Size(worth=1), Size(worth=1, together=2, chunk=4, alone=99)], ids=["near", "slices"])
def test_incremental_is_from_scratch_for_any_history(tmp_path: Path, seed: int, size: Size) -> None:
    chance = random.Random(seed)
    isp = Isp(tmp_path / "isp.git", chance)
    now = NOON
    place = tmp_path / "cache" / "isp.index"
    spared = 0
    for _ in range(10):
        for _ in range(chance.choice([1, 1, 2, 5])):
            isp.edit()
        head = isp.commit()
        base = isp.commits[-2] if chance.random() < 0.7 else chance.choice(isp.commits)
        now += timedelta(hours=chance.choice([0, 1, 30]))
        if chance.random() < 0.1:
            place.unlink(missing_ok=True)
        with Repository.open(isp.folder) as scratch, Repository.open(isp.folder) as repository:
            truth = whole({rev: scratch.at(rev) for rev in (base, head)}, now)
            look = Index(repository, place, size=size).look((base, head), now, warnings=True, slicing=True)
            if chance.random() < 0.4:
                Index(repository, place, size=size).advance(head, now)
            spared += sum(1 for _ in look.parts[head].subscribers()) < sum(1 for _ in truth.parts[head].subscribers())
            for rev in (base, head):
                assert answers(look.problems(rev)) == answers(truth.problems(rev))
                assert look.parts[rev].facts.services == truth.parts[rev].facts.services
            if truth.errors(head) and not look.errors(head, near=True):
                with pytest.raises(Refusal) as refused:
                    propose(repository, look, base, head)
                assert answers(list(refused.value.problems)) == answers(truth.errors(head))
            if not truth.errors(head) and not truth.errors(base):
                said = document(propose(repository, look, base, head))
                assert in_any_order(said) == in_any_order(document(propose(scratch, truth, base, head)))
    assert spared > 2, "everything was read nearly always: nothing was shown"


@pytest.mark.parametrize("seed", range(times(5)))
def test_profiles_of_devices_concern_those_who_have_one_and_nobody_else(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    isp = Isp(tmp_path / "isp.git", chance)
    for number, profile in enumerate(["generic", "own", "own", "other"]):
        isp.people[f"s-{number:03}"].router = (f"A{number}", profile)
    isp.profiles["own"] = PROFILE
    base, place, said = isp.commit(), tmp_path / "isp.index", set[str]()
    for _ in range(8):
        isp.profile()
        if chance.random() < 0.2:
            isp.shared["inventory/targets.yaml"] = SHARED["inventory/targets.yaml"] + chance.choice(
                ["", "cpe: {inform: 1h}\n"]
            )
        head = isp.commit()
        with Repository.open(isp.folder) as scratch, Repository.open(isp.folder) as repository:
            truth = whole({rev: scratch.at(rev) for rev in (base, head)}, NOON)
            look = Index(repository, place, size=Size(worth=1)).look((base, head), NOON, warnings=True)
            for rev in (base, head):
                assert answers(look.problems(rev)) == answers(truth.problems(rev))
            assert {one.path[-6] for one in look.parts[head].subscribers()} <= set("0123")
            said |= {problem.code for problem in truth.problems(head)}
            if chance.random() < 0.7:
                Index(repository, place, size=Size(worth=1)).advance(head, NOON)
        base = head
    assert {"E145", "E032"} <= said


def test_that_nas_are_configured_concerns_those_who_are_known_by_their_line(tmp_path: Path) -> None:
    isp, place = Isp(tmp_path / "isp.git", random.Random(7)), tmp_path / "isp.index"
    isp.people["s-003"].line = "eth-0-1"
    hosts = isp.shared["inventory/hosts.yaml"].replace("platform: routeros", "platform: vyos")
    isp.shared["inventory/hosts.yaml"] = hosts.replace("    coa:", "    device: {}\n    coa:")
    isp.commit()
    isp.shared["inventory/targets.yaml"] += "nas: {}\n"
    isp.commit()
    for rev, count in zip(isp.commits[1:], (0, 1), strict=True):
        with Repository.open(isp.folder) as scratch, Repository.open(isp.folder) as repository:
            truth = answers(whole({rev: scratch.at(rev)}, NOON).problems(rev))
            look = Index(repository, place, size=Size(worth=1)).look((rev,), NOON, warnings=True)
            assert answers(look.problems(rev)) == truth
            assert len([one for one in truth if one.startswith("subscribers/")]) == count


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        ("subscribers/a/3/s-\u202e003.yaml", {"E017"}),
        ("subscribers/a\u202e/3/s-003.yaml", {"E017", "E118"}),
        ("subscribers/a/3/s-003.yaml/s-003.yaml", set()),
        ("subscribers/s-003.yaml", {"E021"}),
    ],
)
def test_a_file_that_is_not_read_where_it_lies_is_seen_there(tmp_path: Path, path: str, codes: set[str]) -> None:
    isp, place = Isp(tmp_path / "isp.git", random.Random(7)), tmp_path / "isp.index"
    isp.people["s-003"].group = "a"
    isp.commit()
    isp.elsewhere["s-003"] = path
    isp.commit()
    isp.elsewhere.clear()
    isp.commit()
    for rev in isp.commits:
        with Repository.open(isp.folder) as scratch, Repository.open(isp.folder) as repository:
            truth = whole({rev: scratch.at(rev)}, NOON).problems(rev)
            index = Index(repository, place, size=Size(worth=1))
            assert answers(index.look((rev,), NOON, warnings=True).problems(rev)) == answers(truth)
            assert {problem.code for problem in truth} == (codes if rev == isp.commits[-2] else set())
            index.advance(rev, NOON)
            made = Index(repository, tmp_path / rev, size=Size(worth=1)).look((rev,), NOON, warnings=True)
            assert answers(made.problems(rev)) == answers(truth)


def test_the_place_of_a_nas_is_looked_for_when_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To find the places of a file takes as long as to read it, and with a thousand NAS longer than a plan to make."""
    isp = Isp(tmp_path / "isp.git", random.Random(7))
    base = isp.commit()
    isp.people["s-003"].tariff = "home-20"
    head = isp.commit()
    asked: list[bytes] = []
    real = yaml_places.places

    def noted(data: bytes) -> Marks | None:
        asked.append(data)
        return real(data)

    monkeypatch.setattr(yaml_places, "places", noted)
    monkeypatch.setattr(repo, "_parse", inspect.unwrap(repo._parse))  # another test may have had the same file
    with Repository.open(isp.folder) as repository:
        propose(repository, Index(repository, None, size=Size(worth=1)).look((base, head), NOON), base, head)
        hosts = repository.contents(head)["inventory/hosts.yaml"]
        assert hosts not in asked
        (nas, *_) = repository.at(head).nas.values()
        elsewhere = pickle.loads(pickle.dumps(nas))  # noqa: S301
        assert hosts in asked  # where it is sent, it is told, without the file
        assert (elsewhere.where, elsewhere) == (nas.where, nas)
        assert nas.where.line == 1 + hosts[: hosts.index(f"{nas.name}:".encode())].count(b"\n")


def test_git_is_started_twice_for_a_change_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To tell where it is, and to read: what subscribers share, the difference, the file at two commits, and whether
    one commit holds the other."""
    isp = Isp(tmp_path / "isp.git", random.Random(7))
    base = isp.commit()
    isp.people["s-003"].tariff = "home-20"
    head = isp.commit()
    place = tmp_path / "isp.index"
    with Repository.open(isp.folder) as repository:
        Index(repository, place, size=Size(worth=1)).look((base,), NOON)
    started: list[str] = []
    command = Child.command

    def counted(child: Child, arguments: Sequence[str]) -> list[str]:
        started.append(arguments[0])
        return command(child, arguments)

    monkeypatch.setattr(Child, "command", counted)
    monkeypatch.setattr(git, "_discover", found_once.ask)
    with Repository.open(isp.folder) as repository:
        repository.part(head, ())
        propose(repository, Index(repository, place, size=Size(worth=1)).look((base, head), NOON), base, head)
    assert started == ["rev-parse", "cat-file"]
