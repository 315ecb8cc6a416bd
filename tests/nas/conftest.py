"""Devices that live in memory, with the faults that real ones have, behind the face of a platform."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from ispctl.backend import Outcome, Unreachable
from ispctl.nas import Job
from ispctl.plan import Change, Key, Resources, diff
from ispctl.platforms.device import SECRET, Denied, Facts, Login, NasPlatform, Seen
from ispctl.structs import replace


@dataclass
class Box:
    """One device. `held`: what is ours there; `online`: sessions; the rest are faults."""

    held: dict[Key, dict[str, object]] = field(default_factory=dict)
    clear: dict[Key, str] = field(default_factory=dict, repr=False)
    online: int = 100
    opened: int = 0
    away: int = 0
    """So many attempts to connect fail."""
    denies: bool = False
    hangs: float = 0.0
    refuses: str = ""
    """The kind of keys that it does not take."""
    raises: str = ""
    """Its driver does, in these words."""
    overlaps: bool = False
    """It refuses a commit that leaves the pools evening and night."""
    breaks: bool = False
    """It is gone after one change."""
    hand: int = 0
    """A hand changes what is ours before it is read so many times more."""
    forgets: bool = False
    """It says yes and does nothing."""
    drops: int = 0
    """So many sessions are gone after a change."""
    locks_out: bool = False
    written: int = 0
    confirmed: int = 0
    reverted: int = 0


class Session:
    def __init__(self, box: Box) -> None:
        self.box = box
        self._before: tuple[dict[Key, dict[str, object]], dict[Key, str]] | None = None

    def read(self) -> Seen:
        self.box.hand -= 1
        if not self.box.hand:
            self.box.held = {key: {**said, "by": "a hand"} for key, said in self.box.held.items()}
        return Seen({key: dict(said) for key, said in self.box.held.items()}, dict(self.box.clear))  # type: ignore[arg-type]

    def apply(self, changes: Sequence[Change], secrets: Mapping[Key, str], confirm: int) -> Iterator[Outcome]:
        self._before = {key: dict(said) for key, said in self.box.held.items()}, dict(self.box.clear)
        left = {*self.box.held, *(change.key for change in changes if change.after is not None)}
        left -= {change.key for change in changes if change.after is None}
        if self.box.overlaps and {("/ip pool", "evening"), ("/ip pool", "night")} <= left:
            yield Outcome(changes[0], "ranges overlap", "E812")
            return
        for change in changes:
            if change.key[0] == self.box.refuses:
                yield Outcome(change, "no such thing here", "E812")
                continue
            if not self.box.forgets:
                self._do(change, secrets)
            yield Outcome(change)
            if self.box.breaks:
                raise Unreachable("nas:one", "the connection was lost")
        self.box.online -= self.box.drops

    def _do(self, change: Change, secrets: Mapping[Key, str]) -> None:
        self.box.written += 1
        self.box.held.pop(change.key, None)
        self.box.clear.pop(change.key, None)
        if change.after is not None:
            self.box.held[change.key] = {name: "" if name == SECRET else said for name, said in change.after.items()}
            if change.key in secrets:
                self.box.clear[change.key] = secrets[change.key]

    def confirm(self) -> None:
        self.box.confirmed += 1

    def revert(self) -> None:
        assert self._before is not None
        self.box.held, self.box.clear = self._before
        self.box.reverted += 1

    def sessions(self) -> int | None:
        return self.box.online

    def facts(self) -> Facts:
        return Facts("Example", "box", "1.0")


class Boxes(NasPlatform):
    """A platform whose devices are found by their address."""

    name = "boxes"
    templates = ()

    def __init__(self) -> None:
        self.devices: dict[str, Box] = {}

    def quote(self, value: object) -> str:
        return str(value)

    def parse(self, text: str) -> Resources:
        return {}

    @contextmanager
    def open(self, login: Login) -> Iterator[Session]:
        box = self.devices[login.address]
        box.opened += 1
        if box.hangs:
            time.sleep(box.hangs)
        if box.raises:
            raise RuntimeError(box.raises)
        if box.denies:
            raise Denied(f"nas:{login.host}", "the login was refused")
        if box.away > 0:
            box.away -= 1
            raise Unreachable(f"nas:{login.host}", "no answer")
        if box.locks_out and box.opened > 1:
            raise Denied(f"nas:{login.host}", "connection refused")
        yield Session(box)


@pytest.fixture
def boxes(monkeypatch: pytest.MonkeyPatch) -> Boxes:
    platform = Boxes()
    monkeypatch.setattr("ispctl.nas.job.nas_platform", lambda name: platform if name == "boxes" else None)
    return platform


SETTLED: Resources = {("pool", "home"): {"range": "100.64.0.0/22"}}
WANTED: Resources = {
    ("pool", "home"): {"range": "100.64.0.0/21"},
    ("server", "one"): {"address": "198.51.100.10", SECRET: "sha256:new"},
}
Asked = Callable[..., Job]


@pytest.fixture
def job(boxes: Boxes) -> Asked:
    """A job for a device that holds SETTLED; with `want`, what makes it hold that instead."""

    def make(host: str = "one", *, want: Resources | None = None, **more: object) -> Job:
        boxes.devices.setdefault(host, Box({key: dict(said) for key, said in SETTLED.items()}))
        login = Login(host, "boxes", host, None, "netops")
        changes = diff(f"nas:{host}", want, SETTLED) if want is not None else ()
        secrets = {key: "correct horse" for key, said in (want or {}).items() if SECRET in said}
        return replace(Job(login, tuple(changes), secrets, key=b"key", attempts=1, lost=(0.1, 3)), **more)

    return make
