"""Many sessions and many NASes at once: what is in flight, at what pace, and what a silent NAS costs the others."""

from __future__ import annotations

import asyncio
import selectors
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ispctl.radius._dae import Pacer
from ispctl.radius.session import Answer, Attribute, Request
from ispctl.radius.sessions import Sessions
from tests.radius.dae import Dae, Seen, live
from tests.radius.responder import Responder

RATE: tuple[Attribute, ...] = (("Mikrotik-Rate-Limit", "5M/20M"),)


@pytest.fixture
def nas() -> Iterator[Dae]:
    with Dae() as dae:
        yield dae


@pytest.fixture
def sessions() -> Iterator[Sessions]:
    with Sessions() as asked:
        yield asked


def kinds(answers: list[Answer]) -> list[str]:
    return [answer.kind for answer in answers]


def most_in_a_second(moments: Sequence[float]) -> int:
    """The fullest second of all."""
    return max((bisect_left(moments, at + 1) - number for number, at in enumerate(moments)), default=0)


# In flight -----------------------------------------------------------------------------------------------------------


def test_more_than_256_requests_are_in_flight_at_one_nas(sessions: Sessions) -> None:
    first: set[bytes] = set()
    held: dict[bytes, tuple[str, int]] = {}

    def answers_when_all_are_here(dae: Dae, seen: Seen) -> list[bytes]:
        answer = dae.honest(seen)
        if len(first) < 8 or answer in first:
            first.add(answer)
            return [answer]
        held[answer] = seen.source  # one that comes again, since a full buffer lost another, counts once
        for datagram, source in held.items() if len(held) == 500 else []:
            dae.send(datagram, source)
        return []

    with Dae(script=answers_when_all_are_here) as nas:
        everybody = [live(n) for n in range(508)]
        nas.dial_in(*everybody)
        door = nas.door(per_second=20_000, timeout=3.0, tries=20)
        steps: list[tuple[int, int]] = []
        answers = list(
            sessions.many([Request(one, door, RATE) for one in everybody], lambda done, of: steps.append((done, of)))
        )
        assert Counter(kinds(answers)) == {"ack": 508}
        assert len({seen.source for seen in nas.seen}) == 2
    assert steps == [(n, 508) for n in range(1, 509)]


def test_all_that_is_asked_of_a_nas_keeps_one_pace(
    nas: Dae, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[Pacer] = []
    turn = Pacer.turn

    async def counted(pacer: Pacer) -> None:
        await turn(pacer)
        turns.append(pacer)

    monkeypatch.setattr(Pacer, "turn", counted)
    everybody = [live(n) for n in range(13)]
    nas.dial_in(*everybody)
    door = nas.door(per_second=400, timeout=60.0)
    list(sessions.many(Request(one, door, RATE) for one in everybody[:10]))
    for one in everybody[10:]:
        sessions.change(one, door, RATE)
    assert len(turns) == len(nas.seen) == 13, "every datagram waits for its turn"
    assert len(set(turns)) == 1


def test_who_stops_asking_for_answers_stops_the_sending(sessions: Sessions) -> None:
    with Dae(script=lambda dae, seen: [dae.honest(seen)]) as nas:
        everybody = [live(n) for n in range(500)]
        nas.dial_in(*everybody)
        door = nas.door(per_second=20, timeout=60.0)
        answers = sessions.many(Request(one, door, RATE) for one in everybody)
        assert next(answers).kind == "ack"
        answers.close()  # type: ignore[attr-defined]
        sessions.change(everybody[0], door, RATE)  # heard after whatever was sent before the end
        sent = len(nas.seen)
        for one in everybody[:3]:
            sessions.change(one, door, RATE)
        assert len(nas.seen) == sent + 3 < 500, "nothing else comes any more"


def test_nothing_is_asked_for_nothing(sessions: Sessions) -> None:
    assert list(sessions.many([])) == []


# The pace ------------------------------------------------------------------------------------------------------------


class Jumping(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer: an hour of pacing takes no time. `stall` makes the clock run on, as
    when the machine does something else."""

    def __init__(self) -> None:
        self.now = 1000.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now

    def stall(self, seconds: float) -> None:
        self.now += seconds


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: Jumping) -> None:
        super().__init__()
        self._of = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._of.now += timeout or 0
        return super().select(0)


def paced(per_second: int, stalls: Sequence[float]) -> list[float]:
    """The moments at which so many workers got their turns, while the loop stalls before each of them."""
    loop, moments = Jumping(), []

    async def worker(pacer: Pacer, stall: float) -> None:
        await pacer.turn()
        moments.append(loop.time())
        loop.stall(stall)

    async def all_of_them() -> None:
        pacer = Pacer(per_second)
        await asyncio.gather(*(worker(pacer, stall) for stall in stalls))

    try:
        loop.run_until_complete(all_of_them())
    finally:
        loop.close()
    return moments


@given(
    st.integers(1, 2000),
    st.lists(st.one_of(st.just(0.0), st.floats(0, 0.05), st.floats(0, 3)), min_size=1, max_size=300),
)
@settings(deadline=None)
def test_no_second_holds_more_than_the_pace_however_late_the_loop_is(per_second: int, stalls: list[float]) -> None:
    assert most_in_a_second(paced(per_second, stalls)) <= per_second + 1


def test_a_pace_is_kept_and_not_only_never_exceeded() -> None:
    moments = paced(50, [0.0] * 5000)
    assert moments[-1] - moments[0] == pytest.approx(100, rel=0.03)


def test_an_answer_is_handed_out_when_it_comes(sessions: Sessions) -> None:
    with Responder(1) as nas:
        door = nas.door(0, per_second=20, timeout=60.0)
        answers = sessions.many(Request(live(n), door, RATE) for n in range(500))
        assert next(answers).kind == "ack"
        assert nas.heard < 500, "what was answered is known long before the last is asked"
        answers.close()  # type: ignore[attr-defined]


@pytest.mark.slow
def test_the_nas_itself_counts_no_more_than_it_can_bear_in_any_second(nas: Dae, sessions: Sessions) -> None:
    everybody = [live(n) for n in range(150)]
    nas.dial_in(*everybody)
    list(sessions.many(Request(one, nas.door(per_second=100), RATE) for one in everybody))
    assert len(nas.seen) == 150
    # what left in one second may arrive in a little less, where the NAS itself was late
    assert most_in_a_second([seen.at for seen in nas.seen]) <= 100 * 1.1


# The end -------------------------------------------------------------------------------------------------------------


def test_leaving_the_block_ends_the_thread_and_what_was_under_way() -> None:
    before = threading.active_count()
    with Dae(script=lambda dae, seen: []) as nas:
        with Sessions() as sessions:
            answers = sessions.many([Request(live(), nas.door(timeout=0.2, tries=1), RATE), *quick(nas)])
            assert next(answers).kind == "silent"
        del answers
    assert threading.active_count() == before


def quick(nas: Dae) -> list[Request]:
    return [Request(live(9), nas.door(timeout=0.01, tries=1), RATE)]


# Silence -------------------------------------------------------------------------------------------------------------


def test_a_nas_that_falls_silent_half_way_costs_a_few_tries_and_not_those_of_all_its_sessions(
    sessions: Sessions,
) -> None:
    heard: set[bytes] = set()

    def falls_silent(dae: Dae, seen: Seen) -> list[bytes]:
        answer = dae.honest(seen)
        if len(heard) < 100:
            heard.add(answer)
        return [answer] if answer in heard else []

    with Dae(script=falls_silent) as nas:
        everybody = [live(n) for n in range(3000)]
        nas.dial_in(*everybody)
        door = nas.door(per_second=250, timeout=1.0, tries=3)
        answers = list(sessions.many(Request(one, door, RATE) for one in everybody))
        assert kinds(answers).count("ack") == 100
        assert kinds(answers).count("silent") == 2900
        assert len(nas.seen) < 100 + 3 * 500, "three tries of 2900 sessions would be 8700"


def test_silent_nases_hold_up_nobody(sessions: Sessions) -> None:
    """More of them than are usually asked at once, and each would take seconds."""
    with Responder(40) as there, Responder(100, deaf=True) as gone:
        work = [Request(live(n), gone.door(n % 100, timeout=60.0), RATE) for n in range(1000)]
        work += [Request(live(n), there.door(n % 40), RATE) for n in range(400)]
        began = time.monotonic()
        first = [next(answers) for answers in [sessions.many(work)] for _ in range(400)]
    assert set(kinds(first)) == {"ack"}
    assert time.monotonic() - began < 60, "nobody waits for the first try of a silent one"


@pytest.mark.slow
def test_three_hundred_nases_with_twenty_sessions_each(sessions: Sessions, capsys: Any) -> None:
    with Responder(300) as fleet:
        work = [Request(live(n), fleet.door(n % 300, per_second=50, timeout=10.0), RATE) for n in range(6000)]
        began = time.monotonic()
        answers = list(sessions.many(work))
        took = time.monotonic() - began
        assert Counter(kinds(answers)) == {"ack": 6000}
        assert fleet.heard == 6000
    with capsys.disabled():
        print(f"\n300 NAS x 20 sessions: {took:.2f} s, {6000 / took:,.0f} changes a second")


@pytest.mark.slow
def test_ten_thousand_changes_at_one_nas(sessions: Sessions, capsys: Any) -> None:
    with Responder(1) as nas:
        door = nas.door(0, tries=20)  # what a full buffer lost comes again, as often as a busy machine needs
        work = [Request(live(n), door, RATE) for n in range(10_000)]
        began = time.monotonic()
        assert Counter(kinds(list(sessions.many(work)))) == {"ack": 10_000}
        took = time.monotonic() - began
        assert nas.heard < 20_000, "a few are lost in full buffers, and sent again"
    with capsys.disabled():
        print(f"\n10,000 changes at one NAS: {took:.2f} s, {10_000 / took:,.0f} a second")
