"""`ispstat account` as text: the balance first, then why, then what was entered."""

from __future__ import annotations

from collections.abc import Iterator

from ispctl.status.account import Account, Aged, Entered
from ispctl.status.present import Screen, table
from ispctl.status.values import clean, joined, when
from ispctl.structs import replace


def told(one: Account, screen: Screen) -> str:
    """An account on one screen."""
    head = [*_head(one, screen)]
    lines = [clean(line) for line in (f"{one.id}  {_balance(one)}", *head)]
    if one.entries:
        lines += ["", _table(one, screen)]
    if one.count > len(one.entries):
        lines += ["", f"{one.count - len(one.entries):,} older entries: --last {one.count}, or {one.file}"]
    return "\n".join(lines)


def block(one: Account, screen: Screen) -> list[str]:
    """The same among other things."""
    lines = [f"{'balance':<9} {_balance(one)}", *_head(one, screen)]
    if one.entries:
        lines += _table(one, replace(screen, width=None)).splitlines()
    if one.count > len(one.entries):
        lines.append(f"{one.count - len(one.entries):,} older entries: ispstat account {one.id}")
    return lines


def _balance(one: Account) -> str:
    if one.balance > 0:
        return f"owes {one.balance} {one.currency}"
    if one.balance < 0:
        return f"has {-one.balance} {one.currency} over"
    return "owes nothing" + ("" if one.file else "; nothing was ever entered")


def _head(one: Account, screen: Screen) -> Iterator[str]:
    yield f"account   {one.state}: {one.why}"
    if one.balance > 0:
        yield f"ageing    {joined(_aged(part) for part in one.ageing if part.amount)}"
    if one.oldest is not None:
        owed = one.oldest
        part = f"{owed.left} of {owed.amount}" if owed.left != owed.amount else f"{owed.left}"
        yield f"oldest    {owed.reference or owed.key}, {part}, due {owed.due}  {owed.file}:{owed.line}"
    for stage in one.coming:
        yield f"{'then' if stage is one.coming[0] else '':<9} {when(stage.at, screen.zone)} {stage.state}: {stage.why}"


def _table(one: Account, screen: Screen) -> str:
    rows = [_row(entry, screen) for entry in one.entries]
    return table(("at", "type", "amount", "balance", "reference", "what"), rows, screen)


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
