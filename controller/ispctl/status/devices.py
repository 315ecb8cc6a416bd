"""The NAS that ispctl configures: what the last run heard of each, and whether git asks for something else since."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from ispctl.model.problem import Refusal
from ispctl.nas import closed_until
from ispctl.nas.job import REACHED
from ispctl.nas.memory import Heard, Made, Memory
from ispctl.reconcile import fleet
from ispctl.reconcile.asking import Asked
from ispctl.reconcile.fleet import Wanted
from ispctl.reconcile.holds import PREFIX
from ispctl.reconcile.stand_ins import stand_ins
from ispctl.status.view import View
from ispctl.store import LEASE, Pause, Store, facts, nas_backups
from ispctl.store.facts import DeviceRun
from ispctl.structs import Struct, replace

Stopped = Literal["", "paused", "observed", "frozen"]
RUNS: Final = 20
"""So many runs of one NAS are told."""


class Equal(Struct):
    """The run that last made, or found, a NAS as git said."""

    run: str
    commit: str
    at: datetime | None


class Owned(Struct):
    """Something of ours that a NAS should hold: digests in place of secrets."""

    key: str
    fields: Mapping[str, object]


class Configured(Struct):
    """`heard`: how it answered the last run that had to do with it, as an `Answer`; or "never", or "unknown" where the
    database gives no answer; `reachable`: None where nobody asked it. `equal`: None where it is not known what stands
    there. `waiting`: whether git asks for something else than it was last made equal to. `since`: since when a loop
    configures it; None: it does not now. `asked`: what it says now, if it was asked. `slice` and `changes`, newest
    first: of one NAS in full, else None."""

    heard: str
    reachable: bool | None
    code: str
    text: str
    run: str
    at: datetime | None
    equal: Equal | None
    waiting: bool | None
    stopped: Stopped
    until: datetime | None
    why: str
    """Who paused it and what for, or what for it is frozen."""
    window: datetime | None
    """Until when what is waiting there waits if it ends sessions; None: it need not."""
    backups: int | None
    since: datetime | None = None
    asked: Asked | None = None
    slice: tuple[Owned, ...] | None = None
    changes: tuple[DeviceRun, ...] | None = None


class Devices:
    """All of them at one moment, as git says and the database remembers."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.wanted = _wanted(view)
        self.made, self._heard, self._backups = view.ask(_remembered) or ({}, {}, {}) if self.wanted else ({}, {}, {})
        self._now = at_work(view)

    def one(self, host: str) -> Configured | None:
        """None for a NAS that ispctl does not configure."""
        want = self.wanted.get(host)
        if want is None:
            return None
        known = self._view.readable
        made, heard = self.made.get(host), self._heard.get(host)
        waiting = (made is None or made.mark != want.mark) if known else None
        stopped, until, why = self._stopped(host, want)
        window = self._closed(disruptive=True) if waiting and not stopped else None
        status = heard.status if heard else "never" if known else "unknown"
        return Configured(
            heard=status,
            reachable=None if status not in (*REACHED, "unreachable") else status in REACHED,
            code=heard.code if heard else "",
            text=heard.text if heard else "",
            run=heard.run if heard else "",
            at=moment_of(heard.at) if heard else None,
            equal=Equal(made.run, made.commit, moment_of(made.at)) if made else None,
            waiting=waiting,
            stopped=stopped,
            until=until,
            why=why,
            window=window[0] if window else None,
            backups=self._backups.get(host, 0) if known else None,
            since=self._now.get(host),
        )

    def in_full(self, host: str, one: Configured) -> Configured:
        """With what it should hold, and what runs did there."""
        runs = self._view.ask(lambda store: tuple(facts.device_runs(store, PREFIX + host, RUNS)))
        try:
            resources = self.wanted[host].resources()
        except Refusal as refusal:
            self._view.problems += refusal.problems
            return replace(one, changes=runs)
        owned = tuple(Owned("/".join(key), dict(said)) for key, said in sorted(resources.items()))
        return replace(one, slice=owned, changes=runs)

    def _stopped(self, host: str, want: Wanted) -> tuple[Stopped, datetime | None, str]:
        """What stops it, until when, and why."""
        if self._view.head.managed_nas(want.nas)[0] == "observe":
            return "observed", None, ""
        if pause := self._pause(host):
            by = f" ({pause.by})" if pause.by else ""
            return "paused", pause.until, f"{pause.reason}{by}"
        closed = self._closed(disruptive=False)
        return ("frozen", closed[0], closed[1].removeprefix("frozen: ")) if closed else ("", None, "")

    def _closed(self, *, disruptive: bool) -> tuple[datetime, str] | None:
        policy = self._view.head.policy.value
        return closed_until(policy.nas, ZoneInfo(policy.timezone), self._view.now, disruptive=disruptive)

    def _pause(self, host: str) -> Pause | None:
        about = {("everything", ""), ("target", PREFIX + host)}
        return next((one for one in self._view.pauses or () if (one.kind, one.name) in about), None)


def at_work(view: View) -> Mapping[str, datetime]:
    """Which NAS a loop that lives configures now, and since when."""
    beat = view.beat
    return beat.state.nas if beat is not None and view.now - beat.at <= LEASE else {}


def moment_of(text: str) -> datetime | None:
    """None for what is no moment."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _wanted(view: View) -> Mapping[str, Wanted]:
    """Nothing where NAS are not configured at all, or git cannot be understood."""
    doors = view.ask(stand_ins)
    if not (view.head.reaches_devices or doors):
        return {}
    try:
        found = fleet.wanted(view.repository, view.head, view.now)
        return {host: one for host, one in found.items() if not doors or host in doors}
    except Refusal as refusal:
        view.problems += refusal.problems
    except KeyError:  # a tariff or pool that does not exist: validate names it
        pass
    return {}


def _remembered(store: Store) -> tuple[dict[str, Made], dict[str, Heard], dict[str, int]]:
    memory = Memory(store)
    return memory.made(), memory.heard(), nas_backups.counts(store)
