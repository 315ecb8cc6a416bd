"""When somebody was let in for the first time, and when the one whose rows come last."""

from __future__ import annotations

from tests.bench import isp
from tests.bench.busy import ACCEPT, REJECT, Answer
from tests.bench.rebuild import Asked, Asker


def test_the_first_accept_counts_of_anybody_and_of_the_last() -> None:
    asker = Asker(("127.0.0.1", 1), 50)
    assert isp.path_of(asker.last) == max(isp.path_of(number) for number in range(50))
    other = (asker.last + 1) % 50
    said = [(other, REJECT), (asker.last, REJECT), (other, ACCEPT), (asker.last, ACCEPT), (asker.last, ACCEPT)]
    asker.answers = [Asked(float(at), Answer(number, code, 0.1)) for at, (number, code) in enumerate(said)]
    assert (asker.first(), asker.first(asker.last), asker.first((asker.last + 2) % 50)) == (2.0, 3.0, float("inf"))
