"""subscribers/<group>/**/<id>.yaml and group.yaml: people, their services, and the groups they belong to."""

from datetime import datetime
from functools import cache
from typing import Annotated, Literal

from ispctl.model.record import Record, check, field
from ispctl.model.rules import Between, Length
from ispctl.model.scalars import (
    V4,
    V6,
    BitRate,
    Count,
    Email,
    Flag,
    LineId,
    Login,
    Mac,
    Managed,
    Moment,
    Name,
    Net,
    Net6,
    Octets,
    Phone,
    SealedText,
    SubscriberId,
    Text,
    Whole,
)


class Profile(Record):
    """Who the subscriber is. Shown to the helpdesk; never in a plan, a note or a log."""

    name: Text = field(description="Name of the person or company.", repr=False)
    mobile: Phone | None = field(default=None, description="E.164, in quotes: it begins with +.", repr=False)
    email: Email | None = field(default=None, description="Where notices and statements go.", repr=False)
    address: Text | None = field(default=None, description="Postal or street address.", repr=False)


class Access(Record):
    """How the service is identified on the network."""

    type: Literal["pppoe", "ipoe"] = field(description="pppoe: login and password. ipoe: by MAC or circuit.")
    identify: Literal["mac", "circuit"] | None = field(
        default=None, description="ipoe only: mac: the devices of mac.addresses. circuit: the line it comes from."
    )
    circuit_id: LineId | None = field(
        default=None, description='DHCP option 82 circuit id; octets as "0x0004007b0107".'
    )
    remote_id: LineId | None = field(default=None, description="DHCP option 82 remote id; without it any will do.")
    vlan: Annotated[Whole, Between(1, 4094)] | None = field(default=None, description="VLAN of the service.")

    @check
    def _whole(self) -> None:
        if self.type == "pppoe" and (self.identify or self.circuit_id or self.remote_id):
            raise ValueError("identify, circuit_id and remote_id belong to ipoe")
        if self.type == "ipoe" and not self.identify:
            raise ValueError("an ipoe service says how it is identified: mac or circuit")
        if self.identify == "circuit" and not self.circuit_id:
            raise ValueError("identify: circuit needs circuit_id")
        if self.identify == "mac" and (self.circuit_id or self.remote_id):
            raise ValueError("circuit_id and remote_id belong to identify: circuit")


class Grace(Record):
    """Service beyond what is paid, until the end of a day."""

    until: Moment = field(description="Inclusive: grace ends when that local day ends.")
    reason: Text = field(description="Why it was given.")
    ticket: Text | None = field(default=None, description="Ticket that asked for it.")
    key: Text | None = field(default=None, description="Idempotency key of the event.")


class Allowance(Record):
    """Volume beyond what fair use of the tariff gives, for the window in which a day lies."""

    window: Literal["day", "week", "month", "cycle"] = field(description="Of which policies of `fup`.")
    since: Moment = field(key="from", description="A day of the window: it counts in that one alone.")
    more: Octets | None = field(default=None, description="So much more may be used.")
    less: Octets | None = field(default=None, description="So much less.")
    reason: Text | None = field(default=None, description="Why it was given.")
    ticket: Text | None = field(default=None, description="Ticket that asked for it.")
    key: Text | None = field(default=None, description="Idempotency key of the event.")

    @check
    def _one(self) -> None:
        if (self.more is None) == (self.less is None):
            raise ValueError("takes either more or less")


class Activation(Record):
    """What is paid for a service that begins when its subscriber is online for the first time."""

    at: Literal["first-login"] = field(description="At the first session.")
    since: Moment = field(description="Sessions count from here on; a date means 00:00 local.")
    months: Annotated[Whole, Between(1, 4320)] | None = field(
        default=None, description="Calendar months that are paid."
    )
    days: Annotated[Whole, Between(1, 132_000)] | None = field(default=None, description="Days; instead of months.")
    until: Moment | None = field(default=None, description="Last day to begin, inclusive; without it there is none.")
    key: Text | None = field(default=None, description="Idempotency key of the event.")

    @check
    def _fits(self) -> None:
        if (self.months is None) == (self.days is None):
            raise ValueError("takes either months or days")
        if type(self.since) is type(self.until) and self.since > self.until:
            raise ValueError("until is before since")


class Hold(Record):
    """Holiday: no service from the first day to the last, both included."""

    since: Moment = field(key="from", description="First day without service, from 00:00 local.")
    until: Moment = field(description="Last day without service, inclusive.")
    extends_paid_until: Flag = field(default=False, description="Whether the days of the hold are added to paid_until.")
    reason: Text | None = field(default=None, description="Why.")

    @check
    def _forwards(self) -> None:
        if type(self.since) is type(self.until) and self.since > self.until:
            raise ValueError("until is before from")


class Suspended(Record):
    """Taken out of service by a person, until the key is removed."""

    since: Moment = field(description="A date means 00:00 local.")
    reason: Text = field(description="Why.")
    ticket: Text | None = field(default=None, description="Ticket that asked for it.")


class Ipv4(Record):
    """Either one address of a static pool, or a pool that hands one out."""

    static: V4 | None = field(default=None, description="Framed-IP-Address; must lie in a pool served_by static.")
    pool: Name | None = field(default=None, description="Name of a pool.")

    @check
    def _one(self) -> None:
        if (self.static is None) == (self.pool is None):
            raise ValueError("takes either static or pool")


class Wan6(Record):
    """The address of the link itself."""

    static: V6 | None = field(default=None, description="Framed-IPv6-Address (RFC 6911).")
    pool: Name | None = field(default=None, description="Framed-IPv6-Pool (RFC 3162).")

    @check
    def _one(self) -> None:
        if (self.static is None) == (self.pool is None):
            raise ValueError("takes either static or pool")


class Delegated6(Record):
    """The prefix handed to the customer's router (Delegated-IPv6-Prefix, RFC 4818)."""

    static: Net6 | None = field(default=None, description="A prefix of a static pool.")
    pool: Name | None = field(default=None, description="Delegated-IPv6-Prefix-Pool (RFC 6911).")
    length: Annotated[Whole, Between(32, 64)] | None = field(
        default=None, description="Length of a prefix from the pool."
    )

    @check
    def _one(self) -> None:
        if (self.static is None) == (self.pool is None):
            raise ValueError("takes either static or pool")
        if self.static is not None and self.length is not None:
            raise ValueError("length belongs to pool; a static prefix carries its own")


class Ipv6(Record):
    """IPv6 of a service."""

    wan: Wan6 | None = field(default=None, description="The link itself.")
    delegated: Delegated6 | None = field(default=None, description="The prefix for the customer's router.")


class Device(Record):
    """One MAC address that may dial in."""

    mac: Mac = field(description="Any notation; kept as 02:00:5e:10:00:01.")
    label: Text | None = field(default=None, description="For people.")


class Binding(Record):
    """Which devices may use the service."""

    mode: Literal["off", "learn", "fixed"] = field(
        default="off", description="off: any. learn: the first max. fixed: the list."
    )
    max: Annotated[Whole, Between(1, 16)] = field(default=1, description="How many devices at most.")
    on_mismatch: Literal["reject", "wall", "alert"] = field(default="reject", description="What another device meets.")
    addresses: tuple[Device, ...] = field(default=(), description="The bound devices.")

    @check
    def _fits(self) -> None:
        if self.mode == "fixed" and not self.addresses:
            raise ValueError("mode fixed without addresses would lock everybody out")
        if self.mode != "off" and len(self.addresses) > self.max:
            raise ValueError(f"{len(self.addresses)} addresses, but max is {self.max}")
        if len({device.mac for device in self.addresses}) < len(self.addresses):
            raise ValueError("names the same MAC address twice")


class Setting(Record):
    """What a scheduled change may set on the service."""

    tariff: Name | None = field(default=None, description="Another tariff.")
    nas: Annotated[tuple[Name, ...], Length(1)] | None = field(default=None, description="Another place.")
    ipv4: Ipv4 | None = field(default=None, description="Another address or pool.")
    ipv6: Ipv6 | None = field(default=None, description="Another address, prefix or pool.")
    routes: tuple[Net, ...] | None = field(default=None, description="Other routes; all of them.")
    mac: Binding | None = field(default=None, description="Another binding.")

    @check
    def _something(self) -> None:
        if not self.given:
            raise ValueError("sets nothing")


class Scheduled(Record):
    """A change that takes effect by the clock."""

    at: Moment = field(description="A date means 00:00 local.")
    set: Setting = field(description="The fields of the service that change then.")
    key: Text | None = field(default=None, description="Idempotency key of the event.")


class Cpe(Record):
    """A device managed by TR-069."""

    serial: Text = field(description="Serial number as the device reports it.")
    profile: Name = field(description="Vendor profile.")


class OldPassword(Record):
    """A password that holds until the device of the service has taken the one after it."""

    password: SealedText = field(description="Sealed, as it stood in the service.", repr=False)
    replaced: Moment = field(description="When the next one took its place in this file, to the second.")
    until: Moment = field(description="From then on the newest one holds, whatever the device has.")

    @check
    def _exact(self) -> None:
        if not isinstance(self.replaced, datetime) or self.replaced.microsecond:
            raise ValueError("replaced is a time in whole seconds, with an offset")


@cache
def _pppoe() -> Access:
    """What most have, once: a record never changes."""
    return Access.usual(type="pppoe")


@cache
def _unbound() -> Binding:
    return Binding.usual()


class Service(Record):
    """One thing the subscriber pays for: a login with a tariff."""

    key: Name = field(default="main", description="Never changes; unique in the subscriber.")
    login: Login = field(description="The User-Name exactly as sent; unique among live services.")
    password: SealedText | None = field(default=None, description="Sealed; absent for ipoe.", repr=False)
    old_passwords: Annotated[tuple[OldPassword, ...], Length(0, 8)] = field(
        default=(), description="The oldest first, while a new one is on its way to the device (cpe)."
    )
    access: Access = field(default_factory=_pppoe, description="How it is identified.")
    tariff: Name | None = field(default=None, description="Name of a tariff; default: the group's.")
    nas: Annotated[tuple[Name, ...], Length(1)] | None = field(
        default=None, description="Where it is planned: hosts or Nornir groups; default: the group's."
    )
    activated: Moment | None = field(default=None, description="Begins at 00:00 local of that day.")
    activation: Activation | None = field(
        default=None, description="Prepaid only; instead of activated and paid_until."
    )
    paid_until: Moment | None = field(
        default=None, description="Prepaid only; inclusive: ends when that local day ends."
    )
    grace: tuple[Grace, ...] = field(default=(), description="Service beyond what is paid; the latest counts.")
    allowance: tuple[Allowance, ...] = field(default=(), description="Volume beyond what fair use of the tariff gives.")
    scheduled: tuple[Scheduled, ...] = field(default=(), description="Changes that take effect by the clock.")
    hold: Hold | None = field(default=None, description="Holiday.")
    suspended: Suspended | None = field(default=None, description="Taken out of service until the key is removed.")
    terminated: Moment | None = field(default=None, description="First day without service.")
    ipv4: Ipv4 | None = field(default=None, description="Default: the tariff's.")
    ipv6: Ipv6 | None = field(default=None, description="Default: the tariff's.")
    routes: tuple[Net, ...] = field(default=(), description="Framed-Route; unique like addresses.")
    mac: Binding = field(
        default_factory=_unbound, description="Which devices may use it; default: the group's, else any."
    )
    cpe: tuple[Cpe, ...] = field(default=(), description="Devices managed by TR-069.")

    @check
    def _fits(self) -> None:
        if self.access.type == "pppoe" and self.password is None:
            raise ValueError("a pppoe service needs a password")
        if self.access.type == "ipoe" and self.password is not None:
            raise ValueError("an ipoe service has no password: the network says who it is")
        times = [one.replaced for one in self.old_passwords]
        if times != sorted(set(times)):
            raise ValueError("old_passwords: each was replaced later than the one before it")
        if self.old_passwords and self.password is None:
            raise ValueError("old_passwords go with a password")
        if self.activation is not None and (self.activated is not None or self.paid_until is not None):
            raise ValueError("activation stands instead of activated and paid_until: take one")


class Subscriber(Record):
    """One customer."""

    id: SubscriberId = field(description="Never changes, never reused; the name of the file.")
    profile: Profile = field(description="Who it is.")
    services: Annotated[tuple[Service, ...], Length(1)] = field(description="What is paid for.")


class GroupDefaults(Record):
    """Values a service of the group has when it does not say otherwise."""

    nas: Annotated[tuple[Name, ...], Length(1)] | None = field(default=None, description="Hosts or Nornir groups.")
    tariff: Name | None = field(default=None, description="Name of a tariff.")
    ipv4: Ipv4 | None = field(default=None, description="A pool; an address belongs to one service.")
    ipv6: Ipv6 | None = field(default=None, description="Pools; a prefix belongs to one service.")
    mac: Binding | None = field(default=None, description="The mode; devices belong to one service.")


class RateCeiling(Record):
    """The fastest tariff that a group may use, in bit/s."""

    down: BitRate = field(description="To the subscriber.")
    up: BitRate = field(description="From the subscriber.")


class GroupLimits(Record):
    """Ceilings for what stands in the group; never defaults."""

    subscribers: Count | None = field(default=None, description="At most so many subscribers.")
    tariffs: tuple[Name, ...] | None = field(default=None, description="Only these tariffs.")
    rate: RateCeiling | None = field(default=None, description="No faster tariff than this.")


class Group(Record):
    """subscribers/<group>/group.yaml"""

    name: Name = field(description="The name of the folder.")
    title: Text | None = field(default=None, description="What people call it.")
    defaults: GroupDefaults = field(
        default_factory=GroupDefaults.usual, description="For services that do not say otherwise."
    )
    managed: Managed | None = field(
        default=None, description="observe: its services are planned and not written; default: the policy's."
    )
    limits: GroupLimits = field(default_factory=GroupLimits.usual, description="Ceilings for what stands in the group.")


def group_of(path: str) -> str:
    """The group of a subscriber's file: the first folder under subscribers/."""
    return path.split("/")[1]
