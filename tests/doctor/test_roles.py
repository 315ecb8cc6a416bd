"""Whether this machine can tell who made a commit, before somebody has to know."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ispctl.doctor.roles import checks
from ispctl.model.roles import ROLES
from ispctl.repo import Repository
from tests.roles.people import PLAIN, RULES, Office

OPENPGP = ', keys: ["' + "ABCD" * 10 + '"]'


def said(office: Office, path: str | None = None, *, asks: bool = False) -> list[tuple[str, str]]:
    with Repository.open(office.folder, {"PATH": path or os.environ["PATH"]}) as repository:
        return [(one.level, one.text) for one in checks(repository, repository.at("HEAD"), asks=asks)]


def programs(folder: Path, *names: str) -> str:
    """A PATH on which only these are."""
    place = folder / f"bin-{len(names)}"
    place.mkdir()
    for name in names:
        (place / name).symlink_to(shutil.which(name) or "/bin/true")
    return str(place)


def test_without_roles_there_is_nothing_to_say(tmp_path: Path) -> None:
    office = Office(tmp_path / "isp")
    office.begin(None)
    assert said(office) == []


def test_names_need_no_program(tmp_path: Path) -> None:
    office = Office(tmp_path / "isp")
    office.begin()
    told = "4 people, 4 roles; who made a commit is told by its names; nobody is asked who approved"
    assert said(office, programs(tmp_path, "git")) == [("ok", told)]
    assert said(office, asks=True)[0][1].endswith("GitLab is asked who approved")


def test_signatures_need_what_verifies_them(tmp_path: Path) -> None:
    office = Office(tmp_path / "isp")
    office.begin(RULES.format(**office.key("asha", "binod", "chandra", "gateway")).replace("names", "signatures"))
    assert said(office, programs(tmp_path, "git")) == [
        ("bad", "E763 there is no program 'ssh-keygen' on this machine: signatures cannot be verified")
    ]
    assert said(office, programs(tmp_path, "git", "ssh-keygen"))[0][0] == "ok"


def test_keys_of_openpgp_need_gpg_as_well(tmp_path: Path) -> None:
    office = Office(tmp_path / "isp")
    office.begin(PLAIN.replace("names", "signatures").replace("gitlab: asha.g", f"gitlab: asha.g{OPENPGP}"))
    assert OPENPGP in office.read(ROLES)
    assert "there is no program 'gpg'" in said(office, programs(tmp_path, "git", "ssh-keygen"))[0][1]
