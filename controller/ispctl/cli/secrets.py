"""`ispctl secrets`: sealed values in git. A clear value comes from stdin or a prompt, never from the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ispctl.cli.common import Session, say, tell
from ispctl.cli.progress import Progress
from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    from ispctl.repo import Repository, Snapshot

_OF_NAS = ("nas/", "nas-group/", "nas-defaults/")
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Seal passwords and shared secrets, and open them.")
PlaceArgument = Annotated[
    str,
    typer.Argument(
        metavar="PLACE",
        help="service/<subscriber>/<service key>/password, nas/<host>/radius.secret, nas/<host>/password, or a login.",
    ),
]


@app.command()
def init(
    context: typer.Context,
    recipient: Annotated[
        list[str] | None, typer.Option("--recipient", metavar="AGE1…", help="Public key that may open; repeatable.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option("--key-file", metavar="FILE", help="Make a new age key there (mode 0600).")
    ] = None,
) -> None:
    """Make inventory/recipients.txt and inventory/keyring.age. Overwrites nothing."""
    from ispctl.secrets import initialise

    session: Session = context.obj
    if not recipient and key_file is None:
        raise typer.BadParameter("name at least one --recipient, or a --key-file to make")
    made = initialise(session.repo / "inventory", key_file=key_file, recipients=recipient or ())
    for path in made.written:
        say(f"wrote {path}")
    if key_file is not None:
        say(f"Keep {key_file} safe and out of git. Next: export ISPCTL_AGE_KEY_FILE={key_file}")


@app.command()
def encrypt(
    context: typer.Context,
    place: PlaceArgument,
    write_only: Annotated[
        bool, typer.Option("--write-only", help="Seal for the recipients alone; needs no age key.")
    ] = False,
) -> None:
    """Seal a value for one place and print what to write into the file. Reads one value from stdin or a prompt."""
    from ispctl.secrets import RECIPIENTS, encrypt, parts_of, recipients_from

    session: Session = context.obj
    with session.repository() as repository:
        snapshot = _seen(session, repository, place)
        where = _place(snapshot, place)
        parts_of(where)
        recipients = (snapshot.raw(RECIPIENTS) or b"").decode("utf-8", "replace")
        keyring = None if write_only else session.keyring(snapshot, lab=True)
        clear = _clear_value()
        say(encrypt(where, clear, keyring=keyring, recipients=recipients_from(recipients) if write_only else ()))


@app.command()
def show(context: typer.Context, place: PlaceArgument) -> None:
    """Print the clear text of a sealed value. Think of who stands behind you."""
    from ispctl.secrets import show

    session: Session = context.obj
    with session.repository() as repository:
        snapshot = _seen(session, repository, place)
        where = _place(snapshot, place)
        say(show(where, _sealed_at(snapshot, where), session.keyring(snapshot, lab=True)))


@app.command()
def rotate(
    context: typer.Context,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Make a new key first, and seal every value with it.")
    ] = False,
) -> None:
    """Seal values again with the current key, in the files of the work tree: write-only ones (age:…) and those of older
    keys. Nobody's service changes. Stopped half-way, it goes on when run again."""
    from ispctl.secrets import KEYRING, RECIPIENTS, recipients_from
    from ispctl.verbs.rotate import resealed, write, write_whole

    session: Session = context.obj
    with session.repository() as repository:
        if repository.git.bare:
            advice = "Clone it, rotate there, commit and push"
            raise Refusal(Problem("E210", "a bare repository has no files to write", advice=advice))
        tree = repository.git.worktree() or "HEAD"
        snapshot = repository.part(tree, ())
        keyring = session.keyring(snapshot, lab=True)
        if new_key:
            keyring = keyring.rotated()
        with Progress() as progress:
            new = resealed(repository, tree, keyring, progress)
        if new_key:
            recipients = recipients_from((snapshot.raw(RECIPIENTS) or b"").decode("utf-8", "replace"))
            write_whole(session.repo / KEYRING, keyring.encrypt_for(recipients))
        files = write(session.repo, new)
    say(f"Sealed {len(new)} values in {files} files with key {keyring.current}. Next: git diff, then commit")


def _seen(session: Session, repository: Repository, place: str) -> Snapshot:
    """What the files say as they stand of one place, and what everybody shares."""
    rev = repository.git.worktree() or "HEAD"
    if place.startswith(_OF_NAS):
        return repository.part(rev, ())
    with session.reading(repository) as index:
        name = place.removeprefix("service/").removesuffix("/password") if place.startswith("service/") else place
        return index.lookup.part(rev, (name,))


def _place(snapshot: Snapshot, text: str) -> str:
    """A login or a subscriber stands for the password of its service."""
    if text.startswith(("service/", *_OF_NAS)):
        return text
    found = snapshot.find(text)
    if len(found) != 1:
        said = "names no service" if not found else f"names {len(found)} services"
        advice = "Write service/<subscriber>/<service key>/password or nas/<host>/radius.secret"
        raise Refusal(Problem("E211", f"{text} {said}", advice=advice))
    return f"service/{found[0].owner}/password"


def _sealed_at(snapshot: Snapshot, place: str) -> str:
    from ispctl.secrets import PRIVATE_KEY, parts_of

    kind, owner, field = parts_of(place)
    for one in snapshot.inventory.passwords() if field == "password" else ():
        if (one.kind, one.owner) == (kind, owner):
            return one.text
    if kind == "nas" and field == "radius.secret" and owner in snapshot.nas:
        radius = snapshot.nas[owner].radius
        if radius:
            return radius.secret
    if kind == "nas" and field == PRIVATE_KEY and owner in snapshot.nas:
        device = snapshot.nas[owner].device
        if device and device.private_key:
            return device.private_key
    found = snapshot.find(owner) if kind == "service" else ()
    if len(found) == 1 and found[0].service.password:
        return found[0].service.password
    raise Refusal(Problem("E211", f"nothing is sealed at {place}", advice="ispctl validate shows what there is"))


def _clear_value() -> str:
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass("Value (not shown): ")
    tell("Reading the value from stdin")
    return sys.stdin.read().removesuffix("\n")
