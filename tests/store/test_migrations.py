"""Tables change by numbered steps, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ispctl.model.problem import Refusal
from ispctl.store import Store, _schema
from tests.databases import Place

OLD = _schema.newest()
STEP = "CREATE TABLE ispctl_extra (note text); -- a remark; with a semicolon\nINSERT INTO ispctl_extra VALUES ('kept');"


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make this program one that has one migration more."""
    first = list(_schema._migrations())
    return lambda text: monkeypatch.setattr(_schema, "_migrations", lambda: iter([*first, (OLD + 1, text)]))


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
    numbers = [number for number, _ in _schema._migrations()]
    assert numbers == sorted(set(numbers))


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
