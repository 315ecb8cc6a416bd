"""A list of customers becomes a first commit; a row that cannot be is named by line and column, and nobody in it."""

from __future__ import annotations

import csv
import io
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ispctl.adopt.table import read
from ispctl.model.problem import Refusal
from tests.adopt.conftest import Isp, Said
from tests.adopt.test_import import GOLDEN, items, service, snapshot_of
from tests.adopt.test_routeros import password_of
from tests.report.golden import assert_golden

LIST = Path(__file__).parent / "exports" / "customers.csv"
HEAD = "login,password,tariff,rate,paid_until,mobile,ipv4,mac,id\n"
GOOD = "zoya,canary-pw-zoya,gold,50M/25M,2031-12-31,,,,\n"


def imported(isp: Isp, text: str | bytes | None = None, *words: object) -> Said:
    """`ispctl import csv --tariffs create` into a new repository."""
    file = isp.folder / "people.clear"
    file.write_bytes(LIST.read_bytes() if text is None else text.encode() if isinstance(text, str) else text)
    said = isp("import", "csv", file, "--out", isp.repo, "--tariffs", "create", "--timezone", "Asia/Kathmandu", *words)
    isp.env["ISPCTL_AGE_KEY_FILE"] = str(isp.folder / "isp.key")
    return said


def again(isp: Isp, text: str, *words: object) -> Said:
    """More of them, into the repository at hand."""
    file = isp.folder / "more.clear"
    file.write_text(text, "utf-8")
    return isp("import", "csv", file, *words)


def git(isp: Isp, *words: object) -> None:
    subprocess.run(["git", "-C", isp.repo, *map(str, words)], env=isp.env, check=True, capture_output=True)


def test_the_first_commit_validates_and_its_plan_is_what_the_list_said(isp: Isp) -> None:
    said = imported(isp)
    assert said.code == 0, said.err
    assert isp("validate").code == 0
    assert isp("radius", "init").code == 0
    plan = isp("plan", "--format", "json").json
    assert {one["id"] for one in plan["services"]} == {f"sub-00000{number}" for number in range(1, 6)}
    assert sorted(path.stem for path in (isp.repo / "tariffs").iterdir()) == [
        "custom-5m-5m", "gold", "silver",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "login, expected",
    [
        ("anita@town.example", {"tariff": "gold", "paid_until": "2031-12-31", "ipv4": {"static": "203.0.113.7"},
            "mac": {"mode": "fixed", "max": 1, "on_mismatch": "reject", "addresses": [{"mac": "00:00:5e:00:53:01"}]}}),
        ("bikash@town.example", {"tariff": "gold", "paid_until": "2031-12-31"}),
        ("chandani@town.example", {"tariff": "silver", "ipv4": {"pool": "home"}, "mac": {
            "mode": "fixed", "max": 2, "on_mismatch": "reject",
            "addresses": [{"mac": "00:00:5e:00:53:03"}, {"mac": "00:00:5e:00:53:04"}]}}),
        ("deepak", {"tariff": "custom-5m-5m"}),
        ("ekraj@town.example", {"tariff": "gold", "paid_until": "2031-06-30T18:00:00+05:45"}),
    ],
)  # fmt: skip
def test_a_row_becomes_a_service(isp: Isp, login: str, expected: dict[str, object]) -> None:
    imported(isp)
    assert service(isp, login) == expected


def test_a_row_says_who_it_is_and_in_which_group(isp: Isp) -> None:
    imported(isp)
    (held,) = snapshot_of(isp).by_login("anita@town.example")
    profile = held.document.value.profile
    assert (profile.name, profile.mobile) == ("Canary Birdsong", "+977 9800004321")
    assert (profile.email, profile.address) == ("canary.birdsong@example.net", "Birdsong Lane 7, Canarytown")
    assert sorted(snapshot_of(isp).group_folders) == ["imported", "north", "south", "town.example"]


@pytest.mark.parametrize(
    "text, paid_until",
    [
        ("2031-12-31 00:00:00", "2031-12-31"),
        ("2031-12-31T23:59", "2031-12-31"),
        ("2031-12-31 18:00", "2031-12-31T18:00:00+05:45"),
        ("2031-12-31T00:00:00+05:45", "2031-12-31T00:00:00+05:45"),
    ],
)
def test_a_day_that_a_spreadsheet_gave_a_time_is_a_day(isp: Isp, text: str, paid_until: str) -> None:
    imported(isp, f"login,password,tariff,rate,paid_until\nzoya,canary-pw-zoya,gold,50M/25M,{text}\n")
    assert service(isp, "zoya")["paid_until"] == paid_until


@pytest.mark.parametrize(
    "login, password",
    [
        ("bikash@town.example", 'canary-pw-;"x"'),
        ("chandani@town.example", " canary-pw-with blanks "),
        ("ekraj@town.example", "canary-pw-{a: b} # '%{User-Name}'"),
    ],
)
def test_a_password_is_sealed_as_it_stands(isp: Isp, login: str, password: str) -> None:
    imported(isp)
    assert password_of(isp, login) == password


def test_the_report_names_nobody(isp: Isp, request: pytest.FixtureRequest) -> None:
    said = imported(isp)
    report = isp.read("import-report.md")
    assert_golden(request, "csv-report.md", report, GOLDEN)
    for text in (report, said.out, said.err):
        assert "@" not in text
        assert "Birdsong" not in text


@pytest.mark.parametrize(
    "row, expected",
    [
        (",canary-pw-1,gold,50M/25M,,,,,", "login: no login"),
        ("Anita,canary-pw-1,gold,50M/25M,,,,,", "login: a capital, a blank or another sign"),
        ("zoya,canary-pw-1,gold,50M/25M,,,,,", "login: the same login as line 2"),
        ("anita,,gold,50M/25M,,,,,", "password: no password"),
        (f"anita,{'canary-pw-' * 13},gold,50M/25M,,,,,", "password: a password that no server takes"),
        ("anita,canary-pw-1,gold,fast,,,,,", "rate: no rate like 50M/25M"),
        ("anita,canary-pw-1,gold,60M/25M,,,,,", "rate: another rate than line 2 tells"),
        ("anita,canary-pw-1,silver,,,,,,", "rate: no row tells the rate of this tariff"),
        ("anita,canary-pw-1,,,,,,,", "rate: neither a tariff nor a rate"),
        ("anita,canary-pw-1,gold,,31/12/2031,,,,", "paid_until: no date like 2027-12-31; another form: --dates"),
        ("anita,canary-pw-1,gold,,20311231,,,,", "paid_until: no date like 2027-12-31; another form: --dates"),
        ("anita,canary-pw-1,gold,,2031-02-30,,,,", "paid_until: no date like 2027-12-31; another form: --dates"),
        ("anita,canary-pw-1,gold,,,9800004321,,,", "mobile: not a number like +977"),
        ("anita,canary-pw-1,gold,,,,203.0.113.300,,", "ipv4: no address like 203.0.113.7"),
        ("anita,canary-pw-1,gold,,,,,00:00,", "mac: no device like 00:00:5e:00:53:01"),
        ("anita,canary-pw-1,gold,,,,,,Sub 1", "id: an id is of a-z"),
        ("anita,canary-pw-1,gold", "not as many cells as the first line has"),
    ],
)
def test_a_bad_row_is_named_by_line_and_column_and_nothing_is_written(isp: Isp, row: str, expected: str) -> None:
    said = imported(isp, HEAD + GOOD + row + "\n")
    assert said.code == 1
    assert f"people.clear:3 E782 bad-line: {expected}" in said.err
    assert "anita" not in said.err
    assert "9800004321" not in said.err
    assert not isp.repo.exists()


def test_every_bad_cell_is_reported_at_once(isp: Isp) -> None:
    said = imported(isp, HEAD + "Anita,,gold,fast,soon,12,x,y,Z Z\n" + "b,canary-pw-1\n")
    assert [line.split("people.clear:")[1].split(": ")[:2] for line in said.err.splitlines()] == [
        ["2 E782 bad-line", name] for name in ("id", "ipv4", "login", "mac", "mobile", "paid_until", "password", "rate")
    ] + [["3 E782 bad-line", "not as many cells as the first line has. Mend it, or leave the bad rows out"]]


def test_bad_rows_are_left_out_where_somebody_says_so(isp: Isp) -> None:
    said = imported(isp, HEAD + GOOD + "Anita,canary-pw-1,gold,,,,,,\n", "--skip-bad", "--format", "json")
    assert said.code == 0
    assert (said.json["counts"]["imported"], items(said, "refused")) == (1, {"unfit-login"})
    assert said.json["items"][0]["rows"] == [{"table": "line", "id": 3}]


def test_a_password_of_one_letter_is_sealed_like_any_other(isp: Isp) -> None:
    assert imported(isp, HEAD + "anita,y,gold,50M/25M,,,,,\n").code == 0


@pytest.mark.parametrize(
    "row, told",
    [
        ("bikash,canary-pw-1,gold,50M/25M,,,203.0.113.7,,\n", "ipv4: E104 duplicate-address"),
        ("bikash,canary-pw-1,huge,900G/900G,,,,,\n", "rate: E129 rate-not-expressible"),
    ],
)
def test_what_the_rules_refuse_is_a_bad_row_too_and_its_column_is_named(isp: Isp, row: str, told: str) -> None:
    said = imported(isp, f"{HEAD}anita,canary-pw-1,gold,50M/25M,,,203.0.113.7,,\n{row}")
    assert said.code == 1
    assert f"people.clear:3 E782 bad-line: {told}: the files would not be sound with it" in said.err, said.err
    assert not isp.repo.exists()


@pytest.mark.parametrize("form", ["%Q", "%d.%m", "%", "31/12/2031", ""])
def test_a_form_that_tells_no_day_is_refused(isp: Isp, form: str) -> None:
    said = imported(isp, HEAD + "anita,canary-pw-1,gold,50M/25M,31/12/2031,,,,\n", "--dates", form, "--skip-bad")
    assert (said.code, "is no form of dates: write it like %d/%m/%Y" in said.err, isp.repo.exists()) == (1, True, False)


def test_of_a_list_without_one_good_row_no_repository_is_made(isp: Isp) -> None:
    rows = HEAD + "anita,canary-pw-1,gold,50M/25M,31/12/2031,,,,\n"
    said = imported(isp, rows, "--dates", "%Y.%m.%d", "--skip-bad")
    assert (said.code, isp.repo.exists(), (isp.folder / "isp.key").exists()) == (1, False, False)
    assert "E782 bad-line: paid_until: no date of the form %Y.%m.%d" in said.err


def test_dates_may_have_a_form_of_their_own(isp: Isp) -> None:
    imported(isp, HEAD + "anita,canary-pw-1,gold,50M/25M,31/12/2031,,,,\n", "--dates", "%d/%m/%Y")
    assert service(isp, "anita") == {"tariff": "gold", "paid_until": "2031-12-31"}


def test_columns_may_have_names_of_their_own(isp: Isp) -> None:
    text = "Konto|password|Tarif|rate\nanita|canary-pw-1|Gold|50M\n"
    said = imported(isp, text, "--map", "konto=login", "--map", "Tarif=tariff")
    assert said.code == 0, said.err
    assert service(isp, "anita") == {"tariff": "gold"}


@pytest.mark.parametrize(
    "head, words, expected",
    [
        ("name,password\n", (), "people.clear:1 E781 no-such-column: no column is called login. Name one: --map"),
        ("login,user,password\n", (), "people.clear:1 E781 no-such-column: two columns are for login"),
        ("login,password\n", ("--map", "x=tariff"), "E781 no-such-column: --map names a column that is not there"),
        ("login,password\n", ("--map", "x=color"), "--map is COLUMN=FIELD; fields: login, password, tariff"),
    ],
)
def test_columns_that_nobody_could_mean_are_refused(isp: Isp, head: str, words: tuple[str, ...], expected: str) -> None:
    said = imported(isp, head + "anita,canary-pw-1,x\n", *words)
    assert (said.code, expected in said.err) == (1, True), said.err


@pytest.mark.parametrize(
    "data, place",
    [
        (b"login,password\nren\xe9,canary-pw-1\n", ":2 E780 cannot-read-import: it is not UTF-8"),
        (b"login,password\nani\0ta,canary-pw-1\n", ":2 E780 cannot-read-import: it holds a NUL"),
        (b"login,password\n" + b"a" * 70000, ":2 E780 cannot-read-import: the line has more than 65,536 bytes"),
        (b'login,password\nanita,"canary-pw-1\n', ":2 E780 cannot-read-import: the row that begins here is broken"),
        (b'login,password\nanita,"canary-pw-1"x\n', ":2 E780 cannot-read-import: the row that begins here is broken"),
        (b"", " E780 cannot-read-import: it is empty"),
        (b"PK\x03\x04\0\0", ":1 E780 cannot-read-import: it holds a NUL"),
    ],
)
def test_a_file_that_is_no_csv_is_refused(isp: Isp, data: bytes, place: str) -> None:
    said = imported(isp, data)
    assert said.code == 1
    assert f"people.clear{place}" in said.err
    assert "canary-pw-" not in said.err


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_mark_at_its_beginning_says_how_it_is_written(isp: Isp, encoding: str) -> None:
    imported(isp, (HEAD + "anita,canary-pw-é,gold,50M/25M,,,,,\n").encode(encoding))
    assert password_of(isp, "anita") == "canary-pw-é"


def test_it_may_come_from_another_program(isp: Isp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((HEAD + GOOD).encode())))
    said = isp("import", "csv", "-", "--out", isp.repo, "--tariffs", "create")
    assert said.code == 0, said.err
    assert service(isp, "zoya") == {"tariff": "gold", "paid_until": "2031-12-31"}


def test_without_tariffs_to_be_made_an_unknown_one_is_a_bad_row(isp: Isp) -> None:
    imported(isp)
    said = again(isp, "login,password,tariff\numa,canary-pw-1,Copper\n")
    assert "more.clear:2 E782 bad-line: tariff: a tariff that git does not have" in said.err


def test_run_again_it_adds_what_is_new_and_nothing_else(isp: Isp) -> None:
    imported(isp)
    first = snapshot_of(isp).commit
    assert again(isp, LIST.read_text("utf-8")).out.endswith("Nothing is new: nothing was written.\n")
    assert snapshot_of(isp).commit == first
    said = again(isp, LIST.read_text("utf-8") + "uma;canary-pw-uma;Gold;;;;;;;2031-01-01;203.0.113.8;;\n")
    assert said.code == 0, said.err
    assert service(isp, "uma") == {"tariff": "gold", "paid_until": "2031-01-01", "ipv4": {"static": "203.0.113.8"}}
    assert snapshot_of(isp).by_login("uma")[0].document.value.id == "sub-000006"
    assert isp("validate").code == 0


def test_ids_of_the_isp_are_kept_and_never_given_twice(isp: Isp) -> None:
    imported(isp, HEAD + "anita,canary-pw-1,gold,50M/25M,,,,,sub-000007\n" + "bikash,canary-pw-2,gold,,,,,,\n")
    found = {held.service.login: held.document.value.id for held in snapshot_of(isp).services()}
    assert found == {"anita": "sub-000007", "bikash": "sub-000008"}
    said = again(isp, HEAD + "uma,canary-pw-1,gold,,,,,,sub-000007\n")
    assert "E782 bad-line: id: somebody in git has or had this id" in said.err


def test_ids_of_those_who_were_archived_are_not_given_again(isp: Isp) -> None:
    imported(isp, HEAD + GOOD + "bikash,canary-pw-2,gold,,2031-12-31,,,,\n")
    archive = isp.repo / "archive" / "imported"
    archive.mkdir(parents=True)
    (file,) = (isp.repo / "subscribers").rglob("sub-000002.yaml")
    git(isp, "mv", file, archive)
    assert "E782 bad-line: id: somebody in git has or had this id" in (
        again(isp, HEAD + "uma,canary-pw-1,gold,,2031-12-31,,,,sub-000002\n").err
    )
    assert again(isp, HEAD + "uma,canary-pw-1,gold,,2031-12-31,,,,\n").code == 0
    assert snapshot_of(isp).by_login("uma")[0].document.value.id == "sub-000003"


def test_who_has_a_day_and_who_has_none_are_in_two_tariffs_also_later(isp: Isp) -> None:
    rows = ["anita,canary-pw-1,gold,50M/25M,2031-12-31,,,,\n", "bikash,canary-pw-2,gold,,,,,,\n"]
    imported(isp, HEAD + "".join(rows))
    assert service(isp, "bikash") == {"tariff": "gold-postpaid"}
    again(isp, HEAD + "uma,canary-pw-1,gold,,,,,,\n")
    assert service(isp, "uma") == {"tariff": "gold-postpaid"}


def test_a_day_in_a_postpaid_tariff_of_git_is_a_bad_row_and_none_in_a_prepaid_one_is_told(isp: Isp) -> None:
    imported(isp, HEAD + GOOD + "bikash,canary-pw-2,silver,20M,,,,,\n")
    said = again(isp, HEAD + "uma,canary-pw-1,silver,,2031-12-31,,,,\n")
    assert "E782 bad-line: paid_until: a day, and the tariff is postpaid" in said.err
    said = again(isp, HEAD + "uma,canary-pw-1,gold,,,,,,\n", "--format", "json")
    assert items(said, "lost") == {"never-paid"}


def test_a_nas_that_git_has_is_kept_and_another_restricts_nobody(isp: Isp) -> None:
    isp.imported()
    text = "login,password,tariff,paid_until,nas\numa,canary-pw-1,gold,2031-01-01,core-router-1\n"
    said = again(isp, text + "vir,canary-pw-2,gold,2031-01-01,gone\n", "--format", "json")
    assert service(isp, "uma")["nas"] == ["core-router-1"]
    assert items(said, "lost") == {"unknown-nas"}


def test_one_group_takes_all(isp: Isp) -> None:
    imported(isp, None, "--group", "town")
    assert snapshot_of(isp).group_folders == {"town"}


def test_strict_and_a_dry_run_write_nothing(isp: Isp) -> None:
    assert imported(isp, None, "--dry-run").out.endswith("Nothing was written (--dry-run).\n")
    assert imported(isp, HEAD + GOOD, "--strict", "--no-commit").code == 0
    assert not (isp.repo / ".git").exists()


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).map(str.strip).filter(bool)


@given(cells=st.lists(st.tuples(TEXTS, TEXTS), max_size=5), delimiter=st.sampled_from(",;\t|"))
def test_whatever_a_program_writes_as_csv_is_read_back(cells: list[tuple[str, str]], delimiter: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerows([("login", "password"), *cells])
    table = read(out.getvalue().encode(), "people.csv", {}, ("login", "password"))
    assert [line.cells for line in table.lines] == [{"login": login, "password": word} for login, word in cells]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=5, max_size=5))
def test_no_cell_becomes_structure(isp: Isp, texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    isp.folder = tmp_path_factory.mktemp("csv")
    isp.env.pop("ISPCTL_AGE_KEY_FILE", None)
    out = io.StringIO()
    name, address, tariff, group, word = texts
    rows = [("login", "password", "name", "address", "tariff", "group", "rate"),
            ("anita", "canary-pw-1", "Anita", "", "gold", "", "50M/25M"),
            ("bikash", f"canary-pw-{word}", name, address, tariff, group, "20M/10M")]  # fmt: skip
    csv.writer(out).writerows(rows)
    said = imported(isp, out.getvalue(), "--skip-bad")
    assert said.code == 0, said.err
    assert isp("validate").code == 0
    for held in snapshot_of(isp).by_login("bikash"):
        profile = held.document.value.profile
        assert (profile.name, profile.address) == (name, address)


@given(data=st.binary(max_size=200))
def test_no_file_breaks_the_reader(data: bytes) -> None:
    try:
        table = read(b"login,password\n" + data, "people.csv", {}, ("login", "password"))
    except Refusal:
        return
    assert all(line.number >= 2 for line in table.lines)
