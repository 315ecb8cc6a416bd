"""Passwords that verbs put into git: made or read from standard input, sealed, and shown to whoever asks for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ispctl.cli.common import Session
from ispctl.model.problem import Refusal

if TYPE_CHECKING:
    from ispctl.repo import Snapshot

StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of making one.")
]


def chosen(*, stdin: bool, show: bool, format: str) -> str:
    """A strong password, or the one of standard input. Raises what a wrong flag raises."""
    from ispctl.secrets import new_password

    if show and stdin:
        raise typer.BadParameter("--show is for a password that is made; who gives one knows it")
    if show and format == "json":
        raise typer.BadParameter("--show prints a password, and no JSON holds one: leave --format out")
    return sys.stdin.readline().rstrip("\r\n") if stdin else new_password()


def seal(session: Session, snapshot: Snapshot, owner: str, clear: str) -> str:
    """The password of a service as git may have it: under the keyring, or for the recipients alone where whoever asks
    has named no key, as at the helpdesk. Raises Refusal E201 to E209."""
    from ispctl.secrets import RECIPIENTS, recipients_from, seal_for

    own = session.env.get("ISPCTL_AGE_KEY") or session.env.get("ISPCTL_AGE_KEY_FILE")
    try:
        return session.keyring(snapshot, lab=True).seal("service", owner, "password", clear).text
    except Refusal as refusal:
        recipients = (snapshot.raw(RECIPIENTS) or b"").decode("utf-8", "replace")
        if own or refusal.problems[0].code != "E202" or not recipients.strip():
            raise
    return seal_for(recipients_from(recipients), "service", owner, "password", clear).text
