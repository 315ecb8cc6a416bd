"""What accel-ppp is told and shows: one file with lines of others in it, what a reload reads of it, and going back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.backend import Unreachable
from ispctl.lab.process import wait_for
from ispctl.nas.job import Job, work
from ispctl.plan import diff
from ispctl.platforms.accel_ppp import conf
from ispctl.platforms.device import PoolPart, Port, Server, Session, Slice
from ispctl.platforms.rendering import FILTERS
from ispctl.structs import replace
from tests.platforms.accel_ppp.device import Device, device
from tests.platforms.nas_contract import Hands, clear, subject, wanted
from tests.platforms.slices import OTHER_SECRET, usual

ACCEL = subject("accel-ppp")
WANT = usual("accel-ppp")
HERE = Path(__file__).parent
GUESTS = replace(WANT, pools=(*WANT.pools, PoolPart("guests", 4, ("100.64.40.0/24",), "nas")))


@contextmanager
def made(tmp_path: Path, want: Slice = WANT) -> Iterator[tuple[Device, Session, Hands]]:
    with device(tmp_path) as one, ACCEL.platform.open(one.login) as session:
        hands = Hands(ACCEL)
        hands.make(session, want)
        one.box.becomes(online=40)
        yield one, session, hands


@given(st.text(max_size=200))
def test_a_text_is_written_as_it_is_or_refused(text: str) -> None:
    try:
        quoted = ACCEL.platform.quote(text)
    except ValueError:
        return
    found = conf.parse(f"[ip-pool]\n192.0.2.0/24,name={quoted}\n[radius]\nnas-identifier={quoted}\n")
    assert found == {
        ("pool", text): {"ranges": ("192.0.2.0/24",)},
        ("setting", "radius nas-identifier"): {"value": text},
    }


_LINES = st.sampled_from(["[radius]", "[ip-pool]", "server=203.0.113.10,x,weight=1", "", "# ours?", "[cli]", "tcp=1\r"])
_FILE = st.builds(
    lambda lines, end: "\n".join(["[modules]", "radius", "ippool", "ipv6pool", "pppoe", "ipoe", *lines]) + end,
    st.lists(_LINES | st.text("ab \t=[]{}\udcfc", max_size=9)),
    st.sampled_from(["", "\n", "\n\n"]),
)


@given(_FILE)
def test_the_lines_of_others_stay_octet_by_octet(text: str) -> None:
    want = wanted(ACCEL, WANT)
    ours = {key: fields for key, fields in want.items() if key[0] in conf.KINDS}
    secrets = {key: "a secret" for key, fields in ours.items() if "secret" in fields}
    try:
        after = conf.rewritten(text, ours, secrets, frozenset(ours))
    except ValueError:
        return
    assert conf.seen(after).secrets == secrets
    assert {key: {**fields, **({"secret": ours[key]["secret"]} if key in secrets else {})} for key, fields in
            conf.seen(after).resources.items()} == ours  # fmt: skip
    assert conf.rewritten(after, {}, {}, frozenset()) == text


@pytest.mark.parametrize("head", ["[ip-pool]", "[ip-pool] # of the house", "  [ip-pool]\t"])
def test_ours_stands_in_the_section_that_is_there_whatever_follows_its_head(head: str) -> None:
    """accel-ppp looks no further than to the bracket, and reads no second section of that name."""
    text = f"[modules]\nippool\n{head}\ngw-ip-address=192.0.2.1\n[cli]\ntcp=127.0.0.1:2001\n"
    key = "pool", "guests"
    after = conf.rewritten(text, {key: {"ranges": ("100.64.40.0/24",)}}, {}, frozenset({key}))
    assert after.count("[ip-pool]") == 1
    assert f"{head}\n# ispctl: begin" in after


def test_the_whole_file_word_for_word(tmp_path: Path) -> None:
    with made(tmp_path) as (one, _, _hands):
        assert one.box.file.read_bytes() == (HERE / "usual.conf").read_bytes()
        assert "ip saddr @walledpools ip daddr != @allow counter drop" in one.box.tables["table inet isp"]


@pytest.mark.parametrize(
    ("prefix", "gateway", "blocks"),
    [
        ("192.0.2.0/24", "", ["192.0.2.1-254"]),
        ("192.0.2.0/24", "192.0.2.1", ["192.0.2.2-254"]),
        ("192.0.2.0/32", "", ["192.0.2.0-0"]),
        ("100.64.0.0/23", "100.64.1.0", ["100.64.0.1-255", "100.64.1.1-254"]),
        ("100.64.0.0/20", "100.64.15.254", [
            "100.64.0.1-255", "100.64.1.0/24", "100.64.2.0/23", "100.64.4.0/22", "100.64.8.0/22", "100.64.12.0/23",
            "100.64.14.0/24", "100.64.15.0-253",
        ]),
    ],
)  # fmt: skip
def test_a_range_never_leaves_its_last_number(prefix: str, gateway: str, blocks: list[str]) -> None:
    assert FILTERS["blocks"](PoolPart("home", 4, (prefix,), "nas", gateway)) == blocks


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("server=192.0.2.1,x", "line 1: no section is open"),
        ("[modules]\nradius", "line 1: nothing of section"),
        ("[radius]\nserver=192.0.2.1", "line 2: not understood: server=…"),
        ("[radius]\nserver=nowhere,x", "line 2: not understood"),
        ("[radius]\nnas identifier", "line 2: not understood"),
        ("[radius]\nx={", "line 2: a block is none of ours"),
        ("[ip-pool]\n192.0.2.9-3,name=home", "line 2: a range ends below 256"),
        ("[ip-pool]\n192.0.2.1/24,name=home", "line 2: 192.0.2.1/24 has host bits set"),
        ("[ipv6-pool]\n2001:db8::/32,64,name=home6", r"line 2: a range of prefixes of at most 2\^24"),
        ("[ipv6-pool]\ndelegate=2001:db8::/40,name=home6", r"line 2: a range of prefixes of at most 2\^24"),
    ],
)
def test_a_template_that_is_not_understood_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        conf.parse(text)


def test_a_pool_waits_for_a_window_since_accel_ppp_starts_anew_for_it(tmp_path: Path) -> None:
    with made(tmp_path) as (one, session, hands):
        (change,) = hands.plan(session, GUESTS)
        assert ACCEL.platform.disrupts(change)
        hands.make(session, GUESTS)
        assert "guests" in one.box.state["pools"]
        assert session.sessions() == 0


def test_a_server_is_added_while_everybody_stays_online(tmp_path: Path) -> None:
    more = replace(WANT, servers=(*WANT.servers, Server("198.51.100.12", 1812, 1813)), interim=600)
    with made(tmp_path) as (one, session, hands):
        changes = hands.plan(session, more)
        assert not any(map(ACCEL.platform.disrupts, changes))
        hands.make(session, more)
        assert session.sessions() == 40
        assert "198.51.100.12,auth-port=1812,acct-port=1813" in one.box.state["secrets"]


def test_another_secret_is_what_accel_ppp_uses_and_not_only_what_its_file_says(tmp_path: Path) -> None:
    with made(tmp_path) as (one, session, hands):
        changes = hands.plan(session, replace(WANT, secret=OTHER_SECRET))
        assert {change.key[0] for change in changes if ACCEL.platform.disrupts(change)} == {"server"}
        hands.make(session, replace(WANT, secret=OTHER_SECRET))
        assert set(one.box.state["secrets"].values()) == {"battery staple", "the landlord"}


def test_a_port_is_taken_on_at_once_and_ends_its_sessions_when_it_goes(tmp_path: Path) -> None:
    more = replace(WANT, ports=(*WANT.ports, Port("pppoe", "acc2")))
    with made(tmp_path) as (one, session, hands):
        (change,) = hands.plan(session, more)
        assert not ACCEL.platform.disrupts(change)
        hands.make(session, more)
        assert (one.box.state["interfaces"], session.sessions()) == (["acc0", "eth7", "acc2"], 40)
        (change,) = hands.plan(session, WANT)
        assert ACCEL.platform.disrupts(change)
        hands.make(session, WANT)
        assert one.box.state["interfaces"] == ["acc0", "eth7"]


def test_a_port_that_was_taken_back_is_served_no_more(tmp_path: Path) -> None:
    with made(tmp_path) as (one, session, hands):
        hands.apply(session, replace(WANT, ports=(*WANT.ports, Port("pppoe", "acc2"))))
        session.revert()
        assert one.box.state["interfaces"] == ["acc0", "eth7"]
        assert one.box.state["config"] == one.box.file.read_text("latin-1").replace("\xfc", "\udcfc")


FAULTS = {
    "reload": (replace(WANT, interim=600), "accel-ppp: reload: failed"),
    "restart": (GUESTS, "accel-ppp: restart: Job for accel-ppp.service failed"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_accel_ppp_does_not_take_is_as_before_and_told_in_its_words(tmp_path: Path, fault: str) -> None:
    want, words = FAULTS[fault]
    with made(tmp_path) as (one, session, hands):
        before = one.box.file.read_bytes()
        one.box.becomes(refuses=fault)
        (error,) = {outcome.error for outcome in hands.apply(session, want)}
        assert error.startswith(words)
        assert one.box.file.read_bytes() == before
        assert one.box.state["running"]
        assert hands.plan(session, WANT) == ()


def test_it_goes_back_by_itself_when_nobody_confirms(tmp_path: Path) -> None:
    with made(tmp_path) as (one, session, hands):
        before = one.box.file.read_bytes()
        one.box.hurry()
        hands.apply(session, GUESTS)
        assert "guests" in one.box.state["pools"]
        assert wait_for(lambda: one.box.file.read_bytes() == before and "guests" not in one.box.state["pools"], 30)
        with pytest.raises(Unreachable, match="gone back by itself"):
            session.confirm()


def test_a_boot_before_it_was_confirmed_comes_up_with_the_file_of_before(tmp_path: Path) -> None:
    with made(tmp_path) as (one, session, hands):
        before = one.box.file.read_bytes()
        hands.apply(session, GUESTS)
        (pending,) = one.box.folder.glob("pending-*")
        env = {"PATH": f"{one.box.place}/bin:/usr/bin:/bin"}
        words = ["sh", f"{pending}/router.sh", "boot", str(one.box.folder)]
        assert subprocess.run(words, env=env, check=True, capture_output=True).stderr == b""
        assert one.box.file.read_bytes() == before
        session.revert()


IN_THE_WAY = {
    "a pool": ("100.64.96.0/24,name=guests", GUESTS, "pool guests"),
    "a pool, named in short": ("100.64.96.0/24,guests", GUESTS, "pool guests"),
    "a server": (
        "server=198.51.100.12,x,weight=1",
        replace(WANT, servers=(*WANT.servers, Server("198.51.100.12", 1812, 1813))),
        "server 198.51.100.12",
    ),
    "a port": (
        "interface=acc2,padi-limit=9",
        replace(WANT, ports=(*WANT.ports, Port("pppoe", "acc2"))),
        "port pppoe acc2",
    ),
}  # fmt: skip
_AFTER = {"pool": "[ip-pool]", "server": "[radius]", "port": "[pppoe]"}


@pytest.mark.parametrize("case", IN_THE_WAY)
def test_what_others_have_there_already_is_refused_and_stays(tmp_path: Path, case: str) -> None:
    line, want, named = IN_THE_WAY[case]
    with made(tmp_path) as (one, session, hands):
        head = _AFTER[named.split()[0]]
        text = one.box.file.read_bytes().decode("latin-1").replace(f"{head}\n", f"{head}\n{line}\n")
        one.box.file.write_bytes(text.encode("latin-1"))
        (error,) = {outcome.error for outcome in hands.apply(session, want)}
        assert error == f"{named} stands there already and is not ours: remove it first"
        assert one.box.file.read_bytes() == text.encode("latin-1")


def test_a_section_that_no_module_reads_is_refused(tmp_path: Path) -> None:
    with device(tmp_path) as one, ACCEL.platform.open(one.login) as session:
        text = one.box.file.read_bytes().replace(b"ipv6pool\n", b"")
        one.box.file.write_bytes(text)
        (error,) = {outcome.error for outcome in Hands(ACCEL).apply(session, WANT)}
        assert error == "section [ipv6-pool] needs the module ipv6pool in [modules]"
        assert one.box.file.read_bytes() == text


@pytest.mark.parametrize("secret", ["zebra,b", "zebra{", " zebra", "", "z\xe4bra", "zebra" * 200])
def test_a_secret_that_accel_ppp_would_read_otherwise_is_refused_without_telling_it(
    tmp_path: Path, secret: str
) -> None:
    with device(tmp_path) as one, ACCEL.platform.open(one.login) as session:
        changes = Hands(ACCEL).plan(session, WANT)
        outcomes = list(session.apply(changes, dict.fromkeys(clear(changes), secret), 60))
        assert all(outcome.error for outcome in outcomes)
        assert "z" not in repr([outcome.error for outcome in outcomes])
        assert not list(one.box.folder.glob("*-*"))


BY_HAND = {
    "a line too much": (b"gw-ip-address=192.0.2.1\n", b"gw-ip-address=192.0.2.1\nnonsense\n"),
    "another range": (b"100.64.1.0/24,name=home\n", b"100.64.1.0/25,name=home\n"),
    "a pool less": (b"delegate=2001:db8:2000::/40,56,name=home6-pd\n", b""),
    "another secret": (b"server=198.51.100.11,correct horse", b"server=198.51.100.11,wrong horse"),
    "all of a section": (b"interface=acc1,mode=L2,shared=1,start=dhcpv4\n", b""),
}  # fmt: skip


@pytest.mark.parametrize("case", BY_HAND)
def test_what_a_hand_changes_of_ours_is_seen_and_repaired(tmp_path: Path, case: str) -> None:
    old, new = BY_HAND[case]
    with made(tmp_path) as (one, session, hands):
        text = one.box.file.read_bytes()
        assert text.count(old) == 1
        one.box.file.write_bytes(text.replace(old, new))
        assert hands.plan(session, WANT)
        hands.make(session, WANT)
        assert one.box.file.read_bytes() == text


@pytest.mark.parametrize("line", [b"# ispctl: begin: written from git\n", b"# ispctl: end\n"])
def test_marks_that_do_not_match_are_no_answer_to_go_on_with(tmp_path: Path, line: bytes) -> None:
    with made(tmp_path) as (one, session, hands):
        one.box.file.write_bytes(one.box.file.read_bytes().replace(line, b"", 1))
        with pytest.raises(Unreachable, match="mend that by hand"):
            hands.plan(session, WANT)


def test_a_machine_without_accel_ppp_says_so(tmp_path: Path) -> None:
    with device(tmp_path) as one, ACCEL.platform.open(one.login) as session:
        one.box.becomes(running=False)
        assert session.sessions() is None
        assert session.facts().version == "accel-ppp, which does not answer"
        one.box.file.unlink()
        (error,) = {outcome.error for outcome in Hands(ACCEL).apply(session, WANT)}
        assert error == f"there is no {one.box.file}: accel-ppp has to run before it is configured"


@pytest.mark.parametrize("option", [{"file": "/etc/x;reboot"}, {"file": "/../x"}, {"unit": "a b"}, {"unit": "-h"}])
def test_an_option_of_git_becomes_no_command(tmp_path: Path, option: dict[str, str]) -> None:
    with device(tmp_path) as one:
        login = replace(one.login, options={**one.login.options, **option})
        with pytest.raises(Unreachable, match="is no plain name"), ACCEL.platform.open(login):
            pass


def test_a_change_that_was_said_to_end_sessions_is_not_taken_back_for_that(tmp_path: Path) -> None:
    with made(tmp_path) as (one, session, _hands):
        have, want = session.read().resources, wanted(ACCEL, GUESTS)
        changes = tuple(one for one in diff("nas:lalitpur-1", want, have) if one.key == ("pool", "guests"))
        answer = work(Job(one.login, changes, lost=(0.1, 3)))
    assert (answer.status, answer.online) == ("applied", (40, 0))
