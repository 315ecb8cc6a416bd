"""Why is it as it is? Every value that holds, the line that says so, and the commit that brought that line; and what
the session of a service runs beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.radius.live import former
from ispctl.radius.rendering import WALLED
from ispctl.repo import Holding
from ispctl.repo.git import Commit
from ispctl.status.names import is_his, services
from ispctl.status.online import Measured, Online
from ispctl.status.outlook import Outlook, device, home, outlook
from ispctl.status.profile import Given, Next, Shown, show
from ispctl.status.values import Reason, Speed, rate, span
from ispctl.status.view import View
from ispctl.store import Proof, proofs
from ispctl.structs import Struct

ALIASES: Final = {
    "address": "ipv4",
    "pool": "ipv4",
    "prefix": "delegated",
    "speed": "rate",
    "slow": "rate",
    "until": "ends",
    "expiry": "ends",
}
"""What people call a value that has another name here."""
_SLOW: Final = 0.9


class Explained(Struct):
    """One value that holds now. `commit` is empty where no line says it, or where the history of it is cut off."""

    name: str
    value: str
    because: Reason
    commit: str
    author: str
    date: datetime | None
    subject: str


class Told(Struct):
    """What a running session was told last. `proof`: what its accounting showed since."""

    kind: str
    sent: datetime | None
    answer: str
    proved: datetime | None
    proof: str


class Running(Struct):
    """One open session: what it runs, what it was told, how fast it is and what that means. `since_told` is measured
    from the last change on, where a report has come since."""

    session: Online
    told: Told | None
    since_told: Measured | None
    slow: tuple[str, ...]


class Why(Struct):
    """All of it for one service. `running` and `now` are None where the database gave no answer; `now` also where the
    login is somebody else's by now."""

    id: str
    key: str
    login: str
    state: str | None
    access: str | None
    rate: Speed | None
    values: tuple[Explained, ...]
    next: Next | None
    applied: Given | None
    running: tuple[Running, ...] | None
    now: Outlook | None


def why(view: View, named: str, field: str = "") -> tuple[tuple[Why, Shown], ...]:
    """Of every service that is named; of one value alone if `field` says which. Raises Refusal E321, E626."""
    wanted = ALIASES.get(field, field)
    found = []
    for holding, shown in zip(services(view, named), show(view, named), strict=True):
        values = tuple(_explained(view, shown))
        chosen = tuple(one for one in values if wanted in ("", one.name))
        if values and not chosen:
            names = ", ".join(one.name for one in values)
            raise Refusal(Problem("E626", "no value of a service has that name", advice=f"There are: {names}"))
        head = (shown.id, shown.key, shown.login, shown.state, shown.access, shown.rate)
        found.append(
            (Why(*head, chosen, shown.next, shown.applied, _running(view, shown), _now(view, holding, shown)), shown)
        )
    return tuple(found)


def _now(view: View, holding: Holding, shown: Shown) -> Outlook | None:
    """If he logged in now: from where he is online, or else from his own place with his own device. None where somebody
    else has his login now."""
    if not is_his(view.head, holding, view.now):
        return None
    live = next((one for one in shown.sessions or () if one.state == "live"), None)
    nas = (view.head.nas.get(live.nas) if live else None) or home(view, holding)
    return outlook(view, holding, nas, live.mac if live else device(view, holding)) if nas else None


def _explained(view: View, shown: Shown) -> Iterator[Explained]:
    brought = commits(view, (one.because for one in shown.effective))
    for one in shown.effective:
        commit = brought.get((one.because.file, one.because.line))
        who = (commit.id, commit.author, commit.when, commit.subject) if commit else ("", "", None, "")
        yield Explained(one.name, one.value, one.because, *who)


def commits(view: View, reasons: Iterable[Reason]) -> Mapping[tuple[str, int], Commit]:
    """(file, line) -> the commit that brought it, one question a file."""
    lines: dict[str, set[int]] = defaultdict(set)
    for reason in reasons:
        if reason.file and reason.line:
            lines[reason.file].add(reason.line)
    found = {}
    for file, numbers in lines.items():
        for line, commit in view.repository.git.blame(view.head.commit, file, numbers).items():
            found[file, line] = commit
    return found


def _running(view: View, shown: Shown) -> tuple[Running, ...] | None:
    told = view.ask(lambda store: tuple(proofs.read(store, logins=[shown.login])))
    if shown.sessions is None or told is None:
        return None
    known = {proof.uniqueid: proof for proof in told}
    asked = ((session, known.get(session.unique)) for session in shown.sessions)
    return tuple(_one(view, one, None if proof and former(proof, one.started) else proof) for one, proof in asked)


def _one(view: View, session: Online, proof: Proof | None) -> Running:
    told = Told(proof.kind, proof.sent, proof.answer, proof.proved, proof.proof) if proof else None
    since = _since(view, session, proof) if proof else None
    return Running(session, told, since, tuple(_slow(view, session, since or session.measured)))


def _since(view: View, session: Online, proof: Proof) -> Measured | None:
    """From the counters of the moment when the session was told to those of its last report."""
    if proof.answer != "ack" or proof.counted is None or session.updated is None or session.bytes is None:
        return None
    seconds = int((session.updated - proof.counted).total_seconds())
    nas = view.nas.get(session.nas_address)
    down, up = proof.octets_out, proof.octets_in
    if nas and nas.accounting.direction == "subscriber":
        down, up = up, down
    moved = session.bytes.down - down, session.bytes.up - up
    if seconds < 1 or min(moved) < 0:
        return None
    return Measured(moved[0] * 8 // seconds, moved[1] * 8 // seconds, seconds, "since it was told")


def _slow(view: View, session: Online, measured: Measured | None) -> Iterator[str]:
    """What to look at if somebody says that it is slow."""
    expected = session.expected
    if session.walled or (expected and session.config != "behind" and _walled(view, session)):
        yield f"behind the wall: {rate(expected)} to the payment page is all it gets"
    if session.config == "behind":
        needs = "a CoA" if session.needs == "coa" else "a new login"
        said = f"{session.in_vain}; " if session.in_vain else ""
        yield f"it still runs older values: {said}it waits for {needs} (ispctl apply)"
    if session.state == "stale":
        heard = f"for {span(session.age)}" if session.age is not None else "at all"
        yield f"nothing was heard of it {heard}: whether it is still there is unknown, and what it moves too"
    elif measured is None:
        yield "no report has come yet that tells how fast it is"
    elif expected:
        yield _judged(measured, expected)


def _judged(measured: Measured, expected: Speed) -> str:
    share = max(measured.down / max(expected.down, 1), measured.up / max(expected.up, 1))
    over = f"over {span(measured.seconds)}"
    if share >= _SLOW:
        return f"it uses what it has ({share:.0%} {over}): a faster tariff would be faster"
    return (
        f"it used {share:.0%} of its rate {over}: the rate is not what holds it up. An average tells what was asked"
        " for, not what the line can do: look at Wi-Fi, cable and the NAS's own queue"
    )


def _walled(view: View, session: Online) -> bool:
    """Whether its rows put it behind the wall."""
    fields = (view.rows or {}).get(("login", session.login))
    return fields is not None and fields["group"] == WALLED
