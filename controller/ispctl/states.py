"""The states of a service and what each means: one table, from which the docs page is made. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

from ispctl.model.policy import Policy
from ispctl.money import Standing
from ispctl.structs import Struct

Access = Literal["open", "walled", "none"]


class State(StrEnum):
    """Strictest first: where several hold at once, the first one wins."""

    TERMINATED = "terminated"
    PENDING = "pending"
    SUSPENDED = "suspended"
    HOLD = "hold"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    GRACE = "grace"
    THROTTLED = "throttled"
    WAITING = "waiting"
    ACTIVE = "active"

    __hash__ = str.__hash__  # which is equal for what is equal, and asks no method of ours


class Meaning(Struct):
    """One row of the published table."""

    state: State
    holds: str
    account: str
    """What brings a postpaid service there: the stage of its account."""
    login: str
    session: str
    money: str


class Stage(Struct):
    """One row of the published table of accounts: from when on a stage holds, unless something is paid before."""

    standing: Standing
    holds: str
    brings: State


TABLE: Final = (
    Meaning(
        State.TERMINATED,
        "from `terminated` on",
        "inactive, archived",
        "refused",
        "ended",
        "the contract is over, or nobody pays",
    ),
    Meaning(State.PENDING, "before `activated`", "", "refused", "none yet", "nothing is due yet"),
    Meaning(
        State.SUSPENDED,
        "from `suspended.since` on",
        "suspended",
        "walled or refused by `policy.suspended`",
        "moved",
        "unchanged",
    ),
    Meaning(
        State.HOLD, "the days of `hold`", "", "walled or refused by `policy.hold`", "moved", "paid days may be added"
    ),
    Meaning(
        State.EXPIRED,
        "after `paid_until` and every `grace`",
        "walled",
        "walled or refused by `policy.expired`",
        "moved",
        "a renewal or an invoice is due",
    ),
    Meaning(
        State.BLOCKED,
        "over a fair-use tier that says `block`",
        "",
        "walled or refused by `policy.blocked`",
        "moved",
        "unchanged",
    ),
    Meaning(
        State.GRACE,
        "after `paid_until`, inside a `grace`",
        "grace",
        "accepted",
        "kept",
        "a renewal or an invoice is due",
    ),
    Meaning(
        State.THROTTLED,
        "over a fair-use tier",
        "throttled",
        "accepted at the tier's rate, or that of `throttled`",
        "kept",
        "unchanged, or an invoice is due",
    ),
    Meaning(
        State.WAITING,
        "with `activation`, before the first session",
        "",
        "accepted",
        "kept",
        "paid, and lasts from the first session on",
    ),
    Meaning(State.ACTIVE, "otherwise", "active, due, reminded", "accepted", "kept", "paid, or not overdue for long"),
)
ACCOUNTS: Final = (
    Stage(Standing.ACTIVE, "nothing is owed", State.ACTIVE),
    Stage(Standing.DUE, "something is to be paid, or less than `minimum` is overdue", State.ACTIVE),
    Stage(Standing.REMINDED, "the first of `reminders`, of more than one", State.ACTIVE),
    Stage(Standing.GRACE, "the last of `reminders`; without any, the day after the last day to pay", State.GRACE),
    Stage(
        Standing.THROTTLED,
        "where the policy has `throttled`: `grace_days` later; or at once, where more than `credit_limit` is owed",
        State.THROTTLED,
    ),
    Stage(
        Standing.WALLED,
        "`throttled.days` later; without `throttled` as it says; never, where `throttled` has no days",
        State.EXPIRED,
    ),
    Stage(Standing.SUSPENDED, "`suspend_after` days later", State.SUSPENDED),
    Stage(Standing.INACTIVE, "`end_after` days later", State.TERMINATED),
    Stage(Standing.ARCHIVED, "`archive_after` days later", State.TERMINATED),
)
"""In the order in which one follows the other."""
BRINGS: Final = {stage.standing: stage.brings for stage in ACCOUNTS}
STRICTNESS: Final = {meaning.state: rank for rank, meaning in enumerate(TABLE)}


def access(state: State, policy: Policy) -> Access:
    """What a login meets in a state."""
    if state in (State.TERMINATED, State.PENDING):
        return "none"
    if state is State.EXPIRED:
        block = policy.expired
    elif state is State.SUSPENDED:
        block = policy.suspended or policy.expired
    elif state is State.HOLD:
        block = policy.hold or policy.expired
    elif state is State.BLOCKED:
        block = policy.blocked or policy.expired
    else:
        return "open"
    return "walled" if block.method == "wall" else "none"
