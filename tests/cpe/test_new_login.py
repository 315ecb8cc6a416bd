"""Another login for a service with a router: RADIUS takes it at once, and the router has it when it is told."""

from __future__ import annotations

from datetime import timedelta

from ispctl.reconcile import propose
from ispctl.store import Store
from tests.cpe.conftest import FILE, OWNER, Place
from tests.cpe.test_new_password import FIRST
from tests.status.world import DSN, NOW

OLD, NEW = "kabita.lama@home.example", "kabita@home.example"
SAID = f"{OWNER}: the router dials with the old login until it is told the new one, and is refused meanwhile"


def rename(place: Place) -> str:
    return place.world.edit(FILE, lambda text: text.replace(f"login: {OLD}", f"login: {NEW}"))


def known(place: Place) -> dict[str, str]:
    """Login -> password, as RADIUS has them of the two."""
    sql = "SELECT username, value FROM radcheck WHERE username IN (?, ?) AND attribute = 'Cleartext-Password'"
    with Store.open(DSN, base=place.world.folder, readonly=True) as store:
        return dict(store.database.query(sql, (OLD, NEW)))


def test_a_router_is_refused_until_it_is_told_its_login_together_with_the_password(place: Place) -> None:
    place.call()
    password = place.clear()
    rename(place)
    assert any(text.startswith(SAID) for text in place.world.apply().plan.assumes)
    assert known(place) == {NEW: password}
    assert place.router.login() == (OLD, password)
    place.router.asked = []
    assert place.call() == 204
    assert place.router.login() == (NEW, password)
    assert place.world.apply().plan.assumes == ()


def test_while_a_password_waits_for_the_router_the_new_login_goes_with_the_old_one(place: Place) -> None:
    place.call()
    password = place.clear()
    place.change(FIRST, NOW)
    rename(place)
    place.world.apply()
    assert known(place) == {NEW: password}
    place.now = NOW + timedelta(minutes=5)
    place.call()
    assert (place.router.login(), place.woken) == ((NEW, FIRST), 1)
    place.world.apply(place.now)
    assert known(place) == {NEW: FIRST}


def test_the_plan_of_a_merge_request_says_it_and_only_where_devices_are_told(place: Place) -> None:
    base = place.repository.resolve("HEAD")
    head = rename(place)
    with place.world.view() as view:
        look = view.index.look((base, head), NOW)
        assert [text for text in propose(view.repository, look, base, head).assumes if text.startswith(OWNER)] == [
            f"{SAID}; one that calls the ACS through that connection has to be given it by hand (docs/cpe.md)"
        ]
    base = place.world.edit("inventory/targets.yaml", lambda text: text.replace("\ncpe: {", "\n# cpe: {"))
    head = place.world.edit(FILE, lambda text: text.replace(f"login: {NEW}", f"login: {OLD}"))
    with place.world.view() as view:
        look = view.index.look((base, head), NOW)
        assert not any(text.startswith(OWNER) for text in propose(view.repository, look, base, head).assumes)
