"""inventory/roles.yaml: who may change what alone, and what takes a second person. Without it, everybody all."""

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final, Literal, get_args

from ispctl.digests import sha256
from ispctl.model.record import Record, check, field
from ispctl.model.scalars import Email, Name, SigningKey, Text

Kind = Literal[
    "add",
    "remove",
    "archive",
    "move",
    "activate",
    "renew",
    "revert",
    "grace",
    "topup",
    "tariff",
    "suspend",
    "hold",
    "terminate",
    "password",
    "login",
    "mac",
    "ip",
    "place",
    "cpe",
    "profile",
    "invoice",
    "payment",
    "credit",
    "adjustment",
    "refund",
    "reversal",
    "note",
    "tariffs",
    "policy",
    "pools",
    "hosts",
    "groups",
    "targets",
    "keys",
    "templates",
    "roles",
    "other",
]
"""What a change is; docs/roles.md says what each takes in."""
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
ROLES: Final = "inventory/roles.yaml"
Kinds = tuple[Literal[Kind, "all"], ...]


class Person(Record):
    """By what one person is known. Nobody shares any of it with another."""

    emails: tuple[Email, ...] = field(default=(), description="As author or committer of commits.", repr=False)
    gitlab: Text | None = field(
        default=None, description="User name in GitLab: for approvals, and for verbs in a pipeline."
    )
    keys: tuple[SigningKey, ...] = field(
        default=(), description="Public keys that sign: SSH, as in a .pub file, or the fingerprint of an OpenPGP key."
    )


class Role(Record):
    """What its members may do."""

    members: tuple[Name, ...] = field(default=(), description="Names below people.")
    direct: Kinds = field(default=(), description="Kinds of change that they may make alone.")
    approve: Kinds = field(
        default=(), description="Kinds of change of somebody else for which they may be the second person."
    )


class Roles(Record):
    """Who may do what, and how it is known who did it."""

    trust: Literal["names", "signatures"] = field(
        default="names",
        description="names: a commit was made by whom it names. signatures: by whose key signed it, and nobody else.",
    )
    people: dict[Name, Person] = field(description="Everybody who has a part.")
    roles: dict[Name, Role] = field(description="By their names.")
    anybody: Kinds = field(default=(), description="Kinds that whoever can push may change alone, known or not.")
    two_persons: Kinds = field(
        default=(), description="Kinds that nobody may change alone, whatever the role. `roles` is always one of them."
    )

    @check
    def _of_one_alone(self) -> None:
        known = {"emails": self._emails(), "gitlab": self._users(), "keys": self._fingerprints()}
        for name, said in known.items():
            if max(Counter(said).values(), default=0) > 1:
                raise ValueError(f"two people share one of their {name}: nobody could tell who of them it was")
        members = ((name, role) for role, said in self.roles.items() for name in said.members)
        if unknown := sorted(f"{name} (of {role})" for name, role in members if name not in self.people):
            raise ValueError(f"members that are not below people: {', '.join(unknown)}")

    @check
    def _can_be_changed(self) -> None:
        if not any(self.may_approve(name, "roles") for name in self.people) or len(self.people) < 2:
            raise ValueError("nobody could change this file again: it takes two people, one of whom may approve roles")

    def by_email(self, email: str) -> str | None:
        """The person with an address; None for nobody's."""
        return self._by_email.get(email.casefold())

    def by_user(self, user: str) -> str | None:
        """The person with a user name in GitLab."""
        return self._by_user.get(user.casefold())

    def by_key(self, fingerprints: Iterable[str]) -> str | None:
        """The person with a key, as git prints its fingerprint; of an OpenPGP key also that of the key above it."""
        return next((self._by_key[one] for one in fingerprints if one in self._by_key), None)

    def may(self, person: str | None, kind: Kind) -> bool:
        """Whether a person (None: somebody unknown) may make a change of this kind alone, were it of one that one
        person may make."""
        return kind in self._direct(person) or (kind == "note" and bool(self._direct(person)))

    def may_approve(self, person: str, kind: Kind) -> bool:
        """Whether it may be the second person."""
        found = {one for role in self._of(person) for one in role.approve}
        return bool({kind, "all"} & found) or (kind == "note" and bool(found))

    def takes_two(self, kind: Kind) -> bool:
        return kind == "roles" or bool({kind, "all"} & set(self.two_persons))

    def with_direct(self, kind: Kind) -> Sequence[str]:
        """The roles whose members may do it alone."""
        return [name for name, role in self.roles.items() if {kind, "all"} & set(role.direct)]

    def with_approve(self, kind: Kind) -> Sequence[str]:
        """The roles whose members may approve it."""
        return [name for name, role in self.roles.items() if {kind, "all"} & set(role.approve)]

    def _of(self, person: str | None) -> Iterable[Role]:
        return (role for role in self.roles.values() if person in role.members)

    def _direct(self, person: str | None) -> set[str]:
        found: set[str] = {*self.anybody, *(one for role in self._of(person) for one in role.direct)}
        return {*found, *KINDS} if "all" in found else found

    @cached_property
    def _by_email(self) -> dict[str, str]:
        return {email.casefold(): name for name, person in self.people.items() for email in person.emails}

    @cached_property
    def _by_user(self) -> dict[str, str]:
        return {person.gitlab.casefold(): name for name, person in self.people.items() if person.gitlab}

    @cached_property
    def _by_key(self) -> dict[str, str]:
        return {fingerprint(key): name for name, person in self.people.items() for key in person.keys}

    def _emails(self) -> list[str]:
        return [email for person in self.people.values() for email in {one.casefold() for one in person.emails}]

    def _users(self) -> list[str]:
        return [person.gitlab.casefold() for person in self.people.values() if person.gitlab]

    def _fingerprints(self) -> list[str]:
        return [one for person in self.people.values() for one in {fingerprint(key) for key in person.keys}]


def is_ssh(key: str) -> bool:
    """Whether a signing key is one of SSH; else it is the fingerprint of one of OpenPGP."""
    return " " in key


def fingerprint(key: str) -> str:
    """As git prints that of whoever signed: SHA256:… of an SSH key (RFC 4253 section 6.6), hexadecimal of an OpenPGP
    one."""
    if not is_ssh(key):
        return key
    digest = sha256(b64decode(key.split()[1])).digest()
    return f"SHA256:{b64encode(digest).decode().rstrip('=')}"
