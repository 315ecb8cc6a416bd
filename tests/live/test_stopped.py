"""An apply that is killed or stopped while it tells sessions: the next one tells the rest, and only the rest."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ispctl.lab.process import wait_for
from ispctl.store import Store
from tests.live.small_isp import TARIFF, SmallIsp
from tests.radius.dae import SECRET
from tests.radius.responder import Responder

pytestmark = [pytest.mark.live, pytest.mark.slow]
MANY = 200
ROUTER = "192.0.2.1"


@pytest.fixture
def router() -> Iterator[Responder]:
    with Responder(1) as router:
        yield router


@pytest.fixture
def isp(tmp_path: Path, router: Responder) -> SmallIsp:
    """Two hundred sessions on one router, and a commit that they do not know yet."""
    isp = SmallIsp(tmp_path)
    port = router.door(0).port
    isp.write(address=ROUTER, coa="127.0.0.1", port=port, secret=SECRET, platform="routeros")
    isp.ok("apply")
    isp.online(MANY, ROUTER)
    isp.changed(TARIFF, "down: 50M, up: 25M", "down: 60M, up: 30M")
    return isp


def interrupted(isp: SmallIsp, router: Responder, number: signal.Signals) -> tuple[int, str]:
    """An apply that gets a signal when it has written down the first answers; its exit code and what it said on
    stderr."""
    with isp.begin("apply") as apply:
        assert wait_for(lambda: router.heard >= 80 and isp.told() > 0, 30)
        apply.send_signal(number)
        _, said = apply.communicate(timeout=30)
    return apply.returncode, said


def test_after_a_kill_the_second_run_tells_only_the_rest(isp: SmallIsp, router: Responder) -> None:
    assert interrupted(isp, router, signal.SIGKILL)[0] == -signal.SIGKILL
    told, first = isp.told(), router.heard
    assert 0 < told <= first < MANY
    assert first - told <= 100 + 20, "what was answered and not yet written down, or asked and not yet answered"
    done = isp.run("apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SESSIONS: {MANY - told} told" in done.stdout
    assert router.heard - first == MANY - told
    assert "No changes" in isp.ok("plan")


def test_after_ctrl_c_it_says_how_far_it_came_and_goes_on_there(isp: SmallIsp, router: Responder) -> None:
    code, said = interrupted(isp, router, signal.SIGINT)
    told = isp.told()
    assert code == 130
    assert f"Stopped after {told} of {MANY} sessions. The rows are written; the next apply tells the rest" in said
    with Store.open("sqlite:///var/radius.db", base=isp.folder, readonly=True) as store:
        assert next(store.runs(1)).outcome == "stopped"
    first = router.heard
    assert f"SESSIONS: {MANY - told} told" in isp.ok("apply")
    assert router.heard - first == MANY - told
