"""A plan as JSON, and back as far as an apply needs it: to see that what is done is what somebody read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from ispctl.desired import Because, Entitlement
from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Change, Cohort, Fields, Plan, ServiceChange, Stop, Value
from ispctl.report.shapes import ChangeJson, CohortJson, PlanJson, ReasonJson, ServiceJson, SidesJson, StopJson

VERSION: Final = 1


def document(plan: Plan, zone: tzinfo = UTC) -> PlanJson:
    """The plan as JSON; equal plans give equal documents, to the byte. `zone`: the ISP's, for the offset of times."""
    return _document(plan, zone)


def dumps(document: Any) -> str:
    """A document as text, ending with a line feed. ASCII alone: no terminal and no log can be confused by a value."""
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


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


def _document(plan: Plan, zone: tzinfo) -> PlanJson:
    return {
        "version": VERSION,
        "kind": plan.kind,
        "commit": plan.commit,
        "base": plan.base,
        "now": stamp(plan.now, zone),
        "digest": plan.digest,
        "assumes": list(plan.assumes),
        "summary": dict(plan.summary),
        "services": [_service(service, plan, zone) for service in plan.services],
        "cohorts": [_cohort(cohort) for cohort in plan.cohorts],
        "changes": [change(one) for one in plan.changes],
        "unread": [{"target": u.target, "code": u.code, "text": u.text} for u in plan.unread],
        "stops": [stop(one, zone) for one in plan.stops],
        "switches": [
            {"what": s.what, "was": s.was, "now": s.now, "services": s.services, "because": reason(s.because)}
            for s in plan.switches
        ],
        "rerendered": list(plan.rerendered),
        "coming": {"until": stamp(plan.coming.until, zone), "ends": plan.coming.ends} if plan.coming else None,
    }


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


def _service(service: ServiceChange, plan: Plan, zone: tzinfo) -> ServiceJson:
    now = service.now
    return {
        "id": now.id,
        "key": now.key,
        "login": now.login,
        "effects": list(service.effects),
        "was": _view(service.was, zone),
        "will_be": _view(service.will_be, zone),
        "session": service.session,
        "if_online": service.if_online,
        "cause": service.cause,
        "left": plan.stop_of(service.owner),
        "because": [reason(because) for because in service.because],
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


@dataclass(frozen=True)
class SavedChange:
    """One change of a saved plan; `key` as one text."""

    id: str
    target: str
    action: str
    key: str


@dataclass(frozen=True)
class Saved:
    """A live plan that somebody saved and read: enough to see whether it is still what would be done."""

    kind: str
    digest: str
    commit: str
    changes: Mapping[str, SavedChange]

    def differences(self, plan: Plan) -> tuple[str, ...]:
        """What a plan of now would do otherwise, a sentence each, without logins; empty if it is the same, or what is
        left of it: an apply that was killed may be run again."""
        if self.digest == plan.digest:
            return ()
        saved = {(one.target, one.key): one.id for one in self.changes.values()}
        found = {(one.target, "/".join(one.key)): one for one in plan.changes}
        return (
            *(f"{_named(one)} was not in it" for at, one in found.items() if at not in saved),
            *(
                f"{_named(one)} is no longer what it saw"
                for at, one in found.items()
                if saved.get(at, one.id) != one.id
            ),
        )


def _named(one: Change) -> str:
    kind, name = one.key
    if one.owner or kind in ("login", "session"):
        return f"the {kind} of {one.owner or 'change ' + one.id}"
    return f"{kind} {name}"


def read_saved(text: str) -> Saved:
    """The plan that `ispctl plan --live --out FILE` wrote. Raises Refusal (E610 to E612) for anything else."""
    advice = "Make one: ispctl plan --live --out FILE"
    said = _parsed(text)
    if said is None or not isinstance(said.get("version"), int) or isinstance(said["version"], bool):
        raise Refusal(Problem("E610", "this file is not a plan", advice=advice))
    if said["version"] != VERSION:
        found = f"the plan has version {said['version']}, this program reads version {VERSION}"
        raise Refusal(Problem("E611", found, advice=advice))
    if said.get("kind") == "proposed":
        found = "this is a proposed plan, made without looking at the targets; only live plans can be applied"
        raise Refusal(Problem("E612", found, advice=advice))
    changes = _saved_changes(said.get("changes"))
    head = [said.get(name) for name in ("kind", "digest", "commit")]
    if changes is None or head[0] != "live" or not all(isinstance(part, str) and part for part in head):
        raise Refusal(Problem("E610", "this file is not a whole plan", advice=advice))
    kind, digest, commit = map(str, head)
    return Saved(kind, digest, commit, changes)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _saved_changes(said: object) -> Mapping[str, SavedChange] | None:
    """The changes by id; None where one of them is no change, or two carry one id."""
    if not isinstance(said, list):
        return None
    found: dict[str, SavedChange] = {}
    for one in said:
        parts = [one.get(name) for name in ("id", "target", "action", "key")] if isinstance(one, dict) else [None]
        if not all(isinstance(part, str) and part for part in parts) or parts[0] in found:
            return None
        saved = SavedChange(*map(str, parts))
        found[saved.id] = saved
    return found
