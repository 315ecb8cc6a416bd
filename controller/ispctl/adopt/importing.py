"""What a source tells becomes files: draft, seal, and check as `ispctl validate` would.

Nothing is written here. What the rules across files refuse about a subscriber is taken out and listed, so that what is
left is sound as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from ispctl.adopt.draft import UNNAMED, Draft, Offer, Sub, draft, number_of, subscriber_file, tariff_file
from ispctl.adopt.meaning import Meaning
from ispctl.adopt.old import Finding, in_order
from ispctl.adopt.places import Host, hosts, pools, written
from ispctl.adopt.source import Asked, Progress, Source
from ispctl.adopt.yaml_text import Value, dump
from ispctl.desired import terms_of
from ispctl.model.problem import Problem, Refusal, Where
from ispctl.model.reading import read as read_record
from ispctl.model.record import Loc
from ispctl.model.tariff import Tariff
from ispctl.repo import Snapshot, snapshot_of
from ispctl.repo.checks import check
from ispctl.repo.edit import put
from ispctl.repo.yaml_nodes import Node
from ispctl.secrets import Keyring
from ispctl.structs import Struct, field

HOSTS, POOLS, POLICY = "inventory/hosts.yaml", "inventory/pools.yaml", "inventory/policy.yaml"


class Request(Struct):
    """What an import is told. `known` is the repository it goes into, None for a new one; `frame` are the files that
    are there beside what is imported, by path: of a new one the database's address and the keyring. `group` takes all
    whom it imports. `used` are the ids of everybody, also of those who were archived: none is given again."""

    zone: ZoneInfo
    currency: str
    now: datetime
    group: str | None = None
    known: Snapshot | None = None
    frame: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    used: frozenset[str] = frozenset()


class Imported(Struct):
    """New and changed files by path, and everything there is to say."""

    files: Mapping[str, bytes] = field(repr=False)
    findings: tuple[Finding, ...]
    ids: Mapping[str, str] = field(repr=False)
    """Login -> id of what is imported."""
    counts: Mapping[str, int]


def read(source: Source, request: Request, keyring: Keyring, progress: Progress) -> Imported:
    """Everything of a source that is not in the repository yet. Raises Refusal where the result would be unsound."""
    known = request.known
    told = source.told(Asked(request.zone, known, request.used, progress))
    meanings, findings = told.meanings, list(told.findings)
    attributes = Counter(one.told for one in meanings if one.told)
    found, said = hosts([one for one in told.nas if not _is_known(known, one.address)], attributes)
    findings += said
    last = max(map(number_of, request.used), default=0)
    drafted = draft(meanings, _with_known(found, known), request.group, last, _taken(known))
    findings += drafted.findings
    written_pools, said = pools(meanings, told.served, known.pools if known else {})
    findings += said
    writing = _Writing(request, keyring, drafted, found, written_pools)
    writing.all(progress)
    writing.prune()
    ids = {sub.meaning.login: sub.id for path, sub in writing.subscribers.items() if path in writing.files}
    counts = {
        "logins": told.logins,
        "imported": len(ids),
        "tariffs": sum(path.startswith("tariffs/") for path in writing.files),
        "nas": len(found),
        "pools": len(written_pools),
        "groups": len(drafted.groups),
    }
    findings += [*_assumptions(meanings), *writing.findings]
    return Imported(writing.files, in_order(findings), ids, counts)


def _assumptions(meanings: Sequence[Meaning]) -> Iterator[Finding]:
    """What no row says, and the files had to."""
    new = [one for one in meanings if not one.tariff]
    if new:
        yield Finding("note", "no-prices", "what a tariff costs stands in no row: write prices into tariffs/*.yaml")
    if any("name" not in one.profile for one in meanings):
        yield Finding("note", "no-names", f'who a subscriber is stands in no row: profile.name is "{UNNAMED}"')
    if any(one.end is None for one in new):
        text = "no day on which it ends: such logins are in a postpaid tariff, so that no date cuts them off"
        yield Finding("note", "no-end", text)


def _is_known(known: Snapshot | None, address: str) -> bool:
    return known is not None and any(
        str(source) == address for nas in known.nas.values() if nas.radius for source in nas.radius.sources
    )


def _with_known(found: Sequence[Host], known: Snapshot | None) -> list[Host]:
    """The new hosts and those that git has, since a login may name either."""
    there = known.nas.values() if known else ()
    old = (Host(n.name, s, n.platform, n.name, "") for n in there if n.radius for s in n.radius.sources)
    return [*found, *old]


class _Writing:
    """The files of one import as they come to be."""

    def __init__(
        self,
        request: Request,
        keyring: Keyring,
        drafted: Draft,
        found: Sequence[Host],
        written_pools: Mapping[str, Value],
    ) -> None:
        self.request, self.keyring, self.draft = request, keyring, drafted
        self.hosts, self.pools = found, written_pools
        self.files: dict[str, bytes] = {}
        self.subscribers: dict[str, Sub] = {}
        self.findings: list[Finding] = []

    def all(self, progress: Progress) -> None:
        for name, offer in self.draft.tariffs.items():
            self._tariff(name, offer)
        for number, sub in enumerate(self.draft.subscribers, start=1):
            self._subscriber(sub)
            progress("files", number, len(self.draft.subscribers))
        self._inventory()

    def prune(self) -> None:
        """Take out the subscribers that the rules refuse, and those of a tariff that they refuse, until nothing is left
        to refuse. Raises Refusal for what is nobody's fault."""
        while True:
            errors = [one for one in check(snapshot_of(self.whole()), self.request.now) if one.severity == "error"]
            if not errors:
                return
            blamed = [
                (path, error) for error in errors if (path := error.where.file if error.where else "") in self.files
            ]
            taken = [path for path, error in blamed if self._taken_out(path, error)]
            if not taken:
                raise Refusal(*errors)

    def _taken_out(self, path: str, error: Problem) -> bool:
        """Whether a file was of somebody and is gone now; a tariff goes with all who have it."""
        if path.startswith("tariffs/"):
            name = path.removeprefix("tariffs/").removesuffix(".yaml")
            for one, sub in self.subscribers.items():
                if sub.tariff == name and one in self.files:
                    self._taken_out(one, error)
        elif path not in self.subscribers:
            return False
        else:
            self._refused(self.subscribers[path], error)
        self.files.pop(path, None)
        return True

    def whole(self) -> dict[str, bytes]:
        """All files that the repository would have."""
        return {**self.request.frame, **self.files}

    def _tariff(self, name: str, offer: Offer) -> None:
        if self.request.known and self.request.known.tariff(name):  # `draft` was told of it: it is the same
            return
        self.files[f"tariffs/{name}.yaml"] = dump(tariff_file(name, offer)).encode()

    def _subscriber(self, sub: Sub) -> None:
        try:
            sealed = self.keyring.seal("service", f"{sub.id}/main", "password", sub.meaning.password).text
        except Refusal as refusal:
            self._refused(sub, refusal.problems[0])
            return
        today = self.request.now.astimezone(self.request.zone).date()
        self.files[sub.path] = dump(subscriber_file(sub, sealed, today)).encode()
        self.subscribers[sub.path] = sub

    def _refused(self, sub: Sub, problem: Problem) -> None:
        text = f"{problem.code} {problem.slug}: the files would not be sound with it"
        where = problem.where
        name = _field_at(where, self.files[where.file]) if where and where.file in self.files else ""
        anchor, login = sub.meaning.anchor, sub.meaning.login
        self.findings.append(Finding("refused", problem.slug, text, *anchor, attribute=name, login=login))

    def _inventory(self) -> None:
        known = self.request.known
        for group in self.draft.groups:
            if not known or group not in known.group_folders:
                self.files[f"subscribers/{group}/group.yaml"] = dump({"name": group}).encode()
        fleet: dict[str, Value] = {}
        for host in self.hosts:
            sealed = self.keyring.seal("nas", host.name, "radius.secret", host.secret).text
            fleet[host.name] = written(host, sealed, self._interim())
        self._grown(HOSTS, (), fleet)
        self._grown(POOLS, (), self.pools)
        if known:
            realms = {one.casefold() for one in known.policy.value.realms}
            new = {realm: "local" for realm in self.draft.realms if realm.casefold() not in realms}
            self._grown(POLICY, ("realms",), new)
        else:
            self.files[POLICY] = _POLICY_HEAD + dump(self._policy()).encode()

    def _grown(self, path: str, at: Loc, values: Mapping[str, Value]) -> None:
        """A file with more keys; one that is not there yet is made of them."""
        data = self.request.frame.get(path)
        if data is not None and not values:
            return
        if data is None or data.strip() == b"{}":
            self.files[path] = dump(values).encode() or b"{}\n"
            return
        for name, value in values.items():
            data = put(data, path, (*at, name), value)
        self.files[path] = data

    def _policy(self) -> dict[str, Value]:
        restricted = any(sub.nas for sub in self.draft.subscribers)
        macs = Counter(mac for sub in self.draft.subscribers for mac in sub.meaning.macs)
        policy: dict[str, Value] = {
            "format": 1,
            "timezone": str(self.request.zone),
            "currency": self.request.currency,
            "realms": dict.fromkeys(self.draft.realms, "local"),
            "roaming": "reject" if restricted else "alert",
            "expired": {"method": "reject"},
        }
        return policy | ({"mac_unique": "off"} if any(count > 1 for count in macs.values()) else {})

    def _interim(self) -> int | None:
        """The shortest that a login asks for, since the NAS is told one number."""
        return min((s.meaning.interim for s in self.draft.subscribers if s.meaning.interim), default=None)


def _field_at(where: Where, data: bytes) -> str:
    """What stands at a place of a subscriber or a tariff, as a list of customers calls it."""
    from ispctl.repo.yaml import read as read_yaml

    root, marks, _ = read_yaml(data, where.file, limit=len(data))
    place, there = (where.line, where.column), list(_below(root))
    # a value before a key: where a mapping begins, its first key stands
    found = [loc for find in (marks.value, marks.key) for loc in there if find(loc) == place]
    named = (name for name in next(iter(found), ()) if isinstance(name, str) and name not in ("services", "profile"))
    return next(named, "")


def _below(node: Node, loc: Loc = ()) -> Iterator[Loc]:
    """Where all there is stands."""
    yield loc
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, below in parts:
        yield from _below(below, (*loc, name))


_POLICY_HEAD: Final = b"# As the old server had it: who has not paid is turned away. A wall would be kinder: expired.\n"


def _taken(known: Snapshot | None) -> Callable[[str, Offer], bool]:
    """Whether git has a tariff of this name that is not what the offer would become."""

    def check(name: str, offer: Offer) -> bool:
        there = known.tariff(name) if known else None
        if there is None:
            return False
        made = read_record(Tariff, tariff_file(name, offer))
        return (terms_of(made), made.billing) != (terms_of(there.value), there.value.billing)

    return check
