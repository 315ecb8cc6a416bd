"""Files fit a head, functions fit a screen; what does not is listed here with its reason, for as long as it is true."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.gates.tracked import ROOT, python_files

MOST_LINES = 400
MOST_IN_A_FUNCTION = 60

EXCEPTIONS: dict[str, str] = {
    # "controller/ispctl/x.py": why the file is longer, "controller/ispctl/x.py:Class.function": why the function is
}
SILENCED = re.compile(r"#\s*(noqa: *[A-Z0-9, ]*(?:C901|PLR091[125])|ruff: *noqa|mypy: *ignore-errors)")


def too_long() -> Iterator[str]:
    for path in python_files():
        name = str(path.relative_to(ROOT))
        text = path.read_text("utf-8")
        if text.count("\n") > MOST_LINES:
            yield name
        yield from (f"{name}:{function}" for function in _long_functions(ast.parse(text), ""))


def _long_functions(node: ast.AST, inside: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        name = inside
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{inside}.{child.name}".lstrip(".")
            lines = (child.end_lineno or child.lineno) - child.lineno + 1
            if lines > MOST_IN_A_FUNCTION and not isinstance(child, ast.ClassDef):
                yield name
        yield from _long_functions(child, name)


def test_no_file_and_no_function_is_too_long_but_the_listed_ones() -> None:
    assert sorted(too_long()) == sorted(EXCEPTIONS)


def test_nobody_silences_the_bound_on_complexity() -> None:
    silenced = [str(path.relative_to(ROOT)) for path in python_files() if SILENCED.search(path.read_text("utf-8"))]
    assert silenced == []
