"""A plan is a value: its bytes depend on no order of a set, on no locale and on no time zone of the machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.gates import example

SURROUNDINGS: list[dict[str, str]] = [
    {"PYTHONHASHSEED": "1", "LANG": "C.UTF-8", "TZ": "UTC"},
    {"PYTHONHASHSEED": "4711", "LANG": "C", "LC_ALL": "C", "TZ": "Pacific/Kiritimati"},
]


@pytest.mark.skipif(not example.present(), reason="there is no example ISP or no command yet")
@pytest.mark.parametrize("form", ["json", "markdown", "text"])
def test_a_plan_is_byte_equal_in_other_surroundings(form: str, tmp_path: Path) -> None:
    repo = example.copy(tmp_path / "isp")
    for tariff in sorted((repo / "tariffs").glob("*.yaml")):
        faster = re.sub(r"(rate: \{down: )(\d+)M", r"\g<1>1\2M", tariff.read_text("utf-8"))
        tariff.write_text(faster, "utf-8")
    example.commit(repo, "Faster for everybody")
    command = ["ispctl", "--repo", str(repo), "plan", "--base", "HEAD~1", "--at", "2026-11-22T00:00:00+05:45"]
    plans = []
    for surroundings in SURROUNDINGS:
        env = {"PATH": example.path_with_commands(), "HOME": str(tmp_path), **surroundings}
        done = subprocess.run([*command, "--format", form], env=env, capture_output=True, check=False)
        assert done.returncode == 2, done.stderr.decode()
        plans.append(done.stdout)
    assert plans[0] == plans[1]
