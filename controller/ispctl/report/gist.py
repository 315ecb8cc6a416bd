"""What is printed of a plan, gathered in one pass over its people and one over its rows; as text and as a note alike.

All words are made from the JSON of the plan, so that the two cannot disagree: from that of the people and rows that are
printed, and of one of each kind among those who are only counted.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, Final

from ispctl.plan import EFFECTS, Many, Plan
from ispctl.repo.traits import hashed
from ispctl.report import plan_json
from ispctl.report._folding import Folding, Part
from ispctl.report._people import WORDS
from ispctl.report._rows import Row, Rows
from ispctl.report._words import clean, plural, words
from ispctl.structs import Struct

if TYPE_CHECKING:
    from ispctl.report.shapes import HeadJson

_LEFT: Final = {"paused": "paused", "observed": "only observed"}


class Gist(Struct):
    """What a text says of a plan, bounded whatever the plan."""

    head: HeadJson
    services: int
    changes: int
    verdict: str
    """The plan in a line: "2 services slower, 1 session drops if online, nobody cut off"."""
    people: Mapping[str, Mapping[str, Part]]
    """By cause, and by "loses", "changes" and "gains"."""
    rows: Sequence[Row]
    """The first of them, in the order of harm."""
    counted: str
    """3 rows to create, 1 to update"""
    waiting: tuple[str, ...]
    """Sentences on what closed gates hold back, and what goes ahead."""
    hidden: frozenset[str]
    """The logins that stand in its free texts, and that nobody may see."""
    settled: bool
    """Whether nothing would be done but what is only observed."""

    @property
    def empty(self) -> bool:
        """Whether nothing would be done and everything was read."""
        return not (self.services or self.changes or self.head["unread"] or self.head["switches"])


def gather(plan: Plan, zone: tzinfo = UTC, held: Collection[str] = ()) -> Gist:
    """The gist of a plan. `zone`: the ISP's. `held`: the ids of the changes that wait."""
    head, logins = plan_json.head(plan, zone), _Logins()
    people = Folding(zone, plan.left)
    for one in plan.services:
        people.add(one)
        logins.add(one.now.login)
        if one.was is not None and one.was.login != one.now.login:
            logins.add(one.was.login)
    for many in plan.many:
        people.add_many(many)
    rows = Rows(people.first.found, held, plan.stopped)
    for change in plan.changes:
        rows.add(change)
        if change.key[0] == "login":
            logins.add(change.key[1])
    printed = people.printed()
    said = (*printed.texts, *_texts(head))
    hidden = logins.among(said) | _named(plan.many, said)
    verdict = _verdict(head, people, rows)
    waiting = tuple(rows.waiting)
    lines = printed.lines(hidden)
    counts = (people.count, rows.count)
    return Gist(head, *counts, verdict, lines, rows.found, rows.counted, waiting, hidden, plan.settled)


def rerendered(said: Mapping[str, Any] | HeadJson) -> str:
    """What an upgrade of this program writes otherwise, of a plan or of what became of it; empty where nothing is."""
    return f"render changed: {plural(len(said['rerendered']), 'row')}, 0 people" if said["rerendered"] else ""


def explained(head: HeadJson) -> list[str]:
    """The same in a sentence."""
    said = "This version of ispctl writes them otherwise than the one that wrote them; nobody's service is another."
    return [f"Render{rerendered(head)[6:]}. {said}"] if head["rerendered"] else []


def _verdict(head: HeadJson, people: Folding, rows: Rows) -> str:
    if not people.count:
        if head["rerendered"] and len(head["rerendered"]) + rows.sessions == rows.count:
            return rerendered(head) + (f", {plural(rows.sessions, 'session')} to tell" if rows.sessions else "")
        if rows.sessions and not head["ends"]:
            return f"nobody's service changes; {rows.counted}"
        return f"{_on_devices(head)}, {plural(rows.count, 'row')} to write"
    said = list(_ranked(people.effects))
    first, _, rest = said[0].partition(" ")
    said[0] = f"{first} {'service' if first == '1' else 'services'} {rest}"
    if drops := head["summary"]["dropped"]:
        said.append(plural(drops, "dropped session") + ("" if people.asked else " if online"))
    if not head["summary"]["cut_off"]:
        said.append("nobody cut off")
    return ", ".join(said) + _not_now(people.left)


def _on_devices(head: HeadJson) -> str:
    """Where nobody is changed: whether sessions end all the same."""
    if not head["ends"]:
        return "nobody is touched"
    unknown = any(one["sessions"] is None for one in head["ends"])
    if unknown:
        return f"sessions end on {len(head['ends'])} NAS"
    return plural(head["summary"]["dropped"], "dropped session")


def _not_now(left: Counter[str]) -> str:
    """How many of those in the headline stay as they are, since somebody said so."""
    if not left:
        return ""
    parts = ", ".join(f"{left[why]:,} {words}" for why, words in _LEFT.items() if left[why])
    return f"; of these left as {'it is' if left.total() == 1 else 'they are'}: {parts}"


def _ranked(counts: Counter[str]) -> Iterator[str]:
    for effect in sorted(counts, key=lambda effect: (EFFECTS.index(effect) if effect in EFFECTS else 99, effect)):
        yield f"{counts[effect]:,} {WORDS.get(effect, clean(effect))}"


def _texts(head: HeadJson) -> Iterator[str]:
    """The free texts beside the reasons of people."""
    yield from head["assumes"]
    yield from (one["text"] for one in head["unread"])
    yield from (one["reason"] for one in head["stops"])


def _named(many: Iterable[Many], texts: Iterable[str]) -> frozenset[str]:
    """The words of these texts that are logins of services of which nothing else is known."""
    said = {hashed("named", word): word for text in texts for word in words(text)}
    return frozenset(said[one] for each in many for one in said.keys() & iter(each.logins))


class _Logins:
    """All logins of a plan, as eight bytes each: enough to find the few that a text names."""

    def __init__(self) -> None:
        self._seen = array("q")

    def add(self, login: str) -> None:
        self._seen.append(hash(login))

    def among(self, texts: Iterable[str]) -> frozenset[str]:
        """The words of these texts that are logins."""
        said = {hash(word): word for text in texts for word in words(text)}
        return frozenset(said[one] for one in said.keys() & iter(self._seen))
