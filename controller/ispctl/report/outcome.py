"""What an apply or a repair did, as JSON, and as text made from that JSON alone. Ids only: neither logins nor names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, tzinfo
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from ispctl.backend import Outcome
from ispctl.gates import Closed
from ispctl.plan import Plan
from ispctl.report import _devices, _told
from ispctl.report._closing import gate
from ispctl.report._stops import stops
from ispctl.report._words import clean, listed, masked, plural, short, with_offset, wrapped
from ispctl.report.gist import rerendered
from ispctl.report.plan_json import change, stamp, stop

if TYPE_CHECKING:
    from ispctl.reconcile import Drift, Result

MOST: Final = 20
TARGET: Final = "radius"
"""Without the database nothing is done; a NAS that is not asked holds up nobody else."""


def document(result: Result, zone: tzinfo = UTC) -> dict[str, Any]:
    """What an apply did. `run` is "" and nothing is written where the database was not read, or all of it waits."""
    plan = result.plan
    return {
        "version": 1,
        "run": result.run,
        "commit": result.commit,
        "now": stamp(plan.now, zone),
        "digest": plan.digest,
        "summary": dict(plan.summary),
        "written": dict(result.written),
        "rerendered": list(plan.rerendered),
        "failed": _failed(result.failed),
        "sessions": [
            {"service": s.owner, "nas": s.nas, "kind": s.kind, "answer": s.answer, "code": s.code, "text": s.text}
            for s in result.sessions
        ],
        "told": _told.counts(result.sessions),
        "devices": _devices.document(result.devices),
        "held": {"changes": sorted(result.held), "services": _owners(plan, frozenset(result.held))},
        "closed": [_closed(one) for one in result.closed],
        "stops": [stop(one, zone) for one in plan.stops],
        "unread": [{"target": u.target, "code": u.code, "text": u.text} for u in result.unread],
        "exit_code": result.exit_code,
    }


def text(result: Result, zone: tzinfo = UTC, *, width: int = 100, verdict: str = "", again: str = "") -> str:
    """What an apply did as text, wrapped at `width`, ending with what to type next. `verdict`, `again`: instead of the
    usual first line, and of what to type where all of it waits."""
    said = document(result, zone)
    parts = [[verdict or _verdict(said)], _lines("FAILED", map(_failure, said["failed"])), _sessions(said)]
    parts += [_lines("NAS", _devices.lines(said["devices"]))]
    parts += [_refused(said), [*stops(said["stops"])]]
    waits = again and not said["run"] and not said["unread"]
    parts += [_unread(said), [f"Next: {again if waits else _next(said)}"]]
    return _joined(parts, width)


def _unread(said: dict[str, Any]) -> list[str]:
    unread = (f"{clean(u['target'])}: {clean(u['code'])} {clean(u['text'])}" for u in said["unread"])
    return _lines("NOT READ: nothing was done there", unread)


def _refused(said: dict[str, Any]) -> list[str]:
    """Closed gates, and what waits for them."""
    if not said["closed"]:
        return []
    gates = [f"{gate(Closed(c['gate'], c['wanted'], c['recent'], c['limit']))}. To allow: {c['allow']}"
             for c in said["closed"]]  # fmt: skip
    held = said["held"]
    of = f" of {plural(len(held['services']), 'service')}: {listed(held['services'])}" if held["services"] else ""
    gates.append(f"Held back: {plural(len(held['changes']), 'change')}{of}")
    return _lines("REFUSED, E601: more than a day may take", gates)


def drift_document(found: Drift, zone: tzinfo = UTC) -> dict[str, Any]:
    """What stands otherwise than it was applied: `before` is what was found, `after` what belongs there; and what a
    repair did, if there was one."""
    plan = found.plan
    return {
        "version": 1,
        "commit": plan.commit,
        "now": stamp(plan.now, zone),
        "items": [{"service": one.owner, **change(one)} for one in found.changes],
        "written": dict(found.written),
        "failed": _failed(found.failed),
        "devices": _devices.document(found.devices),
        "held": {"changes": sorted(found.held), "services": _owners(plan, found.held)},
        "closed": [_closed(one) for one in found.closed],
        "stops": [stop(one, zone) for one in plan.stops],
        "unread": [{"target": u.target, "code": u.code, "text": u.text} for u in plan.unread],
    }


def drift_text(said: dict[str, Any], *, width: int = 100) -> str:
    """A drift document as text, wrapped at `width`, ending with what to type next."""
    items, commit = said["items"], short(said["commit"])
    if not items:
        said_first = f"No drift: RADIUS is as commit {commit} left it."
        return _joined([[said_first], _unread(said), [*stops(said["stops"])], ["Next: ispctl plan --live"]], width)
    written = sum(said["written"].values())
    head = f"{plural(len(items), 'row')} changed by hand since commit {commit}, seen at {with_offset(said['now'])}"
    if written or said["failed"]:
        head += f": {written:,} put right"
    parts = [[head], _lines("BY HAND", map(_by_hand, items)), _lines("FAILED", map(_failure, said["failed"]))]
    parts += [_lines("NAS", _devices.lines(said["devices"])), _unread(said)]
    parts += [_refused(said), [*stops(said["stops"])]]
    allow = " ".join(["ispctl drift --repair", *(one["allow"] for one in said["closed"])])
    done = "ispctl drift" if written and not said["closed"] else allow
    parts.append([f"Next: {'ispstat health' if said['failed'] else done}"])
    return _joined(parts, width)


def _joined(parts: Iterable[Sequence[str]], width: int) -> str:
    return "\n\n".join("\n".join(wrapped(part, width)) for part in parts if part) + "\n"


def _failed(outcomes: Iterable[Outcome]) -> list[dict[str, str]]:
    """What was not written; no text names a login, whatever a database said. `service` is "" for what is shared."""
    return [
        {
            "service": one.owner,
            "change": one.id,
            "kind": one.key[0],
            "code": o.code,
            "text": masked(o.error, {one.key[1]} if one.key[0] == "login" else ()),
        }
        for one, o in ((o.change, o) for o in outcomes)
    ]


def _owners(plan: Plan, ids: frozenset[str]) -> list[str]:
    return sorted({one.owner for one in plan.changes if one.id in ids and one.owner}) if ids else []


def _closed(one: Closed) -> dict[str, Any]:
    return {"gate": one.gate, "wanted": one.wanted, "recent": one.recent, "limit": one.limit, "allow": one.flag}


def _verdict(said: dict[str, Any]) -> str:
    commit = short(said["commit"])
    if any(u["target"] == TARGET for u in said["unread"]):
        return f"Commit {commit} was not applied: not every target was read."
    written = ", ".join(f"{count:,} {action}" for action, count in said["written"].items() if count)
    rows = f"wrote rows: {written}" if written else "no row had to be written"
    complete = "applied" if not said["closed"] and not said["failed"] else "applied in part"
    return f"Run {clean(said['run'])}: commit {commit} {complete}; {'; '.join(filter(None, [rows, rerendered(said)]))}."


def _sessions(said: dict[str, Any]) -> list[str]:
    head, *rest = _told.lines(said["sessions"], said["told"]) or [""]
    return [head, *_most(line.strip() for line in rest)] if head else []


def _failure(one: dict[str, str]) -> str:
    code = f"{clean(one['code'])} " if one["code"] else ""
    return f"{clean(one['kind'])} of {clean(one['service'] or 'change ' + one['change'])}: {code}{clean(one['text'])}"


def _by_hand(item: dict[str, Any]) -> str:
    said = {"create": "is missing", "delete": "does not belong there"}
    became = said.get(item["action"], "was changed: " + ", ".join(sorted(item["fields"])))
    if item["target"] != TARGET:
        return f"{clean(item['target'])}: {clean(item['key'])} {became}"
    kind, _, name = item["key"].partition("/")
    what = f"{kind} of {item['service'] or 'change ' + item['id']}" if kind == "login" else f"{kind} {name}"
    return f"{clean(what)} {became}"


def _lines(head: str, found: Iterable[str]) -> list[str]:
    said = list(_most(found))
    return [head, *said] if said else []


def _most(found: Iterable[str]) -> Iterator[str]:
    rest = iter(found)
    yield from (f"  {text}" for text in islice(rest, MOST))
    if more := sum(1 for _ in rest):
        yield f"  … and {more:,} more, in the JSON"


def _next(said: dict[str, Any]) -> str:
    commit = short(said["commit"])
    if said["unread"]:
        return "ispstat health"
    if said["closed"]:
        return f"ispctl apply --commit {commit} " + " ".join(one["allow"] for one in said["closed"])
    if any(one["code"] for part in ("failed", "sessions", "devices") for one in said[part]) or said["failed"]:
        return f"ispctl plan --live --commit {commit}"
    return "ispstat sessions" if said["sessions"] else "ispctl drift"
