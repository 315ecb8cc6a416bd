"""The same requests, judged by a real RADIUS server: FreeRADIUS takes CoA too, and checks what it gets by itself."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ispctl.lab.freeradius import program
from ispctl.radius.session import Attribute, Door, Request
from ispctl.radius.sessions import Sessions
from tests.radius.dae import SECRET, live

pytestmark = pytest.mark.live
RATE: tuple[Attribute, ...] = (("Mikrotik-Rate-Limit", "5M/20M"), ("Class", "0123abcd-4567cdef"))
CONFIGURATION = """
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {folder}
run_dir = {folder}
max_requests = 65536
log {{
    destination = files
    file = {folder}/radius.log
}}
client tests {{
    ipaddr = 127.0.0.1
    secret = {secret}
    require_message_authenticator = yes
}}
modules {{
    always ok {{
        rcode = ok
    }}
    always reject {{
        rcode = reject
    }}
}}
server coa {{
    listen {{
        type = coa
        ipaddr = 127.0.0.1
        port = {port}
    }}
    recv-coa {{
        if (&Framed-IP-Address && &Acct-Session-Id == "81a00002") {{
            update reply {{
                Error-Cause := 503
            }}
            reject
        }}
        elsif (&Acct-Session-Id == "81a00003") {{
            update reply {{
                Error-Cause := 501
            }}
            reject
        }}
        elsif (&Packet-Type == CoA-Request && &Mikrotik-Rate-Limit != "5M/20M") {{
            reject
        }}
        else {{
            ok
        }}
    }}
}}
"""


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder: Path = tmp_path_factory.mktemp("freeradius")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "coa.conf").write_text(CONFIGURATION.format(folder=folder, secret=SECRET, port=port), "ascii")
    command = [program(), "-d", str(folder), "-n", "coa", "-f", "-l", str(folder / "radius.log")]
    with subprocess.Popen(command) as server:
        try:
            opened = Door("lalitpur-1", "127.0.0.1", port, SECRET, per_second=2000, timeout=0.2)
            deadline = time.monotonic() + 20
            with Sessions() as sessions:
                while sessions.disconnect(live(), opened).kind != "ack":
                    assert server.poll() is None, (folder / "radius.log").read_text("utf-8")
                    assert time.monotonic() < deadline, "FreeRADIUS does not answer"
            (folder / "coa.conf").unlink()  # it has been read, and nothing with a secret in it stays behind
            yield Door("lalitpur-1", "127.0.0.1", port, SECRET, per_second=2000)
        finally:
            server.terminate()
            server.wait(20)


def test_a_real_server_accepts_our_authenticators_and_we_accept_its(door: Door) -> None:
    with Sessions() as sessions:
        assert sessions.change(live(1), door, RATE).kind == "ack"
        assert sessions.change(live(1), door, [("Mikrotik-Rate-Limit", "1M/1M")]).kind == "nak"
        assert sessions.disconnect(live(1), door).kind == "ack"
        stale = sessions.change(live(2), door, RATE)
        refused = sessions.change(live(3), door, RATE)
    assert (stale.kind, stale.tries) == ("ack", 2)
    assert (refused.kind, refused.error_cause) == ("nak", 501)


def test_a_real_server_is_silent_to_a_wrong_secret(door: Door) -> None:
    wrong = Door(door.nas, door.address, door.port, "canary-pw-wrong", 2000, timeout=0.1, tries=2)
    with Sessions() as sessions:
        answer = sessions.change(live(1), wrong, RATE)
    assert (answer.kind, answer.tries) == ("silent", 2)
    assert "check the secret" in answer.text


def test_a_thousand_sessions_are_changed_at_the_pace_that_the_nas_bears(door: Door) -> None:
    began = time.monotonic()
    with Sessions() as sessions:
        answers = list(sessions.many(Request(live(n), door, RATE) for n in range(1000, 2000)))
    assert {answer.kind for answer in answers} == {"ack"}
    assert time.monotonic() - began >= 999 / 2000
