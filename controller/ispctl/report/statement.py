"""A statement of account: its JSON, and text and HTML made of that by a template, the ISP's own where it has one.

The same entries give the same octets, whenever and wherever it is made: nothing in it comes from the clock.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from ispctl.model.days import local_day
from ispctl.model.ledger import Ledger
from ispctl.model.policy import Policy
from ispctl.money import BUCKETS, Statement, rounded
from ispctl.report.filling import filled

VERSION: Final = 1
Kind = Literal["text", "html"]
ENDINGS: Final[Mapping[Kind, str]] = {"text": "txt", "html": "html"}
_COLUMNS: Final = ("day", "type", "reference", "key", "service", "amount", "balance")


def document(found: Statement, ledger: Ledger, policy: Policy, name: str) -> dict[str, Any]:
    """The JSON of it. Amounts are decimal texts; what is positive is owed by the subscriber. `name`: of the person or
    company, for whom it is."""

    def text(value: Any) -> str:
        return f"{rounded(value, policy)}"

    zone = ZoneInfo(policy.timezone)
    undone = {key for key, n in ledger.reversals().items() if local_day(ledger.entries[n].at, zone) <= found.until}
    entries = []
    for line in found.lines:
        entry = ledger.entries[line.entry]
        entries.append(
            {
                "day": line.day.isoformat(),
                "type": entry.type,
                "reference": entry.reference,
                "key": entry.key,
                "service": entry.service,
                "reason": entry.reason,
                "reversed": entry.key in undone,
                "amount": text(line.amount),
                "balance": text(line.balance),
            }
        )
    return {
        "version": VERSION,
        "id": ledger.subscriber,
        "name": name,
        "currency": policy.currency,
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "opening": text(found.opening),
        "entries": entries,
        "closing": text(found.closing),
        "credit": text(found.credit),
        "ageing": [
            {"days": days, "amount": text(amount)}
            for days, amount in zip((0, *BUCKETS, None), found.ageing, strict=True)
        ],
    }


def template_path(language: str, kind: Kind) -> str:
    """Where an ISP keeps a template of its own."""
    return f"templates/statement/statement.{language}.{ENDINGS[kind]}.j2"


def render(said: Mapping[str, Any], kind: Kind, language: str, own: bytes | None) -> str:
    """Text or HTML. `own`: the ISP's template, if there is one. Raises Refusal E750 for one that does not fit."""
    path = template_path(language, kind)
    usual = files("ispctl.report").joinpath("templates", f"statement.{ENDINGS[kind]}.j2")
    source = own.decode("utf-8", "replace") if own is not None else usual.read_text("utf-8")
    advice = "Its variables are the fields of ispctl statement SUB --format json"
    return filled(source, said, path, advice, html=kind == "html")


def to_csv(said: Mapping[str, Any]) -> str:
    """The entries, each on a line, between what stood before and what stands after."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerow({"day": said["since"], "type": "opening", "balance": said["opening"]})
    writer.writerows(said["entries"])
    writer.writerow({"day": said["until"], "type": "closing", "balance": said["closing"]})
    return out.getvalue()
