"""PostgreSQL as an ordinary process: made in a folder, started on loopback, ended. For labs and tests: nothing is
written to disk with care."""

from __future__ import annotations

import hashlib
import hmac
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from ispctl.lab.process import Process, start, wait_for
from ispctl.model.problem import Problem, Refusal
from ispctl.structs import Struct, field, replace

HOST: Final = "127.0.0.1"
USER: Final = "ispctl"
"""Who owns everything in such a cluster."""
_SYSTEM_USER: Final = "postgres"
_TRIES: Final = 5
_SECONDS: Final = 30.0
_SETTINGS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "autovacuum_naptime": "10s",
    "lc_messages": "C",
}


class Cluster(Struct):
    """A running server. `password` is that of USER, without which nobody on this machine gets in."""

    process: Process
    folder: Path
    port: int
    password: str = field(repr=False)

    def dsn(self, database: str, user: str = USER, password: str | None = None) -> str:
        return f"postgresql://{user}:{password or self.password}@{HOST}:{self.port}/{database}"

    def make(self, database: str, template: str = "template1") -> str:
        """The DSN of a database: made as a copy of one that nobody is connected to, unless it is there already."""
        import psycopg2
        from psycopg2 import errors

        with closing(psycopg2.connect(self.dsn("postgres"))) as link:
            link.autocommit = True
            with suppress(errors.DuplicateDatabase):
                link.cursor().execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.dsn(database)

    def stop(self, how: int = signal.SIGINT) -> bool:
        """End it and whoever is connected; SIGQUIT: as if the machine had stopped. False when it was gone already."""
        return replace(self.process, kindly=how).stop(20.0)


def launch(folder: Path, *, port: int | None = None, settings: Mapping[str, str] | None = None) -> Cluster:
    """Start the cluster of a folder, made where there is none; return when it answers. Raises Refusal E333.

    Root cannot run PostgreSQL: then it runs as the user postgres, who has to be able to enter the folders above.
    """
    binaries, by = _binaries(), _by()
    try:
        password = _made(folder, binaries, by)
        for tries_left in reversed(range(_TRIES)):
            at = port or _free_port()
            cluster = _started(folder, binaries, by, at, password, {**_SETTINGS, **(settings or {})})
            if cluster is not None:
                return cluster
            if port or not tries_left:
                break
    except (OSError, subprocess.SubprocessError) as error:
        raise _problem(folder, type(error).__name__) from error
    raise _problem(folder, _why(folder))


def home(folder: Path) -> Path:
    """Where the cluster of a lab lies: in its folder; for root in one that the user postgres can enter."""
    if os.geteuid():
        return folder / "postgresql"
    name = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:12]
    return Path("/var/tmp") / f"ispctl-lab-{name}"  # noqa: S108  # owner and mode are looked at


def _made(folder: Path, binaries: Path, by: Sequence[str]) -> str:
    """Make the cluster if there is none; the password of its owner."""
    uid, gid = _ids()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid not in (os.geteuid(), uid):
        raise _problem(folder, "the folder belongs to somebody else")
    os.chown(folder, uid, gid)
    word = folder / "password"
    if (folder / "data" / "PG_VERSION").exists():
        return word.read_text("utf-8").strip()
    shutil.rmtree(folder / "data", ignore_errors=True)
    password = secrets.token_hex(16)
    verifier = folder / "verifier"
    for file, text in ((word, password), (verifier, _verifier(password))):
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chown(file, uid, gid)
    options = [f"--username={USER}", f"--pwfile={verifier}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
    command = [*by, str(binaries / "initdb"), f"--pgdata={folder / 'data'}", *options, "--no-sync"]
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd="/")
    if done.returncode:
        raise _problem(folder, done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "initdb failed")
    verifier.unlink()
    return password


def _verifier(password: str) -> str:
    """What the server keeps of a password (RFC 5803). The usual 4,096 rounds guard one that can be guessed, and cost
    whoever connects 13 ms each time; this one is 128 bits of chance."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    keys = (stored, hmac.digest(salted, b"Server Key", "sha256"))
    told = [b64encode(octets).decode() for octets in (salt, *keys)]
    return f"SCRAM-SHA-256$1:{told[0]}${told[1]}:{told[2]}"


def _started(
    folder: Path, binaries: Path, by: Sequence[str], port: int, password: str, settings: dict[str, str]
) -> Cluster | None:
    """None when it ended again, as for a port that somebody took."""
    options = [word for name, value in {**settings, "port": str(port)}.items() for word in ("-c", f"{name}={value}")]
    (folder / "server.log").unlink(missing_ok=True)
    command = [str(binaries / "postgres"), "-D", str(folder / "data"), *options]
    process = replace(start(command, folder / "server.log", by=by), kindly=signal.SIGINT)
    cluster = Cluster(process, folder, port, password)
    if wait_for(lambda: _answers(cluster) or not process.running, _SECONDS) and process.running:
        return cluster
    cluster.stop()
    return None


def _answers(cluster: Cluster) -> bool:
    import psycopg2

    try:
        psycopg2.connect(cluster.dsn("postgres"), connect_timeout=5).close()
    except psycopg2.OperationalError:
        return False
    return True


def _free_port() -> int:
    with closing(socket.socket()) as link:
        link.bind((HOST, 0))
        return int(link.getsockname()[1])


def _binaries() -> Path:
    """Folder of initdb and postgres, of the newest version there is."""
    for place in _places():
        if all((place / name).exists() for name in ("initdb", "postgres")):
            return place
    advice = "Install it: apt-get install --no-install-recommends postgresql"
    raise Refusal(Problem("E333", "PostgreSQL is not installed", advice=advice))


def _places() -> list[Path]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    return [*found, *map(Path, ("/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"))]


def _ids() -> tuple[int, int]:
    if os.geteuid():
        return os.geteuid(), os.getegid()
    try:
        user = pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        text = f"PostgreSQL does not run as root, and there is no user {_SYSTEM_USER}"
        raise Refusal(Problem("E333", text, advice="Run the lab as another user than root")) from None
    return user.pw_uid, user.pw_gid


def _by() -> list[str]:
    if os.geteuid():
        return []
    setpriv = shutil.which("setpriv", path="/usr/bin:/bin") or "/usr/bin/setpriv"
    return [setpriv, f"--reuid={_SYSTEM_USER}", f"--regid={_SYSTEM_USER}", "--init-groups", "--"]


def _why(folder: Path) -> str:
    try:
        said = (folder / "server.log").read_text("utf-8", "replace")
    except OSError:
        said = ""
    found = re.search(r"(?:FATAL|PANIC|ERROR): +(.*)", said)
    return found[1] if found else "it gave no reason"


def _problem(folder: Path, why: str) -> Refusal:
    text = f"PostgreSQL does not start in {folder}: {why}"
    return Refusal(Problem("E333", text, advice=f"See its log: {folder / 'server.log'}"))
