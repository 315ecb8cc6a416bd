"""What a plan says about one person, read from the JSON: what, how it was and will be, the session, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Final

from ispctl.report._words import clean, local, masked, place, rate, short

if TYPE_CHECKING:
    from ispctl.report.shapes import ReasonJson, ServiceJson

WORDS: Final = {
    "cut-off": "cut off",
    "walled": "walled",
    "ended": "ended",
    "slower": "slower",
    "address": "readdressed",
    "other": "changed",
    "unadopted": "not adopted yet",
    "faster": "faster",
    "restored": "restored",
    "new": "new",
}
GAINS: Final = frozenset({"faster", "restored", "new"})
HARM: Final = frozenset({"cut-off", "walled", "ended", "slower"})
NOTHING: Final = "none"


def owner(service: ServiceJson) -> str:
    return clean(f"{service['id']}/{service['key']}")


def effect_words(service: ServiceJson) -> str:
    if service["effects"] == ["restored"] and service["was"].get("state") == "pending":
        return "begins"
    if service["effects"] == ["other"] and service["cause"] == "facts" and service["was"].get("state") == "waiting":
        return "first login"
    return ", ".join(WORDS.get(effect, clean(effect)) for effect in service["effects"])


def turn(effects: Collection[str]) -> str:
    """loses, changes or gains: by the worst effect."""
    found = set(effects)
    return "loses" if found & HARM else "gains" if found and found <= GAINS else "changes"


def session_words(service: ServiceJson) -> str:
    had = service["was"].get("access", "none") != "none"
    if not had and service["session"] in ("unknown", "none"):
        return "no session yet"
    kept = service["if_online"] == "kept"
    return {
        "unknown": "kept if online" if kept else "drops if online",
        "none": "nobody online",
        "kept": "stays online",
        "dropped": "drops",
    }.get(service["session"], clean(service["session"]))


def why(reason: ReasonJson, hidden: frozenset[str]) -> tuple[str, str]:
    """(the reason, its file:line and the commit that brought it)"""
    where = place(reason)
    if reason["commit"]:
        where = f"{where}, commit {short(reason['commit'])}" if where else f"commit {short(reason['commit'])}"
    return masked(reason["text"], hidden), where


def differences(service: ServiceJson) -> list[str]:
    """How it was and will be, part by part; for a service that comes or goes, what it is."""
    was, will_be = service["was"], service["will_be"]
    if not was:
        return [*_described(will_be)]
    if not will_be:
        return [f"{_state(was)}, tariff {clean(was['tariff'])} → no longer there"]
    return list(_differences(was, will_be))


def _described(side: dict[str, Any]) -> Iterator[str]:
    yield _state(side)
    yield f"tariff {clean(side['tariff'])}"
    if side["rate"]:
        yield _rate(side["rate"]) + " down/up"
    if side["access"] != "open":
        return  # behind the wall there is no address of one's own
    for name, label in (("ipv4", "IPv4"), ("ipv6", "IPv6"), ("delegated", "prefix")):
        if side[name]:
            yield f"{label} {_address(side[name])}"


def _differences(was: dict[str, Any], will_be: dict[str, Any]) -> Iterator[str]:
    if (was["state"], was["access"]) != (will_be["state"], will_be["access"]):
        yield _turned("", _state(was), _state(will_be))
    if was["tariff"] != will_be["tariff"]:
        yield _turned("tariff", clean(was["tariff"]), clean(will_be["tariff"]))
    if was["rate"] and will_be["rate"] and was["rate"] != will_be["rate"]:
        yield from _rates(was["rate"], will_be["rate"])
    for name, label in (("ipv4", "IPv4"), ("ipv6", "IPv6"), ("delegated", "prefix")):
        if was[name] != will_be[name]:
            yield _turned(label, _address(was[name]), _address(will_be[name]))
    if was["routes"] != will_be["routes"]:
        yield _turned("routes", *(", ".join(map(clean, side["routes"])) or NOTHING for side in (was, will_be)))
    yield from _access(was, will_be)
    if was["ends"] != will_be["ends"]:
        yield _turned("ends", local(was["ends"]), local(will_be["ends"]))
    elif was["backstop"] != will_be["backstop"]:
        yield _turned("backstop", local(was["backstop"]), local(will_be["backstop"]))
    if was["on_expiry"] != will_be["on_expiry"]:
        yield _turned("when it ends", was["on_expiry"], will_be["on_expiry"])


def _password(was: dict[str, Any], will_be: dict[str, Any]) -> str:
    if not was["password"] or not will_be["password"]:
        return "password " + ("set" if will_be["password"] else "removed")
    same_key = was["sealed_with"] == will_be["sealed_with"]
    return "another password" if same_key else "password sealed with another key"


def _access(was: dict[str, Any], will_be: dict[str, Any]) -> Iterator[str]:
    """How one logs in. Neither logins nor MAC addresses are shown: for ipoe the one is the other."""
    if was["login"] != will_be["login"]:
        yield "another login"
    if was["password"] != will_be["password"]:
        yield _password(was, will_be)
    if was["identities"] != will_be["identities"]:
        yield "named by the network in another way"
    if was["mac"] != will_be["mac"]:
        before, after = _binding(was["mac"]), _binding(will_be["mac"])
        yield "other devices" if before == after else _turned("devices", before, after)
    if was["nas"] != will_be["nas"] or was["pop"] != will_be["pop"]:
        before, after = (", ".join(map(clean, side["nas"])) or NOTHING for side in (was, will_be))
        yield _turned("NAS", before, after)
    if was["roaming"] != will_be["roaming"]:
        yield _turned("elsewhere", was["roaming"], will_be["roaming"])
    if was["sessions"] != will_be["sessions"]:
        yield _turned("sessions", *(str(side["sessions"] or "unlimited") for side in (was, will_be)))


def _turned(label: str, before: str, after: str) -> str:
    return f"{label} {before} → {after}".strip()


def _state(side: dict[str, Any]) -> str:
    meets = {"walled": " (payment page only)", "none": " (no login)"}.get(side["access"], "")
    return clean(side["state"]) + meets


def _rate(said: dict[str, Any]) -> str:
    return rate(said["down"], said["up"])


def _rates(was: dict[str, Any], will_be: dict[str, Any]) -> Iterator[str]:
    if _rate(was) != _rate(will_be):
        yield _turned("", _rate(was), _rate(will_be)) + " down/up"
    if was["burst"] != will_be["burst"]:
        before, after = (_rate(side["burst"]) if side["burst"] else NOTHING for side in (was, will_be))
        yield "another burst" if before == after else _turned("burst", before, after)


def _address(text: str) -> str:
    return "pool " + clean(text.removeprefix("pool:")) if text.startswith("pool:") else clean(text) or NOTHING


def _binding(mac: dict[str, Any]) -> str:
    if mac["mode"] == "off":
        return "any"
    return f"{mac['mode']} ({len(mac['addresses'])} of {mac['max']}, else {mac['on_mismatch']})"
