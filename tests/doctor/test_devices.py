"""Whether the NAS that are configured could be, before somebody has to."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ispctl.cli.common import demo_key
from ispctl.doctor.devices import checks
from ispctl.model.problem import Problem, Refusal
from ispctl.repo import Repository
from ispctl.secrets import Keyring, identity_from, recipients_from
from tests.gates import example

HOST = "lalitpur-1"
HOSTS = "inventory/hosts.yaml"


@pytest.fixture
def isp(tmp_path: Path) -> Path:
    """The example, where NAS are reached."""
    folder = example.copy(tmp_path / "isp")
    file = folder / "inventory" / "targets.yaml"
    file.write_text(f"{file.read_text('utf-8')}nas: {{workers: 3}}\n", "utf-8")
    return folder


def edit(isp: Path, old: str, new: str) -> None:
    text = (isp / HOSTS).read_text("utf-8")
    assert old in text
    (isp / HOSTS).write_text(text.replace(old, new, 1), "utf-8")


def said(isp: Path, *, key: bool = True, knocks: bool = False) -> dict[str, tuple[str, str]]:
    """Level and text of each line; of a host the first."""
    example.commit(isp, "As it is now")
    with Repository.open(isp) as repository:
        snapshot = repository.part("HEAD", ())

        def unlock() -> Keyring:
            if not key:
                raise Refusal(Problem("E201", "there is no key", advice="Set one"))
            named = recipients_from((snapshot.raw("inventory/recipients.txt") or b"").decode())
            return Keyring.unlock(snapshot.raw("inventory/keyring.age") or b"", identity_from(demo_key()), named)

        found = list(checks(snapshot, unlock, knocks=knocks))
    assert all(one.advice for one in found if one.level != "ok")
    return {one.name: (one.level, one.text) for one in reversed(found)}


def test_where_no_nas_is_reached_nothing_is_said(tmp_path: Path) -> None:
    assert said(example.copy(tmp_path / "isp")) == {}


def test_whether_secrets_open_is_told_with_a_key_and_left_open_without(isp: Path) -> None:
    assert said(isp)["devices"][1].endswith("what opens them was opened")
    assert said(isp, key=False)["devices"][1].endswith("what opens them was not tried without a key")


def test_a_host_without_a_host_key_is_named(isp: Path) -> None:
    key = next(line for line in (isp / HOSTS).read_text("utf-8").splitlines() if "host_key:" in line)
    edit(isp, f"{key}\n", "")
    level, text = said(isp)[f"device {HOST}"]
    assert (level, "host_key" in text) == ("bad", True)


def test_a_password_that_was_sealed_for_another_is_named(isp: Path) -> None:
    other = (isp / HOSTS).read_text("utf-8").split('secret: "')[1].split('"')[0]
    edit(isp, f"{HOST}:\n", f'{HOST}:\n  password: "{other}"\n')
    level, text = said(isp)[f"device {HOST}"]
    assert (level, text[:4]) == ("bad", "E208")
    assert said(isp, key=False).get(f"device {HOST}", ("ok",))[0] != "bad"


def test_a_platform_that_is_not_configured_is_named(isp: Path) -> None:
    edit(isp, "platform: routeros", "platform: wispr")
    assert "wispr" in said(isp)[f"device {HOST}"][1]


def test_one_that_takes_no_connection_is_named_only_where_somebody_asks(isp: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        edit(isp, "hostname: 192.0.2.11", f"hostname: 127.0.0.1\n  port: {port}")
        text = (isp / HOSTS).read_text("utf-8")
        (isp / HOSTS).write_text(text.replace("hostname: 192.0.2.", "hostname: 127.0.0."), "utf-8")
        assert "takes no connection" not in str(said(isp, knocks=True).get(f"device {HOST}"))
    assert "takes no connection" in str(said(isp, knocks=True))
    assert "takes no connection" not in str(said(isp))
