"""A GitLab on loopback: the few calls of a note and of approvals, with state, users, pages, faults, in GitLab's words.

Shapes after https://docs.gitlab.com/api/notes/, /commits/, /merge_request_approvals/ and /rest/ (status codes, pages).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PROJECT, IID = "isp/network", 7
TOKEN, OTHER = "glpat-of-the-bot", "glpat-of-another-bot"
_COMMIT = re.compile(r"/api/v4/projects/([^/]+)/repository/commits/([0-9a-f]{40})/merge_requests")
_APPROVALS = re.compile(r"/api/v4/projects/([^/]+)/merge_requests/(\d+)/approvals")
_NOTES = re.compile(r"/api/v4/projects/([^/]+)/merge_requests/(\d+)/notes(?:/(\d+))?")
_REQUEST = re.compile(r"/api/v4/projects/([^/]+)/merge_requests/(\d+)")


class GitLab:
    """One project with one merge request. `notes` are as the API gives them; `faults` are statuses for the next calls,
    0 a connection that is cut."""

    def __init__(self) -> None:
        self.users = {TOKEN: 41, OTHER: 42}
        self.notes: list[dict[str, Any]] = []
        self.faults: list[int] = []
        self.seen: list[str] = []
        self.requests: dict[str, list[dict[str, Any]]] = {}
        """By commit, the merge requests with it."""
        self.approvers: list[str] = []
        self.url = ""

    def came(self, commit: str, author: str, state: str = "merged") -> None:
        """A commit came by the merge request."""
        request = {"id": 9007, "iid": IID, "state": state, "author": {"id": 7, "username": author}}
        self.requests.setdefault(commit, []).append(request)

    def say(self, user: int, body: str, *, system: bool = False) -> dict[str, Any]:
        note = {"id": 1000 + len(self.notes), "body": body, "author": {"id": user}, "system": system}
        self.notes.append(note)
        return note

    def bodies(self) -> list[str]:
        return [note["body"] for note in self.notes]


class _Handler(BaseHTTPRequestHandler):
    gitlab: GitLab
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None: ...

    def _answer(self, status: int, value: Any, **headers: str) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(data)

    def _begin(self) -> int | None:
        """The user of the token; answers by itself where there is none, or a fault is due."""
        self.gitlab.seen.append(f"{self.command} {self.path}")
        if self.gitlab.faults:
            fault = self.gitlab.faults.pop(0)
            if not fault:
                self.close_connection = True
                self.connection.close()
            else:
                more = {"Retry_After": "0"} if fault == 429 else {}
                self._answer(fault, {"message": f"{fault} a fault"}, **more)
            return None
        user = self.gitlab.users.get(self.headers.get("PRIVATE-TOKEN", ""))
        if user is None:
            self._answer(401, {"message": "401 Unauthorized"})
        return user

    def do_GET(self) -> None:
        user, parts = self._begin(), urlsplit(self.path)
        if user is None:
            return
        if parts.path == "/api/v4/user":
            self._answer(200, {"id": user, "username": f"bot-{user}"})
        elif match := _NOTES.fullmatch(parts.path):
            if self._known(*match.groups()[:2]):
                self._page(parse_qs(parts.query))
        elif match := _REQUEST.fullmatch(parts.path):
            if self._known(*match.groups()):
                self._answer(200, {"id": 9007, "iid": IID, "project_id": 12})
        else:
            self._who_approved(parts.path)

    def _who_approved(self, path: str) -> None:
        if match := _COMMIT.fullmatch(path):
            if self._known(match[1], str(IID)):
                self._answer(200, self.gitlab.requests.get(match[2], []))
        elif match := _APPROVALS.fullmatch(path):
            if self._known(*match.groups()):
                users = [{"user": {"id": n, "username": name}} for n, name in enumerate(self.gitlab.approvers)]
                self._answer(200, {"iid": IID, "approved": bool(users), "approved_by": users})
        else:
            self._answer(404, {"error": "404 Not Found"})

    def do_POST(self) -> None:
        user, match = self._begin(), _NOTES.fullmatch(self.path)
        if user is not None and match and self._known(*match.groups()[:2]):
            self._answer(201, self.gitlab.say(user, self._sent()["body"]))

    def do_PUT(self) -> None:
        user, match = self._begin(), _NOTES.fullmatch(self.path)
        if user is None or not match or not self._known(*match.groups()[:2]):
            return
        note = next(note for note in self.gitlab.notes if note["id"] == int(match[3]))
        if note["author"]["id"] != user:
            self._answer(403, {"message": "403 Forbidden"})
            return
        note["body"] = self._sent()["body"]
        self._answer(200, note)

    def _known(self, project: str, iid: str) -> bool:
        if unquote(project) in (PROJECT, "12") and int(iid) == IID:
            return True
        self._answer(404, {"message": "404 Not found"})
        return False

    def _sent(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _page(self, query: dict[str, list[str]]) -> None:
        size, page = 20, int(query.get("page", ["1"])[0])
        notes = self.gitlab.notes if query.get("sort") == ["asc"] else self.gitlab.notes[::-1]
        more = {}
        if len(notes) > page * size:
            again = f"{self.gitlab.url}{urlsplit(self.path).path}?page={page + 1}&sort={query['sort'][0]}"
            more = {"Link": f'<{again}>; rel="next"', "X_Next_Page": str(page + 1)}
        self._answer(200, notes[(page - 1) * size : page * size], X_Page=str(page), X_Per_Page=str(size), **more)


@contextmanager
def running() -> Iterator[GitLab]:
    gitlab = GitLab()
    handler = type("Handler", (_Handler,), {"gitlab": gitlab})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    gitlab.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield gitlab
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
