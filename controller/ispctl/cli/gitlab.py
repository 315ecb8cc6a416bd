"""`ispctl gitlab note`: the plan of a merge request as one note on it. Settings are those a pipeline of GitLab has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ispctl.cli.common import FormatOption, Session, say, say_json
from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    from ispctl.gitlab import MergeRequest

app = typer.Typer(help="Tell GitLab what a merge request would do.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def note(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `ispctl plan --note FILE` wrote.")],
    merge_request: Annotated[
        int | None, typer.Option("--merge-request", metavar="IID", help="Default: that of the pipeline.", min=1)
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", metavar="ID", help="Number or group/name; default: the pipeline's.")
    ] = None,
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="Default: that of the pipeline.")] = None,
    format: FormatOption = "text",
) -> None:
    """Write the plan as a note on its merge request, over the one written before. Exit code: 0 done, 1 not.

    The token is taken from ISPCTL_GITLAB_TOKEN, never from an argument."""
    session: Session = context.obj
    where = _where(session, merge_request, project, url)
    from ispctl.gitlab import put_note

    posted = put_note(where, _read(file))
    if format == "json":
        say_json({"version": 1, "action": posted.action, "note": posted.note, "merge_request": where.iid})
    else:
        say(f"Note {posted.note} on merge request !{where.iid}: {posted.action}")


def _where(session: Session, iid: int | None, project: str | None, url: str | None) -> MergeRequest:
    """Flags first, then the variables that GitLab sets in the pipeline of a merge request."""
    from ispctl.gitlab import MergeRequest

    env = session.env
    number = str(iid) if iid is not None else env.get("CI_MERGE_REQUEST_IID", "")
    found = {
        "ISPCTL_GITLAB_TOKEN": env.get("ISPCTL_GITLAB_TOKEN", ""),
        "--url (CI_SERVER_URL)": url or env.get("CI_SERVER_URL", ""),
        "--project (CI_PROJECT_ID)": project or env.get("CI_PROJECT_ID", ""),
        "--merge-request (CI_MERGE_REQUEST_IID)": number if number.isascii() and number.isdigit() else "",
    }
    if missing := [name for name, value in found.items() if not value]:
        text = f"it is not said where the note goes: {', '.join(missing)} missing"
        advice = "A pipeline of a merge request sets all but the token; see docs/operations.md"
        raise Refusal(Problem("E673", text, advice=advice))
    token, server, where, number = found.values()
    return MergeRequest(server.rstrip("/"), where, int(number), token)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        text = f"{file} cannot be read ({type(error).__name__})"
        raise Refusal(Problem("E674", text, advice="Make it: ispctl plan --base REV --note FILE")) from None
