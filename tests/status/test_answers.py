"""What the queries find out: each in a world where one thing is otherwise."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ispctl.model.problem import Refusal
from ispctl.status import drift, health, listing, online, profile
from ispctl.status.check import Check
from ispctl.status.elsewhen import elsewhen
from ispctl.status.listing import Wanted
from ispctl.status.names import services
from ispctl.store import Store
from ispctl.structs import replace
from tests.status.world import ANITA, ANITA_ID, DSN, EKRAJ, LALITPUR, NOW, World, committed

OLD = "0" * 16 + "-" + "0" * 16
FILE = "subscribers/lalitpur/3f/sub-000123.yaml"


def _ids(world: World, wanted: Wanted) -> list[str]:
    with world.view() as view:
        return [one.id for one in listing.listing(view, wanted)]


def _check(world: World, name: str, now: datetime = NOW) -> Check:
    with world.view(now) as view:
        return next(check for check in health.health(view) if check.name == name)


def _drift(world: World, now: datetime = NOW) -> list[str]:
    with world.view(now) as view:
        return [f"{one.what} {one.cause} {one.id}" for one in drift.drift(view) or ()]


def _refusal(world: World, wanted: Wanted) -> Refusal:
    with pytest.raises(Refusal) as caught, world.view() as view:
        listing.listing(view, wanted)
    return caught.value


# list


@pytest.mark.parametrize(
    "wanted, expected",
    [
        (Wanted(states=frozenset({"grace", "hold"})), ["sub-000125", "sub-000128", "sub-000216"]),
        (Wanted(in_grace=True), ["sub-000125", "sub-000216"]),
        (Wanted(tariff="business"), ["sub-000077", "sub-000206"]),
        (Wanted(group="pokhara"), [f"sub-000{number}" for number in range(301, 312)]),
        (Wanted(nas="pokhara-1"), [f"sub-000{number}" for number in range(301, 308)]),
        (Wanted(pool="hotspot"), ["sub-000301", "sub-000303", "sub-000306", "sub-000307"]),
        (Wanted(tariff="home-50", group="pokhara"), ["sub-000302"]),
        (Wanted(expiring=3), []),
    ],
)
def test_a_filter_leaves_whom_it_names(world: World, wanted: Wanted, expected: list[str]) -> None:
    assert _ids(world, wanted) == expected


def test_who_ends_soon_is_found_by_the_days_that_are_left(world: World) -> None:
    world.edit(FILE, lambda text: text.replace("paid_until: 2031-12-31", "paid_until: 2027-01-17"))
    assert _ids(world, Wanted(expiring=3)) == [ANITA_ID]
    assert _ids(world, Wanted(expiring=1)) == []


def test_who_was_not_online_for_days_is_found_and_who_is_online_is_not(world: World) -> None:
    world.dial(ANITA)
    world.dial(EKRAJ, heard=5 * 86400)
    found = _ids(world, Wanted(group="lalitpur", no_session=3))
    assert ANITA_ID not in found
    assert "sub-000127" in found
    assert "sub-000127" not in _ids(world, Wanted(no_session=6))


def test_only_altered_rows_count_as_drifted(world: World) -> None:
    world.edit(FILE, lambda text: text.replace("home-50", "home-100"))
    assert _ids(world, Wanted(drifted=True)) == []
    world.sql("UPDATE radcheck SET value = 'canary-pw-other' WHERE username = ?", EKRAJ)
    assert _ids(world, Wanted(drifted=True)) == ["sub-000127"]


def test_a_filter_that_names_nothing_is_refused_with_what_may_be_meant(world: World) -> None:
    refusal = _refusal(world, Wanted(tariff="home-5", nas="nowhere"))
    assert [problem.code for problem in refusal.problems] == ["E621", "E621"]
    assert refusal.problems[0].advice == "Did you mean home-50?"


def test_without_a_database_the_list_is_gits_and_says_what_it_does_not_know(world: World) -> None:
    world.database.unlink()
    with world.view() as view:
        found = listing.listing(view, Wanted())
        assert {one.online for one in found} == {"unknown"}
        assert {one.applied for one in found} == {"unknown"}
        assert len(found) == 65
        assert [(source.name, source.ok) for source in view.sources()] == [
            ("git", True),
            ("radius", False),
            ("accounting", False),
        ]
        assert "E301" in view.silence
    assert [problem.code for problem in _refusal(world, Wanted(no_session=3)).problems] == ["E623"]


def test_names_of_people_are_read_only_when_they_are_wanted(world: World) -> None:
    with world.view() as view:
        assert {one.name for one in listing.listing(view, Wanted())} == {None}
        assert None not in {one.name for one in listing.listing(view, Wanted(names=True))}


def test_a_file_that_cannot_be_read_makes_the_answer_of_git_doubtful(world: World) -> None:
    world.edit(FILE, lambda _: "id: [")
    with world.view() as view:
        assert len(listing.listing(view, Wanted())) == 64
        git = view.sources()[0]
    assert (git.ok, git.text) == (False, "1 file of the head cannot be read: ispctl validate")


# show


def _value(world: World, id: str, name: str) -> profile.Effective:
    with world.view() as view:
        (shown,) = profile.show(view, id)
    return next(one for one in shown.effective if one.name == name)


@pytest.mark.parametrize("method", ["wall", "reject"])
def test_who_is_not_in_service_is_given_no_routes(world: World, method: str) -> None:
    path = "subscribers/kathmandu/07/sub-000207.yaml"
    assert _value(world, "sub-000207", "routes").value == "203.0.113.80/28"
    world.edit("inventory/policy.yaml", lambda text: f"suspended: {{method: {method}}}\n{text}")
    held = "suspended: {since: 2027-01-13, reason: abuse}"
    world.edit(path, lambda text: text.replace("    routes:", f"    {held}\n    routes:"))
    found = _value(world, "sub-000207", "routes")
    assert (found.value, found.because.place.partition(":")[0]) == ("none", "inventory/policy.yaml")


def test_routes_that_a_change_brought_are_told_by_its_line(world: World) -> None:
    change = 'scheduled: [{at: 2027-01-14, set: {routes: ["203.0.113.88/29"]}}]'
    path = "subscribers/kathmandu/07/sub-000207.yaml"
    world.edit(path, lambda text: text.replace("    routes:", f"    {change}\n    routes:"))
    found = _value(world, "sub-000207", "routes")
    lines = (world.folder / path).read_text("utf-8").splitlines()
    assert found.value == "203.0.113.88/29"
    assert "scheduled" in lines[found.because.line - 1]


def test_every_effective_value_names_a_line_or_a_rule(world: World) -> None:
    with world.view() as view:
        for holding in view.head.services():
            (shown,) = profile.show(view, holding.owner)
            assert {"state", "tariff", "rate", "ipv4", "nas", "mac"} <= {value.name for value in shown.effective}
            for value in shown.effective:
                because = value.because
                assert because.line if because.file else because.code in ("default", "state"), (holding.owner, value)


@pytest.mark.parametrize("named", [ANITA, ANITA.upper(), ANITA_ID, f"{ANITA_ID}/main"])
def test_a_login_an_id_and_both_name_the_same(world: World, named: str) -> None:
    with world.view() as view:
        assert [one.login for one in profile.show(view, named)] == [ANITA]


@pytest.mark.parametrize("named", ["anita.ray@home.example", "anita.ray", "Anita"])
def test_an_unknown_name_is_answered_by_a_near_one(world: World, named: str) -> None:
    with pytest.raises(Refusal) as caught, world.view() as view:
        profile.show(view, named)
    (problem,) = caught.value.problems
    assert (problem.code, problem.advice) == ("E321", f"Did you mean {ANITA}?")


def test_what_comes_next_is_what_a_person_would_notice(world: World) -> None:
    scheduled = "    scheduled: [{at: 2027-02-01, set: {tariff: home-100}}]\n    paid_until: 2031-12-31"
    world.edit(FILE, lambda text: text.replace("    paid_until: 2031-12-31", scheduled))
    with world.view() as view:
        (shown,) = profile.show(view, ANITA_ID)
    assert shown.next is not None
    assert (shown.next.at.isoformat(), shown.next.rate) == (
        "2027-01-31T18:15:00+00:00",
        replace(shown.next.rate, down=100_000_000, up=50_000_000) if shown.next.rate else None,
    )
    assert (shown.pending[0].text, shown.pending[0].because.line > 0) == ("changes: tariff home-100", True)


def test_rows_that_time_has_made_due_are_told_from_rows_that_were_altered(world: World) -> None:
    _ends_tomorrow(world)
    with world.view(NOW + timedelta(days=2)) as view:
        (shown,) = profile.show(view, ANITA_ID)
    assert shown.applied is not None
    assert shown.applied.standing == "due"
    assert _drift(world, NOW + timedelta(days=2)) == ["changed clock sub-000123/main"]


def _ends_tomorrow(world: World) -> None:
    world.edit(FILE, lambda text: text.replace("paid_until: 2031-12-31", "paid_until: 2027-01-16"))
    world.apply()


# drift


def test_there_is_no_drift_after_an_apply_and_none_in_rows_of_others(world: World) -> None:
    world.sql("INSERT INTO radcheck (username, attribute, op, value) VALUES ('old', 'Idle-Timeout', ':=', '5')")
    assert _drift(world) == []


def test_a_commit_that_waits_is_no_drift(world: World) -> None:
    world.edit(FILE, lambda text: text.replace("home-50", "home-100"))
    assert _drift(world) == []


def test_what_a_tariff_says_anew_waits_for_everybody_on_it_until_it_is_applied(world: World) -> None:
    def said() -> tuple[str, str, list[str]]:
        with world.view() as view:
            found = {one.login: one.applied for one in listing.listing(view, Wanted())}
            (shown,) = profile.show(view, ANITA)
        return found[ANITA], found["gita.karki@home.example"], [one.kind for one in shown.pending if one.at is None]

    world.edit("tariffs/home-50.yaml", lambda text: text.replace("down: 50M", "down: 60M"))
    assert said() == ("waiting", "yes", ["apply"])
    world.apply()
    assert said() == ("yes", "yes", [])


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM radgroupcheck WHERE groupname = 'isp:home-50@routeros'",
        "DELETE FROM radusergroup",
        "UPDATE nas SET secret = 'canary-pw-nas'",
        "DELETE FROM ispctl_pop",
        "UPDATE ispctl_login SET refuse = 'abuse'",
        "INSERT INTO radcheck (username, attribute, value) SELECT login, 'Auth-Type', 'Accept' FROM ispctl_login",
    ],
)
def test_a_hand_edit_is_found_and_every_verb_lives_with_it(world: World, statement: str) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    world.sql(statement)
    assert _drift(world)
    with world.view() as view:
        assert online.sessions(view)
        assert listing.listing(view, Wanted())
        assert profile.show(view, ANITA)
        assert health.health(view)


def test_an_altered_password_is_told_without_a_password(world: World) -> None:
    world.sql("UPDATE radcheck SET value = 'canary-pw-by-hand' WHERE username = ?", ANITA)
    with world.view() as view:
        (found,) = drift.drift(view) or ()
    assert found.texts == ("password was altered by hand",)


def test_there_is_nothing_to_compare_before_the_first_apply(world: World) -> None:
    world.sql("DELETE FROM ispctl_meta WHERE key LIKE 'applied_%'")
    with pytest.raises(Refusal) as caught, world.view() as view:
        drift.drift(view)
    assert [problem.code for problem in caught.value.problems] == ["E608"]


def test_an_applied_commit_that_is_not_here_is_no_base_for_drift(world: World) -> None:
    world.sql("UPDATE ispctl_meta SET value = ? WHERE key = 'applied_commit'", "f" * 40)
    with pytest.raises(Refusal) as caught, world.view() as view:
        drift.drift(view)
    assert "E622" in [problem.code for problem in caught.value.problems]


# health


def test_a_fresh_apply_is_healthy(world: World) -> None:
    with world.view() as view:
        assert health.well(health.health(view))


@pytest.mark.parametrize("minutes, level", [(14, "warning"), (16, "bad")])
def test_a_commit_may_wait_a_quarter_of_an_hour(world: World, minutes: int, level: str) -> None:
    made = NOW - timedelta(minutes=minutes)
    world.edit(FILE, lambda text: text.replace("home-50", "home-100"), made)
    assert _check(world, "applied").level == level


def test_an_applied_commit_outside_the_history_of_the_head_is_ill(world: World) -> None:
    world.sql("UPDATE ispctl_meta SET value = ? WHERE key = 'applied_commit'", "f" * 40)
    assert not _check(world, "applied").ok


def test_a_run_that_was_killed_is_ill_until_the_next_good_one(world: World) -> None:
    with Store.open(DSN, base=world.folder) as store:
        store.begin_run("apply", NOW - timedelta(minutes=5), commit="f" * 40)
    world.sql("UPDATE ispctl_journal SET host = 'elsewhere' WHERE finished IS NULL")
    assert not _check(world, "runs").ok
    world.apply()
    assert _check(world, "runs").ok


def test_an_adoption_that_was_killed_is_gone_on_with_by_an_adoption(world: World) -> None:
    with Store.open(DSN, base=world.folder) as store:
        store.begin_run("adopt", NOW - timedelta(minutes=5), commit="f" * 40)
    world.sql("UPDATE ispctl_journal SET host = 'elsewhere' WHERE finished IS NULL")
    assert (_check(world, "runs").ok, _check(world, "runs").advice) == (False, "ispctl adopt --all --dry-run")


def test_a_run_that_is_running_is_not_ill(world: World) -> None:
    with Store.open(DSN, base=world.folder) as store:
        store.begin_run("apply", NOW - timedelta(minutes=5), commit="f" * 40)
    found = _check(world, "runs")
    assert (found.ok, found.text) == (True, "apply is running for 5 min")


def test_a_last_run_that_failed_says_what_it_could_not_do(world: World) -> None:
    world.sql("UPDATE ispctl_journal SET outcome = 'failed'")
    assert not _check(world, "last run").ok


def test_devices_that_somebody_forgot_say_nothing_of_the_last_run(world: World) -> None:
    world.sql("UPDATE ispctl_journal SET outcome = 'failed'")
    with Store.open(DSN, base=world.folder) as store:
        store.begin_run("mac-clear", NOW, commit="").finish("done", NOW)
    assert not _check(world, "last run").ok


def test_a_nas_whose_clock_is_wrong_is_named_for_a_day(world: World) -> None:
    now = int(NOW.timestamp())
    for nas, ahead, at in (("lalitpur-1", -1200, now - 60), ("kathmandu-1", 20700, now - 7200), ("gone-1", 99, now)):
        world.sql("INSERT INTO ispctl_clock VALUES (?, ?, ?, 1)", nas, ahead, at)
    world.sql("INSERT INTO ispctl_clock VALUES ('pokhara-1', -99, ?, 1)", now - 90000)
    found = _check(world, "nas clocks")
    assert (found.level, found.text) == (
        "warning",
        "the clock of kathmandu-1 is 5 h 45 min ahead (2 h ago), of lalitpur-1 is 20 min behind (1 min ago);"
        " what it reports counts from when it arrives",
    )


def test_what_came_late_once_is_no_clock_that_is_wrong(world: World) -> None:
    """A Start that waited without counting looks like one of a clock that lags. Nothing comes before it happens."""
    now = int(NOW.timestamp())
    world.sql("INSERT INTO ispctl_clock VALUES ('lalitpur-1', -1200, ?, 0)", now - 60)
    world.sql("INSERT INTO ispctl_clock VALUES ('kathmandu-1', 1200, ?, 0)", now - 60)
    assert _check(world, "nas clocks").text.startswith("the clock of kathmandu-1 is 20 min ahead (1 min ago); ")


def test_an_address_that_became_a_nas_of_ours_is_no_stranger_any_more(world: World) -> None:
    world.stranger(LALITPUR)
    assert _check(world, "strangers").level == "warning", "it spoke after the last apply"
    world.apply()
    assert _check(world, "strangers").level == "ok"


def test_a_moment_that_no_run_has_seen_is_ill_after_a_while(world: World) -> None:
    _ends_tomorrow(world)
    assert _check(world, "clock").text.startswith("next 2027-01-17 00:")
    found = _check(world, "clock", NOW + timedelta(days=2))
    assert found.level == "bad"
    assert found.text.startswith("1 service should have changed by itself since 2027-01-17 00:")


def test_without_a_database_health_says_what_is_unknown(world: World) -> None:
    world.database.write_bytes(b"no database")
    with world.view() as view:
        found = health.health(view)
    assert [(check.name, check.ok) for check in found] == [("repository", True), ("database", False)]
    assert "E302" in found[1].text


def test_whoever_is_gone_from_the_head_and_still_served_is_told_so(world: World) -> None:
    """A commit that takes him away waits: he is online, and his helpdesk has him on the telephone."""
    (world.folder / "subscribers" / "lalitpur" / "3f" / "sub-000123.yaml").unlink()
    committed(world.folder, "Clean up", NOW)
    for named in (ANITA, ANITA_ID):
        with world.view() as view, pytest.raises(Refusal) as raised:
            services(view, named)
        (problem,) = raised.value.problems
        assert (problem.code, f"ispstat show {ANITA_ID} --at now tells" in problem.advice) == ("E321", True)
        assert "which is applied, has it" in problem.text
        assert ANITA not in str(problem)
    with world.view() as view:
        assert services(elsewhen(view, NOW), ANITA_ID)
