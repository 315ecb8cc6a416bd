"""Who made a commit, and who had it in hand besides: as persons of inventory/roles.yaml."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from ispctl.model.roles import Kind, Roles, is_ssh
from ispctl.repo.git import Git
from ispctl.repo.git_history import Signature


class Review(NamedTuple):
    """A merge request by which a commit came, in the words of the forge: its author, and who approved it."""

    author: str
    approvers: frozenset[str]


Reviews = Callable[[str], Sequence[Review]]
"""The merge requests of a commit (id). Raises Refusal E764 where that cannot be told."""


class Maker(NamedTuple):
    """Of one commit. `acting`: whoever committed or signed it, if that is known. `claimed`: the person who is named as
    its author, who may be somebody else. `bad`: that its signature is not its own."""

    acting: str | None
    claimed: str | None
    bad: bool = False


class Hands:
    """Persons by the commits that they made, under roles that hold for all of them."""

    def __init__(self, git: Git, roles: Roles, commits: Collection[str], user: str = "") -> None:
        """`user`: of GitLab, on whose behalf it is done, where that is known beside what the commits say."""
        self.roles, self._user = roles, user
        self._named = {commit: git.hands(commit) for commit in commits}
        self._signatures: Mapping[str, Signature] = {}
        if roles.trust == "signatures":
            keys = {key: name for name, person in roles.people.items() for key in person.keys}
            ssh = {key: name for key, name in keys.items() if is_ssh(key)}
            signed = [commit for commit, hands in self._named.items() if hands.signed]
            self._signatures = git.history.signatures(signed, ssh, openpgp=len(ssh) < len(keys))

    def maker(self, commit: str) -> Maker:
        """Who made a commit."""
        named = self._named[commit]
        claimed = self.roles.by_email(named.author)
        if self.roles.trust == "names":
            return Maker(self.roles.by_email(named.committer), claimed)
        signature = self._signatures.get(commit, Signature("unknown"))
        return Maker(self.roles.by_key(signature.fingerprints), claimed, signature.verdict == "bad")

    def alone(self, commit: str, kind: Kind) -> bool:
        """Whether those who made a commit might each have made this kind of change without anybody else."""
        roles, maker = self.roles, self.maker(commit)
        behalf: list[str | None] = [maker.claimed] if maker.claimed else []
        behalf += [roles.by_user(self._user)] if self._user else []
        return not roles.takes_two(kind) and all(roles.may(person, kind) for person in (maker.acting, *behalf))

    def approved(self, commit: str, merges: Sequence[str], kind: Kind) -> bool:
        """Whether a second person who may approve it had it in hand, by git alone: who committed what another one
        wrote, or merged it. Who is not known is no first person either: it might be the second."""
        maker = self.maker(commit)
        others = {self.maker(merge).acting for merge in merges}
        first = maker.acting
        if self.roles.trust == "names" and maker.claimed:
            first = maker.claimed
            others.add(maker.acting)
        others -= {first, maker.claimed, None}
        return first is not None and self._any(others, kind)

    def reviewed(self, commit: str, reviews: Sequence[Review], kind: Kind) -> bool:
        """Whether one of these merge requests was approved by a second person who may."""
        maker = self.maker(commit)
        for review in reviews:
            makers = {maker.acting, maker.claimed, self.roles.by_user(review.author)}
            approvers = review.approvers - {review.author}
            if self._any({self.roles.by_user(user) for user in approvers} - makers, kind):
                return True
        return False

    def _any(self, persons: Collection[str | None], kind: Kind) -> bool:
        return any(person is not None and self.roles.may_approve(person, kind) for person in persons)
