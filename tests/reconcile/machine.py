"""The example ISP and everything that may happen to it, as rules of a state machine on a real database."""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ispctl.desired import Entitlement
from ispctl.intent import intent_of
from ispctl.lab.cluster import Cluster
from ispctl.plan import Resources
from ispctl.radius.live import Behind
from ispctl.radius.session import Answer, Door
from ispctl.reconcile.applied import from_text, terms_from_value, to_text
from ispctl.reconcile.touch import SessionOutcome, Touch
from ispctl.states import STRICTNESS, State
from ispctl.store import doubts
from tests.postgres import drop, new_database
from tests.radius.dae import Dae
from tests.reconcile.online import PLATFORMS, Online
from tests.reconcile.test_sessions import SECRET, point, silence
from tests.reconcile.world import ANITA, Killed, World, copied

M901 = "m901-1@home.example"
THEN = st.sampled_from(["wait", "apply", "apply to nobody", "apply in silence", "1", "2", "20"])
"""What follows an edit; a number: an apply that is killed after so many answers, or at that write."""
WHOSE = st.sampled_from([ANITA, "m900-", "m901-"])
NUMBERS = st.integers(900, 903)
STATES = {
    "active": "",
    "suspended": "suspended: {since: 2027-01-10, reason: abuse}",
    "terminated": "terminated: 2027-01-10",
    "pending": "",
    "expired": "",
}


Answered = tuple[Behind, Answer | SessionOutcome]
Template = tuple[Path, str]
"""The example with two subscribers more, applied, and its DSN."""


@dataclass
class Stage:
    """Where each example begins: a copy of a template. `messages` counts what NAS were sent in all examples."""

    template: Template
    cluster: Cluster | None
    messages: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def world(self) -> Iterator[World]:
        folder, dsn = self.template
        if self.cluster:
            dsn = new_database(self.cluster, dsn.rpartition("/")[2])
        with tempfile.TemporaryDirectory(prefix="machine-") as copy, World(copied(folder, Path(copy) / "isp")) as world:
            world.dsn = dsn
            yield world
        if self.cluster:
            drop(self.cluster, dsn.rpartition("/")[2])


def _wait_for_answers(patch: pytest.MonkeyPatch, seconds: float) -> None:
    patch.setattr("ispctl.reconcile.door.Door", lambda *a, **kw: Door(*a, **kw | {"timeout": seconds}))


class Isp(RuleBasedStateMachine):
    """Four subscribers who come, change and go, on the example; three sessions and one of somebody else."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.close = ExitStack()
        self.world = self.close.enter_context(stage.world())
        dae = self.close.enter_context(Dae(secret=SECRET))
        point(self.world, dae.door().port)
        self.online = Online(self.world, dae, stage.messages)
        self.dirty = False

    def teardown(self) -> None:
        """Whatever happened, an apply ends it well."""
        with self.close:
            if sys.exception() is None:
                self.apply()

    @initialize(down=st.sampled_from([40, 60]), then=THEN)
    def begin(self, down: int, then: str) -> None:
        """Everybody is online, and an edit is about to reach them."""
        assert self.world.plan().empty
        for login, nas in ((ANITA, "192.0.2.1"), ("m900-1@home.example", "192.0.2.3"), (M901, "192.0.2.1")):
            self.online.dial(login, nas)
        self.online.dial_guest()
        self.edit_tariff(down, 25, then)

    # what people write

    @rule(
        number=NUMBERS,
        login=st.integers(1, 4),
        tariff=st.sampled_from(["home-20", "home-50", "home-100", "business"]),
        state=st.sampled_from(sorted(STATES)),
        address=st.sampled_from([None, 33, 34, 35]),
        mac=st.sampled_from([None, "{mode: learn, max: 2}", '{mode: fixed, addresses: [{mac: "00:00:5e:00:53:NN"}]}']),
        password=st.sampled_from(["canary-pw-a", "canary-pw-b"]),
        then=THEN,
    )
    def write(
        self,
        number: int,
        login: int,
        tariff: str,
        state: str,
        address: int | None,
        mac: str | None,
        password: str,
        then: str,
    ) -> None:
        """A subscriber as the helpdesk would write it; two never share a login, an address or a device."""
        id = f"sub-{number:06}"
        business = tariff == "business"
        path = self.world.subscriber(
            number,
            login=f"m{number}-{login}@home.example",
            password=f'"{self.world.sealed(f"service/{id}/main/password", password)}"',
            tariff=tariff,
            activated="2027-03-01" if state == "pending" else "2026-01-01",
            paid_until=None if business else "2027-01-01" if state == "expired" else "2027-06-30",
            ipv4=f"{{static: 203.0.113.{address + (number - 900) * 4}}}" if address else None,
            mac=mac and mac.replace("NN", f"{number - 900 + 0x70:02x}"),
        )
        if STATES[state] and state != "pending":
            text = self.world.read(path)
            self.world.write(path, text + f"    {STATES[state]}\n")
        self.dirty = True
        self._then(then)

    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        file = self.world.folder / "subscribers" / "lalitpur" / "aa" / f"sub-{number:06}.yaml"
        self.dirty = self.dirty or file.exists()
        file.unlink(missing_ok=True)

    @rule(down=st.sampled_from([40, 50, 60]), up=st.sampled_from([20, 25]), then=THEN)
    def edit_tariff(self, down: int, up: int, then: str) -> None:
        text = self.world.read("tariffs/home-50.yaml")
        rate = f"rate: {{down: {down}M, up: {up}M}}"
        self.world.write("tariffs/home-50.yaml", re.sub(r"rate: \{down: \d+M, up: \d+M\}", rate, text))
        self.dirty = True
        self._then(then)

    # what else happens

    @rule(hours=st.sampled_from([1, 24, 24 * 60, 24 * 200]))
    def tick(self, hours: int) -> None:
        self.world.now += timedelta(hours=hours)

    @rule(
        edit=st.sampled_from(
            [
                "UPDATE radusergroup SET groupname = 'isp:home-100' WHERE username LIKE 'm9%'",
                "UPDATE radgroupreply SET value = '900M/900M' WHERE attribute = 'Mikrotik-Rate-Limit'",
                "DELETE FROM radcheck WHERE username LIKE 'm901%'",
                "INSERT INTO radreply (username, attribute, op, value)"
                " SELECT login, 'Filter-Id', '=', 'x' FROM ispctl_login WHERE login LIKE 'm9%'",
                "DELETE FROM ispctl_pop",
            ]
        )
    )
    def edit_by_hand(self, edit: str) -> None:
        """Somebody in the database; drift finds it and repair writes back what was applied."""
        before = self.world.rows()
        self.world.sql(edit)
        changed = self.world.rows() != before
        if changed and not self.world.drifted():
            assert self.world.rows() != self.world.desired(self._applied()), (
                "the edit is of a key that waits for an apply"
            )
        self.world.repair()

    # who is online

    @rule(whose=WHOSE, nas=st.sampled_from(sorted(PLATFORMS)))
    def dial(self, whose: str, nas: str) -> None:
        """A login of the rows, or again: its earlier session is over and nobody said so."""
        for kind, login in sorted(self.world.rows()):
            if kind == "login" and login.startswith(whose):
                self.online.dial(login, nas)
                return

    @rule(whose=WHOSE, stop=st.booleans())
    def hang_up(self, whose: str, stop: bool) -> None:
        """With a Stop, or with one that is lost."""
        for login in {one.login for one in self.online.open.values() if one.login.startswith(whose)}:
            self.online.hang_up(login, stop=stop)

    @rule()
    def stops_arrive(self) -> None:
        self.online.stops_arrive()

    @rule()
    def be_forgotten(self) -> None:
        self.online.be_forgotten()

    @rule()
    def reappear(self) -> None:
        self.online.reappear()

    @rule(down=st.sampled_from([0, 30_000_000, 90_000_000]))
    def report(self, down: int) -> None:
        self.online.report(down=down)

    # what ispctl does

    @rule(heard=st.booleans())
    def apply_in_silence(self, heard: bool) -> None:
        """No answer comes, whether or not the NAS did what it was asked; the rows are written all the same."""
        self._commit()
        dae = self.online.dae
        with ExitStack() as silent, self.online.watched(sure=False):
            patch = silent.enter_context(pytest.MonkeyPatch.context())
            _wait_for_answers(patch, 0.01)
            if heard:
                patch.setattr(dae, "script", lambda dae, seen: [dae.honest(seen)][:0])
            else:
                silent.enter_context(silence(self.world, dae))
            self.world.apply()
        assert self.world.rows() == self.world.desired()
        self.online.asked_in_vain()

    @rule(number=st.integers(1, 40))
    def be_killed(self, number: int) -> None:
        self._commit()
        with self.online.watched(sure=False), suppress(Killed):
            self.world.apply(kill_at=number)
        self.online.asked_in_vain()

    @rule(number=st.integers(0, 2))
    def be_killed_among_answers(self, number: int) -> None:
        """Every NAS did what it was asked, and so many answers were written down."""
        self._commit()
        ask, real, left = Touch._ask, Touch._keep, iter(range(number))

        def ask_all(touch: Touch, todo: Sequence[Behind], what: str) -> Iterator[Answered]:
            yield from list(ask(touch, todo, what))

        def keep(touch: Touch, one: Behind, answer: Answer) -> None:
            if next(left, None) is None:
                raise Killed
            real(touch, one, answer)

        with pytest.MonkeyPatch.context() as patch, self.online.watched(sure=False), suppress(Killed):
            patch.setattr(Touch, "_ask", ask_all)
            patch.setattr(Touch, "_keep", keep)
            self.world.apply()
        self.online.asked_in_vain()

    @rule()
    def apply(self) -> None:
        """Every NAS answers, and nobody rests after questions in vain."""
        self._commit()
        self.world.tick(hours=7)
        with pytest.MonkeyPatch.context() as patch, self.online.watched():
            _wait_for_answers(patch, 20.0)  # on a busy machine a stand-in may be late
            result = self.world.apply()
        assert [outcome.error for outcome in result.outcomes if outcome.error] == []
        assert result.exit_code == 0
        self._is_settled()
        self.online.all_run_what_the_rows_say()

    def _then(self, what: str) -> None:
        """What comes of an edit before anything else happens."""
        if what == "apply to nobody":
            self.online.be_forgotten()
        if what.startswith("apply to") or what == "apply":
            self.apply()
        elif what == "apply in silence":
            self.apply_in_silence(True)
        elif what != "wait":
            kill = self.be_killed if int(what) > 2 else self.be_killed_among_answers
            kill(int(what))

    def _commit(self) -> None:
        if self.dirty:
            self.world.commit()
            self.dirty = False

    def _applied(self) -> str:
        with self.world.store(readonly=True) as store:
            applied = store.applied
        assert applied is not None
        return applied.commit

    # what always holds

    def _is_settled(self) -> None:
        """A second plan is empty, the rows are the desired ones, and what was applied is remembered as it was meant."""
        assert self.world.plan().empty
        intent = intent_of(self.world.repository.at("HEAD"), self.world.now)
        rows = self.world.rows()
        assert rows == self.world.desired()
        with self.world.store(readonly=True) as store:
            terms = {name: terms_from_value(value) for name, value in store.objects("terms").items()}
            stored = {f"{s.id}/{s.key}": from_text(s.entitlement, terms) for s in store.entitlements()}
        assert stored == {e.owner: from_text(to_text(e), intent.terms) for e in intent.entitlements}
        for entitlement in intent.entitlements:
            assert stored[entitlement.owner] is not None
            self._no_better_than_paid_for(entitlement, rows)
            self._constant(entitlement)

    def _no_better_than_paid_for(self, e: Entitlement, rows: Resources) -> None:
        if STRICTNESS[e.state] <= STRICTNESS[State.EXPIRED]:
            assert e.access != "open"
        row = rows.get(("login", e.login))
        if row is None or row["owner"] != e.owner:
            return
        assert (row["group"] == "isp:walled") == (e.access == "walled")
        assert bool(row["refuse"]) == (e.access == "none")

    def _constant(self, e: Entitlement) -> None:
        """Nothing changes before the moment that was named."""
        if e.until is not None and e.id >= "sub-000900":
            just_before = e.until - timedelta(seconds=1)
            later = intent_of(self.world.repository.at("HEAD"), just_before).entitlements
            assert next(other for other in later if other.owner == e.owner) == e

    @invariant()
    def few_are_looked_at_and_nobody_is_missed(self) -> None:
        """Who may run something else is found among those of whom that was written down, as among all."""
        with self.world.store(readonly=True) as store:
            assert doubts.known(store.database)
            assert doubts.behind(store) == doubts.behind(store, everybody=True)

    @invariant()
    def rows_of_others_stay(self) -> None:
        assert self.world.sql("SELECT attribute, op, value FROM radcheck WHERE username = 'guest'") == [
            ("Filter-Id", ":=", "x")
        ]
        assert self.world.sql("SELECT value FROM radgroupreply WHERE groupname = 'staff'") == [("x",)]
