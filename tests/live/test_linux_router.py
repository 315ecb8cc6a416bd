"""A plain Linux router between a subscriber's machine and the core: what is applied is what the subscriber gets."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from ispctl.backend import Unreachable
from ispctl.lab.process import wait_for
from ispctl.platforms.device import Binding, Port
from ispctl.structs import replace
from tests.live.namespaces import end, missing, spawn
from tests.platforms.linux.device import PROGRAMS, LinuxRouter, Namespace
from tests.platforms.nas_contract import Hands, subject
from tests.platforms.slices import ANITA, BIKASH, OFFICES, usual

WHY = missing(*PROGRAMS, "dhclient", "iperf3")
pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.skipif(bool(WHY), reason=WHY or "it can run")]
PAGE, ELSEWHERE, SIX = "198.51.100.80", "198.51.100.90", "2001:db8:20::90"
"""Machines of the core: a walled subscriber reaches the first alone."""
PORT = 5201
MAC, WRONG = ANITA.macs[0], "02:00:00:00:00:66"
LEASE = """#!/bin/sh
[ "$reason" = BOUND ] || exit 0
ip address flush dev s1 scope global
ip address add "$new_ip_address/24" dev s1
ip address add 2001:db8:10::2/64 dev s1 nodad
ip route replace default via "$new_routers"
ip route replace default via 2001:db8:10::1
"""
PLATFORM = subject("linux").platform


class Place:
    """A router, a subscriber's machine at acc1, and a core at up0 that answers at all its addresses."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.hands = Hands(subject("linux"))
        self.router = stack.enter_context(LinuxRouter(folder))
        self.home = stack.enter_context(Namespace(folder / "home"))
        core = stack.enter_context(Namespace(folder / "core"))
        for link, machine in (("s1", self.home), ("c0", core)):
            words = ["nsenter", "-t", str(self.router.pid), "-n", "ip", "link", "set", link, "netns", str(machine.pid)]
            subprocess.run(words, check=True)
            machine.run("ip", "link", "set", link, "up")
        self.router.run("sysctl", "-q", "net.ipv6.conf.all.forwarding=1")
        self.router.run("ip", "address", "add", "2001:db8:10::1/64", "dev", "acc1", "nodad")
        self.router.run("ip", "address", "add", "2001:db8:20::1/64", "dev", "up0", "nodad")
        core.run("ip", "address", "add", f"{SIX}/64", "dev", "c0", "nodad")
        for address in (PAGE, ELSEWHERE):
            core.run("ip", "address", "add", f"{address}/24", "dev", "c0")
        core.run("ip", "route", "add", "default", "via", "198.51.100.1")
        core.run("ip", "route", "add", "default", "via", "2001:db8:20::1")
        stack.callback(end, spawn([*core.inside(), "iperf3", "-s"], folder / "iperf.log"))
        (folder / "lease.sh").write_text(LEASE)
        (folder / "lease.sh").chmod(0o755)
        self.make(ANITA)
        self.home.run("ip", "link", "set", "s1", "address", MAC)
        assert self.lease() == ANITA.address

    def lease(self) -> str:
        """The address that the subscriber's machine is given."""
        files = ["-lf", f"{self.folder}/leases.home", "-pf", f"{self.folder}/dhclient.pid"]
        words = ["dhclient", "-1", "-4", "-v", "-sf", f"{self.folder}/lease.sh", *files, "s1"]
        subprocess.run([*self.home.inside(), *words], capture_output=True, check=True, timeout=30)
        (shown,) = json.loads(self.home.run("ip", "-j", "-4", "address", "show", "dev", "s1"))
        return str(shown["addr_info"][0]["local"])

    def make(self, *bindings: Binding) -> list[str]:
        """The keys that were written so that these, and no others, are there."""
        with PLATFORM.open(self.router.login) as session:
            want = replace(usual("linux"), ports=(Port("ipoe", "acc1"),), pools=(OFFICES,), bindings=bindings)
            changes = self.hands.plan(session, want)
            self.hands.make(session, want)
        return [" ".join(change.key) for change in changes]

    def reaches(self, *addresses: str) -> bool:
        """All of them, each in the time that a busy machine and the search for neighbours need."""
        return all(wait_for(partial(self.reaches_now, address), 15) for address in addresses)

    def reaches_now(self, address: str) -> bool:
        def work() -> bool:
            try:
                socket.create_connection((address, PORT), 1).close()
            except OSError:
                return False
            return True

        return self.home.within(work)

    def rate(self, *words: str) -> float:
        """What three seconds of TCP bring, in bit/s at the receiver."""
        said = json.loads(self.home.run("iperf3", "-J", "-c", ELSEWHERE, "-t", "3", "-O", "1", *words))
        return float(said["end"]["sum_received"]["bits_per_second"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(tmp_path_factory.mktemp("linux"), stack)


def _measures(measure: Callable[[], float], rate: int) -> bool:
    """Once more on a machine that had other things to do; never less exactly."""
    return any(0.9 * rate <= measure() <= 1.1 * rate for _ in range(2))


def _as_agreed(place: Place, binding: Binding) -> bool:
    return _measures(lambda: place.rate("-R"), binding.down) and _measures(place.rate, binding.up)


def test_a_subscriber_is_given_the_address_that_is_reserved(place: Place) -> None:
    place.make(ANITA)
    assert place.lease() == ANITA.address
    with PLATFORM.open(place.router.login) as session:
        assert session.sessions() == 1


def test_a_subscriber_gets_the_rate_of_the_tariff_both_ways(place: Place) -> None:
    place.make(ANITA)
    assert _as_agreed(place, ANITA)


def test_another_tariff_is_another_rate_and_nothing_else_is_written(place: Place) -> None:
    place.make(ANITA)
    faster = replace(ANITA, down=40_000_000, up=10_000_000)
    assert place.make(faster) == [f"binding {ANITA.name}"]
    assert _as_agreed(place, faster)


def test_a_device_that_is_not_bound_reaches_nothing(place: Place) -> None:
    place.make(ANITA)
    assert place.reaches(PAGE, ELSEWHERE, SIX)
    place.home.run("ip", "link", "set", "s1", "address", WRONG)
    assert not any(map(place.reaches_now, (PAGE, ELSEWHERE, SIX)))
    place.make(replace(ANITA, macs=(WRONG,)))
    assert place.reaches(PAGE, ELSEWHERE, SIX)
    place.home.run("ip", "link", "set", "s1", "address", MAC)
    assert not any(map(place.reaches_now, (PAGE, ELSEWHERE, SIX)))


def test_an_address_of_another_reaches_nothing(place: Place) -> None:
    place.make(ANITA, replace(ANITA, name="sub-000009-main", address="100.64.32.99", macs=("02:00:00:00:00:99",)))
    assert place.reaches(ELSEWHERE)
    place.home.run("ip", "address", "add", "100.64.32.99/24", "dev", "s1")
    place.home.run("ip", "route", "replace", "default", "via", "100.64.32.1", "src", "100.64.32.99")
    try:
        assert not place.reaches_now(ELSEWHERE)
    finally:
        place.home.run("ip", "address", "del", "100.64.32.99/24", "dev", "s1")
        place.home.run("ip", "route", "replace", "default", "via", "100.64.32.1")


def test_a_walled_subscriber_reaches_the_garden_alone_and_a_restored_one_everything(place: Place) -> None:
    place.make(ANITA)
    assert place.make(replace(ANITA, access="walled")) == [f"binding {ANITA.name}"]
    assert place.reaches(PAGE)
    assert not any(map(place.reaches_now, (ELSEWHERE, SIX)))
    place.make(ANITA)
    assert place.reaches(PAGE, ELSEWHERE, SIX)


@pytest.mark.parametrize("bindings", [(BIKASH,), (replace(ANITA, access="none"),)], ids=["gone", "none"])
def test_a_subscriber_who_is_gone_reaches_nothing(place: Place, bindings: tuple[Binding, ...]) -> None:
    place.make(*bindings)
    assert not any(map(place.reaches_now, (PAGE, ELSEWHERE, SIX)))


def test_what_nobody_confirms_is_taken_back_by_the_router_itself(place: Place) -> None:
    place.make(ANITA)
    with PLATFORM.open(place.router.login) as session:
        before = session.read()
        want = replace(usual("linux"), ports=(Port("ipoe", "acc1"),), pools=(), bindings=(BIKASH,))
        place.hands.apply(session, want, confirm=4)
        assert not place.reaches_now(ELSEWHERE)
    with PLATFORM.open(place.router.login) as another:
        assert wait_for(lambda: another.read() == before, 20)
    assert place.reaches(ELSEWHERE)


def test_who_confirms_too_late_is_told(place: Place) -> None:
    place.make(ANITA)
    with PLATFORM.open(place.router.login) as session:
        before = session.read()
        want = replace(usual("linux"), ports=(Port("ipoe", "acc1"),), pools=(OFFICES,), bindings=(BIKASH,))
        place.hands.apply(session, want, confirm=1)
        assert wait_for(lambda: session.read() == before, 20)
        with pytest.raises(Unreachable, match="gone back by itself"):
            session.confirm()


def test_after_a_boot_the_router_is_as_it_was_confirmed(place: Place) -> None:
    place.make(ANITA)
    with PLATFORM.open(place.router.login) as session:
        before = session.read()
        place.router.run("nft", "delete", "table", "inet", "isp")
        for name in ("acc1", "up0"):
            place.router.run("tc", "qdisc", "del", "dev", name, "root")
        folder = str(place.router.login.options["folder"])
        place.router.run("sh", f"{folder}/router.sh", "boot", folder)
        assert session.read() == before
