"""Counters, not clocks: what a command costs is pinned in things that can be counted, the same on every machine."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from ispctl import money, reconcile
from ispctl.cli import later, main, stat
from ispctl.cli.common import demo_key, run
from ispctl.repo.git import Git
from ispctl.store import Database, Store
from tests.gates import example
from tests.gates.tracked import ROOT
from tests.index.isp import Isp

HEAVY = (
    "asyncio",
    "cryptography",
    "distributed",
    "jinja2",
    "prometheus_client",
    "psutil",
    "psycopg2",
    "pydantic",
    "pyrad",
    "pyrage",
    "rich",
    "ruamel",
    "sqlite3",
    "structlog",
    "typer",
    "weasyprint",
)
YAML = {"ruamel", "typer"}

LOADS: dict[str, set[str]] = {
    # what is run -> the heavy libraries that it may load; a table that says too much fails as well
    "import ispctl": set(),
    "import ispctl.backend": set(),
    "ispctl --help": {"typer"},
    "ispctl --version": {"typer"},
    "ispctl plan --help": {"typer"},
    "ispctl validate": YAML | {"pyrage", "sqlite3"},  # recipients.txt is checked; the index is a file of SQLite
    "ispctl pool": YAML | {"sqlite3"},  # who holds what is asked of the index
    "ispctl plan --base HEAD": YAML | {"pyrage", "sqlite3"},
    "ispctl plan": YAML | {"pyrage", "sqlite3"},
    "ispctl apply": YAML | {"pyrage", "sqlite3"},  # nothing to do: no secret is opened, no NAS is asked
    "ispctl run --once": YAML | {"asyncio", "pyrage", "rich", "sqlite3", "structlog"},  # structlog takes both
    "ispctl lab status": {"psutil", "typer"},
    "ispstat --help": {"typer"},
    "ispstat sessions": YAML | {"sqlite3"},
    "ispstat show sub-000123": YAML | {"sqlite3"},
}


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, applied to a database of its own; two commits."""
    folder = example.copy(tmp_path_factory.mktemp("counters") / "isp")
    (folder / ".gitignore").write_text("var/\n", "utf-8")
    example.commit(folder, "Leave the database out")
    Store.create("sqlite:///var/radius.db", base=folder, lab=True).close()
    assert _run(folder, "ispctl", "apply") == 0
    return folder


def _run(folder: Path, program: str, *words: str) -> int:
    from ispctl.cli.main import app as ispctl
    from ispctl.cli.stat import app as ispstat

    return run(ispctl if program == "ispctl" else ispstat, program, ["--repo", str(folder), *words])


def loaded(command: str, folder: Path) -> list[str]:
    """The names in sys.modules after an import or a command in a fresh interpreter."""
    code = command
    if not command.startswith("import"):
        program, *words = command.split()
        module = "main" if program == "ispctl" else "stat"
        arguments = words if words[0].startswith("--") else ["--repo", str(folder), *words]
        code = f"from ispctl.cli.{module} import app\nfrom ispctl.cli.common import run"
        code += f"\nrun(app, {program!r}, {arguments})"
    child = [sys.executable, "-c", f"{code}\nimport sys\nprint('', *sys.modules, sep='\\nmodule ')"]
    env = {"PYTHONPATH": str(ROOT / "controller"), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    done = subprocess.run(child, env=env, capture_output=True, text=True, encoding="utf-8", check=True)
    return [line.removeprefix("module ") for line in done.stdout.splitlines() if line.startswith("module ")]


@pytest.mark.parametrize("command", LOADS)
def test_a_command_loads_only_the_libraries_that_it_needs(command: str, applied: Path) -> None:
    assert {name.partition(".")[0] for name in loaded(command, applied)} & set(HEAVY) == LOADS[command]


def test_a_plan_of_ordinary_records_loads_no_slow_parser(tmp_path: Path) -> None:
    """Nor for the places of what it says: ruamel is for what is wrong or unusual in a file, as in the example."""
    isp = Isp(tmp_path / "isp.git", random.Random(7))
    isp.people["s-001"].paid = None  # a warning, with its place
    isp.commit()
    isp.people["s-003"].tariff = "home-20"
    isp.commit()
    names = {name.partition(".")[0] for name in loaded("ispctl plan --base main~1 --commit main", isp.folder)}
    assert names & set(HEAVY) == {"sqlite3", "typer", "pyrage"}


def test_a_plan_of_two_commits_reads_no_other_command_no_device_and_no_database(tmp_path: Path) -> None:
    isp = Isp(tmp_path / "isp.git", random.Random(7))
    isp.commit()
    read = set(loaded("ispctl plan --base main --commit main", isp.folder))
    ours = {name for name in read if name.startswith("ispctl.")}
    assert {name.split(".")[1] for name in ours} & {"adopt", "lab", "loop", "nas", "roles", "store", "verbs"} == set()
    assert ours & {"ispctl.platforms.device", "ispctl.radius.live", "ispctl.radius.session"} == set()
    assert ours & {"ispctl.index._writing", "ispctl.repo.git_history", "ispctl.repo.git_worktree"} == set()
    assert ours & {"ispctl.cli.out", "ispctl.report.saved"} == set()  # what is written, or was before
    assert read & {"email", "hashlib", "logging", "pickle", "random", "secrets", "socket", "tempfile"} == set()
    assert "typing_extensions" not in read
    assert ours & {f"ispctl.cli.{place.partition(':')[0]}" for place in main.LATER.values()} == {"ispctl.cli.main"}


@pytest.mark.parametrize("program", ["ispctl", "ispstat"])
def test_a_list_of_commands_makes_none_of_them(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each says what it is for; to read and describe all their options takes longer than most of them take."""
    made: list[str] = []
    monkeypatch.setattr(later, "_command", lambda name, _: made.append(name))
    assert run(main.app if program == "ispctl" else stat.app, program, ["--help"]) == 0
    assert made == []


def test_help_reads_nothing_that_only_a_command_at_work_needs(tmp_path: Path) -> None:
    read = set(loaded("ispctl --help", tmp_path))
    assert read & {"csv", "email", "random", "secrets", "socket", "tempfile", "zoneinfo"} == set()


def test_a_question_reads_no_other_verb(applied: Path) -> None:
    read = {name for name in loaded("ispstat show sub-000123", applied) if name.startswith("ispctl.cli.stat.")}
    assert read == {"ispctl.cli.stat.common", "ispctl.cli.stat.show"}


def test_at_its_end_a_program_does_not_look_for_garbage_in_what_it_has_loaded() -> None:
    last = "import atexit, gc\natexit.register(lambda: print(gc.get_freeze_count(), len(gc.get_objects())))\n"
    env = {"PYTHONPATH": str(ROOT / "controller")}
    command = [sys.executable, "-c", f"{last}import ispctl.cli.main"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, encoding="utf-8", check=True)
    spared, looked_at = map(int, done.stdout.split())
    assert spared > 1000 > looked_at


def test_no_model_postpones_its_annotations() -> None:
    files = (ROOT / "controller" / "ispctl" / "model").glob("*.py")
    assert [file.name for file in files if "import annotations" in file.read_text("utf-8")] == []


@pytest.mark.parametrize("package", [reconcile, money], ids=lambda package: package.__name__)
def test_whatever_is_read_on_demand_is_there(package: ModuleType) -> None:
    """And no module has the name of what it offers, since that would be found in its place."""
    offered = {name: getattr(package, name) for name in package.__all__}
    assert [name for name, one in offered.items() if isinstance(one, ModuleType)] == []
    with pytest.raises(AttributeError, match="nothing"):
        _ = package.nothing


def test_a_plan_reads_no_arithmetic_of_invoices(tmp_path: Path) -> None:
    isp = Isp(tmp_path / "isp.git", random.Random(7))
    isp.commit()
    read = {name for name in loaded("ispctl plan --base main --commit main", isp.folder) if "ispctl.money." in name}
    assert (
        read & {f"ispctl.money.{name}" for name in ("billing", "parts", "quotes", "reverting", "statements")} == set()
    )


def test_importing_the_package_costs_nothing(tmp_path: Path) -> None:
    assert [name for name in loaded("import ispctl", tmp_path) if name.startswith("ispctl")] == ["ispctl"]


class Cost(NamedTuple):
    """What one command took from git and from the database, and wrote into it."""

    blobs: int
    read: int
    written: int


Measure = Callable[[Path, Sequence[str]], Cost]


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> Measure:
    """Runs a command and counts; the counters are read when a connection and a repository are closed."""
    counted = {"blobs": 0, "read": 0, "written": 0}

    def on_close(kind: type[Any], names: dict[str, str]) -> None:
        real = kind.close

        def close(self: Any) -> None:
            for name, attribute in names.items():
                counted[name] += getattr(self, attribute)
                setattr(self, attribute, 0)
            real(self)

        monkeypatch.setattr(kind, "close", close)

    on_close(Git, {"blobs": "blobs_read"})
    on_close(Database, {"read": "rows_read", "written": "rows_written"})

    def measured(folder: Path, command: Sequence[str]) -> Cost:
        counted.update(dict.fromkeys(counted, 0))
        assert _run(folder, *command) in (0, 2)
        return Cost(**counted)

    return measured


FILES = 87
"""Files of the example that ispctl reads: 8 of the inventory, 9 tariffs, 5 groups, 62 subscribers, 3 ledgers."""
SURVEY = 225
"""Rows that tell what was applied: 64 services, 70 groups, 9 addresses of NAS and 9 sets of NAS, 3 ranges, a realm, 9
tariffs, two who wait for a first login, and 8 single words on the database, the commit and what may be waiting. No row
of RADIUS is among them."""
COSTS: dict[str, tuple[Cost, str]] = {
    "ispctl validate": (Cost(FILES, 0, 0), "every file once, although nine sets of rules judge it"),
    "ispctl plan --base HEAD~1": (Cost(FILES, 0, 0), "two commits that share every file, and no database"),
    "ispctl plan": (Cost(FILES, SURVEY, 0), "what was applied"),
    "ispctl apply": (Cost(FILES, 286, 5), "that; when usage was counted; the run, its end, what is applied"),
    "ispctl drift": (
        Cost(22, 1032, 0),
        "what services share; of their logins, that none stands otherwise than it was written",
    ),
    "ispstat show sub-000123": (Cost(FILES, 902, 0), "what logins share; the rows and the sessions of one"),
}


SHARED = 22
"""Files of the example that all subscribers share: all but theirs and their ledgers."""
SOME: dict[str, tuple[int, str]] = {
    "ispstat show sub-000123": (SHARED + 1, "his own file"),
    "ispstat why sub-000123": (SHARED + 1, "his own file; git itself says who brought each line"),
    "ispstat sessions --login sub-000123": (SHARED + 1, "his own file"),
    "ispstat rejects sub-000123": (SHARED + 1, "his own file"),
    "ispctl test-auth --dry sub-000123": (SHARED + 1, "his own file"),
    "ispstat list --group pokhara": (SHARED + 11, "those of that group"),
    "ispstat list --tariff business": (SHARED + 4, "those who have that tariff, and their accounts"),
    "ispstat list": (SHARED + 65, "every subscriber and every account once"),
    "ispstat nas": (SHARED, "who is a NAS"),
    "ispstat pools": (SHARED, "the pools; the index knows who holds what"),
    "ispctl pool": (SHARED, "the pools; the index knows who holds what"),
    "ispstat sessions": (SHARED, "who is a NAS, and the tariffs"),
    "ispctl pause --list": (SHARED, "which database, and which time zone"),
    "ispctl runs": (SHARED, "which database, and which time zone"),
    "ispctl prune --dry-run": (SHARED, "the policy"),
    "ispctl backup": (SHARED, "which database"),
}


@pytest.mark.parametrize("command", SOME)
def test_with_an_index_a_command_reads_whom_it_is_asked_about(
    command: str,
    applied: Path,
    measure: Measure,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("ISPCTL_CACHE", str(tmp_path))
    monkeypatch.setenv("ISPCTL_AGE_KEY", demo_key())
    _index(applied)
    assert measure(applied, command.split()).blobs == SOME[command][0], SOME[command][1]


def _index(folder: Path) -> None:
    from ispctl.cli.common import Session
    from ispctl.index import Index, Size

    session = Session(folder, "ISPCTL")
    with session.repository() as repository:
        place = session.index(repository, lambda *_: None)._place
        Index(repository, place, size=Size(worth=1)).look(("HEAD",), session.now)


@pytest.mark.parametrize("command", COSTS)
def test_a_command_reads_and_writes_no_more_than_this(command: str, applied: Path, measure: Measure) -> None:
    assert measure(applied, command.split()) == COSTS[command][0], COSTS[command][1]


def test_a_tariff_edit_costs_what_it_changes(applied: Path, tmp_path: Path, measure: Measure) -> None:
    """Written: the tariff's group on each of seven platforms, a line for each of them and for each of its people in the
    journal, what each of them was given, the run; and for a vendor that has to take it back, what the group granted.
    Read: what was applied, twice, the seven groups, and what open sessions may still have. Two of what is written say
    that a run had begun, and that everybody was looked at."""
    folder = Path(shutil.copytree(applied, tmp_path / "isp"))
    tariff = folder / "tariffs" / "home-50.yaml"
    tariff.write_text(tariff.read_text("utf-8").replace("down: 50M", "down: 60M"), "utf-8")
    example.commit(folder, "Faster")
    assert measure(folder, ["ispctl", "apply"]) == Cost(FILES + 1, 684, 63)


def test_a_renewal_reads_and_writes_the_same_whoever_else_is_online(
    applied: Path, tmp_path: Path, measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the database itself looks through for that is counted in a test of the store."""
    folder = Path(shutil.copytree(applied, tmp_path / "isp"))
    monkeypatch.setenv("ISPCTL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ISPCTL_AGE_KEY", demo_key())
    _index(folder)
    costs = []
    for number, many in enumerate((3, 3000)):
        with Store.open("sqlite:///var/radius.db", base=folder) as store, store.transaction():
            _dial(store, f"{number}-", many)
        assert _run(folder, "ispctl", "apply") == 0
        file = folder / "subscribers" / "lalitpur" / "3f" / "sub-000123.yaml"
        file.write_text(re.sub(r"(paid_until: 20)\d\d", rf"\g<1>{30 + number}", file.read_text("utf-8")), "utf-8")
        example.commit(folder, "Renew")
        costs.append(measure(folder, ["ispctl", "apply"]))
    assert costs[0] == costs[1]


def _dial(store: Store, prefix: str, many: int) -> None:
    """So many sessions of somebody else that run what they should."""
    login = "bikash.maharjan@home.example"
    ((klass,),) = store.database.query(
        "SELECT l.class || '-' || c.value FROM ispctl_login l JOIN radusergroup u ON u.username = l.login"
        " JOIN radgroupcheck c ON c.groupname = u.groupname || '@routeros' AND c.attribute = 'ISP-Rendering'"
        " WHERE l.login = ?",
        (login,),
    )
    store.database.write_many(
        "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, class)"
        " VALUES (?, ?, ?, '192.0.2.1', 1800000000, ?)",
        [(f"{prefix}{number}", f"{prefix}{number}", login, klass) for number in range(many)],
    )
