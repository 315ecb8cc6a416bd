"""How a NAS is reached and what of it is ours: `device` under data: of a host, `nas` of policy and targets."""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from ispctl.model.record import Record, check, field
from ispctl.model.rules import Between, Reads, Wrong
from ispctl.model.scalars import Address, Count, Flag, Moment, Name, Port, SealedText, Seconds, Share, Text, Whole

_BASE64 = r"(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_HOST_KEY = rf"(ssh-[a-z0-9-]+|ecdsa-sha2-[a-z0-9-]+) {_BASE64}|sha256:[0-9a-f]{{64}}"
_INTERFACE = r"[A-Za-z0-9][A-Za-z0-9 ./:_-]{0,62}"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_SCHEDULER = r"tls://(?:\[[0-9a-f:]+\]|[a-z0-9.-]+):[0-9]{1,5}|tcp://(?:127\.0\.0\.1|\[::1\]|localhost):[0-9]{1,5}"
_LABEL = r"[a-z0-9][a-z0-9._-]{0,47}"


def _matching(name: str, pattern: str, expected: str) -> Reads:
    def check(value: Any) -> Any:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise Wrong(name, f"expected {expected}")
        return value

    return Reads(check)


HostKey = Annotated[
    str,
    _matching("host_key", _HOST_KEY, "a public key like ssh-ed25519 AAAA…, or sha256:<64 hex digits> of a certificate"),
]
Interface = Annotated[str, _matching("interface", _INTERFACE, "the name of an interface")]
Scheduler = Annotated[
    str,
    _matching(
        "scheduler",
        _SCHEDULER,
        "tls://host:port: whoever reaches a scheduler without TLS may run anything on its workers "
        "(tcp:// is taken on loopback)",
    ),
]
Label = Annotated[str, _matching("label", _LABEL, "how names of groups begin, like pop-")]
TimeOfDay = Annotated[str, _matching("time_of_day", _CLOCK, "a time of day like 02:30")]


class Server(Record):
    """A RADIUS server that the NAS asks (RFC 2865, 2866)."""

    address: Address = field(description="Where it answers.")
    auth: Port = field(default=1812, description="UDP port for authentication.")
    acct: Port = field(default=1813, description="UDP port for accounting.")


class Serving(Record):
    """An interface at which subscribers are."""

    type: Literal["pppoe", "ipoe"] = field(description="pppoe: sessions are dialled. ipoe: addresses come by DHCP.")
    interface: Interface = field(description="As the NAS calls it.")


class Device(Record):
    """How a NAS is configured. Without it ispctl leaves the configuration of the NAS alone."""

    servers: tuple[Server, ...] = field(
        default=(), description="RADIUS servers it asks, the first one first; none: no RADIUS."
    )
    serves: tuple[Serving, ...] = field(default=(), description="Interfaces at which subscribers are.")
    core: Interface | None = field(default=None, description="Interface towards the core; where upload is shaped.")
    bindings: Flag = field(
        default=False,
        description="Whether the addresses and devices of its services are written on it: no RADIUS needed.",
    )
    host_key: HostKey | None = field(
        default=None,
        description="Its SSH host key, or the SHA-256 of its certificate; without it nothing is sent to it.",
    )
    private_key: SealedText | None = field(
        default=None, repr=False, description="SSH key to log in with, sealed for nas/<host>/device.private_key."
    )
    deadline: Annotated[Seconds, Between(1, 3600)] = field(default=60, description="Longest that one change may take.")
    options: dict[Name, Text] = field(default_factory=dict, description="What the templates of its platform ask for.")


class Wave(Record):
    """Some of the NAS that are configured together; the next ones wait until these are well."""

    hosts: tuple[Name, ...] = field(default=(), description="Hosts or groups.")
    share: Share | None = field(default=None, description="So much of all, of those that no wave before has had.")

    @check
    def _one(self) -> None:
        if bool(self.hosts) == (self.share is not None):
            raise ValueError("takes either hosts or share")


class Window(Record):
    """When what ends sessions may be done, each day, by the ISP's clock; may pass midnight."""

    start: TimeOfDay = field(key="from", description="From this time of day.")
    end: TimeOfDay = field(key="until", description="Until this one.")

    @check
    def _opens(self) -> None:
        if self.start == self.end:
            raise ValueError("ends when it begins, and so never opens: leave the window out to do it at any time")


class Freeze(Record):
    """When no NAS is configured at all."""

    start: Moment = field(key="from", description="A date means from 00:00 local.")
    end: Moment = field(key="until", description="Inclusive: a date means until the end of that local day.")
    reason: Text = field(description="Why.")


class Lost(Record):
    """How many sessions of a NAS may be gone after a change; more of them stop the waves."""

    share: Share = field(description="Of those before.")
    floor: Count = field(description="So many always may.")


class Hearing(Record):
    """Whether RADIUS still hears a NAS after a change: accounting, or log-ins."""

    wait: Annotated[Seconds, Between(0, 3600)] = field(
        default=120, description="So long it is waited to hear of a NAS, before the next wave; 0s: not at all."
    )
    floor: Annotated[Count, Between(1)] = field(
        default=5, description="Only of a NAS from which as much was heard in as long before the change."
    )


class NasPolicy(Record):
    """In which order NAS are configured, and when they are not."""

    waves: tuple[Wave, ...] = field(
        default=(), description="The rest comes after the last; default: one NAS, a quarter, all."
    )
    lost: Lost = field(
        default_factory=lambda: Lost.usual(share=Decimal("0.10"), floor=3), description="Sessions that may be gone."
    )
    heard: Hearing = field(
        default_factory=lambda: Hearing.usual(wait=120, floor=5),
        description="RADIUS has to hear of a NAS after a change.",
    )
    confirm: Annotated[Seconds, Between(60, 3600)] = field(
        default=300, description="A NAS goes back by itself after this, unless it is told that all is well."
    )
    window: Window | None = field(
        default=None, description="When what ends sessions may be done; default: at any time."
    )
    drops_per_minute: Annotated[Whole, Between(1, 1_000_000)] = field(
        default=3000,
        description="Sessions that end on one NAS in a minute at most; the next NAS waits as long as that takes.",
    )
    freezes: tuple[Freeze, ...] = field(default=(), description="When no NAS is configured.")


class NasTarget(Record):
    """How NAS are reached; without it none is."""

    workers: Annotated[Whole, Between(1, 2000)] = field(default=50, description="NAS that are spoken to side by side.")
    attempts: Annotated[Whole, Between(1, 10)] = field(default=3, description="Attempts to reach a NAS.")
    runner: Literal["threads", "dask"] = field(
        default="threads", description="threads: from this machine. dask: by workers near the NAS (distribution.md)."
    )
    scheduler: Scheduler | None = field(default=None, description="Where the workers are met: tls://host:port.")
    label: Label | None = field(
        default=None,
        description="How groups begin that say which workers reach a host, like pop-; default: any worker does.",
    )
    patience: Annotated[Seconds, Between(1, 3600)] = field(
        default=60, description="So long a site without a worker is waited for."
    )

    @check
    def _met(self) -> None:
        if self.runner == "dask" and self.scheduler is None:
            raise ValueError("takes scheduler with runner: dask")
