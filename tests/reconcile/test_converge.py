"""Whatever a commit says, an apply makes the rows equal to it, and a second plan is empty."""

from __future__ import annotations

import pytest

from ispctl.plan import Plan
from tests.gates import example
from tests.reconcile.world import A_FILE, ANITA, B_FILE, BIKASH, BOTH, EKRAJ, Killed, World

TARIFF = "tariffs/home-50.yaml"
HOSTS = "inventory/hosts.yaml"


def settled(world: World) -> None:
    """Nothing is left to do: the plan is empty, the rows are what is desired, nobody sees drift."""
    plan = world.plan()
    assert plan.empty, (plan.services, plan.changes)
    assert world.rows() == world.desired()
    assert world.drifted() == ()
    with world.store(readonly=True) as store:
        applied = store.applied
        assert applied is not None
        assert applied.commit == world.head
        entitled = {f"{s.id}/{s.key}": s.login for s in store.entitlements()}
    snapshot = world.repository.at("HEAD")
    assert entitled == {holding.owner: holding.service.login for holding in snapshot.services()}


def converge(world: World) -> Plan:
    """Apply; the rows are what is desired and nothing is left. Returns the plan that was applied."""
    result = world.apply()
    assert [outcome.error for outcome in result.outcomes if outcome.error] == []
    assert result.exit_code == 0
    settled(world)
    return result.plan


def effects(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {service.owner: service.effects for service in plan.services}


def test_the_example_is_applied_once_and_then_there_is_nothing_to_do(empty: World) -> None:
    assert not empty.plan().empty
    plan = converge(empty)
    assert set(effects(plan).values()) == {("new",)}
    before = empty.content("ispctl_meta", "ispctl_journal")
    again = empty.apply()
    assert (again.exit_code, again.outcomes, again.sessions) == (0, (), ())
    assert empty.content("ispctl_meta", "ispctl_journal") == before


def test_a_tariff_edit_is_two_rows_and_names_the_people(world: World) -> None:
    world.changed(TARIFF, "rate: {down: 50M", "rate: {down: 60M")
    plan = converge(world)
    assert {change.key[0] for change in plan.changes} == {"group"}
    assert {service.effects for service in plan.services} == {("faster",)}
    assert "sub-000123/main" in effects(plan)


def test_a_renamed_login_leaves_nothing_of_the_old_one(world: World) -> None:
    world.changed(A_FILE, ANITA, "anita@home.example")
    converge(world)
    assert ("login", ANITA) not in world.rows()
    assert world.sql("SELECT count(*) FROM radcheck WHERE username = ?", ANITA) == [(0,)]


def test_a_removed_subscriber_leaves_nothing(world: World) -> None:
    world.remove(A_FILE)
    world.commit()
    assert effects(converge(world))["sub-000123/main"] == ("cut-off",)
    for table in ("radcheck", "radreply", "radusergroup"):
        assert world.sql(f"SELECT count(*) FROM {table} WHERE username = ?", ANITA) == [(0,)]


def test_a_service_that_moves_to_another_group_keeps_its_login(world: World) -> None:
    text = world.read(A_FILE)
    world.remove(A_FILE)
    world.write("subscribers/kathmandu/3f/sub-000123.yaml", text)
    world.commit()
    plan = converge(world)
    assert [change.key for change in plan.changes] == [("login", ANITA)]
    assert world.rows()["login", ANITA]["pop"] == "pop-kathmandu"


def test_two_services_swap_their_logins_in_one_commit(world: World) -> None:
    before = world.rows()
    world.edit(A_FILE, ANITA, "swap")
    world.edit(B_FILE, BIKASH, ANITA)
    world.edit(A_FILE, "swap", BIKASH)
    world.commit()
    converge(world)
    after = world.rows()
    assert after["login", ANITA]["owner"] == before["login", BIKASH]["owner"]
    assert after["login", ANITA]["password"] == before["login", BIKASH]["password"]
    assert after["login", BIKASH]["macs"] == ()


@pytest.mark.parametrize("older", [True, False], ids=["older-holder", "younger-holder"])
def test_the_login_of_a_terminated_service_serves_another(world: World, older: bool) -> None:
    """Whichever of the two comes first in the repository."""
    file, number = (A_FILE, 900) if older else ("subscribers/pokhara/9e/sub-000302.yaml", 10)
    login = ANITA if older else "manisha.pun@home.example"
    world.changed(file, "activated: 2025-10", "terminated: 2027-01-10\n    activated: 2025-10")
    converge(world)
    world.subscriber(number, login=login)
    world.commit()
    converge(world)
    assert world.rows()["login", login]["owner"] == f"sub-{number:06}/main"
    world.remove(f"subscribers/lalitpur/aa/sub-{number:06}.yaml")
    world.commit()
    converge(world)
    assert world.rows()["login", login]["refuse"] == "terminated"


@BOTH
def test_a_login_changes_hands_in_the_commit_that_ends_its_holder(world: World) -> None:
    world.edit(A_FILE, "activated: 2025-10-20", "terminated: 2027-01-10\n    activated: 2025-10-20")
    world.subscriber(900, login=ANITA)
    world.commit()
    plan = converge(world)
    assert effects(plan) == {"sub-000123/main": ("ended",), "sub-000900/main": ("new",)}


def test_a_tariff_is_renamed_with_its_services(world: World) -> None:
    world.write("tariffs/home-fast.yaml", world.read("tariffs/home-100.yaml").replace("home-100", "home-fast"))
    world.remove("tariffs/home-100.yaml")
    for file in sorted((world.folder / "subscribers").rglob("*.yaml")):
        file.write_text(file.read_text("utf-8").replace("home-100", "home-fast"), "utf-8")
    world.commit()
    converge(world)
    assert not [key for key in world.rows() if key[1].startswith("isp:home-100")]


def test_a_router_is_added_and_removed(world: World) -> None:
    before = world.rows()
    hosts = world.read(HOSTS)
    secret = world.sealed("nas/lalitpur-2/radius.secret", "canary-pw-nas-secret")
    new = hosts[hosts.index("lalitpur-1:") : hosts.index("kathmandu-1:")].replace("lalitpur-1", "lalitpur-2")
    new = (
        new.replace("192.0.2.11", "192.0.2.24").replace("192.0.2.1]", "192.0.2.9]").replace("192.0.2.1,", "192.0.2.9,")
    )
    old = new[new.index("enc:") : new.index('"\n', new.index("enc:"))]
    world.write(HOSTS, f"{hosts}\n{new.replace(old, secret)}")
    pools = world.read("inventory/pools.yaml")
    for prefix, more in (("100.64.0.0/22", "100.64.40.0/22"), ("100.64.64.0/23", "100.64.80.0/23")):
        pools = pools.replace(f"[{prefix}]", f"[{prefix}]\n    lalitpur-2: [{more}]")
    for prefix, more in (("2001:db8:10::/48", "2001:db8:18::/48"), ("2001:db8:2000::/40", "2001:db8:2800::/40")):
        pools = pools.replace(f'["{prefix}"]', f'["{prefix}"]\n    lalitpur-2: ["{more}"]')
    world.write("inventory/pools.yaml", pools)
    world.commit()
    converge(world)
    assert world.rows()["pop", "pop-lalitpur"]["nas"] == ("lalitpur-1", "lalitpur-2")
    assert world.sql("SELECT secret FROM nas WHERE nasname = '192.0.2.9'") == [("canary-pw-nas-secret",)]
    example.git(world.folder, "checkout", "HEAD~1", "--", "inventory")
    world.commit()
    converge(world)
    assert world.rows() == before


def test_the_secret_of_a_router_is_rotated(world: World) -> None:
    hosts = world.read(HOSTS)
    old = hosts[hosts.index("enc:") : hosts.index('"\n', hosts.index("enc:"))]
    world.changed(HOSTS, old, world.sealed("nas/lalitpur-1/radius.secret", "canary-pw-rotated"))
    plan = converge(world)
    assert [change.key for change in plan.changes] == [("nas", "192.0.2.1")]
    assert plan.services == ()
    assert world.sql("SELECT secret FROM nas WHERE nasname = '192.0.2.1'") == [("canary-pw-rotated",)]


def test_a_router_becomes_one_of_another_vendor(world: World) -> None:
    world.changed(HOSTS, "  hostname: 192.0.2.13", "  platform: routeros\n  hostname: 192.0.2.13")
    converge(world)
    assert not [key for key in world.rows() if key[1].endswith("@wispr")]
    text = (world.folder / HOSTS).read_text("utf-8")
    device = text[text.index("    device: ") : text.index("\nkathmandu-1:")]
    world.changed(HOSTS, device, "")  # nobody configures those that read WISPr's attributes alone
    world.changed(HOSTS, "  platform: routeros\n", "")
    converge(world)
    assert not [key for key in world.rows() if key[1].endswith("@routeros")]


@BOTH
def test_the_clock_ends_a_service_and_the_next_payment_restores_it(world: World) -> None:
    world.changed(A_FILE, "paid_until: 2031-12-31", "paid_until: 2027-01-16")
    converge(world)
    world.tick(days=3)
    plan = converge(world)
    assert effects(plan) == {"sub-000123/main": ("walled",)}
    assert [service.cause for service in plan.services] == ["clock"]
    world.changed(A_FILE, "paid_until: 2027-01-16", "paid_until: 2027-12-31")
    assert effects(converge(world)) == {"sub-000123/main": ("restored",)}


def test_rows_of_others_stay_as_they_are(empty: World) -> None:
    for statement in (
        "INSERT INTO radcheck (username, attribute, op, value) VALUES ('guest', 'Cleartext-Password', ':=', 'x')",
        "INSERT INTO radreply (username, attribute, op, value) VALUES ('guest', 'Filter-Id', '=', 'x')",
        "INSERT INTO radusergroup (username, groupname, priority) VALUES ('guest', 'staff', 1)",
        "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('staff', 'Filter-Id', '=', 'x')",
        "INSERT INTO nas (nasname, shortname, secret) VALUES ('198.51.100.9', 'other', 'x')",
    ):
        empty.sql(statement)
    converge(empty)
    empty.remove(A_FILE)
    empty.commit()
    converge(empty)
    assert empty.sql("SELECT attribute, op, value FROM radcheck WHERE username = 'guest'") == [
        ("Cleartext-Password", ":=", "x")
    ]
    assert empty.sql("SELECT groupname, priority FROM radusergroup WHERE username = 'guest'") == [("staff", 1)]
    assert empty.sql("SELECT secret FROM nas WHERE nasname = '198.51.100.9'") == [("x",)]
    assert empty.sql("SELECT value FROM radgroupreply WHERE groupname = 'staff'") == [("x",)]


def test_a_hand_edit_is_drift_and_is_repaired(world: World) -> None:
    before = world.rows()
    world.sql("UPDATE radgroupreply SET value = '900M/900M' WHERE attribute = 'Mikrotik-Rate-Limit'")
    world.sql("UPDATE radcheck SET value = 'mine' WHERE username = ?", ANITA)
    world.sql("INSERT INTO radreply (username, attribute, op, value) VALUES (?, 'Filter-Id', '=', 'x')", BIKASH)
    world.sql("DELETE FROM radusergroup WHERE username = ?", EKRAJ)
    assert len(world.drifted()) >= 4
    world.repair()
    assert world.rows() == before
    settled(world)


def test_a_group_that_was_edited_to_what_a_commit_then_says_is_watched_on(world: World) -> None:
    """The rows were equal before the apply; drift must not take the group for one that waits for its apply."""
    world.sql(
        "UPDATE radgroupreply SET value = replace(value, '/50M', '/60M')"
        " WHERE groupname = 'isp:home-50@routeros' AND attribute = 'Mikrotik-Rate-Limit'"
    )
    world.changed(TARIFF, "rate: {down: 50M", "rate: {down: 60M")
    check = [row for row in world.desired()["group", "isp:home-50@routeros"]["check"] if row[0] == "ISP-Rendering"]  # type: ignore[union-attr, index]
    world.sql(
        "UPDATE radgroupcheck SET value = ? WHERE groupname = 'isp:home-50@routeros' AND attribute = 'ISP-Rendering'",
        check[0][2],  # type: ignore[index]
    )
    converge(world)
    world.sql("UPDATE radgroupreply SET value = '900M/900M' WHERE groupname = 'isp:home-50@routeros'")
    assert [change.key for change in world.drifted()] == [("group", "isp:home-50@routeros")]


@pytest.mark.parametrize("number", [1, 2, 5, 21, 55, 144, 400])
def test_a_first_apply_may_be_killed_at_any_write(empty: World, number: int) -> None:
    with pytest.raises(Killed):
        empty.apply(kill_at=number)
        raise Killed
    converge(empty)


def test_a_change_may_be_killed_at_any_write(world: World) -> None:
    """A commit of everything at once: the state after each kill is one from which the next run ends well."""
    world.remove(B_FILE)
    world.edit(A_FILE, ANITA, BIKASH)
    world.edit("subscribers/lalitpur/41/sub-000127.yaml", "tariff: home-20", "tariff: home-fast")
    world.write("tariffs/home-fast.yaml", world.read("tariffs/home-100.yaml").replace("home-100", "home-fast"))
    world.subscriber(900)
    world.commit()
    number, done = 1, False
    while not done:
        try:
            world.apply(kill_at=number)
            done = True
        except Killed:
            number += 1
            assert number < 200
    assert number > 10
    settled(world)
