"""Beside an old system: what is only observed is planned and never written, and taking it over is seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ispctl.plan import Plan
from ispctl.reconcile import Permission
from tests.reconcile.world import A_FILE, ANITA, World, copied, proposal

NOTHING = Permission()
LALITPUR = "subscribers/lalitpur/group.yaml"
POLICY = "inventory/policy.yaml"


def say(world: World, path: str, line: str) -> None:
    world.write(path, world.read(path) + f"\n{line}\n")
    world.commit()


def turn(world: World, path: str, now: str) -> None:
    was = "observe" if now == "enforce" else "enforce"
    world.changed(path, f"managed: {was}", f"managed: {now}")


def members(world: World) -> set[str]:
    folder = world.folder / "subscribers" / "lalitpur"
    return {file.stem for file in folder.rglob("sub-*.yaml") if "ledger" not in file.name}


def observed(plan: Plan) -> set[str]:
    return {owner.partition("/")[0] for stop in plan.stops if stop.kind == "observed" for owner in stop.services}


@pytest.fixture
def shadow(fresh: Path, tmp_path: Path) -> Iterator[World]:
    """Nothing was applied, and everything is only observed."""
    with World(copied(fresh, tmp_path / "isp")) as world:
        say(world, POLICY, "managed: observe")
        yield world


def test_an_observed_isp_is_planned_whole_and_nothing_is_written(shadow: World) -> None:
    plan = shadow.plan()
    assert plan.services
    assert not plan.empty
    assert plan.settled
    assert plan.stopped == {change.id for change in plan.changes}
    result = shadow.apply(Permission(dict.fromkeys(("cut_off", "dropped", "slower", "delete"), 0)))
    assert (result.exit_code, result.outcomes, result.sessions) == (0, (), ())
    tables = ("radcheck", "radreply", "radusergroup", "radgroupreply", "radgroupcheck", "nas", "ispctl_login")
    assert {name: shadow.sql(f"SELECT count(*) FROM {name}") for name in tables} == {key: [(0,)] for key in tables}
    assert shadow.sql("SELECT count(*) FROM ispctl_service") == [(0,)]
    assert shadow.plan().settled


def test_one_group_is_enforced_in_an_observed_isp(shadow: World) -> None:
    say(shadow, LALITPUR, "managed: enforce")
    assert shadow.apply(NOTHING).exit_code == 0
    rows = shadow.rows()
    owners = {str(fields["owner"]).partition("/")[0] for (kind, _), fields in rows.items() if kind == "login"}
    assert owners
    assert owners <= members(shadow)
    assert ("group", "isp:home-50@routeros") in rows
    assert not [key for key in rows if key[0] == "nas"]
    assert shadow.plan().settled
    assert shadow.drifted() == ()


def test_an_observed_group_stays_out_of_an_enforced_isp(empty: World) -> None:
    say(empty, LALITPUR, "managed: observe")
    assert empty.apply(NOTHING).exit_code == 0
    assert ("login", ANITA) not in empty.rows()
    assert ("nas", "192.0.2.1") in empty.rows()
    assert observed(empty.plan()) == members(empty)
    assert empty.plan().settled


def test_what_is_observed_counts_at_no_gate(world: World) -> None:
    say(world, LALITPUR, "managed: observe")
    for id in sorted(members(world)):
        file = next((world.folder / "subscribers" / "lalitpur").rglob(f"{id}.yaml"))
        file.unlink()
    world.commit()
    none = dict.fromkeys(("cut_off", "dropped", "slower", "delete"), 0)
    result = world.apply(Permission(none))
    assert (result.closed, result.exit_code) == ((), 0)
    assert ("login", ANITA) in world.rows()


def test_no_session_of_an_observed_group_or_nas_is_told(world: World) -> None:
    say(world, LALITPUR, "managed: observe")
    world.dial(ANITA)
    world.changed("tariffs/home-50.yaml", "rate: {down: 50M", "rate: {down: 60M")
    assert ANITA not in {one.owner for one in world.apply(NOTHING).sessions}
    assert world.plan().settled
    turn(world, LALITPUR, "enforce")
    assert "sub-000123/main" in {one.owner for one in world.apply(NOTHING).sessions}


def test_an_observed_nas_keeps_its_row_and_its_sessions(world: World) -> None:
    hosts = "inventory/hosts.yaml"
    data = "  groups: [pop-lalitpur]\n  data:\n"
    world.edit(hosts, data, f"{data}    managed: observe\n")
    world.changed(hosts, "sources: [192.0.2.1]", "sources: [192.0.2.1, 192.0.2.201]")
    world.dial(ANITA)
    world.changed(A_FILE, "home-50", "home-100")
    result = world.apply(NOTHING)
    assert (result.exit_code, result.sessions) == (0, ())
    assert ("nas", "192.0.2.201") not in world.rows()
    assert world.rows()["login", ANITA]["group"] == "isp:home-100"


def test_a_repair_leaves_what_is_observed(world: World) -> None:
    say(world, LALITPUR, "managed: observe")
    world.apply(NOTHING)
    world.sql("UPDATE radusergroup SET groupname = 'isp:home-100' WHERE username = ?", ANITA)
    assert [change.key for change in world.drifted()] == [("login", ANITA)]
    assert world.repair().outcomes == ()


def test_what_a_commit_took_while_it_was_observed_counts_when_it_is_enforced(world: World) -> None:
    say(world, LALITPUR, "managed: observe")
    main = "services:\n  - key: main"
    world.changed(A_FILE, main, f"{main}\n    suspended: {{since: 2027-01-10, reason: x}}")
    assert world.apply(Permission({"cut_off": 0})).exit_code == 0
    turn(world, LALITPUR, "enforce")
    assert [gate.gate for gate in world.apply(Permission({"cut_off": 0})).closed] == ["cut_off"]
    assert world.apply(Permission({"cut_off": 1})).exit_code == 0
    assert world.plan().empty


def test_taking_a_group_over_is_seen_in_the_merge_request(world: World) -> None:
    from ispctl.report import plan_markdown, plan_text
    from ispctl.report.gist import gather
    from ispctl.report.plan_json import document

    say(world, LALITPUR, "managed: observe")
    turn(world, LALITPUR, "enforce")
    plan = proposal(world.repository, "HEAD~1", "HEAD", world.now)
    assert not plan.empty
    assert not plan.settled
    (switch,) = document(plan)["switches"]
    assert (switch["what"], switch["was"], switch["now"]) == ("group lalitpur", "observe", "enforce")
    assert switch["because"]["file"] == LALITPUR
    for render in (plan_text.render, plan_markdown.render):
        text = " ".join(render(gather(plan)).split())
        assert "MANAGED: group lalitpur (" in text
        assert "written from now on" in text
    assert json.dumps(document(proposal(world.repository, "HEAD", "HEAD~1", world.now))).count('"observe"') >= 1
    assert not world.plan().switches, "nothing was applied in between"


def test_an_observed_edit_is_told_apart_from_one_that_is_done(world: World) -> None:
    from ispctl.report import plan_text
    from ispctl.report.gist import gather
    from ispctl.report.plan_json import document

    say(world, LALITPUR, "managed: observe")
    world.apply(NOTHING)
    world.changed(A_FILE, "home-50", "home-100")
    plan = world.plan()
    assert {one["left"] for one in document(plan)["services"]} == {"observed"}
    text = plan_text.render(gather(plan))
    assert "Only observed, and not done:" in text
    assert "OBSERVED: group lalitpur. Left as it is: 1 change of 1 service: sub-000123/main" in text


def test_adoption_leaves_what_is_observed(shadow: World) -> None:
    from ispctl.cli.common import run
    from ispctl.cli.main import app

    shadow.sql("INSERT INTO radcheck (username, attribute, op, value) VALUES (?, 'Filter-Id', ':=', 'old')", ANITA)
    run(app, "ispctl", ["--repo", str(shadow.folder), "adopt", "--all", "--allow", "100"])
    assert shadow.sql("SELECT count(*) FROM ispctl_login") == [(0,)]


def test_validation_names_what_is_only_observed(world: World) -> None:
    from ispctl.repo.checks import check

    say(world, LALITPUR, "managed: observe")
    say(world, POLICY, "managed: observe")
    found = [problem for problem in check(world.repository.at("HEAD"), world.now) if problem.code == "W713"]
    assert [problem.where.file for problem in found if problem.where] == [POLICY, LALITPUR]
