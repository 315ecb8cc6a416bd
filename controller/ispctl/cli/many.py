"""One verb for many: those who are named, those of a group, those whose time ends soon, or those of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ispctl.cli.batch import answer, batched, table_of
from ispctl.cli.common import Session, tell
from ispctl.cli.verb import Wanted
from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ispctl.model.subscriber import Service
    from ispctl.repo import Holding, Repository, Snapshot
    from ispctl.verbs.rows import Row

SubsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="SUB…", help="Logins, ids or id/key.", show_default=False)
]
GroupOption = Annotated[str, typer.Option("--group", metavar="G", help="All services of a group.")]
ExpiringOption = Annotated[
    str, typer.Option("--expiring", metavar="DAYS", help="Whose paid time ends within so many days, like 3d.")
]
TableOption = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="A row each: sub, key, and what the verb takes; -: stdin.")
]
_LONGEST: Final = 366


def for_many(
    wanted: Wanted,
    name: str,
    values: Mapping[str, str],
    *,
    subs: Sequence[str] = (),
    group: str = "",
    expiring: str = "",
    table: Path | None = None,
) -> None:
    """Carry a verb out for all of them, in one commit, with a result for each. `values`: what it takes, the same for
    all; a row of a table says its own. Raises Refusal, typer.Exit."""
    given = [bool(subs), bool(group or expiring), table is not None]
    if sum(given) != 1:
        raise typer.BadParameter("name whom: SUB…, --group or --expiring, or --csv FILE; one of them")
    for_rows(wanted, name, list(_rows(wanted, name, values, subs, group, expiring, table)))


def for_rows(wanted: Wanted, name: str, rows: Sequence[Row]) -> None:
    """The same for rows that are known already."""
    if not rows:
        raise Refusal(Problem("E321", "nobody is meant by that", advice="ispstat list shows who there is"))
    done, found = batched(wanted, rows, name)
    answer(wanted, done, found)


def _rows(
    wanted: Wanted,
    name: str,
    values: Mapping[str, str],
    subs: Sequence[str],
    group: str,
    expiring: str,
    table: Path | None,
) -> Iterator[Row]:
    from ispctl.verbs.rows import Row

    if table is not None:
        for row in table_of(wanted, table, name):
            yield Row(row.number, {**values, **row.values})
        return
    yield from each(subs or selected(wanted, group, _days(expiring)), values)


def each(owners: Sequence[str], values: Mapping[str, str]) -> list[Row]:
    """A row for each."""
    from ispctl.verbs.rows import Row

    return [Row(number, {"sub": owner, **values}) for number, owner in enumerate(owners, 1)]


def selected(wanted: Wanted, group: str, days: int | None) -> list[str]:
    """The live services of a group (all groups, if it is ""), with a paid day within so many days from now on, if any
    are given. Who began with a first login has the day that follows from it. Raises Refusal E616."""
    from zoneinfo import ZoneInfo

    from ispctl.model.days import local_day
    from ispctl.money import held_days

    session, base = wanted.session, fetched(wanted)
    with session.repository() as repository:
        shared = repository.part(base, ())
        zone = ZoneInfo(shared.policy.value.timezone)
        today = session.now.astimezone(zone).date()
        _known(shared, group)

        def fits(service: Service, until: datetime | date | None) -> bool:
            if days is None:
                return True
            if until is None:
                return False
            last = local_day(until, zone) + timedelta(days=held_days(service, zone))
            return today <= last <= today + timedelta(days=days)

        found: list[str] = []
        waiting: dict[str, Service] = {}
        for held in _services(wanted, repository, base, group):
            service = held.service
            if service.terminated is not None:
                continue
            if service.activation is not None:
                waiting[held.owner] = service
            known = service.activated or service.paid_until  # who was imported has the latter alone
            if known is not None and fits(service, service.paid_until):
                found.append(held.owner)
        ends = _ends(session, shared, waiting, zone)
        return found + [owner for owner, until in ends.items() if fits(waiting[owner], until)]


def _ends(session: Session, shared: Snapshot, waiting: Mapping[str, Service], zone: ZoneInfo) -> dict[str, date]:
    """Of services that wait for their first login, those that had it: the last day that is paid. Where the database
    cannot be asked, that is said, and there are none."""
    from ispctl.model.days import moment
    from ispctl.money import begun
    from ispctl.store import first_logins

    if not waiting:
        return {}
    try:
        with session.store(shared, readonly=True) as store:
            told = first_logins.told(store, set(waiting), session.now)
    except Refusal as refusal:
        whom = "1 service waits" if len(waiting) == 1 else f"{len(waiting)} services wait"
        tell(f"{whom} for a first login or began with it, and who did cannot be asked: not meant.\n{refusal}")
        return {}
    found = dict[str, date]()
    for owner, service in waiting.items():
        activation, at = service.activation, told.get(owner)
        if activation is not None and at is not None and at >= moment(activation.since, zone).replace(microsecond=0):
            found[owner] = begun(activation, at, zone)
    return found


def begun(wanted: Wanted, group: str) -> list[str]:
    """The services of a group that began with their first login, of which no file says so. Raises Refusal E616,
    E3xx."""
    from ispctl.store import first_logins

    session, base = wanted.session, fetched(wanted)
    with session.repository() as repository:
        shared = repository.part(base, ())
        _known(shared, group)
        services = _services(wanted, repository, base, group)
        waiting = [held.owner for held in services if held.service.activation is not None]
        with session.store(shared, readonly=True) as store:
            told = first_logins.told(store, set(waiting), session.now)
    return [owner for owner in waiting if owner in told]


def postpaid(wanted: Wanted, group: str) -> list[str]:
    """The services of a group (all groups, if it is ""), ended ones too, whose tariff is postpaid now. Raises
    Refusal E616."""
    from ispctl.desired import entitle
    from ispctl.model.subscriber import group_of

    session, base = wanted.session, fetched(wanted)
    with session.repository() as repository:
        shared = repository.part(base, ())
        _known(shared, group)
        names = {one.value.name for one in shared.tariffs() if one.value.billing == "postpaid"}

        def is_on(held: Holding) -> bool:
            default = shared.group(group_of(held.document.path))
            own = held.service.tariff or (default.value.defaults.tariff if default else None)
            if own not in names and not any(one.set.tariff in names for one in held.service.scheduled):
                return False
            return entitle(held.document, held.number, shared, session.now).terms.tariff in names

        return [held.owner for held in _services(wanted, repository, base, group) if is_on(held)]


def _known(shared: Snapshot, group: str) -> None:
    """Raises Refusal E616."""
    if group and group not in shared.group_folders:
        known = ", ".join(sorted(shared.group_folders))
        raise Refusal(Problem("E616", f"there is no group {group}", advice=f"There are: {known}"))


def fetched(wanted: Wanted) -> str:
    """The commit that everybody works on."""
    from ispctl.repo.remote import Remote

    session = wanted.session
    return Remote(session.repo, wanted.into or Remote(session.repo, "", session.env).head(), session.env).fetch()


def _services(wanted: Wanted, repository: Repository, base: str, group: str) -> Iterator[Holding]:
    from ispctl.index import Narrow

    with wanted.session.reading(repository) as index:
        slices = index.lookup.slices(base, None, Narrow(group=group))
        if slices is not None:
            for one in slices:
                yield from one.services
            return
        for held in repository.at(base).services():
            if not group or held.document.path.split("/")[1] == group:
                yield held


def _days(text: str) -> int | None:
    """3d, or 3."""
    if not text:
        return None
    number = text.removesuffix("d")
    if not (number.isascii() and number.isdigit() and int(number) <= _LONGEST):
        raise typer.BadParameter(f"expected days up to {_LONGEST}, like 3d", param_hint="--expiring")
    return int(number)
