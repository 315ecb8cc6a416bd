"""The routers that `ispctl lab up` starts: each can be configured as it comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ispctl.lab.devices.play import PLAYED, USERNAME
from ispctl.platforms import nas_platforms
from ispctl.platforms.device import Login
from tests.platforms.nas_contract import Hands, subject
from tests.platforms.slices import usual


def test_every_platform_has_one_but_plain_linux_whose_programs_are_real() -> None:
    assert sorted(PLAYED) == [name for name in nas_platforms() if name != "linux"]


@pytest.mark.live
@pytest.mark.parametrize("name", PLAYED)
def test_one_is_configured_as_it_comes(name: str, tmp_path: Path) -> None:
    one, want = subject(name), usual(name)
    with PLAYED[name](tmp_path, [port.interface for port in want.ports], "a lab password") as device:
        key, options = getattr(device, "host_key", "") or device.certificate, getattr(device, "options", {})
        login = Login(
            "lalitpur-1", name, "127.0.0.1", device.port, USERNAME, "a lab password", host_key=key, options=options
        )
        with one.platform.open(login) as session:
            assert session.read().resources == {}
            Hands(one).make(session, want)
