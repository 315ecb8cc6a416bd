"""Each profile against devices of its kind: what is set is what is there, and a second time nothing is."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest

from ispctl.cpe.soap import Parameter
from ispctl.cpe.task import AMBIGUOUS, AT_ONCE, NO_OBJECT, OTHER_ROOT, UNWRITABLE, Outcome, provision, set_values
from ispctl.lab.devices.cpe import Cpe, Leaf, plain098, tr098, tr181
from ispctl.model.cpe import TYPES, CpeProfile, Word
from ispctl.model.reading import read
from ispctl.repo.profiles import brought
from tests.canary import PASSWORD
from tests.cpe.talk import LOGIN, set_requests

VALUES: dict[Word, str] = {
    "acs.username": "48575443A1B2C3D4",
    "acs.password": PASSWORD + "-acs",
    "acs.inform_enable": "1",
    "acs.inform_interval": "3600",
    "pppoe.username": LOGIN,
    "pppoe.password": PASSWORD,
    "pppoe.enable": "1",
}
KINDS = [("generic", plain098), ("generic", tr181), ("huawei-router", tr098), ("huawei-router", tr181)]
each_kind = pytest.mark.parametrize("name, leaves", KINDS)


def box(leaves: Callable[[], dict[str, Leaf]], **how: object) -> Cpe:
    return Cpe("48575443A1B2C3D4", leaves(), **how)  # type: ignore[arg-type]


def done(cpe: Cpe, of: CpeProfile, words: list[Word] | None = None) -> Outcome:
    """What became of values on a device."""
    told = Outcome()

    def note(one: Outcome) -> None:
        told.taken.update(one.taken)
        told.faults.update(one.faults)

    set_requests(provision(of.root.get(cpe.root), VALUES, words or list(VALUES), note), cpe)  # type: ignore[call-overload]
    return told


def test_every_profile_says_where_everything_stands() -> None:
    for name in ("generic", "huawei-router"):
        for tree in brought(name).root.values():
            assert {word for one in tree.objects for word in one.values} == set(TYPES) == set(get_args(Word))


@each_kind
def test_what_is_set_is_what_is_there(name: str, leaves: Callable[[], dict[str, Leaf]]) -> None:
    cpe = box(leaves)
    found = done(cpe, brought(name))
    assert found == Outcome(taken=dict.fromkeys(VALUES, 0))
    assert cpe.login() == (LOGIN, PASSWORD)
    assert cpe.credentials() == ("48575443A1B2C3D4", PASSWORD + "-acs")
    assert cpe.value("PeriodicInformInterval") == "3600"


@each_kind
def test_what_cuts_the_connection_is_set_last(name: str, leaves: Callable[[], dict[str, Leaf]]) -> None:
    cpe = box(leaves)
    sent = set_requests(provision(brought(name).root[cpe.root], VALUES, list(VALUES), lambda _: None), cpe)  # type: ignore[index]
    assert ["PPP" in one[0].name for one in sent] == [False, True]


@each_kind
def test_a_device_that_bears_few_parameters_is_given_them_in_parts(
    name: str, leaves: Callable[[], dict[str, Leaf]]
) -> None:
    cpe = box(leaves, most=2)
    assert done(cpe, brought(name)).taken == dict.fromkeys(VALUES, 0)
    assert cpe.login() == (LOGIN, PASSWORD)


@pytest.mark.parametrize("code", [9005, 9007, 9008])
def test_one_value_that_is_refused_holds_up_no_other(code: int) -> None:
    cpe = box(tr181, refuses={"Device.ManagementServer.PeriodicInformInterval": code})
    found = done(cpe, brought("generic"))
    assert found.faults == {"acs.inform_interval": code}
    assert found.taken.keys() == VALUES.keys() - {"acs.inform_interval"}


def test_a_login_is_set_whole_or_not_at_all() -> None:
    cpe = box(tr181, refuses={"Device.PPP.Interface.5.Password": 9007})
    found = done(cpe, brought("generic"))
    assert found.faults == {"pppoe.username": 9007, "pppoe.password": 9007}
    assert cpe.leaves["Device.PPP.Interface.5.Username"].value == ""


def test_of_two_that_fit_the_one_with_our_login_is_meant() -> None:
    cpe = box(tr181)
    cpe.leaves["Device.PPP.Interface.1.Enable"].value = "true"
    assert done(cpe, brought("generic")).faults.keys() == {"pppoe.username", "pppoe.password", "pppoe.enable"}
    assert set(done(cpe, brought("generic")).faults.values()) == {AMBIGUOUS}
    cpe.leaves["Device.PPP.Interface.1.Username"].value = LOGIN
    assert not done(cpe, brought("generic")).faults
    assert cpe.leaves["Device.PPP.Interface.1.Password"].value == PASSWORD


def test_a_device_without_the_object_or_with_another_model_is_told_apart() -> None:
    bare = box(lambda: {name: leaf for name, leaf in tr098().items() if "WAN" not in name})
    assert done(bare, brought("generic")).faults["pppoe.password"] == NO_OBJECT
    none = read(CpeProfile, {"Device": brought("generic").root["Device"]})
    assert set(done(box(tr098), none).faults.values()) == {OTHER_ROOT}


def test_a_value_that_no_line_can_hold_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VALUES, "pppoe.password", PASSWORD + "\n")
    found = done(box(tr181), brought("generic"), ["pppoe.password"])
    assert found == Outcome(faults={"pppoe.password": UNWRITABLE})


def test_no_request_is_longer_than_devices_bear() -> None:
    cpe = box(lambda: {f"Device.X.{number}": Leaf("0") for number in range(100)})
    units = [[Parameter(name, "string", "1")] for name in cpe.leaves]
    found: list[object] = []

    def task() -> object:
        found.append((yield from set_values(units)))

    sent = set_requests(task(), cpe)  # type: ignore[arg-type]
    assert max(map(len, sent)) <= AT_ONCE
    assert {leaf.value for leaf in cpe.leaves.values()} == {"1"}


def test_a_crowd_of_parameters_with_one_bad_among_them_is_split_until_it_is_found() -> None:
    class Terse(Cpe):
        """It says that something is wrong, and not what."""

        def _fault(self, code: int, parameters: dict[str, int] | None = None) -> str:
            return super()._fault(code)

    leaves = {f"Device.X.{number}": Leaf("0") for number in range(11)}
    cpe = Terse("A1", leaves, refuses={"Device.X.7": 9007})
    found: list[tuple[dict[str, int], dict[str, int]]] = []

    def task() -> object:
        found.append((yield from set_values([[Parameter(name, "string", "1")] for name in leaves])))

    set_requests(task(), cpe)  # type: ignore[arg-type]
    assert found[0][1] == {"Device.X.7": 9003}
    assert sorted(name for name, leaf in cpe.leaves.items() if leaf.value == "0") == ["Device.X.7"]
