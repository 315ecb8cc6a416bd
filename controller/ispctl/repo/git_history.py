"""What lies between two commits: the commits, what each of them changed, and whose keys signed them.

A signature is verified with the keys that are given, never with those that a repository or its configuration names,
and by no program that it names.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from ispctl.model.problem import Problem, Refusal
from ispctl.repo.git_child import Child, failed, first_line
from ispctl.repo.git_names import Difference, difference_of

_PROGRAMS: Final = {"ssh": "ssh-keygen", "openpgp": "gpg"}
"""What verifies a signature, by its format."""
_PACKAGES: Final = {"ssh-keygen": "openssh-client", "gpg": "gnupg"}
_RAW: Final = ("-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--no-ext-diff", "--ignore-submodules=none")


class Signature(NamedTuple):
    """What became of one. good: by the key with one of these fingerprints. unknown: nobody's key is here to tell, or it
    is not valid any more. bad: it does not belong to this commit."""

    verdict: Literal["good", "unknown", "bad"]
    fingerprints: tuple[str, ...] = ()


class History:
    """Of one repository. Raises Refusal E020 where git itself fails."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def between(self, base: str, head: str) -> Mapping[str, Sequence[str]]:
        """The commits (ids) that `head` has and `base` has not, each with its parents."""
        said = self._child.run("rev-list", "--parents", head, f"^{base}").decode()
        return {commit: parents for commit, *parents in map(str.split, said.splitlines())}

    def line(self, base: str, head: str) -> Sequence[tuple[str, str]]:
        """The steps from one commit of a branch to a later one, (what was before, commit) each, newest first. What came
        by a merge is one step."""
        said = self._child.run("rev-list", "--first-parent", "--parents", head, f"^{base}").decode()
        return [(step[1], step[0]) for step in map(str.split, said.splitlines()) if len(step) > 1]

    def steps(
        self, pairs: Iterable[tuple[str, str]], folders: Sequence[str], lines: str = ""
    ) -> Mapping[str, Sequence[Difference]]:
        """What commits changed against another, (other, commit) each; by commit, those without a change left out.
        `lines`: only files in which a line that fits this pattern (extended, POSIX) came or went."""
        given = "".join(f"{commit} {other}\n" for other, commit in pairs).encode()
        fitting = ("--text", "--no-textconv", f"-G{lines}") if lines else ()
        said = self._child.run("diff-tree", "--stdin", *_RAW, *fitting, "--", *folders, given=given)
        found: dict[str, list[Difference]] = {}
        parts = iter(said.split(b"\0")[:-1])
        current: list[Difference] = []
        for part in parts:
            if part.startswith(b":"):
                current.append(difference_of(part, next(parts)))
            else:
                current = found.setdefault(part.decode(), [])
        return found

    def signatures(
        self, commits: Collection[str], keys: Mapping[str, str], *, openpgp: bool
    ) -> Mapping[str, Signature]:
        """Of commits that carry one. `keys`: SSH keys that count, with the names of whose they are. `openpgp`: whether
        others do, which are looked for in the keyring of whoever runs this. Raises Refusal E763."""
        import tempfile

        if not commits:
            return {}
        ssh, gpg = self.program("ssh"), self.program("openpgp") if openpgp else "false"
        with tempfile.TemporaryDirectory(prefix="ispctl-") as folder:  # mode 0700
            signers = os.path.join(folder, "allowed_signers")
            with open(signers, "w", encoding="utf-8") as file:
                file.writelines(f'{name} namespaces="git" {key}\n' for key, name in keys.items())
            said = {
                "log.showSignature": "false",
                "gpg.ssh.allowedSignersFile": signers,
                "gpg.ssh.revocationFile": "",
                "gpg.ssh.program": ssh,
                "gpg.minTrustLevel": "undefined",
                "gpg.program": gpg,
                "gpg.openpgp.program": gpg,
                "gpg.x509.program": "false",
            }
            settings = (part for name, value in said.items() for part in ("-c", f"{name}={value}"))
            words = ("log", "--no-walk=unsorted", "--stdin", "--no-patch", "--format=%H %G?,%GF,%GP")
            done = self._child.ask(*settings, *words, given="\n".join([*commits, ""]).encode())
        if done.returncode:
            raise failed(f"git log failed: {first_line(done.stderr)}")
        return dict(_verdicts(done.stdout.decode("ascii", "replace")))

    def program(self, form: Literal["ssh", "openpgp"]) -> str:
        """Where the program is that verifies signatures of a format. Raises Refusal E763."""
        name = _PROGRAMS[form]
        found = shutil.which(name, path=self._child.env["PATH"])
        if found is None:
            text = f"there is no program '{name}' on this machine: signatures cannot be verified"
            raise Refusal(Problem("E763", text, advice=f"Install it: apt install {_PACKAGES[name]}"))
        return found


def _verdicts(said: str) -> Iterator[tuple[str, Signature]]:
    """From lines of "id letter,fingerprint,fingerprint of the key above it" (git-log's %G?, %GF, %GP)."""
    for line in said.splitlines():
        commit, _, rest = line.partition(" ")
        letter, *fingerprints = rest.split(",")
        if letter in {"G", "U"}:
            yield commit, Signature("good", tuple(filter(None, fingerprints)))
        else:
            yield commit, Signature("bad" if letter == "B" else "unknown")
