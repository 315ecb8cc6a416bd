"""NAS whose clocks are wrong, as the server wrote it down when it did not believe one (`isp_clock` of server.conf)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ispctl.store.records import moment, stamp

if TYPE_CHECKING:
    from ispctl.store._store import Store


class Clock(NamedTuple):
    """`ahead`: seconds, below nought where it is behind; `at`: when that was last seen."""

    nas: str
    ahead: int
    at: datetime | None


def wrong(store: Store, since: datetime) -> tuple[Clock, ...]:
    """Of each NAS that was not believed since then, by name. One that is behind has told the same wrong time twice, at
    least a minute apart: a report that waited without counting is late once, and each by another time."""
    sql = "SELECT nas, ahead, at FROM ispctl_clock WHERE at >= ? AND (ahead > 0 OR agreed > 0) ORDER BY nas"
    return tuple(
        Clock(str(nas), int(ahead), moment(at)) for nas, ahead, at in store.database.query(sql, (stamp(since),))
    )
