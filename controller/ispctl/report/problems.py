"""Problems as text, as JSON, and as the code quality report that GitLab shows beside the lines of a merge request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from ispctl.digests import sha256
from ispctl.model.problem import Problem, in_order
from ispctl.report import plan_json
from ispctl.report._words import clean, plural

SHOWN: Final = {"W700": 1}
"""So many warnings of a kind are shown in full, three where none is named: W700 says the same at each place."""
_FIELD: Final = re.compile(r"[a-z_0-9]+(\[\d+\])?(\.[a-z_0-9]+(\[\d+\])?)*(?=[: ])")
_LINES: Final = re.compile(r"(?<=[\w…]):\d+(:\d+)?\b")
_SEVERITY: Final = {"error": "critical", "warning": "minor"}


def to_text(problems: Iterable[Problem], services: int | None = None) -> str:
    """A line for each: errors, then warnings, of which repeats are folded; then how many there are.

    services: how many were looked at, for the last line.
    """
    found = in_order(list(problems))
    errors = [line(p) for p in found if p.severity == "error"]
    warnings = list(_folded([p for p in found if p.severity == "warning"]))
    parts = [errors, warnings, [summary(found, services)]]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def line(problem: Problem) -> str:
    """file:line:col code slug: what. What to do. On one line, whatever is in it."""
    return clean(str(problem))


def summary(problems: Sequence[Problem], services: int | None = None) -> str:
    """The last line, with what to type next."""
    counts = Counter(p.severity for p in problems)
    said = [plural(counts[kind], kind) for kind in ("error", "warning") if counts[kind]]
    among = "" if services is None else f" in {plural(services, 'service')}"
    return f"{', '.join(said) or 'No problems'}{among}. Next: ispctl {'validate' if counts['error'] else 'plan'}"


def _folded(warnings: Sequence[Problem]) -> Iterator[str]:
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for problem in warnings:
        kinds.setdefault((problem.code, _field(problem.text)), []).append(problem)
    for (code, field), alike in kinds.items():
        shown = SHOWN.get(code, 3)
        yield from (line(problem) for problem in alike[:shown])
        more = len(alike) - shown
        if more > 0:
            about = f" about {field}" if field else ""
            yield f"  and {more:,} more {code} {alike[0].slug}{about}"


def _field(text: str) -> str:
    """The field a text begins with, whatever its place in a list: services[3].cpe -> services.cpe."""
    found = _FIELD.match(text)
    return re.sub(r"\[\d+\]", "", found[0]) if found else ""


def to_json(problems: Iterable[Problem]) -> dict[str, Any]:
    """The problems as JSON (`schema/problems.schema.json`). `file` is "" and `line` 0 where there is none."""
    found = in_order(list(problems))
    counts = Counter(p.severity for p in found)
    return {
        "version": 1,
        "problems": [plan_json.problem(problem) for problem in found],
        "summary": {"errors": counts["error"], "warnings": counts["warning"]},
    }


def to_codequality(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """GitLab's code quality report. A fingerprint stays the same when lines move, so that GitLab tells old from new;
    the second problem of the same words in a file has its own."""
    seen: Counter[str] = Counter()
    return [_issue(problem, seen) for problem in in_order(list(problems))]


def _issue(problem: Problem, seen: Counter[str]) -> dict[str, Any]:
    path = problem.where.file if problem.where else "."
    said = "\0".join([problem.code, path, _LINES.sub("", problem.text)])
    seen[said] += 1
    advice = f". {problem.advice}" if problem.advice else ""
    return {
        "description": clean(f"{problem.code} {problem.slug}: {problem.text}{advice}"),
        "check_name": f"{problem.code} {problem.slug}",
        "fingerprint": sha256(f"{said}\0{seen[said]}".encode()).hexdigest(),
        "severity": _SEVERITY[problem.severity],
        "location": {"path": path, "lines": {"begin": max(1, problem.where.line if problem.where else 1)}},
    }
