"""What one service is entitled to now, until when, and why. Pure: record + context + now -> Entitlement."""

from ispctl.desired._frame import Frame
from ispctl.desired._known import identities, sealed_digest
from ispctl.desired._service import Course, Turn, entitle, entitle_all, turns
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
    "Terms",
    "Turn",
    "all_terms",
    "entitle",
    "entitle_all",
    "identities",
    "pop_of",
    "sealed_digest",
    "terms_of",
    "turns",
]
