"""What the server's words for its decisions mean, which line of a file decides it, and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ispctl.desired import Because, Entitlement
from ispctl.model.network import Nas
from ispctl.states import State
from ispctl.status.names import near
from ispctl.status.values import Reason, reason
from ispctl.status.view import View
from ispctl.structs import Struct

Advice = Callable[["Asked"], str]


class Asked(Struct):
    """What is known about a login that was tried. `e` is None where nobody of ours has it; `nas` where it came from a
    NAS that is not in the inventory."""

    view: View
    login: str
    mac: str
    e: Entitlement | None
    nas: Nas | None


class Explained(Struct):
    """A word of the server for the on-call: what it means, what to do next, and the line that decides it."""

    words: str
    advice: str
    because: Reason


class _Word(Struct):
    """`key`: the reason of the entitlement that decides it."""

    words: str
    advice: Advice
    key: str = ""


def _say(text: str) -> Advice:
    return lambda _: text


def _unknown(asked: Asked) -> str:
    if asked.e is not None and asked.e.login != asked.login:
        return f"The router sends capitals, and the login is {asked.e.login}: correct it in the router"
    if asked.e is not None:
        return f"Git has this login: ispstat show {asked.login} tells whether the database knows it now"
    close = near(asked.view, asked.login)
    if close:
        return f"Did you mean {' or '.join(close)}? The router may be set up with a misspelt login"
    return "No login is spelt like this: is it another provider's customer, or not committed yet?"


def _realm(asked: Asked) -> str:
    close = near(asked.view, asked.login)
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    return f"{meant}A realm of yours? realms: of policy.yaml lists them; nothing is passed on to another server"


def _mac(asked: Asked) -> str:
    if asked.e is not None and asked.e.mac_mode == "off":
        return "By git any device may use it now"
    bound = ", ".join(asked.e.macs) if asked.e and asked.e.macs else "what was learned"
    if not asked.mac:
        return f"The NAS sends no MAC address; bound: {bound}"
    return f"The MAC that came is {asked.mac}; bound: {bound}. A new router? Put its address there"


def _roaming(asked: Asked) -> str:
    planned = ", ".join(asked.e.nas) if asked.e and asked.e.nas else "nowhere"
    where = asked.nas.name if asked.nas else "a NAS that is not in the inventory"
    return f"It was tried on {where} and is planned on {planned}: change nas: there if it has moved"


def _password(asked: Asked) -> str:
    return f"Compare with what the router has: ispctl secrets show {asked.login}; nobody changes it from here"


def _profile(asked: Asked) -> str:
    platform = asked.nas.platform if asked.nas else "this platform"
    return f"No rows of a group for {platform}: those that are gone ispctl drift --repair writes, new ones ispctl apply"


_STATES: Final[Mapping[State, tuple[str, str]]] = {
    State.EXPIRED: ("it is not paid", "A payment moves paid_until; days of grace are given under grace:"),
    State.SUSPENDED: ("it is suspended", "Whoever suspended it decides: removing suspended: ends it"),
    State.HOLD: ("it is on hold", "Ask the customer whether the holiday is over: hold.until"),
    State.BLOCKED: ("it is over its volume", "ispctl topup gives more; ispstat usage shows when its window is over"),
    State.PENDING: ("it has not begun", "It begins on the day of activated:"),
    State.TERMINATED: ("its contract is over", "A new contract is a new service"),
}
_WORDS: Final[Mapping[str, _Word]] = {
    "ok": _Word("accepted", _say("")),
    "learned": _Word("accepted, and this MAC address is bound from now on", _say(""), "mac"),
    "roam": _Word("accepted, away from the NAS where it is planned", _roaming, "nas"),
    "alert:mac": _Word("accepted with another MAC address than the bound ones", _mac, "mac"),
    "wall:mac": _Word("put behind the wall for its MAC address", _mac, "mac"),
    "wall:expired": _Word(
        "put behind the wall by the server: its end has passed and no apply has come since",
        _say("ispctl apply"),
        "state",
    ),
    "bad-password": _Word("the password was wrong", _password, "password"),
    "method": _Word(
        "it came another way than the service is identified by: with a password, by its device, or by its line",
        _say("access: of the service says which; is the router's port set up for the other one?"),
        "login",
    ),
    "unknown-login": _Word("there is no such login", _unknown),
    "unknown-realm": _Word("there is no such login, and its realm is not one of the policy's", _realm),
    "unknown-client": _Word(
        "an address that is no NAS of ours", _say("A new router? Its address belongs to radius.sources in hosts.yaml")
    ),
    "mac": _Word("the MAC address is not one of those bound to it", _mac, "mac"),
    "roaming": _Word("the NAS is not where it is planned", _roaming, "nas"),
    "sessions": _Word(
        "it is online as often as its tariff allows",
        lambda asked: f"ispstat sessions --login {asked.login} shows from where",
        "sessions",
    ),
    "no-profile": _Word("its group has no rows for the platform of this NAS", _profile, "tariff"),
    "pool-full": _Word("its pool has no free address", _say("ispstat pools shows how full each is"), "ipv4"),
    "bad-row": _Word("the server cannot read one of its rows", _say("ispstat drift, then ispctl drift --repair")),
    "refused": _Word("a row by hand refuses it", _say("ispstat drift names the row")),
}

WORDS: Final = sorted({*_WORDS, *_STATES})
"""All that have a meaning here."""


def behind_the_wall(asked: Asked) -> Explained:
    """Why the rows of a login put it behind the wall: by git its state does, or they are older than git."""
    e = asked.e
    if e is None or e.access != "walled":
        return Explained("behind the wall by its rows", f"ispstat show {asked.login} tells why they differ", _none())
    words, advice = _STATES[e.state]
    return Explained(f"behind the wall, since {words}", advice, _because("state", asked))


def explain(word: str, asked: Asked) -> Explained:
    """What a word means for this login. One that a newer server uses is told as it is."""
    if word in set(State):
        return _of_state(State(word), asked)
    known = _WORDS.get(word)
    if known is None:
        return Explained(f"the server says {word or 'nothing'}", "ispctl radius config renders this version's", _none())
    return Explained(known.words, known.advice(asked), _because(known.key, asked))


def _of_state(state: State, asked: Asked) -> Explained:
    words, advice = _STATES.get(state, (f"it is {state}", ""))
    e = asked.e
    if e is None or e.state is state:
        return Explained(words, advice, _because("state", asked))
    said = f"By git it is {e.state} now: ispstat show {asked.login} tells whether the database knows"
    return Explained(f"{words.replace('it is', 'it was', 1)} then", said, _because("state", asked))


def _because(key: str, asked: Asked) -> Reason:
    e = asked.e
    if e is None or not key:
        return _none()
    if key == "sessions":
        tariff = asked.view.head.tariff(e.terms.tariff)
        where = tariff.where_key("sessions") if tariff else None
        return reason(Because("tariff", f"sessions of tariff {e.terms.tariff}", where))
    return reason(e.because.get(key))


def _none() -> Reason:
    return Reason("server", "the server's own decision")
