"""The secrets of a router become a first commit: what they say, and nothing that they could do."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.adopt.routeros_text import Statement, statements
from ispctl.model.problem import Refusal
from ispctl.secrets import KEYRING, Keyring, show
from tests.adopt.conftest import Isp, Said
from tests.adopt.test_import import GOLDEN, items, service, snapshot_of
from tests.report.golden import assert_golden

EXPORT = Path(__file__).parent / "exports" / "town.rsc"


def imported(isp: Isp, *words: object, export: bytes | None = None) -> Said:
    """`ispctl import routeros` of an export into a new repository."""
    file = isp.folder / "town.clear"
    file.write_bytes(EXPORT.read_bytes() if export is None else export)
    said = isp("import", "routeros", file, "--out", isp.repo, "--timezone", "Asia/Kathmandu", *words)
    isp.env["ISPCTL_AGE_KEY_FILE"] = str(isp.folder / "isp.key")
    return said


def read(text: str | bytes) -> list[Statement]:
    return list(statements(text.encode() if isinstance(text, str) else text, "town.rsc"))


def values(text: str) -> dict[str, str | None]:
    (one,) = read("/ppp secret\n" + text)
    assert one.arguments is not None
    return dict(one.arguments)


def password_of(isp: Isp, login: str) -> str:
    keyring = Keyring.unlock((isp.repo / KEYRING).read_bytes(), (isp.folder / "isp.key").read_text())
    (held,) = snapshot_of(isp).by_login(login)
    assert held.service.password is not None
    return show(f"service/{held.owner}/password", held.service.password, keyring)


def test_the_first_commit_validates_and_its_plan_is_what_the_router_said(isp: Isp) -> None:
    said = imported(isp)
    assert said.code == 0, said.err
    assert isp("validate").code == 0
    assert isp("radius", "init").code == 0
    plan = isp("plan", "--format", "json").json
    held = {one.document.value.id: one.service for one in snapshot_of(isp).services()}
    assert {one["id"] for one in plan["services"]} == held.keys()
    assert len(held) == 15
    assert [id for id, one in held.items() if one.suspended] == ["sub-000005"]


def test_what_no_tariff_can_say_is_told_with_its_line_and_its_field(isp: Isp) -> None:
    profile = 'add name=far rate-limit="10M/10M 2000G/2000G"'
    secret = "add name=anita password=canary-pw-anita profile=far service=pppoe"
    said = imported(
        isp, "--dry-run", "--format", "json", export=f"/ppp profile\n{profile}\n/ppp secret\n{secret}\n".encode()
    )
    (item,) = [item for item in said.json["items"] if item["severity"] == "refused"]
    assert item["attribute"] == "rate"
    assert item["text"] == "E032 wrong-value: the files would not be sound with it"
    assert item["rows"] == [{"table": "line", "id": 4}]


def test_profiles_become_tariffs_the_routers_upload_first(isp: Isp) -> None:
    imported(isp)
    assert isp.read("tariffs/home-25.yaml") == (
        "name: home-25\nbilling: postpaid\n"
        "rate: {down: 25M, up: 10M, burst: {down: 40M, up: 15M, threshold: {down: 20M, up: 8M}, seconds: 10}}\n"
        "ipv4: {pool: home}\nsessions: 1\n"
    )  # fmt: skip
    assert sorted(path.stem for path in (isp.repo / "tariffs").iterdir()) == [
        "gone-no-rate", "home-25", "home-50", "office", "walled-no-rate",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "login, expected",
    [
        ("anita@town.example", {"tariff": "home-25", "mac": {
            "mode": "fixed", "max": 1, "on_mismatch": "reject", "addresses": [{"mac": "00:00:5e:00:53:01"}]}}),
        ("chandani@town.example", {"tariff": "home-50", "ipv4": {"static": "203.0.113.7"}}),
        ("deepak@town.example", {"tariff": "home-50", "routes": ["203.0.113.64/29"]}),
        ("ekraj@town.example", {"tariff": "home-50", "suspended": {
            "since": "2027-01-15", "reason": "disabled in the router that was imported"}}),
        ("firma@office.example", {"tariff": "office", "ipv4": {"static": "198.51.100.8"},
                                  "routes": ["198.51.100.64/28", "198.51.100.96/28"]}),
        ("gita@town.example", {"tariff": "home-25"}),
        ("lila@town.example", {"tariff": "home-25", "ipv4": {"pool": "guests"}}),
    ],
)  # fmt: skip
def test_a_secret_becomes_a_service(isp: Isp, login: str, expected: dict[str, object]) -> None:
    imported(isp)
    assert service(isp, login) == expected


@pytest.mark.parametrize(
    "login, password",
    [
        ("bikash@town.example", "canary-pw- with blanks "),
        ("chandani@town.example", 'canary-pw-"quoted"'),
        ("deepak@town.example", "canary-pw-\\back\\slash"),
        ("ekraj@town.example", "canary-pw-$(/system reboot)"),
        ("firma@office.example", "canary-pw-नेपाल"),
        ("gita@town.example", "canary-pw-;#{[=]}"),
        ("hari@town.example", "canary-pw-a?b c"),
        ("tara@town.example", "canary-pw-: {a: b} # é"),
    ],
)
def test_a_password_is_sealed_as_the_router_has_it(isp: Isp, login: str, password: str) -> None:
    imported(isp)
    assert password_of(isp, login) == password


@pytest.mark.parametrize("login", ["mina@town.example", "Nabin@town.example", "otis@town.example",
                                   "sita@town.example", "root"])  # fmt: skip
def test_what_cannot_be_a_service_is_not_made_one(isp: Isp, login: str) -> None:
    imported(isp)
    assert snapshot_of(isp).by_login(login) == ()


def test_everything_that_was_not_understood_is_listed_by_line(isp: Isp) -> None:
    said = imported(isp, "--format", "json")
    assert said.json["counts"]["logins"] == 20
    assert items(said, "refused") == {"duplicate-login", "no-password", "other-service", "unfit-login",
                                      "unfit-password"}  # fmt: skip
    assert items(said, "lost") == {"limit", "no-rate", "not-understood", "not-utf-8", "unknown-argument",
                                   "unknown-profile", "unreadable-mac"}  # fmt: skip
    by_kind = {item["kind"]: item for item in said.json["items"]}
    assert by_kind["other-service"]["rows"] == [{"table": "line", "id": 33}]


def test_the_report_names_nobody(isp: Isp, request: pytest.FixtureRequest) -> None:
    said = imported(isp)
    report = isp.read("import-report.md")
    commit = said.out.split("Committed ")[1][:12]
    assert_golden(request, "routeros-report.md", report, GOLDEN)
    answer = said.out.replace(str(isp.folder), "FOLDER").replace(commit, "COMMIT")
    assert_golden(request, "routeros.txt", answer, GOLDEN)
    for text in (report, said.out, said.err):
        assert "@" not in text
        assert "Birdsong" not in text


def name_of(isp: Isp, login: str) -> str:
    return snapshot_of(isp).by_login(login)[0].document.value.profile.name


def test_a_comment_is_nobodys_name_unless_somebody_says_so(isp: Isp) -> None:
    imported(isp)
    assert name_of(isp, "bikash@town.example") == "bikash@town.example"
    assert not any("Birdsong" in path.read_text("utf-8") for path in isp.repo.rglob("*.yaml"))


def test_a_comment_becomes_the_name_where_it_can_be_one(isp: Isp) -> None:
    said = imported(isp, "--comment-as", "name")
    assert name_of(isp, "bikash@town.example") == "Canary Birdsong"
    assert name_of(isp, "tara@town.example") == "tara@town.example"
    assert said.code == 0


def test_run_again_it_adds_what_is_new_and_nothing_else(isp: Isp) -> None:
    imported(isp)
    first = snapshot_of(isp).commit
    file = isp.folder / "town.clear"
    assert isp("import", "routeros", file).out.endswith("Nothing is new: nothing was written.\n")
    assert snapshot_of(isp).commit == first
    file.write_bytes(
        EXPORT.read_bytes() + b'/ppp secret\nadd name=uma@town.example password=canary-pw-uma profile="Home 50"\n'
    )
    assert isp("import", "routeros", file).code == 0
    assert service(isp, "uma@town.example") == {"tariff": "home-50"}
    assert isp("validate").code == 0


def test_profiles_may_stand_in_another_file(isp: Isp) -> None:
    profiles, secrets = EXPORT.read_bytes().split(b"/ppp secret\n")
    (isp.folder / "profiles.clear").write_bytes(profiles)
    said = imported(
        isp, "--profiles", isp.folder / "profiles.clear", "--format", "json", export=b"/ppp secret\n" + secrets
    )
    assert service(isp, "chandani@town.example") == {"tariff": "home-50", "ipv4": {"static": "203.0.113.7"}}
    by_kind = {item["kind"]: item for item in said.json["items"]}
    assert by_kind["unreadable-mac"]["rows"][0]["table"] == "line"
    assert by_kind["no-rate"]["rows"][0]["table"] == "profiles line"


def test_an_export_of_routeros_7_in_one_line_each_is_the_same(isp: Isp) -> None:
    lines = ["# 2027-01-14 21:15:07 by RouterOS 7.16.2", "/ppp profile add name=home rate-limit=25M/50M",
             "/ppp/secret/add name=anita password=canary-pw-1 profile=home", ""]  # fmt: skip
    imported(isp, export="\r\n".join(lines).encode())
    assert service(isp, "anita") == {"tariff": "home"}


@pytest.mark.parametrize(
    "export, said",
    [
        (b"/ppp secret\nadd name=anita profile=home\n", "E784 passwords-hidden: "),
        (b"/ppp profile\nadd name=home\n", "E783 no-secrets: "),
        (b"", "E783 no-secrets: "),
        (b'/ppp secret\nadd name=anita password="canary-pw-1', ":2 E780 cannot-read-import: "),
        (b"/ppp secret\nadd name=anita \\\n", ":2 E780 cannot-read-import: "),
        (b"/ppp secret\nadd name=a\0nita password=canary-pw-1\n", ":2 E780 cannot-read-import: "),
        (b"/ppp secret\nadd name=" + b"a" * 70000 + b"\n", ":2 E780 cannot-read-import: "),
        (b"/ppp secret\nadd " + b"name=\\\n    " * 20000 + b"\n", ":2 E780 cannot-read-import: "),
    ],
)
def test_a_file_that_cannot_be_read_whole_is_refused_and_nothing_is_written(isp: Isp, export: bytes, said: str) -> None:
    done = imported(isp, export=export)
    assert done.code == 1
    assert said in done.err
    assert "canary-pw-" not in done.err
    assert not isp.repo.exists()


def test_a_file_that_is_not_there_is_named(isp: Isp) -> None:
    done = isp("import", "routeros", isp.folder / "none.rsc", "--out", isp.repo)
    assert done.code == 1
    assert "none.rsc E780 cannot-read-import: it cannot be read (No such file or directory)" in done.err


def test_strict_refuses_and_a_dry_run_writes_nothing(isp: Isp) -> None:
    assert "E651 not-understood: " in imported(isp, "--strict").err
    assert imported(isp, "--dry-run").out.endswith("Nothing was written (--dry-run).\n")
    assert sorted(path.name for path in isp.folder.iterdir()) == ["old.db", "town.clear"]


def test_a_value_that_is_not_utf_8_is_left_out_and_the_rest_is_read() -> None:
    (one,) = read(b'/ppp secret\nadd comment="\xe9t\xe9" name=anita\n')
    assert one.arguments == {"comment": None, "name": "anita"}


@pytest.mark.parametrize(
    "line",
    [
        "add name=a password=[:execute x]", "add name=a password=$x", 'add name=a password="$x"', "add name=a; :put 1",
        "add name=a password=(1+1)", 'add name=a password="a" b', "add name=a name=b", 'add name=a password="\\q"',
        "add name=a {", ':local x "a=b"', 'add name=a password="a"b="c"',
    ],
)  # fmt: skip
def test_what_a_script_would_do_is_not_understood(line: str) -> None:
    (one,) = read("/ppp secret\n" + line + "\n")
    assert one.arguments is None


def test_a_comment_that_ends_with_a_backslash_swallows_nothing() -> None:
    assert [one.arguments for one in read("# \\\n/ppp secret\nadd name=a\n")] == [{"name": "a"}]


# a router's own way of writing, by the test's own writer

_SIGNS = {'"': '\\"', "\\": "\\\\", "$": "\\$", "?": "\\?", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def written(text: str, cuts: list[int]) -> str:
    """A value as RouterOS writes it: ASCII as it stands, the rest in hex, broken at these places."""
    parts = [_SIGNS.get(sign) or (sign if " " < sign < "\x7f" else "".join(f"\\{byte:02X}" for byte in sign.encode()))
             for sign in text]  # fmt: skip
    for cut in sorted(cuts, reverse=True):
        if cut <= len(parts):
            parts.insert(cut, "\\\n    ")
    return '"' + "".join(parts) + '"'


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@given(text=TEXTS, cuts=st.lists(st.integers(0, 45), max_size=4, unique=True), end=st.sampled_from(["\n", "\r\n"]))
def test_whatever_a_router_quotes_is_read_back(text: str, cuts: list[int], end: str) -> None:
    line = f"add comment=before \\\n    password={written(text, cuts)} name=after\n".replace("\n", end)
    assert values(line) == {"comment": "before", "password": text, "name": "after"}


@given(data=st.binary(max_size=200))
def test_no_file_breaks_the_reader(data: bytes) -> None:
    found: list[Statement] = []
    with suppress(Refusal):
        found = read(b"/ppp secret\n" + data)
    assert all(one.line >= 1 for one in found)
