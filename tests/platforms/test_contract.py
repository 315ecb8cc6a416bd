"""Every folder of `platforms` against the contract: a new one is found by itself; it brings decoder and golden file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ispctl.platforms import platform, platforms
from tests.platforms.contract import CHECKS, Subject, subject, terms, wall

HERE = Path(__file__).parent
GOLDEN = {
    "tariff": terms(),
    "odd rates": terms(1_536_000, 512_000, name="old-adsl"),
    "burst": terms(20_000_000, 10_000_000, name="home-20", burst=True),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", platforms())
def test_a_platform_keeps_the_contract(name: str, check: Callable[[Subject], None]) -> None:
    check(subject(name))


@pytest.mark.parametrize("name", platforms())
def test_what_a_router_is_told_word_for_word(name: str, request: pytest.FixtureRequest) -> None:
    vendor = platform(name)
    told = {
        **{what: vendor.tariff(asked) for what, asked in GOLDEN.items()},
        "wall": vendor.wall(wall()),
        "wall in both families, with a page": vendor.wall(wall("walled6", redirect="https://pay.example.net/")),
        "change of speed": vendor.change(vendor.tariff(terms()), vendor.tariff(terms(100_000_000, 50_000_000))),
    }
    shown = json.dumps({what: list(map(list, pairs or ())) for what, pairs in told.items()}, indent=1)
    shown = shown.replace("[\n   ", "[").replace(",\n   ", ", ").replace("\n  ]", "]") + "\n"
    file = HERE / name.replace("-", "_") / "golden.json"
    if request.config.getoption("--update"):
        file.write_text(shown, "utf-8")
    assert shown == file.read_text("utf-8")


@pytest.mark.parametrize("name", platforms())
def test_a_platform_is_called_like_its_folder(name: str) -> None:
    assert platform(name).name == name


def test_a_platform_without_a_folder_is_nobodys_guess() -> None:
    for name in ("nokia", "../routeros", "", "routeros.x", "__pycache__"):
        with pytest.raises(KeyError):
            platform(name)


def test_a_platform_has_its_decoder_and_every_decoder_its_platform() -> None:
    folders = {file.parent.name.replace("_", "-") for file in HERE.glob("*/decoder.py")}
    assert folders == set(platforms())
