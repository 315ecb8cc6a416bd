"""A new password is told to its owner: the one that holds, and whatever happens, somebody learns that it was not."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ispctl.cli import sending
from ispctl.model.problem import Problem, Refusal
from tests.gates import example
from tests.verbs.conftest import SUB, Isp
from tests.verbs.post import Post, free

pytestmark = pytest.mark.live

ANNAPURNA = "sub-000206"
FILE = f"subscribers/kathmandu/07/{ANNAPURNA}.yaml"
RESET = ("reset-password", ANNAPURNA, "--notify", "--direct")
LATER = "E790 bad-row: a later row made another password, of which nobody is told: let that row notify"
AGAIN = f"ispctl reset-password {ANNAPURNA}/main --notify --direct"


@pytest.mark.shows("email", "password")
def test_who_asks_twice_at_once_is_told_the_password_that_holds(isp: Isp, post: Post, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text(f"sub,notify\n{ANNAPURNA},yes\n{ANNAPURNA},yes\n")
    isp.done("batch", rows, "--verb", "reset-password", "--direct")
    (letter,) = post.letters
    told = re.search(r"Password: (\S+)", letter.get_content())
    assert told
    example.git(isp.clone, "pull", "-q")
    assert isp("secrets", "show", f"service/{ANNAPURNA}/main/password").out == f"{told[1]}\n"


def test_of_a_password_that_a_later_row_replaced_no_letter_goes_and_its_row_says_so(
    isp: Isp, post: Post, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text(f"sub,notify\n{ANNAPURNA},yes\n{ANNAPURNA},no\n")
    said = isp("batch", rows, "--verb", "reset-password", "--direct", "--format", "json")
    assert (said.code, post.got, isp("outbox").out) == (1, [], "Nothing waits.\n")
    assert [(row["outcome"], row["problems"]) for row in said.json["rows"]] == [("done", [LATER]), ("done", [])]


@pytest.mark.shows("email", "password")
@pytest.mark.parametrize("state", ["queued", "sending"])
def test_once_another_went_the_one_before_waits_no_more(
    isp: Isp, post: Post, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if state == "sending":
        post.letter = "silence"
    with monkeypatch.context() as down:
        if state == "queued":
            down.setenv("ISPCTL_MAIL__URL", f"smtp://127.0.0.1:{free()}")
        assert isp(*RESET).code == 1
    post.letter = ""
    (item,) = isp("outbox", "--format", "json").json["items"]
    assert (item["state"], item["command"]) == (state, AGAIN)
    assert isp(*item["command"].split()[1:]).code == 0
    (item,) = isp("outbox", "--format", "json").json["items"]
    assert (item["state"], item["error"]) == ("failed", "another one went instead")


@pytest.mark.parametrize("many", [False, True])
def test_a_kill_between_the_commit_and_the_letter_leaves_it_in_the_outbox(
    isp: Isp, post: Post, tmp_path: Path, many: bool
) -> None:
    pid, rows = tmp_path / "pid", tmp_path / "rows.csv"
    rows.write_text(f"sub,notify\n{ANNAPURNA},yes\n")
    words = ("batch", str(rows), "--verb", "reset-password", "--direct") if many else RESET
    isp.hook("post-receive", f"kill -9 $(cat {pid})")
    code = "import sys; from ispctl.cli.main import main; sys.stdin.readline(); main()"
    command = [sys.executable, "-c", code, "--repo", str(isp.clone), *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as one:
        pid.write_text(str(one.pid))
        one.communicate(b"\n", timeout=60)
    assert (one.returncode, len(isp.log()), post.got) == (-signal.SIGKILL, 2, [])
    (item,) = isp("outbox", "--format", "json").json["items"]
    assert (item["state"], item["attempts"], item["command"]) == ("queued", 0, AGAIN)


def test_of_a_commit_that_was_not_taken_nothing_waits(isp: Isp, post: Post) -> None:
    isp.hook("pre-receive", "exit 1")
    said = isp(*RESET)
    assert (said.code, "E682" in said.err, isp("outbox").out) == (1, True, "Nothing waits.\n"), said.both


@pytest.mark.shows("email", "password")
def test_when_somebody_else_was_faster_one_letter_goes_and_none_waits(isp: Isp, post: Post, tmp_path: Path) -> None:
    once = tmp_path / "once"
    once.touch()
    text = isp.text()
    isp.hook("pre-receive", "exit 0")
    other = isp.push("subscribers/lalitpur/3f/sub-000123.yaml", text + "# somebody\n")
    example.git(isp.origin, "update-ref", "refs/heads/main", f"{other}~1")
    isp.hook("update", f"rm {once} 2>/dev/null && git update-ref refs/heads/main {other}; exit 0")
    assert isp(*RESET).code == 0
    assert (len(isp.log()), len(post.got), isp("outbox").out) == (3, 1, "Nothing waits.\n")


def test_where_nobody_could_tell_what_is_to_be_told_only_that_is_left_out(
    isp: Isp, post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_letter: object, _commit: str) -> None:
        raise Refusal(Problem("E302", "the database cannot be written"))

    monkeypatch.setattr(sending.PasswordLetter, "promise", gone)
    before, rows = isp.text(FILE), tmp_path / "rows.jsonl"
    rows.write_text(
        f'{{"verb": "reset-password", "sub": "{ANNAPURNA}", "notify": "yes"}}\n'
        f'{{"verb": "pay", "sub": "{SUB}", "amount": "100"}}\n'
    )
    said = isp("batch", rows, "--direct", "--format", "json")
    assert (said.code, [row["outcome"] for row in said.json["rows"]]) == (1, ["refused", "done"]), said.both
    assert (isp.text(FILE), post.got, isp("outbox").out) == (before, [], "Nothing waits.\n")
