"""MikroTik's page on its RADIUS client: rates, bursts, thresholds, times, each as rx/tx. The point of view
is the router's: rx is what the client uploads."""

from __future__ import annotations

from tests.platforms.seen import Attributes, Seen, only

UNIT = {"k": 10**3, "M": 10**6, "G": 10**9}


def decode(attributes: Attributes) -> Seen:
    rates, *burst = only(attributes, "Mikrotik-Rate-Limit").split()
    rx, tx = _pair(rates)
    faster = None
    if burst:
        (rx_burst, tx_burst), (rx_threshold, tx_threshold), (rx_time, tx_time) = map(_pair, burst)
        assert rx_time == tx_time
        faster = tx_burst, rx_burst, tx_threshold, rx_threshold, rx_time
    return Seen(
        down=tx,
        up=rx,
        burst=faster,
        mark=only(attributes, "Mikrotik-Address-List"),
        pool=only(attributes, "Framed-Pool"),
        pool6=only(attributes, "Framed-IPv6-Pool"),
        delegated=only(attributes, "Mikrotik-Delegated-IPv6-Pool"),
    )


def _pair(text: str) -> tuple[int, int]:
    rx, tx = text.split("/")
    return _number(rx), _number(tx)


def _number(text: str) -> int:
    return int(text[:-1]) * UNIT[text[-1]] if text[-1] in UNIT else int(text)
