"""Where signatures are asked for, a name in a commit is nobody's proof."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ispctl.model.problem import Refusal
from ispctl.model.roles import ROLES, fingerprint
from ispctl.repo.git import Git
from tests.roles.people import ANITA, RENEWED, RULES, SHORTENED, SUSPENDED, Office, reviewed


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "isp")


@pytest.fixture
def base(office: Office) -> str:
    """Everybody but the stranger has a key."""
    return office.begin(
        RULES.format(**office.key("asha", "binod", "chandra", "gateway")).replace("names", "signatures")
    )


def test_who_signed_did_it(office: Office, base: str) -> None:
    office.edit("asha", ANITA, *SUSPENDED)
    assert office.refused(base) == []


def test_without_a_signature_nobody_did_it(office: Office, base: str) -> None:
    del office.keys["asha"]
    commit = office.edit("asha", ANITA, *SUSPENDED)
    (said,) = office.said(base)
    assert f"E760 not-by-this-role: commit {commit[:12]} changes this (suspend), which somebody without a sig" in said


def test_a_forged_author_is_of_no_use(office: Office, base: str) -> None:
    office.keys["binod"] = office.keys["asha"]
    office.edit("binod", ANITA, *RENEWED)
    assert office.refused(base) == [f"E760 {ANITA}:7:5"]


def test_a_key_that_the_roles_do_not_name_is_nobodys(office: Office, base: str) -> None:
    office.key("stranger")
    office.keys["binod"] = office.keys["stranger"]
    office.edit("binod", ANITA, *RENEWED)
    assert office.refused(base) == [f"E760 {ANITA}:7:5"]


def test_a_commit_that_was_altered_under_its_signature_is_refused_whatever_it_does(office: Office, base: str) -> None:
    signed = office.edit("asha", ANITA, *SUSPENDED)
    forged = office.git("cat-file", "commit", signed).replace("A change", "Another") + "\n"
    (office.folder.parent / "forged").write_text(forged, "utf-8")
    commit = office.git("hash-object", "-t", "commit", "-w", str(office.folder.parent / "forged"))
    office.git("reset", "-q", "--hard", commit)
    (said,) = office.said(base)
    assert said.startswith(f"{ANITA} E762 forged-signature: the signature of commit {commit[:12]} is not its own")


def test_two_signatures_are_two_persons(office: Office, base: str) -> None:
    office.git("switch", "-q", "-c", "topic")
    office.edit("asha", ANITA, *SHORTENED)
    office.git("switch", "-q", "main")
    office.merge("chandra", "topic")
    assert office.refused(base) == []


def test_a_merge_in_somebodys_name_is_no_second_person(office: Office, base: str) -> None:
    office.git("switch", "-q", "-c", "topic")
    office.edit("asha", ANITA, *SHORTENED)
    office.git("switch", "-q", "main")
    office.keys["chandra"] = office.keys["asha"]
    office.merge("chandra", "topic")
    assert office.refused(base) == [f"E761 {ANITA}:7:5"]


def test_an_author_who_did_not_sign_is_no_first_person(office: Office, base: str) -> None:
    office.edit("chandra", ANITA, *SHORTENED, author="asha")
    assert office.refused(base) == [f"E761 {ANITA}:7:5"]


def test_who_is_named_as_the_author_cannot_approve(office: Office, base: str) -> None:
    """A machine signs what it does on somebody's behalf; with his merge it would still be one person."""
    office.git("switch", "-q", "-c", "topic")
    office.edit("gateway", ANITA, *SHORTENED, author="chandra")
    office.git("switch", "-q", "main")
    office.merge("chandra", "topic")
    assert office.refused(base) == [f"E761 {ANITA}:7:5"]


def test_the_forge_tells_who_approved_what_it_squashed_without_a_signature(office: Office, base: str) -> None:
    del office.keys["asha"]
    office.edit("asha", ANITA, *SHORTENED)
    assert office.refused(base, reviewed(("asha.g", ["chandra.r"]))) == []


def test_keys_of_the_repositorys_own_configuration_count_for_nothing(office: Office, base: str) -> None:
    office.key("stranger")
    office.keys["binod"] = office.keys["stranger"]
    office.edit("binod", ANITA, *RENEWED)
    ran, program = office.folder.parent / "ran", office.folder.parent / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n", "utf-8")
    program.chmod(0o755)
    public = (office.folder.parent / "key-stranger.pub").read_text("utf-8")
    (office.folder / "signers").write_text(f"binod {public}", "utf-8")
    office.git("config", "gpg.ssh.allowedSignersFile", str(office.folder / "signers"))
    for name in ("gpg.ssh.program", "gpg.program", "gpg.openpgp.program", "gpg.x509.program"):
        office.git("config", name, str(program))
    office.git("config", "log.showSignature", "true")
    assert office.refused(base) == [f"E760 {ANITA}:7:5"]
    assert not ran.exists()


def test_a_key_that_two_added_signs_from_then_on(office: Office, base: str) -> None:
    old = office.read(ROLES)
    new = old.replace(
        "  gateway:", "  dawa: {emails: [dawa@isp.example]" + office.key("stranger")["stranger"] + "}\n  gateway:"
    )
    office.git("switch", "-q", "-c", "topic")
    office.write(ROLES, new.replace("members: [asha]", "members: [asha, dawa]"))
    office.commit("asha")
    office.git("switch", "-q", "main")
    office.merge("binod", "topic")
    office.edit("stranger", ANITA, *SUSPENDED)
    assert office.refused(base) == []


def test_nothing_is_started_where_nothing_is_signed(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = office.begin(RULES.format(asha="", binod="", chandra="", gateway="").replace("names", "signatures"))
    office.edit("asha", ANITA, *SUSPENDED)
    monkeypatch.setenv("PATH", _only_git(tmp_path))
    assert office.refused(base) == [f"E760 {ANITA}:7:5"]


def test_without_ssh_keygen_nothing_signed_is_believed(
    office: Office, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.edit("asha", ANITA, *SUSPENDED)
    monkeypatch.setenv("PATH", _only_git(tmp_path))
    with pytest.raises(Refusal, match=r"E763 .*no program 'ssh-keygen' .*apt install openssh-client"):
        office.refused(base)


def _only_git(folder: Path) -> str:
    """A PATH with git on it and nothing else."""
    place = folder / "bin"
    place.mkdir()
    (place / "git").symlink_to(shutil.which("git") or "")
    return str(place)


def test_the_fingerprint_is_the_one_that_git_prints(office: Office, base: str) -> None:
    commit = office.edit("asha", ANITA, *SUSPENDED)
    public = " ".join((office.folder.parent / "key-asha.pub").read_text("utf-8").split()[:2])
    with Git.open(office.folder, {"PATH": "/usr/bin:/bin"}) as git:
        (signature,) = git.history.signatures([commit], {public: "asha"}, openpgp=False).values()
    assert signature == ("good", (fingerprint(public),))
