"""A plan as JSON: the published shape, equal bytes for equal plans, and reading it back before an apply."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.desired import Entitlement
from ispctl.model.problem import Refusal
from ispctl.plan import Change, Coming, Plan, Stop
from ispctl.reconcile import Permission
from ispctl.reconcile.guards import is_the_plan
from ispctl.report._indent import indented
from ispctl.report.plan_json import document, dumps, pieces
from ispctl.report.saved import Saved, read_saved
from ispctl.states import State
from ispctl.structs import compared, replace
from tests.plans import ROOT, SCHEMAS, breaches
from tests.report.golden import assert_golden
from tests.report.sample import (
    ENDS,
    HOME_40,
    HOME_100,
    Passing,
    entitlement,
    in_state,
    merge_request,
    pair,
    plan,
    row,
    unread,
)

KATHMANDU = ZoneInfo("Asia/Kathmandu")
COMING = Coming(ENDS, 3)


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
    assert set(OTHERS) == set(compared(Entitlement)) - {"id"}
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
        "from ispctl.report import plan_text, plan_markdown\nfrom ispctl.report.gist import gather\n"
        "g = gather(merge_request())\n"
        "print(dumps(document(merge_request())), plan_text.render(g), plan_markdown.render(g))"
    )
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'controller'}{os.pathsep}{ROOT}", "PYTHONIOENCODING": "utf-8"}
    said = {
        subprocess.run(
            [sys.executable, "-c", code], env=env | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "4711")
    }
    assert len(said) == 1


TEXTS = st.text(max_size=12)


def nested(part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(part) | st.dictionaries(st.text(), part)


@st.composite
def small_plans(draw: st.DrawFn) -> Plan:
    """Plans of a few people and rows, with any text in them."""
    pairs, changes = [], []
    for number in range(draw(st.integers(0, 3))):
        id, said = f"sub-{number:06}", draw(TEXTS)
        sides = st.sampled_from([None, entitlement(id), entitlement(id, HOME_100, ends=None, login=said)])
        was, will_be = draw(sides), draw(sides | st.just(in_state(State.SUSPENDED, id, said)))
        if was or will_be:
            pairs.append(pair(was, will_be, online=draw(st.sampled_from([None, 0, 1]))))
            changes.append(row(was, will_be))
    changes.append(Change("radius", ("group", draw(TEXTS)), None, {"reply": ((draw(TEXTS), "=", 1),), "none": None}))
    missing = (unread(),) if draw(st.booleans()) else ()
    found = plan(pairs, changes, assumes=tuple(draw(st.lists(TEXTS, max_size=2))), unread=missing)
    owners = tuple(one.owner for one in [*found.services][:1])
    stop = Stop("paused", draw(TEXTS), owners, tuple(one.id for one in changes), "p1", "Reader", draw(TEXTS), ENDS)
    return replace(found, stops=(stop,) if draw(st.booleans()) else (), coming=draw(st.sampled_from([None, COMING])))


@given(small_plans())
def test_in_pieces_it_is_the_same_to_the_byte(made: Plan) -> None:
    assert "".join(pieces(made, KATHMANDU)) == json.dumps(document(made, KATHMANDU), indent=2) + "\n"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), nested))
def test_whatever_it_holds_is_written_as_json_is(value: Any) -> None:
    assert indented(value) == json.dumps(value, indent=2)


def test_it_is_told_how_much_of_a_plan_is_written() -> None:
    said: list[tuple[str, int, int]] = []
    list(pieces(live(), progress=lambda *one: said.append(one)))
    assert said == [("services of the plan", 1, 1), ("changes of the plan", 1, 1)]


def test_nothing_is_held_while_it_is_written() -> None:
    services: Any = Passing(500)
    made = replace(plan(kind="live"), services=services, changes=())
    assert sum(1 for piece in pieces(made) if '"new"' in piece) == 500
    assert services.most < 10


# a plan that was saved


def live() -> Plan:
    moved = entitlement(ipv4="203.0.113.7"), entitlement(ipv4="203.0.113.8")
    return plan([pair(*moved)], [row(*moved)], kind="live")


def saved_of(made: Plan) -> Saved:
    return read_saved(io.StringIO("".join(pieces(made))))


def test_a_saved_plan_comes_back() -> None:
    found = saved_of(live())
    assert (found.digest, found.commit) == (live().digest, live().commit)
    assert list(found.rows.values()) == [change.id for change in live().changes]
    assert list(found.differences(live())) == []


def test_what_changed_since_a_plan_was_saved_is_named_without_a_login() -> None:
    saved = saved_of(live())
    (known,) = live().changes
    other = replace(known, before={**(known.before or {}), "group": "isp:walled"})
    more = Change("radius", ("group", "isp:home-50@routeros"), None, {"reply": ()})
    assert list(saved.differences(replace(live(), changes=(more, other)))) == [
        "group isp:home-50@routeros was not in it",
        "the login of sub-000001/main is no longer what it saw",
    ]


def test_what_is_left_of_a_saved_plan_is_still_that_plan() -> None:
    saved = saved_of(live())
    assert list(saved.differences(replace(live(), changes=()))) == []


def test_a_session_of_a_saved_plan_is_nothing_to_hold_it_to() -> None:
    session = Change("radius", ("session", "0f" * 16), {"owner": "sub-000001/main", "nas": "lalitpur-1"}, None)
    saved = saved_of(replace(live(), changes=(*live().changes, session)))
    assert list(saved.differences(live())) == []
    other = replace(session, key=("session", "0e" * 16))
    assert list(saved.differences(replace(live(), changes=(*live().changes, other)))) == []


def test_of_a_plan_that_differs_everywhere_three_are_named_and_the_others_counted() -> None:
    changes = [row(None, entitlement(f"sub-{number:06}")) for number in range(1500)]
    permission = Permission(differences=saved_of(replace(live(), changes=())).differences)
    with pytest.raises(Refusal) as refused:
        is_the_plan(replace(live(), changes=changes), permission)
    (problem,) = refused.value.problems
    assert problem.text.count("was not in it") == 3
    assert problem.text.endswith("(and 1,497 more)")


@pytest.mark.parametrize("size", [1, 2, 7, 100_000])
def test_a_saved_plan_is_read_however_it_is_laid_out_and_comes(size: int) -> None:
    for text in (
        dumps(document(live())),
        json.dumps(document(live())),
        f" {json.dumps(document(live()), indent=9)}\n\n",
    ):
        assert read_saved(Dripping(text, size)).rows == saved_of(live()).rows


def test_of_a_large_saved_plan_only_a_row_is_held_at_once() -> None:
    rows = [Change("radius", ("login", f"l{n}"), None, {"owner": "", "text": "x" * 1000}) for n in range(500)]
    text = "".join(pieces(replace(live(), changes=tuple(rows))))
    file = Dripping(text, 1 << 16)
    assert len(read_saved(file).rows) == 500
    assert file.reads > len(text) >> 16


class Dripping(io.StringIO):
    """A file that gives at most so many characters at once."""

    def __init__(self, text: str, most: int) -> None:
        super().__init__(text)
        self.most, self.reads = most, 0

    def read(self, size: int | None = -1, /) -> str:
        self.reads += 1
        return super().read(min(size or 0, self.most) if size and size > 0 else -1)


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
        ("{} {}", "E610"),
        ('{"version": 1, }', "E610"),
        ('{"version": 1 "kind": "live"}', "E610"),
        (dumps(document(live()))[:-9], "E610"),
        (dumps(document(live())).replace('"changes": [', '"changes": [,'), "E610"),
        (dumps(document(live())) + "x", "E610"),
        (spoiled(version=True), "E610"),
        (spoiled(version="1"), "E610"),
        (spoiled(version=2), "E611"),
        (spoiled(kind="proposed"), "E612"),
        (spoiled(kind="other"), "E610"),
        (spoiled(digest=None), "E610"),
        (spoiled(commit=""), "E610"),
        (spoiled(changes=None), "E610"),
        (spoiled(changes=document(live())["changes"][0]), "E610"),
        (spoiled(changes=[7]), "E610"),
        (spoiled(changes=[{}]), "E610"),
        (spoiled(changes=[*document(live())["changes"]] * 2), "E610"),
        (spoiled(changes=[{"id": ["x"], "target": "radius", "action": "create", "key": "a/b"}]), "E610"),
    ],
    ids=lambda value: str(value)[:8],
)
def test_what_is_no_live_plan_is_refused_and_says_how_to_make_one(text: str, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_saved(io.StringIO(text))
    (problem,) = refusal.value.problems
    assert (problem.code, problem.advice) == (code, "Make one: ispctl plan --live --out FILE")


def test_a_proposed_plan_says_why_it_cannot_be_applied() -> None:
    with pytest.raises(Refusal, match="only live plans can be applied"):
        saved_of(merge_request())
