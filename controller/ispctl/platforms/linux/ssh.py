"""A Linux machine over SSH: fixed scripts, and files that are there whole or not at all. Hides paramiko."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import StringIO
from typing import Any, Final, Self

from ispctl.backend import Unreachable
from ispctl.platforms.device import Denied, Login, hush

SLOW: Final = 60.0
"""Seconds that one step may take on a busy router."""


class Complaint(Exception):
    """What a script complains of, in the words of the machine."""


class Ssh:
    """One connection. Everything raises Unreachable where the machine gives no answer to trust. Whoever is not root
    has `sudo` without a password."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._target = f"nas:{login.host}"
        self._before = [] if login.username == "root" else ["sudo", "-n"]

    def __enter__(self) -> Self:
        kind, _, _ = self._login.host_key.partition(" ")
        if not self._login.host_key:
            raise Denied(
                self._target, "its SSH host key is not in git: read it on its console, and write it down as host_key"
            )
        with self._trouble():
            import socket

            address = (self._login.address, self._login.port or 22)
            line = socket.create_connection(address, self._login.timeout)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._transport = self._new(line)
        try:
            with self._trouble():
                self._greet(kind)
                self._enter()
        except BaseException:
            self._transport.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()

    def run(self, script: str, verb: str, *words: str) -> str:
        """What a script says; `words` are its arguments. Raises Complaint."""
        command = shlex.join([*self._before, "sh", "-s", "--", verb, *words])
        with self._trouble():
            channel = self._transport.open_session(timeout=self._login.timeout)
            channel.settimeout(max(SLOW, self._login.timeout))
            channel.exec_command(command)
            channel.sendall(script.encode())
            channel.shutdown_write()
            said: str = channel.makefile("rb").read().decode("utf-8", "replace")
            complaint = channel.makefile_stderr("rb").read().decode("utf-8", "replace")
            status = channel.recv_exit_status()
            channel.close()
        if status < 0:
            raise Unreachable(self._target, "the connection broke")
        if status:
            lines = [line.strip() for line in complaint.splitlines() if line.strip()]
            raise Complaint(" / ".join(lines[-3:]) or f"{verb} failed with {status}")
        return said

    def put(self, folder: str, files: Mapping[str, str | bytes]) -> None:
        """Files below a folder: written beside, then renamed over what is there. Folders are made."""
        with self._trouble():
            sftp = self._files()
            for name, content in sorted(files.items()):
                self._folders(sftp, f"{folder}/{name}".rpartition("/")[0])
                beside = f"{folder}/{name}.new"
                with sftp.open(beside, "wb") as file:
                    file.set_pipelined(True)
                    file.write(content.encode() if isinstance(content, str) else content)
                sftp.posix_rename(beside, f"{folder}/{name}")
            sftp.close()

    def _files(self) -> Any:
        import paramiko

        sftp = paramiko.SFTPClient.from_transport(self._transport)
        assert sftp is not None
        sftp.get_channel().settimeout(max(SLOW, self._login.timeout))
        return sftp

    @staticmethod
    def _folders(sftp: Any, folder: str) -> None:
        parts = folder.strip("/").split("/")
        for depth in range(1, len(parts) + 1):
            path = "/" + "/".join(parts[:depth])
            try:
                sftp.stat(path)
            except FileNotFoundError:
                with suppress(OSError):  # another run was faster; if not, the file cannot be written and says why
                    sftp.mkdir(path, 0o700)

    def _new(self, socket: Any) -> Any:
        import paramiko

        hush("paramiko")
        transport = paramiko.Transport(socket)
        transport.banner_timeout = transport.auth_timeout = transport.handshake_timeout = self._login.timeout
        return transport

    def _greet(self, kind: str) -> None:
        """The machine is the one that git says, or nothing is told to it."""
        offered = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}.get(kind, (kind,))
        options = self._transport.get_security_options()
        if known := [one for one in offered if one in options.key_types]:
            options.key_types = tuple(known)
        self._transport.start_client(timeout=self._login.timeout)
        key = self._transport.get_remote_server_key()
        if self._login.host_key.split()[:2] != [key.get_name(), key.get_base64()]:
            raise Denied(self._target, "it shows another host key than git has of it")

    def _enter(self) -> None:
        import paramiko

        try:
            if self._login.private_key:
                self._transport.auth_publickey(self._login.username, self._key())
            else:
                self._transport.auth_password(self._login.username, self._login.password)
        except paramiko.AuthenticationException:
            raise Denied(self._target, "it refused the login") from None

    def _key(self) -> Any:
        import paramiko

        for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
            with suppress(paramiko.SSHException, ValueError, IndexError):
                return kind.from_private_key(StringIO(self._login.private_key))
        raise Denied(self._target, "the private key is none that OpenSSH would write without a passphrase")

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        import paramiko

        try:
            yield
        except (OSError, EOFError, paramiko.SSHException) as error:
            text = str(error) or type(error).__name__
            if "host key" in text:
                raise Denied(self._target, f"it has no host key of the kind that git has of it: {text}") from None
            raise Unreachable(self._target, text) from None
