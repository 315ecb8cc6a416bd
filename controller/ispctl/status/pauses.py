"""What is paused: people decided that it stays as it is for a time, and everybody who looks is told."""

from __future__ import annotations

from ispctl.model.subscriber import group_of
from ispctl.repo import Holding
from ispctl.status.values import when
from ispctl.status.view import View
from ispctl.store import Pause


def pauses(view: View) -> tuple[Pause, ...]:
    """Those that hold now; none where the database gives no answer, which is said elsewhere."""
    return view.ask(lambda store: store.pauses(view.now)) or ()


def pauses_of(view: View, holding: Holding) -> tuple[Pause, ...]:
    """Those that keep a service as it is; a pause of a NAS is about the sessions there."""
    about = {
        ("everything", ""),
        ("target", "radius"),
        ("group", group_of(holding.document.path)),
        ("service", holding.owner),
    }
    return tuple(one for one in pauses(view) if (one.kind, one.name) in about)


def in_words(pause: Pause, view: View) -> str:
    by = f" by {pause.by}" if pause.by else ""
    return f"{pause.what} is paused until {when(pause.until, view.zone)}{by}: {pause.reason}"
