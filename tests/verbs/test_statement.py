"""What a subscriber is given: the same octets for the same entries, and sums that come out."""

from __future__ import annotations

import os
import re
import sys
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from ispctl import money
from ispctl.report import statement as report
from tests.cli.conftest import Said, process
from tests.gates import example
from tests.money.accounts import day, invoice, ledger, payment, policy, reversal
from tests.report.golden import assert_golden
from tests.verbs.conftest import SUB, Isp

DAYS = ("--from", "2025-10-01", "--to", "2025-11-30")
ANNAPURNA = "sub-000206"
OWN = "templates/statement/statement.en.txt.j2"
GOLDEN = Path(__file__).parent / "golden"
OWN_PAGE = "templates/statement/statement.en.html.j2"


@pytest.mark.shows("name")
def test_the_lines_and_what_stood_before_come_to_what_stands_after(isp: Isp) -> None:
    said = isp("statement", ANNAPURNA, *DAYS, "--format", "json").json
    lines = [Decimal(entry["amount"]) for entry in said["entries"]]
    assert Decimal(said["opening"]) + sum(lines) == Decimal(said["closing"]) == Decimal(said["entries"][-1]["balance"])
    later = isp("statement", ANNAPURNA, "--from", "2025-11-01", "--to", "2025-11-30", "--format", "json").json
    assert (later["opening"], later["closing"]) == ("-655.00", said["closing"])
    assert sum(Decimal(part["amount"]) for part in said["ageing"]) - Decimal(said["credit"]) == Decimal(said["closing"])


@pytest.mark.shows("name")
@pytest.mark.parametrize("format", ["text", "html", "json", "csv"])
def test_the_same_statement_twice_is_the_same_octets(isp: Isp, format: str, tmp_path: Path) -> None:
    first, second = tmp_path / "one.out", tmp_path / "other.out"
    for out in (first, second):
        assert isp("statement", ANNAPURNA, *DAYS, "--format", format, "--out", out).code == 0
    assert first.read_bytes() == second.read_bytes()
    assert b"7345.00" in first.read_bytes()
    assert first.stat().st_mode & 0o777 == 0o600


@pytest.mark.shows("name")
def test_what_people_read_is_as_it_was_found_right(isp: Isp, request: pytest.FixtureRequest) -> None:
    said = isp("statement", ANNAPURNA, *DAYS, "--format", "json").json
    texts = {
        "statement.isp.txt": isp("statement", ANNAPURNA, *DAYS).out,
        "statement.txt": report.render(said, "text", "en", None),
        "statement.html": isp("statement", ANNAPURNA, *DAYS, "--format", "html").out,
        "statement.csv": isp("statement", ANNAPURNA, *DAYS, "--format", "csv").out,
    }
    for name, text in texts.items():
        assert_golden(request, name, text, GOLDEN)


def test_what_was_taken_back_later_makes_no_other_statement() -> None:
    """Else it would go to the subscriber once more."""
    paid = [invoice("2026-10-01", "100"), payment("2026-10-09", "100")]
    back = reversal("2026-11-03T09:00:00+05:45", "e1", "100")

    def stated(*entries: dict[str, Any], until: str) -> dict[str, Any]:
        account = ledger(*entries)
        found = money.statement(account, day("2026-10-01"), day(until), policy())
        return report.document(found, account, policy(), "Canary Birdsong")

    assert stated(*paid, until="2026-10-31") == stated(*paid, back, until="2026-10-31")
    november = stated(*paid, back, until="2026-11-30")["entries"]
    assert [entry["reversed"] for entry in november] == [False, True, False]


def words_of(octets: bytes) -> str:
    """What a PDF says, without its lay-out."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(octets)).pages).split())


@pytest.mark.shows("name")
def test_a_pdf_holds_every_line_and_two_processes_write_the_same_octets(isp: Isp, tmp_path: Path) -> None:
    files = [tmp_path / "one.pdf", tmp_path / "other.pdf"]
    for number, out in enumerate(files):
        surroundings = {"PYTHONHASHSEED": str(number + 1), "TZ": ("UTC", "Asia/Tokyo")[number]}
        if number:  # what fontTools takes for the time
            surroundings["SOURCE_DATE_EPOCH"] = "1000000000"
        words = ("ispctl", "--repo", isp.clone, "statement", ANNAPURNA, *DAYS, "--pdf", "--out", out)
        assert process(*words, env=surroundings).returncode == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    said, text = isp("statement", ANNAPURNA, *DAYS, "--format", "json").json, words_of(files[0].read_bytes())
    for entry in said["entries"]:
        line = (entry["day"], entry["type"], entry["reference"] or entry["key"], entry["amount"], entry["balance"])
        assert " ".join(line) in text
    assert f"{said['until']} Balance {said['closing']}" in text


@pytest.mark.shows("name")
def test_a_pdf_is_made_by_the_html_template_of_the_isp(isp: Isp, tmp_path: Path) -> None:
    own(isp, "<p>{{ id }} owes {{ closing }}</p>\n", OWN_PAGE)
    out = tmp_path / "statement.pdf"
    assert isp("statement", ANNAPURNA, *DAYS, "--format", "pdf", "--out", out).both == ""
    assert words_of(out.read_bytes()) == f"{ANNAPURNA} owes 0.00"


@pytest.mark.shows("name")
@pytest.mark.parametrize("url", ["logo.png", "https://192.0.2.1/logo.png", "file:///etc/passwd"])
def test_a_pdf_takes_nothing_from_elsewhere(isp: Isp, url: str, tmp_path: Path) -> None:
    own(isp, f'<p>{{{{ id }}}} <img src="{url}"></p>\n', OWN_PAGE)
    said = isp("statement", ANNAPURNA, *DAYS, "--pdf", "--out", tmp_path / "statement.pdf")
    told = f"{OWN_PAGE} E750 bad-template: the template does not fit: {url} does not stand in the page"
    assert (said.code, told in said.err, list(tmp_path.glob("*statement*"))) == (1, True, []), said.err


@pytest.mark.parametrize(
    "library, told",
    [
        ("raise ImportError", "the Python package weasyprint is missing. Install it: pip install 'ispctl[pdf]'"),
        ("print('-----'); raise OSError", "libraries of Pango are missing. Install them: apt install libpango-1.0-0"),
    ],
)
def test_a_machine_that_makes_no_pdf_is_told_what_it_lacks(
    isp: Isp, library: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weasyprint.py").write_text(library + "\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "weasyprint"]:
        monkeypatch.delitem(sys.modules, name)
    said = isp("statement", ANNAPURNA, "--pdf", "--out", tmp_path / "statement.pdf")
    assert (said.code, said.out, f"E751 no-pdf: no PDF can be made on this machine: {told}" in said.err) == (
        1,
        "",
        True,
    )


def test_a_machine_without_fonts_is_told(isp: Isp, tmp_path: Path) -> None:
    (tmp_path / "fonts.conf").write_text("<fontconfig></fontconfig>\n", "utf-8")
    words = ("ispctl", "--repo", isp.clone, "statement", ANNAPURNA, "--pdf", "--out", tmp_path / "statement.pdf")
    said = process(*words, env={"FONTCONFIG_FILE": str(tmp_path / "fonts.conf")})
    assert (said.returncode, "there are no fonts. Install some: apt install" in said.stderr) == (1, True), said.stderr


def test_a_file_that_others_could_read_is_replaced_by_one_that_they_cannot(isp: Isp, tmp_path: Path) -> None:
    out, link = tmp_path / "statement.csv", tmp_path / "link.csv"
    out.write_text("old\n", "utf-8")
    out.chmod(0o644)
    link.symlink_to(out)
    assert isp("statement", ANNAPURNA, *DAYS, "--format", "csv", "--out", link).code == 0
    assert (link.is_symlink(), out.stat().st_mode & 0o777, b"7345.00" in out.read_bytes()) == (True, 0o600, True)


def test_a_file_stays_as_it_was_if_the_new_one_does_not_come_about(isp: Isp, tmp_path: Path) -> None:
    path, out = f"subscribers/kathmandu/07/{ANNAPURNA}.ledger.yaml", tmp_path / "books"
    assert isp("export", "accounts", "--out", out).code == 0
    before = out.read_bytes()
    isp.push(path, isp.text(path) + '  - {key: x, at: nonsense, type: payment, amount: "1.00"}\n')
    example.git(isp.clone, "pull", "-q")
    assert isp("export", "accounts", "--out", out).code == 1
    assert (out.read_bytes(), [file.name for file in tmp_path.glob("*books*")]) == (before, ["books"])


def test_a_pipe_is_written_to_as_it_is(isp: Isp, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert isp("statement", ANNAPURNA, *DAYS, "--format", "csv", "--out", tmp_path / "pipe").code == 0
    assert b"7345.00" in os.read(reader, 65536)
    os.close(reader)


def own(isp: Isp, text: str, path: str = OWN) -> Said:
    """With a template that somebody pushed, and that was brought here."""
    isp.push(path, text)
    example.git(isp.clone, "pull", "-q")
    return isp("statement", ANNAPURNA, *DAYS)


def test_an_isp_has_its_own_template(isp: Isp) -> None:
    assert own(isp, "{{ id }} owes {{ closing }} {{ currency }}\n").out == f"{ANNAPURNA} owes 0.00 NPR\n"


@pytest.mark.parametrize(
    "text, told",
    [
        ("{{ balance }}\n", "E750 bad-template: the template does not fit: 'balance' is undefined"),
        ("one\n{% for x %}\n", f"{OWN}:2 E750 bad-template"),
        ("{{ ''.__class__.__mro__ }}\n", "E750 bad-template"),
    ],
)
def test_a_template_that_does_not_fit_is_named(isp: Isp, text: str, told: str) -> None:
    said = own(isp, text)
    assert (said.code, told in said.err) == (1, True), said.err


@pytest.mark.shows("name")
def test_values_never_become_markup(isp: Isp) -> None:
    isp.done("invoice", SUB, "1", "--reference", "<b>1</b>", "--direct")
    page = isp("statement", SUB, "--format", "html").out
    assert "<b>" not in page
    assert "&lt;b&gt;1&lt;/b&gt;" in page


@pytest.mark.parametrize(
    "words, told",
    [
        (("statement", "nobody"), "E321 no-such-service"),
        (("statement", SUB, "--from", "2026-02-01", "--to", "2026-01-01"), "the first day is after the last one"),
        (("statement", SUB, "--language", "xx"), "there is no templates/statement/statement.xx.txt.j2"),
        (("statement", SUB, "--format", "csv", "--out", "/nowhere/at/all"), "E613 cannot-write-plan"),
    ],
)
def test_a_slip_is_told(isp: Isp, words: tuple[str, ...], told: str) -> None:
    said = isp(*words)
    assert (said.code, told in said.err) == (1, True), said.err


@pytest.mark.parametrize("words", [("statement", ANNAPURNA), ("export", "accounts")], ids=lambda words: words[0])
def test_an_account_that_cannot_be_read_is_told_and_never_empty(isp: Isp, words: tuple[str, ...]) -> None:
    path = f"subscribers/kathmandu/07/{ANNAPURNA}.ledger.yaml"
    isp.push(path, isp.text(path) + '  - {key: x, at: nonsense, type: payment, amount: "1.00"}\n')
    example.git(isp.clone, "pull", "-q")
    said = isp(*words)
    assert (said.code, f"{path}:12:18 E032 wrong-value" in said.err) == (1, True), said.both


@pytest.mark.parametrize("asked", ["statement", "pay"])
def test_of_a_login_that_two_have_had_nobodys_account_is_told_unasked(isp: Isp, asked: str) -> None:
    """Whoever had it before has another account than whoever has it now."""
    path = "subscribers/kathmandu/c2/sub-000204.yaml"
    login = re.findall(r"login: (\S+)", isp.text())[0]
    isp.push(path, re.sub(r"login: \S+", f"login: {login}", isp.text(path)))
    example.git(isp.clone, "pull", "-q")
    said = isp(asked, login, *(["100", "--direct"] if asked == "pay" else []))
    assert (said.code, said.out) == (1, ""), said.both
    assert f"E321 no-such-service: there are 2 subscribers of that name. Take one of: {SUB}, sub-000204" in said.err
