"""Is the loop well, as it said itself, and did the NAS do what they were asked? Checks for `ispstat health`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from ispctl.gates import GATES
from ispctl.model.codes import CODES
from ispctl.status.check import WAITING, Check, Level
from ispctl.status.values import ago, short, when
from ispctl.status.view import View
from ispctl.store import LEASE, Beat, Store, proofs

DEAD: Final = timedelta(minutes=5)
"""So long no apply takes without a word, and so long nobody's payment opens anything."""
_WELL = frozenset({"", "ack", "gone"})


class Failure(NamedTuple):
    """Changes of sessions that did not happen, by the NAS that was asked and what it said."""

    nas: str
    answer: str


def failures(store: Store) -> Mapping[Failure, int]:
    """What stands against each NAS: the last answer for each session that was asked to change or end."""
    said = proofs.answers(store)
    return {Failure(one.nas, one.answer): one.sessions for one in said if one.answer not in _WELL}


def checks(view: View) -> tuple[Check, ...]:
    """The loop, the branch it fetches, the head and the gates it met; and the NAS."""
    beat = view.beat
    own = (_branch(view, beat), _head(beat), _gates(beat)) if beat else ()
    return (_loop(view, beat), *own, _changes(view))


def _loop(view: View, beat: Beat | None) -> Check:
    if beat is None:
        return Check("loop", "ok", "none runs: a pipeline or a timer has to call ispctl apply")
    silent = view.now - beat.at
    if silent > LEASE:
        text = f"{beat} gave its last sign of life {ago(beat.at, view.now)}"
        level: Level = "bad" if silent > DEAD else "warning"
        return Check("loop", level, f"{text}; a large apply, or its end", "systemctl status ispctl")
    coming = f"; wakes {when(beat.state.until, view.zone)}" if beat.state.until else ""
    return Check("loop", "ok", f"{beat}, since {when(beat.since, view.zone)}{coming}{_configures(view, beat)}")


def _configures(view: View, beat: Beat) -> str:
    """Which NAS it configures beside all else."""
    now = beat.state.nas
    if not now:
        return ""
    more = f" and {len(now) - 3} more" if len(now) > 3 else ""
    return f"; configures {', '.join(sorted(now)[:3])}{more} since {when(min(now.values()), view.zone)}"


def _branch(view: View, beat: Beat) -> Check:
    state = beat.state
    if not state.fetch_code:
        said = f"{state.branch} at {short(state.head)}" if state.head else f"{state.branch} was not looked at yet"
        return Check("branch", "ok", said)
    since = state.fetched or beat.since
    level: Level = "bad" if view.now - since > WAITING else "warning"
    why = f"{state.fetch_code} {CODES.get(state.fetch_code, '')}"
    text = f"{state.branch} could not be fetched ({why}); last heard of {ago(since, view.now)}"
    return Check("branch", level, text, "ispctl doctor")


def _head(beat: Beat) -> Check:
    state = beat.state
    if state.stopped:
        text = f"nothing is applied: {state.stopped} {CODES.get(state.stopped, '')}"
        return Check("head", "bad", text, "ispctl plan; docs/errors.md")
    if not state.refused:
        return Check("head", "ok", "the loop takes it")
    said = ", ".join(f"{code} {CODES.get(code, '')}".strip() for code in state.refused)
    text = f"{short(state.head)} is refused ({said}): what was applied before is kept up"
    return Check("head", "bad", text, f"ispctl validate --commit {short(state.head)}")


def _gates(beat: Beat) -> Check:
    closed = {gate: count for gate, count in beat.state.gates.items() if gate in GATES}
    if not closed:
        return Check("gates", "ok", "open")
    said = ", ".join(f"{gate} {count}" for gate, count in sorted(closed.items()))
    flags = " ".join(f"--allow-{GATES[gate]} {count}" for gate, count in sorted(closed.items()))
    return Check(
        "gates", "bad", f"more than a day may take waits: {said}", f"ispctl plan; if meant: ispctl apply {flags}"
    )


def _changes(view: View) -> Check:
    found = view.ask(failures) or {}
    if not found:
        return Check("changes", "ok", "every NAS did what it was asked")
    said = ", ".join(f"{one.nas} {one.answer} {count}" for one, count in found.items())
    return Check("changes", "warning", f"sessions that were not changed: {said}", "ispstat sessions --behind")
