"""Each platform that configures NAS by itself, against a device of its kind; and what its templates make, to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ispctl.intent import binding_name
from ispctl.model.problem import Refusal
from ispctl.platforms import nas_platforms
from ispctl.platforms.device import PoolPart, nas_platform
from ispctl.platforms.rendering import render, texts
from ispctl.structs import replace
from tests.platforms.nas_contract import CHECKS, Subject, subject
from tests.platforms.slices import usual
from tests.report.golden import assert_golden

HERE = Path(__file__).parent


@pytest.mark.live
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", nas_platforms())
def test_a_nas_is_configured_as_agreed(name: str, check: Callable[[Subject, Path], None], tmp_path: Path) -> None:
    check(subject(name), tmp_path)


@pytest.mark.parametrize("name", nas_platforms())
def test_what_templates_make_word_for_word(name: str, request: pytest.FixtureRequest) -> None:
    vendor = nas_platform(name)
    assert vendor is not None
    for file, text in texts(vendor, usual(name), {}).items():
        assert_golden(request, file.removesuffix(".j2"), text, HERE / name.replace("-", "_") / "golden")


def pools(platform: str, first: str, second: str) -> tuple[PoolPart, ...]:
    """Of each kind two pools, of which the first has as many prefixes as the platform takes, up to three."""
    sixes = ("2001:db8:1::/48", "2001:db8:2::/48", "2001:db8:3::/48")[: 1 if platform == "routeros" else 3]
    return (
        PoolPart(first, 4, ("100.64.0.0/24", "100.64.1.0/24", "100.64.2.0/24"), "dhcp"),
        PoolPart(second, 4, ("100.64.8.0/24",), "dhcp"),
        PoolPart(f"six-{first}", 6, sixes, "nas"),
        PoolPart(second.replace("home", "six-home"), 6, ("2001:db8:8::/48",), "nas"),
    )


@pytest.mark.parametrize("name", nas_platforms())
@pytest.mark.parametrize("second", ["home-3", "isp-home-3"])
def test_a_pool_that_is_called_like_a_prefix_of_another_is_none_of_its_prefixes(name: str, second: str) -> None:
    vendor, wanted = nas_platform(name), usual(name)
    assert vendor is not None
    clear = render(vendor, replace(wanted, pools=pools(name, "home", "home-9")), {})
    found = render(vendor, replace(wanted, pools=pools(name, "home", second)), {})
    assert sorted(kind for kind, _ in found) == sorted(kind for kind, _ in clear)


NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,47}", fullmatch=True)
IDS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,47}", fullmatch=True)


@settings(max_examples=30)
@given(st.lists(NAMES, min_size=2, max_size=2, unique=True), IDS, st.lists(NAMES, min_size=2, max_size=2, unique=True))
@pytest.mark.parametrize("name", nas_platforms())
def test_whatever_git_takes_for_a_name_is_one_name_on_the_nas_or_refused_by_the_plan(
    name: str, called: list[str], id: str, keys: list[str]
) -> None:
    vendor, wanted = nas_platform(name), usual(name)
    assert vendor is not None
    bound = tuple(
        replace(one, name=binding_name(f"{id}/{key}"), owner=f"{id}/{key}")
        for one, key in zip(wanted.bindings, keys, strict=True)
    )
    clear = render(vendor, replace(wanted, pools=pools(name, "home", "office")), {})
    try:
        found = render(vendor, replace(wanted, pools=pools(name, *called), bindings=bound), {})
    except Refusal as refusal:
        if refusal.problems[0].code != "E801":
            raise
        return
    assert sorted(kind for kind, _ in found) == sorted(kind for kind, _ in clear)


@pytest.mark.parametrize(
    "name, file, router",
    [
        ("ios-xe", "pools.j2", "default-router 100.64.0.1"),
        ("junos", "isp.j2", "dhcp-attributes router 100.64.0.1"),
        ("vyos", "dhcp.j2", "option default-router 100.64.0.1"),
        ("linux", "kea.json.j2", '"routers", "data": "100.64.0.1"'),
    ],
)
def test_a_gateway_is_that_of_the_prefix_that_holds_it(name: str, file: str, router: str) -> None:
    vendor = nas_platform(name)
    assert vendor is not None
    pool = PoolPart("home", 4, ("100.64.0.0/24", "100.64.8.0/24"), "dhcp", gateway="100.64.0.1")
    binding = replace(usual(name).bindings[0], address="100.64.8.7")
    text = texts(vendor, replace(usual(name), pools=(pool,), bindings=(binding,)), {})[file]
    assert text.replace(vendor.quote("100.64.0.1"), "100.64.0.1").count(router) == 1
