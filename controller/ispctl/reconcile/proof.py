"""Whether sessions kept to what they acknowledged: later accounting is compared with the rate, and written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Final

from ispctl.model.network import Nas
from ispctl.radius.live import former, nas_by_address
from ispctl.radius.proof import verify
from ispctl.radius.session import LiveSession
from ispctl.radius.session import Proof as Judged
from ispctl.store import Proof, Session, Store, given_up, proofs
from ispctl.structs import Struct, replace

PAUSE: Final = 0.25
TOGETHER: Final = 1000
"""Sessions that are written down in one transaction: the accounting waits for it."""
_UNKNOWN: Final = datetime.fromtimestamp(0, UTC)  # somebody's row without any time


class Settled(Struct):
    """What the accounting showed of sessions of which it had news: proved by now, found not to keep to it, and ended.
    `waiting`: all that are still to be proved, which an apply does not count."""

    proved: int = 0
    waiting: int = 0
    contradicted: int = 0
    ended: int = 0


def settle(store: Store, nas: Mapping[str, Nas], now: datetime) -> Settled:
    """Look at the accounting of sessions that acknowledged a change, where it says something new. Writes what is proved
    and what is contradicted, and forgets what has ended (of logins that were given up too)."""
    by_address = nas_by_address(nas.values())
    given_up.settle(store)
    found, learned, gone = Counter[str](), list[Proof](), list[str]()
    for proof, session in proofs.news(store):
        if session is None or former(proof, session.started):
            gone.append(proof.uniqueid)
        elif proof.awaited:
            judged = judge(proof, session, by_address.get(session.nas))
            after = _after(proof, judged, now)
            if after != proof:
                learned.append(after)
            found[judged.kind] += 1
    for start in range(0, len(learned), TOGETHER):
        with store.transaction():
            proofs.put(store, learned[start : start + TOGETHER])
    for start in range(0, len(gone), TOGETHER):
        with store.transaction():
            proofs.forget(store, gone[start : start + TOGETHER])
    return Settled(proved=found["proved"], contradicted=found["contradicted"], ended=len(gone))


def await_proof(
    store: Store, nas: Mapping[str, Nas], mine: Sequence[str], clock: Callable[[], datetime], patience: float
) -> Mapping[str, Proof]:
    """Wait at most `patience` seconds for the accounting to prove these sessions (by Acct-Unique-Session-Id). Returns
    what is known of each that is not forgotten."""
    end, wanted = monotonic() + patience, frozenset(mine)
    while wanted and monotonic() < end and not wanted.isdisjoint(proofs.awaited(store)):
        sleep(PAUSE)
        settle(store, nas, clock())
    return {proof.uniqueid: proof for proof in proofs.read(store, ids=wanted)}


def awaited_reports(store: Store) -> frozenset[tuple[str, datetime | None]]:
    """(session, its newest report) of each session that has reported since a change that is still to be proved; None:
    it has ended. What was not among them before is worth to be settled."""
    found = proofs.news(store, awaited=True)
    return frozenset((proof.uniqueid, session.updated if session else None) for proof, session in found)


def judge(proof: Proof, session: Session, nas: Nas | None) -> Judged:
    """Whether the accounting since a CoA shows that it was kept."""
    after = reading(session, nas)
    counted = proof.counted or after.started
    before = replace(after, octets_in=proof.octets_in, octets_out=proof.octets_out, updated=counted)
    return verify(
        before,
        after,
        acked=proof.acked or counted,
        early=not proof.proof,
        down=proof.down,
        up=proof.up,
        direction=nas.accounting.direction if nas else "nas",
        burst=(proof.burst_down, proof.burst_up),
        gigawords=nas.accounting.gigawords if nas else True,
    )


def reading(session: Session, nas: Nas | None) -> LiveSession:
    """A row of radacct as the session module wants it."""
    began = session.started or session.updated or _UNKNOWN
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


def _after(proof: Proof, found: Judged, now: datetime) -> Proof:
    if found.kind == "proved":
        return replace(proof, proved=now, proof=found.text)
    if found.kind == "contradicted":
        return replace(proof, answer="contradicted", proof=found.text)
    base = found.baseline
    return replace(proof, proof=found.text, counted=base.updated, octets_in=base.octets_in, octets_out=base.octets_out)
