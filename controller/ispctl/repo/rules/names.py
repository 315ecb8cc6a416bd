"""A thing is called like its file; an id is given once; a group has its file; a ledger lies beside its subscriber."""

from __future__ import annotations

from collections.abc import Iterator

from ispctl.model.document import Document
from ispctl.model.ledger import LEDGER, Ledger, companion
from ispctl.model.problem import Problem, Where
from ispctl.model.subscriber import Subscriber
from ispctl.repo.rules.scene import Scene, meant, spot


def rules(scene: Scene) -> Iterator[Problem]:
    yield from _groups(scene)
    for tariff in scene.snapshot.tariffs():
        if tariff.value.name != _stem(tariff.path):
            yield _misnamed(tariff.where("name"), "name", tariff.value.name, f"the file {_file(tariff.path)}")
    for document in scene.snapshot.subscribers():
        yield from _subscriber(scene, document)
    for ledger in scene.snapshot.ledgers():
        yield from _ledger(scene, ledger)


def _groups(scene: Scene) -> Iterator[Problem]:
    for folder in sorted(scene.snapshot.group_folders):
        group, path = scene.snapshot.group(folder), f"subscribers/{folder}/group.yaml"
        if group is None and not scene.unread(path):
            advice = f"Add it with at least the line: name: {folder}"
            yield Problem("E118", f"the folder subscribers/{folder} has no group.yaml", Where(path), advice)
        elif group is not None and group.value.name != folder:
            yield _misnamed(group.where("name"), "name", group.value.name, f"the folder subscribers/{folder}")


def _subscriber(scene: Scene, document: Document[Subscriber]) -> Iterator[Problem]:
    id_ = document.value.id
    if id_ != _stem(document.path):
        yield _misnamed(document.where("id"), "id", id_, f"the file {_file(document.path)}")
    first, *others = scene.snapshot.with_id(id_)
    if others and document is not first:
        text = f"{id_} is the id of another subscriber already ({spot(first.where('id'))})"
        yield Problem("E101", text, document.where("id"), "Give the newer one an id that was never used")
    keys: dict[str, int] = {}
    for number, service in enumerate(document.value.services):
        if service.key in keys:
            earlier = document.where("services", keys[service.key])
            text = f"the service key {service.key} stands twice in {id_} (first at {spot(earlier)})"
            place = document.where("services", number, "key")
            yield Problem("E102", text, place, "Give each service a key of its own; a key without a name is main")
        keys.setdefault(service.key, number)


def _ledger(scene: Scene, ledger: Document[Ledger]) -> Iterator[Problem]:
    id_ = ledger.value.subscriber
    if id_ != _file(ledger.path).removesuffix(LEDGER):
        text = f"the file {_file(ledger.path)} is the account of {id_}"
        advice = f"Call the file {id_}.ledger.yaml, or correct subscriber"
        yield Problem("E131", text, ledger.where("subscriber"), advice)
        return
    beside = companion(ledger.path)
    document = scene.snapshot.at_path(beside)
    if document is None:
        if not scene.unread(beside):
            elsewhere = scene.snapshot.subscriber(id_)
            advice = f"Move it to {elsewhere.path.rpartition('/')[0]}/" if elsewhere else "Restore the subscriber"
            text = f"the subscriber's file {beside} is not there"
            yield Problem("E131", text, ledger.where("subscriber"), advice)
        return
    known = {service.key for service in document.value.services}
    for number, entry in enumerate(ledger.value.entries):
        if entry.service is not None and entry.service not in known:
            text = f"{id_} has no service {entry.service}"
            place = ledger.where("entries", number, "service")
            yield Problem("E135", text, place, meant(entry.service, known, ""))


def _misnamed(where: Where, field: str, value: str, holder: str) -> Problem:
    return Problem("E100", f"{field} says {value}, and {holder} is called otherwise", where, "Make the two equal")


def _file(path: str) -> str:
    return path.rpartition("/")[2]


def _stem(path: str) -> str:
    return _file(path).removesuffix(".yaml")
