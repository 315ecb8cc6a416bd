"""What a platform's folder offers as NAS in its module `nas`: how what we own on a NAS is rendered, read and written.

A *slice* is what git says of one NAS. Templates make text of it in the language of the device; `parse` makes resources
of that text, in the same normal form that a session reads from the device. Nothing here opens a file or knows git.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, cast

from ispctl.backend import Outcome, Unreachable
from ispctl.desired import Terms
from ispctl.plan import Change, Key, Resources
from ispctl.platforms import nas_platforms
from ispctl.structs import Struct, field

MARK: Final = "ispctl:"
"""How a comment of ours begins; where there are no comments, a name begins with PREFIX."""
PREFIX: Final = "isp-"
SECRET: Final = "secret"  # noqa: S105  the name of a field
"""The field of a resource that holds a secret: "sha256:…" of the sealed text where it is wanted."""

UNCONFIRMED: Final = "unconfirmed"
"""The kind of what an apply left behind that did not end: it is never wanted. A device that knows of it shows it; of
others it is remembered."""


class Server(Struct):
    """A RADIUS server that the NAS asks; UDP ports."""

    address: str
    auth: int
    acct: int


class PoolPart(Struct):
    """The part of a pool that one NAS hands out. Prefixes as texts; `length` of the prefixes that are delegated, else
    0; `served_by`: "nas" (Framed-Pool), or "dhcp"."""

    name: str
    family: int
    prefixes: tuple[str, ...]
    served_by: str
    gateway: str = ""
    exclude: tuple[str, ...] = ()
    length: int = 0


class Port(Struct):
    """An interface at which subscribers are: kind "pppoe" or "ipoe"."""

    kind: str
    interface: str


class Barrier(Struct):
    """What a walled session is marked with, what it may reach, and its speed in bit/s."""

    name: str
    pool: str
    pool6: str
    allow: tuple[str, ...]
    redirect: str
    down: int
    up: int


class Binding(Struct):
    """A service whose address and devices are written on the NAS itself. `name` is made of the owner and holds
    [a-z0-9-] alone; `access`: "open", "walled" or "none"; bit/s."""

    name: str
    owner: str
    address: str
    macs: tuple[str, ...]
    access: str
    down: int
    up: int


class Slice(Struct):
    """What one NAS should hold of ours. Constant between two commits but for the access of its bindings."""

    host: str
    platform: str
    identifier: str
    source: str
    secret: str
    """"sha256:…" of the sealed text; empty where it asks no RADIUS."""
    servers: tuple[Server, ...]
    coa_port: int
    """0 where it takes none."""
    interim: int
    ports: tuple[Port, ...]
    core: str
    pools: tuple[PoolPart, ...]
    tariffs: tuple[Terms, ...]
    wall: Barrier
    bindings: tuple[Binding, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


class Login(Struct):
    """How to get in. `host_key`: as written in git; `options`: those of the device, and Nornir's
    connection_options of the host for `ispctl`, merged."""

    host: str
    platform: str
    address: str
    port: int | None
    username: str
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    host_key: str = ""
    timeout: float = 15.0
    options: Mapping[str, Any] = field(default_factory=dict)


class Seen(Struct):
    """What stands on a NAS of what is ours. `secrets`: as the device shows them, by key; the resources hold "" there.
    What the device shows of a secret never leaves the process: the fleet compares it with a keyed digest."""

    resources: Resources
    secrets: Mapping[Key, str] = field(default_factory=dict, repr=False)


class Facts(Struct):
    """What a NAS says of itself."""

    vendor: str = ""
    model: str = ""
    version: str = ""
    uptime: float | None = None
    """Seconds."""


class Denied(Unreachable):
    """It answers, and lets us not in, or is somebody else: another attempt would do no good."""


class Session(Protocol):
    """One NAS, connected. Everything raises `backend.Unreachable` where the device gives no answer to trust."""

    def read(self) -> Seen:
        """What is ours there now."""
        ...

    def apply(self, changes: Sequence[Change], secrets: Mapping[Key, str], confirm: int) -> Iterator[Outcome]:
        """One outcome a change, in the order in which they are safe. `secrets`: the clear text of each key that has
        one. `confirm`: after so many seconds the device goes back by itself, unless `confirm` is called; where it
        cannot, the session does it as long as it lives. Where the platform is atomic, all are done or none."""
        ...

    def confirm(self) -> None:
        """All is well: what was applied stays, also after a boot; also what a session applied that died since."""
        ...

    def revert(self) -> None:
        """Go back to what stood before `apply`."""
        ...

    def sessions(self) -> int | None:
        """How many subscribers are online there; None where it cannot be asked."""
        ...

    def facts(self) -> Facts:
        """What it says of itself."""
        ...


class NasPlatform(ABC):
    """What the configuration of a vendor's NAS is like."""

    name: ClassVar[str]
    templates: ClassVar[tuple[str, ...]]
    """The files below `templates/` of its folder, in the order in which their texts are parsed."""
    borrowed: ClassVar[Mapping[str, str]] = {}
    """Of these templates, those that lie in another platform's folder, by their names."""
    port: ClassVar[int] = 22
    libraries: ClassVar[tuple[str, ...]] = ("paramiko",)
    """What it speaks to a device with: loaded before several threads would, each of which might wait for another."""

    one_trial: ClassVar[bool] = False
    """Whether it takes no change while an earlier one waits for its confirmation."""

    def taken(self, want: Slice) -> Slice:
        """What of a slice it holds; templates see nothing else."""
        return want

    @abstractmethod
    def quote(self, value: object) -> str:
        """A value as the device reads it as that value and nothing else. Raises ValueError, in words for a person, for
        what cannot be written. Every {{ … }} of a template goes through it."""

    @abstractmethod
    def parse(self, text: str) -> Resources:
        """A rendered text in normal form. Raises ValueError with the line that it does not understand."""

    @abstractmethod
    def open(self, login: Login) -> AbstractContextManager[Session]:
        """Connect. Raises `backend.Unreachable`, and of these Denied for another host key or a refused login."""

    def called(self, key: Key) -> str:
        """What RADIUS may name of what we own, in the words of `Platform.refers`; "" where it never does."""
        return f"pool {key[1]}" if key[0].rpartition(" ")[2] in ("pool", "pool6", "delegated") else ""

    def disrupts(self, change: Change) -> bool:  # noqa: ARG002  most know no such change
        """Whether this ends sessions that it is not about."""
        return False


_LOADING: Final = threading.Lock()
"""Batches of a worker begin side by side, too."""


def get_ready(name: str) -> None:
    """Load what speaks to the NAS of a platform."""
    with _LOADING:
        if (found := nas_platform(name)) is not None:
            for library in found.libraries:
                import_module(library)


@cache
def nas_platform(name: str) -> NasPlatform | None:
    """How a vendor's NAS are configured; None for a platform that is not."""
    return cast(NasPlatform, import_module(f"{_folder(name)}.nas").NAS) if name in nas_platforms() else None


def template_path(platform: str, name: str) -> str:
    """Where an ISP keeps a template of its own."""
    return f"templates/nas/{platform}/{name}"


def usual_template(platform: NasPlatform, name: str) -> str:
    """The text of the template that comes with the package."""
    folder = platform.borrowed.get(name, platform.name).replace("-", "_")
    return (Path(__file__).parent / folder / "templates" / name).read_text("utf-8")


def without(text: str, secrets: Iterable[str]) -> str:
    """The words of a device without these, the longest first."""
    for secret in sorted({*secrets} - {""}, key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


def hush(*libraries: str) -> None:
    """What libraries log of a conversation is told to nobody, however much else is: it holds every line that is typed,
    and so the secrets; and what is wrong they raise as well, which is said once and in words."""
    import logging

    for library in libraries:
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)


def _folder(name: str) -> str:
    return f"ispctl.platforms.{name.replace('-', '_')}"
