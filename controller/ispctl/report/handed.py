"""What `ispctl drift --adopt` put into git, and what of the hand edits has no words there. Services are named by id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from difflib import unified_diff
from typing import Any
from zoneinfo import ZoneInfo

from ispctl.adopt.handed import Said
from ispctl.report._words import clean, plural, short
from ispctl.report.plan_json import stamp


def document(
    said: Sequence[Said], *, now: datetime, zone: ZoneInfo, applied: str, branch: str, commit: str
) -> dict[str, Any]:
    """The JSON of it; `commit` is that on the branch, empty where the work tree was edited."""
    return {
        "version": 1,
        "commit": applied,
        "now": stamp(now, zone),
        "branch": branch,
        "made": commit,
        "items": [
            {
                "service": one.owner,
                "kind": one.key[0],
                "key": "" if one.key[0] == "login" else one.key[1],
                "file": one.path,
                "edited": list(one.edited),
                "unsaid": [{"field": name, "code": "E655", "text": text} for name, text in one.unsaid],
            }
            for one in said
        ],
    }


def text(said: Mapping[str, Any], before: Mapping[str, bytes], after: Mapping[str, bytes]) -> str:
    """For a terminal: the lines that change, and nothing of what stands around them."""
    items = said["items"]
    if not items:
        return f"No drift: RADIUS is as commit {short(said['commit'])} left it.\n\nNext: ispctl plan --live\n"
    edited = [one for one in items if one["edited"]]
    where = f"on branch {clean(said['branch'])}" if said["branch"] else "in the work tree"
    lines = [f"{plural(len(edited), 'hand edit')} of {len(items):,} became an edit of YAML {where}."]
    for path in sorted(after):
        lines += ["", *_difference(path, before[path], after[path])]
    unsaid = [
        f"  {_named(one)} {clean(part['field'])}: {clean(part['text'])}" for one in items for part in one["unsaid"]
    ]
    if unsaid:
        lines += ["", "E655 cannot-be-said: left as it is; ispctl drift --repair takes it back", *unsaid]
    return "\n".join([*lines, "", f"Next: {_next(said, bool(edited))}"]) + "\n"


def _named(one: Mapping[str, Any]) -> str:
    return str(clean(one["service"] or f"{one['kind']} {one['key']}"))


def _difference(path: str, before: bytes, after: bytes) -> Iterator[str]:
    old, new = before.decode().splitlines(), after.decode().splitlines()
    yield from unified_diff(old, new, path, path, n=0, lineterm="")


def _next(said: Mapping[str, Any], edited: bool) -> str:
    if not edited:
        return "ispctl drift --repair"
    if said["branch"]:
        return f"git push -u origin {clean(said['branch'])}, then merge and apply"
    return "git diff, commit, and ispctl apply"
