"""Is the whole of it well: database, commits, runs, clock, sessions, loop, strangers? One check a question."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from ispctl.desired import Entitlement
from ispctl.intent import entitlements
from ispctl.model.problem import Refusal
from ispctl.nas.memory import Memory
from ispctl.plan import Resources
from ispctl.radius.rows import NOT_OURS, RadiusRows
from ispctl.reconcile import older_copy
from ispctl.status import pools, service
from ispctl.status.check import WAITING, Check, Level
from ispctl.status.online import counts, total
from ispctl.status.stops import in_words
from ispctl.status.values import ago, short, span, when
from ispctl.status.view import View, rows_of
from ispctl.store import RunRecord, Store, clocks, cpes, facts

DAY: Final = timedelta(days=1)
"""So long it is said that a clock was wrong."""
RECENT: Final = timedelta(hours=1)
AT_WORK: Final = timedelta(minutes=10)
"""No letter takes longer to send."""
NEWS: Final = timedelta(days=7)
"""So long it is said that a letter was refused."""
ASIDE: Final = frozenset({"mac-clear", "pause", "resume", "prune", "restore"})
"""Entries of the journal that are no runs: they say nothing of how the last one went."""


def health(view: View) -> tuple[Check, ...]:
    """Every check. What the database would have to tell is one bad check if it gives no answer."""
    database = _database(view)
    if not database.ok:
        return (_git(view), database)
    own = (_git(view), database, _commits(view), _runs(view), _errors(view), _clock(view), _sessions(view))
    checks = (
        *own,
        *service.checks(view),
        pools.check(view),
        _letters(view),
        *_cpes(view),
        _pauses(view),
        _strangers(view),
        *_nas_clocks(view),
        *_devices(view),
    )
    return checks if view.readable else (checks[0], _silent(view))


def well(checks: Iterable[Check]) -> bool:
    return all(check.ok for check in checks)


def _git(view: View) -> Check:
    if not view.lookup.knows(view.head.commit):  # without an index, only reading tells what cannot be read
        view.meet_everybody()
    commit = view.repository.git.commit(view.head.commit)
    said = f"head {short(commit.id)} of {when(commit.when, view.zone)}"
    if view.broken:
        text = f"{said}: {view.broken} of its files cannot be read"
        return Check("repository", "bad", text, "ispctl validate")
    return Check("repository", "ok", said)


def _silent(view: View) -> Check:
    return Check("database", "bad", f"{view.silence}. Unknown: what is applied, who is online, what failed")


def _database(view: View) -> Check:
    about = view.ask(lambda store: (store.meta.get("schema"), store.is_lab))
    if about is None:
        return _silent(view)
    schema, lab = about
    return Check("database", "ok", f"ours, schema {schema}{', a lab database' if lab else ''}")


def _commits(view: View) -> Check:
    """The applied commit against the head."""
    applied, head = view.commit_applied, view.head.commit
    if applied is None:
        return Check("applied", "bad", "nothing has been applied to this database", "ispctl apply")
    said = f"{short(applied.commit)}, last applied {ago(applied.at, view.now)}"
    if older := view.ask(lambda store: older_copy(view.repository, store, applied)):
        return Check("applied", "bad", older, "ispctl plan --live")
    if applied.commit == head:
        return Check("applied", "ok", f"{said}; it is the head")
    try:
        contained = view.repository.contains(head, applied.commit)
    except Refusal as refusal:
        return Check("applied", "bad", f"{said}, is not in this repository: {refusal.problems[0].text}", "git fetch")
    if not contained:
        text = f"{said}, is not in the history of the head {short(head)}"
        return Check("applied", "bad", text, f"git log --oneline {short(head)}..{short(applied.commit)}")
    since = view.repository.git.commit(head).when
    level: Level = "bad" if view.now - since > WAITING else "warning"
    return Check(
        "applied",
        level,
        f"{said}; the head {short(head)} has waited since {ago(since, view.now)}",
        "ispctl plan --live",
    )


def _runs(view: View) -> Check:
    """Runs that never ended. Older ones than the last good apply are history: it made good what they left."""
    open_runs = view.ask(lambda store: tuple(store.runs(5, unfinished=True))) or ()
    running = [run for run in open_runs if _alive(run)]
    since = view.commit_applied.at if view.commit_applied else None
    killed = [run for run in open_runs if run not in running and run.kind not in ASIDE and _newer(run, since)]
    if killed:
        text = f"run {killed[0].run} ({killed[0].kind}) began {ago(killed[0].started, view.now)} and never ended"
        go_on = "ispctl adopt --all --dry-run" if killed[0].kind == "adopt" else "ispctl apply"
        return Check("runs", "bad", text, go_on)
    if running:
        one = running[0]
        return Check("runs", "ok", f"{one.kind} is running for {span((view.now - one.started).total_seconds())}")
    old = (
        f"{len(open_runs)} killed before the last apply, which made good what they left"
        if open_runs
        else "none unfinished"
    )
    return Check("runs", "ok", old)


def _newer(run: RunRecord, since: datetime | None) -> bool:
    return since is None or run.started > since


def _alive(run: RunRecord) -> bool:
    """Whether its process is there; on another machine that cannot be seen, and a run is taken for ended."""
    import socket

    import psutil

    return run.host == socket.gethostname() and bool(psutil.pid_exists(run.pid))


def _errors(view: View) -> Check:
    """How the newest run that ended went."""

    def newest(store: Store) -> tuple[RunRecord, tuple[str, ...]] | None:
        run = next((run for run in store.runs(20) if run.finished and run.kind not in ASIDE), None)
        return (run, facts.failures(store, run.run)) if run else None

    found = view.ask(newest)
    if found is None:
        return Check("last run", "ok", "none has ended yet")
    run, failures = found
    ended = f"run {run.run} ended {ago(run.finished or run.started, view.now)}"
    if failures == (NOT_OURS,):
        text = f"{ended}: all but what is not ours yet, which others' rows serve on"
        return Check("last run", "warning", text, "ispctl adopt --all --dry-run")
    if failures or run.outcome != "done":
        said = "; ".join(failures[:3]) or run.outcome or "without a word"
        return Check("last run", "bad", f"{ended}: {said}", "ispctl plan --live")
    return Check("last run", "ok", f"{ended}: done")


def _clock(view: View) -> Check:
    """The next moment that changes an entitlement, and whether one has passed that no run has seen."""
    look = view.turning
    if look is None or view.commit_applied is None:
        return Check("clock", "warning", "what time changes next cannot be told: the applied commit is unknown here")
    (part,) = look.parts.values()
    try:
        found = tuple(entitlements(part, view.now))
        then = tuple(entitlements(part, view.commit_applied.at))
        missed = _missed(view, then, rows_of(part, found) or {})
    except KeyError:
        return Check(
            "clock", "warning", "what time changes next cannot be told: the applied commit has a broken tariff"
        )
    if missed:
        at, count = min(missed), len(missed)
        level: Level = "bad" if view.now - at > WAITING else "warning"
        who = "1 service should have changed by itself" if count == 1 else f"{count} services should have changed"
        text = f"{who} since {when(at, view.zone)}"
        return Check("clock", level, text, "ispctl apply")
    coming = min((at for at in (look.until, *(e.until for e in found)) if at), default=None)
    said = f"next {when(coming, view.zone)} ({ago(coming, view.now)})" if coming else "nothing to come"
    return Check("clock", "ok", said)


def _missed(view: View, then: tuple[Entitlement, ...], want: Resources) -> list[datetime]:
    """The moments that have passed since the last apply, of services whose rows are not as they should be now."""
    passed = {("login", e.login): e.until for e in then if e.until is not None and e.until <= view.now}
    have = view.ask(lambda store: RadiusRows(store).read(sorted(passed))) if passed else {}
    return [until for key, until in passed.items() if have is not None and want.get(key) != have.get(key)]


def _sessions(view: View) -> Check:
    found = total(counts(view) or {})
    said = f"{found.open} open, {found.stale} of them stale" if found.stale else f"{found.open} open"
    if found.behind:
        text = f"{said}; {found.behind} run{'s'[: found.behind == 1]} older values than the database holds"
        return Check("sessions", "bad", text, "ispstat sessions --behind")
    return Check("sessions", "ok", said)


def _letters(view: View) -> Check:
    """What was to be told to people and did not reach them: nothing sends it by itself."""
    found = view.ask(lambda store: store.unsent(view.now - AT_WORK, view.now - NEWS))
    if found is None or not (found.waiting or found.refused):
        return Check("letters", "ok", "none waits")
    since = f", the oldest of {ago(found.since, view.now)}" if found.since else ""
    said = [f"{found.waiting:,} wait{'s'[: found.waiting == 1]}{since}"] if found.waiting else []
    said += [f"{found.refused:,} refused within {NEWS.days} days"] if found.refused else []
    return Check("letters", "warning", "; ".join(said), "ispctl outbox")


def _cpes(view: View) -> Iterable[Check]:
    """Routers of subscribers that do not have what they should, if there are any."""
    overdue, refusing = view.ask(lambda store: (cpes.overdue(store), cpes.refusing(store))) or ((), 0)
    said = [f"{len(overdue):,} have not taken a new password that holds by now"] if overdue else []
    said += [f"{refusing:,} refuse something"] if refusing else []
    if said:
        yield Check("routers", "warning", "; ".join(said), "ispstat cpe")


def _pauses(view: View) -> Check:
    """What stays as it is because somebody said so. Meant, and easily forgotten."""
    found = view.pauses
    if not found:
        return Check("pauses", "ok", "nothing is paused")
    return Check("pauses", "warning", "; ".join(in_words(one, view) for one in found), "ispctl pause --list")


def _nas_clocks(view: View) -> Iterable[Check]:
    """NAS whose word on when something happened is not believed, if there are any."""
    found = view.ask(lambda store: clocks.wrong(store, view.now - DAY)) or ()
    said = [
        f"{one.nas} is {span(one.ahead)} {'ahead' if one.ahead > 0 else 'behind'} ({ago(one.at, view.now)})"
        for one in found
        if one.at and one.nas in view.head.nas
    ]
    if said:
        text = f"the clock of {', of '.join(said)}; what it reports counts from when it arrives"
        yield Check("nas clocks", "warning", text, "set NTP on it")


def _devices(view: View) -> Iterable[Check]:
    """NAS that did not take what git says when a run last had to do with them."""
    heard = view.ask(lambda store: Memory(store).heard()) or {}
    configured = (host for host in sorted(heard) if (nas := view.head.nas.get(host)) is not None and nas.device)
    said = [f"{host} {heard[host].status}" for host in configured if heard[host].status not in ("seen", "applied")]
    if said:
        more = f" and {len(said) - 3} more" if len(said) > 3 else ""
        yield Check("devices", "warning", ", ".join(said[:3]) + more, "ispstat nas")


def _strangers(view: View) -> Check:
    found = view.ask(facts.strangers) or ()
    since = view.commit_applied.at if view.commit_applied else view.now - RECENT
    ours = {str(source) for nas in view.served.nas.values() if nas.radius for source in nas.radius.sources}
    spoke = ((one.address, one.last_seen) for one in found if one.last_seen and view.now - one.last_seen <= RECENT)
    recent = [
        (address, at) for address, at in spoke if address not in ours or at > since
    ]  # since it became one of ours
    if recent:
        said = ", ".join(f"{address} ({ago(at, view.now)})" for address, at in recent)
        text = f"unknown addresses speak RADIUS to us: {said}; a new router? See radius.sources in inventory/hosts.yaml"
        return Check("strangers", "warning", text)
    return Check("strangers", "ok", "none in the last hour")
