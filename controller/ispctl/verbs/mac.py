"""Which devices may use a service: bound, cleared, taken over from what the server learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, cast, get_args

from ispctl.model.problem import Problem, Refusal
from ispctl.model.reading import value_of
from ispctl.model.rules import Wrong
from ispctl.model.scalars import Mac
from ispctl.model.subscriber import Binding, Device, group_of
from ispctl.repo import Holding, Snapshot
from ispctl.repo.edit import Value
from ispctl.verbs.draft import Draft, decoded
from ispctl.verbs.noted import noted
from ispctl.verbs.rows import Request, Row

Mode = Literal["off", "learn", "fixed"]
Mismatch = Literal["reject", "wall", "alert"]
Learned = Callable[[Snapshot, str], Sequence[str]]
"""(commit, login) -> the devices that the server learned, which is a fact and stands in no file. Raises Refusal."""
_MOST: Final = 16


def device(text: str) -> str:
    """A MAC address in any notation, as it stands in files. Raises Refusal E690."""
    try:
        found: str = value_of(Mac, text.strip())
    except Wrong as wrong:
        said = str(wrong)
    else:
        return found
    raise Refusal(Problem("E690", f"the MAC address {said}", advice="Any notation will do: 0200.5e10.0001"))


@noted
def bind(draft: Draft, term: str, mac: str, label: str = "") -> None:
    """A device more. Raises Refusal E321, E684, E690."""
    held, mac = draft.service(term), device(mac)
    old = _binding(draft, held)
    there = [one for one in old.addresses if one.mac == mac]
    if there and (there[0].label or "") == (label or there[0].label or ""):
        return
    named = Device(mac=mac, label=label or None)
    devices = (*(named if one.mac == mac else one for one in old.addresses), *(() if there else (named,)))
    if old.mode != "off" and len(devices) > old.max:
        text = f"{held.owner} may have {old.max} devices, and as many are bound"
        advice = (
            f"ispctl mac clear SUB MAC frees a place; ispctl mac mode SUB {old.mode} --max {len(devices)} makes one"
        )
        raise Refusal(Problem("E684", text, held.document.where(*held.loc, "mac"), advice))
    if old.mode == "off":
        draft.notes.append(f"The mode is off: any device may use {held.owner}, until ispctl mac mode says fixed.")
    if int(mac[:2], 16) & 2:
        draft.notes.append(f"{mac} is made up by its device (W702): it may be another after a reset.")
    _write(draft, held, old.but(addresses=devices))
    draft.say("mac-bind", held.document, held.service.key, mac)


@noted
def clear(draft: Draft, term: str, mac: str | None, learned: Learned, *, direct: bool) -> tuple[str, tuple[str, ...]]:
    """Forget a device, or all. Gives the login and what the server has learned and has to forget, since that stands in
    no file; nothing of it where files change too and that is only proposed (not `direct`): nobody loses a device by a
    request that may never be merged. A list that becomes empty is learned anew. Raises Refusal E321, E690, E3xx."""
    held, one = draft.service(term), device(mac) if mac else None
    old = _binding(draft, held)
    kept = tuple(own for own in old.addresses if one and own.mac != one)
    gone = [own.mac for own in old.addresses if own not in kept]
    facts = learned(draft.head, held.service.login) if old.mode == "learn" else ()
    forgotten = tuple(fact for fact in facts if one in (None, fact))
    if gone:
        mode: Mode = "learn" if old.mode == "fixed" and not kept else old.mode
        _write(draft, held, old.but(addresses=kept, mode=mode))
        anew = "; the next device is learned" if mode != old.mode else ""
        draft.say("mac-clear", held.document, held.service.key, ", ".join(gone) + anew)
    waits = bool(gone) and not direct
    what = f"it stays until the request is merged; then ispctl mac clear {held.owner} {{0}} has the database forget it"
    told = what if waits else "the database forgets it at once"
    draft.notes += [f"{fact} was learned by the server: {told.format(fact)}." for fact in forgotten]
    if gone or forgotten:
        draft.notes.append("Whoever is online stays so: the next login is judged anew.")
    return held.service.login, () if waits else forgotten


@noted
def promote(draft: Draft, term: str, learned: Learned) -> None:
    """What the server learned becomes what git says. Raises Refusal E321, E684, E3xx."""
    held = draft.service(term)
    old = _binding(draft, held)
    known = {own.mac for own in old.addresses}
    facts = [mac for mac in learned(draft.head, held.service.login) if mac not in known] if old.mode == "learn" else []
    if not facts:
        if known:
            return
        text = f"the server has learned no device of {held.owner}"
        advice = "ispctl mac bind SUB MAC names one"
        raise Refusal(Problem("E684", text, held.document.where(*held.loc, "mac"), advice))
    devices = (*old.addresses, *(Device(mac=mac, label="learned") for mac in facts))
    most = max(old.max, len(devices))
    _write(draft, held, old.but(addresses=devices, max=most))
    draft.say("mac-promote", held.document, held.service.key, ", ".join(facts))


@noted
def set_mode(draft: Draft, term: str, mode: Mode, most: int | None = None, mismatch: Mismatch | None = None) -> None:
    """How devices are bound. Raises Refusal E321, E684, E032."""
    held = draft.service(term)
    old = _binding(draft, held)
    if mode == "fixed" and not old.addresses:
        text = f"{held.owner} has no device: the mode fixed would lock everybody out"
        advice = "ispctl mac bind SUB MAC names one, ispctl mac promote SUB takes what was learned"
        raise Refusal(Problem("E684", text, held.document.where(*held.loc, "mac"), advice))
    room = most or (max(old.max, len(old.addresses)) if mode == "fixed" else old.max)
    new = old.but(mode=mode, max=room, on_mismatch=mismatch or old.on_mismatch)
    if new == old:
        return
    if old.mode == "learn" and mode != "learn":
        draft.notes.append("What the server learned and git does not name is forgotten by the next apply.")
    _write(draft, held, new)
    draft.say("mac-mode", held.document, held.service.key, f"{mode}, at most {new.max}, else {new.on_mismatch}")


def _binding(draft: Draft, held: Holding) -> Binding:
    """What holds for a service: its own, else the group's."""
    if "mac" in held.service.given:
        return held.service.mac
    group = draft.head.group(group_of(held.document.path))
    return (group.value.defaults.mac if group else None) or held.service.mac


def _write(draft: Draft, held: Holding, new: Binding) -> None:
    """Only what differs; all of it where the service had nothing of its own, since then the group's holds no more."""
    path, loc = held.document.path, (*held.loc, "mac")
    if "mac" not in held.service.given:
        draft.put(path, loc, _said(new))
        return
    old = held.service.mac
    for name in ("mode", "max", "on_mismatch"):
        if getattr(new, name) != getattr(old, name):
            draft.put(path, (*loc, name), getattr(new, name))
    kept = {one.mac: one for one in new.addresses}
    left = [one for one in old.addresses if one.mac in kept]
    if old.addresses and not left:
        draft.drop(path, (*loc, "addresses"))
    else:
        for number in reversed(range(len(old.addresses))):
            if old.addresses[number].mac not in kept:
                draft.drop(path, (*loc, "addresses", number))
    for number, one in enumerate(new.addresses):
        if number >= len(left):
            at = (*loc, "addresses", number) if number else (*loc, "addresses")
            draft.put(path, at, _device(one) if number else [_device(one)])
        elif one != left[number]:
            draft.put(path, (*loc, "addresses", number), _device(one))
    decoded(path, draft.data(path))


def _said(new: Binding) -> Value:
    said: dict[str, Value] = {"mode": new.mode, "max": new.max, "on_mismatch": new.on_mismatch}
    return said | ({"addresses": [_device(one) for one in new.addresses]} if new.addresses else {})


def _device(one: Device) -> Value:
    return {"mac": one.mac, "label": one.label} if one.label else {"mac": one.mac}


def _chosen(row: Row, name: str, values: Sequence[str], default: str | None = None) -> str:
    text = row.text(name, default)
    if text not in (*values, default):
        raise row.wrong(f"{name} is one of {', '.join(values)}")
    return text


def _mode_row(draft: Draft, row: Row) -> None:
    mode = cast("Mode", _chosen(row, "mode", get_args(Mode)))
    mismatch = cast("Mismatch | None", _chosen(row, "on_mismatch", get_args(Mismatch), "") or None)
    most = row.number_of("max") if row.text("max", "") else None
    if most and most > _MOST:
        raise row.wrong(f"max is not a number from 1 to {_MOST}")
    set_mode(draft, row.text("sub"), mode, most, mismatch)


REQUESTS: Final = {
    "mac-bind": Request(
        lambda draft, row: bind(draft, row.text("sub"), row.text("mac"), row.text("label", "")), ("mac", "label")
    ),
    "mac-mode": Request(_mode_row, ("mode", "max", "on_mismatch")),
}


def of_learned(learned: Learned, forgotten: dict[str, tuple[str, ...]], *, direct: bool) -> Mapping[str, Request]:
    """The verbs that ask what the server learned, as requests. `forgotten` is told what it has to forget, by login."""

    def act(draft: Draft, row: Row) -> None:
        login, macs = clear(draft, row.text("sub"), row.text("mac", "") or None, learned, direct=direct)
        if macs:
            forgotten[login] = tuple(dict.fromkeys((*forgotten.get(login, ()), *macs)))

    return {
        "mac-clear": Request(act, ("mac",)),
        "mac-promote": Request(lambda draft, row: promote(draft, row.text("sub"), learned)),
    }
