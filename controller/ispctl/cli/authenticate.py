"""`ispctl test-auth`: what would this login get, and why? Asks a server as a NAS, or computes what our rows answer."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ispctl.cli.common import FormatOption, Session, say, say_json, tell
from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    from ispctl.model.network import Nas
    from ispctl.repo import Holding
    from ispctl.status.authentication import Heard
    from ispctl.status.view import View


def try_login(
    context: typer.Context,
    login: Annotated[str, typer.Argument(help="A login, an id or id/key.")],
    nas: Annotated[str, typer.Option("--nas", help="As this NAS of the inventory; default: where it is planned.")] = "",
    mac: Annotated[str, typer.Option("--mac", help="From this device.")] = "",
    method: Annotated[Literal["pap", "chap", "mschapv2"], typer.Option("--method", help="How to log in.")] = "pap",
    server: Annotated[
        str, typer.Option("--server", metavar="HOST:PORT", help="Ask this server, with the secret of --nas.")
    ] = "",
    dry: Annotated[bool, typer.Option("--dry", help="Ask no server: compute what our rows answer.")] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input, not from git.")
    ] = False,
    learn: Annotated[bool, typer.Option("--learn", help="Also where the test would bind --mac to the login.")] = False,
    format: FormatOption = "text",
) -> None:
    """Log in as a NAS would, and print the reply attribute by attribute, each with its line. Without --server the lab
    is asked where it runs. Exit code: 0 accepted, 1 refused or no answer."""
    from ispctl.status import authentication
    from ispctl.status.names import services
    from ispctl.status.values import plain
    from ispctl.status.view import look

    session: Session = context.obj
    with (
        session.repository() as repository,
        session.reading(repository) as index,
        look(index, lambda head: session.store(head, readonly=True), session.now) as view,
    ):
        holding = _only(services(view, login))
        asking = _nas(view, holding, nas)
        found = authentication.compute(view, holding, asking, mac)
        teaches = found[0].word == "learned" or (found[1] == "git" and bool(mac) and _learns(view, holding))
        door = None if dry else _door(session, server)
        if door and teaches and not learn:
            raise Refusal(_would_learn())
        heard = None
        if door:
            password = _password(session, view, holding, stdin=password_stdin)
            heard = _Asking(session, view, asking, mac, method).ask(holding.service.login, password, server)
        elif not dry:
            tell("No server was asked: the lab does not run, and no --server is given.")
        tried = authentication.tried(view, holding, found, heard)
        for problem in dict.fromkeys(view.problems):
            tell(str(problem))
        if format == "json":
            said: dict[str, Any] = plain(tried, view.zone)
            say_json({"version": 1, **said})
        else:
            from ispctl.cli.stat.common import screen
            from ispctl.status import present_authentication

            say(present_authentication.told(tried, screen(view)))
    raise typer.Exit(0 if tried.answer.accepted else 1)


def _only(found: tuple[Holding, ...]) -> Holding:
    if len(found) == 1:
        return found[0]
    names = ", ".join(one.owner for one in found)
    raise Refusal(Problem("E321", "that names several services", advice=f"Take one of {names}"))


def _nas(view: View, holding: Holding, name: str) -> Nas:
    """The NAS that was named, or the one where the service is planned. Raises Refusal."""
    from ispctl.status.names import one_of
    from ispctl.status.outlook import home

    able = [nas.name for nas in view.head.nas.values() if nas.radius]
    if name:
        one_of("--nas", name, able)
        return view.head.nas[name]
    found = home(view, holding)
    if found is None:
        raise Refusal(Problem("E621", "no NAS of the inventory is a RADIUS client", advice="Give one data.radius"))
    return found


def _learns(view: View, holding: Holding) -> bool:
    from ispctl.status.view import entitled

    e = entitled(holding, view.head, view.now)
    return e is not None and e.mac_mode == "learn"


def _would_learn() -> Problem:
    text = "this login binds the first devices that it sees, and the server would bind --mac to it"
    return Problem("E627", text, advice="Compute it instead with --dry, or say --learn if the device is to be bound")


def _door(session: Session, server: str) -> str:
    """Whom to ask: the server that was named, the lab, or nobody."""
    from ispctl.cli.lab import open_lab

    return server or ("lab" if open_lab(session).status()["running"] else "")


def _password(session: Session, view: View, holding: Holding, *, stdin: bool) -> str:
    """From standard input, or opened with the age key; never from the command line."""
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    from ispctl.secrets import show
    from ispctl.status.cpes import in_force

    sealed, _ = in_force(view, holding)
    if not sealed:
        text = "this service has no password in git"
        raise Refusal(Problem("E628", text, advice="Give one with --password-stdin, or compute the answer with --dry"))
    return show(f"service/{holding.owner}/password", sealed, _keyring(session, view))


def _keyring(session: Session, view: View) -> Any:
    lab = view.ask(lambda store: store.is_lab)
    return session.keyring(view.head, lab=bool(lab))


class _Asking:
    """One question to a server, as one NAS."""

    def __init__(self, session: Session, view: View, nas: Nas, mac: str, method: str) -> None:
        self.session, self.view, self.nas, self.mac, self.method = session, view, nas, mac, method

    def ask(self, login: str, password: str, server: str) -> Heard:
        """Raises Refusal E629 where nothing came back."""
        from ispctl.status.authentication import Heard

        reply = self._server(login, password, server) if server else self._lab(login, password)
        return Heard(server or "the lab's FreeRADIUS", self.method, reply)

    def _lab(self, login: str, password: str) -> list[tuple[str, str]] | None:
        from ispctl.cli.lab import open_lab

        asked = {"nas": self.nas.name, "login": login, "password": password, "mac": self.mac, "method": self.method}
        answer = open_lab(self.session).ask("authenticate", **asked)
        if answer["outcome"] == "silent":
            raise Refusal(_silent("the lab's FreeRADIUS"))
        found: list[list[str]] = answer.get("attributes", [])
        return [(name, value) for name, value in found] if answer["outcome"] == "accepted" else None

    def _server(self, login: str, password: str, server: str) -> list[tuple[str, str]] | None:
        from ispctl.radius import client
        from ispctl.secrets import show

        place = _place(server)
        radius = self.nas.radius
        assert radius is not None
        secret = show(f"nas/{self.nas.name}/radius.secret", radius.secret, _keyring(self.session, self.view))
        attributes = {"User-Name": login, "NAS-Identifier": radius.identifier or self.nas.name}
        attributes |= {"Service-Type": "Framed-User", "Framed-Protocol": "PPP", "NAS-Port-Type": "Ethernet"}
        if self.mac:
            attributes["Calling-Station-Id"] = self.mac
        packet, expected = client.access_request(secret, attributes, password, self.method)
        answer = client.ask(packet, place, "::" if ":" in place[0] else "", timeout=3.0, tries=2)
        if answer is None:
            raise Refusal(_silent(server))
        reply = client.plain(answer)
        if answer.code != 2:
            return None
        if expected and not client.proves(reply, expected):
            text = f"{server} accepts without knowing the password: it may not be the server you mean"
            raise Refusal(Problem("E660", text, advice="Compare its address with inventory/targets.yaml"))
        return client.told(reply)


def _place(server: str) -> tuple[str, int]:
    found = re.fullmatch(r"\[?([^\[\]]+?)\]?:(\d{1,5})", server, re.ASCII)
    if not found or not 0 < int(found[2]) < 65536:
        raise typer.BadParameter("--server takes HOST:PORT, as 192.0.2.10:1812 or [2001:db8::10]:1812")
    return found[1], int(found[2])


def _silent(server: str) -> Problem:
    text = f"{server} gives no answer"
    advice = (
        "It answers clients of its table nas alone: this machine has to be one of the radius.sources of --nas, with the"
        " same secret; or its database is away. --dry says what our rows answer"
    )
    return Problem("E629", text, advice=advice)
