"""Checks what only a few configs say: more of Wi-Fi than its name and password, Ethernet, MQTT 5,
WebSocket, a format, sleep, a LED. Imported for a config that has any of it, and forgotten with the
check.
"""

from node.config.schema import _asks, _section
from node.config.values import shown
from node.overlay import call

_MOST = 8  # networks
# What holds for the radio, and so for all of them.
_RADIO = ("hostname", "country", "power", "powersave")
_PHYS = "LAN8710 LAN8720 IP101 RTL8201 DP83848 KSZ8041 KSZ8081".split()  # noqa: SIM905  # one text
_SPI_PHYS = "W5500 DM9051 KSZ8851SNL".split()  # noqa: SIM905
_EMAC = (19, 21, 22, 25, 26, 27)  # of the ESP32, besides those that the config names
_PINS = ("mdc", "mdio", "power", "reset", "ref_clk", "sck", "mosi", "miso", "cs", "int")


def rules():
    """Section -> key -> rule, as in node.config.schema, besides those that are there."""
    address = (None, str, 7, 15, 'an address such as "192.168.1.50"')
    addresses = {"address": address, "mask": address, "gateway": address, "dns": address}
    wifi: dict = {
        "bssid": (None, str, 17, 17, 'the address of the router\'s radio, "aa:bb:cc:dd:ee:ff"'),
        "country": (None, str, 2, 2, 'two capital letters, such as "DE"'),
        "power": (None, float, 1, 20),
        "powersave": (None, (True, False)),
    }
    wifi.update(addresses)
    wired: dict = {
        "phy": (None, tuple(_PHYS + _SPI_PHYS)),
        "phy_addr": (None, int, 0, 31),
        "spi": (None, int, 0, 3),
        "ref_clk_mode": (None, ("in", "out")),
        "hostname": (None, "name"),
    }
    for key in _PINS:
        wired[key] = (None, "pin")
    wired.update(addresses)
    return {
        "": {
            "ethernet": (None, "object", 0, 0, '{"phy": "LAN8720", "mdc": 23, "mdio": 18}'),
            "format": (None, ("json", "msgpack", "cbor", "plain")),
            "sleep": (None, "object", 0, 0, '{"every": 600, "awake": 20}'),
            "cloud": (None, "object", 0, 0, '{"azure": "HostName=..."}, {"aws": "shadow"}'),
            "led": (None, "object", 0, 0, '{"pin": 2, "active": "low"}'),
        },
        "wifi": wifi,
        "ethernet": wired,
        "led": {"pin": (..., "pin"), "active": (None, ("high", "low"))},
        "mqtt": {
            "version": (None, (4, 5)),
            "websocket": (None, "websocket", 0, 0, 'true, or a path such as "/mqtt"'),
        },
    }


def extend(known, faults, config, board, warnings):
    """Check those sections, and add to the rules `known` what stands elsewhere.

    Returns what they take of the pins, for node.config.pins.
    """
    more = rules()
    known[""].update(more[""])
    known["mqtt"].update(more["mqtt"])
    wifi = config.get("wifi")
    each = dict(known.pop("wifi"))
    each.update(more["wifi"])
    if isinstance(wifi, list):
        text = 'a network, {"ssid": "..."}, or a list of 1 to %d' % _MOST
        known[""]["wifi"] = (None, "list", 0, 0, text)
        if isinstance(config.get("provision"), dict):
            faults.append("provision: it is for one network. Remove it, or the list of wifi.")
        if not 0 < len(wifi) <= _MOST:
            faults.append("wifi: %d networks are wrong. Use %s." % (len(wifi), text))
        for i, network in enumerate(wifi[:_MOST]):
            _network(faults, "wifi[%d]" % i, network, each, i)
    elif isinstance(wifi, dict):
        if _asks(wifi):
            each["ssid"] = (None, "ssid")
        _network(faults, "wifi", wifi, each, 0)
    mqtt = config.get("mqtt")
    if isinstance(mqtt, dict):
        _mqtt(faults, mqtt)
    if config.get("format", "json") != "json" and isinstance(config.get("homeassistant"), dict):
        faults.append(
            "format: Home Assistant reads json alone. Remove one of format and homeassistant."
        )
    if isinstance(config.get("cloud"), dict):
        call("config", "cloud", "check", known, faults, config, board)
    pins = _ethernet(faults, config, board, more["ethernet"])
    if isinstance(config.get("sleep"), dict):
        call("config", "sleep", "check", faults, config, board, pins, warnings)
    led = config.get("led")
    if isinstance(led, dict):
        before = len(faults)
        _section(faults, "led.", led, more["led"])
        # Some boards have a name for theirs: "LED", "LED_BLUE".
        if board and len(faults) == before and str(led["pin"])[:3] != "LED":
            call("config", "pins", "check", faults, ("led", led, "out", {}, {}), board, pins, None)
    return pins


def _ethernet(faults, config, board, rules):
    """Check it, and return what its wires take."""
    wired = config.get("ethernet")
    mqtt = config.get("mqtt")
    if not isinstance(wired, dict):
        return {}
    before = len(faults)
    _section(faults, "ethernet.", wired, rules)
    _address(faults, "ethernet.", wired)
    if "wifi" in config:
        faults.append("wifi: not used with ethernet. Remove one of the two.")
    if isinstance(mqtt, dict) and "serial" in mqtt:
        faults.append("ethernet: not used with mqtt.serial. Remove one of the two.")
    if not board or len(faults) > before:
        return {}
    return _wires(faults, wired, board)


def _network(faults, path, network, rules, i):
    if not isinstance(network, dict):
        faults.append('%s: it has to be an object, {"ssid": ...}.' % path)
        return
    path += "."
    before = len(faults)
    _section(faults, path, network, rules)
    if len(faults) > before:
        return
    for key in _RADIO if i else ():
        if key in network:
            faults.append(
                "%s%s: it holds for all networks. Move it to wifi[0]." % (path, key)
            )  # fmt: skip
    parts = network.get("bssid", "0:0:0:0:0:0").split(":")
    if len(parts) != 6 or not all(_hexadecimal(part) for part in parts):
        faults.append(
            "%sbssid: %s is wrong. Use %s." % (path, shown(network["bssid"]), rules["bssid"][4])
        )
    country = network.get("country", "XX")
    if not all("A" <= letter <= "Z" for letter in country):
        faults.append(
            "%scountry: %s is wrong. Use %s." % (path, shown(country), rules["country"][4])
        )
    _address(faults, path, network)


def _hexadecimal(text):
    return 0 < len(text) < 3 and all(each in "0123456789abcdefABCDEF" for each in text)


def _address(faults, path, section):
    """An address of its own needs a mask and a gateway, and all of them one network."""
    given = [key for key in ("address", "mask", "gateway", "dns") if key in section]
    if not given:
        return
    numbers = {}
    for key in given:
        numbers[key] = _number(section[key])
        if numbers[key] < 0:
            faults.append(
                '%s%s: %s is wrong. Use an address such as "192.168.1.50".'
                % (path, key, shown(section[key]))
            )
    if min(numbers.values()) < 0:
        return
    for key in ("address", "mask", "gateway"):
        if key not in given:
            faults.append("%s%s: missing. A fixed address needs address, mask and gateway."
                          % (path, key))  # fmt: skip
            return
    mask = numbers["mask"]
    rest = mask ^ 0xFFFFFFFF
    if rest & rest + 1 or not mask or rest < 3:
        faults.append('%smask: %s is wrong. Usually it is "255.255.255.0".'
                      % (path, shown(section["mask"])))  # fmt: skip
    elif numbers["address"] & rest in (0, rest):
        faults.append("%saddress: %s is the network itself, or everyone in it. Use another."
                      % (path, shown(section["address"])))  # fmt: skip
    elif (numbers["address"] ^ numbers["gateway"]) & mask:
        faults.append("%sgateway: %s is not in the network of the address. Use the router's."
                      % (path, shown(section["gateway"])))  # fmt: skip


def _number(text):
    """The number that an address of IPv4 is, or -1."""
    number = 0
    parts = text.split(".") if isinstance(text, str) else ()
    for part in parts:
        if not part.isdigit() or int(part) > 255 or len(part) > 3:
            return -1
        number = number << 8 | int(part)
    return number if len(parts) == 4 else -1


def _mqtt(faults, mqtt):
    path = mqtt.get("websocket")
    if "serial" in mqtt and path:
        faults.append("mqtt.websocket: not used with mqtt.serial. Remove one of the two.")
    if isinstance(path, str) and (path[:1] != "/" or any(not "!" <= each <= "~" for each in path)):
        faults.append('mqtt.websocket: %s is no path. Use true, or one such as "/mqtt".'
                      % shown(path))  # fmt: skip


def _wires(faults, wired, board):
    """Check how the chip is wired; return what it takes, as node.config.pins has it."""
    kinds = getattr(board, "ETHERNET", ())
    if not kinds:
        faults.append("ethernet: %s has none. Remove it." % board.ID)
        return {}
    spi = "cs" in wired or "spi" in wired
    wiznet = "wiznet" in kinds
    kind = "wiznet" if wiznet else "spi" if spi else "rmii"
    need: tuple = ("mdc", "mdio", "phy")
    if kind == "rmii" and kind not in kinds:
        faults.append(
            'ethernet: %s needs a chip on SPI, such as {"phy": "W5500", "spi": 1, "sck": 12, '
            '"mosi": 13, "miso": 14, "cs": 10, "int": 11}.' % board.ID
        )
        return {}
    if kind == "wiznet":
        need = ("spi", "cs", "reset") if len(wired) else ()
    elif spi:
        need = ("phy", "spi", "sck", "mosi", "miso", "cs", "int")
    for key in need:
        if key not in wired and (kind != "wiznet" or spi):
            faults.append("ethernet.%s: missing. This chip needs %s." % (key, ", ".join(need)))
    phy = wired.get("phy")
    if phy and kind != "wiznet" and (phy in _SPI_PHYS) != spi:
        fitting = _SPI_PHYS if spi else _PHYS
        faults.append(
            "ethernet.phy: %s is not wired like that. Use one of %s." % (phy, ", ".join(fitting))
        )
    taken: dict = {"ethernet": True}  # and so there is no Wi-Fi
    pins = [(key, wired[key]) for key in _PINS if key in wired]
    if kind == "rmii":
        pins += [("phy", pin) for pin in _EMAC]
        if "ref_clk" not in wired:
            pins.append(("phy", 0))
    for key, pin in pins:
        place = "pin", getattr(board, "CPU", {}).get(pin, pin)
        if pin not in board.PINS:
            faults.append("ethernet.%s: %s is not a pin (%s)." % (key, shown(pin), board.ID))
        elif pin in board.RESERVED:
            faults.append("ethernet.%s: %s is used for %s (%s)."
                          % (key, shown(pin), board.RESERVED[pin], board.ID))  # fmt: skip
        elif place in taken:
            faults.append("ethernet.%s: %s is used twice. Each wire needs its own pin."
                          % (key, shown(pin)))  # fmt: skip
        elif key != "int" and pin in board.INPUT_ONLY:
            faults.append("ethernet.%s: %s can only be an input (%s)."
                          % (key, shown(pin), board.ID))  # fmt: skip
        taken[place] = "ethernet"
        taken[place, "as"] = None
    return taken
