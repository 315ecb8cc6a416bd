"""One verb for many: one commit, and what became of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verbs.conftest import SUB, Isp

LEDGER = "subscribers/lalitpur/3f/sub-000123.ledger.yaml"


def test_a_group_is_renewed_in_one_commit(isp: Isp) -> None:
    done = isp.done("renew", "--group", "chitwan", "--direct")
    outcomes = {row["owner"]: row["outcome"] for row in done["rows"]}
    assert len(isp.log()) == 2
    assert {owner.split("/")[0] for owner in outcomes if owner} <= {f"sub-0004{n:02}" for n in range(1, 13)}
    assert set(outcomes.values()) == {"done"}
    assert isp.log()[0] == f"renew: {len(outcomes)} services"


def test_whoever_has_a_paid_day_left_within_three_days_is_meant(isp: Isp) -> None:
    said = isp("renew", "--expiring", "3d", "--dry-run")
    assert (said.code, "E321 no-such-service: nobody is meant by that" in said.err) == (1, True)
    text = isp.text().replace("paid_until: 2031-12-31", f"paid_until: {_day(2)}")
    isp.push("subscribers/lalitpur/3f/sub-000123.yaml", text)
    done = isp.done("renew", "--expiring", "3d", "--dry-run")
    assert [row["owner"] for row in done["rows"]] == [f"{SUB}/main"]


def test_whoever_was_imported_with_a_paid_day_and_no_other_is_meant(isp: Isp) -> None:
    path, text = "subscribers/lalitpur/3f/sub-000123.yaml", isp.text()
    lines = [line for line in text.splitlines(keepends=True) if "activated:" not in line]
    isp.push(path, "".join(lines).replace("paid_until: 2031-12-31", f"paid_until: {_day(2)}"))
    done = isp.done("renew", "--expiring", "3d", "--dry-run")
    assert [row["owner"] for row in done["rows"]] == [f"{SUB}/main"]
    assert f"{SUB}/main" in [row["owner"] for row in isp.done("renew", "--group", "lalitpur", "--dry-run")["rows"]]


def test_whose_hold_adds_days_to_what_is_paid_is_meant_when_those_end(isp: Isp) -> None:
    path, text = "subscribers/lalitpur/3f/sub-000123.yaml", isp.text()
    hold = f"    hold: {{from: {_day(-20)}, until: {_day(-11)}, extends_paid_until: true}}\n"
    isp.push(path, text.replace("paid_until: 2031-12-31", f"paid_until: {_day(2)}") + hold)
    assert "nobody is meant by that" in isp("renew", "--expiring", "3d", "--dry-run").err
    isp.push(path, text.replace("paid_until: 2031-12-31", f"paid_until: {_day(-8)}") + hold)
    done = isp.done("renew", "--expiring", "3d", "--dry-run")
    assert [row["owner"] for row in done["rows"]] == [f"{SUB}/main"]


def _day(ahead: int) -> str:
    from datetime import UTC, datetime, timedelta
    from zoneinfo import ZoneInfo

    return (datetime.now(UTC).astimezone(ZoneInfo("Asia/Kathmandu")) + timedelta(days=ahead)).date().isoformat()


def test_a_table_has_a_payment_for_each(isp: Isp, tmp_path: Path) -> None:
    table = tmp_path / "paid.csv"
    table.write_text(f"sub,payment,amount\n{SUB},BANK-1,\nsub-000124,BANK-2,500\nnobody,BANK-3,1\n")
    said = isp("renew", "--csv", table, "--direct", "--format", "json")
    assert said.code == 1
    assert [row["outcome"] for row in said.json["rows"]] == ["done", "done", "refused"]
    again = isp("renew", "--csv", table, "--direct", "--format", "json")
    assert [row["outcome"] for row in again.json["rows"]] == ["already", "already", "refused"]
    assert isp.text(LEDGER).count("BANK-1") == 1


def test_a_table_without_rows_is_judged_by_its_names(isp: Isp, tmp_path: Path) -> None:
    table = tmp_path / "paid.csv"
    table.write_text("sub,paymnt\n")
    said = isp("renew", "--csv", table, "--direct")
    assert (said.code, said.err) == (1, "E790 bad-row: line 1: paymnt is no field of it; did you mean payment?\n")
    table.write_text("sub,payment\n")
    assert "E321 no-such-service: nobody is meant by that" in isp("renew", "--csv", table, "--direct").err


def test_one_key_for_a_table_is_one_for_each_row(isp: Isp, tmp_path: Path) -> None:
    """Also where two of them are one subscriber's: the second is not taken for the first."""
    table = tmp_path / "paid.csv"
    table.write_text(f"sub,amount,reference\n{SUB},100,BANK-1\nsub-000124,200,BANK-2\n{SUB},300,BANK-3\n")
    words = ("batch", table, "--verb", "pay", "--key", "night", "--direct")
    assert [row["outcome"] for row in isp.done(*words)["rows"]] == ["done", "done", "done"]
    assert [f"BANK-{n}" in isp.text(LEDGER) for n in (1, 2, 3)] == [True, False, True]
    assert [row["outcome"] for row in isp.done(*words)["rows"]] == ["already", "already", "already"]


def test_one_key_for_many_is_one_for_each(isp: Isp) -> None:
    isp.done("renew", SUB, "sub-000124", "--key", "night", "--direct")
    again = isp.done("renew", SUB, "sub-000124", "--key", "night", "--direct")
    assert (again["status"], [row["outcome"] for row in again["rows"]]) == ("unchanged", ["already", "already"])
    assert 'key: "night:sub-000123"' in isp.text(LEDGER)


def test_what_was_done_with_a_key_is_named_by_its_commit(isp: Isp) -> None:
    first = isp.done("renew", SUB, "--payment", "BANK-1", "--direct")
    said = isp("renew", SUB, "--payment", "BANK-1", "--direct")
    assert (said.code, said.out) == (0, f"Already done by {first['commit'][:12]}; nothing changed.\n")


def test_grace_after_an_outage_is_given_to_a_group(isp: Isp) -> None:
    done = isp.done("grace", "--group", "chitwan", "--days", "2", "--reason", "POP outage", "--direct")
    outcomes = [row["outcome"] for row in done["rows"]]
    assert outcomes.count("done") == len(outcomes) > 3


def test_events_are_listed_before_one_is_reverted(isp: Isp) -> None:
    assert isp("revert", SUB).out == "Nothing has happened that could be reverted.\n"
    isp.done("renew", SUB, "--key", "gw-1", "--direct")
    listed = isp("revert", SUB, "--format", "json").json
    assert [(one["key"], one["verb"], one["reverted"]) for one in listed["events"]] == [("gw-1", "renew", False)]
    assert "gw-1" in isp("revert", SUB).out
    isp.done("revert", SUB, "gw-1", "--reason", "typed twice", "--direct")
    assert isp("revert", SUB, "--format", "json").json["events"][0]["reverted"] is True


@pytest.mark.parametrize(
    "words, told",
    [
        (("renew",), "name whom"),
        (("renew", SUB, "--group", "chitwan"), "one of them"),
        (("renew", "--group", "chitwan", "--payment", "X"), "give each row of --csv its own"),
        (("renew", "--group", "nowhere"), "E616 no-such-group"),
        (("renew", "--expiring", "soon"), "expected days up to 366, like 3d"),
        (("renew", SUB, "--periods", "0"), "--periods"),
        (("change-tariff", SUB, "home-100", "--when", "soon"), "expected now, period-end or a day"),
        (("change-tariff", SUB, "home-100", "--convert", "--keep-expiry"), "take one"),
        (("change-tariff", SUB, "business"), "E722 other-billing"),
        (("pay", SUB, "12.345"), "E720 not-an-amount"),
        (("refund", SUB, "10", "--reason", "x"), "E721 nothing-to-refund"),
        (("revert", SUB, "no-such-key", "--reason", "x"), "E725 cannot-revert"),
        (("credit", SUB, "10"), "E683 needs-a-reason"),
    ],
)
def test_a_slip_is_refused_in_one_line(isp: Isp, words: tuple[str, ...], told: str) -> None:
    said = isp(*words)
    assert (said.code, told in said.err) == (1, True), said.both
    assert isp.branches() == {"main"}


def test_lines_of_an_account_are_written_by_their_verbs(isp: Isp) -> None:
    isp.done("invoice", SUB, "300", "--reference", "INV-1", "--due", "2027-01-10", "--tax", "34.51", "--direct")
    isp.done("pay", SUB, "250", "--reference", "BANK-1", "--direct")
    isp.done("credit", SUB, "100", "--reason", "outage", "--direct")
    assert isp("adjust", "--reason", "rounding", "--direct", "--", SUB, "-10.50").code == 0
    isp.done("refund", SUB, "60.50", "--reason", "asked for it", "--direct")
    text = isp.text(LEDGER)
    assert [kind for kind in ("invoice", "payment", "credit", "adjustment", "refund") if f"type: {kind}," in text] == [
        "invoice", "payment", "credit", "adjustment", "refund",
    ]  # fmt: skip
    assert isp("validate").code == 0
