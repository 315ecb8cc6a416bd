"""What is told of the NAS that ispctl configures, without asking one."""

from __future__ import annotations

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from ispctl.nas import Memory
from ispctl.nas.memory import HEARD, MADE, Heard, Made
from ispctl.plan import Change
from ispctl.reconcile import fleet as devices
from ispctl.reconcile.asking import Asked
from ispctl.status import fleet, health, present, present_fleet
from ispctl.status.devices import Configured, Owned
from ispctl.status.metrics import samples
from ispctl.status.present import Screen
from ispctl.store import Beat, Heartbeat, LoopState, Pause, Store
from ispctl.structs import replace
from tests.status.conftest import Golden
from tests.status.world import DSN, NOW, World

HOST = "lalitpur-1"
BEFORE = NOW - timedelta(hours=2)


@pytest.fixture
def reached(world: World) -> World:
    """The example, whose NAS are configured."""
    world.edit("inventory/targets.yaml", lambda text: f"{text}nas: {{workers: 3, attempts: 1}}\n", BEFORE)
    return world


def made(world: World, host: str = HOST, *, mark: str = "") -> None:
    """A run has made a NAS as the head says, or as something else."""
    with world.view() as view:
        head, now = view.head.commit, devices.wanted(view.repository, view.head, NOW)[host].mark
    with Store.open(DSN, base=world.folder) as store, store.transaction():
        Memory(store).put_made(host, Made(mark or now, head, "20270115-040000-aaaa01", BEFORE.isoformat()))


def heard(world: World, status: str, *, code: str = "", text: str = "", host: str = HOST) -> None:
    said = Heard(status, "20270115-040000-aaaa01", "c" * 40, BEFORE.isoformat(), code, text)
    with Store.open(DSN, base=world.folder) as store, store.transaction():
        Memory(store).put_heard(host, said)


def changed(world: World) -> None:
    """A run has made a pool and a tariff, of which the device took one."""
    with Store.open(DSN, base=world.folder) as store, store.transaction():
        run = store.begin_run("apply", BEFORE, commit="c" * 40)
        run.change(Change(f"nas:{HOST}", ("pool", "home"), None, {"ranges": "100.64.0.0/22"}), BEFORE)
        run.change(Change(f"nas:{HOST}", ("pool", "odd"), {"ranges": "x"}, None), BEFORE, "in use")
        Memory(store).keep(run.id, HOST, BEFORE, {("pool", "odd"): {"ranges": "x"}}, "b" * 40)
        run.finish("failed", BEFORE)


def one(world: World, host: str = HOST) -> Configured:
    with world.view() as view:
        (found,) = fleet.fleet(view, host)
    assert found.device is not None
    return found.device


def test_a_nas_that_nobody_configures_has_nothing_to_tell(world: World) -> None:
    with world.view() as view:
        assert all(seen.device is None for seen in fleet.fleet(view)), "targets.yaml does not say how they are reached"


def test_only_those_with_a_device_are_told_of(reached: World) -> None:
    with reached.view() as view:
        found = {seen.name for seen in fleet.fleet(view) if seen.device}
        assert found == set(devices.wanted(view.repository, view.head, NOW))
    assert HOST in found
    assert "kathmandu-1" not in found


def test_one_that_no_run_had_to_do_with_was_never_asked_and_waits(reached: World) -> None:
    found = one(reached)
    assert (found.heard, found.reachable, found.equal, found.waiting, found.backups) == ("never", None, None, True, 0)


@pytest.mark.parametrize(
    "status, reachable",
    [("seen", True), ("applied", True), ("refused", True), ("unreachable", False), ("held", None)],
)
def test_what_the_last_run_heard_says_whether_it_was_reachable(
    reached: World, status: str, *, reachable: bool | None
) -> None:
    heard(reached, status)
    assert (one(reached).heard, one(reached).reachable) == (status, reachable)


def test_it_waits_when_git_asks_for_something_else(reached: World) -> None:
    made(reached)
    assert one(reached).waiting is False
    part = "lalitpur-1: [100.64.0.0/"
    reached.edit("inventory/pools.yaml", lambda text: text.replace(f"{part}22]", f"{part}23]"))
    found = one(reached)
    assert found.waiting is True
    assert found.equal is not None
    assert found.equal.at == BEFORE


@pytest.mark.parametrize("ago, known", [(5, True), (120, False)])
def test_it_is_said_since_when_a_loop_that_lives_configures_it(reached: World, ago: int, known: bool) -> None:
    state = LoopState(nas={HOST: BEFORE})
    with Store.open(DSN, base=reached.folder) as store:
        Heartbeat(store.database).take(
            Beat("loop", BEFORE, NOW - timedelta(seconds=ago), state, 4711, "isp.example.net")
        )
    assert one(reached).since == (BEFORE if known else None)
    with reached.view() as view:
        found, screen = fleet.fleet(view), Screen(view.zone, NOW)
        text, page = present_fleet.listed(found, screen), samples(view)
    assert ("being configured for 2 h" in text, "1 being configured" in text) == (known, known)
    values = {sample.labels: sample.value for sample in page if sample.name == "ispctl_nas_configuring"}
    assert values[(HOST,)] == known


def test_an_edit_of_a_subscriber_makes_none_wait(reached: World) -> None:
    made(reached)
    reached.edit("subscribers/lalitpur/3f/sub-000123.yaml", lambda text: text.replace("Anita", "Anita Devi"))
    assert one(reached).waiting is False


def test_a_pause_of_its_own_or_of_everything_stops_it(reached: World) -> None:
    assert one(reached).stopped == ""
    until = NOW + timedelta(hours=1)
    for kind, name in (("target", f"nas:{HOST}"), ("everything", "")):
        with Store.open(DSN, base=reached.folder) as store, store.transaction():
            store.put_pause(Pause("p1", kind, name, BEFORE, until, "works", "noc"))  # type: ignore[arg-type]
        found = one(reached)
        assert (found.stopped, found.until, found.why, found.window) == ("paused", until, "works (noc)", None)


def test_a_freeze_stops_it_until_it_is_over(reached: World) -> None:
    old, new = (
        "{from: 2026-10-18, until: 2026-10-22, reason: Dashain}",
        "{from: 2027-01-14, until: 2027-01-16, reason: Maghe}",
    )
    reached.edit("inventory/policy.yaml", lambda text: text.replace(old, new))
    found = one(reached)
    assert (found.stopped, found.why, found.window) == ("frozen", "Maghe", None)
    assert found.until is not None
    assert found.until.astimezone(ZoneInfo("Asia/Kathmandu")).isoformat() == "2027-01-17T00:00:00+05:45"


def test_what_ends_sessions_waits_for_the_window(reached: World) -> None:
    found = one(reached)
    assert (found.stopped, found.waiting) == ("", True)
    assert found.window is not None
    assert found.window.astimezone(ZoneInfo("Asia/Kathmandu")).isoformat() == "2027-01-16T02:00:00+05:45"
    made(reached)
    assert one(reached).window is None, "nothing is waiting"
    with reached.view() as view:
        there = {seen.name: seen.device for seen in fleet.fleet(view) if seen.device}
    observed = [name for name, device in there.items() if device.stopped == "observed"]
    assert observed, "the example observes one of them"


def test_what_runs_did_is_told_of_one_in_full_and_left_out_of_a_list(reached: World) -> None:
    changed(reached)
    (run,) = one(reached).changes or ()
    assert [(did.action, did.key, did.outcome) for did in run.changes] == [
        ("create", "pool/home", ""),
        ("delete", "pool/odd", "in use"),
    ]
    assert one(reached).backups == 1
    with reached.view() as view:
        assert all(seen.device.changes is None for seen in fleet.fleet(view) if seen.device)


def test_what_it_should_hold_is_what_nas_render_says(reached: World) -> None:
    with reached.view() as view:
        want = devices.wanted(view.repository, view.head, NOW)[HOST].resources()
    assert {held.key: dict(held.fields) for held in one(reached).slice or ()} == {
        "/".join(key): dict(said) for key, said in want.items()
    }


def test_metrics_say_who_was_reached_since_when_it_stands_and_who_waits(reached: World) -> None:
    made(reached)
    heard(reached, "unreachable", code="E810", text="no answer")
    with reached.view() as view:
        said = {(one.name.removeprefix("ispctl_nas_"), *one.labels): one.value for one in samples(view)}
    assert said["reachable", HOST] == 0
    assert said["applied_timestamp_seconds", HOST] == BEFORE.timestamp()
    assert said["waiting", HOST] == 0
    assert said["waiting", "dhulikhel-old"] == 1
    assert ("reachable", "dhulikhel-old") not in said, "nobody has asked it"


def test_without_a_database_it_is_not_said_to_wait(reached: World) -> None:
    reached.database.unlink()
    found = one(reached)
    assert (found.heard, found.waiting, found.backups, found.changes) == ("unknown", None, None, None)


def test_what_somebody_made_unreadable_was_never_said(reached: World) -> None:
    for kind in (MADE, HEARD):
        reached.sql("INSERT INTO ispctl_object VALUES (?, ?, '{\"mark\": 7}')", kind, HOST)
    assert (one(reached).heard, one(reached).equal) == ("never", None)


def test_templates_that_do_not_fit_cost_what_it_should_hold_alone(reached: World) -> None:
    file = reached.folder / "templates" / "nas" / "routeros" / _a_template()
    file.parent.mkdir(parents=True)
    file.write_text("{{ nothing }}", "utf-8")
    from tests.gates import example

    example.git(reached.folder, "add", "templates")
    reached.edit("inventory/targets.yaml", lambda text: text.replace("workers: 3", "workers: 4"))
    with reached.view() as view:
        (found,) = fleet.fleet(view, HOST)
        assert found.device is not None
        assert (found.device.slice, found.device.heard) == (None, "never")
        assert [problem.code for problem in view.problems] == ["E800"]


def _a_template() -> str:
    from ispctl.platforms.device import nas_platform

    platform = nas_platform("routeros")
    assert platform is not None
    return platform.templates[0]


@pytest.fixture
def busy(reached: World) -> World:
    """One was refused something, the other stands as it should."""
    changed(reached)
    heard(reached, "refused", code="E812", text="pool odd: in use")
    return reached


def test_the_list_and_one_in_full(busy: World, golden: Golden) -> None:
    with busy.view() as view:
        screen, held = (
            Screen(view.zone, view.now),
            Owned("pool/home", {"ranges": "100.64.0.0/22", "servers": ("a", "b")}),
        )
        some = [one for one in fleet.fleet(view) if one.name in (HOST, "kathmandu-1", "dhulikhel-old")]
        golden("nas-devices", present_fleet.listed(some, screen))
        (found,) = fleet.fleet(view, HOST)
        assert found.device is not None
        now = Asked(True, "", "", "Example", "box", "7.1", 93600, 12, 2)
        found = replace(found, device=replace(found.device, slice=(held,), asked=now))
        golden("nas-device", present_fleet.shown(found, screen))
        golden("nas-device-json", json.dumps(present.envelope(view, [found])["items"], indent=2))


def test_health_names_the_nas_that_did_not_take_what_git_says(reached: World) -> None:
    """Whoever looks at health alone would believe that all routers are as git says."""
    heard(reached, "unreachable", code="E810", text="no route")
    heard(reached, "applied", host="bhaktapur-1")
    heard(reached, "refused", host="gone-1")
    assert devices_check(reached) == ("warning", "lalitpur-1 unreachable", "ispstat nas")
    heard(reached, "seen")
    assert devices_check(reached) is None


def devices_check(world: World) -> tuple[str, str, str] | None:
    with world.view() as view:
        return next(((c.level, c.text, c.advice) for c in health.health(view) if c.name == "devices"), None)
