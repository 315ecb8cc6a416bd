"""The example ISP with an ACS, applied; every test works on a copy of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ispctl.cli.common import Session
from ispctl.cpe import Acs, Doors
from ispctl.lab.devices.cpe import Cpe, tr098
from ispctl.reconcile.acs import Reception
from ispctl.repo import Repository
from ispctl.store import Store
from tests import copies
from tests.canary import PASSWORD
from tests.cpe.talk import SECRET, Log
from tests.reconcile.world import keyring
from tests.status.world import DSN, ENV, NOW, World, build

SERIAL = "48575443A1B2C3D4"
OWNER = "sub-000205/main"
FILE = "subscribers/kathmandu/c2/sub-000205.yaml"
FACTORY = ("isp-factory", PASSWORD + "-factory")


@pytest.fixture(scope="session")
def example_with_acs(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = build(tmp_path_factory.mktemp("acs") / "isp")
    world.edit("inventory/targets.yaml", lambda text: text + "cpe: {inform: 1h, factory: isp-factory}\n")
    world.apply()
    return world


class Place:
    """A copy of it, with its ACS, and the router of a subscriber."""

    def __init__(self, world: World) -> None:
        self.world, self.now, self.log, self.woken = world, NOW, Log(), 0
        self._open = ExitStack()
        self.repository = self._open.enter_context(Repository.open(world.folder, env=ENV))
        session = Session(world.folder, "ISPCTL", ENV, NOW)
        reception = Reception(
            self.repository,
            lambda _: Store.open(DSN, base=world.folder),
            lambda snapshot, lab: session.keyring(snapshot, lab=lab),
            SECRET,
            lambda: self.now,
            self.log,
            self._wake,
        )
        self.acs = Acs(reception.open, Doors(SECRET, FACTORY), ("127.0.0.1", 0), self.log)
        self.router = Cpe(SERIAL, tr098(), factory=FACTORY, product_class="HG8245H", manufacturer="Huawei")

    def _wake(self, _: Store) -> None:
        self.woken += 1

    def call(self, cpe: Cpe | None = None) -> int:
        """The router calls."""
        return (cpe or self.router).call(f"http://127.0.0.1:{self.acs.port}/")

    def clear(self) -> str:
        """The password that RADIUS takes for the service, as its row has it."""
        with Store.open(DSN, base=self.world.folder, readonly=True) as store:
            sql = "SELECT value FROM radcheck WHERE username = ? AND attribute = 'Cleartext-Password'"
            ((value,),) = store.database.query(sql, ("kabita.lama@home.example",))
        return str(value)

    def change(self, clear: str, now: datetime) -> str:
        """Another password in git, as `ispctl reset-password` writes it; the commit."""
        sealed = keyring().seal("service", OWNER, "password", clear).text
        return self.world.edit(FILE, lambda text: _changed(text, sealed, now), now)

    def close(self) -> None:
        self.acs.close()
        self._open.close()


def _changed(text: str, sealed: str, now: datetime) -> str:
    (old,) = re.findall(r'\n    password: "([^"]+)"', text)
    until = (now + timedelta(days=7)).isoformat()
    entry = f'      - {{password: "{old}", replaced: {now.isoformat()}, until: {until}}}\n'
    if "old_passwords" in text:
        text = re.sub(r"(    old_passwords:\n(?:      .*\n)+)", lambda found: found.group(1) + entry, text)
    else:
        text += f"    old_passwords:\n{entry}"
    return text.replace(f'    password: "{old}"', f'    password: "{sealed}"', 1)


@pytest.fixture
def place(example_with_acs: World, tmp_path: Path) -> Iterator[Place]:
    found = Place(World(copies.tree(example_with_acs.folder, tmp_path / "isp")))
    yield found
    found.close()
