"""`ispctl adopt`: rows that were there before become ours, one login after another, where they mean what git says.

What is compared is read in the transaction that replaces it. A login that means something else is left as it is, with
the difference in words; so is every login that was not chosen.
"""

from __future__ import annotations

import dataclasses
import hmac
from collections.abc import Callable, Mapping
from functools import cached_property
from zoneinfo import ZoneInfo

from ispctl.adopt.judging import Difference, Ground, differences
from ispctl.adopt.meaning import understand
from ispctl.adopt.old import OldGroup
from ispctl.adopt.reading import OldDatabase
from ispctl.desired import Entitlement
from ispctl.model.policy import Limit
from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Change
from ispctl.reconcile import World
from ispctl.repo import Snapshot
from ispctl.store import LAB_CLIENT, Database
from ispctl.structs import Struct


class Choice(Struct):
    """Whom to adopt, and which differences are meant."""

    everybody: bool = False
    groups: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    accept: frozenset[str] = frozenset()

    def wants(self, owner: str, group: str) -> bool:
        return self.everybody or group in self.groups or owner in self.owners


@dataclasses.dataclass
class Judge:
    """Says of each change whether it may take over the rows that stand there. Collects what differs, by key."""

    world: World
    snapshot: Snapshot
    choice: Choice
    open: Callable[[str], str] = dataclasses.field(repr=False)
    """The digest of a sealed value -> its clear text."""
    said: dict[tuple[str, str], tuple[Difference, ...]] = dataclasses.field(default_factory=dict)

    def wants(self, change: Change) -> bool:
        """Whether a change is among those chosen; NAS always are, since every login needs them."""
        if change.key[0] != "login":
            return True
        document = self.snapshot.subscriber(change.owner.partition("/")[0])
        return self.choice.wants(change.owner, document.path.split("/")[1] if document else "")

    def judge(self, change: Change, wanted: Mapping[str, Entitlement]) -> Problem | None:
        """None: the rows mean the same. Call it in the transaction that takes them over."""
        kind, name = change.key
        if kind == "nas":
            said = self._nas(name, change)
        elif kind == "login":
            said = self._login(name, wanted[change.owner], change)
        else:
            said = ()
        meant = tuple(one for one in said if one.aspect not in self.choice.accept)
        self.said[change.key] = meant
        if not meant:
            return None
        text = "; ".join(f"{one.aspect}: {one.text}" for one in meant)
        return Problem("E652", text, advice="Say the same in git, or take the difference: --accept ASPECT")

    def _nas(self, address: str, change: Change) -> tuple[Difference, ...]:
        database = self.world.store.database
        rows = database.query("SELECT secret FROM nas WHERE nasname = ?", (address,))
        wanted = self.open(str((change.after or {})["secret"]))
        same = len(rows) == 1 and hmac.compare_digest(str(rows[0][0]).encode(), wanted.encode())
        return () if same else (Difference("secret", "the shared secret is another one"),)

    def _login(self, login: str, wanted: Entitlement, change: Change) -> tuple[Difference, ...]:
        person = next(iter(self._old.people([login])))
        understood = understand(person, self._groups, self._zone)
        password = (change.after or {}).get("password")
        clear = self.open(str(password)) if password else ""
        return tuple(differences(understood, wanted, clear, self._ground))

    @cached_property
    def _old(self) -> OldDatabase:
        return OldDatabase(self.world.store.database)

    @cached_property
    def _groups(self) -> Mapping[str, OldGroup]:
        return self._old.groups()

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.snapshot.policy.value.timezone)

    @cached_property
    def _ground(self) -> Ground:
        strangers = _strangers(self.world.store.database, self.snapshot)
        handed_out = frozenset(name for name, pool in self.snapshot.pools.items() if pool.served_by == "radius")
        return Ground(self.snapshot.policy.value, self.snapshot.nas, strangers, handed_out, self.world.now)


def most(limit: Limit, allowed: int | None) -> Callable[[int, int], None]:
    """How many logins may change hands in one run: what a day may cut off by the policy, or the number given."""

    def permit(count: int, total: int) -> None:
        passes = max(limit.floor, int(limit.share * total)) if allowed is None else allowed
        if count > passes:
            text = f"{count} logins would change hands, and {passes} may at once (limits.cut_off)"
            advice = f"Look at them with --dry-run, begin with a group, or permit it: --allow {count}"
            raise Refusal(Problem("E653", text, advice=advice))

    return permit


def _strangers(database: Database, snapshot: Snapshot) -> int:
    known = {str(source) for nas in snapshot.nas.values() if nas.radius for source in nas.radius.sources}
    sql = f"SELECT nasname FROM nas WHERE COALESCE(description, '') <> '{LAB_CLIENT}'"  # noqa: S608  a constant
    return sum(str(address) not in known for (address,) in database.query(sql))
