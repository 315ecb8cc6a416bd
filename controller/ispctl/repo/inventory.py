"""Nornir's inheritance, resolved once: a host's own value, else its groups' in order, else the defaults'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from ispctl.model.document import Document
from ispctl.model.network import FALLBACK, Accounting, Defaults, Host, HostGroups, Hosts, Management, Nas, Nornir
from ispctl.model.problem import Where
from ispctl.structs import Struct


class Password(Struct):
    """A sealed password for management, the place it must be sealed for (`<kind>/<owner>/password`) and its line."""

    kind: Literal["nas", "nas-group", "nas-defaults"]
    owner: str
    text: str
    where: Where


class Inventory:
    """All NAS of one commit, and what names of hosts and groups stand for."""

    def __init__(
        self,
        hosts: Document[Hosts] | None,
        groups: Document[HostGroups] | None,
        defaults: Document[Defaults] | None,
    ) -> None:
        self._hosts = hosts.value.root if hosts else {}
        self._groups = groups.value.root if groups else {}
        self._files = (hosts, groups, defaults)
        self._defaults = defaults.value if defaults else None
        self.nas: Mapping[str, Nas] = {
            name: self._resolve(name, host, hosts) for name, host in sorted(self._hosts.items()) if hosts
        }

    def reach(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The hosts that names of hosts and groups stand for, sorted; a name that is neither stands for none."""
        wanted = set(names)
        return tuple(name for name, nas in self.nas.items() if name in wanted or wanted & nas.groups)

    def knows(self, name: str) -> bool:
        """Whether a name is a host or a group."""
        return name in self._hosts or name in self._groups

    @property
    def names(self) -> list[str]:
        """Every host and group, for "did you mean"."""
        return sorted({*self._hosts, *self._groups})

    def where(self, name: str, field: str, *within: str) -> Where:
        """Where a host's own `data` is written: with it, with the first of its groups that says it, or for all.
        `within`: the place of a part of it."""
        hosts, groups, defaults = self._files
        host = self._hosts[name]
        above = [(groups, (group,), self._groups[group]) for group in self._group_names(host) if group in self._groups]
        for document, loc, part in [(hosts, (name,), host), *above]:
            if document is not None and getattr(part.data, field) is not None:
                return document.where_key(*loc, "data", field, *within)
        if defaults is not None and getattr(defaults.value.data, field) is not None:
            return defaults.where_key("data", field, *within)
        return self.nas[name].where

    def passwords(self) -> Iterator[Password]:
        """Every sealed password for management, where it stands: inherited ones once."""
        hosts, groups, defaults = self._files
        if hosts:
            for name, host in self._hosts.items():
                if host.password is not None:
                    yield Password("nas", name, host.password, hosts.where(name, "password"))
        if groups:
            for name, group in self._groups.items():
                if group.password is not None:
                    yield Password("nas-group", name, group.password, groups.where(name, "password"))
        if defaults and defaults.value.password is not None:
            yield Password("nas-defaults", "all", defaults.value.password, defaults.where("password"))

    def _resolve(self, name: str, host: Host, document: Document[Hosts]) -> Nas:
        chain = [host, *self._ancestors(host), *([self._defaults] if self._defaults else [])]
        return Nas(
            name=name,
            platform=_first(chain, "platform") or FALLBACK,
            groups=frozenset(self._group_names(host)),
            radius=_first([part.data for part in chain], "radius"),
            coa=_first([part.data for part in chain], "coa"),
            accounting=_first([part.data for part in chain], "accounting") or Accounting(),
            at=document.line(name),
            managed=_first([part.data for part in chain], "managed"),
            device=_first([part.data for part in chain], "device"),
            management=self._management(name, host, chain),
        )

    def _management(self, name: str, host: Host, chain: list[Nornir]) -> Management:
        above = [group for group in self._group_names(host) if group in self._groups]
        places = [("nas", name), *(("nas-group", group) for group in above), ("nas-defaults", "all")]
        said = ((place, part.password) for place, part in zip(places, chain, strict=False) if part.password)
        (kind, owner), password = next(said, (("nas", name), ""))
        options: dict[str, Any] = {}
        for part in reversed(chain):
            options |= part.connection_options
        return Management(
            hostname=_first(chain, "hostname") or name,
            port=_first(chain, "port"),
            username=_first(chain, "username") or "",
            password=password,
            kind=kind,
            owner=owner,
            options=options,
        )

    def _group_names(self, host: Host) -> Iterator[str]:
        """The groups of a host and theirs, nearest first, each once (a circle ends)."""
        seen: set[str] = set()
        waiting = list(host.groups)
        while waiting:
            name = waiting.pop(0)
            if name not in seen:
                seen.add(name)
                yield name
                waiting += self._groups[name].groups if name in self._groups else ()

    def _ancestors(self, host: Host) -> Iterator[Nornir]:
        return (self._groups[name] for name in self._group_names(host) if name in self._groups)


class Inventories:
    """Makes them, and gives the last one again for the same documents: what differs between the parts of commits that
    are read one after the other is hardly ever the fleet, and to resolve one of a thousand NAS takes its time."""

    def __init__(self) -> None:
        self._of: tuple[Document[Any] | None, ...] = ()
        self._last: Inventory | None = None

    def __call__(
        self,
        hosts: Document[Hosts] | None,
        groups: Document[HostGroups] | None,
        defaults: Document[Defaults] | None,
    ) -> Inventory:
        asked = (hosts, groups, defaults)
        if self._last is None or any(one is not known for one, known in zip(asked, self._of, strict=True)):
            self._of, self._last = asked, Inventory(hosts, groups, defaults)
        return self._last


def _first(chain: list[Any], field: str) -> Any:
    values = (getattr(part, field) for part in chain)
    return next((value for value in values if value is not None), None)
