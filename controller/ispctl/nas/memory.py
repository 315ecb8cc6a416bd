"""What is remembered of NAS in the store: what each was last made equal to, what the last run heard of it, how it shows
our secrets, and what stood there before each change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import dropwhile
from typing import Final, TypeVar

from ispctl.nas.job import Known
from ispctl.plan import Fields, Key, Resources, Value
from ispctl.store import Store, nas_backups
from ispctl.store.nas_backups import Backup
from ispctl.structs import Struct, as_dict

T = TypeVar("T")
MADE: Final = "nas-made"
HEARD: Final = "nas-heard"
SHOWN: Final = "nas-shown"
BEGUN: Final = "nas-begun"
"""Kinds of objects: the mark of what a host was made equal to; what the last run heard of it; how it shows a secret of
ours, by key; the run that began to write there, as long as it is not known what became of it."""


class Made(Struct):
    """What a NAS was last made equal to. `mark`: of its slice; `at`: RFC 3339."""

    mark: str
    commit: str
    run: str
    at: str
    digest: str = ""


class Heard(Struct):
    """What the last run that had to do with a NAS heard of it. `status`: as of an `Answer`; `at`: RFC 3339; `code` and
    `text`: what was wrong."""

    status: str
    run: str
    commit: str
    at: str
    code: str = ""
    text: str = ""


class Memory:
    """Of all NAS of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def made(self) -> dict[str, Made]:
        """By host."""
        return dict(_fitting(Made, self._store.objects(MADE)))

    def heard(self) -> dict[str, Heard]:
        """By host."""
        return dict(_fitting(Heard, self._store.objects(HEARD)))

    def put_heard(self, host: str, heard: Heard) -> None:
        self._store.put_object(HEARD, host, as_dict(heard))

    def put_made(self, host: str, made: Made) -> None:
        """It stands as it should now."""
        self._store.put_object(MADE, host, as_dict(made))

    def doubt(self, host: str) -> None:
        """It is not known what stands there: the next run looks."""
        self._store.forget_object(MADE, host)

    def begun(self) -> dict[str, str]:
        """By host, the run that may have left something there that waits for its confirmation."""
        return {host: str(said.get("run", "")) for host, said in self._store.objects(BEGUN).items()}

    def begins(self, host: str, run: str) -> None:
        """From now on something may be written there."""
        self._store.put_object(BEGUN, host, {"run": run})

    def ends(self, host: str) -> None:
        """It is known what became of it: it stays, or it was taken back, or nothing was written."""
        self._store.forget_object(BEGUN, host)

    def known(self) -> dict[str, dict[Key, Known]]:
        """How devices show secrets of ours: by host and key."""
        found: dict[str, dict[Key, Known]] = {}
        for name, said in self._store.objects(SHOWN).items():
            host, kind, key = json.loads(name)
            found.setdefault(host, {})[kind, key] = Known(said["digest"], said["shown"])
        return found

    def put_known(self, host: str, key: Key, known: Known) -> None:
        self._store.put_object(SHOWN, json.dumps([host, *key]), known._asdict())

    def keep(self, run: str, host: str, at: datetime, before: Resources, commit: str) -> None:
        """What stood on a host before a run changed it: digests in place of secrets. `commit`: that it was made equal
        to then; empty: not known."""
        held = [[*key, dict(fields)] for key, fields in sorted(before.items())]
        nas_backups.put(self._store, host, Backup(run, at, json.dumps({"commit": commit, "held": held})))

    def unkeep(self, run: str, host: str) -> None:
        """That run has changed nothing there after all."""
        nas_backups.forget(self._store, run, host)

    def kept(self, host: str) -> Iterator[tuple[str, datetime, Resources]]:
        """(run, when, what stood there before it), newest first."""
        for run, at, text in nas_backups.of(self._store, host):
            _, held = _kept(text)
            yield run, at, {(kind, name): _fields(said) for kind, name, said in held}

    def stood(self, host: str, run: str) -> str:
        """The commit that a host was last made equal to before a run changed it; empty: not known. Where runs before
        that one failed, it is that before those."""
        since = dropwhile(lambda one: one.run != run, nas_backups.of(self._store, host))
        return next(filter(None, (_kept(one.slice)[0] for one in since)), "")


def _fitting(kind: type[T], said: Mapping[str, Mapping[str, object]]) -> Iterator[tuple[str, T]]:
    """What somebody made unreadable was never said: then a NAS is looked at once more."""
    for host, one in said.items():
        with suppress(TypeError):
            yield host, kind(**one)


def _kept(text: str) -> tuple[str, Sequence[tuple[str, str, Mapping[str, object]]]]:
    """The commit, and what was held. An older version wrote the latter alone."""
    said = json.loads(text)
    return ("", said) if isinstance(said, list) else (str(said["commit"]), said["held"])


def _fields(said: Mapping[str, object]) -> Fields:
    return {name: _value(value) for name, value in said.items()}


def _value(value: object) -> Value:
    if isinstance(value, list):
        return tuple(map(_value, value))
    assert value is None or isinstance(value, str | int | bool)
    return value
