"""What a device that calls is to hold, and what becomes of it: between a session and the store.

The store says what each serial number should have, as the last apply wrote it. Devices show no password, so that what a
device took last is known by a keyed hash of ours.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from ispctl.cpe.doors import password_of
from ispctl.cpe.session import Caller, Stranger, Task
from ispctl.cpe.soap import Inform
from ispctl.cpe.task import TRANSIENT, Outcome, provision
from ispctl.model.cpe import CpeProfile, CpeTree, Root, Word
from ispctl.store import Store, cpes
from ispctl.store.cpes import Seen, Wanted

STRANGERS: Final = 10_000
"""So many devices that nobody knows are written down."""
NO_PROFILE: Final = 5
CLOSED: Final = 6
"""Faults of ours, beside those of `task`: nobody has written that profile; the password does not open."""
_REFUSED: Final = "refused"
"""Among the marks of a device: what it refused last."""
_FIRST: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(hours=6)
_PERMANENT: Final = timedelta(days=1)
"""How long what was refused for good is not asked again, if nothing else changes."""
_ROOTS: Final[tuple[Root, ...]] = ("InternetGatewayDevice", "Device")


class Logger(Protocol):
    """structlog's. Fields hold ids and codes, never logins or values."""

    def info(self, event: str, **fields: Any) -> Any: ...

    def warning(self, event: str, **fields: Any) -> Any: ...


@dataclass
class Office:
    """`opened`: the clear password of a device's service, None where it does not open; `secret`: see `Doors`;
    `factory`: whether devices begin with the login of the factory; `every`: seconds between two informs; `accepted`:
    called when a device took a password for which RADIUS waits."""

    store: Store
    profiles: Mapping[str, CpeProfile]
    opened: Callable[[Wanted], str | None]
    secret: str = field(repr=False)
    factory: bool
    every: int
    clock: Callable[[], datetime]
    log: Logger
    accepted: Callable[[], object] = lambda: None

    def inform(self, inform: Inform, caller: Caller) -> Task[None] | None:
        """What is to be done with a device. Raises Stranger, and Refusal where the database gives no answer."""
        now, device = self.clock(), str(inform.device)
        with self.store.transaction():
            before = cpes.seen(self.store, device)
            self._admit(inform, caller, device)
            wanted = cpes.wanted(self.store, inform.device.serial)
            seen = self._seen(inform, caller, before, wanted, now)
            if before is None and wanted is None and cpes.strangers(self.store) >= STRANGERS:
                return None
            reset = "0 BOOTSTRAP" in inform.events
            if before is not None and (reset or before.software != seen.software):
                cpes.forget_marks(self.store, device)
                seen = seen._replace(faults={}, tries=0, rests=None)
            cpes.put_seen(self.store, seen)
            if wanted is not None:
                cpes.put_up(self.store, wanted.owner, now)
        if before is None or before.known != seen.known or reset:
            self.log.info("cpe-informed", device=device, known=seen.known, reset=reset)
        if wanted is None:
            return None
        return self._work(seen, wanted, now)

    def close(self) -> None:
        self.store.close()

    def _admit(self, inform: Inform, caller: Caller, device: str) -> None:
        """The login of the factory is for devices that do not have their own yet, or lost it."""
        if caller.serial is not None and caller.serial != inform.device.serial:
            raise Stranger
        begins = caller.serial is not None or "0 BOOTSTRAP" in inform.events
        if not begins and "acs.password" in cpes.marks(self.store, device):
            raise Stranger

    def _seen(self, inform: Inform, caller: Caller, before: Seen | None, wanted: Wanted | None, now: datetime) -> Seen:
        root = next((name for name in _ROOTS if any(path.startswith(f"{name}.") for path in inform.values)), "")
        software = next((v for n, v in inform.values.items() if n.endswith(".DeviceInfo.SoftwareVersion")), "")
        return Seen(
            str(inform.device),
            inform.device.serial,
            _plain(inform.device.manufacturer),
            _plain(inform.device.product_class),
            _plain(software) or (before.software if before else ""),
            root or (before.root if before else ""),
            caller.address,
            before.first_seen if before else now,
            now,
            _plain(", ".join(sorted(inform.events))),
            wanted is not None,
            before.faults if before else {},
            before.tries if before else 0,
            before.rests if before else None,
        )

    def _work(self, seen: Seen, wanted: Wanted, now: datetime) -> Task[None] | None:
        """What differs from what it took last, unless that was refused a short while ago."""
        profile, values = self.profiles.get(wanted.profile), self._values(wanted)
        if profile is None or values is None:
            fault = NO_PROFILE if profile is None else CLOSED
            cpes.put_seen(self.store, seen._replace(faults={"pppoe.password": fault}))
            return None
        tree = profile.root.get(self._root(seen))
        have = cpes.marks(self.store, seen.device)
        marks = {word: self._mark(wanted.profile, word, text) for word, text in values.items()}
        words = [word for word in values if have.get(word) != marks[word]]
        if wanted.holds in ("old", "overdue") and "pppoe.password" not in words and self._confirmed(wanted, now):
            self.accepted()  # it has it already, as after a copy of the database was restored
        if not words and seen.faults:  # what was refused is wanted no more, or we could not say what is
            cpes.put_seen(self.store, seen._replace(faults={}, tries=0, rests=None))
        if not words or (seen.rests and now < seen.rests and have.get(_REFUSED) == self._wish(marks, words)):
            return None
        return self._session(seen, wanted, tree, values, words, {str(word): mark for word, mark in marks.items()})

    def _wish(self, marks: Mapping[Word, str] | Mapping[str, str], words: Collection[str]) -> str:
        """Stands for what a device does not have as yet."""
        return self._mark(*(mark for word, mark in sorted(marks.items()) if word in words))

    def _values(self, wanted: Wanted) -> dict[Word, str] | None:
        """Everything that it should hold; None where its password does not open."""
        found: dict[Word, str] = {"acs.inform_enable": "1", "acs.inform_interval": str(self.every)}
        if self.factory:
            found["acs.username"] = wanted.serial
            found["acs.password"] = password_of(self.secret, wanted.serial)
        if not wanted.password:
            return found
        clear = self.opened(wanted)
        if clear is None:
            return None
        return found | {"pppoe.username": wanted.login, "pppoe.password": clear, "pppoe.enable": "1"}

    def _root(self, seen: Seen) -> Root:
        return "Device" if seen.root == "Device" else "InternetGatewayDevice"

    def _session(
        self,
        seen: Seen,
        wanted: Wanted,
        tree: CpeTree | None,
        values: Mapping[Word, str],
        words: Collection[Word],
        marks: Mapping[str, str],
    ) -> Task[None]:
        faults: dict[str, int] = {}
        left = set(words)

        def told(outcome: Outcome) -> None:
            faults.update({str(word): code for word, code in outcome.faults.items()})
            left.difference_update(outcome.taken)
            now = self.clock()
            with self.store.transaction():
                for word, status in outcome.taken.items():
                    cpes.put_mark(self.store, seen.device, word, marks[word], status, now)
                news = "pppoe.password" in outcome.taken and self._confirmed(wanted, now)
            if news:
                self.log.info("cpe-has-password", service=wanted.owner, device=seen.device)
                self.accepted()

        # Whether it takes them is not known where the answer is lost: it has no longer what it had for certain.
        cpes.forget_marks(self.store, seen.device, words)
        yield from provision(tree, values, words, told)
        self._ended(seen, faults, self._wish(marks, left) if faults else "")

    def _confirmed(self, wanted: Wanted, now: datetime) -> bool:
        """Whether RADIUS waits for it."""
        return wanted.changed is not None and cpes.put_accepted(self.store, wanted, now)

    def _ended(self, seen: Seen, faults: Mapping[str, int], wish: str) -> None:
        """Write down what was refused, and how long it is left alone."""
        now, tries, rests = self.clock(), 0, None
        if faults:
            transient = any(code in TRANSIENT for code in faults.values())
            tries = seen.tries + 1 if transient else 0
            rests = now + (min(_FIRST * 2 ** min(tries - 1, 20), _LONGEST) if transient else _PERMANENT)
            codes = " ".join(f"{word}={code}" for word, code in sorted(faults.items()))
            self.log.warning("cpe-refused", device=seen.device, codes=codes)
        with self.store.transaction():
            cpes.put_mark(self.store, seen.device, _REFUSED, wish, 0, now)
            cpes.put_seen(self.store, seen._replace(faults=faults, tries=tries, rests=rests))

    def _mark(self, *parts: str) -> str:
        return hmac.digest(self.store.row_key, "\0".join(("cpe", *parts)).encode(), "sha256").hex()


def _plain(text: str) -> str:
    """What a device says of itself, fit for a line of a table."""
    return "".join(char for char in text if char.isprintable())[:100]
