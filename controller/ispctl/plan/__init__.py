"""What would change: resources, changes, and the plan as a value. Pure: imports model and desired only.

A plan speaks of people first (`services`: what each gains or loses, and why) and of rows second (`changes`).
"""

from ispctl.plan._build import Disturbs, Pair, build, effects
from ispctl.plan._values import (
    EFFECTS,
    LOSSES,
    Cause,
    Change,
    Cohort,
    Coming,
    Fields,
    Key,
    Plan,
    Resources,
    ServiceChange,
    Session,
    Stop,
    Switch,
    Unread,
    Value,
    diff,
    digest,
    dropped,
    said,
    worst,
)

__all__ = [
    "EFFECTS",
    "LOSSES",
    "Cause",
    "Change",
    "Cohort",
    "Coming",
    "Disturbs",
    "Fields",
    "Key",
    "Pair",
    "Plan",
    "Resources",
    "ServiceChange",
    "Session",
    "Stop",
    "Switch",
    "Unread",
    "Value",
    "build",
    "diff",
    "digest",
    "dropped",
    "effects",
    "said",
    "worst",
]
