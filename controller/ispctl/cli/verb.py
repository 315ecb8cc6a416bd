"""What all verbs of the subscriber's life share on the command line: their options, the plan, the question, the
answer."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol

import typer

from ispctl.cli.common import FormatOption, Session, say, say_json, tell
from ispctl.model.problem import Stopped
from ispctl.structs import Struct

if TYPE_CHECKING:
    from ispctl.cli.plans import Planned
    from ispctl.repo.scratch import Author
    from ispctl.verbs.carry import Carried, Verb
    from ispctl.verbs.draft import Draft

VERSION: Final = 1
_LONGEST: Final = 200


class Wanted(Struct):
    """The options that every verb takes."""

    session: Session
    reason: str
    ticket: str
    key: str
    direct: bool
    branch: str
    into: str
    author: str
    dry_run: bool
    yes: bool
    format: str


_SHARED: Final[tuple[tuple[str, Any, Any], ...]] = (
    ("reason", Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; stands in the commit.")], ""),
    ("ticket", Annotated[str, typer.Option("--ticket", metavar="ID", help="The ticket that asked for it.")], ""),
    (
        "key",
        Annotated[str, typer.Option("--key", metavar="KEY", help="Idempotency key: the same key is done once.")],
        "",
    ),
    (
        "direct",
        Annotated[bool, typer.Option("--direct", help="Push to the branch itself instead of a merge request.")],
        False,
    ),
    (
        "branch",
        Annotated[str, typer.Option("--branch", metavar="NAME", help="Of the merge request; default: made up.")],
        "",
    ),
    (
        "into",
        Annotated[str, typer.Option("--into", metavar="NAME", help="Branch to change; default: the remote's own.")],
        "",
    ),
    (
        "author",
        Annotated[str, typer.Option("--author", metavar="'NAME <MAIL>'", help="On whose behalf it is done.")],
        "",
    ),
    ("dry_run", Annotated[bool, typer.Option("--dry-run", help="Only show what it would do.")], False),
    ("yes", Annotated[bool, typer.Option("--yes", "-y", help="Do not ask on a terminal.")], False),
    ("format", FormatOption, "text"),
)


def verb(function: Callable[..., None]) -> Callable[..., None]:
    """A command with the options of all verbs besides its own. The function is given them as `wanted`, its first
    argument, in place of the context."""
    own = [p for p in inspect.signature(function, eval_str=True).parameters.values() if p.name != "wanted"]

    @wraps(function)
    def command(context: typer.Context, **values: Any) -> None:
        shared = {name: values.pop(name) for name, _, _ in _SHARED}
        lines = {name: _line(shared[name], f"--{name}") for name in ("reason", "ticket", "key")}
        function(Wanted(context.obj, **{**shared, **lines}), **values)

    kind = inspect.Parameter.KEYWORD_ONLY
    first = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    more = [inspect.Parameter(name, kind, default=default, annotation=hint) for name, hint, default in _SHARED]
    parameters = [first, *(p.replace(kind=kind) for p in own), *more]
    vars(command).update(__signature__=inspect.Signature(parameters))
    vars(command).pop("__wrapped__")  # the parser would look at the parameters of that one
    command.__annotations__.update({p.name: p.annotation for p in parameters})
    return command


def _line(text: str, option: str) -> str:
    """One line, as a trailer of a commit needs it."""
    found = " ".join(text.split())
    if len(found) > _LONGEST or not found.isprintable():
        raise typer.BadParameter(f"at most {_LONGEST} characters of one line", param_hint=option)
    return found


def carry_out(wanted: Wanted, words: Collection[str], act: Verb) -> None:
    """Carry a verb out and print what became of it. Raises Refusal, Stopped, typer.Exit."""
    answer(wanted, carried(wanted, words, act))


class Promises(Protocol):
    """What is done after a commit, and must not be lost where nobody comes to do it."""

    def promise(self, commit: str) -> None:
        """Write down that it is to be done, before others have the commit. Raises Refusal."""

    def take_back(self, commit: str) -> None:
        """The commit was not taken."""


def carried(
    wanted: Wanted,
    words: Collection[str],
    act: Verb,
    promises: Promises | None = None,
    newcomers: Collection[str] = (),
) -> Carried[Planned]:
    """Carry a verb out, with its plan and the question on the way. `words`: the logins and ids that it will look for;
    `newcomers`: the idempotency keys with which it adds somebody; `promises`: what is to be done once it is pushed.
    Raises Refusal, Stopped."""
    from ispctl.cli import plans
    from ispctl.cli.facts import first_login, used
    from ispctl.cli.progress import Progress
    from ispctl.repo.remote import Remote
    from ispctl.repo.scratch import Scratch
    from ispctl.roles import check_direct
    from ispctl.verbs.carry import Declined, Desk, Named, Way, carry
    from ispctl.verbs.draft import Asked

    session = wanted.session
    asked = Asked(session.now, wanted.reason, wanted.ticket, wanted.key)
    way = Way(wanted.direct, wanted.branch, wanted.dry_run, _author(wanted.author))
    with session.repository() as repository, Scratch(repository.git, session.env) as scratch, Progress() as progress:
        remote = Remote(session.repo, wanted.into or Remote(session.repo, "", session.env).head(), session.env)
        desk = Desk(
            repository,
            session.index(repository, progress).lookup,
            remote,
            scratch,
            lambda base, commit: plans.proposed(session, repository, base, commit, session.now, each=True),
            lambda draft, plan: _agreed(wanted, draft, plan),
            lambda base, commit: check_direct(repository, base, commit, session.env.get("GITLAB_USER_LOGIN", "")),
            first_login(session),
            used(session),
            *((promises.promise, promises.take_back) if promises else ()),
        )
        try:
            return carry(desk, Named(words, newcomers), act, asked, way)
        except Declined:
            raise Stopped("Nothing was changed.") from None


def _author(text: str) -> Author | None:
    from email.utils import parseaddr

    from ispctl.repo.scratch import Author

    if not text:
        return None
    name, mail = parseaddr(text)
    if not name or "@" not in mail:
        raise typer.BadParameter("expected a name and an address, like 'Asha Gurung <asha@example.net>'")
    return Author(name, mail)


def _agreed(wanted: Wanted, draft: Draft, planned: Planned) -> bool:
    """Show what it would do, and ask on a terminal."""
    if wanted.format == "text":
        from ispctl.cli.answers import plan_text

        say("\n".join(_sentences(draft.events, draft.notes)))
        say(plan_text(planned, None))
    if wanted.dry_run or wanted.yes or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return True
    where = "Commit it to the branch itself?" if wanted.direct else "Propose it?"
    return typer.confirm(where, default=False, err=True)


def _sentences(events: Any, notes: Any) -> list[str]:
    return [*(f"{event.verb} {event.owner}: {event.text}" for event in events), *notes]


def answer(wanted: Wanted, done: Carried[Planned]) -> None:
    """Print what became of a verb."""
    if wanted.format == "json":
        say_json(document(done))
    else:
        close(done)


def close(done: Carried[Planned]) -> None:
    """The last lines of an answer: where the commit is, and what to type next."""
    if done.said:
        tell(done.said)
    if done.status == "already":
        by = f" by {done.commit[:12]}" if done.commit else f" on {done.branch}" if done.branch else ""
        say(f"Already done{by}; nothing changed.")
    elif done.status == "unchanged":
        say("\n".join([*_sentences((), done.notes), "It is so already; nothing changed."]))
    elif done.status == "tried":
        say("Nothing was written (--dry-run).")
    elif done.status == "committed":
        behind = "" if done.followed else " Your own files are not at it yet: git pull"
        say(f"Committed {done.commit[:12]} to {done.branch}.{behind}\n\nNext: ispctl apply --commit {done.commit[:12]}")
    else:
        say(f"Proposed {done.commit[:12]} on {done.branch}. Merge it, and the pipeline applies it.")


def document(done: Carried[Planned]) -> dict[str, Any]:
    """The answer as JSON; `plan` is that of `ispctl plan --format json`."""
    import json

    from ispctl.cli.answers import zone_of
    from ispctl.report.plan_json import pieces

    plan = None
    if done.plan is not None:
        plan = json.loads("".join(pieces(done.plan.plan, zone_of(done.plan.snapshot))))
    return {
        "version": VERSION,
        "status": done.status,
        "base": done.base,
        "commit": done.commit or None,
        "branch": done.branch or None,
        "where": str(done.where) if done.where else None,
        "events": [
            {"verb": event.verb, "id": event.id, "key": event.key or None, "text": event.text} for event in done.events
        ],
        "notes": list(done.notes),
        "files": list(done.files),
        "plan": plan,
        "said": done.said or None,
    }
