"""From the digest that a change shows to the clear text that a row needs, when it is written and not before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ispctl.desired import Entitlement, sealed_digest
from ispctl.model.network import Nas
from ispctl.model.problem import Problem, Refusal, Where
from ispctl.plan import Change
from ispctl.secrets import Keyring, Sealed

SECRET_FIELDS = ("password", "secret")


class SealedValues:
    """Every sealed value of an intent by its digest; the keyring is opened by the first that is asked for."""

    def __init__(self, nas: Iterable[Nas], entitlements: Iterable[Entitlement], keyring: Callable[[], Keyring]) -> None:
        self._unlock = keyring
        self._keyring: Keyring | None = None
        self._known: dict[str, tuple[Sealed, Nas | Entitlement]] = {}
        self._opened: dict[str, str] = {}
        for one in nas:
            if one.radius:
                self._add(Sealed("nas", one.name, "radius.secret", one.radius.secret), one)
        for entitlement in entitlements:
            if entitlement.sealed and entitlement.password:  # which is its digest
                sealed = Sealed("service", entitlement.owner, "password", entitlement.sealed)
                self._known[entitlement.password] = (sealed, entitlement)

    def unlocked_by(self, keyring: Callable[[], Keyring]) -> None:
        """For another thread, which does not read git."""
        self._unlock = keyring

    def open(self, digest: str) -> str:
        """The clear text. Raises Refusal: no key, a wrong key, sealed for another owner."""
        if (kept := self._opened.pop(digest, None)) is not None:
            return kept
        found = self._known.get(digest)
        if found is None:
            text = "a secret of the plan is not in this commit"
            raise Refusal(Problem("E606", text, advice="Make a new plan: ispctl plan --live"))
        if self._keyring is None:
            self._keyring = self._unlock()
        try:
            return self._keyring.open(found[0])
        except Refusal:
            return self._keyring.open(found[0], _where(found[1]))  # says it again, with the place

    def check(self, changes: Sequence[Change], *, keep: bool = False) -> None:
        """Open everything that these changes will write. Raises one Refusal with every problem. `keep`: for a slice,
        which is written next: each clear text is kept until it is asked for; otherwise none is."""
        problems: dict[str, Problem] = {}
        opened: dict[str, str] = {}
        for change in changes:
            for name in SECRET_FIELDS:
                wanted = (change.after or {}).get(name)
                if isinstance(wanted, str) and wanted and wanted != (change.before or {}).get(name):
                    try:
                        opened[wanted] = self.open(wanted)
                    except Refusal as refusal:
                        problems |= {str(problem): problem for problem in refusal.problems}
        if problems:
            raise Refusal(*problems.values())
        if keep:
            self._opened = opened

    def secret_of(self, nas: Nas) -> str:
        """The shared secret of a NAS. Raises Refusal."""
        assert nas.radius is not None
        return self.open(sealed_digest(nas.radius.secret))

    def _add(self, sealed: Sealed, owner: Nas | Entitlement) -> None:
        self._known[sealed_digest(sealed.text)] = (sealed, owner)


def _where(owner: Nas | Entitlement) -> Where | None:
    """Where a sealed value is written."""
    if isinstance(owner, Nas):
        return owner.where
    because = owner.because.get("password")
    return because.where if because else None
