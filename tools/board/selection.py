"""Which files of a build go onto a board: all where they fit, else those that it needs.

A node needs what boot.py and main.py import, without what its board cannot use and what its
config does not ask for, and the drivers that the config names. Where even that does not fit, what
changes the config from afar stays away, and then the check of the config, a sixth of all:
`make check`, `make deploy` and `make usb` run the same code.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from tools.board.targets import CONFIG, RECORD, drivers_of, keys_of, record_size
from tools.make import storage
from tools.make.package import EXAMPLE, PLAIN, STAGE
from tools.shared.boards import Board
from tools.shared.errors import ToolError
from tools.shared.imports import drivers, imported, needed
from tools.shared.paths import FIRMWARE, LIB

# Without a network a node announces itself to Home Assistant only if its config says so.
_HOME_ASSISTANT = frozenset(
    {f"node.homeassistant.{name}" for name in ("step", "birth", "compose", "expire")}
    | {"node.config.homeassistant"}
)
_LOG = frozenset(f"node.log.{name}" for name in ("begin", "keep", "lines", "order", "send"))
_RULES = ("compile", "engine", "parse", "sky", "tell")
_HOMIE = ("describe", "join", "mirror", "orders", "step")
# A node speaks MQTT 3.1.1 unless its config asks for version 5.
_VERSION_5 = frozenset(
    {"node.network.version_five", "mqtt.engine.v5", "mqtt.properties", "mqtt.engine.reasons"}
)
# Its client takes its options as they are: the check of the config has looked at them.
_OPTIONS = frozenset({"mqtt.engine.options", "mqtt.engine.checks"})
# Bytes for what the node writes by itself: the last good config and the next one, what waits over
# a restart, the totals of counters.
RESERVE = 8192
_CLOUD = (
    "node.network.azure_iot_hub",
    "node.network.device_twin",
    "node.network.shared_access",
    "node.network.amazon_shadow",
    "node.network.shadow_state",
    "node.network.provisioning_service",
    "node.config.connection_string",
    "node.config.cloud",
    "node.config.hosted_cloud",
    "node.network.which_cloud",
    "node.network.hosted_service",
)
# Modules, and the keys of which a config has one if it needs them.
_ASKED_BY = {
    "node.delivery": {"delivery"},
    "mqtt.durable": {"delivery"},
    "node.commands.signed": {"secret"},
    "node.start.watchdog": {"watchdog"},
    "node.config.sleep": {"sleep"},
    "node.sleep": {"sleep"},
    **{f"node.sleep.{each.stem}": {"sleep"} for each in (LIB / "node/sleep").glob("[a-z]*.py")},
    "node.sleep.wake": {"wake"},
    "node.sleep.outputs": {"keep"},
    "node.config.wake": {"wake", "keep"},
    **{f"node.homie.{name}": {"convention"} for name in _HOMIE},
    **{f"node.rules.{name}": {"rules"} for name in _RULES},
    "node.config.rules": {"rules", "place"},
    "node.config.named": {"rules", "place", "formula"},
    **{name: {"formula"} for name in ("node.start.formulas", "node.config.formulas")},
    **{f"sensors.derived.{each}": {"formula"} for each in ("part", "parse", "air", "signs")},
    "node.config.making_rules": {"rules"},
    "node.config.serial": {"serial"},
    "node.network.wired": {"ethernet"},
    "node.network.over_websocket": {"websocket"},
    "mqtt.websocket": {"websocket"},
    **{name: {"version"} for name in _VERSION_5},
    **{f"sensors.filters.{name}": {"filters"} for name in ("chain", "effects", "steps")},
    "node.config.filters": {"filters"},
    **{f"node.led.{each.stem}": {"led"} for each in (LIB / "node/led").glob("*.py")},
    **{f"node.format.{each.stem}": {"format"} for each in (LIB / "node/format").glob("*.py")},
    "node.network.status_light": {"led"},
    "node.network.version_five": {"version", "cloud"},
    **{name: {"cloud"} for name in _CLOUD},
    "node.network.amazon_iot_core": {"ca", "verify"},
    # These may be long, or not in ASCII.
    "mqtt.engine.topic": {"base", "client_id", "user"},
}
EXAMPLE_TEXT = (FIRMWARE / "config.json").read_text()
# Bytes for files, of a board that can take updates: more than a Pyboard's drive.
_TWO_SLOTS = 262_144
# Of an update: a line of its list besides the path, an entry of its index, what is kept free.
_LINE, _ENTRY, _KEPT = 72, 64, 16_384
_CHECK = "node.config.verdict"  # with what it alone imports
# What changes and tells the config from afar. The node answers that it has no room for it.
_AFAR = frozenset(
    {"node.config.change", "node.config.record", "node.config.changed"}
    | {f"node.commands.{name}" for name in ("config", "large", "shown")}
)


@dataclass(frozen=True)
class Room:
    """What a target has room for.

    capacity, free: bytes for files when it is empty, and now; None where that is not known
    there: its files, path -> bytes; ours: those that an earlier deploy put there
    """

    system: storage.FileSystem
    capacity: int | None = None
    free: int | None = None
    there: Mapping[str, int] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()

    def grows(self, sizes: Mapping[str, int]) -> int:
        """Bytes that files take more than what they replace, and what is removed, gives back."""
        after = {name: at for name, at in self.there.items() if name not in self.ours - {*sizes}}
        for name, size in sizes.items():  # one that grows may be written before one that shrinks
            after[name] = max(size, after.get(name, 0))
        return self.system.taken(after) - self.system.taken(self.there)

    def left(self, sizes: Mapping[str, int]) -> int | None:
        """Bytes that stay free; below 0 if there is no room; None where nothing is known."""
        found = []
        if self.capacity is not None:
            found.append(self.capacity - self.system.taken(sizes))
        if self.free is not None:
            found.append(self.free - self.grows(sizes))
        return min(found, default=None)

    def spare(self, sizes: Mapping[str, int]) -> int | None:
        """Bytes that are free if it has nothing else; None where that is not known."""
        return None if self.capacity is None else self.capacity - self.system.taken(sizes)


@dataclass(frozen=True)
class Selection:
    """What goes onto a board: `names` of files of the build, and how many others it has.

    left: bytes that stay free, None where that is not known
    checks: the check of a config is among them
    """

    names: list[str]
    others: int = 0
    left: int | None = None
    checks: bool = True


def select(
    board: Board,
    sizes: Mapping[str, int],
    more: Mapping[str, int],
    named: Iterable[str],
    room: Room,
    keys: Collection[str] = (),
    update: int = 0,
) -> Selection:
    """Choose from a build, so that it fits.

    update: bytes that are to stay free for one, if they can
    sizes: the files of the build; more: those that come along, the config and what it names
    named: the drivers that are needed; keys: those of the config, empty where none is known
    Raises ToolError if not even what is needed fits.
    """
    everything = _all(sizes, more, room)
    left = room.left(everything)
    spare = room.spare(everything)
    # A board that has it all keeps it all, even one on which the node has filled the rest.
    if left is None or (
        left >= (RESERVE if room.grows(everything) > RESERVE else 0)
        and (spare is None or spare >= update)
    ):
        return Selection(list(sizes), left=left)
    has = room.capacity
    example = not {*more, *room.there} & {CONFIG}  # for a board that has no config yet
    for afar, checks in ((True, True), (False, True), (False, False)):
        names = part(board, sizes, named, keys, checks, afar)
        names = [name for name in names if example or name != EXAMPLE]
        wanted = _all({name: sizes[name] for name in names}, more, room)
        left = room.left(wanted)
        assert left is not None
        needs = room.system.taken(wanted)
        if left >= 0 and (has is None or needs + RESERVE <= has):
            return Selection(names, len(sizes) - len(names), left, checks)
    if has is not None and needs + RESERVE > has:
        raise ToolError(
            f"{board.id} has {has:,} bytes for files, in blocks of {room.system.block:,}; "
            f"{needs + RESERVE:,} are needed, including {RESERVE:,} for what the node writes",
            "Use fewer drivers in the config, or freeze Petrel into the firmware.",
        )
    raise ToolError(
        f"the board has {room.free:,} bytes free; {room.grows(wanted):,} more are needed, "
        f"in blocks of {room.system.block:,}",
        "Remove files from it. On a drive, empty the trash as well.",
    )


def update_takes(sizes: Mapping[str, int]) -> int:
    """Bytes that a node wants to have free for an update to this build, see node.update.check."""
    names = [name for name in sizes if name not in (*PLAIN, EXAMPLE)]
    return sum(sizes[name] + len(name) + _LINE + _ENTRY for name in names) + _KEPT


def _all(sizes: Mapping[str, int], more: Mapping[str, int], room: Room) -> dict[str, int]:
    """The files that come, with the record of a deploy."""
    return {**sizes, **more, RECORD: record_size({*sizes, *room.ours})}


def part(
    board: Board,
    built: Iterable[str],
    named: Iterable[str],
    keys: Collection[str] = (),
    checks: bool = True,
    afar: bool = True,
) -> list[str]:
    """The files that a node on that board needs with these drivers, of those that were built.

    keys: those of its config, empty where none is known; checks: with the check of configs
    afar: with what changes the config from afar
    """
    starts = {name for plain in PLAIN for name in imported(FIRMWARE / plain)}
    starts |= {f"sensors.{driver}" for driver in named}
    wanted = {*PLAIN, "board.txt"} | (set() if keys else {EXAMPLE})
    wanted |= {"lib/board.mpy"} if checks else set()  # its facts are for the check alone
    wanted |= {STAGE} if _slots(board) else set()
    without = cannot_use(board, keys) | not_asked_for(board, keys)
    without |= set() if checks else {_CHECK}
    if afar and checks:
        without -= {"node.homeassistant.step"}  # which sends the config, too
    else:
        without |= _AFAR
    for name in needed(starts, without):
        path = f"lib/{name.replace('.', '/')}"
        wanted |= {f"{path}.mpy", f"{path}/__init__.mpy"}
    return [name for name in built if name in wanted]


def cannot_use(board: Board, keys: Collection[str] = ()) -> frozenset[str]:
    """The modules that a node on that board never comes to import, with a config of these keys."""
    wired = "ethernet" in keys and bool(board.petrel.get("ethernet"))
    offline = board.petrel["network"] == "none" and not wired
    without = {"mqtt.v5", "mqtt.auth", *_OPTIONS}
    if board.petrel["network"] != "wifi":
        folder = LIB / "node" / "provision"
        without |= {"node.network.several", "node.provision", "node.config.provision"}
        without |= {f"node.provision.{each.stem}" for each in folder.glob("*.py")}
    if offline:
        without |= set() if "version" in keys else _VERSION_5
        asks = {"version", "format", "sleep", "led"} & {*keys}
        without |= set() if asks else {"node.config.network"}
        without |= {
            "node.network.wifi",
            "node.network.which_interface",
            "node.network.over_websocket",
            "node.network.brokers",
            "node.network.amazon_iot_core",
            "node.config.hosts",
            "node.network.ntp",
            "mqtt.transport",
            "mqtt.engine.reach",
            *_CLOUD,
        }
    if board.petrel["tls"] == "none":
        without |= {"mqtt.tls", "node.config.certificates"}
    if not _slots(board):
        without |= {f"node.update.{each.stem}" for each in (LIB / "node/update").glob("*.py")}
        without.add("node.config.migrate")
    if board.facts["port"] != "esp8266":
        without.add("mqtt.engine.crc")  # binascii has it
    return frozenset(without)


def _slots(board: Board) -> bool:
    """Whether it has room for two slots, so that it can take updates."""
    has = storage.capacity(board)
    return has is None or has >= _TWO_SLOTS


def not_asked_for(board: Board, keys: Collection[str]) -> set[str]:
    """The modules that a config with these keys does not need."""
    if not keys:
        return set()
    without = {name for name, asking in _ASKED_BY.items() if asking.isdisjoint(keys)}
    if board.petrel["network"] == "none":
        without |= set() if "homeassistant" in keys else _HOME_ASSISTANT
        without |= set() if "log" in keys else _LOG
    if "serial" in keys or board.petrel["network"] != "none":
        without.add("node.network.console")
    return without


def example_drivers() -> tuple[str, ...]:
    """Those of the example config, for a board of whose config nothing is known."""
    return drivers_of(EXAMPLE_TEXT) or ()


def example_keys() -> frozenset[str]:
    """The same of its keys."""
    return keys_of(EXAMPLE_TEXT)


def asked(text: str) -> tuple[str, ...]:
    """The drivers that a person lists; raises ToolError, with what may have been meant."""
    listed = tuple(text.replace(",", " ").split())
    there = drivers()
    for name in listed:
        if name not in there:
            close = difflib.get_close_matches(name, there, 1)
            hint = f"did you mean {close[0]}? " if close else ""
            raise ToolError(f"there is no driver {name!r}", f"{hint}There are {', '.join(there)}")
    return listed
