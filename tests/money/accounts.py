"""Policies, tariffs and ledgers as somebody would write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ispctl.model.ledger import Ledger
from ispctl.model.policy import Policy
from ispctl.model.reading import read
from ispctl.model.subscriber import Service
from ispctl.model.tariff import Tariff
from tests.builders import SEALED

OWNER = "sub-000001/main"
_SIGN = {"invoice": 1, "refund": 1, "adjustment": 1, "payment": -1, "credit": -1}
ZONES = ("Asia/Kathmandu", "Europe/Berlin", "America/Sao_Paulo", "UTC")


def policy(zone: str = "Asia/Kathmandu", currency: str = "NPR", spread: str = "0s", **money: Any) -> Policy:
    rules = {"format": "1", "timezone": zone, "currency": currency, "expiry": {"spread": spread}, "money": money}
    return read(Policy, rules)


def tariff(amount: str | None = "1200.00", name: str = "home-50", **more: Any) -> Tariff:
    """A month of something, without tax."""
    prices = [{"from": "1970-01-01", "amount": amount}] if amount is not None else []
    given = {"name": name, "rate": {"down": "50M", "up": "25M"}, "prices": prices, "period": {"months": "1"}}
    return read(Tariff, given | more)


def service(**fields: Any) -> Service:
    return read(Service, {"login": "l@home.example", "password": SEALED, "tariff": "home-50"} | fields)


def ledger(*entries: dict[str, Any]) -> Ledger:
    """A key is given to what has none: e0, e1, …"""
    given = [{"key": f"e{n}"} | entry for n, entry in enumerate(entries)]
    return read(Ledger, {"subscriber": "sub-000001", "entries": given})


def invoice(at: str, amount: str, **more: Any) -> dict[str, Any]:
    return {"type": "invoice", "at": at, "amount": amount} | more


def payment(at: str, amount: str, **more: Any) -> dict[str, Any]:
    return {"type": "payment", "at": at, "amount": amount} | more


def reversal(at: str, of: str, amount: str | None = None, **more: Any) -> dict[str, Any]:
    said = {} if amount is None else {"amount": amount}
    return {"type": "reversal", "at": at, "reverses": of} | said | more


def event(at: str, verb: str, was: dict[str, str | None], since: dict[str, str | None], **more: Any) -> dict[str, Any]:
    """A note that something happened to the service."""
    said = {"verb": verb, "was": was, "set": since}
    return {"type": "note", "at": at, "service": "main", "event": said} | more


def at(text: str, zone: str = "Asia/Kathmandu") -> datetime:
    """A local time of the ISP."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def day(text: str) -> date:
    return date.fromisoformat(text)


def reckoned(entries: Iterable[Mapping[str, Any]]) -> Decimal:
    """What the entries of a file come to, by the simplest arithmetic there is: above zero it is owed."""
    amounts = dict[str, Decimal]()
    for entry in entries:
        amount = Decimal(entry.get("amount", "0")) * _SIGN.get(entry["type"], 0)
        amounts[entry["key"]] = -amounts[entry["reverses"]] if entry["type"] == "reversal" else amount
    return sum(amounts.values(), Decimal(0))
