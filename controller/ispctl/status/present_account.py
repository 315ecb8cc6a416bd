"""`ispstat account` as text: the balance first, then why, then what was entered."""

from __future__ import annotations

from collections.abc import Iterator

from ispctl.status.account import Account, Aged, Entered
from ispctl.status.present import Screen, table
from ispctl.status.values import clean, joined, when


def told(one: Account, screen: Screen) -> str:
    """An account on one screen."""
    lines = [clean(line) for line in _head(one, screen)]
    if one.entries:
        rows = [_row(entry, screen) for entry in one.entries]
        lines += ["", table(("at", "type", "amount", "balance", "reference", "what"), rows, screen)]
    if one.count > len(one.entries):
        lines += ["", f"{one.count - len(one.entries):,} older entries: --last {one.count}, or {one.file}"]
    return "\n".join(lines)


def _head(one: Account, screen: Screen) -> Iterator[str]:
    if one.balance > 0:
        yield f"{one.id}  owes {one.balance} {one.currency}"
    elif one.balance < 0:
        yield f"{one.id}  has {-one.balance} {one.currency} over"
    else:
        yield f"{one.id}  owes nothing" + ("" if one.file else "; nothing was ever entered")
    yield f"account   {one.state}: {one.why}"
    if one.balance > 0:
        yield f"ageing    {joined(_aged(part) for part in one.ageing if part.amount)}"
    for stage in one.coming:
        yield f"{'then' if stage is one.coming[0] else '':<9} {when(stage.at, screen.zone)} {stage.state}: {stage.why}"


def _aged(part: Aged) -> str:
    if part.days == 0:
        return f"{part.amount} not due yet"
    return f"{part.amount} overdue {f'up to {part.days} days' if part.days else 'for longer'}"


def _row(entry: Entered, screen: Screen) -> tuple[str, ...]:
    what = joined((entry.verb or "", entry.service or "", entry.reason or "", "reversed" if entry.reversed else ""))
    amounts = (
        f"{entry.amount:+}" if entry.amount is not None else "",
        f"{entry.balance}" if entry.amount is not None else "",
    )
    return (when(entry.at, screen.zone), entry.type, *amounts, entry.reference or "", what or entry.key)
