"""`ispctl pause` and `resume`: what is typed, what is refused, and that everything says what is paused."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cli

A_FILE = "subscribers/lalitpur/3f/sub-000123.yaml"
ANITA = "anita.rai@home.example"


def test_a_pause_is_shown_by_everything_that_tells_how_it_stands(applied: Cli) -> None:
    said = applied("pause", "--login", ANITA, "--until", "2h", "--reason", "a fibre is being spliced")
    assert said.code == 0
    assert "service sub-000123/main, until " in said.out
    applied.changed(A_FILE, "home-50", "home-100")
    for words in (("plan",), ("plan", "--format", "markdown"), ("apply",)):
        text = " ".join(applied(*words).out.split())
        assert "PAUSED: service sub-000123/main until" in text
        assert "a fibre is being spliced" in text
        assert "Left as it is: 1 change of 1 service: sub-000123/main" in text
        assert ANITA not in text
    (stop,) = [one for one in applied("plan", "--format", "json").json["stops"] if one["kind"] == "paused"]
    assert (stop["kind"], stop["what"], stop["services"]) == ("paused", "service sub-000123/main", ["sub-000123/main"])
    assert len(applied("apply", "--format", "json").json["stops"][0]["changes"]) == 1
    assert "PAUSED" in applied("drift").out
    assert "fibre" in applied.stat("health").out
    assert "fibre" in applied.stat("show", "sub-000123").out


def test_who_paused_and_who_resumed_stands_in_the_journal(applied: Cli) -> None:
    import sqlite3
    from contextlib import closing

    applied.patch.setenv("SUDO_USER", "ekraj")
    applied("pause", "--group", "lalitpur", "--reason", "works")
    applied.patch.setenv("SUDO_USER", "bikash")
    assert "Resumed: group lalitpur." in applied("resume", "--group", "lalitpur").out
    with closing(sqlite3.connect(applied.repo / "var" / "radius.db")) as database:
        runs = database.execute(
            "SELECT kind, actor FROM ispctl_journal WHERE kind <> 'apply' ORDER BY rowid"
        ).fetchall()
        pause = database.execute("SELECT kind, name, actor, resumed_by FROM ispctl_pause").fetchall()
    assert runs == [("pause", "ekraj"), ("resume", "bikash")]
    assert pause == [("group", "lalitpur", "ekraj", "bikash")]


def test_a_pause_of_the_same_part_is_the_same_pause(applied: Cli) -> None:
    first = applied("pause", "--target", "nas:lalitpur-1", "--reason", "one", "--format", "json").json["items"]
    again = applied("pause", "--target", "nas:lalitpur-1", "--until", "1d", "--reason", "two", "--format", "json").json
    assert [one["id"] for one in again["items"]] == [one["id"] for one in first]
    assert again["items"][0]["reason"] == "two"
    said = applied("resume", first[0]["id"]).out.splitlines()
    assert said[::2] == ["Resumed: target nas:lalitpur-1.", "Nothing is paused."]
    assert applied("resume").out == "Nothing of that was paused.\nNothing is paused.\n"


def test_without_a_selector_everything_is_paused_for_a_shift(applied: Cli) -> None:
    (one,) = applied("pause", "--reason", "a storm", "--format", "json").json["items"]
    assert (one["kind"], one["name"]) == ("everything", "")
    applied.changed(A_FILE, "home-50", "home-100")
    said = applied("apply")
    assert said.code == 1
    assert said.err.startswith("E614 paused: everything is paused until ")
    assert f"ispctl resume {one['id']}" in said.err
    assert applied("drift", "--repair").code == 1
    assert applied("resume", one["id"]).code == 0
    assert applied("apply").code == 0


def test_a_pause_is_asked_for_without_writing(applied: Cli) -> None:
    applied("pause", "--group", "lalitpur", "--reason", "works")
    before = (applied.repo / "var" / "radius.db").read_bytes()
    assert applied("pause", "--list", "--format", "json").json["items"][0]["name"] == "lalitpur"
    assert (applied.repo / "var" / "radius.db").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--until", "8d", "--reason", "x"), "E615 bad-pause: --until is more than 7 days away."),
        (("--until", "2020-01-01T00:00:00Z", "--reason", "x"), "E615 bad-pause: --until is over already."),
        (("--until", "noon", "--reason", "x"), "E600 bad-time: --until is no moment that can be read."),
        ((), "E615 bad-pause: --reason says why, in 1 to 200 characters."),
        (("--group", "lalitpurr", "--reason", "x"), "E616 no-such-group: there is no group lalitpurr. There are: "),
        (("--target", "nas:x", "--reason", "x"), "E607 unknown-target: there is no target nas:x. There are: radius, "),
        (("--login", "nobody", "--reason", "x"), "E321 no-such-service: there is no such service."),
        (("--group", "a", "--login", "b", "--reason", "x"), "take one of --target, --group and --login"),
    ],
)
def test_a_pause_of_nothing_is_refused(applied: Cli, words: tuple[str, ...], said: str) -> None:
    answer = applied("pause", *words)
    assert answer.code == 1
    assert said in answer.err


def test_an_id_that_holds_nothing_is_refused(applied: Cli) -> None:
    assert applied("resume", "p1").err == "E617 no-such-pause: no pause p1 holds now. There are: none\n"
