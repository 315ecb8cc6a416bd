"""`ispctl doctor`: one thing is broken, one line says so, and nothing else changes."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pyrad.packet import AuthPacket

from ispctl.radius import dictionary
from ispctl.radius.server import ServerSettings, marker
from ispctl.radius.server.ask import Running, Silence, running
from tests.canary import NAME
from tests.cli.conftest import Cli
from tests.gates import example

SECRET = "status-secret"
MARKER = marker(ServerSettings(database="/x", run_dir="/x"))


def examined(cli: Cli, *words: object) -> tuple[int, dict[str, dict[str, Any]]]:
    said = cli("doctor", "--format", "json", *words)
    assert NAME not in said.both
    return said.code, {item["name"]: item for item in said.json["items"]}


def bad(cli: Cli, *words: object) -> dict[str, str]:
    """The names of what is bad, with what is said of it; each has an advice."""
    code, found = examined(cli, *words)
    ill = {name: str(item["text"]) for name, item in found.items() if item["level"] == "bad"}
    assert code == (1 if ill else 0)
    assert all(found[name]["advice"] for name in ill)
    return ill


def test_where_all_is_well_it_says_so_and_writes_nothing(applied: Cli) -> None:
    before = {path: path.read_bytes() for path in (applied.repo / "var").iterdir() if path.suffix == ".db"}
    assert bad(applied) == {}
    assert before == {path: path.read_bytes() for path in before}
    said = applied("doctor", "--nas")
    assert said.code == 0
    assert "nas lalitpur-1" in said.out
    assert said.out.endswith("Healthy.\n")


def test_a_repository_that_is_none_is_all_that_is_said(applied: Cli, tmp_path: Path) -> None:
    said = applied("doctor", "--format", "json", repo=tmp_path)
    items = json.loads(said.out)["items"]
    assert (said.code, items[-1]["name"]) == (1, "repository")
    assert "E001" in items[-1]["text"]


def test_a_commit_with_errors(applied: Cli) -> None:
    applied.changed("subscribers/lalitpur/3f/sub-000123.yaml", "tariff: home-50", "tariff: home-51")
    assert "E112" in bad(applied)["repository"]


def test_a_branch_that_is_not_there_is_not_what_people_push(applied: Cli) -> None:
    example.git(applied.repo, "branch", "-m", "main", "master")
    assert "E631" in bad(applied)["remote"]


def test_a_remote_that_does_not_answer(applied: Cli) -> None:
    example.git(applied.repo, "remote", "add", "origin", str(applied.repo / "nowhere.git"))
    assert "E630" in bad(applied)["remote"]


def test_a_remote_that_has_what_is_not_here(applied: Cli, tmp_path: Path) -> None:
    example.git(tmp_path, "clone", "-q", "--bare", str(applied.repo), "there.git")
    example.git(applied.repo, "remote", "add", "origin", str(tmp_path / "there.git"))
    example.git(applied.repo, "fetch", "-q")
    assert examined(applied)[1]["remote"]["text"].endswith("is here as it is there")
    other = tmp_path / "other"
    example.git(tmp_path, "clone", "-q", str(tmp_path / "there.git"), "other")
    example.commit(other, "Two")
    example.git(other, "push", "-q")
    assert examined(applied)[1]["remote"]["level"] == "warning"


def test_a_database_that_is_not_there_leaves_what_needs_it_out(applied: Cli) -> None:
    (applied.repo / "var" / "radius.db").unlink()
    ill = bad(applied)
    assert "E301" in ill["database"]
    assert not {"rights", "disk", "applied"} & set(examined(applied)[1])


def test_a_file_that_everybody_may_read(applied: Cli) -> None:
    (applied.repo / "var" / "radius.db").chmod(0o664)
    assert "every password" in examined(applied)[1]["rights"]["text"]


def test_a_clock_that_is_behind_the_last_apply(applied: Cli) -> None:
    with closing(sqlite3.connect(applied.repo / "var" / "radius.db")) as database, database:
        ahead = str(int(time.time()) + 3600)
        database.execute("UPDATE ispctl_meta SET value = ? WHERE key = 'applied_at'", (ahead,))
    assert "in the future" in bad(applied)["applied"]


def test_a_key_that_does_not_open_the_keyring(applied: Cli) -> None:
    import pyrage

    applied.patch.setenv("ISPCTL_AGE_KEY", str(pyrage.x25519.Identity.generate()))
    assert "E202" in bad(applied)["age key"]


def test_somebody_who_is_named_and_for_whom_nothing_is_sealed(applied: Cli) -> None:
    import pyrage

    file = applied.repo / "inventory" / "recipients.txt"
    file.write_text(file.read_text("utf-8") + f"{pyrage.x25519.Identity.generate().to_public()}\n", "utf-8")
    example.commit(applied.repo, "One more")
    found = examined(applied)[1]["recipients"]
    assert (found["level"], found["text"]) == (
        "warning",
        "inventory/keyring.age is sealed for 1, inventory/recipients.txt names 2",
    )


def test_a_server_whose_dictionary_lacks_what_we_write(applied: Cli, tmp_path: Path) -> None:
    (tmp_path / "dictionary").write_text("ATTRIBUTE User-Name 1 string\n", "utf-8")
    assert "E507" in bad(applied, "--dictionaries", tmp_path)["dictionary"]


def test_a_host_without_coa_is_named(applied: Cli) -> None:
    found = examined(applied, "--nas")[1]
    assert {item["level"] for name, item in found.items() if name.startswith("nas ")} <= {"ok", "warning"}
    assert "would be asked from" in found["nas lalitpur-1"]["text"] or "no route" in found["nas lalitpur-1"]["text"]


# the server


@contextmanager
def answering(message: str | None, secret: str = SECRET, code: int = 2) -> Iterator[tuple[str, int]]:
    """A RADIUS server that knows one answer; None: it never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        door.settimeout(0.1)
        ending: list[bool] = []

        def serve() -> None:
            while not ending:
                try:
                    octets, who = door.recvfrom(4096)
                except TimeoutError:
                    continue
                asked = AuthPacket(packet=octets, secret=secret.encode(), dict=dictionary.load())
                reply = asked.CreateReply()
                reply.code = code
                if message is not None:
                    reply.AddAttribute("Reply-Message", message)
                    door.sendto(reply.ReplyPacket(), who)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield door.getsockname()
        finally:
            ending.append(True)
            thread.join()


@pytest.mark.parametrize(
    "message, said",
    [
        (f"ispctl-config {MARKER} 750", Running(MARKER, 750)),
        ("ispctl-config old-old", Running("old-old")),
        ("ispctl-config old-old soon", Running("old-old")),
        ("ispctl-config ", Running()),
        ("Hello", Running()),
    ],
)
def test_a_server_says_which_configuration_it_runs(message: str, said: Running) -> None:
    with answering(message) as address:
        assert running(address, SECRET) == said


def test_an_answer_under_another_secret_is_not_believed() -> None:
    with answering("ispctl-config x", secret="another") as address, pytest.raises(Silence, match="the secret differs"):
        running(address, SECRET)


def test_a_refusal_is_no_answer() -> None:
    with answering("no", code=3) as address, pytest.raises(Silence, match="code 3"):
        running(address, SECRET)


def test_a_server_that_is_silent_and_one_that_is_not_there_are_told_apart() -> None:
    with answering(None) as address, pytest.raises(Silence, match="did not answer"):
        running(address, SECRET, timeout=0.2)
    with pytest.raises(Silence, match="nothing listens there"):
        running(address, SECRET, timeout=0.5)


@pytest.mark.parametrize(
    "message, level",
    [(f"ispctl-config {MARKER} 1500", "ok"), ("ispctl-config 0123456789ab-0123456789ab", "bad"), ("Hello", "bad")],
)
def test_the_doctor_compares_it_with_what_this_version_renders(applied: Cli, message: str, level: str) -> None:
    applied.patch.setenv("ISPCTL_STATUS_SECRET", SECRET)
    with answering(message) as (host, port):
        found = examined(applied, "--server", f"{host}:{port}")[1]["server"]
    assert found["level"] == level, found
    assert SECRET not in found["text"]


@pytest.mark.parametrize("seconds, level", [(750, "bad"), (3000, "warning")])
def test_the_doctor_tells_of_a_server_that_was_rendered_before_an_interval_changed(
    applied: Cli, seconds: int, level: str
) -> None:
    applied.patch.setenv("ISPCTL_STATUS_SECRET", SECRET)
    with answering(f"ispctl-config {MARKER} {seconds}") as (host, port):
        found = examined(applied, "--server", f"{host}:{port}")[1]["server"]
    assert found["level"] == level, found
    assert f"after {seconds} s without a report" in found["text"]
    assert "not 1500 s by accounting.interim" in found["text"]
    assert "ispctl radius config" in found["advice"]
