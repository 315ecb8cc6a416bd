"""Paid now, begun with the first login: what a file says before, and after somebody has written the dates down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ispctl.model.problem import Problem, Refusal
from ispctl.repo import Snapshot
from ispctl.states import State
from ispctl.store import Store, first_logins
from ispctl.store.first_logins import Begins
from ispctl.verbs.dates import confirm
from ispctl.verbs.draft import Already, Told
from ispctl.verbs.first_login import activate_at_first_login
from ispctl.verbs.grace import grace
from ispctl.verbs.later import hold
from ispctl.verbs.renew import activate, renew
from ispctl.verbs.revert import revert
from ispctl.verbs.state import resume, suspend
from ispctl.verbs.tariff import change_tariff
from tests.verbs.conftest import Isp as Typed
from tests.verbs.drafts import Isp, balance, noon, refused

FIRST = datetime.fromisoformat(noon("2026-11-05"))


def told(_: Snapshot, owner: str) -> datetime | None:
    assert owner == "sub-1/main"
    return FIRST.astimezone(UTC)


def too_early(_: Snapshot, _owner: str) -> datetime | None:
    return datetime(2026, 10, 1, tzinfo=UTC)


def needless(_: Snapshot, _owner: str) -> datetime | None:
    raise AssertionError("nobody has to ask")


def unreachable(_: Snapshot, _owner: str) -> datetime | None:
    raise Refusal(Problem("E303", "the database cannot be read"))


def paid(known: Told | None = None) -> Isp:
    isp = Isp().at(noon("2026-10-20"), activate_at_first_login, payment="CASH-1", periods=2)
    isp.told = known or isp.told
    return isp


def test_it_is_paid_and_invoiced_at_once_without_days_that_nobody_knows() -> None:
    isp = paid()
    said = isp.service.activation
    assert said is not None
    assert (said.months, said.until, str(said.since)) == (2, None, "2026-10-20 12:00:00+05:45")
    first, second = isp.ledger.entries
    assert (first.type, first.amount, first.period, first.key) == ("invoice", Decimal("400.00"), None, said.key)
    assert (second.type, second.reference, second.part_of) == ("payment", "CASH-1", first.key)
    assert isp.said == ["waits for its first login, 2 months, 400.00 NPR"]
    assert isp.entitlement(noon("2027-10-20")).state == State.WAITING
    assert isp.problems(noon("2026-10-20")) == []


def test_it_may_have_to_begin_by_a_day() -> None:
    isp = Isp().at(noon("2026-10-20"), activate_at_first_login, until=date(2026, 12, 31))
    assert isp.said == ["waits for its first login until 2026-12-31, 1 month, 200.00 NPR"]
    assert isp.entitlement(noon("2027-01-01")).state == State.EXPIRED
    assert "is over" in refused(Isp(), "E687", noon("2026-10-20"), activate_at_first_login, until=date(2026, 10, 19))


def test_once_it_came_the_dates_are_written_and_mean_the_same() -> None:
    isp = paid(told).at(noon("2026-11-06"), confirm)
    service = isp.service
    assert (service.activation, service.activated, service.paid_until) == (None, date(2026, 11, 5), date(2027, 1, 4))
    assert isp.said == ["first login 2026-11-05 12:00, paid until 2027-01-04"]
    assert balance(isp, "2026-11-06") == 0
    assert isp.problems(noon("2026-11-06")) == []
    before = dict(isp.files)
    isp.told = needless
    assert isp.at(noon("2026-11-07"), confirm).files == before


@pytest.mark.parametrize("known", [None, too_early])
def test_before_it_came_no_date_is_written(known: Told | None) -> None:
    assert "sub-1/main has had no first login yet" in refused(paid(known), "E684", noon("2026-11-06"), confirm)


def test_whoever_never_waited_has_nothing_to_confirm() -> None:
    assert "waits for no first login" in refused(Isp(), "E684", noon("2026-11-06"), confirm)


RECKONS = pytest.mark.parametrize(
    "verb",
    [
        renew,
        lambda draft, term: grace(draft, term, 2),
        lambda draft, term: change_tariff(draft, term, "bronze", when="period-end"),
    ],
    ids=["renew", "grace", "change-tariff"],
)


@RECKONS
def test_what_reckons_with_the_dates_writes_them_on_the_way(verb: Callable[..., None]) -> None:
    at_once = paid(told).at(noon("2026-11-07"), verb, reason="r", key="from-the-till")
    assert at_once.notes[0] == "sub-1/main: first login 2026-11-05 12:00, paid until 2027-01-04"
    assert [entry.key for entry in at_once.ledger.entries[2:4]] == ["confirm-2026-11-05", "from-the-till"]
    assert at_once.problems(noon("2026-11-07")) == []
    by_hand = paid(told).at(noon("2026-11-07"), confirm).at(noon("2026-11-07"), verb, reason="r", key="from-the-till")
    assert at_once.service == by_hand.service
    assert balance(at_once, "2026-11-07") == balance(by_hand, "2026-11-07")
    with pytest.raises(Already):
        at_once.at(noon("2026-11-08"), verb, reason="r", key="from-the-till")


@RECKONS
def test_where_nobody_can_say_whether_it_began_what_reckons_with_that_is_refused(verb: Callable[..., None]) -> None:
    with pytest.raises(Refusal) as refusal:
        paid(unreachable).at(noon("2026-11-06"), verb, reason="r")
    ours, theirs = refusal.value.problems
    assert (ours.code, theirs.code) == ("E729", "E303")
    assert "ispctl activate sub-1/main --confirm" in str(ours)


def test_what_is_paid_before_the_first_login_lasts_longer_from_there_on() -> None:
    isp = paid().at(noon("2026-10-25"), renew, periods=1, payment="CASH-2", key="till-2")
    assert isp.service.activation is not None
    assert (isp.service.activation.months, isp.service.paid_until) == (3, None)
    assert isp.said == ["waits for its first login, 1 month more, 3 months in all, 200.00 NPR"]
    invoice, money = isp.ledger.entries[2:]
    assert (invoice.key, invoice.amount, invoice.period) == ("till-2", Decimal("200.00"), None)
    assert (money.reference, money.part_of) == ("CASH-2", "till-2")
    assert (isp.problems(noon("2026-10-25")), balance(isp, "2026-10-25")) == ([], Decimal(0))
    with pytest.raises(Already):
        isp.at(noon("2026-10-26"), renew, payment="CASH-2")
    isp.told = told
    isp.at(noon("2026-11-06"), confirm)
    assert (isp.service.activated, isp.service.paid_until) == (date(2026, 11, 5), date(2027, 2, 4))


def test_what_was_paid_before_the_first_login_is_taken_back_alone() -> None:
    isp = paid()
    first, before = isp.ledger.entries[0].key, isp.service.activation
    isp.at(noon("2026-10-25"), renew)
    assert "depends" not in refused(isp, "E725", noon("2026-10-26"), revert, first, reason="r")
    isp.at(noon("2026-10-26"), revert, isp.ledger.entries[-1].key, reason="r")
    assert (isp.service.activation, balance(isp, "2026-10-26")) == (before, Decimal(0))


def test_days_and_months_are_not_added_up() -> None:
    isp = Isp(tariffs={"silver": "200"}).at(noon("2026-10-20"), activate_at_first_login)
    tariff = isp.files["tariffs/silver.yaml"].replace(b"{months: 1}", b"{days: 30}")
    isp.files["tariffs/silver.yaml"] = tariff
    key = isp.ledger.entries[0].key
    said = refused(isp, "E729", noon("2026-10-25"), renew)
    assert "what is paid for sub-1/main are months from the first login on, and silver is sold by days" in said
    assert f"ispctl revert sub-1/main {key} --reason TEXT" in said


def test_nothing_is_added_for_whoever_came_too_late_to_begin() -> None:
    isp = Isp().at(noon("2026-10-20"), activate_at_first_login, until=date(2026, 10, 31))
    said = refused(isp, "E729", noon("2026-11-01"), renew)
    assert "its first login had to come by 2026-10-31" in said
    assert f"ispctl revert sub-1/main {isp.ledger.entries[0].key} --reason TEXT" in said
    isp.at(noon("2026-10-31"), renew)


@pytest.mark.parametrize("verb", RECKONS.args[1][1:], ids=["grace", "change-tariff"])
def test_what_reckons_with_days_that_have_not_begun_is_refused_and_says_what_to_do(verb: Callable[..., None]) -> None:
    said = refused(paid(), "E729", noon("2026-11-06"), verb, reason="r")
    assert "it has had none yet" in said
    assert "ispctl revert sub-1/main activate-2026-10-20 --reason TEXT" in said


def test_who_has_begun_so_is_not_activated_again() -> None:
    assert "began 2026-11-05" in refused(paid(told), "E684", noon("2026-11-06"), activate)
    assert "has begun" in refused(paid(told), "E684", noon("2026-11-06"), activate_at_first_login)


def test_a_renewal_that_wrote_the_dates_is_taken_back_alone() -> None:
    isp = paid(told).at(noon("2026-11-06"), renew)
    isp.at(noon("2026-11-07"), revert, isp.ledger.entries[-1].key, reason="r")
    assert (isp.service.activated, isp.service.paid_until) == (date(2026, 11, 5), date(2027, 1, 4))


def test_what_needs_no_dates_goes_on() -> None:
    isp = paid().at(noon("2026-10-21"), suspend, reason="abuse").at(noon("2026-10-22"), resume)
    assert isp.entitlement(noon("2026-10-23")).state == State.WAITING
    isp.at(noon("2026-10-23"), hold, date(2026, 10, 24), date(2026, 10, 30))
    assert isp.entitlement(noon("2026-10-25")).state == State.HOLD


def test_the_days_of_a_hold_that_is_over_are_not_lost() -> None:
    isp = paid().at(noon("2026-10-23"), hold, date(2026, 10, 24), date(2026, 10, 30), extend=True)
    refused(isp, "E729", noon("2026-11-06"), hold, None, date(2026, 11, 30))
    isp.told = told
    isp.at(noon("2026-11-06"), hold, None, date(2026, 11, 30))
    assert (isp.service.activated, isp.service.paid_until) == (date(2026, 11, 5), date(2027, 1, 11))


def test_an_activation_is_taken_back_with_its_invoice() -> None:
    isp = paid()
    key = isp.ledger.entries[0].key
    isp.at(noon("2026-10-21"), revert, key, reason="wrong customer")
    assert (isp.service.activation, balance(isp, "2026-10-21")) == (None, Decimal(0))
    isp.at(noon("2026-10-21"), activate_at_first_login)
    assert isp.service.activation is not None


def test_dates_that_were_written_are_taken_back_to_the_activation() -> None:
    isp = paid(told)
    before = isp.service.activation
    isp.at(noon("2026-11-06"), confirm)
    first, confirmed = isp.ledger.entries[0].key, isp.ledger.entries[-1].key
    assert "came after" in refused(isp, "E725", noon("2026-11-07"), revert, first, reason="r")
    isp.at(noon("2026-11-07"), revert, confirmed, reason="r")
    assert (isp.service.activation, isp.service.activated, isp.service.paid_until) == (before, None, None)


def test_the_same_payment_begins_it_once() -> None:
    isp = paid()
    with pytest.raises(Already):
        isp.at(noon("2026-10-21"), activate_at_first_login, payment="CASH-1")


def test_what_has_begun_does_not_wait() -> None:
    begun = Isp("activated: 2026-10-01\npaid_until: 2026-10-31")
    assert "has begun: activated 2026-10-01" in refused(begun, "E684", noon("2026-10-20"), activate_at_first_login)


def test_who_pays_afterwards_is_not_paid_ahead() -> None:
    isp = Isp()
    isp.files["tariffs/silver.yaml"] += b"billing: postpaid\n"
    refused(isp, "E722", noon("2026-10-20"), activate_at_first_login)


# as it is typed


def test_the_dates_come_from_the_database_and_without_it_nothing_is_guessed(isp: Typed) -> None:
    path = "subscribers/chitwan/5a/sub-000412.yaml"
    said = isp("activate", "sub-000412", "--confirm", "--direct")
    assert (said.code, isp.log()[0]) == (1, isp.log("main~0")[0])
    assert "E303" in said.err or "E301" in said.err or "E302" in said.err, said.both
    with Store.create("sqlite:///var/radius.db", base=isp.clone, lab=True) as store:
        at = datetime(2026, 1, 31, 20, tzinfo=UTC)
        first_logins.put(store, Begins("sub-000412", "main", "santosh.mahato@home.example", at, at))
    assert isp("activate", "sub-000412", "--confirm", "--direct").code == 0
    text = isp.text(path)
    assert "activated: 2026-02-01" in text
    assert "paid_until: 2028-01-31" in text
    assert "activation" not in text
    assert isp.log()[0] == "confirm sub-000412/main: first login 2026-02-01 01:45, paid until 2028-01-31"


GATEWAY = """\
people:
  asha: {emails: [asha@example.net]}
  binod: {emails: [binod@example.net]}
roles:
  gateway: {members: [asha], direct: [renew, invoice, payment]}
  boss: {members: [binod], direct: [all], approve: [all]}
"""
HERS = "subscribers/chitwan/5a/sub-000412.yaml"


@pytest.fixture
def begun(isp: Typed) -> Typed:
    """Somebody who waited was online."""
    with Store.create("sqlite:///var/radius.db", base=isp.clone, lab=True) as store:
        at = datetime(2026, 1, 31, 20, tzinfo=UTC)
        first_logins.put(store, Begins("sub-000412", "main", "santosh.mahato@home.example", at, at))
    return isp


def test_all_of_a_group_who_began_are_confirmed_in_one_commit(begun: Typed) -> None:
    text = begun.text(HERS).replace("sub-000412", "sub-000419").replace("santosh.mahato@", "s.mahato@")
    text = text.replace("enc:k1:x", "enc:k1:y")
    begun.push("subscribers/chitwan/sub-000419.yaml", text)  # who waits still
    done = begun.done("activate", "--confirm", "--group", "chitwan", "--direct", "--key", "k")
    assert [(row["owner"], row["outcome"]) for row in done["rows"]] == [("sub-000412/main", "done")]
    assert "activated: 2026-02-01" in begun.text(HERS)
    assert "nobody is meant by that" in begun("activate", "--confirm", "--group", "chitwan").err
    assert "E616" in begun("activate", "--confirm", "--group", "nowhere").err


def test_of_many_who_are_confirmed_each_has_a_result(begun: Typed) -> None:
    said = begun("activate", "sub-000412", "sub-000123", "sub-000999", "--confirm", "--direct", "--format", "json")
    assert said.code == 1
    assert [row["outcome"] for row in said.json["rows"]] == ["done", "unchanged", "refused"]


def test_who_began_with_the_first_login_is_renewed_with_his_group(begun: Typed) -> None:
    """What was left out in silence would end with nobody having been told."""
    waits = begun.text(HERS).replace("sub-000412", "sub-000419").replace("santosh.mahato@", "s.mahato@")
    begun.push("subscribers/chitwan/sub-000419.yaml", waits.replace("enc:k1:x", "enc:k1:y"))
    owners = [row["owner"] for row in begun.done("renew", "--group", "chitwan", "--dry-run")["rows"]]
    assert ("sub-000412/main" in owners, "sub-000419/main" in owners) == (True, False)


def test_a_gateway_renews_who_began_with_the_first_login(begun: Typed) -> None:
    begun.push("inventory/roles.yaml", GATEWAY)
    begun.done("renew", "sub-000412", "--payment", "PAY-1", "--direct")
    assert "activation" not in begun.text(HERS)
    said = begun("activate", "sub-000412", "--confirm", "--direct")
    assert said.out == "It is so already; nothing changed.\n"


def test_a_gateway_writes_no_dates_without_a_payment(begun: Typed) -> None:
    begun.push("inventory/roles.yaml", GATEWAY)
    assert "E760" in begun("activate", "sub-000412", "--confirm", "--direct").err


@pytest.mark.parametrize(("ahead", "meant"), [(-2, False), (1, True), (2, True), (9, False)])
def test_who_began_with_the_first_login_is_renewed_when_what_he_paid_ends(
    begun: Typed, ahead: int, meant: bool
) -> None:
    first, today = date(2026, 2, 1), datetime.now(ZoneInfo("Asia/Kathmandu")).date()
    begun.push(HERS, begun.text(HERS).replace("months: 24", f"days: {(today - first).days + 1 + ahead}"))
    said = begun("renew", "--group", "chitwan", "--expiring", "3d", "--dry-run")
    assert ("sub-000412/main" in said.out, "nobody is meant by that" in said.err) == (meant, not meant), said.both


def test_without_the_database_it_is_said_who_is_not_meant(isp: Typed) -> None:
    said = isp("renew", "--group", "chitwan", "--dry-run", "--format", "json")
    assert "sub-000412/main" not in [row["owner"] for row in said.json["rows"]]
    assert "2 services wait for a first login or began with it, and who did cannot be asked: not meant." in said.err


def test_a_row_confirms_and_says_nothing_else(begun: Typed, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        '{"sub": "sub-000412", "confirm": "yes", "periods": "2"}\n{"sub": "sub-000412", "confirm": "yes"}\n'
    )
    said = begun("batch", rows, "--verb", "activate", "--direct", "--format", "json").json
    assert [row["outcome"] for row in said["rows"]] == ["refused", "done"]
    assert "confirm stands alone" in said["rows"][0]["problems"][0]
    assert "paid_until: 2028-01-31" in begun.text(HERS)


@pytest.mark.parametrize(
    "words",
    [
        ("--confirm",),
        ("sub-000123", "--confirm", "--group", "chitwan"),
        ("sub-000123", "sub-000124"),
        ("--group", "chitwan"),
        (),
    ],
)
def test_who_is_meant_is_said_once(isp: Typed, words: tuple[str, ...]) -> None:
    assert isp("activate", *words).code == 1
    assert len(isp.log()) == 1


def test_typed_together_the_ways_to_begin_are_refused(isp: Typed) -> None:
    for words in (["--on", "2031-01-01", "--first-login"], ["--until", "2031-01-01"], ["--confirm", "--periods", "2"]):
        assert isp("activate", "sub-000123", *words).code == 1
