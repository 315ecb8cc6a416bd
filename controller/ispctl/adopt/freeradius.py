"""A FreeRADIUS database as a source of an import: every login that is not in git yet, with its groups and NAS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ispctl.adopt.meaning import Meaning, understand
from ispctl.adopt.old import Finding, OldGroup
from ispctl.adopt.reading import OldDatabase
from ispctl.adopt.source import Asked, Told
from ispctl.structs import replace


class FreeRadius:
    """Reads `old`; `people` are profiles by login, from a file of the ISP's own."""

    def __init__(self, old: OldDatabase, people: Mapping[str, Mapping[str, str]]) -> None:
        self._old, self._people = old, people

    def told(self, asked: Asked) -> Told:
        groups = self._old.groups()
        logins = [login for login in self._old.logins() if asked.is_new(login)]
        meanings: list[Meaning] = []
        findings: set[Finding] = set(_unused(groups, self._old.members()))  # what is said of a row is said once
        for number, person in enumerate(self._old.people(logins), start=1):
            understood = understand(person, groups, asked.zone)
            findings.update(understood.findings)
            if understood.meaning is not None:
                meanings.append(replace(understood.meaning, profile=self._people.get(person.login, {})))
            asked.progress("logins", number, len(logins))
        return Told(len(logins), meanings, list(findings), self._old.nas(), self._old.pools())


def _unused(groups: Mapping[str, OldGroup], members: Mapping[str, int]) -> Iterator[Finding]:
    for name in groups:
        if not members.get(name):
            first = (*groups[name].reply, *groups[name].check)[0]
            text = "a group that no login is in: left where it is"
            yield Finding("note", "group-without-logins", text, first.table, first.id)
