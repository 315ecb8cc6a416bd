"""`ispctl activate|renew|grace|change-tariff|revert`: paid time, and what it costs."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ispctl.cli.common import say, say_json
from ispctl.cli.life import SubArgument, day_of
from ispctl.cli.many import ExpiringOption, GroupOption, SubsArgument, TableOption, begun, each, for_many, for_rows
from ispctl.cli.verb import Wanted, carry_out, verb
from ispctl.structs import replace

PeriodsOption = Annotated[int, typer.Option("--periods", metavar="N", min=1, max=120, help="How many periods.")]
PaymentOption = Annotated[
    str, typer.Option("--payment", metavar="REF", help="Also book what was paid; the same REF is booked once.")
]
AmountOption = Annotated[
    str, typer.Option("--amount", metavar="AMOUNT", help="What was paid; default: what the invoice says.")
]


@verb
def activate(
    wanted: Wanted,
    subs: SubsArgument = None,
    on: Annotated[str | None, typer.Option("--on", metavar="DAY", help="First day; default: today.")] = None,
    first_login: Annotated[
        bool, typer.Option("--first-login", help="It begins when the subscriber is online for the first time.")
    ] = False,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DAY", help="With --first-login: the last day to begin.")
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Write into the file when it began with its first login.")
    ] = False,
    periods: PeriodsOption = 1,
    payment: PaymentOption = "",
    amount: AmountOption = "",
    group: Annotated[
        str, typer.Option("--group", metavar="G", help="With --confirm: all of a group that began so.")
    ] = "",
) -> None:
    """Let a service begin, with an invoice for its first periods: today, on a day, or at its first login. Of those that
    began so, --confirm writes the dates into the file, where whatever reckons with them finds them."""
    from ispctl.verbs.dates import confirm as confirm_dates
    from ispctl.verbs.first_login import activate_at_first_login
    from ispctl.verbs.renew import activate as act

    day, last = day_of(on, "--on"), day_of(until, "--until")
    if confirm and (day or last or first_login or payment or amount or periods != 1):
        raise typer.BadParameter("--confirm stands alone")
    if (day and first_login) or (last and not first_login):
        raise typer.BadParameter("--on says a day, --first-login waits, at the latest --until a day")
    if confirm and bool(subs) == bool(group):
        raise typer.BadParameter("name whom: SUB…, or --group; one of them")
    if confirm and (group or len(subs or ()) > 1):
        owners = subs or begun(wanted, group)
        for_rows(wanted, "activate", each(owners, {"confirm": "yes"}))
        return
    if group or subs is None or len(subs) != 1:
        raise typer.BadParameter("it is one SUB that begins; --confirm takes many, and ispctl batch")
    (sub,) = subs
    if confirm:
        carry_out(wanted, [sub], lambda draft: confirm_dates(draft, sub))
        return
    paid = {"payment": payment, "amount": amount}
    if first_login:
        carry_out(
            wanted,
            [sub],
            lambda draft: activate_at_first_login(draft, sub, until=last, periods=periods, **paid),
        )
        return
    carry_out(wanted, [sub], lambda draft: act(draft, sub, on=day, periods=periods, payment=payment, amount=amount))


@verb
def renew(
    wanted: Wanted,
    subs: SubsArgument = None,
    periods: PeriodsOption = 1,
    anchor: Annotated[
        Literal["expiry", "now"] | None,
        typer.Option("--anchor", help="Count from where it ended, or from today; default: as the policy says."),
    ] = None,
    payment: PaymentOption = "",
    amount: AmountOption = "",
    group: GroupOption = "",
    expiring: ExpiringOption = "",
    table: TableOption = None,
) -> None:
    """Pay for more periods: before the end they follow on it, after it they begin today. Writes the invoice, and with
    --payment what was paid. Many at once share a commit, with a result for each."""
    if subs and len(subs) == 1 and not (group or expiring or table):
        from ispctl.verbs.renew import renew as act

        (sub,) = subs
        carry_out(
            wanted,
            [sub],
            lambda draft: act(draft, sub, periods=periods, anchor=anchor, payment=payment, amount=amount),
        )
        return
    if payment:
        raise typer.BadParameter(
            "a payment is one subscriber's; give each row of --csv its own", param_hint="--payment"
        )
    values = {"periods": str(periods), "anchor": anchor or "", "amount": amount}
    for_many(wanted, "renew", _said(values), subs=subs or (), group=group, expiring=expiring, table=table)


@verb
def grace(
    wanted: Wanted,
    subs: SubsArgument = None,
    days: Annotated[
        int | None,
        typer.Option(
            "--days",
            metavar="N",
            min=1,
            max=366,
            help="How many; default: 1, or as many as the outage lasted.",
            show_default=False,
        ),
    ] = None,
    group: GroupOption = "",
    expiring: ExpiringOption = "",
    table: TableOption = None,
    nas: Annotated[
        str, typer.Option("--nas", metavar="NAS", help="Who was on this NAS, or group of NAS, in the outage.")
    ] = "",
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="When the outage began.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="When it ended.")] = None,
) -> None:
    """Service beyond what is paid, as far as the policy allows it. Needs a reason. After an outage, --from and --to say
    when it was, and nobody is given two for one; --nas takes whom the accounting has seen there."""
    from ispctl.cli.outage import down, rows

    if nas and (subs or group or expiring or table):
        raise typer.BadParameter("name whom: SUB…, --group or --expiring, --csv FILE, or --nas; one of them")
    values = {"days": str(days)} if days else {}
    found = down(wanted, nas, group, since, until)
    if found is not None and (nas or group) and not (subs or expiring or table):
        for_rows(replace(wanted, key=wanted.key or found.key), "grace", rows(wanted, found, values))
    elif subs and len(subs) == 1 and not (group or expiring or table):
        from ispctl.verbs.grace import grace as act

        (sub,) = subs
        carry_out(wanted, [sub], lambda draft: act(draft, sub, days or 0, found.outage if found else None))
    else:
        if found is not None:
            values |= {"from": found.outage.since.isoformat(), "to": found.outage.until.isoformat()}
        for_many(wanted, "grace", values, subs=subs or (), group=group, expiring=expiring, table=table)


@verb
def change_tariff(
    wanted: Wanted,
    sub: SubArgument,
    tariff: Annotated[str, typer.Argument(metavar="TARIFF", help="The new one.")],
    when: Annotated[
        str, typer.Option("--when", metavar="now|period-end|DAY", help="Default: now; what costs less, by the policy.")
    ] = "",
    keep: Annotated[bool, typer.Option("--keep-expiry", help="Pay the difference for what is left.")] = False,
    convert: Annotated[bool, typer.Option("--convert", help="What is left buys days of the new tariff.")] = False,
) -> None:
    """Put a service on another tariff. Says what is used and left, and what it costs; the quote is kept in the account.
    With --dry-run that is all it does."""
    from ispctl.verbs.tariff import change_tariff as act
    from ispctl.verbs.tariff import when_of

    if keep and convert:
        raise typer.BadParameter("--keep-expiry and --convert are two ways to go: take one")
    try:
        at = when_of(when)
    except ValueError:
        raise typer.BadParameter("expected now, period-end or a day, like 2026-12-01", param_hint="--when") from None
    remaining: Literal["keep-expiry", "convert"] | None = "convert" if convert else "keep-expiry" if keep else None
    carry_out(wanted, [sub], lambda draft: act(draft, sub, tariff, when=at, remaining=remaining))


@verb
def revert(
    wanted: Wanted,
    sub: SubArgument,
    event: Annotated[
        str | None, typer.Argument(metavar="EVENT", help="Its key; without one, list what can be reverted.")
    ] = None,
    cascade: Annotated[bool, typer.Option("--cascade", help="Also whatever depends on it.")] = False,
) -> None:
    """Undo one event and nothing else: what it changed becomes what it was, what it entered is reversed. Needs a
    reason. Without EVENT: the events of the account, newest first."""
    if event is None:
        _list(wanted, sub)
        return
    from ispctl.verbs.revert import revert as act

    carry_out(wanted, [sub], lambda draft: act(draft, sub, event, cascade=cascade))


def _list(wanted: Wanted, sub: str) -> None:
    from ispctl.model.ledger import companion
    from ispctl.verbs.draft import nobody
    from ispctl.verbs.revert import history

    with wanted.session.repository() as repository, wanted.session.reading(repository) as index:
        part = index.lookup.part("HEAD", [sub])
        paths = {companion(holding.document.path) for holding in part.find(sub)}
        if not paths:
            raise nobody()
        currency = part.policy.value.currency
        accounts = repository.part("HEAD", paths)
        accounts.need(paths)
        ledgers = list(accounts.ledgers())
        found = [event for ledger in ledgers if ledger.path in paths for event in history(ledger.value, currency)]
    if wanted.format == "json":
        say_json({"version": 1, "events": found})
        return
    for one in found:
        undone = "  (reverted)" if one["reverted"] else ""
        say(f"{one['key']}  {one['at']}  {one['verb']}  {one['text']}{undone}")
    if not found:
        say("Nothing has happened that could be reverted.")


def _said(values: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
