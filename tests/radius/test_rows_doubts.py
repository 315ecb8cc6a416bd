"""Whoever is behind is found among few: against a comparison of all, after whatever may happen."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from ispctl.plan import Fields, Key, Value
from ispctl.radius.rendering import rendering
from ispctl.radius.rows import RadiusRows
from ispctl.store import Proof, Store, doubts, proofs
from ispctl.structs import replace
from tests.databases import Place
from tests.depth import times
from tests.radius import world

NOW = datetime(2027, 1, 15, 6, 15, tzinfo=UTC)
LOGINS = [f"l{number}@home.example" for number in range(6)]
GROUPS = ["isp:home", "isp:fast"]
PLATFORMS = ["routeros", "junos"]
ADDRESSES = ["192.0.2.1", "2001:db8::2", "192.0.2.9"]
"""Of the last one nas knows nothing."""
OWN = ["0123456789abcdef", "00000000000000ff"]
RENDERINGS = ["a" * 16, "b" * 16, "c" * 16]
REPORT = (
    "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
    " acctstoptime, class) VALUES ('{0}', '{0}', '{1}', '{2}', {3}, {3}, {4}, '{5}')"
    " ON CONFLICT (acctuniqueid) DO UPDATE SET acctstoptime = excluded.acctstoptime,"
    " acctupdatetime = excluded.acctupdatetime,"
    " class = CASE WHEN excluded.class = '' THEN radacct.class ELSE excluded.class END"
)
"""As the server says it: a Start, a report, a Stop, and a session that goes on after all, in one statement."""


class History:
    """A database, and what may happen to it in any order."""

    def __init__(self, place: Place, store: Store, dice: random.Random) -> None:
        self.place, self.store, self.dice = place, store, dice
        self.now, self.ids = NOW, 0
        self.rows = RadiusRows(store)
        self.want: dict[Key, Fields] = {}
        for platform in PLATFORMS:
            for number, name in enumerate(GROUPS):
                self._group(f"{name}@{platform}", RENDERINGS[number])
        for who, login in enumerate(LOGINS):
            self._login(login, who, GROUPS[who % 2], OWN[0])
        for number, address in enumerate(ADDRESSES[:2]):
            self.want["nas", address] = world.nas(type=PLATFORMS[number])

    def step(self) -> None:
        happens: list[Callable[[], object]] = [
            *([self.write] * 3),
            *([self.report] * 4),
            self.tell,
            self.settle,
            self.begin_again,
            self.look,
            self.look,
            self.be_killed,
        ]
        self.dice.choice(happens)()
        self.now += timedelta(minutes=self.dice.choice([1, 60]))

    def write(self) -> None:
        """What a commit, or the clock, makes of rows."""
        for _ in range(self.dice.choice([1, 1, 4])):
            self._wish()
        assert world.go(self.rows, self.want) == []

    def be_killed(self) -> None:
        """Before its transaction ends: nothing was written, and nothing is doubtful for it."""
        self._wish()
        with pytest.raises(KeyboardInterrupt), self.store.transaction():
            world.go(self.rows, self.want)
            raise KeyboardInterrupt

    def _wish(self) -> None:
        dice = self.dice
        match dice.choice(["login", "login", "group", "group", "nas", "gone"]):
            case "login":
                who, refuse = dice.randrange(len(LOGINS)), dice.choice([""] * 6 + ["x"])
                self._login(LOGINS[who], who, dice.choice(GROUPS), dice.choice(OWN), refuse)
            case "group":
                self._group(f"{dice.choice(GROUPS)}@{dice.choice(PLATFORMS)}", dice.choice(RENDERINGS))
            case "nas":
                self.want["nas", dice.choice(ADDRESSES[:2])] = world.nas(type=dice.choice(PLATFORMS))
            case _ if len(self.want) > 8:
                self.want.pop(dice.choice([*self.want]))

    def _login(self, login: str, who: int, group: str, own: str, refuse: str = "") -> None:
        fields: dict[str, Value] = {"group": group, "class": own, "refuse": refuse, "owner": f"sub-{who}/main"}
        self.want["login", login] = world.login(**fields, macs=(), expires=self.dice.choice([1, 2]))

    def _group(self, name: str, renders: str) -> None:
        check = (("ISP-Profile", ":=", name), ("ISP-Rendering", ":=", renders))
        self.want["group", name] = {**world.group(name), "check": check}

    def report(self) -> None:
        """A session begins, with any Class, or says something, or ends."""
        dice, at = self.dice, self.place.instant(str(int(self.now.timestamp())))
        id = f"u{dice.randrange(12)}"
        login, address = dice.choice(LOGINS), dice.choice(ADDRESSES)
        klass = f"{dice.choice(OWN)}-{dice.choice(RENDERINGS)}{dice.choice(['', '', '/wall:mac'])}"
        klass = dice.choice([*[self.granted(login, address)] * 6, klass, ""])
        over = dice.choice(["NULL", "NULL", "NULL", at])
        self.place.hand(REPORT.format(id, login, address, at, over, klass))

    def granted(self, login: str, address: str) -> str:
        """The Class that the server gives; empty where it lets nobody in."""
        fields, nas = self.want.get(("login", login)), self.want.get(("nas", address), {"type": PLATFORMS[0]})
        group = self.want.get(("group", f"{fields['group']}@{nas['type']}")) if fields else None
        return f"{fields['class']}-{rendering(group)}" if fields and group else ""

    def begin_again(self) -> None:
        """Under the same id, as after a reboot of its NAS."""
        id, at = f"u{self.dice.randrange(12)}", self.place.instant(str(int(self.now.timestamp())))
        self.ids += 1
        self.place.hand(
            f"UPDATE radacct SET acctuniqueid = 'old{self.ids}', acctstoptime = COALESCE(acctstoptime, acctupdatetime)"
            f" WHERE acctuniqueid = '{id}'",
            REPORT.format(id, self.dice.choice(LOGINS), ADDRESSES[0], at, "NULL", f"{OWN[0]}-{RENDERINGS[0]}"),
        )

    def tell(self) -> None:
        """What a session is asked, and what comes of it; as `Touch` writes it down."""
        open_ = [one for one in self.store.sessions() if one.started]
        for one in self.dice.sample(open_, min(2, len(open_))):
            kind: Literal["coa", "disconnect"] = "coa" if self.dice.randrange(3) else "disconnect"
            answer = self.dice.choice(["", "ack", "ack", "silent", "nak", "unsupported", "gone"])
            klass = f"{self.dice.choice(OWN)}-{self.dice.choice(RENDERINGS)}"
            klass = self.dice.choice([self.granted(one.login, one.nas)] * 4 + [klass]) or klass
            acked = self.now if answer == "ack" else None
            with self.store.transaction():
                said = Proof(one.uniqueid, one.login, "bng", kind, klass, answer, sent=self.now, acked=acked)
                proofs.put(self.store, [replace(said, counted=one.updated)])
                doubts.of_sessions(self.store, [one.uniqueid] if answer == "ack" else [])

    def settle(self) -> None:
        """As `reconcile.proof` does: what has ended, and what began again, is forgotten; some is proved or belied."""
        for said, session in list(proofs.news(self.store)):
            if session is None or (session.started and said.counted and session.started > said.counted):
                proofs.forget(self.store, [said.uniqueid])
            elif said.awaited:
                answer = self.dice.choice(["ack", "contradicted"])
                proofs.put(self.store, [replace(said, proved=self.now, answer=answer)])

    def look(self) -> None:
        doubts.look(self.store, self.now)


@pytest.mark.parametrize("seed", range(times(16)))
def test_whatever_happens_nobody_is_missed(place: Place, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubts, "EVERYBODY", timedelta(days=1000))
    if seed % 4 == 3:
        monkeypatch.setattr(doubts, "_MANY", 4)
    with world.make(place, foreign=False) as store:
        history, found = History(place, store, random.Random(seed)), 0
        history.look()
        for number in range(80):
            history.step()
            behind = doubts.behind(store, everybody=True)
            assert doubts.behind(store) == behind, f"after step {number}"
            found += len(behind)
        assert found
        history.settle()
        said = {one.uniqueid for one in proofs.read(store)}
        assert said <= {one.uniqueid for one in store.sessions()}, (
            "what is noted of sessions that are over was forgotten"
        )
