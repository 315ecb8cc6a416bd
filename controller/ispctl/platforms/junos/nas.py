"""Junos as NAS, over NETCONF by NAPALM: all of ours stands in one group, taken over by `apply-groups`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from ispctl.backend import Outcome, Unreachable
from ispctl.plan import Change, Fields, Key, Resources, Value
from ispctl.platforms.device import SECRET, Denied, Facts, Login, NasPlatform, Seen, Session, hush, without
from ispctl.platforms.statements import Line, set_lines

_GROUP: Final = ("groups", "isp-ispctl")
_APPLIED: Final = ("apply-groups", "isp-ispctl")
_ROOTS: Final = (
    ("access", "radius-server"),
    ("access", "profile"),
    ("access", "address-assignment", "pool"),
    ("dynamic-profiles",),
    ("interfaces",),
)
"""After each stands the name of one resource."""
_PATIENCE: Final = 60.0  # seconds that an answer may take at least: a commit does
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+=-]{0,120}")


class Junos(NasPlatform):
    """MX with subscriber management. A commit changes what differs and ends no session by itself."""

    name = "junos"
    libraries = ("paramiko", "napalm.junos")
    templates = ("isp.j2",)
    port = 830

    def quote(self, value: object) -> str:
        text = str(value)
        if not _PLAIN.fullmatch(text):
            raise ValueError(f"Junos is told letters, digits and . _ : / @ + = - in one word, and not {text[:40]!r}")
        return f'"{text}"'

    def parse(self, text: str) -> Resources:
        found, secrets = _resources(_lines(text))
        return {key: {**fields, SECRET: secrets[key]} if key in secrets else fields for key, fields in found.items()}

    @contextmanager
    def open(self, login: Login) -> Iterator[Session]:
        with _connected(login, self.port) as driver:
            yield _Session(login.host, driver)

    def called(self, key: Key) -> str:
        return f"dynamic-profile {key[1]}" if key[0] == "dynamic-profiles" else super().called(key)

    def disrupts(self, change: Change) -> bool:
        return change.key[0] == "interfaces" and change.action != "create"


def _lines(text: str) -> list[Line]:
    return set_lines(
        text, lambda line: line == _APPLIED or (line[:2] == _GROUP and len(line) > 3), "set groups isp-ispctl"
    )


def _root(line: Line) -> Line:
    """The words that name the resource of a line."""
    if line == _APPLIED:
        return line
    for root in _ROOTS:
        if line[2 : 2 + len(root)] == root and len(line) > 2 + len(root):
            return line[: 3 + len(root)]
    return line[:4]


def _key(root: Line) -> Key:
    return (root[0], root[1]) if root == _APPLIED else (" ".join(root[2:-1]), root[-1])


def _resources(lines: Sequence[Line]) -> tuple[Resources, Mapping[Key, str]]:
    """What is ours, in normal form, with "" for secrets; and the secrets as they stand there."""
    found: dict[Key, dict[str, set[str]]] = {}
    secrets: dict[Key, str] = {}
    for line in lines:
        root = _root(line)
        key, rest = _key(root), line[len(root) :]
        fields = found.setdefault(key, {})
        if key[0] == "access radius-server" and rest[:1] == ("secret",):
            secrets[key] = rest[-1]
        elif rest:
            fields.setdefault(" ".join(rest[:-1]), set()).add(rest[-1])
    normal: dict[Key, dict[str, Value]] = {
        key: {path: tuple(sorted(values)) for path, values in fields.items()} for key, fields in found.items()
    }
    for key in secrets:
        normal[key][SECRET] = ""
    return normal, secrets


def _commands(change: Change, secret: str) -> list[str]:
    """What makes one resource what it shall be. It is deleted and written anew in the candidate; what a commit then
    does is what differs."""
    kind, name = change.key
    path = " ".join(map(_word, _APPLIED if change.key == _APPLIED else (*_GROUP, *kind.split(), name)))
    typed = [f"delete {path}"] if change.before is not None else []
    if change.after is None:
        return typed
    if len(change.after) == 0:
        return [*typed, f"set {path}"]
    for below, values in change.after.items():
        if below == SECRET:
            typed.append(f"set {path} secret {_word(secret)}")
        elif isinstance(values, tuple):
            above = "".join(f" {_word(word)}" for word in below.split())
            typed += [f"set {path}{above} {_word(str(value))}" for value in values]
    return typed


def _word(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    if not text.isascii() or not text.isprintable() or set(text) & set('"\\'):
        raise ValueError("it holds a character that Junos cannot be told")
    return f'"{text}"'


class _Session:
    """One router."""

    def __init__(self, host: str, driver: Any) -> None:
        self._host = host
        self._driver = driver
        self._before: list[str] | None = None
        """What stood there of ours before something was committed."""

    def read(self) -> Seen:
        try:
            found, secrets = _resources(_lines("\n".join(self._ours())))
        except ValueError:
            raise Unreachable(f"nas:{self._host}", "its configuration cannot be read") from None
        return Seen(found, secrets)

    def _ours(self) -> list[str]:
        """Lines that would set it again, with secrets as they are shown. NAPALM would read the whole configuration."""
        asked = "<configuration><groups><name>isp-ispctl</name></groups><apply-groups/></configuration>"
        with _told(self._host):
            reply = self._driver.device.rpc.get_config(asked, {"format": "set", "database": "committed"})
        ours = (f"set {' '.join(_GROUP)} ", f"set {' '.join(_APPLIED)}")
        return [row for row in _said(reply, "configuration-set").splitlines() if row.startswith(ours)]

    def apply(self, changes: Sequence[Change], secrets: Mapping[Key, str], confirm: int) -> Iterator[Outcome]:
        if not changes:
            return
        wrong = self._unfit(changes)
        if not wrong:
            try:
                self._commit(changes, secrets, -(-max(confirm, 1) // 60))
            except _Refused as refused:
                wrong = {changes[0].key: without(refused.text, secrets.values())}
        for change in changes:
            error = wrong.get(change.key, "nothing was done, since another change was refused" if wrong else "")
            yield Outcome(change, error, "E812" if error else "")

    def confirm(self) -> None:
        with self._locked():  # else it would commit what somebody is just typing
            self._driver.confirm_commit()

    def revert(self) -> None:
        """Whoever committed in between would lose it by NAPALM's `rollback`: what is ours is set again instead."""
        if self._before is not None:
            with self._locked():
                gone = [" ".join(path) for path in (_APPLIED, _GROUP) if any(_holds(path, row) for row in self._ours())]
                if typed := [*(f"delete {path}" for path in gone), *self._before]:
                    self._driver.load_merge_candidate(config="\n".join(typed))
                self._driver.commit_config()
            self._before = None

    def sessions(self) -> int | None:
        with _told(self._host):
            counted = _said(self._driver.device.rpc.get_subscribers_summary(), "session-state-active")
            return int(counted) if counted else None

    def facts(self) -> Facts:
        """NAPALM's `get_facts` reads configuration that is not ours, and each interface, one a session."""
        with _told(self._host):
            reply, uptime = self._driver.device.rpc.get_system_information(), self._driver.device.uptime
        return Facts("Juniper", _said(reply, "hardware-model"), _said(reply, "os-version"), uptime)

    def _unfit(self, changes: Sequence[Change]) -> dict[Key, str]:
        seen = self.read().resources
        return {
            change.key: "it is not as it was when this was planned: plan again"
            for change in changes
            if _open(seen.get(change.key)) != _open(change.before)
        }

    def _commit(self, changes: Sequence[Change], secrets: Mapping[Key, str], minutes: int) -> None:
        try:
            typed = [line for change in changes for line in _commands(change, secrets.get(change.key, ""))]
        except ValueError as error:
            raise _Refused(f"nas:{self._host}", str(error)) from None
        with self._locked():
            before = self._ours()
            self._driver.load_merge_candidate(config="\n".join(typed))
            self._driver.commit_config(revert_in=60 * minutes)
            self._before = before

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The candidate is nobody else's for longer than NAPALM would lock it; what is not committed is thrown away."""
        lock = self._driver.device.cu
        with _told(self._host):
            lock.lock()
            try:
                with _told(self._host):
                    yield
            except _Refused:
                self._driver.discard_config()
                lock.unlock()
                raise
            lock.unlock()


class _Refused(Unreachable):
    """In the words of an <rpc-error>; outside an apply that is no answer to go on with."""


def _said(reply: Any, name: str) -> str:
    """The text of the first element of that name. PyEZ says True for a reply without any."""
    return "" if reply is True else (reply.getroottree().findtext(f".//{name}") or "").strip()


def _holds(path: Line, row: str) -> bool:
    return f"{row} ".startswith(f"set {' '.join(path)} ")


def _open(fields: Fields | None) -> Fields | None:
    return None if fields is None else {**fields, SECRET: ""} if SECRET in fields else fields


@contextmanager
def _connected(login: Login, usual: int) -> Iterator[Any]:
    if not login.host_key.startswith(("ssh-ed25519 ", "ecdsa-")):  # ncclient asks for RSA in a way that is given up
        raise Denied(f"nas:{login.host}", "its SSH host key, Ed25519 or ECDSA, is not in git: nothing is sent to it")
    from jnpr.junos import Device
    from napalm.junos import JunOSDriver

    hush("ncclient", "paramiko")
    port = login.port or usual
    with TemporaryDirectory(prefix="ispctl-") as folder, _told(login.host):
        for name, text in (
            ("key", login.private_key),
            ("known_hosts", f"[{login.address}]:{port} {login.host_key}\n"),
            ("config", f"Host nas\nHostName {login.address}\nUserKnownHostsFile {folder}/known_hosts\n"),
        ):
            Path(folder, name).touch(mode=0o600)
            Path(folder, name).write_text(text, "utf-8")
        options = {"lock_disable": True, "ignore_warning": True, "ssh_config_file": f"{folder}/config"}
        driver = JunOSDriver("nas", login.username, "", max(_PATIENCE, login.timeout), options)
        driver.device = Device(  # the one of NAPALM would ask for no host key
            host="nas",
            port=port,
            user=login.username,
            password=login.password or None,
            ssh_private_key_file=f"{folder}/key" if login.private_key else None,
            ssh_config=f"{folder}/config",
            hostkey_verify=True,
            look_for_keys=False,
            allow_agent=False,
            conn_open_timeout=login.timeout,
        )
        driver.open()
    try:
        yield driver
    finally:
        driver.device._conn._session.close()  # a polite end would wait for one that answers no more


@contextmanager
def _told(host: str) -> Iterator[None]:
    """NAPALM and PyEZ put words of their own around what happened."""
    from jnpr.junos.exception import ConnectAuthError, ConnectError, RpcError
    from napalm.base.exceptions import NapalmException
    from ncclient import NCClientError
    from ncclient.transport import SSHError
    from paramiko import SSHException

    known = (ConnectError, RpcError, NapalmException, NCClientError, SSHException, OSError, EOFError, ValueError)
    try:
        yield
    except ConnectAuthError:
        raise Denied(f"nas:{host}", "the login was refused") from None
    except known as error:
        cause = error.__context__ if isinstance(error.__context__, known) else error
        if words := " ".join((getattr(cause, "message", "") or "").split()):
            raise _Refused(f"nas:{host}", words[:300]) from None
        if isinstance(cause, SSHError) and "host key" in str(cause).lower():
            raise Denied(f"nas:{host}", "it has another host key than the one in git") from None
        raise Unreachable(f"nas:{host}", f"no answer: {type(cause).__name__}") from None


NAS = Junos()
