"""What `ispstat nas` says of a NAS that ispctl configures: in a cell, in some lines, with all that it should hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ispctl.status.devices import Configured
from ispctl.status.present import Screen, dated
from ispctl.status.values import ago, joined, short, span, when
from ispctl.store.facts import DeviceRun

_HEARD: Final = {
    "seen": "reachable",
    "applied": "applied",
    "refused": "REFUSED",
    "taken-back": "TAKEN BACK",
    "changed": "CHANGED by others",
    "unreachable": "UNREACHABLE",
    "held": "held",
    "silent": "UNHEARD by RADIUS",
    "never": "never asked",
    "unknown": "unknown",
}


def brief(one: Configured | None, screen: Screen) -> str:
    """For a cell."""
    if one is None:
        return "-"
    if one.since:
        return f"being configured for {span((screen.now - one.since).total_seconds())}"
    heard = f"{_HEARD[one.heard]}{f' {ago(one.at, screen.now)}' if one.at else ''}"
    now = "" if one.asked is None else "now reachable" if one.asked.reachable else "now UNREACHABLE"
    drift = f"{one.asked.drift} drifted" if one.asked and one.asked.drift else ""
    return joined(filter(None, (heard, "waiting" if one.waiting else "", one.stopped, now, drift)))


def tally(found: Sequence[Configured]) -> Iterator[str]:
    """For the last line of a list."""
    if found:
        yield f"{len(found)} configured"
    if now := sum(one.since is not None for one in found):
        yield f"{now} being configured"
    if waiting := sum(bool(one.waiting) for one in found):
        yield f"{waiting} waiting"
    if away := sum(one.reachable is False for one in found):
        yield f"{away} unreachable when last asked"
    if (asked := [one.asked for one in found if one.asked]) and (gone := sum(not one.reachable for one in asked)):
        yield f"{gone} unreachable now"


def details(one: Configured, sessions: int | None, screen: Screen) -> Iterator[tuple[str, str]]:
    """Names and what is said of them. `sessions`: those that are open by the accounting."""
    if one.since:
        yield "now", f"being configured since {dated(one.since, screen)}"
    yield "configured", _heard(one, screen)
    if one.equal:
        at = f", {dated(one.equal.at, screen)}" if one.equal.at else ""
        yield "stands as", f"commit {short(one.equal.commit)}, by run {one.equal.run}{at}"
    elif one.heard != "unknown":
        yield "stands as", "unknown: the next apply looks"
    if one.waiting:
        yield "waiting", "git asks for something else: ispctl plan --live shows it"
    if one.stopped == "observed":
        yield "stopped", "observed: its configuration is not written (managed: observe)"
    elif one.stopped:
        yield "stopped", f"{one.stopped} until {when(one.until, screen.zone)}{f': {one.why}' if one.why else ''}"
    if one.window:
        yield "window", f"what ends sessions waits until {when(one.window, screen.zone)}"
    if one.backups is not None:
        yield "backups", f"{one.backups} kept of what stood there before a run"
    yield from _asked(one, sessions)


def _asked(one: Configured, sessions: int | None) -> Iterator[tuple[str, str]]:
    now = one.asked
    if now is None:
        return
    if not now.reachable:
        yield "asked now", f"UNREACHABLE: {now.code} {now.text}"
        return
    up = f", up {span(now.uptime)}" if now.uptime is not None else ""
    who = " ".join(filter(None, (now.vendor, now.model, now.version))) or "it does not say what it is"
    yield "asked now", f"reachable: {who}{up}"
    on_it = "unknown" if now.online is None else str(now.online)
    yield "online", f"{on_it} on the device, {'unknown' if sessions is None else sessions} by the accounting"
    drift = {None: "unknown: it is not known what it was made", 0: "none"}
    yield "drift", drift.get(now.drift, f"{now.drift} of ours stand otherwise than they were made: ispctl drift")


def _heard(one: Configured, screen: Screen) -> str:
    when_ = f", {dated(one.at, screen)}, run {one.run}" if one.at else ""
    why = f": {one.code} {one.text}" if one.text else ""
    return f"{_HEARD[one.heard]}{when_}{why}"


def in_full(one: Configured, screen: Screen) -> Iterator[str]:
    """What it should hold, and what runs did there."""
    if one.slice is not None:
        yield from ("", f"  Should hold {len(one.slice)} of ours:")
        for held in one.slice:
            yield f"    {held.key}{_fields(held.fields)}"
    if one.changes is not None:
        yield from ("", "  What runs did there:" if one.changes else "  No run has changed anything there.")
        for run in one.changes:
            yield from _run(run, screen)


def _run(run: DeviceRun, screen: Screen) -> Iterator[str]:
    at = dated(run.at, screen) if run.at else "at an unknown time"
    yield f"    {run.run}  {run.kind} of {short(run.commit)}, {at}"
    for did in run.changes:
        yield f"      {did.action} {did.key}{f': NOT DONE, {did.outcome}' if did.outcome else ''}"


def _fields(fields: Mapping[str, object]) -> str:
    return "".join(f"  {name}={_value(value)}" for name, value in fields.items())


def _value(value: object) -> str:
    return ",".join(map(_value, value)) if isinstance(value, tuple) else str(value)
