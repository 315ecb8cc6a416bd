"""What kind of change a file says, whatever the commit says of itself."""

from __future__ import annotations

import re

import pytest

from ispctl.model.ledger import Entry
from ispctl.model.record import fields_of
from ispctl.model.roles import KINDS, ROLES
from ispctl.model.subscriber import Profile, Service, Subscriber
from ispctl.repo.layout import KINDS as FILES
from ispctl.repo.layout import Kind, decode, kind_of
from ispctl.roles import kinds as module
from ispctl.roles.kinds import Side, kinds, possible
from tests.gates.tracked import ROOT
from tests.roles.people import ANITA, LEDGER

HEAD = "id: sub-1\nprofile: {name: Canary Birdsong}\nservices:\n  - login: l1@home.example\n"
TWO = "  - {key: two, login: l2, access: {type: ipoe, identify: mac}, tariff: home}\n"
BODY = "    access: {type: ipoe, identify: circuit, circuit_id: port-1}\n    tariff: home\n    paid_until: 2026-11-20\n"
PERSON = HEAD + BODY
ENTRY = '  - {key: a, at: 2026-11-01, type: payment, amount: "5.00"}\n'
ACCOUNT = f"subscriber: sub-1\nentries:\n{ENTRY}"


def found(before: str | None, after: str | None, path: str = ANITA, to: str = "") -> list[str]:
    old = Side(path, before.encode()) if before is not None else None
    new = Side(to or path, after.encode()) if after is not None else None
    said = list(kinds(old, new))
    assert {done.kind for done in said} <= possible(to or path) | possible(path)
    return [f"{done.kind} {done.where.line}" for done in said]


def with_(line: str) -> str:
    return f"{PERSON}    {line}\n"


@pytest.mark.parametrize(
    "before, after, kind",
    [
        (PERSON, PERSON.replace("2026-11-20", "2026-12-20"), "renew 7"),
        (PERSON, PERSON.replace("2026-11-20", "2026-11-19"), "revert 7"),
        (PERSON, PERSON.replace("2026-11-20", "2026-11-20T20:00:00+05:45"), "revert 7"),
        (PERSON, PERSON.replace("2026-11-20", "2026-11-21T00:00:00+05:45"), "renew 7"),
        (PERSON, PERSON.replace("    paid_until: 2026-11-20\n", ""), "revert 4"),
        (PERSON, PERSON.replace("tariff: home", "tariff: fast"), "tariff 6"),
        (PERSON, PERSON.replace("l1@", "l2@"), "login 4"),
        (PERSON, PERSON.replace("port-1", "port-2"), "place 5"),
        (PERSON, PERSON.replace("Canary", "Dove"), "profile 2"),
        (PERSON, with_("activated: 2026-10-01"), "activate 8"),
        (PERSON, with_("grace: [{until: 2026-11-23, reason: outage}]"), "grace 8"),
        (with_("grace: [{until: 2026-11-23, reason: outage}]"), PERSON, "revert 4"),
        (PERSON, with_("suspended: {since: 2026-11-22, reason: abuse}"), "suspend 8"),
        (with_("suspended: {since: 2026-11-22, reason: abuse}"), PERSON, "suspend 4"),
        (PERSON, with_("hold: {from: 2026-12-10, until: 2027-01-10}"), "hold 8"),
        (PERSON, with_("terminated: 2027-03-01"), "terminate 8"),
        (PERSON, with_("ipv4: {static: 203.0.113.7}"), "ip 8"),
        (PERSON, with_("ipv6: {wan: {pool: home6}}"), "ip 8"),
        (PERSON, with_('routes: ["203.0.113.64/29"]'), "ip 8"),
        (PERSON, with_("mac: {mode: learn}"), "mac 8"),
        (PERSON, with_("nas: [lalitpur-1]"), "place 8"),
        (PERSON, with_("cpe: [{serial: A1, profile: router}]"), "cpe 8"),
        (PERSON, with_("scheduled: [{at: 2026-12-01, set: {tariff: fast}}]"), "tariff 8"),
        (PERSON, with_("scheduled: [{at: 2026-12-01, set: {mac: {mode: off}}}]"), "mac 8"),
        (PERSON, PERSON + TWO, "add 8"),
        (PERSON + TWO, PERSON, "remove 8"),
        (PERSON, PERSON.replace("id: sub-1", "id: sub-2"), "other 1"),
        (PERSON, PERSON.replace("tariff: home", "tarif: home"), "other 0"),
        (PERSON, None, "remove 0"),
        (PERSON, f"{PERSON}# a remark\n", None),
    ],
)  # fmt: skip
def test_each_field_of_a_subscriber_has_its_kind(before: str, after: str | None, kind: str | None) -> None:
    assert found(before, after) == ([kind] if kind else [])


HELD = with_("hold: {from: 2026-11-10, until: 2026-11-14, extends_paid_until: true}")
LATE = with_("hold: {from: 2026-12-01, until: 2026-12-10, extends_paid_until: true}")


@pytest.mark.parametrize(
    "before, until, kinds",
    [
        (HELD, "2026-12-31", ["renew 7"]),
        (LATE, "2027-01-14", ["renew 7"]),  # nothing was paid when it began
        (HELD, "2026-11-25", ["renew 7", "hold 4"]),  # until then it was paid with the days of the hold
        (HELD, "2026-11-20", ["hold 4"]),
        (LATE, "2026-12-10", ["renew 7", "hold 4"]),
        (HELD.replace(", extends_paid_until: true", ""), "2026-12-31", ["renew 7", "hold 4"]),
    ],
)
def test_a_hold_that_is_over_may_go_with_a_renewal(before: str, until: str, kinds: list[str]) -> None:
    after = PERSON.replace("2026-11-20", until)
    assert found(before, after) == kinds


WAITS = PERSON.replace("paid_until: 2026-11-20", "activation: {at: first-login, since: 2026-10-20, months: 1}")
DATED = "activated: 2026-11-05\n    paid_until: "


@pytest.mark.parametrize(
    "dates, kinds",
    [
        (f"{DATED}2027-01-04", ["renew 8"]),
        (f"{DATED}2026-12-04", ["activate 7", "activate 4", "renew 8"]),  # nothing was paid for beside
        (f"{DATED}2026-11-10", ["activate 7", "activate 4", "renew 8"]),
        (f"{DATED}2027-01-04".replace("11-05", "10-19"), ["activate 7", "activate 4", "renew 8"]),  # it waited since
        (f"{DATED}2027-01-04".replace("11-05", "11-21"), ["activate 7", "activate 4", "renew 8"]),  # it began by then
        ("activated: 2026-11-05", ["activate 7", "activate 4"]),
    ],
)
def test_dates_of_a_first_login_go_with_the_renewal_that_reckons_with_them(dates: str, kinds: list[str]) -> None:
    waits = WAITS.replace("months: 1", "months: 1, until: 2026-11-20")
    assert found(waits, PERSON.replace("paid_until: 2026-11-20", dates)) == kinds


@pytest.mark.parametrize(
    "before, after, kinds",
    [
        ("months: 1", "months: 3", ["renew 7"]),
        ("months: 3", "months: 1", ["revert 7"]),
        ("months: 1", "days: 90", ["activate 7"]),
        ("months: 1", "months: 3, until: 2026-11-20", ["activate 7"]),
        ("2026-10-20, months: 1", "2026-10-21, months: 3", ["activate 7"]),
    ],
)
def test_more_that_begins_with_the_first_login_is_a_renewal(before: str, after: str, kinds: list[str]) -> None:
    waits = WAITS.replace("2026-10-20, months: 1", before if "-" in before else f"2026-10-20, {before}")
    assert found(waits, waits.replace(before, after)) == kinds


def test_a_password_that_is_new_is_a_password() -> None:
    dialled = PERSON.replace("ipoe, identify: circuit, circuit_id: port-1", "pppoe")
    before, after = (f'{dialled}    password: "enc:k1:{sign * 60}"\n' for sign in "AB")
    assert found(before, after) == ["password 8"]
    assert found(PERSON, before) == ["password 8", "place 5"]


def test_a_new_subscriber_is_more_than_new_where_time_is_given() -> None:
    assert found(None, PERSON) == ["add 0", "renew 7"]
    assert found(None, PERSON.replace("    paid_until: 2026-11-20\n", "")) == ["add 0"]


def test_one_edit_may_be_of_several_kinds() -> None:
    assert found(PERSON, with_("mac: {mode: learn}").replace("home\n", "fast\n")) == ["tariff 6", "mac 8"]


@pytest.mark.parametrize("type", ["invoice", "payment", "credit", "adjustment", "refund", "note"])
def test_what_was_entered_has_the_kind_of_its_type(type: str) -> None:
    amount = "" if type == "note" else ', amount: "6.00"'
    more = f"  - {{key: b, at: 2026-11-02, type: {type}{amount}}}\n"
    assert found(ACCOUNT, ACCOUNT + more, LEDGER) == [f"{type} 4"]
    assert found(None, ACCOUNT + more, LEDGER) == ["payment 3", f"{type} 4"]


def test_a_reversal_is_its_own_kind() -> None:
    more = "  - {key: b, at: 2026-11-02, type: reversal, reverses: a}\n"
    assert found(ACCOUNT, ACCOUNT + more, LEDGER) == ["reversal 4"]


@pytest.mark.parametrize("after", [ACCOUNT.replace("5.00", "6.00"), "subscriber: sub-1\nentries: []\n", None])
def test_an_account_that_was_altered_is_of_no_kind_with_a_name(after: str | None) -> None:
    assert found(ACCOUNT, after, LEDGER) == ["other 0"]


def test_who_moves_may_change_on_the_way() -> None:
    to = "subscribers/kathmandu/aa/sub-1.yaml"
    assert found(PERSON, PERSON, to=to) == ["move 0"]
    assert found(PERSON, PERSON.replace("tariff: home", "tariff: fast"), to=to) == ["move 0", "tariff 6"]


def test_into_the_archive_goes_what_is_as_it_was() -> None:
    to = "archive/lalitpur/aa/sub-1.yaml"
    assert found(PERSON, PERSON, to=to) == ["archive 0"]
    assert found(PERSON, PERSON, path=to, to=ANITA) == ["archive 0"]
    elsewhere = ANITA.replace("lalitpur", "kathmandu")
    assert found(PERSON, PERSON, path=to, to=elsewhere) == ["archive 0", "move 0"]
    assert found(PERSON, PERSON, path=elsewhere, to=to) == ["archive 0", "move 0"]
    assert found(PERSON, PERSON.replace("home", "fast"), to=to) == ["other 0"]
    assert found(PERSON, PERSON.replace("home", "fast"), path=to) == ["other 0"]
    assert found(None, PERSON, path=to) == ["other 0"]


@pytest.mark.parametrize(
    "path, kind",
    [
        ("tariffs/home.yaml", "tariffs"),
        ("inventory/policy.yaml", "policy"),
        ("inventory/pools.yaml", "pools"),
        ("inventory/hosts.yaml", "hosts"),
        ("inventory/groups.yaml", "hosts"),
        ("inventory/defaults.yaml", "hosts"),
        ("inventory/targets.yaml", "targets"),
        ("inventory/roles.yaml", "roles"),
        ("inventory/recipients.txt", "keys"),
        ("inventory/keyring.age", "keys"),
        ("inventory/README", "other"),
        ("inventory/else.yaml", "other"),
        ("subscribers/lalitpur/group.yaml", "groups"),
        ("subscribers/stray.yaml", "other"),
        ("templates/nas/linux/x.j2", "templates"),
    ],
)
def test_what_many_share_has_the_kind_of_its_file(path: str, kind: str) -> None:
    assert found("a: 1\n", "a: 2\n", path) == [f"{kind} 0"]
    assert found("a: 1\n", None, path) == [f"{kind} 0"]


def test_no_field_and_no_file_is_without_a_kind() -> None:
    fields = set(fields_of(Service)) - {"key", "paid_until", "grace", "scheduled"}
    assert fields == set(module._FIELDS)
    assert set(fields_of(Subscriber)) == {"id", "profile", "services"}
    assert fields_of(Profile)  # one kind for all of them
    assert {one.name for one in FILES} == set(module._SHARED) | {"subscriber", "ledger"}
    assert set(fields_of(Entry)["type"].hint.__args__) <= set(KINDS)


def test_every_kind_is_explained() -> None:
    text = (ROOT / "docs" / "roles.md").read_text("utf-8")
    assert re.findall(r"^\| `([a-z]+)` \|", text, re.MULTILINE) == list(KINDS)


def test_the_example_of_the_page_is_valid() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "roles.md").read_text("utf-8"), re.DOTALL)
    found = kind_of(ROLES)
    assert isinstance(found, Kind)
    document, problems = decode(ROLES, example.encode(), found)
    assert (document is not None, problems) == (True, [])
