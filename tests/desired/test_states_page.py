"""docs/states.md is the table of the code; `pytest --update` writes it anew."""

from __future__ import annotations

import pytest

from ispctl.states import TABLE
from tests.gates.tracked import ROOT

PAGE = ROOT / "docs" / "states.md"
HEAD = """# The states of a service

A service is in one state at a time. It follows from the service's own file, its tariff, the policy and the clock;
nobody writes it down. Several may hold at once: the strictest wins, and the table stands in that order.

A prepaid service that was never paid is expired from its first day. A postpaid service does not expire: its ledger
decides. *Walled* means that a session comes up and reaches the payment page only, in both families.

| State | Holds | Login | Running session | Money |
|---|---|---|---|---|
"""
FOOT = """
Days begin and end at midnight of the time zone in `inventory/policy.yaml`. An end that is written as a day is
inclusive, and is spread over `policy.expiry.spread` after that midnight, at a moment of its own for each service; so
service ends a little later than promised, never earlier. A time stamp is meant as written.

`expired`, `suspended` and `hold` of the policy take `method: wall` or `method: reject`; where `suspended` or `hold` is
left out, it is as `expired`. To see why a service is in its state, and the line that says so:

```console
$ ispstat show sub-000127
```
"""


def page() -> str:
    rows = (f"| {row.state} | {row.holds} | {row.login} | {row.session} | {row.money} |\n" for row in TABLE)
    return HEAD + "".join(rows) + FOOT


def test_the_page_of_the_states_is_the_table_of_the_code(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update"):
        PAGE.write_text(page(), "utf-8")
    assert PAGE.read_text("utf-8") == page()
