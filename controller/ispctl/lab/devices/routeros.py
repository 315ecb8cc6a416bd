"""A RouterOS 7 that stands in: menus with rows behind the binary API and, if it is asked for, a command line by SSH.

with RouterOs(username="ispctl", password="…") as router:
    router.port, router.certificate        # of api-ssl, which is what `host_key` says
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from ispctl.lab.devices._routeros_api import Conversation, Cut, Server
from ispctl.lab.devices._routeros_menus import span
from ispctl.lab.devices._routeros_script import Script
from ispctl.lab.devices._routeros_shell import Shell
from ispctl.lab.devices._routeros_store import Row, Store, Trap


class RouterOs:
    """It listens on 127.0.0.1 once it is entered, and keeps its configuration also when a connection is cut. `tls`:
    api-ssl or the plain API; `ssh`: with a command line too, by the same password."""

    def __init__(self, *, username: str, password: str, tls: bool = True, ssh: bool = False) -> None:
        self._username, self._password = username, password
        self._lock = threading.RLock()
        self._left: int | None = None  # writes until it dies; None: it lives
        self._dead = False
        self._ahead = 0.0
        self._due: dict[str, float] = {}
        self._store = Store(self._writes)
        self._script = Script(self._store)
        self.answer_after = 0.0
        """Seconds before each answer."""
        self._wrap: Callable[[Any], Any]
        self._wrap, self.certificate = _tls() if tls else (_as_it_is, "")
        self._server = Server(
            self._accepted, lambda: Conversation(self._store, self._logs_in, self._turn), self._pauses
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.port = int(self._server.server_address[1])
        self.shell = (
            Shell(self._typed, self._logs_in, lambda: self._store.rows("/system identity")[0]["name"]) if ssh else None
        )

    def __enter__(self) -> Self:
        self._thread.start()
        if self.shell is not None:
            self.shell.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.shell is not None:
            self.shell.stop()
        self._server.shutdown()
        self._thread.join()
        self.close()

    def close(self) -> None:
        """Of one that was made and not entered."""
        self._server.server_close()

    def rows(self, path: str) -> list[Row]:
        """What a menu shows, such as "/ip pool"; beside the API."""
        with self._lock:
            return self._store.rows(path)

    def type(self, lines: str) -> str:
        """Lines as one types them; what they print. Raises Trap."""
        with self._lock:
            return self._script.run(lines)

    def _typed(self, line: str) -> str:
        with self._turn():
            try:
                return self._script.run(line)
            except Trap as trap:
                return f"{trap}\n"

    def appears(self, path: str, **fields: str) -> None:
        """A row that the router adds by itself, such as the lease of somebody who came; `_` stands for a dash."""
        with self._lock:
            self._store.add(path, {name.replace("_", "-"): value for name, value in fields.items()}, dynamic=True)

    @property
    def log(self) -> list[str]:
        """What scripts wrote into the log."""
        return list(self._script.log)

    def dies_after(self, writes: int) -> None:
        """After so many writes the next one is not done, and nobody is answered any more."""
        with self._lock:
            self._left = writes

    def revives(self) -> None:
        with self._lock:
            self._left, self._dead = None, False

    def advance(self, seconds: float) -> None:
        """Let time pass for the scheduler."""
        with self._lock:
            self._look()
            self._ahead += seconds
            self._look()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One client at a time, after whatever the scheduler had to do."""
        with self._lock:
            self._look()
            yield

    def _look(self) -> None:
        """Run what is due: an entry first runs when its interval has passed."""
        now = time.monotonic() + self._ahead
        entries = {row[".id"]: row for row in self._store.rows("/system scheduler") if row["disabled"] != "true"}
        self._due = {one: self._due.get(one, now + span(row["interval"])) for one, row in entries.items()}
        for one, row in entries.items():
            if span(row["interval"]) and self._due[one] <= now:
                self._due[one] = now + span(row["interval"])
                left, self._left = self._left, None  # whoever is cut off, the router goes on
                try:
                    self._script.run(row["on-event"])
                except Trap as trap:
                    self._script.log.append(f"(scheduler) {trap}")
                self._left = left

    def _writes(self) -> None:
        if self._left is not None:
            if self._left == 0:
                self._dead = True
                raise Cut
            self._left -= 1

    def _accepted(self, connection: Any) -> Any:
        if self._dead:
            raise Cut
        return self._wrap(connection)

    def _pauses(self) -> None:
        if self._dead:
            raise Cut
        if self.answer_after:
            threading.Event().wait(self.answer_after)

    def _logs_in(self, username: str, password: str) -> bool:
        right = hmac.compare_digest(password.encode(), self._password.encode())
        return username == self._username and right


def _as_it_is(connection: Any) -> Any:
    return connection


def _tls() -> tuple[Any, str]:
    """What makes TLS of a socket, and the SHA-256 of the certificate as `host_key` says it."""
    import hashlib
    import ssl
    import tempfile
    from datetime import UTC, datetime, timedelta
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "router")])
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = (
        made.serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=36500))
    )
    certificate = made.sign(key, hashes.SHA256())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "router.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
        context.load_cert_chain(file)
    shown = hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()
    return lambda connection: context.wrap_socket(connection, server_side=True), f"sha256:{shown}"
