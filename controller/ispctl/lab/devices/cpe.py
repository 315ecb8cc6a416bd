"""A subscriber's router that is managed by TR-069: its data model, its temper, and how it calls an ACS.

It reads what an ACS says by text, as many do, so that a value without its type, or a path that is asked in one piece
with all that lies below, is the end of it (`Crashed`).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from html import escape, unescape
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Final
from urllib.parse import urlsplit

_METHOD: Final = re.compile(r"<cwmp:(?!ID\b)(\w+)[\s/>]")
_ID: Final = re.compile(r"<cwmp:ID[^>]*>([^<]*)</cwmp:ID>")
_STRINGS: Final = re.compile(r"<string>([^<]*)</string>")
_PARAMETER: Final = re.compile(
    r'<ParameterValueStruct><Name>([^<]*)</Name><Value(?: xsi:type="xsd:(\w+)")?>([^<]*)</Value></ParameterValueStruct>'
)
_PATH: Final = re.compile(r"<ParameterPath>([^<]*)</ParameterPath><NextLevel>([^<]*)</NextLevel>")
_CHALLENGE: Final = re.compile(r'(\w+)="?([^",]*)"?')
_ENVELOPE: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"'
    "{namespace}><SOAP-ENV:Header>{id}</SOAP-ENV:Header><SOAP-ENV:Body>{body}</SOAP-ENV:Body></SOAP-ENV:Envelope>"
)
SESSION: Final = 60
"""So many answers of an ACS it bears in one session."""


class Crashed(Exception):
    """What it was sent was too much for it."""


@dataclass
class Leaf:
    """A parameter. `secret`: it is never shown."""

    value: str
    type: str = "string"
    writable: bool = True
    secret: bool = False


def tr098() -> dict[str, Leaf]:
    """A router with two PPP connections, of which the second is for the subscriber."""
    root = "InternetGatewayDevice"
    wan = f"{root}.WANDevice.1.WANConnectionDevice"
    return {
        **_about(root),
        f"{wan}.1.WANPPPConnection.1.Enable": Leaf("1", "boolean"),
        f"{wan}.1.WANPPPConnection.1.ConnectionType": Leaf("IP_Routed"),
        f"{wan}.1.WANPPPConnection.1.Username": Leaf("management"),
        f"{wan}.1.WANPPPConnection.1.Password": Leaf("", secret=True),
        f"{wan}.1.WANPPPConnection.1.X_HW_SERVICELIST": Leaf("TR069"),
        f"{wan}.3.WANPPPConnection.2.Enable": Leaf("0", "boolean"),
        f"{wan}.3.WANPPPConnection.2.ConnectionType": Leaf("IP_Routed"),
        f"{wan}.3.WANPPPConnection.2.Username": Leaf(""),
        f"{wan}.3.WANPPPConnection.2.Password": Leaf("", secret=True),
        f"{wan}.3.WANPPPConnection.2.X_HW_SERVICELIST": Leaf("TR069,INTERNET"),
    }


def plain098() -> dict[str, Leaf]:
    """One that keeps to TR-098 and has a single PPP connection, under a number that nobody would guess."""
    root = "InternetGatewayDevice"
    ppp = f"{root}.WANDevice.2.WANConnectionDevice.7.WANPPPConnection.4"
    return {
        **_about(root),
        f"{ppp}.Enable": Leaf("0", "boolean"),
        f"{ppp}.ConnectionType": Leaf("IP_Routed"),
        f"{ppp}.Username": Leaf(""),
        f"{ppp}.Password": Leaf("", secret=True),
    }


def tr181() -> dict[str, Leaf]:
    """One with TR-181, and two PPP interfaces, of which one is in use."""
    root = "Device"
    return {
        **_about(root),
        f"{root}.PPP.Interface.1.Enable": Leaf("false", "boolean"),
        f"{root}.PPP.Interface.1.Username": Leaf(""),
        f"{root}.PPP.Interface.1.Password": Leaf("", secret=True),
        f"{root}.PPP.Interface.5.Enable": Leaf("true", "boolean"),
        f"{root}.PPP.Interface.5.Username": Leaf(""),
        f"{root}.PPP.Interface.5.Password": Leaf("", secret=True),
    }


def _about(root: str) -> dict[str, Leaf]:
    return {
        f"{root}.DeviceInfo.SoftwareVersion": Leaf("V3R1", writable=False),
        f"{root}.ManagementServer.URL": Leaf("http://acs.example.net:7547/"),
        f"{root}.ManagementServer.Username": Leaf(""),
        f"{root}.ManagementServer.Password": Leaf("", secret=True),
        f"{root}.ManagementServer.PeriodicInformEnable": Leaf("0", "boolean"),
        f"{root}.ManagementServer.PeriodicInformInterval": Leaf("86400", "unsignedInt"),
    }


@dataclass
class Cpe:
    """`factory`: login and password with which it calls until it is given others. `refuses`: path -> the fault with
    which a value is refused; `most`: so many parameters it takes in one request, with one more it answers 9004;
    `status`: of SetParameterValuesResponse; `cookies`: whether it gives back what it was told to; `declares`: whether
    it declares the namespace it uses; `latin`: whether it sends Latin-1 and says UTF-8; `silent_after`: it vanishes
    after so many answers."""

    serial: str
    leaves: dict[str, Leaf] = field(repr=False)
    factory: tuple[str, str] = field(default=("factory", ""), repr=False)
    oui: str = "00005E"
    product_class: str = "Router 1"
    manufacturer: str = "Example"
    namespace: str = "urn:dslforum-org:cwmp-1-0"
    refuses: dict[str, int] = field(default_factory=dict)
    most: int = 100
    status: int = 0
    cookies: bool = True
    declares: bool = True
    latin: bool = False
    silent_after: int = SESSION
    asked: list[str] = field(default_factory=list)
    """The methods that an ACS asked for in the last session."""
    events: list[str] = field(default_factory=lambda: ["0 BOOTSTRAP", "1 BOOT"])

    def __post_init__(self) -> None:
        self._made = {name: Leaf(**vars(leaf)) for name, leaf in self.leaves.items()}

    # what it is

    @property
    def root(self) -> str:
        return next(iter(self.leaves)).partition(".")[0]

    def value(self, end: str) -> str:
        """The value of the one parameter whose path ends so."""
        (found,) = (leaf.value for name, leaf in self.leaves.items() if name.endswith(end))
        return found

    def login(self) -> tuple[str, str]:
        """With which it dials in: of the PPP connection for the subscriber that is switched on."""
        for name, leaf in self.leaves.items():
            above, _, last = name.rpartition(".")
            services = self.leaves.get(f"{above}.X_HW_SERVICELIST", Leaf("INTERNET")).value
            on = self.leaves.get(f"{above}.Enable", Leaf("0")).value in ("1", "true")
            if last == "Password" and "PPP" in name and on and "INTERNET" in services:
                return self.leaves[f"{above}.Username"].value, leaf.value
        return "", ""

    def reset(self) -> None:
        """Somebody holds the button down: it is as it came from the factory."""
        self.leaves = {name: Leaf(**vars(leaf)) for name, leaf in self._made.items()}
        self.events = ["0 BOOTSTRAP", "1 BOOT"]

    def update(self, software: str) -> None:
        """Other firmware, which keeps what was set."""
        self.leaves[f"{self.root}.DeviceInfo.SoftwareVersion"].value = software
        self.events = ["1 BOOT"]

    # what it says

    def inform(self) -> bytes:
        """The first message of a session."""
        names = (f"{self.root}.DeviceInfo.SoftwareVersion", f"{self.root}.ManagementServer.URL")
        about = [name for name in names if name in self.leaves]
        device = (
            f"<Manufacturer>{escape(self.manufacturer)}</Manufacturer><OUI>{self.oui}</OUI>"
            f"<ProductClass>{escape(self.product_class)}</ProductClass><SerialNumber>{escape(self.serial)}</SerialNumber>"
        )
        events = "".join(f"<EventStruct><EventCode>{e}</EventCode><CommandKey/></EventStruct>" for e in self.events)
        return self._said(
            f"<cwmp:Inform><DeviceId>{device}</DeviceId><Event>{events}</Event><MaxEnvelopes>1</MaxEnvelopes>"
            f"<CurrentTime>2026-11-26T00:00:00Z</CurrentTime><RetryCount>0</RetryCount>"
            f"<ParameterList>{self._values(about)}</ParameterList></cwmp:Inform>",
            "inform",
        )

    def answer(self, text: str) -> bytes:
        """What it says to a request. Raises Crashed."""
        method, id = _METHOD.search(text), _ID.search(text)
        if method is None:
            raise Crashed("no method")
        self.asked.append(method.group(1))
        match method.group(1):
            case "GetParameterNames":
                body = self._names(text)
            case "GetParameterValues":
                body = self._got([unescape(name) for name in _STRINGS.findall(text)])
            case "SetParameterValues":
                body = self._set([(unescape(n), type, unescape(v)) for n, type, v in _PARAMETER.findall(text)])
            case _:
                body = self._fault(9000)
        return self._said(body, id.group(1) if id else "")

    def _names(self, text: str) -> str:
        found = _PATH.search(text)
        if found is None or found.group(2) not in ("1", "true"):
            raise Crashed("a partial path, and all that lies below it")
        path = unescape(found.group(1))
        if not any(name.startswith(path) for name in self.leaves):
            return self._fault(9005)
        below = dict.fromkeys(
            path + rest.partition(".")[0] + ("." if "." in rest else "")
            for rest in (name.removeprefix(path) for name in self.leaves if name.startswith(path))
        )
        infos = "".join(
            f"<ParameterInfoStruct><Name>{n}</Name><Writable>1</Writable></ParameterInfoStruct>" for n in below
        )
        return (
            f"<cwmp:GetParameterNamesResponse><ParameterList>{infos}</ParameterList></cwmp:GetParameterNamesResponse>"
        )

    def _got(self, names: list[str]) -> str:
        if any(name.endswith(".") for name in names):
            raise Crashed("a partial path")
        if len(names) > self.most:
            return self._fault(9004)
        if any(name not in self.leaves for name in names):
            return self._fault(9005)
        values = self._values(names)
        listed = f"<ParameterList>{values}</ParameterList>"
        return f"<cwmp:GetParameterValuesResponse>{listed}</cwmp:GetParameterValuesResponse>"

    def _set(self, wanted: list[tuple[str, str, str]]) -> str:
        if not wanted or any(not type for _, type, _ in wanted):
            raise Crashed("a value without a type")
        if len(wanted) > self.most:
            return self._fault(9004)
        faults = {name: code for name, type, text in wanted if (code := self._wrong(name, type, text))}
        if faults:
            return self._fault(9003, faults)
        for name, _, text in wanted:
            self.leaves[name].value = text
        return f"<cwmp:SetParameterValuesResponse><Status>{self.status}</Status></cwmp:SetParameterValuesResponse>"

    def _wrong(self, name: str, type: str, text: str) -> int:
        leaf = self.leaves.get(name)
        if leaf is None:
            return 9005
        if type != leaf.type:
            return 9006
        fits = {"boolean": r"0|1|true|false", "unsignedInt": r"\d+"}.get(leaf.type, r"[^\n]{0,256}")
        if not re.fullmatch(fits, text):
            return 9007
        return self.refuses.get(name, 0 if leaf.writable else 9008)

    def _values(self, names: list[str]) -> str:
        return "".join(
            f'<ParameterValueStruct><Name>{name}</Name><Value xsi:type="xsd:{leaf.type}">'
            f"{'' if leaf.secret else escape(leaf.value)}</Value></ParameterValueStruct>"
            for name, leaf in ((name, self.leaves[name]) for name in names)
        )

    def _fault(self, code: int, parameters: dict[str, int] | None = None) -> str:
        parts = "".join(
            f"<SetParameterValuesFault><ParameterName>{name}</ParameterName><FaultCode>{one}</FaultCode>"
            "<FaultString>refused</FaultString></SetParameterValuesFault>"
            for name, one in (parameters or {}).items()
        )
        detail = f"<cwmp:Fault><FaultCode>{code}</FaultCode><FaultString>refused</FaultString>{parts}</cwmp:Fault>"
        return (
            "<SOAP-ENV:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring>"
            f"<detail>{detail}</detail></SOAP-ENV:Fault>"
        )

    def _said(self, body: str, id: str) -> bytes:
        """Without a declaration the prefixes `cwmp` and `xsi` mean nothing to XML."""
        known = ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        namespace = f'{known} xmlns:cwmp="{self.namespace}"' if self.declares else ""
        header = f'<cwmp:ID SOAP-ENV:mustUnderstand="1">{id}</cwmp:ID>' if id else ""
        return _ENVELOPE.format(namespace=namespace, id=header, body=body).encode("latin-1" if self.latin else "utf-8")

    # how it calls

    def call(self, url: str) -> int:
        """A session with an ACS, to its end; the last status of HTTP. Raises Crashed, OSError."""
        self.asked = []
        line = _Line(url, self)
        try:
            status, text = line.post(self.inform())
            if status != 200:
                return status
            self.events = ["2 PERIODIC"]
            status, text = line.post(b"")
            for _ in range(min(self.silent_after, SESSION)):
                if status != 200 or not text:
                    return status
                status, text = line.post(self.answer(text))
            return status
        finally:
            line.close()

    def credentials(self) -> tuple[str, str]:
        """With which it calls its ACS: as it was told, else as it came from the factory."""
        own = [self.leaves[f"{self.root}.ManagementServer.{name}"].value for name in ("Username", "Password")]
        return (own[0], own[1]) if own[0] else self.factory


class _Line:
    """One connection to an ACS. It keeps the login with which the session began."""

    def __init__(self, url: str, cpe: Cpe) -> None:
        parts = urlsplit(url)
        self._connection = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=20)
        self._path, self._cpe, self._login = parts.path or "/", cpe, cpe.credentials()
        self._challenge: dict[str, str] = {}
        self._count, self._cookie = 0, ""

    def close(self) -> None:
        self._connection.close()

    def post(self, data: bytes) -> tuple[int, str]:
        response, text = self._once(data)
        if response.status == 401 and not self._challenge:
            offered = response.headers.get_all("WWW-Authenticate") or []
            digest = next((one for one in offered if one.startswith("Digest")), "")
            self._challenge = dict(_CHALLENGE.findall(digest.partition(" ")[2]))
            response, text = self._once(data)
        return response.status, text

    def _once(self, data: bytes) -> tuple[HTTPResponse, str]:
        headers = {"Content-Type": 'text/xml; charset="utf-8"', "SOAPAction": ""}
        if self._challenge:
            headers["Authorization"] = self._digest()
        if self._cookie and self._cpe.cookies:
            headers["Cookie"] = self._cookie
        try:
            self._connection.request("POST", self._path, data, headers)
            response = self._connection.getresponse()
            text = response.read().decode()
        except HTTPException as error:
            raise ConnectionError(type(error).__name__) from None
        self._cookie = (response.headers.get("Set-Cookie") or self._cookie).partition(";")[0]
        return response, text

    def _digest(self) -> str:
        """RFC 7616, section 3.4.1, with MD5."""
        self._count += 1
        name, password = self._login
        realm, nonce = self._challenge.get("realm", ""), self._challenge.get("nonce", "")
        secret, about = _md5(f"{name}:{realm}:{password}"), _md5(f"POST:{self._path}")
        count = f"{self._count:08x}"
        response = _md5(f"{secret}:{nonce}:{count}:c0ffee:auth:{about}")
        return (
            f'Digest username="{name}", realm="{realm}", nonce="{nonce}", uri="{self._path}", qop=auth, nc={count},'
            f' cnonce="c0ffee", response="{response}", algorithm=MD5'
        )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
