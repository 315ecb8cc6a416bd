"""Which sessions a change ends. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ispctl.desired import Entitlement
from ispctl.radius.rendering import Intent, needs_new_session, session_class

if TYPE_CHECKING:
    from ispctl.radius.live import Behind


def disturbs(intent: Intent, waiting: Sequence[Behind] = ()) -> Callable[[Entitlement, Entitlement], bool]:
    """Whether a session must end for a change to take effect. Who is online is known by what `waiting` sessions need
    where they are; anybody else by every platform he is planned on."""
    kinds: dict[str, set[str]] = {}
    for one in waiting:
        kinds.setdefault(one.owner, set()).add(one.kind)

    def check(was: Entitlement, will_be: Entitlement) -> bool:
        if will_be.owner in kinds:
            return "disconnect" in kinds[will_be.owner]
        hosts = [intent.nas[name] for name in will_be.nas if name in intent.nas]
        platforms = {nas.platform for nas in hosts} or set(intent.platforms)
        return any(
            needs_new_session(session_class(was, intent, name), session_class(will_be, intent, name))
            for name in sorted(platforms)
        )

    return check
