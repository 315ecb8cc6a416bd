"""Whom a plan knows by their names alone: what happens to one of a kind, who was looked at, happens to all of it."""

from __future__ import annotations

from collections.abc import Iterator

from ispctl import gates
from ispctl.index import Look
from ispctl.plan import Many, Plan, ServiceChange, alike, cohorts
from ispctl.repo.layout import is_shared
from ispctl.structs import replace


class EachItself(Exception):
    """Not all of a kind are alike in what a plan says of them."""


def with_many(plan: Plan, look: Look) -> Plan:
    """A proposed plan of those who were looked at, with those for whom a rate is all that differs. Raises EachItself
    where an example has rows or reasons of its own, or where parts are only observed."""
    if not look.crowds:
        return plan
    if plan.stops or plan.switches:
        raise EachItself
    many = tuple(_many(plan, look))
    told = cohorts(alike(plan.services, many))
    return replace(plan, many=many, cohorts=told, sums=gates.sums(plan).plus(gates.sums_of(many)))


def _many(plan: Plan, look: Look) -> Iterator[Many]:
    services = {service.owner: service for service in plan.services}
    rows = {owner for change in plan.changes for owner in gates.owners_of(change)}
    for crowd in look.crowds:
        example = services.get(crowd.example)
        if crowd.example in rows or (example is not None and not _shared(example)):
            raise EachItself
        if example is not None:
            yield Many(example, crowd.owners, crowd.logins)


def _shared(example: ServiceChange) -> bool:
    """Whether the first reason is also that of others."""
    return bool(example.because) and is_shared(example.because[0].file)
