"""A plan as JSON: the published shape, equal bytes for equal plans, and reading it back before an apply."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields, replace
from datetime import timedelta
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ispctl.desired import Entitlement
from ispctl.model.problem import Refusal
from ispctl.plan import Change, Plan
from ispctl.report.plan_json import document, dumps, read_saved
from ispctl.states import State
from tests.plans import ROOT, SCHEMAS, breaches
from tests.report.golden import assert_golden
from tests.report.sample import (
    ENDS,
    HOME_40,
    HOME_100,
    entitlement,
    in_state,
    merge_request,
    pair,
    plan,
    row,
    unread,
)

KATHMANDU = ZoneInfo("Asia/Kathmandu")


def one(was: Entitlement | None, will_be: Entitlement | None) -> dict[str, Any]:
    (service,) = document(plan([pair(was, will_be)]))["services"]
    return dict(service)


def test_a_busy_merge_request_is_what_was_read(request: pytest.FixtureRequest) -> None:
    assert_golden(request, "merge-request.json", dumps(document(merge_request(), KATHMANDU)))


@pytest.mark.parametrize("name", ["plan", "problems"])
def test_the_published_schema_is_the_shipped_one(name: str) -> None:
    shipped = files("ispctl.report").joinpath("schema", f"{name}.schema.json").read_text("utf-8")
    assert (SCHEMAS / f"{name}.schema.json").read_text("utf-8") == shipped


def test_a_plan_of_every_kind_keeps_the_schema() -> None:
    for kind in ("proposed", "live"):
        assert breaches(document(plan(kind=kind, unread=(unread(),)))) == []


@pytest.mark.parametrize("hurt", ["services", "digest", "now"])
def test_the_schema_refuses_a_plan_that_lacks_something(hurt: str) -> None:
    said = dict(document(merge_request()))
    del said[hurt]
    assert len(breaches(said)) == 1


def test_the_schema_refuses_what_it_does_not_know_and_takes_a_new_effect() -> None:
    said: Any = document(merge_request())
    said["services"][0]["effects"] = ["teleported"]
    assert breaches(said) == []
    said["services"][0]["name"] = "x"
    assert len(breaches(said)) == 1


def test_a_service_that_does_not_exist_is_an_empty_side() -> None:
    assert one(None, entitlement())["was"] == {}
    assert one(entitlement(), None)["will_be"] == {}


def test_a_side_says_what_people_ask_for() -> None:
    bound = entitlement(terms=HOME_100, mac_mode="fixed", macs=("02:00:5e:10:00:01",))
    side = one(entitlement(), bound)["will_be"]
    assert side["rate"] == {
        "down": 100_000_000,
        "up": 50_000_000,
        "burst": {
            "down": 150_000_000,
            "up": 80_000_000,
            "threshold": {"down": 90_000_000, "up": 45_000_000},
            "seconds": 10,
        },
    }
    assert side["mac"] == {"mode": "fixed", "max": 1, "on_mismatch": "reject", "addresses": ["02:00:5e:10:00:01"]}
    assert (side["ends"], side["backstop"]) == ("2026-12-20T18:15:00+00:00", None)


@pytest.mark.parametrize("state", [State.SUSPENDED, State.TERMINATED])
def test_who_is_not_let_in_has_no_rate(state: State) -> None:
    assert one(entitlement(), in_state(state))["will_be"]["rate"] is None


OTHERS: dict[str, Any] = {
    "key": "second", "login": "b@home.example", "state": State.GRACE, "access": "walled", "terms": HOME_40,
    "ipv4": "203.0.113.7", "ipv6": "2001:db8::7", "delegated": "2001:db8:100::/56", "routes": ("203.0.113.64/29",),
    "nas": ("kathmandu-1",), "pop": "pop-kathmandu", "roaming": "reject", "mac_mode": "learn", "mac_max": 2,
    "on_mismatch": "wall", "macs": ("02:00:5e:10:00:01",), "password": "sha256:" + "1" * 64, "sealed_with": "k2",
    "identities": ("circuit:00",),
    "ends": ENDS + timedelta(days=1), "backstop": ENDS, "on_expiry": "reject", "until": None,
}  # fmt: skip


def test_whatever_differs_can_be_seen() -> None:
    compared = {field.name for field in fields(Entitlement) if field.compare} - {"id"}
    assert set(OTHERS) == compared
    base = one(None, entitlement())
    for name, value in OTHERS.items():
        other = one(None, replace(entitlement(), **{name: value}))
        assert (other["key"], other["will_be"]) != (base["key"], base["will_be"]), name


def test_times_carry_the_offset_of_the_isp() -> None:
    said = document(plan([pair(None, entitlement())]), KATHMANDU)
    assert said["now"] == "2026-11-22T18:00:00+05:45"
    assert said["services"][0]["will_be"]["ends"] == "2026-12-21T00:00:00+05:45"


def test_an_update_lists_only_what_differs() -> None:
    change = Change("radius", ("login", "a"), {"x": 1, "y": (("a", "b"),)}, {"x": 1, "y": ()})
    (said,) = document(plan([], [change]))["changes"]
    assert said["fields"] == {"y": {"before": [["a", "b"]], "after": []}}
    assert (said["key"], said["action"], said["id"]) == ("login/a", "update", change.id)


@pytest.mark.parametrize(("before", "after"), [(None, {"x": None}), ({"x": None}, None)])
def test_what_comes_or_goes_lists_all(before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    (said,) = document(plan([], [Change("radius", ("group", "g"), before, after)]))["changes"]
    assert said["fields"] == {"x": {"before": None, "after": None}}


def test_equal_plans_are_equal_to_the_byte_whatever_the_hash_seed() -> None:
    code = (
        "from tests.report.sample import merge_request\nfrom ispctl.report.plan_json import document, dumps\n"
        "from ispctl.report import plan_text, plan_markdown\nd = document(merge_request())\n"
        "print(dumps(d), plan_text.render(d), plan_markdown.render(d))"
    )
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'controller'}{os.pathsep}{ROOT}", "PYTHONIOENCODING": "utf-8"}
    said = {
        subprocess.run(
            [sys.executable, "-c", code], env=env | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "4711")
    }
    assert len(said) == 1


# a plan that was saved


def live() -> Plan:
    moved = entitlement(ipv4="203.0.113.7"), entitlement(ipv4="203.0.113.8")
    return plan([pair(*moved)], [row(*moved)], kind="live")


def test_a_saved_plan_comes_back() -> None:
    found = read_saved(dumps(document(live())))
    assert (found.kind, found.digest, found.commit) == ("live", live().digest, live().commit)
    assert list(found.changes) == [change.id for change in live().changes]
    assert found.differences(live()) == ()


def test_what_changed_since_a_plan_was_saved_is_named_without_a_login() -> None:
    saved = read_saved(dumps(document(live())))
    (known,) = live().changes
    other = replace(known, before={**(known.before or {}), "group": "isp:walled"})
    more = Change("radius", ("group", "isp:home-50@routeros"), None, {"reply": ()})
    assert saved.differences(replace(live(), changes=(other, more))) == (
        "group isp:home-50@routeros was not in it",
        "the login of sub-000001/main is no longer what it saw",
    )


def test_what_is_left_of_a_saved_plan_is_still_that_plan() -> None:
    saved = read_saved(dumps(document(live())))
    assert saved.differences(replace(live(), changes=())) == ()


def spoiled(**others: Any) -> str:
    return dumps({**document(live()), **others})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "E610"),
        ("{", "E610"),
        ("[" * 100_000, "E610"),
        ("[]", "E610"),
        ("7", "E610"),
        ("{}", "E610"),
        (spoiled(version=True), "E610"),
        (spoiled(version="1"), "E610"),
        (spoiled(version=2), "E611"),
        (spoiled(kind="proposed"), "E612"),
        (spoiled(kind="other"), "E610"),
        (spoiled(digest=None), "E610"),
        (spoiled(commit=""), "E610"),
        (spoiled(changes=None), "E610"),
        (spoiled(changes=[7]), "E610"),
        (spoiled(changes=[{}]), "E610"),
        (spoiled(changes=[*document(live())["changes"]] * 2), "E610"),
        (spoiled(changes=[{"id": ["x"], "target": "radius", "action": "create", "key": "a/b"}]), "E610"),
    ],
    ids=lambda value: str(value)[:8],
)
def test_what_is_no_live_plan_is_refused_and_says_how_to_make_one(text: str, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_saved(text)
    (problem,) = refusal.value.problems
    assert (problem.code, problem.advice) == (code, "Make one: ispctl plan --live --out FILE")


def test_a_proposed_plan_says_why_it_cannot_be_applied() -> None:
    with pytest.raises(Refusal, match="only live plans can be applied"):
        read_saved(dumps(document(merge_request())))
