"""What stands in the database otherwise than the last apply left it."""

from __future__ import annotations

from collections.abc import Callable

from ispctl.plan import Change, Resources, diff
from ispctl.radius.rendering import Intent, render
from ispctl.radius.rows import TARGET, RadiusRows
from ispctl.reconcile.applied import digest_of
from ispctl.reconcile.survey import RENDERED, Reading, key_of


def drift(reading: Reading, rows: RadiusRows, intent: Callable[[], Intent]) -> tuple[tuple[Change, ...], Resources]:
    """What stands in the database otherwise than the last apply left it, by key; what time alone has made due since
    then is no drift. And the logins that were looked at and stand as they should. `intent` is asked only where
    something stands otherwise than it was written. Raises Unreachable."""
    written = {key_of(name): value.get("digest", "") for name, value in reading.store.objects(RENDERED).items()}
    have, suspect = rows.suspect()
    if not suspect and all(digest_of(have.get(key)) == written.get(key) for key in have.keys() | written.keys()):
        return (), {}
    written |= {("login", row.login): row.digest for row in reading.store.entitlements()}
    want = {key: fields for key, fields in render(intent()).items() if key[0] != "login" or key in suspect}
    due = {key for key in want.keys() | written.keys() if digest_of(want.get(key)) != written.get(key, "")}
    changes = tuple(change for change in diff(TARGET, want, have) if change.key not in due)
    good = {key: want[key] for key in want.keys() & suspect - due if have.get(key) == want[key]}
    return changes, good
