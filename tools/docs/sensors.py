"""docs/sensors: a page for each driver and a table of all; tools.docs.generated writes them.

What can be asked is asked: the drivers of their options and fields (in MicroPython), the 32-bit
interpreter of the RAM, mypy of the boards, board.json of pins. The rest is tools/wiring/parts.py.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.docs.ram import measure
from tools.lint.command import types_of
from tools.make.compile import compile_all, modules
from tools.make.drivers import check as whole
from tools.make.romfs import romfs
from tools.shared import boards, imports
from tools.shared.errors import ToolError
from tools.shared.imports import drivers
from tools.shared.paths import BUILD, LIB, ROOT
from tools.wiring.drivers import VALUES, config_for, facts, pins_for
from tools.wiring.parts import PARTS

FOLDER = ROOT / "docs" / "sensors"
PORTS = {"esp32": "ESP32", "esp8266": "ESP8266", "stm32": "Pyboard", "rp2": "Pico W"}
# Modules of MicroPython that a driver needs and the port's stock firmware lacks.
NOT_FROZEN = {"stm32": ("ds18x20", "neopixel")}
NEEDS = {"ds18b20": "ds18x20", "pixels": "neopixel"}
SHOWN_BOARDS = ("ESP32_GENERIC", "ESP8266_GENERIC", "PYBV11", "RPI_PICO_W")
BARE_CHIP = (
    "NodeMCU and D1 mini have a divider in front of A0, so A0 takes 3.2 V: set "
    '`"reference": 3.2`. The 320 kilohms of the divider are parallel to your own resistor between '
    "A0 and GND. A bare ESP8266 takes 1.0 V at its ADC, and more may destroy it: supply the part "
    "with 1.0 V, or divide its output, and leave `reference` out."
)

# A docstring's line on an argument, or on several.
_NAMED = re.compile(r"([a-z_]\w*(?:, [a-z_]\w*)*): (.*)", re.DOTALL)
_PULL = 'the chip\'s pull resistor: "up" for a contact to GND, "down" for one to 3V3'
_ENDLESS = 1e9  # a limit that stands for none
_KEPT = {
    None: "",
    True: " A state: published at the start and after each reconnect, and retained.",
    False: " An event: never retained.",
}
_RAM = """
def used():
    gc.collect()
    gc.collect()
    return gc.mem_alloc()
def load():
    driver = __import__("sensors." + sys.argv[1], None, None, ("DRIVER",))
    driver.options = driver.demands = None
import sensors
micropython.qstr_info()
load()
micropython.qstr_info()
paths = 0
for name in list(sys.modules):
    if name.startswith("sensors"):
        paths += len(getattr(sys.modules[name], "__file__", "")) + 1
        del sys.modules[name]
print(paths)
import sensors
before = used()
load()
print(used() - before)
"""


def ram(driver: str, image: Path | None = None) -> int:
    """Bytes of the heap that its code takes, with what it imports; from a ROMFS if `image`.

    What the code takes is seen when it is imported a second time. The first time MicroPython also
    makes room for names and modules, in steps so large that they would hide the rest; of those
    only the new names count, with the bytes that they fill. A ROMFS has their texts, except for
    the paths of the files.
    """
    (paths, code), names = measure(_RAM, driver, BUILD / "sensors-ram", image)
    return code + names + (paths if image else 0)


def types() -> dict[str, set[str]]:
    """For each port the drivers that do not fit its stubs."""
    wrong: dict[str, set[str]] = {}
    for port in PORTS:
        command, environment = types_of(port)
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        wrong[port] = set(re.findall(r"lib/sensors/(\w+)\.py:\d+: error", done.stdout))
    return wrong


def support(driver: str, port: str, wrong: dict[str, set[str]]) -> str:
    """A cell of the table driver x board."""
    if driver in wrong[port]:
        return "no"
    if port == "stm32" and facts(driver)["uses"] == "pwm":
        return "if MicroPython has `machine.PWM` (1.26 doesn't)"
    needed = NEEDS.get(driver)
    if needed in NOT_FROZEN.get(port, ()):
        return f"with `mip install {needed}`"
    return "yes"


def page(driver: str, cost: tuple[int, int], wrong: dict[str, set[str]]) -> str:
    """The page of a driver."""
    part, said = PARTS[driver], facts(driver)
    tree = _tree(driver)
    source = (ast.get_docstring(tree) or "").partition("Source: ")[2]
    prose = [line for line in _paragraphs(next(_built_on(driver))) if not _NAMED.match(line)]
    about = [line for line in prose if not line.startswith("Raises ")]
    esp32 = boards.load("ESP32_GENERIC")
    entry = json.dumps(config_for(driver, esp32))
    lines = [f"# {part.title}", "", f'`"driver": "{driver}"`. {about[0]}', ""]
    if said["fields"]:
        named = [
            f"`{name}` ({unit})" if unit else f"`{name}`" for name, unit, *_ in said["fields"]
        ]
        several = ", each on its own topic: `.../<name>/<field>`" if len(named) > 1 else ""
        by_config = " The config's `unit` sets the unit." if "unit" in said["options"] else ""
        lines += [f"Publishes {', '.join(named)}{several}.{by_config}{_KEPT[said['state']]}", ""]
    if part.accuracy != "-":
        lines += [f"Accuracy: {part.accuracy}.", ""]
    lines += ["## Wiring", ""]
    lines += _wiring(driver)
    if part.notes:
        lines += ["", part.notes]
    if said["uses"] == "adc":
        lines += ["", BARE_CHIP]
    lines += ["", "## Config", "", f"On an ESP32: `{entry}`", ""]
    esp8266 = config_for(driver, boards.load("ESP8266_GENERIC"))
    if esp8266.keys() != config_for(driver, esp32).keys():
        lines += [f"On an ESP8266: `{json.dumps(esp8266)}`", ""]
    if said["options"]:
        known = meanings(driver)
        lines += ["| option | default | values | meaning |", "|---|---|---|---|"]
        for key, option in sorted(said["options"].items()):
            lines.append(f"| `{key}` | {' | '.join(_option(key, option))} | {known[key]} |")
        lines.append("")
    for each in about[1:]:
        lines += [each, ""]
    lines.pop()
    if driver in VALUES:
        order = f'{{"output": "{driver}", "value": {VALUES[driver]}}}'
        lines += ["", "## Commands", ""]
        lines += [f"Publish `{order}` to `.../cmd/set`. The node publishes the new state."]
    lines += ["", "## What goes wrong", "", "| what you see | what to do |", "|---|---|"]
    lines += [f"| {seen} | {do} |" for seen, do in part.troubles]
    lines += ["", "## Boards and RAM", ""]
    lines += ["| " + " | ".join(PORTS.values()) + " | RAM from files | RAM from a ROMFS |"]
    lines += ["|---|" + "---|" * (len(PORTS) + 1)]
    cells = [support(driver, port, wrong) for port in PORTS]
    lines += ["| " + " | ".join(cells) + f" | {cost[0]:,} bytes | {cost[1]:,} bytes |", ""]
    lines += [
        "RAM is what the driver and all that it imports take of the heap, in the 32-bit unix port."
    ]
    if source:
        lines += ["", f"Source: {' '.join(source.split())}"]
    return "\n".join(lines) + "\n"


def meanings(driver: str) -> dict[str, str]:
    """What the docstrings of a driver, and of what it is built on, say of each option.

    Raises ToolError if they leave one out.
    """
    found = {"pull": _PULL}
    for node in _built_on(driver):
        for line in _paragraphs(node):
            named = _NAMED.match(line)
            if named and not named[2].startswith("see sensors."):
                for key in named[1].split(", "):
                    found.setdefault(key, named[2])
    if missing := facts(driver)["options"].keys() - found:
        raise ToolError(
            f"lib/sensors/{driver}.py doesn't explain {', '.join(sorted(missing))}",
            "add a line such as `scale: the factor` to the docstring of its class",
        )
    return found


def _built_on(module: str) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """The class of a driver, and after it those that it is made from; last what filters do."""
    tree = _tree(module)
    own = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    made = list(own.values())[-1]  # before it stands what it uses
    yield made
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sensors."):
            names = {alias.name for alias in node.names}
            if names & {ast.unparse(base) for base in made.bases}:
                yield from _built_on(str(node.module).partition(".")[2])
    if made.name == "Channel":
        filters = _tree("shared.filters")
        yield next(node for node in filters.body if isinstance(node, ast.FunctionDef))


def _tree(module: str) -> ast.Module:
    return ast.parse(imports.modules()[f"sensors.{module}"].read_text())


def _paragraphs(node: ast.ClassDef | ast.FunctionDef) -> Iterator[str]:
    """A docstring as lines: one for each paragraph, and for each name that is explained."""
    said = ""
    for line in [*(ast.get_docstring(node) or "").splitlines(), ""]:
        if said and (not line or _NAMED.match(line)):
            yield said
            said = ""
        said = f"{said} {line.strip()}".strip()


def _wiring(driver: str) -> list[str]:
    shown = [boards.load(name) for name in SHOWN_BOARDS]
    lines = ["| part | " + " | ".join(board.id for board in shown) + " |"]
    lines += ["|---|" + "---|" * len(shown)]
    chosen = [pins_for(board, driver) for board in shown]
    for pin, where in PARTS[driver].wires:
        cells = [str(pins.get(where, where)) for pins in chosen]
        if facts(driver)["uses"] == "adc" and where == "pin":
            cells[SHOWN_BOARDS.index("ESP8266_GENERIC")] = "A0 of a NodeMCU, D1 mini"
        lines.append(f"| {pin} | " + " | ".join(cells) + " |")
    return lines


def _option(key: str, option: list[Any]) -> tuple[str, str]:
    """The default of an option, and what it can be."""
    default = _number(option[0]) if isinstance(option[0], float) else json.dumps(option[0])
    if option[0] == "...":
        return "required", ""
    if key == "address":
        low, high = (f'"0x{each:02x}"' for each in sorted(option[1:]))
        return f'"0x{option[0]:02x}"', low if low == high else f"{low} to {high}"
    if len(option) == 3:
        if abs(option[0] or 0) == _ENDLESS:
            default = "none"
        if option[2] == _ENDLESS:
            low = _number(option[1])
            return default, "any number" if option[1] == -_ENDLESS else f"{low} or more"
        return default, f"{_number(option[1])} to {_number(option[2])}"
    if len(option) == 2:
        return default, ", ".join(json.dumps(each) for each in option[1])
    return default, "text"


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:g}"


def table(costs: dict[str, tuple[int, int]], wrong: dict[str, set[str]]) -> str:
    """docs/sensors/README.md."""
    lines = [
        "# Sensors and outputs",
        "",
        'The config names the driver of each sensor: `"driver": "bme280"`. Each page has the',
        "wiring, the options, and what can go wrong. If your part isn't here, see [how to write a",
        "driver](../drivers.md).",
        "",
        "A driver counts as working on a board if mypy accepts it with the type stubs of that",
        "port, and if the stock firmware has the modules it needs. RAM is the bytes that the",
        "driver and what it imports take of a 32-bit heap, from .mpy files and from a ROMFS.",
        "Drivers of one kind share most of it. `make reference` writes these pages; don't edit",
        "them by hand.",
        "",
        "| driver | part | " + " | ".join(PORTS.values()) + " | RAM | with ROMFS |",
        "|---|" + "---|" * (len(PORTS) + 3),
    ]
    for driver in drivers():
        cells = " | ".join(support(driver, port, wrong) for port in PORTS)
        files, rom = costs[driver]
        lines.append(
            f"| [{driver}]({driver}.md) | {PARTS[driver].title} | {cells} | {files:,} | {rom:,} |"
        )
    return "\n".join(lines) + "\n"


def measured() -> dict[str, tuple[int, int]]:
    """RAM of each driver, from files and from a ROMFS."""
    folder = BUILD / "sensors-ram"
    compile_all(modules(LIB / "sensors", "sensors/"), folder / "lib", 3)
    image = folder / "rom.img"
    romfs(folder / "lib", image)
    return {driver: (ram(driver), ram(driver, image)) for driver in drivers()}


def pages() -> dict[Path, str]:
    """Every page, by its path; raises ToolError for a driver of which nothing more is known."""
    whole()
    if missing := [driver for driver in drivers() if driver not in PARTS]:
        raise ToolError(
            f"tools/wiring/parts.py has no part for {', '.join(missing)}",
            "add one, with its wires, its accuracy and what can go wrong",
        )
    costs, wrong = measured(), types()
    found = {FOLDER / f"{driver}.md": page(driver, costs[driver], wrong) for driver in drivers()}
    return {FOLDER / "README.md": table(costs, wrong), **found}
