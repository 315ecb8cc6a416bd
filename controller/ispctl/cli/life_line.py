"""`ispctl mac …|ip set|reset-password`: from which device, with which address and which password a service is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ispctl.cli.common import say
from ispctl.cli.facts import forget, learned
from ispctl.cli.life import SubArgument
from ispctl.cli.passwords import StdinOption, chosen, seal
from ispctl.cli.sending import ENGLISH, Letters, PasswordLetter, password_letter
from ispctl.cli.verb import Wanted, answer, carried, carry_out, verb

if TYPE_CHECKING:
    from ispctl.verbs.draft import Draft

Mode = Literal["off", "learn", "fixed"]
Mismatch = Literal["reject", "wall", "alert"]
mac = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Bind a service to devices, and free it of them.")
ip = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Give a service another address.")
MacArgument = Annotated[str, typer.Argument(metavar="MAC", help="Any notation: 02:00:5e:10:00:01, 0200.5e10.0001.")]


@mac.command()
@verb
def bind(
    wanted: Wanted,
    sub: SubArgument,
    mac: MacArgument,
    label: Annotated[str, typer.Option("--label", metavar="TEXT", help="For people.")] = "",
) -> None:
    """Bind a device more."""
    from ispctl.verbs.mac import bind as act

    carry_out(wanted, [sub], lambda draft: act(draft, sub, mac, label))


@mac.command()
@verb
def clear(
    wanted: Wanted,
    sub: SubArgument,
    mac: Annotated[str | None, typer.Argument(metavar="[MAC]", help="One device; default: all of them.")] = None,
) -> None:
    """Free a service of its devices. One that the server learned stands in no file: it is forgotten in the database, at
    once; but where one of a file goes too and that is only proposed, it stays until you say so again after the merge.
    Whoever is online stays so."""
    from ispctl.verbs.mac import clear as clear_of

    session, facts = wanted.session, dict[str, tuple[str, ...]]()

    def act(draft: Draft) -> None:
        facts.clear()
        facts.update([clear_of(draft, sub, mac, learned(session), direct=wanted.direct)])

    done = carried(wanted, [sub], act)
    if any(facts.values()) and not wanted.dry_run:
        forget(session, facts)
    if any(facts.values()) and done.status == "unchanged" and wanted.format == "text":
        say("\n".join([*done.notes, *(["Nothing was written (--dry-run)."] if wanted.dry_run else [])]))
    else:
        answer(wanted, done)


@mac.command()
@verb
def promote(wanted: Wanted, sub: SubArgument) -> None:
    """Write into git which devices the server has learned."""
    from ispctl.verbs.mac import promote as act

    carry_out(wanted, [sub], lambda draft: act(draft, sub, learned(wanted.session)))


@mac.command("mode")
@verb
def mode_of(
    wanted: Wanted,
    sub: SubArgument,
    mode: Annotated[
        Literal["off", "learn", "fixed"],
        typer.Argument(metavar="MODE", help="off: any. learn: the first ones. fixed: those bound."),
    ],
    most: Annotated[int | None, typer.Option("--max", metavar="N", min=1, max=16, help="How many devices.")] = None,
    mismatch: Annotated[
        Literal["reject", "wall", "alert"] | None, typer.Option("--on-mismatch", help="What another device meets.")
    ] = None,
) -> None:
    """Say how a service is bound to devices."""
    from ispctl.verbs.mac import set_mode

    carry_out(wanted, [sub], lambda draft: set_mode(draft, sub, mode, most, mismatch))


@ip.command("set")
@verb
def set_ip(
    wanted: Wanted,
    sub: SubArgument,
    pool: Annotated[
        str, typer.Argument(metavar="[POOL]", help="With --dynamic: the pool; with auto: where it is taken from.")
    ] = "",
    static: Annotated[
        str, typer.Option("--static", metavar="ADDRESS|auto", help="A fixed IPv4 address; auto: the first free one.")
    ] = "",
    dynamic: Annotated[
        bool, typer.Option("--dynamic", help="IPv4 from POOL; without POOL: as the tariff or the group says.")
    ] = False,
    prefix: Annotated[
        str, typer.Option("--prefix", metavar="PREFIX|auto|dynamic", help="Delegated to the customer's router.")
    ] = "",
    wan6: Annotated[
        str, typer.Option("--wan6", metavar="ADDRESS|auto|dynamic", help="IPv6 address of the link itself.")
    ] = "",
) -> None:
    """Give a service other addresses. Whoever is online is disconnected by it."""
    from ispctl.verbs.ip import AUTO, DYNAMIC, Wish
    from ispctl.verbs.ip import set_ip as act

    if static and dynamic:
        raise typer.BadParameter("--static gives a fixed address, --dynamic one of a pool: take one")
    if not (static or dynamic or prefix or wan6):
        raise typer.BadParameter("say what is to be: --static, --dynamic, --prefix or --wan6")
    if pool and not (dynamic or AUTO in (static, prefix, wan6)):
        raise typer.BadParameter("POOL goes with --dynamic, or with auto")
    wish = Wish(DYNAMIC if dynamic else static, prefix, wan6, pool)
    carry_out(wanted, [sub], lambda draft: act(draft, sub, wish))


@verb
def reset_password(
    wanted: Wanted,
    sub: SubArgument,
    password_stdin: StdinOption = False,
    show: Annotated[bool, typer.Option("--show", help="Print the password that was made, once it is pushed.")] = False,
    notify: Annotated[
        bool, typer.Option("--notify", help="With --direct: send it to the subscriber by e-mail, once it is pushed.")
    ] = False,
    language: Annotated[
        str, typer.Option("--language", metavar="LL", help="With --notify: of the letter; default: en.")
    ] = "",
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Do not wait for a device of ours that dials in with the old one.")
    ] = False,
) -> None:
    """Give a service another password: made, strong, and sealed. Whoever is online stays so. Where a device is managed
    (cpe), the old one holds until the device has the new one, at most for cpe.keep_password of the policy."""
    from ispctl.verbs.password import reset

    if notify and not wanted.direct:
        raise typer.BadParameter("what is proposed may never hold: it goes with --direct", param_hint="--notify")
    if language and not notify:
        raise typer.BadParameter("it is the language of the letter: it goes with --notify", param_hint="--language")
    clear, told = chosen(stdin=password_stdin, show=show, format=wanted.format), list[PasswordLetter]()

    def act(draft: Draft) -> None:
        reset(draft, sub, clear, lambda *of: seal(wanted.session, *of), at_once=at_once)
        if notify:
            told[:] = [password_letter(wanted.session, draft, draft.service(sub), clear, language or ENGLISH)]

    done = carried(wanted, [sub], act, Letters(told))
    answer(wanted, done)
    if show and done.status in ("committed", "proposed"):
        say(f"Password: {clear}")
    if done.status == "committed":
        for letter in told:
            letter.send(done.commit)
            if wanted.format == "text":
                say(f"sent to {letter.held.document.value.id}")
