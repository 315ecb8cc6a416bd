"""What others rely upon: exit codes, what goes to stdout and what to stderr, formats, and commands as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, process
from tests.gates import example
from tests.plans import breaches

FASTER = ("tariffs/home-50.yaml", "rate: {down: 50M", "rate: {down: 60M")
ISPCTL = Path(example.path_with_commands().split(":")[0]) / "ispctl"


# exit codes


def test_a_plan_says_by_its_code_whether_there_is_something_to_do(cli: Cli) -> None:
    assert cli("plan").code == 2
    assert cli("apply").code == 0
    assert cli("plan").code == 0
    cli.changed(*FASTER)
    assert cli("plan", "--base", "HEAD~1").code == 2
    assert cli("plan", "--base", "HEAD").code == 0
    assert cli("plan", "--live", "--target", "radius").code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("plam",),
        ("plan", "--bass", "main"),
        ("plan", "--format", "xml"),
        ("plan", "--base", "HEAD", "--live"),
        ("plan", "--target", "nas:lalitpur-1"),
        ("apply", "--allow-cut-off", "-1"),
        ("apply", "--allow-cut-off", "many"),
        ("apply", "--format", "codequality"),
        ("validate", "HEAD"),
        ("schema", "nothing"),
        ("pool", "nothing"),
        ("lab", "sideways"),
        ("secrets", "show"),
        ("secrets", "show", "service/nobody/main/password"),
    ],
)
def test_a_wrong_flag_or_name_is_one_and_never_two(applied: Cli, words: tuple[str, ...]) -> None:
    said = applied(*words)
    assert said.code == 1
    assert said.out == ""
    assert said.err.strip()


@pytest.mark.parametrize("program", ["ispctl", "ispstat"])
def test_a_program_without_a_word_shows_its_help_and_nothing_else(program: str) -> None:
    bare = process(program)
    asked = [process(program, flag) for flag in ("-h", "--help")]
    assert (bare.returncode, bare.stdout) == (1, "")
    assert [(said.returncode, said.stdout, said.stderr) for said in asked] == [(0, bare.stderr, "")] * 2


def test_drift_is_two_and_none_is_zero(applied: Cli) -> None:
    import sqlite3
    from contextlib import closing

    assert applied("drift").code == applied.stat("drift").code == 0
    with closing(sqlite3.connect(applied.repo / "var" / "radius.db")) as database:
        database.execute("UPDATE radgroupreply SET value = '9M/9M' WHERE attribute = 'Mikrotik-Rate-Limit'")
        database.commit()
    assert applied("drift").code == applied.stat("drift").code == 2
    assert applied("drift", "--repair").code == 0
    assert applied("drift").code == 0


# answers


@pytest.mark.parametrize("base", [(), ("--base", "HEAD~1")], ids=["live", "proposed"])
def test_the_json_of_a_plan_fits_its_schema_and_is_all_of_stdout(applied: Cli, base: tuple[str, ...]) -> None:
    applied.changed(*FASTER)
    said = applied("plan", *base, "--format", "json")
    assert breaches(said.json) == []
    assert said.json["summary"]["services"] >= 5
    assert said.json["kind"] == ("proposed" if base else "live")


def test_a_saved_plan_is_applied_and_its_file_is_private(applied: Cli, tmp_path: Path) -> None:
    applied.changed(*FASTER)
    assert applied("plan", "--out", tmp_path / "plan.json").code == 2
    assert (tmp_path / "plan.json").stat().st_mode & 0o777 == 0o600
    said = applied("apply", "--plan", tmp_path / "plan.json")
    assert (said.code, "Nothing of the saved plan" in said.err) == (0, False)


def test_a_saved_plan_of_which_nothing_is_left_to_do_is_said_to_be_done_already(applied: Cli, tmp_path: Path) -> None:
    """An apply that was killed may be run again, and a pipeline too: that is no failure."""
    applied.changed(*FASTER)
    assert applied("plan", "--out", tmp_path / "plan.json").code == 2
    commit = applied("apply", "--plan", tmp_path / "plan.json", "--format", "json").json["commit"][:12]
    for words in ((), ("--commit", "HEAD"), ("--format", "json")):
        said = applied("apply", "--plan", tmp_path / "plan.json", *words)
        assert (said.code, said.err) == (0, "Nothing of the saved plan is left to do: it was done already.\n")
    applied.changed("tariffs/home-50.yaml", FASTER[2], FASTER[1])
    said = applied("apply", "--plan", tmp_path / "plan.json", "--commit", "HEAD")
    assert (said.code, "E606" in said.err) == (1, True), "what it made is to be taken back"
    other = applied("apply", "--format", "json").json["commit"][:12]
    said = applied("apply", "--plan", tmp_path / "plan.json", "--commit", "HEAD")
    assert (said.code, said.err) == (
        0,
        f"Nothing of the saved plan, made of commit {commit}, is left to do: it was done already, or commit {other},"
        " which is applied, says otherwise.\n",
    )


def test_a_plan_without_anything_to_do_is_not_said_to_be_done_already(applied: Cli, tmp_path: Path) -> None:
    assert applied("plan", "--out", tmp_path / "plan.json").code == 0
    assert applied("apply", "--plan", tmp_path / "plan.json").err == ""


def test_a_saved_plan_is_about_its_own_commit(applied: Cli, tmp_path: Path) -> None:
    applied.changed(*FASTER)
    assert applied("plan", "--out", tmp_path / "plan.json").code == 2
    applied.changed("tariffs/home-100.yaml", "down: 100M", "down: 120M")
    assert applied("apply", "--plan", tmp_path / "plan.json").code == 0
    assert applied("plan").code == 2
    said = applied("apply", "--commit", "HEAD", "--plan", tmp_path / "plan.json")
    assert said.code == 1
    assert "E606 plan-differs: what would be done now is not what the saved plan says" in said.err


def test_a_note_is_saved_as_a_note(applied: Cli, tmp_path: Path) -> None:
    applied.changed(*FASTER)
    said = applied("plan", "--base", "HEAD~1", "--format", "markdown", "--out", tmp_path / "note.md")
    assert (tmp_path / "note.md").read_text("utf-8") == said.out


def test_a_note_for_a_merge_request_names_no_login(applied: Cli) -> None:
    applied.changed(*FASTER)
    note = applied("plan", "--base", "HEAD~1", "--format", "markdown").out
    assert "sub-000123" in note
    assert "anita" not in note.lower()


@pytest.mark.parametrize(
    "words",
    [("validate",), ("plan",), ("apply",), ("drift",), ("pool",), ("lab", "status")],
    ids=lambda words: words[0],
)
def test_every_answer_comes_as_json_too(applied: Cli, words: tuple[str, ...]) -> None:
    assert json.loads(applied(*words, "--format", "json").out) is not None


def test_the_exit_code_says_whether_a_lab_runs(cli: Cli) -> None:
    for words in ((), ("--format", "json")):
        assert cli("lab", "status", *words).code == 1


def test_what_is_not_committed_is_told_on_stderr(applied: Cli) -> None:
    applied.edit(*FASTER)
    said = applied("plan")
    assert said.code == 0
    assert "tariffs/home-50.yaml" in said.err


def test_a_time_to_come_is_planned(applied: Cli) -> None:
    said = applied("plan", "--at", "2031-06-02T00:00:00+05:45", "--format", "json")
    assert said.code == 2
    assert {one["cause"] for one in said.json["services"] if not one["left"]} == {"clock"}


def test_an_apply_that_is_refused_says_the_flag_that_permits_it(applied: Cli) -> None:
    for file in sorted((applied.repo / "subscribers").rglob("sub-*.yaml")):
        text = file.read_text("utf-8")
        if "paid_until: 203" in text and "activated: 203" not in text and "terminated:" not in text:
            file.write_text(text.replace("paid_until: 203", "terminated: 2026-01-02\n    paid_until: 203"), "utf-8")
    example.commit(applied.repo, "Everybody out")
    said = applied("apply")
    assert said.code == 1
    assert "--allow-cut-off" in said.both


# a repository of its own


def test_from_init_to_the_first_apply(cli: Cli, tmp_path: Path) -> None:
    new, key = tmp_path / "new", tmp_path / "age.key"
    assert cli("init", new, "--key-file", key).code == 0
    assert key.stat().st_mode & 0o777 == 0o600
    assert cli("init", new).code == 1, "it is not empty any more"
    example.git(new, "init", "-q", "-b", "main")
    example.commit(new, "First")
    assert cli("validate", repo=new).code == 0
    assert cli("radius", "init", repo=new).code == 0
    cli.patch.setenv("ISPCTL_AGE_KEY_FILE", str(key))
    first = cli("plan", repo=new)
    assert first.code in (0, 2)
    said = cli("apply", repo=new)
    if "E603" in said.err:  # a first repository may have nobody in it yet
        assert said.code == 1
    else:
        assert said.code == 0
        assert cli("plan", repo=new).code == 0


@pytest.mark.shows("password")
def test_a_password_is_shown_to_whoever_asks_for_it(cli: Cli) -> None:
    said = cli("secrets", "show", "sub-000123")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("canary-pw-")


# processes


def test_a_reader_that_goes_away_is_no_error_of_ours(applied: Cli) -> None:
    done = process("bash", "-c", f"ispctl --repo {applied.repo} schema subscriber | head -1; exit ${{PIPESTATUS[0]}}")
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_ctrl_c_ends_in_words(applied: Cli) -> None:
    applied.changed(*FASTER)
    env = {"PATH": example.path_with_commands(), "HOME": "/nonexistent"}
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(applied.repo / "var" / "radius.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # it waits for this, and is stopped meanwhile
        command = [str(ISPCTL), "--repo", str(applied.repo), "apply"]
        with subprocess.Popen(command, env=env, stdout=-1, stderr=-1, text=True) as child:
            lock = applied.repo / "var" / "radius.db.lock"
            while child.poll() is None and not (lock.exists() and lock.read_text()):
                pass
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=30)
        other.execute("ROLLBACK")
    assert "Traceback" not in out + err
    assert child.returncode in (1, 130)
    assert applied("apply").code == 0


@pytest.mark.slow
def test_any_locale_and_no_terminal_will_do(applied: Cli) -> None:
    for env in ({"LANG": "C", "LC_ALL": "C"}, {"LANG": "xx_YY", "TERM": "dumb"}, {"COLUMNS": "1"}, {"TZ": "nowhere"}):
        done = process("ispctl", "--repo", applied.repo, "plan", env=env)
        assert done.returncode == 0, done.stderr
        assert "\x1b[" not in done.stdout
    odd = Path(os.fsdecode(os.fsencode(applied.repo.parent) + b"/\xff\xfe"))
    os.rename(applied.repo, odd)
    assert process("ispctl", "--repo", odd, "apply").returncode == 0


@pytest.mark.parametrize("words", [("--show-completion", "bash"), ("--version",), ("--help",), ("plan", "--help")])
def test_help_is_on_stdout(words: tuple[str, ...]) -> None:
    done = process("ispctl", *words)
    assert done.returncode == 0
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["validate", "plan", "apply", "drift"])
def test_where_exit_codes_matter_help_says_them(cli: Cli, verb: str) -> None:
    assert "Exit code" in " ".join(cli(verb, "--help").out.split())
