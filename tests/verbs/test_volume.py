"""More volume for the window that is now, and what becomes of the usage when a tariff changes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import pytest

from ispctl.model.problem import Refusal
from ispctl.model.usage import Meter
from ispctl.repo import Snapshot
from ispctl.verbs.account import pay
from ispctl.verbs.draft import Already
from ispctl.verbs.renew import renew
from ispctl.verbs.revert import revert
from ispctl.verbs.tariff import change_tariff
from ispctl.verbs.topup import topup
from tests.verbs.drafts import PATH, Isp

GB = 10**9
NOW = "2026-11-18T12:00:00+05:45"
PAID = "activated: 2026-01-01\npaid_until: 2026-12-10"
MONTH = "fup: [{window: month, tiers: [{after: %s, rate: {down: 1M, up: 1M}}]}]\n"
TWO = "fup: [{window: day, tiers: [{after: 5GB, block: true}]}, {window: cycle, tiers: [{after: 9GB, block: true}]}]\n"


def isp(usage: str = "carried", *, used: int = 0, silver: str = MONTH % "800GB", gold: str = MONTH % "1600GB") -> Isp:
    made = Isp(PAID, policy=f"money: {{change_tariff: {{usage: {usage}}}}}\n")
    for name, rules in (("silver", silver), ("gold", gold)):
        made.files[f"tariffs/{name}.yaml"] += rules.encode()

    def told(_: Snapshot, owner: str, asked: Collection[Meter]) -> Mapping[Meter, int]:
        assert owner == "sub-1/main"
        return dict.fromkeys(asked, used) if used else {}

    made.used = told
    return made


def allowances(made: Isp) -> list[tuple[str, str, int]]:
    return [(one.window, str(one.since), one.more or -(one.less or 0)) for one in made.service.allowance]


# top-ups


def test_a_topup_counts_in_the_window_that_is_now_and_is_noted() -> None:
    made = isp().at(NOW, topup, "50GB", reason="a present", ticket="T-1")
    assert allowances(made) == [("month", "2026-11-18", 50 * GB)]
    assert (made.service.allowance[0].reason, made.service.allowance[0].key) == ("a present", "topup-2026-11-18")
    (entry,) = made.ledger.entries
    assert (entry.type, entry.key, entry.event and entry.event.verb) == ("note", "topup-2026-11-18", "topup")
    assert made.said == ["50GB more in this month"]
    assert made.problems(NOW) == []


@pytest.mark.parametrize("first", [pay, topup])
def test_what_was_paid_to_the_account_is_given_once_whichever_is_typed_first(first: Callable[..., None]) -> None:
    made = isp()
    if first is pay:
        made.at(NOW, pay, "150", reference="P-1").at(NOW, topup, "20GB", payment="P-1")
    else:
        made.at(NOW, topup, "20GB", payment="P-1").at(NOW, pay, "150", reference="P-1")
    assert [octets for _, _, octets in allowances(made)] == [20 * GB]
    for amount in ("", "150"):
        with pytest.raises(Already):
            made.at(NOW, topup, "20GB", payment="P-1", amount=amount)
    assert [entry.type for entry in made.ledger.entries].count("payment") == 1


def test_what_paid_for_more_days_gives_no_volume_too() -> None:
    made = isp().at(NOW, renew, payment="P-1")
    with pytest.raises(Already):
        made.at(NOW, topup, "20GB", payment="P-1")


def test_two_topups_add_up_and_the_same_key_or_payment_counts_once() -> None:
    made = isp().at(NOW, topup, "50GB", reason="x", key="k1").at(NOW, topup, "20GB", payment="P-1")
    assert [octets for _, _, octets in allowances(made)] == [50 * GB, 20 * GB]
    for again in ({"key": "k1", "reason": "x"}, {"payment": "P-1"}):
        with pytest.raises(Already):
            made.at(NOW, topup, "50GB", **again)
    assert made.problems(NOW) == []


def test_what_is_paid_for_it_is_invoiced_and_booked() -> None:
    made = isp().at(NOW, topup, "50GB", payment="P-1", amount="150")
    assert [(one.type, str(one.amount), one.reference) for one in made.ledger.entries] == [
        ("invoice", "150.00", None),
        ("payment", "150.00", "P-1"),
    ]
    with pytest.raises(Already):
        made.at(NOW, topup, "50GB", payment="P-1", amount="150")


def test_a_topup_can_be_reverted_alone() -> None:
    made = (
        isp().at(NOW, topup, "50GB", reason="x", key="a").at(NOW, topup, "20GB", payment="P-2", amount="100", key="b")
    )
    made.at(NOW, revert, "b", reason="mistake")
    assert [octets for _, _, octets in allowances(made)] == [50 * GB]
    made.at(NOW, revert, "a", reason="mistake")
    assert b"allowance" not in made.files[PATH]
    assert made.problems(NOW) == []


@pytest.mark.parametrize(
    ("rules", "volume", "said", "code"),
    [
        ("", "50GB", {}, "E731 no-such-window: sub-1/main is on silver, which limits no usage"),
        (
            TWO,
            "50GB",
            {},
            "E731 no-such-window: silver: it has several windows. Say which: --window day or --window cycle",
        ),
        (TWO, "50GB", {"window": "week"}, "E731 no-such-window: silver: no window is a week"),
        (MONTH % "1GB", "50G", {}, "E732 not-a-volume"),
        (MONTH % "1GB", "0GB", {}, "E732 not-a-volume"),
        (MONTH % "1GB", "50GB", {"reason": ""}, "E683 needs-a-reason"),
        (MONTH % "1GB", "50GB", {"amount": "-3"}, "E720 not-an-amount"),
    ],
)
def test_what_means_nothing_is_refused(rules: str, volume: str, said: dict[str, str], code: str) -> None:
    with pytest.raises(Refusal) as told:
        isp(silver=rules).at(NOW, topup, volume, **({"reason": "x"} | said))
    assert code in str(told.value)


def test_of_several_windows_one_is_named() -> None:
    made = isp(silver=TWO).at(NOW, topup, "50GB", window="cycle", payment="P-1")
    assert allowances(made) == [("cycle", "2026-11-18", 50 * GB)]


# another tariff


@pytest.mark.parametrize(
    ("usage", "used", "found"),
    [
        ("carried", 400 * GB, []),
        ("reset", 400 * GB, [("month", "2026-11-18", 400 * GB)]),
        ("scaled", 400 * GB, [("month", "2026-11-18", -400 * GB)]),  # half of 800 GB is half of 1600 GB
        ("scaled", 0, []),
        ("reset", 1, [("month", "2026-11-18", 10**6)]),  # in favour of the subscriber
    ],
)
def test_usage_is_carried_reset_or_scaled_as_the_policy_says(
    usage: str, used: int, found: list[tuple[str, str, int]]
) -> None:
    made = isp(usage, used=used).at(NOW, change_tariff, "gold")
    assert (made.service.tariff, allowances(made)) == ("gold", found)
    (entry,) = made.ledger.entries
    assert entry.event is not None
    assert ("allowance" in entry.event.set) == bool(found)
    assert made.problems(NOW) == []


def test_scaled_to_less_the_same_part_is_used() -> None:
    made = isp("scaled", used=400 * GB, gold=MONTH % "400GB").at(NOW, change_tariff, "gold")
    assert allowances(made) == [("month", "2026-11-18", 200 * GB)]


def test_an_upgrade_while_slowed_down() -> None:
    """900 of 800 GB: carried, 900 of 1600 are full speed; reset, so are 0; scaled, 1800 of 1600 are none."""
    for usage, at_full_speed in (("carried", True), ("reset", True), ("scaled", False)):
        made = isp(usage, used=900 * GB).at(NOW, change_tariff, "gold")
        more = sum(octets for _, _, octets in allowances(made))
        assert (1600 * GB + more > 900 * GB) == at_full_speed


def test_a_topup_stays_beside_a_reset() -> None:
    made = isp("reset", used=400 * GB).at(NOW, topup, "50GB", reason="x").at(NOW, change_tariff, "gold")
    assert [octets for _, _, octets in allowances(made)] == [50 * GB, 400 * GB]


def test_a_change_that_is_reverted_takes_its_usage_with_it() -> None:
    made = isp("reset", used=400 * GB).at(NOW, change_tariff, "gold", key="up")
    made.at(NOW, revert, "up", reason="mistake")
    assert (made.service.tariff, allowances(made)) == ("silver", [])
    assert made.problems(NOW) == []


def test_what_will_be_used_until_a_change_to_come_is_carried_and_said() -> None:
    made = isp("reset", used=400 * GB).at(NOW, change_tariff, "gold", when="period-end")
    assert allowances(made) == []
    assert "What is used until 2026-12-11 is carried, where its window goes on." in made.notes


def test_windows_that_only_one_of_the_tariffs_has() -> None:
    made = isp("scaled", used=4 * GB, silver="", gold=TWO).at(NOW, change_tariff, "gold")
    assert allowances(made) == [("day", "2026-11-18", 4 * GB), ("cycle", "2026-11-18", 4 * GB)]


def test_nobody_asks_the_database_where_usage_is_carried() -> None:
    made = isp("carried", used=1)
    made.used = lambda *_: pytest.fail("asked")
    made.at(NOW, change_tariff, "gold")
