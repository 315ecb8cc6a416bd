"""Grace: service beyond what is paid, for somebody, or for all who had none while something was down."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ispctl.desired import entitle
from ispctl.model.ledger import Event
from ispctl.model.problem import Problem, Refusal
from ispctl.money import grace_refused, graced
from ispctl.repo import Holding
from ispctl.repo.edit import Value
from ispctl.structs import Struct
from ispctl.verbs.book import Book
from ispctl.verbs.draft import Already, Draft
from ispctl.verbs.events import event, text_of
from ispctl.verbs.renew import sellable, tariff_at
from ispctl.verbs.rows import Request, Row

ONE_DAY: Final = timedelta(days=1)


class Outage(Struct):
    """A time without service, from `since` (inclusive) to `until` (exclusive), both aware."""

    since: datetime
    until: datetime

    @property
    def days(self) -> int:
        """Its length in days; a day that began counts as one."""
        return -((self.since - self.until) // ONE_DAY)

    @property
    def text(self) -> str:
        return f"{text_of(self.since)}/{text_of(self.until)}"


def outage_of(since: datetime | None, until: datetime | None, now: datetime) -> Outage | None:
    """None where neither end is said. Raises Refusal E687."""
    if since is None and until is None:
        return None
    if since is None or until is None:
        raise Refusal(Problem("E687", "an outage has a beginning and an end", advice="Say both: --from and --to"))
    if not since < until <= now:
        text = "the outage ends before it begins" if since >= until else "the outage is not over yet"
        raise Refusal(Problem("E687", text, advice="--from T1 --to T2, T1 before T2, and neither is to come"))
    return Outage(since, until)


def grace(draft: Draft, term: str, days: int = 0, outage: Outage | None = None) -> None:
    """Service beyond what is paid, as the policy allows. For an outage as many days as it lasted unless `days` says
    more or less, once, and only to who had something to lose. Raises Refusal E321, E683, E722, E723, E727, Already."""
    held = draft.service(term)
    book, policy = Book(draft, held.document), draft.head.policy.value
    book.unless_done()
    if outage is not None:
        _unless_given(book, held.service.key, outage)
    held = sellable(draft, held, book, "given grace")
    service = held.service
    why = draft.reason("grace")
    tariff = tariff_at(draft, held, draft.asked.now)
    if tariff.billing != "prepaid":
        text = f"{held.owner} is on {tariff.name}, which is postpaid: the policy's dunning gives its grace"
        advice = f"policy.yaml: money.dunning.grace_days; what was lost is credited: ispctl credit {held.owner} AMOUNT"
        raise Refusal(Problem("E722", text, held.document.where(*held.loc), advice))
    if outage is not None:
        _lost(draft, held, outage)
    days = days or (outage.days if outage else 1)
    if refused := grace_refused(service, book.ledger, days, policy, draft.asked.now):
        where = draft.head.policy.where_key("money", "grace")
        raise Refusal(Problem("E723", f"{held.owner}: {refused}", where, "Take less, or wait for the payment"))
    until = graced(service, days, policy, draft.asked.now)
    key = book.key("grace")
    one: dict[str, Value] = {"until": until.isoformat(), "reason": why}
    one |= {"ticket": draft.asked.ticket} if draft.asked.ticket else {}
    draft.put(held.document.path, (*held.loc, "grace", len(service.grace)), {**one, "key": key})
    said = {"outage": outage.text} if outage else None
    book.enter("grace", "note", service=service.key, event=event("grace", {"grace": (None, until.isoformat())}, said))
    if service.suspended is not None:
        draft.notes.append(f"{held.owner} stays suspended; ispctl resume {held.owner} ends that.")
    draft.say("grace", held.document, service.key, f"until {until} ({days} days)")


def _unless_given(book: Book, service: str, outage: Outage) -> None:
    """Raises Already where grace was given for this outage, also if its beginning and end were told otherwise then: no
    service is down twice at a time."""
    undone = book.ledger.reversals()
    for number, entry in enumerate(book.entries):
        if entry.event is None or entry.service != service or entry.key in undone:
            continue
        known = _outage(entry.event)
        if known is not None and known.since < outage.until and outage.since < known.until:
            assert book.document is not None
            raise Already(book.document.where("entries", number))


def _outage(said: Event) -> Outage | None:
    """For which one an event gave grace; None for another event, and for one that somebody wrote otherwise."""
    since, _, until = said.quote.get("outage", "").partition("/")
    try:
        found = Outage(datetime.fromisoformat(since), datetime.fromisoformat(until))
    except ValueError:
        return None
    return found if found.since.tzinfo and found.until.tzinfo else None


def _lost(draft: Draft, held: Holding, outage: Outage) -> None:
    """Raises Refusal E727 for a service that was not in use anyway when the outage began and when it ended."""
    moments = (outage.since, outage.until - timedelta(microseconds=1))
    found = [entitle(held.document, held.number, draft.head, at) for at in moments]
    if all(one.access != "open" for one in found):
        text = f"{held.owner} was {found[0].state} then, and lost nothing by it"
        because = found[0].because["state"].where
        advice = f"If it is owed something all the same: ispctl grace {held.owner} --days N"
        raise Refusal(Problem("E727", text, because, advice))


def _row(draft: Draft, row: Row) -> None:
    since, until = row.moment("from", draft.zone), row.moment("to", draft.zone)
    days = row.number_of("days") if row.text("days", "") else 0
    grace(draft, row.text("sub"), days, outage_of(since, until, draft.asked.now))


REQUESTS: Final = {"grace": Request(_row, ("days", "from", "to"))}
