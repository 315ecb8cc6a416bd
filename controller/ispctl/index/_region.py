"""The part of two commits that a change can concern, found without reading the rest.

Everything else is as it was when the index was made: the same files, the same shared files as far as they matter, and
nobody among the rest claims what somebody in this part claims. Where what many share has changed, there are others whom
that may concern: their own files are the same, and none of them shares anything with another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from ispctl.index._crowds import FEW, Crowd, Rated, Rates, meant, rate_alone, rated
from ispctl.index._file import File
from ispctl.index._rows import REMEMBERED, claims_of, document_at, traits
from ispctl.model.ledger import companion
from ispctl.model.roles import ROLES
from ispctl.repo import Repository, Snapshot, profiles
from ispctl.repo.facts import Tally
from ispctl.repo.layout import PROFILES, is_shared
from ispctl.repo.traits import LINES, ROUTERS, hashed, spans
from ispctl.structs import Struct, replace

_OF_NOBODY = frozenset({"inventory/keyring.age", "inventory/recipients.txt", ROLES})
"""Shared files on which nothing of a subscriber depends."""


TOGETHER: Final = 2000
"""So many whom a shared file concerns are looked at together with those that differ."""


class Region(Struct):
    """Files, as several commits have them; all others are in each commit as the index has them."""

    numbers: frozenset[int]
    parts: Mapping[str, Snapshot]
    """By commit, that of the index among them; each knows the facts of its whole commit, but where they are to be
    counted anew (`recount`): then those of the index, with what differs in these files."""
    paths: frozenset[str]
    others: Others
    crowds: tuple[Crowd, ...] = ()
    """Whom only the rate of their tariff concerns, and who are in none of these files, nor among the others."""


class Besides(Struct):
    """Whom a look has to include though no file of theirs differs: everybody whom time has changed after `since`, the
    subscribers with these ids, and whoever has these logins; or everybody there is."""

    since: datetime | None = None
    ids: Collection[str] = ()
    logins: Collection[str] = ()
    everybody: bool = False


class Others:
    """Whom a shared file may concern, beside those that differ: these files, or all."""

    def __init__(self, *, everybody: bool) -> None:
        self.paths: set[str] = set()
        self.everybody = everybody
        self.recount = False
        """Whether what all say together is another."""
        self.rated: set[str] = set()
        """The tariffs of which nothing but the rate is another: nobody is judged otherwise for that."""
        self.stale = False
        """Whether what the index says of them is no longer so even where nothing differs."""

    @property
    def any(self) -> bool:
        return self.everybody or bool(self.paths)


def region(
    repository: Repository,
    index: File,
    commits: Collection[str],
    now: datetime,
    besides: Besides,
    together: int = TOGETHER,
    rates: Rates = "read",
    few: int = FEW,
) -> Region:
    """What these commits have otherwise than the index, and whoever that concerns. `together`: see TOGETHER; `few`: see
    FEW. Raises Refusal."""
    others = Others(everybody=besides.everybody)
    numbers = index.due(index.checked, int(now.timestamp()))
    if now.timestamp() < index.checked:
        others.everybody = others.stale = True
    if besides.since is not None:
        if besides.since.timestamp() < index.checked - REMEMBERED.total_seconds():
            others.everybody = True
        numbers |= index.turned(int(besides.since.timestamp()), int(now.timestamp()))
    numbers |= index.claiming(hashed("id", id) for id in besides.ids)
    numbers |= index.claiming(hashed("login", login.casefold()) for login in besides.logins)
    seeds: set[str] = set(index.paths(numbers))
    for commit in commits:
        seeds |= _changed(repository, index, commit, others)
    crowded = _crowded(index, others, now, seeds, rates, together, few)
    if not others.everybody and len(others.paths) <= together:
        seeds, others.paths = seeds | others.paths, set()
        others.recount = False
    if others.any:
        seeds |= set(index.paths(index.shared()))
    found = _Closing(repository, index, [index.commit, *commits]).region(seeds, others)
    without = found.numbers | set(index.numbers(others.paths)) if crowded.kinds else ()
    return replace(found, crowds=tuple(crowded.crowds(without)))


def _crowded(
    index: File, others: Others, now: datetime, seeds: set[str], rates: Rates, together: int, few: int
) -> Rated:
    """Whom only the rate of their tariff concerns: those who are counted, and beside them, in `others` or in `seeds`,
    those who are read. Where more differs than rates, all are read."""
    if rates == "left out" or not others.rated or others.everybody:
        return Rated()
    users = index.using(hashed("tariff", name) for name in others.rated)
    if rates == "read" or others.any or len(users) <= together:
        others.paths |= set(index.paths(users))
        return Rated()
    found = rated(index, others.rated, now, set(index.numbers(seeds)), few)
    examples = {example.file for example, _ in found.kinds}
    seeds |= set(index.paths(examples))
    others.paths |= set(index.paths(found.alone - examples))
    return found


def _changed(repository: Repository, index: File, commit: str, others: Others) -> set[str]:
    """The files that differ from the index; `others` learns who depends on shared files that do."""
    paths = repository.changes(index.commit, commit).paths
    shared = {path for path in paths if is_shared(path)}
    found = set(paths) - shared
    rest = {path for path in shared - _OF_NOBODY if not path.startswith("templates/") or path.startswith(PROFILES)}
    if not rest:
        return found
    before, after = repository.part(index.commit, ()), repository.part(commit, ())
    found |= set(index.failing())  # a message may name what there is instead of what is missing
    for path in rest:
        if path == "inventory/targets.yaml" or path.startswith(PROFILES):
            others.paths |= set(index.paths(index.using(_configured(before, after, path))))
        elif path.startswith("inventory/"):
            others.everybody = True
            others.recount |= before.policy.value.timezone != after.policy.value.timezone
        elif path.startswith("subscribers/"):
            others.paths |= set(index.below(path.rpartition("/")[0]))
            others.recount = True
        elif _means(before, path) != _means(after, path):
            name = path.removeprefix("tariffs/").removesuffix(".yaml")
            if rate_alone(before, after, name):
                others.rated.add(name)
            else:
                others.paths |= set(index.paths(index.using([hashed("tariff", name)])))
    return found


def _configured(before: Snapshot, after: Snapshot, path: str) -> Iterator[int]:
    """What they use whom a file concerns that tells what is configured: a profile of devices comes or goes, or devices
    are configured at all, or NAS are."""
    profile = profiles.profile_of(path)
    if profile is None:
        if before.reaches_routers != after.reaches_routers:
            yield ROUTERS
        if before.reaches_devices != after.reaches_devices:
            yield LINES
    elif (profile in profiles.names(before)) != (profile in profiles.names(after)):
        yield hashed("cpe-profile", profile)


def _means(part: Snapshot, path: str) -> object:
    """All of a tariff that others depend on; whether there is one that cannot be read."""
    tariff = part.tariff(path.removeprefix("tariffs/").removesuffix(".yaml"))
    return meant(tariff.value) if tariff else path in part.broken


class _Closing:
    """Widens a set of files until nobody outside shares anything with anybody inside, in any of the commits."""

    def __init__(self, repository: Repository, index: File, commits: Iterable[str]) -> None:
        self.repository, self.index = repository, index
        self.commits = tuple(dict.fromkeys(commits))

    def region(self, seeds: set[str], others: Others) -> Region:
        paths: set[str] = set()
        fresh = set(seeds)
        while fresh:
            paths |= fresh
            parts = {commit: self.repository.part(commit, fresh) for commit in self.commits}
            fresh = self._neighbours(fresh, parts.values()) - paths
        parts = {commit: self.repository.part(commit, paths) for commit in self.commits}
        known = parts[self.index.commit]
        facts, without = self.index.facts(), tuple(_tallies(known, paths))
        whole = {
            commit: self.repository.part(commit, paths, facts.plus(_tallies(part, paths), without))
            for commit, part in parts.items()
        }
        others.paths -= paths
        return Region(frozenset(self.index.numbers(paths)), whole, frozenset(paths), others)

    def _neighbours(self, paths: Collection[str], parts: Iterable[Snapshot]) -> set[str]:
        """Who claims what one of these files claims in one of the commits."""
        hashes: set[int] = set()
        numbers: set[int] = set()
        for part in parts:
            for path in paths:
                document = document_at(part, path)
                if document is not None:
                    hashes |= set(claims_of(part, document))
                    for span in spans(document):
                        numbers |= set(self.index.touching(span))
        numbers |= self.index.claiming(hashes)
        beside = {companion(path) for path in paths}
        return {*self.index.paths(numbers), *self.index.paths(self.index.numbers(beside))}


def _tallies(part: Snapshot, paths: Collection[str]) -> Iterator[Tally]:
    return (tally for path in sorted(paths) for tally in traits(part, path).tallies)
