"""Whether this machine can tell who made a commit, where somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterator

from ispctl.model.problem import Refusal
from ispctl.model.roles import Roles, is_ssh
from ispctl.repo import Repository, Snapshot
from ispctl.status.check import Check


def checks(repository: Repository, snapshot: Snapshot, *, asks: bool) -> Iterator[Check]:
    """Nothing where there are no roles. `asks`: whether the forge may be asked who approved."""
    document = snapshot.file("roles")
    if document is None:
        return
    roles: Roles = document.value
    keys = [key for person in roles.people.values() for key in person.keys]
    said = f"{len(roles.people)} people, {len(roles.roles)} roles; who made a commit is told by its {roles.trust}"
    if roles.trust == "signatures":
        try:
            repository.git.history.program("ssh")
            if not all(map(is_ssh, keys)):
                repository.git.history.program("openpgp")
        except Refusal as refusal:
            problem = refusal.problems[0]
            yield Check("roles", "bad", f"{problem.code} {problem.text}", problem.advice)
            return
    forge = "GitLab is asked who approved" if asks else "nobody is asked who approved"
    yield Check("roles", "ok", f"{said}; {forge}")
