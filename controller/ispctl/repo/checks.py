"""What is wrong with one commit: the problems of single files, and the rules that hold across files.

Each module of `rules` answers for one part of the tree. A rule says nothing about what it could not read: whatever
names a broken file is left alone until that file is mended, so that one mistake gives one message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from ispctl.model.problem import Problem, in_order
from ispctl.repo.rules import (
    addresses,
    devices,
    fleet,
    ledgers,
    lines,
    managed,
    names,
    pools,
    routers,
    secrets,
    services,
    tariffs,
    unenforced,
    unique,
)
from ispctl.repo.rules.scene import Scene
from ispctl.repo.snapshot import Snapshot

RULES: Final[tuple[Callable[[Scene], Iterator[Problem]], ...]] = (
    names.rules,
    ledgers.rules,
    managed.rules,
    fleet.rules,
    devices.rules,
    pools.rules,
    tariffs.rules,
    routers.rules,
    services.rules,
    unique.rules,
    lines.rules,
    addresses.rules,
    secrets.rules,
    unenforced.rules,
)


def check(snapshot: Snapshot, now: datetime) -> list[Problem]:
    """Everything that is wrong with a commit, errors before warnings, in order of place.

    `now` (aware) decides which services are over: they hold no login and no address any more.
    """
    scene = Scene(snapshot, now)
    return in_order([*snapshot.problems, *(problem for rule in RULES for problem in rule(scene))])
