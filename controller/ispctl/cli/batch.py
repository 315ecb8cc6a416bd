"""`ispctl batch`: many requests at once, from a file or from a program that goes on sending them."""

from __future__ import annotations

import io
import json
import os
import select
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ispctl.cli.common import clock, say, say_json
from ispctl.cli.verb import Wanted, carried, close, document, verb
from ispctl.model.problem import Problem, Refusal
from ispctl.structs import replace

if TYPE_CHECKING:
    from ispctl.cli.plans import Planned
    from ispctl.verbs.batch import Batch, Result
    from ispctl.verbs.carry import Carried
    from ispctl.verbs.rows import Row

TOGETHER: Final = 1000
"""So many requests share a commit at most while they go on coming."""
LARGEST: Final = 64 * 1024 * 1024
"""Octets of a file of requests; a line of a stream may have 64 KiB."""
_LINE: Final = 64 * 1024
_SHOWN: Final = 20
_KEPT: Final = ("committed", "proposed")
"""How a verb ends whose commit is there for others."""


@verb
def batch(
    wanted: Wanted,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines or CSV; -: standard input.")] = Path("-"),
    name: Annotated[str, typer.Option("--verb", metavar="VERB", help="Of all rows; else each row says its own.")] = "",
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on reading JSON lines; what came meanwhile shares a commit.")
    ] = False,
) -> None:
    """Many requests, one commit, with a result for each: a row that cannot be done is left out and said, the others are
    done. Rows hold verb, sub, reason, ticket, key and what the verb takes. Exit code: 0 all well, 1 rows refused, or
    letters not sent."""
    if follow:
        if str(file) != "-":
            raise typer.BadParameter("--follow reads standard input", param_hint="--follow")
        if wanted.key:
            raise typer.BadParameter("with --follow each line says its own key", param_hint="--key")
        for rows in _coming():
            _stream(wanted, rows, name)
        return
    answer(wanted, *batched(wanted, table_of(wanted, file, name), name))


def table_of(wanted: Wanted, file: Path, name: str) -> list[Row]:
    """The requests of a file; where there are none, what it says of them is judged all the same. Raises Refusal
    E790, E791."""
    text = text_of(file)
    rows = list(rows_of(text))
    if not rows:
        _batch(wanted, rows, name).judge(_names_of(text))
    return rows


def answer(wanted: Wanted, done: Carried[Planned], found: Batch) -> None:
    """Print what became of each, and end with 1 where any was refused."""
    if wanted.format == "json":
        say_json({**document(done), "rows": [_line(one, done) for one in found.results.values()]})
    else:
        say("\n".join(_summary(found)))
        made = next((one.sealed for one in found.results.values() if one.sealed), "")
        if made and done.status in _KEPT:
            say(f"Passwords were made and sealed. Whoever has the key reads them: ispctl secrets show {made}")
        if found.forgotten and done.status == "unchanged":
            say("\n".join([*done.notes, *(["Nothing was written (--dry-run)."] if wanted.dry_run else [])]))
        else:
            close(done)
    raise typer.Exit(1 if any(one.problems for one in found.results.values()) else 0)


def batched(wanted: Wanted, rows: Sequence[Row], name: str) -> tuple[Carried[Planned], Batch]:
    """Carry many requests out as one, with the key that was asked with as one for each. Those that would break a rule
    are left out, and the rest is tried again. Raises Refusal, Stopped."""
    from ispctl.cli.facts import forget

    session = wanted.session
    found = _batch(wanted, [*_keyed(rows, wanted.key)] if wanted.key else rows, name)
    done = _carried(wanted, found)
    if done.status == "committed":
        found.send(done.commit)
    if found.forgotten and not wanted.dry_run:
        try:
            forget(session, found.forgotten)
        except Refusal as refusal:  # the commit is there for others all the same
            found.not_forgotten(refusal.problems)
    return done, found


def _batch(wanted: Wanted, rows: Sequence[Row], name: str) -> Batch:
    from ispctl.cli.facts import learned
    from ispctl.cli.passwords import seal
    from ispctl.cli.sending import password_letter
    from ispctl.secrets import new_password
    from ispctl.verbs.batch import Batch, World

    session = wanted.session
    world = World(
        lambda *place: seal(session, *place),
        learned(session),
        new_password,
        partial(password_letter, session),
        wanted.direct,
    )
    return Batch(rows, name, world)


def _carried(wanted: Wanted, found: Batch) -> Carried[Planned]:
    while True:
        try:
            return carried(wanted, found.words, found, found, found.newcomers)
        except Refusal as refusal:
            if not found.bar(refusal.problems):
                raise


def _keyed(rows: Sequence[Row], key: str) -> Iterator[Row]:
    """Each with a key of its own. Where several concern the same one they are counted: the second is not the first
    once more, and in the same file it is the second again."""
    met = Counter[str]()
    for row in rows:
        whom = row.text("sub", "") or row.text("id", "") or row.text("login", "")
        met[whom] += 1
        own = f"{key}:{whom}" if met[whom] == 1 else f"{key}:{whom}:{met[whom]}"
        yield row if row.text("key", "") else replace(row, values={**row.values, "key": own})


def _stream(wanted: Wanted, rows: Sequence[Row], name: str) -> None:
    """What came at one time; a line of JSON for each, as soon as its commit is there."""
    now = replace(wanted, session=replace(wanted.session, now=clock()), yes=True, format="json")
    try:
        done, found = batched(now, rows, name)
    except Refusal as refusal:
        problems = [str(problem) for problem in refusal.problems]
        lines: list[dict[str, Any]] = [{"row": row.number, "outcome": "refused", "problems": problems} for row in rows]
    else:
        lines = [{**_line(one, done), "commit": done.commit or None} for one in found.results.values()]
    say("\n".join(json.dumps(line, ensure_ascii=False) for line in lines))
    sys.stdout.flush()


def _line(one: Result, done: Carried[Planned]) -> dict[str, Any]:
    kept = one.sealed and done.status in _KEPT
    return {
        "row": one.row.number,
        "outcome": one.outcome,
        "owner": one.owner or None,
        "text": one.text,
        "key": one.row.values.get("key") or None,
        "read": f"ispctl secrets show {one.sealed}" if kept else None,
        "problems": [str(problem) for problem in one.problems],
    }


def _summary(found: Batch) -> Iterator[str]:
    """The rows of which something was refused, each with why; and how many went how."""
    results = list(found.results.values())
    refused = [one for one in results if one.problems]
    for one in refused[:_SHOWN]:
        yield from (f"line {one.row.number}: {problem!s}" for problem in one.problems)
    if len(refused) > _SHOWN:
        yield f"… and {len(refused) - _SHOWN:,} more lines; --format json names all"
    counts = {outcome: sum(one.outcome == outcome for one in results) for outcome in dict.fromkeys(_ORDER)}
    yield f"{len(results):,} rows: " + (", ".join(f"{n:,} {outcome}" for outcome, n in counts.items() if n) or "none")


_ORDER: Final = ("done", "already", "unchanged", "refused")


# reading


def text_of(file: Path) -> str:
    """A file of requests. Raises Refusal E791."""
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise _unreadable(file, "it is too large: split it")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise _unreadable(file, str(error.strerror)) from None
    except UnicodeDecodeError:
        raise _unreadable(file, "it is not UTF-8") from None


def _unreadable(file: Path, why: str) -> Refusal:
    advice = "CSV with a line of names first, or a JSON object on each line"
    return Refusal(Problem("E791", f"{file} cannot be read ({why})", advice=advice))


def rows_of(text: str) -> Iterator[Row]:
    """JSON lines if it begins like them, else CSV. Raises Refusal E791."""
    import csv

    from ispctl.verbs.rows import Row

    if text.lstrip().startswith("{"):
        for number, line in enumerate(text.split("\n"), 1):
            try:
                if line.strip():
                    yield Row(number, _object(line))
            except ValueError as error:
                raise Refusal(Problem("E791", f"line {number}: {error}")) from None
        return
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for values in reader:
            if None in values or None in values.values():
                raise Refusal(Problem("E791", f"line {reader.line_num}: it has not as many fields as the first line"))
            yield Row(reader.line_num, {name.strip(): value for name, value in values.items() if value.strip()})
    except csv.Error as error:
        raise Refusal(Problem("E791", f"line {reader.line_num}: {error}")) from None


def _names_of(text: str) -> list[str]:
    """What the first line of a table names; of JSON, nothing."""
    import csv

    first = next(csv.reader(io.StringIO(text, newline="")), ())
    return [] if text.lstrip().startswith("{") else [name.strip() for name in first if name.strip()]


def _object(line: str) -> Mapping[str, str]:
    """An object of texts and numbers. Raises ValueError."""
    try:
        found = json.loads(line, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, (str, type(None))) for value in found.values()):
        raise ValueError("it is no JSON object of texts and numbers")
    return {name: value for name, value in found.items() if value}


def _coming() -> Iterator[list[Row]]:
    """Rows as they come: whatever is there, together. A line that is none is said with the others."""
    from ispctl.verbs.rows import Row

    rest, number, open_ = b"", 0, True
    while open_ or rest:
        rows: list[Row] = []
        while open_ and len(rows) < TOGETHER and (not rows or select.select([0], [], [], 0.0)[0]):
            chunk = os.read(0, _LINE)
            open_ = bool(chunk)
            *lines, rest = (rest + chunk + (b"" if open_ or not rest else b"\n")).split(b"\n")
            for line in filter(bytes.strip, lines):
                number += 1
                try:
                    rows.append(Row(number, _object(line.decode("utf-8", "replace"))))
                except ValueError as error:
                    rows.append(Row(number, {}, Problem("E790", str(error))))
        if rows:
            yield rows
