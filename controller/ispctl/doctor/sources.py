"""Where the commits come from."""

from __future__ import annotations

from collections.abc import Sequence

from ispctl.model.problem import Problem, Refusal
from ispctl.repo import Repository
from ispctl.repo.remote import Remote
from ispctl.status.check import Check


def repository(repository: Repository, errors: Sequence[Problem]) -> Check:
    """The head, and whether it may be applied, given what forbids it."""
    kind = "bare" if repository.git.bare else "a work tree"
    said = f"{kind}, head {repository.resolve('HEAD')[:12]}"
    if errors:
        codes = ", ".join(sorted({problem.code for problem in errors}))
        return Check("repository", "bad", f"{said} has {len(errors)} errors ({codes})", "ispctl validate --commit HEAD")
    return Check("repository", "ok", f"{said}, valid")


def remote(remote: Remote) -> Check:
    """Whether the remote answers, and whether it has what is not here yet."""
    try:
        there = remote.there()
    except Refusal as refusal:
        problem = refusal.problems[0]
        return Check("remote", "bad", f"{problem.code} {problem.text}", problem.advice)
    if not remote.exists:
        return Check("remote", "ok", f"none: {remote.branch} is what people push here")
    if there == remote.here():
        return Check("remote", "ok", f"{remote.name} answers; {remote.branch} is here as it is there")
    text = f"{remote.name} has {there[:12]} on {remote.branch}, here it is {remote.here()[:12] or 'not there'}"
    return Check("remote", "warning", text, "git fetch, or ispctl run, which does it by itself")
