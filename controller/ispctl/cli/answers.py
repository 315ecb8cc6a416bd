"""Values -> what is printed. A plan is printed in pieces or from its gist, since it may be about a million people."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ispctl.cli.common import tell
from ispctl.cli.progress import Progress
from ispctl.model.problem import Problem, Refusal
from ispctl.report.plan_json import dumps, pieces, stamp

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ispctl.cli.drift import HandEdits
    from ispctl.cli.plans import Planned
    from ispctl.reconcile import Drift, Result
    from ispctl.repo import Snapshot
    from ispctl.report.gist import Gist
    from ispctl.report.saved import Saved

WIDEST = 110


def say_plan(planned: Planned, format: str, next_command: str = "") -> None:
    """A plan on stdout as text, JSON or a note for a merge request; what to type next, where it is not the usual. Why
    an apply would be refused stands on stderr, last: that is what to look at next."""
    if format == "text":
        sys.stdout.write(plan_text(planned, next_command))
    else:
        with Progress() as progress:
            sys.stdout.writelines(_plan_pieces(planned, format, progress))
    sys.stdout.flush()
    for problem in planned.refused or ():
        tell(f"An apply would be refused: {problem}")


def plan_text(planned: Planned, next_command: str | None = "") -> str:
    """A plan as text; without a word on what to type next where that is None."""
    from ispctl.report import plan_text

    gist, until = _gist(planned)
    if planned.refused:
        next_command = next_command or None
    said = plan_text.render(
        gist, closed=planned.closed, until=until, width=width(), next_command=next_command, about=planned.about
    )
    return coloured(said)


def save(planned: Planned, format: str, out: Path, option: str = "--out") -> None:
    """Write a plan to a file: the note (markdown), GitLab's counts (terraform), else the JSON, which `apply --plan`
    takes. A plan holds personal data, so only its owner may read the file. `option` named it. Raises Refusal."""
    from ispctl.cli.out import write

    kind = format if format in ("markdown", "terraform") else "json"
    with Progress() as progress:
        write(out, _plan_pieces(planned, kind, progress), option)


def _plan_pieces(planned: Planned, format: str, progress: Progress) -> Iterable[str]:
    """A plan in pieces: a plan may be longer than what memory holds."""
    if format == "json":
        return pieces(planned.plan, zone_of(planned.snapshot), progress, planned.refused)
    if format == "terraform":
        return [_counts(planned)]
    from ispctl.report import plan_markdown

    gist, until = _gist(planned)
    refused = list(map(str, planned.refused or ()))
    return [plan_markdown.render(gist, closed=planned.closed, until=until, about=planned.about, refused=refused)]


def _gist(planned: Planned) -> tuple[Gist, str | None]:
    """What is printed of it, and the moment when the clock changes something next."""
    until = planned.plan.until
    return planned.gist, stamp(until, zone_of(planned.snapshot)) if until else None


def _counts(planned: Planned) -> str:
    """The rows of a plan in the three numbers that GitLab shows on a merge request (its report type terraform)."""
    summary = planned.plan.summary
    return dumps({action: summary[action] for action in ("create", "update", "delete")})


def saved_plan(path: Path) -> Saved:
    """A plan that `plan --live --out` wrote. Raises Refusal."""
    from ispctl.report.saved import read_saved

    try:
        with path.open(encoding="utf-8") as file:
            return read_saved(file)
    except (OSError, UnicodeDecodeError) as error:
        text = f"{path} cannot be read ({type(error).__name__})"
        raise Refusal(Problem("E610", text, advice="Make one: ispctl plan --live --out FILE")) from None


def apply_answer(result: Result, snapshot: Snapshot, format: str, verdict: str = "", again: str = "") -> str:
    """What an apply did. `verdict`, `again`: instead of the usual first line, and of what to type where it waits."""
    from ispctl.report import outcome

    if format == "json":
        return dumps(outcome.document(result, zone_of(snapshot)))
    return coloured(outcome.text(result, zone_of(snapshot), width=width(), verdict=verdict, again=again))


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
    from zoneinfo import ZoneInfo

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
