"""Live sessions, each against what its rows say: what it is, how fast it should be, and whether it has heard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import Final, Literal

from ispctl.desired import Terms, all_terms
from ispctl.model.network import Nas
from ispctl.plan import Fields, Resources
from ispctl.radius import live
from ispctl.radius.rendering import WALLED, rendering, same_class
from ispctl.radius.rows import RadiusRows
from ispctl.reconcile.proof import judge
from ispctl.status.names import one_of, services
from ispctl.status.spool import Spool
from ispctl.status.values import Speed
from ispctl.status.view import View, writable
from ispctl.store import Proof, Session, Store, doubts, facts, proofs
from ispctl.structs import Struct

STALE: Final = 2.5
"""A session is stale when nothing was heard of it for more than so many intervals."""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_BATCH: Final = 1000
"""Sessions whose rows are read together."""
Config = Literal["current", "behind", "acked", "proved", "unknown"]


class Measured(Struct):
    """Bits per second over the last `seconds`, and what the two samples were."""

    down: int
    up: int
    seconds: int
    basis: str


class Octets(Struct):
    """Bytes since the session began, seen by the subscriber."""

    down: int
    up: int


class Online(Struct):
    """One open session. `id` and `key` are empty where nobody of ours has this login; `nas` where the address is no NAS
    of the inventory. `age`: seconds since its last report. `bytes` is None where the counters are of a later moment.
    `needs`: what a session that is behind waits for; `in_vain`: why its NAS did not do what it was asked.
    `unique`: what the server calls it."""

    login: str
    id: str
    key: str
    nas: str
    nas_address: str
    port: str
    ipv4: str
    ipv6: str
    ipv6_prefix: str
    delegated: str
    mac: str
    started: datetime | None
    updated: datetime | None
    age: int | None
    bytes: Octets | None
    measured: Measured | None
    expected: Speed | None
    state: Literal["live", "stale"]
    config: Config
    needs: str
    walled: str
    proof: str
    in_vain: str
    class_: str
    unique: str

    @property
    def measured_speed(self) -> Speed | None:
        return Speed(self.measured.down, self.measured.up) if self.measured else None


class Asked(Struct):
    """Which sessions: of one NAS (name or address), of some logins, silent ones, ones that run older values."""

    nas: str = ""
    logins: frozenset[str] | None = None
    stale: bool = False
    behind: bool = False

    def wants(self, one: Online) -> bool:
        return (
            (not self.nas or self.nas in (one.nas, one.nas_address))
            and (self.logins is None or one.login in self.logins)
            and (not self.stale or one.state == "stale")
            and (not self.behind or one.config == "behind")
        )


EVERYBODY: Final = Asked()


def sessions(view: View, asked: Asked = EVERYBODY) -> Spool[Online] | None:
    """Every open session that is asked for, by login and start, few of them in memory; None if the database does not
    say."""
    if view.then is not None:
        return _of_then(view, asked)
    known = asked.logins is not None and (view.logins is None or asked.logins <= view.logins)
    rows, _ = view.rows if known else None, (view.nas, view.limits)  # before the database is asked for sessions
    return view.ask(lambda store: Spool(_judged(view, store, asked, rows), key=_by_login))


def _by_login(one: Online) -> tuple[str, datetime, str]:
    return one.login, one.started or _NEVER, one.unique


def _of_then(view: View, asked: Asked) -> Spool[Online] | None:
    """Nobody knows the rows of another moment."""
    if asked.logins is None:
        view.meet_everybody()
    else:
        view.meet(*asked.logins)
    judge = _Judge(view, {}, {})
    if view.open_sessions is None:
        return None
    return Spool(filter(asked.wants, map(judge.online, view.open_sessions)), key=_by_login)


def _judged(view: View, store: Store, asked: Asked, known: Resources | None) -> Iterator[Online]:
    """Against the rows that are known already, or those of who is online, some at a time."""
    backend, logins = RadiusRows(store), asked.logins
    shared = backend.shared() if known is None else known
    if logins is None and asked.behind:
        logins = _doubtful(store)
    found = iter(store.sessions(logins=None if logins is None else sorted(filter(writable, logins))))
    while batch := list(islice(found, _BATCH)):
        mine = [one for one in batch if asked.nas in ("", one.nas, _name(view, one.nas))]
        names = sorted({one.login for one in mine})
        own = backend.read([("login", name) for name in names]) if known is None and names else {}
        rows = {**shared, **own} if own else shared
        judge = _Judge(view, rows, {proof.uniqueid: proof for proof in proofs.read(store, logins=names)})
        yield from filter(asked.wants, map(judge.online, mine))


def _name(view: View, address: str) -> str:
    nas = view.nas.get(address)
    return nas.name if nas else ""


def _doubtful(store: Store) -> frozenset[str]:
    """The logins with a session that may run older values: by its Class, or by a change that is still to be proved."""
    return facts.logins_of(store, doubts.behind(store)) | proofs.awaited_logins(store)


class Count(Struct):
    """Open sessions; how many of them are stale, and how many run older values than the database holds."""

    open: int = 0
    stale: int = 0
    behind: int = 0


def counts(view: View) -> Mapping[str, Count] | None:
    """By the address of the NAS, without a look at each session; None if the database does not say."""
    behind = sessions(view, Asked(behind=True))
    intervals = {interim(view, address) for address in ("", *view.nas)}
    now = int(view.now.timestamp() // 1)
    found = view.ask(lambda store: {one: facts.heard(store, now - int(STALE * one)) for one in intervals})
    if found is None or behind is None:
        return None
    late = Counter(one.nas_address for one in behind)
    return {
        one.nas: Count(one.sessions, one.silent, late[one.nas])
        for seconds, heard in found.items()
        for one in heard
        if interim(view, one.nas) == seconds
    }


def total(found: Mapping[str, Count]) -> Count:
    every = found.values()
    return Count(sum(one.open for one in every), sum(one.stale for one in every), sum(one.behind for one in every))


def age(view: View, session: Session) -> int | None:
    """Seconds since its last report; None where none came."""
    return None if session.updated is None else max(int((view.now - session.updated).total_seconds()), 0)


def is_stale(view: View, session: Session) -> bool:
    """Whether nothing was heard of it for so long that it may be over."""
    silent = age(view, session)
    return silent is None or silent > STALE * interim(view, session.nas)


def interim(view: View, address: str) -> int:
    """Seconds between reports; the longest of all where it is not known who reports."""
    nas = view.nas.get(address)
    return nas.accounting.interim if nas else max((one.accounting.interim for one in view.nas.values()), default=300)


class _Judge:
    """Compares sessions with the rows of the database: what it would be given if it logged in now."""

    def __init__(self, view: View, rows: Resources, proofs: Mapping[str, Proof]) -> None:
        self.view, self.rows, self.proofs = view, rows, proofs
        own = {name: str(fields["owner"]) for (kind, name), fields in rows.items() if kind == "login"}
        self.owners = {**view.former, **own}
        if view.then is not None:
            self.owners = {one.service.login: one.owner for one in view.head.services()}

    def online(self, session: Session) -> Online:
        nas = self.view.nas.get(session.nas)
        fields = self.rows.get(("login", session.login))
        id, _, key = self.owners.get(session.login, "").partition("/")
        walled = session.klass.partition("/wall:")[2]
        proof = live.proof_of(session, self.proofs)
        config, needs = self._config(session, proof)
        down, up = session.octets_out, session.octets_in
        if nas and nas.accounting.direction == "subscriber":
            down, up = up, down
        return Online(
            login=session.login,
            id=id,
            key=key,
            nas=nas.name if nas else "",
            nas_address=session.nas,
            port=session.port,
            ipv4=session.ipv4,
            ipv6=session.ipv6,
            ipv6_prefix=session.ipv6_prefix,
            delegated=session.delegated,
            mac=session.mac,
            started=session.started,
            updated=session.updated,
            age=age(self.view, session),
            bytes=None if self._since(session) else Octets(down, up),
            measured=None if self._since(session) else _measured(session, down, up),
            expected=self._expected(fields, walled),
            state="stale" if is_stale(self.view, session) else "live",
            config=config,
            needs=needs,
            walled=walled,
            proof=self._shown(session, proof) if proof else "",
            in_vain=proof.proof if proof and config == "behind" and proof.answer in live.VAIN else "",
            class_=session.klass,
            unique=session.uniqueid,
        )

    def _since(self, session: Session) -> bool:
        """Whether its counters are of a later moment than the one that is asked about."""
        last = max(filter(None, (session.updated, session.stopped)), default=None)
        return self.view.then is not None and last is not None and last > self.view.now

    def _config(self, session: Session, proof: Proof | None) -> tuple[Config, str]:
        fields, nas = self.rows.get(("login", session.login)), self.view.nas.get(session.nas)
        given_up = self.view.then is None and session.login in self.view.former
        if nas is None or (fields is None and not given_up):
            return "unknown", ""
        if fields is not None and not fields["refuse"] and (given := self._class_to(fields, nas, session)):
            told = proof is not None and proof.kind == "coa" and proof.answer == "ack"
            if same_class(live.running(session, proof), given):
                return self._told(session, proof) if proof and told else ("current", "")
        found = live.behind([session], self.proofs, self.rows, self.owners, self.view.nas, self.view.limits)
        one = next(found, None)
        if one is not None:
            return "behind", one.kind
        ending = proof is not None and proof.kind == "disconnect" and proof.answer in ("ack", "gone")
        return ("acked", "disconnect") if ending else ("unknown", "")

    def _told(self, session: Session, proof: Proof) -> tuple[Config, str]:
        """What the accounting shows by now, also where no run has looked at it yet."""
        if not proof.awaited:
            return "proved" if proof.proved else "acked", ""
        found = judge(proof, session, self.view.nas.get(session.nas)).kind
        if found == "contradicted":
            return "behind", "disconnect"
        return "proved" if found == "proved" else "acked", ""

    def _shown(self, session: Session, proof: Proof) -> str:
        """What a run found in its accounting, or what there is to find."""
        if proof.proof or not proof.awaited:
            return proof.proof
        return judge(proof, session, self.view.nas.get(session.nas)).text

    def _class_to(self, fields: Fields, nas: Nas, session: Session) -> str:
        """The Class it would get now."""
        group = self.rows.get(("group", f"{live.group_of(session, fields)}@{nas.platform}"))
        return f"{fields['class']}-{rendering(group)}" if group else ""

    def _expected(self, fields: Fields | None, walled: str) -> Speed | None:
        if fields is None or fields["refuse"]:
            return None
        if walled or fields["group"] == WALLED:
            wall = self.view.served.policy.value.wall.rate
            return Speed(wall.down, wall.up)
        terms = self._terms.get(str(fields["group"]).removeprefix("isp:"))
        return Speed(terms.down, terms.up) if terms else None

    @cached_property
    def _terms(self) -> Mapping[str, Terms]:
        served = self.view.served
        return all_terms((tariff.value for tariff in served.tariffs()), served.policy.value)


def _measured(session: Session, down: int, up: int) -> Measured | None:
    """Only its beginning and its last report are kept: the average between the two."""
    if session.started is None or session.updated is None:
        return None
    seconds = int((session.updated - session.started).total_seconds())
    if seconds < 1:
        return None
    return Measured(down * 8 // seconds, up * 8 // seconds, seconds, "average since start")


def logins_of(view: View, named: str) -> frozenset[str]:
    """The logins that a login, an id or id/key stands for, in the head or in what is applied; else itself."""
    view.meet(named)
    return _logins_of(view, named) or frozenset({named})


def of_nobody(view: View, login: str, nas: str) -> None:
    """What there is to say where no session was found. Raises Refusal for a name that nothing has, since "no session"
    would look like an answer: E321 for a login, E621 for a NAS."""
    if nas and nas not in view.nas:
        one_of("--nas", nas, sorted(view.head.nas))
    if login and not _logins_of(view, login):
        services(view, login)


def _logins_of(view: View, named: str) -> frozenset[str]:
    return frozenset(one.service.login for snapshot in (view.head, view.served) for one in snapshot.find(named))
