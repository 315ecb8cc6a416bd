"""Sealed values, as far as they can be judged without a key: whole, in one place only, and somebody can open them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ispctl.model.problem import Problem, Refusal, Where
from ispctl.repo.rules.fleet import place
from ispctl.repo.rules.scene import Scene, spot
from ispctl.secrets import KEYRING, RECIPIENTS, finding, recipients_from
from ispctl.structs import Struct, replace


class _Standing(Struct):
    """A sealed text, the place that it must have been sealed for, and how to find where it is written."""

    text: str
    place: str
    where: Callable[[], Where]


def rules(scene: Scene) -> Iterator[Problem]:
    seen: dict[str, _Standing] = {}
    for sealed in _sealed(scene):
        if wrong := finding(sealed.text):
            yield replace(wrong, where=sealed.where())
        first = seen.setdefault(sealed.text, sealed)
        if first.place != sealed.place and sealed.text.startswith("enc:"):
            text = f"the same sealed value stands at {spot(first.where())}; it opens for one of them at most"
            yield Problem("E132", text, sealed.where(), f"Seal it for this one: ispctl secrets encrypt {sealed.place}")
    if seen or scene.snapshot.facts.sealed:
        yield from _openers(scene)
    targets = scene.snapshot.targets
    for loc in targets.value.radius.clear_passwords if targets else ():
        yield clear_dsn(targets.where("radius", *loc) if targets else None)


def clear_dsn(where: Where | None) -> Problem:
    """A DSN in git that holds a password."""
    advice = "Leave it out: ~/.pgpass, PGPASSWORD, or the whole DSN in ISPCTL_RADIUS__DSN. If it was real, change it"
    return Problem("E205", "the DSN holds a password in clear text", where, advice)


def _sealed(scene: Scene) -> Iterator[_Standing]:
    for document in scene.snapshot.subscribers():
        for number, service in enumerate(document.value.services):
            if service.password is not None:
                owner = f"service/{document.value.id}/{service.key}/password"
                where = partial(document.where, "services", number, "password")
                yield _Standing(service.password, owner, where)
            for i, old in enumerate(service.old_passwords):
                where = partial(document.where, "services", number, "old_passwords", i, "password")
                yield _Standing(old.password, f"service/{document.value.id}/{service.key}/password", where)
    for nas in scene.snapshot.nas.values():
        if nas.radius is not None:
            where = partial(place, scene, nas, "radius", "secret")
            yield _Standing(nas.radius.secret, f"nas/{nas.name}/radius.secret", where)
        if nas.device is not None and nas.device.private_key is not None:
            where = partial(place, scene, nas, "device", "private_key")
            yield _Standing(nas.device.private_key, f"nas/{nas.name}/device.private_key", where)
    for one in scene.snapshot.inventory.passwords():
        yield _Standing(one.text, f"{one.kind}/{one.owner}/password", partial(_at, one.where))


def _at(where: Where) -> Where:
    return where


def _openers(scene: Scene) -> Iterator[Problem]:
    for path in (KEYRING, RECIPIENTS):
        if scene.snapshot.raw(path) is None and not scene.unread(path):
            text = "values are sealed, and this file that says who opens them is not there"
            yield Problem("E133", text, Where(path), "Take it from the commit before, or begin: ispctl secrets init")
    listed = scene.snapshot.raw(RECIPIENTS)
    if listed is not None:
        try:
            recipients_from(listed.decode("utf-8", "replace"))
        except Refusal as refusal:
            yield from refusal.problems
