"""Would a login be accepted now? The rows of the database decide, as the server does; git says why."""

from __future__ import annotations

from ispctl.model.network import Nas
from ispctl.plan import Resources
from ispctl.platforms import Attribute
from ispctl.radius.decision import Asking, Known, decide, mac_of
from ispctl.radius.rendering import WALLED
from ispctl.radius.server import stale_after
from ispctl.repo import Holding
from ispctl.status.reasons import Asked, behind_the_wall, explain
from ispctl.status.stops import unadopted
from ispctl.status.values import Reason
from ispctl.status.view import View, entitled
from ispctl.store import facts
from ispctl.structs import Struct


class Outlook(Struct):
    """The answer that a login with the right password would get now through one NAS with one device. `reply` is empty
    where it is refused."""

    login: str
    nas: str
    platform: str
    mac: str
    accepted: bool
    word: str
    words: str
    advice: str
    because: Reason
    reply: tuple[Attribute, ...]


def outlook(view: View, holding: Holding, nas: Nas, mac: str, rows: Resources | None = None) -> Outlook | None:
    """By `rows`, or by those of the database; None where it gives no answer, and where somebody else's rows do."""
    login, e = holding.service.login, entitled(holding, view.head, view.now)
    used = view.rows if rows is None else rows
    known = knowledge(view, login, mac) if rows is None else Known(frozenset(e.macs if e else ()))
    if used is None or known is None or (rows is None and unadopted(view, [login])):
        return None
    verdict = decide(used, Asking(login, nas.name, nas.platform, mac, view.now), known)
    asked = Asked(view, login, mac, e, nas)
    walled = verdict.accepted and used.get(("login", login), {}).get("group") == WALLED
    said = behind_the_wall(asked) if walled else explain(verdict.word, asked)
    why = (verdict.word, said.words, said.advice, said.because)
    return Outlook(login, nas.name, nas.platform, mac, verdict.accepted, *why, verdict.reply)


def knowledge(view: View, login: str, mac: str) -> Known | None:
    """What the server knows of a login and a device beside its rows; None where the database gives no answer."""
    bound = view.ask(lambda store: facts.bound(store, [login]))
    sessions = view.ask(lambda store: tuple(store.sessions(logins=[login])))
    free = view.ask(lambda store: facts.to_give(store, login, mac_of(mac), view.now))
    if bound is None or sessions is None or free is None:
        return None
    silent = stale_after(nas.accounting.interim for nas in view.served.nas.values())
    return Known(frozenset(one.mac for one in bound), sessions, silent, free)


def home(view: View, holding: Holding) -> Nas | None:
    """The NAS that a service would most likely dial in through: the first where it is planned, else any."""
    e = entitled(holding, view.head, view.now)
    able = [nas for nas in view.head.nas.values() if nas.radius]
    planned = [nas for nas in able if e and nas.name in e.nas]
    return next(iter([*planned, *able]), None)


def device(view: View, holding: Holding) -> str:
    """A device that is bound to a service, written or learned; empty where there is none."""
    bound = view.ask(lambda store: facts.bound(store, [holding.service.login])) or ()
    return next((one.mac for one in bound), "")
