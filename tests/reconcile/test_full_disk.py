"""A PostgreSQL whose disk is full in the middle of an apply: it is said, nothing is half done, and the next ends it."""

from __future__ import annotations

import pytest

from ispctl.model.problem import Refusal
from tests.radius.dae import Dae
from tests.reconcile.test_sessions import SECRET, dial, point, requests, slower
from tests.reconcile.world import ANITA, World

FULL = (
    "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$",
    "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION full_disk()",
)
"""What the server says when it finds no room for a row of a table, said by the server."""


@pytest.mark.parametrize("world", [pytest.param("postgresql", marks=pytest.mark.live)], indirect=True)
@pytest.mark.parametrize("table", ["ispctl_meta", "ispctl_journal", "ispctl_journal_change", "ispctl_session"])
def test_a_disk_that_is_full_is_told_and_the_next_apply_ends_it(world: World, table: str) -> None:
    with Dae(secret=SECRET) as dae:
        point(world, dae.door().port)
        dial(world, dae, ANITA)
        slower(world)
        before = world.rows()
        world.sql(FULL[0])
        world.sql(FULL[1].format(table))
        with pytest.raises(Refusal, match="E309 .*the disk is full"):
            world.apply()
        assert world.rows() == (world.desired() if table == "ispctl_session" else before)
        assert dae.seen == []
        world.sql("DROP FUNCTION full_disk CASCADE")
        assert world.apply().exit_code == 0
        assert world.rows() == world.desired()
        assert requests(dae) == [43]
        assert world.plan().empty


@pytest.mark.parametrize("world", [pytest.param("postgresql", marks=pytest.mark.live)], indirect=True)
def test_nobody_is_told_of_a_group_that_could_not_be_written(world: World) -> None:
    with Dae(secret=SECRET) as dae:
        point(world, dae.door().port)
        dial(world, dae, ANITA)
        slower(world)
        world.sql(FULL[0])
        world.sql(FULL[1].format("radgroupreply"))
        result = world.apply()
        assert result.exit_code == 1
        assert {outcome.code for outcome in result.outcomes if outcome.error} == {"E309"}
        assert dae.seen == [], "the rows still say the former rate"
        world.sql("DROP FUNCTION full_disk CASCADE")
        assert world.apply().exit_code == 0
        assert requests(dae) == [43]
        assert world.plan().empty
