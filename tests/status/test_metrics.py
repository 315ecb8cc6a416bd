"""What Prometheus is told, and that the page about it is true."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from ispctl.nas import Memory
from ispctl.nas.memory import Heard
from ispctl.status.metrics import METRICS, Sample, samples, text
from ispctl.store import Beat, Heartbeat, LoopState, Proof, Store, proofs
from tests.gates.tracked import ROOT
from tests.status.world import ANITA, DSN, NOW, World

PAGE = (ROOT / "docs" / "metrics.md").read_text("utf-8")
ROW = re.compile(r"^\| `(ispctl_[a-z_]+)` \| ([a-z, ]*) \| (.*) \|$", re.MULTILINE)
OF_A_LOOP = {name for name in METRICS if name.startswith("ispctl_loop_") and "heartbeat" not in name}


def told(world: World, **delta: float) -> dict[tuple[str, ...], float]:
    """(name, *labels) -> value."""
    with world.view(NOW + timedelta(**delta)) as view:
        found = samples(view)
    return {(one.name, *one.labels): one.value for one in found}


def beat(world: World, state: LoopState, ago: float = 5) -> None:
    at = NOW - timedelta(seconds=ago)
    with Store.open(DSN, base=world.folder) as store:
        Heartbeat(store.database).take(Beat("loop", NOW - timedelta(hours=2), at, state, 4711, "isp.example.net"))


# the page


def test_the_page_names_every_metric_as_the_program_does() -> None:
    assert [(name, labels, said) for name, labels, said in ROW.findall(PAGE)] == [
        (name, ", ".join(named.labels), named.help) for name, named in METRICS.items()
    ]


def test_the_alerts_of_the_page_are_rules_about_these_metrics() -> None:
    block = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert block
    (group,) = YAML(typ="safe", pure=True).load(block[1])["groups"]
    used = {name for rule in group["rules"] for name in re.findall(r"\bispctl_[a-z_]+", rule["expr"])}
    assert used
    assert used <= set(METRICS)
    assert all(rule["alert"].startswith("Ispctl") and rule["annotations"]["summary"] for rule in group["rules"])


def test_names_carry_their_unit_and_counters_their_suffix() -> None:
    for name, named in METRICS.items():
        assert name.endswith("_total") == (named.kind == "counter"), name
        assert "second" not in named.help or name.endswith("_seconds"), name
        assert named.help.endswith("."), name


# the numbers


def test_a_database_that_is_as_it_should_be(world: World) -> None:
    found = told(world)
    assert found["ispctl_database_up",] == 1
    assert found["ispctl_unread_targets",] == 0
    assert found["ispctl_drifted_keys",] == 0
    assert found["ispctl_head_waiting_seconds",] == 0
    assert found["ispctl_last_apply_timestamp_seconds",] == (NOW - timedelta(hours=1)).timestamp()
    assert found["ispctl_sessions", "open"] == 0
    assert found["ispctl_loop_heartbeat_timestamp_seconds",] == 0
    assert found["ispctl_run_finished_timestamp_seconds", "apply"] > 0
    assert sum(value for (name, *_), value in found.items() if name == "ispctl_services") > 10


def test_every_metric_is_told_by_somebody(world: World) -> None:
    beat(world, LoopState())
    with Store.open(DSN, base=world.folder) as store:
        proofs.put(store, [Proof("u1", ANITA, "lalitpur-1", "coa", "x", "silent")])
        said = Heard("seen", "r", "c" * 40, NOW.isoformat())
        Memory(store).put_heard("lalitpur-1", said)
    world.edit("inventory/targets.yaml", lambda text: f"{text}nas: {{workers: 3}}\n")
    assert {name for name, *_ in told(world)} == set(METRICS) - OF_A_LOOP


def test_sessions_hand_edits_and_a_waiting_head_are_counted(world: World) -> None:
    world.dial(ANITA, "0" * 16 + "-" + "0" * 16, heard=10_000)
    world.sql("UPDATE radgroupreply SET value = '9M/9M' WHERE attribute = 'Mikrotik-Rate-Limit'")
    world.edit("tariffs/home-50.yaml", lambda said: said.replace("down: 50M", "down: 60M"), NOW - timedelta(minutes=5))
    found = told(world)
    assert [found["ispctl_sessions", state] for state in ("open", "stale", "behind")] == [1, 1, 1]
    assert found["ispctl_drifted_keys",] > 0
    assert found["ispctl_head_waiting_seconds",] == 300
    assert found["ispctl_health", "sessions"] == 2


def test_what_the_loop_said_of_itself(world: World) -> None:
    until = NOW + timedelta(hours=3)
    beat(world, LoopState("main", "1" * 40, NOW, "", ("E112",), "", {"cut_off": 7}, until, NOW))
    found = told(world)
    assert found["ispctl_gate_held", "cut_off"] == 7
    assert found["ispctl_gate_held", "slower"] == 0
    assert found["ispctl_head_refused",] == 1
    assert found["ispctl_next_moment_timestamp_seconds",] == until.timestamp()
    assert found["ispctl_fetch_timestamp_seconds",] == NOW.timestamp()


def test_without_a_database_nothing_is_called_zero(world: World) -> None:
    world.database.unlink()
    names = {name for name, *_ in told(world)}
    assert names == {"ispctl_build_info", "ispctl_database_up", "ispctl_unread_targets", "ispctl_health"}
    assert told(world)["ispctl_database_up",] == 0


def test_the_text_is_what_prometheus_reads() -> None:
    said = text((Sample("ispctl_gate_held", 7, ("cut_off",)), Sample("ispctl_loop_turns_total", 3)))
    gate, turns = text_string_to_metric_families(said)
    assert (gate.samples[0].labels, gate.samples[0].value) == ({"gate": "cut_off"}, 7)
    assert (turns.type, turns.samples[0].value) == ("counter", 3)


# the checks


@pytest.mark.parametrize(
    "state, ago, name, level, words",
    [
        (LoopState(), 61, "loop", "warning", "last sign of life"),
        (LoopState(), 301, "loop", "bad", "last sign of life"),
        (LoopState(until=NOW), 5, "loop", "ok", "process 4711 on isp.example.net"),
        (LoopState(nas={"lalitpur-1": NOW}), 5, "loop", "ok", "configures lalitpur-1 since 2027-01-15"),
        (LoopState(nas=dict.fromkeys("dcba", NOW)), 5, "loop", "ok", "configures a, b, c and 1 more since"),
        (
            LoopState("main", "1" * 40, NOW - timedelta(minutes=14), "E630"),
            5,
            "branch",
            "warning",
            "E630 remote-silent",
        ),
        (LoopState("main", "1" * 40, NOW - timedelta(minutes=16), "E630"), 5, "branch", "bad", "last heard of 16 min"),
        (LoopState("main", fetch_code="E631"), 5, "branch", "bad", "no-such-branch"),
        (LoopState("main", "1" * 40, NOW), 5, "branch", "ok", "main at 111111111111"),
        (
            LoopState("main", "1" * 40, refused=("E112", "E602")),
            5,
            "head",
            "bad",
            "E112 unknown-tariff, E602 backwards",
        ),
        (LoopState(stopped="E620"), 5, "head", "bad", "nothing is applied: E620"),
        (LoopState(gates={"cut_off": 7}), 5, "gates", "bad", "cut_off 7"),
        (LoopState(), 5, "gates", "ok", "open"),
    ],
)
def test_health_says_how_the_loop_is(
    world: World, state: LoopState, ago: float, name: str, level: str, words: str
) -> None:
    from ispctl.status.health import health

    beat(world, state, ago)
    with world.view() as view:
        (check,) = [check for check in health(view) if check.name == name]
    assert (check.level, words in check.text) == (level, True), check.text
    assert check.level == "ok" or check.advice


def test_a_closed_gate_says_the_number_to_give(world: World) -> None:
    from ispctl.status.service import checks

    beat(world, LoopState(gates={"cut_off": 7, "dropped": 30}))
    with world.view() as view:
        (advice,) = [check.advice for check in checks(view) if check.name == "gates"]
    assert advice.endswith("ispctl apply --allow-cut-off 7 --allow-drop 30")


def test_a_nas_that_did_not_do_what_it_was_asked_is_named(world: World) -> None:
    from ispctl.status.service import checks

    with Store.open(DSN, base=world.folder) as store:
        proofs.put(store, [Proof("u1", ANITA, "lalitpur-1", "coa", "x", "silent")])
        proofs.put(store, [Proof("u2", ANITA, "lalitpur-1", "disconnect", "x", "silent")])
        proofs.put(store, [Proof("u3", ANITA, "lalitpur-1", "coa", "x", "ack")])
    with world.view() as view:
        (check,) = [check for check in checks(view) if check.name == "changes"]
    assert check.level == "warning"
    assert "lalitpur-1 silent 2" in check.text
    assert ANITA not in check.text


def test_a_file_for_node_exporter(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    from ispctl.cli.common import run
    from ispctl.cli.stat import app

    run(app, "ispstat", ["--repo", str(Path(world.folder)), "health", "--format", "prometheus"])
    said = capsys.readouterr().out
    assert {family.name for family in text_string_to_metric_families(said)} >= {"ispctl_database_up", "ispctl_health"}
    assert ANITA not in said


# pools


def test_a_pool_counts_the_sessions_in_it_and_one_of_fixed_addresses_the_services(world: World) -> None:
    before = told(world)
    world.dial(ANITA, session="s1")
    found = told(world)
    assert found["ispctl_pool_addresses_used", "home"] == before["ispctl_pool_addresses_used", "home"] + 1 == 1
    assert found["ispctl_pool_addresses", "home"] >= 1024
    assert found["ispctl_pool_addresses_used", "business"] == before["ispctl_pool_addresses_used", "business"] > 0
    assert found["ispctl_pool_addresses", "walled6"] == 32, "the prefixes of a pool of the server are counted"
    assert not any(("ispctl_pool_addresses", pool) in found for pool in ("home6", "home6-pd", "business6"))


def test_a_pool_that_is_nearly_full_is_ill(world: World) -> None:
    from ispctl.status.pools import check, fill

    def narrow(text: str) -> str:
        return re.sub(r"  slices:.*?\n\n", "  ranges: [100.64.0.4/30]\n\n", text, count=1, flags=re.DOTALL)

    for number, last in enumerate((4, 5, 6, 7)):
        world.dial(ANITA, session=f"s{number}")
        world.sql("UPDATE radacct SET framedipaddress = ? WHERE acctsessionid = ?", f"100.64.0.{last}", f"s{number}")
    world.edit("inventory/pools.yaml", narrow)
    with world.view() as view:
        (home,) = [one for one in fill(view) if one.pool == "home"]
        said = check(view)
    assert (home.used, home.usable) == (4, 4)
    assert (said.level, "home 4 of 4" in said.text) == ("bad", True)
    assert said.advice
