"""Keys, recipients and the keyring file: what age reads and writes, and what is said when it does not fit."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest

from ispctl import secrets
from ispctl.model.problem import Refusal
from ispctl.secrets import (
    Keyring,
    Kind,
    Sealed,
    identity_from,
    initialise,
    recipients_from,
    seal_for,
)

PLACE: tuple[Kind, str, str] = ("service", "sub-000123/main", "password")
CLEAR = "canary-pw-age"


@pytest.fixture
def mine() -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def other() -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.generate()


def problems(call: object, *args: object, **named: object) -> list[tuple[str, str]]:
    with pytest.raises(Refusal) as caught:
        call(*args, **named)  # type: ignore[operator]
    return [(problem.code, str(problem)) for problem in caught.value.problems]


def age(*args: object, given: bytes = b"") -> bytes:
    return subprocess.run(["age", *map(str, args)], input=given, capture_output=True, check=True, timeout=20).stdout


# The keyring file ----------------------------------------------------------------------------------------------------


def test_a_keyring_unlocks_for_each_recipient_and_opens_what_it_sealed(
    mine: pyrage.x25519.Identity, other: pyrage.x25519.Identity
) -> None:
    ring = Keyring.create()
    sealed = ring.seal(*PLACE, CLEAR)
    file = ring.encrypt_for([str(mine.to_public()), str(other.to_public())])
    assert Keyring.unlock(file, str(mine)).open(sealed) == CLEAR
    assert Keyring.unlock(file, identity_from(f"# my key\n{other}\n")).open(sealed) == CLEAR


def test_one_of_several_keys_is_enough(mine: pyrage.x25519.Identity, other: pyrage.x25519.Identity) -> None:
    file = Keyring.create().encrypt_for([str(mine.to_public())])
    assert Keyring.unlock(file, identity_from(f"{other}\n{mine}\n")).current == "k1"


def test_the_age_program_reads_the_keyring_that_we_write(tmp_path: Path) -> None:
    done = initialise(tmp_path / "inventory", key_file=tmp_path / "age.key")
    out = json.loads(age("-d", "-i", tmp_path / "age.key", tmp_path / "inventory" / "keyring.age"))
    assert list(out) == ["current", "keys"]
    assert out["current"] == "k1"
    assert [len(base64.b64decode(key)) for key in out["keys"].values()] == [32]
    assert done.made is not None
    shown = subprocess.run(
        ["age-keygen", "-y", tmp_path / "age.key"], capture_output=True, check=True, timeout=20, text=True
    )
    assert shown.stdout.strip() == done.made


@pytest.mark.parametrize("armor", [[], ["-a"]], ids=["binary", "armored"])
def test_we_read_the_keyring_that_the_age_program_writes(tmp_path: Path, armor: list[str]) -> None:
    initialise(tmp_path / "inventory", key_file=tmp_path / "age.key")
    key = base64.b64encode(bytes(range(32))).decode()
    said = json.dumps({"current": "k2", "keys": {"k1": key, "k2": key}}, indent=2).encode() + b"\n"
    file = age("-R", tmp_path / "inventory" / "recipients.txt", *armor, given=said)
    ring = Keyring.unlock(file, identity_from((tmp_path / "age.key").read_text("ascii")))
    assert repr(ring) == "Keyring(current='k2', keys=['k1', 'k2'])"


def test_a_write_only_value_made_by_the_age_program_opens(tmp_path: Path) -> None:
    initialise(tmp_path, key_file=tmp_path / "age.key")
    identity = identity_from((tmp_path / "age.key").read_text("ascii"))
    ring = Keyring.unlock((tmp_path / "keyring.age").read_bytes(), identity)
    file = age("-R", tmp_path / "recipients.txt", given=CLEAR.encode())
    assert ring.open(Sealed(*PLACE, "age:" + base64.b64encode(file).decode())) == CLEAR
    broken = age("-R", tmp_path / "recipients.txt", given=CLEAR.encode() + b"\n")
    [(code, text)] = problems(ring.open, Sealed(*PLACE, "age:" + base64.b64encode(broken).decode()))
    assert code == "E209"
    assert "ends in a line break" in text


def test_a_keyring_for_others_names_the_key_that_was_tried_and_the_recipients(
    mine: pyrage.x25519.Identity, other: pyrage.x25519.Identity
) -> None:
    theirs = str(other.to_public())
    file = Keyring.create().encrypt_for([theirs])
    [(code, text)] = problems(Keyring.unlock, file, str(mine), [theirs])
    assert code == "E202"
    assert text.startswith("inventory/keyring.age E202 wrong-age-key: ")
    assert str(mine.to_public()) in text
    assert f"inventory/recipients.txt names {theirs}" in text
    assert str(mine) not in text


def test_a_damaged_keyring_is_told_from_a_wrong_key(mine: pyrage.x25519.Identity) -> None:
    file = Keyring.create().encrypt_for([str(mine.to_public())])
    flipped = file[:-1] + bytes([file[-1] ^ 1])
    for damaged in (b"", b"not age\n", file[:-5], file[:20], flipped, file + b"x"):
        [(code, _)] = problems(Keyring.unlock, damaged, str(mine))
        assert code == "E204"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"current": "k1"}',
        b'{"current": "k1", "keys": {}}',
        b'{"current": "k1", "keys": []}',
        b'{"current": 1, "keys": {"k1": 2}}',
        b'{"current": ["k1"], "keys": {"k1": "AA=="}}',
        b'{"current": "k1", "keys": {"k1": "AA=="}}',
        b'{"current": "k2", "keys": {"k1": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}',
        b'{"current": {}, "keys": {"k1": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}',
        b'{"current": "k1", "keys": {"k1": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "k 2": "AA=="}}',
        b'{"current": "k1", "keys": {"k1": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, "more": 1}',
    ],
)
def test_an_age_file_with_something_else_in_it_is_not_a_keyring(content: bytes, mine: pyrage.x25519.Identity) -> None:
    file = pyrage.encrypt(content, [mine.to_public()])
    [(code, text)] = problems(Keyring.unlock, file, str(mine))
    assert (code, "is not a keyring" in text) == ("E204", True)


@pytest.mark.slow
def test_a_keyring_behind_a_passphrase_needs_another_key_and_says_so(mine: pyrage.x25519.Identity) -> None:
    file = pyrage.passphrase.encrypt(b"{}", "canary-pw-passphrase")
    [(code, _)] = problems(Keyring.unlock, file, str(mine))
    assert code in ("E202", "E204")


# Identities ----------------------------------------------------------------------------------------------------------


def test_an_age_key_is_found_among_comments_blank_lines_and_windows_line_ends(mine: pyrage.x25519.Identity) -> None:
    assert identity_from(str(mine)) == str(mine)
    assert identity_from(f"\ufeff# created: 2026-10-20\r\n# public key: age1…\r\n\r\n  {mine}  \r\n") == str(mine)


@pytest.mark.parametrize("nothing", [None, "", "  \n", "# public key: age1abc\n"])
def test_a_missing_key_names_both_ways_to_give_it(nothing: str | None) -> None:
    [(code, text)] = problems(identity_from, nothing)
    assert code == "E201"
    assert "ISPCTL_AGE_KEY_FILE" in text


@pytest.mark.parametrize(
    "given, words",
    [
        ("/etc/ispctl/age.key", "what was given is not an age key"),
        ("AGE-SECRET-KEY-1CANARY", "the age key is damaged"),
        ("AGE-SECRET-KEY-PQ-1CANARY", "what was given is not an age key"),
        ("age1canary", "the public part of an age key was given"),
        ("-----BEGIN AGE ENCRYPTED FILE-----\nCANARY\n", "is itself encrypted"),
        ("age-encryption.org/v1\nCANARY", "is itself encrypted"),
    ],
)
def test_a_key_that_cannot_be_read_is_described_and_not_repeated(given: str, words: str) -> None:
    [(code, text)] = problems(identity_from, given)
    assert code == "E203"
    assert words in text
    assert "CANARY" not in text.upper()
    assert "/etc" not in text


def test_unlocking_without_a_key_says_that_it_is_missing() -> None:
    file = Keyring.create().encrypt_for([str(pyrage.x25519.Identity.generate().to_public())])
    assert [code for code, _ in problems(Keyring.unlock, file, "")] == ["E201"]


# Recipients ----------------------------------------------------------------------------------------------------------


def test_recipients_are_read_in_order_and_once(mine: pyrage.x25519.Identity, other: pyrage.x25519.Identity) -> None:
    a, b = str(mine.to_public()), str(other.to_public())
    assert recipients_from(f"# the office\n{b}\n\n{a}\r\n{b}\n") == (b, a)


def test_every_bad_recipient_is_named_by_line_and_a_secret_key_is_not_repeated(mine: pyrage.x25519.Identity) -> None:
    found = problems(recipients_from, f"age1nonsense\n{mine.to_public()}\n{mine}\nssh-ed25519 AAAA\n")
    assert [code for code, _ in found] == ["E200", "E200", "E200"]
    assert [text.split(" ")[0] for _, text in found] == [f"inventory/recipients.txt:{line}" for line in (1, 3, 4)]
    assert str(mine) not in str(found)
    assert "a secret age key stands among the recipients" in found[1][1]


def test_nothing_is_sealed_for_nobody() -> None:
    assert [code for code, _ in problems(recipients_from, "# nobody\n")] == ["E200"]
    assert [code for code, _ in problems(Keyring.create().encrypt_for, [])] == ["E200"]
    assert [code for code, _ in problems(seal_for, ["age1x"], *PLACE, CLEAR)] == ["E200"]


# The first keyring ---------------------------------------------------------------------------------------------------


def test_a_first_keyring_is_complete_and_its_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    key_file = tmp_path / "home" / "age.key"
    done = initialise(tmp_path / "inventory", key_file=key_file)
    recipients = recipients_from((tmp_path / "inventory" / "recipients.txt").read_text("ascii"))
    assert recipients == (done.made,)
    assert set(done.written) == {key_file, *(tmp_path / "inventory" / n for n in ("recipients.txt", "keyring.age"))}
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert "AGE-SECRET-KEY" not in repr(done)


def test_a_first_keyring_for_given_recipients_makes_no_key(tmp_path: Path, mine: pyrage.x25519.Identity) -> None:
    done = initialise(tmp_path, key_file=None, recipients=[str(mine.to_public())])
    assert done.made is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keyring.age", "recipients.txt"]
    assert Keyring.unlock((tmp_path / "keyring.age").read_bytes(), str(mine)).current == "k1"


@pytest.mark.parametrize("there", ["keyring.age", "recipients.txt", "age.key"])
def test_nothing_that_exists_is_overwritten_and_nothing_new_is_left(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("old", "ascii")
    [(code, text)] = problems(initialise, tmp_path, key_file=tmp_path / "age.key")
    assert code == "E210"
    assert there in text
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text("ascii") == "old"


def test_a_folder_that_cannot_be_made_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "inventory").write_text("a file, not a folder", "ascii")
    [(code, text)] = problems(initialise, tmp_path / "inventory", key_file=tmp_path / "age.key")
    assert (code, "it cannot be written" in text) == ("E210", True)
    assert [path.name for path in tmp_path.iterdir()] == ["inventory"]


def test_the_first_keyring_is_for_somebody(tmp_path: Path) -> None:
    assert [code for code, _ in problems(initialise, tmp_path, key_file=None)] == ["E200"]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_half_written_key(tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys, pathlib; from ispctl.secrets import initialise;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100));"
        "folder = pathlib.Path(sys.argv[1]); initialise(folder, key_file=folder / 'age.key')"
    )
    here = {"PYTHONPATH": str(Path(secrets.__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", program, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, check=False, env=here, timeout=60)
    assert b"E210 cannot-write-secrets: it cannot be written: file too large" in ended.stderr
    assert b"AGE-SECRET-KEY" not in ended.stdout + ended.stderr
    assert list(tmp_path.iterdir()) == []
