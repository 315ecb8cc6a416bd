"""Whoever is looked up is found by a part of the files, and nobody is missed for it."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ispctl.index import Index, Lookup, Size
from ispctl.model.ledger import companion
from ispctl.repo import Repository, Snapshot
from tests.index.isp import NOON, Isp, Person


def found(part: Snapshot, word: str) -> list[tuple[str, str, str]]:
    """What a name leads to: as a service, and as a login; with the account, since that decides of a postpaid one."""
    holdings = [(one.document.path, repr(one.service)) for one in (*part.find(word), *part.by_login(word))]
    return [(path, service, repr(part.ledger_at(companion(path)))) for path, service in holdings]


def words_of(isp: Isp) -> list[str]:
    names = [
        name for person in isp.people.values() for name in (person.id, person.login or f"{person.id}@home.example")
    ]
    return [*names, "S-003@HOME.example", "s-004/main", "s-004/other", "nobody", "", "s", "ünknown", "again", "\udcff"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("indexed", [True, False])
def test_a_name_leads_to_the_same_as_in_the_whole_commit_for_any_history(
    tmp_path: Path, seed: int, indexed: bool
) -> None:
    chance = random.Random(500 + seed)
    isp = Isp(tmp_path / "isp.git", chance)
    place, spared = tmp_path / "isp.index", 0
    with Repository.open(isp.folder) as repository:
        Index(repository, place, size=Size(worth=1)).look(("main",), NOON)
    for _ in range(8):
        for _ in range(chance.choice([1, 2, 5])):
            isp.edit()
        isp.commit()
        few = chance.choice([0, 2, 100])
        with Repository.open(isp.folder) as scratch, Repository.open(isp.folder) as repository:
            lookup = Lookup(repository, place if indexed else None, worth=1, few=few)
            for rev in (isp.commits[-1], chance.choice(isp.commits)):
                truth, asked = scratch.at(rev), chance.sample(words_of(isp), 3)
                part = lookup.part(rev, asked)
                for word in asked:
                    assert found(part, word) == found(truth, word)
                assert part.broken <= truth.broken
                if indexed and few == 100:
                    assert part.broken == truth.broken
                spared += sum(1 for _ in part.subscribers()) < sum(1 for _ in truth.subscribers())
    assert spared > 2, "everything was read nearly always: nothing was shown"


@pytest.fixture
def isp(tmp_path: Path) -> Isp:
    made = Isp(tmp_path / "isp.git", random.Random(3))
    made.people["s-001"].login = made.people["s-002"].login = "twice@home.example"
    made.commit()
    return made


@pytest.fixture
def place(tmp_path: Path, isp: Isp) -> Path:
    path = tmp_path / "cache" / "isp.index"
    with Repository.open(isp.folder) as repository:
        Index(repository, path, size=Size(worth=1)).look(("main",), NOON)
    return path


def read(isp: Isp, place: Path | None, *words: str, rev: str = "main", remarks: list[str] | None = None) -> int:
    """How many files one question reads; the answer is right."""
    said = [] if remarks is None else remarks
    with Repository.open(isp.folder) as scratch, Repository.open(isp.folder) as repository:
        part, truth = Lookup(repository, place, remark=said.append, worth=1).part(rev, words), scratch.at(rev)
        for word in words:
            assert found(part, word) == found(truth, word)
        return repository.git.blobs_read


SHARED = 13
"""Files of this ISP that everybody shares: 7 of the inventory, 4 tariffs, 2 groups."""


def test_one_subscriber_costs_the_shared_files_and_his_own(isp: Isp, place: Path) -> None:
    assert read(isp, place, "s-003") == SHARED + 1
    assert read(isp, place, "S-003@home.example") == SHARED + 1


def test_whoever_has_the_same_login_is_read_too(isp: Isp, place: Path) -> None:
    assert read(isp, place, "twice@home.example") == SHARED + 2


def test_nobody_costs_the_shared_files(isp: Isp, place: Path) -> None:
    assert read(isp, place, "nobody") == SHARED


def test_what_has_changed_since_the_index_was_made_is_read_too(isp: Isp, place: Path) -> None:
    isp.people["s-003"].tariff = "home-20"
    isp.people["s-004"].login = "s-005@home.example"
    isp.commit()
    assert read(isp, place, "s-005@home.example") == SHARED + 3
    assert read(isp, place, "s-005@home.example", rev=isp.commits[0]) == SHARED + 1 + 2


def test_a_file_that_cannot_be_read_is_known_to_be_there(isp: Isp, place: Path) -> None:
    isp.people["s-006"].junk = "colour: red\n"
    isp.commit()
    with Repository.open(isp.folder) as repository:
        lookup = Lookup(repository, place, worth=1)
        assert lookup.part("main", ("s-001",)).broken == {isp.people["s-006"].path}
        place.unlink()
        Index(repository, place, size=Size(worth=1)).look(("main",), NOON)
        assert lookup.part("main", ("s-001",)).broken == {isp.people["s-006"].path}


def test_a_small_repository_is_read_whole(isp: Isp) -> None:
    with Repository.open(isp.folder) as repository:
        lookup = Lookup(repository, None)
        assert lookup.whole("main")
        assert lookup.knows("main")
        assert sum(1 for _ in lookup.part("main", ()).subscribers()) == len(isp.people)


def test_nothing_is_written_and_nobody_who_moves_the_index_waits(isp: Isp, place: Path, tmp_path: Path) -> None:
    before = place.read_bytes()
    with Repository.open(isp.folder) as repository:
        lookup = Lookup(repository, place, worth=1)
        lookup.part("main", ("s-003",))
        with sqlite3.connect(place, timeout=0) as database:
            database.execute("BEGIN EXCLUSIVE")
            database.rollback()
        lookup.part("main", ("s-004",))
    assert place.read_bytes() == before
    read(isp, tmp_path / "none" / "isp.index", "s-003")
    assert not (tmp_path / "none").exists()


def damage(place: Path) -> None:
    data = bytearray(place.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    place.write_bytes(data)


def older(place: Path) -> None:
    with sqlite3.connect(place) as database:
        database.execute("UPDATE meta SET value = 'another version' WHERE name = 'made'")


def of_another(place: Path) -> None:
    """As if it were another user's, whoever runs the test: it cannot be opened."""
    place.unlink()
    place.mkdir()


def foreign(place: Path) -> None:
    with sqlite3.connect(place) as database:
        database.execute(f"UPDATE meta SET value = '{'0' * 40}' WHERE name = 'commit'")


@pytest.mark.parametrize("harm", [damage, older, of_another, foreign, Path.unlink])
def test_without_an_index_that_can_be_read_every_file_is_looked_through_and_one_is_told(
    isp: Isp, place: Path, harm: Callable[[Path], object]
) -> None:
    harm(place)
    remarks: list[str] = []
    assert read(isp, place, "s-003", remarks=remarks) == SHARED + len(isp.people) + 1
    (said,) = remarks
    assert said.startswith("No index of this repository can be read here")


def test_of_a_commit_beside_the_one_that_was_looked_through_what_differs_is(isp: Isp) -> None:
    isp.people["s-003"].tariff = "home-20"
    isp.commit()
    with Repository.open(isp.folder) as repository:
        lookup = Lookup(repository, None, worth=1)
        lookup.part("main", ("s-004",))
        before = repository.git.blobs_read
        lookup.part(isp.commits[-2], ("s-004",))
        assert repository.git.blobs_read == before + 1


def test_a_login_that_is_spelt_by_numbers_is_found_in_the_text(isp: Isp) -> None:
    person = Person("s-900", "a", login='"\\x61nita@home.example"', tariff="home-50")
    isp.people["s-900"] = person
    isp.commit()
    with Repository.open(isp.folder) as repository:
        part = Lookup(repository, None, worth=1).part("main", ("anita@home.example",))
        assert [one.owner for one in part.find("anita@home.example")] == ["s-900/main"]


ADDED = "at: 2026-01-01T00:00:00+05:45, type: note, service: main, event: {verb: add}"


def added(isp: Isp, place: Path | None, *keys: str) -> tuple[dict[str, str], int]:
    """Who was added under which of these keys, by the files of their accounts; and how many files that reads."""
    with Repository.open(isp.folder) as repository:
        found = Lookup(repository, place, worth=1).added("main", keys)
        return {key: f"{where.file}:{where.line}" for key, where in found.items()}, repository.git.blobs_read


@pytest.mark.parametrize("indexed", [True, False])
def test_who_was_added_under_a_key_is_found_and_another_entry_with_that_key_is_not(
    isp: Isp, place: Path, indexed: bool
) -> None:
    isp.people["s-003"].entries = [ADDED]
    isp.people["s-004"].entries = [ADDED.replace("event: {verb: add}", "reason: e0")]
    isp.commit()
    if indexed:
        with Repository.open(isp.folder) as repository:
            Index(repository, place, size=Size(worth=1)).advance("main", NOON)
    account = companion(isp.people["s-003"].path)
    found, files = added(isp, place if indexed else None, "e0", "e1")
    assert found == {"e0": f"{account}:3"}
    if indexed:
        assert files == SHARED + 1
        assert added(isp, place, "new") == ({}, SHARED)


def test_who_was_added_since_the_index_was_made_is_found_by_the_key(isp: Isp, place: Path) -> None:
    person = isp.people["s-003"]
    person.entries = [ADDED]
    isp.commit()
    account = companion(person.path)
    assert added(isp, place, "e0")[0] == {"e0": f"{account}:3"}
    person.login = "renamed@home.example"
    isp.elsewhere[person.id] = f"archive/{person.group}/{person.id}.yaml"
    isp.commit()
    assert added(isp, place, "e0")[0] == {"e0": f"{account}:3"}


@pytest.mark.parametrize("spelt", ["Asha's order", r'''"\x41sha's order"''', "'Asha''s order'"])
def test_a_key_is_found_however_it_is_quoted(isp: Isp, spelt: str) -> None:
    path = companion(isp.people["s-003"].path)
    isp.shared[path] = f"subscriber: s-003\nentries:\n  - {{key: {spelt}, {ADDED}}}\n"
    isp.commit()
    assert added(isp, None, "Asha's order")[0] == {"Asha's order": f"{path}:3"}
