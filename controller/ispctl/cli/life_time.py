"""`ispctl add|terminate|archive|hold|schedule`: the beginning and the end of a contract, and what comes between."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ispctl.cli.common import tell
from ispctl.cli.life import SubArgument, day_of
from ispctl.cli.passwords import StdinOption, chosen, seal
from ispctl.cli.verb import Wanted, answer, carried, carry_out, verb

Text = str | None


@verb
def add(
    wanted: Wanted,
    group: Annotated[str, typer.Argument(metavar="GROUP", help="A folder under subscribers/.")],
    login: Annotated[str, typer.Option("--login", metavar="LOGIN", help="The User-Name, exactly as it is sent.")],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="Of the person or company.")],
    tariff: Annotated[str, typer.Option("--tariff", metavar="NAME", help="Default: the group's.")] = "",
    mobile: Annotated[Text, typer.Option("--mobile", metavar="PHONE", help="With + and the country code.")] = None,
    email: Annotated[Text, typer.Option("--email", metavar="MAIL", help="Where notices go.")] = None,
    address: Annotated[Text, typer.Option("--address", metavar="TEXT", help="Postal or street address.")] = None,
    nas: Annotated[
        list[str] | None, typer.Option("--nas", metavar="NAS", help="Host or group of hosts; repeatable.")
    ] = None,
    id: Annotated[str, typer.Option("--id", metavar="ID", help="Default: the next number.")] = "",
    ipoe: Annotated[
        Literal["mac", "circuit"] | None, typer.Option("--ipoe", help="No login by password: by device, or by line.")
    ] = None,
    mac: Annotated[
        list[str] | None, typer.Option("--mac", metavar="MAC", help="With --ipoe mac: its device; repeatable.")
    ] = None,
    circuit_id: Annotated[str, typer.Option("--circuit-id", metavar="ID", help="With --ipoe circuit: its line.")] = "",
    remote_id: Annotated[str, typer.Option("--remote-id", metavar="ID", help="With --circuit-id.")] = "",
    vlan: Annotated[int | None, typer.Option("--vlan", metavar="N", min=1, max=4094, help="Of the service.")] = None,
    password_stdin: StdinOption = False,
    show: Annotated[
        bool, typer.Option("--show", help="Print the password that was made, once, to standard error.")
    ] = False,
) -> None:
    """Add a subscriber with one service. A password is made and sealed; nothing is paid yet."""
    from ispctl.verbs.coming import Newcomer, line_of
    from ispctl.verbs.coming import add as act

    try:
        line = line_of(ipoe or "", tuple(mac or ()), circuit_id, remote_id)
    except ValueError:
        text = "--mac goes with --ipoe mac; --circuit-id, and --remote-id, with --ipoe circuit"
        raise typer.BadParameter(text) from None
    if ipoe and (password_stdin or show):
        raise typer.BadParameter("an ipoe service has no password")
    profile = {"name": name, "mobile": mobile, "email": email, "address": address}
    who = Newcomer(
        group,
        login,
        tariff,
        tuple(nas or ()),
        id,
        {key: value for key, value in profile.items() if value},
        vlan,
        line,
        "" if ipoe else chosen(stdin=password_stdin, show=show, format=wanted.format),
    )
    done = carried(
        wanted,
        [word for word in (login, id) if word],
        lambda draft: act(draft, who, lambda *place: seal(wanted.session, *place)),
        newcomers=[wanted.key] if wanted.key else [],
    )
    answer(wanted, done)
    if show and done.status in ("committed", "proposed"):
        tell(f"Password: {who.password}")


@verb
def terminate(
    wanted: Wanted,
    sub: SubArgument,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DAY", help="First day without service; default: today.")
    ] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Take it back.")] = False,
) -> None:
    """End a contract. The file stays, and the id is never used again."""
    from ispctl.verbs.coming import stay
    from ispctl.verbs.coming import terminate as act

    day = day_of(on, "--on")
    if cancel and day:
        raise typer.BadParameter("--cancel takes the end away, --on sets it: take one")
    carry_out(wanted, [sub], lambda draft: stay(draft, sub) if cancel else act(draft, sub, day))


@verb
def archive(wanted: Wanted, sub: SubArgument) -> None:
    """Move the file and the account of somebody whose contracts are over out of the live tree, into archive/."""
    from ispctl.verbs.coming import archive as act

    carry_out(wanted, [sub], lambda draft: act(draft, sub))


@verb
def hold(
    wanted: Wanted,
    sub: SubArgument,
    since: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First day without service; default: today.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DAY", help="Last day without service.")] = None,
    extend: Annotated[bool, typer.Option("--extend", help="What is paid lasts so much longer.")] = False,
    end: Annotated[bool, typer.Option("--end", help="Back from today on; before it begins: not at all.")] = False,
) -> None:
    """Put a service on hold for a holiday; with another --until, make that longer or shorter."""
    from ispctl.verbs.later import end_hold
    from ispctl.verbs.later import hold as act

    begins, last = day_of(since, "--from"), day_of(until, "--until")
    if end and (begins or last or extend):
        raise typer.BadParameter("--end stands alone")
    if end:
        carry_out(wanted, [sub], lambda draft: end_hold(draft, sub))
        return
    if last is None:
        raise typer.BadParameter("--until says when it ends; or --end ends it now")
    carry_out(wanted, [sub], lambda draft: act(draft, sub, begins, last, extend=extend))


@verb
def schedule(
    wanted: Wanted,
    sub: SubArgument,
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIELD=VALUE…]", help="tariff=NAME, nas=NAS, ipv4=ADDRESS or ipv4=POOL."),
    ] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="DAY", help="From 00:00 of that day on.")] = None,
    cancel: Annotated[
        int | None, typer.Option("--cancel", metavar="N", min=1, help="Take the N-th change of the file back.")
    ] = None,
) -> None:
    """Write a change down that takes effect by the clock."""
    from ispctl.verbs.later import schedule as act
    from ispctl.verbs.later import unschedule

    day = day_of(at, "--at")
    if (cancel is None) == (day is None):
        raise typer.BadParameter("--at says when, or --cancel takes a change back: take one")
    if cancel is not None:
        carry_out(wanted, [sub], lambda draft: unschedule(draft, sub, cancel))
    elif day is not None:
        carry_out(wanted, [sub], lambda draft: act(draft, sub, day, settings or ()))
