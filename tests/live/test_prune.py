"""Old facts are deleted while a real server writes new ones: nobody waits for it, nothing of the living is lost."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from ispctl.store.retention import BATCH, Keep, Pruned, prune
from tests.canary import PASSWORD
from tests.live.rig import MAC, Rig, online

pytestmark = pytest.mark.live
OLD = 6_000
DAY = timedelta(days=1)
KEEP = Keep(timedelta(seconds=750), 400 * DAY, 30 * DAY)


def history(rig: Rig) -> None:
    """Sessions that ended and refusals that happened 500 days ago."""
    series = f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {OLD})"
    at = rig.place.instant(str(int((datetime.now(UTC) - 500 * DAY).timestamp()) // 1000 * 1000))
    address = "'192.0.2.1'" if rig.place.kind == "sqlite" else "'192.0.2.1'::inet"
    for statement in (
        "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
        f" acctstoptime, framedipaddress) {series} SELECT 'o' || n, 'o' || n, 'old', {address}, {at}, {at}, {at},"
        f" {'NULL' if rig.place.kind == 'postgresql' else repr('')} FROM s",
        f"INSERT INTO radpostauth (username, pass, reply, authdate) {series}"
        f" SELECT 'old', '', 'Access-Reject', {at} FROM s",
    ):
        rig.place.hand(statement)


def test_a_prune_beside_a_server_at_work_costs_nobody_an_answer_or_a_session(rig: Rig) -> None:
    history(rig)
    mine = online(rig.routeros.dial(rig.login(), PASSWORD, mac=MAC))
    silent = online(rig.routeros.dial(rig.login(), PASSWORD))
    rig.lose_sight(silent)
    found: list[Pruned] = []
    answered = threading.Semaphore(0)

    def rest(_seconds: float) -> None:
        """Until somebody has dialled in and left between this batch and the next."""
        assert answered.acquire(timeout=20)

    def work() -> None:
        with rig.place.open() as store:
            found.append(prune(store, KEEP, datetime.now(UTC), actor="noc", rest=rest))

    worker = threading.Thread(target=work)
    logins = [rig.login() for _ in range(5)]
    worker.start()
    answers = 0
    while worker.is_alive() or not answers:
        session = online(rig.routeros.dial(logins[answers % 5], PASSWORD))
        assert rig.routeros.update(mine)
        assert rig.routeros.hangup(session)
        answers += 1
        answered.release()
    worker.join()
    assert found == [Pruned(closed=1, sessions=OLD, rejects=OLD)]
    assert answers >= 2 * OLD // BATCH
    assert rig.account(mine)["acctstoptime"] is None
    assert rig.account(silent)["acctterminatecause"] == "isp:stale"
    assert rig.rows("SELECT count(*) FROM radacct WHERE acctterminatecause = 'User-Request'") == [(answers,)]


def test_a_session_that_was_closed_for_its_silence_and_reports_again_is_open_again(rig: Rig) -> None:
    online(rig.routeros.dial(rig.login(), PASSWORD))
    silent = online(rig.routeros.dial(rig.login(), PASSWORD))
    rig.lose_sight(silent)
    assert prune(rig.store, KEEP, datetime.now(UTC), actor="noc").closed == 1
    assert rig.account(silent)["acctstoptime"] is not None
    assert rig.routeros.update(silent)
    row = rig.account(silent)
    assert (row["acctstoptime"], row["acctterminatecause"] or "") == (None, "")
