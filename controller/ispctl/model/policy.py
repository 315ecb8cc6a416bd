"""inventory/policy.yaml: the ISP's own rules."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from ispctl.model.accounting import Accounting
from ispctl.model.device import NasPolicy
from ispctl.model.record import Record
from ispctl.model.scalars import Count, Currency, Managed, Name, Net, Page, Realm, Seconds, Share, Text, Whole
from ispctl.model.tariff import Speed

DAY: Final = 86400
FORMAT = 1
"""The newest inventory format this version reads."""


class Block(Record):
    """What a blocked subscriber meets."""

    method: Literal["wall", "reject"] = Field("wall", description="wall: only the payment page. reject: no session.")


class Wall(Record):
    """How a walled session is marked, in both families: without `pool6` it gets no IPv6 at all."""

    address_list: Name = Field("isp-walled", description="Address list, filter or service on the NAS.")
    pool: Name | None = Field(None, description="Pool for walled sessions; default: the NAS's own.")
    pool6: Name | None = Field(None, description="IPv6 pool for walled sessions, of the same filter; default: no IPv6.")
    redirect: Page | None = Field(None, description="Payment page, for platforms that are told where to send people.")
    rate: Speed = Field(
        default_factory=lambda: Speed.usual(down=1_000_000, up=1_000_000), description="Speed behind the wall."
    )
    allow: tuple[Net, ...] = Field(
        (), description="What a walled session may reach: payment page, DNS; for NAS that ispctl configures."
    )


class Expiry(Record):
    """Ends are spread after midnight by a stable hash of the service, in the customer's favour."""

    spread: Annotated[Seconds, Field(le=86400)] = Field(0, description="Up to so long after the end of the day.")
    backstop: Annotated[Seconds, Field(le=366 * 86400)] = Field(
        86400, description="So long after the end the server acts alone, if ispctl is dead."
    )


class Limit(Record):
    """More than max(floor, share of all services) in 24 h is refused unless the number is given."""

    share: Share = Field(description="Of all services.")
    floor: Count = Field(description="So many always pass.")


class Limits(Record):
    """The gates."""

    cut_off: Limit = Field(
        default_factory=lambda: Limit.usual(share=Decimal("0.05"), floor=5),
        description="Services cut off, walled or ended.",
    )
    dropped: Limit = Field(
        default_factory=lambda: Limit.usual(share=Decimal("0.10"), floor=20),
        description="Services whose session ends, but for those that are restored.",
    )
    slower: Limit = Field(
        default_factory=lambda: Limit.usual(share=Decimal("0.10"), floor=20),
        description="Services made slower by a commit.",
    )
    delete: Limit = Field(
        default_factory=lambda: Limit.usual(share=Decimal("0.05"), floor=5),
        description="Rows of ours that are deleted.",
    )


class Retention(Record):
    """How long the database keeps what has happened. What is deleted cannot be made again: `ispctl backup` first."""

    sessions: Annotated[Seconds, Field(ge=31 * DAY)] | None = Field(
        None, description="Sessions that have ended, with their usage and addresses; default: for ever."
    )
    rejects: Annotated[Seconds, Field(ge=DAY)] | None = Field(
        None, description="Refusals, and accepts that were written down; default: for ever."
    )
    letters: Annotated[Seconds, Field(ge=31 * DAY)] | None = Field(
        None, description="Letters that went or were refused, after their last attempt; default: for ever."
    )
    nas_backups: Annotated[Seconds, Field(ge=DAY)] | None = Field(
        None, description="What stood on NAS before runs changed it; the last three of each stay. Default: for ever."
    )
    usage: Annotated[Seconds, Field(ge=62 * DAY)] | None = Field(
        None, description="What each service used on each day; default: for ever."
    )


class CpePolicy(Record):
    """Devices of subscribers."""

    keep_password: Annotated[Seconds, Field(ge=0, le=60 * DAY)] = Field(
        7 * DAY, description="So long an old password holds while the device does not have the new one; 0: not at all."
    )


class Policy(Record):
    """The rules that hold for everybody."""

    format: Annotated[Whole, Field(ge=1)] = Field(description="Format of the inventory.")
    timezone: Text = Field(description="IANA name; days begin and end there.")
    currency: Currency = Field(description="ISO 4217.")
    realms: dict[Realm, Literal["local"]] = Field(default_factory=dict, description="Realms that logins may carry.")
    roaming: Literal["allow", "alert", "reject"] = Field(
        "allow", description="A login from a NAS it is not planned on."
    )
    expired: Block = Field(default_factory=Block.usual, description="What a subscriber meets who has not paid.")
    suspended: Block | None = Field(None, description="Default: as expired.")
    hold: Block | None = Field(None, description="Default: as expired.")
    blocked: Block | None = Field(None, description="Whose volume is used up. Default: as expired.")
    wall: Wall = Field(default_factory=Wall.usual, description="How a walled session is marked.")
    expiry: Expiry = Field(default_factory=Expiry.usual, description="When exactly a paid day ends.")
    limits: Limits = Field(
        default_factory=Limits.usual, description="The gates: how much one day may take from people."
    )
    retention: Retention = Field(
        default_factory=Retention.usual,
        description="How long sessions, refusals and letters are kept; default: for ever.",
    )
    money: Accounting = Field(
        default_factory=Accounting.usual, description="How amounts, periods and accounts are reckoned."
    )
    nas: NasPolicy = Field(default_factory=NasPolicy.usual, description="When and in which order NAS are configured.")
    cpe: CpePolicy = Field(
        default_factory=CpePolicy.usual, description="How devices of subscribers are told something."
    )
    managed: Managed = Field(
        "enforce",
        description="observe: planned and never written, beside an old system; for groups and hosts that say nothing.",
    )
    mac_unique: Literal["global", "group", "off"] = Field("global", description="Where a MAC may be bound only once.")

    @model_validator(mode="before")
    @classmethod
    def _blocked_alike(cls, value: Any) -> Any:
        if isinstance(value, dict):
            as_expired = value.get("expired", {"method": "wall"})
            return {"suspended": as_expired, "hold": as_expired, "blocked": as_expired} | value
        return value

    @model_validator(mode="after")
    def _zone_exists(self) -> Self:
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError):
            raise ValueError("timezone: is not an IANA time zone like Asia/Kathmandu") from None
        return self
