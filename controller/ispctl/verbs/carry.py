"""Carrying out a verb: fetch, edit, validate, plan, ask, commit, publish. On a race with somebody else's push all of it
is done again on the new head; the text of files is never merged."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Final, Generic, Literal, TypeVar

from ispctl.digests import sha256
from ispctl.index import Lookup
from ispctl.model.ledger import ADDED, companion
from ispctl.model.problem import Refusal, Where
from ispctl.repo import Repository, Snapshot, room
from ispctl.repo.remote import Push, Remote
from ispctl.repo.scratch import Author, Scratch
from ispctl.structs import Struct, replace
from ispctl.verbs.draft import Already, Asked, Draft, Event, Told, Used, Whole

TRIES: Final = 3
_NOT_TAKEN: Final = ("E680", "E682")
"""After any other refusal of a push nobody knows whether others have the commit."""
Plan = TypeVar("Plan")
Verb = Callable[[Draft], None]
Status = Literal["committed", "proposed", "already", "unchanged", "tried"]


class Desk(Struct, Generic[Plan]):
    """Where verbs are carried out. `plan` makes the plan between two commits, and raises Refusal for errors; `agree`
    shows it to whoever asked, and says whether to go on."""

    repository: Repository
    lookup: Lookup
    remote: Remote
    scratch: Scratch
    plan: Callable[[str, str], Plan]
    agree: Callable[[Draft, Plan], bool]
    permit: Callable[[str, str], None]
    """Whether the second of these commits may be pushed onto the first without a second person. Raises Refusal."""
    told: Told
    used: Used
    promise: Callable[[str], None] = lambda _: None
    """What is to be written down beside git before others have a commit of the branch itself. Raises Refusal."""
    take_back: Callable[[str], None] = lambda _: None
    """That commit was not taken."""


class Named(Struct):
    """Whom a verb will look for: logins and ids, and the idempotency keys under which somebody may have been added."""

    words: Collection[str]
    newcomers: Collection[str] = ()


class Way(Struct):
    """How a commit is published: on the branch that everybody works on, or on one of its own that is proposed.
    `trying`: not at all."""

    direct: bool = False
    branch: str = ""
    """Of its own; default: named by what it does."""
    trying: bool = False
    author: Author | None = None


class Carried(Struct, Generic[Plan]):
    """What became of a verb. `commit` is empty where nothing had to change; `where`: the entry that was there already,
    with the commit that brought it."""

    status: Status
    base: str
    commit: str = ""
    branch: str = ""
    events: Sequence[Event] = ()
    notes: Sequence[str] = ()
    plan: Plan | None = None
    where: Where | None = None
    said: str = ""
    """What the other side said."""
    followed: bool = True
    """Whether the files that are checked out here are at it, or none are."""
    files: Collection[str] = ()


class Declined(Exception):
    """Whoever was asked said no."""


def carry(desk: Desk[Plan], named: Named, verb: Verb, asked: Asked, way: Way) -> Carried[Plan]:
    """Raises Refusal, Declined."""
    for attempt in range(1, TRIES + 1):
        base = desk.remote.fetch()
        draft = _draft(desk, base, named, asked)
        try:
            verb(draft)
        except Already as already:
            return _known(desk, base, already.where)
        if not draft.files:
            return Carried("unchanged", base, events=draft.events, notes=draft.notes)
        commit = _commit(desk, base, draft, way)
        plan = desk.plan(base, commit)
        branch = desk.remote.branch if way.direct else way.branch or _branch(draft)
        done = Carried("tried", base, commit, branch, draft.events, draft.notes, plan, files=sorted(draft.files))
        if way.trying:
            desk.agree(draft, plan)
            return done
        if not desk.agree(draft, plan):
            raise Declined
        push = Push(branch, base) if way.direct else Push(branch, options=tuple(_options(desk.remote.branch, draft)))
        try:
            said = _published(desk, commit, push, way)
        except Refusal as refusal:
            code = refusal.problems[0].code
            if code == "E680" and attempt < TRIES:
                continue
            if code == "E681" and asked.key and not way.branch:  # the branch is named by the key
                return replace(done, status="already", commit="")
            raise
        if not way.direct:
            return replace(done, status="proposed", said=said)
        followed = desk.remote.follow(commit, base)
        return replace(done, status="committed", said=said, followed=followed)
    raise AssertionError


def _commit(desk: Desk[Plan], base: str, draft: Draft, way: Way) -> str:
    """Raises Refusal where it may not go where it is to go."""
    commit = desk.scratch.commit(base, draft.files, draft.message(), way.author)
    if way.direct:
        desk.permit(base, commit)
    return commit


def _published(desk: Desk[Plan], commit: str, push: Push, way: Way) -> str:
    """What the other side said. Raises Refusal."""
    if way.direct:
        desk.promise(commit)
    try:
        return desk.scratch.publish(commit, desk.remote, push)
    except Refusal as refusal:
        if way.direct and refusal.problems[0].code in _NOT_TAKEN:
            desk.take_back(commit)
        raise


def _draft(desk: Desk[Plan], base: str, names: Named, asked: Asked) -> Draft:
    part, added = desk.lookup.part(base, names.words), desk.lookup.added(base, names.newcomers)
    _whole(part)
    git = desk.repository.git
    named = {holding.document.path for word in names.words for holding in part.find(word)}
    concerned = list(git.entries(base, named | set(map(companion, named))))
    contents = dict(zip((one.path for one in concerned), git.blobs(one.blob for one in concerned), strict=True))

    def read(path: str) -> bytes:
        if path not in contents:
            contents.update((entry.path, git.blob(entry.blob)) for entry in git.entries(base, [path]))
        return contents[path]

    whole = Whole(
        lambda: desk.repository.paths(base),
        lambda: room.held(desk.lookup.prefixes(base), asked.now),
        lambda since: desk.repository.freed(since, asked.now, part, desk.lookup.prefixes(base)),
    )
    return Draft(part, asked, read, whole, desk.told, desk.used, added)


def _whole(part: Snapshot) -> None:
    """A file that cannot be read cannot be changed either, and might be that of whoever is meant."""
    if part.broken:
        wrong = [problem for problem in part.problems if problem.where and problem.where.file in part.broken]
        raise Refusal(*(wrong or part.problems))


def _known(desk: Desk[Plan], base: str, where: Where) -> Carried[Plan]:
    brought = desk.repository.git.blame(base, where.file, [where.line]) if where.line else {}
    commit = brought[where.line].id if where.line in brought else ""
    return Carried("already", base, commit, where=where)


def _branch(draft: Draft) -> str:
    """The same event asked for again means the same branch."""
    owners = sorted({event.owner for event in draft.events})
    verb = draft.events[0].verb
    name = re.sub(r"[^a-z0-9-]+", "-", owners[0].casefold()) if len(owners) == 1 else f"{len(owners)}-services"
    if draft.asked.key and verb == ADDED:
        name = "newcomer"  # the number may be another by then
    token = draft.asked.key or f"{draft.asked.now.isoformat()} {owners}"
    return f"ispctl/{verb}-{name}-{sha256(token.encode()).hexdigest()[:8]}"


def _options(target: str, draft: Draft) -> Sequence[str]:
    """What GitLab is told (push options): to open a merge request, where to, and what it is called."""
    title = draft.message().splitlines()[0]
    return [
        "merge_request.create",
        f"merge_request.target={target}",
        f"merge_request.title={title}",
        "merge_request.remove_source_branch",
    ]
