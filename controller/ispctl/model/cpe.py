"""templates/cpe/<profile>.yaml, and the profiles that ispctl brings: where the devices of a vendor keep what we set."""

from typing import Annotated, Any, Final, Literal

from ispctl.model.record import Record, Table, check, field
from ispctl.model.rules import Length, Reads, Wrong
from ispctl.model.scalars import Text

Word = Literal[
    "pppoe.username",
    "pppoe.password",
    "pppoe.enable",
    "acs.username",
    "acs.password",
    "acs.inform_enable",
    "acs.inform_interval",
]
TYPES: Final[dict[Word, Literal["string", "boolean", "unsignedInt"]]] = {
    "pppoe.username": "string",
    "pppoe.password": "string",
    "pppoe.enable": "boolean",
    "acs.username": "string",
    "acs.password": "string",
    "acs.inform_enable": "boolean",
    "acs.inform_interval": "unsignedInt",
}
Root = Literal["InternetGatewayDevice", "Device"]


def _path(value: Any) -> Any:
    parts = value.split(".") if isinstance(value, str) else [""]
    if not all(part == "*" or part.replace("_", "").replace("-", "").isalnum() for part in parts):
        raise Wrong("path", "expected a path like Device.PPP.Interface.*, without a dot at its end")
    return str(value)


Path = Annotated[Text, Reads(_path)]


class CpeObject(Record):
    """An object of a device, of which there may be several: found by what it says, never by its number."""

    path: Path = field(description="`*` stands for every instance.")
    prefer: tuple[dict[Text, Text], ...] = field(
        default=(),
        description="Conditions in their order, each of parameters and patterns (`*INTERNET*`): the first that any"
        " instance meets decides.",
    )
    values: dict[Word, Path] = field(description="What we set there, and the name of the parameter below the object.")


class CpeTree(Record):
    """The objects of a data model."""

    objects: Annotated[tuple[CpeObject, ...], Length(1)] = field(
        description="In the order in which they are set: what cuts the connection comes last."
    )

    @check
    def _once(self) -> None:
        words = [word for one in self.objects for word in one.values]
        if len(set(words)) < len(words):
            raise ValueError("the same value stands in two objects")


class CpeProfile(Table[dict[Root, CpeTree]]):
    """By the root of the data model, since one product line may have either (TR-098, TR-181)."""

    root: dict[Root, CpeTree]

    @check
    def _fits(self) -> None:
        for root, tree in self.root.items():
            for one in tree.objects:
                if not one.path.startswith(f"{root}."):
                    raise ValueError(f"{one.path} does not lie below {root}")
