"""The pure modules are pure: the audit hook bites, and none of them names a library that does I/O."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.gates import purity
from tests.gates.purity import ROOT

PACKAGE = ROOT / "controller" / "ispctl"
DOES_IO = {
    *("asyncio", "cryptography", "git", "glob", "http", "io", "logging", "multiprocessing", "os", "pathlib", "pyrad"),
    *("pyrage", "random", "requests", "ruamel", "secrets", "shutil", "socket", "sqlite3", "subprocess", "tempfile"),
    *("threading", "time"),
}

IMPURE = """
def write(path): open(path, "w").close()
def read(path): return open(path).read()
def connect():
    with __import__("socket").socket() as s: s.connect(("127.0.0.1", 9))
def spawn(): __import__("subprocess").run(["true"])
def shell(): __import__("os").system("true")
def database(): __import__("sqlite3").connect(":memory:")
def swallow(path):
    try: open(path)
    except Exception: return 0
def zone(): return __import__("zoneinfo").ZoneInfo.no_cache("Pacific/Kiritimati")
def nowhere(): return __import__("zoneinfo").ZoneInfo.no_cache("Nowhere/Land")
def late(): return __import__("read_late").SAID
"""


@pytest.fixture
def impure() -> ModuleType:
    """A module that the hook takes for one of the package's."""
    spec = importlib.util.spec_from_loader("impure", loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    exec(compile(IMPURE, str(PACKAGE / "impure.py"), "exec"), module.__dict__)  # noqa: S102
    return module


@pytest.mark.parametrize("act", ["connect", "spawn", "shell", "database"])
def test_reaching_out_raises_in_a_pure_test(impure: ModuleType, act: str) -> None:
    with pytest.raises(purity.Impure, match=r"impure\.py"), purity.enforced():
        getattr(impure, act)()


@pytest.mark.parametrize("act", ["write", "read", "swallow"])
def test_opening_a_file_raises_even_when_the_code_catches_it(impure: ModuleType, act: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(purity.Impure, match=r"open in impure\.py"), purity.enforced():
        getattr(impure, act)(str(file))


def test_a_module_that_loads_late_may_keep_its_byte_code(
    impure: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "read_late.py").write_text("SAID = 1")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with purity.enforced():
        assert impure.late() == 1
    assert list(tmp_path.glob("__pycache__/*.pyc"))


def test_a_name_that_is_no_time_zone_may_be_looked_for_wherever_modules_are(
    impure: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    importlib.invalidate_caches()
    with purity.enforced(), pytest.raises(zoneinfo.ZoneInfoNotFoundError):
        impure.nowhere()


def test_a_time_zone_may_be_loaded_and_a_test_may_read_its_golden_file(impure: ModuleType, tmp_path: Path) -> None:
    golden = tmp_path / "golden"
    golden.write_text("text")
    with purity.enforced():
        assert str(impure.zone()) == "Pacific/Kiritimati"
        assert golden.read_text() == "text"


def test_the_hook_sleeps_outside_pure_tests(impure: ModuleType, tmp_path: Path) -> None:
    impure.write(str(tmp_path / "file"))
    assert (tmp_path / "file").exists()


def test_it_is_on_for_the_tests_of_pure_modules_only() -> None:
    tests = ROOT / "tests"
    assert purity.applies(tests / "plan" / "test_diff.py")
    assert purity.applies(tests / "test_desired.py")
    assert not purity.applies(tests / "radius" / "test_rows.py")
    assert not purity.applies(Path(sys.prefix) / "plan" / "test_diff.py")


def _pure_files() -> list[Path]:
    places = [PACKAGE / name for name in purity.PURE] + [PACKAGE / f"{name}.py" for name in purity.PURE]
    return [file for place in places for file in ([place] if place.is_file() else sorted(place.rglob("*.py")))]


@pytest.mark.parametrize("file", _pure_files(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_pure_module_imports_no_library_that_does_io(file: Path) -> None:
    found = {name.partition(".")[0] for name in _imports(ast.parse(file.read_text("utf-8")))} & DOES_IO
    assert not found


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
