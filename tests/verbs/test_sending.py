"""A statement goes to its subscriber by e-mail: whole, once, and nobody is told that it went when it did not."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from pypdf import PdfReader

from tests.cli.conftest import Said
from tests.gates import example
from tests.verbs.conftest import Isp
from tests.verbs.post import SENDER, Post, free

pytestmark = pytest.mark.live

ANNAPURNA = "sub-000206"
DAYS = ("--from", "2025-10-01", "--to", "2025-11-30")
SEND = ("statement", ANNAPURNA, *DAYS, "--send")
OTHER = "sub-000410"
OTHERS = f"subscribers/chitwan/5a/{OTHER}.yaml"
FILE = f"subscribers/kathmandu/07/{ANNAPURNA}.yaml"


def address(isp: Isp, file: str = FILE) -> str:
    found = re.search(r"email: ([^\s,}]+)", isp.text(file))
    assert found
    return found[1]


@pytest.mark.shows("name", "email")
def test_the_pdf_arrives_whole_with_the_same_in_words(isp: Isp, post: Post, tmp_path: Path) -> None:
    said = isp(*SEND)
    assert (said.code, said.out) == (0, f"sent: {ANNAPURNA}, 2025-10-01 to 2025-11-30 in en\n"), said.err
    assert isp(*SEND[:-1], "--pdf", "--out", tmp_path / "statement.pdf").code == 0
    (letter,), (envelope,) = post.letters, post.got
    assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER, [address(isp)])
    assert (letter["From"], letter["To"]) == (SENDER, address(isp))
    assert letter["Subject"] == f"Statement of account {ANNAPURNA}, 2025-10-01 to 2025-11-30"
    words = letter.get_body()
    assert words is not None
    assert words.get_content().replace("\r\n", "\n") == isp(*SEND[:-1]).out
    (attached,) = letter.iter_attachments()
    assert attached.get_filename() == f"statement-{ANNAPURNA}-2025-10-01-2025-11-30.pdf"
    octets = attached.get_payload(decode=True)
    assert octets == (tmp_path / "statement.pdf").read_bytes()
    assert "7345.00" in PdfReader(BytesIO(octets)).pages[0].extract_text()


def test_the_same_statement_goes_once_unless_told_otherwise(isp: Isp, post: Post) -> None:
    isp(*SEND)
    said = isp(*SEND)
    assert (said.code, said.out.startswith("already sent 20"), len(post.got)) == (0, True, 1)
    assert isp(*SEND, "--again").out.startswith("sent: ")
    assert len({letter["Message-ID"] for letter in post.letters}) == 1
    assert len(post.got) == 2


def test_a_statement_that_says_something_else_since_then_is_another(isp: Isp, post: Post) -> None:
    isp(*SEND)
    path = FILE.replace(".yaml", ".ledger.yaml")
    isp.push(path, isp.text(path) + '  - {key: late, at: 2025-11-20, type: payment, amount: "1.00"}\n')
    example.git(isp.clone, "pull", "-q")
    assert isp(*SEND).out.startswith("sent: ")
    assert len(post.got) == 2


@pytest.mark.shows("email")
@pytest.mark.parametrize(
    "answers, code, told",
    [
        ({"to": "550 5.1.1 <{}>: nobody here"}, "E756 mail-refused", "(the mail server says 550 5.1.1)"),
        ({"to": "450 4.2.1 <{}>: later"}, "E755 mail-waits", "(the mail server says 450 4.2.1)"),
        ({"letter": "552 5.3.4 too big"}, "E756 mail-refused", "(the mail server says 552 5.3.4)"),
        ({"letter": "451 later"}, "E755 mail-waits", "(the mail server says 451)"),
    ],
)
def test_what_the_server_does_not_take_is_told_by_its_number_and_goes_when_it_does(
    isp: Isp, post: Post, answers: dict[str, str], code: str, told: str
) -> None:
    for name, answer in answers.items():
        setattr(post, name, answer)
    said = isp(*SEND)
    assert (said.code, code in said.err, told in said.err) == (1, True, True), said.err
    assert address(isp) not in said.both
    (item,) = isp("outbox", "--format", "json").json["items"]
    assert item["state"] == ("queued" if "E755" in code else "failed")
    assert item["command"] == f"ispctl statement {ANNAPURNA} --from 2025-10-01 --to 2025-11-30 --send"
    post.to = post.letter = ""
    assert isp(*item["command"].split()[1:]).out == f"sent: {ANNAPURNA}, 2025-10-01 to 2025-11-30 in en\n"
    assert isp("outbox").out == "Nothing waits.\n"


def test_a_server_that_is_down_leaves_it_in_the_outbox(isp: Isp, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISPCTL_MAIL__URL", f"smtp://127.0.0.1:{free()}")
    for attempt in (1, 2):
        said = isp(*SEND)
        assert (said.code, "it waits in the outbox. Send it once more later: the same command" in said.err) == (1, True)
        assert "Connection refused" in said.err
        assert f"queued  statement of {ANNAPURNA}, 2025-10-01 to 2025-11-30 in en; {attempt} a" in isp("outbox").out
    monkeypatch.setenv("ISPCTL_MAIL__URL", f"smtp://127.0.0.1:{post.port}")
    assert (isp(*SEND).code, len(post.got)) == (0, 1)


def test_a_server_whose_name_no_host_can_have_leaves_it_there_too(
    isp: Isp, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISPCTL_MAIL__URL", "smtp://mail..example.net")
    said = isp(*SEND)
    assert (said.code, "E755 mail-waits" in said.err) == (1, True), said.both
    (item,) = isp("outbox", "--format", "json").json["items"]
    assert (item["state"], item["error"]) == ("queued", "the mail server has a name that no host can have")


def killed(isp: Isp, post: Post) -> None:
    """A process that dies after the letter was taken, before that is written down."""
    code = "import sys; from ispctl.cli.main import main; sys.stdin.readline(); main()"
    command = [sys.executable, "-c", code, "--repo", str(isp.clone), *SEND]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as one:
        post.dies = one.pid
        one.communicate(b"\n", timeout=60)
    post.dies = 0
    assert one.returncode == -signal.SIGKILL


def test_a_kill_between_sending_and_writing_it_down_makes_at_most_one_too_many_and_it_is_told(
    isp: Isp, post: Post
) -> None:
    killed(isp, post)
    said = isp(*SEND)
    assert (said.code, said.out.endswith("An earlier attempt was interrupted, so it may arrive twice\n")) == (0, True)
    assert isp(*SEND).out.startswith("already sent")
    assert len({letter["Message-ID"] for letter in post.letters}) == 1
    assert len(post.got) == 2


def test_a_second_kill_leaves_it_to_a_person(isp: Isp, post: Post) -> None:
    killed(isp, post)
    killed(isp, post)
    said = isp(*SEND)
    assert (said.code, f"E758 mail-unsure: nobody knows whether the statement of {ANNAPURNA}" in said.err) == (1, True)
    (item,) = isp("outbox", "--format", "json").json["items"]
    assert (item["state"], item["attempts"], item["command"].endswith("--send --again")) == ("sending", 2, True)
    assert len(post.got) == 2
    assert isp(*SEND, "--again").out.endswith("it may arrive twice\n")


def test_a_server_that_falls_silent_may_have_it(isp: Isp, post: Post) -> None:
    post.letter = "silence"
    said = isp(*SEND)
    assert (said.code, "E758 mail-unsure" in said.err, "; the same command does" in said.err) == (1, True, True)
    post.letter = ""
    assert isp(*SEND).out.endswith("it may arrive twice\n")


def test_who_else_is_sending_it_is_not_disturbed(isp: Isp, post: Post) -> None:
    isp(*SEND)
    with sqlite3.connect(isp.clone / "var/radius.db") as database:
        database.execute("UPDATE ispctl_outbox SET state = 'sending', pid = ?", (os.getppid(),))
    said = isp(*SEND)
    assert (said.code, "E757 mail-under-way" in said.err, len(post.got)) == (1, True, 1)


@pytest.mark.parametrize(("minutes", "code", "told"), [(1, 1, "E757 mail-under-way"), (11, 0, "it may arrive twice")])
def test_an_attempt_of_another_machine_counts_as_interrupted_after_ten_minutes(
    isp: Isp, post: Post, minutes: int, code: int, told: str
) -> None:
    isp(*SEND)
    with sqlite3.connect(isp.clone / "var/radius.db") as database:
        ((tried,),) = database.execute("SELECT tried FROM ispctl_outbox").fetchall()
        minute = 60 * (10**6 if tried > 10**14 else 1)
        change = "UPDATE ispctl_outbox SET state = 'sending', host = 'elsewhere', tried = ?"
        database.execute(change, (tried - minutes * minute,))
    said = isp(*SEND)
    assert (said.code, told in said.both) == (code, True), said.both


def test_a_password_is_told_to_nobody_without_tls(isp: Isp, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    from ispctl.notices import Letter, Mail, Waits
    from ispctl.notices import mail as module

    monkeypatch.setattr(module, "_here", lambda _: False)
    letter = Letter("k", "statement", "sub-1", "x", "somebody@example.net", "s", "t", "s.pdf", b"%PDF")
    server = Mail(f"smtp://office@127.0.0.1:{post.port}", SENDER, "canary-pw-post")
    with pytest.raises(Waits, match="offers no TLS, so it is not told the password"):
        server.send(letter, datetime(2026, 1, 1, tzinfo=UTC))
    assert post.got == []


@pytest.mark.parametrize(("password", "state"), [("canary-pw-post", "sent"), ("canary-pw-other", "queued")])
def test_a_login_that_is_refused_is_our_matter_and_not_the_subscribers(
    isp: Isp, post: Post, password: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == b"canary-pw-post", handled=False)

    port = free()
    controller = Controller(post, hostname="127.0.0.1", port=port, authenticator=authenticate, auth_require_tls=False)
    controller.start()
    try:
        monkeypatch.setenv("ISPCTL_MAIL__URL", f"smtp://office@127.0.0.1:{port}")
        monkeypatch.setenv("ISPCTL_MAIL_PASSWORD", password)
        isp(*SEND)
    finally:
        controller.stop()
    (item,) = isp("outbox", "--state", state, "--format", "json").json["items"]
    assert (item["state"], item["error"]) == (state, "" if state == "sent" else "the mail server says 535 5.7.8")


def test_a_password_that_no_login_can_send_is_told_and_the_letter_waits(
    isp: Isp, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free()
    controller = Controller(
        post, hostname="127.0.0.1", port=port, authenticator=lambda *_: AuthResult(success=True), auth_require_tls=False
    )
    controller.start()
    try:
        monkeypatch.setenv("ISPCTL_MAIL__URL", f"smtp://office@127.0.0.1:{port}")
        monkeypatch.setenv("ISPCTL_MAIL_PASSWORD", "canary-pw-पत्र")
        said = isp(*SEND)
    finally:
        controller.stop()
    assert (said.code, "E755 mail-waits" in said.err, "canary-pw" in said.both) == (1, True, False), said.both
    (item,) = isp("outbox", "--format", "json").json["items"]
    assert (item["state"], item["error"]) == ("queued", "its login takes a name and a password of ASCII alone")


def test_who_has_no_address_is_told_before_anything_is_written_down(isp: Isp, post: Post) -> None:
    isp.push(FILE, re.sub(r",? *email: [^\s,}]+", "", isp.text(FILE)))
    example.git(isp.clone, "pull", "-q")
    said = isp(*SEND)
    assert (said.code, f"E752 no-e-mail: {ANNAPURNA} has no e-mail address" in said.err) == (1, True), said.err
    assert FILE in said.err
    assert isp("outbox").out == "Nothing waits.\n"
    (advised,) = re.findall(r"ispctl (edit \S+ \S+=)…", said.err)
    assert isp(*f"{advised}someone@example.net".split()).code == 0


@pytest.mark.parametrize(
    "words, told",
    [
        (("--out", "x.pdf"), "what is sent is a PDF, and goes into no file"),
        (("--format", "csv"), "what is sent is a PDF, and goes into no file"),
    ],
)
def test_what_is_sent_goes_nowhere_else(isp: Isp, words: tuple[str, ...], told: str) -> None:
    said = isp(*SEND, *words)
    assert (said.code, told in said.err) == (1, True), said.err


@pytest.mark.parametrize("url", ["http://example.net", "smtp://user:canary-pw-x@example.net"])
def test_a_server_of_the_environment_is_one_and_names_no_password(
    isp: Isp, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISPCTL_MAIL__URL", url)
    said = isp(*SEND)
    assert (said.code, "E753 no-mail-server: ISPCTL_MAIL__URL" in said.err, url in said.err) == (1, True, False), (
        said.err
    )


def test_an_isp_without_a_server_is_told_where_to_name_one(isp: Isp) -> None:
    isp.push("inventory/targets.yaml", 'radius: {dsn: "sqlite:///var/radius.db"}\n')
    example.git(isp.clone, "pull", "-q")
    said = isp(*SEND)
    assert (said.code, "E753 no-mail-server: no mail server is named" in said.err) == (1, True), said.err


def test_a_server_in_the_repository_names_no_password(isp: Isp) -> None:
    path = "inventory/targets.yaml"
    isp.push(path, isp.text(path).replace("accounts@mail", "accounts:canary-pw-x@mail"))
    example.git(isp.clone, "pull", "-q")
    told = isp("validate")
    assert (told.code, "expected smtp://user@host:port or smtps://user@host:port" in told.both) == (1, True), told.both
    assert "canary-pw" not in told.both


@pytest.mark.shows("name", "email", "password")
def test_a_new_password_goes_to_its_owner_and_stands_nowhere_else(isp: Isp, post: Post) -> None:
    done = isp("reset-password", ANNAPURNA, "--notify", "--direct")
    assert (done.code, done.out.splitlines()[-1]) == (0, f"sent to {ANNAPURNA}"), done.err
    (letter,), (envelope,) = post.letters, post.got
    clear = re.search(r"Password: (\S+)", letter.get_content())
    assert clear
    assert (envelope.rcpt_tos, list(letter.iter_attachments())) == ([address(isp)], [])
    assert clear[1] not in done.both + isp.text(FILE) + (isp.clone / "var/radius.db").read_bytes().decode("latin-1")
    assert isp("outbox", "--state", "sent", "--format", "json").json["items"][0]["kind"] == "password"


def test_what_could_not_be_sent_is_not_set(isp: Isp, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "goes with --direct" in isp("reset-password", ANNAPURNA, "--notify").err
    monkeypatch.delenv("ISPCTL_MAIL__URL")
    isp.push("inventory/targets.yaml", re.sub(r"(?m)^mail:.*\n", "", isp.text("inventory/targets.yaml")))
    count = len(isp.log())
    assert "E753" in isp("reset-password", ANNAPURNA, "--notify", "--direct").err
    assert len(isp.log()) == count


def test_a_password_that_the_server_does_not_take_is_told(isp: Isp, post: Post) -> None:
    post.to = "550 5.1.1 no such mailbox {}"
    said = isp("reset-password", ANNAPURNA, "--notify", "--direct")
    assert (said.code, "E756" in said.err, len(isp.log())) == (1, True, 2)
    assert f"ispctl reset-password {ANNAPURNA}/main --notify --direct" in isp("outbox").out


@pytest.fixture
def resets(isp: Isp, post: Post, tmp_path: Path) -> Callable[..., Said]:
    """The passwords of three, two of whom shall be told."""
    rows = tmp_path / "rows.csv"
    rows.write_text(f"sub,notify\n{ANNAPURNA},yes\n{OTHER},yes\nsub-000409,no\n")
    return lambda *words: isp("batch", str(rows), "--verb", "reset-password", "--format", "json", *words)


@pytest.mark.shows("email", "password")
def test_the_passwords_of_many_go_each_to_its_owner(isp: Isp, post: Post, resets: Callable[..., Said]) -> None:
    refused = resets().json["rows"]
    assert [row["outcome"] for row in refused] == ["refused", "refused", "done"]
    assert ("goes with --direct" in refused[0]["problems"][0], post.got) == (True, [])
    assert [row["outcome"] for row in resets("--direct", "--dry-run").json["rows"]] == ["done"] * 3
    assert post.got == []
    assert resets("--direct").code == 0
    assert [envelope.rcpt_tos for envelope in post.got] == [[address(isp)], [address(isp, OTHERS)]]
    first, second = (re.search(r"Password: (\S+)", letter.get_content()) for letter in post.letters)
    assert first
    assert second
    assert first[1] != second[1]


@pytest.mark.shows("email")
def test_of_a_letter_that_did_not_go_its_row_says_so(isp: Isp, post: Post, resets: Callable[..., Said]) -> None:
    post.to, post.of = "550 5.1.1 no such mailbox {}", address(isp)
    done = resets("--direct")
    rows = done.json["rows"]
    assert ([row["outcome"] for row in rows], done.code) == (["done"] * 3, 1)
    assert [[problem.split()[0] for problem in row["problems"]] for row in rows] == [["E756"], [], []]
    assert [envelope.rcpt_tos for envelope in post.got] == [[address(isp, OTHERS)]]
    assert f"ispctl reset-password {ANNAPURNA}/main --notify --direct" in isp("outbox").out


@pytest.mark.shows("email")
def test_who_has_no_address_keeps_the_password(isp: Isp, post: Post, resets: Callable[..., Said]) -> None:
    isp.push(OTHERS, re.sub(r",? ?email: [^,}]+", "", isp.text(OTHERS)))
    before = isp.text(OTHERS)
    rows = resets("--direct").json["rows"]
    assert [row["outcome"] for row in rows] == ["done", "refused", "done"]
    assert ("E752" in rows[1]["problems"][0], isp.text(OTHERS)) == (True, before)
    assert f"leave notify out and say it: ispctl secrets show service/{OTHER}/main/password" in rows[1]["problems"][0]
    assert len(post.got) == 1
