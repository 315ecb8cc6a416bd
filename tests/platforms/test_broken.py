"""Platforms that are wrong in one way each: the contract has to find it, or it would find nothing."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import Phase, settings

from ispctl.desired import Terms
from ispctl.model.policy import Wall
from ispctl.platforms import Attribute, Platform
from ispctl.platforms.accel_ppp import AccelPpp
from ispctl.platforms.huawei_vrp import HuaweiVrp
from ispctl.platforms.ios_xe import IosXe
from ispctl.platforms.junos import Junos
from ispctl.platforms.routeros import RouterOs
from ispctl.platforms.wispr import Wispr
from ispctl.radius._rows_text import Unfit
from tests.platforms import contract
from tests.platforms.contract import Subject, subject


class SwapsDirection(RouterOs):
    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        return super().rate(up, down)


class SwapsAccel(AccelPpp):
    """MikroTik's order, in which the download of most people would be their upload."""

    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        return super().rate(up, down)


class LosesUnits(HuaweiVrp):
    """kbit/s where bit/s are read."""

    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        return super().rate(down // 1000, up // 1000)


class CutsOff(HuaweiVrp):
    """A number that does not fit is cut off without a word."""

    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        return super().rate(min(down, 2**32 - 1), min(up, 2**32 - 1))


class Rounds(AccelPpp):
    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        return super().rate(down // 1000 * 1000 or 1000, up // 1000 * 1000 or 1000)


class CountsInThirtyThreeBits(AccelPpp):
    most = 2**33 // 1000 * 1000


class LeaksAnother(Junos):
    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        return [*super().rate(down, up), ("Mikrotik-Rate-Limit", "1M/1M")]


class MakesUpAttributes(Wispr):
    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        return [*super().rate(down, up), ("WISPr-Bandwidth", "1")]


class TagsWhatHasNone(Wispr):
    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        return [(f"{name}:1", value) for name, value in super().rate(down, up)]


class WallsNobody(RouterOs):
    def walled(self, wall: Wall) -> Sequence[Attribute]:
        return self.rate(wall.rate.down, wall.rate.up)


class GivesTheWalledIpv6(RouterOs):
    def wall(self, wall: Wall) -> tuple[Attribute, ...]:
        return (*super().wall(wall), ("Mikrotik-Delegated-IPv6-Pool", "home6-pd"))


class ChangesAddresses(RouterOs):
    changeable = RouterOs.changeable | {"Framed-Pool"}


class NamesPoliciesAfterTariffs(IosXe):
    def speed(self, terms: Terms) -> Sequence[Attribute]:
        return [*super().speed(terms), ("Cisco-AVPair", f"ip:description={terms.tariff}")]


class FlipsACoin(RouterOs):
    times = itertools.count()

    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        pairs = super().rate(down, up)
        return [*pairs, ("Mikrotik-Address-List", "x")] if next(self.times) % 2 else pairs


class LeavesTheOldService(Junos):
    takes_back = ""


class RaisesANumber(Wispr):
    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        if max(down, up) > 2**32 - 1:
            raise ValueError(down)
        return super().rate(down, up)


class Boasts(Wispr):
    bursts = True


BROKEN: list[tuple[type[Platform], Callable[[Subject], None]]] = [
    (SwapsDirection, contract.a_router_reads_the_rates_that_were_meant),
    (SwapsAccel, contract.a_router_reads_the_rates_that_were_meant),
    (LosesUnits, contract.a_router_reads_the_rates_that_were_meant),
    (CutsOff, contract.a_router_reads_the_rates_that_were_meant),
    (Rounds, contract.a_router_reads_the_rates_that_were_meant),
    (CountsInThirtyThreeBits, contract.a_router_reads_the_rates_that_were_meant),
    (RaisesANumber, contract.a_router_reads_the_rates_that_were_meant),
    (LeaksAnother, contract.no_attribute_belongs_to_another_vendor),
    (MakesUpAttributes, contract.every_attribute_is_in_our_dictionary_with_a_value_of_its_type),
    (TagsWhatHasNone, contract.every_attribute_is_in_our_dictionary_with_a_value_of_its_type),
    (MakesUpAttributes, contract.it_declares_what_it_renders),
    (WallsNobody, contract.a_walled_session_differs_and_has_no_ipv6_but_the_walls),
    (GivesTheWalledIpv6, contract.a_walled_session_differs_and_has_no_ipv6_but_the_walls),
    (ChangesAddresses, contract.pools_go_where_they_belong),
    (NamesPoliciesAfterTariffs, contract.a_hostile_name_reaches_no_row),
    (FlipsACoin, contract.the_same_is_rendered_the_same),
    (LeavesTheOldService, contract.a_change_makes_of_the_old_session_the_new_one),
    (Boasts, contract.a_burst_is_told_whole_or_not_at_all),
]


@pytest.fixture
def as_found() -> Iterator[None]:
    """What breaks the contract is taken as it is met: nobody reads the smallest of its kind, and why it is one."""
    settings.register_profile("as-found", settings(), phases=(Phase.explicit, Phase.reuse, Phase.generate))
    settings.load_profile("as-found")
    yield
    settings.load_profile("ispctl")


@pytest.mark.usefixtures("as_found")
@pytest.mark.parametrize("kind, check", BROKEN, ids=lambda part: part.__name__)
def test_the_contract_finds_a_platform_that_is_wrong(kind: type[Platform], check: Callable[[Subject], None]) -> None:
    broken = dataclasses.replace(subject(kind.name), vendor=kind())
    with pytest.raises((AssertionError, KeyError, ValueError, Unfit)):
        check(broken)


@pytest.mark.parametrize("kind, check", BROKEN, ids=lambda part: part.__name__)
def test_the_same_check_passes_the_platform_that_is_right(
    kind: type[Platform], check: Callable[[Subject], None]
) -> None:
    check(subject(kind.name))
