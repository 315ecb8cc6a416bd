"""What `ispctl adopt` took over, and what says something else: JSON first, text from it. Services are named by id."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from ispctl.adopt.judging import Difference
from ispctl.plan import Key
from ispctl.reconcile.ownership import Takeover
from ispctl.report._words import clean, page, plural, short
from ispctl.report.plan_json import stamp

SAMPLE: Final = 5
_ROW: Final = re.compile(r"(.*)( \((?:radcheck|radreply) [0-9]+\))", re.DOTALL)
"""A difference that a row of one login says, and which."""
_KINDS: Final = {"logins": "login", "nas": "nas"}


def document(
    took: Takeover, said: Mapping[Key, tuple[Difference, ...]], *, now: datetime, zone: ZoneInfo, dry_run: bool
) -> dict[str, Any]:
    """The JSON of an adoption. `said`: what differs, by key."""
    fine = [one.change for one in took.outcomes if not one.error]
    return {
        "version": 1,
        "run": took.run,
        "commit": took.commit,
        "now": stamp(now, zone),
        "dry_run": dry_run,
        "taken": {name: sum(one.key[0] == kind for one in fine) for name, kind in _KINDS.items()},
        "refused": [
            {
                "service": one.change.owner,
                "nas": one.change.key[1] if one.change.key[0] == "nas" else "",
                "code": one.code,
                "text": "" if said.get(one.change.key) else one.error,
                "differences": [{"aspect": d.aspect, "text": d.text} for d in said.get(one.change.key, ())],
            }
            for one in took.outcomes
            if one.error
        ],
        "left": took.left,
        "pending": took.pending,
    }


def text(said: Mapping[str, Any], *, width: int = 100) -> str:
    """For a terminal: what differs, folded by kind."""
    verb = "would change hands" if said["dry_run"] else "are ours now"
    logins = plural(said["taken"]["logins"], "login")
    lines = [f"{logins} and {said['taken']['nas']:,} NAS {verb}. Nobody's session was touched."]
    if said["refused"]:
        lines += ["", f"SAYS OTHERWISE ({len(said['refused']):,}): left as they were", *_refused(said)]
    if said["left"]:
        lines += ["", f"{plural(said['left'], 'login')} of git with rows of their own: not chosen"]
    if said["pending"]:
        lines += ["", f"{plural(said['pending'], 'change')} of this commit wait for: ispctl apply"]
    return page([*lines, "", f"Next: {_next(said)}"], width)


def _refused(said: Mapping[str, Any]) -> Iterator[str]:
    """Each aspect once, with how often and for whom."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in said["refused"]:
        for part in one["differences"] or [{"aspect": one["code"], "text": one["text"]}]:
            whole = _ROW.fullmatch(part["text"])
            words, row = whole.groups() if whole else (part["text"], "")
            found.setdefault((part["aspect"], words), []).append((one["service"] or f"NAS {one['nas']}") + row)
    for (aspect, words), who in sorted(found.items(), key=lambda item: (-len(item[1]), item[0])):
        more = f" and {len(who) - SAMPLE:,} more" if len(who) > SAMPLE else ""
        yield f"  {clean(aspect)[:64]} ({len(who):,}): {clean(words)} [{', '.join(map(clean, who[:SAMPLE]))}{more}]"


def _next(said: Mapping[str, Any]) -> str:
    if said["refused"]:
        return "mend git or the rows; or take a difference on purpose: --accept ASPECT"
    if said["dry_run"]:
        return "the same command without --dry-run"
    return f"ispctl plan --live --commit {short(said['commit'])}"
