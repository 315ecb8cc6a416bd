"""`ispstat rejects` as text: would he be accepted now, and why was he not before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ispctl.status.outlook import Outlook
from ispctl.status.present import Screen, csv_of, dated, table
from ispctl.status.refusals import Answer, Refused, Tally
from ispctl.status.values import ago, clean, when

FIELDS = ("at", "login", "id", "key", "nas", "mac", "reason", "words", "detail", "advice", "file", "line")


def told(answer: Answer, screen: Screen) -> str:
    """All of it."""
    blocks = [*(outlook(one) for one in answer.now)]
    if answer.logins:
        blocks += [_refused(one, screen) for one in answer.items]
    elif answer.items:
        blocks += [_tallies(answer.tallies, screen), _newest(answer.items, screen)]
    if not answer.items:
        blocks.append(_nothing(answer, screen))
    return "\n\n".join(blocks)


def csv(answer: Answer, screen: Screen) -> str:
    """One line a refusal."""
    rows = (
        [one.at, *(getattr(one, name) for name in FIELDS[1:-2]), one.because.file, one.because.line or ""]
        for one in answer.items
    )
    return csv_of(FIELDS, rows, screen)


def outlook(one: Outlook) -> str:
    """Would he be accepted now?"""
    how = f"on {one.nas}{f' with MAC {one.mac}' if one.mac else ' without a MAC address'}"
    said = "" if one.words == "accepted" else f": {one.words}"
    lines = [f"{one.login}: {'would be accepted' if one.accepted else 'WOULD BE REFUSED'} now {how}{said}"]
    lines += [f"  {text}" for text in _next(one.advice, one.because.text, one.because.place)]
    if one.accepted:
        lines.append("  if the password is right: only the router and the server see it")
    return "\n".join(map(clean, lines))


def _next(advice: str, because: str, place: str) -> Iterator[str]:
    if place:
        yield f"decided by {place} ({because})"
    if advice:
        yield f"next: {advice}"


def _refused(one: Refused, screen: Screen) -> str:
    at = dated(one.at, screen) if one.at else "at an unknown time"
    where = f"on {one.nas or 'no NAS'}, {f'MAC {one.mac}' if one.mac else 'without a MAC address'}"
    lines = [f"{at}  {one.reason or 'no reason'}: {one.words}", f"  {where}"]
    if one.detail:
        lines.append(f"  the server says: {one.detail}")
    lines += [f"  {text}" for text in _next(one.advice, one.because.text, one.because.place)]
    return "\n".join(map(clean, lines))


def _tallies(found: Sequence[Tally], screen: Screen) -> str:
    rows = (
        [one.reason or "no reason", one.nas or "-", str(one.count), ago(one.last, screen.now) if one.last else "-"]
        for one in found
    )
    return table(["REASON", "NAS", "COUNT", "LAST"], rows, screen)


def _newest(found: Sequence[Refused], screen: Screen) -> str:
    rows = (
        [
            when(one.at, screen.zone) or "-",
            one.login or "-",
            one.nas or "-",
            one.mac or "-",
            one.reason or "no reason",
            one.words,
        ]
        for one in found
    )
    lines = table(["WHEN", "LOGIN", "NAS", "MAC", "REASON", "IN WORDS"], rows, screen)
    return f"{lines}\n{len(found)} shown; ispstat rejects LOGIN says what to do"


def _nothing(answer: Answer, screen: Screen) -> str:
    who = f" of {answer.logins[0]}" if answer.logins else ""
    if answer.recorded is not None:
        said = f"the last thing it wrote down about a login is of {dated(answer.recorded, screen)}"
        return f"No refusal{who} is recorded that matches; {said}. Does the NAS ask at all? ispstat nas"
    ask = "Does the server run this configuration? ispctl radius config"
    if answer.reported is None:
        said = "No refusal is recorded at all, and no accounting either: nobody has asked yet, or it goes elsewhere"
        return f"{said}.\n{ask}"
    said = f"No refusal is recorded at all, though accounting comes (last {dated(answer.reported, screen)})"
    return f"{said}:\nnobody was refused, or the server writes its answers elsewhere. {ask}"
