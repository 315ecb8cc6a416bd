"""Packages whose modules are read when somebody first asks for what they offer: a command that takes a moment is not to
read what it never needs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def on_demand(package: str, stands: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """`__getattr__` of a package. `stands`: the names that each of its modules offers, as the type checker reads them
    under TYPE_CHECKING; no module has the name of what it offers, or it would hide that."""
    module_of = {name: module for module, names in stands.items() for name in names}

    def look_up(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(f"{package}.{module_of[name]}"), name)
        setattr(sys.modules[package], name, found)
        return found

    return look_up
