"""What Prometheus is told: numbers about the whole, without a name, a login or an address of anybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

from ispctl.gates import GATES
from ispctl.model.problem import Refusal
from ispctl.reconcile import settled
from ispctl.status import cpes
from ispctl.status.check import Check
from ispctl.status.devices import Devices
from ispctl.status.drift import drift
from ispctl.status.health import health
from ispctl.status.online import counts, total
from ispctl.status.pools import fill
from ispctl.status.service import failures
from ispctl.status.view import View, derived
from ispctl.store import RunRecord, facts
from ispctl.structs import Struct

if TYPE_CHECKING:
    from prometheus_client.core import Metric


class Named(Struct):
    """What a metric is: its help, the names of its labels, and its kind."""

    help: str
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter"] = "gauge"


METRICS: Final[dict[str, Named]] = {
    "ispctl_build_info": Named("Always 1; which version of ispctl says this.", ("version", "python")),
    "ispctl_database_up": Named("1 if the RADIUS database answers, else 0."),
    "ispctl_health": Named("The checks of ispstat health: 0 ok, 1 warning, 2 bad.", ("check",)),
    "ispctl_last_apply_timestamp_seconds": Named("When the rows were last made equal to a commit; 0: never."),
    "ispctl_last_good_apply_timestamp_seconds": Named("When the loop last applied and nothing was left; 0: never."),
    "ispctl_head_waiting_seconds": Named("How long the head has not been applied; 0 if it is."),
    "ispctl_next_moment_timestamp_seconds": Named("When time changes an entitlement next; 0: not known to come."),
    "ispctl_loop_heartbeat_timestamp_seconds": Named("The last sign of life of the loop; 0: none runs."),
    "ispctl_fetch_timestamp_seconds": Named("When the loop last had an answer from the remote; 0: never."),
    "ispctl_head_refused": Named("1 if the loop refuses the head of its branch, else 0."),
    "ispctl_gate_held": Named("How many a closed gate holds back; 0 if it is open.", ("gate",)),
    "ispctl_coa_failures": Named("Sessions that were not changed or ended, by what the NAS said.", ("nas", "cause")),
    "ispctl_sessions": Named("Open sessions: all, stale ones, ones that run older values.", ("state",)),
    "ispctl_services": Named("Services by their state now.", ("state",)),
    "ispctl_pool_addresses": Named("Addresses, or prefixes of IPv6, that a pool with an end may give.", ("pool",)),
    "ispctl_pool_addresses_used": Named("Addresses of it that services or open sessions hold.", ("pool",)),
    "ispctl_nas_reachable": Named("1 if the last run that asked this NAS reached it, else 0.", ("nas",)),
    "ispctl_nas_applied_timestamp_seconds": Named("When it last stood as git said; 0: not known.", ("nas",)),
    "ispctl_nas_waiting": Named("1 if git asks for something else of it than it was last made, else 0.", ("nas",)),
    "ispctl_nas_configuring": Named("1 if the loop configures it now, else 0.", ("nas",)),
    "ispctl_cpe_devices": Named("Devices of subscribers by what ispstat cpe says of them.", ("state",)),
    "ispctl_cpe_oldest_waiting_timestamp_seconds": Named("Since when the one waits that waits longest; 0: none does."),
    "ispctl_cpe_inform_timestamp_seconds": Named("When a device last called; 0: none ever did."),
    "ispctl_cpe_passwords": Named("Devices that have not taken a new password, by which holds.", ("holds",)),
    "ispctl_drifted_keys": Named("Keys whose rows somebody changed by hand."),
    "ispctl_unread_targets": Named("Targets that gave no answer to trust."),
    "ispctl_paused": Named("Pauses that hold now, by what they are about.", ("kind",)),
    "ispctl_run_duration_seconds": Named("How long the newest run of each kind took.", ("kind",)),
    "ispctl_run_finished_timestamp_seconds": Named("When the newest run of each kind ended.", ("kind",)),
    "ispctl_loop_turns_total": Named("Turns of this loop.", kind="counter"),
    "ispctl_loop_applies_total": Named("Applies of this loop, by how they ended.", ("ending",), "counter"),
    "ispctl_loop_apply_duration_seconds": Named("How long the last apply of this loop took."),
    "ispctl_loop_leads": Named("1 if this loop is the one that applies, 0 for a standby."),
}
PAUSES: Final = ("everything", "target", "group", "service")
_LEVELS: Final = {"ok": 0.0, "warning": 1.0, "bad": 2.0}


class Sample(NamedTuple):
    """One number. `labels` in the order of its metric's."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


def samples(view: View) -> tuple[Sample, ...]:
    """Everything that git and the database tell; what they do not tell is left out, never 0."""
    checks = health(view)
    return (*build(), *(_known(view) if view.readable else ()), *_always(view, checks))


def build() -> Iterator[Sample]:
    """Which version this is."""
    from importlib.metadata import version
    from platform import python_version

    yield Sample("ispctl_build_info", 1, (version("ispctl"), python_version()))


def families(found: Iterable[Sample]) -> Iterator[Metric]:
    """Samples as prometheus_client takes them."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    grouped: dict[str, list[Sample]] = {}
    for sample in found:
        grouped.setdefault(sample.name, []).append(sample)
    for name, named in METRICS.items():
        if name in grouped:
            kind = CounterMetricFamily if named.kind == "counter" else GaugeMetricFamily
            family = kind(name, named.help, labels=named.labels)
            for sample in grouped[name]:
                family.add_metric(sample.labels, sample.value)
            yield family


def text(found: Sequence[Sample]) -> str:
    """The text format, as node_exporter reads it from a file."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.registry import Collector

    class Given(Collector):
        def collect(self) -> Iterator[Metric]:
            return families(found)

    registry = CollectorRegistry()
    registry.register(Given())
    return generate_latest(registry).decode()


def _always(view: View, checks: Sequence[Check]) -> Iterator[Sample]:
    yield Sample("ispctl_database_up", float(view.readable))
    yield Sample("ispctl_unread_targets", float(not view.readable))
    for check in checks:
        yield Sample("ispctl_health", _LEVELS[check.level], (check.name,))


def _known(view: View) -> Iterator[Sample]:
    yield from _applied(view)
    yield from _loop(view)
    yield from _people(view)
    for pool in fill(view):
        yield Sample("ispctl_pool_addresses", pool.usable, (pool.pool,))
        if pool.used is not None:
            yield Sample("ispctl_pool_addresses_used", pool.used, (pool.pool,))
    for failure, count in (view.ask(failures) or {}).items():
        yield Sample("ispctl_coa_failures", count, (failure.nas, failure.answer))
    yield from _devices(view)
    yield from _cpes(view)
    held = Counter(pause.kind for pause in view.pauses or ())
    for kind in PAUSES:
        yield Sample("ispctl_paused", held[kind], (kind,))
    for run in _newest(view.ask(lambda store: tuple(store.runs(20))) or ()):
        ended = run.finished or run.started
        yield Sample("ispctl_run_duration_seconds", (ended - run.started).total_seconds(), (run.kind,))
        yield Sample("ispctl_run_finished_timestamp_seconds", ended.timestamp(), (run.kind,))


def _devices(view: View) -> Iterator[Sample]:
    """Of the NAS that ispctl configures; one that nobody has asked is in the others alone."""
    found = Devices(view)
    for host in found.wanted:
        one = found.one(host)
        if one is None or not view.readable:
            continue
        if one.reachable is not None:
            yield Sample("ispctl_nas_reachable", float(one.reachable), (host,))
        yield Sample("ispctl_nas_applied_timestamp_seconds", _seconds(one.equal.at if one.equal else None), (host,))
        yield Sample("ispctl_nas_waiting", float(bool(one.waiting)), (host,))
        yield Sample("ispctl_nas_configuring", float(one.since is not None), (host,))


def _cpes(view: View) -> Iterator[Sample]:
    """Of the devices of subscribers, where there are any or some are to be served."""
    found = cpes.managed(view)
    if found is None or not (found or view.head.reaches_routers):
        return
    states = Counter(one.state for one in found)
    for state in get_args(cpes.State):
        yield Sample("ispctl_cpe_devices", states[state], (state,))
    waits = [one.wanted for one in found if one.state in cpes.BEHIND and one.wanted]
    called = [one.informed for one in found if one.informed]
    yield Sample("ispctl_cpe_oldest_waiting_timestamp_seconds", _seconds(min(waits, default=None)))
    yield Sample("ispctl_cpe_inform_timestamp_seconds", _seconds(max(called, default=None)))
    holds = Counter(one.password for one in found)
    for word in ("old", "overdue"):
        yield Sample("ispctl_cpe_passwords", holds[word], (word,))


def _applied(view: View) -> Iterator[Sample]:
    applied, head = view.commit_applied, view.head.commit
    waits = applied is None or applied.commit != head
    since = view.repository.git.commit(head).when
    yield Sample("ispctl_last_apply_timestamp_seconds", _seconds(applied.at if applied else None))
    yield Sample("ispctl_head_waiting_seconds", max((view.now - since).total_seconds(), 0) if waits else 0)
    try:
        found = drift(view)
    except Refusal:  # nothing is applied yet, or it cannot be told here
        return
    if found is not None:
        yield Sample("ispctl_drifted_keys", sum(one.cause == "hand" for one in found))


def _loop(view: View) -> Iterator[Sample]:
    beat = view.beat
    state = beat.state if beat else None
    yield Sample("ispctl_loop_heartbeat_timestamp_seconds", _seconds(beat.at if beat else None))
    if state is None:
        return
    yield Sample("ispctl_last_good_apply_timestamp_seconds", _seconds(state.good))
    yield Sample("ispctl_next_moment_timestamp_seconds", _seconds(state.until))
    yield Sample("ispctl_fetch_timestamp_seconds", _seconds(state.fetched))
    yield Sample("ispctl_head_refused", float(bool(state.refused)))
    for gate in GATES:
        yield Sample("ispctl_gate_held", state.gates.get(gate, 0), (gate,))


def _people(view: View) -> Iterator[Sample]:
    found = counts(view)
    if found is not None:
        every = total(found)
        yield Sample("ispctl_sessions", every.open, ("open",))
        yield Sample("ispctl_sessions", every.stale, ("stale",))
        yield Sample("ispctl_sessions", every.behind, ("behind",))
    for state, count in sorted(_states(view).items()):
        yield Sample("ispctl_services", count, (state,))


def _states(view: View) -> Counter[str]:
    """Of every service that is served and has a tariff."""
    found = _written_states(view)
    return _derived_states(view) if found is None else found


def _written_states(view: View) -> Counter[str] | None:
    """As they were written; of those whom time has changed since, or who were left to a later run, by git. None where
    it is not known who that is, or where all of git is at hand."""
    applied = view.commit_applied
    if applied is None or view.knows_everybody or not view.ask(settled.by_this_version):
        return None
    left = view.ask(settled.left)
    written = view.ask(facts.states)
    if left is None or written is None:
        return None
    ids = {owner.partition("/")[0] for owner in left}
    try:
        look = view.turned(applied, ids)
    except Refusal:
        return None
    if not look.partial:
        return None
    (part,) = look.parts.values()
    keys = {(one.document.value.id, one.service.key) for one in part.services()}
    keys |= {(id, key) for id, _, key in (owner.partition("/") for owner in left)}
    stored = view.ask(lambda store: [row.said("state") for row in store.entitlements(sorted(keys))])
    if stored is None:
        return None
    found = Counter(written)
    found.subtract(stored)
    found.update(str(one.state) for one in derived(part, part.subscribers(), view.now).values())
    return +found


def _derived_states(view: View) -> Counter[str]:
    """By git, a part after the other."""
    found: Counter[str] = Counter()
    served = View(view.index, None, view.now, head=view.served.commit)
    for part, services in served.slices():
        part.head = view.knowing(part.head)
        own = (part.derived.get((one.document.path, one.number)) for one in services)
        found.update(str(one.state) for one in own if one)
    return found


def _newest(runs: Sequence[RunRecord]) -> Iterator[RunRecord]:
    """Newest first: one of each kind that has ended."""
    kinds: set[str] = set()
    for run in runs:
        if run.finished and run.kind not in kinds:
            kinds.add(run.kind)
            yield run


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0
