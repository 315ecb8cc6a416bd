"""What every platform has to keep to where it configures NAS: each check takes a subject and raises AssertionError.

A subject is a platform beside a device of its kind, `tests/platforms/<name>/device.py`, which is real or a stand-in
with state. It is full of what others configured: none of it may ever change.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import pytest

from ispctl.backend import Outcome, Unreachable
from ispctl.model.problem import Refusal
from ispctl.plan import Change, Key, Resources, diff
from ispctl.platforms.device import SECRET, Login, NasPlatform, PoolPart, Seen, Session, Slice, nas_platform
from ispctl.platforms.rendering import render, texts
from ispctl.structs import replace
from tests.platforms.slices import CLEAR, OTHER_SECRET, later, nothing, usual

TARGET = "nas:lalitpur-1"
HOSTILE = (
    "it's",
    'a"b',
    "a;b",
    "a[b]",
    "$x",
    "#no",
    "a\\b",
    "`id`",
    "$(id)",
    "a|b",
    "a&&b",
    "a{b}",
    "a?b",
    "-h",
    "ünï",
)
STRANGER = "AAAAC3NzaC1lZDI1NTE5AAAAIG9uZXRoYXRub2JvZHloYXMtb25ldGhhdG5vYm9k"
UNWRITABLE = ("a\nb", "a\r\nhostname pwned", "a\x00b", "a\x1b[2J", "", "x" * 300)


class Device(Protocol):
    """One device to speak to, as its tests see it."""

    login: Login

    def foreign(self) -> str:
        """All that is not ours there, as text, taken from the device itself and not by the code under test."""
        ...

    def dies_after(self, writes: int) -> None:
        """The connection breaks when so many things more were written, and what follows is not done."""
        ...

    def revives(self) -> None:
        """It answers again, with what it had written down."""
        ...

    def elapses(self) -> None:
        """So much time passes that it goes back, if it waits for a confirmation."""
        ...


@dataclass(frozen=True)
class Subject:
    """A platform and how to get a device of it that nobody else uses."""

    platform: NasPlatform
    device: Callable[[Path], AbstractContextManager[Device]]


def subject(name: str) -> Subject:
    """What the folders of that name hold."""
    platform = nas_platform(name)
    assert platform is not None
    return Subject(platform, import_module(f"tests.platforms.{name.replace('-', '_')}.device").device)


def wanted(one: Subject, want: Slice) -> Resources:
    return render(one.platform, want, {})


def with_secrets(seen: Seen, want: Resources, known: Mapping[str, str]) -> Resources:
    """What was read, with the digest that the secret of each key was last written for. `known`: what devices showed of
    secrets, to their digests."""
    found = {}
    for key, fields in seen.resources.items():
        assert SECRET not in fields or fields[SECRET] == "", "a clear secret leaves by `secrets` alone"
        shown = seen.secrets.get(key)
        found[key] = {**fields, SECRET: known.get(shown, "unknown")} if shown is not None else fields
    return found


class Hands:
    """Plans and applies on a session, as the fleet does: it remembers what was shown of a secret after it was set."""

    def __init__(self, one: Subject) -> None:
        self.one = one
        self.known: dict[str, str] = {}

    def plan(self, session: Session, want: Slice) -> tuple[Change, ...]:
        asked = wanted(self.one, want)
        return diff(TARGET, asked, with_secrets(session.read(), asked, self.known))

    def apply(self, session: Session, want: Slice, confirm: int = 60) -> list[Outcome]:
        changes = self.plan(session, want)
        outcomes = list(session.apply(changes, clear(changes), confirm))
        assert {outcome.change.key for outcome in outcomes} == {change.key for change in changes}
        return outcomes

    def remember(self, session: Session, want: Slice) -> None:
        seen, asked = session.read(), wanted(self.one, want)
        for key, shown in seen.secrets.items():
            self.known[shown] = str(asked.get(key, {}).get(SECRET, ""))

    def make(self, session: Session, want: Slice) -> None:
        """Apply, confirm, and find nothing left to do."""
        failed = [outcome.error for outcome in self.apply(session, want) if outcome.error]
        assert failed == []
        session.confirm()
        self.remember(session, want)
        assert self.plan(session, want) == ()


def clear(changes: tuple[Change, ...]) -> dict[Key, str]:
    """The clear text of each key that has a secret."""
    digests = {change.key: str((change.after or {}).get(SECRET, "")) for change in changes}
    return {key: CLEAR[digest] for key, digest in digests.items() if digest}


@contextmanager
def opened(one: Subject, tmp_path: Path) -> Iterator[tuple[Device, Session, Hands]]:
    with one.device(tmp_path) as device, one.platform.open(device.login) as session:
        yield device, session, Hands(one)


def the_same_is_rendered_the_same(one: Subject, tmp_path: Path) -> None:
    want = usual(one.platform.name)
    assert wanted(one, want) == wanted(one, want)
    assert texts(one.platform, want, {}) == texts(one.platform, want, {})
    mixed = replace(want, pools=want.pools[::-1], bindings=want.bindings[::-1], tariffs=want.tariffs[::-1])
    assert wanted(one, mixed) == wanted(one, want), "the order in git means nothing"


def what_was_applied_is_what_is_read(one: Subject, tmp_path: Path) -> None:
    with opened(one, tmp_path) as (_, session, hands):
        hands.make(session, usual(one.platform.name))


def a_second_connection_finds_nothing_to_do(one: Subject, tmp_path: Path) -> None:
    want = usual(one.platform.name)
    with one.device(tmp_path) as device:
        hands = Hands(one)
        with one.platform.open(device.login) as session:
            hands.make(session, want)
        with one.platform.open(device.login) as session:
            assert hands.plan(session, want) == ()


def one_state_becomes_another_and_comes_back(one: Subject, tmp_path: Path) -> None:
    with opened(one, tmp_path) as (_, session, hands):
        for want in (usual, later, usual):
            hands.make(session, want(one.platform.name))


def what_others_configured_stays(one: Subject, tmp_path: Path) -> None:
    with opened(one, tmp_path) as (device, session, hands):
        before = device.foreign()
        assert len(before.splitlines()) > 10, "the device is full of it"
        for want in (usual, later, nothing):
            hands.make(session, want(one.platform.name))
            assert device.foreign() == before


def a_nas_that_is_given_back_holds_nothing_of_ours(one: Subject, tmp_path: Path) -> None:
    with opened(one, tmp_path) as (_, session, hands):
        hands.make(session, usual(one.platform.name))
        hands.make(session, nothing(one.platform.name))
        assert dict(session.read().resources) == {}


def what_is_taken_back_is_as_before(one: Subject, tmp_path: Path) -> None:
    with opened(one, tmp_path) as (device, session, hands):
        hands.make(session, usual(one.platform.name))
        before, foreign = session.read(), device.foreign()
        hands.apply(session, later(one.platform.name))
        session.revert()
        assert session.read() == before
        assert device.foreign() == foreign


def a_device_that_dies_half_way_is_repaired_by_the_next_run(one: Subject, tmp_path: Path) -> None:
    want, writes, died = later(one.platform.name), 0, True
    while died and writes < 60:
        folder = tmp_path / str(writes)
        folder.mkdir()
        with one.device(folder) as device:
            hands, foreign = Hands(one), device.foreign()
            with one.platform.open(device.login) as session:
                hands.make(session, usual(one.platform.name))
            device.dies_after(writes)
            died = False
            try:
                with one.platform.open(device.login) as session:
                    died = any(outcome.error for outcome in hands.apply(session, want))
                    session.confirm()
            except Unreachable:
                died = True
            device.revives()
            with one.platform.open(device.login) as session:
                hands.make(session, want)
            assert device.foreign() == foreign
        writes += 1 if writes < 4 else 11
    assert writes > 1, "it died at least once"


def what_a_session_left_unconfirmed_is_let_stay_by_the_next_one_or_told(one: Subject, tmp_path: Path) -> None:
    """The first is still open for the device, as it is where a connection is lost without a word."""
    want = later(one.platform.name)
    with one.device(tmp_path) as device:
        hands = Hands(one)
        with one.platform.open(device.login) as session:
            hands.make(session, usual(one.platform.name))
            hands.apply(session, want)
            hands.remember(session, want)
            with one.platform.open(device.login) as another:
                stays = hands.plan(another, want) == ()
                try:
                    another.confirm()
                except Unreachable:
                    stays = False
            if stays:
                device.elapses()
                with one.platform.open(device.login) as another:
                    assert hands.plan(another, want) == ()


def another_secret_is_seen_and_written(one: Subject, tmp_path: Path) -> None:
    want = usual(one.platform.name)
    if not any(SECRET in fields for fields in wanted(one, want).values()):
        return
    with opened(one, tmp_path) as (_, session, hands):
        hands.make(session, want)
        changes = hands.plan(session, replace(want, secret=OTHER_SECRET))
        assert changes
        assert all(change.action == "update" for change in changes)
        hands.make(session, replace(want, secret=OTHER_SECRET))


def no_text_of_git_becomes_a_command(one: Subject, tmp_path: Path) -> None:
    """Each is written as it is, or refused in words before anything is sent."""
    base = usual(one.platform.name)
    with opened(one, tmp_path) as (device, session, hands):
        foreign = device.foreign()
        for text in (*HOSTILE, *UNWRITABLE):
            want = base
            for place in PLACES:
                if not _is_refused(one, place(base, text)):
                    want = place(want, text)
            if want != base:
                hands.make(session, want)
                assert device.foreign() == foreign, repr(text)


PLACES: tuple[Callable[[Slice, str], Slice], ...] = (
    lambda want, text: replace(want, identifier=text),
    lambda want, text: replace(want, wall=replace(want.wall, name=f"isp-{text}")),
    lambda want, text: replace(want, pools=(*want.pools, PoolPart(f"isp-{text}", 4, ("100.64.99.0/24",), "nas"))),
    lambda want, text: replace(want, wall=replace(want.wall, redirect=f"https://pay.isp.example/{text}")),
)
"""Where a text of git gets to a device."""


def _is_refused(one: Subject, want: Slice) -> bool:
    try:
        wanted(one, want)
    except Refusal as refusal:
        return refusal.problems[0].code == "E801"
    return False


def whoever_has_another_host_key_is_not_spoken_to(one: Subject, tmp_path: Path) -> None:
    with one.device(tmp_path) as device:
        for key in (
            "",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG9uZXRoYXRub2JvZHloYXMtb25ldGhhdG5vYm9k",
            "sha256:" + "0" * 64,
        ):
            with (
                pytest.raises(Unreachable, match="host key|certificate"),
                one.platform.open(replace(device.login, host_key=key)),
            ):
                pass


def a_refused_login_is_told_without_the_password(one: Subject, tmp_path: Path) -> None:
    with one.device(tmp_path) as device:
        wrong = replace(device.login, password="not the password", private_key="")
        with pytest.raises(Unreachable) as caught, one.platform.open(wrong):
            pass
        assert "not the password" not in str(caught.value)


def nothing_that_is_read_or_said_holds_a_secret(one: Subject, tmp_path: Path) -> None:
    with opened(one, tmp_path) as (_, session, hands):
        outcomes = hands.apply(session, usual(one.platform.name))
        session.confirm()
        said = repr((session.read().resources, outcomes, session.read()))
        assert not any(text in said for text in CLEAR.values())


def no_log_holds_a_secret(one: Subject, tmp_path: Path) -> None:
    """However much is logged: somebody who looks for an error turns on all of it."""
    said: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: said.append(f"{record.name}: {record.getMessage()}")  # type: ignore[method-assign]
    root, level = logging.getLogger(), logging.getLogger().level
    with one.device(tmp_path) as device:
        root.addHandler(listener)
        root.setLevel(logging.DEBUG)
        try:
            with one.platform.open(device.login) as session:
                hands = Hands(one)
                hands.make(session, usual(one.platform.name))
                hands.apply(session, later(one.platform.name))
                session.revert()
        finally:
            root.removeHandler(listener)
            root.setLevel(level)
    secrets = {*CLEAR.values(), device.login.password, device.login.private_key} - {""}
    secrets |= {one.replace(" ", "\\040") for one in CLEAR.values()}
    theirs = [line for line in said if not line.startswith("asyncssh:")]  # of stand-ins: the other end
    assert [line for line in theirs if any(secret in line for secret in secrets)] == []


def it_says_what_it_is(one: Subject, tmp_path: Path) -> None:
    with opened(one, tmp_path) as (_, session, _hands):
        assert session.facts().version
        assert session.sessions() is None or session.sessions() >= 0  # type: ignore[operator]


CHECKS = (
    the_same_is_rendered_the_same,
    what_was_applied_is_what_is_read,
    a_second_connection_finds_nothing_to_do,
    one_state_becomes_another_and_comes_back,
    what_others_configured_stays,
    a_nas_that_is_given_back_holds_nothing_of_ours,
    what_is_taken_back_is_as_before,
    a_device_that_dies_half_way_is_repaired_by_the_next_run,
    what_a_session_left_unconfirmed_is_let_stay_by_the_next_one_or_told,
    another_secret_is_seen_and_written,
    no_text_of_git_becomes_a_command,
    whoever_has_another_host_key_is_not_spoken_to,
    a_refused_login_is_told_without_the_password,
    nothing_that_is_read_or_said_holds_a_secret,
    no_log_holds_a_secret,
    it_says_what_it_is,
)
