"""What is answered of a large repository by a part of it is what all of it would answer."""

from __future__ import annotations

import gc
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ispctl.index import Index, Size
from ispctl.model.problem import Refusal
from ispctl.repo import Repository
from ispctl.status import authentication, fleet, health, listing, metrics, online, profile, refusals, slices, why
from ispctl.status.elsewhen import elsewhen
from ispctl.status.names import near, services
from ispctl.status.view import View, look
from ispctl.store import Store
from tests.depth import times
from tests.index.isp import AFTERWARDS, NOON, Isp
from tests.index.test_apply import ALL, Site, outcome

SMALL = 10**6
Question = Callable[[View, str], Any]


def tried(view: View, word: str) -> Any:
    """What `test-auth --dry` computes of each."""
    held = services(view, word)
    nas = view.head.nas["bng-a"]
    return [authentication.tried(view, one, authentication.compute(view, one, nas, ""), None) for one in held]


def of_a_past_moment(view: View, word: str) -> Any:
    return profile.show(elsewhen(view, view.now - timedelta(hours=2)), word)


def heard(view: View, asked: online.Asked) -> Any:
    found = online.sessions(view, asked)
    return None if found is None else [*found]


QUESTIONS: tuple[Question, ...] = (
    profile.show,
    why.why,
    tried,
    of_a_past_moment,
    lambda view, word: refusals.refusals(view, refusals.Wanted(login=word)),
    lambda view, word: heard(view, online.Asked(logins=online.logins_of(view, word))),
)


LISTS: tuple[listing.Wanted, ...] = (
    listing.Wanted(names=True),
    listing.Wanted(group="a"),
    listing.Wanted(tariff="home-20"),
    listing.Wanted(states=frozenset({"expired", "active"}), nas="bng-a"),
    listing.Wanted(group="b", no_session=1),
    listing.Wanted(drifted=True),
    listing.Wanted(in_grace=True),
    listing.Wanted(states=frozenset({"terminated", "expired"}), accounts=True),
    listing.Wanted(expiring=1),
    listing.Wanted(overdue=0),
)
ALL_OF_IT: tuple[Question, ...] = (
    *(lambda view, _, wanted=wanted: [*listing.listing(view, wanted)] for wanted in LISTS),
    lambda view, _: [*listing.listing(elsewhen(view, view.now - timedelta(hours=2)), LISTS[0])],
    lambda view, _: heard(view, online.Asked()),
    lambda view, _: heard(view, online.Asked(behind=True)),
    lambda view, _: heard(view, online.Asked(nas="bng-a", stale=True)),
    lambda view, _: fleet.fleet(view),
    lambda view, _: health.health(view),
    lambda view, _: slices.pools(view, free=3),
    lambda view, _: metrics.samples(view),
)


@pytest.fixture(autouse=True, scope="module")
def _others_stay() -> None:
    """A view collects after each part: that need not go through what a thousand other tests keep."""
    gc.collect()
    gc.freeze()


@contextmanager
def viewed(isp: Isp, site: Site, place: Path | None, now: datetime, worth: int) -> Iterator[View]:
    with Repository.open(isp.folder) as repository:
        index = Index(repository, place, keeps=False, size=Size(worth=worth))
        with look(index, lambda _: Store.open(site.dsn, base=site.folder, readonly=True), now) as view:
            yield view


def answer(view: View, question: Question, word: str) -> str:
    """What is answered; of a refusal, its code."""
    try:
        return repr(question(view, word))
    except Refusal as refusal:
        return refusal.problems[0].code


def differing(one: str, other: str) -> tuple[str, str]:
    """Where two texts part, a few words of each."""
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return ("", "") if one == other else (one[max(at - 80, 0) :][:200], other[max(at - 80, 0) :][:200])


def counted(view: View) -> dict[str, online.Count]:
    """The counts of the sessions, each looked at."""
    found: dict[str, list[online.Online]] = {}
    for one in online.sessions(view) or ():
        found.setdefault(one.nas_address, []).append(one)
    return {
        nas: online.Count(len(its), sum(o.state == "stale" for o in its), sum(o.config == "behind" for o in its))
        for nas, its in found.items()
    }


def lived(site: Site, isp: Isp, chance: random.Random, now: datetime) -> None:
    """Somebody dials in, and somebody is refused."""
    at = int(now.timestamp())
    with closing(sqlite3.connect(site.path)) as database:
        logins = [login for (login,) in database.execute("SELECT login FROM ispctl_login ORDER BY login")]
        for login in [*chance.sample(logins, min(len(logins), 3)), "stranger"]:
            nas, heard = chance.choice(["192.0.2.1", "192.0.2.9"]), chance.choice([60, 749, 750, 751])
            database.execute(
                "INSERT OR IGNORE INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime,"
                " acctupdatetime, class) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    "s",
                    f"{login}-{at}",
                    login,
                    nas,
                    at - 900,
                    at - heard,
                    "0" * 16,
                ),
            )
            database.execute(
                "INSERT INTO radpostauth (username, pass, reply, authdate, reason, nas) VALUES (?, '', ?, ?, ?, ?)",
                (login, "Access-Reject", at - 30, chance.choice(["mac", "expired", "unknown-login"]), "bng-a"),
            )
        database.commit()


@pytest.fixture(scope="module", autouse=True)
def _what_other_tests_left() -> None:
    """A command collects between slices what it holds itself, not what is left of a thousand tests before."""
    gc.collect()
    gc.freeze()


@pytest.mark.parametrize("seed", range(times(3)))
def test_a_part_answers_as_the_whole_does_for_any_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Who may have been meant is left out: in a large repository that is guessed in another way."""
    monkeypatch.setattr("ispctl.status.reasons.near", lambda *_: [])
    chance = random.Random(9000 + seed)
    isp = Isp(tmp_path / "isp.git", chance)
    site, now, spared = Site(tmp_path, "isp", Size(worth=1)), NOON, 0
    for _ in range(5):
        for _ in range(chance.choice([1, 2, 4])):
            isp.edit()
        head = isp.commit()
        now += timedelta(hours=chance.choice([0, 1, 30]))
        if chance.random() < 0.7:
            with site.world(isp, now) as world:
                if not world.repository.at(head).broken:  # no command applies a commit that cannot be read
                    outcome(world, head, ALL)
        lived(site, isp, chance, now)
        ids = sorted(isp.people)
        words = [*chance.sample(ids, 1), isp.people[ids[0]].login or f"{ids[0]}@home.example", "stranger", "nobody"]
        asked = [(one, word) for one in (*QUESTIONS, *ALL_OF_IT) for word in (words if one in QUESTIONS else [""])]
        with viewed(isp, site, None, now, SMALL) as view:
            assert online.counts(view) == counted(view)
            by_the_whole = [answer(view, question, word) for question, word in asked]
        for (question, word), whole in zip(asked, by_the_whole, strict=True):
            for place in (site.place, None):  # each anew: nothing is known of the question before
                with viewed(isp, site, place, now, 1) as view:
                    assert differing(answer(view, question, word), whole) == ("", "")
                    spared += not view.knows_everybody
    assert spared > 20, "everything was read nearly always: nothing was shown"


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("aniat.rai@home.example", ["anita.rai@home.example"]),  # two letters in each other's place
        ("anita.ri", ["anita.rai@home.example"]),
        ("annita.rai@elsewhere.example", ["anita.rai@home.example"]),
        ("anita_rai@home.example", ["anita.rai@home.example"]),
        ("nita", ["anita.rai@home.example"]),  # a part of it
        ("s-0011", ["s-001", "s-011"]),
        ("nobody.like.this", []),
        ("", []),
        ("\udcff", []),
    ],
)
def test_who_may_have_been_meant_is_told_of_a_large_repository_too(
    tmp_path: Path, typed: str, meant: list[str], indexed: bool
) -> None:
    isp = Isp(tmp_path / "isp.git", random.Random(1))
    isp.people["s-003"].login = "anita.rai@home.example"
    site = Site(tmp_path, "isp", Size(worth=1))
    with site.world(isp, NOON) as world:
        outcome(world, isp.commit(), ALL)
    with viewed(isp, site, site.place if indexed else None, NOON, 1) as view:
        assert not view.knows_everybody
        before = view.repository.git.blobs_read
        assert sorted(near(view, typed)) == meant
        assert view.repository.git.blobs_read - before <= (len(meant) if indexed else 0)


def _crowd(tmp_path: Path) -> tuple[Isp, Site]:
    """Forty who are well, and four of whom something is to be told; an index that knows them."""
    isp = Isp(tmp_path / "isp.git", random.Random(1))
    for number in range(100, 130):
        isp.add(f"s-{number}")
    isp.people["s-100"].paid = "2026-11-26"
    isp.people["s-101"].paid = "2026-11-01"
    isp.people["s-102"].entries = ['at: 2026-11-01, type: invoice, amount: "5.00", due: 2026-11-20']
    isp.people["s-103"].entries = [
        'at: 2026-11-01, type: invoice, amount: "5.00", due: 2026-11-20',
        'at: 2026-11-10, type: payment, amount: "5.00"',
    ]
    isp.people["s-104"].tariff = AFTERWARDS
    isp.people["s-104"].entries = ['at: 2026-11-01, type: invoice, amount: "5.00", due: 2026-11-23']
    site = Site(tmp_path, "isp", Size(worth=1))
    with site.world(isp, NOON) as world:
        outcome(world, isp.commit(), ALL)
    return isp, site


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (listing.Wanted(in_grace=True), ["s-104"]),
        (listing.Wanted(states=frozenset({"expired"})), ["s-101"]),
        (listing.Wanted(expiring=3), ["s-100"]),
        (listing.Wanted(overdue=1), ["s-102", "s-104"]),
        (listing.Wanted(overdue=5), ["s-102"]),
        (listing.Wanted(overdue=1, in_grace=True), ["s-104"]),
    ],
    ids=repr,
)
def test_what_an_index_knows_costs_whom_it_concerns(
    tmp_path: Path, wanted: listing.Wanted, expected: list[str]
) -> None:
    isp, site = _crowd(tmp_path)
    with viewed(isp, site, site.place, NOON, 1) as view:
        assert [one.id for one in listing.listing(view, wanted)] == expected
        assert view.repository.git.blobs_read < 40
