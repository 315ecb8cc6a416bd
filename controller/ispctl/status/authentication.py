"""One login through one NAS, attribute by attribute: what our rows answer, what a server did, and how they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from ipaddress import ip_network
from typing import Final

from ispctl.model.network import Nas
from ispctl.platforms import Attribute, untagged
from ispctl.radius.client import UNSAID
from ispctl.radius.decision import GIVEN, HANDED_OUT
from ispctl.radius.provenance import Origin, class_origin, origins
from ispctl.radius.rendering import Intent
from ispctl.repo import Holding, room
from ispctl.status.outlook import Outlook, outlook
from ispctl.status.reasons import Asked, explain
from ispctl.status.values import Reason, reason
from ispctl.status.view import View, entitled
from ispctl.structs import Struct

_FOREIGN: Final = Reason("foreign", "not ours: no line of git says it")
_METHOD: Final = Reason("method", "belongs to the method, not to the service")


class Given(Struct):
    """One attribute of a reply. `ours`: whether git says it, with this value; `meaning` is empty where it does not."""

    name: str
    value: str
    meaning: str
    because: Reason
    ours: bool


class Answer(Struct):
    """What a server said, or what the rows would say. `word`: the reason that the server wrote down; empty where it is
    not known."""

    accepted: bool
    word: str
    words: str
    advice: str
    because: Reason
    attributes: tuple[Given, ...]


class Tried(Struct):
    """`computed` is what the rows answer to the right password; by `basis`: those of the database, or those that git
    asks for. `asked`: the server that answered; empty where none was asked, then `answer` is `computed`."""

    login: str
    id: str
    key: str
    nas: str
    platform: str
    mac: str
    basis: str
    asked: str
    method: str
    answer: Answer
    computed: Answer
    differences: tuple[str, ...]
    trace: str


class Heard(Struct):
    """What a server answered: None for a refusal."""

    server: str
    method: str
    reply: Sequence[Attribute] | None


def compute(view: View, holding: Holding, nas: Nas, mac: str) -> tuple[Outlook, str]:
    """What the rows of the database answer, or, where it is silent, those that git asks for."""
    found = outlook(view, holding, nas, mac)
    if found is not None:
        return found, "database"
    fallen = outlook(view, holding, nas, mac, view.wanted or {})
    assert fallen is not None
    return fallen, "git"


def tried(view: View, holding: Holding, found: tuple[Outlook, str], heard: Heard | None) -> Tried:
    """The whole answer. After a server was asked, the database is read for the reason that it wrote down."""
    expected, basis = found
    nas = view.head.nas[expected.nas]
    known = _Known(view, holding, nas, expected.mac)
    computed = known.computed(expected)
    answer = computed if heard is None else known.heard(heard)
    id, _, key = holding.owner.partition("/")
    head = (expected.login, id, key, nas.name, nas.platform, expected.mac, basis)
    asked = (heard.server, heard.method) if heard else ("", "")
    differences = tuple(_differences(computed, answer)) if heard else ()
    return Tried(*head, *asked, answer, computed, differences, _trace(answer) if heard else "")


class _Known:
    """What git and the server's record say about one login on one NAS."""

    def __init__(self, view: View, holding: Holding, nas: Nas, mac: str) -> None:
        self.view, self.nas, self.mac, self.login = view, nas, mac, holding.service.login
        self.entitlement = entitled(holding, view.head, view.now)
        self.origins = self._origins()

    def computed(self, found: Outlook) -> Answer:
        given = tuple(self._given(name, value) for name, value in found.reply)
        return Answer(found.accepted, found.word, found.words, found.advice, found.because, given)

    def heard(self, heard: Heard) -> Answer:
        accepted = heard.reply is not None
        word = self._recorded(accepted)
        asked = Asked(self.view, self.login, self.mac, self.entitlement, self.nas)
        said = explain(word or ("ok" if accepted else ""), asked)
        words = said.words if word or accepted else "refused; the reason that the server wrote down is unknown here"
        given = tuple(self._given(name, value) for name, value in heard.reply or ())
        return Answer(accepted, word, words, said.advice, said.because, given)

    def _origins(self) -> Mapping[Attribute, Origin]:
        """Of the head, and where that says nothing of a value, of what was applied."""
        e, view = self.entitlement, self.view
        if e is None:
            return {}
        found: dict[Attribute, Origin] = {}
        for snapshot in (view.served, view.head):
            interim = Intent(snapshot.policy.value, {}, snapshot.nas, ()).interim
            for (name, value), origin in origins(e, self.nas.platform, snapshot, interim).items():
                found[untagged(name), value] = origin
        return found

    def _given(self, name: str, value: str) -> Given:
        if name == "Class":
            origin = class_origin(value)
            return Given(name, value, origin.meaning, reason(origin.because), True)
        if name.startswith(UNSAID):
            return Given(name, "", "", _METHOD, True)
        found = self.origins.get((untagged(name), value)) or self._handed_out(name, value)
        if found is None:
            return Given(name, value, "", _FOREIGN, False)
        return Given(name, value, found.meaning, reason(found.because), True)

    def _handed_out(self, name: str, value: str) -> Origin | None:
        """Of an address or prefix that the server took from a pool of its own: where that pool is named."""
        if name not in GIVEN.values() or value.startswith(HANDED_OUT):
            return None
        return self.origins.get((name, HANDED_OUT + self._pool_of(value)))

    def _pool_of(self, address: str) -> str:
        """The pool in which an address lies; empty for none."""
        net = ip_network(address, strict=False)
        found = (name for name, pool in self.view.head.pools.items() if room.within(net, pool.prefixes))
        return next(found, "")

    def _recorded(self, accepted: bool) -> str:
        """The reason of the refusal that the server has just written down."""
        if accepted:
            return ""
        since = self.view.now - timedelta(seconds=1)
        rows = self.view.ask(lambda store: tuple(store.rejects(login=self.login, since=since, limit=1))) or ()
        return next((one.reason for one in rows), "")


def _differences(computed: Answer, answer: Answer) -> Iterator[str]:
    """How a server's answer differs from that of the rows; what the router does wrong is nobody's drift."""
    if computed.accepted != answer.accepted:
        if answer.word not in ("bad-password", "method"):
            said = "accepts" if answer.accepted else f"refuses ({answer.word or 'reason unknown'})"
            yield f"the server {said}; our rows say {computed.word}"
        return
    if not answer.accepted:
        if answer.word not in ("", computed.word):
            yield f"the server refuses for {answer.word}; our rows for {computed.word}"
        return
    want, have = _bag(computed), _bag(answer)
    _match_pool(want, have)
    for name, value in sorted(have - want):
        yield f"the server sends {name} = {value}; our rows do not hold it"
    for name, value in sorted(want - have):
        yield f"our rows hold {name} = {value}; the server does not send it"


def _match_pool(want: Counter[tuple[str, str]], have: Counter[tuple[str, str]]) -> None:
    """An address from a pool of the server's own is whichever was free: each is as good as another."""
    for handed_out in [one for one in want if one[0] in GIVEN.values() and one[1].startswith(HANDED_OUT)]:
        if given := next((one for one in have if one[0] == handed_out[0]), None):
            del want[handed_out], have[given]


def _bag(answer: Answer) -> Counter[tuple[str, str]]:
    """Without what belongs to the method."""
    return Counter((untagged(one.name), one.value) for one in answer.attributes if one.because != _METHOD)


def _trace(answer: Answer) -> str:
    """What a test leaves behind."""
    if not answer.accepted:
        return "A row about this refusal stands in radpostauth; nothing else was changed"
    return "No session began: no accounting was sent. An accept about which there is something to say left a row"
