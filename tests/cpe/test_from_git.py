"""From a file in git to a router that calls, and what staff see of it."""

from __future__ import annotations

from datetime import timedelta

from ispctl.lab.devices.cpe import Cpe, tr181
from ispctl.status import cpes
from ispctl.status.metrics import samples
from ispctl.status.present import Screen
from ispctl.store import Store
from tests.canary import PASSWORD
from tests.cpe.conftest import FACTORY, FILE, OWNER, SERIAL, Place
from tests.gates import example
from tests.status.world import DSN, NOW

LOGIN = "kabita.lama@home.example"
NEXT = "subscribers/lalitpur/3f/sub-000123.yaml"


def table(place: Place, term: str = "") -> str:
    with place.world.view() as view:
        return cpes.shown(cpes.managed(view, term) or (), Screen(view.zone, NOW))


def test_a_router_that_calls_has_the_login_of_its_service(place: Place) -> None:
    assert place.call() == 204
    assert place.router.login() == (LOGIN, place.clear())
    assert place.router.value("1.WANPPPConnection.1.Username") == "management"


def test_a_router_that_was_reset_has_it_again(place: Place) -> None:
    place.call()
    place.router.reset()
    assert place.call() == 204
    assert place.router.login() == (LOGIN, place.clear())


def test_what_is_not_applied_is_not_told(place: Place) -> None:
    stranger = Cpe("B2", tr181(), factory=FACTORY)
    place.world.edit(FILE, lambda text: text.replace(SERIAL, "B2").replace("huawei-router", "generic"))
    assert (place.call(stranger), stranger.asked) == (204, [])
    place.world.apply()
    place.call(stranger)
    assert stranger.login() == (LOGIN, place.clear())
    place.router.events = ["0 BOOTSTRAP"]
    assert (place.call(), place.router.asked) == (204, [])


def test_the_routers_of_a_group_that_is_only_observed_are_left_alone(place: Place) -> None:
    place.world.edit(
        "subscribers/kathmandu/group.yaml", lambda text: text.replace("managed: enforce", "managed: observe", 1)
    )
    place.world.apply()
    assert (place.call(), place.router.asked) == (204, [])
    assert "quarantined" in table(place, SERIAL)


def test_a_profile_of_the_repository_takes_the_place_of_ours(place: Place) -> None:
    own = place.world.folder / "templates" / "cpe" / "huawei-router.yaml"
    own.parent.mkdir(parents=True)
    path = "InternetGatewayDevice.WANDevice.*.WANConnectionDevice.*.WANPPPConnection.*"
    values = "{pppoe.username: Username, pppoe.password: Password, pppoe.enable: Enable}"
    own.write_text(
        f'InternetGatewayDevice:\n  objects:\n    - path: {path}\n      prefer: [{{X_HW_SERVICELIST: "TR069"}}]\n'
        f"      values: {values}\n",
        "utf-8",
    )
    example.git(place.world.folder, "add", "templates")
    place.world.edit(FILE, lambda text: text + "# looked at\n")
    place.world.apply()
    place.call()
    assert place.router.value("1.WANPPPConnection.1.Username") == LOGIN


def test_a_profile_that_an_older_version_applied_though_it_is_broken_is_told_nobody_and_the_rest_goes_on(
    place: Place,
) -> None:
    own = place.world.folder / "templates" / "cpe" / "huawei-router.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("Device: 1\n", "utf-8")
    example.commit(place.world.folder, "A broken profile")
    with Store.open(DSN, base=place.world.folder) as store:
        head = place.repository.resolve("HEAD")
        with store.database.transaction():
            store.database.write("UPDATE ispctl_meta SET value = ? WHERE key = 'applied_commit'", (head,))
    place.call()
    assert place.router.login() != (LOGIN, place.clear())
    assert ("cpe-profile", {"file": "templates/cpe/huawei-router.yaml"}) in place.log.said


def test_a_monitoring_is_told_how_many_wait_and_since_when_and_whether_anybody_calls(place: Place) -> None:
    def told() -> dict[tuple[str, ...], float]:
        with place.world.view() as view:
            return {(one.name.removeprefix("ispctl_cpe_"), *one.labels): one.value for one in samples(view)}

    found, since = told(), (NOW - timedelta(hours=1)).timestamp()
    assert (found["devices", "never called"], found["devices", "quarantined"]) == (1, 0)
    assert (found["oldest_waiting_timestamp_seconds",], found["inform_timestamp_seconds",]) == (since, 0)
    place.router.refuses = {name: 9007 for name in place.router.leaves if name.endswith("Password")}
    place.call()
    place.call(Cpe("B2", tr181(), factory=FACTORY))
    found = told()
    assert (found["devices", "refused"], found["devices", "quarantined"]) == (1, 1)
    assert (found["oldest_waiting_timestamp_seconds",], found["inform_timestamp_seconds",]) == (since, NOW.timestamp())
    place.router.refuses = {}
    place.router.reset()
    place.call()
    assert (told()["devices", "well"], told()["oldest_waiting_timestamp_seconds",]) == (1, 0)
    place.change(PASSWORD + "-1", NOW)
    place.now += timedelta(minutes=1)
    place.world.apply(NOW + timedelta(days=8))
    assert (told()["devices", "waits"], told()["passwords", "overdue"]) == (1, 1)


def test_staff_see_who_called_and_what_waits(place: Place) -> None:
    assert f"{SERIAL}  {OWNER}  never called" in table(place)
    place.call()
    place.call(Cpe("B2", tr181(), factory=FACTORY))
    assert f"{SERIAL}  {OWNER}  well " in table(place)
    assert "quarantined" in table(place, "B2")
    assert table(place, LOGIN) == table(place, SERIAL) == table(place, OWNER)
    place.router.refuses = {
        name: 9007 for name in place.router.leaves if name.endswith("3.WANPPPConnection.2.Password")
    }
    place.router.reset()
    place.call()
    assert "pppoe.password 9007, pppoe.username 9007" in table(place, SERIAL)
    assert table(place, SERIAL).endswith("9007: invalid value")


def test_a_router_of_a_contract_that_is_over_is_its_next_owners(place: Place) -> None:
    place.call()
    ended = "    terminated: 2026-11-01\n"
    place.world.edit(FILE, lambda text: text.replace("    paid_until", f"{ended}    paid_until", 1))
    place.world.apply()
    assert "quarantined" in table(place, SERIAL)
    link = f"    cpe: [{{serial: {SERIAL}, profile: huawei-router}}]\n"
    place.world.edit(NEXT, lambda text: text.replace("    tariff:", f"{link}    tariff:", 1))
    place.world.apply()
    place.call()
    assert place.router.login()[0] == "anita.rai@home.example"
