"""Who has an address or a device, or had it at another moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ispctl.index import Index, Lookup, Size
from ispctl.model.problem import Refusal
from ispctl.repo import Repository
from ispctl.repo.snapshot import Prefix
from ispctl.status.elsewhen import elsewhen
from ispctl.status.find import Found, find
from ispctl.status.present import Screen
from ispctl.status.present_find import told
from tests.status.world import ANITA, EKRAJ, ENV, LALITPUR, NOW, World

A_FILE = "subscribers/lalitpur/3f/sub-000123.yaml"
ADDRESS, OTHER = "100.64.0.7", "bikash.maharjan@home.example"
SCREEN = Screen(ZoneInfo("Asia/Kathmandu"), NOW, None)


def had(world: World, login: str, began: int, ended: int | None, **held: str) -> None:
    """A session from so many minutes ago to so many; None: it was heard of a minute ago."""
    columns = {"framedipaddress": ADDRESS, "callingstationid": "02:00:5e:10:00:01", **held}
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    at = int(NOW.timestamp())
    world.sql(
        "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
        f" acctstoptime, {names}) VALUES (?, ?, ?, ?, ?, ?, ?, {marks})",
        *("s", f"{login}-{began}", login, LALITPUR, at - began * 60, at - (ended or 1) * 60),
        *(None if ended is None else at - ended * 60, *columns.values()),
    )


def ask(world: World, term: str, ago: int = 0) -> tuple[Found, ...]:
    with world.view() as view:
        found = find(elsewhen(view, NOW - timedelta(minutes=ago)) if ago else view, term)
    assert found is not None
    return found


@pytest.mark.parametrize(("ago", "who"), [(95, ANITA), (61, ANITA), (59, OTHER), (31, OTHER), (29, EKRAJ), (0, EKRAJ)])
def test_after_three_reassignments_each_moment_has_its_own(world: World, ago: int, who: str) -> None:
    had(world, ANITA, 100, 60)
    had(world, OTHER, 60, 30)
    had(world, EKRAJ, 30, None)
    (one,) = ask(world, ADDRESS, ago)
    assert (one.login, one.match, one.certain, one.nas) == (who, "then", True, "lalitpur-1")
    assert one.id.startswith("sub-")


def test_where_nobody_had_it_the_last_before_and_the_first_after_are_told(world: World) -> None:
    had(world, EKRAJ, 200, 150)
    had(world, ANITA, 100, 60)
    had(world, OTHER, 20, None)
    before, after = ask(world, ADDRESS, 40)
    assert (before.login, before.match, after.login, after.match) == (ANITA, "before", OTHER, "after")
    assert told((before, after), SCREEN, of="then").startswith("Nobody had it then.")
    assert ask(world, "100.64.3.3") == ()


def test_a_session_of_which_nothing_was_heard_for_long_is_no_certain_answer(world: World) -> None:
    had(world, ANITA, 300, None)
    world.sql("UPDATE radacct SET acctupdatetime = acctupdatetime - 7200")
    (one,) = ask(world, ADDRESS)
    assert (one.match, one.certain) == ("then", False)
    assert "unknown, last heard 2027-01-15 09:59" in told((one,), SCREEN)


def test_an_address_of_a_delegated_prefix_is_found_by_the_prefix_around_it(world: World) -> None:
    had(world, ANITA, 100, None, delegatedipv6prefix="2001:db8:9da0:4::/62")
    found = ask(world, "2001:db8:9da0:6::53")
    assert [(one.login, one.held) for one in found] == [(ANITA, f"{ADDRESS}, 2001:db8:9da0:4::/62")]
    assert ask(world, "2001:db8:9da0:8::53") == ()


@pytest.mark.parametrize(
    "prefix", ["2001:db8:9da0:4::/62", "2001:db8:9da0:6::/64", "2001:db8:9da0::/48", "100.64.0.0/24"]
)
def test_of_a_prefix_whoever_had_any_of_it_then_is_told(world: World, prefix: str) -> None:
    had(world, ANITA, 100, 30, delegatedipv6prefix="2001:db8:9da0:4::/62")
    assert [(one.basis, one.login, one.match) for one in ask(world, prefix, 40)] == [("accounting", ANITA, "then")]
    assert ask(world, prefix) == ()


def test_a_fixed_address_is_told_by_its_line_and_a_prefix_names_all_in_it(world: World) -> None:
    (one,) = ask(world, "203.0.113.7")
    assert (one.basis, one.login, one.held) == ("git", "himal-trading", "203.0.113.7")
    assert one.file.endswith("sub-000077.yaml")
    many = {found.held for found in ask(world, "203.0.113.0/28")}
    assert {"203.0.113.7", "203.0.113.9", "203.0.113.11"} <= many


def test_git_tells_who_holds_it_at_that_moment_and_neither_who_did_nor_who_will(world: World) -> None:
    """The contract of one is over, another gets it tomorrow."""
    former = "subscribers/kathmandu/07/sub-000077.yaml"
    world.edit(former, lambda text: text.replace("ipv4: {static", "terminated: 2027-01-14\n    ipv4: {static"))
    later = "scheduled: [{at: 2027-01-17, set: {ipv4: {static: 203.0.113.7}}}]"
    world.edit(A_FILE, lambda text: text.replace("    activated:", f"    {later}\n    activated:"))
    assert ask(world, "203.0.113.7") == ()
    assert not [one for one in ask(world, "203.0.113.0/28") if one.held == "203.0.113.7"]
    assert [one.held for one in ask(world, "himal-trading")] == []
    with world.view() as view:
        (one,) = find(elsewhen(view, NOW + timedelta(days=3)), "203.0.113.7") or ()
    assert (one.login, one.file) == (ANITA, A_FILE)
    assert "set: {ipv4" in (world.folder / one.file).read_text("utf-8").splitlines()[one.line - 1]


@pytest.mark.parametrize("mac", ["00:00:5e:00:53:01", "00-00-5E-00-53-01", "0000.5e00.5301", "00005E005301"])
def test_a_device_is_found_in_any_notation(world: World, mac: str) -> None:
    had(world, ANITA, 100, None, callingstationid="00:00:5e:00:53:01")
    assert [(one.basis, one.login) for one in ask(world, mac)] == [("git", OTHER), ("accounting", ANITA)]


@pytest.mark.parametrize("mac", ["02:00:5e:10:03:06", "02-00-5E-10-03-06", "0200.5e10.0306"])
def test_a_device_that_is_itself_the_login_is_found(world: World, mac: str) -> None:
    (one,) = ask(world, mac)
    assert (one.basis, one.id, one.login) == ("git", "sub-000306", "02:00:5e:10:03:06")
    with world.view() as view:
        place = (view.repository.at("HEAD").find(one.login)[0]).document.where("services", 0, "login")
    assert (one.file, one.line) == (place.file, place.line)


def test_before_git_begins_nobody_is_said_to_have_had_nothing(world: World) -> None:
    """The accounting alone was asked: what git said then is unknown."""
    with world.view() as view:
        there = elsewhen(view, NOW - timedelta(days=2), unwritten=True)
        said = told(find(there, "203.0.113.7") or (), SCREEN, of="unwritten")
        assert said == "By the accounting nobody had it then; what git said is not known."
        (problem,) = view.problems
        assert "ispstat find" not in problem.advice, "which was just asked"


def test_before_git_begins_the_accounting_alone_tells_who_had_it(world: World) -> None:
    early = NOW - timedelta(days=2)
    had(world, EKRAJ, 3000, 2800, framedipaddress="203.0.113.7")
    with world.view() as view:
        there = elsewhen(view, early, unwritten=True)
        (one,) = find(there, "203.0.113.7") or ()
        assert (one.basis, one.login) == ("accounting", EKRAJ)
        assert [one.basis for one in find(there, "himal-trading") or ()] == []
        assert find(there, "203.0.113.0/26") == (one,)
        assert find(there, "02-00-5E-10-00-01") == (one,)
        assert [problem.code for problem in view.problems] == ["E003"]


def test_a_device_that_was_learned_later_was_nobody_s_then(world: World) -> None:
    at = int((NOW - timedelta(minutes=30)).timestamp())
    world.sql("INSERT INTO ispctl_mac (login, mac, slot, learned) VALUES (?, ?, 1, ?)", ANITA, "00:00:5e:00:53:77", at)
    assert [one.match for one in ask(world, "00:00:5e:00:53:77", 40)] == ["after"]
    assert [one.match for one in ask(world, "00:00:5e:00:53:77", 20)] == ["then"]


def test_of_a_time_to_come_nobody_knows_who_will_be_online(world: World) -> None:
    had(world, ANITA, 100, None)
    for term in (ADDRESS, "100.64.0.0/24", "02:00:5e:10:00:01", ANITA):
        with world.view() as view:
            assert find(elsewhen(view, NOW + timedelta(hours=3)), term) == ()
    assert "not known yet" in told((), SCREEN, of="ahead")


def test_what_nobody_has_now_is_not_said_of_another_moment(world: World) -> None:
    assert told(ask(world, "100.64.3.3"), SCREEN) == "Nobody has it."


def test_a_name_tells_what_it_holds_and_a_wrong_one_what_was_meant(world: World) -> None:
    had(world, ANITA, 100, None)
    assert [one.basis for one in ask(world, ANITA)] == ["accounting"]
    with pytest.raises(Refusal, match="E321"):
        ask(world, "anita.ray@home.example")


def test_an_index_finds_whom_reading_everybody_finds(world: World, tmp_path: Path) -> None:
    with Repository.open(world.folder, env=ENV) as repository:
        indexed = Index(repository, tmp_path / "index", size=Size(worth=1))
        indexed.look(("HEAD",), NOW)
        everybody, lookup = repository.at("HEAD"), indexed.lookup
        held = [prefix for prefix, _ in everybody.prefixes()]
        wider = [ip_network((one.network_address, one.prefixlen - 1), strict=False) for one in held]
        assert len(list(lookup.around("HEAD", held[0]).subscribers())) == 1, "by the index"
        for prefix in (*held, *wider):
            assert holders(lookup, prefix) == holders(Index(repository, None).lookup, prefix) != []
        for mac, owners in everybody.macs():
            assert [one.owner for one in lookup.binding("HEAD", mac).by_mac(mac)] == [one.owner for one in owners]


def test_an_index_knows_until_when_an_address_is_held(world: World, tmp_path: Path) -> None:
    with world.view() as view:
        file = next(one.document.path for one in view.head.services() if one.service.ipv4 and one.service.ipv4.static)
    world.edit(file, lambda text: text.replace("    ipv4:", "    terminated: 2026-11-02\n    ipv4:", 1))
    with Repository.open(world.folder, env=ENV) as repository:
        indexed = Index(repository, tmp_path / "index", size=Size(worth=1))
        indexed.look(("HEAD~1",), NOW)
        behind, read = indexed.lookup.prefixes("HEAD"), Index(repository, None).lookup.prefixes("HEAD")
        indexed.look(("HEAD",), NOW)
        assert indexed.lookup.prefixes("HEAD") == behind == read
        ends = datetime(2026, 11, 2, tzinfo=ZoneInfo("Asia/Kathmandu")).timestamp()
        assert min(read.values()) == ends


def holders(lookup: Lookup, prefix: Prefix) -> list[str]:
    found = lookup.around("HEAD", prefix).prefixes()
    near = [who for one, who in found if one.version == prefix.version and one.overlaps(prefix)]
    return sorted(holding.owner for who in near for holding in who)
