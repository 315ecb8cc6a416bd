from __future__ import annotations

import ast
import os
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from ispctl.lab.process import wait_for
from tests.bench.process import Cost, Late, Run, Wrong, measure
from tests.bench.scale import Bench, Row, table

HERE = Path(__file__).parent


@pytest.mark.slow
def test_a_small_isp_is_measured_with_the_exit_codes_that_a_plan_has(tmp_path: Path) -> None:
    """Each operation ends with the code that it must: 0 where nothing differs, 2 where something does."""
    rows = Bench(None, None, limit=60.0, rounds=1).measured(200, tmp_path / "isp", [])

    assert len(rows) == 6
    assert [row["why"] for row in rows] == [""] * 6
    assert all(0 < row["cpu"] < 60 and row["wall"] > 0 and 5 < row["peak"] < 1000 for row in rows)


def test_what_would_take_too_long_by_what_a_smaller_size_took_is_not_begun(tmp_path: Path) -> None:
    known = [_row(10, name, cpu=100.0) for name in _names()]

    rows = Bench(None, None, limit=100.0).measured(100, tmp_path / "isp", known)

    assert {row["why"] for row in rows if row["name"] != "first plan, nothing remembered"} == {"more than 100 s"}
    assert not any("cpu" in row for row in rows)


def test_what_is_short_is_measured_more_often_and_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[str] = Counter()

    def takes(run: Run, *_: Any, **__: Any) -> Cost:
        asked[words := " ".join(run.command)] += 1
        return Cost(30.0 if words.endswith("tariff") else 2.0 if words.endswith("hundred") else 0.3, 0.3, 50.0)

    monkeypatch.setattr("tests.bench.scale.measure", takes)
    Bench(None, None, limit=60.0).measured(20, tmp_path / "isp", [])

    often = {words.rpartition(" ")[2]: many for words, many in asked.items() if " plan " in words}
    assert often == {
        "main": 3 + 15,
        "one": 15,
        "hundred": 3,
        "tariff": 1,
    }  # of the first plan all is taken away each time


def test_ratios_to_both_scripts_and_to_the_own_figure_at_10_k_come_first() -> None:
    known = [
        _row(10_000, "plan, one renewal", cpu=0.5),
        _row(10_000, "script, one renewal", who="script", cpu=2.0),
        _row(10_000, "script, YAML 1.2, one renewal", who="script, YAML 1.2", cpu=8.0),
        _row(100_000, "plan, one renewal", cpu=0.6),
        {**_row(100_000, "drift of SQLite, none"), "why": "more than 600 s"},
    ]

    assert list(table(known, known)) == [
        "| subscribers | operation | ÷ script, YAML 1.2 | ÷ script | ÷ itself at 10 k | CPU s | wall s | peak MB |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| 10,000 | plan, one renewal | 0.06 | 0.25 | 1.0 | 0.50 | 0.50 | 60 |",
        "| 10,000 | script, one renewal | 0.25 | 1.0 | 1.0 | 2.0 | 2.0 | 60 |",
        "| 10,000 | script, YAML 1.2, one renewal | 1.0 | 4.0 | 1.0 | 8.0 | 8.0 | 60 |",
        "| 100,000 | plan, one renewal |  |  | 1.2 | 0.60 | 0.60 | 60 |",
        "| 100,000 | drift of SQLite, none | | | | more than 600 s | | |",
    ]


def test_a_command_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    run = Run(["sh", "-c", f"sleep 600 & echo $! > {pid}; wait"], dict(os.environ))

    with pytest.raises(Late, match="more than 2 s"):
        measure(run, tmp_path, limit=2.0)

    assert wait_for(lambda: _over(int(pid.read_text())), 30.0)


def test_an_exit_code_that_was_not_meant_tells_what_was_said(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="exit code 3\nno such thing"):
        measure(Run(["sh", "-c", "echo no such thing; exit 3"], dict(os.environ)), tmp_path, limit=60.0)


@pytest.mark.parametrize("name", ["isp.py", "script.py", "timed.py", "picture.py", "ansible/filter_plugins/people.py"])
def test_what_stands_beside_the_product_imports_nothing_of_it(name: str) -> None:
    tree = ast.parse((HERE / name).read_text("utf-8"))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {module.partition(".")[0] for module in modules} & {"ispctl", "tests"} == set()


def _over(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE  # init may take its time
    except psutil.NoSuchProcess:
        return True


def _names() -> list[str]:
    plans = ("nothing to do", "one renewal", "100 other tariffs", "a rate of a tariff")
    first = ["validate, nothing remembered", "first plan, nothing remembered"]
    return [*first, *(f"plan, {what}" for what in plans)]


def _row(count: int, name: str, *, who: str = "ispctl", cpu: float | None = None) -> Row:
    figures: dict[str, Any] = {} if cpu is None else {"cpu": cpu, "wall": cpu, "peak": 60.0}
    return {"count": count, "who": who, "name": name, "job": "one", "why": "", **figures}
