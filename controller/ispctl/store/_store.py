"""The face of the store. What it hides: SQL text, versions, locks, waiting, and the words of a refusal."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ispctl.store import _errors, _journal, _outbox, _pauses, _schema, _sessions
from ispctl.store._database import Database
from ispctl.store._dsn import Address, address
from ispctl.store._lock import Holder, Lock, Part, held
from ispctl.store.records import (
    EPOCH,
    Applied,
    AppliedService,
    Limit,
    Message,
    Pause,
    Reject,
    RunRecord,
    Session,
    Undone,
    Unsent,
    moment,
    stamp,
)

LAB_DOOR = "lab_coa"
"""Name of a small fact of a lab database: JSON {"coa": {"host", "port"}, "secret"}; all CoA and Disconnect go there."""
LAB_DEVICES = "lab_devices"
"""The same for how stand-ins are configured: JSON, by host; see lab.devices.play."""
LAB_CLIENT = "ispctl lab"
"""Description of the rows of `nas` that the lab made; they yield to NAS of the inventory at the same address."""
_ENTITLEMENT = "SELECT id, key, login, entitlement, digest, commit_id, applied_at FROM ispctl_service"


class Meta:
    """Small facts about the database by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> str | None:
        rows = self._database.query("SELECT value FROM ispctl_meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def set(self, key: str, value: str) -> None:
        self._database.write(
            "INSERT INTO ispctl_meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )


class Store:
    """An open database of ours. Use it as a context manager; it belongs to the thread that opened it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.meta = Meta(database)
        self._held: dict[Part, Lock] = {}

    @classmethod
    def create(cls, dsn: str, *, base: Path = Path(), lab: bool = False, timeout: float = 5.0) -> Self:
        """Make the database, or bring an older one or one of FreeRADIUS up to date; all rows in it stay.

        `lab` marks a new database as one that the demo key may open. Run twice it changes nothing.
        """
        database = Database(address(dsn, base), readonly=False, timeout=timeout, make=True)
        try:
            _schema.create(database, lab=lab)
        except BaseException:
            database.close()
            raise
        return cls(database)

    @classmethod
    def open(cls, dsn: str, *, base: Path = Path(), readonly: bool = False, timeout: float = 5.0) -> Self:
        """Open what `create` made; a relative path is taken from `base`. Never creates anything.

        Refuses E300 to E310, E324 to E326.

        `readonly` asks for no lock and cannot write; it works beside a writer. `timeout` in seconds.
        """
        database = Database(address(dsn, base), readonly=readonly, timeout=timeout)
        try:
            _schema.verify(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    @property
    def again(self) -> Callable[[], Store]:
        """Opens the same database once more, to read: for another process."""
        return partial(_opened, self.database.address)

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def place(self) -> str:
        """What messages call the database; holds no password."""
        return self.database.place

    @property
    def rows_read(self) -> int:
        """Rows this connection has fetched; tests pin it per command."""
        return self.database.rows_read

    @property
    def rows_written(self) -> int:
        return self.database.rows_written

    @property
    def is_lab(self) -> bool:
        return self.meta.get("lab") == "1"

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing; inside another one it joins it."""
        return self.database.transaction()

    @contextmanager
    def lock(self, holder: Holder, part: Part = "rows") -> Iterator[None]:
        """Be the only applier, or the only one who configures NAS. Refuses E312 and names the holder."""
        with held(self.database.address, holder, part) as self._held[part]:
            try:
                yield
            finally:
                del self._held[part]

    @property
    def beside(self) -> Callable[[], Store] | None:
        """Opens the same database once more, to write under the lock that is held here: for another process. None where
        nobody else may write meanwhile."""
        session = self._held["rows"].session if "rows" in self._held else None
        return None if session is None else partial(_beside, self.database.address, session)

    @property
    def another(self) -> Callable[[], Store]:
        """Opens the same database once more, to write: for another thread, under a lock of its own."""
        return partial(_opened, self.database.address, readonly=False)

    def check_lock(self) -> None:
        """Before each step that must not be done by two: refuses E330 when a lock that is held here was lost."""
        for lock in self._held.values():
            lock.check()

    # Applied state

    @property
    def applied(self) -> Applied | None:
        """What the rows were last made equal to; None before the first apply."""
        rows = self.database.query("SELECT key, value FROM ispctl_meta WHERE key LIKE 'applied_%'")
        meta: dict[str, str] = dict(rows)
        if not meta:
            return None
        stamped = meta.get("applied_at", "")
        at = moment(int(stamped)) if stamped.isascii() and stamped.isdigit() else None
        if at is None or not {"applied_commit", "applied_digest"} <= meta.keys():
            raise _errors.odd(self.place, "ispctl_meta")
        return Applied(meta["applied_commit"], at, meta["applied_digest"])

    def put_applied(self, applied: Applied) -> None:
        """Belongs into the last transaction of an apply."""
        with self.transaction():
            self.meta.set("applied_commit", applied.commit)
            self.meta.set("applied_at", str(stamp(applied.at)))
            self.meta.set("applied_digest", applied.digest)

    def entitlements(self, services: Sequence[tuple[str, str]] | None = None) -> Iterator[AppliedService]:
        """Applied entitlements by (id, key), sorted; None: all of them."""
        if services is None:
            rows = self.database.stream(f"{_ENTITLEMENT} ORDER BY id, key")
        else:
            wanted = set(services)
            ids = sorted({owner for owner, _ in wanted})
            found = self.database.among(_ENTITLEMENT + " WHERE id IN ({}) ORDER BY id, key", ids)
            rows = (row for row in found if row[:2] in wanted)
        for *fields, at in rows:
            yield AppliedService(*[*fields, moment(at) or EPOCH])

    def given(self, logins: Sequence[str]) -> Iterator[AppliedService]:
        """Applied entitlements by login, in any order."""
        rows = self.database.among(f"{_ENTITLEMENT} WHERE login IN ({{}})", sorted(set(logins)))
        for *fields, at in rows:
            yield AppliedService(*[*fields, moment(at) or EPOCH])

    def put_entitlement(self, service: AppliedService) -> None:
        """Belongs into the transaction that writes the rows of its login."""
        self.database.write(
            "INSERT INTO ispctl_service (id, key, login, entitlement, digest, commit_id, applied_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, key) DO UPDATE SET login = excluded.login,"
            " entitlement = excluded.entitlement, digest = excluded.digest, commit_id = excluded.commit_id,"
            " applied_at = excluded.applied_at",
            (
                service.id,
                service.key,
                service.login,
                service.entitlement,
                service.digest,
                service.commit,
                stamp(service.at),
            ),
        )

    def forget_entitlement(self, service: tuple[str, str]) -> None:
        """Of the service (id, key)."""
        self.database.write("DELETE FROM ispctl_service WHERE id = ? AND key = ?", service)

    @property
    def services(self) -> int:
        """How many services were given something."""
        ((count,),) = self.database.query("SELECT count(*) FROM ispctl_service")
        return int(count)

    def objects(self, kind: str, key: str | None = None) -> dict[str, Any]:
        """What was noted about the objects of one kind, or about one of them: key -> what `put_object` was given."""
        one, values = ("", (kind,)) if key is None else ("AND key = ?", (kind, key))
        rows = self.database.query(f"SELECT key, value FROM ispctl_object WHERE kind = ? {one} ORDER BY key", values)
        try:
            said = {key: json.loads(value) for key, value in rows}
            return {key: value if isinstance(value, dict) else {} for key, value in said.items()}
        except ValueError:
            raise _errors.odd(self.place, "ispctl_object") from None

    @property
    def sees_secrets(self) -> bool:
        """Whether passwords and keys may be read: False for a role of ispstat."""
        return self.database.may_read("ispctl_secret")

    @property
    def row_key(self) -> bytes:
        """The random key under which secrets in rows leave their marks; an ispstat role need not see it."""
        rows = self.database.query("SELECT value FROM ispctl_secret WHERE name = 'rows'")
        try:
            return bytes.fromhex(rows[0][0])
        except (IndexError, ValueError):
            raise _errors.odd(self.place, "ispctl_secret") from None

    def put_object(self, kind: str, key: str, value: Mapping[str, Any]) -> None:
        """`value` is JSON. The kinds "nas" and "pop" belong to the rows of RADIUS."""
        self.database.write(
            "INSERT INTO ispctl_object (kind, key, value) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
            (kind, key, json.dumps(dict(value), sort_keys=True)),
        )

    def forget_object(self, kind: str, key: str) -> None:
        self.database.write("DELETE FROM ispctl_object WHERE kind = ? AND key = ?", (kind, key))

    # Journal

    def begin_run(
        self, kind: str, at: datetime, *, commit: str, base: str = "", digest: str = "", actor: str = ""
    ) -> _journal.Run:
        """Write down that a run begins; it counts as unfinished until `Run.finish`."""
        return _journal.begin(self.database, kind, commit, base, digest, actor, at)

    def runs(self, limit: int = 20, *, unfinished: bool = False, applying: bool = False) -> Iterator[RunRecord]:
        """The newest runs, newest first; `applying`: those that apply a commit and had something to do."""
        return _journal.runs(self.database, limit, unfinished=unfinished, applying=applying)

    def undone(self) -> tuple[Undone, ...]:
        """The runs that were taken back and whose commit was not dealt with since, newest first."""
        return _journal.undone(self.database)

    def put_undone(self, one: Undone) -> None:
        """Belongs before the first row of the run that takes it back: whoever kills that run means it all the same."""
        _journal.put_undone(self.database, one)

    def forget_undone(self, run: str, at: datetime) -> None:
        """What the run had applied may be applied again."""
        self.database.write("UPDATE ispctl_undone SET lifted = ? WHERE run = ? AND lifted IS NULL", (stamp(at), run))

    def lost_since(self, since: datetime, effects: Collection[str]) -> dict[tuple[str, str], set[str]]:
        """(effect, cause) -> the services that met one of these effects, for the gates."""
        return _journal.lost_since(self.database, since, effects)

    def deleted_since(self, since: datetime) -> set[str]:
        """The owned keys that were deleted, for the gates."""
        return _journal.deleted_since(self.database, since)

    # Pauses

    def pauses(self, now: datetime) -> tuple[Pause, ...]:
        """The pauses that hold at `now`, the widest first."""
        return _pauses.pauses(self.database, now)

    def pauses_over(self, since: datetime, now: datetime) -> frozenset[tuple[str, datetime | None]]:
        """The ids of the pauses that ended in between, and when."""
        return _pauses.over(self.database, since, now)

    def put_pause(self, pause: Pause) -> None:
        """Write a pause down, or what became of one; none is ever forgotten."""
        _pauses.put(self.database, pause)

    # The outbox

    def message(self, key: str) -> Message | None:
        return _outbox.find(self.database, key)

    def messages(self, states: Collection[str], limit: int = 20) -> list[Message]:
        """Those in one of these states, newest first."""
        return _outbox.listed(self.database, states, limit)

    def add_message(self, message: Message) -> bool:
        """Write a new one down; whether it was not there yet."""
        return _outbox.add(self.database, message)

    def change_message(self, was: Message, now: Message) -> bool:
        """Write down what becomes of it; False, and nothing is done, where somebody else did meanwhile."""
        return _outbox.change(self.database, was, now)

    def unsent(self, interrupted: datetime, since: datetime) -> Unsent:
        """The letters that did not go: those that wait, attempts that were begun before `interrupted` and never ended
        among them, and those that were refused since then."""
        return _outbox.unsent(self.database, interrupted, since)

    def take_back_message(self, key: str) -> None:
        """Forget one that nobody has begun to send: there is nothing to tell."""
        _outbox.take_back(self.database, key)

    def replace_messages(self, sent: Message) -> None:
        """What waits about the same, or was interrupted, as it stood before, need not go any more."""
        _outbox.replaced(self.database, sent)

    # Facts

    def forget_devices(self, login: str, macs: Collection[str]) -> None:
        """Those of a login that the server learned; what git names stays."""
        sql = "DELETE FROM ispctl_mac WHERE login = ? AND mac = ? AND learned IS NOT NULL"
        for mac in macs:
            self.database.write(sql, (login, mac))

    def sessions(self, *, open_only: bool = True, logins: Sequence[str] | None = None) -> Iterator[Session]:
        """Rows of radacct by login and start; `open_only` leaves out what has ended."""
        return _sessions.sessions(self.database, open_only=open_only, logins=logins)

    def limits(self) -> Iterator[Limit]:
        """What each NAS was found unable to do, whether or not that still holds."""
        return _sessions.limits(self.database)

    def put_limit(self, limit: Limit) -> None:
        _sessions.put_limit(self.database, limit)

    def forget_limit(self, nas: str, what: str, subject: str) -> None:
        key = (nas, what, subject)
        self.database.write("DELETE FROM ispctl_nas_limit WHERE nas = ? AND what = ? AND subject = ?", key)

    def rejects(
        self,
        *,
        login: str | None = None,
        nas: str | None = None,
        reason: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 20,
    ) -> Iterator[Reject]:
        """The newest refusals, newest first; addresses that are no NAS of ours among them unless a login is named."""
        asked: dict[str, Any] = {"login": login, "nas": nas, "reason": reason, "since": since, "until": until}
        return _sessions.rejects(self.database, **asked, limit=limit)


def _beside(place: Address, session: int) -> Store:
    from ispctl.store._lock_server import still_held

    store = Store(Database(place, readonly=False, timeout=5.0))
    store._held["rows"] = Lock(partial(still_held, store.database, session), session)
    return store


def _opened(place: Address, *, readonly: bool = True) -> Store:
    return Store(Database(place, readonly=readonly, timeout=5.0))
