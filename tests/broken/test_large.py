"""Two thousand subscribers are checked by sweeps, however badly they stand in each other's way."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from time import process_time

import pytest

from ispctl.repo import Repository
from ispctl.repo.checks import check
from tests.builders import NOW, write_large
from tests.gates.example import commit

pytestmark = pytest.mark.slow
COUNT = 2000


def found(isp: Path) -> Counter[str]:
    commit(isp, "Many")
    with Repository.open(isp, {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}) as repo:
        snapshot = repo.at("HEAD")
        began = process_time()
        problems = check(snapshot, NOW)
        assert process_time() - began < 3, "two thousand services take a tenth of a second; pairs would take minutes"
    return Counter(problem.code for problem in problems if problem.severity == "error")


def test_many_subscribers_have_nothing_to_complain_of(isp: Path) -> None:
    write_large(isp, COUNT)
    assert found(isp) == {}


def test_each_of_many_that_want_the_same_is_named_once(isp: Path) -> None:
    write_large(isp, COUNT)
    for path in (isp / "subscribers" / "lalitpur").rglob("sub-9*.yaml"):
        text = re.sub(r"login: large\.\d+@", "login: large@", path.read_text("utf-8"))
        text = re.sub(r'mac: "[0-9a-f:]+"', 'mac: "00:10:00:00:00:01"', text)
        path.write_text(re.sub(r"static: [0-9.]+", "static: 198.18.1.1", text), "utf-8")
    tenth = COUNT // 10
    assert found(isp) == {"E103": COUNT - 1, "E104": tenth - 1, "E111": tenth - 1}


def test_one_route_around_many_addresses_is_named_at_each_of_them(isp: Path) -> None:
    write_large(isp, COUNT)
    anita = isp / "subscribers" / "lalitpur" / "3f" / "sub-000123.yaml"
    anita.write_text(anita.read_text("utf-8") + "    routes: [198.18.0.0/16]\n", "utf-8")
    assert found(isp) == {"E105": COUNT // 10}
