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
    "SDA and SCL are swapped, there is no power, or the pull-ups are missing (modules have them; "
    "bare parts need 4.7 kilohms to 3V3)",
)
_OTHER = ("`no answer ... on the bus: 0x..`", 'the part has another address: `"address": ...`')
_STUCK = ("`the bus is stuck`", "a wire touches GND, or a part hangs: switch its power off and on")
_CHECKSUM = (
    "`bad checksum`",
    "the wires are longer than half a metre or beside a motor, or the supply is weak",
)
_NO_DHT = ("`no answer`", "the pull-up of 4.7 kilohms is missing, or it is the wrong pin")
_OTHER_DHT = (
    "`it measures ... to ...`",
    "something holds the line low, a long wire loses bits, or the part is a DHT11 and the config "
    "says DHT22",
)
_I2C_TROUBLES = (_NO_ANSWER, _OTHER, _STUCK)
_ADC_TROUBLES = (
    ("values jump", '`"median": 5`, `"smooth": 0.8`, 100 nF from the pin to GND'),
    (
        "`is beyond what this input measures`",
        "the voltage is above what the input can measure (use a divider) or, on an ESP32, below "
        "0.14 V",
    ),
)
_SERIES = "10 kilohms, 1 %"

PARTS: dict[str, Part] = {
    "digital": Part(
        "Contact, reed switch, motion detector",
        (("contact", "pin"), ("contact", "GND")),
        "a level; bounces of up to `debounce_ms` are ignored",
        {"pull": "up", "invert": True},
        "A motion detector (PIR) has VCC, OUT and GND. Connect OUT to the pin, and leave out "
        "`pull` and `invert`. An AM312 runs from 3V3. An HC-SR501 needs 5 V at VCC; its OUT "
        'gives 3.3 V. Motion is an event, not a state: add `"retain": false`, or a later '
        "subscriber takes an old motion for a new one.",
        (("it reports 1 for an open contact", '`"invert": true` with a pull-up'),),
    ),
    "button": Part(
        "Push button",
        (("contact", "pin"), ("contact", "GND")),
        "clicks of 30 ms or longer",
        {"pull": "up", "invert": True},
        troubles=(
            (
                "single clicks are reported late",
                '`"double_ms": 0`, but then there are no double clicks',
            ),
        ),
    ),
    "rotary": Part(
        "Rotary encoder (KY-040, EC11)",
        (("+", "3V3"), ("GND", "GND"), ("CLK", "pin"), ("DT", "pin_b")),
        "every click, up to about 100 a second, limited by the interrupts of the port",
        {"pull": "up"},
        troubles=(
            (
                "it counts 2 or 4 for a click",
                '`"steps": 4`, `2` or `1`, whichever suits the encoder',
            ),
            ("it counts the wrong way", '`"invert": true`'),
        ),
    ),
    "pulse": Part(
        "Pulse counter: flow meter, rain gauge, energy meter (S0)",
        (("signal", "pin"), ("GND", "GND")),
        "every falling edge that the port reports; how many a second was never measured",
        {"pull": "up", "unit": "l", "per_unit": 450, "keep": "water"},
        "Outputs that only pull to GND (open collector, reed contact, S0) take the wiring above. "
        "An energy meter's S0 output (IEC 62053-31, class B) may have 800 ohms: give it 3.3 "
        "kilohms from the pin to 3V3, and S0- to GND. A flow meter that drives its output up to "
        "5 V needs 100 kilohms to the pin and 200 kilohms from the pin to GND; leave out `pull`. "
        'Rain gauges and reed contacts bounce: `"debounce_ms": 50`. ESP8266, Pyboard and Pico '
        "count in a hard interrupt. An ESP32 queues only a few interrupts for all its pins, and "
        "the queue waits while a TLS connection is made or the flash is written. Ten pulses a "
        "second are safe there; beyond that some may be lost, and lost pulses aren't counted "
        "anywhere.",
        (("the total is 0 again after a reset", '`"keep": "name"` keeps it in a file'),),
    ),
    "distance": Part(
        "Ultrasonic distance (HC-SR04, JSN-SR04T, US-100)",
        (("VCC", "5V"), ("GND", "GND"), ("TRIG", "pin"), ("ECHO (10k/20k divider)", "echo")),
        "3 mm, plus 0.17 % for each degree that `temperature` is off",
        {"echo": None},
        "ECHO gives 5 V: put 10 kilohms from ECHO to the pin and 20 kilohms from the pin to GND. "
        "An HC-SR04P and a US-100 also run from 3V3, and then ECHO needs no divider. A JSN-SR04T "
        "measures from 0.2 m. A reading takes 60 ms for each of `pings`, so that no ping hears "
        "the echoes of the one before.",
        (
            (
                "`no echo`",
                "there is nothing in reach or only something soft, or the module needs 5 V and "
                "has 3.3",
            ),
            (
                "`ECHO stays high`",
                "some modules hold ECHO high when nothing comes back. The driver pulls it low "
                "for a moment. That works only without a divider; with one, switch the module "
                "off and on",
            ),
        ),
    ),
    "dht22": Part(
        "DHT22 (AM2302)",
        (("VCC", "3V3"), ("DATA (4.7k to 3V3)", "pin"), ("GND", "GND")),
        "0.5 C, 2 %",
        {},
        "Read it every 2 s at most. Modules have the pull-up on board.",
        (
            _NO_DHT,
            _CHECKSUM,
            _OTHER_DHT,
        ),
    ),
    "dht11": Part(
        "DHT11",
        (("VCC", "3V3"), ("DATA (4.7k to 3V3)", "pin"), ("GND", "GND")),
        "2 C, 5 %",
        {},
        "Read it every second at most. Modules have the pull-up on board. With a supply as low as "
        "3.3 V, the manual allows 20 cm of wire. Older parts measure 0 to 50 C and 20 to 90 %, in "
        "steps of 1.",
        (
            _NO_DHT,
            _CHECKSUM,
            _OTHER_DHT,
        ),
    ),
    "ds18b20": Part(
        "DS18B20 on 1-Wire",
        (("VDD", "3V3"), ("DQ (4.7k to 3V3)", "pin"), ("GND", "GND")),
        "0.5 C from -10 to 85 C",
        {},
        "For several on one wire, put one sensor for each into the config, with its `rom`. If you "
        "leave `rom` out, the error lists all that are on the wire.",
        (
            ("`no answer`", "the pull-up of 4.7 kilohms is missing"),
            (
                "`it lost its power while it measured`",
                "VDD is not connected: connect it to 3V3, because power from the data line isn't "
                "enough. The driver can tell a true 85 C from the 85 C that the part has at "
                "power-on",
            ),
            _CHECKSUM,
        ),
    ),
    "analog": Part(
        "Analog sensor by a factor (TMP36, LM35, 0 to 10 V)",
        (("OUT", "pin"), ("VCC", "3V3"), ("GND", "GND")),
        "as good as the ADC, see [adc.md](../adc.md)",
        {"scale": 100, "offset": -50, "unit": "C", "least": -40, "most": 125},
        "The example is a TMP36, which runs from 3V3. An LM35 needs at least 4 V: connect VCC to "
        '5V and set `"offset": 0, "least": 2, "most": 150`. On an ESP32 it measures from 15 C. '
        "If you add a capacitor, put 2 kilohms between OUT and the pin. For 0 to 10 V, put 33 "
        'kilohms to the pin and 10 kilohms from the pin to GND, and set `"scale": 4.3`.',
        _ADC_TROUBLES,
    ),
    "voltage": Part(
        "Voltage through a divider",
        (("+ (over `top` ohms)", "pin"), ("GND (over `bottom` ohms)", "GND")),
        "as good as the resistors (1 %) and the ADC",
        {"top": 100_000, "bottom": 10_000},
        "100 and 10 kilohms take up to 27 V on an ESP32, which measures accurately up to 2.45 V.",
        _ADC_TROUBLES,
    ),
    "battery": Part(
        "Battery through a divider",
        (("+ (over `top` ohms)", "pin"), ("- (over `bottom` ohms)", "GND")),
        "the percentage is rough, and only right while little current flows",
        {"top": 100_000, "bottom": 100_000},
        "The divider drains the battery: 2 x 100 kilohms take 20 uA from a Li-ion cell. That is a "
        "high resistance for an ADC, so put 100 nF from the pin to GND.",
        (
            *_ADC_TROUBLES,
            (
                "`is not what ... cells have`",
                "no battery, or the wrong `kind`, `cells` or divider",
            ),
        ),
    ),
    "ntc": Part(
        "NTC thermistor",
        ((f"NTC and {_SERIES} from 3V3", "pin"), ("NTC", "GND")),
        "1 C between 0 and 60 C, with 1 % parts",
        {"beta": 3950},
        "An ESP32 measures accurately from 0.15 to 2.45 V: 3 to 114 C with 10 kilohms, -24 to 62 "
        'C with 47 kilohms and `"series": 47000`.',
        (
            ("`it is not connected`", "a wire to the thermistor is broken"),
            ("`it is shorted`", "there is water in the probe"),
            *_ADC_TROUBLES,
        ),
    ),
    "ldr": Part(
        "Photoresistor (LDR, GL5528)",
        (("LDR, from 3V3", "pin"), ("10 kilohms", "GND")),
        "rough; it may be off by half",
        {},
        "For real lux, use a [bh1750](bh1750.md). With 10 kilohms an ESP32 measures up to about "
        '600 lx, with 1 kilohm and `"series": 1000` up to about 17,000.',
        _ADC_TROUBLES,
    ),
    "moisture": Part(
        "Soil moisture, capacitive or resistive",
        (("AOUT", "pin"), ("VCC", "3V3"), ("GND", "GND")),
        "10 %, as it is calibrated at two points only",
        {"dry": 2.6, "wet": 1.1},
        "Measure `dry` in the air and `wet` in a glass of water, with the driver `voltage`. Many "
        "cheap capacitive probes have an NE555, which needs 4.5 V; buy one with a TLC555, which "
        "runs from 3V3. Resistive probes corrode while they have power.",
        (
            *_ADC_TROUBLES,
            ("`the probe has ... V dry`", "no probe, or `dry` and `wet` belong to another probe"),
        ),
    ),
    "loop": Part(
        "Current loop, 4 to 20 mA",
        (("loop (120 ohms to GND)", "pin"), ("loop supply -", "GND")),
        "as good as the resistor (0.1 %) and the ADC",
        {"low": 0, "high": 10, "unit": "bar"},
        "20 mA give 2.4 V, within what an ESP32 measures accurately (2.45 V). Put 10 kilohms "
        "between the resistor and the pin: they save the pin if it ever gets the full 24 V. A "
        'bare ESP8266 takes 1 V: use 47 ohms and `"shunt": 47`.',
        (
            ("`the loop is open`", "there is no supply (24 V), or + and - are swapped"),
            ("`the transmitter reports a fault`", "the transmitter is faulty: see its manual"),
            *_ADC_TROUBLES,
        ),
    ),
    "potentiometer": Part(
        "Potentiometer",
        (("end", "3V3"), ("wiper", "pin"), ("end", "GND")),
        "1 %",
        {},
        "Use one of 1 to 10 kilohms.",
        _ADC_TROUBLES,
    ),
    "table": Part(
        "Calibration table: pH, pressure, a tank",
        (("OUT", "pin"), ("VCC", "3V3"), ("GND", "GND")),
        "as good as your points",
        {
            "points": [1.2, 9.18, 1.5, 6.86, 1.8, 4.0],
            "unit": "pH",
            "least": 0,
            "most": 14,
        },
        "Sensor boards that run from 5 V, as most for pH and pressure do, may give up to 5 V: put "
        "10 kilohms to the pin and 10 kilohms from the pin to GND. `points` are volts at the "
        "pin.",
        _ADC_TROUBLES,
    ),
    "bme280": Part(
        "BME280, BMP280: temperature, pressure, humidity",
        _I2C,
        "1 C, 1 hPa, 3 %",
        {},
        "A BMP280 has no humidity; the driver detects which part it is. The module warms itself: "
        "measure seldom, or mount it where air can flow around it.",
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
        troubles=(
            *_I2C_TROUBLES,
            ("`too bright`", "direct sun: put frosted glass in front of it"),
        ),
    ),
    "ads1115": Part(
        "ADS1115: four analog inputs of 16 bit",
        (*_I2C, ("A0 to A3", "the sensor")),
        "0.15 % of the range",
        {"channel": 0, "range": 4.096},
        "For several channels, put one sensor for each into the config, with the same pins and "
        "address.",
        (*_I2C_TROUBLES, ("`at the end of its range`", 'a larger `"range"`, or a divider')),
    ),
    "ina219": Part(
        "INA219: voltage, current, power of a supply",
        (*_I2C, ("VIN+", "the supply"), ("VIN-", "the load")),
        "1 %, plus that of the shunt (1 % on most modules)",
        {},
        "The supply may have up to 26 V.",
        (*_I2C_TROUBLES, ("`more than 320 mV`", 'a smaller shunt, `"shunt": 0.01`')),
    ),
    "scd4x": Part(
        "SCD40, SCD41: carbon dioxide",
        _I2C,
        "50 ppm + 5 %, 0.8 C, 6 %",
        {"interval": 30},
        "The first value comes 5 s after the start. It draws 200 mA in short bursts: use a good "
        "supply.",
        (*_I2C_TROUBLES, _CHECKSUM, ("`no measurement yet`", "it lost its power; wait 5 s")),
    ),
    "relay": Part(
        "Relay, valve, pump, switch",
        (("VCC", "5V"), ("GND", "GND"), ("IN", "pin")),
        "-",
        {"most_s": 600},
        'Most relay modules switch on when IN is low: `"invert": true`. The module decides '
        "whether it is on while the board starts: wire it so that this is safe. Use a module "
        "whose input is specified for 3.3 V. A 5 V module that switches on when IN is low has 5 "
        "V behind IN: 3.3 V may not switch it off, and these boards' pins are not specified for "
        "5 V. A bare relay needs a transistor, because its coil takes more than a pin can give "
        "(71 mA in an SRD-05VDC-SL-C). Use a 2N2222 with 1 kilohm at its base, or the MOSFET of "
        "the [dimmer](dimmer.md), and put a 1N4148 across the coil, with its ring towards 5V.",
        (
            ("it clicks at the start", "use a pin that is low at the start, not a strapping pin"),
            ("it never switches off", "its input needs 5 V: see above"),
        ),
    ),
    "dimmer": Part(
        "LED strip, fan, heater by PWM",
        (("gate of an N-MOSFET", "pin"), ("source", "GND"), ("load", "5V")),
        "1 in 1024 or better",
        {},
        "Use a MOSFET whose on-resistance is specified at 2.5 V of gate voltage: an AO3400A (30 "
        "V, 48 milliohms) or an IRLML6244 (20 V, 27 milliohms), for up to 3 A. An IRLZ44N is "
        "specified from 4 V, an IRF520 at 10 V: at 3.3 V they may hardly conduct, and get hot. "
        "Put 100 ohms between the pin and the gate, and 10 kilohms from the gate to GND, so that "
        "the load is off while the board starts. A fan or another motor needs a Schottky diode "
        "(1N5819) across it, with its ring towards +.",
        (
            ("it flickers", 'a higher `"frequency"`'),
            (
                "the MOSFET gets hot",
                "it needs 5 or 10 V at the gate, or the load is too big",
            ),
        ),
    ),
    "servo": Part(
        "Model servo",
        (("red", "5V"), ("brown", "GND"), ("orange", "pin")),
        "1 degree",
        {"range": 90},
        "A small servo takes up to 1 A when it starts or is held. Give it its own supply of 4.8 "
        "to 6 V, connect that supply's GND to the board's, and put 470 uF beside the servo.",
        (("the board restarts when the servo moves", "give the servo its own supply"),),
    ),
    "pixels": Part(
        "WS2812 lights (NeoPixel)",
        (("5V", "5V"), ("GND", "GND"), ("DIN (330 ohms)", "pin")),
        "-",
        {"count": 8},
        "A WS2812 takes up to 60 mA when it is all white. At DIN it needs 0.7 of its supply, so "
        "3.5 V at 5 V, but a pin gives 3.3 V: put a 74AHCT125 that runs from 5V between the pin "
        "and DIN. For up to 16 lights, a 1N4001 between 5V and the strip is enough (its ring "
        "towards the strip): at 4.3 V the lights need 3.0 V at DIN. Put 1000 uF across the "
        "supply of a long strip.",
        (("the first light is wrong, or all flicker", "3.3 V is too little for DIN: see above"),),
    ),
    "buzzer": Part(
        "Piezo buzzer, passive",
        (("+ (100 ohms)", "pin"), ("-", "GND")),
        "-",
        {},
        "A piezo disc takes a few mA. A magnetic buzzer is a coil of 16 to 50 ohms, too much for "
        "a pin (12 mA on an ESP8266 or a Pico): like a bare [relay](relay.md), it needs a "
        "transistor and a diode.",
        (("it only clicks", "it is an active buzzer: use the driver `relay`"),),
    ),
}
