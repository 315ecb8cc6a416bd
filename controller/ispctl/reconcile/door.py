"""Where each NAS takes CoA and Disconnect. A lab database knows one door for all: its stand-ins, never a real NAS."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ispctl.model.network import Nas
from ispctl.model.problem import Problem, Refusal
from ispctl.platforms import platform
from ispctl.radius.session import Door
from ispctl.reconcile.sealed_values import SealedValues
from ispctl.store import LAB_DOOR, Store


class Doors:
    """The doors of an inventory; secrets are opened when a door is first used."""

    def __init__(self, nas: Mapping[str, Nas], store: Store, secrets: SealedValues, ends_per_minute: int) -> None:
        self._nas, self._secrets, self._ends = nas, secrets, ends_per_minute
        self._lab = json.loads(store.meta.get(LAB_DOOR) or "null")
        self._is_lab = store.is_lab
        self._found: dict[str, Door] = {}

    def of(self, name: str) -> Door:
        """The door of a NAS. Raises Refusal where it has none, or its secret does not open."""
        if name not in self._found:
            self._found[name] = self._relay(name, self._lab) if self._is_lab else self._own(self._nas[name])
        return self._found[name]

    def check(self, names: Iterable[str]) -> None:
        """Open the secrets of these NAS before anything is written. Raises Refusal: no key, a wrong one."""
        for name in sorted(set(names)):
            nas = self._nas[name]
            if not self._is_lab and nas.coa and nas.radius:
                self._secrets.secret_of(nas)

    def _own(self, nas: Nas) -> Door:
        if nas.coa is None or nas.radius is None:
            text = f"{nas.name} has no address for CoA: its sessions cannot be changed or ended from here"
            raise Refusal(Problem("E506", text, nas.where, "Add data.coa to it, or end the session on the NAS"))
        secret = self._secrets.secret_of(nas)
        names = platform(nas.platform).names
        where = nas.name, str(nas.coa.address), nas.coa.port, secret, nas.coa.per_second
        return Door(*where, names=names, ends_per_minute=self._ends)

    def _relay(self, name: str, lab: Any) -> Door:
        if not isinstance(lab, dict):
            text = "this is a lab database without stand-ins: no session can be changed"
            raise Refusal(Problem("E506", text, advice="Start them: ispctl lab up"))
        names = platform(self._nas[name].platform).names
        place = lab["coa"]["host"], int(lab["coa"]["port"])
        return Door(name, *place, lab["secret"], per_second=1000, timeout=0.5, names=names)
