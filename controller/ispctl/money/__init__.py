"""The arithmetic of accounts: how far a payment reaches, what it costs, what is owed, and what follows from it.

Pure: amounts are Decimal, quantised to what can be paid in the policy's currency; days are the ISP's local days; `now`
is an argument. Knows the model and nothing else.
"""

from typing import TYPE_CHECKING

from ispctl.on_demand import on_demand

if TYPE_CHECKING:
    from ispctl.money.account import BUCKETS, Debt, Settlement, ageing, balance, owed_since, settle
    from ispctl.money.amounts import Charge, charge, minor_unit, period_of, prorate, rounded, tax_within, taxed
    from ispctl.money.billing import Invoice, cycle_of, invoiced, next_invoice
    from ispctl.money.growth import appended
    from ispctl.money.parts import Part, priced
    from ispctl.money.periods import (
        ONE_DAY,
        Renewed,
        anchor_day,
        begun,
        effective_expiry,
        extended,
        grace_refused,
        graced,
        held_days,
        paid_end,
        reach,
        renewed,
        used_grace,
    )
    from ispctl.money.quotes import Quote, quote, takes_effect
    from ispctl.money.reverting import Obstacle, Undone, dependents, revert
    from ispctl.money.stages import Stage, Standing, dunning, state
    from ispctl.money.statements import Statement, StatementLine, statement

__all__ = [
    "BUCKETS",
    "ONE_DAY",
    "Charge",
    "Debt",
    "Invoice",
    "Obstacle",
    "Part",
    "Quote",
    "Renewed",
    "Settlement",
    "Stage",
    "Standing",
    "Statement",
    "StatementLine",
    "Undone",
    "ageing",
    "anchor_day",
    "appended",
    "balance",
    "begun",
    "charge",
    "cycle_of",
    "dependents",
    "dunning",
    "effective_expiry",
    "extended",
    "grace_refused",
    "graced",
    "held_days",
    "invoiced",
    "minor_unit",
    "next_invoice",
    "owed_since",
    "paid_end",
    "period_of",
    "priced",
    "prorate",
    "quote",
    "reach",
    "renewed",
    "revert",
    "rounded",
    "settle",
    "state",
    "statement",
    "takes_effect",
    "tax_within",
    "taxed",
    "used_grace",
]
__getattr__ = on_demand(
    __name__,
    {
        "account": ("BUCKETS", "Debt", "Settlement", "ageing", "balance", "owed_since", "settle"),
        "amounts": ("Charge", "charge", "minor_unit", "period_of", "prorate", "rounded", "tax_within", "taxed"),
        "billing": ("Invoice", "cycle_of", "invoiced", "next_invoice"),
        "stages": ("Stage", "Standing", "dunning", "state"),
        "growth": ("appended",),
        "parts": ("Part", "priced"),
        "periods": (
            "ONE_DAY",
            "Renewed",
            "anchor_day",
            "begun",
            "effective_expiry",
            "extended",
            "grace_refused",
            "graced",
            "held_days",
            "paid_end",
            "reach",
            "renewed",
            "used_grace",
        ),
        "quotes": ("Quote", "quote", "takes_effect"),
        "reverting": ("Obstacle", "Undone", "dependents", "revert"),
        "statements": ("Statement", "StatementLine", "statement"),
    },
)
