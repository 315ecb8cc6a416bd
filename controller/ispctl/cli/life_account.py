"""`ispctl invoice|pay|credit|adjust|refund`: lines of an account."""

from __future__ import annotations

from typing import Annotated

import typer

from ispctl.cli.life import SubArgument, day_of
from ispctl.cli.verb import Wanted, carry_out, verb

AmountArgument = Annotated[str, typer.Argument(metavar="AMOUNT", help="In the policy's currency, tax included.")]
ReferenceOption = Annotated[
    str, typer.Option("--reference", metavar="REF", help="Number of the invoice, of the payment, of the transfer.")
]


@verb
def invoice(
    wanted: Wanted,
    sub: SubArgument,
    amount: AmountArgument,
    reference: ReferenceOption = "",
    due: Annotated[
        str | None, typer.Option("--due", metavar="DAY", help="Last day to pay; default: by the policy.")
    ] = None,
    tax: Annotated[str, typer.Option("--tax", metavar="AMOUNT", help="The tax in the amount.")] = "",
) -> None:
    """Write an invoice for something that no renewal writes one for. Renewals and changes of tariff write their own."""
    from ispctl.verbs.account import invoice as act

    day = day_of(due, "--due")
    carry_out(wanted, [sub], lambda draft: act(draft, sub, amount, reference=reference, due=day, tax=tax))


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
