"""Many requests, one commit: what can be done is done, what cannot is said, row by row."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ispctl.cli.verb import VERSION
from tests.verbs.conftest import FILE, SUB, Isp

OTHER = "sub-000202"


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def suspend(sub: str, **more: Any) -> dict[str, Any]:
    return {"verb": "suspend", "sub": sub, "reason": "unpaid", "from": "2026-11-22", **more}


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return tmp_path / "rows"


def test_all_rows_become_one_commit(isp: Isp, rows: Path) -> None:
    rows.write_text(lines(suspend(SUB, key="a"), suspend(OTHER, key="b")))
    done = isp.done("batch", rows, "--direct")
    assert [(row["row"], row["outcome"], row["owner"]) for row in done["rows"]] == [
        (1, "done", f"{SUB}/main"),
        (2, "done", f"{OTHER}/main"),
    ]
    assert (done["version"], done["plan"]["summary"]["cut_off"]) == (VERSION, 2)
    assert isp.log(form="%B")[:11] == [
        "suspend sub-000123/main, sub-000202/main",
        "",
        "sub-000123/main: out of service from 2026-11-22",
        "sub-000202/main: out of service from 2026-11-22",
        "",
        "Event: suspend",
        "Subscriber: sub-000123",
        "Subscriber: sub-000202",
        "Reason: unpaid",
        "Idempotency-Key: a",
        "Idempotency-Key: b",
    ]


def test_a_table_names_its_fields_in_the_first_line(isp: Isp, rows: Path) -> None:
    rows.write_text(f"sub,reason,from\n{SUB},unpaid,2026-11-22\n{OTHER},,\n")
    said = isp("batch", rows, "--verb", "suspend", "--direct")
    assert said.code == 1
    assert "line 3: E683 needs-a-reason" in said.out
    assert "2 rows: 1 done, 1 refused\n" in said.out
    assert isp.text().endswith("suspended: {since: 2026-11-22, reason: unpaid}\n")


def test_a_row_that_cannot_be_done_leaves_nothing_of_itself(isp: Isp, rows: Path) -> None:
    before = isp.text()
    rows.write_text(lines(suspend("nobody"), suspend(OTHER), {"verb": "suspend", "sub": SUB}))
    said = isp("batch", rows, "--direct", "--format", "json")
    assert said.code == 1
    assert [row["outcome"] for row in said.json["rows"]] == ["refused", "done", "refused"]
    assert isp.text() == before


def test_a_later_row_sees_what_an_earlier_one_did(isp: Isp, rows: Path) -> None:
    before = isp.text()
    rows.write_text(lines(suspend(SUB), suspend(SUB), {"verb": "resume", "sub": SUB}, suspend(OTHER)))
    said = isp("batch", rows, "--direct", "--format", "json")
    assert [row["outcome"] for row in said.json["rows"]] == ["done", "refused", "done", "done"]
    assert isp.text() == before


def test_a_row_that_would_break_a_rule_is_left_out_and_the_others_are_done(
    isp: Isp, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ispctl.verbs import batch, state
    from ispctl.verbs.rows import Request

    def clash(draft: Any, row: Any) -> None:
        held = draft.service(row.text("sub"))
        draft.put(held.document.path, (*held.loc, "ipv4"), {"static": "203.0.113.14"})
        draft.say("clash", held.document, held.service.key, "an address that somebody has")

    monkeypatch.setattr(batch, "REQUESTS", {**state.REQUESTS, "clash": Request(clash)})
    rows.write_text(lines({"verb": "clash", "sub": SUB}, suspend(OTHER)))
    said = isp("batch", rows, "--direct", "--format", "json")
    assert [row["outcome"] for row in said.json["rows"]] == ["refused", "done"], said.both
    assert "E104 duplicate-address" in said.json["rows"][0]["problems"][0]
    assert "203.0.113.14" not in isp.text()


@pytest.mark.parametrize(
    "row, told",
    [
        ({"verb": "suspnd", "sub": SUB}, "there is no verb 'suspnd'; did you mean suspend?"),
        ({"sub": SUB}, "verb is missing"),
        (suspend(SUB, untl="x"), "untl is no field of it"),
        (suspend(SUB) | {"from": "soon"}, "from is not a day, like 2026-12-01"),
        (
            {"verb": "hold", "sub": SUB, "from": "0001-01-01", "until": "2026-12-01", "extend": "yes"},
            "from lies outside the years 1970 to 9998",
        ),
        ({"verb": "renew", "sub": SUB, "periods": "1" * 5000}, "periods is not a whole number from 1 on"),
        ({"verb": "resume"}, "sub is missing"),
        (suspend(SUB, reason="x" * 201), "reason is longer than 200 characters, or cannot be printed"),
    ],
)
def test_a_slip_in_a_row_is_said_with_its_line(isp: Isp, rows: Path, row: dict[str, Any], told: str) -> None:
    rows.write_text(lines(row))
    said = isp("batch", rows, "--direct")
    assert (said.code, f"line 1: E790 bad-row: {told}" in said.out) == (1, True), said.both
    assert len(isp.log()) == 1


@pytest.mark.parametrize(
    "words, names, told",
    [
        (
            ("--verb", "pay"),
            "sub,amout,from",
            ["line 1: amout is no field of it; did you mean amount?", "line 1: from is no field of it"],
        ),
        ((), "verb,sub,amout", ["line 1: amout is no field of it; did you mean amount?"]),
        (("--verb", "pai"), "sub,amount", ["there is no verb 'pai'; did you mean pay?"]),
    ],
)
def test_a_slip_in_the_names_is_said_also_where_no_row_follows(
    isp: Isp, rows: Path, words: tuple[str, ...], names: str, told: list[str]
) -> None:
    rows.write_text(f"{names}\n")
    said = isp("batch", rows, *words, "--direct")
    assert (said.code, said.err.splitlines()) == (1, [f"E790 bad-row: {text}" for text in told]), said.both


@pytest.mark.parametrize("words, names", [(("--verb", "pay"), "sub,amount,reference"), ((), "verb,sub,from"), ((), "")])
def test_names_that_are_right_and_no_row_are_nothing_to_do(
    isp: Isp, rows: Path, words: tuple[str, ...], names: str
) -> None:
    rows.write_text(f"{names}\n")
    said = isp("batch", rows, *words, "--direct")
    assert (said.code, said.out.splitlines()[0]) == (0, "0 rows: none"), said.both


@pytest.mark.parametrize(
    "text, told",
    [
        ('{"verb": "resume"\n', "line 1: it is no JSON object"),
        ('{"verb": ["resume"]}\n', "line 1: it is no JSON object"),
        ("sub,reason\na,b,c\n", "line 2: it has not as many fields as the first line"),
        ("sub,reason\na\n", "line 2: it has not as many fields as the first line"),
    ],
)
def test_a_file_that_is_broken_is_refused_whole(isp: Isp, rows: Path, text: str, told: str) -> None:
    rows.write_text(text)
    said = isp("batch", rows)
    assert (said.code, f"E791 cannot-read-rows: {told}" in said.err) == (1, True), said.both


def test_a_line_ends_where_a_line_of_json_ends(isp: Isp, rows: Path) -> None:
    row = {"verb": "note", "sub": SUB, "reason": "one\u2028two"}
    rows.write_text(json.dumps(row, ensure_ascii=False) + "\r\n" + lines(suspend(SUB)), "utf-8", newline="")
    said = isp("batch", rows, "--direct")
    assert "line 1: E790 bad-row: there is no verb 'note'" in said.out, said.both
    assert "1 done, 1 refused" in said.out


def test_a_stream_has_no_key_for_all_that_will_come(isp: Isp) -> None:
    """The next payment of the same subscriber would count as done."""
    said = isp("batch", "--follow", "--key", "night", "--direct")
    assert (said.code, "with --follow each line says its own key" in said.err) == (1, True), said.both


@pytest.mark.parametrize("sign", ["\u2028", "\x85"])
def test_a_line_ends_where_lines_end_and_not_within_a_text(isp: Isp, rows: Path, sign: str) -> None:
    """JSON may hold it as it is; of the one row it says what is wrong, and the others are done."""
    texts = (suspend(SUB, reason=f"un{sign}paid"), suspend(OTHER))
    rows.write_text("".join(json.dumps(row, ensure_ascii=False) + "\r\n" for row in texts))
    said = isp("batch", rows, "--format", "json")
    assert [row["outcome"] for row in said.json["rows"]][1:] == ["done"], said.both


def test_nothing_in_a_file_is_nothing_to_do(isp: Isp, rows: Path) -> None:
    rows.write_text("")
    said = isp("batch", rows)
    assert (said.code, said.out) == (0, "0 rows: none\nIt is so already; nothing changed.\n")


def test_a_program_that_goes_on_sending_is_answered_row_by_row(isp: Isp) -> None:
    """The second answer is read before the third request is sent: nobody waits for the end of the stream."""
    command = [str(Path(sys.executable).with_name("ispctl")), "--repo", str(isp.clone), "batch", "--follow", "--direct"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ), text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(lines(suspend(SUB, key="a")) + "not json\n")
        child.stdin.flush()
        answers = [json.loads(child.stdout.readline()) for _ in range(2)]
        assert [(one["row"], one["outcome"], one["key"]) for one in answers] == [(1, "done", "a"), (2, "refused", None)]
        assert isp.log(form="%H")[0] == answers[0]["commit"]
        mix = ({"verb": "resume", "sub": SUB}, {"verb": "reset-password", "sub": SUB}, {"verb": "suspnd", "sub": SUB})
        child.stdin.write(lines(*mix))
        child.stdin.close()
        answers = [json.loads(child.stdout.readline()) for _ in mix]
        assert [(one["row"], one["outcome"]) for one in answers] == [(3, "done"), (4, "done"), (5, "refused")]
        assert answers[1]["read"] == f"ispctl secrets show service/{SUB}/main/password"
        assert child.wait(30) == 0
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert "suspended" not in isp.text(FILE)
