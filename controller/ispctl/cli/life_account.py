"""`ispctl invoice|pay|credit|adjust|refund`: lines of an account."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ispctl.cli.life import SubArgument, day_of
from ispctl.cli.many import TableOption, each, for_many, for_rows, postpaid
from ispctl.cli.verb import Wanted, carry_out, verb
from ispctl.structs import replace

AmountArgument = Annotated[str, typer.Argument(metavar="AMOUNT", help="In the policy's currency, tax included.")]
ReferenceOption = Annotated[
    str, typer.Option("--reference", metavar="REF", help="Number of the invoice, of the payment, of the transfer.")
]


@verb
def invoice(
    wanted: Wanted,
    sub: Annotated[
        str, typer.Argument(metavar="[SUB]", help="A login, an id or id/key; or take --all-due, --group or --csv.")
    ] = "",
    amount: Annotated[
        str, typer.Argument(metavar="[AMOUNT]", help="Tax included; default: each postpaid period that is over.")
    ] = "",
    reference: ReferenceOption = "",
    due: Annotated[
        str | None, typer.Option("--due", metavar="DAY", help="Last day to pay; default: by the policy.")
    ] = None,
    tax: Annotated[str, typer.Option("--tax", metavar="AMOUNT", help="The tax in the amount.")] = "",
    since: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First day of all that is owed, if none was invoiced.")
    ] = None,
    all_due: Annotated[bool, typer.Option("--all-due", help="All postpaid services.")] = False,
    group: Annotated[str, typer.Option("--group", metavar="G", help="All postpaid services of a group.")] = "",
    table: TableOption = None,
) -> None:
    """Invoice the periods of a postpaid service that are over and were not invoiced: by the price, the tariffs and the
    days of each. Twice is once. With AMOUNT: something else, which neither a period nor a renewal stands for."""
    first, last = day_of(since, "--from"), day_of(due, "--due")
    if (bool(sub), all_due or bool(group), table is not None).count(True) != 1:
        raise typer.BadParameter("name whom: SUB, --all-due or --group, or --csv FILE; one of them")
    if amount:
        from ispctl.verbs.account import invoice as act

        if first is not None:
            raise typer.BadParameter("what an AMOUNT is for has no days", param_hint="--from")
        carry_out(wanted, [sub], lambda draft: act(draft, sub, amount, reference=reference, due=last, tax=tax))
    elif reference or tax:
        raise typer.BadParameter("--reference and --tax go with AMOUNT; a period has a key of its own")
    elif sub:
        from ispctl.verbs.billing import bill_or_say

        carry_out(wanted, [sub], lambda draft: bill_or_say(draft, sub, since=first, due=last))
    else:
        values = {name: day.isoformat() for name, day in (("from", first), ("due", last)) if day is not None}
        _periods(wanted, values, group, table)


def _periods(wanted: Wanted, values: Mapping[str, str], group: str, table: Path | None) -> None:
    """Of many, in one commit; proposed on a branch of the day, so that the same is not proposed twice."""
    if table is not None:
        for_many(wanted, "invoice", values, table=table)
        return
    branch = f"ispctl/invoice-{group or 'all'}-{wanted.session.now:%Y-%m-%d}"
    named = wanted if wanted.direct or wanted.branch else replace(wanted, branch=branch)
    for_rows(named, "invoice", each(postpaid(wanted, group), values))


@verb
def pay(wanted: Wanted, sub: SubArgument, amount: AmountArgument, reference: ReferenceOption = "") -> None:
    """Book a payment. It settles the oldest invoice first; what is over stays as credit. The same --reference, like the
    same --key, is booked once. It renews nothing: `ispctl renew SUB --payment REF` does both."""
    from ispctl.verbs.account import pay as act

    carry_out(wanted, [sub], lambda draft: act(draft, sub, amount, reference=reference))


@verb
def credit(wanted: Wanted, sub: SubArgument, amount: AmountArgument) -> None:
    """Credit something to an account. Needs a reason."""
    from ispctl.verbs.account import credit as act

    carry_out(wanted, [sub], lambda draft: act(draft, sub, amount))


@verb
def adjust(
    wanted: Wanted,
    sub: SubArgument,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="What is owed more; after --, also -120.00: less.")],
) -> None:
    """Correct an account where no invoice, payment or credit note would say it. Needs a reason."""
    from ispctl.verbs.account import adjust as act

    carry_out(wanted, [sub], lambda draft: act(draft, sub, amount))


@verb
def refund(wanted: Wanted, sub: SubArgument, amount: AmountArgument, reference: ReferenceOption = "") -> None:
    """Book money that goes back to the subscriber, at most what the account has over. Needs a reason."""
    from ispctl.verbs.account import refund as act

    carry_out(wanted, [sub], lambda draft: act(draft, sub, amount, reference=reference))
