"""Names of the head that somebody may have meant."""

from __future__ import annotations

from difflib import get_close_matches

from ispctl.model.problem import Problem, Refusal
from ispctl.repo import Holding
from ispctl.status.view import View


def near(view: View, named: str) -> list[str]:
    """Up to three logins or ids that are spelt much like this, closest first."""
    known = {name.partition("@")[0]: name for name, _ in view.head.logins()}
    known |= {document.value.id: document.value.id for document in view.head.subscribers()}
    term = named.casefold().partition("@")[0]
    found = get_close_matches(term, known, n=3, cutoff=0.75) or [
        name for name in sorted(known) if term and term in name
    ]
    return [known[name] for name in found[:3]]


def services(view: View, named: str) -> tuple[Holding, ...]:
    """The services that a login, an id or id/key names. Raises Refusal E321 with what may have been meant."""
    found = view.head.find(named)
    if found:
        return found
    close = near(view, named)
    advice = f"Did you mean {' or '.join(close)}?" if close else "ispstat list names everybody"
    if view.head.broken:
        advice += f"; {len(view.head.broken)} files could not be read: ispctl validate"
    raise Refusal(Problem("E321", "there is no subscriber, service or login of that name", advice=advice))


def one_of(kind: str, name: str, names: list[str]) -> None:
    """Raises Refusal E621 for a name that is none of `names`; `kind` is what was typed before it."""
    if name in names:
        return
    close = get_close_matches(name, names, n=1)
    advice = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(names) or 'none'}"
    raise Refusal(Problem("E621", f"{kind} {name}: there is none of that name at the head", advice=advice))
