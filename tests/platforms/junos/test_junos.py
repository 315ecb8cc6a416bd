"""What only Junos has: one group that is ours, a candidate, a commit that is taken back, secrets shown encrypted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.backend import Unreachable
from ispctl.platforms import platform
from ispctl.platforms.device import PoolPart, Session
from ispctl.platforms.junos import nas as junos
from ispctl.platforms.junos.nas import NAS
from ispctl.structs import replace
from tests.platforms.junos.device import FOREIGN, Device, device
from tests.platforms.nas_contract import Hands, clear, subject, wanted
from tests.platforms.slices import CLEAR, HOME, later, usual

JUNOS = subject("junos")


@contextmanager
def router(tmp_path: Path) -> Iterator[tuple[Device, Session, Hands]]:
    with device(tmp_path) as one, NAS.open(one.login) as session:
        yield one, session, Hands(JUNOS)


@given(st.text())
def test_a_quoted_text_is_that_text_or_refused(text: str) -> None:
    try:
        line = f"set groups isp-ispctl access profile isp-x radius options nas-identifier {NAS.quote(text)}"
    except ValueError:
        return
    assert NAS.parse(line) == {("access profile", "isp-x"): {"radius options nas-identifier": (text,)}}


@pytest.mark.parametrize("text", ["set system host-name x", "delete groups isp-ispctl", "set groups isp-ispctl 'open"])
def test_a_template_may_hold_nothing_outside_the_group(text: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        NAS.parse(text)


def test_what_radius_activates_is_there_under_the_same_name_with_its_two_variables() -> None:
    names = {value.partition("(")[0] for _, value in platform("junos").rate(50_000_000, 25_000_000)}
    assert names == {"isp-rate"}
    profile = wanted(JUNOS, usual("junos"))["dynamic-profiles", "isp-rate"]
    assert profile["variables down"] == profile["variables up"] == ("mandatory",)
    assert profile["firewall policer $police-down if-exceeding bandwidth-limit"] == ("$down",)
    assert profile["firewall policer $police-up if-exceeding bandwidth-limit"] == ("$up",)


@pytest.mark.live
def test_what_stands_on_the_router_is_what_was_read_and_found_right(tmp_path: Path) -> None:
    with router(tmp_path) as (one, session, hands):
        hands.make(session, usual("junos"))
        ours = set(one.box.lines()) - set(FOREIGN.splitlines())
    named = {line for line in ours if "dynamic-profiles" not in line}
    assert "\n".join(sorted(named)) + "\n" == (Path(__file__).parent / "usual.txt").read_text("utf-8")


@pytest.mark.live
def test_a_pool_that_grows_is_linked_to_a_second_one(tmp_path: Path) -> None:
    with router(tmp_path) as (one, session, hands):
        hands.make(session, later("junos"))
        link = "set groups isp-ispctl access address-assignment pool home link isp-home-2"
        assert link in one.box.lines()


@pytest.mark.live
def test_a_commit_that_nobody_confirms_is_taken_back_by_the_router(tmp_path: Path) -> None:
    with device(tmp_path) as one:
        before = one.box.lines()
        with NAS.open(one.login) as session:
            Hands(JUNOS).apply(session, usual("junos"), confirm=90)
        one.box.passes(119)
        assert one.box.lines() != before
        one.box.passes(1)
        assert one.box.lines() == before


@pytest.mark.live
@pytest.mark.parametrize("before", [False, True])
def test_what_somebody_committed_in_between_stays_when_ours_is_taken_back(tmp_path: Path, *, before: bool) -> None:
    """`before`: whether something of ours stood there already."""
    theirs = ("system", "services", "telnet")
    with router(tmp_path) as (one, session, hands):
        if before:
            hands.make(session, usual("junos"))
        stood = one.box.lines()
        hands.apply(session, later("junos"), confirm=90)
        assert one.box.lines() != stood
        one.box.commits(theirs)
        session.revert()
        assert set(one.box.lines()) == {*stood, "set system services telnet"}


@pytest.mark.live
def test_a_refused_commit_leaves_nothing_and_is_told_in_its_words(tmp_path: Path) -> None:
    with router(tmp_path) as (one, session, hands):
        before = one.box.lines()
        wrong = replace(usual("junos"), pools=(PoolPart("home", 4, ("100.64.0.0/22",), "nas", "100.64.0.1"),))
        changes = [
            replace(change, after={"family inet network": ("nonsense",)}) if change.key[1] == "home" else change
            for change in hands.plan(session, wrong)
        ]
        outcomes = list(session.apply(changes, clear(tuple(changes)), 60))
        assert "invalid value 'nonsense' in ip address" in outcomes[0].error
        assert {outcome.code for outcome in outcomes} == {"E812"}
        assert one.box.lines() == before
        hands.make(session, usual("junos"))


@pytest.mark.live
def test_a_warning_of_a_commit_is_no_refusal(tmp_path: Path) -> None:
    with router(tmp_path) as (one, session, hands):
        one.box.warning = "requires 'subscriber-accounting' license"
        hands.make(session, usual("junos"))
        assert one.box.back_at is None


@pytest.mark.live
def test_what_changed_since_the_plan_is_not_written_over(tmp_path: Path) -> None:
    with router(tmp_path) as (_, session, hands):
        changes = hands.plan(session, usual("junos"))
        hands.make(session, replace(usual("junos"), pools=(HOME,)))
        errors = {outcome.error for outcome in session.apply(changes, clear(changes), 60)}
        assert "it is not as it was when this was planned: plan again" in errors


@pytest.mark.live
def test_a_secret_that_cannot_be_told_is_refused_without_being_told(tmp_path: Path) -> None:
    with router(tmp_path) as (_, session, hands):
        changes = hands.plan(session, usual("junos"))
        outcomes = list(session.apply(changes, dict.fromkeys(clear(changes), 'a"b'), 60))
        assert "cannot be told" in outcomes[0].error
        assert 'a"b' not in repr(outcomes)


@pytest.mark.live
def test_the_router_shows_no_secret_in_clear(tmp_path: Path) -> None:
    with router(tmp_path) as (_, session, hands):
        hands.make(session, usual("junos"))
        assert not any(text in shown for text in CLEAR.values() for shown in session.read().secrets.values())


@pytest.mark.live
def test_whoever_has_another_key_is_sent_no_password(tmp_path: Path) -> None:
    with device(tmp_path) as one, device(tmp_path) as other:
        with (
            pytest.raises(Unreachable, match="host key"),
            NAS.open(replace(one.login, host_key=other.login.host_key)),
        ):
            pass
        assert one.box.named == 0


@pytest.mark.live
def test_what_the_user_has_told_ssh_of_a_router_means_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with device(tmp_path) as one, device(tmp_path) as other:
        own = tmp_path / ".ssh"
        own.mkdir()
        (own / "known_hosts").write_text(f"[127.0.0.1]:{one.box.port} {one.box.host_key}\n", "ascii")
        (own / "config").write_text("Host *\nPort 1\nUser nobody\nProxyCommand false\nIdentityFile none\n", "ascii")
        monkeypatch.setenv("HOME", str(tmp_path))
        with NAS.open(one.login) as session:
            assert session.facts().model == "mx204"
        named = one.box.named
        with (
            pytest.raises(Unreachable, match="host key"),
            NAS.open(replace(one.login, host_key=other.login.host_key)),
        ):
            pass
        assert one.box.named == named


def test_a_key_that_cannot_be_asked_for_is_told(tmp_path: Path) -> None:
    with (
        device(tmp_path) as one,
        pytest.raises(Unreachable, match="Ed25519 or ECDSA"),
        NAS.open(replace(one.login, host_key="ssh-rsa AAAAB3NzaC1yc2E=")),
    ):
        pass


@pytest.mark.live
def test_what_somebody_has_typed_is_neither_committed_nor_thrown_away(tmp_path: Path) -> None:
    theirs = ("system", "services", "telnet")
    with router(tmp_path) as (one, session, hands):
        before = one.box.lines()
        changes = hands.plan(session, usual("junos"))
        one.box.types(theirs)
        outcomes = list(session.apply(changes, clear(changes), 60))
        assert outcomes[0].error == "configuration database modified"
        assert {outcome.code for outcome in outcomes} == {"E812"}
        assert one.box.lines() == before
        assert theirs in one.box.candidate


@pytest.mark.live
def test_nothing_is_confirmed_while_somebody_types(tmp_path: Path) -> None:
    theirs = ("system", "services", "telnet")
    with router(tmp_path) as (one, session, hands):
        hands.apply(session, usual("junos"))
        one.box.types(theirs)
        with pytest.raises(Unreachable, match="configuration database modified"):
            session.confirm()
        assert theirs not in one.box.running
        assert one.box.back_at is not None


@pytest.mark.live
def test_a_router_that_answers_no_more_is_not_waited_for_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its deadline is over before that of the first wait, the second and the third."""
    monkeypatch.setattr(junos, "_PATIENCE", 0.0)
    with device(tmp_path) as one:
        with NAS.open(replace(one.login, timeout=2)) as session:
            changes = Hands(JUNOS).plan(session, usual("junos"))
            one.box.ignored = frozenset({"load-configuration", "unlock-configuration", "close-session"})
            began = monotonic()
            with pytest.raises(Unreachable, match="no answer: TimeoutExpiredError"):
                list(session.apply(changes, clear(changes), 60))
        assert monotonic() - began < 4
        assert one.box.candidate == one.box.running
