"""What a sealed value promises: it opens for its own place, with its own key, and tells nothing to anybody else."""

from __future__ import annotations

import base64
import json
import string
import traceback

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.model.problem import Refusal
from ispctl.secrets import (
    Keyring,
    Kind,
    Sealed,
    check,
    encrypt,
    finding,
    identity_from,
    new_password,
    parts_of,
    recipients_from,
    seal_for,
    show,
)

CLEAR = "canary-pw-sealed"
PLACE: tuple[Kind, str, str] = ("service", "sub-000123/main", "password")

usable = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=32)
owners = st.builds("sub-{:06d}/{}".format, st.integers(0, 999_999), st.sampled_from(["main", "second"]))


def refusal(call: object, *args: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call(*args)  # type: ignore[operator]
    return caught.value


def codes(refused: Refusal) -> list[str]:
    return [problem.code for problem in refused.problems]


def said(error: BaseException) -> str:
    """Everything that a careless logger could print about an error, its causes and contexts included."""
    parts = []
    seen: BaseException | None = error
    while seen is not None:
        parts += [repr(seen), str(seen), repr(seen.args), repr(vars(seen))]
        parts += [repr(getattr(seen, name, None)) for name in ("object", "doc")]
        seen = seen.__cause__ or seen.__context__
    return "\n".join([*parts, *traceback.format_exception(error)])


@pytest.fixture(scope="module")
def ring() -> Keyring:
    return Keyring.create()


@pytest.fixture
def mine() -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.generate()


# The form of a sealed value ------------------------------------------------------------------------------------------


def test_a_sealed_value_has_the_published_form_and_opens_with_plain_aes_gcm_siv() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

    key = bytes(range(32))
    sealed = Keyring("k7", {"k7": key}).seal(*PLACE, CLEAR)
    scheme, name, body = sealed.text.split(":")
    raw = base64.b64decode(body)
    assert (scheme, name) == ("enc", "k7")
    assert AESGCMSIV(key).decrypt(raw[:12], raw[12:], b"service/sub-000123/main/password").decode() == CLEAR


def test_a_value_sealed_elsewhere_by_the_published_form_opens() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

    key, nonce = bytes(32), bytes(12)
    body = nonce + AESGCMSIV(key).encrypt(nonce, CLEAR.encode(), b"nas/lalitpur-1/radius.secret")
    sealed = Sealed("nas", "lalitpur-1", "radius.secret", "enc:2026-a:" + base64.b64encode(body).decode())
    assert Keyring("2026-a", {"2026-a": key}).open(sealed) == CLEAR


@given(owner=owners, clear=usable)
def test_every_usable_value_comes_back_as_it_went_in(owner: str, clear: str) -> None:
    ring = Keyring.create()
    sealed = ring.seal("service", owner, "password", clear)
    assert check(sealed.text) is None
    assert ring.open(sealed) == clear


@given(clear=usable)
def test_two_sealings_of_one_value_look_different_and_mean_the_same(clear: str) -> None:
    ring = Keyring.create()
    first, second = ring.seal(*PLACE, clear), ring.seal(*PLACE, clear)
    assert first.digest != second.digest
    assert ring.open(first) == ring.open(second)


def test_the_digest_is_the_sha256_of_the_sealed_text() -> None:
    empty = Sealed(*PLACE, "")
    assert empty.digest == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


# Who it opens for ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        ("service", "sub-000124/main", "password"),
        ("service", "sub-000123/second", "password"),
        ("service", "sub-000123/main", "pin"),
        ("nas", "lalitpur-1", "radius.secret"),
    ],
)
def test_a_value_moved_to_another_place_does_not_open(ring: Keyring, other: tuple[Kind, str, str]) -> None:
    moved = Sealed(*other, ring.seal(*PLACE, CLEAR).text)
    refused = refusal(ring.open, moved)
    assert codes(refused) == ["E208"]
    assert f"{moved.aad} does not open: sealed for another owner or altered" in str(refused)


@given(index=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_value_with_one_bit_changed_does_not_open(index: int, bit: int) -> None:
    ring = Keyring.create()
    head, body = ring.seal(*PLACE, CLEAR).text.rsplit(":", 1)
    raw = bytearray(base64.b64decode(body))
    raw[index % len(raw)] ^= 1 << bit
    altered = Sealed(*PLACE, f"{head}:{base64.b64encode(raw).decode()}")
    assert codes(refusal(ring.open, altered)) == ["E208"]


def test_a_value_of_a_key_that_the_keyring_lacks_names_both() -> None:
    sealed = Keyring("k9", {"k9": bytes(32)}).seal(*PLACE, CLEAR)
    refused = refusal(Keyring.create().open, sealed)
    assert codes(refused) == ["E207"]
    assert "sealed with key k9, and the keyring holds k1" in str(refused)


def test_two_keyrings_with_the_same_key_name_do_not_open_each_others_values() -> None:
    assert codes(refusal(Keyring.create().open, Keyring.create().seal(*PLACE, CLEAR))) == ["E208"]


# What may be in it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "clear, words",
    [
        ("", "is empty"),
        ("canary-pw-x\n", "ends in a line break"),
        ("canary\x00pw", "holds a control character"),
        ("canary\tpw", "holds a control character"),
        ("canary\x7fpw", "holds a control character"),
        ("canary\x9bpw", "holds a control character"),
        ("canary-pw-\ud800", "is not UTF-8 text"),
        ("é" * 65, "is longer than 128 octets"),
    ],
)
def test_a_value_that_could_never_work_is_neither_sealed_nor_opened(ring: Keyring, clear: str, words: str) -> None:
    refused = refusal(ring.seal, *PLACE, clear)
    assert codes(refused) == ["E209"]
    assert f"the value of service/sub-000123/main/password {words}" in str(refused)
    opened = refusal(ring.open, by_hand(ring, clear.encode("utf-8", "surrogatepass")))
    assert codes(opened) == ["E209" if clear else "E206"]
    assert words in str(opened)


def by_hand(ring: Keyring, raw: bytes) -> Sealed:
    nonce = bytes(12)
    body = nonce + ring._ciphers["k1"].encrypt(nonce, raw, b"service/sub-000123/main/password")
    return Sealed(*PLACE, f"enc:k1:{base64.b64encode(body).decode()}")


def test_a_sealed_nothing_is_found_without_a_key(ring: Keyring) -> None:
    assert check(by_hand(ring, b"").text) == "what was sealed is empty"


def test_octets_that_are_no_text_are_refused_and_not_repeated(ring: Keyring) -> None:
    refused = refusal(ring.open, by_hand(ring, b"canary-pw-\xff\xfe"))
    assert codes(refused) == ["E209"]
    assert "canary-pw" not in said(refused)


def test_a_nas_secret_with_a_backslash_is_refused_and_a_password_with_one_is_not(ring: Keyring) -> None:
    assert codes(refusal(ring.seal, "nas", "lalitpur-1", "radius.secret", "canary-pw-a\\")) == ["E209"]
    assert ring.open(ring.seal(*PLACE, "canary-pw-a\\")) == "canary-pw-a\\"


# The check without a key ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, code",
    [
        ("", "E205"),
        (CLEAR, "E205"),
        ("canary:pw", "E205"),
        ("ENC:k1:AAAA", "E205"),
        (" enc:k1:AAAA", "E205"),
        ("enc", "E205"),
        ("enc:", "E206"),
        ("enc:k1", "E206"),
        ("enc:k1:", "E206"),
        ("enc::AAAA", "E206"),
        ("enc:k 1:AAAA", "E206"),
        ("enc:k1:canary-pw-in-clear", "E206"),
        ("enc:k1:" + "A" * 37, "E206"),
        ("enc:k1:" + base64.b64encode(bytes(27)).decode(), "E206"),
        ("enc:k1:" + base64.b64encode(bytes(40)).decode() + "\n", "E206"),
        ("enc:k1:" + base64.b64encode(bytes(40)).decode()[:-2] + "B=", "E206"),
        ("enc:k1:" + "é" * 40, "E206"),
        ("enc:k1:" + "\ud800" * 40, "E206"),
        ("enc:k1:" + "A" * 10_000, "E206"),
        ("age:", "E206"),
        ("age:canary-pw-in-clear", "E206"),
        ("age:" + base64.b64encode(b"something else").decode(), "E206"),
    ],
)
def test_what_is_not_a_sealed_value_is_named_without_a_key_and_without_repeating_it(text: str, code: str) -> None:
    found = finding(text)
    assert found is not None
    assert found.code == code
    assert check(text) == found.text
    assert "canary" not in str(found)
    assert codes(refusal(Keyring.create().open, Sealed(*PLACE, text))) == [code]


@given(st.text(max_size=80))
def test_any_text_at_all_gets_an_answer_and_never_a_traceback(text: str) -> None:
    assert check(text) is not None
    assert check("enc:" + text) is not None
    assert check("age:" + text) is not None
    assert refusal(Keyring.create().open, Sealed(*PLACE, text)).problems


@pytest.mark.parametrize("kept", [0, 1, 8, 20, 40])
def test_a_truncated_value_is_refused(ring: Keyring, kept: int) -> None:
    text = ring.seal(*PLACE, CLEAR).text
    refused = refusal(ring.open, Sealed(*PLACE, text[: 7 + kept]))
    assert codes(refused)[0] in ("E206", "E208")


# Places --------------------------------------------------------------------------------------------------------------


def test_a_place_is_written_as_the_cipher_binds_it() -> None:
    assert parts_of("service/sub-000123/main/password") == PLACE
    assert parts_of("nas/lalitpur-1/radius.secret") == ("nas", "lalitpur-1", "radius.secret")


@pytest.mark.parametrize(
    "place",
    ["", "service", "service/sub-1/password", "nas/a/b/radius.secret", "nas//radius.secret", "cpe/x/y", "nas/a b/x",
     "service/sub-1/main/", "service/sub-1/main/extra/password", "/nas/lalitpur-1/radius.secret"],
)  # fmt: skip
def test_what_names_no_place_is_refused(place: str) -> None:
    assert codes(refusal(parts_of, place)) == ["E211"]


def test_encrypt_and_show_are_each_others_reverse(ring: Keyring) -> None:
    place = "nas/lalitpur-1/radius.secret"
    text = encrypt(place, CLEAR, keyring=ring)
    assert text.startswith("enc:k1:")
    assert show(place, text, ring) == CLEAR
    assert codes(refusal(show, "nas/lalitpur-2/radius.secret", text, ring)) == ["E208"]


# Write-only values ---------------------------------------------------------------------------------------------------


def test_a_value_sealed_with_the_recipients_alone_opens_with_an_identity_only(mine: pyrage.x25519.Identity) -> None:
    recipient = str(mine.to_public())
    ring = Keyring.create()
    unlocked = Keyring.unlock(ring.encrypt_for([recipient]), str(mine))
    sealed = seal_for([recipient], *PLACE, CLEAR)
    assert sealed.text.startswith("age:")
    assert check(sealed.text) is None
    assert unlocked.open(sealed) == CLEAR
    assert codes(refusal(ring.open, sealed)) == ["E201"]
    assert encrypt("service/sub-000123/main/password", CLEAR, keyring=None, recipients=[recipient]).startswith("age:")


def test_a_write_only_value_for_twenty_recipients_is_not_too_long() -> None:
    many = [str(pyrage.x25519.Identity.generate().to_public()) for _ in range(20)]
    assert check(seal_for(many, *PLACE, "x" * 128).text) is None


def test_a_write_only_value_for_other_recipients_does_not_open(mine: pyrage.x25519.Identity) -> None:
    other = str(pyrage.x25519.Identity.generate().to_public())
    unlocked = Keyring.unlock(Keyring.create().encrypt_for([str(mine.to_public())]), str(mine))
    assert codes(refusal(unlocked.open, seal_for([other], *PLACE, CLEAR))) == ["E202"]


def test_rotation_folds_write_only_values_into_the_keyring(mine: pyrage.x25519.Identity) -> None:
    recipient = str(mine.to_public())
    unlocked = Keyring.unlock(Keyring.create().encrypt_for([recipient]), str(mine))
    folded = unlocked.resealed(seal_for([recipient], *PLACE, CLEAR))
    assert folded.text.startswith("enc:k1:")
    assert unlocked.resealed(folded) is folded
    assert unlocked.open(folded) == CLEAR


# Rotation ------------------------------------------------------------------------------------------------------------


def test_after_a_rotation_old_values_open_and_new_ones_carry_the_new_key(ring: Keyring) -> None:
    old = ring.seal(*PLACE, CLEAR)
    rotated = ring.rotated()
    new = rotated.resealed(old)
    assert (ring.current, rotated.current, rotated.rotated().current) == ("k1", "k2", "k3")
    assert old.digest != new.digest
    assert new.text.startswith("enc:k2:")
    assert rotated.open(old) == rotated.open(new) == CLEAR
    assert codes(refusal(ring.open, new)) == ["E207"]


def test_a_key_with_a_name_of_its_own_can_be_rotated_too() -> None:
    assert Keyring("spring", {"spring": bytes(32)}).rotated().current == "k1"


# Nothing leaks -------------------------------------------------------------------------------------------------------


def test_no_repr_shows_a_key_or_a_value(mine: pyrage.x25519.Identity) -> None:
    key = b"canary-key-canary-key-canary-key"
    ring = Keyring.unlock(Keyring("k1", {"k1": key}).encrypt_for([str(mine.to_public())]), str(mine))
    sealed = ring.seal(*PLACE, CLEAR)
    shown = f"{ring!r} {ring} {sealed!r} {sealed}"
    for secret in (CLEAR, sealed.text, str(mine), key.decode(), base64.b64encode(key).decode()):
        assert secret not in shown


def test_no_refusal_holds_a_clear_value_a_sealed_one_or_a_key(ring: Keyring, mine: pyrage.x25519.Identity) -> None:
    sealed = ring.seal(*PLACE, CLEAR)
    moved = Sealed("service", "sub-9/main", "password", sealed.text)
    keyring_age = ring.encrypt_for([str(pyrage.x25519.Identity.generate().to_public())])
    plain = base64.b64encode(b"canary-key-canary-key-canary-key").decode()
    strange = pyrage.encrypt(json.dumps({"keys": {"k1": plain}}).encode() + b"}", [mine.to_public()])
    refusals = [
        refusal(ring.open, moved),
        refusal(ring.open, Sealed(*PLACE, CLEAR)),
        refusal(ring.open, Sealed(*PLACE, "enc:k1:" + CLEAR)),
        refusal(ring.seal, *PLACE, CLEAR + "\n"),
        refusal(ring.seal, *PLACE, CLEAR + "\ud800"),
        refusal(Keyring.unlock, keyring_age, str(mine)),
        refusal(Keyring.unlock, strange, str(mine)),
        refusal(identity_from, str(mine)[:-1]),
        refusal(recipients_from, str(mine)),
    ]
    for refused in refusals:
        for secret in (CLEAR, sealed.text, str(mine), str(mine)[:-1], plain, "canary-key"):
            # The frames of a traceback quote our source, never a value.
            assert secret not in said(refused)


# Passwords -----------------------------------------------------------------------------------------------------------


def test_a_new_password_is_readable_strong_and_never_the_same() -> None:
    made = {new_password() for _ in range(500)}
    assert len(made) == 500
    for password in made:
        groups = password.split("-")
        assert [len(group) for group in groups] == [4, 4, 4, 4]
        assert set("".join(groups)) <= set(string.ascii_lowercase + string.digits) - set("0o1li")
    assert len(new_password(groups=8)) == 39
