"""Every plan that a test makes is checked against the published schema, whatever the test is about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import tzinfo
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = ROOT / "docs"


@cache
def _validator(name: str) -> Any:
    import jsonschema_rs

    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    jsonschema_rs.meta.validate(schema)
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def breaches(document: Any, name: str = "plan") -> list[str]:
    """Where a document does not keep its published schema."""
    errors = _validator(name).iter_errors(document)
    return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in errors]


@pytest.fixture(scope="session", autouse=True)
def every_plan_keeps_the_schema() -> Iterator[None]:
    from ispctl.plan import Plan
    from ispctl.report import plan_json

    make = plan_json._members

    def checked(plan: Plan, zone: tzinfo, refused: plan_json.Refused) -> Iterator[tuple[str, Any]]:
        made = make(plan, zone, refused)
        assert breaches({name: list(said) if isinstance(said, Iterator) else said for name, said in made}) == []
        return make(plan, zone, refused)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_json, "_members", checked)
        yield
