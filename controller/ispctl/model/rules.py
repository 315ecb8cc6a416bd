"""What may be asked of a value beside its type; stands in `Annotated`, and is read by `reading` and by `judge`."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ispctl.structs import Struct


class Wrong(ValueError):
    """A value is not what its type says. The text says what was expected, and never the value."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        """A word for the sort of mistake, like `quote_it`."""


class Reads(Struct):
    """How text becomes the value; what is no text is left as it is. Of several, the last is asked first."""

    make: Callable[[Any], Any]
    """Raises Wrong."""


class Between(Struct):
    """Bounds of a number, both included."""

    least: int | None = None
    most: int | None = None

    def fits(self, value: int | Decimal) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


class Length(Struct):
    """How many signs a text may have, or a list items; both bounds included."""

    least: int = 0
    most: int | None = None

    def fits(self, value: str | tuple[Any, ...]) -> bool:
        return len(value) >= self.least and (self.most is None or len(value) <= self.most)


class Written(Struct):
    """How a value is written, for an editor: a piece of JSON Schema."""

    schema: Mapping[str, Any]

    def __hash__(self) -> int:
        return id(self)
