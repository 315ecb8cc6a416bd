"""Which database rows are ours, and what did we do to them? Lends its connection.

Imported by radius, reconcile, status and lab; imports plan and model only.
"""

from ispctl.store._database import Database, Statement
from ispctl.store._dsn import Address, File, address
from ispctl.store._errors import odd
from ispctl.store._foreign import reading
from ispctl.store._journal import Run
from ispctl.store._lock import Holder
from ispctl.store._store import LAB_CLIENT, LAB_DEVICES, LAB_DOOR, Meta, Store
from ispctl.store.heartbeat import LEASE, Beat, Heartbeat, LoopState
from ispctl.store.records import (
    Applied,
    AppliedService,
    Limit,
    Message,
    Pause,
    Proof,
    Reject,
    RunRecord,
    Session,
    Undone,
)

__all__ = [
    "LAB_CLIENT",
    "LAB_DEVICES",
    "LAB_DOOR",
    "LEASE",
    "Address",
    "Applied",
    "AppliedService",
    "Beat",
    "Database",
    "File",
    "Heartbeat",
    "Holder",
    "Limit",
    "LoopState",
    "Message",
    "Meta",
    "Pause",
    "Proof",
    "Reject",
    "Run",
    "RunRecord",
    "Session",
    "Statement",
    "Store",
    "Undone",
    "address",
    "odd",
    "reading",
]
