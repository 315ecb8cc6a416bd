"""strongSwan as a router that authenticates by RADIUS and takes CoA and Disconnect (its eap-radius with `dae`)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ispctl.lab.process import wait_for
from tests.canary import PASSWORD
from tests.live.namespaces import ROUTER, SUBSCRIBER, Cable

CHARON = "/usr/lib/ipsec/charon"
PLUGINS = (
    "random nonce aes sha1 sha2 hmac gmp kdf xcbc pem pkcs1 pubkey x509 drbg md5 kernel-libipsec kernel-netlink"
    " socket-default vici eap-identity"
)
_DAEMON = """\
charon {{
  load = {plugins}
  filelog {{
    stderr {{
      default = 1
      flush_line = yes
    }}
  }}
  plugins {{
    vici {{
      socket = unix://{vici}
    }}
{more}  }}
}}
"""
_CLIENT = """\
swanctl {
  load = random pem pkcs1 pubkey x509
}
"""
_RADIUS = """\
    eap-radius {{
      accounting = yes
      accounting_interval = 1
      accounting_send_class = yes
      nas_identifier = router-1
      secret = {secret}
      server = {router}
      auth_port = {auth}
      acct_port = {acct}
      dae {{
        enable = yes
        listen = {router}
        port = {coa}
        secret = {secret}
      }}
    }}
"""
_GATEWAY = """\
connections {{
  dial-in {{
    local_addrs = {router}
    pools = radius
    version = 2
    local {{
      auth = psk
      id = router-1
    }}
    remote {{
      auth = eap-radius
      eap_id = %any
    }}
    children {{
      net {{
        local_ts = 0.0.0.0/0
        esp_proposals = aes128-sha256
      }}
    }}
  }}
}}
secrets {{
  ike-router {{
    id = router-1
    secret = canary-pw-psk
  }}
}}
"""
_HOME = """\
connections {{
  home {{
    local_addrs = {subscriber}
    remote_addrs = {router}
    vips = 0.0.0.0
    version = 2
    local {{
      auth = eap
      id = {login}
      eap_id = {login}
    }}
    remote {{
      auth = psk
      id = router-1
    }}
    children {{
      net {{
        remote_ts = 198.51.100.0/24
        esp_proposals = aes128-sha256
      }}
    }}
  }}
}}
secrets {{
  ike-router {{
    id = router-1
    secret = canary-pw-psk
  }}
  eap-home {{
    id = {login}
    secret = {password}
  }}
}}
"""


class Charon:
    """A gateway at the router's end of a cable and a subscriber at the other."""

    def __init__(self, cable: Cable, folder: Path, *, login: str, secret: str, auth: int, acct: int, coa: int) -> None:
        self._cable, self._folder = cable, folder
        said = {"router": ROUTER, "subscriber": SUBSCRIBER, "login": login, "password": PASSWORD}
        radius = _RADIUS.format(router=ROUTER, secret=secret, auth=auth, acct=acct, coa=coa)
        self.log = self._daemon("router", f"{PLUGINS} eap-radius", radius, _GATEWAY.format(**said))
        self._daemon("home", f"{PLUGINS} eap-md5", "", _HOME.format(**said))

    def dial(self) -> None:
        self._swanctl("home", "--initiate", "--child", "net", "--timeout", "10")

    def sessions(self) -> str:
        """What the gateway says of who is connected; nobody: empty."""
        return self._swanctl("router", "--list-sas")

    def _daemon(self, name: str, plugins: str, more: str, connections: str) -> Path:
        conf, swan, vici = (self._folder / f"{name}.{end}" for end in ("conf", "swan", "vici"))
        conf.write_text(_DAEMON.format(plugins=plugins, vici=vici, more=more), "utf-8")
        swan.write_text(connections, "utf-8")
        log = self._cable.start(name, "env", f"STRONGSWAN_CONF={conf}", CHARON, log=f"{name}.charon")
        assert wait_for(vici.exists, 10), log.read_text("utf-8")
        conf.write_text(_CLIENT, "utf-8")  # it has been read, and nothing with a secret in it stays behind
        self._swanctl(name, "--load-all", "--file", str(swan))
        swan.unlink()
        return log

    def _swanctl(self, name: str, *words: str) -> str:
        env = {"PATH": os.environ["PATH"] + ":/usr/sbin", "STRONGSWAN_CONF": str(self._folder / f"{name}.conf")}
        uri = f"unix://{self._folder}/{name}.vici"
        done = subprocess.run(
            ["swanctl", *words, "--uri", uri], env=env, capture_output=True, text=True, check=False, timeout=20
        )
        assert done.returncode == 0, done.stdout + done.stderr + self.log_of(name)
        return done.stdout

    def log_of(self, name: str) -> str:
        return (self._folder / f"{name}.charon").read_text("utf-8", "replace")
