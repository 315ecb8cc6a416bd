"""How one gets into a NAS: what git says of it, with what is sealed opened; and a job to look at it."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping
from typing import cast

from ispctl.model.network import Nas
from ispctl.nas import Job, Known
from ispctl.plan import Key
from ispctl.platforms.device import Login
from ispctl.reconcile.stand_ins import Doors
from ispctl.reconcile.world import World
from ispctl.secrets import Keyring, Kind, Sealed


class Logins:
    """Opens the keyring once, when the first secret has to be; in a lab (`stand_ins`) none has. Raises Refusal."""

    def __init__(self, unlock: Callable[[], Keyring], stand_ins: Doors | None = None) -> None:
        self._unlock, self._stand_ins = unlock, stand_ins
        self._keyring: Keyring | None = None

    def __call__(self, nas: Nas) -> Login:
        said, device = nas.management, nas.device
        assert device is not None
        if self._stand_ins is not None:
            door = self._stand_ins[nas.name]
            options = {**device.options, **door["options"]}
            timeout = min(15.0, float(device.deadline))
            return Login(nas.name, nas.platform, timeout=timeout, **{**door, "options": options})
        opened = {one.field.rpartition(".")[2]: self._open(nas, one) for one in sealed(nas)}
        return Login(
            host=nas.name,
            platform=nas.platform,
            address=said.hostname,
            port=said.port,
            username=said.username,
            password=opened.get("password", ""),
            private_key=opened.get("private_key", ""),
            host_key=device.host_key or "",
            timeout=min(15.0, float(device.deadline)),
            options={**device.options, **said.options.get("ispctl", {})},
        )

    def _open(self, nas: Nas, one: Sealed) -> str:
        if self._keyring is None:
            self._keyring = self._unlock()
        return self._keyring.open(one, nas.where)


def sealed(nas: Nas) -> Iterator[Sealed]:
    """The secrets that open a NAS: its password, its private key, as far as it has them."""
    said, device = nas.management, nas.device
    if said.password:
        yield Sealed(cast(Kind, said.kind), said.owner, "password", said.password)
    if device is not None and device.private_key:
        yield Sealed("nas", nas.name, "device.private_key", device.private_key)


def job(world: World, nas: Nas, login: Login, known: Mapping[Key, Known]) -> Job:
    """To look at one device, with the patience that git has with it."""
    assert nas.device is not None
    assert world.nas is not None
    ours = world.store.row_key if world.store.sees_secrets else b""
    key = hmac.digest(ours, nas.name.encode(), "sha256")  # that of one device alone may travel
    site = world.nas.far.site(nas.groups) if world.nas.far else ""
    deadline = float(nas.device.deadline)
    return Job(login, known=dict(known), key=key, attempts=world.nas.attempts, deadline=deadline, site=site)
