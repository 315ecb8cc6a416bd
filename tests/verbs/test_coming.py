"""Coming and going: a new file with a password that nobody sees, the end of a contract, the archive."""

from __future__ import annotations

import io
import re

import pytest

from ispctl.secrets import Keyring, Sealed
from tests.gates import example
from tests.verbs.conftest import FILE, SUB, Isp

ADD = ("add", "lalitpur", "--login", "nima@home.example", "--name", "Nima Lama", "--tariff", "home-50", "--direct")
NEW = "subscribers/lalitpur/d5/sub-000502.yaml"


def clear_text(isp: Isp, text: str, owner: str) -> str:
    """The password of a file, opened."""
    from ispctl.cli.common import demo_key

    keyring = Keyring.unlock((isp.clone / "inventory" / "keyring.age").read_bytes(), demo_key())
    (sealed,) = re.findall(r'password: "(.*)"', text)
    return keyring.open(Sealed("service", owner, "password", sealed))


def test_a_subscriber_gets_the_next_id_and_a_password_that_only_the_server_reads(isp: Isp) -> None:
    done = isp.done(*ADD, "--mobile", "+977 9851000999")
    (path,) = done["files"]
    text = isp.text(path)
    assert path == NEW
    assert re.sub('enc:k1:[^"]*', "enc:…", text) == (
        "id: sub-000502\n"
        'profile: {name: "Nima Lama", mobile: "+977 9851000999"}\n'
        "services:\n"
        "  - key: main\n"
        '    login: nima@home.example\n    password: "enc:…"\n'
        "    tariff: home-50\n"
    )
    assert isp.log()[0] == "add sub-000502: a new subscriber of lalitpur"
    assert re.fullmatch("([a-z2-9]{4}-){3}[a-z2-9]{4}", clear_text(isp, text, "sub-000502/main"))
    assert done["plan"]["summary"]["create"] > 0
    assert done["notes"] == [
        "Nothing is paid yet: ispctl activate sub-000502 begins the service with its first period."
    ]
    assert isp("activate", "sub-000502", "--direct").code == 0
    assert "Nima" not in str(done)


def test_a_password_is_shown_once_to_whoever_asks(isp: Isp) -> None:
    said = isp(*ADD, "--show")
    assert said.code == 0, said.both
    clear = clear_text(isp, isp.text(NEW), "sub-000502/main")
    assert said.err.endswith(f"Password: {clear}\n")
    assert clear not in said.out + example.git(isp.origin, "log", "-p", "-1")
    assert "leave --format out" in isp(*ADD, "--show", "--format", "json").err
    assert "Password" not in isp(*ADD, "--show").err


def test_a_password_of_ones_own_comes_from_standard_input(isp: Isp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("canary-pw-nima\n"))
    isp.done(*ADD, "--password-stdin")
    assert clear_text(isp, isp.text(NEW), "sub-000502/main") == "canary-pw-nima"


def test_who_was_added_is_not_added_again(isp: Isp) -> None:
    isp.done(*ADD)
    said = isp(*ADD)
    assert said.out == "sub-000502/main is that subscriber.\nIt is so already; nothing changed.\n"
    said = isp(*ADD[:-1], "--tariff", "home-100", "--direct")
    assert (said.code, "E103 duplicate-login" in said.err) == (1, True)


def test_who_comes_back_after_his_contract_ended_is_added(isp: Isp) -> None:
    isp.done(*ADD)
    isp.done("terminate", "sub-000502", "--on", "2026-01-01", "--reason", "moved away", "--direct")
    done = isp.done(*ADD)
    assert ([event["id"] for event in done["events"]], done["status"]) == (["sub-000503"], "committed")


def test_an_id_is_never_used_again(isp: Isp) -> None:
    assert f"E686 id-taken: {SUB} is taken ({FILE})" in isp(*ADD, "--id", SUB).err
    isp.done(*ADD, "--id", "office-7")
    assert isp.text("subscribers/lalitpur/19/office-7.yaml").startswith("id: office-7\n")


def test_a_line_and_a_device_need_no_password(isp: Isp) -> None:
    common = ("add", "kathmandu", "--name", "Camera", "--tariff", "home-20", "--direct")
    isp.done(*common, "--login", "camera.1", "--ipoe", "mac", "--mac", "0050.5600.0001")
    isp.done(*common, "--login", "camera.2", "--ipoe", "circuit", "--circuit-id", "0x0004007b0108", "--vlan", 300)
    texts = "".join(
        isp.text(path)
        for path in example.git(isp.origin, "ls-tree", "-r", "--name-only", "main").split()
        if re.search("sub-00050[23]", path)
    )
    assert "access: {type: ipoe, identify: mac}" in texts
    assert 'access: {type: ipoe, identify: circuit, circuit_id: "0x0004007b0108", vlan: 300}' in texts
    assert 'mac: {mode: fixed, max: 1, addresses: [{mac: "00:50:56:00:00:01"}]}' in texts
    assert "password" not in texts


@pytest.mark.parametrize(
    "words, told",
    [
        (("add", "nowhere", *ADD[2:]), "E616 no-such-group"),
        ((*ADD[:2], "--login", "Nima Lama", *ADD[4:]), "E032"),
        ((*ADD, "--mobile", "98510"), "E032"),
        ((*ADD, "--ipoe", "mac"), "--mac goes with --ipoe mac"),
        ((*ADD, "--nas", "pop-nowhere"), "E113"),
    ],
)
def test_somebody_who_cannot_be_is_refused(isp: Isp, words: tuple[str, ...], told: str) -> None:
    said = isp(*words)
    assert (said.code, told in said.err, len(isp.log())) == (1, True, 1), said.err


def test_two_who_add_at_once_get_two_ids(isp: Isp, monkeypatch: pytest.MonkeyPatch) -> None:
    from ispctl.repo.scratch import Scratch

    publish = Scratch.publish

    def late(self, commit, to, push):  # type: ignore[no-untyped-def]
        monkeypatch.setattr(Scratch, "publish", publish)
        other = isp.text().replace(SUB, "sub-000502").replace("anita.rai@home", "other@home")
        line = "    access: {type: ipoe, identify: circuit, circuit_id: x}\n"
        isp.push("subscribers/lalitpur/00/sub-000502.yaml", re.sub("    password: .*\n", line, other))
        return publish(self, commit, to, push)

    monkeypatch.setattr(Scratch, "publish", late)
    assert isp.done(*ADD)["events"][0]["id"] == "sub-000503"


def test_the_helpdesk_seals_without_a_key(isp: Isp, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyrage import x25519

    monkeypatch.setattr("ispctl.cli.common.demo_key", lambda: str(x25519.Identity.generate()))
    isp.done(*ADD)
    assert 'password: "age:' in isp.text(NEW)


def test_a_contract_ends_and_its_end_is_taken_back(isp: Isp) -> None:
    before = isp.text()
    end = ("terminate", SUB, "--on", "2031-03-01", "--reason", "moves away", "--direct")
    done = isp.done(*end)
    assert isp.text() == before + "    terminated: 2031-03-01\n"
    assert done["events"][0]["text"] == "no service from 2031-03-01"
    assert isp(*end).out == "It is so already; nothing changed.\n"
    assert isp.done(*end[:3], "2031-04-01", *end[4:])["events"][0]["text"].endswith("(was 2031-03-01)")
    isp.done("terminate", SUB, "--cancel", "--direct")
    assert isp.text() == before
    assert isp("terminate", SUB, "--cancel", "--direct").out == "It is so already; nothing changed.\n"
    assert "E683 needs-a-reason" in isp("terminate", SUB).err


def test_who_is_gone_for_long_is_archived_with_the_account_and_never_again_somebody_else(isp: Isp) -> None:
    isp.done(*ADD)
    ledger = NEW.replace(".yaml", ".ledger.yaml")
    isp.push(ledger, "subscriber: sub-000502\nentries: []\n")
    said = isp("archive", "sub-000502", "--direct")
    assert f"{NEW}:4:" in said.err
    assert "E684 not-in-that-state: sub-000502/main is not terminated" in said.err
    text = isp.text(NEW) + "    terminated: 2031-01-01\n"
    isp.push(NEW, text)
    assert "From 2032-01-01 00:00 on it may be archived" in isp("archive", "sub-000502", "--direct").err
    text = text.replace("terminated: 2031", "terminated: 2021")
    isp.push(NEW, text)
    isp.done("archive", "sub-000502", "--direct")
    assert isp.text("archive/lalitpur/d5/sub-000502.yaml") == text
    assert isp.text("archive/lalitpur/d5/sub-000502.ledger.yaml").startswith("subscriber: sub-000502")
    assert isp("validate", "--commit", "main").code == 0
    assert isp.done(*ADD)["events"][0]["id"] == "sub-000503"
    assert (
        "E686 id-taken: sub-000502 is taken (archive/"
        in isp(*ADD, "--login", "b@home.example", "--id", "sub-000502").err
    )
