"""What the verbs of `ispstat` share: the view of one call, and how an answer ends."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ispctl.cli.common import Session, say, tell
from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    from ispctl.status.present import Screen
    from ispctl.status.view import View

AtOption = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="As it was, or will be, then: a date, -2h, 'yesterday 21:03'."),
]
TableFormat = Annotated[Literal["text", "json", "csv"], typer.Option("--format", help="How the answer is written.")]


@contextmanager
def looking(context: typer.Context) -> Iterator[View]:
    """The view of a command; what went wrong on the way is told at the end, on stderr."""
    from ispctl.status.view import look

    session: Session = context.obj
    with (
        session.repository() as repository,
        session.reading(repository) as index,
        look(index, lambda head: session.store(head, readonly=True), session.now) as view,
    ):
        yield view
        for problem in dict.fromkeys(view.problems):
            tell(str(problem))


def at(view: View, text: str | None, *, unwritten: bool = False) -> View:
    """The view of another moment, if one is asked for; `unwritten`: of one before git begins, too. Raises Refusal."""
    if text is None:
        return view
    from ispctl.cli.times import at_time
    from ispctl.status.elsewhen import elsewhen

    return elsewhen(view, at_time(text, view.now, view.zone), unwritten=unwritten)


def said_then(view: View, then: View) -> dict[str, object]:
    """What an answer about another moment has beside the envelope."""
    from ispctl.status.values import plain

    return {"then": plain(then.then, view.zone)} if then.then else {}


def doubts(view: View, unknown: str, *, aloud: bool = True) -> None:
    """The line that says what the answer does not know; in JSON the sources say it."""
    from ispctl.status import present

    text = present.doubts(view, unknown)
    if text and aloud:
        say(text)


def screen(view: View) -> Screen:
    """Where a text goes: as wide as the terminal is, if it is one."""
    from ispctl.status.present import Screen

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return Screen(view.zone, view.now, width)


def days(flag: str, text: str | None) -> int | None:
    """ "3" or "3d"."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,5})d?", text, re.ASCII)
    if not found:
        raise Refusal(Problem("E625", f"{flag} takes a number of days", advice=f"Write it like {flag} 3d"))
    return int(found[1])
