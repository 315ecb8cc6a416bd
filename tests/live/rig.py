"""A real FreeRADIUS on a database of ours, and short ways to put rows in and look at what came out."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ispctl.lab import freeradius
from ispctl.lab.fleet import Clock
from ispctl.lab.freeradius import Server
from ispctl.lab.nas import Nas, Rejected, Silent
from ispctl.lab.session import Session
from ispctl.radius.server import ServerSettings
from ispctl.store import Address
from tests.canary import PASSWORD
from tests.databases import Place

HOME = "isp:home-50"
PLACE, GRADE = "0badcafe", "5eed5eed"
CLASS = PLACE + GRADE
RENDERING = "1111aaaa2222bbbb"
MAC, OTHER_MAC, THIRD_MAC = "02:00:5e:10:00:01", "02:00:5e:10:00:02", "02:00:5e:10:00:03"
SECRET = "loopback-secret"


class Rig:
    """One server, one database, and NASes on 127.0.2.N as they are asked for."""

    def __init__(self, folder: Path, dsn: str = "", **settings: Any) -> None:
        self.folder = folder
        self.place = Place(dsn or "sqlite:///radius.db", folder)
        self.store = self.place.create(lab=True)
        self.clock = Clock()
        values = {"nas_lifetime": 1, "reject_delay": 0, "stale_after": 750, "log_accepts": True, **settings}
        self.server = serve(self.store.database.address, folder / "conf", **values)
        self._sources = 0
        self._logins = 0
        self.group(f"{HOME}@routeros", ("Mikrotik-Rate-Limit", "25M/50M"), ("Framed-Pool", "home"))
        self.group(f"{HOME}@wispr", ("WISPr-Bandwidth-Max-Up", "25000000"), ("WISPr-Bandwidth-Max-Down", "50000000"))
        for platform in ("routeros", "wispr"):
            self.insert(
                "radgroupreply", groupname=f"{HOME}@{platform}", attribute="Acct-Interim-Interval", op=":=", value="300"
            )
        self.group("isp:walled@routeros", ("Mikrotik-Address-List", "walled"), ("Framed-Pool", "walled"))
        self.group("isp:walled@wispr", ("WISPr-Bandwidth-Max-Down", "1000000"))
        self.routeros = self.nas("lalitpur-1", "192.0.2.1", "routeros")
        self.wispr = self.nas("kathmandu-1", "192.0.2.2", "wispr")

    def close(self) -> None:
        stop(self.server)
        self.store.close()

    @property
    def run_dir(self) -> Path:
        """Where the server keeps its log and what waits for the database."""
        return Path(self.server.settings.run_dir)

    @property
    def auth(self) -> tuple[str, int]:
        return "127.0.0.1", self.server.settings.auth_port

    @property
    def acct(self) -> tuple[str, int]:
        return "127.0.0.1", self.server.settings.acct_port

    # Rows

    def insert(self, table: str, **values: Any) -> None:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        self.store.database.write(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))

    def run(self, sql: str, *values: Any) -> None:
        self.store.database.write(sql, values)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.store.database.query(sql, values)

    def nas(
        self, name: str, address: str, platform: str, *, require_ma: int = 0, listed: bool = True, **more: Any
    ) -> Nas:
        """A NAS, and its row unless it is not `listed`."""
        self._sources += 1
        source = f"127.0.2.{self._sources}"
        if listed:
            row = {"nasname": source, "shortname": name, "type": platform, "secret": SECRET, "require_ma": require_ma}
            self.insert("nas", **row)
        more = {"secret": SECRET, "auth": self.auth, "acct": self.acct, "source": source, "clock": self.clock, **more}
        return Nas(name, address=address, platform=platform, **more)

    def here(self) -> None:
        """Let programs on 127.0.0.1 ask, if they sign."""
        self.run(
            "INSERT INTO nas (nasname, shortname, type, secret, require_ma)"
            " VALUES ('127.0.0.1', 'here', 'routeros', ?, 1) ON CONFLICT (nasname) DO NOTHING",
            SECRET,
        )

    def lose_sight(self, session: Session) -> None:
        """Let the last update of a session lie 800 seconds back, which is more than `stale_after`."""
        self.run(
            f"UPDATE radacct SET acctupdatetime = acctupdatetime - {self.place.span(800)},"
            f" acctstarttime = acctstarttime - {self.place.span(900)} WHERE acctsessionid = ?",
            session.id,
        )
        session.started -= 900

    def group(self, name: str, *reply: tuple[str, str]) -> None:
        for attribute, value in (("ISP-Profile", name), ("ISP-Rendering", RENDERING)):
            self.insert("radgroupcheck", groupname=name, attribute=attribute, op=":=", value=value)
        for attribute, value in reply:
            self.insert("radgroupreply", groupname=name, attribute=attribute, op=":=", value=value)

    def login(
        self,
        *,
        password: str | None = PASSWORD,
        group: str | None = HOME,
        reply: tuple[tuple[str, str], ...] = (),
        check: tuple[tuple[str, str], ...] = (),
        macs: tuple[str, ...] = (),
        ours: bool = True,
        **fields: Any,
    ) -> str:
        """A new login with its rows; `fields` are columns of ispctl_login. Returns its name."""
        self._logins += 1
        name = f"sub-{self._logins}@home.example"
        secret = (("Cleartext-Password", password),) if password is not None else ()
        for attribute, value in (*secret, *check):
            self.insert("radcheck", username=name, attribute=attribute, op=":=", value=value)
        for attribute, value in reply:
            self.insert("radreply", username=name, attribute=attribute, op="+=", value=value)
        if group:
            self.insert("radusergroup", username=name, groupname=group, priority=1)
        if ours:
            self.insert(
                "ispctl_login", **{"login": name, "owner": f"sub-{self._logins}/main", "class": CLASS, **fields}
            )
        for slot, mac in enumerate(macs, 1):
            self.insert("ispctl_mac", login=name, mac=mac, slot=slot)
        return name

    # What came out

    def log(self, login: str) -> tuple[str, str]:
        """Reply and reason of the newest line about a login in radpostauth."""
        found = self.rows("SELECT reply, reason FROM radpostauth WHERE username = ? ORDER BY id DESC LIMIT 1", login)
        return (str(found[0][0]), str(found[0][1])) if found else ("", "")

    def account(self, session: Session) -> dict[str, Any]:
        """The row of radacct of a session."""
        names = (
            "username, acctstoptime, acctterminatecause, acctinputoctets, acctoutputoctets, acctsessiontime, class, "
            "callingstationid, framedipaddress, delegatedipv6prefix, sentname"
        )
        found = self.rows(f"SELECT {names} FROM radacct WHERE acctsessionid = ?", session.id)
        return dict(zip(names.split(", "), found[0], strict=True)) if found else {}


def serve(address: Address, folder: Path, **settings: Any) -> Server:
    """A server on a database, its configuration in `folder`; to be ended by `stop`."""
    # FreeRADIUS opens what lies below /dev, but makes nothing there, and tests may live in /dev/shm
    run_dir = tempfile.mkdtemp(prefix="ispctl-run-", dir="/tmp")
    try:
        return freeradius.launch_anywhere(
            lambda auth, acct: ServerSettings(
                database=address.for_server,
                dialect=address.dialect,
                database_password=address.password,
                run_dir=run_dir,
                auth_port=auth,
                acct_port=acct,
                **settings,
            ),
            folder,
        )
    except BaseException:
        shutil.rmtree(run_dir)
        raise


def stop(server: Server) -> None:
    server.stop()
    shutil.rmtree(server.settings.run_dir)


def online(outcome: Session | Rejected | Silent) -> Session:
    """The session of a dial that must have succeeded."""
    assert isinstance(outcome, Session), f"no session but {type(outcome).__name__}"
    return outcome


def refused(outcome: Session | Rejected | Silent) -> Rejected:
    """The refusal of a dial that the server must have rejected."""
    assert isinstance(outcome, Rejected), f"no refusal but {type(outcome).__name__}"
    assert not outcome.by_nas
    return outcome


def radclient(place: tuple[str, int], kind: str, secret: str, *attributes: str, tries: int = 1) -> str:
    """What FreeRADIUS's own client says: it knows nothing of our code. `kind`: coa, disconnect, status …"""
    request = "\n".join(attributes) + "\n"
    command = ["radclient", "-x", "-r", str(tries), "-t", "1", f"{place[0]}:{place[1]}", kind, secret]
    done = subprocess.run(command, input=request, capture_output=True, text=True, check=False, timeout=20)
    return done.stdout + done.stderr
