"""`ispstat why` as text: one screen that answers the on-call at three in the morning."""

from __future__ import annotations

from collections.abc import Iterator

from ispctl.status.present import Screen, config, dated
from ispctl.status.present_profile import headline, standing_of, then
from ispctl.status.present_refusals import outlook
from ispctl.status.profile import Given, Shown
from ispctl.status.values import Speed, clean, joined, rate, short, span, when
from ispctl.status.why import Explained, Running, Why


def told(one: Why, shown: Shown, screen: Screen) -> str:
    """The first line says how it is, the next ones why; then what its session runs, and whether a login would do."""
    lines = [headline(shown, screen), "", *_values(one, screen)]
    if one.applied is not None:
        lines += ["", f"rows      {_applied(one.applied, screen)}"]
    lines += ["", *_running(one, screen)]
    body = "\n".join(map(clean, lines))
    return f"{body}\n\n{outlook(one.now)}" if one.now else body


def _values(one: Why, screen: Screen) -> Iterator[str]:
    if not one.values:
        yield "unknown: its tariff does not exist (ispctl validate)"
        return
    names = max(9, *(len(value.name) for value in one.values))
    widths = [len(value.value) for value in one.values if len(value.value) <= 40]
    width = max(widths, default=0)
    places = max(len(_because(value)) for value in one.values)
    for value in one.values:
        said = _because(value).ljust(places)
        yield f"{value.name.ljust(names)} {value.value.ljust(width)}  {said}  {_commit(value, screen)}".rstrip()
    yield f"{'then'.ljust(names)} {then(one.next, screen)}"


def _because(value: Explained) -> str:
    return joined((value.because.place, value.because.text))


def _commit(value: Explained, screen: Screen) -> str:
    if value.commit:
        return f"{short(value.commit)} {when(value.date, screen.zone)[:10]} {value.author}: {value.subject}"
    return "history cut off" if value.because.line else ""


def _applied(given: Given, screen: Screen) -> str:
    noted = f"written by commit {short(given.commit)}, {dated(given.at, screen)}" if given.at else "never written"
    return joined((standing_of(given), noted))


def _running(one: Why, screen: Screen) -> Iterator[str]:
    if one.running is None:
        yield "session   unknown: the RADIUS database gives no answer"
    elif not one.running:
        yield "session   none is open"
    for running in one.running or ():
        yield from _session(running, screen)


def _session(running: Running, screen: Screen) -> Iterator[str]:
    s = running.session
    where = joined((s.ipv4, s.ipv6 or s.ipv6_prefix, s.delegated)) or "no address known"
    since = f"since {dated(s.started, screen)}" if s.started else "since an unknown moment"
    yield f"session   {where} on {s.nas or s.nas_address}, MAC {s.mac or 'unknown'}, {since}, {s.state}"
    yield f"  runs    {config(s)}; Class {s.class_ or 'none'}"
    if told := running.told:
        sent = f" at {dated(told.sent, screen)}" if told.sent else ""
        proof = f"; its accounting shows it: {told.proof}" if told.proved else "; no report has proved it yet"
        yield f"  told    by {told.kind}{sent}: {told.answer or 'no answer'}{proof if told.answer == 'ack' else ''}"
    measured = running.since_told or s.measured
    speed = rate(Speed(measured.down, measured.up), 3) if measured else "unknown"
    basis = f" {measured.basis}, {span(measured.seconds)}" if measured else ""
    heard = f"heard {span(s.age)} ago" if s.age is not None else "never heard"
    yield f"  speed   expected {rate(s.expected)}, measured {speed}{basis}; {heard}"
    yield from (f"  slow?   {text}" for text in running.slow)
