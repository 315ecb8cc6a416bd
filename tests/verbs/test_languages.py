"""Letters in the language that was asked for, to where somebody is written to today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.gates import example
from tests.verbs.conftest import Isp
from tests.verbs.post import Post
from tests.verbs.test_sending import ANNAPURNA, FILE, OTHER, SEND, address

pytestmark = pytest.mark.live


@pytest.mark.shows("email")
def test_what_an_older_commit_says_goes_to_the_address_of_today(isp: Isp, post: Post) -> None:
    was = address(isp)
    isp.push(FILE, isp.text(FILE).replace(was, "accounts@annapurna.example"))
    example.git(isp.clone, "pull", "-q")
    assert isp(*SEND, "--commit", "HEAD~1").code == 0
    assert [envelope.rcpt_tos for envelope in post.got] == [["accounts@annapurna.example"]]


NEPALI = "templates/statement/statement.np"
PASSWORD = "templates/notices/password.np.txt.j2"


@pytest.mark.shows("name", "email")
def test_a_statement_in_another_language_has_its_subject_in_that(isp: Isp, post: Post) -> None:
    isp.push(f"{NEPALI}.txt.j2", "{{ closing }}\n")
    isp.push(f"{NEPALI}.html.j2", "<title>\n  खाता विवरण {{ id }} &amp; {{ name }}</title><p>{{ closing }}\n")
    example.git(isp.clone, "pull", "-q")
    assert isp(*SEND, "--language", "np").code == 0, "sent"
    (letter,) = post.letters
    assert re.fullmatch(rf"खाता विवरण {ANNAPURNA} & \S.*", letter["Subject"])


@pytest.mark.shows("email", "password")
def test_a_new_password_is_told_in_the_language_that_was_asked_for(isp: Isp, post: Post, tmp_path: Path) -> None:
    said = isp("reset-password", ANNAPURNA, "--notify", "--language", "np", "--direct")
    assert (said.code, f"E750 bad-template: there is no {PASSWORD}" in said.err, post.got) == (1, True, [])
    isp.push(PASSWORD, "नयाँ पासवर्ड {{ id }}\n\n{{ login }}: {{ password }}\n")
    assert isp("reset-password", ANNAPURNA, "--notify", "--language", "np", "--direct").code == 0
    rows = tmp_path / "rows.csv"
    rows.write_text(f"sub,notify,language\n{OTHER},yes,np\nsub-000409,no,np\n")
    done = isp("batch", rows, "--verb", "reset-password", "--direct", "--format", "json").json["rows"]
    assert [row["outcome"] for row in done] == ["done", "refused"]
    assert [letter["Subject"] for letter in post.letters] == [f"नयाँ पासवर्ड {one}" for one in (ANNAPURNA, OTHER)]
    assert re.fullmatch(r"[\w.@-]+: \S+\r?\n", post.letters[0].get_content())


@pytest.mark.shows("email", "password")
def test_a_letter_that_waits_in_another_language_goes_in_that_and_no_other_waits(
    isp: Isp, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    isp.push(PASSWORD, "नयाँ {{ id }}\n\n{{ password }}\n")
    post.to = "450 4.2.1 <{}>: later"
    assert isp("reset-password", ANNAPURNA, "--notify", "--language", "np", "--direct").code == 1
    (item,) = isp("outbox", "--format", "json").json["items"]
    assert item["command"] == f"ispctl reset-password {ANNAPURNA}/main --notify --language np --direct"
    post.to = ""
    assert isp("reset-password", ANNAPURNA, "--notify", "--direct").code == 0
    (item,) = isp("outbox", "--format", "json").json["items"]
    assert (item["state"], item["error"]) == ("failed", "another one went instead")
