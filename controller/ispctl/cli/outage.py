"""`ispctl grace --nas X --from T1 --to T2`: who was on a NAS while it was down, as the accounting has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from ispctl.cli.common import tell
from ispctl.cli.many import fetched, selected
from ispctl.cli.verb import Wanted
from ispctl.model.problem import Problem, Refusal
from ispctl.structs import Struct

if TYPE_CHECKING:
    from ispctl.repo import Holding, Repository, Snapshot
    from ispctl.verbs.grace import Outage
    from ispctl.verbs.rows import Row


class Down(Struct):
    """An outage as it was typed, and a key that names it and no other."""

    outage: Outage
    nas: str
    group: str

    @property
    def key(self) -> str:
        return f"outage:{self.nas or self.group}:{self.outage.text}"


def down(wanted: Wanted, nas: str, group: str, since: str | None, until: str | None) -> Down | None:
    """What --nas, --from and --to say; None where they say nothing. Raises Refusal E600, E687."""
    from zoneinfo import ZoneInfo

    from ispctl.cli.times import at_time
    from ispctl.verbs.grace import outage_of

    if since is None and until is None and not nas:
        return None
    now = wanted.session.now
    with wanted.session.repository() as repository:
        zone = ZoneInfo(repository.part(fetched(wanted), ()).policy.value.timezone)
    ends = [at_time(text, now, zone, flag) if text else None for text, flag in ((since, "--from"), (until, "--to"))]
    begins, ended = (end.astimezone(zone) if end else None for end in ends)
    found = outage_of(begins, ended, now)
    if found is None:
        text = "an outage has a beginning and an end"
        raise Refusal(Problem("E687", text, advice="Say both: --from and --to"))
    return Down(found, nas, group)


def rows(wanted: Wanted, down: Down, values: Mapping[str, str]) -> list[Row]:
    """A row for each service that was on the NAS, or is in the group; each with a key of its own. Raises Refusal."""
    from ispctl.verbs.rows import Row

    found = dict(_met(wanted, down) if down.nas else dict.fromkeys(selected(wanted, down.group, None)))
    more = {"from": down.outage.since.isoformat(), "to": down.outage.until.isoformat(), **values}
    return [
        Row(number, {**more, "sub": owner, "key": f"{wanted.key or down.key}:{owner}"}, fault)
        for number, (owner, fault) in enumerate(found.items(), 1)
    ]


def _met(wanted: Wanted, down: Down) -> Iterator[tuple[str, Problem | None]]:
    """The services that were on it, and what stands against one."""
    session, base = wanted.session, fetched(wanted)
    with session.repository() as repository:
        logins = _logins(wanted, repository.part(base, ()), down)
        part = _part(wanted, repository, base, logins)
    found = {login: [h for h in part.by_login(login) if _there(h, down)] for login in sorted(logins)}
    owners = sorted((held.owner, logins[login]) for login, held_by in found.items() for held in held_by)
    if strangers := sum(not held_by for held_by in found.values()):
        tell(f"{strangers:,} logins that were on then are nobody's now, archived or renamed: left out.")
    for owner, on in owners:
        yield owner, None if on else _unknown(owner, down)


def _there(held: Holding, down: Down) -> bool:
    """Whose login it was then: one that is over may be somebody else's since."""
    from zoneinfo import ZoneInfo

    from ispctl.model.days import moment

    over = held.service.terminated
    zone = down.outage.since.tzinfo
    assert isinstance(zone, ZoneInfo)
    return over is None or moment(over, zone) > down.outage.since


def _part(wanted: Wanted, repository: Repository, base: str, logins: Mapping[str, bool]) -> Snapshot:
    with wanted.session.reading(repository) as index:
        return index.lookup.part(base, logins)


def _unknown(owner: str, down: Down) -> Problem:
    text = f"{owner} has a session that was last heard of before the outage and never ended: it may not have been on"
    begin, end = (one.isoformat(timespec="minutes") for one in (down.outage.since, down.outage.until))
    return Problem("E726", text, advice=f"If it was: ispctl grace {owner} --from {begin} --to {end}")


def _logins(wanted: Wanted, shared: Snapshot, down: Down) -> Mapping[str, bool]:
    from ispctl.radius.live import nas_by_address
    from ispctl.status.names import one_of
    from ispctl.status.online import STALE
    from ispctl.store import facts

    names = shared.reach((down.nas,))
    if not names:
        one_of("--nas", down.nas, sorted(shared.nas))
    hosts = [shared.nas[name] for name in names]
    addresses = nas_by_address(hosts)
    if not addresses:
        text = f"--nas {down.nas} is no RADIUS client: nobody can have been on it"
        raise Refusal(Problem("E621", text, advice="Take a NAS with data.radius in inventory/hosts.yaml"))
    slack = timedelta(seconds=STALE * max(nas.accounting.interim for nas in hosts))
    with wanted.session.store(shared, readonly=True) as store:
        return facts.was_on(store, list(addresses), down.outage.since, down.outage.until, slack)
