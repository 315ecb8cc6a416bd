"""What only one service may hold at a time: a login, a MAC address, a router. A service that is over holds nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from ispctl.model.problem import Problem, Where
from ispctl.model.subscriber import Binding, group_of
from ispctl.repo.rules.scene import Scene, Tenure, called, spot
from ispctl.repo.snapshot import Holding


def rules(scene: Scene) -> Iterator[Problem]:
    for _, holdings in scene.snapshot.logins():
        for first, second in conflicts(scene, holdings):
            text = f"this login also belongs to {called(first)} ({spot(_where(first))})"
            advice = "Upper and lower case count as equal. Give one of them another login, or end one before the other"
            yield Problem("E103", text, _where(second), advice)
    yield from _macs(scene)
    for serial, holdings in scene.snapshot.cpes():
        # ahead of its first day too a device is told who will dial with it
        held = [holding for holding in holdings if not scene.over(scene.tenure(holding))]
        for first, second in pairwise(held):
            text = f"the device {serial} also belongs to {called(first)} ({spot(_where(first))})"
            yield Problem("E143", text, _where(second), "Remove it from one of them: ispctl cpe unlink SUB SERIAL")


def _macs(scene: Scene) -> Iterator[Problem]:
    unique = scene.snapshot.policy.value.mac_unique
    if scene.unread("inventory/policy.yaml"):
        return
    for mac, holdings in scene.snapshot.macs():
        bound = [holding for holding in holdings if binding_of(holding).mode != "off"]
        for part in _by_group(bound) if unique == "group" else [bound]:
            for first, second in conflicts(scene, part):
                text = f"{mac} is also bound to {called(first)} ({spot(_where(first))})"
                if unique == "off":
                    yield Problem("W703", text, _where(second), "If that is not meant, set mac_unique in policy.yaml")
                else:
                    yield Problem("E111", text, _where(second), "Remove it from one of them")


def binding_of(holding: Holding) -> Binding:
    """The binding that lists the device: the service's own, or that of a scheduled change."""
    part, change = holding.loc[2:4]
    later = holding.service.scheduled[int(change)].set.mac if part == "scheduled" else None
    return later or holding.service.mac


def _by_group(holdings: Iterable[Holding]) -> Iterable[Sequence[Holding]]:
    groups: dict[str, list[Holding]] = defaultdict(list)
    for holding in holdings:
        groups[group_of(holding.document.path)].append(holding)
    return groups.values()


def conflicts(scene: Scene, holdings: Sequence[Holding]) -> Iterator[tuple[Holding, Holding]]:
    """(holder, disturber) for each service that takes what another has at that time. The one that has it first is the
    holder; of two that have it now, the one with the smaller id. Costs a sort, however many there are."""
    if len(holdings) < 2:
        return
    held = [(tenure, holding) for holding in holdings if not scene.over(tenure := scene.tenure(holding))]
    held.sort(key=lambda item: (max(item[0].start, scene.now), _rank(item[1])))
    last: tuple[Tenure, Holding] | None = None
    for tenure, holding in held:
        if last and tenure.overlaps(last[0]) and not same_service(last[1], holding):
            yield last[1], holding
        if last is None or tenure.end > last[0].end:
            last = tenure, holding


def _rank(holding: Holding) -> tuple[str, str, int]:
    return holding.document.value.id, holding.document.path, holding.number


def same_service(one: Holding, other: Holding) -> bool:
    return one.document is other.document and one.number == other.number


def _where(holding: Holding) -> Where:
    return holding.document.where(*holding.loc)
