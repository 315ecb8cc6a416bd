"""A plan as JSON: as a value, and as text in pieces, since a plan may be about a million people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from ispctl.desired import Because, Entitlement
from ispctl.model.problem import Problem
from ispctl.plan import Change, Cohort, Ending, Fields, Plan, ServiceChange, Stop, Value
from ispctl.report._indent import indented

if TYPE_CHECKING:
    from ispctl.report.shapes import (
        ChangeJson,
        CohortJson,
        EndingJson,
        HeadJson,
        PlanJson,
        ProblemJson,
        ReasonJson,
        ServiceJson,
        SidesJson,
        StopJson,
    )

VERSION: Final = 1
Progress = Callable[[str, int, int], None]
Refused = Sequence[Problem] | None
Left = Literal["", "paused", "observed"]


def document(plan: Plan, zone: tzinfo = UTC, refused: Refused = None) -> PlanJson:
    """The plan as JSON; equal plans give equal documents, to the byte. `zone`: the ISP's, for the offset of times.
    `refused`: why an apply of it would be; None where that was not asked."""
    made = _members(plan, zone, refused)
    whole = ((name, list(value) if isinstance(value, Iterator) else value) for name, value in made)
    return cast("PlanJson", dict(whole))


def head(plan: Plan, zone: tzinfo = UTC) -> HeadJson:
    """The document without its services and changes."""
    return cast(
        "HeadJson", {name: value for name, value in _members(plan, zone, None) if not isinstance(value, Iterator)}
    )


def pieces(
    plan: Plan, zone: tzinfo = UTC, progress: Progress = lambda *_: None, refused: Refused = None
) -> Iterator[str]:
    """`dumps(document(plan, zone, refused))`, to the byte, in pieces of which none is longer than a service or a row.
    `progress` is told how many of the services, and then of the rows, are done."""
    lead = "{"
    for name, value in _members(plan, zone, refused):
        yield f'{lead}\n  "{name}": '
        if isinstance(value, Iterator):
            total = len(plan.services if name == "services" else plan.changes)
            yield from _items(_counted(value, f"{name} of the plan", total, progress))
        else:
            yield indented(value, "\n  ")
        lead = ","
    yield "\n}\n"


def _counted(found: Iterator[Any], what: str, total: int, progress: Progress) -> Iterator[Any]:
    for done, one in enumerate(found, 1):
        yield one
        progress(what, done, total)


def _items(found: Iterator[Any]) -> Iterator[str]:
    lead, margin = "[", "\n    "
    for one in found:
        yield lead + margin + indented(one, margin)
        lead = ","
    yield "[]" if lead == "[" else "\n  ]"


def dumps(document: Any) -> str:
    """A document as text, ending with a line feed. ASCII alone: no terminal and no log can be confused by a value."""
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


@lru_cache(4096)
def stamp(moment: datetime, zone: tzinfo = UTC) -> str:
    """RFC 3339 with the offset that the zone has then; whole seconds."""
    return moment.astimezone(zone).isoformat(timespec="seconds")


def reason(because: Because) -> ReasonJson:
    """A reason with its place apart."""
    where = because.where
    file, line = (where.file, where.line) if where else ("", 0)
    return {"code": because.code, "text": because.text, "file": file, "line": line, "commit": because.commit}


def change(one: Change) -> ChangeJson:
    """A change with the fields that differ; `key` is one text: "login/…", "group/isp:home-50@routeros"."""
    return {
        "id": one.id,
        "target": one.target,
        "action": one.action,
        "key": "/".join(one.key),
        "fields": dict(_fields(one.before, one.after)),
        "needs": sorted(one.needs),
        "because": [reason(because) for because in one.because],
    }


def problem(one: Problem) -> ProblemJson:
    """A problem with its place apart."""
    where = one.where
    return {
        "code": one.code,
        "slug": one.slug,
        "severity": one.severity,
        "text": one.text,
        "file": where.file if where else "",
        "line": where.line if where else 0,
        "column": where.column if where else 0,
        "advice": one.advice,
    }


def _members(plan: Plan, zone: tzinfo, refused: Refused) -> Iterator[tuple[str, Any]]:
    """Each member of the document; what may be long is an iterator."""
    left = plan.left
    yield "version", VERSION
    yield "kind", plan.kind
    yield "commit", plan.commit
    yield "base", plan.base
    yield "now", stamp(plan.now, zone)
    yield "digest", plan.digest
    yield "assumes", list(plan.assumes)
    yield "summary", dict(plan.summary)
    yield "services", (service(one, left.get(one.owner, ""), zone) for one in plan.services)
    yield "cohorts", [_cohort(cohort) for cohort in plan.cohorts]
    yield "changes", map(change, plan.changes)
    yield "unread", [{"target": u.target, "code": u.code, "text": u.text} for u in plan.unread]
    yield "stops", [stop(one, zone) for one in plan.stops]
    yield "ends", [_ending(one) for one in plan.endings]
    yield (
        "switches",
        [
            {"what": s.what, "was": s.was, "now": s.now, "services": s.services, "because": reason(s.because)}
            for s in plan.switches
        ],
    )
    yield "rerendered", list(plan.rerendered)
    yield "refused", None if refused is None else [problem(one) for one in refused]
    yield "coming", {"until": stamp(plan.coming.until, zone), "ends": plan.coming.ends} if plan.coming else None


def _ending(one: Ending) -> EndingJson:
    return {"target": one.target, "sessions": one.sessions, "at_most": one.at_most, "changes": list(one.changes)}


def stop(one: Stop, zone: tzinfo) -> StopJson:
    """A pause, or what is only observed."""
    return {
        "kind": one.kind,
        "what": one.what,
        "id": one.id,
        "by": one.by,
        "reason": one.reason,
        "until": stamp(one.until, zone) if one.until else None,
        "services": list(one.services),
        "changes": list(one.changes),
    }


def service(one: ServiceChange, left: Left, zone: tzinfo) -> ServiceJson:
    """What happens to one person; `left`: why it does not happen now."""
    now = one.now
    return {
        "id": now.id,
        "key": now.key,
        "login": now.login,
        "effects": list(one.effects),
        "was": _view(one.was, zone),
        "will_be": _view(one.will_be, zone),
        "session": one.session,
        "if_online": one.if_online,
        "cause": one.cause,
        "left": left,
        "because": [reason(because) for because in one.because],
    }


def _view(e: Entitlement | None, zone: tzinfo) -> dict[str, Any]:
    """An entitlement as people read it: all that can make an effect, and no secret but its digest."""
    if e is None:
        return {}
    moments = {"ends": e.ends, "backstop": e.backstop, "until": e.until}
    return {
        "state": str(e.state),
        "access": e.access,
        "login": e.login,
        "tariff": e.terms.tariff,
        "rate": _rate(e) if e.access == "open" else None,
        "ipv4": e.ipv4,
        "ipv6": e.ipv6,
        "delegated": e.delegated,
        "routes": list(e.routes),
        "nas": list(e.nas),
        "pop": e.pop,
        "roaming": e.roaming,
        "mac": {"mode": e.mac_mode, "max": e.mac_max, "on_mismatch": e.on_mismatch, "addresses": list(e.macs)},
        "sessions": e.terms.sessions,
        "password": e.password,
        "sealed_with": e.sealed_with,
        "identities": list(e.identities),
        **{name: stamp(moment, zone) if moment else None for name, moment in moments.items()},
        "on_expiry": e.on_expiry,
    }


def _rate(e: Entitlement) -> dict[str, Any]:
    burst = None
    if e.terms.burst:
        down, up, threshold_down, threshold_up, seconds = e.terms.burst
        threshold = {"down": threshold_down, "up": threshold_up}
        burst = {"down": down, "up": up, "threshold": threshold, "seconds": seconds}
    return {"down": e.terms.down, "up": e.terms.up, "burst": burst}


def _cohort(cohort: Cohort) -> CohortJson:
    return {
        "because": reason(cohort.because),
        "effects": list(cohort.effects),
        "count": cohort.count,
        "sample": list(cohort.sample),
    }


def _fields(before: Fields | None, after: Fields | None) -> Iterator[tuple[str, SidesJson]]:
    one_side = before is None or after is None
    old, new = before or {}, after or {}
    for name in sorted(old.keys() | new.keys()):
        was, will_be = old.get(name), new.get(name)
        if one_side or was != will_be:
            yield name, {"before": _plain(was), "after": _plain(will_be)}


def _plain(value: Value) -> Any:
    return [_plain(part) for part in value] if isinstance(value, tuple) else value
