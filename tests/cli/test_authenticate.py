"""`ispctl test-auth` without a server: what our rows answer, and what is refused before anybody is asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ispctl.radius.dictionary import load
from tests.cli.conftest import Cli

ANITA = "sub-000123"
FILE = "subscribers/lalitpur/3f/sub-000123.yaml"
LEARN = "    mac: {mode: learn}\n    paid_until:"


def _json(cli: Cli, *words: object) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(cli("test-auth", *words, "--format", "json").out)
    return said


def test_an_accept_is_told_attribute_by_attribute_with_its_lines(applied: Cli) -> None:
    said = applied("test-auth", ANITA, "--dry")
    assert said.code == 0
    lines = [line.split() for line in said.out.splitlines() if line.startswith("Mikrotik-Rate-Limit")]
    assert "tariffs/home-50.yaml:9," in lines[0]
    assert "50 Mbit/s down, 25 Mbit/s up" in said.out
    assert "no server was asked" in said.out


def test_a_refusal_is_exit_1_with_the_line_that_decides_it(applied: Cli) -> None:
    said = applied("test-auth", "janak.thapa@home.example", "--dry")
    assert said.code == 1
    assert "Access-Reject: " in said.out
    assert "decided by subscribers/" in said.out


def test_another_platform_is_answered_in_its_own_words(applied: Cli) -> None:
    said = _json(applied, ANITA, "--nas", "pokhara-1", "--dry")
    assert said["platform"] == "wispr"
    names = {one["name"] for one in said["answer"]["attributes"]}
    assert "WISPr-Bandwidth-Max-Down" in names
    assert not any(name.startswith("Mikrotik") for name in names)
    assert all(one["ours"] and one["because"]["text"] for one in said["answer"]["attributes"])


def test_what_somebody_wrote_by_hand_is_not_ours(applied: Cli) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(applied.repo / "var" / "radius.db")) as database:
        database.execute("UPDATE radgroupreply SET value = '9M/9M' WHERE groupname = 'isp:home-50@routeros'")
        database.commit()
    said = _json(applied, ANITA, "--dry")
    odd = {one["name"]: one["because"]["code"] for one in said["answer"]["attributes"] if not one["ours"]}
    assert odd.get("Mikrotik-Rate-Limit") == "foreign"


def test_without_a_database_git_answers_and_says_so(cli: Cli) -> None:
    (cli.repo / "var" / "radius.db").unlink()
    said = cli("test-auth", ANITA, "--dry")
    assert (said.code, "the rows that git asks for" in said.out) == (0, True)
    assert "E301" in said.err


def test_where_no_server_can_be_asked_it_is_computed_and_said(applied: Cli) -> None:
    said = applied("test-auth", ANITA)
    assert (said.code, said.err) == (0, "No server was asked: the lab does not run, and no --server is given.\n")


def test_a_device_is_not_bound_by_a_test(applied: Cli) -> None:
    applied.changed(FILE, "    paid_until:", LEARN)
    assert applied("apply").code == 0
    asked = ("test-auth", ANITA, "--mac", "02:00:5e:10:00:09", "--server", "127.0.0.1:9")
    said = applied(*asked)
    assert said.code == 1
    assert said.err.startswith("E627 would-learn: ")
    assert "bound from now on" in applied(*asked, "--dry").out


def test_a_service_without_a_password_needs_one_on_standard_input(applied: Cli) -> None:
    listed = json.loads(applied.stat("list", "--format", "json").out)["items"]
    for one in listed:
        text = (applied.repo / one["file"]).read_text("utf-8")
        if "password:" not in text:
            said = applied("test-auth", f"{one['id']}/{one['key']}", "--server", "127.0.0.1:9")
            assert said.err.startswith("E628 no-password: ")
            return
    pytest.fail("the example has nobody without a password")


def test_a_server_that_says_nothing_is_told(applied: Cli) -> None:
    said = applied("test-auth", ANITA, "--server", "127.0.0.1:9")
    assert (said.code, said.out) == (1, "")
    assert "E629 server-silent: 127.0.0.1:9 gives no answer" in said.err


@pytest.mark.shows("password")
def test_a_server_that_accepts_without_knowing_the_password_is_not_believed(applied: Cli) -> None:
    with _credulous(applied("secrets", "show", "nas/lalitpur-1/radius.secret").out.strip()) as port:
        asked = ("test-auth", ANITA, "--nas", "lalitpur-1", "--server", f"127.0.0.1:{port}")
        said = applied(*asked, "--method", "mschapv2")
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith("E660 server-without-password: ")
        accepted = applied(*asked)
    assert accepted.code == 0
    assert "DIFFERENT from what our rows say" in accepted.out
    assert "our rows hold Framed-Pool = home; the server does not send it" in accepted.out


@contextmanager
def _credulous(secret: str) -> Iterator[int]:
    """A server that lets everybody in, and gives nobody anything; its port."""
    from pyrad.packet import AuthPacket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))
        link.settimeout(20)

        def serve() -> None:
            for _ in range(2):
                raw, place = link.recvfrom(4096)
                reply = AuthPacket(secret=secret.encode(), dict=load(), packet=raw).CreateReply()
                reply.code = 2
                reply.add_message_authenticator()
                link.sendto(reply.ReplyPacket(), place)

        server = threading.Thread(target=serve)
        server.start()
        yield link.getsockname()[1]
        server.join()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nobody",),
        (ANITA, "--nas", "nowhere"),
        (ANITA, "--method", "md5"),
        (ANITA, "--server", "127.0.0.1"),
        (ANITA, "--server", "127.0.0.1:99999"),
    ],
)
def test_a_wrong_word_is_exit_1_on_stderr(applied: Cli, words: tuple[str, ...]) -> None:
    said = applied("test-auth", *words)
    assert (said.code, said.out) == (1, "")
    assert said.err
