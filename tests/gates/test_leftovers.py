"""What the end of a run notices in the work tree."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.gates import leftovers


def test_a_new_file_in_the_work_tree_is_noticed_even_when_it_is_ignored(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("var/\n.mypy_cache/\n")
    before = leftovers.tree(tmp_path)
    (tmp_path / "var").mkdir()
    for name in ("var/radius.db", "new.txt"):
        (tmp_path / name).touch()
    (tmp_path / ".mypy_cache").mkdir()
    (tmp_path / ".mypy_cache" / "x").touch()
    assert leftovers.tree(tmp_path) - before == {"?? new.txt", "!! var/radius.db"}
