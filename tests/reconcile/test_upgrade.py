"""Another version of this program renders rows otherwise, or keeps entitlements in other words: nobody has changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ispctl import reconcile
from ispctl.plan import Key, Resources
from ispctl.radius import rendering
from ispctl.reconcile import Permission, people, rerender, settled, survey
from ispctl.report import outcome, plan_json, plan_markdown, plan_text
from ispctl.report.gist import gather
from tests.reconcile.world import ANITA, BOTH, World


@pytest.fixture
def otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that gives every group one attribute more, and every login one check."""

    def fields(key: Key, before: Mapping[str, Any]) -> Mapping[str, Any]:
        if key[0] == "group":
            return {**before, "reply": (*before["reply"], ("Acct-Interim-Interval", ":=", "299"))}
        return {**before, "mac_max": before["mac_max"] + 1} if key[0] == "login" else before

    def other(render: Callable[..., Resources]) -> Callable[..., Resources]:
        return lambda *given: {key: fields(key, before) for key, before in render(*given).items()}

    monkeypatch.setattr(settled, "version", lambda: "another")
    monkeypatch.setattr(survey, "shared_rows", other(rendering.shared))
    monkeypatch.setattr(people, "logins", other(rendering.logins))
    monkeypatch.setattr(rerender, "render", other(rendering.render))


def texts(world: World) -> tuple[dict[str, Any], str, str]:
    plan = world.plan()
    said: Any = plan_json.document(plan)
    gist = gather(plan)
    return said, plan_text.render(gist), plan_markdown.render(gist)


@BOTH
def test_an_upgrade_that_renders_otherwise_says_so_and_names_nobody(world: World, otherwise: None) -> None:
    said, text, note = texts(world)
    rows = len(said["changes"])
    assert rows > 20
    assert (said["services"], len(said["rerendered"])) == ([], rows)
    for told in (" ".join(text.split()), note):
        assert f"ender changed: {rows} rows, 0 people" in told
        assert "nobody's service is another" in told
    result = world.apply(Permission())
    assert (result.exit_code, len(result.outcomes)) == (0, rows)
    assert f"render changed: {rows} rows, 0 people" in " ".join(outcome.text(result).split())
    assert world.plan().empty


def test_what_a_commit_does_to_people_is_not_the_upgrade(world: World, otherwise: None) -> None:
    world.changed("tariffs/home-50.yaml", "rate: {down: 50M", "rate: {down: 40M")
    said, text, _ = texts(world)
    mine = {f"{one['id']}/{one['key']}" for one in said["services"]}
    owned = {one["id"] for one in said["changes"] if one["fields"].get("owner", {}).get("after") in mine}
    assert mine
    assert 0 < len(said["rerendered"]) < len(said["changes"])
    assert not owned & set(said["rerendered"])
    assert f"Render changed: {len(said['rerendered'])} rows, 0 people" in " ".join(text.split())
    home = {one["key"]: one["id"] for one in said["changes"]}["group/isp:home-50@routeros"]
    assert home not in said["rerendered"]


def test_without_an_upgrade_nothing_is_said_of_it(world: World) -> None:
    world.changed("tariffs/home-50.yaml", "rate: {down: 50M", "rate: {down: 40M")
    said, text, note = texts(world)
    assert said["rerendered"] == []
    assert "ender changed" not in text + note


def test_a_password_that_is_sealed_anew_is_no_upgrade(world: World) -> None:
    path = world.subscriber(700)
    world.commit()
    world.apply()
    old = world.read(path).partition('password: "')[2].partition('"')[0]
    world.changed(path, old, world.sealed("service/sub-000700/main/password", "canary-pw-other"))
    assert world.plan().rerendered == ()


@BOTH
def test_entitlements_in_words_of_another_version_are_taken_for_what_was_applied(world: World) -> None:
    with world.store() as store:
        for row in list(store.entitlements()):
            said = json.dumps({**json.loads(row.entitlement), "of_another_version": 1})
            store.database.write(
                "UPDATE ispctl_service SET entitlement = ? WHERE id = ? AND key = ?", (said, row.id, row.key)
            )
    assert world.plan().empty
    world.changed("tariffs/home-50.yaml", "rate: {down: 50M", "rate: {down: 40M")
    plan = world.plan()
    assert {effect for service in plan.services for effect in service.effects} == {"slower"}
    assert world.apply().exit_code == 0
    assert world.plan().empty
    with world.store(readonly=True) as store:
        assert all("of_another_version" not in row.entitlement for row in store.entitlements())


def test_a_commit_that_is_gone_leaves_them_unknown(world: World) -> None:
    with world.store() as store:
        store.database.write("UPDATE ispctl_service SET entitlement = '{}' WHERE login = ?", (ANITA,))
        store.meta.set("applied_commit", "f" * 40)
        with world.opened(readonly=True) as opened:
            (service,) = reconcile.live(opened, "HEAD").plan.services
    assert service.effects == ("new",)
