"""What no file may hold: addresses of registries, paths of one machine, money made of floats, dead code."""

from __future__ import annotations

import ast
import re

import pytest
import vulture
from vulture.core import Item

from ispctl.cli import main, stat
from tests.gates.tracked import ROOT, files, python_files

PACKAGE = ROOT / "controller" / "ispctl"
# Written in pieces, so that this file passes its own test.
HOSTS = ("py" + "pi.org", "python" + "hosted.org", "registry" + ".npmjs", "npmjs" + ".com", "deb" + ".debian.org",
         "proxy" + ".golang.org", "crates" + ".io", "docker" + ".io", "ghcr" + ".io", "quay" + ".io")  # fmt: skip
FOLDERS = ("wo" + "rk", "ro" + "ot", "ho" + "me/[a-z]", "Us" + "ers/[A-Za-z]")
REGISTRY = re.compile("|".join(map(re.escape, HOSTS)))
MACHINE = re.compile(rf"(?<![\w.$}}~*/-])/(?:{'|'.join(FOLDERS)})(?=[/\w]|\b)")

DEAD_ON_PURPOSE: dict[str, str] = {
    # "controller/ispctl/x.py:name": who calls it although nobody here does
    "controller/ispctl/cli/script.py:ispstat": "the console script",
    "controller/ispctl/lab/broken.py:FAULTS": "for the tests of whoever writes a backend",
    "controller/ispctl/lab/devices/accel_ppp.py:becomes": "for tests: faults, and who is online",
    **{
        f"controller/ispctl/lab/devices/cpe.py:{name}": "for tests, and for whoever tries an ACS"
        for name in ("plain098", "tr098", "tr181")
    },
    "controller/ispctl/lab/devices/junos_like.py:types": "for tests: what somebody has not committed",
    "controller/ispctl/lab/devices/routeros.py:appears": "for tests: what a router adds by itself",
    "controller/ispctl/lab/devices/routeros.py:dies_after": "for tests: a connection that breaks half way",
    "controller/ispctl/lab/devices/routeros.py:revives": "the other half of dies_after()",
    "controller/ispctl/radius/session.py:calling_station": "how other vendors than today's name a session",
    "controller/ispctl/radius/sessions.py:disconnect": "the other half of change()",
    "controller/ispctl/reconcile/proof.py:contradicted": "whoever settles applies at once if there is one",
    "controller/ispctl/repo/git.py:blobs_read": "tests pin what a command reads",
}
READ_BY_LIBRARIES = [
    *("model_config",),  # pydantic
    *("connection_made", "datagram_received", "error_received", "daemon_threads", "row_factory"),
    *("text_factory", "do_GET", "log_message"),  # Python's own
    "autocommit",  # psycopg2
    "__eq__",  # set on a class that is made
    *("auth_timeout", "banner_timeout", "handshake_timeout"),  # paramiko
    *("begin_auth", "connection_lost", "exc", "password_auth_supported", "validate_password"),  # asyncssh
    *("public_key_auth_supported", "validate_public_key", "map_path"),
    "session_preparation",  # netmiko
    *("list_commands", "context_class"),  # typer
    "collect",  # prometheus_client
    *("ports",),  # templates
    *("check_key", "comment_handling", "fetch_directive", "get_mark", "processing_version", "resolver", "scanner"),
    *("scanner_processing_version",),  # ruamel, as those of the line before
]
CALLED_BY_LIBRARIES = ["@*.command", "@*.callback", "@check"]


def _lines(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in files():
        text = path.read_text("utf-8", errors="replace")
        lines = enumerate(text.splitlines(), 1) if pattern.search(text) else ()
        found += [f"{path.relative_to(ROOT)}:{number}" for number, line in lines if pattern.search(line)]
    return found


def test_no_file_names_a_package_registry() -> None:
    assert _lines(REGISTRY) == []


def test_no_file_names_a_path_of_one_machine() -> None:
    assert _lines(MACHINE) == []


@pytest.mark.parametrize("path", ["/ro" + "ot/x", "'/wo" + "rk/main", "/ho" + "me/anna/x", " /ro" + "ot"])
def test_a_path_of_one_machine_would_be_found(path: str) -> None:
    assert MACHINE.search(path)


@pytest.mark.parametrize("text", ["frame/work/x", "home.example", "./work/x", "$HOME/work", "/home-50", "chroot"])
def test_other_words_are_not_taken_for_a_path(text: str) -> None:
    assert not MACHINE.search(text)


def _decimals_of_floats(tree: ast.AST) -> list[int]:
    """Lines that call Decimal with a float: 0.1 is not a tenth."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).rpartition(".")[2] == "Decimal":
            value = node.args[0].operand if isinstance(node.args[0], ast.UnaryOp) else node.args[0]
            literal = isinstance(value, ast.Constant) and isinstance(value.value, float)
            call = isinstance(value, ast.Call) and ast.unparse(value.func) == "float"
            if literal or call or ast.unparse(node.func).endswith("Decimal.from_float"):
                found.append(node.lineno)
    return found


def test_no_decimal_is_made_of_a_float() -> None:
    found = {
        str(path): lines
        for path in python_files()
        if (lines := _decimals_of_floats(ast.parse(path.read_text("utf-8"))))
    }
    assert found == {}


@pytest.mark.parametrize("code", ["Decimal(0.1)", "decimal.Decimal(-1.5)", "Decimal(float(x))"])
def test_a_decimal_made_of_a_float_would_be_found(code: str) -> None:
    assert _decimals_of_floats(ast.parse(code)) == [1]


def _is_contract(item: Item) -> bool:
    """Fields of model/ are the file contract: read by pydantic and the schema, not by name."""
    return item.typ == "variable" and (PACKAGE / "model") in item.filename.parents


def test_there_is_no_dead_code_but_the_listed() -> None:
    called = [place.rpartition(":")[2] for place in (*main.LATER.values(), *stat.LATER.values())]
    finder = vulture.Vulture(ignore_names=[*READ_BY_LIBRARIES, *called], ignore_decorators=CALLED_BY_LIBRARIES)
    finder.scavenge([str(PACKAGE)])
    dead = {
        f"{item.filename.relative_to(ROOT)}:{item.name}"
        for item in finder.get_unused_code(60)
        if not _is_contract(item)
    }
    assert sorted(dead) == sorted(DEAD_ON_PURPOSE)
