"""The judgement of all that lies between two commits, by the roles that held at each of its steps.

Roles are those of what is applied, and from a step on that changed them, and was permitted to, those of that step: so
nobody grants himself anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from ispctl.model.problem import Problem, Refusal, Where
from ispctl.model.roles import ROLES, Kind, Roles
from ispctl.repo import Repository
from ispctl.repo.git import Git
from ispctl.repo.layout import LARGE, decode, kind_of
from ispctl.repo.layout import Kind as FileKind
from ispctl.roles.hands import Hands, Review, Reviews
from ispctl.roles.kinds import Side, kinds, possible
from ispctl.roles.steps import Edit, Steps, moves
from ispctl.structs import Struct


class Finding(NamedTuple):
    """One kind of change of one commit that is not permitted: where it stands first, and in how many places beside it.
    `maker`: whoever made it, if that is known. `silent`: what kept us from learning who approved it."""

    commit: str
    kind: Kind
    where: Where
    more: int
    roles: Roles
    maker: str | None
    silent: Problem | None = None

    @property
    def known(self) -> bool:
        return self.maker is not None


def refused(
    repository: Repository, base: str, head: str, reviews: Reviews | None = None, allowed: Collection[str] = ()
) -> list[Problem]:
    """What of the changes from one commit to another, in whose history it is, was not permitted. `allowed`: commits of
    which it is not asked. Costs what lies between; nothing where neither has roles. Raises Refusal E763, E765."""
    git = repository.git
    but = {git.resolve(rev) for rev in allowed}
    found = _judged(git, git.resolve(base), git.resolve(head), reviews, but)
    return list(dict.fromkeys(one if isinstance(one, Problem) else _after(one) for one in found))


def check_direct(repository: Repository, base: str, commit: str, user: str = "") -> None:
    """Whether a commit may be pushed by whoever made it alone. `user`: in GitLab, who asked for it, where somebody did
    by a pipeline. Raises Refusal E760, E761, E762, E763, E765."""
    found = [
        one if isinstance(one, Problem) else _before(one) for one in _judged(repository.git, base, commit, user=user)
    ]
    if found:
        raise Refusal(*found)


def _judged(
    git: Git,
    base: str,
    head: str,
    reviews: Reviews | None = None,
    allowed: Collection[str] = (),
    user: str = "",
) -> Iterator[Finding | Problem]:
    told = dict.fromkeys((base, head), "") | {
        commit: entry.blob for commit in (base, head) for entry in git.entries(commit, [ROLES])
    }
    if not any(told.values()):
        return
    roles = _roles(git, told[base])
    if told[base] and roles is None:
        text = f"{ROLES} of {base[:12]}, which is applied, cannot be read by this version"
        raise Refusal(Problem("E765", text, Where(ROLES), "Use the version of ispctl that read it before"))
    court: _Court | None = None
    steps = list(Steps(git, base, head))
    commits = {one for step in steps for edit in (*step.edits, *step.roles) for one in (edit.commit, *edit.merges)}
    asked = _Asked(reviews)
    for step in steps:
        if roles is not None and (court is None or court.hands.roles is not roles):
            court = _Court(git, Hands(git, roles, commits, user), asked, allowed)
        if roles is not None and court is not None:
            yield from court.judged(step.edits)
        if step.roles:
            about = list(court.judged(step.roles)) if roles is not None and court is not None else []
            if step.counts:
                yield from about
            if not about:
                now = step.roles[-1].file.new
                roles = _roles(git, now) or (roles if now else None)


def _roles(git: Git, blob: str) -> Roles | None:
    """What a version of the file says; None where there is none, or it cannot be read."""
    kind = kind_of(ROLES)
    if not blob or not isinstance(kind, FileKind):
        return None
    document, _ = decode(ROLES, git.blob(blob, LARGE), kind)
    return document.value if document is not None else None


class _Asked:
    """The forge, asked once for each commit, and not again once it gave no answer."""

    def __init__(self, reviews: Reviews | None) -> None:
        self._reviews = reviews
        self._known: dict[str, Sequence[Review]] = {}
        self.silent: Problem | None = None

    def of(self, commits: Sequence[str]) -> Sequence[Review]:
        if self._reviews is None or self.silent is not None:
            return ()
        try:
            for commit in commits:
                if commit not in self._known:
                    self._known[commit] = self._reviews(commit)
        except Refusal as refusal:
            self.silent = refusal.problems[0]
            return ()
        return [review for commit in commits for review in self._known[commit]]


class _Court(Struct):
    git: Git
    hands: Hands
    asked: _Asked
    allowed: Collection[str]

    def judged(self, edits: Sequence[Edit]) -> Iterator[Finding | Problem]:
        for (commit, merges), mine in groupby(edits, lambda edit: (edit.commit, edit.merges)):
            if commit not in self.allowed:
                yield from self._commit(commit, merges, list(mine))

    def _commit(self, commit: str, merges: tuple[str, ...], edits: Sequence[Edit]) -> Iterator[Finding | Problem]:
        bad = [one for one in (commit, *merges) if one not in self.allowed and self.hands.maker(one).bad]
        if bad:
            yield _forged(bad[0], Where(edits[0].file.path))
            return
        hands, verdicts = self.hands, dict[Kind, bool]()

        def permitted(kind: Kind) -> bool:
            if kind not in verdicts:
                verdicts[kind] = hands.alone(commit, kind) or hands.approved(commit, merges, kind)
            return verdicts[kind]

        found: dict[Kind, list[Where]] = {}
        for before, after in _pairs(edits):
            paths = [edit.file.path for edit in (before, after) if edit is not None]
            if all(map(permitted, {kind for path in paths for kind in possible(path)})):
                continue  # what could be nothing else is not read
            for done in kinds(self._side(before, "old"), self._side(after, "new")):
                if not permitted(done.kind):
                    found.setdefault(done.kind, []).append(done.where)
        reviews = self.asked.of((commit, *merges)) if found else ()
        for kind, places in found.items():
            if not hands.reviewed(commit, reviews, kind):
                maker = hands.maker(commit).acting
                yield Finding(commit, kind, places[0], len(places) - 1, hands.roles, maker, self.asked.silent)

    def _side(self, edit: Edit | None, side: str) -> Side | None:
        if edit is None:
            return None
        blob = edit.file.old if side == "old" else edit.file.new
        try:
            return Side(edit.file.path, self.git.blob(blob, LARGE))
        except Refusal:  # too large, or no file at all: of no kind that has a name
            return Side(edit.file.path, None)


def _pairs(edits: Sequence[Edit]) -> Iterator[tuple[Edit | None, Edit | None]]:
    """Both sides of each file: of one that moved, with its subscriber, under both its names."""
    gone = {edit.file.path: edit for edit in edits if edit.file.status == "D"}
    names = {path.rpartition("/")[2]: path for path in gone if moves(path)}
    for edit in edits:
        path = edit.file.path
        if edit.file.status == "M":
            yield edit, edit
        elif edit.file.status == "A":
            old = names.pop(path.rpartition("/")[2], None) if moves(path) else None
            yield gone.pop(old) if old is not None else None, edit
    yield from ((edit, None) for edit in gone.values())


def _forged(commit: str, where: Where) -> Problem:
    text = f"the signature of commit {commit[:12]} is not its own: somebody altered the commit, or forged it"
    return Problem("E762", text, where, f"git verify-commit {commit[:12]} says more; take it off the branch")


def _after(one: Finding) -> Problem:
    """What an apply says."""
    if one.silent is not None:
        text = (
            f"whether a second person approved commit {one.commit[:12]} ({_what(one)}) is not known: {one.silent.text}"
        )
        return Problem("E764", text, one.where, one.silent.advice)
    way = f"Take it back: git revert {one.commit[:12]}. To apply it all the same: --allow-commit {one.commit[:12]}"
    return _problem(one, f"commit {one.commit[:12]} changes this", f"{_whom(one)}. {way}")


def _before(one: Finding) -> Problem:
    """What a verb says before it pushes."""
    return _problem(one, "this would change", f"Without --direct it is proposed. {_whom(one)}")


def _problem(one: Finding, begin: str, advice: str) -> Problem:
    if one.roles.takes_two(one.kind):
        return Problem("E761", f"{begin} ({_what(one)}), which takes two persons", one.where, advice)
    who = "whoever made it" if one.known else f"somebody whom {ROLES} does not name"
    if not one.known and one.roles.trust == "signatures":
        who = "somebody without a signature that counts"
    return Problem("E760", f"{begin} ({_what(one)}), which {who} may not do alone", one.where, advice)


def _what(one: Finding) -> str:
    more = f", and in {one.more:,} more places" if one.more else ""
    return f"{one.kind}{more}"


def _whom(one: Finding) -> str:
    """Whose role it takes."""
    alone = () if one.roles.takes_two(one.kind) else one.roles.with_direct(one.kind)
    approve = one.roles.with_approve(one.kind)
    said = [f"{', '.join(alone)} may do it alone"] if alone else []
    if not alone and {name for role in approve for name in one.roles.roles[role].members} == {one.maker}:
        return "By role nobody but whoever made it may approve it: let somebody else make it, and approve that"
    said += [f"{', '.join(approve)} may approve it"] if approve else []
    return f"By role: {'; '.join(said)}" if said else "No role may do or approve it"
