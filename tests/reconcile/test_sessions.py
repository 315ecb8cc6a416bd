"""Who is online: told by CoA, ended by Disconnect, left alone; and what is believed of what a NAS answers."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from ispctl.reconcile import Permission, Result
from ispctl.report import outcome
from ispctl.store import doubts, proofs
from tests.radius.dae import Dae, Seen
from tests.reconcile.world import A_FILE, ANITA, BIKASH, BOTH, World

SECRET = "stand-in"
HOME_50 = "tariffs/home-50.yaml"
GITA_CCTV = "gita.karki.cctv@home.example"
GITA_FILE = "subscribers/kathmandu/07/sub-000201.yaml"


@pytest.fixture
def dae(world: World) -> Iterator[Dae]:
    """The stand-in that the lab database names for every NAS."""
    with Dae(secret=SECRET) as dae:
        point(world, dae.door().port)
        yield dae


def point(world: World, port: int) -> None:
    said = json.dumps({"coa": {"host": "127.0.0.1", "port": port}, "secret": SECRET})
    world.sql("DELETE FROM ispctl_meta WHERE key = 'lab_coa'")
    world.sql("INSERT INTO ispctl_meta (key, value) VALUES ('lab_coa', ?)", said)


@contextmanager
def silence(world: World, dae: Dae) -> Iterator[None]:
    """No answer from any NAS: nothing listens where they are asked."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as port:
        port.bind(("127.0.0.1", 0))
        port.connect(port.getsockname())  # it listens to itself alone, and nobody else is given the port meanwhile
        point(world, port.getsockname()[1])
        try:
            yield
        finally:
            point(world, dae.door().port)


def dial(world: World, dae: Dae, login: str, **other: Any) -> str:
    """A session that the NAS has and that stands in the accounting."""
    unique = world.dial(login, **other)
    ipv4 = other.get("ipv4", "100.64.0.7")
    dae.sessions[other.get("id") or unique[:8]] = {"User-Name": login, "Framed-IP-Address": ipv4}
    return unique


def naks(cause: int, *codes: int) -> Callable[[Dae, Seen], list[bytes] | None]:
    """A script: requests of these codes (40 Disconnect, 43 CoA) are refused."""
    return lambda dae, seen: [dae.nak(seen, cause)] if seen.packet.code in codes else None


def told(result: Result) -> list[tuple[str, str, str, str]]:
    return [(one.owner, one.kind, one.answer, one.code) for one in result.sessions]


def requests(dae: Dae) -> list[int]:
    return [seen.packet.code for seen in dae.seen]


def slower(world: World) -> None:
    world.changed(HOME_50, "rate: {down: 50M, up: 25M}", "rate: {down: 40M, up: 20M}")


@BOTH
def test_a_tariff_edit_reaches_a_live_session_by_coa(world: World, dae: Dae) -> None:
    unique = dial(world, dae, ANITA)
    slower(world)
    plan = world.plan()
    assert [s.session for s in plan.services if s.owner == "sub-000123/main"] == ["kept"]
    result = world.apply()
    assert told(result) == [("sub-000123/main", "coa", "ack", "")]
    (seen,) = dae.seen
    assert seen.packet["Mikrotik-Rate-Limit"] == ["20M/40M"]
    assert seen.packet["NAS-IP-Address"] == ["192.0.2.1"]
    assert seen.packet["NAS-Identifier"] == ["lalitpur-1"]
    assert seen.packet["Acct-Session-Id"] == [unique[:8]]
    with world.store(readonly=True) as store:
        (proof,) = proofs.read(store)
    assert (proof.uniqueid, proof.answer, proof.proved) == (unique, "ack", None)
    assert (proof.down, proof.up) == (40_000_000, 20_000_000)
    assert world.plan().empty, "a session inside its window is not a change"
    assert told(world.apply()) == []


@BOTH
def test_the_next_accounting_proves_the_change(world: World, dae: Dae) -> None:
    unique = dial(world, dae, ANITA)
    slower(world)
    world.apply()
    world.tick(seconds=300)
    world.report(unique, down=40_000_000 // 8 * 290, up=1000)
    world.apply()
    with world.store(readonly=True) as store:
        (proof,) = proofs.read(store)
    assert proof.proved is not None
    assert "down 3" in proof.proof
    world.tick(seconds=300)
    world.report(unique)
    assert world.plan().empty
    world.stop(unique)
    world.apply()
    with world.store(readonly=True) as store:
        assert list(proofs.read(store)) == []


def test_a_session_that_does_not_keep_to_the_rate_is_ended(world: World, dae: Dae) -> None:
    unique = dial(world, dae, ANITA)
    slower(world)
    world.apply()
    answers: list[tuple[str, str, str, str]] = []
    for _ in range(3):
        world.tick(seconds=300)
        world.report(unique, down=50_000_000 // 8 * 300)
        answers = answers or told(world.apply())
    assert answers == [("sub-000123/main", "disconnect", "ack", "")]
    assert requests(dae)[:2] == [43, 40]


@BOTH
def test_a_session_that_the_nas_does_not_know_is_gone(world: World, dae: Dae) -> None:
    world.dial(ANITA)
    slower(world)
    result = world.apply()
    assert told(result) == [("sub-000123/main", "coa", "gone", "")]
    assert result.exit_code == 0
    assert world.plan().empty, "its row stays open until somebody closes it; there is nobody to tell"


@BOTH
def test_a_gone_session_that_is_heard_of_again_is_told_again(world: World, dae: Dae) -> None:
    unique = world.dial(ANITA)
    slower(world)
    world.apply()
    world.tick(seconds=300)
    world.report(unique)
    dae.sessions[unique[:8]] = {"User-Name": ANITA, "Framed-IP-Address": "100.64.0.7"}
    assert told(world.apply()) == [("sub-000123/main", "coa", "ack", "")]


@pytest.mark.parametrize("cause", [401, 402, 404, 405, 406, 407])
def test_what_a_nas_cannot_change_becomes_a_disconnect(world: World, dae: Dae, cause: int) -> None:
    dial(world, dae, ANITA)
    dae.script = naks(cause, 43)
    slower(world)
    result = world.apply()
    assert told(result) == [("sub-000123/main", "disconnect", "ack", "")]
    assert requests(dae) == ([43, 43, 40] if cause == 401 else [43, 40]), "401 may be about what names the session"
    assert world.plan().empty


@BOTH
def test_a_silent_nas_is_told_again_by_the_next_apply_and_the_rows_stand(world: World, dae: Dae) -> None:
    dial(world, dae, ANITA)
    slower(world)
    with silence(world, dae):
        result = world.apply()
    assert result.exit_code == 1
    assert told(result) == [("sub-000123/main", "coa", "silent", "E502")]
    assert "lalitpur-1" in result.sessions[0].text
    assert world.rows() == world.desired()
    assert not world.plan().empty
    assert told(world.apply()) == [("sub-000123/main", "coa", "ack", "")]
    assert world.plan().empty


def test_a_change_whose_answer_was_lost_is_taken_back_when_the_commit_is(world: World, dae: Dae) -> None:
    """The NAS may have done it without our hearing: its session is told the old rate again."""
    dial(world, dae, ANITA)
    slower(world)
    with silence(world, dae):
        world.apply()
    world.changed(HOME_50, "rate: {down: 40M, up: 20M}", "rate: {down: 50M, up: 25M}")
    assert told(world.apply()) == [("sub-000123/main", "coa", "ack", "")]
    assert dae.seen[-1].packet["Mikrotik-Rate-Limit"] == ["25M/50M"]


def test_a_second_change_that_is_refused_does_not_hide_the_first(world: World, dae: Dae) -> None:
    dial(world, dae, ANITA)
    slower(world)
    world.apply()
    world.changed(HOME_50, "rate: {down: 40M", "rate: {down: 30M")
    dae.script = naks(506, 43)
    assert told(world.apply()) == [("sub-000123/main", "coa", "nak", "E503")]
    dae.script = None
    world.changed(HOME_50, "rate: {down: 30M, up: 20M}", "rate: {down: 50M, up: 25M}")
    assert told(world.apply()) == [("sub-000123/main", "coa", "ack", "")]


def test_a_new_address_needs_a_new_session(world: World, dae: Dae) -> None:
    dial(world, dae, GITA_CCTV, nas="192.0.2.2", ipv4="203.0.113.9")
    world.changed(GITA_FILE, "203.0.113.9", "203.0.113.10")
    assert [s.session for s in world.plan().services] == ["dropped"]
    assert told(world.apply()) == [("sub-000201/cctv", "disconnect", "ack", "")]
    assert world.plan().empty


def test_a_suspended_subscriber_goes_behind_the_wall(world: World, dae: Dae) -> None:
    dial(world, dae, ANITA)
    world.changed(A_FILE, "activated:", "suspended: {since: 2027-01-10, reason: abuse}\n    activated:")
    assert told(world.apply()) == [("sub-000123/main", "disconnect", "ack", "")]


@BOTH
def test_whoever_is_ended_for_what_all_share_counts_at_the_gate_for_a_day(world: World, dae: Dae) -> None:
    walled = [key[1] for key, fields in world.rows().items() if fields.get("group") == "isp:walled"]
    for number, login in enumerate([*walled, ANITA]):
        dial(world, dae, login, id=f"session {number}")
    policy = "inventory/policy.yaml"
    world.edit(policy, "dropped: {share: 10%, floor: 20}", f"dropped: {{share: 0%, floor: {len(walled)}}}")
    world.changed(policy, "address_list: isp-walled", "address_list: isp-wall")
    result = world.apply(Permission())
    assert (len(result.plan.services), [one.answer for one in result.sessions]) == (0, ["ack"] * len(walled))
    world.changed(A_FILE, "login: anita.rai@", "login: anita@")
    world.tick(hours=23)
    (closed,) = world.apply(Permission()).closed
    assert (closed.gate, closed.wanted, closed.recent, closed.limit) == ("dropped", 1, len(walled), len(walled))
    world.tick(hours=2)
    assert not world.apply(Permission()).closed


def test_a_terminated_subscriber_goes_offline(world: World, dae: Dae) -> None:
    dial(world, dae, ANITA)
    world.changed(A_FILE, "activated:", "terminated: 2027-01-10\n    activated:")
    assert told(world.apply()) == [("sub-000123/main", "disconnect", "ack", "")]
    assert world.plan().empty


def test_a_removed_subscriber_goes_offline(world: World, dae: Dae) -> None:
    dial(world, dae, ANITA)
    world.remove(A_FILE)
    world.commit()
    assert told(world.apply()) == [("sub-000123/main", "disconnect", "ack", "")]
    assert world.plan().empty


@BOTH
def test_a_removed_subscriber_goes_offline_although_the_nas_refused_at_first(world: World, dae: Dae) -> None:
    unique = dial(world, dae, ANITA)
    world.remove(A_FILE)
    world.commit()
    dae.script = naks(506, 40)
    assert world.apply().exit_code == 1
    dae.script = None
    assert not world.plan().empty
    assert told(world.apply()) == [("sub-000123/main", "disconnect", "ack", "")]
    world.stop(unique)
    world.apply()
    assert world.plan().empty


def test_a_renamed_login_takes_its_old_session_with_it(world: World, dae: Dae) -> None:
    dial(world, dae, ANITA)
    world.changed(A_FILE, ANITA, "anita@home.example")
    assert told(world.apply()) == [("sub-000123/main", "disconnect", "ack", "")]
    assert world.plan().empty


def test_a_login_in_other_hands_ends_the_session_of_the_first(world: World, dae: Dae) -> None:
    dial(world, dae, ANITA)
    world.edit(A_FILE, "activated:", "terminated: 2027-01-10\n    activated:")
    world.subscriber(900, login=ANITA)
    world.commit()
    assert told(world.apply()) == [("sub-000900/main", "disconnect", "ack", "")]
    assert world.plan().empty


@BOTH
def test_a_disconnect_that_did_not_happen_is_asked_for_again(world: World, dae: Dae) -> None:
    """An acknowledgement is no proof: the session goes on reporting."""
    unique = dial(world, dae, ANITA)
    dae.script = lambda dae, seen: [dae.ack(seen)]
    world.changed(A_FILE, "activated:", "terminated: 2027-01-10\n    activated:")
    world.apply()
    assert world.plan().empty
    world.tick(seconds=300)
    world.report(unique, down=10_000_000)
    assert not world.plan().empty
    assert told(world.apply()) == [("sub-000123/main", "disconnect", "ack", "")]


def test_sessions_of_others_and_of_unknown_routers_are_left_alone(world: World, dae: Dae) -> None:
    dial(world, dae, "guest@elsewhere.example", klass="x")
    dial(world, dae, ANITA, nas="198.51.100.77", id="far")
    dial(world, dae, BIKASH, klass="", id="no-class")
    slower(world)
    assert told(world.apply()) == []
    assert dae.seen == []


def test_a_session_belongs_to_whom_asks_by_its_address_and_not_to_whom_is_told_there(world: World, dae: Dae) -> None:
    """One router may take the changes for another."""
    world.changed("inventory/hosts.yaml", "coa: {address: 192.0.2.2, port", "coa: {address: 192.0.2.1, port")
    world.apply()
    dial(world, dae, ANITA)
    dial(world, dae, GITA_CCTV, nas="192.0.2.2", ipv4="203.0.113.9")
    world.changed(GITA_FILE, "203.0.113.9", "203.0.113.10")
    slower(world)
    world.apply()
    named = {seen.packet["User-Name"][0]: seen.packet["NAS-Identifier"][0] for seen in dae.seen}
    assert named == {ANITA: "lalitpur-1", GITA_CCTV: "kathmandu-1"}


def test_who_was_not_asked_since_the_nas_is_silent_was_not_asked_in_vain(world: World, dae: Dae) -> None:
    for number in range(12):
        dial(world, dae, ANITA, id=f"s{number}", ipv4=f"100.64.0.{number + 1}")
    slower(world)
    with silence(world, dae):
        result = world.apply()
    said = outcome.document(result)
    counted = {name: said["told"]["nas"]["lalitpur-1"][name] for name in ("told", "silent", "unasked")}
    assert counted == {"told": 0, "silent": 8, "unasked": 4}
    assert "SESSIONS: 8 without an answer, 4 not asked" in outcome.text(result)


def test_a_lab_without_stand_ins_sends_nothing_and_says_so(world: World) -> None:
    world.dial(ANITA)
    slower(world)
    result = world.apply()
    assert told(result) == [("sub-000123/main", "coa", "unasked", "E506")]
    assert result.exit_code == 1
    assert world.rows() == world.desired()


def test_a_session_that_was_told_in_vain_is_found_by_a_run_after_a_kill(world: World, dae: Dae) -> None:
    from tests.reconcile.world import Killed

    dial(world, dae, ANITA)
    slower(world)
    number = 1
    while True:
        try:
            world.apply(kill_at=number)
            break
        except Killed:
            number += 1
    assert world.plan().empty
    assert requests(dae).count(43) >= 1


def test_a_login_during_the_hold_keeps_the_old_rate(world: World, dae: Dae) -> None:
    """Who waits at a gate is told nothing, whenever the session began."""
    from ispctl.reconcile import Permission

    for number in range(900, 920):
        world.subscriber(number)
    world.commit()
    world.apply()
    dial(world, dae, ANITA)
    slower(world)
    assert told(world.apply(Permission())) == []
    dial(world, dae, "l900@home.example", id="late", ipv4="100.64.0.9")
    assert told(world.apply(Permission())) == []
    assert dae.seen == []


def test_a_repair_looks_at_every_session_since_a_hand_may_have_been_there_too(world: World, dae: Dae) -> None:
    assert world.apply().exit_code == 0
    dial(world, dae, ANITA, klass=f"{'f' * 16}-{'f' * 16}")
    world.sql("DELETE FROM ispctl_doubt")
    with world.store() as store:
        assert doubts.behind(store) == frozenset()
    world.repair()
    with world.store() as store:
        assert doubts.behind(store) == {"sub-000123/main"}
