"""inventory/policy.yaml: the ISP's own rules."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from ispctl.model.accounting import Accounting
from ispctl.model.device import NasPolicy
from ispctl.model.record import Record, field
from ispctl.model.rules import Between, Reads, Wrong
from ispctl.model.scalars import Count, Currency, Managed, Name, Net, Page, Realm, Seconds, Share, Text, Whole
from ispctl.model.tariff import Speed

DAY: Final = 86400
FORMAT = 1
"""The newest inventory format this version reads."""


def _zone(value: Any) -> Any:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError, TypeError):
        raise Wrong("zone", "expected an IANA time zone like Asia/Kathmandu") from None
    return value


Zone = Annotated[Text, Reads(_zone)]


class Block(Record):
    """What a blocked subscriber meets."""

    method: Literal["wall", "reject"] = field(
        default="wall", description="wall: only the payment page. reject: no session."
    )


class Wall(Record):
    """How a walled session is marked, in both families: without `pool6` it gets no IPv6 at all."""

    address_list: Name = field(default="isp-walled", description="Address list, filter or service on the NAS.")
    pool: Name | None = field(default=None, description="Pool for walled sessions; default: the NAS's own.")
    pool6: Name | None = field(
        default=None, description="IPv6 pool for walled sessions, of the same filter; default: no IPv6."
    )
    redirect: Page | None = field(
        default=None, description="Payment page, for platforms that are told where to send people."
    )
    rate: Speed = field(
        default_factory=lambda: Speed.usual(down=1_000_000, up=1_000_000), description="Speed behind the wall."
    )
    allow: tuple[Net, ...] = field(
        default=(), description="What a walled session may reach: payment page, DNS; for NAS that ispctl configures."
    )


class Expiry(Record):
    """Ends are spread after midnight by a stable hash of the service, in the customer's favour."""

    spread: Annotated[Seconds, Between(None, 86400)] = field(
        default=0, description="Up to so long after the end of the day."
    )
    backstop: Annotated[Seconds, Between(None, 366 * 86400)] = field(
        default=86400, description="So long after the end the server acts alone, if ispctl is dead."
    )


class Limit(Record):
    """More than max(floor, share of all services) in 24 h is refused unless the number is given."""

    share: Share = field(description="Of all services.")
    floor: Count = field(description="So many always pass.")


class Limits(Record):
    """The gates."""

    cut_off: Limit = field(
        default_factory=lambda: Limit.usual(share=Decimal("0.05"), floor=5),
        description="Services cut off, walled or ended.",
    )
    dropped: Limit = field(
        default_factory=lambda: Limit.usual(share=Decimal("0.10"), floor=20),
        description="Services whose session ends, but for those that are restored.",
    )
    slower: Limit = field(
        default_factory=lambda: Limit.usual(share=Decimal("0.10"), floor=20),
        description="Services made slower by a commit.",
    )
    delete: Limit = field(
        default_factory=lambda: Limit.usual(share=Decimal("0.05"), floor=5),
        description="Rows of ours that are deleted.",
    )


class Retention(Record):
    """How long the database keeps what has happened. What is deleted cannot be made again: `ispctl backup` first."""

    sessions: Annotated[Seconds, Between(31 * DAY)] | None = field(
        default=None, description="Sessions that have ended, with their usage and addresses; default: for ever."
    )
    rejects: Annotated[Seconds, Between(DAY)] | None = field(
        default=None, description="Refusals, and accepts that were written down; default: for ever."
    )
    letters: Annotated[Seconds, Between(31 * DAY)] | None = field(
        default=None, description="Letters that went or were refused, after their last attempt; default: for ever."
    )
    nas_backups: Annotated[Seconds, Between(DAY)] | None = field(
        default=None,
        description="What stood on NAS before runs changed it; the last three of each stay. Default: for ever.",
    )
    usage: Annotated[Seconds, Between(62 * DAY)] | None = field(
        default=None, description="What each service used on each day; default: for ever."
    )


class CpePolicy(Record):
    """Devices of subscribers."""

    keep_password: Annotated[Seconds, Between(0, 60 * DAY)] = field(
        default=7 * DAY,
        description="So long an old password holds while the device does not have the new one; 0: not at all.",
    )


class Policy(Record):
    """The rules that hold for everybody."""

    format: Annotated[Whole, Between(1)] = field(description="Format of the inventory.")
    timezone: Zone = field(description="IANA name; days begin and end there.")
    currency: Currency = field(description="ISO 4217.")
    realms: dict[Realm, Literal["local"]] = field(default_factory=dict, description="Realms that logins may carry.")
    roaming: Literal["allow", "alert", "reject"] = field(
        default="allow", description="A login from a NAS it is not planned on."
    )
    expired: Block = field(default_factory=Block.usual, description="What a subscriber meets who has not paid.")
    suspended: Block | None = field(default=None, description="Default: as expired.")
    hold: Block | None = field(default=None, description="Default: as expired.")
    blocked: Block | None = field(default=None, description="Whose volume is used up. Default: as expired.")
    wall: Wall = field(default_factory=Wall.usual, description="How a walled session is marked.")
    expiry: Expiry = field(default_factory=Expiry.usual, description="When exactly a paid day ends.")
    limits: Limits = field(
        default_factory=Limits.usual, description="The gates: how much one day may take from people."
    )
    retention: Retention = field(
        default_factory=Retention.usual,
        description="How long sessions, refusals and letters are kept; default: for ever.",
    )
    money: Accounting = field(
        default_factory=Accounting.usual, description="How amounts, periods and accounts are reckoned."
    )
    nas: NasPolicy = field(default_factory=NasPolicy.usual, description="When and in which order NAS are configured.")
    cpe: CpePolicy = field(
        default_factory=CpePolicy.usual, description="How devices of subscribers are told something."
    )
    managed: Managed = field(
        default="enforce",
        description="observe: planned and never written, beside an old system; for groups and hosts that say nothing.",
    )
    mac_unique: Literal["global", "group", "off"] = field(
        default="global", description="Where a MAC may be bound only once."
    )

    @classmethod
    def completed(cls, node: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Whoever is blocked meets what one meets who has not paid."""
        as_expired = node.get("expired", {"method": "wall"})
        return {"suspended": as_expired, "hold": as_expired, "blocked": as_expired, **node}
