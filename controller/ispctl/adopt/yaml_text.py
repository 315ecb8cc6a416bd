"""Plain values -> a YAML file as our own are written: short things on one line, the rest below each other. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import NoneType
from typing import Final

from ispctl.repo.edit import Value, flow, scalar

__all__ = ["Value", "dump"]

_WIDTH: Final = 110


def dump(value: Mapping[str, Value]) -> str:
    """A file: the keys below each other."""
    return "".join(_below(value, ""))


def _below(value: Mapping[str, Value], indent: str) -> Iterator[str]:
    for key, one in value.items():
        line = f"{indent}{scalar(key)}: {flow(one)}"
        if isinstance(one, Mapping) and len(line) > _WIDTH:
            yield f"{indent}{scalar(key)}:\n"
            yield from _below(one, indent + "  ")
        elif not isinstance(one, (str, int, Mapping, NoneType)) and len(line) > _WIDTH:
            yield f"{indent}{scalar(key)}:\n"
            yield from _items(one, indent + "  ")
        else:
            yield line + "\n"


def _items(values: Sequence[Value], indent: str) -> Iterator[str]:
    for one in values:
        if isinstance(one, Mapping) and one:
            first, *rest = _below(one, indent + "  ")
            yield f"{indent}- {first[len(indent) + 2 :]}"
            yield from rest
        else:
            yield f"{indent}- {flow(one)}\n"
