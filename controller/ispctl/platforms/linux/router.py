"""One plain Linux router, connected: reads it, changes it, and lets it go back by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import Final, Protocol

from ispctl.backend import Outcome, Unreachable
from ispctl.plan import Change, Key
from ispctl.platforms.device import Facts, Login, Seen
from ispctl.platforms.linux.orders import Orders, back, command, orders
from ispctl.platforms.linux.picture import Picture, own_subnets, picture, resources, shown_blocks
from ispctl.platforms.linux.ssh import Complaint, Ssh
from ispctl.platforms.linux.text import FIREWALL
from ispctl.structs import replace

FOLDER: Final = "/etc/ispctl"
KEA: Final = "/run/kea/kea4-ctrl-socket"
_PATH: Final = re.compile(r"/[A-Za-z0-9._/-]+")


class Beside(Protocol):
    """A daemon with a file that is configured with the rest: read, written, proven and taken back in one. `said`: what
    its part of the script says, by section. Its methods raise ValueError, in words for a person."""

    script: str
    """Defines `beside see`, which says sections, and `beside put FROM`, which makes so what stands in FROM, if any."""

    @property
    def kinds(self) -> Collection[str]:
        """Of the resources that are its own."""
        ...

    def seen(self, said: Mapping[str, str]) -> Seen: ...

    def files(
        self, said: Mapping[str, str], changes: Sequence[Change], secrets: Mapping[Key, str]
    ) -> Mapping[str, str | bytes]:
        """What `beside put` takes, and below `back/` what it takes to go back."""
        ...

    def sessions(self, said: Mapping[str, str]) -> int | None: ...

    def version(self, said: Mapping[str, str]) -> str: ...


_open: Final[set[str]] = set()
"""Applies of connections that are open in this process: they are not left by somebody who died."""


class Router:
    """A `device.Session`. What is being changed lies in a folder of its own on the router, with what stood before and a
    job that waits there: it goes back when it was not told otherwise in time, whatever became of us."""

    def __init__(self, ssh: Ssh, login: Login, beside: Beside | None = None) -> None:
        self._ssh = ssh
        self._beside = beside
        self._script = (beside.script if beside else "beside() { :; }\n") + _script()
        self._target = f"nas:{login.host}"
        self._folder = self._path(login, "folder", FOLDER)
        self._kea = self._path(login, "kea", KEA)
        self._token = ""

    def read(self) -> Seen:
        seen = self._look()
        try:
            other = self._beside.seen(seen.beside) if self._beside else Seen({})
            return Seen({**resources(seen), **other.resources}, other.secrets)
        except ValueError as error:
            raise Unreachable(self._target, str(error)) from None

    def apply(self, changes: Sequence[Change], secrets: Mapping[Key, str], confirm: int) -> Iterator[Outcome]:
        if not changes:
            return
        try:
            self._apply(changes, secrets, confirm)
        except Complaint as error:
            yield from (Outcome(change, str(error), "E812") for change in changes)
        else:
            yield from (Outcome(change) for change in changes)

    def confirm(self) -> None:
        if not self._token:
            return
        token = self.close()
        try:
            self._ssh.put(f"{self._folder}/boot-{token}", back(self._look()))
            self._run("keep", self._folder, self._kea, token, "config-write" if self._kea_changed else "")
        except Complaint as error:
            raise Unreachable(self._target, str(error)) from None

    def revert(self) -> None:
        if self._token:
            token = self.close()
            try:
                self._run("back", self._folder, self._kea, token)
            except Complaint as error:
                raise Unreachable(self._target, f"it did not go back: {error}") from None

    def close(self) -> str:
        """Whatever is not confirmed by now is for others to see. Returns its name."""
        token, self._token = self._token, ""
        _open.discard(token)
        return token

    def sessions(self) -> int | None:
        """The leases of subnets of ours, as Kea counts them, or what the daemon beside counts."""
        seen = self._look()
        if self._beside:
            return self._beside.sessions(seen.beside)
        ids = {str(one["id"]) for one in own_subnets(seen.kea)}
        if not ids:
            return None
        said = json.loads(self._run("ask", self._kea, "statistic-get-all"))
        if said.get("result") != 0:
            return None
        counted = {name: samples[0][0] for name, samples in said["arguments"].items() if samples}
        return sum(int(counted.get(f"subnet[{one}].assigned-addresses", 0)) for one in ids)

    def facts(self) -> Facts:
        kernel, *lines = self._run("say").splitlines()
        said = {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}
        version = self._beside.version(self._look().beside) if self._beside else kernel
        return Facts(said.get("NAME", "Linux"), said.get("PRETTY_NAME", ""), version, float(said["UPTIME"]))

    def _apply(self, changes: Sequence[Change], secrets: Mapping[Key, str], confirm: int) -> None:
        """All, or it complains and all is as before."""
        seen = self._look()
        other = [change for change in changes if self._beside and change.key[0] in self._beside.kinds]
        changes = [change for change in changes if change not in other]
        try:
            wanted = orders(seen, changes)
            more = self._beside.files(seen.beside, other, secrets) if self._beside and other else {}
        except ValueError as error:
            raise Complaint(str(error)) from None
        token = token_hex(8)
        new = f"{self._folder}/new-{token}"
        self._ssh.put(new, {**self._files(seen, wanted), **more})
        self._run("check", self._kea, new)
        self._run("guard", self._folder, self._kea, token, str(confirm))
        _open.add(token)
        self._token, self._kea_changed = token, wanted.kea is not None
        try:
            self._carry_out(f"{self._folder}/pending-{token}", wanted, changes)
            if more:
                self._run("beside", f"{self._folder}/pending-{token}")
        except Complaint:
            self.revert()
            raise

    def _files(self, seen: Picture, wanted: Orders) -> dict[str, str]:
        files = {f"back/{name}": text for name, text in back(seen).items()}
        files |= {"router.sh": self._script, "add.tc": wanted.add, "isp.nft": wanted.nft, "remove.tc": wanted.remove}
        if wanted.kea is not None:
            assert seen.kea is not None
            files |= {"back/kea.json": command("config-set", seen.kea)}
            files |= {f"{verb}.json": command(f"config-{verb}", wanted.kea) for verb in ("test", "set")}
        return {name: text for name, text in files.items() if text or name.startswith("back/")}

    def _carry_out(self, pending: str, wanted: Orders, changes: Sequence[Change]) -> None:
        if wanted.add:
            self._run("batch", f"{pending}/add.tc")
        if wanted.nft:
            self._run("nft", f"{pending}/isp.nft")
        if wanted.kea is not None:
            self._run("told", self._kea, f"{pending}/set.json")
        if wanted.remove:
            self._run("batch", f"{pending}/remove.tc")
        for change in changes:
            if change.key == FIREWALL:
                shown, after = shown_blocks(self._look()), change.after or {}
                written = {name: {"text": str(after[name]), "shown": shown.get(name, "")} for name in after}
                self._ssh.put(self._folder, {"written.json": json.dumps(written, sort_keys=True)})

    def _look(self) -> Picture:
        """Whatever cannot be read is no empty router."""
        try:
            said = self._run("see", self._folder, self._kea)
            parts = [part.partition("\n") for part in f"\n{said}".split("\n== ")[1:]]
            seen = picture({name: text for name, _, text in parts})
            return replace(seen, pending=seen.pending - _open)
        except (Complaint, ValueError, LookupError) as error:
            raise Unreachable(self._target, f"it cannot be read: {error}") from None

    def _run(self, verb: str, *words: str) -> str:
        return self._ssh.run(self._script, verb, *words)

    def _path(self, login: Login, name: str, usual: str) -> str:
        path = str(login.options.get(name, usual))
        if not _PATH.fullmatch(path) or ".." in path:
            raise Unreachable(self._target, f"its option {name} is no plain absolute path")
        return path


@cache
def _script() -> str:
    return Path(__file__).with_name("router.sh").read_text("utf-8")
