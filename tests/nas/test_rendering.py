"""Templates of the ISP's own, and what is told where one does not fit."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2 import Environment

from ispctl.intent import binding_name
from ispctl.model.problem import Refusal
from ispctl.platforms import nas_platforms
from ispctl.platforms.device import nas_platform, template_path, usual_template
from ispctl.platforms.rendering import render, texts
from ispctl.structs import replace
from tests.platforms.slices import ANITA, usual

PLATFORM = nas_platform("routeros")
assert PLATFORM is not None
NAME = PLATFORM.templates[0]
PATH = template_path("routeros", NAME)


def test_a_template_of_the_isp_takes_the_place_of_that_of_the_package() -> None:
    assert PLATFORM is not None
    own = {PATH: b"/ip pool add name=mine ranges=192.0.2.1-192.0.2.9 comment=ispctl:mine\n"}
    assert "name=mine" in texts(PLATFORM, usual("routeros"), own)[NAME]
    assert any("mine" in key[1] for key in render(PLATFORM, usual("routeros"), own))
    assert render(PLATFORM, usual("routeros"), {PATH: usual_template(PLATFORM, NAME).encode()}) == render(
        PLATFORM, usual("routeros"), {}
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ no_such_thing }}", "no_such_thing"),
        ("{% for pool in pools %}", "endfor"),
        ("/ip pool add name={{ pools[0].nothing }}\n", "nothing"),
        ("reboot now\n", "reboot"),
        ("{{ host.__class__.__mro__ }}", "unsafe"),
    ],
)
def test_a_template_that_does_not_fit_is_named_with_what_is_wrong(text: str, said: str) -> None:
    assert PLATFORM is not None
    with pytest.raises(Refusal) as caught:
        render(PLATFORM, usual("routeros"), {PATH: text.encode()})
    (problem,) = caught.value.problems
    assert problem.code == "E800"
    assert problem.where is not None
    assert problem.where.file == PATH
    assert said in problem.text


def test_a_template_is_read_once_for_all_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PLATFORM is not None
    read: list[object] = []
    plain = Environment.compile

    def counted(*said: Any) -> Any:
        read.append(said)
        return plain(*said)

    monkeypatch.setattr(Environment, "compile", counted)
    own = {PATH: b"/ip pool add name=mine ranges=192.0.2.1-192.0.2.9 comment=ispctl:mine\n"}
    hosts = [replace(usual("routeros"), host=f"host-{number}") for number in range(3)]
    assert len({texts(PLATFORM, host, own)[NAME] for host in hosts}) == 1
    assert len(read) <= len(PLATFORM.templates)


ODD = (
    "sub-1/home-2",
    "sub-1-home/2",
    "sub-1/home.2",
    "sub-1/home_2",
    f"{'a' * 48}/{'b' * 48}",
    f"{'a' * 48}/{'b' * 47}c",
)
"""Services whose names say the same once a sign is another, or are as long as they may be."""


@pytest.mark.parametrize("name", nas_platforms())
def test_whoever_is_bound_is_told_from_all_others_whatever_a_service_is_called(name: str) -> None:
    platform = nas_platform(name)
    assert platform is not None
    bindings = tuple(
        replace(
            ANITA,
            name=binding_name(owner),
            owner=owner,
            address=f"100.64.32.{number}",
            macs=(f"02:00:00:00:01:{number:02x}",),
        )
        for number, owner in enumerate(ODD, 20)
    )
    assert len({one.name for one in bindings}) == len(ODD)
    said = str(render(platform, replace(usual(name), bindings=bindings), {}))
    assert {one.address in said for one in bindings} == {name != "accel-ppp"}, "which has no bindings"


def test_the_comment_of_a_binding_fits_into_nftables() -> None:
    assert all(len(f"ispctl:{binding_name(owner)} {owner}") <= 128 for owner in (*ODD, f"{'a' * 48}/{'b' * 10}"))
    assert binding_name("sub-000123/main") == "sub-000123-main", "as everybody is called who is called like most"
