"""Values -> what is printed. Text and notes are made from the JSON of the plan, so that the two cannot disagree."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ispctl.model.problem import Problem, Refusal
from ispctl.report.plan_json import Saved, document, dumps, read_saved, stamp

if TYPE_CHECKING:
    from ispctl.cli.drift import HandEdits
    from ispctl.cli.plans import Planned
    from ispctl.plan import Plan
    from ispctl.reconcile import Drift, Result
    from ispctl.repo import Snapshot

WIDEST = 110


def plan_answer(planned: Planned, format: str, next_command: str = "") -> str:
    """A plan as text, JSON or a note for a merge request; what to type next, where it is not the usual."""
    plan, zone = planned.plan, zone_of(planned.snapshot)
    said = document(plan, zone)
    if format == "json":
        return dumps(said)
    moment = stamp(plan.until, zone) if plan.until else None
    if format == "markdown":
        from ispctl.report import plan_markdown

        return plan_markdown.render(said, closed=planned.closed, held=planned.held, until=moment)
    from ispctl.report import plan_text

    text = plan_text.render(
        said, closed=planned.closed, held=planned.held, until=moment, width=width(), next_command=next_command
    )
    return coloured(text)


def save(planned: Planned, format: str, out: Path, option: str = "--out") -> None:
    """Write a plan to a file: the note (markdown), GitLab's counts (terraform), else the JSON, which `apply --plan`
    takes. A plan holds personal data, so only its owner may read the file. `option` named it. Raises Refusal."""
    kind = "markdown" if format == "markdown" else "json"
    text = _counts(planned) if format == "terraform" else plan_answer(planned, kind)
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        text = f"{out} cannot be written ({error.strerror})"
        raise Refusal(Problem("E613", text, advice=f"Name another file with {option}")) from None


def _counts(planned: Planned) -> str:
    """The rows of a plan in the three numbers that GitLab shows on a merge request (its report type terraform)."""
    summary = planned.plan.summary
    return dumps({action: summary[action] for action in ("create", "update", "delete")})


def saved_plan(path: Path) -> Saved:
    """A plan that `plan --live --out` wrote, sessions apart: who is online changes by the minute. Raises Refusal."""
    try:
        saved = read_saved(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        text = f"{path} cannot be read ({type(error).__name__})"
        raise Refusal(Problem("E610", text, advice="Make one: ispctl plan --live --out FILE")) from None
    rows = {id: one for id, one in saved.changes.items() if not one.key.startswith("session/")}
    return replace(saved, changes=rows)


def differences(saved: Saved) -> Callable[[Plan], Sequence[str]]:
    """How a plan of now differs from a saved one, a sentence each."""

    def of(plan: Plan) -> Sequence[str]:
        return saved.differences(replace(plan, changes=tuple(c for c in plan.changes if c.key[0] != "session")))

    return of


def apply_answer(result: Result, snapshot: Snapshot, format: str) -> str:
    """What an apply did."""
    from ispctl.report import outcome

    if format == "json":
        return dumps(outcome.document(result, zone_of(snapshot)))
    return coloured(outcome.text(result, zone_of(snapshot), width=width()))


def drift_answer(found: Drift, snapshot: Snapshot, format: str) -> str:
    """What somebody changed by hand, and what was put right."""
    from ispctl.report import outcome

    said = outcome.drift_document(found, zone_of(snapshot))
    return dumps(said) if format == "json" else coloured(outcome.drift_text(said, width=width()))


def hand_edits_answer(edits: HandEdits, format: str) -> str:
    """What was done by hand and is now said in YAML."""
    from ispctl.report import handed

    if format == "json":
        return dumps(edits.document)
    return handed.text(edits.document, edits.before, edits.after)


def zone_of(snapshot: Snapshot) -> ZoneInfo:
    """The ISP's time zone."""
    return ZoneInfo(snapshot.policy.value.timezone)


def width() -> int:
    """Columns of the terminal, at most so many that a line is still read in one glance."""
    return min(shutil.get_terminal_size((100, 24)).columns, WIDEST)


def coloured(text: str) -> str:
    """With colours on a terminal that wants them."""
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return text
    from ispctl.report.terminal import show

    stream = io.StringIO()
    show(text, stream, color=True)
    return stream.getvalue()
