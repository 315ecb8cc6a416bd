"""Sessions that run something else than their rows: tell them, end them, and later see whether they kept to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic, sleep
from typing import Final

from ispctl.model.network import Nas
from ispctl.model.problem import Refusal
from ispctl.radius.live import Behind, nas_by_address
from ispctl.radius.sessions import Answer, LiveSession, Request, Sessions, verify
from ispctl.radius.sessions import Proof as Judged
from ispctl.reconcile.door import Doors
from ispctl.reconcile.survey import LEFT
from ispctl.store import Proof, Session, Store

Progress = Callable[[str, int, int], None]
PAUSE: Final = 0.25
GONE: Final = frozenset({"ack", "gone"})


@dataclass(frozen=True)
class SessionOutcome:
    """What became of one session: changed, ended, or why not. `code` is empty where nothing went wrong."""

    owner: str
    nas: str
    kind: str
    answer: str
    text: str
    code: str
    unique: str = ""
    """Acct-Unique-Session-Id, as the store names it."""


def touch(
    store: Store,
    todo: Sequence[Behind],
    doors: Doors,
    rates: Mapping[str, tuple[int, int]],
    clock: Callable[[], datetime],
    progress: Progress,
) -> Iterator[SessionOutcome]:
    """Change or end each of these sessions; a CoA that the NAS cannot do becomes a Disconnect. Every answer is kept,
    so that a killed run goes on where it stopped. `rates`: (down, up) in bit/s that each service may now use."""
    unsupported: list[Behind] = []
    for one, answer in _ask(todo, doors, progress):
        if isinstance(answer, SessionOutcome):
            yield answer
            continue
        _keep(store, one, answer, rates.get(one.owner, (0, 0)), clock())
        if one.kind == "coa" and answer.kind == "unsupported":
            unsupported.append(replace(one, kind="disconnect", attributes=()))
        else:
            yield SessionOutcome(
                one.owner, one.nas.name, one.kind, answer.kind, answer.text, answer.code, one.session.uniqueid
            )
    if unsupported:
        yield from touch(store, unsupported, doors, rates, clock, progress)


def settle(store: Store, nas: Mapping[str, Nas], now: datetime) -> frozenset[str]:
    """Look at the accounting of sessions that acknowledged a change. Writes what is proved, forgets what has ended
    (of logins that were given up too), and returns the sessions that did not keep to it."""
    by_address = nas_by_address(nas.values())
    waiting, left = list(store.proofs()), store.objects(LEFT)
    logins = [*(proof.login for proof in waiting), *left]
    open_now = {session.uniqueid: session for session in store.sessions(logins=logins)}
    for login in left.keys() - {session.login for session in open_now.values()}:
        store.forget_object(LEFT, login)
    contradicted: set[str] = set()
    for proof in waiting:
        session = open_now.get(proof.uniqueid)
        if session is None:
            store.forget_proof(proof.uniqueid)
        elif is_awaited(proof):
            found = judge(proof, session, by_address.get(session.nas))
            store.put_proof(_after(proof, found, now))
            if found.kind == "contradicted":
                contradicted.add(proof.uniqueid)
    return frozenset(contradicted)


def await_proof(
    store: Store, nas: Mapping[str, Nas], done: Sequence[SessionOutcome], clock: Callable[[], datetime], patience: float
) -> tuple[SessionOutcome, ...]:
    """Wait at most `patience` seconds for the accounting to prove what these sessions acknowledged."""
    end = monotonic() + patience
    mine = {outcome.unique for outcome in done if outcome.kind == "coa" and outcome.answer == "ack"}
    while mine and monotonic() < end and any(is_awaited(p) for p in store.proofs() if p.uniqueid in mine):
        sleep(PAUSE)
        settle(store, nas, clock())
    proofs = {proof.uniqueid: proof for proof in store.proofs()}

    def proved(outcome: SessionOutcome) -> SessionOutcome:
        proof = proofs.get(outcome.unique)
        return replace(outcome, answer="proved", text=proof.proof) if proof and proof.proved else outcome

    return tuple(map(proved, done))


def is_awaited(proof: Proof) -> bool:
    """Whether a change was acknowledged and its proof is still to come."""
    return proof.kind == "coa" and proof.answer == "ack" and proof.acked is not None and proof.proved is None


def awaited_reports(store: Store) -> frozenset[tuple[str, datetime | None]]:
    """(session, its newest report) of each session whose change is still to be proved; None: it has ended. What was
    not in it before is news, and worth to be settled."""
    waiting = [proof for proof in store.proofs() if is_awaited(proof)]
    if not waiting:
        return frozenset()
    open_now = {one.uniqueid: one.updated for one in store.sessions(logins=[proof.login for proof in waiting])}
    return frozenset((proof.uniqueid, open_now.get(proof.uniqueid)) for proof in waiting)


def judge(proof: Proof, session: Session, nas: Nas | None) -> Judged:
    """Whether the accounting since a CoA shows that it was kept."""
    after = reading(session, nas)
    counted = proof.counted or after.started
    before = replace(after, octets_in=proof.octets_in, octets_out=proof.octets_out, updated=counted)
    direction = nas.accounting.direction if nas else "nas"
    acked = proof.acked or counted
    return verify(before, after, acked=acked, down=proof.down, up=proof.up, direction=direction)


def reading(session: Session, nas: Nas | None) -> LiveSession:
    """A row of radacct as the session module wants it."""
    began = session.started or session.updated
    assert began is not None
    return LiveSession(
        unique=session.uniqueid,
        login=session.sent or session.login,
        nas_address=session.nas,
        nas_identifier=nas.radius.identifier if nas and nas.radius else None,
        session_id=session.sessionid,
        framed_ip=session.ipv4,
        calling_station=session.mac,
        class_=session.klass,
        started=began,
        updated=session.updated or began,
        octets_in=session.octets_in,
        octets_out=session.octets_out,
        interim=nas.accounting.interim if nas else 300,
    )


def _ask(todo: Sequence[Behind], doors: Doors, progress: Progress) -> Iterator[tuple[Behind, Answer | SessionOutcome]]:
    """Every session with what its NAS said; one without a door with the reason."""
    requests: dict[str, Request] = {}
    by_unique = {one.session.uniqueid: one for one in todo}
    for one in todo:
        try:
            door = doors.of(one.nas.name)
        except Refusal as refusal:
            problem = refusal.problems[0]
            yield one, SessionOutcome(one.owner, one.nas.name, one.kind, "silent", problem.text, problem.code)
            continue
        attributes = one.attributes if one.kind == "coa" else None
        requests[one.session.uniqueid] = Request(reading(one.session, one.nas), door, attributes)
    if requests:
        with Sessions() as sessions:
            for answer in sessions.many(requests.values(), lambda done, total: progress("sessions", done, total)):
                yield by_unique[answer.session.unique], answer


def _keep(store: Store, one: Behind, answer: Answer, rate: tuple[int, int], now: datetime) -> None:
    """Written down at once: the answer, and the counters from which the proof will be reckoned."""
    store.put_proof(
        Proof(
            uniqueid=one.session.uniqueid,
            login=one.session.login,
            nas=one.nas.name,
            kind=one.kind,
            class_to=one.class_to,
            answer=answer.kind,
            tries=answer.tries,
            sent=now,
            acked=now if answer.kind in GONE else None,
            proof=answer.text if answer.code else "",
            octets_in=one.session.octets_in,
            octets_out=one.session.octets_out,
            counted=one.session.updated,
            down=rate[0],
            up=rate[1],
        )
    )


def _after(proof: Proof, found: Judged, now: datetime) -> Proof:
    if found.kind == "proved":
        return replace(proof, proved=now, proof=found.text)
    base = found.baseline
    return replace(proof, proof=found.text, counted=base.updated, octets_in=base.octets_in, octets_out=base.octets_out)
