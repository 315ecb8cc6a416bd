"""Which addresses a service has: chosen, the next free one that has rested, or what a pool hands out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ispctl.repo.scratch import Scratch
from tests.gates import example
from tests.verbs.conftest import FILE, SUB, Isp

NOTE = "An address changes only with a new session: whoever is online is disconnected by it."
OWNER = "subscribers/lalitpur/3f/sub-000129.yaml"


def _address(isp: Isp, path: str = FILE) -> str:
    return next(line.strip() for line in isp.text(path).splitlines() if "ipv4:" in line)


def test_a_fixed_address_ends_the_session_and_says_so(isp: Isp) -> None:
    before = isp.text()
    done = isp.done("ip", "set", SUB, "--static", "203.0.113.40", "--direct")
    assert isp.text() == before + "    ipv4: {static: 203.0.113.40}\n"
    assert done["notes"] == [NOTE]
    assert done["events"][0]["text"] == "IPv4 203.0.113.40 (was that of the tariff)"
    (service,) = done["plan"]["services"]
    assert (service["effects"], service["if_online"]) == (["address"], "dropped")
    assert isp("ip", "set", SUB, "--static", "203.0.113.40").out == "It is so already; nothing changed.\n"
    isp.done("ip", "set", SUB, "--dynamic", "--direct")
    assert isp.text() == before


def test_a_pool_of_ones_own(isp: Isp) -> None:
    isp.done("ip", "set", SUB, "--dynamic", "home", "--direct")
    assert _address(isp) == "ipv4: {pool: home}"
    assert isp("ip", "set", SUB, "--dynamic", "home").out == "It is so already; nothing changed.\n"


def test_auto_takes_the_first_address_that_is_free(isp: Isp) -> None:
    free = isp("pool", "business", "--free", 1, "--format", "json").json["items"][0]["free"]
    done = isp.done("ip", "set", SUB, "--static", "auto", "--direct")
    assert _address(isp) == f"ipv4: {{static: {free[0]}}}"
    assert done["plan"]["services"][0]["effects"] == ["address"]
    assert isp("ip", "set", SUB, "--static", "auto").out == "It is so already; nothing changed.\n"


def test_what_was_freed_a_short_while_ago_rests(isp: Isp) -> None:
    free = isp("pool", "business", "--free", 60, "--format", "json").json["items"][0]["free"]
    lower = ", ".join(one for one in free if int(one.rpartition(".")[2]) < 11)
    pools = isp.text("inventory/pools.yaml").replace("exclude: [203.0.113.2]", f"exclude: [203.0.113.2, {lower}]")
    isp.push("inventory/pools.yaml", pools)
    isp.push(OWNER, isp.text(OWNER).replace("    ipv4: {static: 203.0.113.11}\n", ""))
    done = isp.done("ip", "set", SUB, "--static", "203.0.113.11", "--dry-run")
    assert "203.0.113.11 was held less than 7 days ago." in done["notes"]
    isp.done("ip", "set", SUB, "--static", "auto", "business", "--direct")
    assert _address(isp) != "ipv4: {static: 203.0.113.11}"
    isp.push("inventory/pools.yaml", pools.replace("quarantine: 7d", "quarantine: 0s"))
    isp.done("ip", "set", "sub-000125", "--static", "auto", "--direct")
    assert _address(isp, "subscribers/lalitpur/3f/sub-000125.yaml") == "ipv4: {static: 203.0.113.11}"


def test_what_came_and_went_a_short_while_ago_rests_too(isp: Isp) -> None:
    """It was nobody's when the time of rest began, nor is it anybody's now."""
    taken = []
    for _ in range(2):
        isp.done("ip", "set", SUB, "--static", "auto", "--direct")
        taken.append(_address(isp))
        isp.done("ip", "set", SUB, "--dynamic", "--direct")
    assert taken[0] != taken[1]
    (pool,) = isp.cli.stat("pools", "business", "--format", "json").json["items"]
    assert [part["resting"] for part in pool["parts"]] == [2]


def test_both_commands_name_the_same_addresses_as_free(isp: Isp) -> None:
    isp.done("ip", "set", SUB, "--static", "auto", "--direct")
    first = _address(isp).removeprefix("ipv4: {static: ").removesuffix("}")
    isp.done("ip", "set", SUB, "--dynamic", "--direct")
    isp.push(OWNER, isp.text(OWNER).replace("203.0.113.11", "203.0.113.12"))
    example.git(isp.clone, "pull", "-q")
    words = ("business", "--free", 60, "--format", "json")
    (pool,), (seen,) = isp("pool", *words).json["items"], isp.cli.stat("pools", *words).json["items"]
    assert pool["free"] == seen["free"]
    assert {first, "203.0.113.11"}.isdisjoint(pool["free"])


def test_what_is_free_is_not_told_where_history_does_not_tell_what_rests(isp: Isp, tmp_path: Path) -> None:
    example.git(tmp_path, "clone", "-q", "--depth", "1", f"file://{isp.origin}", "shallow")
    shallow = tmp_path / "shallow"
    said = isp.cli("pool", "business", "--free", 1, repo=shallow)
    assert (said.code, said.out, "E003" in said.err) == (1, "", True)
    assert isp.cli("pool", "business", repo=shallow).code == 0
    for words in (("business", "--free", 1), ("--free", 1), ("--free", 1, "--format", "json")):
        seen = isp.cli("pools", *words, program="ispstat", repo=shallow)
        assert (seen.code, seen.out, seen.err) == (1, "", said.err)
    fill = isp.cli("pools", "business", program="ispstat", repo=shallow)
    assert "what was freed within 7 d is unknown: git's history is cut off here" in fill.out
    assert "E003" not in fill.err


def test_an_address_of_a_contract_that_is_over_is_given_again_once_it_has_rested(isp: Isp) -> None:
    free = isp("pool", "business", "--free", 60, "--format", "json").json["items"][0]["free"]
    lower = ", ".join(one for one in free if int(one.rpartition(".")[2]) < 11)
    pools = isp.text("inventory/pools.yaml").replace("exclude: [203.0.113.2]", f"exclude: [203.0.113.2, {lower}]")
    isp.push("inventory/pools.yaml", pools)
    ended = datetime.now(UTC).date() - timedelta(days=2)
    isp.push(OWNER, isp.text(OWNER).replace("    ipv4:", f"    terminated: {ended}\n    ipv4:"))
    example.git(isp.clone, "pull", "-q")
    (pool,) = isp("pool", "business", "--free", 60, "--format", "json").json["items"]
    assert "203.0.113.11" not in pool["free"]
    isp.done("ip", "set", SUB, "--static", "auto", "--direct")
    assert _address(isp) != "ipv4: {static: 203.0.113.11}"
    isp.push("inventory/pools.yaml", pools.replace("quarantine: 7d", "quarantine: 1d"))
    example.git(isp.clone, "pull", "-q")
    (later,) = isp("pool", "business", "--free", 60, "--format", "json").json["items"]
    assert (later["free"][0], later["taken"]) == ("203.0.113.11", pool["taken"] + 1)
    isp.done("ip", "set", "sub-000125", "--static", "auto", "--direct")
    assert _address(isp, "subscribers/lalitpur/3f/sub-000125.yaml") == "ipv4: {static: 203.0.113.11}"


def test_two_who_take_an_address_at_once_get_two(isp: Isp, monkeypatch: pytest.MonkeyPatch) -> None:
    free = isp("pool", "business", "--free", 2, "--format", "json").json["items"][0]["free"]
    publish, other = Scratch.publish, "subscribers/lalitpur/3f/sub-000124.yaml"

    def late(self, commit, to, push):  # type: ignore[no-untyped-def]
        monkeypatch.setattr(Scratch, "publish", publish)
        isp.push(other, isp.text(other) + f"    ipv4: {{static: {free[0]}}}\n")
        return publish(self, commit, to, push)

    monkeypatch.setattr(Scratch, "publish", late)
    isp.done("ip", "set", SUB, "--static", "auto", "--direct")
    assert _address(isp) == f"ipv4: {{static: {free[1]}}}"


def test_rows_of_one_commit_get_an_address_each(isp: Isp, tmp_path) -> None:  # type: ignore[no-untyped-def]
    free = isp("pool", "business", "--free", 2, "--format", "json").json["items"][0]["free"]
    rows = tmp_path / "rows.csv"
    rows.write_text(f"sub,ipv4\n{SUB},auto\nsub-000124,auto\n", "utf-8")
    done = isp.done("batch", rows, "--verb", "ip-set", "--direct")
    assert [row["text"] for row in done["rows"]] == [f"IPv4 {one} (was that of the tariff)" for one in free]


def test_a_prefix_and_a_link_of_ones_own(isp: Isp) -> None:
    before = isp.text()
    isp.done("ip", "set", SUB, "--prefix", "auto", "--wan6", "auto", "--direct")
    line = isp.text().splitlines()[-1]
    assert line.startswith('    ipv6: {delegated: {static: "2001:db8:100:')
    assert '/56"}, wan: {static: "2001:db8:100:' in line
    assert isp("ip", "set", SUB, "--prefix", "auto").out == "It is so already; nothing changed.\n"
    isp.done("ip", "set", SUB, "--prefix", "dynamic", "--direct")
    isp.done("ip", "set", SUB, "--wan6", "dynamic", "--direct")
    assert isp.text() == before


def test_the_other_half_of_what_the_group_gives_stays(isp: Isp) -> None:
    isp.push(
        "inventory/pools.yaml",
        isp.text("inventory/pools.yaml").replace(
            'ranges: ["2001:db8:100::/48"]\n  nas: [pop-lalitpur, pop-kathmandu]', 'ranges: ["2001:db8:100::/48"]'
        ),
    )
    done = isp.done("ip", "set", "sub-000401", "--prefix", "auto", "--direct")
    assert "ipv6: {wan: {pool: home6}, delegated: {static:" in isp.text(done["files"][0])


@pytest.mark.parametrize(
    "words, told",
    [
        (("--static", "203.0.113.300"), "E032"),
        (("--static", "203.0.113.9"), "E104 duplicate-address"),
        (("--static", "203.0.113.1"), "E107 reserved-address"),
        (("--static", "198.51.100.1"), "E106 address-outside-pools"),
        (("--static", "auto", "nothing"), "E323 no-such-pool"),
        (("--dynamic", "nothing"), "E114 unknown-pool"),
        (("--static", "auto", "--dynamic"), "take one"),
        (("--static", "203.0.113.40", "business"), "POOL goes with --dynamic, or with auto"),
        ((), "say what is to be"),
    ],
)
def test_an_address_that_cannot_be_is_refused(isp: Isp, words: tuple[str, ...], told: str) -> None:
    said = isp("ip", "set", SUB, *words)
    assert (said.code, told in said.err, len(isp.log())) == (1, True, 1), said.err


def test_where_no_pool_serves_a_place_there_is_nothing_to_take(isp: Isp) -> None:
    said = isp("ip", "set", "sub-000301", "--static", "auto")
    assert "inventory/pools.yaml E689 no-free-address: no static pool of IPv4 is for pokhara-1" in said.err
