"""A value together with the place somebody wrote it: the reason for every answer the program gives."""

from typing import Generic, Protocol, TypeVar

from ispctl.model.problem import Where
from ispctl.model.record import Loc
from ispctl.structs import Struct, field

T = TypeVar("T", covariant=True)


class Places(Protocol):
    """Line and column (from 1) of a key or a value; of the nearest ancestor where there is none."""

    def key(self, loc: Loc) -> tuple[int, int]: ...

    def value(self, loc: Loc) -> tuple[int, int]: ...


class Nowhere:
    """The places of a document that was not read from a file."""

    def key(self, loc: Loc) -> tuple[int, int]:  # noqa: ARG002  the protocol's shape
        return (0, 0)

    def value(self, loc: Loc) -> tuple[int, int]:  # noqa: ARG002
        return (0, 0)


class Spot(Struct):
    """A place that is looked up when somebody asks for it: a file that was read at once has to be read again for it."""

    file: str
    loc: Loc
    places: Places = field(repr=False, compare=False)

    @property
    def where(self) -> Where:
        return Where(self.file, *self.places.value(self.loc))


class At(Struct):
    """One place for whatever is asked."""

    line: int
    column: int

    def key(self, loc: Loc) -> tuple[int, int]:  # noqa: ARG002
        return (self.line, self.column)

    value = key


class Line(Spot):
    """The place of a key, likewise. Another process is sent the place, not the file in which it is looked up."""

    @property
    def where(self) -> Where:
        return Where(self.file, *self.places.key(self.loc))

    def __reduce__(self) -> tuple[type["Line"], tuple[str, Loc, Places]]:
        return Line, (self.file, self.loc, At(*self.places.key(self.loc)))


class Document(Struct, Generic[T]):
    """One file: its path, its content as a model, and where each part of it stands."""

    path: str
    value: T
    places: Places = field(default_factory=Nowhere, repr=False, compare=False)

    def where(self, *loc: str | int) -> Where:
        """The place of a value, or of the nearest thing above it that is written down."""
        return Where(self.path, *self.places.value(loc))

    def spot(self, *loc: str | int) -> Spot:
        """The same, not looked up yet."""
        return Spot(self.path, loc, self.places)

    def line(self, *loc: str | int) -> Line:
        """The place of a key, not looked up yet."""
        return Line(self.path, loc, self.places)

    def where_key(self, *loc: str | int) -> Where:
        """The place of a key."""
        return Where(self.path, *self.places.key(loc))
