"""Envelopes of CWMP (TR-069 amendment 6, annex A): read from whoever sends them, written strictly. Pure.

Devices send undeclared prefixes, raw `&` and Latin-1 under the name of UTF-8, so that everything is found by its local
name. What had to be mended to be read is `damaged`: no value of it may be believed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, Final, Literal

from ispctl.structs import Struct, field

Type = Literal["string", "boolean", "unsignedInt"]
LARGEST: Final = 1 << 20
"""Octets of one message."""
_ELEMENTS: Final = 30_000
_DEPTH: Final = 24
_ENCODINGS: Final = {"utf-8": "utf-8", "us-ascii": "utf-8", "iso-8859-1": "latin-1", "windows-1252": "cp1252"}
_DECLARATION: Final = re.compile(r"""\s*<\?xml\b[^>]{0,200}?(?:encoding\s*=\s*["']([^"']{1,40})["'][^>]{0,100}?)?\?>""")
_NAMESPACE: Final = re.compile(r"urn:dslforum-org:cwmp-1-[0-4]")
_FIRST: Final = "urn:dslforum-org:cwmp-1-0"
_UNDECLARED: Final = 201
"""libxml2's XML_NS_ERR_UNDEFINED_NAMESPACE: nothing is lost by it."""
_ARRAY: Final = "soap-enc:arrayType"


class Malformed(Exception):
    """Not a message; why. Holds nothing of what was sent."""


class DeviceId(Struct):
    """How a device names itself."""

    manufacturer: str
    oui: str
    product_class: str
    serial: str

    def __str__(self) -> str:
        """`OUI-ProductClass-SerialNumber`, each part percent-encoded outside [A-Za-z0-9_], as GenieACS writes it."""
        return "-".join(map(_encoded, filter(None, (self.oui, self.product_class, self.serial))))


class Inform(Struct):
    """What a session begins with."""

    device: DeviceId
    events: frozenset[str]
    """Codes with their words: "0 BOOTSTRAP", "2 PERIODIC"."""
    values: dict[str, str] = field(default_factory=dict, repr=False)


class TransferComplete(Struct):
    """A file went, or did not: `code` 0 is well."""

    key: str
    code: int


class Asked(Struct):
    """Something else that a device asks of us."""

    method: str


class Names(Struct):
    """GetParameterNamesResponse; an object ends in a dot."""

    names: tuple[str, ...]


class Values(Struct):
    """GetParameterValuesResponse."""

    values: dict[str, str] = field(repr=False)


class Done(Struct):
    """Any other response. `status`: 1 where it holds after the session or a restart only."""

    method: str
    status: int = 0


class Fault(Struct):
    """A device refuses. `parameters`: the code of each parameter that it names."""

    code: int
    parameters: dict[str, int] = field(default_factory=dict)


Reply = Names | Values | Done | Fault
Message = Inform | TransferComplete | Asked | Reply


class Envelope(Struct):
    """One message. `message` is None where the body is empty."""

    id: str
    namespace: str
    hold: bool
    message: Message | None
    damaged: bool


class Parameter(Struct):
    """A value with its type, without which some devices crash."""

    name: str
    type: Type
    text: str = field(repr=False)


class Request(Struct):
    """What is asked of a device: `parameters` to be set, or `names` to be told, or neither."""

    method: Literal["GetParameterNames", "GetParameterValues", "SetParameterValues", "Reboot"]
    names: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    key: str = ""


# reading


def read(data: bytes) -> Envelope:
    """Raises Malformed, and nothing else, whatever the octets are."""
    from lxml import etree

    if len(data) > LARGEST:
        raise Malformed("too large")
    text = _decoded(data)
    if "<!doctype" in (lower := text.lower()) or "<!entity" in lower:
        raise Malformed("a document type")
    parser = _parser()
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Malformed("no XML") from None
    if root is None:
        raise Malformed("no XML")
    damaged = any(entry.type != _UNDECLARED for entry in parser.error_log)
    _within(root)
    if _local(root) != "Envelope":
        raise Malformed("no envelope")
    header, body = _below(root, "Header"), _below(root, "Body")
    if body is None:
        raise Malformed("no body")
    said = next(_elements(body), None)
    found = _NAMESPACE.search(text)
    return Envelope(
        _text(header, "ID"),
        found.group() if found else _FIRST,
        _text(header, "HoldRequests") in ("1", "true"),
        None if said is None else _message(said),
        damaged,
    )


def _parser() -> Any:
    from lxml import etree

    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=True,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )


def _decoded(data: bytes) -> str:
    """As text without its declaration. What is said to be UTF-8 and is not is taken for Latin-1."""
    head = _DECLARATION.match(data[:400].decode("latin-1").removeprefix("\xef\xbb\xbf"))
    named = (head.group(1) or "utf-8").lower() if head else "utf-8"
    if named not in _ENCODINGS:
        raise Malformed("an encoding that is not read")
    try:
        text = data.decode(_ENCODINGS[named])
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    text = text.removeprefix("\ufeff")
    return _DECLARATION.sub("", text, count=1) if head else text


def _within(root: Any) -> None:
    """Few enough elements, not too deep."""
    depth = elements = 0
    from lxml import etree

    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        elements += event == "start"
        if elements > _ELEMENTS or depth > _DEPTH:
            raise Malformed("too many elements")


def _message(said: Any) -> Message:
    name = _local(said)
    if name in _READERS:
        return _READERS[name](said)
    return Done(name, _number(_text(said, "Status"))) if name.endswith("Response") else Asked(name)


def _transfer(said: Any) -> TransferComplete:
    return TransferComplete(_text(said, "CommandKey"), _number(_text(_below(said, "FaultStruct"), "FaultCode")))


def _names(said: Any) -> Names:
    infos = _elements(_below(said, "ParameterList"))
    return Names(tuple(filter(None, (_text(info, "Name") for info in infos))))


def _inform(said: Any) -> Inform:
    about = _below(said, "DeviceId")
    device = DeviceId(*(_text(about, name) for name in ("Manufacturer", "OUI", "ProductClass", "SerialNumber")))
    if not device.serial or not str(device).isascii() or len(str(device)) > 200 or not device.serial.isprintable():
        raise Malformed("a device without a serial number")
    events = _elements(_below(said, "Event"))
    return Inform(device, frozenset(filter(None, (_text(event, "EventCode") for event in events))), dict(_values(said)))


def _values(said: Any) -> Iterator[tuple[str, str]]:
    for one in _elements(_below(said, "ParameterList")):
        if name := _text(one, "Name"):
            value = _below(one, "Value")
            yield name, (value.text or "") if value is not None else ""


def _fault(said: Any) -> Fault:
    """The code of CWMP stands in the detail; what a SOAP library says of itself has none."""
    detail = [part for part in said.iter() if isinstance(part.tag, str) and _local(part) == "Fault"][-1]
    parts = (part for part in _elements(detail) if _local(part) == "SetParameterValuesFault")
    faults = {_text(part, "ParameterName"): _number(_text(part, "FaultCode")) for part in parts}
    return Fault(_number(_text(detail, "FaultCode")) or 9002, {name: code for name, code in faults.items() if name})


_READERS: Final[dict[str, Callable[[Any], Message]]] = {
    "Inform": _inform,
    "TransferComplete": _transfer,
    "GetParameterNamesResponse": _names,
    "GetParameterValuesResponse": lambda said: Values(dict(_values(said))),
    "Fault": _fault,
}


def _elements(parent: Any) -> Iterator[Any]:
    return (part for part in (() if parent is None else parent) if isinstance(part.tag, str))


def _below(parent: Any, name: str) -> Any:
    """The first element of this local name; None where there is none."""
    return next((part for part in _elements(parent) if _local(part) == name), None)


def _text(parent: Any, name: str) -> str:
    found = _below(parent, name)
    return (found.text or "").strip() if found is not None else ""


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2].rpartition(":")[2]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _encoded(text: str) -> str:
    return "".join(
        char if char.isascii() and (char.isalnum() or char == "_") else "".join(f"%{o:02X}" for o in char.encode())
        for char in text
    )


# writing


def informed(envelope: Envelope) -> bytes:
    """The answer to an Inform."""
    return _written(envelope, "<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>")


def answered(envelope: Envelope) -> bytes:
    """The answer to anything else that a device may ask; what we do not know is a fault 8000."""
    match envelope.message:
        case TransferComplete():
            return _written(envelope, "<cwmp:TransferCompleteResponse/>")
        case Asked("GetRPCMethods"):
            methods = ("Inform", "GetRPCMethods", "TransferComplete")
            listed = "".join(f"<string>{name}</string>" for name in methods)
            what = f'<MethodList {_ARRAY}="xsd:string[{len(methods)}]">{listed}</MethodList>'
            return _written(envelope, f"<cwmp:GetRPCMethodsResponse>{what}</cwmp:GetRPCMethodsResponse>")
    detail = "<cwmp:Fault><FaultCode>8000</FaultCode><FaultString>Method not supported</FaultString></cwmp:Fault>"
    fault = f"<faultcode>Server</faultcode><faultstring>CWMP fault</faultstring><detail>{detail}</detail>"
    return _written(envelope, f"<soap-env:Fault>{fault}</soap-env:Fault>")


def asked(request: Request, id: str, namespace: str) -> bytes:
    """A request of ours."""
    match request.method:
        case "GetParameterNames":
            inner = f"<ParameterPath>{_escaped(request.names[0])}</ParameterPath><NextLevel>1</NextLevel>"
        case "GetParameterValues":
            listed = "".join(f"<string>{_escaped(name)}</string>" for name in request.names)
            inner = f'<ParameterNames {_ARRAY}="xsd:string[{len(request.names)}]">{listed}</ParameterNames>'
        case "SetParameterValues":
            listed = "".join(_parameter(request.parameters))
            inner = (
                f'<ParameterList {_ARRAY}="cwmp:ParameterValueStruct[{len(request.parameters)}]">{listed}'
                f"</ParameterList><ParameterKey>{_escaped(request.key)}</ParameterKey>"
            )
        case _:
            inner = f"<CommandKey>{_escaped(request.key)}</CommandKey>"
    named = f"cwmp:{request.method}"
    return _written(Envelope(id, namespace, False, None, False), f"<{named}>{inner}</{named}>")


def _parameter(parameters: Iterable[Parameter]) -> Iterator[str]:
    for one in parameters:
        value = f'<Value xsi:type="xsd:{one.type}">{_escaped(one.text)}</Value>'
        yield f"<ParameterValueStruct><Name>{_escaped(one.name)}</Name>{value}</ParameterValueStruct>"


def _written(envelope: Envelope, body: str) -> bytes:
    """The prefix is always `cwmp`, and what stands below a method has none: some devices read by text."""
    id = f'<cwmp:ID soap-env:mustUnderstand="1">{_escaped(envelope.id)}</cwmp:ID>' if envelope.id else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{_opening(envelope.namespace)}'
        f"<soap-env:Header>{id}</soap-env:Header><soap-env:Body>{body}</soap-env:Body></soap-env:Envelope>"
    ).encode()


@cache
def _opening(namespace: str) -> str:
    return (
        '<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xmlns:cwmp="{namespace}">'
    )


def _escaped(text: str) -> str:
    found = "".join(char for char in text if char.isprintable() or char in "\t\n")
    return found.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
