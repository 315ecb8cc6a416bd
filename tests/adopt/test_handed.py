"""A hand edit in SQL goes into git as an edit of YAML; the next apply finds that git and the database agree."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.adopt.conftest import Isp
from tests.adopt.test_take import ANITA, FIRMA, commit, rows_of, simple, sql

__all__ = ["simple"]  # the fixture


@pytest.fixture
def ours(simple: Isp) -> Isp:
    """Adopted as a whole; nothing has drifted."""
    assert simple("adopt", "--all").code == 0
    assert simple("drift").code == 0
    return simple


def git(isp: Isp, *words: str) -> str:
    return subprocess.run(["git", "-C", isp.repo, *words], capture_output=True, text=True, check=True).stdout


def file_of(isp: Isp, id: str) -> str:
    return git(isp, "ls-files", f"*{id}.yaml").strip()


def settled(isp: Isp) -> None:
    """What was said is committed and applied: nothing has drifted, nothing is left to do."""
    assert isp("validate").code == 0
    commit(isp)
    assert isp("apply").code == 0
    assert isp("drift").code == 0
    assert isp("plan").code == 0


def lines(isp: Isp, id: str) -> list[str]:
    """The lines of a file that were changed or added."""
    found = git(isp, "diff", "-U0", "--", file_of(isp, id)).splitlines()
    return [line[1:].strip() for line in found if line.startswith("+") and line[:3] != "+++"]


ADDRESS = "INSERT INTO radreply (username, attribute, op, value) VALUES (?, 'Framed-IP-Address', ':=', '203.0.113.9')"


@pytest.mark.parametrize(
    "login, statement, expected",
    [
        (ANITA, ADDRESS,
         ["ipv4: {static: 203.0.113.9}"]),
        (FIRMA, "UPDATE radreply SET value = '203.0.113.8' WHERE username = ? AND attribute = 'Framed-IP-Address'",
         ["ipv4: {static: 203.0.113.8}"]),
        (FIRMA, "INSERT INTO radreply (username, attribute, op, value) VALUES (?, 'Framed-Route', '+=',"
                " '203.0.113.72/29 0.0.0.0 1')", ["routes: [203.0.113.64/29, 203.0.113.72/29]"]),
        (FIRMA, "INSERT INTO ispctl_mac (login, mac, slot) VALUES (?, '00:00:5e:00:53:07', 2)",
         ['mac: {mode: fixed, max: 2, on_mismatch: reject, addresses: [{mac: "00:00:5e:00:53:03"},'
          ' {mac: "00:00:5e:00:53:07"}]}']),
        (ANITA, "UPDATE radusergroup SET groupname = 'isp:slow' WHERE username = ?", ["tariff: slow"]),
        (ANITA, "INSERT INTO radcheck (username, attribute, op, value) VALUES (?, 'Expiration', ':=', '31 Dec 2033')",
         ["paid_until: 2033-12-31"]),
        (ANITA, "INSERT INTO radcheck (username, attribute, op, value) VALUES (?, 'Auth-Type', ':=', 'Reject')",
         ["suspended: {since: 2027-01-15, reason: \"turned away by a row that somebody wrote\"}"]),
        (ANITA, "INSERT INTO radcheck (username, attribute, op, value) VALUES"
                " (?, 'Calling-Station-Id', '==', '0000.5e00.5309')",
         ['mac: {mode: fixed, max: 1, on_mismatch: reject, addresses: [{mac: "00:00:5e:00:53:09"}]}']),
    ],
)  # fmt: skip
def test_what_a_service_can_say_becomes_an_edit_of_its_file(
    ours: Isp, login: str, statement: str, expected: list[str]
) -> None:
    (ours.repo / "tariffs/slow.yaml").write_text("name: slow\nrate: {down: 1M, up: 1M}\nipv4: {pool: home}\n")
    commit(ours)
    assert ours("apply").code == 0
    sql(ours, statement, login)
    said = ours("drift", "--adopt")
    assert said.code == 0, said.out
    assert said.out.startswith("1 hand edit of 1 became an edit of YAML in the work tree.")
    assert lines(ours, "sub-000001" if login == ANITA else "sub-000003") == expected
    settled(ours)


def test_a_password_is_sealed_and_never_shown(ours: Isp) -> None:
    sql(ours, "UPDATE radcheck SET value = 'canary-pw-by-hand' WHERE username = ?", ANITA)
    said = ours("drift", "--adopt")
    assert said.code == 0
    assert "canary" not in said.out + said.err
    [line] = lines(ours, "sub-000001")
    assert line.startswith('password: "enc:k1:')
    settled(ours)
    assert [row[4] for row in rows_of(ours, ANITA)["radcheck"]] == ["canary-pw-by-hand"]


def test_a_password_by_hand_ends_what_was_on_its_way_to_a_router(ours: Isp) -> None:
    path = ours.repo / file_of(ours, "sub-000001")
    (sealed,) = re.findall(r'password: "(enc:[^"]+)"', path.read_text())
    old = f'{{password: "{sealed}", replaced: 2027-01-14T10:00:00Z, until: 2027-12-31}}'
    path.write_text(path.read_text().rstrip("\n") + f"\n    old_passwords: [{old}]\n")
    commit(ours)
    assert ours("apply").code == 0
    sql(ours, "UPDATE radcheck SET value = 'canary-pw-by-hand' WHERE username = ?", ANITA)
    assert ours("drift", "--adopt").code == 0
    assert "old_passwords" not in path.read_text()
    settled(ours)
    assert [row[4] for row in rows_of(ours, ANITA)["radcheck"]] == ["canary-pw-by-hand"]


def test_comments_stay_where_they_are(ours: Isp) -> None:
    path = ours.repo / file_of(ours, "sub-000001")
    path.write_text(path.read_text().replace("tariff: gold", "tariff: gold   # since May") + "\n# the end\n")
    commit(ours)
    ours("apply")
    sql(ours, ADDRESS,
        ANITA)  # fmt: skip
    assert ours("drift", "--adopt").code == 0
    assert "# since May" in path.read_text()
    assert path.read_text().endswith("\n# the end\n")


@pytest.mark.parametrize(
    "statement, field, words",
    [
        ("INSERT INTO radreply (username, attribute, op, value) VALUES (?, 'Mikrotik-Rate-Limit', ':=', '1M/1M')",
         "Mikrotik-Rate-Limit", "a service has no such value; rates belong to a tariff"),
        ("INSERT INTO radcheck (username, attribute, op, value) VALUES (?, 'Simultaneous-Use', ':=', '4')",
         "Simultaneous-Use", "a service has no such rule"),
        ("UPDATE radusergroup SET groupname = 'friends' WHERE username = ?", "group",
         "the group is not that of a tariff of git, or there are several"),
        ("UPDATE ispctl_login SET sessions = 9 WHERE login = ?", "sessions",
         "what only the database has cannot be said in a file"),
        ("DELETE FROM ispctl_login WHERE login = ?", "login", "its rows are gone"),
        ("DELETE FROM radcheck WHERE username = ?", "password",
         "there is no password, or several, or one that is not taken literally"),
        ("INSERT INTO radreply (username, attribute, op, value) VALUES (?, 'Framed-IP-Address', ':=', '203.0.113.7')",
         "edit", "E104 duplicate-address: the file would not be sound with it"),
    ],
)  # fmt: skip
def test_what_has_no_words_is_named_and_left_for_repair(ours: Isp, statement: str, field: str, words: str) -> None:
    sql(ours, statement, ANITA)
    said = ours("drift", "--adopt", "--format", "json")
    assert said.code == 2
    [item] = said.json["items"]
    assert item["unsaid"] == [{"field": field, "code": "E655", "text": words}]
    assert item["edited"] == []
    assert subprocess.run(["git", "-C", ours.repo, "diff", "--quiet"], check=False).returncode == 0
    assert "E655 cannot-be-said" in ours("drift", "--adopt").out
    assert ours("drift", "--repair").code == (1 if field == "login" else 0)  # what nobody owns is adopted, not repaired


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE radreply SET value = '203.0.113.64/29 0.0.0.0 9' WHERE username = ? AND attribute = 'Framed-Route'",
        "UPDATE radreply SET op = '=' WHERE username = ? AND attribute = 'Framed-IP-Address'",
    ],
)
def test_a_row_that_says_in_another_way_what_git_says_is_named_too(ours: Isp, statement: str) -> None:
    sql(ours, statement, FIRMA)
    assert ours("drift").code == 2
    said = ours("drift", "--adopt")
    assert said.code == 2, said.out
    assert "E655 cannot-be-said" in said.out
    assert "reply: it is written in a way for which a file has no words" in said.out
    assert ours("drift", "--repair").code == 0


def test_a_branch_gets_a_commit_and_the_work_tree_stays(ours: Isp) -> None:
    sql(ours, "UPDATE radreply SET value = '203.0.113.8' WHERE username = ? AND attribute = 'Framed-IP-Address'", FIRMA)
    said = ours("drift", "--adopt", "--branch", "by-hand", "--format", "json")
    assert said.code == 0
    assert git(ours, "status", "--porcelain") == ""
    assert git(ours, "rev-parse", "by-hand").strip() == said.json["made"]
    assert git(ours, "log", "-1", "--format=%s%n%b", "by-hand").startswith(
        "Say in git what was done by hand: 1 files\nEvent: drift-adopt"
    )
    assert git(ours, "diff", "--stat", "main", "by-hand").count("|") == 1
    again = ours("drift", "--adopt", "--branch", "by-hand")
    assert (again.code, "E681 already-proposed: there is a branch by-hand already" in again.err) == (1, True)
    wrong = ours("drift", "--adopt", "--branch", "by..hand")
    assert (wrong.code, "E656" in wrong.err) == (1, True)


def test_two_hand_edits_where_one_has_no_words(ours: Isp) -> None:
    sql(ours, "UPDATE radreply SET value = '203.0.113.8' WHERE username = ? AND attribute = 'Framed-IP-Address'", FIRMA)
    sql(ours, "INSERT INTO radcheck (username, attribute, op, value) VALUES (?, 'Simultaneous-Use', ':=', '4')", ANITA)
    said = ours("drift", "--adopt", "--format", "json")
    assert said.code == 2
    assert [(one["service"], one["edited"], bool(one["unsaid"])) for one in said.json["items"]] == [
        ("sub-000001/main", [], True), ("sub-000003/main", ["ipv4.static"], False),
    ]  # fmt: skip


def test_a_group_or_a_nas_is_no_service(ours: Isp) -> None:
    sql(
        ours, "UPDATE radgroupreply SET value = '1M/1M' WHERE groupname = 'isp:gold@routeros' AND attribute LIKE 'Mik%'"
    )
    said = ours("drift", "--adopt", "--format", "json")
    assert said.code == 2
    assert said.json["items"][0]["unsaid"][0]["text"] == "only what a login of git has can be said in a service"


def test_without_drift_there_is_nothing_to_say(ours: Isp) -> None:
    said = ours("drift", "--adopt")
    assert (said.code, said.out.startswith("No drift: ")) == (0, True)


@pytest.mark.parametrize("words", [("--adopt", "--repair"), ("--branch", "x")])
def test_flags_that_do_not_go_together_are_refused(ours: Isp, words: tuple[str, ...]) -> None:
    assert ours("drift", *words).code == 1
