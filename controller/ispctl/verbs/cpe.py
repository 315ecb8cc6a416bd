"""Which devices of a subscriber are ours to configure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ispctl.model.problem import Problem, Refusal
from ispctl.verbs.coming import Seal
from ispctl.verbs.draft import Draft, decoded
from ispctl.verbs.noted import noted
from ispctl.verbs.password import forget_old
from ispctl.verbs.rows import Request, Row


@noted
def link(draft: Draft, term: str, serial: str, profile: str) -> None:
    """A device for a service. That it is nobody else's, and that there is such a profile, is found by validation (E143,
    E145). Raises Refusal E321, E032."""
    held = draft.service(term)
    path, place = held.document.path, (*held.loc, "cpe")
    names = [one.serial for one in held.service.cpe]
    if serial in names:
        number = names.index(serial)
        if held.service.cpe[number].profile == profile:
            return
        draft.put(path, (*place, number, "profile"), profile)
    else:
        entry = {"serial": serial, "profile": profile}
        draft.put(path, (*place, len(names)) if names else place, entry if names else [entry])
    decoded(path, draft.data(path))
    if not draft.head.reaches_routers:
        draft.notes.append("inventory/targets.yaml says nothing about cpe: no device is configured (docs/cpe.md).")
    elif names and serial not in names:
        draft.notes.append(f"{names[0]} was linked before and goes on being told the login; {serial} is told none.")
    else:
        draft.notes.append(f"{serial} is told the login of {held.owner} when it calls after the next apply.")
    draft.say("cpe-link", held.document, held.service.key, f"the device {serial}, profile {profile}")


@noted
def unlink(draft: Draft, term: str, serial: str, clear: str | None, seal: Seal) -> None:
    """A device is a service's no more. `clear`: the password that the service has from now on, since the device knows
    the old one; None: it keeps what it has. Raises Refusal E321, E684, E201 to E209."""
    held = draft.service(term)
    path, place = held.document.path, (*held.loc, "cpe")
    names = [one.serial for one in held.service.cpe]
    if not serial and len(names) == 1:
        serial = names[0]
    if serial not in names:
        text = f"{held.owner} has no such device" if serial else f"{held.owner} has {len(names)} devices"
        advice = f"It has: {', '.join(names)}" if names else "Nothing is linked to it"
        raise Refusal(Problem("E684", text, held.document.where(*held.loc), advice))
    number = names.index(serial)
    draft.drop(path, (*place, number) if len(names) > 1 else place)
    said = f"the device {serial}"
    if held.service.password is not None and clear is not None and number == 0:
        forget_old(draft, held)
        draft.put(path, (*held.loc, "password"), seal(draft.head, held.owner, clear))
        said += ", and another password"
        draft.notes.append(f"{serial} dials in with a password that holds no more, as soon as this is applied.")
    elif number == 0:
        draft.notes.append(f"{serial} still knows the password of {held.owner}.")
    draft.say("cpe-unlink", held.document, held.service.key, said)


def requests(seal: Seal, password: Callable[[], str]) -> Mapping[str, Request]:
    """As requests: `keep_password` leaves the service the one that the device knows."""

    def _link(draft: Draft, row: Row) -> None:
        link(draft, row.text("sub"), row.text("serial"), row.text("profile", "generic"))

    def _unlink(draft: Draft, row: Row) -> None:
        clear = None if row.flag("keep_password") else password()
        unlink(draft, row.text("sub"), row.text("serial", ""), clear, seal)

    return {
        "cpe-link": Request(_link, ("serial", "profile")),
        "cpe-unlink": Request(_unlink, ("serial", "keep_password")),
    }
