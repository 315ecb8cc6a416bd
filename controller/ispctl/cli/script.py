"""The console scripts. Until a program is read, Ctrl-C ends it like any other."""

from __future__ import annotations

import signal


def ispctl() -> None:
    """`ispctl`"""
    begun = _end_at_once()
    from ispctl.cli.main import main

    _as_before(begun)
    main()


def ispstat() -> None:
    """`ispstat`"""
    begun = _end_at_once()
    from ispctl.cli.stat import main

    _as_before(begun)
    main()


def _end_at_once() -> bool:
    """Whether Ctrl-C would have raised: where it is ignored, as by nohup, it stays so."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return ours


def _as_before(ours: bool) -> None:
    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
