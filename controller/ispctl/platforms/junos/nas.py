"""Junos as NAS, over NETCONF (ncclient): all of ours stands in one group, taken over by `apply-groups`."""

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
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+=-]{0,120}")


class Junos(NasPlatform):
    """MX with subscriber management. A commit changes what differs and ends no session by itself."""

    name = "junos"
    libraries = ("paramiko", "ncclient.manager")
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
        with _connected(login, self.port) as manager:
            yield _Session(login.host, manager)

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

    def __init__(self, host: str, manager: Any) -> None:
        self._host = host
        self._manager = manager
        self._before: list[str] | None = None
        """What stood there of ours before something was committed."""

    def read(self) -> Seen:
        try:
            found, secrets = _resources(_lines("\n".join(self._ours())))
        except ValueError:
            raise Unreachable(f"nas:{self._host}", "its configuration cannot be read") from None
        return Seen(found, secrets)

    def _ours(self) -> list[str]:
        """Lines that would set it again, with secrets as they are shown."""
        asked = "<configuration><groups><name>isp-ispctl</name></groups><apply-groups/></configuration>"
        reply = self._rpc(f'<get-configuration format="set" database="committed">{asked}</get-configuration>')
        text = "".join(reply.xpath("//*[local-name()='configuration-set']/text()"))
        ours = (f"set {' '.join(_GROUP)} ", f"set {' '.join(_APPLIED)}")
        return [row for row in text.splitlines() if row.startswith(ours)]

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
        if self._before is not None:
            with self._locked():  # else it would commit what somebody is just typing
                self._rpc("<commit-configuration/>")

    def revert(self) -> None:
        """Whoever committed in between would lose it by `rollback 1`: what is ours is set again instead."""
        if self._before is not None:
            with self._locked():
                gone = [" ".join(path) for path in (_APPLIED, _GROUP) if any(_holds(path, row) for row in self._ours())]
                self._load([*(f"delete {path}" for path in gone), *self._before])
                self._rpc("<commit-configuration/>")
            self._before = None

    def sessions(self) -> int | None:
        reply = self._rpc("<get-subscribers-summary/>")
        counted = reply.xpath("//*[local-name()='session-state-active']/text()")
        return int(counted[0]) if counted else None

    def facts(self) -> Facts:
        reply = self._rpc("<get-system-information/>")
        said = {name: "".join(reply.xpath(f"//*[local-name()='{name}']/text()")).strip() for name in _FACTS}
        return Facts("Juniper", said["hardware-model"], said["os-version"])

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
            self._load(typed)
            self._rpc(
                f"<commit-configuration><confirmed/><confirm-timeout>{minutes}</confirm-timeout></commit-configuration>"
            )
            self._before = before

    def _load(self, typed: Sequence[str]) -> None:
        text = "\n".join(typed).replace("&", "&amp;").replace("<", "&lt;")
        self._rpc(
            '<load-configuration action="set" format="text">'
            f"<configuration-set>{text}</configuration-set></load-configuration>"
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The candidate is nobody else's; what was loaded and not committed is thrown away."""
        self._rpc("<lock-configuration/>")
        try:
            yield
        except _Refused:
            self._rpc('<load-configuration rollback="0"/>')
            self._rpc("<unlock-configuration/>")
            raise
        self._rpc("<unlock-configuration/>")

    def _rpc(self, text: str) -> Any:
        from lxml import etree
        from ncclient.operations import RPCError

        with _told(self._host):
            try:
                return etree.fromstring(self._manager.dispatch(etree.fromstring(text)).xml.encode())
            except RPCError as error:
                words = " ".join((error.message or str(error)).split())
                raise _Refused(f"nas:{self._host}", words[:300]) from None


_FACTS: Final = ("hardware-model", "os-version")


class _Refused(Unreachable):
    """In the words of an <rpc-error>; outside an apply that is no answer to go on with."""


def _holds(path: Line, row: str) -> bool:
    return f"{row} ".startswith(f"set {' '.join(path)} ")


def _open(fields: Fields | None) -> Fields | None:
    return None if fields is None else {**fields, SECRET: ""} if SECRET in fields else fields


@contextmanager
def _connected(login: Login, usual: int) -> Iterator[Any]:
    if not login.host_key.startswith(("ssh-", "ecdsa-")):
        raise Denied(f"nas:{login.host}", "its SSH host key is not in git: nothing is sent to it")
    from ncclient import manager

    hush("ncclient")
    with TemporaryDirectory(prefix="ispctl-") as folder, _told(login.host):
        key = Path(folder) / "key"
        if login.private_key:
            key.touch(mode=0o600)
            key.write_text(login.private_key, "utf-8")
        connection = manager.connect_ssh(
            host=login.address,
            port=login.port or usual,
            username=login.username,
            password=login.password or None,
            hostkey_verify=True,
            hostkey_b64=login.host_key.split()[1],
            key_filename=str(key) if login.private_key else None,
            look_for_keys=False,
            allow_agent=False,
            timeout=login.timeout,
        )
        connection.timeout = max(60.0, login.timeout)
    try:
        yield connection
    finally:
        connection._session.close()


@contextmanager
def _told(host: str) -> Iterator[None]:
    from ncclient.operations.errors import OperationError
    from ncclient.transport.errors import AuthenticationError, SSHUnknownHostError, TransportError
    from paramiko import SSHException

    try:
        yield
    except SSHUnknownHostError:
        raise Denied(f"nas:{host}", "it has another host key than the one in git") from None
    except AuthenticationError:
        raise Denied(f"nas:{host}", "the login was refused") from None
    except (TransportError, OperationError, SSHException, OSError, EOFError, ValueError) as error:
        if "key" in str(error).lower():
            raise Denied(f"nas:{host}", "it has another host key than the one in git") from None
        raise Unreachable(f"nas:{host}", f"no answer: {type(error).__name__}") from None


NAS = Junos()
