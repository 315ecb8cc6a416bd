"""Which open sessions do not run what their rows say, and what each of them needs. Pure.

Rows alone change nothing for who is online. The Class of a session says what it was given when it logged in; an
acknowledged CoA, kept in the store, says what it was told since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from ispctl.desired import Because
from ispctl.model.network import Nas
from ispctl.plan import Change, Fields, Resources, Value
from ispctl.platforms import Attribute, platform
from ispctl.radius import limits as limited
from ispctl.radius.limits import Limits
from ispctl.radius.rendering import TARGET, WALLED, given, needs_new_session, rendering, rendering_of, same_class
from ispctl.structs import Struct, replace

if TYPE_CHECKING:
    from ispctl.store import Proof, Session

VAIN: Final = frozenset({"silent", "nak", "unsupported"})
"""Answers after which a session is asked again for the same thing, later and later."""
PAUSES: Final = (*(timedelta(),) * 2, timedelta(minutes=10), timedelta(minutes=30), timedelta(hours=2))
LONGEST: Final = timedelta(hours=6)
PATIENCE: Final = 3
"""So often a NAS may refuse a change without an Error-Cause before its session is ended instead."""
NO_LIMITS: Final = Limits()


class Behind(Struct):
    """A session that runs something else than it should, and what to do: tell it (coa), or end it (disconnect).

    `instead`: why it is ended although a change would do. `attempts`: in how many runs this was tried in vain, in the
    last of them without asking itself if `unasked`, since that was of no use; `rests`: until when it is left alone
    therefore; `alone`: it is to be named by its id alone.
    """

    session: Session
    nas: Nas
    owner: str
    kind: Literal["coa", "disconnect"]
    class_to: str
    attributes: tuple[tuple[str, str], ...] = ()
    instead: str = ""
    attempts: int = 0
    unasked: bool = False
    rests: datetime | None = None
    alone: bool = False
    walled: bool = False

    @property
    def change(self) -> Change:
        """As a change of the plan; the reading of a session is its Class."""
        whose: dict[str, Value] = {"owner": self.owner, "nas": self.nas.name}
        runs: dict[str, Value] = {"class": self.session.klass}
        key = ("session", self.session.uniqueid)
        if self.kind == "disconnect":
            because = (Because("nas", self.instead, self.nas.where),) if self.instead else ()
            ends: dict[str, Value] = {"instead": True} if self.instead else {}
            return Change(TARGET, key, whose | runs | ends, None, because)
        return Change(TARGET, key, runs, whose | {"class": self.class_to, "attributes": self.attributes})


def nas_by_address(nas: Iterable[Nas]) -> Mapping[str, Nas]:
    """Every address that a NAS may call itself: those it asks from, which are its own, and where it is told, which may
    be another router's that takes changes for it."""
    every = tuple(nas)
    sources = ((source, one) for one in every if one.radius for source in one.radius.sources)
    told = ((one.coa.address, one) for one in every if one.coa)
    found: dict[str, Nas] = {}
    for address, one in (*sources, *told):
        found.setdefault(str(address), one)
    return found


def addresses_by_nas(nas: Iterable[Nas]) -> Mapping[str, tuple[str, ...]]:
    """The same, by the name of the NAS: no address is of two. Whose every address is another's is left out."""
    found: dict[str, tuple[str, ...]] = {}
    for address, one in nas_by_address(nas).items():
        found[one.name] = (*found.get(one.name, ()), address)
    return found


def behind(
    sessions: Iterable[Session],
    proofs: Mapping[str, Proof],
    want: Resources,
    owners: Mapping[str, str],
    nas: Mapping[str, Nas],
    limits: Limits = NO_LIMITS,
    told: Callable[[str], Sequence[Attribute] | None] = lambda _: None,
) -> Iterator[Behind]:
    """The sessions of our logins (`owners`: login -> service) that need something. `nas`: by address.

    What its NAS is known not to be able to do (`limits`) is not asked of a session: it is ended instead. `told`: what
    each rendering of a group, by the hash that Class carries, has granted; asked where a vendor has to take it back.
    """
    for session in sessions:
        owner, host = owners.get(session.login), nas.get(session.nas)
        if owner is None or host is None:
            continue  # not ours, or from a NAS that is not in the inventory: nobody we could ask
        fields = want.get(("login", session.login))
        proof = proof_of(session, proofs)
        if proof is not None and over(session, proof):
            continue
        if fields is None or fields["refuse"]:
            yield _later(Behind(session, host, owner, "disconnect", ""), proof, limits)
            continue
        name = group_of(session, fields)
        group = want.get(("group", f"{name}@{host.platform}"))
        if group is None:
            continue
        class_to = f"{fields['class']}-{rendering(group)}"
        kind = _needed(session, proof, class_to)
        if kind is None:
            continue
        one = Behind(session, host, owner, kind, class_to, walled=name == WALLED)
        if kind == "coa":
            vendor = platform(host.platform)
            known = vendor.takes_back and not _unsure(proof)
            before = told(rendering_of(running(session, proof))) if known else None
            change = vendor.change(before, given(group))
            one = replace(one, kind="coa" if change else "disconnect", attributes=change or ())
        yield _later(_instead(one, proof, limits), proof, limits)


def _instead(one: Behind, proof: Proof | None, limits: Limits) -> Behind:
    """A change that its NAS cannot make, or did not keep to, becomes an end."""
    if one.kind == "disconnect":
        return one
    limit = limits.against(one.nas.name, one.attributes)
    why = limited.said(limit) if limit else _found_out(one, proof)
    return replace(one, kind="disconnect", attributes=(), instead=why) if why else one


def _found_out(one: Behind, proof: Proof | None) -> str:
    if proof is None:
        return ""
    if proof.answer == "contradicted":
        return f"{one.nas.name} acknowledged a change and did not keep to it"
    if proof.answer not in VAIN or not same_class(proof.class_to, one.class_to):
        return ""
    if proof.kind == "coa" and proof.answer == "nak" and proof.error_cause is None and proof.attempts >= PATIENCE:
        return f"{one.nas.name} refused this change {PATIENCE} times without a reason"
    tried = proof.kind == "disconnect" or proof.answer == "unsupported"
    return f"{one.nas.name} cannot make this change in a running session" if tried else ""


def _later(one: Behind, proof: Proof | None, limits: Limits) -> Behind:
    """In how many runs the same was tried in vain, and until when it rests."""
    one = replace(one, alone=limits.alone(one.nas.name))
    same = proof is not None and (proof.kind, proof.class_to) == (one.kind, one.class_to)
    if proof is None or not same or proof.answer not in VAIN:
        return one
    return replace(one, attempts=proof.attempts, unasked=not proof.tries, rests=proof.retry)


def pause(attempts: int) -> timedelta:
    """How long a session rests after so many vain attempts in a row."""
    return PAUSES[attempts - 1] if attempts <= len(PAUSES) else LONGEST


def group_of(session: Session, fields: Fields) -> str:
    """The group a session should have: a device that the server itself put behind the wall stays there until it would
    be let in, or it would be ended again and again."""
    return WALLED if session.klass.endswith("/wall:mac") and _unbound(session, fields) else str(fields["group"])


def _unbound(session: Session, fields: Fields) -> bool:
    """Whether a device is none of those that its login is bound to. What the server has learned does not stand in the
    rows: who frees a place for a device ends nobody's session."""
    bound = fields["macs"]
    others = fields["mac_mode"] == "off" or fields["on_mismatch"] == "alert"
    return not others and not (isinstance(bound, tuple) and session.mac in bound)


def proof_of(session: Session, proofs: Mapping[str, Proof]) -> Proof | None:
    """What was asked of this session (`proofs`: by unique id), and not of a former one whose id it has."""
    proof = proofs.get(session.uniqueid)
    return None if proof is None or former(proof, session.started) else proof


def former(proof: Proof, started: datetime | None) -> bool:
    """Whether a session that began then is a later one than was asked, under the same unique id: a NAS that booted may
    count its Acct-Session-Ids from the same number again. Both moments are of the accounting, so its clock is one."""
    return bool(started and proof.counted and started > proof.counted)


def over(session: Session, proof: Proof) -> bool:
    """Whether its NAS has ended a session, or knows no such session, and nothing was heard of it since: an answer is
    no proof, and a session that goes on reporting goes on."""
    answers = ("ack", "gone") if proof.kind == "disconnect" else ("gone",)
    since = session.updated and proof.counted and session.updated > proof.counted
    return proof.answer in answers and not since


def running(session: Session, proof: Proof | None) -> str:
    """The Class a session runs: what it was last told and acknowledged, else what it logged in with."""
    told = proof is not None and proof.kind == "coa" and proof.answer == "ack"
    return proof.class_to if proof and told else session.klass


def _needed(session: Session, proof: Proof | None, class_to: str) -> Literal["coa", "disconnect"] | None:
    now = running(session, proof)
    if not now:
        return None  # its NAS does not send Class back, so that nothing can be told from it
    if same_class(now, class_to) and not _unsure(proof):
        return None
    return "disconnect" if needs_new_session(now, class_to) else "coa"


def _unsure(proof: Proof | None) -> bool:
    """Whether a session was told something and it is not known what came of it: the answer may have been lost after
    the NAS had done it, or a session that its NAS had called gone goes on. Neither the old Class nor the new one can be
    believed then."""
    return proof is not None and (proof.kind, proof.answer) != ("coa", "ack")
