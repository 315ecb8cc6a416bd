"""A device that takes the connection and then says nothing, as one does whose processor is busy or that hangs."""

from __future__ import annotations

import logging
import socket
from base64 import b64encode
from collections.abc import Iterator

import pytest

from ispctl.backend import Unreachable
from ispctl.platforms import nas_platforms
from ispctl.platforms.device import Login, nas_platform

KEYS = {"routeros": "sha256:" + "0" * 64}
USUAL = "ssh-ed25519 " + b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(range(32))).decode()


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield silent.getsockname()[1]


SLOW = {"junos": [pytest.mark.slow]}
"""Where a library waits for fifteen seconds whatever it is told."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW.get(name, ())) for name in nas_platforms()])
def test_a_silent_device_is_one_sentence_and_nothing_of_a_library(
    name: str, port: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """What a library logs of it stands before whoever is on call, once for each device and attempt."""
    vendor = nas_platform(name)
    assert vendor is not None
    key = KEYS.get(name, USUAL)
    login = Login("silent-1", name, "127.0.0.1", port, "ispctl", "canary-pw-x", host_key=key, timeout=0.2)
    with caplog.at_level(logging.DEBUG), pytest.raises(Unreachable) as raised, vendor.open(login):
        pass
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert capfd.readouterr().err == ""
    assert "certificate" not in raised.value.text


@pytest.mark.parametrize("name", ["huawei-vrp", "ios-xe", "vyos"])
def test_a_host_key_that_is_none_is_told_as_such(name: str, port: int) -> None:
    vendor = nas_platform(name)
    assert vendor is not None
    login = Login("silent-1", name, "127.0.0.1", port, "ispctl", host_key=f"{USUAL[:-4]}=AAA", timeout=0.2)
    with pytest.raises(Unreachable, match="the host key in git is none"), vendor.open(login):
        pass
