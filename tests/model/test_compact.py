"""One line of JSON, whichever way it is made."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.model import compact as module
from ispctl.model.compact import compact

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inside: st.lists(inside) | st.tuples(inside) | st.dictionaries(st.text(), inside),
)


@given(VALUES)
def test_it_is_what_the_library_writes(value: object) -> None:
    assert compact(value) == json.dumps(value, separators=(",", ":"))


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        compact({"a": {1, 2}})


def test_a_python_without_the_fast_part_writes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = compact({"ä": [1, None, "\n"]})
    monkeypatch.setattr(module, "_parts", None)
    assert compact({"ä": [1, None, "\n"]}) == fast
