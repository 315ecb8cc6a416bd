"""What takes the server long, asked while the program that wants to know is still being loaded."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Self

from ispctl.model.problem import Refusal
from ispctl.store._dsn import File, address
from ispctl.store._store import Store
from ispctl.store.prints import Prints, Sums


class SumsAhead:
    """The sums of `Prints`, asked on a connection of their own. They are of some moment after it was made."""

    def __init__(self, dsn: str, base: Path) -> None:
        self._sums = Future[Sums | None]()
        self._from = dsn, base
        # whoever gives up meanwhile does not wait for the server
        Thread(target=self._ask, name="sums-ahead", daemon=True).start()

    @classmethod
    def of(cls, dsn: str, base: Path) -> Self | None:
        """None for a file: this process would do the work itself, and be loaded no sooner. Raises Refusal."""
        return None if isinstance(address(dsn, base), File) else cls(dsn, base)

    def take(self) -> Sums | None:
        """Waits for them. None where there was no connection to be had: it may be another matter for whoever asks now.
        Raises Refusal where the database did not answer: nobody waits for that twice."""
        return self._sums.result()

    def _ask(self) -> None:
        connected = False
        try:
            dsn, base = self._from
            with Store.open(dsn, base=base, readonly=True) as store:
                connected = True
                self._sums.set_result(Prints(store.database).sums())
        except Refusal as refusal:
            if connected:
                self._sums.set_exception(refusal)
        finally:
            if not self._sums.done():
                self._sums.set_result(None)
