"""A small ISP whose repository is written to by several people, each under a name or with a key."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ispctl.model.roles import ROLES
from ispctl.repo import Repository
from ispctl.roles import Review, Reviews, refused

ANITA = "subscribers/lalitpur/aa/sub-1.yaml"
LEDGER = "subscribers/lalitpur/aa/sub-1.ledger.yaml"
TARIFF = "tariffs/home.yaml"
FILES = {
    "inventory/policy.yaml": "format: 1\ntimezone: Asia/Kathmandu\ncurrency: NPR\n",
    TARIFF: "name: home\n",
    "tariffs/fast.yaml": "name: fast\n",
    ANITA: """\
id: sub-1
profile: {name: Canary Birdsong}
services:
  - login: l1@home.example
    access: {type: ipoe, identify: circuit, circuit_id: port-1}
    tariff: home
    paid_until: 2026-11-20
""",
    LEDGER: 'subscriber: sub-1\nentries:\n  - {key: a, at: 2026-11-01, type: payment, amount: "5.00"}\n',
}
WHO = {name: f"{name}@isp.example" for name in ("asha", "binod", "chandra", "gateway", "stranger")}
RULES = """\
trust: names
people:
  asha: {{emails: [asha@isp.example], gitlab: asha.g{asha}}}
  binod: {{emails: [binod@isp.example], gitlab: binod.s{binod}}}
  chandra: {{emails: [chandra@isp.example], gitlab: chandra.r{chandra}}}
  gateway: {{emails: [gateway@isp.example]{gateway}}}
roles:
  helpdesk: {{members: [asha], direct: [suspend, profile, mac]}}
  boss: {{members: [binod], direct: [all], approve: [all]}}
  second: {{members: [chandra], direct: [renew], approve: [all]}}
  payments: {{members: [gateway], direct: [renew, payment]}}
two_persons: [reversal, revert, policy]
"""
PLAIN = RULES.format(asha="", binod="", chandra="", gateway="")


@dataclass
class Office:
    """`keys`: the private key that each person signs with."""

    folder: Path
    keys: dict[str, Path] = field(default_factory=dict)

    def begin(self, rules: str | None = PLAIN) -> str:
        self.folder.mkdir()
        self.git("init", "-q", "-b", "main")
        for path, text in FILES.items():
            self.write(path, text)
        if rules is not None:
            self.write(ROLES, rules)
        return self.commit("binod")

    def git(self, *words: str, by: str = "binod", author: str = "") -> str:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": author or by,
            "GIT_AUTHOR_EMAIL": WHO[author or by],
            "GIT_COMMITTER_NAME": by,
            "GIT_COMMITTER_EMAIL": WHO[by],
        }
        sign = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={self.keys[by]}") if by in self.keys else ()
        sign = (*sign, "-c", f"commit.gpgsign={'true' if sign else 'false'}")
        done = subprocess.run(["git", *sign, *words], cwd=self.folder, env=env, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def write(self, path: str, text: str) -> None:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")

    def read(self, path: str) -> str:
        return (self.folder / path).read_text("utf-8")

    def commit(self, by: str, *, author: str = "") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "A change", by=by, author=author)
        return self.head

    def edit(self, by: str, path: str, old: str, new: str, *, author: str = "") -> str:
        """One edit in a commit of its own."""
        text = self.read(path)
        assert old in text
        self.write(path, text.replace(old, new))
        return self.commit(by, author=author)

    def merge(self, by: str, branch: str, *words: str) -> str:
        self.git("merge", "-q", "--no-ff", *words, "-m", "Merge", branch, by=by)
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def key(self, *people: str) -> dict[str, str]:
        """Let these people sign from now on; their public keys as roles.yaml takes them."""
        found = {}
        for name in people:
            path = self.folder.parent / f"key-{name}"
            if not path.exists():
                words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
                subprocess.run(words, check=True, capture_output=True)
            self.keys[name] = path
            found[name] = f', keys: ["{path.with_suffix(".pub").read_text("utf-8").strip()}"]'
        return found

    def refused(self, base: str, reviews: Reviews | None = None, allowed: Collection[str] = ()) -> list[str]:
        """Code and commit of what is not permitted, by the number of the commit since `base`: 1 is the first."""
        with Repository.open(self.folder, {"PATH": os.environ["PATH"], "HOME": str(self.folder.parent)}) as repository:
            return [f"{one.code} {one.where}" for one in refused(repository, base, "HEAD", reviews, allowed)]

    def said(self, base: str, reviews: Reviews | None = None) -> list[str]:
        with Repository.open(self.folder, {"PATH": os.environ["PATH"]}) as repository:
            return [str(one) for one in refused(repository, base, "HEAD", reviews)]


def reviewed(*pairs: tuple[str, Sequence[str]]) -> Reviews:
    """A forge in which each commit came by merge requests of these authors and approvers."""
    return lambda _commit: [Review(author, frozenset(approvers)) for author, approvers in pairs]


SUSPENDED = ("    tariff: home\n", "    tariff: home\n    suspended: {since: 2026-11-22, reason: abuse}\n")
RENEWED = ("2026-11-20", "2026-12-20")
SHORTENED = ("2026-11-20", "2026-11-01")
PAID = '  - {key: b, at: 2026-11-02, type: payment, amount: "6.00"}\n'
