"""What is left as it is, paused or only observed, as ispstat tells it."""

from __future__ import annotations

from datetime import timedelta

from ispctl.status import drift, listing, profile
from ispctl.status.listing import Wanted
from ispctl.store import Pause, Store
from tests.status.world import ANITA_ID, DSN, EKRAJ, NOW, World


def test_the_list_says_who_is_observed_or_paused_and_nobody_counts_that_as_drift(world: World) -> None:
    pause = Pause("p1", "service", ANITA_ID + "/main", NOW, NOW + timedelta(hours=2), "", "a fibre is being spliced")
    with Store.open(DSN, base=world.folder) as store:
        store.put_pause(pause)
    world.edit(
        "subscribers/lalitpur/3f/sub-000123.yaml", lambda text: text.replace("tariff: home-50", "tariff: home-100")
    )
    world.apply()
    with world.view() as view:
        found = {one.owner: (one.stop, one.applied) for one in listing.listing(view, Wanted()) if one.stop != ""}
        assert found == {
            "sub-000123/main": ("paused", "paused"),
            "sub-000501/main": ("observed", "observed"),
        }
        assert drift.drift(view) == ()
        (shown,) = profile.show(view, "sub-000501")
        assert shown.pending[0].text == "group timal is only observed: planned, and never written"
    world.sql("UPDATE radcheck SET value = '1' WHERE username = ?", EKRAJ)
    with world.view() as view:
        assert [(one.id, one.cause) for one in drift.drift(view) or ()] == [("sub-000127/main", "hand")]


def test_without_a_database_nobody_knows_what_is_paused(world: World) -> None:
    world.database.write_bytes(b"no database")
    with world.view() as view:
        found = {one.owner: one.stop for one in listing.listing(view, Wanted())}
    assert (found["sub-000123/main"], found["sub-000501/main"]) == (None, "observed")
