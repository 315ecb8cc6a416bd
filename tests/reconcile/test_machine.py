"""Whatever is edited, by whomever, in whatever order, and wherever a run is killed: the next apply ends it well."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ispctl.structs import replace
from tests.databases import KINDS
from tests.depth import times
from tests.postgres import new_database
from tests.reconcile.machine import Isp, Stage, Template
from tests.reconcile.world import DSN, World, built


@pytest.fixture(scope="module", params=KINDS)
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Template:
    dsn = DSN if request.param == "sqlite" else new_database(request.getfixturevalue("cluster"))
    folder = built(tmp_path_factory.mktemp("machine") / "isp", dsn)
    with World(folder, dsn=dsn) as world:
        world.sql("INSERT INTO radcheck (username, attribute, op, value) VALUES ('guest', 'Filter-Id', ':=', 'x')")
        world.sql("INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('staff', 'Filter-Id', '=', 'x')")
        for number in (900, 901):
            world.subscriber(number, login=f"m{number}-1@home.example")
        world.commit()
        assert world.apply().exit_code == 0
    return folder, dsn


RUN = settings(
    derandomize=True,
    max_examples=times(8),
    stateful_step_count=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def stage(template: Template, request: pytest.FixtureRequest) -> Stage:
    return Stage(template, None if template[1] == DSN else request.getfixturevalue("cluster"))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("template", ["sqlite"], indirect=True)
def test_whatever_happens_the_next_apply_ends_it_well(stage: Stage) -> None:
    run_state_machine_as_test(lambda: Isp(stage), settings=RUN)  # type: ignore[arg-type]  # a factory will do
    assert stage.messages["told"] >= 10, stage.messages
    assert stage.messages["unknown"] >= 2, stage.messages


def a_day(stage: Stage) -> None:
    """One walk through the same rules that leaves nothing to luck."""
    isp = Isp(stage)
    with isp.close:
        isp.begin(40, "apply")
        isp.edit_tariff(60, 25, "apply in silence")  # done, but nobody heard so
        isp.edit_tariff(40, 25, "apply")
        isp.edit_tariff(60, 25, "wait")
        isp.apply_in_silence(False)  # not even done
        isp.apply()
        isp.edit_tariff(40, 25, "1")
        isp.edit_tariff(60, 25, "apply")
        isp.edit_tariff(40, 25, "apply to nobody")
        isp.reappear()
        isp.edit_tariff(50, 25, "apply")  # which is what they logged in with, and not what they run
        isp.hang_up("m900-", False)
        isp.remove(901)
        isp.edit_tariff(60, 20, "apply")
        isp.stops_arrive()
        isp.dial("m900-", "192.0.2.1")
        isp.report(0)
        isp.apply()
        isp.rows_of_others_stay()


@pytest.mark.slow
def test_a_day_ends_well_and_everybody_was_told(stage: Stage) -> None:
    a_day(stage)
    assert stage.messages["told"] >= 18, stage.messages
    assert stage.messages["unknown"] == 4, stage.messages
    assert stage.messages["ended"] == 1, stage.messages


def _skips_the_last(real: Any) -> Any:
    return lambda touch, todo: real(touch, todo[:-1])


def _forgets_who_is_gone(real: Any) -> Any:
    return lambda touch, one, answer: (
        None if one.kind == "disconnect" or answer.kind == "gone" else real(touch, one, answer)
    )


def _believes_silence(real: Any) -> Any:
    return lambda touch, one, answer: real(touch, one, replace(answer, kind="ack"))


def _never_sure(_: Any) -> Any:
    return lambda _: True


def _never_unsure(_: Any) -> Any:
    return lambda _: False


def _writes_nothing_ahead(_: Any) -> Any:
    return lambda touch, todo: None


def _believes_what_is_gone(_: Any) -> Any:
    return lambda proof: proof is not None and proof.answer not in ("ack", "gone")


@pytest.mark.slow
@pytest.mark.parametrize("template", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("where", "broken"),
    [
        ("reconcile.touch.Touch.all", _skips_the_last),
        ("reconcile.touch.Touch._keep", _forgets_who_is_gone),
        ("reconcile.touch.Touch._keep", _believes_silence),
        ("radius.live._unsure", _never_sure),
        ("radius.live._unsure", _never_unsure),
        ("radius.live._unsure", _believes_what_is_gone),
        ("reconcile.touch.Touch._ahead", _writes_nothing_ahead),
    ],
)
def test_an_apply_that_is_broken_does_not_get_through(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, where: str, broken: Callable[[Any], Any]
) -> None:
    real: Any = import_module("ispctl." + ".".join(where.split(".")[:2]))
    for name in where.split(".")[2:]:
        real = getattr(real, name)
    monkeypatch.setattr(f"ispctl.{where}", broken(real))
    with pytest.raises(AssertionError):
        a_day(stage)
