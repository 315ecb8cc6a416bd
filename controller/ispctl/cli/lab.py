"""`ispctl lab`: a real FreeRADIUS and stand-ins for the NAS of this repository, on loopback, to play with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ispctl.cli.common import FormatOption, Session, say, say_json, tell
from ispctl.model.problem import Problem, Refusal
from ispctl.structs import replace

if TYPE_CHECKING:
    from ispctl.lab.lab import Lab
    from ispctl.repo import Repository, Snapshot
    from ispctl.status.view import View

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="FreeRADIUS and stand-ins for your NAS on loopback, to play with."
)
FOLDER = Path("var") / "lab"


@app.command()
def up(
    context: typer.Context,
    empty: Annotated[bool, typer.Option("--empty", help="Apply nothing and dial nobody in.")] = False,
    database: Annotated[
        Literal["sqlite", "postgresql"] | None,
        typer.Option("--database", help="postgresql: a server of the lab's own. Default: the database that is named."),
    ] = None,
    format: FormatOption = "text",
) -> None:
    """Start the lab, apply HEAD to it and dial some subscribers in. Started twice, it goes on as it is."""
    session: Session = context.obj
    with session.repository() as repository:
        snapshot = repository.part("HEAD", ())
        lab = open_lab(session)
        status = lab.up(_database(session, snapshot, database), _hosts(snapshot), devices=_devices(snapshot))
        if not empty and not status["already"]:
            own = replace(session, env={**session.env, f"{session.prefix}_RADIUS__DSN": status["dsn"]})
            _fill(own, lab, repository)
    _print(lab.status(), format)
    if database == "postgresql" and format == "text":
        say(f"The other commands find it by: export ISPCTL_RADIUS__DSN={status['dsn']}")


@app.command()
def down(context: typer.Context) -> None:
    """End what `lab up` started, and nothing else. The database stays."""
    ended = open_lab(context.obj).down()
    say(f"Ended: {', '.join(ended)}." if ended else "Nothing of the lab was running.")


@app.command()
def status(context: typer.Context, format: FormatOption = "text") -> None:
    """Say whether the lab runs and where it listens. Exit code: 0 running, 1 not."""
    found = open_lab(context.obj).status()
    _print(found, format)
    raise typer.Exit(0 if found["running"] else 1)


@app.command()
def dial(
    context: typer.Context,
    login: Annotated[str, typer.Argument(help="Login, subscriber or subscriber/service.")],
    nas: Annotated[str | None, typer.Option("--nas", help="Through this NAS; default: where it is planned.")] = None,
    mac: Annotated[str, typer.Option("--mac", help="Calling-Station-Id to send.")] = "",
    method: Annotated[str, typer.Option("--method", help="pap, chap or mschapv2.")] = "pap",
    format: FormatOption = "text",
) -> None:
    """Dial a subscriber in through a stand-in, with the password that holds: of one that is being changed the old one
    until the device has taken the new one."""
    session: Session = context.obj
    with session.repository() as repository, _view(session, repository) as view:
        view.meet(login)
        answer = _dial(session, open_lab(session), view, login, nas=nas, mac=mac, method=method)
    if format == "json":
        say_json(answer)
    else:
        say(_dialled(answer))
    raise typer.Exit(0 if answer["outcome"] == "accepted" else 1)


@app.command()
def hangup(context: typer.Context, login: Annotated[str, typer.Argument(help="The login.")]) -> None:
    """End the sessions of a login, as its router would."""
    answer = open_lab(context.obj).ask("hangup", login=login)
    say(f"Ended {answer['ended']} sessions.")


@app.command()
def report(context: typer.Context) -> None:
    """Let the stand-ins send the accounting of every session now, before it is due."""
    answer = open_lab(context.obj).ask("update")
    say(f"{answer['answered']} reports were answered.")


def open_lab(session: Session) -> Lab:
    """The lab of a repository: its state lies in var/lab there."""
    from ispctl.lab.lab import Lab

    return Lab((session.repo / FOLDER).absolute())


@contextmanager
def _view(session: Session, repository: Repository) -> Iterator[View]:
    """What HEAD says, with what the database knows of devices and of their passwords."""
    from ispctl.status.view import look

    with (
        session.reading(repository) as index,
        look(index, lambda head: session.store(head, readonly=True), session.now) as view,
    ):
        yield view


def _database(session: Session, snapshot: Snapshot, kind: str | None) -> str | None:
    """The DSN for a lab; None for a server of its own."""
    from ispctl.store import File, address

    if kind == "postgresql":
        return None
    found = address(session.dsn(snapshot), session.repo)
    if isinstance(found, File):
        return f"sqlite:///{found.path.absolute()}"
    if kind == "sqlite":
        return f"sqlite:///{(session.repo / FOLDER / 'radius.db').absolute()}"
    return session.dsn(snapshot)


def _hosts(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The RADIUS clients of the inventory, with the pools each serves."""
    return [
        {
            "name": nas.name,
            "address": str(nas.radius.sources[0]),
            "platform": nas.platform,
            "interim": nas.accounting.interim,
            "pools": {
                name: [str(net) for net in pool.slices[nas.name]]
                for name, pool in snapshot.pools.items()
                if nas.name in pool.slices and pool.family == 4
            },
        }
        for nas in snapshot.nas.values()
        if nas.radius
    ]


def _devices(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The hosts of the inventory that are configured, with the interfaces where subscribers are."""
    return [
        {"name": nas.name, "platform": nas.platform, "ports": [port.interface for port in nas.device.serves]}
        for nas in snapshot.nas.values()
        if nas.device
    ]


def _fill(session: Session, lab: Lab, repository: Repository) -> None:
    """Apply what HEAD says and dial the first subscribers of each NAS in; a broken commit leaves the lab running."""
    from ispctl.cli.plans import apply_to
    from ispctl.intent import intent_of

    try:
        result, _ = apply_to(session, "HEAD")
    except Refusal as refusal:
        for problem in refusal.problems:
            tell(str(problem))
        tell("The lab runs, but nothing is applied. Mend it, commit, then: ispctl apply")
        return
    if result.exit_code:
        tell("Not everything was applied. See what is left: ispctl plan")
    dialled: dict[str, int] = {}
    with _view(session, repository) as view:
        view.meet_everybody()
        for entitlement in intent_of(view.head, session.now).entitlements:
            nas = entitlement.nas[0] if entitlement.nas else ""
            begins = entitlement.first_login is not None  # it would begin with this one, on the day of the lab
            if entitlement.access == "open" and entitlement.sealed and not begins and dialled.get(nas, 0) < 2:
                dialled[nas] = dialled.get(nas, 0) + 1
                mac = entitlement.macs[0] if entitlement.macs else ""
                _dial(session, lab, view, entitlement.owner, nas=nas, mac=mac, method="chap")


def _dial(
    session: Session, lab: Lab, view: View, term: str, *, nas: str | None, mac: str, method: str
) -> dict[str, Any]:
    from ispctl.secrets import show
    from ispctl.status.cpes import in_force

    snapshot = view.head
    found = snapshot.find(term)
    if len(found) != 1 or not found[0].service.password:
        text = f"{term} names no service with a password"
        raise Refusal(Problem("E321", text, advice="ispstat list shows the services"))
    service, (sealed, which) = found[0].service, in_force(view, found[0])
    clear = show(f"service/{found[0].owner}/password", sealed, session.keyring(snapshot, lab=True))
    names = service.nas or _group_nas(snapshot, found[0].document.path)
    through = nas or next(iter(snapshot.reach(names)), "")
    answer = lab.ask("dial", nas=through, login=service.login, password=clear, mac=mac, method=method)
    return {**answer, "password": which}


def _group_nas(snapshot: Snapshot, path: str) -> tuple[str, ...]:
    from ispctl.model.subscriber import group_of

    group = snapshot.group(group_of(path))
    return (group.value.defaults.nas or ()) if group else ()


def _dialled(answer: dict[str, Any]) -> str:
    """One answer of the server as the NAS understood it, and which password it was where there are two."""
    from ispctl.status.cpes import HOLDS

    which = HOLDS[answer["password"]]
    return _heard(answer) + (f"\nThe password of the two that holds: {which}." if which else "")


def _heard(answer: dict[str, Any]) -> str:
    if answer["outcome"] == "silent":
        return "No answer: FreeRADIUS does not know this NAS, or its database is away."
    if answer["outcome"] == "rejected":
        return f"Access-Reject{': ' + answer['message'] if answer.get('message') else ''}. Why: ispstat rejects LOGIN"
    got = answer["session"]
    parts = [
        f"Access-Accept on {got['nas']}",
        f"address {got['address']}" + (f" of pool {got['pool']}" if got["pool"] else ""),
        f"rate {got['rate']}" if got["rate"] else "",
        f"prefix {got['delegated']}" if got["delegated"] else "",
        f"address list {got['address_list']}" if got["address_list"] else "",
        f"class {', '.join(got['class'])}",
        f"session {got['session']}",
    ]
    return "; ".join(part for part in parts if part)


def _print(status: dict[str, Any], format: str) -> None:
    if format == "json":
        say_json(status)
        return
    if not status["running"]:
        say("The lab is not running. Start it: ispctl lab up")
        return
    radius = status["radius"]
    say(f"The lab is running. Database: {status['dsn']}")
    say(f"FreeRADIUS: auth {radius['auth']}, acct {radius['acct']}; secret for 127.0.0.1: {radius['secret']}")
    say(f"Stand-ins: {', '.join(nas['name'] for nas in status['nas'])}; CoA {radius['coa']}. Log: {status['log']}")
    if status["devices"]:
        places = (f"{one['name']} {one['address']} ({one['platform']})" for one in status["devices"])
        say(f"Routers to configure: {', '.join(places)}; as {status['devices'][0]['username']}, with the passwords of")
        say("  ispctl lab status --format json. What stands on them: ispstat nas NAME --ask")
    say("Next: ispstat sessions · ispctl plan · ispctl lab dial LOGIN · ispctl lab down")
