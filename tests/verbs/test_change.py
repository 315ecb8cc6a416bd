"""What is written of a subscriber, changed without an editor: fields, the login, the group."""

from __future__ import annotations

import pytest

from tests.verbs.conftest import FILE, SUB, Isp

PHONE = "profile.mobile=+977 9851000999"
BILLS = "subscribers/kathmandu/07/sub-000206.yaml"


def test_a_telephone_number_touches_no_target_and_stands_in_no_commit(isp: Isp) -> None:
    before = isp.text()
    done = isp.done("edit", SUB, PHONE, "--direct")
    assert isp.text() == before.replace("+977 9841000123", "+977 9851000999")
    assert (done["plan"]["summary"]["services"], done["plan"]["changes"]) == (0, [])
    assert isp.log()[0] == "edit sub-000123: profile.mobile"
    assert "9851000999" not in str(done)


def test_the_same_again_changes_nothing(isp: Isp) -> None:
    isp.done("edit", SUB, PHONE, "--direct")
    said = isp("edit", SUB, PHONE, "nas=", "--direct")
    assert (said.code, said.out) == (0, "It is so already; nothing changed.\n")


def test_several_fields_are_one_commit(isp: Isp) -> None:
    before = isp.text()
    done = isp.done("edit", SUB, "profile.email=", "nas=lalitpur-1,kathmandu-1", "access.vlan=120", "--direct")
    assert done["events"][0]["text"] == "profile.email removed, nas = lalitpur-1,kathmandu-1, access.vlan = 120"
    assert isp.text() == before.replace(", email: anita.rai@example.net", "") + (
        "    access: {type: pppoe, vlan: 120}\n    nas: [lalitpur-1, kathmandu-1]\n"
    )
    isp.done("edit", SUB, "nas=", "access.vlan=", "--direct")
    assert isp.text().endswith("    access: {type: pppoe}\n")


def test_digits_that_are_no_number_stay_as_they_were_typed(isp: Isp) -> None:
    isp.done("edit", SUB, "profile.address=0044", "access.vlan=0120", "--direct")
    assert 'address: "0044"' in isp.text()
    assert "vlan: 120}" in isp.text()


@pytest.mark.parametrize(
    "change, told",
    [
        ("profile.mobil=1", "E685 no-such-field: there is no field profile.mobil. Did you mean profile.mobile?"),
        ("mobile=1", "Did you mean profile.mobile?"),
        ("tariff=home-100", "tariff is not changed by edit. ispctl change-tariff"),
        ("ipv4.static=203.0.113.9", "ispctl ip set"),
        ("mac.mode=off", "ispctl mac"),
        ("Anita", "a change is written field=value"),
        ("profile.mobile=984100", f"{FILE}:3:"),
        ("profile.name=", "E031 missing-key: profile.name is missing"),
        ("access.vlan=5000", "expected"),
        ("nas=pop-lalitpr", "Did you mean pop-lalitpur?"),
    ],
)
def test_a_field_that_is_not_there_or_not_so_is_refused(isp: Isp, change: str, told: str) -> None:
    said = isp("edit", SUB, change, "--direct")
    assert (said.code, told in said.err, len(isp.log())) == (1, True, 1), said.err
    assert "984100" not in said.both


def test_a_field_of_one_of_several_services_needs_its_name(isp: Isp) -> None:
    isp.done("edit", "sub-000201", PHONE, "--direct")
    assert "Take one of: sub-000201/cctv" in isp("edit", "sub-000201", "nas=kathmandu-1").err
    done = isp.done("edit", "sub-000201/cctv", "nas=kathmandu-1", "--direct")
    assert done["events"][0]["key"] == "cctv"


def test_another_login_ends_the_session_and_keeps_the_password(isp: Isp) -> None:
    before = isp.text()
    done = isp.done("rename-login", SUB, "anita@home.example", "--direct")
    assert isp.text() == before.replace("login: anita.rai@", "login: anita@")
    (service,) = done["plan"]["services"]
    assert (service["id"], service["if_online"]) == (SUB, "dropped")
    assert done["notes"] == ["The password stays: it is sealed for sub-000123/main, not for its login."]
    assert isp("rename-login", SUB, "anita@home.example").out.endswith("nothing changed.\n")
    assert "anita" not in "".join(isp.log(form="%B")[:8])


def test_a_login_that_somebody_has_is_refused_with_both_files(isp: Isp) -> None:
    said = isp("rename-login", SUB, "bikash.maharjan@HOME.example")
    assert said.code == 1
    assert "E103 duplicate-login" in said.err
    assert FILE in said.err
    assert "sub-000124.yaml" in said.err
    assert "E032" in isp("rename-login", SUB, "Anita Rai").err


def test_a_move_says_what_every_value_is_before_and_after_and_why(isp: Isp) -> None:
    path = "subscribers/lalitpur/3f/sub-000131.yaml"
    before = isp.text(path)
    done = isp.done("move", "sub-000131", "--group", "chitwan", "--direct")
    to = "subscribers/chitwan/3f/sub-000131.yaml"
    assert isp.text(to) == before
    assert done["files"] == [to, path]
    assert isp.log()[0] == "move sub-000131: lalitpur → chitwan"
    assert done["notes"][:2] == [
        f"sub-000131/main tariff: home-20 stays ({to}:8:13)",
        "sub-000131/main nas: lalitpur-1 (subscribers/lalitpur/group.yaml:4:17)"
        " → chitwan-1, chitwan-2 (subscribers/chitwan/group.yaml:5:8)",
    ]
    assert done["notes"][5].startswith("sub-000131/main mac mode: off (")
    assert "→ learn (subscribers/chitwan/group.yaml:" in done["notes"][5]


def test_an_account_goes_along(isp: Isp) -> None:
    account = isp.text(BILLS.replace(".yaml", ".ledger.yaml"))
    isp.done("move", "sub-000206", "--group", "lalitpur", "--shard", "aa/bb", "--direct")
    assert isp.text("subscribers/lalitpur/aa/bb/sub-000206.ledger.yaml") == account


@pytest.mark.parametrize(
    "words, told",
    [
        (("--group", "nowhere"), "E616 no-such-group: there is no group nowhere. There are: chitwan"),
        (("--group", "lalitpur", "--shard", "../x"), "E685"),
    ],
)
def test_a_move_to_nowhere_is_refused(isp: Isp, words: tuple[str, ...], told: str) -> None:
    said = isp("move", SUB, *words)
    assert (said.code, told in said.err) == (1, True), said.err


def test_a_move_to_where_one_is_changes_nothing(isp: Isp) -> None:
    assert isp("move", SUB, "--group", "lalitpur").out == "It is so already; nothing changed.\n"
    done = isp.done("move", SUB, "--group", "lalitpur", "--shard", "00", "--direct")
    assert done["plan"]["summary"]["services"] == 0


def test_fields_come_as_columns_of_a_file(isp: Isp, tmp_path) -> None:  # type: ignore[no-untyped-def]
    rows = tmp_path / "rows.csv"
    rows.write_text(f"sub,profile.mobile,nas\n{SUB},+977 9851000999,\nsub-000124,,lalitpur-1\n", "utf-8")
    done = isp.done("batch", rows, "--verb", "edit", "--direct")
    assert [row["text"] for row in done["rows"]] == ["profile.mobile", "nas = lalitpur-1"]
