"""docs/config.md: every key of the config; tools.docs.generated writes it.

Keys, and what a value has to be, come from the check of the config that runs on the board. What a
key is for, and its default, stand here.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tools.shared.errors import ToolError
from tools.shared.paths import LIB, MICROPYTHON, ROOT

PAGE = ROOT / "docs" / "config.md"
RULES = """
import json
from node.config import network
from node.config.homeassistant import rules
from node.config.provision import rules as more
from node.config.rules import rules as acting
from node.config.sleep import rules as rest
from node.config.wake import rules as woken
from node.config.schema import _rules
from node.config.values import wanted
print(json.dumps([
    [section, key, rule[0] is ..., wanted(rule)]
    for sections in (_rules(), network.rules(), rules(), more(), acting(), rest(), woken())
    for section, keys in sections.items() for key, rule in keys.items()
]))
"""
REQUIRED = "required"

# Section -> its heading and what is said before its table.
SECTIONS = {
    "": ("The node", ""),
    "wifi": (
        "wifi",
        "Required on boards with Wi-Fi, unless there is `ethernet`; not allowed with "
        "`mqtt.serial`. With `{}` the board asks for the network, see "
        "[provisioning.md](provisioning.md). A list of up to 8 such objects names several "
        "networks, see [network.md](network.md).",
    ),
    "ethernet": (
        "ethernet",
        "The chip and how it is wired, in place of `wifi`; which of the keys a board needs is in "
        "[network.md](network.md#ethernet).",
    ),
    "provision": (
        "provision",
        "How a board asks for its network ([provisioning.md](provisioning.md)). `false`: over USB "
        "only, without an access point.",
    ),
    "mqtt": (
        "mqtt",
        "`host` is required, except with `serial`. How to use TLS: [tls.md](tls.md).",
    ),
    "led": (
        "led",
        "It is lit while the node starts, and dark while all is well. What its blinks mean is in "
        "[troubleshooting.md](troubleshooting.md#the-led).",
    ),
    "commands": ("commands", "Commands come in over MQTT, see [topics.md](topics.md#commands)."),
    "sleep": (
        "sleep",
        "Deep sleep between the readings, for a node that runs on a battery "
        "([battery.md](battery.md)).",
    ),
    "wake": (
        "wake of sleep",
        "What wakes the node before its time: a pin or a touch "
        "([battery.md](battery.md#woken-by-a-pin-or-a-touch)).",
    ),
    "homeassistant": (
        "homeassistant",
        "Without this section the node announces itself once it has seen that there is a Home "
        "Assistant. With it (`{}` is enough) it does so from its first connection on "
        "([homeassistant.md](homeassistant.md)).",
    ),
    "sensor": (
        "sensors",
        "A list of objects, one for each sensor or output. Pins and options depend on the driver "
        "and are on [its page](sensors/README.md).",
    ),
    "place": (
        "place",
        "Where the node is. Rules with times of day need the zone, those with the sun all three.",
    ),
    "rule": (
        "rules",
        "A list of up to 16 objects. [rules.md](rules.md) says what conditions there are, and has "
        "ten recipes.",
    ),
    "act": ("then and else of a rule", "An object, or a list of up to four."),
    "shown": ("homeassistant of a sensor", "The keys of a sensor's `homeassistant`."),
}

ADDRESS = {
    "address": ("from DHCP", "A fixed address; it needs `mask` and `gateway`."),
    "mask": ("from DHCP", 'Its mask, usually "255.255.255.0".'),
    "gateway": ("from DHCP", "The router's address."),
    "dns": ("the gateway", "The name server's address."),
}

# Section, key -> the default, and what it is for.
KEYS = {
    "": {
        "node": ("`petrel-` and the board's id", "The node's name. It is part of every topic."),
        "base": ("`petrel`", "The first part of every topic."),
        "wifi": ("", "The network, see [wifi](#wifi)."),
        "ethernet": ("none", "Ethernet in place of Wi-Fi, see [ethernet](#ethernet)."),
        "cloud": (
            "none",
            "In place of a broker: [Azure IoT Hub](azure.md), or another "
            "[service](hosted-brokers.md); at AWS the [shadow](aws.md#the-shadow).",
        ),
        "mqtt": (REQUIRED, "The broker, see [mqtt](#mqtt)."),
        "sensors": ("none", "Sensors and outputs, see [sensors](#sensors)."),
        "queue": ("32", "Readings that wait in RAM while the broker is away."),
        "outbox": ("65536", "Bytes of flash for readings that are `must_deliver`."),
        "diagnostics": (
            "300",
            "Seconds between two diagnostics messages. With `sleep` an hour at least.",
        ),
        "restart": (
            "3600",
            "Seconds without a connection until the board restarts. Each further restart waits "
            "twice as long, up to a day, or to this value if it is larger. 0 for never. "
            "Readings that wait are kept.",
        ),
        "watchdog": (
            "0",
            "Seconds until a board that hangs is reset; 0 for off. A board that can't wait that "
            "long uses the longest time it can (Pico 8.388 s, Pyboard 32.7 s, ESP8266 always 5 s) "
            "and says so. Looking up the broker's name may block for 15 s: choose more, or give "
            "the broker's address.",
        ),
        "ntp": (
            "`pool.ntp.org`",
            "The time server, `name` or `name:port`. It is asked at the start and every 12 hours, "
            "on an ESP8266 every hour.",
        ),
        "commands": ("", "Who may send commands, see [commands](#commands)."),
        "homeassistant": (
            "as soon as it is seen",
            "What Home Assistant is told, see [homeassistant](#homeassistant); `false`: nothing.",
        ),
        "provision": ("", "The board's own access point, see [provision](#provision)."),
        "rules": ("none", "What the node does by itself, see [rules](#rules)."),
        "place": ("", "Where the node is, see [place](#place)."),
        "log": (
            "none",
            "Publish what the node says at its console, from this level on ([logs.md](logs.md)).",
        ),
        "format": (
            "`json`",
            "How readings are published: `json`, `msgpack`, `cbor` or `plain` "
            "([topics.md](topics.md#formats)).",
        ),
        "led": ("none", "The LED that tells how the node is, see [led](#led)."),
        "update": (
            "`install`",
            "With `ask` an [update](updates.md#ask-first) waits until you say that it is to be "
            "installed.",
        ),
        "sleep": ("never", "Deep sleep between the readings, see [sleep](#sleep)."),
    },
    "sleep": {
        "every": (
            REQUIRED,
            "Seconds from one wake to the next. Each sensor is read once in each; its `interval` "
            "doesn't count.",
        ),
        "awake": (
            REQUIRED,
            "The longest time awake, in seconds. The node sleeps as soon as it is done, and after "
            "this time in any case.",
        ),
        "hold": (
            "600",
            "Seconds for which the node stays awake after a power-on or a reset, so that you can "
            "reach it.",
        ),
        "low": (
            "none",
            "Volts of the battery below which the node only sleeps "
            "([battery.md](battery.md#a-battery-that-is-nearly-empty)). A sensor has to have the "
            "driver `battery`.",
        ),
        "wake": ("only the time", "What else wakes it, see [wake](#wake-of-sleep)."),
        "keep": (
            "none",
            "Names of up to seven relays that keep their state while the node sleeps "
            "([battery.md](battery.md#outputs)).",
        ),
    },
    "wake": {
        "pin": ("none", "The pin that wakes it."),
        "level": (
            "required with `pin`",
            "The level that does: 0 low, 1 high, or the other one than it has.",
        ),
        "pull": ("none", "The chip's resistor at that pin."),
        "touch": ("none", "The pin whose touch pad wakes it."),
        "threshold": (
            "two thirds of what it measures when the node goes to sleep",
            "It wakes when the pad measures less.",
        ),
    },
    "place": {
        "zone": (
            "none",
            "The time zone, in POSIX's way ([rules.md](rules.md#times-and-the-sun)).",
        ),
        "latitude": ("none", "Degrees, north of the equator is positive."),
        "longitude": ("none", "Degrees, east of Greenwich is positive."),
    },
    "rule": {
        "when": (REQUIRED, "The condition."),
        "name": ("its number", "The rule's name in topics, logs and commands."),
        "then": ("nothing", "What is set when the condition begins to hold."),
        "else": ("nothing", "What is set when it ends, and at the start if it doesn't hold."),
        "alarm": ("none", "The text of an alarm, which is on while the condition holds."),
        "pause": ("none", "Seconds after its last act before it may do `then` again."),
        "again": (
            "never",
            "Seconds after its last act until it does `then` again, while the condition holds.",
        ),
        "off": ("`false`", "`true`: a command has to switch it on."),
    },
    "act": {
        "set": (REQUIRED, "The name of an output of this node."),
        "value": (REQUIRED, "What the command `set` takes, such as `true` or 50."),
        "for": (
            "for good",
            "Seconds until the output goes to its safe state. A relay without `most_s` needs it.",
        ),
    },
    "led": {
        "pin": (REQUIRED, "Its pin, or its name where the board has one: `LED` on a Pico W."),
        "active": ("`high`", "`low` if the LED is between the pin and the supply."),
    },
    "provision": {
        "password": ("none: open", "The password of the board's access point."),
        "pin": (
            "none",
            "The pin of a button to GND. Held for a second while the node starts, it opens the "
            "access point.",
        ),
        "window": (
            "none",
            "Seconds after a power-on in which the access point may be open by itself, so that it "
            "never opens while nobody is at the board.",
        ),
        "after": (
            "never",
            "Seconds without the Wi-Fi after which a node that has joined it before opens the "
            "access point, too: for a new router, where the board has no button.",
        ),
    },
    "wifi": {
        "ssid": (REQUIRED, "The network's name."),
        "password": ("none", "Leave it out for an open network."),
        "hostname": ("the node's name", "The name that the router shows."),
        "bssid": ("any", "Join only the router, or repeater, whose radio has this address."),
        "country": ("the firmware's", "Which channels are allowed there."),
        "power": ("the firmware's", "The strongest signal to send, in dBm."),
        "powersave": (
            "the firmware's",
            "`true` lets the radio sleep between beacons; `false` answers faster.",
        ),
        **ADDRESS,
    },
    "ethernet": {
        "phy": ("", "The chip."),
        "phy_addr": ("0", "The chip's number on its bus."),
        "mdc": ("", "Pin of the chip's MDC."),
        "mdio": ("", "Pin of the chip's MDIO."),
        "ref_clk": ("0", "Pin of the clock of 50 MHz."),
        "ref_clk_mode": ("`in`", "Whether the clock comes `in` from the chip, or goes `out`."),
        "power": ("none", "Pin that switches the chip's power, or its oscillator."),
        "reset": ("none", "Pin of the chip's reset."),
        "spi": ("", "Number of the SPI bus, for a chip on SPI."),
        "sck": ("the bus's", "Pin of the bus."),
        "mosi": ("the bus's", "Pin of the bus."),
        "miso": ("the bus's", "Pin of the bus."),
        "cs": ("", "Pin of the chip's select, also called SCSn."),
        "int": ("", "Pin of the chip's interrupt."),
        "hostname": ("the node's name", "The name that the router shows."),
        **ADDRESS,
    },
    "mqtt": {
        "host": (
            REQUIRED,
            "The broker as `name` or `name:port`. Brokers in a list are tried in turn.",
        ),
        "port": ("1883, with TLS 8883; WebSocket 80 or 443", "The broker's port."),
        "version": ("4", "5 for MQTT 5; 4 is MQTT 3.1.1 ([network.md](network.md#mqtt-5))."),
        "websocket": (
            "none",
            "MQTT over WebSocket: `true`, or the path on the server; `true` is `/mqtt` "
            "([network.md](network.md#websocket)).",
        ),
        "user": ("none", "The user name at the broker."),
        "password": ("none", "The password at the broker."),
        "client_id": ("the node's name", "The MQTT client id. Two nodes must not share one."),
        "keepalive": ("60", "Keep alive in seconds."),
        "timeout": (
            "10 to connect, with TLS 30; 4 for an answer",
            "Seconds that the broker may take to accept the connection, and for each answer. For "
            "a slow link, such as a satellite's, set three times its round trip.",
        ),
        "ca": (
            "none: no TLS",
            "The authority that signed the broker's certificate. Turns TLS on.",
        ),
        "verify": ("`true`", "`false` turns TLS on without checking who answers."),
        "cert": ("none", "The node's own certificate, if the broker asks for one."),
        "key": ("none", "The key of that certificate."),
        "serial": (
            "none",
            "MQTT over a serial line in place of a network. `make bridge` at the other end "
            "carries it to the broker ([serial.md](serial.md)).",
        ),
        "baud": ("115200", "Bits per second of that UART."),
    },
    "commands": {
        "secret": (
            "none",
            "If given, commands must be signed with it ([security.md](security.md)).",
        ),
        "late": (
            "`refuse`",
            "`obey`: also obey commands that the broker kept while the node was away.",
        ),
        "trial": (
            "300",
            "Seconds in which the node has to connect with a config that came by a command. "
            "Otherwise it goes back to the one before ([afar.md](afar.md)).",
        ),
    },
    "homeassistant": {
        "prefix": (
            "`homeassistant`, or `homie`",
            "The discovery prefix that is set in Home Assistant, or Homie's domain.",
        ),
        "area": ("none", "The area that Home Assistant suggests for the node."),
        "convention": (
            "`homeassistant`",
            "`homie`: the node speaks [Homie](homie.md) instead, for openHAB and others.",
        ),
    },
    "shown": {
        "name": ("the sensor's name", "The name in Home Assistant."),
        "icon": ("Home Assistant's", "The icon."),
        "class": (
            "from the quantity and its unit",
            "The device class, such as `door`, `motion` or `gas`. If a sensor has several fields, "
            "it is that of the last one, such as the total of a `pulse`.",
        ),
        "as": (
            "a relay: `switch`; a dimmer: `light`; a servo: `number`",
            "What an output is shown as. A relay may be a `switch`, `light`, `fan` or `valve`, a "
            "dimmer a `light`, `number`, `fan` or `valve`, a servo a `number` or `valve`.",
        ),
    },
    "sensor": {
        "name": (REQUIRED, "The sensor's name, which is the last part of its topic."),
        "driver": (REQUIRED, "The driver, such as `bme280`."),
        "interval": (
            "60",
            "Seconds between two readings. Buttons, encoders, contacts and outputs publish when "
            "they change, and need none.",
        ),
        "delivery": (
            "`queue`",
            "What becomes of a reading that can't be sent at once ([delivery.md](delivery.md)).",
        ),
        "retain": (
            "`true` for states, else `false`",
            "Whether the broker keeps the last reading for those who subscribe later. Contacts, "
            "outputs, encoders and positions are states: they are also published after each "
            "reconnect. Clicks are events and never retained.",
        ),
        "homeassistant": (
            "",
            "How Home Assistant shows it, see [below](#homeassistant-of-a-sensor); `false`: not "
            "at all.",
        ),
        "filters": (
            "none",
            "What its values pass through, in this order: calibration, averages, other units, "
            "reports on change ([filters.md](filters.md)).",
        ),
    },
}

HEAD = """# The config

`make reference` writes this page; the keys come from the check that runs on the board.

A node reads `config.json` from the board's file system. This is a complete one:

```json
{example}
```

Check yours before you send it, then send it:

    make check  BOARD=ESP32_GENERIC CONFIG=my.json
    make deploy BOARD=ESP32_GENERIC CONFIG=my.json

"""

TAIL = """## The file

The file is JSON in UTF-8, at most 16 KB, or 4 KB on an ESP8266 and a Pyboard v1.1. `make deploy`
sends it without spaces.

What is wrong with a config is said with its place and what to do: by `make check`, at the REPL
and, if the node can connect, in its diagnostics:

    sensors[1].pin: GPIO25 can't measure while Wi-Fi is on (ESP32_GENERIC). Use 32, 33, 34, 35
    or 36.

The node keeps its last good config as `config.json.old`, and uses it while the new one is wrong.
If there is none and only the sensors are wrong, the node connects without them and says so. After
a new config was found good the board restarts once, to get back the RAM that the check took.

## Does it fit?

`make check` also estimates whether a config fits the board's heap. An ESP8266 has 38 KB for
everything:

| | as files | from a [ROMFS](deploy.md#romfs) |
|---|---|---|
| a contact and an analog sensor | 37.5 KB; 38.5 KB over outages | 25 KB |
| battery, SCD4x and ADS1115, the largest drivers | too much | 31 KB |
| BME280, NTC and a rain gauge | too much | 32 KB |
| either three, one of them `must_deliver` | too much | 34 KB |
| only the asyncio client, in a program of yours | 27 KB | 17 KB |

These figures were measured on MicroPython's 32-bit unix port (`test_ram.py`,
[bench.md](bench.md)), not on an ESP8266. As files, `must_deliver` takes 7 KB more, a BME280 5 KB.
The warning says which sensors to leave out, and what the config needs with Petrel in a ROMFS or
built into the firmware:

    warning sensors: about 41.2 KB of heap is needed, and ESP8266_GENERIC has 38.0 KB. It will
    probably run out of memory. Leave out rain, or build Petrel into the firmware (`make firmware`)
    or a ROMFS, where it needs 26.1 KB to 30.6 KB.

The estimate comes from the 32-bit unix port (`make heap`), not from a board, and is off by up to
1.5 KB. TLS is not in it. It is a warning and never keeps you from a deploy.

## When it doesn't start

A node that crashes restarts after 1 s, then after 2 s, and so on up to 5 minutes. After three
crashes in a row it starts in safe mode: without sensors, but it connects, says `why` in its
diagnostics, and takes commands. After ten minutes it tries again. Without a usable config it looks
for one every 5 minutes.

Press Ctrl-C for the REPL. A file named `maintenance` on the board keeps the node from starting for
as long as you need the REPL.
"""


def rules() -> dict[str, dict[str, tuple[bool, str]]]:
    """Section -> key -> whether it is required, and what its value has to be; from the node."""
    done = subprocess.run(
        [str(MICROPYTHON["64"]), "-c", RULES],
        env={**os.environ, "MICROPYPATH": f"{LIB}:.frozen"},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, tuple[bool, str]]] = {}
    for section, key, required, wanted in json.loads(done.stdout):
        found.setdefault(section, {})[key] = (required, wanted)
    return found


def page(asked: dict[str, dict[str, tuple[bool, str]]]) -> str:
    """The page; raises ToolError if a key is not described here, or does not exist any more."""
    for section in SECTIONS:
        if wrong := asked.get(section, {}).keys() ^ KEYS[section].keys():
            raise ToolError(
                f"tools/docs/config_page.py and the config's check differ: {', '.join(wrong)}",
                "describe each key in KEYS, and remove what the config no longer has",
            )
    example = (ROOT / "firmware" / "config.json").read_text().strip()
    text = HEAD.replace("{example}", example)
    for section, (heading, before) in SECTIONS.items():
        text += f"## {heading}\n\n"
        text += f"{before}\n\n" if before else ""
        text += "| key | value | default | |\n|---|---|---|---|\n"
        for key, (default, what) in KEYS[section].items():
            wanted = asked[section][key][1].replace("|", "\\|")
            text += f"| `{key}` | {wanted} | {default} | {what} |\n"
        text += "\n"
    return text + TAIL


def pages() -> dict[Path, str]:
    """The page, by its path."""
    return {PAGE: page(rules())}
