"""What an import understood and what not: JSON first, text and import-report.md from it.

Rows are named by table and id, lines of a file by number, services by id; no login and no value of a row is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from ispctl.adopt.old import SEVERITIES, Finding
from ispctl.report._words import clean, page, plural, short
from ispctl.report.plan_json import stamp

Kind = Literal["freeradius", "csv", "routeros"]
SAMPLE: Final = 5
_HEADS: Final = {
    "refused": "NOT IMPORTED",
    "lost": "IMPORTED WITHOUT",
    "note": "TO KNOW",
}
_OF_ROWS: Final = {
    "refused": "no service can be made of these logins; their rows stay as they are",
    "lost": "the service is imported and this part of it is not; `ispctl adopt` asks about each",
    "note": "guessed, or nothing that anybody would miss",
}
_OF_LINES: Final = {
    "refused": "no service can be made of these lines; mend them and import again",
    "lost": "the service is imported and this part of it is not; say it by hand",
    "note": "guessed, or nothing that anybody would miss",
}


def document(
    kind: Kind,
    findings: Iterable[Finding],
    counts: Mapping[str, int],
    ids: Mapping[str, str],
    *,
    now: datetime,
    zone: ZoneInfo,
    commit: str = "",
) -> dict[str, Any]:
    """The JSON of an import. `ids`: login -> id of what was imported."""
    key = lambda one: (SEVERITIES.index(one.severity), one.kind, one.attribute, one.text)  # noqa: E731
    items = [_item(list(alike), ids) for _, alike in groupby(sorted(findings, key=key), key=key)]
    return {
        "version": 1,
        "source": kind,
        "now": stamp(now, zone),
        "commit": commit,
        "counts": dict(counts),
        "items": items,
    }


def text(said: Mapping[str, Any], *, width: int = 100) -> str:
    """For a terminal."""
    lines = [_verdict(said["counts"])]
    for severity in SEVERITIES:
        items = [item for item in said["items"] if item["severity"] == severity]
        if items:
            lines += ["", f"{_HEADS[severity]}: {_means(said)[severity]}", *(f"  {_line(item)}" for item in items)]
    return page(lines, width)


def markdown(said: Mapping[str, Any]) -> str:
    """The file that is committed beside what was imported."""
    lines = ["# What was imported, and what was not", "", f"{_verdict(said['counts'])} Read on {said['now'][:10]}.", ""]
    rows = "Rows are named by table and id in the old database" if _is_database(said) else "Lines are those of the file"
    lines += [f"{rows}, services by id.", ""]
    for severity in SEVERITIES:
        items = [item for item in said["items"] if item["severity"] == severity]
        if items:
            lines += [f"## {_HEADS[severity].capitalize()}", "", f"{_means(said)[severity].capitalize()}.", ""]
            lines += [f"- {_line(item)}" for item in items] + [""]
    return "\n".join(lines)


def closing(said: Mapping[str, Any], where: str, key_file: str | None) -> Iterator[str]:
    """The next things to type."""
    if said["commit"]:
        yield f"Committed {short(said['commit'])}. Read import-report.md, then:"
    if key_file:
        yield f"  export ISPCTL_AGE_KEY_FILE={key_file}      # keep it safe and out of git"
    tables = "our tables beside the old ones" if _is_database(said) else "the tables of the server"
    yield f"  ispctl --repo {where} radius init               # {tables}"
    if _is_database(said):
        yield f"  ispctl --repo {where} adopt --all --dry-run      # what would change hands"
    else:
        yield f"  ispctl --repo {where} plan                      # who will be served, and how"


def _is_database(said: Mapping[str, Any]) -> bool:
    return bool(said["source"] == "freeradius")


def _means(said: Mapping[str, Any]) -> Mapping[str, str]:
    return _OF_ROWS if _is_database(said) else _OF_LINES


def _item(alike: list[Finding], ids: Mapping[str, str]) -> dict[str, Any]:
    first = alike[0]
    rows = sorted({(one.table, one.row) for one in alike if one.row})
    return {
        "severity": first.severity,
        "kind": first.kind,
        "attribute": first.attribute,
        "text": first.text,
        "count": len(alike),
        "rows": [{"table": table, "id": id} for table, id in rows],
        "services": sorted({ids[one.login] for one in alike if one.login in ids}),
    }


def _verdict(counts: Mapping[str, int]) -> str:
    left = counts["logins"] - counts["imported"]
    parts = (plural(counts[f"{word}s"], word) for word in ("tariff", "group", "pool"))
    return f"{plural(counts['imported'], 'login')} imported, {left:,} not; {', '.join(parts)}, {counts['nas']:,} NAS."


def _line(item: Mapping[str, Any]) -> str:
    what = clean(item["attribute"])[:64]
    name = f"{item['kind']} {what}" if what and what != item["kind"] else item["kind"]
    return f"{name} ({item['count']:,}): {clean(item['text'])}{_where(item)}"


def _where(item: Mapping[str, Any]) -> str:
    rows, services = item["rows"], item["services"]
    if rows:
        named = ", ".join(f"{row['table']} {row['id']}" for row in rows[:SAMPLE])
        return f" [{named}{_more(rows)}]"
    return f" [{', '.join(services[:SAMPLE])}{_more(services)}]" if services else ""


def _more(found: list[Any]) -> str:
    return f" and {len(found) - SAMPLE:,} more" if len(found) > SAMPLE else ""
