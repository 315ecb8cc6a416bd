"""inventory/hosts.yaml, groups.yaml, defaults.yaml (Nornir's format, ours under data:), pools.yaml and targets.yaml."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from ispctl.model.device import Device, NasTarget
from ispctl.model.problem import Where
from ispctl.model.record import Record, Table
from ispctl.model.scalars import (
    Address,
    Email,
    Flag,
    Hostname,
    Managed,
    Name,
    Net,
    Port,
    SealedText,
    Seconds,
    Text,
    Whole,
)
from ispctl.structs import Struct, field

FALLBACK = "wispr"
"""The platform of a host that names none: the WISPr attributes."""


class Radius(Record):
    """The NAS as a RADIUS client."""

    sources: Annotated[tuple[Address, ...], Field(min_length=1)] = Field(
        description="Addresses its requests come from; also what it may send as NAS-IP-Address."
    )
    identifier: Text | None = Field(None, description="NAS-Identifier it sends.")
    secret: SealedText = Field(repr=False, description="Shared secret, sealed for nas/<host>/radius.secret.")
    require_message_authenticator: Flag = Field(True, description="Refuse requests without one (BlastRADIUS).")


class Coa(Record):
    """Where CoA and Disconnect requests go (RFC 5176)."""

    address: Address = Field(description="Where the NAS listens.")
    port: Port = Field(3799, description="UDP port; some NAS use 1700.")
    per_second: Annotated[Whole, Field(ge=1, le=10000)] = Field(50, description="Requests a second at most.")


class Accounting(Record):
    """How the NAS counts."""

    interim: Annotated[Seconds, Field(ge=1, le=86400)] = Field(300, description="Acct-Interim-Interval.")
    direction: Literal["nas", "subscriber"] = Field("nas", description="nas: Acct-Input is what the subscriber sends.")
    gigawords: Flag = Field(True, description="Whether it sends Acct-…-Gigawords; without them 4 GB is the most.")


class HostData(Record):
    """What ispctl needs to know; Nornir keeps it under data:."""

    radius: Radius | None = Field(None, description="As a RADIUS client; without it nobody can dial in through it.")
    coa: Coa | None = Field(None, description="Without it a running session cannot be changed or ended.")
    accounting: Accounting | None = Field(None, description="How it counts.")
    managed: Managed | None = Field(
        None, description="observe: its row is not written, its sessions are not told; default: the policy's."
    )
    device: Device | None = Field(None, description="How it is configured; without it its configuration is left alone.")
    custom: dict[str, Any] = Field(default_factory=dict, description="Yours; ispctl does not read it.")


class Nornir(Record):
    """The fields that hosts, groups and defaults share in Nornir's SimpleInventory."""

    hostname: Hostname | None = Field(None, description="Address for management.")
    port: Port | None = Field(None, description="Port for management.")
    username: Text | None = Field(None, description="Login for management.")
    password: SealedText | None = Field(None, repr=False, description="Sealed; never clear text.")
    platform: Name | None = Field(None, description="Which vendor's attributes it is told; none: WISPr's.")
    data: HostData = Field(default_factory=HostData.usual, description="What ispctl needs to know.")
    connection_options: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Nornir's own.")


class Management(Struct):
    """How one gets into a NAS: Nornir's own fields, with its inheritance resolved. `password`: sealed for
    `<kind>/<owner>/password`, which are those of the host, group or defaults that say it."""

    hostname: str
    port: int | None
    username: str
    password: str = field(default="", repr=False)
    kind: str = "nas"
    owner: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Nornir's connection_options, as written."""


class Nas(Struct):
    """A host with Nornir's inheritance resolved: what the rest of the program sees."""

    name: str
    platform: str
    groups: frozenset[str]
    radius: Radius | None
    coa: Coa | None
    accounting: Accounting
    where: Where
    managed: Managed | None = None
    device: Device | None = None
    management: Management = field(default_factory=lambda: Management("", None, ""), repr=False)


class Host(Nornir):
    """One NAS."""

    groups: tuple[Name, ...] = Field((), description="Groups of groups.yaml; the first that says something wins.")


class Hosts(Table[dict[Name, Host]]):
    """inventory/hosts.yaml"""


class HostGroups(Table[dict[Name, Host]]):
    """inventory/groups.yaml"""


class Defaults(Nornir):
    """inventory/defaults.yaml"""


class Pool(Record):
    """A set of addresses with one owner and one purpose."""

    family: Literal[4, 6] = Field(description="IPv4 or IPv6.")
    served_by: Literal["nas", "radius", "dhcp", "static"] = Field(
        description="nas: Framed-Pool. radius: radippool. dhcp: the NAS's DHCP. static: written in git."
    )
    slices: dict[Name, tuple[Net, ...]] = Field(default_factory=dict, description="Per NAS: its part of the pool.")
    ranges: tuple[Net, ...] = Field(
        (), description="Its prefixes, where it is not cut into slices; neither of them: only the NAS knows (W720)."
    )
    length: Annotated[Whole, Field(ge=32, le=64)] | None = Field(
        None, description="IPv6 of the server: 64 is for links (the default), 32 to 63 for delegated prefixes."
    )
    gateway: Address | None = Field(None, description="Never handed out.")
    exclude: tuple[Address, ...] = Field((), description="Never handed out either.")
    nas: tuple[Name, ...] = Field((), description="Hosts or groups that may use it; empty: all.")
    quarantine: Seconds = Field(0, description="How long a freed address rests.")
    purpose: Text | None = Field(None, description="For people.")

    @model_validator(mode="before")
    @classmethod
    def _family(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("family") in ("4", "6"):
            return value | {"family": int(value["family"])}
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.slices and self.ranges) or not (self.slices or self.ranges or self.elsewhere):
            raise ValueError("takes either slices (per NAS) or ranges")
        if self.slices and self.served_by == "static":
            raise ValueError("served_by static takes ranges, not slices")
        addresses = [*self.exclude, *([self.gateway] if self.gateway else [])]
        if any(part.version != self.family for part in [*self.prefixes, *addresses]):
            raise ValueError(f"holds an address that is not of family {self.family}")
        if self.length is not None and not self.cut:
            raise ValueError("length belongs to a pool of family 6 that is served_by radius")
        if self.cut and any(net.prefixlen > self.cut for net in self.prefixes):
            raise ValueError(f"holds a prefix that is smaller than the /{self.cut} it hands out")
        return self

    @property
    def cut(self) -> int:
        """The length of the prefixes that the server hands out from a pool of IPv6; 0 for every other pool."""
        return (self.length or 64) if self.family == 6 and self.served_by == "radius" else 0

    @property
    def elsewhere(self) -> bool:
        """Whether others know its addresses, so that they need not be written here."""
        return self.served_by in ("nas", "dhcp")

    @property
    def prefixes(self) -> tuple[Net, ...]:
        """All prefixes of the pool, whoever serves them."""
        return self.ranges or tuple(net for part in self.slices.values() for net in part)


class Pools(Table[dict[Name, Pool]]):
    """inventory/pools.yaml"""


_PASSWORD: Final = re.compile(r"://[^?#]*:[^?#]*@|[?&](ssl)?password=")
"""In a DSN: between the user and the host, or among the options."""


_MAIL_SERVER: Final = re.compile(r"smtps?://([^\s:@/]+@)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?")


class RadiusTarget(Record):
    """The database that FreeRADIUS reads."""

    dsn: str = Field(
        min_length=1,
        max_length=1000,
        repr=False,
        description="sqlite:///path, relative to the repository; or postgresql://user@host/database, without password",
    )
    replicas: tuple[str, ...] = Field(
        (), repr=False, description="Standbys of a PostgreSQL database next to other FreeRADIUS servers, each as dsn."
    )

    @property
    def clear_passwords(self) -> tuple[tuple[str | int, ...], ...]:
        """Which of the DSNs hold a password."""
        named: list[tuple[tuple[str | int, ...], str]] = [(("dsn",), self.dsn)]
        named += [(("replicas", number), text) for number, text in enumerate(self.replicas)]
        return tuple(place for place, text in named if _PASSWORD.search(text))


def _mail_server(value: Any) -> Any:
    if not isinstance(value, str) or not _MAIL_SERVER.fullmatch(value):
        expected = "expected smtp://user@host:port or smtps://user@host:port, without a password"
        raise PydanticCustomError("mail_server", expected)
    return str(value)


class MailTarget(Record):
    """The server that takes e-mail to subscribers. Its password is ISPCTL_MAIL_PASSWORD in the environment."""

    url: Annotated[str, BeforeValidator(_mail_server)] = Field(
        description="smtps://user@host:port, or smtp:// with TLS where the server offers it; without a password."
    )
    sender: Email = Field(description="The address that letters come from.")


class CpeTarget(Record):
    """The devices of subscribers, by TR-069. The secret of their logins is ISPCTL_ACS_SECRET in the environment, the
    password of the factory's ISPCTL_ACS_FACTORY."""

    inform: Annotated[Seconds, Field(ge=60, le=7 * 86400)] = Field(3600, description="How often a device calls.")
    factory: Name | None = Field(
        None, description="Login with which a device calls that is new or was reset; default: each has its own already."
    )


class Targets(Record):
    """inventory/targets.yaml"""

    radius: RadiusTarget = Field(description="Where logins, sessions and our own tables are.")
    nas: NasTarget | None = Field(None, description="How NAS are configured; without it none is reached.")
    mail: MailTarget | None = Field(None, description="By which server statements are sent; default: by none.")
    cpe: CpeTarget | None = Field(None, description="How devices of subscribers are configured; default: none is.")
