"""What only VyOS has: words, nodes without a name of ours, a server that starts anew, a commit that is taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.backend import Unreachable
from ispctl.nas.job import Job, work
from ispctl.platforms.device import Port, Session
from ispctl.platforms.statements import Line
from ispctl.platforms.vyos._lines import commands, lines_of, quote, resources
from ispctl.platforms.vyos._shell import Refused, Shell
from ispctl.platforms.vyos.nas import NAS
from ispctl.structs import replace
from tests.platforms.nas_contract import Hands, clear, subject, wanted
from tests.platforms.slices import HOME, OFFICES, later, usual
from tests.platforms.vyos.device import FOREIGN, Device, device

VYOS = subject("vyos")
FOLDER = Path(__file__).parent
LINES = st.sets(st.lists(st.sampled_from("abc"), min_size=2, max_size=4).map(tuple), max_size=12)


@contextmanager
def router(tmp_path: Path) -> Iterator[tuple[Device, Session, Hands]]:
    with device(tmp_path) as one, NAS.open(one.login) as session:
        yield one, session, Hands(VYOS)


@given(st.text())
def test_a_quoted_text_is_that_text_or_refused(text: str) -> None:
    try:
        line = f"set firewall group network-group isp-x description {quote(text)}"
    except ValueError:
        return
    found = NAS.parse(line)
    assert found == {("group", "network-group isp-x"): {"firewall group network-group isp-x description": (text,)}}


@given(LINES, LINES)
def test_what_is_typed_makes_one_configuration_of_the_other(
    have: set[tuple[str, ...]], want: set[tuple[str, ...]]
) -> None:
    have, want = _leaves(have), _leaves(want)
    now = set(have)
    for command in commands(have, want):
        verb, *words = command.split()
        path = tuple(words)
        now = {line for line in now if line[: len(path)] != path} if verb == "delete" else _leaves(now | {path})
    assert now == want


def _leaves(lines: set[Line]) -> set[Line]:
    return {line for line in lines if not any(other != line and other[: len(line)] == line for other in lines)}


def test_nothing_that_others_configured_is_taken_for_ours() -> None:
    assert resources(lines_of(FOREIGN)) == ({}, {})


def test_a_template_may_hold_nothing_that_is_not_ours() -> None:
    with pytest.raises(ValueError, match="set line 1 is of nothing that ispctl owns: set system host-name x"):
        NAS.parse("set system host-name x")


@pytest.mark.parametrize("text", ["delete service ssh", "set", "set firewall 'open"])
def test_what_is_no_set_line_is_told_with_its_line(text: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        NAS.parse(text)


@pytest.mark.live
def test_what_stands_on_the_router_is_what_was_read_and_found_right(tmp_path: Path) -> None:
    with router(tmp_path) as (one, session, hands):
        hands.make(session, usual("vyos"))
        ours = set(one.box.lines()) - set(FOREIGN.splitlines())
    assert "\n".join(sorted(ours)) + "\n" == (FOLDER / "usual.txt").read_text("utf-8")


@pytest.mark.live
def test_a_pool_that_changes_touches_that_pool_and_says_that_it_ends_sessions(tmp_path: Path) -> None:
    with router(tmp_path) as (one, session, hands):
        hands.make(session, usual("vyos"))
        before = set(one.box.lines())
        one.box.sessions = 7
        more = replace(HOME, prefixes=(*HOME.prefixes, "100.64.8.0/22"))
        want = replace(usual("vyos"), pools=(more, *usual("vyos").pools[1:]))
        changes = hands.plan(session, want)
        assert session.sessions() == 7
        assert [(change.key, NAS.disrupts(change)) for change in changes] == [(("pool", "home"), True)]
        hands.make(session, want)
        assert {"100.64.8.0" in line for line in set(one.box.lines()) ^ before} == {True}
        assert session.sessions() == 0


@pytest.mark.live
def test_nobody_is_given_what_a_pool_keeps_back(tmp_path: Path) -> None:
    """Each range lies within one /24, as accel-ppp reads it; a prefix of which nothing is kept stays as it is."""
    kept = replace(HOME, prefixes=("100.64.0.0/23", "100.64.8.0/24"), gateway="100.64.0.1", exclude=("100.64.1.9",))
    want = replace(usual("vyos"), pools=(kept,))
    with router(tmp_path) as (one, session, hands):
        hands.make(session, want)
        ranges = [line.split("'")[1] for line in one.box.lines() if " client-ip-pool home range " in line]
    assert ranges == [
        "100.64.0.2-100.64.0.255",
        "100.64.1.0-100.64.1.8",
        "100.64.1.10-100.64.1.254",
        "100.64.8.0/24",
    ]


@pytest.mark.live
def test_a_subnet_of_dhcp_leaves_out_its_own_addresses_alone(tmp_path: Path) -> None:
    """VyOS refuses others; `exclude` is said for a pool, and its parts are on many routers."""
    prefixes = "100.64.32.0/24", "100.64.34.0/24"
    offices = replace(OFFICES, prefixes=prefixes, exclude=("100.64.32.2", "100.64.34.2", "100.64.36.2"))
    with router(tmp_path) as (one, session, hands):
        hands.make(session, replace(usual("vyos"), pools=(HOME, offices)))
        left_out = {
            line.split(" subnet ")[1] for line in one.box.lines() if " isp-offices " in line and "exclude" in line
        }
    assert left_out == {
        "100.64.32.0/24 exclude '100.64.32.1'",
        "100.64.32.0/24 exclude '100.64.32.2'",
        "100.64.34.0/24 exclude '100.64.34.2'",
    }


@pytest.mark.live
def test_the_wall_changes_without_ending_a_session(tmp_path: Path) -> None:
    with router(tmp_path) as (one, session, hands):
        hands.make(session, usual("vyos"))
        one.box.sessions = 3
        want = replace(usual("vyos"), wall=replace(usual("vyos").wall, allow=("198.51.100.53/32",)))
        assert not any(NAS.disrupts(change) for change in hands.plan(session, want))
        hands.make(session, want)
        assert session.sessions() == 3


@pytest.mark.live
def test_a_commit_that_nobody_confirms_is_taken_back_by_the_router(tmp_path: Path) -> None:
    with device(tmp_path) as one:
        hands, before = Hands(VYOS), one.box.lines()
        with NAS.open(one.login) as session:
            hands.apply(session, usual("vyos"), confirm=90)
            assert one.box.lines() != before
        one.box.passes(119)
        assert one.box.lines() != before
        one.box.passes(1)
        assert one.box.lines() == before


@pytest.mark.live
def test_what_others_had_not_saved_outlives_a_commit_that_is_taken_back(tmp_path: Path) -> None:
    with router(tmp_path) as (one, session, hands):
        one.box.running["system"]["host-name"] = {"newname": {}}
        hands.apply(session, usual("vyos"))
        one.box.passes(600)
        assert "set system host-name 'newname'" in one.box.lines()


@pytest.mark.live
def test_a_confirmed_commit_is_there_after_a_boot(tmp_path: Path) -> None:
    with router(tmp_path) as (one, session, hands):
        hands.make(session, usual("vyos"))
        after = one.box.lines()
        one.box.passes(3600)
        one.box.boot()
        assert one.box.lines() == after


@pytest.mark.live
def test_a_refused_commit_leaves_nothing_and_is_told_in_its_words(tmp_path: Path) -> None:
    with router(tmp_path) as (one, session, hands):
        before = one.box.lines()
        outcomes = hands.apply(session, replace(usual("vyos"), ports=(Port("pppoe", "nosuchport"),)))
        assert one.box.lines() == before
        assert {outcome.code for outcome in outcomes} == {"E812"}
        assert "Invalid value" in outcomes[0].error
        assert outcomes[1].error == "nothing was done, since another change was refused"
        hands.make(session, usual("vyos"))


@pytest.mark.live
def test_a_pool_of_that_name_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    with router(tmp_path) as (one, session, hands):
        before = one.box.lines()
        cellar = replace(HOME, name="cellar")
        outcomes = hands.apply(session, replace(usual("vyos"), pools=(cellar,)))
        told = {outcome.change.key: outcome.error for outcome in outcomes}[("pool", "cellar")]
        assert (
            told == "this is there and is not ours: service pppoe-server client-ip-pool cellar range 203.0.113.192/27"
        )
        assert one.box.lines() == before


@pytest.mark.live
@pytest.mark.parametrize("lines", [0, 3, 40])
def test_a_connection_that_breaks_while_lines_are_typed_changes_nothing(lines: int, tmp_path: Path) -> None:
    with device(tmp_path) as one:
        before = one.box.lines()
        with NAS.open(one.login) as session:
            one.box.lines_left = lines
            with pytest.raises(Unreachable, match="the connection broke"):
                Hands(VYOS).apply(session, usual("vyos"))
        assert one.box.lines() == before


@pytest.mark.live
def test_somebody_elses_pending_confirm_is_waited_for(tmp_path: Path) -> None:
    with router(tmp_path) as (one, session, hands):
        one.box.back_at = 300.0
        assert "Another confirm is pending" in hands.apply(session, usual("vyos"))[0].error
        one.box.passes(300)
        hands.make(session, usual("vyos"))


@pytest.mark.live
@pytest.mark.parametrize("ours", [True, False])
def test_a_commit_that_an_apply_of_ours_left_unconfirmed_is_gone_on_from(tmp_path: Path, ours: bool) -> None:
    with device(tmp_path) as one:
        hands = Hands(VYOS)
        with NAS.open(one.login) as session:
            hands.apply(session, usual("vyos"))  # and it dies
        with NAS.open(one.login) as session:
            hands.remember(session, usual("vyos"))
            wall = replace(usual("vyos").wall, allow=("198.51.100.53/32",))
            changes = hands.plan(session, replace(usual("vyos"), wall=wall))
        answer = work(Job(one.login, changes, clear(changes), unconfirmed=ours))
        if ours:
            assert (answer.status, one.box.back_at) == ("applied", None)
            assert "set firewall group network-group isp-walled-allow network '198.51.100.53/32'" in one.box.lines()
        else:
            assert (answer.status, "Another confirm is pending" in answer.text) == ("refused", True)


def left_unconfirmed(one: Device) -> tuple[Hands, Job]:
    """An apply of ours that dies before it confirms, and what the next one is asked to do."""
    hands = Hands(VYOS)
    with NAS.open(one.login) as session:
        hands.apply(session, usual("vyos"))
    return hands, Job(one.login, (), {}, unconfirmed=True)


def by_hand(one: Device, name: str) -> None:
    one.box.running["system"]["host-name"] = {name: {}}


@pytest.mark.live
def test_what_an_administrator_has_on_trial_is_not_confirmed_where_ours_went_back(tmp_path: Path) -> None:
    with device(tmp_path) as one:
        hands, job = left_unconfirmed(one)
        one.box.passes(60)
        by_hand(one, "on-trial")
        one.box.back_at = one.box.clock + 600
        with NAS.open(one.login) as session:
            changes = hands.plan(session, usual("vyos"))
        answer = work(replace(job, changes=changes, secrets=clear(changes)))
        assert (answer.status, "Another confirm is pending" in answer.text) == ("refused", True)
        one.box.passes(600)
        assert "set system host-name 'vyos'" in one.box.lines()
        assert work(replace(job, changes=changes, secrets=clear(changes))).status == "applied"


@pytest.mark.live
def test_what_somebody_commits_while_ours_is_typed_stays_and_is_not_saved_for_him(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with device(tmp_path) as one:
        with NAS.open(one.login) as session:
            changes = Hands(VYOS).plan(session, usual("vyos"))
        typed = Shell.type

        def meanwhile(shell: Shell, lines: Sequence[str]) -> None:
            typed(shell, lines)
            by_hand(one, "meanwhile")
            monkeypatch.setattr(Shell, "commit_confirm", refuses)

        def refuses(_: Shell, __: int) -> None:
            raise Refused("somebody else's commit goes on")

        monkeypatch.setattr(Shell, "type", meanwhile)
        assert work(Job(one.login, changes, clear(changes))).status == "refused"
        assert "set system host-name 'meanwhile'" in one.box.lines()
        assert "meanwhile" not in one.box.file.read_text("utf-8")


@pytest.mark.live
def test_what_an_administrator_has_on_trial_beside_what_stands_is_left_to_him(tmp_path: Path) -> None:
    """Ours was confirmed, and the apply died before it could say so."""
    with router(tmp_path) as (one, session, hands):
        changes = hands.plan(session, usual("vyos"))
        hands.make(session, usual("vyos"))
        by_hand(one, "on-trial")
        one.box.back_at = 600.0
        assert work(Job(one.login, changes, clear(changes), unconfirmed=True)).status == "applied"
        assert (one.box.back_at, "on-trial" in one.box.file.read_text("utf-8")) == (600.0, False)


@pytest.mark.live
def test_where_others_changed_something_beside_what_waits_nothing_is_confirmed(tmp_path: Path) -> None:
    with device(tmp_path) as one:
        with NAS.open(one.login) as session:
            changes = Hands(VYOS).plan(session, usual("vyos"))
        left_unconfirmed(one)
        by_hand(one, "not-saved")
        answer = work(Job(one.login, changes, clear(changes), unconfirmed=True))
        assert answer.status == "unreachable"
        assert "others changed it too since it was saved: confirm or save it there" in answer.text
        assert one.box.back_at is not None
        one.box.save()
        assert work(Job(one.login, changes, clear(changes), unconfirmed=True)).status == "applied"


@pytest.mark.live
def test_a_router_that_went_back_before_it_was_told_that_all_is_well_is_not_taken_for_configured(
    tmp_path: Path,
) -> None:
    with router(tmp_path) as (one, session, hands):
        before = one.box.lines()
        hands.apply(session, usual("vyos"))
        one.box.passes(60)
        with pytest.raises(Unreachable, match="it went back by itself before it was told that all is well"):
            session.confirm()
        assert one.box.lines() == before


@pytest.mark.live
def test_what_changed_since_the_plan_is_not_written_over(tmp_path: Path) -> None:
    with router(tmp_path) as (one, session, hands):
        hands.make(session, usual("vyos"))
        changes = hands.plan(session, later("vyos"))
        one.box.running["firewall"]["group"]["network-group"]["isp-walled-allow"]["network"] = {"192.0.2.9/32": {}}
        errors = {outcome.error for outcome in session.apply(changes, clear(changes), 60)}
        assert "it is not as it was when this was planned: plan again" in errors


@pytest.mark.live
@pytest.mark.parametrize("secret", ["it's", "one,two", "what?", "ünï"])
def test_a_secret_that_cannot_be_typed_is_refused_without_being_told(secret: str, tmp_path: Path) -> None:
    with router(tmp_path) as (one, session, hands):
        before, changes = one.box.lines(), hands.plan(session, usual("vyos"))
        outcomes = list(session.apply(changes, dict.fromkeys(clear(changes), secret), 60))
        assert "cannot take" in outcomes[0].error
        assert secret not in repr(outcomes)
        assert one.box.lines() == before


def test_two_devices_of_one_address_are_refused_while_rendering() -> None:
    from ispctl.model.problem import Refusal

    one = usual("vyos")
    twice = replace(one.bindings[0], macs=("02:00:00:00:00:10", "02:00:00:00:00:20"))
    with pytest.raises(Refusal, match="where one value is taken"):
        wanted(VYOS, replace(one, bindings=(twice,)))
