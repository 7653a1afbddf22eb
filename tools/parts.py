"""What a picture and a page need to know of each driver's part, beyond its code and docstrings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Part:
    """A part as one buys it.

    wires: (pin of the part, where it goes): a key of the config such as "pin" or "sda", or
    "3V3", "5V", "GND"; troubles: (what is seen, what to do)
    """

    title: str
    wires: tuple[tuple[str, str], ...]
    accuracy: str
    example: dict[str, Any] = field(default_factory=dict)
    notes: str = ""
    troubles: tuple[tuple[str, str], ...] = ()


_I2C = (("VCC", "3V3"), ("GND", "GND"), ("SDA", "sda"), ("SCL", "scl"))
_NO_ANSWER = (
    "`no answer ... on the bus: nothing`",
    "SDA and SCL swapped, no pull-ups (modules have them; bare parts need 4.7 kilohms to 3V3), "
    "or no power",
)
_OTHER = ("`no answer ... on the bus: 0x..`", 'the part has another address: `"address": ...`')
_STUCK = ("`the bus is stuck`", "a wire to GND, or a part that hangs: switch its power off and on")
_CHECKSUM = ("`bad checksum`", "wires longer than half a metre, or beside a motor; a weak supply")
_I2C_TROUBLES = (_NO_ANSWER, _OTHER, _STUCK)
_ADC_TROUBLES = (
    ("values jump", '`"median": 5`, `"smooth": 0.8`, 100 nF from the pin to GND'),
    (
        "`the input ends there`",
        "the pin has more than the input can tell, or on an ESP32 less (0.14 V): use a divider",
    ),
)
_SERIES = "10 kilohms, 1 %"

PARTS: dict[str, Part] = {
    "digital": Part(
        "Contact, reed switch, motion detector",
        (("contact", "pin"), ("contact", "GND")),
        "a level; bounces of up to `debounce_ms` are left out",
        {"pull": "up", "invert": True},
        "A motion detector (PIR, AM312, HC-SR501) has VCC, OUT and GND: OUT to the pin, no "
        '`pull` and no `invert`. Motion is an event, not a state: add `"retain": false`, so that '
        "nobody who subscribes later takes an old one for new.",
        (("it tells 1 for an open contact", '`"invert": true` with a pull-up'),),
    ),
    "button": Part(
        "Push button",
        (("contact", "pin"), ("contact", "GND")),
        "clicks from 30 ms on",
        {"pull": "up", "invert": True},
        troubles=(("single clicks are told late", '`"double_ms": 0`: no double clicks then'),),
    ),
    "rotary": Part(
        "Rotary encoder (KY-040, EC11)",
        (("+", "3V3"), ("GND", "GND"), ("CLK", "pin"), ("DT", "pin_b")),
        "every click, up to about 100 a second (interrupts of the port)",
        {"pull": "up"},
        troubles=(
            ("it counts 2 or 4 for a click", '`"steps": 4`, `2` or `1`, as the encoder has it'),
            ("it counts the wrong way", '`"invert": true`'),
        ),
    ),
    "pulse": Part(
        "Pulse counter: flow meter, rain gauge, energy meter (S0)",
        (("signal", "pin"), ("GND", "GND")),
        "every falling edge that the port tells of; how many a second was never measured",
        {"pull": "up", "unit": "l", "per_unit": 450, "keep": "water"},
        "A flow meter of 5 V needs a divider. Rain gauges and reed contacts bounce: "
        '`"debounce_ms": 50`. ESP8266, Pyboard and Pico count in a hard interrupt. An ESP32 has a '
        "queue of a few interrupts for all pins, which waits while a TLS connection is made or "
        "the flash is written: ten a second are safe there, more may be lost, and nobody can "
        "count those.",
        (("the total begins at 0 after a reset", '`"keep": "name"` keeps it in a file'),),
    ),
    "distance": Part(
        "Ultrasonic distance (HC-SR04, JSN-SR04T, US-100)",
        (("VCC", "5V"), ("GND", "GND"), ("TRIG", "pin"), ("ECHO (10k/20k divider)", "echo")),
        "3 mm, and 0.17 % for each degree that `temperature` is wrong",
        {"echo": None},
        "ECHO is 5 V: 10 kilohms from ECHO to the pin, 20 kilohms from the pin to GND. A reading "
        "takes 60 ms for each of `pings`, so that none hears the echoes of the one before.",
        (("`no echo`", "nothing in reach, something soft, or 3.3 V where it wants 5 V"),),
    ),
    "dht22": Part(
        "DHT22 (AM2302)",
        (("VCC", "3V3"), ("DATA (10k to 3V3)", "pin"), ("GND", "GND")),
        "0.5 C, 2 %",
        {},
        "Not more often than every 2 s.",
        (
            ("`no answer`", "the pull-up of 10 kilohms is missing, or the pin is another"),
            _CHECKSUM,
        ),
    ),
    "dht11": Part(
        "DHT11",
        (("VCC", "3V3"), ("DATA (10k to 3V3)", "pin"), ("GND", "GND")),
        "2 C, 5 %",
        {},
        "Not more often than every second.",
        (
            ("`no answer`", "the pull-up of 10 kilohms is missing, or the pin is another"),
            _CHECKSUM,
        ),
    ),
    "ds18b20": Part(
        "DS18B20 on 1-Wire",
        (("VDD", "3V3"), ("DQ (4.7k to 3V3)", "pin"), ("GND", "GND")),
        "0.5 C from -10 to 85 C",
        {},
        "Several on one wire: one sensor in the config for each, with its `rom`; the message of "
        "one without names them all.",
        (
            ("`no answer`", "the pull-up of 4.7 kilohms is missing"),
            ("`it lost its power while it measured`", "VDD is not connected: give it 3V3"),
            _CHECKSUM,
        ),
    ),
    "analog": Part(
        "Analog sensor by a factor (TMP36, LM35, 0 to 10 V)",
        (("OUT", "pin"), ("VCC", "3V3"), ("GND", "GND")),
        "that of the ADC, see [adc.md](../adc.md)",
        {"scale": 100, "offset": -50, "unit": "C", "least": -40, "most": 125},
        troubles=_ADC_TROUBLES,
    ),
    "voltage": Part(
        "Voltage through a divider",
        (("+ (over `top` ohms)", "pin"), ("GND (over `bottom` ohms)", "GND")),
        "that of the resistors (1 %) and of the ADC",
        {"top": 100_000, "bottom": 10_000},
        troubles=_ADC_TROUBLES,
    ),
    "battery": Part(
        "Battery through a divider",
        (("+ (over `top` ohms)", "pin"), ("- (over `bottom` ohms)", "GND")),
        "the percentage is rough, and right only while little current flows",
        {"top": 100_000, "bottom": 100_000},
        "The divider drains the battery: 2 x 100 kilohms take 20 uA of a Li-ion cell.",
        _ADC_TROUBLES,
    ),
    "ntc": Part(
        "NTC thermistor",
        ((f"NTC and {_SERIES} from 3V3", "pin"), ("NTC", "GND")),
        "1 C with parts of 1 %, between 0 and 60 C",
        {"beta": 3950},
        troubles=(
            ("`it is not connected`", "a broken wire to the thermistor"),
            ("`it is shorted`", "water in the probe"),
            *_ADC_TROUBLES,
        ),
    ),
    "ldr": Part(
        "Photoresistor (LDR, GL5528)",
        (("LDR, from 3V3", "pin"), ("10 kilohms", "GND")),
        "rough: half of the value",
        {},
        "For real lux take a [bh1750](bh1750.md).",
        _ADC_TROUBLES,
    ),
    "moisture": Part(
        "Soil moisture, capacitive or resistive",
        (("AOUT", "pin"), ("VCC", "3V3"), ("GND", "GND")),
        "what two points can give: 10 %",
        {"dry": 2.6, "wet": 1.1},
        "Measure `dry` in the air and `wet` in a glass of water, with the driver `voltage`.",
        _ADC_TROUBLES,
    ),
    "loop": Part(
        "Current loop, 4 to 20 mA",
        (("loop (150 ohms to GND)", "pin"), ("loop supply -", "GND")),
        "that of the resistor (0.1 %) and of the ADC",
        {"low": 0, "high": 10, "unit": "bar"},
        troubles=(
            ("`the loop is open`", "no supply (24 V), or + and - are swapped"),
            ("`the transmitter tells of a fault`", "read its manual: it is not in order itself"),
            *_ADC_TROUBLES,
        ),
    ),
    "potentiometer": Part(
        "Potentiometer",
        (("end", "3V3"), ("wiper", "pin"), ("end", "GND")),
        "1 %",
        {},
        troubles=_ADC_TROUBLES,
    ),
    "table": Part(
        "Calibration table: pH, pressure, a tank",
        (("OUT", "pin"), ("VCC", "3V3"), ("GND", "GND")),
        "that of the points",
        {"points": [1.2, 9.18, 1.5, 6.86, 1.8, 4.0], "unit": "pH"},
        troubles=_ADC_TROUBLES,
    ),
    "bme280": Part(
        "BME280, BMP280: temperature, pressure, humidity",
        _I2C,
        "1 C, 1 hPa, 3 %",
        {},
        "A BMP280 has no humidity; the driver sees which it is. The module warms itself: measure "
        "seldom, or mount it with air around.",
        (*_I2C_TROUBLES, ("`chip id ...`", "it is a BMP180 or another part")),
    ),
    "sht3x": Part(
        "SHT30, SHT31, SHT35: temperature, humidity",
        _I2C,
        "0.2 C, 2 %",
        {},
        troubles=(*_I2C_TROUBLES, _CHECKSUM),
    ),
    "aht20": Part(
        "AHT20, AHT21: temperature, humidity",
        _I2C,
        "0.3 C, 2 %",
        {},
        troubles=(*_I2C_TROUBLES, _CHECKSUM),
    ),
    "bh1750": Part(
        "BH1750 (GY-302): light",
        _I2C,
        "20 %",
        {},
        troubles=(*_I2C_TROUBLES, ("`too bright`", "the sun: put frosted glass before it")),
    ),
    "ads1115": Part(
        "ADS1115: four analog inputs of 16 bit",
        (*_I2C, ("A0 to A3", "the sensor")),
        "0.1 % of the range",
        {"channel": 0, "range": 4.096},
        "Several channels: one sensor in the config for each, on the same pins and address.",
        (*_I2C_TROUBLES, ("`at the end of its range`", 'a larger `"range"`, or a divider')),
    ),
    "ina219": Part(
        "INA219: voltage, current, power of a supply",
        (*_I2C, ("VIN+", "the supply"), ("VIN-", "the load")),
        "0.5 %",
        {},
        troubles=(*_I2C_TROUBLES, ("`more than 320 mV`", 'a smaller shunt, `"shunt": 0.01`')),
    ),
    "scd4x": Part(
        "SCD40, SCD41: carbon dioxide",
        _I2C,
        "50 ppm + 5 %, 0.8 C, 6 %",
        {"interval": 30},
        "The first value comes 5 s after the start. It draws 200 mA for moments: a good supply.",
        (*_I2C_TROUBLES, _CHECKSUM, ("`no measurement yet`", "it lost its power; it begins anew")),
    ),
    "relay": Part(
        "Relay, valve, pump, switch",
        (("VCC", "5V"), ("GND", "GND"), ("IN", "pin")),
        "-",
        {"most_s": 600},
        'Most relay modules switch on when IN is low: `"invert": true`. What it is while the '
        "board starts is up to the module: wire it so that this is safe.",
        (("it clicks at the start", "take a pin that is low at the start, not a strapping pin"),),
    ),
    "dimmer": Part(
        "LED strip, fan, heater by PWM",
        (("gate of an N-MOSFET", "pin"), ("source", "GND"), ("load", "5V")),
        "1 in 1024 or better",
        {},
        "Take a MOSFET that is on at 3.3 V, such as an IRLZ44N.",
        (("it flickers", 'a higher `"frequency"`'),),
    ),
    "servo": Part(
        "Model servo",
        (("red", "5V"), ("brown", "GND"), ("orange", "pin")),
        "1 degree",
        {"range": 90},
        troubles=(("the board restarts when it moves", "the servo needs a supply of its own"),),
    ),
    "pixels": Part(
        "WS2812 lights (NeoPixel)",
        (("5V", "5V"), ("GND", "GND"), ("DIN (330 ohms)", "pin")),
        "-",
        {"count": 8},
        "60 mA for each light that is all white.",
        (("the first light is wrong", "3.3 V is little for DIN: feed the strip with 4.3 V"),),
    ),
    "buzzer": Part(
        "Piezo buzzer, passive",
        (("+", "pin"), ("-", "GND")),
        "-",
        {},
        troubles=(("it only clicks", "it is an active one: take the driver `relay`"),),
    ),
}
