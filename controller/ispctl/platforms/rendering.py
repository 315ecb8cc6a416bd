"""A slice and templates -> resources: pure, and the same for every platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from ipaddress import IPv4Address, ip_address, ip_network, summarize_address_range
from typing import Any, Final

from ispctl.model.problem import Problem, Refusal, Where
from ispctl.plan import Resources
from ispctl.platforms import short
from ispctl.platforms.device import NasPlatform, PoolPart, Slice, template_path, usual_template
from ispctl.structs import names, replace

_SIGNS: Final = "-_."
"""Between the name of a pool and the number of a prefix: what names of every vendor may hold."""


def render(platform: NasPlatform, want: Slice, own: Mapping[str, bytes]) -> Resources:
    """What a NAS should hold of ours, in normal form. `own`: the ISP's templates by path. Raises Refusal E800 for a
    template that does not fit, E801 for a value that the device could not take."""
    found: dict[tuple[str, str], Any] = {}
    for name, text in texts(platform, want, own).items():
        try:
            found |= platform.parse(text)
        except ValueError as error:
            raise _misfit(platform.name, name, own, str(error)) from None
    return found


def texts(platform: NasPlatform, want: Slice, own: Mapping[str, bytes]) -> Mapping[str, str]:
    """The same as text in the language of the device, by the name of the template. Raises Refusal as `render` does."""
    return {name: _text(platform, name, want, own) for name in platform.templates}


def _text(platform: NasPlatform, name: str, want: Slice, own: Mapping[str, bytes]) -> str:
    from jinja2 import TemplateError, TemplateSyntaxError

    path = template_path(platform.name, name)
    written = own.get(path)
    source = usual_template(platform, name) if written is None else written.decode("utf-8", "replace")
    want = platform.taken(want)
    said = {name: getattr(want, name) for name in names(want)}
    try:
        return str(_compiled(platform.name, source).render(said))
    except _Unfit as error:
        text = f"{want.host}: {error}"
        raise Refusal(Problem("E801", text, advice=f"The device of {want.host} takes no such value")) from None
    except TemplateSyntaxError as error:
        raise _misfit(platform.name, name, own, error.message or "it is no template", error.lineno) from None
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise _misfit(platform.name, name, own, str(error) or type(error).__name__) from None


class _Unfit(Exception):
    """A value that cannot be written in the language of the device."""


@lru_cache(maxsize=100)
def _compiled(name: str, source: str) -> Any:
    """A fleet has few templates and many hosts."""
    return _environment(name).from_string(source)


@cache
def _environment(name: str) -> Any:
    """Whatever a template prints is quoted, so that no name in a file of the ISP becomes a command."""
    from jinja2 import StrictUndefined, Undefined
    from jinja2.sandbox import SandboxedEnvironment

    from ispctl.platforms.device import nas_platform

    platform = nas_platform(name)
    assert platform is not None

    def quote(value: object) -> object:
        if isinstance(value, Undefined):
            return value  # its use raises, with its name
        try:
            return platform.quote(value)
        except ValueError as error:
            raise _Unfit(str(error)) from None

    environment = SandboxedEnvironment(
        undefined=StrictUndefined,
        finalize=quote,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(FILTERS)
    return environment


def _network(prefix: str) -> Any:
    return ip_network(prefix)


def _ranges(pool: PoolPart) -> list[tuple[str, str]]:
    """First and last address of each run of addresses that a pool may hand out."""
    kept = [ip_address(text) for text in (*pool.exclude, pool.gateway) if text]
    found = []
    for network in map(_network, pool.prefixes):
        edge = 1 if network.num_addresses > 2 else 0
        first, last = network[edge], network[-1 - edge]
        for address in sorted({one for one in kept if first <= one <= last}):
            if first < address:
                found.append((str(first), str(address - 1)))
            first = address + 1
        if first <= last:
            found.append((str(first), str(last)))
    return found


def _blocks(pool: PoolPart) -> list[str]:
    """What a pool may hand out as prefixes, and as ranges within a /24: "192.0.2.1-254"."""
    found = []
    for first, last in (map(IPv4Address, pair) for pair in _ranges(pool)):
        low, high = int(first), int(last)
        while low <= high:
            end = min(low | 0xFF, high)
            if low & 0xFF == 0 and end == low | 0xFF:
                end = max(end, (high + 1 & ~0xFF) - 1)
                found += [str(one) for one in summarize_address_range(IPv4Address(low), IPv4Address(end))]
            else:
                found.append(f"{IPv4Address(low)}-{end & 0xFF}")
            low = end + 1
    return found


def _parts(pool: PoolPart) -> list[str]:
    """The prefixes of a pool; of one that keeps addresses back, the ranges without those: each within a /24, or whole
    prefixes."""
    kept = [ip_address(text) for text in (*pool.exclude, pool.gateway) if text]
    found = []
    for prefix in pool.prefixes:
        if any(address in _network(prefix) for address in kept):
            pairs = (block.partition("-") for block in _blocks(replace(pool, prefixes=(prefix,))))
            found += [f"{first}-{first.rpartition('.')[0]}.{last}" if last else first for first, _, last in pairs]
        else:
            found.append(prefix)
    return found


def _span(prefixes: Sequence[str]) -> str:
    """The smallest network that has all of them."""
    networks = [_network(prefix) for prefix in prefixes]
    found = networks[0]
    while not all(network.subnet_of(found) for network in networks):
        found = found.supernet()
    return str(found)


def _names(pool: PoolPart, pools: Sequence[PoolPart], before: str = "") -> list[str]:
    """A name for each prefix of a pool, of which none is that of another pool: home, home-2; home_2 where there is a
    pool home-2, and home.2 where there is home_2 too. `before`: what stands before those that have a number."""
    taken, found = {one.name for one in pools}, [pool.name]
    for number in range(2, len(pool.prefixes) + 1):
        free = (name for sign in _SIGNS if (name := f"{before}{pool.name}{sign}{number}") not in taken)
        found.append(next(free, ""))
    if not all(found):
        raise _Unfit(
            f"no name is left for a prefix of the pool {pool.name}: others are called like all that it may have"
        )
    return found


def _only(values: Sequence[str]) -> str:
    if len(values) != 1:
        raise _Unfit(f"{', '.join(values) or 'nothing'} where one value is taken")
    return values[0]


FILTERS: Final[Mapping[str, Callable[..., object]]] = {
    "rate": short,  # 50000000 -> 50M, of 10^3, 10^6, 10^9
    "network": lambda prefix: str(_network(prefix).network_address),
    "netmask": lambda prefix: str(_network(prefix).netmask),
    "wildcard": lambda prefix: str(_network(prefix).hostmask),
    "prefixlen": lambda prefix: _network(prefix).prefixlen,
    "lowest": lambda prefix: str(_network(prefix)[1]),
    "highest": lambda prefix: str(_network(prefix)[-2]),
    "family": lambda prefix: _network(prefix).version,
    "holds": lambda prefix, address: ip_address(address) in _network(prefix),
    "ranges": _ranges,  # of a pool, without gateway and what is excluded: pairs of addresses
    "blocks": _blocks,  # the same as prefixes, and as ranges that differ in their last number only
    "parts": _parts,  # the prefixes of a pool, and of those that keep something back such blocks with both ends
    "span": _span,  # of prefixes
    "names": _names,  # of a pool, among all pools: one for each of its prefixes
    "only": _only,  # the one value of a list; of several the device could take none
}
"""What templates may call beside Jinja's own; prefixes are texts. A pool keeps its first and last address to itself."""


def _misfit(platform: str, name: str, own: Mapping[str, bytes], why: str, line: int = 0) -> Refusal:
    path = template_path(platform, name)
    where = Where(path, line) if path in own else None
    advice = "Its variables are those of docs/nas.md" if where else "This is a defect of the template of the package"
    return Refusal(Problem("E800", f"the template {path} does not fit: {why}", where, advice))
