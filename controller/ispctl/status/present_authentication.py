"""`ispctl test-auth` as text."""

from __future__ import annotations

from ispctl.status.authentication import Answer, Tried
from ispctl.status.present import Screen, table
from ispctl.status.values import clean, joined


def told(tried: Tried, screen: Screen) -> str:
    """The answer in a line, its attributes with their lines, and how it differs from what the rows say."""
    answer = tried.answer
    how = joined((f"{tried.nas} ({tried.platform})", f"MAC {tried.mac}" if tried.mac else "without a MAC address"))
    said = "Access-Accept" if answer.accepted else "Access-Reject"
    lines = [f"{tried.login} ({tried.id}/{tried.key}) on {how}: {said}: {answer.words}"]
    if answer.because.place and not (answer.accepted and answer.word in ("", "ok")):
        lines.append(f"  decided by {answer.because.place} ({answer.because.text})")
    if answer.advice:
        lines.append(f"  next: {answer.advice}")
    lines.append(f"  {_asked(tried)}")
    blocks = ["\n".join(map(clean, lines))]
    if answer.attributes:
        blocks.append(_attributes(answer, screen))
    if tried.differences:
        found = [f"- {text}" for text in tried.differences]
        advice = "Is the server's configuration of this version, and its database this one? ispctl radius config"
        blocks.append("\n".join(map(clean, ["DIFFERENT from what our rows say:", *found, advice])))
    return "\n\n".join([*blocks, *([tried.trace] if tried.trace else [])])


def _asked(tried: Tried) -> str:
    rows = {"database": "the rows of the database", "git": "the rows that git asks for; the database's are unknown"}
    if not tried.asked:
        return f"computed from {rows[tried.basis]}, for the right password; no server was asked"
    same = "different from" if tried.differences else "the same as"
    return f"asked {tried.asked} by {tried.method}; {same} what {rows[tried.basis]} say"


def _attributes(answer: Answer, screen: Screen) -> str:
    rows = (
        [one.name, one.value or "-", one.meaning or "-", joined((one.because.place, one.because.text))]
        for one in answer.attributes
    )
    return table(["ATTRIBUTE", "VALUE", "MEANING", "FROM"], rows, screen)
