"""Who approved the merge request by which a commit came. Asked once for each commit; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.roles import Review
from ispctl.structs import Struct, field

_TOKEN: Final = "a project access token with the scope read_api"  # noqa: S105  # what to make


class Approvals(Struct):
    """Of one project. url: https://gitlab.example.net. project: number or group/name. `timeout`: seconds, for each
    request."""

    url: str
    project: str
    token: str = field(repr=False)
    timeout: float = 30.0

    def __call__(self, commit: str) -> Sequence[Review]:
        """The merged merge requests with a commit (id) in them. Raises Refusal E764 where GitLab does not tell."""
        import requests
        from gitlab import Gitlab, exceptions

        try:
            connection = Gitlab(self.url.rstrip("/"), private_token=self.token, timeout=self.timeout)
            project = connection.projects.get(self.project, lazy=True)
            found = project.commits.get(commit, lazy=True).merge_requests(get_all=True)
            merged = [one for one in found if one["state"] == "merged"]
            return [
                Review(
                    one["author"]["username"], _users(project.mergerequests.get(one["iid"], lazy=True).approvals.get())
                )
                for one in merged
            ]
        except exceptions.GitlabError as error:
            status = error.response_code
            raise self._silent(f"answered with status {status}" if status else "gave no answer of GitLab") from None
        except (requests.RequestException, LookupError, TypeError) as error:
            raise self._silent(f"gave no answer ({type(error).__name__})") from None

    def _silent(self, what: str) -> Refusal:
        advice = f"Once it does, apply again; ISPCTL_GITLAB_TOKEN is {_TOKEN}, of project {self.project}"
        return Refusal(Problem("E764", f"{self.url} {what}", advice=advice))


def _users(approvals: object) -> frozenset[str]:
    """From GET /projects/:id/merge_requests/:iid/approvals."""
    return frozenset(one["user"]["username"] for one in getattr(approvals, "approved_by", ()))
