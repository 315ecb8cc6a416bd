"""The states of a service and what each means: one table, from which the docs page is made. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from ispctl.model.policy import Policy

Access = Literal["open", "walled", "none"]


class State(StrEnum):
    """Strictest first: where several hold at once, the first one wins."""

    TERMINATED = "terminated"
    PENDING = "pending"
    SUSPENDED = "suspended"
    HOLD = "hold"
    EXPIRED = "expired"
    GRACE = "grace"
    THROTTLED = "throttled"
    ACTIVE = "active"


@dataclass(frozen=True)
class Meaning:
    """One row of the published table."""

    state: State
    holds: str
    login: str
    session: str
    money: str


TABLE: Final = (
    Meaning(State.TERMINATED, "from `terminated` on", "refused", "ended", "the contract is over"),
    Meaning(State.PENDING, "before `activated`", "refused", "none yet", "nothing is due yet"),
    Meaning(
        State.SUSPENDED, "from `suspended.since` on", "walled or refused by `policy.suspended`", "moved", "unchanged"
    ),
    Meaning(State.HOLD, "the days of `hold`", "walled or refused by `policy.hold`", "moved", "paid days may be added"),
    Meaning(
        State.EXPIRED,
        "after `paid_until` and every `grace`",
        "walled or refused by `policy.expired`",
        "moved",
        "a renewal is due",
    ),
    Meaning(State.GRACE, "after `paid_until`, inside a `grace`", "accepted", "kept", "a renewal is due"),
    Meaning(State.THROTTLED, "over a fair-use tier", "accepted at the tier's rate", "kept", "unchanged"),
    Meaning(State.ACTIVE, "otherwise", "accepted", "kept", "paid"),
)
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
    else:
        return "open"
    return "walled" if block.method == "wall" else "none"
