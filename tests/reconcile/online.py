"""Who is online, as one NAS of two platforms and the accounting know it; what each session runs; who may be told what.

A second opinion beside ispctl's: it looks at the packets that the NAS took, never at what ispctl remembers of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from pyrad.packet import DisconnectRequest

from ispctl.plan import Fields, Resources
from ispctl.radius.rendering import given, rendering
from tests.radius.dae import Dae
from tests.reconcile.test_sessions import dial
from tests.reconcile.world import World

PLATFORMS: Final = {"192.0.2.1": "routeros", "192.0.2.3": "wispr"}
"""By address of the NAS."""
GUEST: Final = "guest"
"""A session of somebody who is not ours."""


@dataclass
class Dialled:
    """A session whose row of accounting is open."""

    id: str
    unique: str
    login: str
    platform: str
    runs: str
    """The Class that it was given, or that belongs to what it was last told."""
    unsure: bool = False
    """ispctl cannot know what came of the last message: no answer, a run that was killed, counters that contradict."""
    over: bool = False
    """Its NAS said that it is gone, and nothing was heard of it since."""


@dataclass
class Online:
    world: World
    dae: Dae
    messages: Counter[str]
    """What the NAS was sent, by what it did: "told", "ended", "unknown"."""
    open: dict[str, Dialled] = field(default_factory=dict)
    _forgotten: dict[str, dict[str, Any]] = field(default_factory=dict)
    _numbers: int = 0

    # what happens on the network

    def dial(self, login: str, nas: str) -> None:
        """In place of an earlier session of that login, if there is one: its Stop is lost."""
        rows = self.world.rows()
        wanted = _wanted(rows, login, PLATFORMS[nas])
        if wanted is None:
            return
        self.hang_up(login, stop=False)
        self._numbers += 1
        id, address = f"s{self._numbers}", f"100.64.9.{self._numbers}"
        unique = dial(self.world, self.dae, login, id=id, ipv4=address, nas=nas, klass=wanted)
        self.dae.sessions[id] |= dict(given(_group(rows, login, PLATFORMS[nas])))
        self.open[id] = Dialled(id, unique, login, PLATFORMS[nas], wanted)

    def dial_guest(self) -> None:
        dial(self.world, self.dae, GUEST, klass="x", id=GUEST, ipv4="100.64.0.2")

    def hang_up(self, login: str, *, stop: bool) -> None:
        for one in self._live():
            if one.login == login:
                del self.dae.sessions[one.id]
                if stop:
                    self._stop(one)

    def stops_arrive(self) -> None:
        """Late, of every session that has ended."""
        for one in [one for one in self.open.values() if one.id not in self.dae.sessions]:
            self._stop(one)

    def be_forgotten(self) -> None:
        """The NAS knows none of its sessions any more, and sends no Stop."""
        for one in self._live():
            self._forgotten[one.id] = self.dae.sessions.pop(one.id)

    def reappear(self) -> None:
        """What was forgotten goes on after all, and is heard of."""
        for id in self._forgotten.keys() & self.open.keys():
            self.dae.sessions[id] = self._forgotten[id]
        self._forgotten.clear()
        self.report()

    def report(self, *, down: int = 0) -> None:
        """Five minutes later an interim update of everybody who is there, who used so many bit/s."""
        self.world.tick(seconds=300)
        for one in self._live():
            self.world.report(one.unique, down=down // 8 * 300)
            one.over = False
            one.unsure = one.unsure or down > 0

    # what ispctl does about it

    @contextmanager
    def watched(self, *, sure: bool = True) -> Iterator[None]:
        """A run that may ask this NAS: nobody is told who runs what its row says, and nobody who is gone. `sure`: it
        hears each answer, and writes it down."""
        before, here = len(self.dae.seen), set(self.dae.sessions)
        yield
        self.dae.catch_up()
        rows, asked = self.world.rows(), set[str]()
        for seen in self.dae.seen[before:]:
            id = seen.packet["Acct-Session-Id"][0]
            assert id != GUEST
            if id not in asked:  # else sent again: since an answer was late, or named by its id alone
                asked.add(id)
                self._took(rows, self.open[id], seen.packet.code == DisconnectRequest, id in here)
        for one in self.open.values():
            one.unsure = not sure and (one.unsure or one.id in asked)
            one.over = one.over or (one.id in asked and one.id not in self.dae.sessions and sure)

    def asked_in_vain(self) -> None:
        """Whoever ran something else by then may have been asked, for all that the next run knows."""
        rows = self.world.rows()
        for one in self.open.values():
            one.unsure = one.unsure or one.runs != _wanted(rows, one.login, one.platform)

    def all_run_what_the_rows_say(self) -> None:
        """Every session that is there: by its Class, and by what its NAS does for it."""
        rows = self.world.rows()
        for one in self._live():
            assert one.runs == _wanted(rows, one.login, one.platform), one
            does = self.dae.sessions[one.id]
            for name, value in given(_group(rows, one.login, one.platform)):
                assert _one(does[name]) == value, one

    def _took(self, rows: Resources, one: Dialled, end: bool, here: bool) -> None:
        wanted = _wanted(rows, one.login, one.platform)
        assert not one.over, f"{one} is known to be gone"
        assert one.unsure or one.runs != wanted, f"{one} was told something and runs what it should"
        if here and not end:
            assert wanted is not None, f"{one} should have been ended"
            one.runs = wanted
        self.messages["unknown" if not here else "ended" if end else "told"] += 1

    def _live(self) -> list[Dialled]:
        return [self.open[id] for id in self.dae.sessions if id != GUEST]

    def _stop(self, one: Dialled) -> None:
        self.world.stop(one.unique)
        del self.open[one.id]


def _wanted(rows: Resources, login: str, platform: str) -> str | None:
    """The Class that a login would be given now; None: it would be refused."""
    row = rows.get(("login", login))
    if row is None or row["refuse"]:
        return None
    return f"{row['class']}-{rendering(_group(rows, login, platform))}"


def _group(rows: Resources, login: str, platform: str) -> Fields:
    return rows["group", f"{rows['login', login]['group']}@{platform}"]


def _one(value: Any) -> str:
    """Of a reply, or as a packet holds it."""
    return str(value[0] if isinstance(value, list) else value)
