"""Devices asked how they are, for whoever looks: nothing is changed there, and nothing is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ispctl.model.problem import Refusal
from ispctl.nas import Answer, Memory
from ispctl.plan import Fields, Resources, diff
from ispctl.platforms.device import SECRET
from ispctl.reconcile.fleet import Wanted
from ispctl.reconcile.holds import PREFIX
from ispctl.reconcile.logins import Logins, job, sealed
from ispctl.reconcile.stand_ins import stand_ins
from ispctl.reconcile.standing import standing
from ispctl.reconcile.world import World
from ispctl.structs import Struct, replace

PATIENCE: Final = 15.0
"""Seconds for one device: somebody waits for the answer."""


class Asked(Struct):
    """What a NAS says now. `uptime` in seconds; `online`: sessions on it, None where it cannot tell. `drift`: keys that
    stand otherwise than it was last made; None where that is not known."""

    reachable: bool
    code: str = ""
    text: str = ""
    vendor: str = ""
    model: str = ""
    version: str = ""
    uptime: int | None = None
    online: int | None = None
    drift: int | None = None


def ask(world: World, wanted: Mapping[str, Wanted]) -> dict[str, Asked]:
    """Each of these once, side by side. Raises Refusal where there is no key to get in with."""
    assert world.nas is not None
    memory, found, jobs = Memory(world.store), dict[str, Asked](), []
    known, secrets = memory.known(), world.store.sees_secrets
    doors = stand_ins(world.store)
    locked = doors is None and any(True for one in wanted.values() for _ in sealed(one.nas))
    keyring = world.keyring() if locked else None
    logins = Logins(lambda: keyring or world.keyring(), doors)
    for host, one in wanted.items():
        try:
            asked = job(world, one.nas, logins(one.nas), known.get(host, {}))
        except Refusal as refusal:
            found[host] = Asked(False, refusal.problems[0].code, refusal.problems[0].text)
        else:
            jobs.append(replace(asked, attempts=1, deadline=min(asked.deadline, PATIENCE)))
    answers = world.nas.run(jobs, world.progress, "NAS read")
    made = {host: was for host, was in memory.made().items() if host in answers and answers[host].fine}
    stand = standing(world, wanted, made)
    for host, answer in answers.items():
        found[host] = _said(answer, _held(stand.get(host)), secrets=secrets)
    return found


def _said(answer: Answer, want: Resources | None, *, secrets: bool) -> Asked:
    if not answer.fine:
        return Asked(False, answer.code, answer.text)
    have, facts = answer.resources, answer.facts
    if want is not None and not secrets:  # whoever may not read our key cannot tell whether a secret is ours
        have, want = _without(have), _without(want)
    return Asked(
        True,
        vendor=facts.vendor,
        model=facts.model,
        version=facts.version,
        uptime=None if facts.uptime is None else int(facts.uptime),
        online=answer.online[0],
        drift=None if want is None else len(diff(PREFIX + answer.host, want, have)),
    )


def _held(one: Wanted | None) -> Resources | None:
    """What it should hold; None where that is not known, or cannot be understood any more."""
    try:
        return one.resources() if one is not None else None
    except (Refusal, KeyError):
        return None


def _without(resources: Resources) -> Resources:
    return {key: _bare(said) for key, said in resources.items()}


def _bare(said: Fields) -> Fields:
    return {name: value for name, value in said.items() if name != SECRET}
