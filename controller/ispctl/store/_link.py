"""What a driver has to do for `Database`. One module for each: `_sqlite`, `_postgresql`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from ispctl.model.problem import Refusal
from ispctl.store._dialect import Dialect

Row = tuple[Any, ...]
Parameters = Sequence[str | int | None]


class Cursor(Protocol):
    """The part of a cursor that is used."""

    @property
    def rowcount(self) -> int: ...
    @property
    def description(self) -> Any: ...
    def fetchall(self) -> list[Row]: ...
    def fetchmany(self, size: int, /) -> list[Row]: ...
    def close(self) -> None: ...


class Link(Protocol):
    """An open connection. A statement outside BEGIN and COMMIT stands for itself. Texts have `?` for parameters."""

    dialect: Dialect
    place: str
    failures: tuple[type[Exception], ...]
    """What the driver raises; also for a parameter that no database can hold."""

    def execute(self, sql: str, parameters: Parameters, /) -> Cursor: ...
    def execute_many(self, sql: str, rows: Iterable[Parameters], /) -> int:
        """How many rows were changed by one statement run for each of `rows`."""

    def ready(self, sql: str, rows: Sequence[Parameters], /) -> Any:
        """What can be made of rows for `add_many` before the database is asked."""

    def add_many(self, sql: str, ready: Any, /) -> int:
        """The same as `execute_many` for an INSERT of rows that are all expected to be new; may fail where one is not,
        whatever the text says of conflicts."""

    def stream(self, sql: str, parameters: Parameters, /) -> Cursor:
        """A cursor whose rows come as they are fetched, inside a transaction or not."""

    @property
    def in_transaction(self) -> bool: ...
    def conflict(self, error: Exception, /) -> bool:
        """Whether the database answered at once instead of waiting for another writer."""

    def refusal(self, error: Exception, /) -> Refusal: ...
    def close(self) -> None: ...
