"""The subscribers of a router log in through a real server with the passwords they had, at the rates they had."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ispctl.adopt.yaml_text import Value, dump
from ispctl.lab import freeradius
from ispctl.radius import client
from ispctl.radius.server import ServerSettings
from ispctl.secrets import KEYRING, Keyring
from tests.adopt.conftest import Isp
from tests.adopt.test_routeros import imported

pytestmark = pytest.mark.live

ROUTER = "127.0.2.1"
SECRET = "canary-pw-nas"
HAD = {
    "anita@town.example": "canary-pw-anita",
    "bikash@town.example": "canary-pw- with blanks ",
    "chandani@town.example": 'canary-pw-"quoted"',
    "deepak@town.example": "canary-pw-\\back\\slash",
    "firma@office.example": "canary-pw-नेपाल",
    "gita@town.example": "canary-pw-;#{[=]}",
    "hari@town.example": "canary-pw-a?b c",
    "tara@town.example": "canary-pw-: {a: b} # é",
}
DISABLED = ("ekraj@town.example", "canary-pw-$(/system reboot)")


def with_router(isp: Isp) -> None:
    """What no export says: the router as a NAS, with a secret of its own."""
    keyring = Keyring.unlock((isp.repo / KEYRING).read_bytes(), (isp.folder / "isp.key").read_text())
    sealed = keyring.seal("nas", "core", "radius.secret", SECRET).text
    radius: dict[str, Value] = {"sources": [ROUTER], "secret": sealed, "require_message_authenticator": False}
    host: dict[str, Value] = {"hostname": ROUTER, "platform": "routeros", "data": {"radius": radius}}
    (isp.repo / "inventory" / "hosts.yaml").write_text(dump({"core": host}), "utf-8")
    git = ["git", "-C", str(isp.repo), "commit", "-qam", "Write the router down"]
    subprocess.run(git, env=isp.env, check=True)


@pytest.mark.parametrize("method", ["pap", "chap"])
def test_who_had_a_secret_logs_in_with_it_and_who_was_disabled_does_not(isp: Isp, method: str, tmp_path: Path) -> None:
    imported(isp)
    with_router(isp)
    assert isp("radius", "init").code == 0
    said = isp("apply")
    assert said.code == 0, said.out + said.err
    server = freeradius.launch_anywhere(
        lambda auth, acct: ServerSettings(
            database=str(isp.repo / "var" / "radius.db"), run_dir=str(tmp_path / "run"), auth_port=auth,
            acct_port=acct, nas_lifetime=1, reject_delay=0,
        ),
        tmp_path / "conf",
    )  # fmt: skip

    def asked(login: str, password: str) -> tuple[int, dict[str, list[object]]]:
        attributes = {"User-Name": login, "NAS-IP-Address": ROUTER, "NAS-Port-Type": "Virtual",
                      "Calling-Station-Id": "00:00:5E:00:53:01"}  # fmt: skip
        packet, _ = client.access_request(SECRET, attributes, password, method)
        answer = client.ask(packet, ("127.0.0.1", server.settings.auth_port), ROUTER, timeout=3, tries=3)
        assert answer is not None
        return answer.code, dict(client.plain(answer))

    try:
        assert {login: asked(login, password)[0] for login, password in HAD.items()} == dict.fromkeys(HAD, 2)
        assert asked(*DISABLED)[0] == 3
        assert asked("anita@town.example", "canary-pw-other")[0] == 3
        rate = asked("anita@town.example", HAD["anita@town.example"])[1]["Mikrotik-Rate-Limit"]
        assert [str(one).split()[:3] for one in rate] == [["10M/25M", "15M/40M", "8M/20M"]]
        assert asked("chandani@town.example", HAD["chandani@town.example"])[1]["Framed-IP-Address"] == ["203.0.113.7"]
    finally:
        server.stop()
