"""An ISP with one router, as `ispctl init` makes it: its own key, its own database that is no lab, real commands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ispctl.lab import freeradius
from ispctl.lab.process import wait_for
from ispctl.radius.rendering import rendering
from ispctl.radius.rows import RadiusRows
from ispctl.secrets import KEYRING, Keyring, encrypt
from ispctl.store import Limit, Session, Store, proofs
from tests import quick
from tests.canary import PASSWORD
from tests.gates import example
from tests.live.namespaces import spawn

LOGIN = "anita.rai@home.example"
FILE = "subscribers/town/sub-000001.yaml"
TARIFF = "tariffs/home-50.yaml"
_HOSTS = """\
router-1:
  hostname: {address}
{platform}  data:
    radius: {{sources: [{address}], identifier: router-1, secret: "{secret}"}}
    coa: {{address: {coa}, port: {port}, per_second: 100}}
    accounting: {{interim: 2s}}
"""
_SUBSCRIBER = """\
id: sub-000001
profile: {{name: Canary Birdsong}}
services:
  - login: {login}
    password: "{password}"
    activated: 2026-01-01
    paid_until: 2090-12-31
    ipv4: {{static: 203.0.113.7}}
"""
_POOLS = """\
home: {family: 4, served_by: nas, slices: {router-1: [100.64.0.0/22]}}
business: {family: 4, served_by: static, ranges: [203.0.113.0/26]}
"""


class SmallIsp:
    """A repository with a database beside it. `inside`: words that put a command into a namespace."""

    def __init__(self, folder: Path, *, inside: Sequence[str] = ()) -> None:
        self.folder = folder / "isp"
        self._inside = list(inside)
        self._key = folder / "isp.key"
        self.ok("init", self.folder, "--key-file", self._key, repo=False)
        example.git(self.folder, "init", "-q", "-b", "main")
        self.commit("What init wrote")

    def write(self, *, address: str, coa: str, port: int, secret: str, platform: str = "") -> None:
        """One router and one subscriber, committed; the database is made."""
        self.put("inventory/pools.yaml", _POOLS)
        sealed = self.seal("nas/router-1/radius.secret", secret)
        said = f"  platform: {platform}\n" if platform else ""
        self.put(
            "inventory/hosts.yaml", _HOSTS.format(address=address, platform=said, secret=sealed, coa=coa, port=port)
        )
        password = self.seal("service/sub-000001/main/password", PASSWORD)
        self.put(FILE, _SUBSCRIBER.format(login=LOGIN, password=password))
        self.edit("inventory/policy.yaml", "realms: {} ", "realms: {home.example: local} ")
        self.commit("One router, one subscriber")
        self.ok("radius", "init")

    def put(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.folder / path).read_text("utf-8")
        assert old in text, f"{path} does not hold {old!r}"
        self.put(path, text.replace(old, new))

    def commit(self, message: str) -> None:
        example.commit(self.folder, message)

    def changed(self, path: str, old: str, new: str) -> None:
        self.edit(path, old, new)
        self.commit("A change")

    def seal(self, place: str, clear: str) -> str:
        """What `ispctl secrets encrypt` prints."""
        keyring = Keyring.unlock((self.folder / KEYRING).read_bytes(), self._key.read_text("utf-8"))
        return encrypt(place, clear, keyring=keyring)

    # commands

    def begin(self, *words: object) -> subprocess.Popen[str]:
        """A command that is not waited for. It hears Ctrl-C, also where the tests themselves were started in the
        background: what a shell starts there ignores it, and so does all below."""
        program = ["env", "--default-signal=INT", str(Path(sys.executable).parent / "ispctl")]
        command = [*program, "--repo", str(self.folder), *map(str, words)]
        return subprocess.Popen(command, env=self._env(), stdout=-1, stderr=-1, text=True)

    def run(
        self, *words: object, repo: bool = True, said: str = "", program: str = "ispctl", key: bool = True
    ) -> subprocess.CompletedProcess[str]:
        where = ["--repo", str(self.folder)] if repo else []
        programs = Path(sys.executable).parent if self._inside else quick.commands()
        command = [*self._inside, str(programs / program), *where, *map(str, words)]
        env = {name: value for name, value in self._env().items() if key or name != "ISPCTL_AGE_KEY_FILE"}
        return subprocess.run(command, env=env, input=said, capture_output=True, text=True, check=False, timeout=60)

    def _env(self) -> dict[str, str]:
        env = {"PATH": example.path_with_commands(), "HOME": "/nonexistent", "ISPCTL_AGE_KEY_FILE": str(self._key)}
        return env | {name: os.environ[name] for name in ("TMPDIR", "ISPCTL_TEST_RUN") if name in os.environ}

    def ok(self, *words: object, repo: bool = True, said: str = "") -> str:
        done = self.run(*words, repo=repo, said=said)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def serve(self, listen: str, auth: int, acct: int, *, eap: bool = False) -> subprocess.Popen[bytes]:
        """FreeRADIUS with the configuration that `ispctl radius config` writes."""
        conf, run = self.folder / "var" / "conf", self.folder / "var" / "run"
        run.mkdir(parents=True)
        ports = ("--auth-port", auth, "--acct-port", acct)
        self.ok("radius", "config", "--out", conf, "--run-dir", run, "--listen", listen, *ports)
        if eap:
            with_eap(conf / "server.conf")
        command = [*self._inside, freeradius.program(), "-d", str(conf), "-n", "ispctl", "-f"]
        log = run / "radius.log"
        server = spawn(command, log)
        assert wait_for(lambda: "Ready to process requests" in log.read_text("utf-8", "replace"), 20), log.read_text()
        return server

    # what came of it

    def online(self, count: int, nas: str, platform: str = "routeros") -> None:
        """So many sessions of the subscriber in the accounting, with the values of now."""
        with Store.open("sqlite:///var/radius.db", base=self.folder) as store:
            rows = RadiusRows(store).read(None)
            fields = rows["login", LOGIN]
            group = rows["group", f"{fields['group']}@{platform}"]
            given = f"{fields['class']}-{rendering(group)}"
            at = int(datetime.now(UTC).timestamp())
            store.database.write_many(
                "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime,"
                " acctupdatetime, framedipaddress, class) VALUES (?, ?, ?, ?, ?, ?, '203.0.113.7', ?)",
                [(f"s{n:04}", f"{n:032x}", LOGIN, nas, at - 3600, at - 60, given) for n in range(count)],
            )

    def told(self) -> int:
        """How many sessions are known to have been told."""
        with Store.open("sqlite:///var/radius.db", base=self.folder, readonly=True) as store:
            return sum(proof.answer == "ack" for proof in proofs.read(store))

    def limits(self) -> list[Limit]:
        """What its router was found unable to do."""
        with Store.open("sqlite:///var/radius.db", base=self.folder, readonly=True) as store:
            return list(store.limits())

    def sessions(self, *, open_only: bool = True) -> list[Session]:
        with Store.open("sqlite:///var/radius.db", base=self.folder, readonly=True) as store:
            return list(store.sessions(open_only=open_only))


def with_eap(file: Path) -> None:
    """A NAS that speaks EAP needs a module that ispctl's configuration has no use for: a variant for tests."""
    text = file.read_text("utf-8")
    text = text.replace("\tpap {\n", "\teap {\n\t\tdefault_eap_type = md5\n\t\tmd5 {\n\t\t}\n\t}\n\tpap {\n", 1)
    parts = text.partition("server isp {")
    isp = parts[2].replace("\t\tchap\n", "\t\teap\n\t\tchap\n", 2)
    file.write_text(parts[0] + parts[1] + isp, "utf-8")
