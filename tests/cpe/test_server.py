"""The ACS on the network, and devices that call it."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from ispctl.cpe import Acs, Doors, password_of
from ispctl.cpe.session import Desk
from ispctl.lab.devices.cpe import Cpe, tr098, tr181
from ispctl.model.problem import Problem, Refusal
from ispctl.store import Store, cpes
from tests.canary import PASSWORD
from tests.cpe.talk import LOGIN, NOW, SECRET, Isp, Log

FACTORY = ("factory", PASSWORD + "-factory")


class Served:
    """An ACS with a database of its own."""

    def __init__(self, folder: Path, *, most: int = 500) -> None:
        self.folder = folder
        self.away = False
        with Store.create("sqlite:///radius.db", base=folder) as store:
            self.isp = Isp(store)
        self.acs = Acs(self._desk, Doors(SECRET, FACTORY), ("127.0.0.1", 0), Log(), most=most)
        self.url = f"http://127.0.0.1:{self.acs.port}/"

    def _desk(self) -> Desk:
        if self.away:
            raise Refusal(Problem("E311", "the database gives no answer"))
        return Isp(Store.open("sqlite:///radius.db", base=self.folder)).office

    def wants(self, serial: str) -> None:
        with Store.open("sqlite:///radius.db", base=self.folder) as store:
            owner = f"sub-{serial.lower()}"
            cpes.put_wanted(
                store, f"{owner}/main", [cpes.Wanted(serial, owner, "main", "generic", LOGIN, "sealed-1")], NOW
            )


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    there: list[Served] = []

    def make(**how: int) -> Served:
        there.append(Served(tmp_path, **how))
        return there[-1]

    yield make
    for one in there:
        one.acs.close()


def box(serial: str = "A1", **how: object) -> Cpe:
    return Cpe(serial, tr181(), factory=FACTORY, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("cookies", [True, False])
def test_a_device_is_provisioned_whether_or_not_it_returns_a_cookie(
    serve: Callable[..., Served], cookies: bool
) -> None:
    served, cpe = serve(), box(cookies=cookies)
    served.wants("A1")
    assert cpe.call(served.url) == 204
    assert cpe.login() == (LOGIN, PASSWORD)
    assert cpe.credentials() == ("A1", password_of(SECRET, "A1"))
    assert (cpe.call(served.url), cpe.asked) == (204, [])


def test_a_reset_device_is_provisioned_again_without_a_person(serve: Callable[..., Served]) -> None:
    served, cpe = serve(), box()
    served.wants("A1")
    cpe.call(served.url)
    cpe.reset()
    assert cpe.login() == ("", "")
    assert cpe.call(served.url) == 204
    assert cpe.login() == (LOGIN, PASSWORD)


@pytest.mark.parametrize("login", [("factory", "wrong"), ("A1", "wrong"), ("", ""), ("B2", password_of(SECRET, "A1"))])
def test_whoever_does_not_know_the_password_hears_nothing(serve: Callable[..., Served], login: tuple[str, str]) -> None:
    served, cpe = serve(), box()
    served.wants("A1")
    cpe.factory = login
    assert cpe.call(served.url) == 401
    assert cpe.login() == ("", "")


def test_many_devices_call_at_once(serve: Callable[..., Served]) -> None:
    served = serve()
    fleet = [Cpe(f"D{n}", (tr098 if n % 2 else tr181)(), factory=FACTORY, cookies=n % 3 > 0) for n in range(12)]
    for cpe in fleet:
        cpe.leaves = {name: leaf for name, leaf in cpe.leaves.items() if ".1.WANPPPConnection" not in name}
        served.wants(cpe.serial)
    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(lambda cpe: cpe.call(served.url), fleet)) == {204}
    assert {cpe.login() for cpe in fleet} == {(LOGIN, PASSWORD)}


def test_new_sessions_are_put_off_when_there_are_too_many(serve: Callable[..., Served]) -> None:
    served = serve(most=0)
    assert box().call(served.url) == 503


def test_a_database_that_is_away_puts_devices_off_and_is_asked_again(serve: Callable[..., Served]) -> None:
    served, cpe = serve(), box()
    served.wants("A1")
    served.away = True
    assert cpe.call(served.url) == 503
    served.away = False
    assert cpe.call(served.url) == 204
    assert cpe.login() == (LOGIN, PASSWORD)


@pytest.mark.parametrize(
    "data, headers",
    [
        (b" " * (2 << 20), {}),
        (gzip.compress(b" " * (64 << 20)), {"Content-Encoding": "gzip"}),
        (b"junk", {"Content-Encoding": "gzip"}),
    ],
)
def test_what_is_too_large_or_no_message_ends_there(
    serve: Callable[..., Served], data: bytes, headers: dict[str, str]
) -> None:
    served = serve()
    line = HTTPConnection("127.0.0.1", served.acs.port, timeout=20)
    try:
        line.request("POST", "/", data, headers)
        assert line.getresponse().status in (400, 401, 413)
    except ConnectionError:
        pass  # it hung up while we were still sending
    finally:
        line.close()
    assert box().call(served.url) == 204


def test_basic_is_taken_under_tls_alone() -> None:
    header = "Basic QTE6" + "x" * 4
    assert Doors(SECRET).who(header, "POST") == (False, None)
    import base64

    good = "Basic " + base64.b64encode(f"A1:{password_of(SECRET, 'A1')}".encode()).decode()
    assert Doors(SECRET).who(good, "POST") == (False, None)
    assert Doors(SECRET, basic=True).who(good, "POST") == (True, "A1")


def test_an_answer_to_a_challenge_is_good_once(serve: Callable[..., Served]) -> None:
    doors = Doors(SECRET, FACTORY)
    from ispctl.lab.devices.cpe import _CHALLENGE, _Line

    line = _Line("http://127.0.0.1:1/", box())
    line._challenge = dict(_CHALLENGE.findall(doors.challenges()[0].partition(" ")[2]))
    said = line._digest()
    assert doors.who(said, "POST") == (True, None)
    assert doors.who(said, "POST") == (False, None)
    assert doors.who(line._digest(), "POST") == (True, None)


@pytest.mark.parametrize(
    "said", ["", "qop=auth,", "qop=auth, nc=,", "qop=auth, nc=no,", 'qop="", nc=00000001,', "nc=1,"]
)
def test_a_right_password_under_a_half_said_digest_opens_or_is_refused(said: str) -> None:
    """Without qop it is that of RFC 2069; with it, it counts (RFC 7616, section 3.4)."""
    doors, word = Doors(SECRET), password_of(SECRET, "A1")
    nonce = doors.challenges()[0].rpartition('nonce="')[2].rstrip('"')
    secret, about = (
        hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() for text in (f"A1:ispctl:{word}", "POST:/")
    )
    count = said.partition("nc=")[2].rstrip(",") if "nc=" in said else ""
    parts = [secret, nonce, *([count, "", "auth"] if "qop=auth" in said else []), about]
    answer = hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()
    header = f'Digest username="A1", realm="ispctl", nonce="{nonce}", uri="/", {said} response="{answer}"'
    assert doors.who(header, "POST") == ("qop=auth" not in said, "A1")


def test_a_name_that_is_no_text_is_refused() -> None:
    header = 'Digest username="\udce9", realm="ispctl", nonce="{}", uri="/", response="x"'
    doors = Doors(SECRET, basic=True)
    nonce = doors.challenges()[0].rpartition('nonce="')[2].rstrip('"')
    assert doors.who(header.format(nonce), "POST")[0] is False
    assert doors.who("Basic \udce9", "POST")[0] is False


def test_an_address_that_is_taken_is_a_refusal(serve: Callable[..., Served]) -> None:
    served = serve()
    with pytest.raises(Refusal) as refused:
        Acs(served._desk, Doors(SECRET), ("127.0.0.1", served.acs.port), Log())
    assert refused.value.problems[0].code == "E850"
