"""Brings up Ethernet, and keeps it up. Called by node.network.wired, and forgotten.

network.LAN on an ESP32, network.WIZNET5K on other ports. If the chip can't be reached, the node
tries again less and less often.
"""

import machine
import network
from micropython import const

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_TELL_S = const(5)  # say what is wrong after this long
_PAUSE_S = const(60)  # longest pause between two attempts
_PINS = ("mdc", "mdio", "power", "reset", "ref_clk", "cs", "int")

# Places in the list node.wifi, see node.network.wifi.
_CONNECTS = const(2)
_LEFT = const(4)
_PAUSE = const(5)
_TOLD = const(6)


def look(wired, node):
    """After a second without a connection: bring it up, or say what is missing."""
    wifi = node.wifi
    if wired.connects != wifi[_CONNECTS]:
        wired.connects = wifi[_CONNECTS]
        wired.since = min(wired.since, 1)
    try:
        if not wired.since:
            _up(wired, wired.section)
        elif wired.since == _TELL_S:
            _tell(node, _missing(wired.lan))
        wired.since += 1
    except Exception as error:  # a port may raise anything
        wired.since = 0
        wifi[_PAUSE] = wifi[_LEFT] = min(wifi[_PAUSE] * 2 + 1, _PAUSE_S)
        said = str(error) or type(error).__name__
        _tell(node, "the chip does not answer (%s). Check its wires, and ethernet.phy." % said)


def off(wired, _):
    """Switch it off; look() switches on again."""
    wired.since = 0
    if wired.lan:
        wired.lan.active(False)


def _up(wired, section):
    wired.lan = wired.lan or _made(section)
    wired.lan.active(True)
    if "address" in section:
        dns = section.get("dns") or section["gateway"]
        wired.lan.ifconfig((section["address"], section["mask"], section["gateway"], dns))


def _tell(node, said):
    if node.wifi[_TOLD] != said:
        node.wifi[_TOLD] = said
        node.failed("ethernet", said)


def _missing(lan):
    if lan.status() == getattr(network, "ETH_CONNECTED", -1):
        return "it has a link, but gets no address. Check the router's DHCP, or set an address."
    return "no link. Check the cable, and what is at its other end."


def _made(section):
    """Return the interface that the config describes."""
    pins = {key: machine.Pin(section[key]) for key in _PINS if key in section}
    options: dict[str, "Any"] = {}
    if "spi" in section:
        wires = {
            key: machine.Pin(section[key]) for key in ("sck", "mosi", "miso") if key in section
        }
        options["spi"] = machine.SPI(section["spi"], **wires)
    kind: "Any" = getattr(network, "WIZNET5K", None)
    if kind:
        return kind(options["spi"], pins["cs"], pins["reset"]) if options else kind()
    kind = getattr(network, "LAN", None)
    if not kind:
        raise OSError("this firmware has no Ethernet")
    if "ref_clk_mode" in section:
        pin = machine.Pin
        options["ref_clk_mode"] = pin.OUT if section["ref_clk_mode"] == "out" else pin.IN
    options.update(pins)
    phy = getattr(network, "PHY_" + section["phy"])
    return kind(phy_type=phy, phy_addr=section.get("phy_addr", 0), **options)
