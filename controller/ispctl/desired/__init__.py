"""What one service is entitled to now, until when, and why. Pure: record + context + now -> Entitlement."""

from ispctl.desired._fair_use import Reading, forgiven, given, meters, tier_name, volume
from ispctl.desired._frame import Frame
from ispctl.desired._known import identities, sealed_digest
from ispctl.desired._service import Course, Turn, entitle, entitle_all, meters_of, turns
from ispctl.desired._values import (
    Because,
    Context,
    Entitlement,
    FirstLogin,
    Likeness,
    NewPassword,
    Terms,
    all_terms,
    pop_of,
    terms_of,
    tiered,
)

__all__ = [
    "Because",
    "Context",
    "Course",
    "Entitlement",
    "FirstLogin",
    "Frame",
    "Likeness",
    "NewPassword",
    "Reading",
    "Terms",
    "Turn",
    "all_terms",
    "entitle",
    "entitle_all",
    "forgiven",
    "given",
    "identities",
    "meters",
    "meters_of",
    "pop_of",
    "sealed_digest",
    "terms_of",
    "tier_name",
    "tiered",
    "turns",
    "volume",
]
