"""Names of the head that somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from difflib import get_close_matches
from string import ascii_lowercase, digits
from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.repo import Holding, Snapshot
from ispctl.repo.rules.scene import Scene
from ispctl.status.view import View
from ispctl.store import facts

_LETTERS: Final = ascii_lowercase + digits + "._-"
_LONGEST: Final = 64
_REALMS: Final = 4
"""So many realms of the policy are tried behind a name."""


def near(view: View, named: str) -> list[str]:
    """Up to three logins or ids that are spelt much like this, closest first. In a large repository those that one slip
    of the keyboard makes of it, else those of the database in which it stands."""
    term = named.casefold().partition("@")[0]
    if view.knows_everybody:
        known = _names(view.head)
        found = get_close_matches(term, known, n=3, cutoff=0.75) or _around(known, term)
        return [known[name] for name in found[:3]]
    realms = sorted({*named.partition("@")[2:], *view.head.policy.value.realms} - {""})[:_REALMS]
    known = _those_there(view, [f"{slip}{realm and f'@{realm}'}" for slip in _slips(term) for realm in ("", *realms)])
    found = get_close_matches(term, known, n=3, cutoff=0.75)
    if not found and term:
        known = _those_there(view, sorted(view.ask(lambda store: facts.names_with(store, term)) or ()))
        found = _around(known, term)
    return [known[name] for name in found[:3]]


def _names(part: Snapshot) -> dict[str, str]:
    """By what is compared of them: a login is known without its realm."""
    known = {name.partition("@")[0]: name for name, _ in part.logins()}
    return known | {document.value.id: document.value.id for document in part.subscribers()}


def _around(known: dict[str, str], term: str) -> list[str]:
    return [name for name in sorted(known) if term and term in name]


def _those_there(view: View, names: list[str]) -> dict[str, str]:
    """The names among these that somebody has: at the head, or where that would be looked through, in the database."""
    part = view.lookup.alike(view.head.commit, names)
    if part is not None:
        wanted = {name.casefold() for name in names}
        return {short: name for short, name in _names(part).items() if name in wanted}
    found = (view.ask(lambda store: facts.namesakes(store, names)) or frozenset()).intersection(names)
    return {name.partition("@")[0]: name for name in sorted(found, key=lambda name: "@" not in name)}  # an id wins


def _slips(term: str) -> Iterator[str]:
    """What somebody means who types this with one letter too many, too few, wrong or in the other's place."""
    for i in range(min(len(term), _LONGEST) + 1):
        head, tail = term[:i], term[i:]
        yield head + tail[1:]
        yield head + tail[1:2] + tail[:1] + tail[2:]
        for letter in _LETTERS:
            yield head + letter + tail[1:]
            yield head + letter + tail


def services(view: View, named: str) -> tuple[Holding, ...]:
    """The services that a login, an id or id/key names. Raises Refusal E321 with what may have been meant."""
    view.meet(named)
    found = view.head.find(named)
    if found:
        return found
    if view.applied is not None and (served := view.applied.find(named)):
        text = f"the head has nobody of that name any more; commit {view.applied.commit[:12]}, which is applied, has it"
        advice = f"ispstat show {served[0].document.value.id} --at now tells what holds until then"
        raise Refusal(Problem("E321", text, advice=advice))
    close = near(view, named)
    advice = f"Did you mean {' or '.join(close)}?" if close else "ispstat list names everybody"
    if view.head.broken:
        advice += f"; {len(view.head.broken)} files could not be read: ispctl validate"
    raise Refusal(Problem("E321", "there is no subscriber, service or login of that name", advice=advice))


def whose(part: Snapshot, login: str, at: datetime) -> Holding | None:
    """Whose a login was at a moment, of those whom `part` knows: an ended service frees it for the next. Where it was
    nobody's then, whoever had it last before that, else whoever gets it first."""
    found = part.by_login(login)
    if len(found) < 2:
        return next(iter(found), None)
    scene = Scene(part, at)
    lives = [(scene.life(one.service), one) for one in found]
    held = [(life.end, one) for life, one in lives if life.start <= at < life.end]
    if held:  # who follows may have no first day
        return min(held, key=lambda each: each[0])[1]
    over = [(life.end, one) for life, one in lives if life.end <= at]
    return max(over, key=lambda each: each[0])[1] if over else min(lives, key=lambda each: each[0].start)[1]


def is_his(part: Snapshot, holding: Holding, at: datetime) -> bool:
    """Whether a service had its login at a moment, and not whoever had it before or gets it later."""
    found = whose(part, holding.service.login, at)
    return found is not None and found.owner == holding.owner


def one_of(kind: str, name: str, names: list[str], where: str = " at the head") -> None:
    """Raises Refusal E621 for a name that is none of `names`; `kind` is what was typed before it."""
    if name in names:
        return
    close = get_close_matches(name, names, n=1)
    advice = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(names) or 'none'}"
    raise Refusal(Problem("E621", f"{kind} {name}: there is none of that name{where}", advice=advice))
