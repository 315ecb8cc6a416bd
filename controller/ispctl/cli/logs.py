"""What a service says while it runs: one line an event, on stderr. Event names are stable words."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from ispctl.cli.common import Session

if TYPE_CHECKING:
    from structlog.typing import Processor, WrappedLogger

    from ispctl.loop.seen import Logger

LogFormat = Literal["text", "json"]
_PRIORITY: Final = {"info": 6, "warning": 4, "error": 3}


def under_journald(session: Session) -> bool:
    """Whether stderr is journald's, which stamps each line itself (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):  # no real file, as in a test
        return False
    return session.env.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def logger(session: Session, format: LogFormat) -> Logger:
    """key=value for people, JSON for programs; under journald without a time stamp and with the level it knows."""
    import structlog

    journal = under_journald(session)
    steps: list[Processor] = [structlog.processors.add_log_level]
    if not journal:
        steps.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
    if format == "json":
        steps.append(structlog.processors.JSONRenderer(sort_keys=True))
    else:
        order = ["timestamp", "level", "event"]
        steps.append(structlog.processors.LogfmtRenderer(key_order=order, drop_missing=True))
    if journal:
        steps.append(_priority)
    return cast("Logger", structlog.wrap_logger(structlog.PrintLogger(sys.stderr), processors=steps))


def _priority(_logger: WrappedLogger, method: str, line: Any) -> str:
    """The level in front of the line (sd-daemon(3))."""
    return f"<{_PRIORITY.get(method, 6)}>{line}"
