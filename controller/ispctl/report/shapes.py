"""The shape of a plan as JSON; `schema/plan.schema.json` says the same to everybody else."""

from __future__ import annotations

from typing import Any, Literal, TypedDict


class ReasonJson(TypedDict):
    """Why something is so. `file` is "" and `line` 0 where nobody wrote it down; `commit` is "" for an old line."""

    code: str
    text: str
    file: str
    line: int
    commit: str


class ServiceJson(TypedDict):
    """What happens to one service. `was` and `will_be` are {} where it does not exist."""

    id: str
    key: str
    login: str
    effects: list[str]
    was: dict[str, Any]
    will_be: dict[str, Any]
    session: Literal["kept", "dropped", "none", "unknown"]
    if_online: Literal["kept", "dropped"]
    cause: Literal["commit", "clock", "facts", "drift"]
    left: Literal["", "paused", "observed"]
    because: list[ReasonJson]


class CohortJson(TypedDict):
    """Many services to which the same happens for the same reason; `sample` names five."""

    because: ReasonJson
    effects: list[str]
    count: int
    sample: list[str]


class SidesJson(TypedDict):
    """A field before and after; null where it is not there."""

    before: Any
    after: Any


class ChangeJson(TypedDict):
    """One row, session or object of a target; only the fields that differ."""

    id: str
    target: str
    action: Literal["create", "update", "delete"]
    key: str
    fields: dict[str, SidesJson]
    needs: list[str]
    because: list[ReasonJson]


class UnreadJson(TypedDict):
    """A target that gave no answer."""

    target: str
    code: str
    text: str


class ProblemJson(TypedDict):
    """Something that is wrong. `file` is "" where it is about no file, and `line` 0 where about no line of it."""

    code: str
    slug: str
    severity: Literal["error", "warning"]
    text: str
    file: str
    line: int
    column: int
    advice: str


class StopJson(TypedDict):
    """What people decided to leave as it is; `until` is null where nothing ends it but an edit."""

    kind: Literal["paused", "observed"]
    what: str
    id: str
    by: str
    reason: str
    until: str | None
    services: list[str]
    changes: list[str]


class EndingJson(TypedDict):
    """Sessions that end on a NAS because it is configured: how many are there now, null where that is not asked; how
    many services git has there, null where it is; the ids of all that is done there."""

    target: str
    sessions: int | None
    at_most: int | None
    changes: list[str]


class SwitchJson(TypedDict):
    """A group or NAS that is written from now on, or only observed from now on."""

    what: str
    was: Literal["observe", "enforce"]
    now: Literal["observe", "enforce"]
    services: int
    because: ReasonJson


class ComingJson(TypedDict):
    """How many services the clock alone ends until a moment."""

    until: str
    ends: int


class HeadJson(TypedDict):
    """A plan without what may be long. Times are RFC 3339 with offset, rates integer bit/s. `refused` is null where it
    was not asked whether an apply would be."""

    version: Literal[1]
    kind: Literal["proposed", "live"]
    commit: str
    base: str
    now: str
    digest: str
    assumes: list[str]
    summary: dict[str, int]
    cohorts: list[CohortJson]
    unread: list[UnreadJson]
    stops: list[StopJson]
    ends: list[EndingJson]
    coming: ComingJson | None
    switches: list[SwitchJson]
    rerendered: list[str]
    refused: list[ProblemJson] | None


class PlanJson(HeadJson):
    """A plan."""

    services: list[ServiceJson]
    changes: list[ChangeJson]
