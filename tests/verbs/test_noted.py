"""What the account says of verbs that move no money: what changes time always, the rest under a key alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ispctl.model.ledger import Ledger
from tests.verbs.conftest import FILE, SUB, Isp

ACCOUNT = FILE.replace(".yaml", ".ledger.yaml")
PHONE = "profile.mobile=+977 9851000999"


def _account(isp: Isp, path: str = ACCOUNT) -> Ledger:
    from ispctl.verbs.draft import decoded

    found: Ledger = decoded(path, isp.text(path).encode()).value
    return found


@pytest.mark.parametrize(
    "words",
    [
        ("edit", SUB, PHONE),
        ("rename-login", SUB, "anita@home.example"),
        ("mac", "bind", SUB, "00:00:5e:00:53:09"),
        ("ip", "set", SUB, "--static", "auto"),
        ("reset-password", SUB),
        ("schedule", SUB, "--at", "2031-01-01", "tariff=home-100"),
        ("hold", SUB, "--until", "2031-01-01"),
        ("terminate", SUB, "--on", "2031-01-01"),
        ("suspend", SUB),
    ],
)
def test_what_was_done_with_a_key_is_not_done_again(isp: Isp, words: tuple[str, ...]) -> None:
    asked = (*words, "--key", "crm-7", "--reason", "asked for it", "--direct")
    first = isp.done(*asked)
    (entry,) = _account(isp).entries
    assert (entry.key, entry.type, entry.reason) == ("crm-7", "note", "asked for it")
    again = isp.done(*asked)
    assert (again["status"], again["commit"]) == ("already", first["commit"])
    assert again["where"].startswith(ACCOUNT)
    assert "9851000999" not in isp.text(ACCOUNT)


def test_without_a_key_no_account_is_begun(isp: Isp) -> None:
    assert isp.done("edit", SUB, PHONE, "--direct")["files"] == [FILE]


def test_a_note_goes_along_with_a_move_and_into_the_archive(isp: Isp) -> None:
    isp.done("move", SUB, "--group", "kathmandu", "--key", "crm-8", "--direct")
    path = "subscribers/kathmandu/3f/sub-000123"
    assert [entry.key for entry in _account(isp, f"{path}.ledger.yaml").entries] == ["crm-8"]
    text = isp.text(f"{path}.yaml").replace("activated: 2025", "activated: 2020")
    isp.push(f"{path}.yaml", text + "    terminated: 2021-01-01\n")
    isp.done("archive", SUB, "--key", "crm-9", "--direct")
    text = isp.text("archive/kathmandu/3f/sub-000123.ledger.yaml")
    assert [key for key in ("crm-8", "crm-9") if key in text] == ["crm-8", "crm-9"]


def test_a_newcomer_begins_with_a_note_under_a_key(isp: Isp) -> None:
    words = ("add", "lalitpur", "--login", "nima@home.example", "--name", "Nima Lama", "--tariff", "home-50")
    (account, _) = sorted(isp.done(*words, "--key", "crm-1", "--direct")["files"])
    assert [(one.key, one.service) for one in _account(isp, account).entries] == [("crm-1", "main")]


NIMA = ("add", "lalitpur", "--login", "nima@home.example", "--name", "Nima Lama", "--tariff", "home-50")
NEW = "subscribers/lalitpur/d5/sub-000502.yaml"


def test_a_newcomer_is_known_by_the_key_whatever_became_of_him(isp: Isp) -> None:
    asked = (*NIMA, "--key", "portal-1", "--direct")
    first = isp.done(*asked)["commit"]

    def again() -> tuple[str, str, str]:
        done = isp.done(*asked)
        return done["status"], done["commit"], done["where"].split(":")[0]

    ledger = NEW.replace(".yaml", ".ledger.yaml")
    assert again() == ("already", first, ledger)
    isp.done("change-tariff", "sub-000502", "home-100", "--direct")
    isp.done("rename-login", "sub-000502", "nima.lama@home.example", "--direct")
    assert again() == ("already", first, ledger)
    isp.done("move", "sub-000502", "--group", "kathmandu", "--direct")
    status, _, where = again()
    assert (status, where) == ("already", "subscribers/kathmandu/d5/sub-000502.ledger.yaml")
    path = "subscribers/kathmandu/d5/sub-000502.yaml"
    isp.push(path, isp.text(path) + "    terminated: 2021-01-01\n")
    isp.done("archive", "sub-000502", "--direct")
    status, _, where = again()
    assert (status, where) == ("already", "archive/kathmandu/d5/sub-000502.ledger.yaml")


def test_a_newcomer_who_is_only_proposed_is_not_proposed_again_though_the_next_number_is_another(isp: Isp) -> None:
    asked = (*NIMA, "--key", "portal-1")
    first = isp.done(*asked)
    isp.done("add", "lalitpur", "--login", "else@home.example", "--name", "Else", "--tariff", "home-50", "--direct")
    again = isp.done(*asked)
    assert (first["status"], again["status"], again["branch"]) == ("proposed", "already", first["branch"])


def test_a_key_that_another_verb_was_asked_with_adds_somebody(isp: Isp) -> None:
    isp.done("edit", SUB, PHONE, "--key", "crm-3", "--direct")
    assert isp.done(*NIMA, "--key", "crm-3", "--direct")["status"] == "committed"


def test_of_two_rows_that_add_under_one_key_the_first_is_done(isp: Isp, tmp_path: Path) -> None:
    row = "{{verb: add, group: lalitpur, login: {}, name: Nima, tariff: home-50, key: portal-1}}"
    lines = (row.format(login).replace(": ", '": "').replace(", ", '", "') for login in ("nima", "nima.lama"))
    rows = [line.replace("{", '{"').replace("}", '"}') for line in lines]
    (tmp_path / "rows").write_text("\n".join(rows), "utf-8")
    done = isp.done("batch", tmp_path / "rows", "--direct")
    assert [one["outcome"] for one in done["rows"]] == ["done", "already"]
    (tmp_path / "rows").write_text(rows[1], "utf-8")
    assert isp.done("batch", tmp_path / "rows", "--direct")["rows"][0]["outcome"] == "already"


def test_that_somebody_was_added_is_nothing_that_can_be_reverted(isp: Isp) -> None:
    isp.done(*NIMA, "--key", "portal-1", "--direct")
    assert isp.done("revert", "sub-000502")["events"] == []
    said = isp("revert", "sub-000502", "portal-1", "--reason", "a mistake", "--direct")
    assert (said.code, "portal-1 changed nothing that could be undone" in said.err) == (1, True)


def test_what_changes_time_stands_in_the_account_and_is_taken_back_from_there(
    isp: Isp,
) -> None:
    before = isp.text()
    isp.done("hold", SUB, "--from", "2031-01-10", "--until", "2031-02-10", "--key", "h-1", "--direct")
    isp.done("terminate", SUB, "--on", "2031-06-01", "--reason", "moves away", "--key", "t-1", "--direct")
    isp.done("suspend", SUB, "--reason", "abuse", "--key", "s-1", "--direct")
    hold, end, out = _account(isp).entries
    assert out.event is not None
    assert out.event.was == {"suspended": None}
    assert hold.event is not None
    assert end.event is not None
    assert hold.event.was == {"hold": None}
    assert hold.event.set == {"hold": '{"from":"2031-01-10","until":"2031-02-10"}'}
    assert (end.event.was, end.event.set) == ({"terminated": None}, {"terminated": "2031-06-01"})
    for key in ("s-1", "t-1", "h-1"):
        isp.done("revert", SUB, key, "--reason", "a mistake", "--direct")
    assert isp.text() == before
