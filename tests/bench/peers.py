"""What the peers are asked, on the same files: the scripts and Ansible make rows, octoDNS plans as many records.

They run in an environment of their own, see requirements.txt. A checkout is made for them beforehand, and not counted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from tests.bench.isp import address_of, id_of
from tests.bench.ours import Databases, Operation, Place, logins
from tests.bench.process import Run

HERE: Final = Path(__file__).parent
JOBS: Final = {"everything": "main", "nothing": "main", "one": "one"}
"""What is to be done, and the branch that says so."""
SCRIPTS: Final = {"script": "pyyaml", "script, YAML 1.2": "ruamel"}
"""The same script by what it reads with."""
ROWS: Final = """
CREATE TABLE radcheck (id bigserial PRIMARY KEY, username text NOT NULL, attribute text NOT NULL,
    op varchar(2) NOT NULL, value text NOT NULL);
CREATE TABLE radreply (LIKE radcheck INCLUDING ALL);
CREATE TABLE radgroupreply (id bigserial PRIMARY KEY, groupname text NOT NULL, attribute text NOT NULL,
    op varchar(2) NOT NULL, value text NOT NULL);
CREATE TABLE radusergroup (id bigserial PRIMARY KEY, username text NOT NULL, groupname text NOT NULL,
    priority int NOT NULL);
CREATE INDEX ON radcheck (username);
CREATE INDEX ON radreply (username);
CREATE INDEX ON radusergroup (username);
"""


def peers(place: Place, binaries: Path, databases: Databases) -> Iterator[Operation]:
    """`binaries`: of their environment. `databases`: of PostgreSQL."""
    for branch in sorted(set(JOBS.values())):
        _check_out(place, branch)
    for name, reader in SCRIPTS.items():
        yield from _script(name, reader, place, binaries, databases)
    yield from _ansible(place, binaries, databases)
    yield from _octodns(place, binaries)


def _check_out(place: Place, branch: str) -> None:
    to = place.folder / branch
    to.mkdir()
    with subprocess.Popen(["git", "-C", str(place.repository), "archive", branch], stdout=subprocess.PIPE) as archive:
        subprocess.run(["tar", "-x", "-C", str(to)], stdin=archive.stdout, check=True)


def _script(name: str, reader: str, place: Place, binaries: Path, databases: Databases) -> Iterator[Operation]:
    """It does the same whatever was changed, and leaves the same rows whatever it reads with."""
    dsn = databases.dsn("script")
    _tables(databases, "script")
    for job, branch in JOBS.items():
        words = [str(binaries / "python"), str(HERE / "script.py"), reader, str(place.folder / branch), dsn]
        run = Run([*words, str(place.key_file)], dict(os.environ))
        check = partial(_check, dsn, place.count)
        yield Operation(name, f"{name}, {_said(job)}", job, run, after=check, asks_database=True)


def _ansible(place: Place, binaries: Path, databases: Databases) -> Iterator[Operation]:
    dsn, folder = databases.dsn("ansible"), place.folder / "ansible"
    folder.mkdir()
    _tables(databases, "ansible")
    rows = folder / "rows.sql"
    quiet = {"ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False"}
    env = {**os.environ, **quiet, "ANSIBLE_HOME": str(folder), "LC_ALL": "C.UTF-8"}

    def as_of(branch: str) -> None:
        """As the last run left it: the file that it compares with. The database takes everything anew anyway."""
        rows.unlink(missing_ok=True)
        if (kept := folder / branch).exists():
            shutil.copy2(kept, rows)

    def keep() -> None:
        _check(dsn, place.count)
        shutil.copy2(rows, folder / "main")

    for job, branch in JOBS.items():
        given = {"checkout": place.folder / branch, "key_file": place.key_file, "rows": rows, "dsn": dsn}
        extra = [word for name, value in given.items() for word in ("--extra-vars", f"{name}={value}")]
        run = Run([str(binaries / "ansible-playbook"), str(HERE / "ansible/playbook.yml"), *extra], env, cwd=folder)
        before, after = ("nowhere", keep) if job == "everything" else ("main", partial(_check, dsn, place.count))
        prepare = partial(as_of, before)
        yield Operation("Ansible", f"Ansible, {_said(job)}", job, run, prepare, after, asks_database=True)


def _octodns(place: Place, binaries: Path) -> Iterator[Operation]:
    """A zone with two records a subscriber, YAML against YAML: a plan alone, which writes nothing."""
    folder = place.folder / "octodns"
    for name in ("applied", *sorted(set(JOBS.values()))):
        (folder / name).mkdir(parents=True)
        changed = 7 if name == "one" else None
        (folder / name / "example.com.yaml").write_text("".join(_records(place.count, changed)), "utf-8")
    for job in ("nothing", "one"):
        config = folder / f"{job}.yaml"
        config.write_text(_CONFIG.format(wanted=folder / JOBS[job], applied=folder / "applied"), "utf-8")
        run = Run([str(binaries / "octodns-sync"), "--config-file", str(config)], dict(os.environ))
        yield Operation("octoDNS", f"octoDNS plan, {_said(job)}", job, run)


_CONFIG: Final = """\
providers:
  wanted: {{class: octodns.provider.yaml.YamlProvider, directory: {wanted}, default_ttl: 3600, enforce_order: false}}
  applied: {{class: octodns.provider.yaml.YamlProvider, directory: {applied}, default_ttl: 3600, enforce_order: false}}
zones:
  example.com.: {{sources: [wanted], targets: [applied]}}
"""


def _records(count: int, changed: int | None) -> Iterator[str]:
    for number in range(count):
        address = address_of(number) or f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        text = "renewed" if number == changed else "served"
        yield f"{id_of(number)}:\n- {{type: A, value: {address}}}\n- {{type: TXT, value: {text}}}\n"


def _said(job: str) -> str:
    return {"everything": "everything", "nothing": "nothing to do", "one": "one renewal"}[job]


def _tables(databases: Databases, name: str) -> None:
    databases.make(name)
    subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-c", ROWS, databases.dsn(name)], check=True)


def _check(dsn: str, count: int) -> None:
    if (found := logins(dsn)) != count:
        raise RuntimeError(f"{found:,} logins of {count:,} were written")
