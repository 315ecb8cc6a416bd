"""`ispstat show` as text: the first line answers the telephone, the blocks below it say why."""

from __future__ import annotations

from collections.abc import Iterator

from ispctl.status.online import Online
from ispctl.status.pending import PAID
from ispctl.status.present import Screen, config, dated, pairs
from ispctl.status.present_account import block
from ispctl.status.present_usage import window
from ispctl.status.profile import Given, Next, Shown
from ispctl.status.values import ago, clean, joined, rate, short, span, volume, when
from ispctl.status.view import Then

_STANDING = {
    "yes": "the database holds what the head says",
    "waiting": "the database does not hold it yet: a commit waits to be applied",
    "due": "the database does not hold it yet: time has changed it, and no run has come since",
    "paused": "the database does not hold it yet: a pause kept it back",
    "drifted": "the database was altered by hand: ispstat drift",
    "observed": "the database holds something else: only observed",
    "unadopted": "somebody else's rows answer until it is adopted: ispctl adopt",
    "unknown": "how the database stands to the head cannot be told",
}


def shown(one: Shown, screen: Screen) -> str:
    """All blocks of one service."""
    blocks = (
        ("declared", _declared(one, screen)),
        (_effective_heading(one, screen), _effective(one, screen)),
        ("applied", _applied(one, screen)) if one.then is None else ("as it was then", _then(one.then, screen)),
        ("sessions", _sessions(one, screen)),
        ("last refusals", _rejects(one, screen)),
        ("pending", _pending(one, screen)),
        ("account", block(one.account, screen) if one.account else [f"unknown: {one.account_fault}"]),
    )
    lines = [headline(one, screen)]
    for heading, body in blocks:
        lines += ["", heading, *(f"  {clean(line)}" for line in body)]
    return "\n".join(lines)


def headline(one: Shown, screen: Screen) -> str:
    """Is it in service, at which speed, online or not, and if not, why."""
    at = f"at {when(one.then.at, screen.zone)}, " if one.then else ""
    return clean(f"{at}{one.login} ({one.id}/{one.key}): {'; '.join(filter(None, _headline(one, screen)))}")


def _headline(one: Shown, screen: Screen) -> Iterator[str]:
    given = one.applied
    if any(found.because.code == PAID for found in one.pending):
        yield "PAID, APPLY PENDING"
    if one.state is None and one.account is None:
        yield "UNKNOWN: its account decides, and cannot be read (ispctl validate)"
    elif one.state is None:
        yield "UNKNOWN: it has no tariff that exists (ispctl validate)"
    elif given is None:
        yield f"{'' if one.then else 'by git '}{_by_git(one)}"
    elif given.standing == "observed":
        yield f"by git {_by_git(one)}, only observed: its rows are not ispctl's"
    elif given.standing == "unadopted":
        yield f"by git {_by_git(one)}, not adopted: somebody else's rows answer"
    elif given.standing in ("yes", "unknown"):
        yield _by_git(one)
    else:
        why = _STANDING[given.standing].rpartition(": ")[2]
        yield f"{_by_database(given)}{_renamed(one, given)}; by git {_by_git(one)}: {why}"
    yield _presence(one, screen)


def _by_git(one: Shown) -> str:
    why = {value.name: value.because for value in one.effective}["state"]
    place = f" ({why.place})" if why.place else ""
    said = why.text if why.text.startswith(str(one.state)) else f"{one.state}: {why.text}"
    if one.access == "open":
        slow = next((value.because for value in one.effective if value.because.code == "fair-use"), None)
        said = f", {why.text}{place}" if one.state == "grace" else ""
        said += f", {slow.text} ({slow.place})" if slow else ""
        return f"IN SERVICE at {rate(one.rate)}{said}"
    if one.access == "walled":
        return f"WALLED at {rate(one.rate)}, {said}{place}"
    return f"NOT IN SERVICE, {said}{place}"


def _by_database(given: Given) -> str:
    if given.group is None:
        return "NOT IN SERVICE: the database does not know this login"
    if given.refuse:
        return f"NOT IN SERVICE: the database refuses it as {given.refuse}"
    if given.group == "isp:walled":
        return "WALLED by the database"
    return f"IN SERVICE on {given.group.removeprefix('isp:') or 'no tariff'} by the database"


def _renamed(one: Shown, given: Given) -> str:
    """The login that holds until a renaming is applied."""
    return f" as {given.login}" if given.login not in ("", one.login) else ""


def _presence(one: Shown, screen: Screen) -> str:
    if one.sessions is None:
        ahead = one.then is not None and one.then.basis == "head"
        return "" if ahead else "whether it is online is unknown"
    live = [session for session in one.sessions if session.state == "live"]
    if not live:
        stale = " (a session is open, but nothing is heard of it)" if one.sessions else ""
        last = one.rejects[0] if one.rejects else None
        refused = f"; last refused {ago(last.at, screen.now)}: {last.reason}" if last and last.at else ""
        return f"offline{stale}{refused}"
    first = live[0]
    since = f" since {when(first.started, screen.zone)}" if first.started else ""
    behind = "; its session still runs older values" if first.config == "behind" else ""
    wall = f"; walled by the server: {first.walled}" if first.walled else ""
    return f"online{since} on {first.nas or first.nas_address}{' at ' + first.ipv4 if first.ipv4 else ''}{behind}{wall}"


def _declared(one: Shown, screen: Screen) -> list[str]:
    d = one.declared
    touched = f"{short(d.commit)} by {d.author}, {when(d.date, screen.zone)}: {d.subject}"
    commit = touched if d.commit else "unknown: the history of this copy is cut off"
    return pairs((("file", f"{d.file}:{d.line}"), ("last touched", commit)))


def _effective_heading(one: Shown, screen: Screen) -> str:
    until = f", until {when(one.next.at, screen.zone)}" if one.next else ""
    now = "then" if one.then else "now"
    return f"effective {now} ({when(screen.now, screen.zone)} {screen.zone.key}){until}"


def _effective(one: Shown, screen: Screen) -> list[str]:
    if not one.effective:
        return ["unknown: its tariff does not exist" if one.account else "unknown: its account cannot be read"]
    names = max(len(value.name) for value in one.effective)
    values = max(len(value.value) for value in one.effective if len(value.value) <= 40)
    lines = []
    for value in one.effective:
        because = joined((value.because.text, value.because.place))
        lines.append(f"{value.name.ljust(names)}  {value.value.ljust(values)}  {because}")
    lines += [f"{'usage'.ljust(names)}  {window(each, screen)}" for each in one.fair_use]
    return [*lines, f"{'then'.ljust(names)}  {then(one.next, screen)}"]


def then(n: Next | None, screen: Screen) -> str:
    """What the clock changes next."""
    if n is None:
        return "nothing that the clock would change"
    after = f"{n.state} at {rate(n.rate)}" if n.access != "none" else f"{n.state}, no service"
    return f"from {dated(n.at, screen)}: {after}: {joined((n.because.text, n.because.place))}"


def standing_of(given: Given) -> str:
    """How the rows of a service stand to the head."""
    return _STANDING[given.standing]


def _applied(one: Shown, screen: Screen) -> list[str]:
    given = one.applied
    if one.state is None:
        return ["what it should be is unknown"]
    if given is None:
        return ["unknown: the RADIUS database gives no answer"]
    none = "rows that are not ispctl's" if given.standing == "unadopted" else "this login has no rows"
    group = none if given.group is None else given.group.removeprefix("isp:") or "no group"
    refuse = f", refused as {given.refuse}" if given.refuse else ""
    noted = f"commit {short(given.commit)}, {when(given.at, screen.zone)}" if given.at else "never"
    told = [("group", group + refuse), ("written by", noted), ("differs", standing_of(given))]
    return [*pairs(told), *(f"- {text}" for text in given.differences)]


def _then(then: Then, screen: Screen) -> list[str]:
    said = {
        "applied": f"applied by run {then.run}, which ended {when(then.made, screen.zone)}",
        "history": f"of {when(then.made, screen.zone)}; what was applied is unknown: the journal begins later",
        "head": "the head; what is committed or paid until then may change it",
    }
    facts = "the accounting" if then.basis != "head" else "nobody: it is to come"
    return pairs((("commit", f"{short(then.commit)}, {said[then.basis]}"), ("who is online", f"told by {facts}")))


def _sessions(one: Shown, screen: Screen) -> list[str]:
    if one.sessions is None and one.then is not None and one.then.basis == "head":
        return ["not known yet"]
    if one.sessions is None:
        return ["unknown: the RADIUS database gives no answer"]
    return [line for session in one.sessions for line in _session(session, screen)] or ["none"]


def _session(session: Online, screen: Screen) -> Iterator[str]:
    where = joined((session.ipv4, session.ipv6 or session.ipv6_prefix, session.delegated)) or "no address known"
    heard = f"last heard {span(session.age)} ago" if session.age is not None else "never heard of"
    yield f"{where} on {session.nas or session.nas_address}, MAC {session.mac or 'unknown'}"
    yield f"  since {when(session.started, screen.zone)}, {heard}, {session.state}"
    measured = f", {rate(session.measured_speed, 3)} {session.measured.basis}" if session.measured else ""
    moved = "how much it had moved by then is unknown"
    if session.bytes is not None:
        moved = f"{volume(session.bytes.down)} down, {volume(session.bytes.up)} up"
    yield f"  {moved}{measured}; expected {rate(session.expected)}"
    proof = f": {session.proof}" if session.proof else ""
    yield f"  configuration {config(session)}{proof}; Class {session.class_ or 'none'}"


def _rejects(one: Shown, screen: Screen) -> list[str]:
    if one.rejects is None and one.then is not None and one.then.basis == "head":
        return ["not known yet"]
    if one.rejects is None:
        return ["unknown: the RADIUS database gives no answer"]
    lines = []
    for found in one.rejects:
        at = f"{when(found.at, screen.zone)} ({ago(found.at, screen.now)})" if found.at else "at an unknown time"
        detail = f": {found.detail}" if found.detail else ""
        place = f"from {found.mac or 'no MAC'} on {found.nas or 'no NAS'}"
        lines.append(f"{at}  {found.reason or 'no reason'}{detail}  {place}")
    return lines or ["none"]


def _pending(one: Shown, screen: Screen) -> list[str]:
    lines = []
    for found in one.pending:
        at = f"{when(found.at, screen.zone)}  " if found.at else ""
        lines.append(f"{at}{found.text}  {found.because.place}")
    return lines or ["none"]
