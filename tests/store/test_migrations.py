"""Tables change by numbered steps, whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ispctl.model.problem import Refusal
from ispctl.store import Store, _schema
from tests.databases import Place

OLD = _schema.newest()
STEP = "CREATE TABLE ispctl_extra (note text); -- a remark; with a semicolon\nINSERT INTO ispctl_extra VALUES ('kept');"


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make this program one that has one migration more."""
    steps = Path(shutil.copytree(_schema._STEPS, tmp_path / "migrations"))
    monkeypatch.setattr(_schema, "_STEPS", steps)

    def more(text: str) -> None:
        (steps / f"{OLD + 1:04}_more.sql").write_text(text, "utf-8")

    return more


def test_an_older_database_is_opened_only_after_it_was_brought_up_to_date(
    place: Place, newer: Callable[[str], None]
) -> None:
    with place.create() as store:
        store.meta.set("note", "mine")
    newer(STEP)
    with pytest.raises(Refusal, match=f"E306 older-schema: .* has schema {OLD}, this program needs {OLD + 1}"):
        place.open()
    place.create().close()
    with place.open() as store:
        assert store.database.query("SELECT note FROM ispctl_extra") == [("kept",)]
        assert (store.meta.get("schema"), store.meta.get("note")) == (str(OLD + 1), "mine")


def test_a_migration_that_fails_leaves_no_trace(place: Place, newer: Callable[[str], None]) -> None:
    place.create().close()
    newer(STEP + "INSERT INTO ispctl_nothing VALUES (1);")
    with pytest.raises(Refusal, match="E311"):
        place.create()
    newer(STEP)
    place.create().close()


def test_no_two_files_have_one_number_and_they_come_in_order() -> None:
    for dialect in ("sqlite", "postgresql"):
        numbers = [number for number, _ in _schema._migrations(dialect)]
        assert numbers == sorted(set(numbers))
        assert numbers[-1] == OLD


def _made_of(store: Store) -> tuple[dict[str, frozenset[str]], list[str]]:
    """Tables with their columns, and the indexes."""
    database = store.database
    names = "SELECT name FROM sqlite_master WHERE type = 'index'"
    if database.dialect.name == "postgresql":
        names = "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
    found = {name: database.columns(name) for name in database.tables()}
    return found, sorted(name for (name,) in database.query(names))


@pytest.mark.parametrize("begun", [number for number, _ in _schema._migrations("")])
def test_from_each_version_one_comes_to_the_same_tables_and_keeps_every_row(
    place: Place, monkeypatch: pytest.MonkeyPatch, begun: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    other = Place("sqlite:///var/new.db", tmp_path)
    if place.kind == "postgresql":
        other = Place(request.getfixturevalue("fresh_database")(), tmp_path)
    with other.create() as fresh:
        wanted = _made_of(fresh)
    with monkeypatch.context() as patch:
        files = [file for file in _schema._files() if _schema._number_of(file) <= begun]
        patch.setattr(_schema, "_files", lambda: iter(files))
        with place.create() as store:
            assert store.meta.get("schema") == str(begun)
            write = store.database.write
            write("INSERT INTO ispctl_login (login, owner) VALUES ('l', 'sub-000001/main')")
            write("INSERT INTO ispctl_mac VALUES ('l', '02:00:5e:10:00:01', 1, 1800000000)")
            write("INSERT INTO ispctl_journal (run, kind, commit_id, started) VALUES ('r', 'apply', 'c', 1800000000)")
            write("INSERT INTO radcheck (username, attribute, op, value) VALUES ('l', 'Auth-Type', ':=', 'Reject')")
            before = store.row_key
    with place.create() as store:
        assert (store.meta.get("schema"), store.row_key) == (str(OLD), before)
        assert _made_of(store) == wanted
        assert [run.run for run in store.runs()] == ["r"]
        rows = store.database.query("SELECT l.login, m.learned, c.value FROM ispctl_login l, ispctl_mac m, radcheck c")
        assert rows == [("l", 1800000000, "Reject")]


@pytest.mark.parametrize(
    ("edit", "question"),
    [
        ("DELETE FROM ispctl_secret", lambda store: store.row_key),
        ("UPDATE ispctl_secret SET value = 'xyz'", lambda store: store.row_key),
        ("INSERT INTO ispctl_meta VALUES ('applied_at', 'noon')", lambda store: store.applied),
        ("INSERT INTO ispctl_meta VALUES ('applied_commit', 'c')", lambda store: store.applied),
        ("INSERT INTO ispctl_object VALUES ('tariff', 'x', '{')", lambda store: store.objects("tariff")),
    ],
)
def test_an_edit_of_our_own_tables_is_refused_in_words(
    place: Place, edit: str, question: Callable[[Store], object]
) -> None:
    with place.create() as store:
        store.database.write(edit)
        with pytest.raises(Refusal, match="E311 database-failed: .* holds a value that ispctl never writes"):
            question(store)
