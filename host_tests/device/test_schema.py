# heap: 128K
"""What the check of a config says, word for word where people read it."""

import sys

from node.config.schema import check


class Board:
    """The facts of a board, in short."""

    ID = "TEST"
    PINS = (0, 2, 4, 5, 6, 16, 32, 33, 34)
    ADC = (32, 33, 34)
    ADC_NOT_WITH_WIFI = (0, 2, 4)
    INPUT_ONLY = (34,)
    NO_PULL = (34,)
    RESERVED = {6: "the flash memory"}
    STRAPPING = {0: "boot mode"}
    WIFI = True


def config(**changes):
    made = {
        "wifi": {"ssid": "net", "password": "password"},
        "mqtt": {"host": "broker"},
        "sensors": [],
    }
    made.update(changes)
    return made


def faults(**changes):
    return check(config(**changes), Board)


def sensor(**changes):
    made = {"name": "s", "driver": "digital", "pin": 5}
    made.update(changes)
    found = faults(sensors=[made])
    assert len(found) < 2, found
    return found[0] if found else ""


def test_a_good_config_has_no_faults():
    assert faults() == []
    assert faults(
        node="n-1", base="a/b", diagnostics=60, queue=10, watchdog=5,
        sensors=[
            {"name": "door", "driver": "digital", "pin": 4, "pull": "up", "invert": True},
            {"name": "light", "driver": "analog", "pin": 34, "interval": 0.5, "samples": 8},
        ],
    ) == []  # fmt: skip


def test_missing_broker():
    found = check({"wifi": {"ssid": "net"}}, Board)
    assert found == ['mqtt: missing. Use {"host": "..."}.']
    (fault,) = faults(mqtt={})
    assert fault.startswith("mqtt.host: missing. Use the broker's name or address")


def test_how_long_the_broker_may_take_is_a_number_of_seconds():
    assert faults(mqtt={"host": "b", "timeout": 15}) == []
    assert faults(mqtt={"host": "b", "timeout": 0}) == [
        "mqtt.timeout: 0 is wrong. Use a whole number from 1 to 300."
    ]


def test_wrong_type_names_path_value_and_limit():
    assert faults(mqtt={"host": "b", "port": "1883"}) == [
        'mqtt.port: "1883" is wrong. Use a whole number from 1 to 65535, without quotes.'
    ]
    assert faults(mqtt={"host": "b", "port": 0}) == [
        "mqtt.port: 0 is wrong. Use a whole number from 1 to 65535."
    ]
    assert faults(queue=True) == ["queue: true is wrong. Use a whole number from 1 to 1024."]
    assert faults(sensors={}) == ["sensors: an object is wrong. Use a list, [...]."]


def test_unknown_key_with_the_one_that_was_meant():
    assert faults(mqtt={"host": "b", "prot": 1}) == ['mqtt.prot: unknown. Did you mean "port"?']
    assert "There are" in faults(zzzzzzzz=1)[0]
    assert sensor(debounce=3).startswith("sensors[0].debounce: unknown")


def test_options_of_the_driver_are_checked():
    assert "a whole number from 0 to 5000" in sensor(debounce_ms=9999)
    assert 'one of null, "up", "down"' in sensor(pull="sideways")
    assert "one of false, true" in sensor(invert=1)


def test_what_may_be_retained():
    for retain in (True, False):
        assert sensor(retain=retain) == ""
    assert "one of true, false" in sensor(retain="yes")
    bell = {"name": "bell", "driver": "button", "pin": 4, "retain": False}
    assert faults(sensors=[bell]) == []
    (fault,) = faults(sensors=[dict(bell, retain=True)])
    assert fault.startswith("sensors[0].retain: true is wrong; a button tells events")


class Pins:
    """A board with every kind of pin."""

    ID = "X"
    PINS = (0, 2, 4, 5, 6, 34, 35, 36)
    ADC = (34, 35, 36)
    ADC_NOT_WITH_WIFI = (36,)
    INPUT_ONLY = (34, 35)
    NO_PULL = (34, 35)
    RESERVED = {6: "the flash"}
    STRAPPING = {0: "boot mode", 2: "boot mode"}
    WIFI = True
    FULL_SCALE = 1.0


def of(*sensors, warnings=None):
    wired = [dict(each, name="s%d" % i) for i, each in enumerate(sensors)]
    config = {"wifi": {"ssid": "net"}, "mqtt": {"host": "b"}, "sensors": wired}
    return check(config, Pins, warnings)


def test_pins_of_every_kind():
    assert of({"driver": "relay", "pin": 34}) == [
        "sensors[0].pin: GPIO34 can only be an input (X). Use 4, 5 or 36."
    ]
    (fault,) = of({"driver": "bme280", "sda": 6, "scl": 5})
    assert fault.startswith("sensors[0].sda: GPIO6 is used for the flash (X). Use 4")
    assert "can't measure while Wi-Fi is on" in of({"driver": "voltage", "pin": 36})[0]
    assert "has no pull-up" in of({"driver": "button", "pin": 34, "pull": "up"})[0]
    assert "missing" in of({"driver": "bme280", "sda": 4})[0]
    assert of({"driver": "rotary", "pin": 4, "pin_b": 4})[0].startswith(
        "sensors[0].pin_b: GPIO4 is already used by sensors[0]"
    )


def on_bus(driver, **more):
    return dict(more, driver=driver, sda=more.get("sda", 4), scl=more.get("scl", 5))


def test_parts_share_a_bus_but_no_address():
    assert of(on_bus("bme280"), on_bus("sht3x")) == []
    (fault,) = of(on_bus("bme280"), on_bus("bme280"))
    assert fault.startswith("sensors[1].address: 0x76 is already used by sensors[0]")
    assert of(on_bus("bme280"), on_bus("bme280", address=0x77)) == []
    assert of(on_bus("ads1115"), on_bus("ads1115", channel=1)) == []
    assert len(of(on_bus("bme280"), {"driver": "relay", "pin": 4})) == 1
    assert len(of(on_bus("bme280"), on_bus("sht3x", sda=5, scl=4))) == 2


def test_the_analog_input_of_an_esp8266_is_no_gpio():
    class Esp8266(Pins):
        PINS = (0, 4, 5)
        ADC = (0,)
        ADC_NOT_WITH_WIFI = INPUT_ONLY = NO_PULL = ()
        STRAPPING = {0: "boot mode"}

    config = {"wifi": {"ssid": "net"}, "mqtt": {"host": "b"}}
    config["sensors"] = [
        {"name": "a", "driver": "voltage", "pin": 0},
        {"name": "b", "driver": "digital", "pin": 0},
    ]
    warnings = []
    assert check(config, Esp8266, warnings) == []
    assert len(warnings) == 1  # of the GPIO alone
    config["sensors"].append({"name": "c", "driver": "voltage", "pin": 0})
    assert check(config, Esp8266) == [
        "sensors[2].pin: ADC0 is already used by sensors[0] (X). Use another board."
    ]


def test_no_more_volts_than_the_input_takes():
    assert of({"driver": "voltage", "pin": 34}) == []
    assert "takes 0 to 1.0 V" in of({"driver": "voltage", "pin": 34, "reference": 3.3})[0]
    assert "sensors[0].supply: the pin may see 3.3 V" in of({"driver": "ntc", "pin": 34})[0]
    assert of({"driver": "ntc", "pin": 34, "supply": 1.0}) == []


def test_a_strapping_pin_is_a_warning_that_names_a_better_one():
    warnings = []
    assert of({"driver": "digital", "pin": 2}, warnings=warnings) == []
    assert len(warnings) == 1
    assert warnings[0].startswith("sensors[0].pin: GPIO2 is read at the start (boot mode)")
    assert warnings[0].endswith("Better: 4, 5, 34, 35 or 36.")


def test_a_board_of_which_little_is_known_is_not_refused_much():
    """Facts that a board's module lacks are none: an older one is still on the board."""
    assert of({"driver": "button", "pin": 4, "pull": "down"}) == []
    assert of({"driver": "servo", "pin": 4}, {"driver": "buzzer", "pin": 5}) == []


def test_no_driver_stays_after_the_check():
    assert (
        of({"driver": "bme280", "sda": 4, "scl": 5}, {"driver": "ntc", "pin": 34, "supply": 1})
        == []
    )
    assert not [name for name in sys.modules if name.startswith("sensors")]


def test_points_of_a_table():
    for good in ([0, 0, 1, 5], [0.1, 3, 0.2, 2, 0.3, 1]):
        assert of({"driver": "table", "pin": 34, "points": good}) == []
    for bad in ([0, 0], [0, 0, 1], [1, 0, 0, 5], [0, 0, 0, 5], "x", None, [0, 0, 1, "5"]):
        assert "points: " in of({"driver": "table", "pin": 34, "points": bad})[0], bad
    assert "points: missing" in of({"driver": "table", "pin": 34})[0]


def test_a_secret_in_a_wrong_place_is_not_shown():
    for wrong in (
        {"wifi": "secret-thing"},
        {"mqtt": "mqtt://user:secret-thing@host"},
        {"commands": "secret-thing"},
        {"sensors": ["secret-thing"]},
    ):
        found = faults(**wrong)
        assert found and not [line for line in found if "secret-thing" in line], found
    assert "secret-thing" not in str(check("secret-thing"))


def test_a_password_is_never_shown():
    for found in (
        faults(wifi={"ssid": "net", "password": "short"}),
        faults(mqtt={"host": "b", "user": "u", "password": ["secret-thing"]}),
    ):
        assert len(found) == 1
        assert "short" not in found[0] and "secret-thing" not in found[0]


def test_pins_that_cannot_work_and_better_ones():
    assert sensor(pin=77) == "sensors[0].pin: GPIO77 is not a pin (TEST). Use 2, 4, 5, 16 or 32."
    assert "6 is used for the flash memory" in sensor(pin=6)
    assert sensor(driver="analog", pin=4) == (
        "sensors[0].pin: GPIO4 can't measure while Wi-Fi is on (TEST). Use 32, 33 or 34."
    )
    assert "5 is not an analog input" in sensor(driver="analog", pin=5)
    assert sensor(pin=34, pull="up") == (
        "sensors[0].pin: GPIO34 has no pull-up (TEST). Use 2, 4, 5, 16 or 32."
    )


def test_two_sensors_on_one_pin_or_with_one_name():
    found = faults(
        sensors=[
            {"name": "a", "driver": "digital", "pin": 5},
            {"name": "a", "driver": "digital", "pin": 4},
            {"name": "b", "driver": "digital", "pin": 5},
        ]
    )
    assert found[0] == 'sensors[1].name: "a" is already used by sensors[0].'
    assert "sensors[2].pin: GPIO5 is already used by sensors[0]" in found[1]


def test_names_that_would_break_topics():
    for name in ("a/b", "a+", "#", "", "x" * 33, "status", "cmd", 3):
        assert sensor(name=name).startswith("sensors[0].name: "), name


def test_unknown_driver_is_never_imported():
    assert sensor(driver="nothing").startswith('sensors[0].driver: there is no driver "nothing"')
    assert sensor(driver="../boot").startswith("sensors[0].driver: ")
    assert sensor(driver="os").startswith("sensors[0].driver: ")


def test_wifi_where_there_is_and_where_there_is_none():
    assert check({"mqtt": {"host": "b"}}, Board)[0].startswith("wifi: missing")

    class Wired(Board):
        WIFI = False

    assert check({"mqtt": {"host": "b"}}, Wired) == []
    assert "TEST has no Wi-Fi" in check(config(), Wired)[0]


def test_whatever_json_can_say_is_survived():
    for value in (None, 1, "x", [], {}, [[]], {"mqtt": 1}, {"sensors": [1, None, []]}):
        assert check(value, Board), value
    deep = []
    for _ in range(30):
        deep = [deep]
    assert check(config(sensors=deep), Board)
    assert check(config(sensors=[{"name": [], "driver": {}, "pin": deep}]), Board)
    assert sensor(pin=True).startswith("sensors[0].pin: true is wrong")


class Wired(Board):
    WIFI = False


def over(serial, board=Wired, **more):
    return check({"mqtt": dict(more, serial=serial)}, board)


def test_mqtt_over_a_serial_line():
    for good in ("usb", 0, 4, "XA", "YB"):
        assert over(good) == [], good
        assert over(good, Board) == [], good  # no Wi-Fi is wanted then
    assert over(1, baud=9600, user="u", keepalive=10) == []
    for bad in ("", "USB0", "/dev/ttyS1", -1, 10, 1.5, True, None, []):
        (fault,) = over(bad)
        assert fault.startswith("mqtt.serial: ") and fault.endswith('"XA".'), fault


def test_what_does_not_go_with_a_serial_line():
    for key, value in (("host", "b"), ("port", 1883), ("ca", "a.pem"), ("verify", False)):
        assert over("usb", **{key: value}) == [
            "mqtt.%s: not used with mqtt.serial, where the bridge has it. Remove it." % key
        ]
    assert over("usb", baud=9600)[0].startswith("mqtt.baud: it belongs to a UART")
    assert over(1, baud=300)[0].startswith("mqtt.baud: 300 is wrong. Use a whole number from 9600")
    assert faults(mqtt={"host": "b", "baud": 9600}) == [
        "mqtt.baud: it belongs to mqtt.serial. Remove it."
    ]
    both = config(mqtt={"serial": 1})
    assert check(both, Board) == ["wifi: not used with mqtt.serial. Remove one of the two."]
