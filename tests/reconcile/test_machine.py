"""Whatever is edited, by whomever, in whatever order, and wherever a run is killed: the next apply ends it well."""

from __future__ import annotations

import re
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ispctl.desired import Entitlement
from ispctl.intent import intent_of
from ispctl.reconcile.applied import from_text, terms_from_value, to_text
from ispctl.states import STRICTNESS, State
from tests.reconcile.world import Killed, World, built, copied

TEMPLATE: list[Path] = []
"""The example, applied; made once."""
NUMBERS = st.integers(900, 903)
STATES = {
    "active": "",
    "suspended": "suspended: {since: 2027-01-10, reason: abuse}",
    "terminated": "terminated: 2027-01-10",
    "pending": "",
    "expired": "",
}


def _template() -> Path:
    if not TEMPLATE:
        folder = built(Path(tempfile.mkdtemp(prefix="machine-")) / "isp")
        with World(folder) as world:
            world.sql("INSERT INTO radcheck (username, attribute, op, value) VALUES ('guest', 'Filter-Id', ':=', 'x')")
            world.sql(
                "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('staff', 'Filter-Id', '=', 'x')"
            )
            assert world.apply().exit_code == 0
        TEMPLATE.append(folder)
    return TEMPLATE[0]


class Isp(RuleBasedStateMachine):
    """Four subscribers who come, change and go, on the example."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self.world = World(copied(_template(), self.folder / "isp"))
        self.world.__enter__()
        self.dirty = False

    def teardown(self) -> None:
        self.world.__exit__()
        shutil.rmtree(self.folder)

    @initialize()
    def begin(self) -> None:
        assert self.world.plan().empty

    # what people write

    @rule(
        number=NUMBERS,
        login=st.integers(1, 4),
        tariff=st.sampled_from(["home-20", "home-50", "home-100", "business"]),
        state=st.sampled_from(sorted(STATES)),
        address=st.sampled_from([None, 33, 34, 35]),
        mac=st.sampled_from([None, "{mode: learn, max: 2}", '{mode: fixed, addresses: [{mac: "00:00:5e:00:53:NN"}]}']),
        password=st.sampled_from(["canary-pw-a", "canary-pw-b"]),
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

    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        file = self.world.folder / "subscribers" / "lalitpur" / "aa" / f"sub-{number:06}.yaml"
        self.dirty = self.dirty or file.exists()
        file.unlink(missing_ok=True)

    @rule(down=st.sampled_from([40, 50, 60]), up=st.sampled_from([20, 25]))
    def edit_tariff(self, down: int, up: int) -> None:
        text = self.world.read("tariffs/home-50.yaml")
        rate = f"rate: {{down: {down}M, up: {up}M}}"
        self.world.write("tariffs/home-50.yaml", re.sub(r"rate: \{down: \d+M, up: \d+M\}", rate, text))
        self.dirty = True

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

    @rule(number=st.integers(1, 40))
    def be_killed(self, number: int) -> None:
        self._commit()
        try:
            self.world.apply(kill_at=number)
        except Killed:
            return

    @rule()
    def apply(self) -> None:
        self._commit()
        result = self.world.apply()
        assert [outcome.error for outcome in result.outcomes if outcome.error] == []
        assert result.exit_code == 0
        self._is_settled()

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
        assert self.world.rows() == self.world.desired()
        with self.world.store(readonly=True) as store:
            terms = {name: terms_from_value(value) for name, value in store.objects("terms").items()}
            stored = {f"{s.id}/{s.key}": from_text(s.entitlement, terms) for s in store.entitlements()}
        assert stored == {e.owner: from_text(to_text(e), intent.terms) for e in intent.entitlements}
        for entitlement in intent.entitlements:
            assert stored[entitlement.owner] is not None
            self._no_better_than_paid_for(entitlement)
            self._constant(entitlement)

    def _no_better_than_paid_for(self, e: Entitlement) -> None:
        if STRICTNESS[e.state] <= STRICTNESS[State.EXPIRED]:
            assert e.access != "open"
        row = self.world.rows().get(("login", e.login))
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
    def rows_of_others_stay(self) -> None:
        assert self.world.sql("SELECT attribute, op, value FROM radcheck WHERE username = 'guest'") == [
            ("Filter-Id", ":=", "x")
        ]
        assert self.world.sql("SELECT value FROM radgroupreply WHERE groupname = 'staff'") == [("x",)]


@pytest.fixture(autouse=True, scope="module")
def _cleared() -> object:
    yield
    while TEMPLATE:
        shutil.rmtree(TEMPLATE.pop().parent)


Isp.TestCase.settings = settings(
    derandomize=True, max_examples=7, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
TestIsp = pytest.mark.slow(pytest.mark.timeout(600)(Isp.TestCase))
