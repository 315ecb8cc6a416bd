"""One note a merge request, edited in place: a discussion is not buried below the plans of every push."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ispctl.model.problem import Problem, Refusal
from ispctl.structs import Struct, field

if TYPE_CHECKING:
    from gitlab import Gitlab
    from gitlab.v4.objects import ProjectMergeRequest, ProjectMergeRequestNote

MARK: Final = "<!-- ispctl plan -->"
"""The first line of a note of ours; GitLab does not show it."""
HEADING: Final = "### ispctl plan"
_TOKEN: Final = "a project access token with the scope api and the role Reporter or more"  # noqa: S105  # what to make


class MergeRequest(Struct):
    """Where a note goes. url: https://gitlab.example.net. project: number or group/name. iid: the number after !"""

    url: str
    project: str
    iid: int
    token: str = field(repr=False)


class Posted(NamedTuple):
    """What became of a note, and its number."""

    action: Literal["created", "updated", "unchanged"]
    note: int


def put_note(where: MergeRequest, text: str, *, timeout: float = 30.0) -> Posted:
    """Write the note of a plan, over the one that this token's user wrote before. Waits when GitLab asks for patience.

    Raises Refusal: E670 a token that is not accepted, E671 no such merge request for it, E672 no answer (`timeout` is
    in seconds, for each request), E674 a text that is no note of a plan.
    """
    if not text.startswith(HEADING):
        advice = "Make it: ispctl plan --base REV --note FILE"
        raise Refusal(Problem("E674", "this is not the note of a plan", advice=advice))
    body = f"{MARK}\n{text}"
    with _understood(where):
        connection = _connect(where, timeout)
        request = connection.projects.get(where.project, lazy=True).mergerequests.get(where.iid)
        note = _ours(connection, request)
        if note is None:
            return Posted("created", int(request.notes.create({"body": body}).id))
        if note.body.rstrip() == body.rstrip():
            return Posted("unchanged", int(note.id))
        note.body = body
        note.save()
        return Posted("updated", int(note.id))


def _connect(where: MergeRequest, timeout: float) -> Gitlab:
    from gitlab import Gitlab

    connection = Gitlab(where.url, private_token=where.token, timeout=timeout, retry_transient_errors=False)
    connection.auth()
    return connection


def _ours(connection: Gitlab, request: ProjectMergeRequest) -> ProjectMergeRequestNote | None:
    """The oldest note with our mark that this user wrote: only the author of a note may always edit it."""
    assert connection.user is not None
    me = connection.user.id
    for note in request.notes.list(iterator=True, sort="asc", order_by="created_at"):
        if not note.system and note.author["id"] == me and note.body.startswith(MARK):
            return note
    return None


@contextmanager
def _understood(where: MergeRequest) -> Iterator[None]:
    """Errors of the network and of GitLab as refusals. What GitLab writes back is not repeated: it may quote a note."""
    import requests
    from gitlab import exceptions

    try:
        yield
    except exceptions.GitlabAuthenticationError:
        text = f"{where.url} does not accept the token"
        raise Refusal(Problem("E670", text, advice=f"Set ISPCTL_GITLAB_TOKEN to {_TOKEN}")) from None
    except exceptions.GitlabError as error:
        code = error.response_code
        if code in (403, 404):
            text = f"{where.url} shows no merge request !{where.iid} of project {where.project} to this token"
            raise Refusal(Problem("E671", text, advice=f"It takes {_TOKEN}, in that project")) from None
        raise Refusal(_silent(where, f"answered with status {code}" if code else "gave no answer of GitLab")) from None
    except requests.RequestException as error:
        raise Refusal(_silent(where, f"gave no answer ({type(error).__name__})")) from None


def _silent(where: MergeRequest, what: str) -> Problem:
    advice = "Run the job again; the plan itself is among its artifacts"
    return Problem("E672", f"{where.url} {what}: the note was not written", advice=advice)
