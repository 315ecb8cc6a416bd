"""The RouterOS that stands in, by clients that are not ours: it refuses, shows and keeps as RouterOS does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from ispctl.lab.devices._routeros_store import Trap
from ispctl.lab.devices.routeros import RouterOs


@pytest.fixture(scope="module")
def running() -> Iterator[RouterOs]:
    with RouterOs(username="admin", password="secret", tls=False, ssh=True) as found:
        yield found


@pytest.fixture
def router(running: RouterOs) -> RouterOs:
    for menu in ("/ppp profile", "/ip dhcp-server", "/interface", "/ip pool", "/queue simple", "/ip firewall filter"):
        running.type(f"{menu} remove [find]")
    for menu in ("/system scheduler", "/system script", "/ip firewall address-list", "/ip dhcp-server lease"):
        running.type(f"{menu} remove [find]")
    return running


@pytest.mark.parametrize(
    "line, words",
    [
        ("/ip pool add name=a", "missing value(s) of argument(s) ranges"),
        ("/ip pool add name=a ranges=9-1", "invalid value for argument ranges"),
        ("/ip pool add name=a ranges=192.0.2.9-192.0.2.1", "invalid value for argument ranges"),
        ("/ip pool add name=a colour=red", "unknown parameter colour"),
        ("/ip pool add name=there ranges=192.0.2.9", "failure: pool with such name already exists"),
        ("/ip pool remove [find name=there]", "failure: there is in use by /ppp profile"),
        ("/ip pool remove *FFFF", "no such item"),
        ("/ppp profile add name=b remote-address=nowhere", "input does not match any value of remote-address"),
        ("/ppp aaa add use-radius=yes", "no such command or directory"),
        ("/ppp aaa set use-radius=maybe", "invalid value for argument use-radius"),
        ("/ppp aaa set interim-update=soon", "invalid value for argument interim-update"),
        ("/radius add service=ppp,cooking address=192.0.2.1", "invalid value for argument service"),
        (
            "/radius add service=ppp address=192.0.2.1 authentication-port=70000",
            "invalid value for argument authentication-port",
        ),
        ("/ip nothing add name=a", "no such command prefix"),
        ("/ip pool", "expected command name"),
        ("/ip dhcp-server lease add address=192.0.2.1 mac-address=02:00", "invalid value for argument mac-address"),
        ("/queue simple add name=q target=192.0.2.1 max-limit=fast", "invalid value for argument max-limit"),
        ('/ip pool add name="a', 'expected end of string ")'),
        (":do { /ip pool add name=a", "expected closing }"),
        ("/ip pool add name=$a ranges=192.0.2.1", "no variables in this stand-in"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_done(line: str, words: str, router: RouterOs) -> None:
    router.type("/ip pool add name=there ranges=192.0.2.1\n/ppp profile add name=user remote-address=there")
    before = router.type("/export")
    with pytest.raises(Trap) as caught:
        router.type(line)
    assert str(caught.value) == words
    assert router.type("/export") == before


def test_it_shows_values_in_its_own_form(router: RouterOs) -> None:
    router.type("/queue simple add name=q target=100.64.0.1 max-limit=5M/20M")
    router.type("/ip firewall address-list add list=l address=198.51.100.80/32")
    router.type("/ip dhcp-server lease add address=192.0.2.1 mac-address=02:00:5e:10:00:0a")
    router.type("/ppp aaa set interim-update=300s")
    [queue], [entry] = router.rows("/queue simple"), router.rows("/ip firewall address-list")
    [lease], [values] = router.rows("/ip dhcp-server lease"), router.rows("/ppp aaa")
    assert (queue["target"], queue["max-limit"], queue["disabled"]) == ("100.64.0.1/32", "5000000/20000000", "false")
    assert (entry["address"], lease["mac-address"], values["interim-update"]) == (
        "198.51.100.80",
        "02:00:5E:10:00:0A",
        "5m",
    )


def test_rules_are_placed_and_moved(router: RouterOs) -> None:
    for action in ("accept", "drop"):
        router.type(f"/ip firewall filter add chain=forward action={action}")
    router.type("/ip firewall filter add chain=forward action=log place-before=[find action=drop]")
    router.type("/ip firewall filter move [find action=drop] [:pick [find chain=forward] 0]")
    assert [row["action"] for row in router.rows("/ip firewall filter")] == ["drop", "accept", "log"]


def test_what_the_router_added_itself_cannot_be_changed() -> None:
    router = RouterOs(username="a", password="b", tls=False)
    router.appears("/ip firewall address-list", list="walled", address="100.64.0.1")
    for line in ("remove [find]", "set [find] list=other"):
        with pytest.raises(Trap, match="dynamic item"):
            router.type(f"/ip firewall address-list {line}")
    router.close()


def test_the_scheduler_runs_a_script_when_its_time_has_come(router: RouterOs) -> None:
    source = "/ip pool add name=late ranges=192.0.2.1\\n/system scheduler remove [find name=e]"
    router.type(f'/system script add name=s source="{source}"')
    router.type('/system scheduler add name=e interval=1m on-event="/system script run s"')
    router.advance(59)
    assert router.rows("/ip pool") == []
    router.advance(2)
    router.advance(600)
    assert [row["name"] for row in router.rows("/ip pool")] == ["late"]
    assert router.log == []


def test_a_script_goes_on_after_an_error_that_is_caught(router: RouterOs) -> None:
    lines = ':do { /ip pool add name=a } on-error={ :put caught }; :put "it\'s on" # not a remark'
    assert router.type(f"# a remark\n{lines.partition(' #')[0]}") == "caught\nit's on\n"


def ssh(router: RouterOs, typed: str, username: str = "admin+ct511w4098h") -> str:
    """What another client sees, by netmiko's library."""
    import paramiko

    assert router.shell is not None
    transport = paramiko.Transport(socket.create_connection(("127.0.0.1", router.shell.port)))
    try:
        transport.connect(username=username, password="secret")
        channel = transport.open_session()
        channel.get_pty()
        channel.invoke_shell()
        channel.sendall(typed.encode())
        return b"".join(iter(lambda: channel.recv(4096), b"")).decode()
    finally:
        transport.close()


def test_its_command_line_answers_by_ssh(router: RouterOs) -> None:
    router.type("/system identity set name=edge")
    said = ssh(
        router, "/ip pool add name=home ranges=192.0.2.1-192.0.2.9\r/ip pool print\r/ip pool add name=home\rquit\r"
    )
    assert said.count("[admin@edge] > ") == 4
    assert "name=home ranges=192.0.2.1-192.0.2.9" in said
    assert "missing value(s) of argument(s) ranges\r\n" in said
    assert [row["name"] for row in router.rows("/ip pool")] == ["home"]


def test_the_api_lets_nobody_in_without_a_login(router: RouterOs) -> None:
    with socket.create_connection(("127.0.0.1", router.port)) as connection:
        connection.sendall(b"\x0e/ip/pool/print\x00"[:1] + b"/ip/pool/print\x00")
        assert b"!fatal" in connection.recv(100)
        assert connection.recv(100) == b""


def test_librouteros_reads_and_writes_it(router: RouterOs) -> None:
    from librouteros import connect
    from librouteros.exceptions import TrapError
    from librouteros.query import Key, Or

    api = connect("127.0.0.1", "admin", "secret", port=router.port)
    pools = api.path("ip", "pool")
    one = pools.add(name="one", ranges="192.0.2.1")
    pools.add(name="x" * 300, ranges="192.0.2.2-192.0.2.9")
    pools.update(**{".id": one, "ranges": "192.0.2.77"})
    name = Key("name")
    assert [row["ranges"] for row in pools.select(Key("ranges")).where(Or(name == "one", name == "two"))] == [
        "192.0.2.77-192.0.2.77"
    ]
    assert len(list(pools)) == 2
    with pytest.raises(TrapError, match="no such item"):
        pools.remove("*FFFF")
    pools.remove(one)
    assert [len(row["name"]) for row in router.rows("/ip pool")] == [300]
    api.close()


def test_whoever_is_connected_by_ssh_is_hung_up_on_when_it_ends() -> None:
    with RouterOs(username="admin", password="secret", tls=False, ssh=True) as router:
        assert router.shell is not None
        client = socket.create_connection(("127.0.0.1", router.shell.port), 10)
        assert client.recv(4) == b"SSH-"
    with client, suppress(ConnectionResetError):
        while client.recv(4096):
            pass
