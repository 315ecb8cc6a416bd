"""`ispctl pause` and `ispctl resume`: leave a part of the network as it is for a time, and go on before it is over."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from ispctl.cli.common import FormatOption, Session, say, say_json
from ispctl.cli.completion import targets
from ispctl.cli.times import ahead
from ispctl.model.problem import Problem, Refusal
from ispctl.structs import replace

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ispctl.repo import Repository, Snapshot
    from ispctl.store import Pause, Store

SHIFT: Final = timedelta(hours=8)
"""Without --until: as long as somebody who remembers it is at work."""
LONGEST: Final = timedelta(days=7)
Chosen = tuple[Literal["everything", "target", "group", "service"], str]

ID: Final = re.compile(r"p[0-9]+(-[0-9a-f]+)?")
"""What a pause is named by; no id of a subscriber looks like it."""
TargetOption = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="T",
        help="radius, or nas:HOST: its sessions and its configuration.",
        autocompletion=targets,
    ),
]
GroupOption = Annotated[str | None, typer.Option("--group", metavar="G", help="The services of a group.")]
LoginOption = Annotated[str | None, typer.Option("--login", metavar="L", help="One service: a login, id or id/key.")]


def pause(
    context: typer.Context,
    target: TargetOption = None,
    group: GroupOption = None,
    login: LoginOption = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="A time, or 30m, 4h, 2d; default 8h, at most 7d.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: everybody will read it.")] = "",
    listing: Annotated[bool, typer.Option("--list", help="Only say what is paused.")] = False,
    format: FormatOption = "text",
) -> None:
    """Leave everything, a target, a group or one service as it is, until a time. Plans show what waits, applies and
    repairs leave it out; the RADIUS server goes on. Again for the same part: another end and reason."""
    session: Session = context.obj
    with session.repository() as repository:
        snapshot = _seen(session, repository, login)
        with session.store(snapshot, readonly=listing) as store:
            if not listing:
                from ispctl.cli.answers import zone_of

                chosen = _chosen(snapshot, store, target, group, login)
                _put(session, store, chosen, _end(until, session.now, zone_of(snapshot)), _said(reason))
            found = store.pauses(session.now)
    _answer(found, snapshot, format)


def unpause(
    session: Session, id: str | None, target: str | None, group: str | None, login: str | None, format: str
) -> None:
    """End a pause before its time: by its id, or by what was paused; without either, that of everything. Raises
    Refusal."""
    with session.repository() as repository:
        snapshot = _seen(session, repository, login)
        with session.store(snapshot) as store:
            held = store.pauses(session.now)
            if id is not None:
                over = [one for one in held if one.id == id]
                if not over:
                    known = ", ".join(one.id for one in held) or "none"
                    raise Refusal(Problem("E617", f"no pause {id} holds now", advice=f"There are: {known}"))
            else:
                chosen = _chosen(snapshot, store, target, group, login)
                over = [one for one in held if (one.kind, one.name) == chosen]
            for one in over:
                with store.transaction():
                    store.put_pause(replace(one, resumed=session.now, resumed_by=session.actor))
                    _note(session, store, "resume")
            left = store.pauses(session.now)
    if format == "text":
        said = [f"Resumed: {one.what}." for one in over]
        goes = "What waited goes on with the next ispctl apply; ispctl run does it within 15 s."
        say("\n".join([*said, goes] if over else ["Nothing of that was paused."]))
    _answer(left, snapshot, format)


def _seen(session: Session, repository: Repository, login: str | None) -> Snapshot:
    """What everybody shares at the head, and whom a login, id or id/key names."""
    with session.reading(repository) as index:
        return index.lookup.part("HEAD", (login,)) if login is not None else repository.part("HEAD", ())


def _chosen(snapshot: Snapshot, store: Store, target: str | None, group: str | None, login: str | None) -> Chosen:
    """What the options name; it must be there, or a slip of the keyboard would look like a pause. Raises Refusal."""
    if sum(one is not None for one in (target, group, login)) > 1:
        raise typer.BadParameter("take one of --target, --group and --login, or none for everything")
    if target is not None:
        known = ["radius", *(f"nas:{name}" for name in snapshot.nas)]
        if target not in known:
            raise Refusal(Problem("E607", f"there is no target {target}", advice=f"There are: {', '.join(known)}"))
        return "target", target
    if group is not None:
        if group not in snapshot.group_folders:
            known = sorted(snapshot.group_folders)
            raise Refusal(Problem("E616", f"there is no group {group}", advice=f"There are: {', '.join(known)}"))
        return "group", group
    return ("service", _owner(snapshot, store, login)) if login is not None else ("everything", "")


def _owner(snapshot: Snapshot, store: Store, term: str) -> str:
    """The one service that a login, id or id/key names; one that is only in the database may be paused too."""
    owners = {holding.owner for holding in snapshot.find(term)}
    if not owners:
        rows = ((f"{row.id}/{row.key}", row.id, row.login) for row in store.entitlements())
        owners = {owner for owner, id, login in rows if term.casefold() in (owner, id, login.casefold())}
    if len(owners) == 1:
        return owners.pop()
    if owners:
        text, advice = f"there are {len(owners)} services of that name", f"Take one of: {', '.join(sorted(owners))}"
    else:
        text, advice = "there is no such service", "Take a login, an id or id/key; ispstat list names everybody"
    raise Refusal(Problem("E321", text, advice=advice))


def _end(text: str | None, now: datetime, zone: ZoneInfo) -> datetime:
    """When a pause ends. Raises Refusal: in the past, or so late that nobody would remember it."""
    end = ahead(text, now, zone) if text is not None else now + SHIFT
    if not now < end <= now + LONGEST:
        when = "over already" if end <= now else "more than 7 days away"
        advice = "Nobody remembers a pause that long: what is to stay out of it belongs in git (managed: observe)"
        raise Refusal(Problem("E615", f"--until is {when}", advice=advice if end > now else "Name a later time"))
    return end


def _said(reason: str) -> str:
    text = " ".join(reason.split())
    if not text or len(text) > 200:
        raise Refusal(
            Problem("E615", "--reason says why, in 1 to 200 characters", advice="Whoever is on call reads it")
        )
    return text


def _put(session: Session, store: Store, chosen: Chosen, end: datetime, reason: str) -> None:
    """A pause of the same part is the same pause: its end and its reason change."""
    import secrets

    from ispctl.store import Pause

    known = [one for one in store.pauses(session.now) if (one.kind, one.name) == chosen]
    id = known[0].id if known else f"p{session.now:%m%d}-{secrets.token_hex(3)}"
    since = known[0].since if known else session.now
    with store.transaction():
        store.put_pause(Pause(id, *chosen, since, end, reason, session.actor))
        _note(session, store, "pause")


def _note(session: Session, store: Store, kind: str) -> None:
    """In the journal: who, and when. What and why stand in the pause itself."""
    applied = store.applied
    run = store.begin_run(kind, session.now, commit=applied.commit if applied else "", actor=session.actor)
    run.finish("done", session.now)


def _answer(found: tuple[Pause, ...], snapshot: Snapshot, format: str) -> None:
    from ispctl.cli.answers import zone_of
    from ispctl.report.plan_json import stamp

    zone = zone_of(snapshot)
    items: list[dict[str, Any]] = [
        {
            "id": one.id,
            "kind": one.kind,
            "name": one.name,
            "since": stamp(one.since, zone),
            "until": stamp(one.until, zone),
            "by": one.by,
            "reason": one.reason,
        }
        for one in found
    ]
    if format == "json":
        say_json({"version": 1, "items": items})
        return
    lines = [
        f"{one.id}  {one.what}, until {one.until.astimezone(zone):%Y-%m-%d %H:%M}, by {one.by}: {one.reason}"
        for one in found
    ]
    say("\n".join(lines) or "Nothing is paused.")
