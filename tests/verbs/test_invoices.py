"""Invoices of postpaid periods as they are asked for: of one, of a group, of all, in one commit."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.verbs.conftest import SUB, Isp

POSTPAID = "sub-000077"
LEDGER = "subscribers/kathmandu/07/sub-000077.ledger.yaml"
TODAY = datetime.now(UTC).date()


def months_since(day: date) -> int:
    """Calendar months that are over, of those that begin on or after a first of the month."""
    return (TODAY.year - day.year) * 12 + TODAY.month - day.month


def test_one_is_invoiced_until_today_and_told_when_the_next_is_due(isp: Isp) -> None:
    done = isp.done("invoice", POSTPAID, "--direct")
    count = months_since(date(2025, 11, 1))
    assert done["events"][0]["text"].startswith(f"{count} periods, 2025-11-01 to ")
    assert isp.text(LEDGER).count("key: invoice-main-20") == count
    assert isp.text(LEDGER).count('amount: "7345.00", tax: "845.00"') == count
    again = isp("invoice", POSTPAID, "--direct")
    assert again.code == 0
    assert again.out.startswith(f"{POSTPAID}/main: {TODAY.replace(day=1)} to ")
    assert again.out.endswith(" on.\nIt is so already; nothing changed.\n")
    assert isp("validate").code == 0


def test_all_that_is_due_is_one_commit_and_the_second_time_nothing(isp: Isp) -> None:
    done = isp.done("invoice", "--all-due", "--direct")
    rows = {row["owner"]: row["outcome"] for row in done["rows"]}
    assert rows == dict.fromkeys(["sub-000077/main", "sub-000206/main", "sub-000207/main"], "done")
    assert isp.log()[0] == "invoice sub-000077/main, sub-000206/main, sub-000207/main"
    again = isp.done("invoice", "--all-due", "--direct")
    assert (again["status"], {row["outcome"] for row in again["rows"]}) == ("unchanged", {"unchanged"})
    assert isp("validate").code == 0


def test_what_is_proposed_is_not_proposed_again(isp: Isp) -> None:
    done = isp.done("invoice", "--group", "kathmandu", "--due", str(TODAY + timedelta(days=20)))
    assert done["branch"].startswith("ispctl/invoice-kathmandu-")
    again = isp("invoice", "--group", "kathmandu")
    assert (again.code, "E681 already-proposed" in again.err) == (1, True)
    assert f"due: {TODAY + timedelta(days=20)}" in isp.text(LEDGER, done["branch"])


def test_rows_of_a_table_are_periods_where_they_say_no_amount(isp: Isp, tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text(
        f"sub,amount,reference,from\n{POSTPAID},,,\n{SUB},100,INV-7,\n{SUB},,,\nsub-000206,,INV-8,\n"
        "sub-000206,5,,2026-01-01\nsub-000207,,,2026-01-01\n"
    )
    said = isp("invoice", "--csv", table, "--direct", "--format", "json")
    assert [row["outcome"] for row in said.json["rows"]] == ["done", "done", *["refused"] * 4]
    codes = [re.findall(r"E\d{3}", row["problems"][0])[0] for row in said.json["rows"][2:]]
    assert codes == ["E722", "E790", "E790", "E728"]


@pytest.mark.parametrize(
    "words, told",
    [
        ((), "name whom: SUB, --all-due or --group, or --csv FILE"),
        ((POSTPAID, "--all-due"), "one of them"),
        ((POSTPAID, "--reference", "INV-1"), "go with AMOUNT"),
        ((POSTPAID, "10", "--from", "2026-01-01"), "what an AMOUNT is for has no days"),
        ((POSTPAID, "--from", "2026-01-01"), "E728 billing-unknown: sub-000077/main is invoiced until 2025-10-31"),
        (("--group", "nowhere"), "E616 no-such-group"),
        (("--group", "pokhara"), "E321 no-such-service: nobody is meant by that"),
        ((SUB,), "E722 other-billing: sub-000123/main is on home-50, which is prepaid"),
        (("nobody",), "E321 no-such-service"),
    ],
)
def test_a_slip_is_refused(isp: Isp, words: tuple[str, ...], told: str) -> None:
    said = isp("invoice", *words)
    assert (said.code, told in said.err) == (1, True), said.both
    assert isp.branches() == {"main"}
