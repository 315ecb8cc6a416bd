"""A database of ten years becomes a first commit that validates; what it could not become is listed, row by row."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from ispctl.cli.adopt import _without_password
from ispctl.cli.common import demo_key
from ispctl.model.record import plain
from ispctl.repo import Repository, Snapshot
from ispctl.secrets import KEYRING, Keyring
from tests.adopt import world
from tests.adopt.conftest import Isp, Said
from tests.gates import example
from tests.report.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden"


def snapshot_of(isp: Isp) -> Snapshot:
    with Repository.open(isp.repo, env=world.ENV) as repository:
        return repository.at("HEAD")


def service(isp: Isp, login: str) -> dict[str, object]:
    """What git says of a login, as one would write it."""
    found = snapshot_of(isp).by_login(login)
    assert len(found) == 1, login
    said = plain(found[0].service)
    return {name: value for name, value in said.items() if name not in {"password", "login", "key"}}


def items(said: Said, severity: str) -> set[str]:
    return {item["kind"] for item in said.json["items"] if item["severity"] == severity}


def test_the_first_commit_validates_and_the_old_database_is_untouched(isp: Isp) -> None:
    before = hashlib.sha256(isp.database.read_bytes()).hexdigest()
    said = isp.imported()
    assert said.code == 0
    assert isp("validate").code == 0
    assert hashlib.sha256(isp.database.read_bytes()).hexdigest() == before
    log = subprocess.run(["git", "-C", isp.repo, "log", "--format=%an %B"], capture_output=True, text=True, check=True)
    assert log.stdout.split("\n")[0] == "Reader Import 9 logins of a FreeRADIUS database"
    assert "Event: import" in log.stdout


def test_passwords_and_secrets_are_sealed_with_a_key_of_their_own(isp: Isp) -> None:
    isp.imported()
    keyring = Keyring.unlock((isp.repo / KEYRING).read_bytes(), (isp.folder / "isp.key").read_text())
    held = snapshot_of(isp).by_login("chandani@home.example")[0]
    assert held.service.password is not None
    from ispctl.secrets import show

    assert show(f"service/{held.owner}/password", held.service.password, keyring) == "canary-pw-\\chandani"
    nas = snapshot_of(isp).nas["core-router-1"]
    assert nas.radius is not None
    assert show("nas/core-router-1/radius.secret", nas.radius.secret, keyring) == "canary-pw-nas-1"
    assert os.stat(isp.folder / "isp.key").st_mode & 0o777 == 0o600


def test_groups_become_tariffs(isp: Isp) -> None:
    isp.imported()
    assert isp.read("tariffs/gold.yaml") == (
        "name: gold\nbilling: prepaid\n"
        "rate: {down: 50M, up: 25M, burst: {down: 80M, up: 40M, threshold: {down: 40M, up: 20M}, seconds: 10}}\n"
        "ipv4: {pool: home}\nsessions: 1\n"
    )
    assert sorted(path.name for path in (isp.repo / "tariffs").iterdir()) == [
        "custom-5m-5m.yaml", "gold-no-rate.yaml", "gold-postpaid.yaml", "gold.yaml", "no-group-no-rate.yaml",
        "office.yaml", "silver.yaml",
    ]  # fmt: skip


def test_the_ids_follow_the_logins_and_the_groups_their_realms(isp: Isp) -> None:
    isp.imported()
    found = [(held.document.path.split("/")[1], held.document.value.id, held.service.login)
             for held in sorted(snapshot_of(isp).services(), key=lambda held: held.owner)]  # fmt: skip
    assert found[:3] == [
        ("home.example", "sub-000001", "anita@home.example"),
        ("home.example", "sub-000003", "chandani@home.example"),
        ("home.example", "sub-000004", "deepak@home.example"),
    ]
    assert ("office.example", "sub-000006", "firma@office.example") in found


@pytest.mark.parametrize(
    "login, expected",
    [
        ("anita@home.example", {"tariff": "gold", "paid_until": "2031-12-31", "ipv4": {"static": "203.0.113.7"}}),
        ("chandani@home.example", {"tariff": "silver", "nas": ["core_router_2"], "routes": ["203.0.113.64/29"]}),
        ("deepak@home.example", {"tariff": "gold-postpaid", "suspended": {
            "since": "2027-01-15", "reason": "turned away by the database that was imported"}}),
        ("ekraj@home.example", {"tariff": "silver"}),
        ("firma@office.example", {
            "tariff": "office",
            "ipv4": {"static": "198.51.100.255"},
            "ipv6": {"wan": {"static": "2001:db8:200::7"}, "delegated": {"static": "2001:db8:100::/56"}},
            "mac": {"mode": "fixed", "max": 2, "on_mismatch": "reject",
                    "addresses": [{"mac": "00:00:5e:00:53:03"}, {"mac": "00:00:5e:00:53:04"}]}}),
        ("gita@home.example", {"tariff": "no-group-no-rate"}),
        ("kiran@home.example", {"tariff": "custom-5m-5m", "paid_until": "2032-01-01T05:44:59+05:45"}),
        ("otis@home.example", {"tariff": "gold", "paid_until": "2024-01-01", "ipv4": {"pool": "other"}}),
    ],
)  # fmt: skip
def test_a_login_becomes_a_service(isp: Isp, login: str, expected: dict[str, object]) -> None:
    isp.imported()
    assert service(isp, login) == expected


@pytest.mark.parametrize("login", ["bikash@home.example", "hari@home.example", "Indira@home.example",
                                   "jaya@home.example", "lila@home.example", "mina@home.example", "ghost@home.example",
                                   "o'brien@home.example"])  # fmt: skip
def test_what_cannot_be_a_service_is_not_made_one(isp: Isp, login: str) -> None:
    isp.imported()
    assert snapshot_of(isp).by_login(login) == ()


def test_everything_that_was_not_understood_is_listed(isp: Isp) -> None:
    said = isp.imported("--format", "json")
    assert items(said, "refused") == {
        "duplicate-address", "hashed-password", "no-password", "no-password-asked", "unfit-login", "unfit-password",
        "unreadable-date",
    }  # fmt: skip
    assert items(said, "lost") == {
        "conditional-group", "nas", "never-matches", "no-rate", "unknown-check", "unknown-reply",
        "unreadable-address", "unreadable-rate",
    }  # fmt: skip
    by_kind = {item["kind"]: item for item in said.json["items"]}
    assert by_kind["hashed-password"]["rows"] == [{"table": "radcheck", "id": 15}]
    assert by_kind["no-rate"]["services"] == ["sub-000007", "sub-000009"]


def test_the_report_is_committed_and_names_nobody(isp: Isp, request: pytest.FixtureRequest) -> None:
    said = isp.imported()
    report = isp.read("import-report.md")
    commit = said.out.split("Committed ")[1][:12]
    assert_golden(request, "import-report.md", report, GOLDEN)
    answer = said.out.replace(str(isp.folder), "FOLDER").replace(commit, "COMMIT")
    assert_golden(request, "import.txt", answer, GOLDEN)
    for text in (report, said.out, said.err):
        assert "anita" not in text
        assert "@" not in text


def test_the_same_database_gives_the_same_files_but_for_what_is_sealed(isp: Isp) -> None:
    isp.imported()
    first = {path: isp.read(str(path)) for path in _files(isp)}
    isp.repo.rename(isp.folder / "before")
    (isp.folder / "isp.key").unlink()
    isp.imported()
    again = {path: isp.read(str(path)) for path in _files(isp)}
    assert first.keys() == again.keys()
    assert [path for path in first if _unsealed(first[path]) != _unsealed(again[path]) and "keyring" not in path
            and "recipients" not in path] == []  # fmt: skip


def _files(isp: Isp) -> list[str]:
    done = subprocess.run(["git", "-C", isp.repo, "ls-files"], capture_output=True, text=True, check=True)
    return [path for path in done.stdout.splitlines() if not path.endswith(".age")]


def _unsealed(text: str) -> str:
    return "\n".join("" if "enc:" in line else line for line in text.splitlines())


def test_run_again_in_the_repository_it_adds_what_is_new_and_nothing_else(isp: Isp) -> None:
    isp.imported()
    first = snapshot_of(isp).commit
    assert isp("import", "freeradius", "--dsn", isp.dsn).out.endswith("Nothing is new: nothing was written.\n")
    assert snapshot_of(isp).commit == first
    with closing(sqlite3.connect(isp.database)) as database, database:
        database.execute("INSERT INTO radcheck (username, attribute, op, value) VALUES"
                         " ('aaa@new.example', 'Cleartext-Password', ':=', 'canary-pw-new')")  # fmt: skip
        database.execute("INSERT INTO radusergroup (username, groupname) VALUES ('aaa@new.example', 'silver')")
        database.execute(
            "INSERT INTO nas (nasname, shortname, type, secret) VALUES ('192.0.2.9', 'new', 'cisco', 'x1')"
        )
    said = isp("import", "freeradius", "--dsn", isp.dsn)
    assert said.code == 0, said.err
    assert service(isp, "aaa@new.example") == {"tariff": "silver"}
    assert snapshot_of(isp).by_login("aaa@new.example")[0].document.value.id == "sub-000011"
    assert snapshot_of(isp).nas["new"].platform == "ios-xe"
    assert "new.example" in snapshot_of(isp).policy.value.realms
    assert [path for path in _changed(isp) if path.startswith("tariffs/")] == []
    assert isp("validate").code == 0


def _changed(isp: Isp) -> list[str]:
    done = subprocess.run(["git", "-C", isp.repo, "show", "--format=", "--name-only", "HEAD"], capture_output=True,
                          text=True, check=True)  # fmt: skip
    return done.stdout.split()


def test_names_come_from_a_file_of_the_isp(isp: Isp) -> None:
    people = isp.folder / "people.clear"
    people.write_text("login,name,mobile\nanita@home.example,Canary Birdsong,+977 9800004321\n", "utf-8")
    isp.imported("--csv", people)
    profile = snapshot_of(isp).by_login("anita@home.example")[0].document.value.profile
    assert (profile.name, profile.mobile) == ("Canary Birdsong", "+977 9800004321")


@pytest.mark.parametrize(
    "text, wrong",
    [
        ("login,mobile\nanita@home.example,12\n", "line 2 of .* has a mobile that cannot be one"),
        ("login,name\n,Canary\n", "line 2 of .* has no login"),
    ],
)
def test_a_line_of_that_file_that_cannot_be_is_refused_before_anything_is_written(
    isp: Isp, text: str, wrong: str
) -> None:
    people = isp.folder / "people.clear"
    people.write_text(text, "utf-8")
    said = isp.imported("--csv", people)
    assert said.code == 1
    assert "E654" in said.err
    assert not isp.repo.exists()


def test_strict_refuses_and_leaves_nothing(isp: Isp) -> None:
    said = isp.imported("--strict")
    assert said.code == 1
    assert "E651 not-understood: " in said.err
    assert sorted(path.name for path in isp.folder.iterdir()) == ["old.db"]


def test_a_dry_run_writes_nothing(isp: Isp) -> None:
    said = isp.imported("--dry-run")
    assert said.code == 0
    assert said.out.splitlines()[-1] == "Nothing was written (--dry-run)."
    assert sorted(path.name for path in isp.folder.iterdir()) == ["old.db"]


def test_a_folder_that_holds_something_is_left_alone(isp: Isp) -> None:
    isp.repo.mkdir()
    (isp.repo / "mine").write_text("x")
    said = isp("import", "freeradius", "--dsn", isp.dsn, "--out", isp.repo)
    assert (said.code, "E322" in said.err) == (1, True)


@pytest.mark.parametrize("dsn, code", [("mysql://u@h/radius", "E310"), ("sqlite:////nonexistent/x.db", "E301")])
def test_a_database_that_cannot_be_read_is_named_as_such(isp: Isp, dsn: str, code: str) -> None:
    said = isp("import", "freeradius", "--dsn", dsn, "--out", isp.repo)
    assert (said.code, code in said.err) == (1, True)


def test_a_database_of_something_else_is_refused(isp: Isp) -> None:
    isp.database.unlink()
    with closing(sqlite3.connect(isp.database)) as database:
        database.execute("CREATE TABLE people (id integer)")
    assert "E650 not-freeradius: " in isp.imported().err


def test_without_somebody_who_commits_nothing_is_made(isp: Isp) -> None:
    isp.env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_COMMITTER_NAME": ""}
    said = isp.imported()
    assert (said.code, "E656 cannot-commit" in said.err) == (1, True)
    assert sorted(path.name for path in isp.folder.iterdir()) == ["old.db"]


def test_tables_may_lack_columns(isp: Isp) -> None:
    isp.database.unlink()
    with closing(sqlite3.connect(isp.database)) as database, database:
        database.executescript(
            "CREATE TABLE radcheck (username text, attribute text, op text, value text);"
            "CREATE TABLE radreply (username text, attribute text, op text, value text);"
            "CREATE TABLE radusergroup (username text, groupname text);"
            "INSERT INTO radcheck VALUES ('anita', 'Cleartext-Password', ':=', 'canary-pw-1');"
            "INSERT INTO radreply VALUES ('anita', 'WISPr-Bandwidth-Max-Down', '=', '1000000');"
            "INSERT INTO radreply VALUES ('anita', 'WISPr-Bandwidth-Max-Up', '=', '1000000');"
        )
    assert isp.imported().code == 0
    assert service(isp, "anita") == {"tariff": "custom-1m-1m"}
    assert isp("validate").code == 0


def test_real_passwords_are_never_sealed_under_the_public_key(isp: Isp) -> None:
    example.copy(isp.repo)
    isp.env["ISPCTL_AGE_KEY"] = demo_key()
    said = isp("import", "freeradius", "--dsn", isp.dsn)
    assert (said.code, "E604 demo-key" in said.err) == (1, True)


def test_a_password_of_the_database_itself_does_not_reach_git(isp: Isp) -> None:
    assert _without_password(
        "postgresql://isp:canary-pw-db@db.example.net:5432/radius?sslmode=require", isp.folder
    ) == ("postgresql://isp@db.example.net:5432/radius?sslmode=require")
    assert _without_password("postgresql://db/radius?user=isp&password=canary-pw-db", isp.folder) == (
        "postgresql://db/radius?user=isp"
    )
    assert _without_password("postgresql:///radius", isp.folder) == "postgresql:///radius"


@pytest.mark.parametrize(
    "dsn, kept",
    [
        ("postgresql:///radius?host=/run&password=canary-pw", "postgresql:///radius?host=%2Frun"),
        (
            "postgresql://r@db/radius?options=-c%20a%3Db&sslpassword=canary-pw",
            "postgresql://r@db/radius?options=-c%20a%3Db",
        ),
        ("postgresql://r:canary-pw@db:5433/radius?password=", "postgresql://r@db:5433/radius"),
    ],
)
def test_what_is_kept_of_a_database_address_names_the_same_database(dsn: str, kept: str) -> None:
    assert _without_password(dsn, Path("/")) == kept


def test_a_rate_that_no_router_can_be_told_keeps_its_logins_out_and_nobody_else(isp: Isp) -> None:
    isp.sql("UPDATE radgroupreply SET value = '100000000000' WHERE groupname = 'office'")
    isp.sql("UPDATE nas SET type = 'huawei'")
    said = isp.imported("--format", "json")
    assert said.code == 0, said.err
    assert "rate-not-expressible" in items(said, "refused")
    assert snapshot_of(isp).by_login("firma@office.example") == ()
    assert not (isp.repo / "tariffs/office.yaml").exists()
    assert isp("validate").code == 0
