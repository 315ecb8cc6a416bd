"""Changing what is written of a subscriber: single fields, the login, the group."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Final, get_args, get_origin

from ispctl.desired import Because, Entitlement, entitle
from ispctl.model.document import Document
from ispctl.model.ledger import companion
from ispctl.model.problem import Problem, Refusal
from ispctl.model.record import Loc, Record, fields_of
from ispctl.model.subscriber import Profile, Service, Subscriber
from ispctl.repo import edit as text
from ispctl.verbs.book import Book
from ispctl.verbs.draft import Draft, decoded
from ispctl.verbs.noted import note, noted
from ispctl.verbs.rows import Request

_OTHERS: Final[Mapping[str, str]] = {
    "key": "It never changes",
    "login": "ispctl rename-login",
    "password": "ispctl reset-password",
    "tariff": "ispctl change-tariff, or ispctl schedule for later",
    "activated": "ispctl activate",
    "activation": "ispctl activate",
    "paid_until": "ispctl renew",
    "grace": "ispctl grace",
    "allowance": "ispctl topup",
    "scheduled": "ispctl schedule",
    "hold": "ispctl hold",
    "suspended": "ispctl suspend and ispctl resume",
    "terminated": "ispctl terminate",
    "ipv4": "ispctl ip set",
    "ipv6": "ispctl ip set",
    "mac": "ispctl mac",
    "cpe": "ispctl cpe link and ispctl cpe unlink",
    "old_passwords": "ispctl reset-password --at-once ends them",
}
"""What other verbs change, each with what has to go along."""
_SHARD: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")


def _places() -> Iterator[str]:
    yield from (f"profile.{name}" for name in fields_of(Profile))
    for name, field in fields_of(Service).items():
        if name not in _OTHERS:
            inner = field.hint
            if isinstance(inner, type) and issubclass(inner, Record):
                yield from (f"{name}.{below}" for below in fields_of(inner))
            else:
                yield name


FIELDS: Final = tuple(_places())
"""What `edit` changes, as it is named."""


@noted
def edit(draft: Draft, term: str, assignments: Sequence[str]) -> None:
    """Set fields, `profile.mobile=+977 …`, or take them away, `profile.email=`. A list is written with commas. Raises
    Refusal E321, E685, and what is wrong with the file then."""
    given = [_assignment(one) for one in assignments]
    if all(place.startswith("profile.") for place, _ in given):
        document, number = draft.subscriber(term), 0
    else:
        holding = draft.service(term)
        document, number = holding.document, holding.number
    path = document.path
    data, before = draft.data(path), document.value
    if any(place.startswith("access.") for place, _ in given) and not _written(before, ("services", number, "access")):
        data = text.put(data, path, ("services", number, "access"), {"type": "pppoe"})
    for place, value in given:
        loc = _loc(place, number)
        if value:
            data = text.put(data, path, loc, _typed(place, value))
        elif _written(before, loc):
            data = text.drop(data, path, loc)
    after = decoded(path, data).value
    changed = [one for one in given if _at(before, _loc(one[0], number)) != _at(after, _loc(one[0], number))]
    if changed:
        draft.write(path, data)
        key = "" if all(place.startswith("profile.") for place, _ in changed) else before.services[number].key
        draft.say("edit", document, key, ", ".join(_said(*one) for one in changed))


@noted
def rename_login(draft: Draft, term: str, login: str) -> None:
    """Another login for a service. Raises Refusal E321, E032; whose it is already is found by validation (E103)."""
    held = draft.service(term)
    if held.service.login == login:
        return
    path = held.document.path
    draft.put(path, (*held.loc, "login"), login)
    decoded(path, draft.data(path))
    if held.service.password:
        draft.notes.append(f"The password stays: it is sealed for {held.owner}, not for its login.")
        if draft.tells_device(held):
            serial = held.service.cpe[0].serial
            draft.notes.append(
                f"{serial} dials with the old login until it is told the new one, and is refused meanwhile: if it calls"
                " the ACS through that connection, have the new login typed into it (docs/cpe.md)."
            )
    draft.say("rename-login", held.document, held.service.key, "another login")


def move(draft: Draft, term: str, group: str, shard: str | None = None) -> None:
    """Into another group, with the account. The folders below the group stay the same unless `shard` names others.
    Raises Refusal E321, E616, E685."""
    document = draft.subscriber(term)
    if draft.asked.key:
        Book(draft, document).unless_done()
    known = sorted(one.value.name for one in draft.head.groups())
    if group not in known:
        advice = f"There are: {', '.join(known)}; a new one begins with subscribers/{group}/group.yaml"
        raise Refusal(Problem("E616", f"there is no group {group}", advice=advice))
    if shard is not None and not _SHARD.fullmatch(shard):
        raise Refusal(Problem("E685", "--shard is no folder of lower-case letters, digits, '.', '_' and '-'"))
    path = document.path
    _, old, *below, name = path.split("/")
    to = "/".join(["subscribers", group, *([shard] if shard else below), name])
    if to == path:
        return
    note(draft, document, "move")
    relocate(draft, path, to)
    if group == old:
        draft.say("move", document, "", "another folder of its group")
        return
    draft.notes += merged(draft, document, Document(to, document.value, document.places))
    draft.say("move", document, "", f"{old} → {group}")


def relocate(draft: Draft, path: str, to: str) -> None:
    """Move a file of a subscriber, and the account if there is one."""
    account = companion(path)
    there = draft.files[account] is not None if account in draft.files else draft.head.has(account)
    draft.move(path, to)
    if there:
        draft.move(account, companion(to))


def merged(draft: Draft, before: Document[Subscriber], after: Document[Subscriber]) -> Iterator[str]:
    """What the services of a subscriber are given before and after, and the line that each value comes from."""
    for number, service in enumerate(before.value.services):
        owner = f"{before.value.id}/{service.key}"
        try:
            was, new = (_given(entitle(one, number, draft.head, draft.now)) for one in (before, after))
        except KeyError:
            continue  # without a tariff nothing can be said, and validation says that
        for name, (value, where) in was.items():
            other, there = new[name]
            if other == value:
                yield f"{owner} {name}: {value} stays ({there})"
            else:
                yield f"{owner} {name}: {value} ({where}) → {other} ({there})"


def _given(one: Entitlement) -> Mapping[str, tuple[str, str]]:
    said = {
        "tariff": (one.terms.tariff, "tariff"),
        "nas": (", ".join(one.nas) or "any", "nas"),
        "ipv4": (one.ipv4 or "none", "ipv4"),
        "ipv6": (one.ipv6 or "none", "ipv6"),
        "delegated": (one.delegated or "none", "ipv6"),
        "mac mode": (one.mac_mode, "mac"),
    }
    return {name: (value, _where(one.because.get(reason))) for name, (value, reason) in said.items()}


def _where(because: Because | None) -> str:
    return str(because.where) if because and because.where else "default"


def _assignment(one: str) -> tuple[str, str]:
    """`nas=pop-lalitpur` as a place and a text. Raises Refusal E685; what was given is not repeated, since it may be
    of a person."""
    place, sign, value = one.partition("=")
    place = place.strip()
    if not sign:
        raise Refusal(Problem("E685", "a change is written field=value", advice=f"Fields: {', '.join(FIELDS)}"))
    if place in FIELDS:
        return place, value.strip()
    first = place.partition(".")[0]
    if first in _OTHERS:
        raise Refusal(Problem("E685", f"{first} is not changed by edit", advice=_OTHERS[first]))
    tails = {name.rpartition(".")[2]: name for name in FIELDS}
    near = get_close_matches(place, [*FIELDS, *tails], n=1)
    advice = f"Did you mean {tails.get(near[0], near[0])}?" if near else f"Fields: {', '.join(FIELDS)}"
    raise Refusal(Problem("E685", f"there is no field {place}" if near else "there is no such field", advice=advice))


def _loc(place: str, number: int) -> Loc:
    parts = tuple(place.split("."))
    return parts if parts[0] == "profile" else ("services", number, *parts)


def _typed(place: str, value: str) -> text.Value:
    """A list or a number where the model has one; everything else is text, which the model judges."""
    field: Any = Subscriber if place.startswith("profile.") else Service
    for part in place.split("."):
        field = fields_of(field)[part].hint
    kinds = set(_within(field))
    if any(get_origin(kind) is tuple for kind in kinds):
        return [part.strip() for part in value.split(",") if part.strip()]
    number = int in kinds and value.isascii() and value.isdigit()
    return int(value) if number else value


def _within(kind: Any) -> Iterator[Any]:
    """A type, and those that it is made of, without what is said of them beside."""
    yield kind
    for part in get_args(kind)[: 1 if get_origin(kind) is Annotated else None]:
        yield from _within(part)


def _at(value: Any, loc: Loc) -> Any:
    for part in loc:
        value = None if value is None else value[part] if isinstance(part, int) else getattr(value, part)
    return value


def _written(value: Any, loc: Loc) -> bool:
    """Whether the file says something at a place."""
    holder = _at(value, loc[:-1])
    return holder is not None and loc[-1] in holder.given and _at(holder, loc[-1:]) is not None


def _said(place: str, value: str) -> str:
    """Without what is personal."""
    if not value:
        return f"{place} removed"
    return place if place.startswith("profile.") else f"{place} = {value}"


REQUESTS: Final = {
    "edit": Request(
        lambda draft, row: edit(
            draft, row.text("sub"), [f"{name}={row.text(name)}" for name in FIELDS if row.text(name, "")]
        ),
        FIELDS,
    ),
    "rename-login": Request(lambda draft, row: rename_login(draft, row.text("sub"), row.text("login")), ("login",)),
    "move": Request(
        lambda draft, row: move(draft, row.text("sub"), row.text("group"), row.text("shard", "") or None),
        ("group", "shard"),
    ),
}
