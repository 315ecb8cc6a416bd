"""Whatever a file may say is read by something, or `ispctl validate` says that nothing does."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import ispctl
import ispctl.model
from ispctl.model.record import Record, fields_of

PROGRAM: Final = Path(ispctl.__file__).parent
NAMED_WHOLE: Final = {"Cpe", "FairUse", "Tier", "Window"}
"""What stands below a field that W700 names."""
FOR_PEOPLE: Final = {("Group", "title"), ("HostData", "custom"), ("Profile", "mobile")}
BY_NAME: Final = {("Limits", "slower")}
"""The gates look for their limits by what they count."""


def test_every_field_is_read_or_named_as_not_enforced() -> None:
    for module in pkgutil.iter_modules(ispctl.model.__path__):
        importlib.import_module(f"ispctl.model.{module.name}")
    names = set(
        re.findall(r"\.(\w+)\b(?! *=[^=])", "\n".join(path.read_text("utf-8") for path in PROGRAM.rglob("*.py")))
    )
    names |= set(re.findall(r"\"(\w+)\"", (PROGRAM / "repo/rules/unenforced.py").read_text("utf-8")))
    unread = {
        (model.__name__, field)
        for model in records(Record)
        for field in fields_of(model)
        if field not in names and model.__name__ not in NAMED_WHOLE
    }
    assert unread == FOR_PEOPLE | BY_NAME


def records(of: type[Record]) -> Iterator[type[Record]]:
    for below in of.__subclasses__():
        if below.__module__.startswith("ispctl.model"):
            yield below
            yield from records(below)
