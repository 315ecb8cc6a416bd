"""What is done on one device, as a value that may travel to a worker near it; and what came of it."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from math import floor
from typing import Final, Literal, NamedTuple

from ispctl.backend import Outcome, Unreachable
from ispctl.plan import Change, Key, Resources
from ispctl.platforms.device import SECRET, Denied, Facts, Login, Seen, Session, nas_platform
from ispctl.structs import Struct, field, replace

Status = Literal["seen", "applied", "refused", "taken-back", "changed", "unreachable", "held", "silent"]
"""refused: by the device, and nothing was changed; changed: it stands otherwise than the plan saw; held: not tried;
silent: applied, and RADIUS hears nothing of it any more."""
REACHED: Final = frozenset({"seen", "applied", "refused", "taken-back", "changed", "silent"})
"""What became of a device that answered; one that was held nobody asked."""
NOTHING_SAID: Final = Facts()
UNCONFIRMED: Final = "its time was over before all was done: nothing was confirmed, and the next run finishes it"
UNKNOWN: Final = "unknown"
"""Stands for a secret on a device that was not written by us as it is shown there."""


class Known(NamedTuple):
    """A secret that was written: the digest of its sealed text, and the keyed digest of how the device showed it."""

    digest: str
    shown: str


class Job(Struct):
    """Look at a device, or (with `changes`) make them, prove them and let them stay."""

    login: Login
    changes: tuple[Change, ...] = ()
    secrets: Mapping[Key, str] = field(default_factory=dict, repr=False)
    """The clear text of each key that has one."""
    known: Mapping[Key, Known] = field(default_factory=dict)
    key: bytes = field(default=b"", repr=False)
    """For the digests of what devices show of secrets."""
    confirm: int = 300
    """Seconds after which the device goes back by itself, if nobody says that all is well."""
    lost: tuple[float, int] = (1.0, 0)
    """So many of the sessions may be gone afterwards: a share, and a number that always may."""
    attempts: int = 3
    deadline: float = 60.0
    """Seconds for all of it; once they are over nothing is written any more."""
    unconfirmed: bool = False
    """Whether an earlier job of ours may have left something there that waits for its confirmation."""
    site: str = ""
    """The label of the workers that reach it; empty: any of them."""


class Answer(Struct):
    """What came of a job. `resources`: what stands there now, with the digests of secrets. `touched`: whether anything
    may have been written. `shown`: how the device shows the secrets that were written. `online`: sessions before and
    after; None: unknown."""

    host: str
    status: Status
    resources: Resources = field(default_factory=dict)
    touched: bool = True
    shown: Mapping[Key, Known] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    code: str = ""
    text: str = ""
    online: tuple[int | None, int | None] = (None, None)
    facts: Facts = NOTHING_SAID

    @property
    def fine(self) -> bool:
        return self.status in ("seen", "applied")

    @property
    def stays(self) -> bool:
        """Whether what was done there stands."""
        return self.fine or self.status == "silent"


def safely(job: Job, do: Callable[[Job], Answer]) -> Answer:
    """What a driver raises that it should not: its words may hold what it was given."""
    try:
        return do(job)
    except Exception as error:  # noqa: BLE001
        text = f"ispctl itself failed while it spoke to it ({type(error).__name__})"
        return Answer(job.login.host, "unreachable", code="E810", text=text)


def work(job: Job, wanted: Callable[[], bool] = lambda: True) -> Answer:
    """Do it; whatever happens is in the answer. Run twice it is done once: what stands there already is left.
    `wanted`: whether anybody waits for it still, asked before anything is written, between what is, and before it is
    let stay; once nobody does somebody else may speak to the device, so that nothing is taken back either."""
    host, ends = job.login.host, time.monotonic() + job.deadline
    try:
        with _connected(job) as session:
            seen = session.read()
            have = _with_digests(job, seen)
            if not job.changes:
                online = session.sessions(), None
                return Answer(host, "seen", have, touched=False, online=online, facts=session.facts())
            return _made(job, session, have, lambda: time.monotonic() < ends and wanted())
    except Unreachable as error:
        return Answer(host, "unreachable", touched=False, code="E810", text=error.text)


@contextmanager
def _connected(job: Job) -> Iterator[Session]:
    """Tries again, later and later, where a device is busy or away; what it refuses it refuses again."""
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential

    platform = nas_platform(job.login.platform)
    assert platform is not None
    again = Retrying(
        stop=stop_after_attempt(job.attempts) | stop_after_delay(job.deadline / 2),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        retry=retry_if_exception(lambda error: isinstance(error, Unreachable) and not isinstance(error, Denied)),
        reraise=True,
    )
    with ExitStack() as stack:
        yield again(lambda: stack.enter_context(platform.open(job.login)))


def _made(job: Job, session: Session, have: Resources, wanted: Callable[[], bool]) -> Answer:
    host = job.login.host
    todo = tuple(_from(change, have) for change in job.changes if have.get(change.key) != change.after)
    if strange := [change for change in todo if have.get(change.key) != change.before]:
        text = f"{_named(strange)}: stands otherwise than the plan saw"
        return Answer(host, "changed", have, touched=False, code="E811", text=text)
    if not todo:
        session.confirm()  # whoever did it may have died before he could
        seen = session.read()
        shown, now = _remembered(job, seen), _with_digests(job, seen)
        if gone := [change for change in job.changes if now.get(change.key) != change.after]:
            text = f"{_named(gone)}: went back by itself before it was confirmed"
            return Answer(host, "changed", now, code="E811", text=text)
        return Answer(host, "applied", have, shown=shown, outcomes=_all_done(job.changes))
    online = session.sessions()
    if not wanted():
        text = "its time was over before anything was written"
        return Answer(host, "unreachable", have, touched=False, code="E810", text=text)
    platform = nas_platform(job.login.platform)
    assert platform is not None
    try:
        if job.unconfirmed and platform.one_trial:
            session.confirm()
        return _written(job, session, Answer(host, "taken-back", have, online=(online, None)), todo, wanted)
    except Unreachable as error:
        return Answer(host, "unreachable", have, code="E810", text=error.text)


def _written(job: Job, session: Session, answer: Answer, todo: Sequence[Change], wanted: Callable[[], bool]) -> Answer:
    """Raises Unreachable where the device breaks off: then nobody knows what stands there."""
    outcomes: list[Outcome] = []
    for outcome in session.apply(todo, job.secrets, job.confirm):
        outcomes.append(outcome)
        if not wanted():
            raise Unreachable(f"nas:{job.login.host}", UNCONFIRMED)
    answer = replace(answer, outcomes=tuple(outcomes))
    if failed := [outcome for outcome in outcomes if outcome.error]:
        session.revert()
        text = f"{_named([one.change for one in failed])}: {failed[0].error}"
        return replace(answer, status="refused", code=failed[0].code or "E812", text=text)
    return _proven(job, session, answer, todo, wanted)


def _from(change: Change, have: Resources) -> Change:
    """An attempt that died may have written the secret of this one, and nobody knows how it is shown: once more."""
    there = have.get(change.key)
    if there is None or change.after is None or there.get(SECRET) != UNKNOWN:
        return change
    return replace(change, before=there) if {**there, SECRET: change.after.get(SECRET)} == change.after else change


def _proven(job: Job, session: Session, answer: Answer, todo: Sequence[Change], wanted: Callable[[], bool]) -> Answer:
    """Get in anew, as the next run would have to; look at it; count who is online; and only then let it stay."""
    try:
        with _connected(job) as again:
            seen, after = again.read(), again.sessions()
    except Unreachable as error:
        session.revert()
        return replace(answer, code="E813", text=f"nobody gets in any more ({error.text}); it was taken back")
    shown = _remembered(job, seen)
    now = _with_digests(replace(job, known={**job.known, **shown}), seen)
    if wrong := [change for change in todo if now.get(change.key) != change.after]:
        session.revert()
        text = f"{_named(wrong)}: the device does not show what was written; it was taken back"
        return replace(answer, code="E814", text=text)
    online = answer.online[0], after
    share, least = (1.0, 0) if _ends_sessions(job, todo) else job.lost
    if None not in online and online[0] - online[1] > max(floor(online[0] * share), least):  # type: ignore[operator]
        session.revert()
        text = f"{online[0]} sessions became {online[1]}; it was taken back"
        return replace(answer, code="E815", text=text, online=online)
    if not wanted():
        raise Unreachable(f"nas:{job.login.host}", UNCONFIRMED)
    session.confirm()
    done = {outcome.change.id: outcome for outcome in answer.outcomes}
    outcomes = tuple(done.get(change.id, Outcome(change)) for change in job.changes)
    return replace(answer, status="applied", resources=now, shown=shown, outcomes=outcomes, online=online)


def _ends_sessions(job: Job, changes: Sequence[Change]) -> bool:
    """Whether that was said before: it waited for the window, and who was online is so again by and by."""
    platform = nas_platform(job.login.platform)
    assert platform is not None
    return any(map(platform.disrupts, changes))


def _remembered(job: Job, seen: Seen) -> dict[Key, Known]:
    """How the device shows what was written now, or stood there already."""
    wanted = {change.key: str((change.after or {}).get(SECRET, "")) for change in job.changes}
    return {
        key: Known(wanted[key], _keyed(job, key, shown)) for key, shown in seen.secrets.items() if wanted.get(key, "")
    }


def _with_digests(job: Job, seen: Seen) -> Resources:
    """What is there, with the digest of each secret that stands as we wrote it, or would."""
    found, wanted = dict(seen.resources), {change.key: change.after for change in job.changes}
    for key, shown in seen.secrets.items():
        known = job.known.get(key)
        same = known is not None and known.shown == _keyed(job, key, shown)
        digest = known.digest if known is not None and same else UNKNOWN
        if shown and shown == job.secrets.get(key):
            digest = str((wanted.get(key) or {}).get(SECRET, digest))
        found[key] = {**found[key], SECRET: digest}
    return found


def _keyed(job: Job, key: Key, shown: str) -> str:
    said = "\0".join((job.login.host, *key, shown))
    return hmac.new(job.key, said.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]


def _all_done(changes: Sequence[Change]) -> tuple[Outcome, ...]:
    return tuple(map(Outcome, changes))


def _named(changes: Sequence[Change]) -> str:
    first = " ".join(changes[0].key)
    return f"{first} and {len(changes) - 1} more" if len(changes) > 1 else first
