"""inventory/hosts.yaml, groups.yaml, defaults.yaml (Nornir's format, ours under data:), pools.yaml and targets.yaml."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from ispctl import structs
from ispctl.model.device import Device, NasTarget
from ispctl.model.document import Line
from ispctl.model.problem import Where
from ispctl.model.record import Record, Table, check, field
from ispctl.model.rules import Between, Length, Reads, Wrong
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
from ispctl.structs import Struct

FALLBACK = "wispr"
"""The platform of a host that names none: the WISPr attributes."""


class Radius(Record):
    """The NAS as a RADIUS client."""

    sources: Annotated[tuple[Address, ...], Length(1)] = field(
        description="Addresses its requests come from; also what it may send as NAS-IP-Address."
    )
    identifier: Text | None = field(default=None, description="NAS-Identifier it sends.")
    secret: SealedText = field(repr=False, description="Shared secret, sealed for nas/<host>/radius.secret.")
    require_message_authenticator: Flag = field(default=True, description="Refuse requests without one (BlastRADIUS).")


class Coa(Record):
    """Where CoA and Disconnect requests go (RFC 5176)."""

    address: Address = field(description="Where the NAS listens.")
    port: Port = field(default=3799, description="UDP port; some NAS use 1700.")
    per_second: Annotated[Whole, Between(1, 10000)] = field(default=50, description="Requests a second at most.")


class Accounting(Record):
    """How the NAS counts."""

    interim: Annotated[Seconds, Between(1, 86400)] = field(default=300, description="Acct-Interim-Interval.")
    direction: Literal["nas", "subscriber"] = field(
        default="nas", description="nas: Acct-Input is what the subscriber sends."
    )
    gigawords: Flag = field(
        default=True, description="Whether it sends Acct-…-Gigawords; without them 4 GB is the most."
    )


class HostData(Record):
    """What ispctl needs to know; Nornir keeps it under data:."""

    radius: Radius | None = field(
        default=None, description="As a RADIUS client; without it nobody can dial in through it."
    )
    coa: Coa | None = field(default=None, description="Without it a running session cannot be changed or ended.")
    accounting: Accounting | None = field(default=None, description="How it counts.")
    managed: Managed | None = field(
        default=None, description="observe: its row is not written, its sessions are not told; default: the policy's."
    )
    device: Device | None = field(
        default=None, description="How it is configured; without it its configuration is left alone."
    )
    custom: dict[str, Any] = field(default_factory=dict, description="Yours; ispctl does not read it.")


class Nornir(Record):
    """The fields that hosts, groups and defaults share in Nornir's SimpleInventory."""

    hostname: Hostname | None = field(default=None, description="Address for management.")
    port: Port | None = field(default=None, description="Port for management.")
    username: Text | None = field(default=None, description="Login for management.")
    password: SealedText | None = field(default=None, repr=False, description="Sealed; never clear text.")
    platform: Name | None = field(default=None, description="Which vendor's attributes it is told; none: WISPr's.")
    data: HostData = field(default_factory=HostData.usual, description="What ispctl needs to know.")
    connection_options: dict[str, dict[str, Any]] = field(default_factory=dict, description="Nornir's own.")


class Management(Struct):
    """How one gets into a NAS: Nornir's own fields, with its inheritance resolved. `password`: sealed for
    `<kind>/<owner>/password`, which are those of the host, group or defaults that say it."""

    hostname: str
    port: int | None
    username: str
    password: str = structs.field(default="", repr=False)
    kind: str = "nas"
    owner: str = ""
    options: Mapping[str, Any] = structs.field(default_factory=dict, repr=False)
    """Nornir's connection_options, as written."""


class Nas(Struct):
    """A host with Nornir's inheritance resolved: what the rest of the program sees."""

    name: str
    platform: str
    groups: frozenset[str]
    radius: Radius | None
    coa: Coa | None
    accounting: Accounting
    at: Where | Line
    managed: Managed | None = None
    device: Device | None = None
    management: Management = structs.field(default_factory=lambda: Management("", None, ""), repr=False)

    @property
    def where(self) -> Where:
        """The line that begins it."""
        return self.at.where if isinstance(self.at, Line) else self.at


class Host(Nornir):
    """One NAS."""

    groups: tuple[Name, ...] = field(
        default=(), description="Groups of groups.yaml; the first that says something wins."
    )


class Hosts(Table[dict[Name, Host]]):
    """inventory/hosts.yaml"""

    root: dict[Name, Host]


class HostGroups(Table[dict[Name, Host]]):
    """inventory/groups.yaml"""

    root: dict[Name, Host]


class Defaults(Nornir):
    """inventory/defaults.yaml"""


def _family(value: Any) -> Any:
    return int(value) if value in ("4", "6") else value


class Pool(Record):
    """A set of addresses with one owner and one purpose."""

    family: Annotated[Literal[4, 6], Reads(_family)] = field(description="IPv4 or IPv6.")
    served_by: Literal["nas", "radius", "dhcp", "static"] = field(
        description="nas: Framed-Pool. radius: radippool. dhcp: the NAS's DHCP. static: written in git."
    )
    slices: dict[Name, tuple[Net, ...]] = field(default_factory=dict, description="Per NAS: its part of the pool.")
    ranges: tuple[Net, ...] = field(
        default=(),
        description="Its prefixes, where it is not cut into slices; neither of them: only the NAS knows (W720).",
    )
    length: Annotated[Whole, Between(32, 64)] | None = field(
        default=None, description="IPv6 of the server: 64 is for links (the default), 32 to 63 for delegated prefixes."
    )
    gateway: Address | None = field(default=None, description="Never handed out.")
    exclude: tuple[Address, ...] = field(default=(), description="Never handed out either.")
    nas: tuple[Name, ...] = field(default=(), description="Hosts or groups that may use it; empty: all.")
    quarantine: Seconds = field(default=0, description="How long a freed address rests.")
    purpose: Text | None = field(default=None, description="For people.")

    @check
    def _fits(self) -> None:
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

    root: dict[Name, Pool]


_PASSWORD: Final = r"://[^?#]*:[^?#]*@|[?&](ssl)?password="  # noqa: S105  how one looks
"""In a DSN: between the user and the host, or among the options."""


_MAIL_SERVER: Final = r"smtps?://([^\s:@/]+@)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?"


class RadiusTarget(Record):
    """The database that FreeRADIUS reads."""

    dsn: Annotated[str, Length(1, 1000)] = field(
        repr=False,
        description="sqlite:///path, relative to the repository; or postgresql://user@host/database, without password",
    )
    replicas: tuple[str, ...] = field(
        default=(),
        repr=False,
        description="Standbys of a PostgreSQL database next to other FreeRADIUS servers, each as dsn.",
    )

    @property
    def clear_passwords(self) -> tuple[tuple[str | int, ...], ...]:
        """Which of the DSNs hold a password."""
        named: list[tuple[tuple[str | int, ...], str]] = [(("dsn",), self.dsn)]
        named += [(("replicas", number), text) for number, text in enumerate(self.replicas)]
        return tuple(place for place, text in named if re.search(_PASSWORD, text))


def _mail_server(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(_MAIL_SERVER, value):
        expected = "expected smtp://user@host:port or smtps://user@host:port, without a password"
        raise Wrong("mail_server", expected)
    return str(value)


class MailTarget(Record):
    """The server that takes e-mail to subscribers. Its password is ISPCTL_MAIL_PASSWORD in the environment."""

    url: Annotated[str, Reads(_mail_server)] = field(
        description="smtps://user@host:port, or smtp:// with TLS where the server offers it; without a password."
    )
    sender: Email = field(description="The address that letters come from.")


class CpeTarget(Record):
    """The devices of subscribers, by TR-069. The secret of their logins is ISPCTL_ACS_SECRET in the environment, the
    password of the factory's ISPCTL_ACS_FACTORY."""

    inform: Annotated[Seconds, Between(60, 7 * 86400)] = field(default=3600, description="How often a device calls.")
    factory: Name | None = field(
        default=None,
        description="Login with which a device calls that is new or was reset; default: each has its own already.",
    )


class Targets(Record):
    """inventory/targets.yaml"""

    radius: RadiusTarget = field(description="Where logins, sessions and our own tables are.")
    nas: NasTarget | None = field(default=None, description="How NAS are configured; without it none is reached.")
    mail: MailTarget | None = field(default=None, description="By which server statements are sent; default: by none.")
    cpe: CpeTarget | None = field(
        default=None, description="How devices of subscribers are configured; default: none is."
    )
