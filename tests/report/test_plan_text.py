"""What a person reads about a plan, on a terminal and in a merge request."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ispctl.gates import Closed, held
from ispctl.plan import Change, Pair
from ispctl.report import plan_markdown, plan_text, terminal
from ispctl.report._words import rate
from ispctl.report.gist import gather
from ispctl.states import State
from ispctl.structs import replace
from tests.report.golden import assert_golden
from tests.report.sample import (
    COMMIT,
    HOME_40,
    HOME_100,
    Passing,
    PassingLosers,
    entitlement,
    in_state,
    merge_request,
    pair,
    plan,
    row,
    slower_cohort,
    stopped,
    unread,
)

KATHMANDU = ZoneInfo("Asia/Kathmandu")
CLOSED = (Closed("cut_off", 7, 3, 5), Closed("dropped", 21, 0, 20))
BOTH = [pytest.param(plan_text.render, id="text"), pytest.param(plan_markdown.render, id="markdown")]
Render = Callable[..., str]


def text_of(*pairs: Pair, **others: Any) -> str:
    return plan_text.render(gather(plan(pairs, **others), KATHMANDU), width=10_000)


def live_with_gates(render: Render) -> str:
    lost = pair(entitlement(), in_state(State.SUSPENDED), online=1)
    gained = pair(entitlement("sub-000002"), entitlement("sub-000002", HOME_100), online=0)
    found = plan([lost, gained], [row(lost.was, lost.will_be), row(gained.was, gained.will_be)], kind="live")
    waiting = held(found, frozenset({"cut_off"}), {})
    return render(gather(found, KATHMANDU, waiting), closed=CLOSED[:1])


@pytest.mark.parametrize("width", [80, 100])
def test_the_text_of_a_busy_merge_request_is_what_was_read(request: pytest.FixtureRequest, width: int) -> None:
    text = plan_text.render(gather(merge_request(), KATHMANDU), closed=CLOSED, width=width)
    assert_golden(request, f"merge-request-{width}.txt", text)
    assert max(map(len, text.splitlines())) <= width


def test_the_note_of_a_busy_merge_request_is_what_was_read(request: pytest.FixtureRequest) -> None:
    note = plan_markdown.render(gather(merge_request(), KATHMANDU), closed=CLOSED)
    assert_golden(request, "merge-request.md", note)


@pytest.mark.parametrize(("render", "name"), [(plan_text.render, "gates.txt"), (plan_markdown.render, "gates.md")])
def test_what_is_held_and_what_goes_ahead_is_what_was_read(
    request: pytest.FixtureRequest, render: Render, name: str
) -> None:
    assert_golden(request, name, live_with_gates(render))


@pytest.mark.parametrize(("render", "name"), [(plan_text.render, "stops.txt"), (plan_markdown.render, "stops.md")])
def test_what_is_left_as_it_is_and_what_changes_hands_is_what_was_read(
    request: pytest.FixtureRequest, render: Render, name: str
) -> None:
    assert_golden(request, name, render(gather(stopped(), KATHMANDU)))


@pytest.mark.parametrize("render", BOTH)
def test_neither_logins_nor_devices_nor_digests_are_shown(render: Render) -> None:
    renamed = entitlement("sub-000008"), entitlement("sub-000008", login="other-login@home.example")
    gone = Change("radius", ("login", "login-of-nobody"), {"password": "sha256:ff"}, {"password": "sha256:ee"})
    base = merge_request()
    pairs = [Pair(s.was, s.will_be, s.cause, None) for s in base.services]
    found = plan([*pairs, pair(*renamed)], [*base.changes, gone, row(*renamed)])
    said = render(gather(found))
    assert not re.search(r"login-of|other-login|@home|02:00:5e|sha256", said)
    assert "another login" in said


@pytest.mark.parametrize("render", BOTH)
def test_what_somebody_typed_into_a_reason_names_nobody(render: Render) -> None:
    reason = "asked by canary.birdsong@example.net, +977 9800004321, 9800004321, login-of-sub-000001@home.example."
    said = render(gather(plan([pair(entitlement(), in_state(State.SUSPENDED, why=reason))])))
    assert not re.search(r"canary|9800004321|login-of", said)
    assert "asked by (e-mail), (phone), (phone)" in said


@pytest.mark.parametrize(
    ("down", "up", "said"),
    [
        (50_000_000, 25_000_000, "50/25 Mbit/s"),
        (1_500_000, 1_000_000, "1.5/1 Mbit/s"),
        (10_000_000, 512_000, "10000/512 kbit/s"),
        (10**9, 10**9, "1/1 Gbit/s"),
        (100_000_000, 100_000_000, "100/100 Mbit/s"),
        (1_234_567, 1_000_001, "1.234567/1.000001 Mbit/s"),
    ],
)
def test_rates_are_said_in_units_that_people_read(down: int, up: int, said: str) -> None:
    assert rate(down, up) == said


@pytest.mark.parametrize(
    ("was", "will_be", "said"),
    [
        ({}, {"terms": HOME_40}, "50/25 Mbit/s → 40/20 Mbit/s down/up"),
        ({}, {"ipv4": ""}, "IPv4 pool home → none"),
        ({"routes": ("203.0.113.64/29",)}, {}, "routes 203.0.113.64/29 → none"),
        ({}, {"password": None}, "password removed"),
        ({}, {"password": "sha256:1"}, "another password"),
        ({"mac_mode": "fixed", "macs": ("a",)}, {"mac_mode": "fixed", "macs": ("b",)}, "other devices"),
        ({}, {"nas": ("kathmandu-1",)}, "NAS lalitpur-1 → kathmandu-1"),
        ({}, {"roaming": "reject"}, "elsewhere allow → reject"),
        ({}, {"ends": None}, "ends 2026-12-21 00:00 → never"),
        ({}, {"on_expiry": "reject"}, "when it ends wall → reject"),
        (
            {},
            {"terms": replace(HOME_100, tariff="home-50", down=50_000_000, up=25_000_000)},
            "burst none → 150/80 Mbit/s",
        ),
        ({}, {"terms": replace(HOME_40, down=50_000_000, up=25_000_000, sessions=0)}, "sessions 1 → unlimited"),
    ],
)
def test_each_difference_is_said(was: dict[str, Any], will_be: dict[str, Any], said: str) -> None:
    assert f"      {said}; " in text_of(pair(entitlement(**was), entitlement(**will_be)))


def test_who_begins_is_not_called_restored() -> None:
    assert "sub-000001/main: begins\n" in text_of(pair(in_state(State.PENDING), entitlement()))
    assert "sub-000001/main: restored\n" in text_of(pair(in_state(State.SUSPENDED), entitlement()))


def test_the_verdict_says_that_nobody_is_cut_off() -> None:
    moved = pair(entitlement(ipv4="203.0.113.7"), entitlement(ipv4="203.0.113.8"))
    said = text_of(moved, *slower_cohort(2))
    assert "2 services slower, 1 readdressed, 1 dropped session if online, nobody cut off." in said


def test_the_verdict_of_a_live_plan_knows_who_is_online() -> None:
    moved = pair(entitlement(ipv4="203.0.113.7"), entitlement(ipv4="203.0.113.8"), online=1)
    assert "1 service readdressed, 1 dropped session, nobody cut off." in text_of(moved, kind="live")


def test_a_plan_of_rows_alone_touches_nobody() -> None:
    found = plan([], [Change("radius", ("pop", "a"), None, {"nas": ()})])
    assert "Nobody is touched, 1 row to write." in plan_text.render(gather(found))


@pytest.mark.parametrize(("after", "verb"), [(None, "end"), ({"class": "b"}, "change")])
def test_a_plan_of_sessions_alone_says_what_becomes_of_them(after: dict[str, str] | None, verb: str) -> None:
    found = plan([], [Change("radius", ("session", "s1"), {"class": "a"}, after)])
    assert f"Nobody's service changes; 1 session to {verb}." in plan_text.render(gather(found))


@pytest.mark.parametrize("render", BOTH)
def test_four_hundred_people_are_one_line_with_a_sample_of_five(render: Render) -> None:
    said = render(gather(plan(slower_cohort(400))))
    assert len(re.findall(r"sub-\d+/main", said)) == 5
    assert "400 services" in said
    assert "and 395 more" in " ".join(said.split())


def test_a_cohort_says_only_what_holds_for_all_of_it() -> None:
    pairs = slower_cohort(6)
    odd = Pair(pairs[0].was, replace(pairs[0].will_be or entitlement(), ends=None), "commit", None)
    said = text_of(odd, *pairs[1:])
    assert "      50/25 Mbit/s → 40/20 Mbit/s down/up; kept if online\n" in said


def new_people(count: int) -> list[Pair]:
    ids = [f"sub-{number:06}" for number in range(count)]
    return [pair(None, entitlement(id, HOME_100 if number % 3 == 0 else HOME_40)) for number, id in enumerate(ids)]


@pytest.mark.parametrize("render", BOTH)
def test_new_people_are_named_one_by_one_while_they_are_few(render: Render) -> None:
    said = render(gather(plan(new_people(20))))
    assert len(set(re.findall(r"sub-\d+/main", said))) == 20
    assert "20 services" not in said.replace("20 services new", "")


def test_many_new_people_are_one_entry_though_the_reason_of_each_is_his_own(request: pytest.FixtureRequest) -> None:
    found = gather(plan(new_people(500)), KATHMANDU)
    assert_golden(request, "first-plan.txt", plan_text.render(found))
    assert_golden(request, "first-plan.md", plan_markdown.render(replace(found, rows=())))


@pytest.mark.parametrize("render", BOTH)
def test_nobody_who_loses_for_a_reason_of_his_own_is_folded_away(render: Render) -> None:
    ids = [f"sub-{number:06}" for number in range(400)]
    said = render(gather(plan(pair(entitlement(id), in_state(State.SUSPENDED, id, "abuse")) for id in ids)))
    assert [id for id in ids if f"{id}/main" not in said] == []


@pytest.mark.parametrize("render", BOTH)
def test_whoever_is_on_no_line_is_counted(render: Render) -> None:
    services: Any = PassingLosers(700)
    said = render(gather(replace(plan(kind="live"), services=services)))
    assert len(set(re.findall(r"sub-\d+/main", said))) == 500
    assert "… and 200 more, in the JSON" in said


def test_a_note_is_never_longer_than_gitlab_takes() -> None:
    ids = [f"sub-{number:06}" for number in range(500)]
    why = "a long story " * 300
    note = plan_markdown.render(gather(plan(pair(entitlement(id), in_state(State.SUSPENDED, id, why)) for id in ids)))
    named = len(set(re.findall(r"sub-\d+/main", note)))
    assert 100 < named < 500
    assert f"… and {500 - named} more, in the JSON" in note
    assert len(note) < 1_000_000


def test_the_lines_are_the_same_in_whatever_order_people_come() -> None:
    pairs = [Pair(s.was, s.will_be, s.cause, None) for s in merge_request().services]
    found = plan([*pairs, *new_people(300), *slower_cohort(700)])
    people, rows = [*found.services], [*found.changes]
    mixed = replace(found, services=(*people[400:], *people[:400]), changes=rows[::-1])
    assert plan_text.render(gather(mixed)) == plan_text.render(gather(found))


@pytest.mark.parametrize("make", [Passing, PassingLosers])
def test_of_many_people_only_those_are_held_who_are_printed(make: type[Passing]) -> None:
    services: Any = make(1500)
    gather(replace(plan(kind="live"), services=services))
    assert services.most <= 1001, "twice the lines that there are for losers"


def test_of_many_rows_the_first_are_those_of_the_people_who_lose_most() -> None:
    pairs = [*new_people(1100), pair(entitlement("sub-009999"), in_state(State.SUSPENDED, "sub-009999"))]
    found = gather(plan(pairs, [row(one.was, one.will_be) for one in pairs]))
    assert found.rows[0].what == "login of sub-009999/main"
    assert (found.changes, len(found.rows)) == (1101, 200)


def test_what_the_clock_does_stands_apart() -> None:
    said = text_of(*slower_cohort(6), pair(entitlement(), in_state(State.EXPIRED), "clock"))
    before, _, after = said.partition("By the clock, whatever the commit says:")
    assert "6 services: slower" in before
    assert "sub-000001/main: walled" in after


# nothing to do


@pytest.mark.parametrize(
    ("kind", "base", "until", "said"),
    [
        ("proposed", "b" * 40, None, "No changes: nothing in commit 3f2a91c0de3f changes anything for anybody."),
        ("live", "b" * 40, None, "No changes: RADIUS is already what commit 3f2a91c0de3f says."),
        ("proposed", COMMIT, None, "No changes: nothing changes by the clock until 2026-11-22 18:00."),
        (
            "proposed",
            COMMIT,
            "2026-12-01T00:00:00+05:45",
            "No changes: nothing changes by the clock until 2026-12-01 00:00.",
        ),
        (
            "live",
            COMMIT,
            "2026-12-01T00:00:00+05:45",
            "RADIUS is already what commit 3f2a91c0de3f says. Nothing changes by the clock until 2026-12-01 00:00.",
        ),
    ],
)
@pytest.mark.parametrize("render", BOTH)
def test_there_are_three_ways_to_change_nothing(
    render: Render, kind: Any, base: str, until: str | None, said: str
) -> None:
    found = render(gather(plan(kind=kind, base=base), KATHMANDU), until=until)
    assert said in " ".join(found.split())


@pytest.mark.parametrize("render", BOTH)
def test_a_target_that_was_not_read_is_never_no_changes(render: Render) -> None:
    said = render(gather(plan(kind="live", unread=(unread(),))))
    assert "No changes" not in said
    assert "the database gave no answer" in said
    assert "ispstat health" in said.splitlines()[-1]


# what to type next


@pytest.mark.parametrize(
    ("found", "closed", "command"),
    [
        (plan(slower_cohort(1)), (), "ispctl plan --live --commit 3f2a91c0de3f"),
        (plan(slower_cohort(1)), CLOSED, "ispctl plan --live --commit 3f2a91c0de3f"),
        (plan(slower_cohort(1), kind="live"), (), "ispctl apply --commit 3f2a91c0de3f"),
        (
            plan(slower_cohort(1), kind="live"),
            CLOSED,
            "ispctl apply --commit 3f2a91c0de3f --allow-cut-off 7 --allow-drop 21",
        ),
        (plan(kind="live"), (), "ispctl drift"),
    ],
)
@pytest.mark.parametrize("render", BOTH)
def test_every_plan_ends_with_the_command_to_type(render: Render, found: Any, closed: Any, command: str) -> None:
    last = render(gather(found), closed=closed).splitlines()[-1]
    assert last.replace("*", "").replace("`", "") == f"Next: {command}"


def test_another_command_may_be_said() -> None:
    assert plan_text.render(gather(plan()), next_command="ispctl rollback 7").endswith("\nNext: ispctl rollback 7\n")


# colours


def test_colours_change_no_word() -> None:
    plain = plan_text.render(gather(merge_request()), closed=CLOSED)
    coloured, bare = io.StringIO(), io.StringIO()
    terminal.show(plain, coloured, color=True)
    terminal.show(plain, bare, color=False)
    assert "\x1b[" in coloured.getvalue()
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured.getvalue()) == plain == bare.getvalue()


def test_who_is_behind_the_wall_is_not_said_to_have_an_address() -> None:
    said = text_of(pair(None, in_state(State.EXPIRED)))
    assert "payment page only" in said
    assert "IPv4" not in said


def test_a_password_that_is_only_sealed_again_is_not_called_another_one() -> None:
    again = entitlement(password="sha256:1", sealed_with="k2", roaming="reject")
    said = text_of(pair(entitlement(), again))
    assert "password sealed with another key; elsewhere allow → reject" in said
