"""What is only observed: each such part is named, since nobody shall believe that it is written."""

from __future__ import annotations

from collections.abc import Iterator

from ispctl.model.problem import Problem
from ispctl.repo.rules.scene import Scene


def rules(scene: Scene) -> Iterator[Problem]:
    snapshot = scene.snapshot
    if snapshot.policy.value.managed == "observe":
        text = "what does not say managed: enforce is only observed: it is planned and never written"
        yield Problem("W713", text, snapshot.policy.where_key("managed"), "managed: enforce, when it is taken over")
    for group in snapshot.groups():
        if group.value.managed == "observe":
            text = f"group {group.value.name} is only observed: its services are planned and never written"
            advice = f"Compare it with what stands there: ispctl adopt --group {group.value.name} --dry-run"
            yield Problem("W713", text, group.where_key("managed"), advice)
    for nas in snapshot.nas.values():
        if nas.managed == "observe":
            text = f"NAS {nas.name} is only observed: its row is not written, its sessions are not told"
            yield Problem("W713", text, nas.where, "managed: enforce, when it is taken over")
