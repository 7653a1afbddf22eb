# heap: 192K
"""What the check says of several networks, fixed addresses, Ethernet, MQTT 5 and WebSocket."""

from node.config.schema import check


class Esp32:
    """The facts of a board, in short."""

    ID = "TEST"
    PINS = (0, 4, 5, 6, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19, 21, 22, 23, 25, 26, 27, 32, 34)
    ADC = (32, 34)
    ADC_NOT_WITH_WIFI = (4,)
    INPUT_ONLY = NO_PULL = (34,)
    RESERVED = {6: "the flash memory"}
    STRAPPING = {}
    WIFI = True
    FULL_SCALE = 3.3
    ETHERNET = ("rmii", "spi")


class OnlySpi(Esp32):
    ETHERNET = ("spi",)


class None_(Esp32):  # noqa: N801
    ETHERNET = ()


class Pico(Esp32):
    WIFI = False
    TLS = "none"
    ETHERNET = ("wiznet",)


HOME = {"ssid": "home", "password": "password"}
LAN = {"phy": "LAN8720", "mdc": 23, "mdio": 18}
SPI = {"phy": "W5500", "spi": 1, "sck": 12, "mosi": 13, "miso": 14, "cs": 10, "int": 34}
FIXED = {"address": "192.168.1.50", "mask": "255.255.255.0", "gateway": "192.168.1.1"}


def found(board=Esp32, **changes):
    config = {"mqtt": {"host": "broker"}, "sensors": []}
    if "wifi" not in changes and "ethernet" not in changes:
        config["wifi"] = HOME
    config.update(changes)
    return check(config, board)


def merged(section, **changes):
    made = dict(section)
    made.update(changes)
    return made


def without(section, key):
    made = dict(section)
    del made[key]
    return made


def test_what_is_good():
    for changes in (
        {"wifi": [HOME]},
        {"wifi": [HOME] * 8},
        {"wifi": [merged(HOME, country="DE", power=8.5, powersave=False), {"ssid": "open"}]},
        {"wifi": merged(HOME, bssid="Aa:bb:CC:0d:0e:0f", dns="9.9.9.9", **FIXED)},
        {"wifi": {"country": "DE"}},  # the board asks for the rest
        {"ethernet": LAN},
        {"ethernet": merged(LAN, ref_clk=17, ref_clk_mode="out", power=16, phy_addr=1, **FIXED)},
        {"ethernet": SPI},
        {"mqtt": {"host": "b", "version": 5}},
        {"mqtt": {"host": "b", "websocket": True}},
        {"mqtt": {"host": "b", "websocket": "/ws", "version": 5, "ca": "ca.pem"}},
        {"mqtt": {"serial": "usb", "version": 5}, "wifi": None},
    ):
        if changes.get("wifi", 1) is None:
            config = {"mqtt": changes["mqtt"]}
            assert check(config, Esp32) == []
        else:
            assert found(**changes) == [], (changes, found(**changes))
    for wired in ({"spi": 0, "cs": 17, "reset": 22}, {}):
        assert found(Pico, ethernet=wired) == [], found(Pico, ethernet=wired)
    assert found(OnlySpi, ethernet=SPI) == []


def test_several_networks():
    text = 'Use a network, {"ssid": "..."}, or a list of 1 to 8.'
    assert found(wifi=[]) == ["wifi: 0 networks are wrong. " + text]
    assert found(wifi=[HOME] * 9)[0] == "wifi: 9 networks are wrong. " + text
    assert found(wifi=[HOME, 3]) == ['wifi[1]: it has to be an object, {"ssid": ...}.']
    assert found(wifi=[HOME, {"password": "password"}]) == [
        "wifi[1].ssid: missing. Use the network's name, 1 to 32 bytes."
    ]
    (fault,) = found(wifi=[HOME, merged(HOME, password="1234")])
    assert fault.startswith("wifi[1].password: this is wrong. Use 8 to 63") and "1234" not in fault
    assert found(wifi=[HOME, merged(HOME, country="DE")]) == [
        "wifi[1].country: it holds for all networks. Move it to wifi[0]."
    ]
    assert found(wifi=[merged(HOME, sid=1)]) == ['wifi[0].sid: unknown. Did you mean "ssid"?']


def test_the_radio_and_the_station():
    for changes, fault in (
        ({"bssid": "aa:bb"}, 'wifi.bssid: "aa:bb" is wrong. Use the address of the router\'s'),
        ({"bssid": "aa:bb:cc:dd:ee:fx"}, 'wifi.bssid: "aa:bb:cc:dd:ee:fx" is wrong.'),
        ({"country": "de"}, 'wifi.country: "de" is wrong. Use two capital letters, such as "DE".'),
        ({"country": "DEU"}, 'wifi.country: "DEU" is wrong.'),
        ({"power": 30}, "wifi.power: 30 is wrong. Use a number from 1 to 20."),
        ({"powersave": 1}, "wifi.powersave: 1 is wrong. Use one of true, false."),
    ):
        (said,) = found(wifi=merged(HOME, **changes))
        assert said.startswith(fault), said


def test_a_fixed_address():
    for changes, fault in (
        ({"address": "192.168.1"}, '.address: "192.168.1" is wrong. Use an address such as'),
        ({"address": "192.168.1.500"}, '.address: "192.168.1.500" is wrong.'),
        ({"mask": "255.0.255.0"}, '.mask: "255.0.255.0" is wrong. Usually it is "255.255.255.0".'),
        ({"mask": "255.255.255.255"}, '.mask: "255.255.255.255" is wrong.'),
        ({"mask": "0.0.0.0"}, '.mask: "0.0.0.0" is wrong.'),
        ({"gateway": "10.0.0.1"}, '.gateway: "10.0.0.1" is not in the network of the address.'),
        ({"address": "192.168.1.0"}, '.address: "192.168.1.0" is the network itself'),
        ({"dns": "dns.example"}, '.dns: "dns.example" is wrong.'),
    ):
        for section, path in ((HOME, "wifi"), (LAN, "ethernet")):
            (said,) = found(**{path: merged(merged(section, **FIXED), **changes)})
            assert said.startswith(path + fault), said
    for key in FIXED:
        (said,) = found(wifi=merged(HOME, **without(FIXED, key)))
        assert said == "wifi.%s: missing. A fixed address needs address, mask and gateway." % key


def test_how_ethernet_is_wired():
    for board, wired, fault in (
        (None_, LAN, "ethernet: TEST has none. Remove it."),
        (OnlySpi, LAN, "ethernet: TEST needs a chip on SPI, such as"),
        (Esp32, without(LAN, "mdio"), "ethernet.mdio: missing. This chip needs mdc, mdio, phy."),
        (Esp32, without(SPI, "int"), "ethernet.int: missing. This chip needs phy, spi, sck"),
        (Esp32, merged(LAN, phy="W5500"), "ethernet.phy: W5500 is not wired like that. Use one"),
        (Esp32, merged(LAN, phy="X"), 'ethernet.phy: "X" is wrong. Use one of "LAN8710"'),
        (Esp32, merged(LAN, mdc=99), "ethernet.mdc: 99 is not a pin (TEST)."),
        (Esp32, merged(LAN, mdc=6), "ethernet.mdc: 6 is used for the flash memory (TEST)."),
        (Esp32, merged(LAN, mdc=18), "ethernet.mdio: 18 is used twice. Each wire needs its own"),
        (Esp32, merged(LAN, power=34), "ethernet.power: 34 can only be an input (TEST)."),
        (Pico, {"cs": 17}, "ethernet.spi: missing. This chip needs spi, cs, reset."),
        (Esp32, merged(LAN, power_pin=1), 'ethernet.power_pin: unknown. Did you mean "power"?'),
    ):
        said = found(board, ethernet=wired)
        assert said and said[0].startswith(fault), said


def test_what_excludes_what():
    assert found(wifi=HOME, ethernet=LAN) == [
        "wifi: not used with ethernet. Remove one of the two."
    ]
    config = {"mqtt": {"serial": "usb", "websocket": True}}
    assert check(config, Esp32) == [
        "mqtt.websocket: not used with mqtt.serial. Remove one of the two."
    ]
    config = {"mqtt": {"serial": "usb"}, "ethernet": LAN}
    assert check(config, Esp32) == ["ethernet: not used with mqtt.serial. Remove one of the two."]


def test_the_pins_of_ethernet_are_taken_and_those_of_adc2_are_free():
    door = {"name": "door", "driver": "digital", "pin": 21}
    (said,) = found(ethernet=LAN, sensors=[door])
    assert said.startswith("sensors[0].pin: GPIO21 is already used by ethernet (TEST). Use")


def test_mqtt_5_and_websocket():
    assert found(mqtt={"host": "b", "version": 3}) == [
        "mqtt.version: 3 is wrong. Use one of 4, 5."
    ]
    assert found(mqtt={"host": "b", "websocket": False}) == [
        'mqtt.websocket: false is wrong. Use true, or a path such as "/mqtt".'
    ]
    for path in ("mqtt", "/a b"):
        assert found(mqtt={"host": "b", "websocket": path}) == [
            'mqtt.websocket: "%s" is no path. Use true, or one such as "/mqtt".' % path
        ]
    (said,) = found(mqtt={"host": "ws://broker:9001"})
    assert '"websocket": true' in said


def test_the_pin_of_the_led_is_neither_a_sensors_nor_the_one_that_wakes_the_board():
    class Wired(Esp32):
        SLEEP_PIN = 16

    door = {"name": "door", "driver": "digital", "pin": 21}
    assert not found(led={"pin": 5})
    (said,) = found(led={"pin": 21}, sensors=[door])
    assert "GPIO21 is already used by led" in said
    assert not found(Wired, led={"pin": 5}, sleep={"every": 600, "awake": 20})
    (said,) = found(Wired, led={"pin": 16}, sleep={"every": 600, "awake": 20})
    assert "GPIO16 is already used by sleep" in said
