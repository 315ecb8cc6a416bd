"""A session and a device that speak to each other without a network."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ispctl.cpe import Office
from ispctl.cpe.session import Caller, Session, Task
from ispctl.cpe.soap import Inform, Parameter, Request
from ispctl.lab.devices.cpe import Cpe
from ispctl.repo.profiles import brought
from ispctl.store import Store, cpes
from ispctl.store.cpes import Wanted
from tests.canary import PASSWORD

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SECRET = "a secret of the ISP that nobody knows"
LOGIN = "anita.rai@home.example"


class Only:
    """A desk that does one thing with whoever calls."""

    def __init__(self, task: Callable[[], Task[None]] | None = None) -> None:
        self.task = task
        self.informs: list[Inform] = []

    def inform(self, inform: Inform, caller: Caller) -> Task[None] | None:
        self.informs.append(inform)
        return self.task() if self.task else None

    def close(self) -> None: ...


class Log:
    """What was said, event by event."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.said.append((event, fields))

    warning = info


def talk(session: Session, cpe: Cpe) -> int:
    """All of a session; the last status."""
    cpe.asked = []
    answer = session.receive(cpe.inform())
    if answer.status != 200:
        return answer.status
    cpe.events = ["2 PERIODIC"]
    answer = session.receive(b"")
    while answer.status == 200 and answer.body:
        answer = session.receive(cpe.answer(answer.body.decode()))
    return answer.status


def set_requests(task: Task[None], cpe: Cpe) -> list[tuple[Parameter, ...]]:
    """What a task sets on a device."""
    sent: list[tuple[Parameter, ...]] = []

    def watched() -> Task[None]:
        reply = None
        while True:
            try:
                request: Request = next(task) if reply is None else task.send(reply)
            except StopIteration:
                return
            if request.method == "SetParameterValues":
                sent.append(request.parameters)
            reply = yield request

    talk(Session(Only(watched), Caller(None, "")), cpe)
    return sent


class Isp:
    """An office with a store, a clock that stands still until it is told otherwise, and a device's service."""

    def __init__(self, store: Store, **settings: Any) -> None:
        self.store, self.now, self.log, self.woken = store, NOW, Log(), 0
        self.profiles = {name: brought(name) for name in ("generic", "huawei-router")}
        self.passwords = {"sealed-1": PASSWORD}
        values = {"factory": True, "every": 3600, **settings}
        self.office = Office(
            store,
            self.profiles,
            lambda wanted: self.passwords.get(wanted.password),
            SECRET,
            clock=lambda: self.now,
            log=self.log,
            accepted=self._wake,
            **values,
        )

    def _wake(self) -> None:
        self.woken += 1

    def wants(self, cpe: Cpe, sealed: str = "sealed-1", profile: str = "generic", **more: Any) -> Wanted:
        one = Wanted(cpe.serial, "sub-000123", "main", profile, LOGIN, sealed, **more)
        cpes.put_wanted(self.store, one.owner, [one], self.now)
        return one

    def call(self, cpe: Cpe) -> int:
        """The device calls, with the login that it has."""
        name = cpe.credentials()[0]
        return talk(Session(self.office, Caller(None if name == "factory" else name, "198.51.100.7")), cpe)
