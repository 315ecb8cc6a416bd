"""hostapd as a switch with 802.1X, and wpa_supplicant as the device in its port: a NAS that takes Disconnect alone."""

from __future__ import annotations

from pathlib import Path

from ispctl.lab.process import wait_for
from tests.canary import PASSWORD
from tests.live.namespaces import ROUTER, Cable

_SWITCH = """\
interface=r0
driver=wired
ieee8021x=1
use_pae_group_addr=1
own_ip_addr={router}
nas_identifier=router-1
auth_server_addr={router}
auth_server_port={auth}
auth_server_shared_secret={secret}
acct_server_addr={router}
acct_server_port={acct}
acct_server_shared_secret={secret}
radius_acct_interim_interval=2
radius_das_port={coa}
radius_das_client={router} {secret}
radius_das_require_message_authenticator=1
"""
_DEVICE = """\
ap_scan=0
network={{
  key_mgmt=IEEE8021X
  eap=MD5
  identity="{login}"
  password="{password}"
  eapol_flags=0
}}
"""


class Dot1x:
    """A switch at the router's end of a cable and a device at the other."""

    def __init__(self, cable: Cable, folder: Path, *, login: str, secret: str, auth: int, acct: int, coa: int) -> None:
        switch = _SWITCH.format(router=ROUTER, secret=secret, auth=auth, acct=acct, coa=coa)
        self.log = self._daemon(cable, folder, "router", switch, ("hostapd",), "AP-ENABLED")
        device = _DEVICE.format(login=login, password=PASSWORD)
        command = ("wpa_supplicant", "-Dwired", "-ih0", "-c")
        self.device = self._daemon(cable, folder, "home", device, command, "CTRL-EVENT-EAP-SUCCESS")

    @staticmethod
    def _daemon(cable: Cable, folder: Path, name: str, text: str, command: tuple[str, ...], ready: str) -> Path:
        conf = folder / f"{name}.dot1x"
        conf.write_text(text, "utf-8")
        log = cable.start(name, *command, str(conf), log=f"{name}.dot1x.log")
        assert wait_for(lambda: ready in log.read_text("utf-8", "replace"), 15), log.read_text("utf-8", "replace")
        conf.unlink()  # it has been read, and nothing with a secret in it stays behind
        return log
