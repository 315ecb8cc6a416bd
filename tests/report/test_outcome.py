"""What an apply or a repair says afterwards."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ispctl.backend import Outcome
from ispctl.gates import Closed
from ispctl.plan import Change, Plan, Unread
from ispctl.reconcile import Drift, Result, SessionOutcome
from ispctl.report import outcome
from ispctl.states import State
from ispctl.structs import replace
from tests.report.golden import assert_golden
from tests.report.sample import COMMIT, entitlement, in_state, pair, plan, row, unread

KATHMANDU = ZoneInfo("Asia/Kathmandu")


def live() -> Plan:
    lost = entitlement(), in_state(State.SUSPENDED)
    gone = entitlement("sub-000002"), None
    fresh = None, entitlement("sub-000003")
    both = [lost, gone, fresh]
    return plan([pair(*one, online=1) for one in both], [row(*one) for one in both], kind="live")


def done(**others: Any) -> Result:
    outcomes = tuple(Outcome(change) for change in live().changes)
    return replace(Result("r-17", COMMIT, live(), outcomes), **others)


def told(answer: str, code: str = "", kind: str = "coa") -> SessionOutcome:
    return SessionOutcome("sub-000001/main", "lalitpur-1", kind, answer, "it gave no answer" if code else "", code)


def many() -> Result:
    """A tariff edit that reached a fleet of all sorts."""

    def on(nas: str, number: int, *said: Any, **more: Any) -> SessionOutcome:
        return SessionOutcome(f"sub-{number:06}/main", nas, *said, **more)

    silent = (
        "kathmandu-1 (192.0.2.2:3799) did not answer 3 tries: check the secret, our source address and the firewall"
    )
    spared = "kathmandu-1 (192.0.2.2:3799) was not asked: 8 requests in a row had no answer"
    busy = "pokhara-1 (192.0.2.3:3799) is too busy (Resources-Unavailable, Error-Cause 506); it is asked again"
    held = "bharatpur-1 cannot make this change in a running session, and a day may take no more ends"
    sessions = (
        *(on("lalitpur-1", n, "coa", "proved" if n < 20 else "ack", "fine", "") for n in range(1200)),
        on("lalitpur-1", 1200, "coa", "contradicted", "measured over 300 s: down 50 of 20 Mbit/s", "E505"),
        *(on("kathmandu-1", 2000 + n, "coa", "silent", silent, "E502") for n in range(8)),
        *(on("kathmandu-1", 2100 + n, "coa", "unasked", spared, "E502") for n in range(4)),
        *(on("pokhara-1", 3000 + n, "coa", "nak", busy, "E503", cause=506) for n in range(2)),
        on("pokhara-1", 3002, "coa", "gone", "", "", cause=503),
        *(on("bharatpur-1", 4000 + n, "disconnect", "ack", "done", "", instead=True) for n in range(3)),
        on("bharatpur-1", 4003, "disconnect", "ack", "done", ""),
        on("bharatpur-1", 4004, "coa", "unsupported", held, "E508", cause=401),
    )
    return done(sessions=sessions)


def failing() -> Result:
    first, *rest = (Outcome(change) for change in live().changes)
    bad = Outcome(first.change, f"{first.change.key[1]} has rows that are not ours, adopt first", "E314")
    sessions = (told("ack"), told("ack"), told("gone", kind="disconnect"), told("silent", "E502"))
    held = (next(iter(live().changes)).id,)
    return done(outcomes=(bad, *rest), sessions=sessions, closed=(Closed("cut_off", 2, 4, 5),), held=held)


def test_what_an_apply_did_is_what_was_read(request: pytest.FixtureRequest) -> None:
    assert_golden(request, "apply.txt", outcome.text(done(), KATHMANDU))
    assert_golden(request, "apply-in-part.txt", outcome.text(failing(), KATHMANDU, width=80))


def test_thousands_of_sessions_are_a_few_lines(request: pytest.FixtureRequest) -> None:
    assert_golden(request, "apply-sessions.txt", outcome.text(many(), KATHMANDU))
    assert_golden(request, "apply-sessions.json", json.dumps(outcome.document(many())["told"], indent=2) + "\n")


def test_a_nas_that_is_left_alone_holds_up_nobody_else() -> None:
    resting = Unread("nas:pokhara-1", "E509", "2 sessions still run older values: asked 3 times in vain")
    result = done(unread=(resting,))
    assert result.exit_code == 3
    assert outcome.text(result).startswith("Run r-17: commit 3f2a91c0de3f applied; wrote rows")
    assert "  nas:pokhara-1: E509 2 sessions still run older values" in outcome.text(result)


def test_the_document_counts_what_was_written() -> None:
    said = outcome.document(done(), KATHMANDU)
    assert said["written"] == {"create": 1, "update": 1, "delete": 1}
    assert (said["run"], said["commit"], said["exit_code"]) == ("r-17", COMMIT, 0)
    assert (said["failed"], said["held"], said["closed"]) == ([], {"changes": [], "services": []}, [])


def test_what_failed_is_not_written_and_names_no_login() -> None:
    said = outcome.document(failing())
    assert sum(said["written"].values()) == 2
    (failed,) = said["failed"]
    assert (failed["service"], failed["code"]) == ("sub-000001/main", "E314")
    assert failed["text"] == "(login) has rows that are not ours, adopt first"
    assert "login-of" not in outcome.text(failing())


@pytest.mark.parametrize(
    ("result", "command"),
    [
        (done(), "ispctl drift"),
        (done(sessions=(told("ack"),)), "ispstat sessions"),
        (done(sessions=(told("silent", "E502"),)), "ispctl plan --live --commit 3f2a91c0de3f"),
        (failing(), "ispctl apply --commit 3f2a91c0de3f --allow-cut-off 2"),
        (done(unread=(unread(),), outcomes=()), "ispstat health"),
    ],
)
def test_an_apply_ends_with_the_command_to_type(result: Result, command: str) -> None:
    assert outcome.text(result).endswith(f"\n\nNext: {command}\n")


def test_a_database_that_was_not_read_is_not_said_to_be_applied() -> None:
    text = outcome.text(done(unread=(unread(),), outcomes=()))
    assert text.startswith("Commit 3f2a91c0de3f was not applied: not every target was read.")


# drift

EDITED = Change(
    "radius",
    ("login", "login-of-sub-000001@home.example"),
    {"owner": "sub-000001/main", "group": "isp:home-100", "password": "sha256:1"},
    {"owner": "sub-000001/main", "group": "isp:home-50", "password": "sha256:2"},
)
STRAY = Change("radius", ("group", "isp:free@routeros"), {"reply": ()}, None)
MISSING = Change("radius", ("nas", "192.0.2.1"), None, {"host": "lalitpur-1"})


def drift(*changes: Change, outcomes: tuple[Outcome, ...] = ()) -> str:
    return outcome.drift_text(outcome.drift_document(Drift(plan([], changes), outcomes), KATHMANDU))


def test_drift_is_what_was_read(request: pytest.FixtureRequest) -> None:
    assert_golden(request, "drift.txt", drift(EDITED, STRAY, MISSING))


def test_no_drift_says_so() -> None:
    assert drift() == "No drift: RADIUS is as commit 3f2a91c0de3f left it.\n\nNext: ispctl plan --live\n"


def test_a_repair_says_what_it_put_right() -> None:
    text = drift(EDITED, outcomes=(Outcome(EDITED),))
    assert "1 row changed by hand since commit 3f2a91c0de3f, seen at 2026-11-22 18:00 +05:45: 1 put right" in text
    assert text.endswith("Next: ispctl drift\n")


def test_a_repair_that_fails_says_why() -> None:
    text = drift(EDITED, outcomes=(Outcome(EDITED, "the database is locked", "E307"),))
    assert "  login of sub-000001/main: E307 the database is locked" in text
    assert text.endswith("Next: ispstat health\n")


def test_drift_shows_ids_and_no_logins() -> None:
    assert "login-of" not in drift(EDITED)
    assert outcome.drift_document(Drift(plan([], [EDITED])))["items"][0]["service"] == "sub-000001/main"
