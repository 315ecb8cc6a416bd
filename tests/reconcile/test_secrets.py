"""A key that is missing or wrong, a value sealed for somebody else: nothing is written, and the line is named."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from ispctl.desired import sealed_digest
from ispctl.model.problem import Refusal
from ispctl.plan import Change
from ispctl.reconcile.sealed_values import SealedValues
from ispctl.secrets import Keyring, Sealed
from tests.reconcile.test_refusals import HOME_50, NOTHING, code, refused
from tests.reconcile.world import A_FILE, ANITA, B_FILE, World


def place_of(refusal: Refusal) -> str:
    where = refusal.problems[0].where
    assert where is not None
    assert where.line > 0
    return where.file


def test_a_value_sealed_for_another_owner_writes_nothing(world: World) -> None:
    theirs = re.search(r'password: "(enc:[^"]+)"', world.read(B_FILE))
    own = re.search(r'password: "(enc:[^"]+)"', world.read(A_FILE))
    assert theirs
    assert own
    world.subscriber(900)
    world.edit(B_FILE, theirs[1], world.sealed("service/sub-000124/main/password", "canary-pw-again"))
    world.changed(A_FILE, own[1], theirs[1])
    refusal = refused(world)
    assert place_of(refusal) == A_FILE
    assert refusal.exit_code == 1


def test_an_unknown_key_id_writes_nothing(world: World) -> None:
    own = re.search(r'password: "enc:(k1):', world.read(A_FILE))
    assert own
    world.subscriber(900)
    world.changed(A_FILE, "enc:k1:", "enc:k9:")
    refusal = refused(world)
    assert place_of(refusal) == A_FILE
    assert "k9" in str(refusal)


def test_every_bad_secret_is_named_at_once(world: World) -> None:
    world.edit(A_FILE, "enc:k1:", "enc:k9:")
    world.edit(B_FILE, "enc:k1:", "enc:k8:")
    world.commit()
    assert {p.where.file for p in refused(world).problems if p.where} == {A_FILE, B_FILE}


@pytest.mark.parametrize("key", ["AGE-SECRET-KEY-1QQQ", "nonsense", ""])
def test_a_wrong_or_missing_age_key_writes_nothing(world: World, key: str) -> None:
    world.subscriber(900)
    world.commit()
    world.env["ISPCTL_AGE_KEY"] = key or " "
    assert code(refused(world)) in ("E200", "E201", "E202", "E203")


def test_somebody_elses_age_key_writes_nothing(world: World) -> None:
    from pyrage import x25519

    world.subscriber(900)
    world.commit()
    world.env["ISPCTL_AGE_KEY"] = str(x25519.Identity.generate())
    assert code(refused(world)) == "E202"


def test_a_change_without_secrets_needs_no_key(world: World) -> None:
    world.env["ISPCTL_AGE_KEY_FILE"] = "/nonexistent"
    world.changed(A_FILE, "home-50", "home-100")
    assert world.apply(NOTHING).exit_code == 0


def test_a_password_sealed_again_under_another_key_changes_no_service(world: World) -> None:
    from ispctl.secrets import KEYRING, Sealed, recipients_from
    from tests.reconcile.world import keyring

    rotated = keyring().rotated()
    recipients = recipients_from(world.read("inventory/recipients.txt"))
    (world.folder / KEYRING).write_bytes(rotated.encrypt_for(recipients))
    own = re.search(r'password: "(enc:[^"]+)"', world.read(A_FILE))
    assert own
    again = rotated.resealed(Sealed("service", "sub-000123/main", "password", own[1])).text
    assert again != own[1]
    world.changed(A_FILE, own[1], again)
    clear = world.sql("SELECT value FROM radcheck WHERE username = ?", ANITA)
    result = world.apply(NOTHING)
    assert result.exit_code == 0
    assert world.sql("SELECT value FROM radcheck WHERE username = ?", ANITA) == clear
    assert world.plan().empty


def test_a_missing_key_is_told_before_rows_are_written_when_only_a_session_needs_it(world: World) -> None:
    """Outside a lab a CoA goes out under the secret of the router: what cannot be finished is not begun."""
    world.dial(ANITA)
    world.sql("UPDATE ispctl_meta SET value = '0' WHERE key = 'lab'")
    world.changed(HOME_50, "rate: {down: 50M", "rate: {down: 60M")
    assert code(refused(world)) == "E201"


def test_a_slice_opens_each_secret_once_and_keeps_none_that_was_written() -> None:
    keyring, opened = Keyring.create(), list[str]()
    text = keyring.seal("service", "sub-000123/main", "password", "canary-pw-1").text

    class Counting:
        def open(self, sealed: Sealed, where: object = None) -> str:
            opened.append(sealed.owner)
            return keyring.open(sealed)

    service: Any = SimpleNamespace(owner="sub-000123/main", sealed=text, password=sealed_digest(text))
    ring: Any = Counting()
    secrets, digest = SealedValues((), [service], lambda: ring), sealed_digest(text)
    changes = [Change("radius", ("login", "anita@home.example"), None, {"password": digest})]
    secrets.check(changes, keep=True)
    assert (secrets.open(digest), len(opened)) == ("canary-pw-1", 1)
    assert (secrets.open(digest), len(opened)) == ("canary-pw-1", 2)
    secrets.check(changes)
    assert (secrets.open(digest), len(opened)) == ("canary-pw-1", 4)
