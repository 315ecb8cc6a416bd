"""Clients that the lab introduced: rows of `nas` that give way to the inventory."""

from __future__ import annotations

from ispctl.plan import Change, Fields
from ispctl.radius.rows import RadiusRows
from ispctl.store import LAB_CLIENT, Store
from tests.canary import PASSWORD

KEY = ("nas", "127.0.0.1")
WANT: Fields = {"host": "lalitpur-1", "type": "routeros", "secret": "sha256:" + "a" * 64, "require_ma": 1}


def introduce(store: Store, description: str) -> None:
    store.database.write(
        "INSERT INTO nas (nasname, shortname, type, secret, description) VALUES ('127.0.0.1', 'lab', 'other', 'x', ?)",
        (description,),
    )


def test_a_nas_of_the_inventory_takes_the_place_of_a_client_of_the_lab(store: Store, rows: RadiusRows) -> None:
    introduce(store, LAB_CLIENT)
    (outcome,) = rows.apply([Change("radius", KEY, None, WANT)], lambda _: PASSWORD)
    assert outcome.error == ""
    assert store.database.query("SELECT shortname, description FROM nas") == [("lalitpur-1", "ispctl")]


def test_a_client_that_somebody_else_wrote_is_left_alone(store: Store, rows: RadiusRows) -> None:
    introduce(store, "core router")
    (outcome,) = rows.apply([Change("radius", KEY, None, WANT)], lambda _: PASSWORD)
    assert outcome.code == "E314"
    assert store.database.query("SELECT shortname FROM nas") == [("lab",)]
